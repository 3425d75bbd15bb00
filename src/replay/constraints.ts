/**
 * Constraints: their names (given, by convention, implied), what they bring with them, and what goes when they go.
 */
import { constraintDefinition, placeOfKey } from '../model/definition.ts';
import { columnsIn } from '../model/expression.ts';
import { keyOf, type QualifiedName, truncateIdentifier } from '../model/name.ts';
import type { ConstraintDefinition, Operation } from '../model/operation.ts';
import type { Column, Constraint, Index, Reference, Table } from '../model/schema.ts';
import type { SchemaDraft } from './draft.ts';
import { chooseName, indexColumnNames, joinedColumns } from './implied-names.ts';
import { conventionalName, truncateLabel } from './naming-convention.ts';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

const conventionKey = { p: 'pk', u: 'uq', f: 'fk', c: 'ck' } as const;

/** A name as it reaches PostgreSQL: final ones are cut as their writer cuts them, others go through the convention. */
export function statedName(
  draft: SchemaDraft,
  operation: Operation,
  given: { name: string | null; nameIsFinal?: boolean },
  conventional: () => string | null,
): string | null {
  if (operation.sql !== undefined) return given.name === null ? null : cut(draft, operation, given.name);
  // `op.f` makes SQLAlchemy cut with a hash; a plain name that is too long it refuses.
  if (given.nameIsFinal) return given.name === null ? null : truncateLabel(given.name);
  const name = conventional();
  return name === null ? null : cut(draft, operation, name);
}

function cut(draft: SchemaDraft, operation: Operation, name: string): string {
  const short = truncateIdentifier(name);
  if (short !== name) draft.note({ kind: 'name-too-long', operation, object: name, name });
  return short;
}

/** Applies one stated constraint to a table that stands in the draft; `inline` is the column it was written on. */
export function placeConstraint(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  definition: ConstraintDefinition,
  tableName: QualifiedName,
  inline?: string,
  guarded = false,
): void {
  const table = draft.tables.get(key);
  if (table === undefined) return;
  const usedIndex = definition.usingIndex === undefined ? undefined : table.indexes.get(definition.usingIndex);
  const stated =
    usedIndex !== undefined
      ? usedIndex.keys.map((each) => each.text)
      : definition.columns.length > 0 || inline === undefined
        ? definition.columns
        : [inline];
  const text =
    definition.type === 'c' ? definition.expression : definition.type === 'x' ? definition.definition : undefined;
  const columns =
    text !== undefined && (definition.type === 'c' || stated.length === 0)
      ? columnsIn(text, table.columns.keys())
      : stated;
  const references =
    definition.references === undefined ? null : resolveReference(draft, operation, key, definition.references);
  const name =
    statedName(draft, operation, definition, () =>
      definition.type === 'x'
        ? definition.name
        : conventionalName(draft.options.namingConvention, {
            kind: conventionKey[definition.type],
            table: tableName.name,
            namespace: tableName.schema,
            columns: definition.type === 'c' ? [] : stated,
            ...(definition.references
              ? {
                  referredTable: definition.references.table.name,
                  referredNamespace: definition.references.table.schema,
                  referredColumns:
                    definition.references.columns.length > 0
                      ? definition.references.columns
                      : (references?.columns ?? []),
                }
              : {}),
            name: definition.name,
          }),
    ) ??
    definition.usingIndex ??
    impliedName(draft, table, definition, columns);
  const standing = table.constraints.get(name);
  if (standing !== undefined) {
    if (!guarded)
      draft.note({
        kind: 'created-twice',
        operation,
        object: `${key}.${name}`,
        objectKind: 'constraint',
        first: standing.origin ?? null,
        isNameImplied: definition.name === null,
      });
    return;
  }
  if (definition.type !== 'c' && definition.type !== 'x')
    for (const column of columns)
      if (!table.columns.has(column))
        draft.note({ kind: 'target-missing', operation, object: `${key}.${column}`, objectKind: 'column' });
  const constraint: Constraint = {
    origin: operation.origin,
    name,
    type: definition.type,
    columns: [...columns],
    definition: definition.type === 'x' ? exclusionText(definition) : '',
    references,
    expression: definition.type === 'c' ? (definition.expression ?? null) : null,
    deferrable: definition.deferrable ?? null,
    validated: !definition.notValid && !definition.notEnforced,
    ...(definition.notEnforced ? { enforced: false } : {}),
  };
  if (draft.isSuspected(operation, key)) constraint.certainty = 'suspected';
  if (definition.nullsNotDistinct) constraint.nullsNotDistinct = true;
  if (definition.include?.length) constraint.include = definition.include;
  constraint.definition = constraintDefinition(constraint);
  install(draft, key, constraint, usedIndex);
}

function exclusionText(definition: ConstraintDefinition): string {
  const text = definition.definition ?? definition.expression ?? '';
  const whole = /^exclude\b/i.test(text) ? text : `EXCLUDE ${text}`;
  if (!definition.deferrable || /\bdeferrable\b/i.test(whole)) return whole;
  return `${whole} DEFERRABLE${definition.deferrable === 'initially deferred' ? ' INITIALLY DEFERRED' : ''}`;
}

