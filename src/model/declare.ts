/**
 * From an object of a Schema back to the Operations that would make it: the revisions' own where they still say all of
 * it, else written anew from the object's shape. Refuses to render SQL.
 */

import { definitionOfConstraint } from './ddl-invert.ts';
import { baseTypeOf, typeKeyOf } from './definition.ts';
import { keyOf, nameOfKey, type QualifiedName } from './name.ts';
import type { ColumnDefinition, ConstraintDefinition, IndexDefinition, Operation } from './operation.ts';
import type {
  Column,
  Constraint,
  Domain,
  EnumType,
  Index,
  Origin,
  Policy,
  Routine,
  Schema,
  Sequence,
  Table,
  Trigger,
  View,
} from './schema.ts';

const nowhere: Origin = { revision: null, file: '', line: 0 };

export function columnDefinition(column: Column, schema?: Schema): ColumnDefinition {
  const isSerial = column.ownedSequence !== null && column.identity === null;
  const typeName = schema === undefined ? undefined : enumNamed(schema, column.type);
  return {
    name: column.name,
    type: column.type,
    ...(typeName === undefined ? {} : { typeName }),
    notNull: column.notNull,
    default: isSerial ? null : column.default,
    identity: column.identity,
    generated: column.generated,
    ...(isSerial ? { serial: true } : {}),
    collation: column.collation,
    ...(column.comment === undefined ? {} : { comment: column.comment }),
  };
}

/** As it is to be, whether or not it is validated where it stands. */
export function constraintDefinition(constraint: Constraint): ConstraintDefinition {
  const { notValid: _standing, ...definition } = definitionOfConstraint(constraint);
  return definition;
}

export function indexDefinition(index: Index): IndexDefinition {
  return {
    name: index.name,
    nameIsFinal: true,
    unique: index.unique,
    method: index.method,
    keys: index.keys.map((key) => ({ ...key })),
    include: index.include,
    where: index.where,
    ...(index.nullsNotDistinct ? { nullsNotDistinct: true } : {}),
  };
}

export function createEnum(type: EnumType): Operation {
  return {
    kind: 'createEnum',
    name: { schema: type.namespace, name: type.name },
    labels: type.labels,
    origin: type.origin ?? nowhere,
  };
}

export function addColumn(tableKey: string, column: Column, schema?: Schema): Operation {
  return {
    kind: 'addColumn',
    table: nameOfKey(tableKey),
    column: columnDefinition(column, schema),
    origin: column.origin ?? nowhere,
  };
}

export function addConstraint(tableKey: string, constraint: Constraint): Operation {
  return {
    kind: 'addConstraint',
    table: nameOfKey(tableKey),
    constraint: constraintDefinition(constraint),
    origin: constraint.origin ?? nowhere,
  };
}

export function createIndex(tableKey: string, index: Index): Operation {
  return {
    kind: 'createIndex',
    table: nameOfKey(tableKey),
    index: indexDefinition(index),
    origin: index.origin ?? nowhere,
  };
}

/** What a partition has from its parent, under a name of its own. */
function structureOf({ type, columns, expression, references }: Constraint): string {
  return JSON.stringify([type, columns, expression ?? null, references ?? null]);
}

function indexStructureOf({ unique, method, keys, where }: Index): string {
  return JSON.stringify([unique, method, keys, where ?? null]);
}

/** A table written anew: itself with its keys and checks, then its indexes, triggers and policies. */
export function createTable(table: Table, schema?: Schema): Operation[] {
  const key = keyOf(table.namespace, table.name);
  const origin = table.origin ?? nowhere;
  const name = { schema: table.namespace, name: table.name };
  const parent = table.partitionBound === null ? undefined : schema?.tables.get(table.parents[0] ?? '');
  const fromParent = new Set([...(parent?.constraints.values() ?? [])].map(structureOf));
  const indexesOfParent = new Set([...(parent?.indexes.values() ?? [])].map(indexStructureOf));
  const constraints = [...table.constraints.values()].filter((one) => !fromParent.has(structureOf(one)));
  const operations: Operation[] = [
    {
      kind: 'createTable',
      origin,
      table: {
        name,
        columns: [...table.columns.values()].map((column) => columnDefinition(column, schema)),
        constraints: constraints.map(constraintDefinition),
        indexes: [],
        partitionKey: table.partitionKey,
        ...(table.persistence === 'u' ? { unlogged: true } : {}),
        ...(table.comment === undefined ? {} : { comment: table.comment }),
        ...(table.options.length > 0 ? { options: table.options } : {}),
        ...(table.partitionBound !== null && table.parents[0] !== undefined
          ? { partitionOf: { parent: nameOfKey(table.parents[0]), bound: table.partitionBound } }
          : table.parents.length > 0
            ? { inherits: table.parents.map(nameOfKey) }
            : {}),
      },
    },
  ];
  for (const index of table.indexes.values()) {
    // The index of a key comes with the key.
    if (table.constraints.has(index.name) || indexesOfParent.has(indexStructureOf(index))) continue;
    operations.push(createIndex(key, index));
  }
  for (const trigger of table.triggers.values()) {
    operations.push({
      kind: 'createTrigger',
      table: name,
      name: trigger.name,
      orReplace: false,
      definition: trigger.definition,
      origin: trigger.origin ?? origin,
    });
  }
  for (const policy of table.policies.values()) {
    operations.push({
      kind: 'createPolicy',
      table: name,
      name: policy.name,
      command: policy.command,
      using: policy.using,
      check: policy.check,
      origin: policy.origin ?? origin,
    });
  }
  if (table.rowSecurity) {
    operations.push({ kind: 'alterTableOption', table: name, option: 'rowSecurity', value: true, origin });
  }
  return operations;
}

