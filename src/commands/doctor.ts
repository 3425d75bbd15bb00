/**
 * `chain doctor`: everything that is wrong, in one run. Writes nothing.
 */
import { resolve } from 'node:path';
import { diagnose, type Kept } from '../diagnose.ts';
import type { ExitCode } from '../errors.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Finding } from '../model/finding.ts';
import { mayHideOthers } from '../model/remedy.ts';
import { packageVersion } from '../package.ts';
import { buildReport, loadBaseline, type ReportFormat, render } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export async function doctor(settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const baseline = settings.baseline === null ? null : await loadBaseline(resolve(settings.project, settings.baseline));
  const progress = (text: string) => terminal.progress(text);
  const keep: Kept = {};
  let diagnosis: Diagnosis;
  try {
    diagnosis = await diagnose(settings, { signal: terminal.signal, progress, keep });
    if (diagnosis.findings.some(isHiding)) diagnosis = await lookBehind(diagnosis, settings, keep, terminal);
  } finally {
    await Promise.all([keep.connection?.close(), keep.scratch?.stop()]);
  }
  const { failOn, strict, color, verbose } = settings;
  const report = buildReport(diagnosis, { version: packageVersion(), verdict: { failOn, strict }, baseline });
  const options = { color, verbose, width: terminal.width, rules: diagnosis.rules, prefix: diagnosis.history.prefix };
  terminal.out(await render(report, settings.format as ReportFormat, options));
  if (diagnosis.databaseProblem !== null) {
    terminal.say(`chain: ${diagnosis.databaseProblem.message}`);
    if (diagnosis.databaseProblem.hint !== null) terminal.say(`  ${diagnosis.databaseProblem.hint}`);
  }
  return report.summary.exitCode as ExitCode;
}

function isHiding({ severity, remedy }: Finding): boolean {
  return severity === 'error' && mayHideOthers(remedy?.actions ?? []);
}

/** Where another look cannot be taken, the first one stands, and what it hides is not checked. */
async function lookBehind(
  diagnosis: Diagnosis,
  settings: Settings,
  { connection, scratch }: Kept,
  terminal: Terminal,
): Promise<Diagnosis> {
  terminal.progress('looking behind what hides other faults');
  const { signal } = terminal;
  const { withHidden } = await import('../repair/index.ts');
  try {
    const server = (await scratch?.server.catch(() => null)) ?? null;
    return await withHidden(diagnosis, { settings, scratch: server, live: connection ?? null, signal });
  } catch (error) {
    signal.throwIfAborted();
    const reason = `what it hides could not be looked for: ${error instanceof Error ? error.message : String(error)}`;
    const rules = [...new Set(diagnosis.findings.filter(isHiding).map(({ rule }) => rule))];
    return { ...diagnosis, notChecked: [...diagnosis.notChecked, ...rules.map((rule) => ({ rule, reason }))] };
  }
}
