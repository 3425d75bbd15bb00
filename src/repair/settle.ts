/**
 * Settled operations: every name stated, every namespace given, implied constraints and indexes spelled out, so that a
 * step says exactly what will stand. A revision's own operations leave names to PostgreSQL and to naming conventions;
 * the replay knows both, so an operation is applied to a schema and read back. Refuses to decide whether it should run.
 */
import { addColumn, addConstraint, createIndex, createTable } from '../model/declare.ts';
import { keyOf, nameOfKey, type QualifiedName } from '../model/name.ts';
import type { Operation, SchemaOperation } from '../model/operation.ts';
import type { Schema, Table } from '../model/schema.ts';
import { type ApplyContext, applyOperation } from '../replay/apply.ts';

export interface Settled {
  operations: SchemaOperation[];
  /** The schema once they ran. */
  schema: Schema;
}

export interface SettleContext extends ApplyContext {
  searchPath: readonly string[];
}

/** `operations` with nothing left to imply, and `schema` after them; rows and what was not read fall away. */
export function settle(operations: readonly Operation[], schema: Schema, context: SettleContext): Settled {
  const settled: SchemaOperation[] = [];
  let standing = schema;
  for (const operation of operations) {
    if (!isSchemaOperation(operation)) continue;
    const after = applyOperation(standing, operation, context);
    settled.push(...readBack(operation, standing, after, context));
    standing = after;
  }
  return { operations: settled, schema: standing };
}

export function isSchemaOperation(operation: Operation): operation is Extract<Operation, SchemaOperation> {
  return operation.kind !== 'touchRows' && operation.kind !== 'ignored' && operation.kind !== 'opaque';
}

/** The object that an operation makes or changes: the same key, the same object. */
export function objectOf(operation: SchemaOperation): string {
  const under = (kind: string, name: QualifiedName, part = '') =>
    `${kind}:${name.schema ?? ''}.${name.name}${part === '' ? '' : `.${part}`}`;
  switch (operation.kind) {
    case 'createTable':
      return under('table', operation.table.name);
    case 'addColumn':
      return under('column', operation.table, operation.column.name);
    case 'alterColumn':
      return `${under('alter', operation.table, operation.column)}:${JSON.stringify([operation.type, operation.default, operation.notNull, operation.identity, operation.generated])}`;
    case 'addConstraint':
      return under('constraint', operation.table, operation.constraint.name ?? JSON.stringify(operation.constraint));
    case 'createIndex':
      return under('index', operation.table, operation.index.name ?? JSON.stringify(operation.index.keys));
    case 'createTrigger':
      return under('trigger', operation.table, operation.name);
    case 'createPolicy':
      return under('policy', operation.table, operation.name);
    case 'createEnum':
    case 'createDomain':
    case 'createComposite':
      return under('type', operation.name);
    case 'addEnumValue':
      return under('label', operation.name, operation.label);
    case 'createRoutine':
      return `${under('routine', operation.name)}(${operation.identityArguments})`;
    case 'createView':
    case 'createSequence':
      return under('relation', operation.name);
    default:
      return JSON.stringify(operation);
  }
}

function readBack(
  operation: Extract<Operation, SchemaOperation>,
  before: Schema,
  after: Schema,
  context: SettleContext,
): SchemaOperation[] {
  switch (operation.kind) {
    case 'createTable': {
      const key = changedTable(operation.table.name, after, context);
      const table = after.tables.get(key);
      if (table === undefined || before.tables.has(key)) return [];
      return createTable(table, after).filter(isSchemaOperation);
    }
    case 'addColumn': {
      const key = changedTable(operation.table, after, context);
      const [was, is] = [before.tables.get(key), after.tables.get(key)];
      const column = is?.columns.get(operation.column.name);
      if (is === undefined || column === undefined || was?.columns.has(operation.column.name)) return [];
      return [addColumn(key, column, after), ...newParts(key, was, is)].filter(isSchemaOperation);
    }
    case 'addConstraint':
    case 'createIndex': {
      const key = changedTable(operation.table, after, context);
      const [was, is] = [before.tables.get(key), after.tables.get(key)];
      // A table that the schema does not hold, or a name that stands: as it was stated.
      const parts = is === undefined ? [] : newParts(key, was, is);
      return parts.length > 0 ? parts.filter(isSchemaOperation) : [qualified(operation, before, context)];
    }
    default:
      return [qualified(operation, before, context)];
  }
}

/** Constraints and indexes that `is` has and `was` had not; the index of a key comes with the key. */
function newParts(key: string, was: Table | undefined, is: Table): Operation[] {
  const constraints = [...is.constraints.values()].filter((constraint) => !was?.constraints.has(constraint.name));
  const indexes = [...is.indexes.values()].filter(
    (index) => !was?.indexes.has(index.name) && !is.constraints.has(index.name),
  );
  return [
    ...constraints.map((constraint) => addConstraint(key, constraint)),
    ...indexes.map((index) => createIndex(key, index)),
  ];
}

function changedTable(name: QualifiedName, schema: Schema, context: SettleContext): string {
  return keyIn(name, (key) => schema.tables.has(key), context);
}

/** The key that an unqualified name means: the first namespace of the search path that has it, else the first of all. */
function keyIn(name: QualifiedName, has: (key: string) => boolean, context: SettleContext): string {
  if (name.schema !== null) return keyOf(name.schema, name.name);
  const found = context.searchPath.find((namespace) => has(keyOf(namespace, name.name)));
  return keyOf(found ?? context.searchPath[0] ?? 'public', name.name);
}

/** The operation with a namespace wherever it has a name of its own. */
function qualified(
  operation: Extract<Operation, SchemaOperation>,
  schema: Schema,
  context: SettleContext,
): SchemaOperation {
  const has = (key: string) =>
    schema.tables.has(key) ||
    schema.enums.has(key) ||
    schema.views.has(key) ||
    schema.sequences.has(key) ||
    schema.domains.has(key) ||
    schema.composites.has(key);
  const give = (name: QualifiedName) => nameOfKey(keyIn(name, has, context));
  const { origin: _origin, span: _span, sql: _sql, ...act } = operation;
  const settled: Record<string, unknown> = { ...act };
  for (const field of ['table', 'name', 'partition'] as const) {
    const value = settled[field];
    if (isName(value)) settled[field] = give(value);
  }
  if ('constraint' in operation && typeof operation.constraint === 'object' && operation.constraint?.references) {
    const references = operation.constraint.references;
    settled.constraint = { ...operation.constraint, references: { ...references, table: give(references.table) } };
  }
  return settled as unknown as SchemaOperation;
}

function isName(value: unknown): value is QualifiedName {
  return typeof value === 'object' && value !== null && 'schema' in value && 'name' in value;
}