export function withDefinition(constraint: Constraint): Constraint {
  return { ...constraint, definition: constraintDefinition(constraint) };
}

function install(draft: SchemaDraft, key: string, constraint: Constraint, usedIndex?: Index): void {
  draft.change(key, (table) => {
    const constraints = new Map(table.constraints).set(constraint.name, constraint);
    const changed = { ...table, constraints };
    if (usedIndex !== undefined) {
      const indexes = new Map(table.indexes);
      indexes.delete(usedIndex.name);
      changed.indexes = indexes;
    }
    return constraint.type === 'p'
      ? { ...changed, columns: withNotNull(changed.columns, constraint.columns) }
      : changed;
  });
  inheritConstraint(draft, key, constraint);
}

function withNotNull(columns: ReadonlyMap<string, Column>, names: readonly string[]): ReadonlyMap<string, Column> {
  const changed = new Map(columns);
  for (const name of names) {
    const column = changed.get(name);
    if (column !== undefined && !column.notNull) changed.set(name, { ...column, notNull: true });
  }
  return changed;
}

/** Checks reach every heir under their name; keys reach partitions under names of the partition's own. */
export function inheritConstraint(
  draft: SchemaDraft,
  key: string,
  constraint: Constraint,
  children: readonly Table[] = childrenOf(draft, key),
): void {
  for (const child of children) {
    const isPartition = child.partitionBound !== null;
    if (constraint.type !== 'c' && !isPartition) continue;
    const childKey = keyOf(child.namespace, child.name);
    const name =
      constraint.type === 'c' || (constraint.type === 'f' && !child.constraints.has(constraint.name))
        ? constraint.name
        : impliedName(draft, child, constraint, constraint.columns);
    if (child.constraints.has(name)) continue;
    install(draft, childKey, {
      ...constraint,
      name,
      ...(constraint.type === 'c' ? {} : { fromPartitionParent: true }),
    });
  }
}

export function childrenOf(draft: SchemaDraft, key: string): Table[] {
  return [...draft.childrenOf(key)].map((child) => draft.tables.get(child) as Table);
}

function resolveReference(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  references: NonNullable<ConstraintDefinition['references']>,
): Reference {
  const found = draft.findTable(references.table);
  const target = found ?? draft.createdKey(references.table);
  const table = draft.tables.get(target);
  if (table === undefined && target !== key)
    draft.note({ kind: 'target-missing', operation, object: target, objectKind: 'table' });
  const primary = table === undefined ? undefined : [...table.constraints.values()].find((each) => each.type === 'p');
  return {
    table: target,
    columns: references.columns.length > 0 ? references.columns : (primary?.columns ?? []),
    onDelete: references.onDelete ?? 'NO ACTION',
    onUpdate: references.onUpdate ?? 'NO ACTION',
    ...(references.match === 'FULL' ? { match: 'FULL' as const } : {}),
  };
}

function impliedName(
  draft: SchemaDraft,
  table: Table,
  definition: Pick<ConstraintDefinition, 'type' | 'include'>,
  columns: readonly string[],
): string {
  const isConstraint = (name: string) => draft.isConstraint(table.namespace, name);
  const isEither = (name: string) => draft.isRelation(table.namespace, name) || isConstraint(name);
  const joined = () =>
    joinedColumns(
      indexColumnNames([...columns, ...(definition.include ?? [])].map((text) => ({ text, isExpression: false }))),
    );
  switch (definition.type) {
    case 'p':
      return chooseName(table.name, null, 'pkey', isEither);
    case 'u':
      return chooseName(table.name, joined(), 'key', isEither);
    case 'x':
      return chooseName(table.name, joined(), 'excl', isEither);
    case 'f':
      return chooseName(table.name, joinedColumns(columns), 'fkey', isConstraint);
    case 'c':
      return chooseName(table.name, columns.length === 1 ? (columns[0] as string) : null, 'check', isConstraint);
  }
}

export function addConstraint(draft: SchemaDraft, operation: Act<'addConstraint'>): void {
  const key = targetTable(draft, operation, operation.table);
  if (key !== null)
    placeConstraint(
      draft,
      operation,
      key,
      operation.constraint,
      operation.table,
      undefined,
      operation.ifNotExists ?? false,
    );
}

/** Key of the table an operation is about; null, with a note, where none stands. */
export function targetTable(
  draft: SchemaDraft,
  operation: Operation,
  name: QualifiedName,
  quietly = false,
): string | null {
  const key = draft.findTable(name);
  if (key === null && !quietly && !draft.isTemporary(name))
    draft.note({ kind: 'target-missing', operation, object: draft.createdKey(name), objectKind: 'table' });
  return key;
}

