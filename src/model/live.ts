/**
 * The live database as one snapshot saw it: its schema, its version tables, who looked and what that role may see.
 */
import type { Schema } from './schema.ts';

export interface VersionTable {
  /** `schema.name`. */
  key: string;
  namespace: string;
  name: string;
  owner: string;
  /** Width of `version_num`, null where it has none. */
  width: number | null;
  hasPrimaryKey: boolean;
  /** Null: they could not be read. Sorted, with duplicates kept. */
  rows: string[] | null;
  /** Rows that hold NULL, which Alembic takes for no row. */
  nullRows: number;
  /** Row level security hides rows of it from the role. */
  isFiltered: boolean;
  /** Why Alembic cannot work with it, in words that go on after "…:"; null where it can. */
  problem: string | null;
  /** The one that the connection's search_path (or `version_table_schema`) resolves to. */
  isResolved: boolean;
}

export interface LiveDatabase {
  serverVersion: string;
  serverVersionNumber: number;
  name: string;
  /** `UTF8`. */
  encoding: string;
  role: string;
  isSuperuser: boolean;
  isStandby: boolean;
  /** Schemas that are there, those too that the role may not use: only this role looks past them. */
  searchPath: string[];
  schema: Schema;
  versionTables: VersionTable[];
  /** Names of the database's event triggers, sorted. */
  eventTriggers: string[];
  /** Objects of extensions, by `schema.name`, so that they are never called unexpected. */
  extensionObjects: ReadonlySet<string>;
  /** Tables the role may not select from; their shape is known all the same. */
  unreadableTables: ReadonlySet<string>;
  /** Namespaces the role has no USAGE on. */
  unusableNamespaces: ReadonlySet<string>;
  /** Tables that the role does not own, nor any role it is a member of. */
  unownedTables: ReadonlySet<string>;
  /** Namespaces where the role may not CREATE. */
  uncreatableNamespaces: ReadonlySet<string>;
  /** `reltuples` estimates and on-disk bytes by table key; -1 where never analysed. */
  sizesByTable: ReadonlyMap<string, { rows: number; bytes: number }>;
  /** A hash over the canonical text of `schema` and the version rows. */
  fingerprint: string;
}
