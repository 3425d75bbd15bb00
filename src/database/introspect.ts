/**
 * Introspection: the live schema as one snapshot of pg_catalog saw it, by a fixed handful of set-based queries.
 * Never reads information_schema (it hides what the role may not touch), never writes, asks nothing a table.
 */
import { ChainError } from '../errors.ts';
import type { LiveDatabase } from '../model/live.ts';
import { compareText, keyOf } from '../model/name.ts';
import type { Schema } from '../model/schema.ts';
import { withHolders } from './blockers.ts';
import { readConstraints } from './catalog/constraints.ts';
import { readIndexes } from './catalog/indexes.ts';
import { readExtensionObjects, readExtensions, readNamespaces } from './catalog/namespaces.ts';
import { CatalogChanged, type CatalogReading, ColumnNames, RelationNames } from './catalog/reading.ts';
import { readRoutines } from './catalog/routines.ts';
import { readSequences } from './catalog/sequences.ts';
import { type OpenTable, readColumns, readTables } from './catalog/tables.ts';
import { readPolicies, readTriggers } from './catalog/triggers.ts';
import { readComposites, readDomains, readEnums } from './catalog/types.ts';
import {
  parseSearchPath,
  readVersionTables,
  resolveVersionTable,
  type VersionTableQuestion,
} from './catalog/version-tables.ts';
import { type OpenView, readViews } from './catalog/views.ts';
import type { Connection } from './connection.ts';
import { fingerprintOf } from './fingerprint.ts';
import { SqlError } from './sql-error.ts';

export interface IntrospectOptions {
  /** The project's version table; `alembic_version` where it says nothing. */
  versionTable?: string;
  /** Null: the search_path decides. */
  versionTableSchema?: string | null;
  /** Beside `chain`, PostgreSQL's own and information_schema. */
  ignoreNamespaces?: readonly string[];
}

/** Chain's own ledger lives there; it is no part of any project's schema. */
const ownNamespace = 'chain';
const attempts = 10;

/**
 * Reads the live database. Throws ChainError('connection-lost'), SqlError, or ChainError('cannot-read') where the schema
 * changes faster than it can be read.
 */
export async function introspect(connection: Connection, options: IntrospectOptions = {}): Promise<LiveDatabase> {
  const reading: CatalogReading = {
    connection,
    version: connection.serverVersionNumber,
    ignoredNamespaces: [ownNamespace, ...(options.ignoreNamespaces ?? [])],
  };
  const question = { name: options.versionTable ?? 'alembic_version', namespace: options.versionTableSchema ?? null };
  for (let attempt = 1; ; attempt++) {
    try {
      return await connection.transaction(() => readSnapshot(reading, question), {
        isolation: 'repeatable read',
        readOnly: true,
      });
    } catch (error) {
      if (error instanceof SqlError && error.sqlState === '55P03') throw await withHolders(error, connection);
      if (!isCatalogChange(error) && !isRecoveryConflict(error)) throw error;
      if (attempt >= attempts) {
        if (isRecoveryConflict(error)) throw error;
        throw new ChainError(
          'cannot-read',
          `The schema of ${connection.target.redacted} changed while it was being read, ${attempts} times over.`,
          {
            hint: 'Wait for the migration that is running, then try again.',
            cause: error,
          },
        );
      }
    }
  }
}

/** PostgreSQL's definition functions look at the present, the catalogue's rows at the snapshot: a drop between shows so. */
function isCatalogChange(error: unknown): boolean {
  if (error instanceof CatalogChanged) return true;
  return (
    error instanceof SqlError &&
    (['42P01', '42704', '42883', '42703'].includes(error.sqlState) ||
      (error.sqlState === 'XX000' &&
        /cache lookup failed|could not (open|find)|does not exist/.test(error.serverMessage)))
  );
}

