/**
 * Columns: added with what they bring (sequence, constraints, index), altered, renamed and dropped with what names them.
 */

import { isUniqueByIndex } from '../model/ddl-operation.ts';
import { baseTypeOf, nextvalDefault } from '../model/definition.ts';
import { columnsIn, renameColumnIn } from '../model/expression.ts';
import { keyOf, type QualifiedName } from '../model/name.ts';
import type { ColumnDefinition, Operation, SequenceOptions } from '../model/operation.ts';
import type { Column, Constraint, Index, Table } from '../model/schema.ts';
import { childrenOf, placeConstraint, removeConstraint, targetTable, withDefinition } from './constraints.ts';
import type { SchemaDraft } from './draft.ts';
import { chooseName } from './implied-names.ts';
import { placeIndex, withIndexDefinition } from './indexes.ts';
import { doubtViewsOver, removeViewsOfColumn, settleStarsOver } from './views.ts';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

/** The column alone, its sequence made; constraints and index come after, once the table stands. */
export function columnOf(
  draft: SchemaDraft,
  operation: Operation,
  table: { namespace: string; name: string },
  definition: ColumnDefinition,
): Column {
  const type = draft.typeText(definition.type, definition.typeName);
  const isUnread = definition.type === null && definition.typeName === undefined;
  // The thousands of a history are made here: of one shape, field by field.
  const column: Column = {
    origin: operation.origin,
    name: definition.name,
    type,
    notNull: definition.notNull || definition.identity !== null || definition.serial === true,
    default: definition.generated ? null : definition.default,
    identity: definition.identity,
    generated: definition.generated,
    collation: definition.collation ?? null,
    ownedSequence: null,
  };
  if (isUnread || draft.isSuspected(operation, keyOf(table.namespace, table.name))) column.certainty = 'suspected';
  if (definition.comment != null) column.comment = definition.comment;
  if (definition.identity === null && !definition.serial) return column;
  column.ownedSequence = makeSequence(draft, operation, table, definition.name, type, definition.sequence);
  column.default = definition.serial && definition.identity === null ? nextvalDefault(column.ownedSequence) : null;
  return column;
}

/** The sequence of a SERIAL or IDENTITY column: `table_column_seq`. */
function makeSequence(
  draft: SchemaDraft,
  operation: Operation,
  table: { namespace: string; name: string },
  column: string,
  type: string,
  options: SequenceOptions = {},
): string {
  const key = keyOf(table.namespace, table.name);
  const name = chooseName(
    table.name,
    column,
    'seq',
    (each) => each === table.name || draft.isRelation(table.namespace, each),
  );
  draft.setSequence({
    ...draft.stated(operation, key),
    namespace: table.namespace,
    name,
    ownedBy: `${key}.${column}`,
    ...options,
    type: options.type ?? type,
  });
  return keyOf(table.namespace, name);
}

/** Constraints and index that a column's definition states, on a table that stands. Keys go before checks' names matter. */
export function placeColumnExtras(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  definition: ColumnDefinition,
  tableName: QualifiedName,
): void {
  const byIndex = isUniqueByIndex(definition);
  const order = { c: 0, p: 1, u: 2, x: 2, f: 3 };
  for (const constraint of [...(definition.constraints ?? [])].sort((a, b) => order[a.type] - order[b.type]))
    if (!(byIndex && constraint.type === 'u' && constraint.name === null))
      placeConstraint(draft, operation, key, constraint, tableName, definition.name);
  if (definition.index) placeColumnIndex(draft, operation, key, definition, tableName);
}

export function placeColumnIndex(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  definition: ColumnDefinition,
  tableName: QualifiedName,
): void {
  placeIndex(
    draft,
    operation,
    key,
    {
      name: null,
      unique: isUniqueByIndex(definition),
      method: 'btree',
      keys: [{ text: definition.name, isExpression: false }],
    },
    tableName,
    false,
  );
}

export function addColumn(draft: SchemaDraft, operation: Act<'addColumn'>): void {
  const key = targetTable(draft, operation, operation.table);
  if (key !== null) addColumnTo(draft, operation, key);
}

function addColumnTo(draft: SchemaDraft, operation: Act<'addColumn'>, key: string): void {
  const table = draft.tables.get(key);
  if (table === undefined) return;
  const definition = operation.column;
  const standing = table.columns.get(definition.name);
  if (standing !== undefined) {
    if (!operation.ifNotExists)
      draft.note({
        kind: 'created-twice',
        operation,
        object: `${key}.${definition.name}`,
        objectKind: 'column',
        first: standing.origin ?? null,
      });
    return;
  }
  const column = columnOf(draft, operation, table, definition);
  addToFamily(draft, key, column);
  placeColumnExtras(draft, operation, key, definition, operation.table);
}

function addToFamily(draft: SchemaDraft, key: string, column: Column): void {
  settleStarsOver(draft, key);
  draft.change(key, (each) => ({ ...each, columns: new Map(each.columns).set(column.name, column) }));
  for (const child of childrenOf(draft, key))
    if (!child.columns.has(column.name))
      addToFamily(draft, keyOf(child.namespace, child.name), { ...column, ownedSequence: null });
}

