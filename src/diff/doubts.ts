/**
 * What a comparison cannot settle by itself: the objects whose difference may be one of spelling, which PostgreSQL is then
 * asked about; and the types that nobody could read, lent by the other side for as long as it is asked.
 */
import { unreadableType } from '../model/definition.ts';
import type { Column, Constraint, Index, Schema, Table } from '../model/schema.ts';
import { findDifferences } from './compare.ts';
import type { CompareOptions, Found } from './found.ts';

/**
 * Keys of tables, views, functions and domains that may agree once both are spelled by PostgreSQL. In the first round (0)
 * all that is altered; later only what differs in text.
 */
export function keysInDoubt(
  declared: Schema,
  live: Schema,
  options: CompareOptions = {},
  round = 0,
): ReadonlySet<string> {
  const keys = new Set<string>();
  const unpaired = new Map<string, Set<string>>();
  const views = new Map<string, Set<string>>();
  for (const found of findDifferences(declared, live, options).found) {
    const key = found.table ?? found.key;
    if (found.kind === 'view' && (found.direction === 'missing' || found.direction === 'unexpected'))
      views.set(found.direction, (views.get(found.direction) ?? new Set()).add(key));
    else if (found.direction === 'altered' || found.aspects.length > 0) {
      if (round === 0 || found.aspects.some((aspect) => aspect.isText)) keys.add(key);
    } else if (isKnownByText(found)) {
      // What has no name of its own is told apart by its text: one gone and one too many may be the same.
      const directions = unpaired.get(`${key} ${found.kind}`) ?? new Set();
      unpaired.set(`${key} ${found.kind}`, directions.add(found.direction));
      if (directions.size > 1) keys.add(key);
    }
  }
  // One gone and one too many may be one renamed, if PostgreSQL says the same of both.
  if (views.size > 1) for (const each of views.values()) for (const key of each) keys.add(key);
  return keys;
}

function isKnownByText({ kind, declared, live }: Found): boolean {
  if (kind === 'constraint') return /^[cx]$/.test(((declared ?? live) as Constraint).type);
  if (kind !== 'index') return false;
  const index = (declared ?? live) as Index;
  return index.where !== null || index.keys.some((key) => key.isExpression);
}

/** `declared` with the types that could not be read as the live columns have them. */
export function withLentTypes(declared: Schema, live: Schema): Schema {
  return changeColumns(declared, (column, key) => {
    if (column.type !== unreadableType) return column;
    const type = live.tables.get(key)?.columns.get(column.name)?.type;
    return type === undefined ? column : { ...column, type };
  });
}

/** The lent types given back. */
export function withoutLentTypes(schema: Schema, declared: Schema): Schema {
  return changeColumns(schema, (column, key) =>
    column.type !== unreadableType && declared.tables.get(key)?.columns.get(column.name)?.type === unreadableType
      ? { ...column, type: unreadableType }
      : column,
  );
}

export function changeColumns(schema: Schema, change: (column: Column, table: string) => Column): Schema {
  let tables: Map<string, Table> | null = null;
  for (const [key, table] of schema.tables) {
    let columns: Map<string, Column> | null = null;
    for (const column of table.columns.values()) {
      const changed = change(column, key);
      if (changed === column) continue;
      columns ??= new Map(table.columns);
      columns.set(column.name, changed);
    }
    if (columns === null) continue;
    tables ??= new Map(schema.tables);
    tables.set(key, { ...table, columns });
  }
  return tables === null ? schema : { ...schema, tables };
}