/** A standby ends a reading that stands in the way of what it replays (the session is read-only: it conflicts with nobody else). */
function isRecoveryConflict(error: unknown): boolean {
  return error instanceof SqlError && error.sqlState === '40001';
}

async function readSnapshot(reading: CatalogReading, question: VersionTableQuestion): Promise<LiveDatabase> {
  const { connection } = reading;
  const [session] = (
    await connection.query<{
      name: string;
      encoding: string;
      eventTriggers: string[];
      role: string;
      superuser: boolean;
      standby: boolean;
      path: string[];
      setting: string;
    }>(
      `select current_database()::text as name, current_user::text as role, current_setting('server_encoding') as encoding,
              array(select evtname::text from pg_event_trigger order by evtname) as "eventTriggers",
              coalesce((select rolsuper from pg_roles where rolname = current_user), false) as superuser,
              pg_is_in_recovery() as standby, current_schemas(false) as path,
              current_setting('search_path') as setting`,
    )
  ).rows;
  // Whatever steers how definitions are spelt.
  await connection.query(
    `set local search_path = public; set local timezone = 'UTC'; set local quote_all_identifiers = off; set local jit = off;
     set local datestyle = 'ISO, MDY'; set local intervalstyle = 'postgres'; set local extra_float_digits = 1;
     set local max_parallel_workers_per_gather = 0`,
  );

  const names = new ColumnNames();
  const relations = new RelationNames();
  const namespaces = await readNamespaces(reading);
  reading.hidesPublic = namespaces.unusable.has('public');
  const listed = parseSearchPath(session?.setting ?? '', session?.role ?? '');
  const searchPath = listed.filter((name) => session?.path.includes(name) || namespaces.unusable.has(name));
  // Where it leads nowhere, env.py must set one: `public`, as a reading without a database takes it.
  const resolved = await resolveVersionTable(reading, question, searchPath.length > 0 ? searchPath : ['public']);
  const { byOid, unreadable, unowned, sizes } = await readTables(reading, relations);
  const versions = await readVersionTables(reading, question, resolved);
  for (const oid of versions.oids) byOid.delete(oid);
  await readColumns(reading, byOid, names);
  await readConstraints(reading, byOid, names);
  const views = await readViews(reading, names);
  for (const oid of versions.oids) views.delete(oid);
  await readIndexes(reading, new Map<number, OpenTable | OpenView>([...byOid, ...views]), names);
  await readTriggers(reading, byOid);
  await readPolicies(reading, byOid);
  const sequences = await readSequences(reading, byOid, relations, names);

  const schema: Schema = {
    namespaces: namespaces.names,
    tables: sortedMap([...byOid.values()]),
    enums: await readEnums(reading),
    domains: await readDomains(reading),
    composites: await readComposites(reading),
    sequences,
    views: sortedMap([...views.values()]),
    routines: await readRoutines(reading),
    extensions: await readExtensions(reading),
  };
  return {
    serverVersion: connection.serverVersion,
    serverVersionNumber: connection.serverVersionNumber,
    name: session?.name ?? connection.target.database,
    encoding: session?.encoding ?? 'UTF8',
    role: session?.role ?? connection.target.user,
    isSuperuser: session?.superuser ?? false,
    isStandby: session?.standby ?? false,
    searchPath,
    schema,
    versionTables: versions.tables,
    eventTriggers: session?.eventTriggers ?? [],
    extensionObjects: await readExtensionObjects(reading),
    unreadableTables: unreadable,
    unusableNamespaces: namespaces.unusable,
    unownedTables: unowned,
    uncreatableNamespaces: namespaces.uncreatable,
    sizesByTable: sizes,
    fingerprint: fingerprintOf(schema, versions.tables),
  };
}

function sortedMap<Item extends { namespace: string; name: string }>(items: Item[]): Map<string, Item> {
  const entries = items.map((item): [string, Item] => [keyOf(item.namespace, item.name), item]);
  return new Map(entries.sort(([a], [b]) => compareText(a, b)));
}
