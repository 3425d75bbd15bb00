/**
 * Tables: made with all they state, in the order in which PostgreSQL picks implied names; renamed, moved and dropped with
 * what points at them.
 */

import { isUniqueByIndex } from '../model/ddl-operation.ts';
import { displayOfKey, nextvalDefault } from '../model/definition.ts';
import { keyOf, nameOfKey, type QualifiedName, truncateIdentifier } from '../model/name.ts';
import type { ConstraintDefinition, Operation, TableDefinition } from '../model/operation.ts';
import type { Column, Constraint, Table } from '../model/schema.ts';
import { columnOf, placeColumnIndex } from './columns.ts';
import { childrenOf, placeConstraint, sameColumns, targetTable, withDefinition } from './constraints.ts';
import { SchemaDraft } from './draft.ts';
import { inheritFrom } from './heirs.ts';
import { placeIndex, renameIndex, withIndexDefinition } from './indexes.ts';
import { renameSequence } from './kin.ts';
import { moveViewsOver, removeViewsOver, renameView } from './views.ts';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

export function createTable(draft: SchemaDraft, operation: Act<'createTable'>): void {
  const definition = operation.table;
  const name = { ...definition.name, name: truncateIdentifier(definition.name.name) };
  if (definition.temporary || name.schema?.startsWith('pg_temp')) {
    draft.addTemporary(name.name);
    return;
  }
  const key = draft.createdKey(name);
  const standing = draft.tables.get(key);
  if (standing !== undefined || draft.map('views').has(key)) {
    if (operation.ifNotExists && standing !== undefined) keepStanding(draft, operation, key, standing);
    else if (!operation.ifNotExists)
      draft.note({
        kind: 'created-twice',
        operation,
        object: key,
        objectKind: 'table',
        first: (standing ?? draft.map('views').get(key))?.origin ?? null,
      });
    return;
  }
  if (!operation.ifNotExists) draft.clearSuspicion(operation, key);
  build(draft, operation, key, definition, name);
}

/** IF NOT EXISTS over a table that stands: nothing happens but a NOTICE; its indexes are statements of their own. */
function keepStanding(draft: SchemaDraft, operation: Act<'createTable'>, key: string, standing: Table): void {
  const trial = new SchemaDraft(draft.state, { namingConvention: draft.options.namingConvention });
  trial.delete('tables', key);
  for (const column of standing.columns.values())
    if (column.ownedSequence !== null) trial.delete('sequences', column.ownedSequence);
  build(trial, operation, key, operation.table, operation.table.name);
  const intended = trial.tables.get(key);
  if (intended !== undefined && !sameShape(standing, intended))
    draft.note({ kind: 'guard-kept-shape', operation, object: key, standing, intended });
  for (const index of operation.table.indexes) placeIndex(draft, operation, key, index, operation.table.name, true);
}

function sameShape(a: Table, b: Table): boolean {
  if (a.columns.size !== b.columns.size) return false;
  for (const column of b.columns.values()) {
    const own = a.columns.get(column.name);
    if (own === undefined || own.type !== column.type || own.notNull !== column.notNull) return false;
  }
  const meanings = (table: Table) =>
    [...table.constraints.values()]
      .filter((each) => each.type !== 'c')
      .map((each) => each.definition)
      .sort()
      .join('\n');
  return meanings(a) === meanings(b);
}

function build(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  definition: TableDefinition,
  name: QualifiedName,
): void {
  const namespace = nameOfKey(key).schema ?? 'public';
  draft.addNamespace(namespace);
  const parents = [
    ...(definition.inherits ?? []),
    ...(definition.partitionOf ? [definition.partitionOf.parent] : []),
  ].map((parent) => draft.findTable(parent) ?? draft.createdKey(parent));
  const columns = new Map<string, Column>();
  for (const parent of parents) {
    const table = draft.tables.get(parent);
    if (table === undefined) draft.note({ kind: 'target-missing', operation, object: parent, objectKind: 'table' });
    for (const column of table?.columns.values() ?? [])
      if (!columns.has(column.name))
        columns.set(column.name, { ...column, origin: operation.origin, ownedSequence: null });
  }
  for (const column of definition.columns) {
    const inherited = definition.partitionOf ? columns.get(column.name) : undefined;
    // In a partition a column is named again only to give it a default or a constraint of its own.
    if (inherited !== undefined)
      columns.set(column.name, {
        ...inherited,
        notNull: inherited.notNull || column.notNull,
        default: column.default ?? inherited.default,
      });
    else columns.set(column.name, columnOf(draft, operation, { namespace, name: name.name }, column));
  }
  const table: Table = {
    origin: operation.origin,
    namespace,
    name: name.name,
    kind: definition.partitionKey ? 'partitioned' : 'table',
    columns,
    constraints: new Map(),
    indexes: new Map(),
    triggers: new Map(),
    policies: new Map(),
    persistence: definition.unlogged ? 'u' : 'p',
    partitionKey: definition.partitionKey ?? null,
    partitionBound: definition.partitionOf?.bound ?? null,
    parents,
    rowSecurity: false,
    forceRowSecurity: false,
    options: definition.options ?? [],
  };
  if (draft.isSuspected(operation, key)) table.certainty = 'suspected';
  if (definition.comment != null) table.comment = definition.comment;
  draft.setTable(table);
  placeStated(draft, operation, key, definition);
  for (const parent of parents) inheritFrom(draft, parent, key);
  for (const index of definition.indexes) placeIndex(draft, operation, key, index, definition.name, false);
  for (const column of definition.columns)
    if (column.index) placeColumnIndex(draft, operation, key, column, definition.name);
}

