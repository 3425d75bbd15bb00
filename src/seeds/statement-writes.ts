/**
 * Which statement of a seed wrote to which table, by PostgreSQL's own counters, and what in a row tells it from another.
 * Refuses to judge.
 */
import { nameOfKey } from '../model/name.ts';
import type { SeedReading, SeedStatement } from '../model/seed.ts';
import { filesOf, inOrder } from '../model/seed-view.ts';
import { type RowValues, type TableShape, type WriteCounts, writeCounts } from './images.ts';
import type { ScriptStatement } from './script.ts';
import type { SeedSession } from './session.ts';

export interface Written {
  act: ScriptStatement;
  /** What it wrote, by table; triggers and cascades with it. */
  counts: Map<string, WriteCounts>;
}

/** `onRan` is to be called after each statement, `writes` when all is over. */
export async function statementWrites(
  session: SeedSession,
): Promise<{ writes: () => Written[]; onRan: (act: ScriptStatement) => Promise<void> }> {
  // A run that begins again sends its statements again.
  const byPlace = new Map<string, Written>();
  let then = await writeCounts(session);
  return {
    writes: () => [...byPlace.values()],
    async onRan(act) {
      const now = await writeCounts(session);
      byPlace.set(`${act.fileName}:${act.from}`, { act, counts: difference(then, now) });
      then = now;
    },
  };
}

/** Whether a plain statement of the seed may write to a table that it does not name. */
export async function writesByTrigger(session: SeedSession, reading: SeedReading): Promise<boolean> {
  const names = new Set(inOrder(reading).flatMap(({ statement }) => statement.table?.name ?? []));
  const { rows } = await session.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
              WHERE (c.relname = ANY ($1) OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid))
                AND (c.relkind = 'v' OR c.relhasrules OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal))) AS found`,
    [[...names]],
  );
  return rows[0]?.found !== false;
}

function difference(then: ReadonlyMap<string, WriteCounts>, now: ReadonlyMap<string, WriteCounts>) {
  const found = new Map<string, WriteCounts>();
  for (const [table, counts] of now) {
    const before = then.get(table);
    const inserted = counts.inserted - (before?.inserted ?? 0);
    const updated = counts.updated - (before?.updated ?? 0);
    const deleted = counts.deleted - (before?.deleted ?? 0);
    if (inserted > 0 || updated > 0 || deleted > 0) found.set(table, { oid: counts.oid, inserted, updated, deleted });
  }
  return found;
}

export function timesOf(shape: TableShape | null): Set<string> {
  const columns = shape?.columns ?? [];
  return new Set(columns.filter(({ type }) => /^(?:timestamp|date|time)\b/.test(type)).map(({ name }) => name));
}

/** A row without its times and without its key, as text: what is left is what somebody wanted to state. */
export function contentOf(shape: TableShape | null): (row: RowValues) => string {
  const times = timesOf(shape);
  const key = new Set(shape && shape.key.length < shape.columns.length ? shape.key : []);
  return (row) => JSON.stringify(Object.entries(row).filter(([name]) => !times.has(name) && !key.has(name)));
}

export function statementsIn(act: ScriptStatement, reading: SeedReading): SeedStatement[] {
  const file = filesOf(reading).find((each) => each.file === act.fileName);
  const statements = file ? inTheirPlace(file) : [];
  let low = 0;
  for (let high = statements.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((statements[middle] as SeedStatement).span.from < act.from) low = middle + 1;
    else high = middle;
  }
  const found: SeedStatement[] = [];
  for (let at = low; at < statements.length && (statements[at] as SeedStatement).span.from <= act.to; at++)
    if ((statements[at] as SeedStatement).span.to <= act.to) found.push(statements[at] as SeedStatement);
  return found;
}

const sortedByFile = new WeakMap<SeedReading, SeedStatement[]>();

function inTheirPlace(file: SeedReading): SeedStatement[] {
  const known = sortedByFile.get(file);
  if (known) return known;
  const sorted = [...file.statements].sort((a, b) => a.span.from - b.span.from);
  sortedByFile.set(file, sorted);
  return sorted;
}

export function setsAnyOf({ sets, onConflict }: SeedStatement, columns: readonly string[]): boolean {
  const set = [...(sets ?? []).map(({ column }) => column), ...(onConflict?.setsColumns ?? [])];
  return columns.some((column) => set.includes(column));
}

/** The line of the statement, inside a block of the one that names the table. */
export function placeIn(act: ScriptStatement, reading: SeedReading, table: string, columns: readonly string[]) {
  const name = nameOfKey(table).name;
  const own = statementsIn(act, reading);
  const writers = own.filter((statement) => statement.table?.name === name && statement.verb !== 'select');
  const writing = writers.find((statement) => setsAnyOf(statement, columns)) ?? writers[0];
  const isPlain = own.some(({ verb }) => rowVerbs.has(verb)) && own.every(({ insideBlock }) => !insideBlock);
  const isByTrigger = writing === undefined && isPlain;
  return { file: act.fileName, line: writing?.line ?? act.file.lineAt(act.from), isByTrigger };
}

const rowVerbs: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'copy']);
