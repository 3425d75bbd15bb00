/**
 * Schema: the whole model of tables and their kin, declared or live, in one shape.
 * Values are never mutated once they stand in a Schema: a change replaces the object, so that the schema after every
 * revision can share what did not change. Refuses to know where a Schema came from.
 */

/** Where a declared object was stated. */
export interface Origin {
  revision: string | null;
  /** Relative to the project, with `/`. */
  file: string;
  line: number;
}

/** What hangs on lines that could not be read is suspected; all else is proven. */
export type Certainty = 'proven' | 'suspected';

export interface Declared {
  origin?: Origin;
  certainty?: Certainty;
  /** Owner's role name; live only. */
  owner?: string;
  comment?: string | null;
}

/** SQL text that PostgreSQL may have rewritten after it was stated (a column's type changed, a name in it changed). */
export interface CarriesText {
  /** The text alone is in doubt, the object is not: a fresh build need not give the text that the history gave. */
  textCertainty?: Certainty;
}

export interface Column extends Declared, CarriesText {
  name: string;
  /** PostgreSQL's own spelling (`format_type`): `character varying(36)`, `timestamp without time zone`, `public.mood`→`mood`. */
  type: string;
  notNull: boolean;
  /** SQL text, null where there is none. */
  default: string | null;
  identity: 'always' | 'by default' | null;
  generated: { expression: string; stored: boolean } | null;
  collation: string | null;
  /** The sequence this column owns (`schema.name` key), of SERIAL, IDENTITY or OWNED BY. */
  ownedSequence: string | null;
}

/** p primary key, u unique, f foreign key, c check, x exclusion. */
export type ConstraintType = 'p' | 'u' | 'f' | 'c' | 'x';
export type ReferentialAction = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT';

export interface Reference {
  /** Key of the referenced table, `schema.name`. */
  table: string;
  columns: string[];
  onDelete: ReferentialAction;
  onUpdate: ReferentialAction;
  match?: 'FULL' | 'SIMPLE';
}

export interface Constraint extends Declared, CarriesText {
  name: string;
  type: ConstraintType;
  columns: string[];
  /** The text of `pg_get_constraintdef`, or our rendering of it for a static reading. */
  definition: string;
  references: Reference | null;
  /** CHECK: the condition's SQL text. */
  expression: string | null;
  deferrable: 'initially deferred' | 'initially immediate' | null;
  validated: boolean;
  /** False: rows are let in that it forbids (NOT ENFORCED since 18; the triggers of a foreign key switched off). */
  enforced?: boolean;
  nullsNotDistinct?: boolean;
  include?: string[];
  /** Live: inherited from a partitioned parent's constraint. */
  fromPartitionParent?: boolean;
}

export interface IndexKey {
  /** A column's name (unquoted) or an expression's SQL text. */
  text: string;
  isExpression: boolean;
  descending: boolean;
  nullsFirst: boolean;
  /** Null where it is the default of the type. */
  operatorClass: string | null;
  collation: string | null;
}

export interface Index extends Declared, CarriesText {
  name: string;
  unique: boolean;
  method: string;
  keys: IndexKey[];
  /** `pg_get_indexdef(index, n, true)` a key, as truth.py prints them; static: rendered. */
  keyTexts: string[];
  include: string[];
  where: string | null;
  nullsNotDistinct?: boolean;
  valid: boolean;
  /** The text of `pg_get_indexdef`, or our rendering of it for a static reading. */
  definition: string;
  fromPartitionParent?: boolean;
}

export interface Trigger extends Declared {
  name: string;
  definition: string;
  enabled?: boolean;
  /** Live: a clone of a partitioned parent's trigger. */
  fromPartitionParent?: boolean;
}

export interface Policy extends Declared {
  name: string;
  /** `r` select, `a` insert, `w` update, `d` delete, `*` all. */
  command: string;
  using: string | null;
  check: string | null;
  /** False: restrictive. */
  permissive?: boolean;
  /** Quoted names; undefined: everybody (`public`). */
  roles?: string[];
}

