/**
 * A live database in a scratch one: its schema, its version rows, and rows of its tables up to a bound; of a large schema
 * only of the tables that matter and their neighbours. Refuses to know what will be tried there.
 */
import { sqlOfKey } from '../model/definition.ts';
import type { LiveDatabase } from '../model/live.ts';
import { quoteIdentifier } from '../model/name.ts';
import { buildSchema } from './build.ts';
import type { Connection } from './connection.ts';
import { copyRows } from './copy-rows.ts';

export interface CopyRequest {
  /** The live database, to take rows from; null: the schema alone. */
  from: Connection | null;
  /** Keys of the tables that matter. */
  near: readonly string[];
  rowsPerTable?: number;
}

export interface DatabaseCopy {
  /** Keys of the tables whose rows were taken. */
  tables: string[];
  /** Null: nothing is missing. Else what is, in words. */
  lacks: string | null;
}

const defaultRowsPerTable = 5_000;
const smallSchema = 200;

export async function copyDatabase(
  connection: Connection,
  live: LiveDatabase,
  { from, near, rowsPerTable = defaultRowsPerTable }: CopyRequest,
): Promise<DatabaseCopy> {
  const { failures } = await buildSchema(connection, live.schema);
  // What building set for itself would hide notices and move names.
  await connection.query('SET client_min_messages = notice; SET check_function_bodies = on');
  await connection.query(searchPathOf(live));
  for (const table of live.versionTables) {
    const name = sqlOfKey(table.key);
    await connection.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(table.namespace)}`);
    await connection.query(
      `CREATE TABLE IF NOT EXISTS ${name} (version_num character varying(${table.width ?? 32}) NOT NULL${table.hasPrimaryKey ? `, CONSTRAINT ${quoteIdentifier(`${table.name}_pkc`)} PRIMARY KEY (version_num)` : ''})`,
    );
    for (const row of table.rows ?? []) await connection.query(`INSERT INTO ${name} VALUES ($1)`, [row]);
  }
  const [failed] = failures;
  const unbuilt = failed === undefined ? null : `${failed.object} (${failed.message})`;
  if (from === null) return { tables: [], lacks: unbuilt ?? 'its rows' };
  const wanted = relatedTables(live, near);
  const { copied, failures: unread } = await copyRows(from, connection, wanted, { rowsPerTable });
  const [bounded] = [...copied].filter(([, { isComplete }]) => !isComplete);
  const [unreadTable] = unread;
  return {
    tables: [...copied.keys()],
    lacks:
      unbuilt ??
      (unreadTable ? `the rows of ${unreadTable.table}: ${unreadTable.message}` : null) ??
      (bounded ? `${bounded[0]} beyond its first ${rowsPerTable} rows` : null) ??
      (wanted.length < live.schema.tables.size ? 'the rows of tables that the seed does not touch' : null),
  };
}

/** For sessions with the copy that are to read names as the live database's do. */
export function searchPathOf(live: LiveDatabase): string {
  return `SET search_path TO ${live.searchPath.map(quoteIdentifier).join(', ') || 'public'}`;
}

/** All tables of a small schema; of a large one those that matter, with what references them and what they reference. */
function relatedTables({ schema: { tables } }: LiveDatabase, matter: readonly string[]): string[] {
  if (tables.size <= smallSchema) return [...tables.keys()];
  const near = new Set(matter);
  const parentsOf = (key: string): string[] =>
    [...(tables.get(key)?.constraints.values() ?? [])].flatMap((one) => (one.references ? [one.references.table] : []));
  for (const key of tables.keys()) if (parentsOf(key).some((parent) => near.has(parent))) near.add(key);
  for (const key of near) for (const parent of parentsOf(key)) near.add(parent);
  return [...near];
}
