/**
 * `chain gate`: the verdict before a deploy. The files alone unless a database is given; never the ini's URL.
 */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { diagnose } from '../diagnose.ts';
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import { buildReport, loadBaseline, type ReportFormat, render, writeBaseline } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';
import { packageVersion } from '../version.ts';

export async function gate(
  settings: Settings,
  terminal: Terminal,
  own: { base?: string; writeBaseline?: string },
): Promise<ExitCode> {
  const baseline = settings.baseline === null ? null : await loadBaseline(resolve(settings.project, settings.baseline));
  const diagnosis = await diagnose(settings, {
    occasion: 'gate',
    baseRef: own.base ?? null,
    signal: terminal.signal,
    progress: (text) => terminal.progress(text),
  });
  const { failOn, strict, color, verbose } = settings;
  const report = buildReport(diagnosis, { version: packageVersion(), verdict: { failOn, strict }, baseline });
  if (own.writeBaseline !== undefined) {
    await keepBaseline(resolve(settings.project, own.writeBaseline), writeBaseline(report));
    terminal.say(`Wrote ${report.findings.length} findings to ${own.writeBaseline}: they are accepted from now on.`);
    return exitCodes.ok;
  }
  const options = { color, verbose, width: terminal.width, rules: diagnosis.rules };
  terminal.out(await render(report, settings.format as ReportFormat, options));
  return report.summary.exitCode as ExitCode;
}

async function keepBaseline(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new ChainError('cannot-write', `The baseline cannot be written: ${(cause as Error).message}`, { cause });
  }
}