/** Checks first, then the primary key, then the other keys, foreign keys last: the order in which names are picked. */
function placeStated(draft: SchemaDraft, operation: Operation, key: string, definition: TableDefinition): void {
  const stated: { constraint: ConstraintDefinition; inline?: string }[] = [
    ...definition.columns.flatMap((column) =>
      (column.constraints ?? [])
        .filter((constraint) => !(isUniqueByIndex(column) && constraint.type === 'u' && constraint.name === null))
        .map((constraint) => ({ constraint, inline: column.name })),
    ),
    ...definition.constraints.map((constraint) => ({ constraint })),
  ];
  const keys: { constraint: ConstraintDefinition; inline?: string }[] = [];
  for (const each of [
    ...stated.filter((one) => one.constraint.type === 'p'),
    ...stated.filter((one) => one.constraint.type === 'u' || one.constraint.type === 'x'),
  ]) {
    const twin = keys.find((other) => isSameKey(other, each));
    // transformIndexConstraints: of two keys over the same columns one is made, under the first name given.
    if (twin === undefined) keys.push(each);
    else if (twin.constraint.name === null && each.constraint.name !== null)
      twin.constraint = {
        ...twin.constraint,
        name: each.constraint.name,
        ...(each.constraint.nameIsFinal ? { nameIsFinal: true } : {}),
      };
  }
  const place = (each: { constraint: ConstraintDefinition; inline?: string }) =>
    placeConstraint(draft, operation, key, each.constraint, definition.name, each.inline);
  for (const each of stated) if (each.constraint.type === 'c') place(each);
  for (const each of keys) place(each);
  for (const each of stated) if (each.constraint.type === 'f') place(each);
}

function isSameKey(
  a: { constraint: ConstraintDefinition; inline?: string },
  b: { constraint: ConstraintDefinition; inline?: string },
): boolean {
  if (a.constraint.type === 'x' || b.constraint.type === 'x') return false;
  const columns = (each: typeof a) =>
    each.constraint.columns.length > 0 || each.inline === undefined ? each.constraint.columns : [each.inline];
  return (
    sameColumns(columns(a), columns(b)) &&
    (a.constraint.deferrable ?? null) === (b.constraint.deferrable ?? null) &&
    (a.constraint.nullsNotDistinct ?? false) === (b.constraint.nullsNotDistinct ?? false)
  );
}

export function dropTable(draft: SchemaDraft, operation: Act<'dropTable'>): void {
  const key = draft.findTable(operation.table);
  if (key === null) {
    if (draft.isTemporary(operation.table)) draft.dropTemporary(operation.table.name);
    else if (!operation.ifExists)
      draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.table), objectKind: 'table' });
    return;
  }
  if (!operation.ifExists) draft.clearSuspicion(operation, key);
  removeTable(draft, key, operation.cascade ?? false);
}

/** Takes a table away with its sequences, its partitions, foreign keys to it and, by CASCADE, views and heirs. */
export function removeTable(draft: SchemaDraft, key: string, cascade: boolean): void {
  const table = draft.tables.get(key);
  if (table === undefined) return;
  draft.delete('tables', key);
  for (const column of table.columns.values())
    if (column.ownedSequence !== null) draft.delete('sequences', column.ownedSequence);
  for (const child of childrenOf(draft, key)) removeTable(draft, keyOf(child.namespace, child.name), cascade);
  for (const other of draft.tables.values()) {
    const pointing = [...other.constraints.values()].filter((each) => each.references?.table === key);
    if (pointing.length === 0) continue;
    const constraints = new Map(other.constraints);
    for (const constraint of pointing) constraints.delete(constraint.name);
    draft.setTable({ ...other, constraints });
  }
  if (cascade) removeViewsOver(draft, key);
}

export function renameTable(draft: SchemaDraft, operation: Act<'renameTable'>): void {
  const key = draft.findTable(operation.table);
  if (key === null) {
    // ALTER TABLE … RENAME takes any relation.
    renameRelation(draft, operation);
    return;
  }
  const table = draft.tables.get(key) as Table;
  const name = truncateIdentifier(operation.to);
  if (name !== table.name) moveTable(draft, operation, key, table.namespace, name);
}

