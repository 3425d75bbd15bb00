/**
 * What a run did to each table, in numbers: rows inserted, updated and deleted as their images tell, and of the rows that
 * the seed states those that were as it wants them. Refuses to run anything of the seed.
 */
import { compareText, nameOfKey } from '../model/name.ts';
import type { SeedReading, SeedRow } from '../model/seed.ts';
import { inOrder } from '../model/seed-view.ts';
import { type RowImage, shapeOf, tableText, type WriteCounts } from './images.ts';
import type { SeedSession } from './session.ts';

export interface SeedTableSummary {
  /** `schema.table` */
  table: string;
  inserted: number;
  updated: number;
  /** Rows that the seed states and that were as it wants them. */
  unchanged: number;
  deleted: number;
}

export interface Written {
  images: readonly RowImage[];
  /** Tables that stood before and that the seed names or wrote. */
  tables: readonly string[];
  /** Tables that were not there before. */
  made: readonly string[];
  counts: ReadonlyMap<string, WriteCounts>;
  /** Tables without images: the counts are all that is known. */
  unkept: ReadonlySet<string>;
}

export async function summarise(
  session: SeedSession,
  reading: SeedReading,
  { images, tables, made, counts, unkept }: Written,
): Promise<SeedTableSummary[]> {
  const imagesByTable = new Map<string, RowImage[]>();
  for (const image of images) {
    const own = imagesByTable.get(image.table);
    if (own) own.push(image);
    else imagesByTable.set(image.table, [image]);
  }
  const stated = statedRows(reading, tables);
  const summary: SeedTableSummary[] = [];
  for (const table of tables) {
    const counted = counts.get(table);
    if (unkept.has(table) && counted) {
      const { inserted, updated, deleted } = counted;
      summary.push({ table, inserted, updated, deleted, unchanged: 0 });
      continue;
    }
    const own = imagesByTable.get(table) ?? [];
    const inserted = own.filter(({ before }) => before === null).length;
    const deleted = own.filter(({ after }) => after === null).length;
    const updated = own.length - inserted - deleted;
    const rows = stated.get(table) ?? [];
    // Without a list the values go to the table's columns in their order.
    const isPositional = own.length > 0 && rows.some(({ columns }) => columns === null);
    const all = isPositional ? ((await shapeOf(session, table))?.columns ?? []).map(({ name }) => name) : [];
    const likely = unwritten(rows, own, all);
    // What was not run, or was deleted again, is stated too.
    const most = likely > 0 ? (await rowsIn(session, table)) - inserted - updated : 0;
    summary.push({ table, inserted, updated, deleted, unchanged: Math.max(0, Math.min(likely, most)) });
  }
  for (const table of made)
    summary.push({ table, inserted: await rowsIn(session, table), updated: 0, unchanged: 0, deleted: 0 });
  return summary.sort((a, b) => compareText(a.table, b.table));
}

async function rowsIn(session: SeedSession, table: string): Promise<number> {
  const { rows } = await session.query<{ count: string }>(
    `SELECT pg_catalog.count(*)::text AS count FROM ${tableText(table)}`,
  );
  return Number(rows[0]?.count ?? 0);
}

interface StatedRow {
  columns: readonly string[] | null;
  /** Of ON CONFLICT. */
  target: readonly string[];
  row: SeedRow;
}

function statedRows(reading: SeedReading, tables: readonly string[]): Map<string, StatedRow[]> {
  const stated = new Map<string, StatedRow[]>();
  for (const { statement } of inOrder(reading)) {
    const { verb, table: name, rows, columns, onConflict } = statement;
    if (!name || !rows || (verb !== 'insert' && verb !== 'copy')) continue;
    const isMeant = (key: string) => {
      const { schema, name: table } = nameOfKey(key);
      return table === name.name && (name.schema === null || schema === name.schema);
    };
    const key = tables.find(isMeant);
    if (key === undefined) continue;
    const own = stated.get(key) ?? [];
    for (const row of rows) own.push({ columns, target: onConflict?.columns ?? [], row });
    stated.set(key, own);
  }
  return stated;
}

/** Stated rows that no image is of, told by the key or by what ON CONFLICT asks for; of rows without such literals, by number. */
function unwritten(stated: readonly StatedRow[], images: readonly RowImage[], all: readonly string[]): number {
  const written = images.filter(({ after }) => after !== null);
  const left = new Set(written);
  const byColumns = new Map<string, Map<string, RowImage>>();
  const imageOf = (names: readonly string[], values: readonly string[]): RowImage | undefined => {
    const list = JSON.stringify(names);
    let known = byColumns.get(list);
    if (!known) {
      known = new Map(written.map((image) => [textOf(names.map((name) => image.after?.[name] ?? null)), image]));
      byColumns.set(list, known);
    }
    return known.get(textOf(values));
  };
  const key = Object.keys(images[0]?.key ?? {});
  let untouched = 0;
  let untold = 0;
  for (const { columns, target, row } of stated) {
    const literals = [key, target].flatMap((names) => {
      const values = names.map((name) => literalOf(row, (columns ?? all).indexOf(name)));
      return names.length > 0 && values.every((value) => value !== null) ? [{ names, values }] : [];
    });
    if (literals.length === 0) {
      untold++;
      continue;
    }
    const image = literals.map(({ names, values }) => imageOf(names, values)).find((found) => found !== undefined);
    if (image) left.delete(image);
    else untouched++;
  }
  return untouched + Math.max(0, untold - left.size);
}

function literalOf(row: SeedRow, index: number): string | null {
  const value = row.values[index];
  return value?.kind === 'literal' ? value.value : null;
}

/** A key as PostgreSQL writes it: a uuid in small letters, a number without zeros before it. */
function textOf(values: readonly (string | null)[]): string {
  return JSON.stringify(values.map((value) => value?.toLowerCase().replace(/^0+(?=\d+$)/, '') ?? null));
}
