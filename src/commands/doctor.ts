/**
 * `chain doctor`: everything that is wrong, in one run. Writes nothing.
 */
import { resolve } from 'node:path';
import type { Connection } from '../database/index.ts';
import { diagnose } from '../diagnose.ts';
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
  const seen = await diagnose(settings, { signal: terminal.signal, progress });
  const diagnosis = seen.findings.some(isHiding) ? await lookBehind(seen, settings, terminal) : seen;
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
async function lookBehind(diagnosis: Diagnosis, settings: Settings, terminal: Terminal): Promise<Diagnosis> {
  terminal.progress('looking behind what hides other faults');
  const { withHidden } = await import('../repair/index.ts');
  let live: Connection | null = null;
  try {
    if (diagnosis.database !== null) live = await openAgain(settings, diagnosis, terminal);
    return await withHidden(diagnosis, { settings, scratch: null, live, signal: terminal.signal });
  } catch (error) {
    terminal.signal.throwIfAborted();
    const reason = `what it hides could not be looked for: ${error instanceof Error ? error.message : String(error)}`;
    const rules = [...new Set(diagnosis.findings.filter(isHiding).map(({ rule }) => rule))];
    return { ...diagnosis, notChecked: [...diagnosis.notChecked, ...rules.map((rule) => ({ rule, reason }))] };
  } finally {
    await live?.close();
  }
}

async function openAgain(settings: Settings, { facts }: Diagnosis, terminal: Terminal): Promise<Connection> {
  const { connect, parseDatabaseUrl } = await import('../database/index.ts');
  return connect(parseDatabaseUrl(settings.url?.text ?? facts.config.url ?? ''), {
    readOnly: true,
    timeouts: settings.timeouts,
    applicationName: 'chain doctor',
    signal: terminal.signal,
  });
}