/** Key of the table whose column an operation is about; null, with a note, where there is none. */
function targetColumn(
  draft: SchemaDraft,
  operation: Operation,
  table: QualifiedName,
  column: string,
  quietly = false,
): string | null {
  const key = targetTable(draft, operation, table);
  if (key === null) return null;
  if (draft.tables.get(key)?.columns.has(column)) return key;
  if (!quietly) draft.note({ kind: 'target-missing', operation, object: `${key}.${column}`, objectKind: 'column' });
  return null;
}

export function dropColumn(draft: SchemaDraft, operation: Act<'dropColumn'>): void {
  const key = targetColumn(draft, operation, operation.table, operation.column, operation.ifExists);
  if (key !== null) removeColumn(draft, key, operation.column, operation.cascade ?? false);
}

/** Takes a column off with every constraint and index that names it, and the sequence it owns. */
export function removeColumn(draft: SchemaDraft, key: string, name: string, cascade: boolean): void {
  const table = draft.tables.get(key);
  const column = table?.columns.get(name);
  if (table === undefined || column === undefined) return;
  settleStarsOver(draft, key);
  if (cascade) removeViewsOfColumn(draft, key, name);
  for (const constraint of table.constraints.values())
    if (constraintNames(constraint, table, name)) removeConstraint(draft, key, constraint.name);
  if (column.ownedSequence !== null) draft.delete('sequences', column.ownedSequence);
  draft.change(key, (each) => {
    const columns = new Map(each.columns);
    columns.delete(name);
    if (cascade)
      for (const other of each.columns.values())
        if (other.generated !== null && columnsIn(other.generated.expression, [name]).length > 0)
          columns.delete(other.name);
    const indexes = new Map([...each.indexes].filter(([, index]) => !indexNames(index, name)));
    return { ...each, columns, indexes };
  });
  for (const child of childrenOf(draft, key)) removeColumn(draft, keyOf(child.namespace, child.name), name, cascade);
}

function constraintNames(constraint: Constraint, table: Table, column: string): boolean {
  if (constraint.type === 'x') return columnsIn(constraint.definition, table.columns.keys()).includes(column);
  return constraint.columns.includes(column) || (constraint.include?.includes(column) ?? false);
}

function indexNames(index: Index, column: string): boolean {
  return (
    index.include.includes(column) ||
    index.keys.some((key) => (key.isExpression ? columnsIn(key.text, [column]).length > 0 : key.text === column)) ||
    (index.where !== null && columnsIn(index.where, [column]).length > 0)
  );
}

export function renameColumn(draft: SchemaDraft, operation: Act<'renameColumn'>): void {
  const key = targetColumn(draft, operation, operation.table, operation.column);
  if (key === null || operation.column === operation.to) return;
  if (draft.tables.get(key)?.columns.has(operation.to)) {
    draft.note({
      kind: 'created-twice',
      operation,
      object: `${key}.${operation.to}`,
      objectKind: 'column',
      first: draft.tables.get(key)?.columns.get(operation.to)?.origin ?? null,
    });
    return;
  }
  renameInFamily(draft, key, operation.column, operation.to);
}

function renameInFamily(draft: SchemaDraft, key: string, from: string, to: string): void {
  settleStarsOver(draft, key);
  doubtViewsOver(draft, key, from);
  const rename = (name: string) => (name === from ? to : name);
  const renameIn = (text: string) => renameColumnIn(text, from, to);
  const sequence = draft.tables.get(key)?.columns.get(from)?.ownedSequence;
  if (sequence) {
    const owned = draft.map('sequences').get(sequence);
    if (owned !== undefined) draft.set('sequences', sequence, { ...owned, ownedBy: `${key}.${to}` });
  }
  draft.change(key, (table) => ({
    ...table,
    columns: new Map(
      [...table.columns].map(([name, column]) => {
        const generated = column.generated && {
          ...column.generated,
          expression: renameIn(column.generated.expression),
        };
        return name === from
          ? [to, { ...column, name: to, generated }]
          : [name, generated?.expression === column.generated?.expression ? column : { ...column, generated }];
      }),
    ),
    constraints: new Map(
      [...table.constraints].map(([name, constraint]) => {
        const changed =
          constraint.type === 'x'
            ? { ...constraint, columns: constraint.columns.map(rename), definition: renameIn(constraint.definition) }
            : constraint.columns.includes(from) || constraint.include?.includes(from)
              ? withDefinition({
                  ...constraint,
                  columns: constraint.columns.map(rename),
                  ...(constraint.include ? { include: constraint.include.map(rename) } : {}),
                  expression: constraint.expression === null ? null : renameIn(constraint.expression),
                })
              : constraint;
        return [name, changed];
      }),
    ),
    indexes: new Map(
      [...table.indexes].map(([name, index]) => {
        if (!indexNames(index, from)) return [name, index];
        return [
          name,
          withIndexDefinition(key, {
            ...index,
            keys: index.keys.map((each) => ({
              ...each,
              text: each.isExpression ? renameIn(each.text) : rename(each.text),
            })),
            include: index.include.map(rename),
            where: index.where === null ? null : renameIn(index.where),
          }),
        ];
      }),
    ),
    policies: new Map(
      [...table.policies].map(([name, policy]) => [
        name,
        { ...policy, using: policy.using && renameIn(policy.using), check: policy.check && renameIn(policy.check) },
      ]),
    ),
    partitionKey: table.partitionKey === null ? null : renameInPartitionKey(table.partitionKey, from, to),
  }));
  for (const [otherKey, other] of draft.tables)
    for (const constraint of other.constraints.values())
      if (constraint.references?.table === key && constraint.references.columns.includes(from))
        draft.change(otherKey, (table) => ({
          ...table,
          constraints: new Map(table.constraints).set(
            constraint.name,
            withDefinition({
              ...(table.constraints.get(constraint.name) as Constraint),
              references: { ...constraint.references!, columns: constraint.references!.columns.map(rename) },
            }),
          ),
        }));
  for (const child of childrenOf(draft, key))
    if (child.columns.has(from)) renameInFamily(draft, keyOf(child.namespace, child.name), from, to);
}

