/**
 * Partitions and heirs of tables: attached, detached, and what a parent hands down.
 */
import type { Operation } from '../model/operation.ts';
import type { Constraint, Table } from '../model/schema.ts';
import { inheritConstraint, targetTable } from './constraints.ts';
import type { SchemaDraft } from './draft.ts';
import { inheritIndex } from './indexes.ts';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

/** Hands a parent's constraints and indexes to a child that lacks them. */
export function inheritFrom(draft: SchemaDraft, parent: string, childKey: string): void {
  const table = draft.tables.get(parent);
  const child = () => draft.tables.get(childKey) as Table;
  if (table === undefined) return;
  const has = (constraint: Constraint) =>
    [...child().constraints.values()].some(
      (own) =>
        own.type === constraint.type &&
        (constraint.type === 'c'
          ? own.name === constraint.name
          : own.fromPartitionParent && own.definition === constraint.definition),
    );
  for (const constraint of table.constraints.values())
    if (!has(constraint)) inheritConstraint(draft, parent, constraint, [child()]);
  if (child().partitionBound === null) return;
  const copies = [...child().indexes.values()].filter((index) => index.fromPartitionParent);
  for (const index of table.indexes.values())
    if (!copies.some((copy) => copy.keyTexts.join() === index.keyTexts.join() && copy.where === index.where))
      inheritIndex(draft, parent, index, [child()]);
}

export function attachPartition(draft: SchemaDraft, operation: Act<'attachPartition'>): void {
  const parent = targetTable(draft, operation, operation.table);
  const child = targetTable(draft, operation, operation.partition);
  if (parent === null || child === null) return;
  draft.change(child, (table) => ({ ...table, parents: [...table.parents, parent], partitionBound: operation.bound }));
  inheritFrom(draft, parent, child);
}

export function detachPartition(draft: SchemaDraft, operation: Act<'detachPartition'>): void {
  const parent = targetTable(draft, operation, operation.table);
  const child = targetTable(draft, operation, operation.partition);
  if (parent === null || child === null) return;
  const own = <T extends { fromPartitionParent?: boolean }>(map: ReadonlyMap<string, T>) =>
    new Map([...map].map(([name, value]) => [name, { ...value, fromPartitionParent: false }]));
  draft.change(child, (table) => ({
    ...table,
    parents: table.parents.filter((each) => each !== parent),
    partitionBound: null,
    constraints: own(table.constraints),
    indexes: own(table.indexes),
  }));
}

export function inherit(draft: SchemaDraft, operation: Act<'inherit'>): void {
  const child = targetTable(draft, operation, operation.table);
  const parent = targetTable(draft, operation, operation.parent);
  if (child === null || parent === null) return;
  draft.change(child, (table) => ({
    ...table,
    parents: [...table.parents.filter((each) => each !== parent), ...(operation.isEnded ? [] : [parent])],
  }));
}
