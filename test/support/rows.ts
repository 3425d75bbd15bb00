/**
 * All rows of a database, to show that none was lost or changed. Asks PostgreSQL alone; knows no project.
 */
import { type Connection, connect, type DatabaseTarget } from '../../src/database/index.ts';

/** `schema.table` → rows by primary key (or by all of the row, where there is none), each as its columns' text. */
export type Rows = Record<string, Record<string, Record<string, unknown>>>;

/** Every table but chain's own and version tables. */
export async function rowsOf(target: DatabaseTarget): Promise<Rows> {
  const connection = await connect(target, { readOnly: true });
  try {
    const tables = await connection.query<{ namespace: string; name: string; key: string[] | null }>(`
      select n.nspname as namespace, c.relname as name,
        (select array_agg(a.attname::text order by k.position) from pg_index i
          cross join unnest(i.indkey::int2[]) with ordinality k (number, position)
          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
          where i.indrelid = c.oid and i.indisprimary) as key
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'chain')
        and c.relname !~ '^alembic_version' order by 1, 2`);
    const rows: Rows = {};
    for (const table of tables.rows) rows[`${table.namespace}.${table.name}`] = await rowsOfTable(connection, table);
    return rows;
  } finally {
    await connection.close();
  }
}

async function rowsOfTable(connection: Connection, table: { namespace: string; name: string; key: string[] | null }) {
  const found = await connection.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(t) as row from "${table.namespace}"."${table.name}" t`,
  );
  const keyed = found.rows.map(({ row }) => {
    const key = table.key === null ? JSON.stringify(row) : table.key.map((column) => String(row[column])).join(' ');
    return [key, row] as const;
  });
  return Object.fromEntries(keyed.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Keys of rows that were there and are not: `schema.table key`. */
export function lostRows(before: Rows, after: Rows): string[] {
  return Object.entries(before).flatMap(([table, rows]) =>
    Object.keys(rows)
      .filter((key) => after[table]?.[key] === undefined)
      .map((key) => `${table} ${key}`),
  );
}
