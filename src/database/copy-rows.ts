/**
 * Copies rows of a live database into a scratch copy of its schema, for a rehearsal: bounded, value by value as PostgreSQL's
 * text, without firing the copy's triggers. Its checks do run, hence without any powers. Foreign keys hold afterwards: a row whose parent was beyond the bound goes.
 */
import { sqlOfKey } from '../model/definition.ts';
import { compareText, keyInSql, keyOf, quoteIdentifier } from '../model/name.ts';
import type { Connection } from './connection.ts';
import { openLoader } from './scratch.ts';
import { SqlError } from './sql-error.ts';

export interface CopyBound {
  /** Rows taken of each table, in order of its primary key. */
  rowsPerTable: number;
}

export interface CopyResult {
  /** By table key; `isComplete` false: there were more. */
  copied: Map<string, { rows: number; isComplete: boolean }>;
  /** Tables that could not be read or written, with PostgreSQL's message. */
  failures: { table: string; message: string }[];
  /** Rows taken out again because their parents are beyond the bound. */
  orphansRemoved: number;
}

const rowsAPortion = 500;

interface ColumnShape {
  name: string;
  type: string;
}

/** `tables` are keys that exist on both sides; those that do not are skipped. Throws only when a connection is lost. */
export async function copyRows(
  from: Connection,
  to: Connection,
  tables: readonly string[],
  bound: CopyBound,
): Promise<CopyResult> {
  const result: CopyResult = { copied: new Map(), failures: [], orphansRemoved: 0 };
  const loader = await openLoader(to);
  // Without one parents go first and triggers do fire.
  const writer = loader ?? to;
  try {
    const shapes = await readShapes(writer, tables);
    await from.transaction(
      async () => {
        // Every name of the project's own is qualified; of others none is to be called in the place of PostgreSQL's.
        await from.query('set local search_path = pg_catalog');
        const there = await readShapes(from, tables);
        for (const [table, columns] of shapes) {
          const shared = columns.filter(({ name }) => there.get(table)?.some((column) => column.name === name));
          if (!there.has(table)) continue;
          await copyTable(from, writer, table, shared, bound, result);
        }
      },
      { isolation: 'repeatable read', readOnly: true },
    );
    const isBounded = [...result.copied.values()].some(({ isComplete }) => !isComplete) || result.failures.length > 0;
    if (loader && isBounded) result.orphansRemoved = await removeOrphans(loader);
    await copySequences(from, writer);
    return result;
  } finally {
    await loader?.close();
  }
}

/** Writable columns of `tables`, parents before children. */
async function readShapes(connection: Connection, tables: readonly string[]): Promise<Map<string, ColumnShape[]>> {
  const { rows } = await connection.query<{
    oid: number;
    key: string;
    columns: string[];
    types: string[];
    parents: number[];
  }>(
    `select c.oid, ${keyInSql('n.nspname', 'c.relname')} as key,
            array(select a.attname from pg_attribute a
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum) as columns,
            array(select case when t.typtype = 'd' or n2.nspname <> 'pg_catalog'
                              then quote_ident(n2.nspname) || '.' || quote_ident(t.typname) else format_type(a.atttypid, a.atttypmod) end
                    from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_namespace n2 on n2.oid = t.typnamespace
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum) as types,
            array(select o.confrelid from pg_constraint o where o.conrelid = c.oid and o.contype = 'f') as parents
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and not c.relispartition and ${keyInSql('n.nspname', 'c.relname')} = any($1::text[])`,
    [tables],
  );
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  const ordered = new Map<string, ColumnShape[]>();
  const visiting = new Set<number>();
  const visit = (row: (typeof rows)[number]): void => {
    if (visiting.has(row.oid)) return;
    visiting.add(row.oid);
    for (const parent of row.parents) {
      const found = byOid.get(parent);
      if (found) visit(found);
    }
    ordered.set(
      row.key,
      row.columns.map((name, place) => ({ name, type: row.types[place] as string })),
    );
  };
  for (const row of rows.sort((a, b) => compareText(a.key, b.key))) visit(row);
  return ordered;
}

