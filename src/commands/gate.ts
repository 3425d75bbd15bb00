/**
 * `chain gate`: the verdict before a deploy. The files alone unless a database is given; never the ini's URL.
 */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { diagnose } from '../diagnose.ts';
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import { lockFileOf, writeLock } from '../model/chain-lock.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import { packageVersion } from '../package.ts';
import { refuseLedOut } from '../project-folder.ts';
import { buildReport, loadBaseline, type ReportFormat, render, writeBaseline } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export async function gate(
  settings: Settings,
  terminal: Terminal,
  own: { base?: string; writeBaseline?: string; writeLock?: boolean },
): Promise<ExitCode> {
  if (own.base?.trim() === '') throw new ChainError('usage', '--base was given without a ref.');
  const baseline = settings.baseline === null ? null : await loadBaseline(resolve(settings.project, settings.baseline));
  const diagnosis = await diagnose(settings, {
    occasion: 'gate',
    baseRef: own.base ?? null,
    signal: terminal.signal,
    progress: (text) => terminal.progress(text),
  });
  if (own.writeLock) terminal.say(await keepLock(settings, diagnosis));
  const { failOn, strict, color, verbose } = settings;
  const report = buildReport(diagnosis, { version: packageVersion(), verdict: { failOn, strict }, baseline });
  if (own.writeBaseline !== undefined) {
    await keep('baseline', settings, own.writeBaseline, writeBaseline(report));
    terminal.say(`Wrote ${report.findings.length} findings to ${own.writeBaseline}: they are accepted from now on.`);
    return exitCodes.ok;
  }
  if (own.writeLock) return exitCodes.ok;
  const options = { color, verbose, width: terminal.width, rules: diagnosis.rules, prefix: diagnosis.history.prefix };
  terminal.out(await render(report, settings.format as ReportFormat, options));
  return report.summary.exitCode as ExitCode;
}

/** Locks what can be read, and says what it takes back of an older lock. */
async function keepLock(settings: Settings, { graph, history, code }: Diagnosis): Promise<string> {
  const hashes = [...graph.revisions.keys()].flatMap((id) => {
    const hash = code?.get(id)?.hash;
    return hash ? [[id, hash] as const] : [];
  });
  const now = new Map(hashes);
  const before = history.lock?.hashById ?? new Map<string, never>();
  const changed = [...before].filter(([id, hash]) => {
    const own = now.get(id);
    return own !== undefined && (own.upgrade !== hash.upgrade || own.downgrade !== hash.downgrade);
  });
  const gone = [...before.keys()].filter((id) => !now.has(id));
  const left = graph.revisions.size - now.size + graph.unreadable.filter((file) => file.kind === 'unreadable').length;
  const file = lockFileOf(settings.section);
  await keep('lock', settings, file, writeLock(now));
  const told = [
    `Wrote ${now.size} ${now.size === 1 ? 'revision' : 'revisions'} to ${file}; commit it.`,
    changed.length > 0 ? `Accepted as edited: ${changed.map(([id]) => id).join(', ')}.` : '',
    gone.length > 0 ? `No longer there: ${gone.join(', ')}.` : '',
    left > 0 ? `Left out, as they could not be read for certain: ${left}.` : '',
  ];
  return told.filter((line) => line !== '').join(' ');
}

async function keep(what: string, { project }: Settings, file: string, text: string): Promise<void> {
  await refuseLedOut(project, file);
  try {
    await writeFile(resolve(project, file), text);
  } catch (cause) {
    throw new ChainError('cannot-write', `The ${what} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
