/**
 * Operation: one declared schema act. Reading a revision, predicting a repair and writing SQL all use these.
 * Names are as written (`schema` null where the search_path decides); types are PostgreSQL's spelling where known.
 * Refuses to know Python, SQL syntax trees and connections.
 */
import type { QualifiedName } from './name.ts';
import type { NamingConvention } from './project.ts';
import type { Origin, ReferentialAction } from './schema.ts';

/** What every operation carries. */
export interface Stated {
  origin: Origin;
  /** The exact SQL when the revision stated it as SQL. */
  sql?: string;
  /** Inside `autocommit_block`, or a statement that PostgreSQL refuses in a transaction (CONCURRENTLY). */
  outsideTransaction?: boolean;
  /** Inside `autocommit_block`: no transaction is open around it. */
  inAutocommitBlock?: boolean;
  /** The call or statement in the file, as character offsets, so that an edit can find it. */
  span?: { from: number; to: number };
  /**
   * Why it may not run at all: a condition that only running could decide; the branch taken is the code's default. Of an
   * opaque operation: why it is taken for left out.
   */
  condition?: string;
  /** `ALTER TABLE IF EXISTS` and the like: no fault where the target is absent, then it does nothing. */
  ifTargetExists?: boolean;
}

export interface ColumnDefinition {
  name: string;
  /** PostgreSQL's spelling; null where the type could not be read. */
  type: string | null;
  /** An enum type (or domain) of the project that the type names, where it does. */
  typeName?: QualifiedName;
  notNull: boolean;
  default: string | null;
  identity: 'always' | 'by default' | null;
  generated: { expression: string; stored: boolean } | null;
  /** A sequence is implied: SERIAL in SQL, or SQLAlchemy's autoincrement integer primary key. */
  serial?: boolean;
  /** Of its sequence, where it states any. */
  sequence?: SequenceOptions;
  collation?: string | null;
  comment?: string | null;
  /** Constraints stated inline; null name where nobody wrote one. */
  constraints?: ConstraintDefinition[];
  /** `index=True` of SQLAlchemy: an index of its own, named by convention. */
  index?: boolean;
}

export interface ConstraintDefinition {
  /** Null: PostgreSQL or a naming convention picks. */
  name: string | null;
  /** True where the name is final (`op.f`, raw SQL): no convention is applied to it. */
  nameIsFinal?: boolean;
  type: 'p' | 'u' | 'f' | 'c' | 'x';
  columns: string[];
  references?: {
    table: QualifiedName;
    /** Empty: the primary key of the table. */
    columns: string[];
    onDelete?: ReferentialAction;
    onUpdate?: ReferentialAction;
    match?: 'FULL' | 'SIMPLE';
  };
  expression?: string;
  /** Exclusion constraints and whatever has no field of its own: the text after `CONSTRAINT name`. */
  definition?: string;
  deferrable?: 'initially deferred' | 'initially immediate' | null;
  notValid?: boolean;
  notEnforced?: boolean;
  include?: string[];
  nullsNotDistinct?: boolean;
  /** UNIQUE/PRIMARY KEY USING INDEX name. */
  usingIndex?: string;
}

export interface IndexKeyDefinition {
  text: string;
  isExpression: boolean;
  descending?: boolean;
  nullsFirst?: boolean;
  operatorClass?: string | null;
  collation?: string | null;
}

export interface IndexDefinition {
  name: string | null;
  nameIsFinal?: boolean;
  unique: boolean;
  method: string;
  keys: IndexKeyDefinition[];
  include?: string[];
  where?: string | null;
  nullsNotDistinct?: boolean;
  concurrently?: boolean;
}

export interface TableDefinition {
  name: QualifiedName;
  columns: ColumnDefinition[];
  constraints: ConstraintDefinition[];
  indexes: IndexDefinition[];
  partitionKey?: string | null;
  partitionOf?: { parent: QualifiedName; bound: string };
  inherits?: QualifiedName[];
  unlogged?: boolean;
  temporary?: boolean;
  comment?: string | null;
  options?: string[];
}

interface Guard {
  ifNotExists?: boolean;
}
interface DropGuard {
  ifExists?: boolean;
  cascade?: boolean;
}

/** Undefined: as PostgreSQL has it, or unchanged. */
export interface SequenceOptions {
  type?: string;
  start?: string;
  increment?: string;
  minValue?: string;
  maxValue?: string;
  cycle?: boolean;
}

