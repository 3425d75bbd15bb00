/**
 * Seed: a data set safe to run twice; here, what reading its file says without running it.
 * Every position is a line and an offset in the original file.
 */
import type { QualifiedName } from './name.ts';

export interface Span {
  from: number;
  to: number;
}

export type SeedValue =
  | { kind: 'literal'; value: string | null /** a cast written on it */; type: string | null; span: Span; line: number }
  | { kind: 'default'; span: Span; line: number }
  | {
      kind: 'variable';
      name: string /** what DECLARE gives it, where nothing else does */;
      initial?: string;
      span: Span;
      line: number;
    }
  | { kind: 'expression'; sql: string; reads: QualifiedName[]; volatile: boolean; span: Span; line: number };

export interface SeedRow {
  values: SeedValue[];
  span: Span;
  line: number;
}

export interface SeedComparison {
  table: QualifiedName | null;
  column: string;
  value: SeedValue;
}

/** `IF EXISTS (SELECT … information_schema.tables WHERE table_name = 'x')` around statements. */
export interface SeedGuard {
  line: number;
  span: Span;
  /** Table asked for, where that is what the guard asks. */
  table: QualifiedName | null;
  /** The probe names no schema. */
  isUnqualified: boolean;
  /** The other branch only raises a notice, or there is none. */
  skipsSilently: boolean;
  condition: string;
  conditionSpan?: Span;
  /** The RAISE of the other branch, where it has one. */
  elseRaise: { span: Span; line: number; level: string } | null;
}

export interface SeedStatement {
  line: number;
  span: Span;
  /** The verb as PostgreSQL has it. */
  verb:
    | 'insert'
    | 'update'
    | 'delete'
    | 'truncate'
    | 'copy'
    | 'select'
    | 'ddl'
    | 'transaction'
    | 'set'
    | 'notice'
    | 'other';
  /** What it writes to, null where it writes nothing. */
  table: QualifiedName | null;
  reads: QualifiedName[];
  /** INSERT, COPY: as written; null where the statement names none. */
  columns: string[] | null;
  columnsSpan: Span | null;
  /** INSERT … VALUES: its rows; null for INSERT … SELECT. */
  rows: SeedRow[] | null;
  onConflict: {
    action: 'nothing' | 'update';
    /** Columns of the target, null where it names none. */
    columns: string[] | null;
    constraint: string | null;
    where: string | null;
    setsColumns: string[];
    span: Span;
  } | null;
  /** `RETURNING id INTO v` and the like: column → variable. */
  returningInto: { column: string; variable: string }[];
  hasReturning: boolean;
  /** Enclosing guards, outermost first. */
  guards: SeedGuard[];
  /** Inside DO $$…$$ or a function body. */
  insideBlock: boolean;
  /** Inside a block with an EXCEPTION part, which may take what the statement throws. */
  isHandled?: boolean;
  sql: string;
  /** INSERT … SELECT: what it selects, in the order of the columns; null values of the span where it is `*`. */
  targets?: SeedValue[];
  /** UPDATE: what it sets. */
  sets?: { column: string; value: SeedValue }[];
  /** `column = value` in its conditions; `table` null where several tables could own the column. */
  comparisons?: SeedComparison[];
  /** disables triggers or replication role. */
  disablesForeignKeys?: boolean;
}

/** `SELECT id INTO v FROM users WHERE email = '…'`, `v := …`. */
export interface SeedVariable {
  name: string;
  type: string | null;
  isConstant: boolean;
  line: number;
}

export interface SeedBlock {
  line: number;
  span: Span;
  /** Offsets of the body text between the dollar quotes. */
  bodySpan: Span;
  declareSpan: Span | null;
  beginSpan: Span | null;
  variables: SeedVariable[];
}

export interface PsqlDirective {
  line: number;
  span: Span;
  /** `\i`, `\copy`, `\set`, `copy-data` … */
  command: string;
  text: string;
}

/** Where a seed's file stands that another of its files includes. */
export interface SeedInclusion {
  /** The file that psql is given. */
  root: string;
  /** The file that names it, and where. */
  file: string;
  line: number;
  /** Under `\if`. */
  isConditional: boolean;
}

export interface SeedReading {
  file: string;
  /** Null: the seed itself. */
  inclusion: SeedInclusion | null;
  /** Files that it includes, each where it is first named, with what these include. */
  included: SeedReading[];
  /** Of a seed of several files: all their statements in the order in which they run. The same list in each of them. */
  order: readonly { reading: SeedReading; statement: SeedStatement }[] | null;
  text: string;
  contentHash: string;
  /** What the file calls its own version, with where. */
  version: { value: string; line: number; span: Span }[];
  statements: SeedStatement[];
  blocks: SeedBlock[];
  directives: PsqlDirective[];
  /** What could not be parsed: line of the original file and PostgreSQL's own message. */
  errors: { line: number; message: string }[];
}

/** What a second run did to one table, with the first statement that did it. */
export interface SeedChange {
  /** `schema.table` */
  table: string;
  file: string;
  line: number;
  /** The statement writes to another table, and a trigger or a cascade to this one. */
  isByTrigger: boolean;
  inserted: number;
  /** Rows where more than a time is another. */
  updated: number;
  deleted: number;
  /** Columns that are another in updated rows. */
  columns: string[];
  /** How many more statements wrote so. */
  otherStatements: number;
}

/** Rows that one run wrote twice: by a trigger and by a statement of the seed. */
export interface SeedDouble {
  /** `schema.table` */
  table: string;
  /** The statement that names the table. */
  file: string;
  line: number;
  /** The statement whose trigger writes there too. */
  byFile: string;
  byLine: number;
  rows: number;
  /** The second writing was refused for its key, and the seed with it. */
  isRefused: boolean;
}

/** A seed run a second time right after the first, in a copy that is thrown away. */
export interface SeedRerun {
  file: string;
  /**
   * `refused`: PostgreSQL stopped the second run, or the first on a row that stood there already. `unknown`: it could not be
   * run; `failure` tells what the first met, where it ran.
   */
  outcome: 'unchanged' | 'changed' | 'refused' | 'unknown';
  changes: SeedChange[];
  /** `isOfTheSeed`: what the seed says, or the rows that it meets, is at fault. `metRow`: in the first run, a row that stood there. */
  failure: {
    file: string;
    line: number;
    message: string;
    detail?: string;
    sqlState: string | null;
    isOfTheSeed: boolean;
    metRow?: true;
  } | null;
  /** Seen in the first run. */
  doubled: SeedDouble[];
}

/** A script that runs a seed, with what it hides. */
export interface SeedRunner {
  file: string;
  /** Seed files it names, relative to the project where they resolve. */
  runs: { line: number; target: string; resolved: string | null; withPsql: boolean }[];
  hides: {
    line: number;
    span: Span;
    what:
      | 'no-on-error-stop'
      | 'no-pipefail'
      | 'or-true'
      | 'stderr-dropped'
      | 'success-regardless'
      | 'failure-accepted'
      | 'failure-ignored';
    text: string;
    /** Of a success that is told regardless: the command that runs the seed. Null: it is not to be edited there. */
    run?: Span | null;
    /** Of an accepted failure: the word that accepts it, where nothing but the seed's own step hangs on it. */
    accepts?: Span | null;
  }[];
  version: { value: string; line: number; span: Span }[];
  text: string;
}