async function copyTable(
  from: Connection,
  to: Connection,
  table: string,
  columns: ColumnShape[],
  bound: CopyBound,
  result: CopyResult,
): Promise<void> {
  const names = columns.map(({ name }) => quoteIdentifier(name));
  try {
    await from.query('savepoint copying');
    const key = await from.query<{ columns: string[] }>(
      `select array(select a.attname from unnest(i.indkey) with ordinality k(number, place)
                      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number order by k.place) as columns
         from pg_index i where i.indisprimary and i.indrelid = $1::text::regclass::oid`,
      [sqlOfKey(table)],
    );
    // Qualified, or the text beside it would be what is ordered by.
    const order = key.rows[0]?.columns.map((column) => `source.${quoteIdentifier(column)}`).join(', ');
    const rows = (await from.queryArrays(
      `select ${columns.length === 0 ? '' : names.map((name) => `${name}::text`).join(', ')} from ${sqlOfKey(table)} as source` +
        `${order ? ` order by ${order}` : ''} limit ${Math.floor(bound.rowsPerTable) + 1}`,
    )) as (string | null)[][];
    await from.query('rollback to savepoint copying');
    const isComplete = rows.length <= bound.rowsPerTable;
    const taken = rows.slice(0, bound.rowsPerTable);
    await to.transaction(async () => {
      for (let start = 0; start < taken.length && columns.length > 0; start += rowsAPortion) {
        const portion = taken.slice(start, start + rowsAPortion);
        const values = columns.map((_, place) => portion.map((row) => row[place] ?? null));
        await to.query(
          `insert into ${sqlOfKey(table)} (${names.join(', ')}) overriding system value
           select ${columns.map(({ type }, place) => `c${place}::${type}`).join(', ')}
             from unnest(${columns.map((_, place) => `$${place + 1}::text[]`).join(', ')}) as v(${columns.map((_, place) => `c${place}`).join(', ')})`,
          values,
        );
      }
    });
    result.copied.set(table, { rows: taken.length, isComplete });
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    await from.query('rollback to savepoint copying').catch(() => {});
    result.failures.push({ table, message: error.serverMessage });
  }
}

/** Takes out rows whose parents are absent, until none is left. Keys that were never validated keep their orphans. */
async function removeOrphans(connection: Connection): Promise<number> {
  const { rows } = await connection.query<{ child: string; parent: string; own: string[]; theirs: string[] }>(
    `select o.conrelid::regclass::text as child, o.confrelid::regclass::text as parent,
            array(select quote_ident(a.attname) from unnest(o.conkey) with ordinality k(number, place)
                    join pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.number order by k.place) as own,
            array(select quote_ident(a.attname) from unnest(o.confkey) with ordinality k(number, place)
                    join pg_attribute a on a.attrelid = o.confrelid and a.attnum = k.number order by k.place) as theirs
       from pg_constraint o where o.contype = 'f' and o.convalidated and o.conparentid = 0`,
  );
  let removed = 0;
  for (let isChanging = true; isChanging; ) {
    isChanging = false;
    for (const { child, parent, own, theirs } of rows) {
      const { rowCount } = await connection.query(
        `delete from ${child} as child where ${own.map((column) => `child.${column} is not null`).join(' and ')}
            and not exists (select from ${parent} as parent where ${own.map((column, place) => `child.${column} = parent.${theirs[place]}`).join(' and ')})`,
      );
      removed += rowCount;
      if (rowCount > 0) isChanging = true;
    }
  }
  return removed;
}

/** Where every readable sequence stands. */
async function copySequences(from: Connection, to: Connection): Promise<void> {
  const positions = `select schemaname::text as namespace, sequencename::text as name, last_value::text as position from pg_sequences`;
  const there = await from.query<{ namespace: string; name: string; position: string | null }>(positions);
  const here = new Set(
    (await to.query<{ namespace: string; name: string }>(positions)).rows.map((row) => keyOf(row.namespace, row.name)),
  );
  const moved = there.rows.filter((row) => row.position !== null && here.has(keyOf(row.namespace, row.name)));
  if (moved.length === 0) return;
  await to.query(
    `select count(setval(name::regclass, position::bigint)) from unnest($1::text[], $2::text[]) as v(name, position)`,
    [moved.map((row) => sqlOfKey(keyOf(row.namespace, row.name))), moved.map((row) => row.position)],
  );
}