export interface Table extends Declared {
  namespace: string;
  name: string;
  kind: 'table' | 'partitioned' | 'foreign';
  /** In position order. */
  columns: ReadonlyMap<string, Column>;
  constraints: ReadonlyMap<string, Constraint>;
  indexes: ReadonlyMap<string, Index>;
  triggers: ReadonlyMap<string, Trigger>;
  policies: ReadonlyMap<string, Policy>;
  persistence: 'p' | 'u' | 't';
  partitionKey: string | null;
  partitionBound: string | null;
  parents: string[];
  rowSecurity: boolean;
  forceRowSecurity: boolean;
  options: string[];
}

export interface EnumType extends Declared {
  namespace: string;
  name: string;
  labels: string[];
  /** Declared: `sa.Enum` made it with a table or a column. */
  isImplicit?: true;
}

export interface Domain extends Declared {
  namespace: string;
  name: string;
  base: string;
  notNull: boolean;
  default: string | null;
  checks: string[];
}

export interface Composite extends Declared {
  namespace: string;
  name: string;
  attributes: { name: string; type: string }[];
}

export interface Sequence extends Declared {
  namespace: string;
  name: string;
  /** `table key.column` of the owning column, null for a free one. Only free ones count as sequences of their own. */
  ownedBy: string | null;
  type?: string;
  start?: string;
  increment?: string;
  minValue?: string;
  maxValue?: string;
  cycle?: boolean;
}

export interface View extends Declared, CarriesText {
  namespace: string;
  name: string;
  kind: 'view' | 'materialized view';
  /** `name type`, in order. */
  columns: string[];
  definition: string;
  /** Declared: the names that CREATE VIEW lists for its columns. */
  columnNames?: string[];
  indexes: ReadonlyMap<string, Index>;
  /** Declared: keys of the tables and views it reads, as far as known. */
  reads?: string[];
}

export interface Routine extends Declared {
  namespace: string;
  name: string;
  /** `pg_get_function_identity_arguments`. */
  identityArguments: string;
  arguments: string;
  result: string | null;
  /** `f` function, `p` procedure, `a` aggregate, `w` window. */
  kind: string;
  volatility: string;
  /** A whole CREATE statement that makes it again; null where it was not read. */
  definition: string | null;
}

export interface Extension extends Declared {
  name: string;
  namespace: string | null;
}

export interface Schema {
  namespaces: ReadonlySet<string>;
  /** By `schema.name`. */
  tables: ReadonlyMap<string, Table>;
  enums: ReadonlyMap<string, EnumType>;
  domains: ReadonlyMap<string, Domain>;
  composites: ReadonlyMap<string, Composite>;
  sequences: ReadonlyMap<string, Sequence>;
  views: ReadonlyMap<string, View>;
  /** By `schema.name(identity arguments)`. */
  routines: ReadonlyMap<string, Routine>;
  extensions: ReadonlyMap<string, Extension>;
  suspected?: Suspected;
}

/** Declared: keys (tables, types, …) that lines nobody could read may have touched, those gone included; or all but these. */
export type Suspected = ReadonlySet<string> | { allBut: ReadonlySet<string> };

export function isInDoubt(suspected: Suspected | undefined, key: string): boolean {
  if (suspected === undefined) return false;
  return 'allBut' in suspected ? !suspected.allBut.has(key) : suspected.has(key);
}

export function emptySchema(namespaces: Iterable<string> = ['public']): Schema {
  return {
    namespaces: new Set(namespaces),
    tables: new Map(),
    enums: new Map(),
    domains: new Map(),
    composites: new Map(),
    sequences: new Map(),
    views: new Map(),
    routines: new Map(),
    extensions: new Map(),
  };
}

/** Whether both hold the same objects, whoever stated them and where. What the two share is not looked into. */
export function isSameSchema(a: Schema, b: Schema): boolean {
  return isSame({ ...a, suspected: undefined }, { ...b, suspected: undefined });
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && isSame(value, b.get(key)));
  if (a instanceof Set && b instanceof Set) return a.size === b.size && [...a].every((value) => b.has(value));
  const [left, right] = [a, b].map((each) =>
    Object.entries(each).filter(([key, value]) => key !== 'origin' && value !== undefined),
  ) as [[string, unknown][], [string, unknown][]];
  return left.length === right.length && left.every(([key, value]) => isSame(value, b[key as keyof typeof b]));
}
