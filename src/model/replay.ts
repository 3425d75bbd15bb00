/**
 * The port between reading revisions and replaying them, and what a replay yields.
 * The reader hands over each operation as it meets it and may ask for the schema so far (`inspect(conn)`).
 */
import type { BlindSpot, Operation } from './operation.ts';
import type { RevisionId } from './revision.ts';
import type { Origin, Schema, Table } from './schema.ts';

export interface OperationSink {
  /** Applies one operation to the schema so far. */
  apply(operation: Operation): void;
  /** The schema so far, the operations of this revision included. */
  schema(): Schema;
  /** Where an unqualified name is looked up and created. */
  searchPath(): readonly string[];
  /** All of that at once, to be gone on from without applying anything. */
  snapshot?(): SchemaSnapshot;
}

/** A schema that operations can be tried on: what they leave is another one. */
export interface SchemaSnapshot {
  schema: Schema;
  searchPath: readonly string[];
  after(operations: readonly Operation[]): SchemaSnapshot;
}

/** Something that a replay met and a rule may want to tell; never thrown. */
export type ReplayNote = { revision: RevisionId; operation: Operation /** `schema.name` */; object: string } & (
  | {
      kind: 'created-twice';
      objectKind: 'table' | 'column' | 'enum' | 'index' | 'constraint' | 'sequence' | 'view' | 'type';
      first: Origin | null;
      /** Nobody wrote the name: it comes of the metadata's convention, or of SQLAlchemy's own. */
      isNameImplied?: boolean;
      /** `sa.Enum` makes the type both times: of one run SQLAlchemy remembers the types that it made, and makes none twice. */
      isRemembered?: true;
      /** The two stand on branches that neither comes before the other, and meet. */
      across?: {
        /** The other statement, which fails where this one ran before it; null: it stands aside (a guard). */
        other: { revision: RevisionId; operation: Operation } | null;
      };
    }
  /** The operation's table, column, constraint … is created by no ancestor. */
  | { kind: 'target-missing'; objectKind: 'table' | 'column' | 'enum' | 'index' | 'constraint' | 'type' | 'view' }
  /** IF NOT EXISTS over an object that stands: it keeps its shape; `intended` is what this statement would have made. */
  | { kind: 'guard-kept-shape'; standing: Table; intended: Table }
  /** A name over 63 bytes. */
  | { kind: 'name-too-long'; name: string }
);

export type SchemaMap =
  | 'tables'
  | 'enums'
  | 'domains'
  | 'composites'
  | 'sequences'
  | 'views'
  | 'routines'
  | 'extensions';

/** One key of one of a schema's maps, before and after; undefined: nothing stands there. */
export interface Change<Value> {
  readonly before: Value | undefined;
  after: Value | undefined;
  /** Something stood there before, and went in between: what stands after is among the last of its map. */
  readonly isMadeAgain: boolean;
}

/** By the map, then by the key; no map where none of its keys was touched. */
export type SchemaChanges = {
  readonly [Name in SchemaMap]?: Schema[Name] extends ReadonlyMap<string, infer Value>
    ? ReadonlyMap<string, Change<Value>>
    : never;
};

export interface Replay {
  /** Operations of each revision that was reached, in order. */
  operationsById: ReadonlyMap<RevisionId, readonly Operation[]>;
  /** Operations of `downgrade()`, where asked for. */
  downgradesById: ReadonlyMap<RevisionId, readonly Operation[]>;
  notes: ReplayNote[];
  blindSpots: BlindSpot[];
  /**
   * The declared schema once these revisions and all their predecessors ran in Alembic's order. Revisions behind a
   * missing parent are reached too; what lies there is `suspected`. Memoised.
   */
  schemaAt(revisions: readonly RevisionId[]): Schema;
  /** For each revision in graph order: the schema of it and its predecessors. */
  schemaAfter(revision: RevisionId): Schema;
  /** What a revision itself changed of the schema once all of `from` ran: so that a look at every state need not make each. */
  changesOf(revision: RevisionId): { from: readonly RevisionId[]; changes: SchemaChanges };
}

/** Where a project's models stand. */
export interface ModelFiles {
  /** Relative to the project. */
  files: readonly string[];
  /** Declarative bases that `target_metadata` is of: where they are made, by what name. Null: not all of it is known as such. */
  bases: readonly { file: string; name: string }[] | null;
  /** What was taken where env.py leaves it open, in words. */
  notes: readonly string[];
}

/** What the models declare, read statically. */
export interface ModelsReading {
  schema: Schema;
  /** Model classes and Tables by table key, to tell one defined twice: `file:line class`. */
  definitionsByTable: ReadonlyMap<string, { file: string; line: number; name: string }[]>;
  /** The operations that would make each table (`createTable`, enums first), to write a revision from. */
  operationsByTable: ReadonlyMap<string, Operation[]>;
  /** All of them as `metadata.create_all()` would carry them out: types, tables, their foreign keys, indexes. */
  creation: readonly Operation[];
  blindSpots: BlindSpot[];
  files: readonly string[];
}
