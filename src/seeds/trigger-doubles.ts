/**
 * Rows that a trigger writes and the seed writes too: the second of the two is refused for its key, or stands beside the
 * first. Told only where both were seen to be written in one run. Refuses to judge.
 */
import { keyOf, nameOfKey, quoteIdentifier } from '../model/name.ts';
import type { SeedDouble, SeedReading, SeedRerun } from '../model/seed.ts';
import { inOrder } from '../model/seed-view.ts';
import { type RowImage, type RowValues, shapeOf, tableText } from './images.ts';
import type { ScriptStatement } from './script.ts';
import type { SeedSession } from './session.ts';
import { contentOf, placeIn, statementsIn, type Written } from './statement-writes.ts';

/** Statements that wrote rows into a table: those whose triggers did, and those that name it. */
function writersOf(table: string, reading: SeedReading, writes: readonly Written[]) {
  const wrote = writes
    .filter(({ counts }) => (counts.get(table)?.inserted ?? 0) > 0)
    .map(({ act }) => ({ act, ...placeIn(act, reading, table, []) }));
  return { byTrigger: wrote.filter((one) => one.isByTrigger), bySeed: wrote.filter((one) => !one.isByTrigger) };
}

/** After a run that came to its end, by the rows that it left. */
export async function rowsDoubled(
  session: SeedSession,
  reading: SeedReading,
  images: readonly RowImage[],
  writes: readonly Written[],
): Promise<SeedDouble[]> {
  const found: SeedDouble[] = [];
  for (const table of new Set(images.map((image) => image.table))) {
    const { byTrigger, bySeed } = writersOf(table, reading, writes);
    const [trigger] = byTrigger;
    const [own] = bySeed;
    if (!trigger || !own) continue;
    const name = nameOfKey(table).name;
    const inserts = bySeed.flatMap(({ act }) =>
      statementsIn(act, reading).filter((one) => one.table?.name === name && one.verb === 'insert'),
    );
    // What a query or a block writes cannot be counted beforehand.
    if (inserts.length === 0 || inserts.some(({ rows, columns }) => rows === null || columns === null)) continue;
    const shape = await shapeOf(session, table);
    const content = contentOf(shape);
    const rowsByContent = new Map<string, RowValues[]>();
    for (const { before, after } of images.filter((image) => image.table === table)) {
      if (before !== null || after === null) continue;
      rowsByContent.set(content(after), [...(rowsByContent.get(content(after)) ?? []), after]);
    }
    for (const rows of rowsByContent.values()) {
      const stated = inserts.flatMap((insert) =>
        (insert.rows ?? []).filter((row) => rows.some((each) => states(row.values, insert.columns ?? [], each))),
      );
      if (stated.length === 0 || rows.length <= stated.length) continue;
      const { file, line } = own;
      const at = { byFile: trigger.file, byLine: trigger.line };
      found.push({
        table,
        file,
        line: stated[0]?.line ?? line,
        ...at,
        rows: rows.length - stated.length,
        isRefused: false,
      });
    }
  }
  return found;
}

/** Whether the row may be the one that the values state. */
function states(
  values: readonly { kind: string; value?: string | null }[],
  columns: readonly string[],
  row: RowValues,
): boolean {
  return values.every((value, i) => value.kind !== 'literal' || row[columns[i] as string] === value.value);
}

/** After a run that stopped on a key: trigger and seed both came to it in this run, and before it there was no such row. */
export async function rowRefused(
  session: SeedSession,
  reading: SeedReading,
  error: unknown,
  failure: NonNullable<SeedRerun['failure']>,
  writes: readonly Written[],
): Promise<SeedDouble[]> {
  const refusal = (error as { cause?: unknown }).cause as Record<string, string | null> | undefined;
  const key = /^Key \((.+)\)=\((.+)\) already exists/.exec(refusal?.detail ?? '');
  if (!key || refusal?.sqlState !== '23505' || !refusal.schema || !refusal.table) return [];
  const table = keyOf(refusal.schema, refusal.table);
  const { byTrigger, bySeed } = writersOf(table, reading, writes);
  // The trigger was first, or it came to a row of the seed's own.
  const isInTrigger = /PL\/pgSQL function (?!inline_code_block)/.test(refusal.where ?? '');
  const first = isInTrigger ? bySeed[0] : byTrigger[0];
  if (!first) return [];
  const names = (key[1] as string).split(', ').map((name) => name.replace(/^"(.*)"$/, '$1'));
  const values = (key[2] as string).split(', ');
  if (names.length !== values.length || names.some((name) => !/^\w+$/.test(name))) return [];
  if (!isStatedOnce(reading, refusal.table, names, values, bySeed)) return [];
  const condition = names.map((name, i) => `${quoteIdentifier(name)}::text = $${i + 1}`).join(' AND ');
  const { rows } = await session.query(`SELECT FROM ${tableText(table)} WHERE ${condition}`, values);
  if (rows.length > 0) return [];
  const [own, trigger] = isInTrigger ? [first, failure] : [failure, first];
  const at = { file: own.file, line: own.line, byFile: trigger.file, byLine: trigger.line };
  return [{ table, ...at, rows: 1, isRefused: true }];
}

/** The seed itself states the key in one row and no more, and nothing of it writes there what cannot be read. */
function isStatedOnce(
  reading: SeedReading,
  table: string,
  names: readonly string[],
  values: readonly string[],
  bySeed: readonly { act: ScriptStatement }[],
): boolean {
  const inserts = inOrder(reading)
    .map(({ statement }) => statement)
    .filter((one) => one.table?.name === table && one.verb !== 'select');
  const areRead = bySeed.every(({ act }) => statementsIn(act, reading).some((one) => inserts.includes(one)));
  let count = 0;
  for (const { verb, rows, columns } of inserts) {
    if (verb === 'ddl' || verb === 'update' || verb === 'delete') continue;
    if (rows === null) return false;
    for (const row of rows) {
      // Without a list of columns a value has no name here.
      const cells = columns === null ? null : names.map((name) => row.values[columns.indexOf(name)]);
      const texts = (cells ?? row.values).map((cell) => (cell?.kind === 'literal' ? cell.value : undefined));
      if (
        cells === null ? values.every((value) => texts.includes(value)) : texts.every((text, i) => text === values[i])
      )
        count++;
      else if (texts.includes(undefined)) return false;
    }
  }
  return areRead && count === 1;
}
