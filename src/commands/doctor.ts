/**
 * `chain doctor`: everything that is wrong, in one run. Writes nothing.
 */
import { resolve } from 'node:path';
import { diagnose } from '../diagnose.ts';
import type { ExitCode } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { buildReport, loadBaseline, type ReportFormat, render } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export async function doctor(settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const baseline = settings.baseline === null ? null : await loadBaseline(resolve(settings.project, settings.baseline));
  const diagnosis = await diagnose(settings, { signal: terminal.signal, progress: (text) => terminal.progress(text) });
  const { failOn, strict, color, verbose } = settings;
  const report = buildReport(diagnosis, { version: packageVersion(), verdict: { failOn, strict }, baseline });
  const options = { color, verbose, width: terminal.width, rules: diagnosis.rules };
  terminal.out(await render(report, settings.format as ReportFormat, options));
  if (diagnosis.databaseProblem !== null) {
    terminal.say(`chain: ${diagnosis.databaseProblem.message}`);
    if (diagnosis.databaseProblem.hint !== null) terminal.say(`  ${diagnosis.databaseProblem.hint}`);
  }
  return report.summary.exitCode as ExitCode;
}