export type SchemaOperation =
  | ({
      kind: 'createTable';
      table: TableDefinition;
      /** Of the MetaData that a `sa.Table` of its own stands in; undefined: the project's. */
      namingConvention?: NamingConvention | null;
    } & Guard)
  | ({ kind: 'dropTable'; table: QualifiedName } & DropGuard)
  | { kind: 'renameTable'; table: QualifiedName; to: string; ifExists?: boolean }
  | { kind: 'setTableNamespace'; table: QualifiedName; to: string }
  | { kind: 'commentOnTable'; table: QualifiedName; comment: string | null }
  | {
      kind: 'alterTableOption';
      table: QualifiedName;
      option: 'rowSecurity' | 'forceRowSecurity' | 'persistence' | 'owner';
      value: boolean | string;
    }
  | { kind: 'attachPartition'; table: QualifiedName; partition: QualifiedName; bound: string }
  | { kind: 'detachPartition'; table: QualifiedName; partition: QualifiedName }
  /** ALTER TABLE … INHERIT, or with `isEnded` NO INHERIT. */
  | { kind: 'inherit'; table: QualifiedName; parent: QualifiedName; isEnded: boolean }
  | ({ kind: 'addColumn'; table: QualifiedName; column: ColumnDefinition } & Guard)
  | ({ kind: 'dropColumn'; table: QualifiedName; column: string } & DropGuard)
  | { kind: 'renameColumn'; table: QualifiedName; column: string; to: string }
  | {
      kind: 'alterColumn';
      table: QualifiedName;
      column: string;
      /** Undefined: unchanged. */
      type?: string | null;
      typeName?: QualifiedName;
      using?: string | null;
      collation?: string | null;
      notNull?: boolean;
      /** Null drops it. */
      default?: string | null;
      identity?: 'always' | 'by default' | null;
      /** The column is an identity already, and only its kind changes. */
      hasIdentity?: boolean;
      /** Of the sequence of an identity that stands. */
      sequence?: SequenceOptions;
      generated?: null;
      comment?: string | null;
    }
  | ({ kind: 'addConstraint'; table: QualifiedName; constraint: ConstraintDefinition } & Guard)
  | ({
      kind: 'dropConstraint';
      table: QualifiedName;
      constraint: string | null;
      type?: 'p' | 'u' | 'f' | 'c' | 'x';
      nameIsFinal?: boolean;
    } & DropGuard)
  | { kind: 'renameConstraint'; table: QualifiedName; constraint: string; to: string }
  | { kind: 'validateConstraint'; table: QualifiedName; constraint: string }
  | {
      kind: 'alterConstraint';
      table: QualifiedName;
      constraint: string;
      deferrable: 'initially deferred' | 'initially immediate' | null;
    }
  | ({ kind: 'createIndex'; table: QualifiedName; index: IndexDefinition } & Guard)
  | ({ kind: 'dropIndex'; index: QualifiedName; table?: QualifiedName | null; concurrently?: boolean } & DropGuard)
  | { kind: 'renameIndex'; index: QualifiedName; to: string; ifExists?: boolean }
  | ({
      kind: 'createEnum';
      name: QualifiedName;
      labels: string[];
      /** Made by the use of an `sa.Enum` in a table or column, not by a statement of its own. */
      implicit?: boolean;
      /** `.create(checkfirst=True)`: asks first. */
      checkFirst?: boolean;
    } & Guard)
  | ({ kind: 'addEnumValue'; name: QualifiedName; label: string; before?: string; after?: string } & Guard)
  | { kind: 'renameEnumValue'; name: QualifiedName; label: string; to: string }
  | ({ kind: 'dropType'; name: QualifiedName; checkFirst?: boolean } & DropGuard)
  | { kind: 'renameType'; name: QualifiedName; to: string }
  | { kind: 'setTypeNamespace'; name: QualifiedName; to: string }
  | ({
      kind: 'createDomain';
      name: QualifiedName;
      base: string;
      notNull: boolean;
      default: string | null;
      checks: string[];
    } & Guard)
  /** Undefined: unchanged; `check`: one more. */
  | {
      kind: 'alterDomain';
      name: QualifiedName;
      default?: string | null;
      notNull?: boolean;
      check?: string;
      statement: string;
    }
  | ({ kind: 'createComposite'; name: QualifiedName; attributes: { name: string; type: string }[] } & Guard)
  | ({
      kind: 'createSequence';
      name: QualifiedName;
      ownedBy?: { table: QualifiedName; column: string } | null;
    } & SequenceOptions &
      Guard)
  | ({
      kind: 'alterSequence';
      name: QualifiedName;
      ownedBy?: { table: QualifiedName; column: string } | null;
      to?: string;
    } & SequenceOptions)
  | ({ kind: 'dropSequence'; name: QualifiedName } & DropGuard)
  | ({
      kind: 'createView';
      name: QualifiedName;
      materialized: boolean;
      orReplace: boolean;
      /** The SELECT. */
      query: string;
      columns?: string[];
      /** Tables and views it reads. */
      reads: QualifiedName[];
    } & Guard)
  | ({ kind: 'dropView'; name: QualifiedName; materialized: boolean } & DropGuard)
  | { kind: 'renameView'; name: QualifiedName; to: string }
  | {
      kind: 'createRoutine';
      name: QualifiedName;
      /** `f` function, `p` procedure, `a` aggregate. */
      routine: string;
      orReplace: boolean;
      identityArguments: string;
      arguments: string;
      result: string | null;
      volatility: string;
      definition: string;
    }
  /** Whatever the statement changes: PostgreSQL reads it, after the one that made the routine. */
  | {
      kind: 'alterRoutine';
      name: QualifiedName;
      identityArguments: string | null;
      volatility?: string;
      /** Its new name, where it is renamed. */
      to?: string;
      statement: string;
    }
  | ({ kind: 'dropRoutine'; name: QualifiedName; identityArguments: string | null } & DropGuard)
  | { kind: 'createTrigger'; table: QualifiedName; name: string; orReplace: boolean; definition: string }
  | ({ kind: 'dropTrigger'; table: QualifiedName; name: string } & DropGuard)
  | { kind: 'renameTrigger'; table: QualifiedName; name: string; to: string }
  /** Null: every trigger of the table. `fires`: in an ordinary session. */
  | { kind: 'enableTrigger'; table: QualifiedName; trigger: string | null; fires: boolean }
  | {
      kind: 'createPolicy';
      table: QualifiedName;
      name: string;
      command: string;
      using: string | null;
      check: string | null;
      /** False: restrictive. */
      permissive?: boolean;
      /** As SQL; undefined: everybody. */
      roles?: string[];
    }
  /** Undefined: unchanged. */
  | { kind: 'alterPolicy'; table: QualifiedName; name: string; using?: string; check?: string; to?: string }
  | ({ kind: 'dropPolicy'; table: QualifiedName; name: string } & DropGuard)
  | ({ kind: 'createExtension'; name: string; schema: string | null } & Guard)
  | ({ kind: 'dropExtension'; name: string } & DropGuard)
  | ({ kind: 'createNamespace'; name: string } & Guard)
  | ({ kind: 'dropNamespace'; name: string } & DropGuard)
  | { kind: 'renameNamespace'; name: string; to: string }
  | { kind: 'setSearchPath'; schemas: string[]; local: boolean };

