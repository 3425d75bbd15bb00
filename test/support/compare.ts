/**
 * Compares two schemas in the shape that `chain schema` and `data/truth.py` write, kind by kind, as an outsider would:
 * by what constraints mean and what things are called, column order aside. Written apart from `src/diff`, to judge it.
 */

export interface SchemaJson {
  tables: Record<string, TableJson>;
  enums?: Record<string, string[]>;
  views?: Record<string, unknown> | string[];
  sequences?: Record<string, unknown> | string[];
  domains?: Record<string, unknown> | string[];
  functions?: Record<string, unknown> | string[];
}

interface TableJson {
  columns?: Record<string, ColumnJson>;
  constraints?: Record<string, ConstraintJson>;
  indexes?: Record<string, IndexJson>;
}

interface ColumnJson {
  type?: string;
  notnull?: boolean;
  default?: string | null;
  identity?: string | null;
  generated?: string | null;
}

interface ConstraintJson {
  type: string;
  def?: string;
  columns?: string[] | null;
  ref_table?: string;
  ref_columns?: string[];
  on_delete?: string;
  on_update?: string;
  from_partition_parent?: boolean;
}

interface IndexJson {
  unique?: boolean;
  method?: string;
  keys?: string[] | null;
  include?: string[] | null;
  where?: string | null;
  from_partition_parent?: boolean;
}

/** Every disagreement as one line, sorted: `column missing public.t.c`, `… invented …`, `… otherwise … : truth ≠ other`. */
export function schemaDisagreements(truth: SchemaJson, other: SchemaJson): string[] {
  const lines: string[] = [];
  const judge = (kind: string, a: Map<string, unknown>, b: Map<string, unknown>) => {
    for (const [key, value] of a) {
      if (!b.has(key)) lines.push(`${kind} missing ${key}`);
      else if (JSON.stringify(value) !== JSON.stringify(b.get(key)))
        lines.push(`${kind} otherwise ${key}: ${JSON.stringify(value)} ≠ ${JSON.stringify(b.get(key))}`);
    }
    for (const key of b.keys()) if (!a.has(key)) lines.push(`${kind} invented ${key}`);
  };
  judge('table', names(truth.tables), names(other.tables));
  const both = Object.keys(truth.tables).filter((key) => key in other.tables);
  const [a, b] = [parts(truth, both), parts(other, both)];
  for (const kind of ['column', 'constraint', 'constraint name', 'index', 'expression'] as const)
    judge(kind, a[kind], b[kind]);
  judge('enum', new Map(Object.entries(truth.enums ?? {})), new Map(Object.entries(other.enums ?? {})));
  for (const kind of ['views', 'sequences', 'domains', 'functions'] as const)
    judge(kind, names(truth[kind]), names(other[kind]));
  return lines.sort();
}

type Kind = 'column' | 'constraint' | 'constraint name' | 'index' | 'expression';

function parts(schema: SchemaJson, tables: string[]): Record<Kind, Map<string, unknown>> {
  const found: Record<Kind, Map<string, unknown>> = {
    column: new Map(),
    constraint: new Map(),
    'constraint name': new Map(),
    index: new Map(),
    expression: new Map(),
  };
  for (const key of tables) {
    const table = schema.tables[key] as TableJson;
    for (const [name, column] of Object.entries(table.columns ?? {})) {
      found.column.set(`${key}.${name}`, [column.type, Boolean(column.notnull), column.identity ?? null]);
      found.expression.set(`${key}.${name}`, [squash(column.default), squash(column.generated)]);
    }
    for (const [name, constraint] of Object.entries(table.constraints ?? {})) {
      if (constraint.from_partition_parent) continue;
      if (constraint.type === 'c') found.expression.set(`${key} check ${name}`, squash(constraint.def));
      else found.constraint.set(`${key} ${JSON.stringify(meaning(constraint))}`, true);
      found['constraint name'].set(`${key}.${name}`, constraint.type);
    }
    for (const [name, index] of Object.entries(table.indexes ?? {})) {
      if (index.from_partition_parent) continue;
      const keys = (index.keys ?? []).map(squash);
      const include = (index.include ?? []).map(squash);
      found.index.set(`${key}.${name}`, [Boolean(index.unique), index.method, keys, include, squash(index.where)]);
    }
  }
  return found;
}

/** A constraint without its name. */
function meaning(constraint: ConstraintJson): unknown[] {
  const { type, columns } = constraint;
  if (type === 'p' || type === 'u') return [type, columns ?? []];
  if (type !== 'f') return [type, squash(constraint.def)];
  const actions = [constraint.on_delete ?? 'NO ACTION', constraint.on_update ?? 'NO ACTION'];
  return [type, columns ?? [], constraint.ref_table, constraint.ref_columns ?? [], ...actions];
}

function names(of: Record<string, unknown> | string[] | undefined): Map<string, true> {
  const list = Array.isArray(of) ? of : Object.keys(of ?? {});
  return new Map(list.map((name) => [name, true]));
}

function squash(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : text.replace(/\s+/g, ' ').trim();
}
