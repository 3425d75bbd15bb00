/**
 * `chain diff`: declared (at the stamp) against live.
 */
import { readDatabase } from '../diagnose.ts';
import { type ExitCode, exitCodes } from '../errors.ts';
import type { DatabaseDiagnosis } from '../model/diagnosis.ts';
import type { Difference } from '../model/drift.ts';
import { jsonText, oneLine } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export async function diff(settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const progress = (text: string) => terminal.progress(text);
  const database = withAllDifferences(await readDatabase(settings, { signal: terminal.signal, progress }));
  terminal.out(settings.format === 'json' ? json(database) : text(database));
  return database.drift.differences.length > 0 && settings.failOn !== 'never' ? exitCodes.findings : exitCodes.ok;
}

/** Here all that differs is shown, what a half-applied revision has done too. */
function withAllDifferences(database: DatabaseDiagnosis): DatabaseDiagnosis {
  const { drift } = database;
  const apart = [...(drift.ofHalfApplied?.values() ?? [])].flat();
  return { ...database, drift: { ...drift, differences: [...drift.differences, ...apart] } };
}

function json({ live, drift, comparedBy, isElaborated }: DatabaseDiagnosis): string {
  const differences = drift.differences.map(({ kind, direction, key, certainty, origin, aspects, liveName }) => ({
    kind,
    direction,
    key,
    certainty,
    ...(origin === null ? {} : { revision: origin.revision, file: origin.file, line: origin.line }),
    ...(liveName === undefined ? {} : { liveName }),
    aspects,
  }));
  const head = { version: 1, database: live.name, comparedAt: drift.comparedAt, comparedBy, elaborated: isElaborated };
  return jsonText({ ...head, differences });
}

function text({ live, drift }: DatabaseDiagnosis): string {
  const place = drift.comparedAt.length > 0 ? drift.comparedAt.map(oneLine).join(', ') : 'no revision';
  const title = `${oneLine(live.name)} against what the revisions declare at ${place}`;
  if (drift.differences.length === 0) return `${title}: no difference.\n`;
  return `${[`${title}:`, '', ...drift.differences.flatMap(lines)].join('\n')}\n`;
}

const signs: Record<Difference['direction'], string> = {
  missing: '-',
  unexpected: '+',
  altered: '~',
  renamed: '>',
  elsewhere: '@',
};

function lines(difference: Difference): string[] {
  const doubt = difference.certainty === 'suspected' ? ' (suspected)' : '';
  const where = difference.liveName === undefined ? '' : `: live as ${oneLine(difference.liveName)}`;
  const title = `${signs[difference.direction]} ${difference.direction} ${difference.kind} ${oneLine(difference.key)}${where}${doubt}`;
  const aspects = difference.aspects.map(
    ({ name, declared, live }) =>
      `    ${name}: declared ${oneLine(declared ?? 'none')}, live ${oneLine(live ?? 'none')}`,
  );
  return [title, ...aspects];
}
