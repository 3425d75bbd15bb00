/**
 * Version tables: every table that looks like Alembic's, of every chain in the database, with its rows where readable.
 */

import type { VersionTable } from '../../model/live.ts';
import { compareText, keyOf, quoteIdentifier, quoteLiteral } from '../../model/name.ts';
import { SqlError } from '../sql-error.ts';
import { belongsToNoExtension, type CatalogReading, countsNamespace, readRows } from './reading.ts';

export interface VersionTableQuestion {
  /** As the project names it. */
  name: string;
  /** Null: the search_path decides. */
  namespace: string | null;
}

/** Tables that one query reads: each takes a lock, and a database may have thousands. */
const tablesAPortion = 200;

/**
 * The OID that the project's own version table resolves to on this session, null where there is none. To be asked before
 * the search_path is changed.
 */
export async function resolveVersionTable(
  reading: CatalogReading,
  question: VersionTableQuestion,
): Promise<number | null> {
  const name = quoteIdentifier(question.name);
  const text = question.namespace === null ? name : `${quoteIdentifier(question.namespace)}.${name}`;
  try {
    const [row] = (await reading.connection.queryArrays(
      `savepoint resolving; select to_regclass(${quoteLiteral(text)})::oid`,
    )) as [number | null][];
    return row?.[0] ?? null;
  } catch (error) {
    // No USAGE on the namespace.
    if (!(error instanceof SqlError)) throw error;
    await reading.connection.query('rollback to savepoint resolving');
    return null;
  }
}

/**
 * A table with a column `version_num` that is its only one, or whose name is the project's own or begins like Alembic's.
 */
export async function readVersionTables(
  reading: CatalogReading,
  question: VersionTableQuestion,
  resolved: number | null,
): Promise<{ tables: VersionTable[]; oids: Set<number> }> {
  const rows = await readRows<[number, string, string, string, number, boolean, boolean, boolean]>(
    reading,
    `select c.oid, n.nspname, c.relname, pg_get_userbyid(c.relowner),
            case when a.atttypid = 'varchar'::regtype and a.atttypmod > 0 then a.atttypmod - 4 end,
            exists (select from pg_constraint o where o.conrelid = c.oid and o.contype = 'p'),
            has_column_privilege(c.oid, a.attnum, 'select') and has_schema_privilege(n.oid, 'usage'),
            not exists (select from pg_attribute o where o.attrelid = c.oid and o.attnum > 0 and not o.attisdropped
                           and o.attnum <> a.attnum)
       from pg_attribute a
       join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
       join pg_namespace n on n.oid = c.relnamespace
      where a.attname = 'version_num' and a.attnum > 0 and not a.attisdropped
        and a.atttypid in ('varchar'::regtype, 'text'::regtype, 'bpchar'::regtype)
        and ${countsNamespace} and ${belongsToNoExtension('pg_class', 'c.oid')}
      order by n.nspname, c.relname`,
  );
  const found = rows
    .map(([oid, namespace, name, owner, width, hasPrimaryKey, isReadable, isAlone]) => ({
      oid,
      isReadable,
      isAlone,
      table: {
        key: keyOf(namespace, name),
        namespace,
        name,
        owner,
        width,
        hasPrimaryKey,
        rows: null,
        isResolved: oid === resolved,
      } as VersionTable,
    }))
    .filter(
      ({ isAlone, table }) =>
        isAlone || table.isResolved || table.name === question.name || /^alembic_version/.test(table.name),
    );
  await readVersionRows(
    reading,
    found.filter(({ isReadable }) => isReadable).map(({ table }) => table),
  );
  return { tables: found.map(({ table }) => table), oids: new Set(found.map(({ oid }) => oid)) };
}

async function readVersionRows(reading: CatalogReading, tables: VersionTable[]): Promise<void> {
  const { connection } = reading;
  for (let from = 0; from < tables.length; from += tablesAPortion) {
    const portion = tables.slice(from, from + tablesAPortion);
    const selects = portion.map(
      ({ namespace, name }, place) =>
        `select ${place} as place, version_num::text from ${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`,
    );
    await connection.query('savepoint portion');
    const rows = (await connection.queryArrays(selects.join(' union all '))) as [number, string | null][];
    // Gives the locks back.
    await connection.query('rollback to savepoint portion');
    for (const table of portion) table.rows = [];
    for (const [place, version] of rows) portion[place]?.rows?.push(version ?? '');
    for (const table of portion) table.rows?.sort(compareText);
  }
}
