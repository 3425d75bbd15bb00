/**
 * Version tables: every table that looks like Alembic's, of every chain in the database, with its rows where readable; and
 * what the project's own name leads to, whatever it is.
 */

import type { VersionTable } from '../../model/live.ts';
import { compareText, keyOf, quoteIdentifier, quoteLiteral, truncateIdentifier } from '../../model/name.ts';
import { SqlError } from '../sql-error.ts';
import { belongsToNoExtension, type CatalogReading, countsNamespace, readResolved, readRows } from './reading.ts';

export interface VersionTableQuestion {
  /** As the project names it. */
  name: string;
  /** Null: the search_path decides. */
  namespace: string | null;
}

/** Tables that one query reads: each takes a lock, and a database may have thousands. */
const tablesAPortion = 200;

/**
 * The OID of what bears the name of the project's own version table, null where nothing does: in its schema, else in the
 * first of `searchPath` that has it. By the catalogue, which shows also what stands in a schema that the role may not use.
 */
export async function resolveVersionTable(
  reading: CatalogReading,
  question: VersionTableQuestion,
  searchPath: readonly string[],
): Promise<number | null> {
  const namespaces = question.namespace === null ? searchPath : [question.namespace];
  const [row] = await readResolved<[number]>(
    reading.connection,
    `select c.oid from unnest(array[${namespaces.map(quoteLiteral).join(', ')}]::text[]) with ordinality p (name, place)
       join pg_namespace n on n.nspname = p.name
       join pg_class c on c.relnamespace = n.oid and c.relname = ${quoteLiteral(truncateIdentifier(question.name))}
      order by p.place limit 1`,
  );
  return row?.[0] ?? null;
}

/** The schemas that `search_path` lists, those too that are not there or that the role may not use. */
export function parseSearchPath(setting: string, role: string): string[] {
  return [...setting.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)].map(([bare, quoted]) => {
    const name = quoted === undefined ? bare.toLowerCase() : quoted.replaceAll('""', '"');
    return name === '$user' ? role : name;
  });
}

interface Found {
  oid: number;
  kind: string;
  isReadable: boolean;
  isAlone: boolean;
  table: VersionTable;
}

/**
 * A table with a column `version_num` that is its only one, or whose name is the project's own or begins like Alembic's;
 * and the relation `resolved`, as Alembic takes whatever bears that name.
 */
export async function readVersionTables(
  reading: CatalogReading,
  question: VersionTableQuestion,
  resolved: number | null,
): Promise<{ tables: VersionTable[]; oids: Set<number> }> {
  const rows = await readRows<
    [number, string, string, string, string, string | null, number | null, boolean, boolean, boolean, boolean, boolean]
  >(
    reading,
    `select c.oid, c.relkind, n.nspname, c.relname, pg_get_userbyid(c.relowner),
            format_type(a.atttypid, a.atttypmod),
            case when a.atttypid = 'varchar'::regtype and a.atttypmod > 0 then a.atttypmod - 4 end,
            exists (select from pg_constraint o where o.conrelid = c.oid and o.contype = 'p'),
            has_schema_privilege(n.oid, 'usage') and case when a.attnum is null then has_table_privilege(c.oid, 'select')
                                                          else has_column_privilege(c.oid, a.attnum, 'select') end,
            row_security_active(c.oid),
            a.attnum is not null and not exists (select from pg_attribute o where o.attrelid = c.oid and o.attnum > 0
                                                    and not o.attisdropped and o.attnum <> a.attnum),
            (select rolsuper from pg_roles where rolname = current_user)
              and not (select rolsuper from pg_roles where oid = c.relowner)
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       left join pg_attribute a on a.attrelid = c.oid and a.attname = 'version_num' and not a.attisdropped
      where (c.oid = ${resolved ?? 0}
             or c.relkind in ('r', 'p') and a.atttypid in ('varchar'::regtype, 'text'::regtype, 'bpchar'::regtype))
        and ${countsNamespace} and ${belongsToNoExtension('pg_class', 'c.oid')}
      order by n.nspname, c.relname`,
  );
  const found = rows
    .map(
      ([
        oid,
        kind,
        namespace,
        name,
        owner,
        type,
        width,
        hasPrimaryKey,
        mayRead,
        isFiltered,
        isAlone,
        isBelow,
      ]): Found => ({
        oid,
        kind,
        // What a view calls runs with the rights of whoever reads it.
        isReadable: mayRead && !isFiltered && isText(type) && !(kind === 'v' && isBelow),
        isAlone,
        table: {
          key: keyOf(namespace, name),
          namespace,
          name,
          owner,
          width,
          hasPrimaryKey,
          rows: null,
          nullRows: 0,
          isFiltered,
          problem:
            problemOf(kind, type) ??
            (kind === 'v' && isBelow
              ? `it is a view of ${owner}, which is not read with the rights of a superuser`
              : null),
          isResolved: oid === resolved,
        },
      }),
    )
    .filter(
      ({ isAlone, table }) =>
        isAlone || table.isResolved || table.name === question.name || /^alembic_version/.test(table.name),
    );
  const readable = found.filter(({ isReadable }) => isReadable);
  const isTable = ({ kind }: Found) => kind === 'r' || kind === 'p';
  await readVersionRows(
    reading,
    readable.filter(isTable).map(({ table }) => table),
  );
  for (const { table } of readable.filter((one) => !isTable(one))) await readViewRows(reading, table);
  return { tables: found.map(({ table }) => table), oids: new Set(found.map(({ oid }) => oid)) };
}

/** Why Alembic cannot work with it. Tried on 1.8: it reads and writes a simple view as it does a table. */
function problemOf(kind: string, type: string | null): string | null {
  const what = { m: 'a materialized view', S: 'a sequence', i: 'an index', I: 'an index', c: 'a type' }[kind];
  if (what !== undefined) return `it is ${what}`;
  if (type === null) return 'it has no column version_num';
  if (type.startsWith('character(')) return `its version_num is ${type}, which pads every id with blanks`;
  return isText(type) ? null : `its version_num is ${type}, and an id is text`;
}

function isText(type: string | null): boolean {
  return /^(character|text|name|citext)\b/.test(type ?? '');
}

/** What a view computes may fail, and that must not end the reading of the rest. */
async function readViewRows(reading: CatalogReading, table: VersionTable): Promise<void> {
  await reading.connection.query('savepoint reading_view');
  try {
    await readVersionRows(reading, [table]);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    table.rows = null;
    table.problem ??= `it cannot be read (${error.serverMessage})`;
    await reading.connection.query('rollback to savepoint reading_view');
  }
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
    for (const [place, version] of rows) {
      const table = portion[place] as VersionTable;
      if (version === null) table.nullRows++;
      else table.rows?.push(version);
    }
    for (const table of portion) table.rows?.sort(compareText);
  }
}
