/**
 * `chain doctor`: everything that is wrong, in one run. Writes nothing.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { diagnose } from '../diagnose.ts';
import { ChainError, type ExitCode } from '../errors.ts';
import { type Baseline, buildReport, type ReportFormat, readBaseline, render } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';
import { packageVersion } from '../version.ts';

export async function doctor(settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const baseline = await baselineOf(settings);
  const diagnosis = await diagnose(settings, { signal: terminal.signal, progress: (text) => terminal.progress(text) });
  const report = buildReport(diagnosis, {
    version: packageVersion(),
    verdict: { failOn: settings.failOn, strict: settings.strict },
    baseline,
  });
  const { color, verbose } = settings;
  const options = { color, verbose, width: terminal.width, rules: diagnosis.rules };
  terminal.out(await render(report, settings.format as ReportFormat, options));
  if (diagnosis.databaseProblem !== null) {
    terminal.say(`chain: ${diagnosis.databaseProblem.message}`);
    if (diagnosis.databaseProblem.hint !== null) terminal.say(`  ${diagnosis.databaseProblem.hint}`);
  }
  return report.summary.exitCode as ExitCode;
}

async function baselineOf(settings: Settings): Promise<Baseline | null> {
  if (settings.baseline === null) return null;
  try {
    return readBaseline(await readFile(resolve(settings.project, settings.baseline), 'utf8'), settings.baseline);
  } catch (cause) {
    if (cause instanceof ChainError) throw cause;
    throw new ChainError(
      'bad-settings',
      `The baseline ${settings.baseline} cannot be read: ${(cause as Error).message}`,
      {
        hint: 'Write one with `chain gate --write-baseline FILE`.',
        cause,
      },
    );
  }
}