/** Enum types that these columns are of and that `schema` declares. */
export function enumsOf(columns: Iterable<Column>, schema: Schema): EnumType[] {
  const found = new Map<string, EnumType>();
  for (const column of columns) {
    const name = enumNamed(schema, column.type);
    if (name === undefined) continue;
    const key = keyOf(name.schema ?? 'public', name.name);
    const type = schema.enums.get(key);
    if (type) found.set(key, type);
  }
  return [...found.values()];
}

/** The enum that a column's type text names (`mood`, `public.mood[]`), undefined where it names none. */
function enumNamed(schema: Schema, type: string): QualifiedName | undefined {
  const key = typeKeyOf(type);
  const { name } = nameOfKey(key);
  const isBare = !baseTypeOf(type).includes('.');
  const found = schema.enums.get(key) ?? [...schema.enums.values()].find((each) => isBare && each.name === name);
  return found && { schema: found.namespace, name: found.name };
}

export function createView(view: View, orReplace = false): Operation {
  return {
    kind: 'createView',
    name: { schema: view.namespace, name: view.name },
    materialized: view.kind === 'materialized view',
    orReplace,
    query: view.definition,
    reads: [],
    origin: view.origin ?? nowhere,
  };
}

/** Null where the routine's text was not read. */
export function createRoutine(routine: Routine, orReplace = false): Operation | null {
  if (routine.definition === null) return null;
  return {
    kind: 'createRoutine',
    name: { schema: routine.namespace, name: routine.name },
    routine: routine.kind,
    orReplace,
    identityArguments: routine.identityArguments,
    arguments: routine.arguments,
    result: routine.result,
    volatility: routine.volatility,
    definition: routine.definition,
    origin: routine.origin ?? nowhere,
  };
}

export function createSequence(sequence: Sequence): Operation {
  return {
    kind: 'createSequence',
    name: { schema: sequence.namespace, name: sequence.name },
    ...(sequence.type === undefined ? {} : { type: sequence.type }),
    ...(sequence.start === undefined ? {} : { start: sequence.start }),
    ...(sequence.increment === undefined ? {} : { increment: sequence.increment }),
    ...(sequence.minValue === undefined ? {} : { minValue: sequence.minValue }),
    ...(sequence.maxValue === undefined ? {} : { maxValue: sequence.maxValue }),
    ...(sequence.cycle === undefined ? {} : { cycle: sequence.cycle }),
    origin: sequence.origin ?? nowhere,
  };
}

export function createDomain(domain: Domain): Operation {
  return {
    kind: 'createDomain',
    name: { schema: domain.namespace, name: domain.name },
    base: domain.base,
    notNull: domain.notNull,
    default: domain.default,
    checks: domain.checks,
    origin: domain.origin ?? nowhere,
  };
}

export function createTrigger(tableKey: string, trigger: Trigger): Operation {
  return {
    kind: 'createTrigger',
    table: nameOfKey(tableKey),
    name: trigger.name,
    orReplace: false,
    definition: trigger.definition,
    origin: trigger.origin ?? nowhere,
  };
}

export function createPolicy(tableKey: string, policy: Policy): Operation {
  return {
    kind: 'createPolicy',
    table: nameOfKey(tableKey),
    name: policy.name,
    command: policy.command,
    using: policy.using,
    check: policy.check,
    origin: policy.origin ?? nowhere,
  };
}

export function createExtension(extension: { name: string; namespace?: string | null; origin?: Origin }): Operation {
  return {
    kind: 'createExtension',
    name: extension.name,
    schema: extension.namespace ?? null,
    ifNotExists: true,
    origin: extension.origin ?? nowhere,
  };
}

/** The label in its declared place: after the declared label before it. */
export function addEnumValue(type: EnumType, label: string): Operation {
  const before = type.labels[type.labels.indexOf(label) - 1];
  const first = type.labels[type.labels.indexOf(label) + 1];
  return {
    kind: 'addEnumValue',
    name: { schema: type.namespace, name: type.name },
    label,
    ifNotExists: true,
    ...(before !== undefined ? { after: before } : first !== undefined ? { before: first } : {}),
    origin: type.origin ?? nowhere,
  };
}
