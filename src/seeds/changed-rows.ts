/**
 * The rows that the transaction at hand has changed in a table, without a copy of it: new row versions are told by the
 * transaction that wrote them (xmin), old ones are read by a second session, which does not see the run yet. The cost is
 * two passes over the table and as much memory as rows changed. Refuses to know seeds.
 */
import { compareText } from '../model/name.ts';
import { type RowImage, type RowValues, rowText, shapeOf, type TableShape } from './images.ts';
import type { SeedSession } from './session.ts';

/** A session beside the run's own, that sees what is committed. */
export type Reader = Pick<SeedSession, 'query'>;

/** What no row version written before has: later transaction ids, and later multixact ids, begin here. */
export interface Marker {
  xid: string;
  multixacts: number;
}

/** To be followed by a savepoint: what is written in it has a transaction id of its own, past the marker. */
export async function markNow(session: SeedSession): Promise<Marker> {
  const { rows } = await session.query<{ xid: string; multixacts: number }>(
    `SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::xid::text AS xid, pg_catalog.mxid_age('1'::xid) AS multixacts`,
  );
  return rows[0] as Marker;
}

interface Version {
  part: string;
  place: string;
  writer: string;
  k: string;
  r: string;
}

const portion = 5_000;

/** Null: the table holds no rows of its own, or none did before. */
export async function changedRows(
  session: SeedSession,
  reader: Reader,
  table: string,
  marker: Marker,
): Promise<RowImage[] | null> {
  const shape = await shapeOf(session, table);
  if (!shape) return null;
  const versions = `SELECT t.tableoid::text AS part, t.ctid::text AS place, t.xmin::text AS writer,
      ${keyText(shape)}::text AS k, (${rowText(shape, 't')})::text AS r FROM ${shape.from} t`;
  const since = `pg_catalog.age('${marker.xid}'::xid)`;
  const { rows: written } = await session.query<Version>(`${versions} WHERE pg_catalog.age(t.xmin) <= ${since}`);
  // A row that only was locked has an xmax too, and transaction ids come round: whoever sees a version in the other
  // session as well knows that this run neither wrote nor removed it.
  const after = await withoutSeen(reader, shape.from, written);
  const { rows: superseded } = await reader.query<Version>(
    `${versions} WHERE pg_catalog.age(t.xmax) <= ${since}
        OR pg_catalog.mxid_age(t.xmax) BETWEEN 1 AND pg_catalog.mxid_age('1'::xid) - ${marker.multixacts}`,
  );
  const before = await withoutSeen(session, shape.from, superseded);
  return shape.key.length > 0 ? pairedByKey(table, before, after) : counted(table, before, after);
}

function keyText(shape: TableShape): string {
  return `(${shape.key.length > 0 ? rowText(shape, 't', shape.key) : rowText(shape, 't')})`;
}

async function withoutSeen(session: Reader, from: string, versions: readonly Version[]): Promise<Version[]> {
  const left: Version[] = [];
  for (let at = 0; at < versions.length; at += portion) {
    const some = versions.slice(at, at + portion);
    const { rows } = await session.query<Pick<Version, 'part' | 'place' | 'writer'>>(
      `SELECT t.tableoid::text AS part, t.ctid::text AS place, t.xmin::text AS writer FROM ${from} t WHERE t.ctid = ANY ($1::tid[])`,
      [some.map(({ place }) => place)],
    );
    const seen = new Set(rows.map(({ part, place, writer }) => `${part} ${place} ${writer}`));
    left.push(...some.filter(({ part, place, writer }) => !seen.has(`${part} ${place} ${writer}`)));
  }
  return left;
}

function pairedByKey(table: string, before: readonly Version[], after: readonly Version[]): RowImage[] {
  const rows = new Map<string, { before: string | null; after: string | null }>();
  for (const { k, r } of before) rows.set(k, { before: r, after: null });
  for (const { k, r } of after) rows.set(k, { before: rows.get(k)?.before ?? null, after: r });
  return inOrder([...rows].filter(([, row]) => row.before !== row.after)).map(([k, row]) => ({
    table,
    key: valuesOf(k) as RowValues,
    before: valuesOf(row.before),
    after: valuesOf(row.after),
  }));
}

/** Without a key the row is its own, and what counts is how many of its equals there are. */
function counted(table: string, before: readonly Version[], after: readonly Version[]): RowImage[] {
  const surplus = new Map<string, number>();
  for (const { r } of before) surplus.set(r, (surplus.get(r) ?? 0) - 1);
  for (const { r } of after) surplus.set(r, (surplus.get(r) ?? 0) + 1);
  return inOrder([...surplus]).flatMap(([r, count]) => {
    const values = valuesOf(r) as RowValues;
    const image: RowImage =
      count > 0
        ? { table, key: values, before: null, after: values }
        : { table, key: values, before: values, after: null };
    return Array.from({ length: Math.abs(count) }, () => image);
  });
}

function inOrder<Value>(entries: [string, Value][]): [string, Value][] {
  return entries.sort(([a], [b]) => compareText(a, b));
}

function valuesOf(text: string | null): RowValues | null {
  return text === null ? null : (JSON.parse(text) as RowValues);
}