export function dropConstraint(draft: SchemaDraft, operation: Act<'dropConstraint'>): void {
  const key = targetTable(draft, operation, operation.table, operation.ifExists);
  const table = key === null ? undefined : draft.tables.get(key);
  if (key === null || table === undefined) return;
  const name = statedName(draft, operation, { name: operation.constraint, nameIsFinal: operation.nameIsFinal }, () =>
    operation.type === undefined || operation.type === 'x'
      ? operation.constraint
      : conventionalName(draft.options.namingConvention, {
          kind: conventionKey[operation.type],
          table: operation.table.name,
          namespace: operation.table.schema,
          columns: [],
          name: operation.constraint,
        }),
  );
  if (name === null) return;
  if (!table.constraints.has(name)) {
    if (!operation.ifExists)
      draft.note({ kind: 'target-missing', operation, object: `${key}.${name}`, objectKind: 'constraint' });
    return;
  }
  removeConstraint(draft, key, name);
}

/** Takes a constraint off a table, with what hangs on it: foreign keys to a key, copies in heirs. */
export function removeConstraint(draft: SchemaDraft, key: string, name: string): void {
  const constraint = draft.tables.get(key)?.constraints.get(name);
  if (constraint === undefined) return;
  draft.change(key, (table) => {
    const constraints = new Map(table.constraints);
    constraints.delete(name);
    return { ...table, constraints };
  });
  if (constraint.type === 'p' || constraint.type === 'u') removeReferencesTo(draft, key, constraint.columns);
  for (const child of childrenOf(draft, key)) {
    const childKey = keyOf(child.namespace, child.name);
    for (const own of child.constraints.values())
      if (
        (constraint.type === 'c' && own.type === 'c' && own.name === name) ||
        (own.fromPartitionParent && own.type === constraint.type && sameColumns(own.columns, constraint.columns))
      )
        removeConstraint(draft, childKey, own.name);
  }
}

export function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

/** Foreign keys need a key to point at: without one (of the same columns) PostgreSQL drops them, by CASCADE. */
function removeReferencesTo(draft: SchemaDraft, key: string, columns: readonly string[]): void {
  const target = draft.tables.get(key);
  const holds = [...(target?.constraints.values() ?? [])].some(
    (each) => (each.type === 'p' || each.type === 'u') && sameSet(each.columns, columns),
  );
  const byIndex = [...(target?.indexes.values() ?? [])].some(
    (index) =>
      index.unique &&
      index.where === null &&
      sameSet(
        index.keys.map((each) => each.text),
        columns,
      ),
  );
  if (holds || byIndex) return;
  for (const [otherKey, other] of draft.tables)
    for (const constraint of other.constraints.values())
      if (constraint.references?.table === key && sameSet(constraint.references.columns, columns))
        draft.change(otherKey, (table) => {
          const constraints = new Map(table.constraints);
          constraints.delete(constraint.name);
          return { ...table, constraints };
        });
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}

export function renameConstraint(draft: SchemaDraft, operation: Act<'renameConstraint'>): void {
  const key = targetTable(draft, operation, operation.table);
  if (key === null) return;
  const name = truncateIdentifier(operation.constraint);
  const constraint = draft.tables.get(key)?.constraints.get(name);
  if (constraint === undefined) {
    draft.note({ kind: 'target-missing', operation, object: `${key}.${name}`, objectKind: 'constraint' });
    return;
  }
  const to = truncateIdentifier(operation.to);
  const rename = (table: Table): Table => ({
    ...table,
    constraints: new Map(
      [...table.constraints].map(([each, value]) => (each === name ? [to, { ...value, name: to }] : [each, value])),
    ),
  });
  draft.change(key, rename);
  if (constraint.type === 'c')
    for (const child of childrenOf(draft, key))
      if (child.constraints.get(name)?.type === 'c') draft.change(keyOf(child.namespace, child.name), rename);
}

export function validateConstraint(draft: SchemaDraft, operation: Act<'validateConstraint'>): void {
  changeConstraint(draft, operation, { validated: true });
}

export function alterConstraint(draft: SchemaDraft, operation: Act<'alterConstraint'>): void {
  changeConstraint(draft, operation, { deferrable: operation.deferrable });
}

function changeConstraint(
  draft: SchemaDraft,
  operation: Act<'validateConstraint' | 'alterConstraint'>,
  change: Partial<Constraint>,
): void {
  const key = targetTable(draft, operation, operation.table);
  if (key === null) return;
  const name = truncateIdentifier(operation.constraint);
  const constraint = draft.tables.get(key)?.constraints.get(name);
  if (constraint === undefined)
    draft.note({ kind: 'target-missing', operation, object: `${key}.${name}`, objectKind: 'constraint' });
  else
    draft.change(key, (table) => ({
      ...table,
      constraints: new Map(table.constraints).set(name, withDefinition({ ...constraint, ...change })),
    }));
}

/** The schema of a key, for names that are made in it. */
export function namespaceOf(key: string): string {
  return placeOfKey(key).schema;
}
