/**
 * What a project's configuration and code say, read statically: where its revisions are, what `env.py` sets, which models,
 * seeds and scripts it has. Facts only; what could not be read is null and named in `notes`.
 */

import type { Migrator } from './migrator.ts';

/** Null: a template there is, with a token that only running code fills; names made by it are not known. */
export interface NamingConvention {
  ix?: string | null;
  uq?: string | null;
  ck?: string | null;
  fk?: string | null;
  pk?: string | null;
  /** What a token of the project's own gives: undefined where it is none, null where that is not known. */
  token?(name: string, thing: NamedThing): string | null | undefined;
}
export type ConventionKey = Exclude<keyof NamingConvention, 'token'>;

/** What the tokens of a convention ask about. */
export interface NamedThing {
  kind: ConventionKey;
  table: string;
  /** The table's schema as the operation has it; part of a column's label. */
  namespace: string | null;
  columns: readonly string[];
  referredTable?: string;
  referredNamespace?: string | null;
  referredColumns?: readonly string[];
  /** Of an index. */
  unique?: boolean;
  /** The name given, null where there is none. */
  name: string | null;
}

/** One section of an `alembic.ini` or a `pyproject.toml`, as Alembic would take it. */
export interface AlembicConfig {
  /** Relative to the project; null where the project has none (settings name the folders). */
  file: string | null;
  section: string;
  scriptLocation: string | null;
  /** Relative to the project. */
  versionLocations: string[];
  recursive: boolean;
  sourceless: boolean;
  fileTemplate: string | null;
  /** `sqlalchemy.url` as written; a placeholder is null. */
  url: string | null;
  /** Where Python looks for packages of the project (`prepend_sys_path` and the working folder), relative to the project. */
  importRoots?: string[];
  /** What was taken where the configuration leaves it open, in words. */
  notes?: string[];
}

/** What `env.py` sets statically. */
export interface EnvFacts {
  file: string | null;
  versionTable: string;
  versionTableSchema: string | null;
  /** Width of `version_num` where env.py widens it. */
  versionWidth: number | null;
  includeSchemas: boolean;
  /** A filter (`include_name`, `include_object`) is given. */
  filtersObjects: boolean;
  searchPath: string[] | null;
  namingConvention: NamingConvention | null;
  /** Nothing leads from target_metadata to that convention: it is the only one in the project. */
  isNamingGuessed?: boolean;
  /** `module:attribute` of target_metadata as resolved, null where it is None or unknown. */
  targetMetadata: string | null;
  /** It says itself that target_metadata is None. */
  hasNoTargetMetadata?: boolean;
  transactionPerMigration: boolean;
  /** Modules it imports that change what operations do: `alembic_postgresql_enum`. */
  plugins?: string[];
  /** It opens no transaction around revisions (AUTOCOMMIT, `transactional_ddl=False`), as far as its text says. */
  autocommits?: boolean;
  /** It makes the engine itself, from the ini: how it connects is all there to be read. */
  makesEngine?: boolean;
  /** It sets `lock_timeout`. */
  setsLockTimeout?: boolean;
}

/** A shell script, Dockerfile, compose or CI file around the chain or the seeds, with its text. */
export interface SurroundingFile {
  file: string;
  kind: 'shell' | 'ci' | 'container' | 'python' | 'make' | 'package' | 'other';
  text: string;
}

export interface ProjectFacts {
  config: AlembicConfig;
  env: EnvFacts;
  /** Project files that define the models, relative; empty until they were looked for. */
  modelFiles: readonly string[];
  seedFiles: string[];
  surroundings: SurroundingFile[];
  /** Who runs Alembic, or makes tables past it, as the surroundings say; empty until they were read. */
  migrators: Migrator[];
  /** What was looked for and taken or not found, in words. */
  notes: string[];
}