/** Rows are touched, the schema is not. */
export interface RowsOperation {
  kind: 'touchRows';
  verb: 'insert' | 'update' | 'delete' | 'truncate' | 'copy' | 'select';
  tables: QualifiedName[];
}

/** Read and understood to have no effect on the Schema (grants, comments on other objects, settings, statistics). */
export interface IgnoredOperation {
  kind: 'ignored';
  /** What it is, as PostgreSQL's tag where there is one: `GRANT`, `SET`, `CREATE STATISTICS`. */
  what: string;
}

/** One we could not read, why, and the objects it may have touched (empty: unknown, it may touch anything). */
export interface OpaqueOperation {
  kind: 'opaque';
  reason: string;
  objects: QualifiedName[];
}

export type Operation = (SchemaOperation | RowsOperation | IgnoredOperation | OpaqueOperation) & Stated;

/** A schema act before a reader has said where it stands. */
export type UnplacedOperation = SchemaOperation | RowsOperation | IgnoredOperation | OpaqueOperation;

/** Lines that were not read, in a report. */
export interface BlindSpot {
  revision: string | null;
  file: string;
  line: number;
  reason: string;
  /** `schema.name`; empty where it may touch anything. */
  objects: string[];
  /** It was read, and what it says taken for done or for left out, by the assumption that the reason names. */
  isAssumption?: true;
  /** Taken for left out. */
  isLeftOut?: true;
  /** Whatever it did, it touched rows: the schema is as it was read. */
  isOfRows?: true;
}