/** ALTER TABLE … RENAME takes any relation: a view, a sequence, an index. */
function renameRelation(draft: SchemaDraft, operation: Act<'renameTable'>): void {
  const name = operation.table;
  const view = draft.find(name, (each) => draft.map('views').has(each));
  const sequence = draft.find(name, (each) => draft.map('sequences').has(each));
  const namespaces = name.schema === null ? draft.searchPath : [name.schema];
  if (view !== null) renameView(draft, view, operation.to);
  else if (sequence !== null) renameSequence(draft, sequence, operation.to);
  else if (namespaces.some((namespace) => draft.isRelation(namespace, name.name)))
    renameIndex(draft, { ...operation, kind: 'renameIndex', index: name });
  else if (!operation.ifExists && !draft.isTemporary(name))
    draft.note({ kind: 'target-missing', operation, object: draft.createdKey(name), objectKind: 'table' });
}

export function setTableNamespace(draft: SchemaDraft, operation: Act<'setTableNamespace'>): void {
  const key = targetTable(draft, operation, operation.table);
  if (key === null) return;
  draft.addNamespace(operation.to);
  const table = draft.tables.get(key) as Table;
  if (table.namespace === operation.to) return;
  const columns = new Map(table.columns);
  for (const column of table.columns.values()) {
    const sequence = column.ownedSequence === null ? undefined : draft.map('sequences').get(column.ownedSequence);
    if (sequence === undefined || column.ownedSequence === null) continue;
    const moved = keyOf(operation.to, sequence.name);
    draft.delete('sequences', column.ownedSequence);
    draft.set('sequences', moved, { ...sequence, namespace: operation.to });
    columns.set(column.name, {
      ...column,
      ownedSequence: moved,
      default: column.default === nextvalDefault(column.ownedSequence) ? nextvalDefault(moved) : column.default,
    });
  }
  draft.set('tables', key, { ...table, columns });
  moveTable(draft, operation, key, operation.to, table.name);
}

/** Puts a table under another key and lets everything that names it follow. */
function moveTable(draft: SchemaDraft, operation: Operation, from: string, namespace: string, name: string): void {
  const to = keyOf(namespace, name);
  const table = draft.tables.get(from) as Table;
  const standing = draft.tables.get(to);
  if (standing !== undefined) {
    draft.note({ kind: 'created-twice', operation, object: to, objectKind: 'table', first: standing.origin ?? null });
    return;
  }
  const repoint = (constraint: Constraint): Constraint =>
    constraint.references?.table === from
      ? withDefinition({ ...constraint, references: { ...constraint.references, table: to } })
      : constraint;
  const pointsHere = (each: Table) =>
    [...each.constraints.values()].some((constraint) => constraint.references?.table === from);
  draft.delete('tables', from);
  draft.setTable({
    ...table,
    namespace,
    name,
    constraints: new Map([...table.constraints].map(([each, constraint]) => [each, repoint(constraint)])),
    indexes: new Map([...table.indexes].map(([each, index]) => [each, withIndexDefinition(to, index)])),
    triggers: new Map(
      [...table.triggers].map(([each, trigger]) => [
        each,
        { ...trigger, definition: trigger.definition.replace(onClause(from), ` ON ${displayOfKey(to)} `) },
      ]),
    ),
  });
  for (const column of table.columns.values()) {
    const sequence = column.ownedSequence === null ? undefined : draft.map('sequences').get(column.ownedSequence);
    if (sequence !== undefined && column.ownedSequence !== null)
      draft.set('sequences', column.ownedSequence, { ...sequence, ownedBy: `${to}.${column.name}` });
  }
  for (const [otherKey, other] of draft.tables) {
    const isChild = other.parents.includes(from);
    if (!isChild && !pointsHere(other)) continue;
    draft.set('tables', otherKey, {
      ...other,
      parents: other.parents.map((parent) => (parent === from ? to : parent)),
      constraints: new Map([...other.constraints].map(([each, constraint]) => [each, repoint(constraint)])),
    });
  }
  moveViewsOver(draft, from, to);
}

/** ` ON [schema.]table ` of a trigger's definition, however the name is written. */
function onClause(key: string): RegExp {
  const { schema, name } = nameOfKey(key);
  const part = (text: string) => `"?${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}"?`;
  return new RegExp(`\\sON\\s+(?:${part(schema ?? 'public')}\\.)?${part(name)}\\s`, 'i');
}

export function commentOnTable(draft: SchemaDraft, operation: Act<'commentOnTable'>): void {
  const key = targetTable(draft, operation, operation.table);
  if (key !== null) draft.change(key, (table) => ({ ...table, comment: operation.comment }));
}

export function alterTableOption(draft: SchemaDraft, operation: Act<'alterTableOption'>): void {
  const key = targetTable(draft, operation, operation.table);
  if (key === null) return;
  draft.change(key, (table) => {
    switch (operation.option) {
      case 'rowSecurity':
        return { ...table, rowSecurity: operation.value === true };
      case 'forceRowSecurity':
        return { ...table, forceRowSecurity: operation.value === true };
      case 'persistence':
        return { ...table, persistence: operation.value === 'u' || operation.value === 'unlogged' ? 'u' : 'p' };
      case 'owner':
        return table;
    }
  });
}