/** `RANGE (a)`: the word before the parenthesis is none of the columns. */
function renameInPartitionKey(text: string, from: string, to: string): string {
  const open = text.indexOf('(');
  return open < 0 ? text : text.slice(0, open) + renameColumnIn(text.slice(open), from, to);
}

export function alterColumn(draft: SchemaDraft, operation: Act<'alterColumn'>): void {
  const key = targetColumn(draft, operation, operation.table, operation.column);
  if (key !== null) alterInFamily(draft, operation, key);
}

function alterInFamily(draft: SchemaDraft, operation: Act<'alterColumn'>, key: string): void {
  const table = draft.tables.get(key);
  const before = table?.columns.get(operation.column);
  if (table === undefined || before === undefined) return;
  const stated = draft.stated(operation, key);
  let column: Column = { ...before, ...(stated.certainty ? { certainty: stated.certainty } : {}) };
  const changesType = operation.type !== undefined || operation.typeName !== undefined;
  if (changesType) {
    const type = draft.typeText(operation.type, operation.typeName);
    column = {
      ...column,
      type,
      collation: operation.collation ?? null,
      default: column.default === null ? null : castToOldType(column.default, before.type, type),
      ...(operation.type === null && operation.typeName === undefined ? { certainty: 'suspected' as const } : {}),
    };
  }
  if (operation.generated === null) column = { ...column, generated: null };
  if (operation.default !== undefined) column = { ...column, default: operation.default };
  if (operation.notNull !== undefined) column = { ...column, notNull: operation.notNull };
  if (operation.comment !== undefined) column = { ...column, comment: operation.comment };
  if (operation.identity !== undefined && operation.identity !== before.identity)
    column = withIdentity(draft, operation, table, column, operation.identity);
  const sequence = column.ownedSequence === null ? undefined : draft.map('sequences').get(column.ownedSequence);
  if (operation.sequence !== undefined && sequence !== undefined)
    draft.setSequence({ ...sequence, ...operation.sequence });
  draft.change(key, (each) => ({ ...each, columns: new Map(each.columns).set(column.name, column) }));
  if (changesType && baseTypeOf(before.type) !== baseTypeOf(column.type)) doubtTexts(draft, key, column.name);
  for (const child of childrenOf(draft, key)) alterInFamily(draft, operation, keyOf(child.namespace, child.name));
}

function withIdentity(
  draft: SchemaDraft,
  operation: Operation,
  table: Table,
  column: Column,
  identity: Column['identity'],
): Column {
  if (identity === null) {
    if (column.ownedSequence !== null) draft.delete('sequences', column.ownedSequence);
    return { ...column, identity, ownedSequence: null };
  }
  if (column.identity !== null) return { ...column, identity };
  const ownedSequence = makeSequence(draft, operation, table, column.name, column.type);
  return { ...column, identity, ownedSequence, default: null, notNull: true };
}

/** A literal keeps the type it had when the column's type changes (ATExecAlterColumnType): `'x'` of a varchar stays one. */
function castToOldType(text: string, from: string, to: string): string {
  return baseTypeOf(from) !== baseTypeOf(to) && /^'(?:[^']|'')*'$/.test(text.trim())
    ? `${text.trim()}::${from.replace(/\([^()]*\)/, '')}`
    : text;
}

/** PostgreSQL parses checks and index expressions again from its own text when a column's type changes. */
function doubtTexts(draft: SchemaDraft, key: string, column: string): void {
  draft.change(key, (table) => ({
    ...table,
    constraints: new Map(
      [...table.constraints].map(([name, each]) => [
        name,
        each.type === 'c' && each.columns.includes(column) ? { ...each, textCertainty: 'suspected' as const } : each,
      ]),
    ),
    indexes: new Map(
      [...table.indexes].map(([name, each]) => [
        name,
        (each.where !== null || each.keys.some((part) => part.isExpression)) && indexNames(each, column)
          ? { ...each, textCertainty: 'suspected' as const }
          : each,
      ]),
    ),
  }));
}
