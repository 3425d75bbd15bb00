/**
 * What is asked of all tables for nearly every operation, kept while they change: which names PostgreSQL has given away,
 * which tables inherit. A look through all tables instead would cost the square of their number.
 */
import { keyOf } from '../model/name.ts';
import type { Table } from '../model/schema.ts';

type Tables = ReadonlyMap<string, Table>;

export class TableIndex {
  /** How many indexes and keys bear a name (`schema.name`). */
  readonly relations = new Map<string, number>();
  /** How many constraints bear a name. */
  readonly constraints = new Map<string, number>();
  readonly childrenByParent = new Map<string, Set<string>>();

  constructor(tables: Tables) {
    for (const table of tables.values()) this.replace(undefined, table);
  }

  replace(before: Table | undefined, after: Table | undefined): void {
    if (before?.indexes !== after?.indexes) {
      if (before !== undefined) this.countIndexes(before, -1);
      if (after !== undefined) this.countIndexes(after, 1);
    }
    if (before?.constraints !== after?.constraints) {
      if (before !== undefined) this.countConstraints(before, -1);
      if (after !== undefined) this.countConstraints(after, 1);
    }
    if (before?.parents === after?.parents) return;
    for (const parent of before?.parents ?? []) this.childrenByParent.get(parent)?.delete(keyOfTable(before as Table));
    for (const parent of after?.parents ?? []) {
      const children = this.childrenByParent.get(parent) ?? new Set();
      this.childrenByParent.set(parent, children.add(keyOfTable(after as Table)));
    }
  }

  private countIndexes({ namespace, indexes }: Table, by: 1 | -1): void {
    for (const name of indexes.keys()) add(this.relations, keyOf(namespace, name), by);
  }

  private countConstraints({ namespace, constraints }: Table, by: 1 | -1): void {
    for (const { name, type } of constraints.values()) {
      add(this.constraints, keyOf(namespace, name), by);
      if (type === 'p' || type === 'u' || type === 'x') add(this.relations, keyOf(namespace, name), by);
    }
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function keyOfTable({ namespace, name }: Table): string {
  return keyOf(namespace, name);
}

const kept = new WeakMap<Tables, TableIndex>();

/** Leaves the index of tables that change no more to whoever changes a copy of them next. */
export function handOn(tables: Tables, index: TableIndex): void {
  kept.set(tables, index);
}

/** The index of `tables`, from here on the caller's alone: another that starts from the same tables makes its own. */
export function takeOver(tables: Tables): TableIndex {
  const index = kept.get(tables);
  kept.delete(tables);
  return index ?? new TableIndex(tables);
}
