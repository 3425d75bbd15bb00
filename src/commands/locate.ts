/**
 * `chain locate`: which revision does this database look like? Ranked, with what differs at the best ones.
 */
import { readDatabase } from '../diagnose.ts';
import { type ExitCode, exitCodes } from '../errors.ts';
import type { DatabaseDiagnosis, LooksLike } from '../model/diagnosis.ts';
import { oneLine } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export async function locate(settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const progress = (text: string) => terminal.progress(text);
  const database = await readDatabase(settings, { signal: terminal.signal, progress });
  const best = database.looksLike.slice(0, 10);
  terminal.out(settings.format === 'json' ? json(database, best) : text(database, best));
  return exitCodes.ok;
}

function json({ live, stamp }: DatabaseDiagnosis, best: LooksLike[]): string {
  const looksLike = best.map(({ revisions, score, missing, unexpected, differences }) => ({
    revisions,
    score: Math.round(score * 10_000) / 10_000,
    missing,
    unexpected,
    differences: differences.map(({ kind, direction, key }) => ({ kind, direction, key })),
  }));
  const rows = { table: stamp.table?.key ?? null, rows: stamp.rows };
  return `${JSON.stringify({ version: 1, database: { name: live.name, stamp: rows }, looksLike }, null, 2)}\n`;
}

function text({ live, stamp }: DatabaseDiagnosis, best: LooksLike[]): string {
  const stamped = stamp.rows.length === 0 ? 'not stamped' : `stamped ${stamp.rows.map(oneLine).join(', ')}`;
  const lines = [`${oneLine(live.name)} (PostgreSQL ${live.serverVersion}), ${stamped}. It looks like:`, ''];
  for (const place of best) {
    const percent = `${(place.score * 100).toFixed(1)} %`.padStart(7);
    lines.push(
      `${percent}  ${place.revisions.map(oneLine).join(', ')}  (${place.missing} missing, ${place.unexpected} too much)`,
    );
  }
  if (best.length === 0) lines.push('nothing that these revisions make.');
  const first = best[0];
  if (first && first.differences.length > 0) {
    lines.push('', 'At the best one:');
    for (const difference of first.differences.slice(0, 40)) {
      lines.push(`  ${difference.direction} ${difference.kind} ${oneLine(difference.key)}`);
    }
    if (first.differences.length > 40) lines.push(`  … and ${first.differences.length - 40} more`);
  }
  return `${lines.join('\n')}\n`;
}
