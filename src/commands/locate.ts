/**
 * `chain locate`: which revision does this database look like? Ranked, with what differs at the best ones.
 */
import { readDatabase } from '../diagnose.ts';
import { type ExitCode, exitCodes } from '../errors.ts';
import type { DatabaseDiagnosis, LooksLike } from '../model/diagnosis.ts';
import { jsonText, oneLine } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export async function locate(settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const progress = (text: string) => terminal.progress(text);
  const database = await readDatabase(settings, { signal: terminal.signal, progress, places: shown });
  terminal.out(settings.format === 'json' ? json(database) : text(database));
  return exitCodes.ok;
}

const shown = 10;

/** How many of the ranked places explain the live schema as well as the first does. */
function countTied([first, ...others]: readonly LooksLike[]): number {
  return !isAlike(first) ? 0 : 1 + others.filter(({ score }) => score === first.score).length;
}

function json({ live, stamp, looksLike }: DatabaseDiagnosis): string {
  const places = looksLike.slice(0, shown).map(({ revisions, score, missing, unexpected, differences }) => ({
    revisions,
    score: Math.round(score * 10_000) / 10_000,
    missing,
    unexpected,
    differences: differences.map(({ kind, direction, key }) => ({ kind, direction, key })),
  }));
  const database = { name: live.name, stamp: { table: stamp.table?.key ?? null, rows: stamp.rows } };
  return jsonText({ version: 1, database, tied: countTied(looksLike), looksLike: places });
}

/** Another application's database looks like none, however equal the zeros are. */
const isAlike = (best: LooksLike | undefined): best is LooksLike =>
  best !== undefined && (best.score > 0 || best.differences.some(({ direction }) => direction === 'elsewhere'));

/** Several revisions: the heads of several branches at once; none: before the first. */
const nameOf = ({ revisions }: LooksLike): string =>
  revisions.length === 0 ? 'before the first revision' : revisions.map(oneLine).join(' + ');

function text({ live, stamp, looksLike }: DatabaseDiagnosis): string {
  const rows = stamp.rows.map((row) => (row.trim() === '' ? JSON.stringify(row) : oneLine(row)));
  const stamped =
    stamp.state === 'unreadable'
      ? `${oneLine(stamp.table?.key ?? 'its version table')} may not be read`
      : rows.length === 0
        ? 'not stamped'
        : `stamped ${rows.join(', ')}`;
  const lines = [`${oneLine(live.name)} (PostgreSQL ${live.serverVersion}), ${stamped}. It looks like:`, ''];
  if (!isAlike(looksLike[0])) return `${lines[0]}\n\nnothing that these revisions make.\n`;
  for (const place of looksLike.slice(0, shown)) {
    const percent = `${(place.score * 100).toFixed(1)} %`.padStart(7);
    lines.push(`${percent}  ${nameOf(place)}  (${place.missing} missing, ${place.unexpected} too much)`);
  }
  const tied = countTied(looksLike);
  if (tied > 1) {
    const which = tied <= shown ? `The first ${tied}` : `${tied} places, of which the first ${shown} stand here,`;
    lines.push('', `${which} fit equally well: the schema cannot tell them apart. The oldest stands first.`);
  }
  const first = looksLike[0];
  if (first && first.differences.length > 0) {
    lines.push('', `At ${nameOf(first)}:`);
    for (const difference of first.differences.slice(0, 40)) {
      lines.push(`  ${difference.direction} ${difference.kind} ${oneLine(difference.key)}`);
    }
    if (first.differences.length > 40) lines.push(`  … and ${first.differences.length - 40} more`);
  }
  return `${lines.join('\n')}\n`;
}
