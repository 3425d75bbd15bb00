/**
 * The operations that take one back, given the schema it ran on. Null where SQL alone cannot: rows or parts would be lost
 * that the schema does not hold. Refuses to guess: an object that did not stand before is what goes.
 */
import { placeOfKey, typeKeyOf } from './definition.ts';
import { keyOf, type QualifiedName } from './name.ts';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  IndexDefinition,
  Operation,
  SchemaOperation,
} from './operation.ts';
import type { Column, Constraint, Index, Origin, Schema, Table } from './schema.ts';

const noOrigin: Origin = { revision: null, file: '', line: 0 };

/** The operations that undo `operation`, first to run first; null where it cannot be undone from the schema alone. */
export function invertOperation(operation: SchemaOperation, before: Schema): Operation[] | null {
  const undo = invert(operation, before);
  return undo === null ? null : undo.map((act) => ({ ...act, origin: noOrigin }) as Operation);
}

function tableOf(schema: Schema, name: QualifiedName): Table | undefined {
  if (name.schema !== null) return schema.tables.get(keyOf(name.schema, name.name));
  return (
    schema.tables.get(keyOf('public', name.name)) ??
    [...schema.tables.values()].find((table) => table.name === name.name)
  );
}

function invert(operation: SchemaOperation, before: Schema): SchemaOperation[] | null {
  switch (operation.kind) {
    case 'createTable':
      return tableOf(before, operation.table.name) ? [] : [{ kind: 'dropTable', table: operation.table.name }];
    case 'renameTable':
      return [
        {
          kind: 'renameTable',
          table: { schema: operation.table.schema, name: operation.to },
          to: operation.table.name,
        },
      ];
    case 'renameNamespace':
      return [{ kind: 'renameNamespace', name: operation.to, to: operation.name }];
    case 'setTableNamespace': {
      const table = tableOf(before, operation.table);
      return table
        ? [
            {
              kind: 'setTableNamespace',
              table: { schema: operation.to, name: operation.table.name },
              to: table.namespace,
            },
          ]
        : null;
    }
    case 'commentOnTable':
      return [
        { kind: 'commentOnTable', table: operation.table, comment: tableOf(before, operation.table)?.comment ?? null },
      ];
    case 'alterTableOption': {
      const table = tableOf(before, operation.table);
      if (table === undefined) return null;
      const value =
        operation.option === 'rowSecurity'
          ? table.rowSecurity
          : operation.option === 'forceRowSecurity'
            ? table.forceRowSecurity
            : operation.option === 'persistence'
              ? table.persistence
              : table.owner;
      return value === undefined ? null : [{ ...operation, value }];
    }
    case 'attachPartition':
      return [{ kind: 'detachPartition', table: operation.table, partition: operation.partition }];
    case 'detachPartition': {
      const bound = tableOf(before, operation.partition)?.partitionBound;
      return bound
        ? [{ kind: 'attachPartition', table: operation.table, partition: operation.partition, bound }]
        : null;
    }
    case 'addColumn':
      return tableOf(before, operation.table)?.columns.has(operation.column.name)
        ? []
        : [{ kind: 'dropColumn', table: operation.table, column: operation.column.name }];
    case 'renameColumn':
      return [{ kind: 'renameColumn', table: operation.table, column: operation.to, to: operation.column }];
    case 'alterColumn':
      return invertAlterColumn(operation, before);
    case 'addConstraint':
      return operation.constraint.name === null
        ? null
        : [
            {
              kind: 'dropConstraint',
              table: operation.table,
              constraint: operation.constraint.name,
              nameIsFinal: true,
            },
          ];
    case 'dropConstraint': {
      const constraint =
        operation.constraint === null
          ? undefined
          : tableOf(before, operation.table)?.constraints.get(operation.constraint);
      if (constraint === undefined) return operation.ifExists ? [] : null;
      return [{ kind: 'addConstraint', table: operation.table, constraint: definitionOfConstraint(constraint) }];
    }
    case 'renameConstraint':
      return [{ kind: 'renameConstraint', table: operation.table, constraint: operation.to, to: operation.constraint }];
    case 'validateConstraint':
      return [];
    case 'alterConstraint': {
      const constraint = tableOf(before, operation.table)?.constraints.get(operation.constraint);
      return constraint === undefined ? null : [{ ...operation, deferrable: constraint.deferrable }];
    }
    case 'createIndex': {
      const name = operation.index.name;
      if (name === null) return null;
      return tableOf(before, operation.table)?.indexes.has(name)
        ? []
        : [{ kind: 'dropIndex', index: { schema: operation.table.schema, name }, table: operation.table }];
    }
    case 'dropIndex': {
      for (const [key, table] of before.tables) {
        const index = table.indexes.get(operation.index.name);
        if (index !== undefined && (operation.index.schema === null || operation.index.schema === table.namespace))
          return [{ kind: 'createIndex', table: placeOfKey(key), index: definitionOfIndex(index) }];
      }
      return operation.ifExists ? [] : null;
    }
    case 'renameIndex':
      return [
        {
          kind: 'renameIndex',
          index: { schema: operation.index.schema, name: operation.to },
          to: operation.index.name,
        },
      ];
    case 'createEnum':
    case 'createDomain':
    case 'createComposite':
      return [{ kind: 'dropType', name: operation.name }];
    case 'renameEnumValue':
      return [{ kind: 'renameEnumValue', name: operation.name, label: operation.to, to: operation.label }];
    case 'renameType':
      return [
        { kind: 'renameType', name: { schema: operation.name.schema, name: operation.to }, to: operation.name.name },
      ];
    case 'createSequence':
      return [{ kind: 'dropSequence', name: operation.name }];
    case 'createView':
      return operation.orReplace
        ? null
        : [{ kind: 'dropView', name: operation.name, materialized: operation.materialized }];
    case 'renameView':
      return [
        { kind: 'renameView', name: { schema: operation.name.schema, name: operation.to }, to: operation.name.name },
      ];
    case 'createRoutine':
      return operation.orReplace
        ? null
        : [{ kind: 'dropRoutine', name: operation.name, identityArguments: operation.identityArguments }];
    case 'createTrigger':
      return operation.orReplace ? null : [{ kind: 'dropTrigger', table: operation.table, name: operation.name }];
    case 'renameTrigger':
      return [{ ...operation, name: operation.to, to: operation.name }];
    case 'dropTrigger': {
      const trigger = tableOf(before, operation.table)?.triggers.get(operation.name);
      return trigger
        ? [
            {
              kind: 'createTrigger',
              table: operation.table,
              name: trigger.name,
              orReplace: false,
              definition: trigger.definition,
            },
          ]
        : null;
    }
    case 'enableTrigger': {
      const triggers = [...(tableOf(before, operation.table)?.triggers.values() ?? [])];
      return triggers
        .filter(({ name }) => operation.trigger === null || operation.trigger === name)
        .map(({ name, enabled = true }) => ({ ...operation, trigger: name, fires: enabled }));
    }
    case 'alterPolicy': {
      const policy = tableOf(before, operation.table)?.policies.get(operation.name);
      // A condition can be changed, and not be taken away again.
      if (policy === undefined) return null;
      const { table, name, to } = operation;
      if (to !== undefined) return [{ kind: 'alterPolicy', table, name: to, to: name }];
      const { using, check } = policy;
      if ((operation.using !== undefined && using === null) || (operation.check !== undefined && check === null))
        return null;
      return [
        {
          kind: 'alterPolicy',
          table: operation.table,
          name: operation.name,
          ...(operation.using === undefined || using === null ? {} : { using }),
          ...(operation.check === undefined || check === null ? {} : { check }),
        },
      ];
    }
    case 'createPolicy':
      return [{ kind: 'dropPolicy', table: operation.table, name: operation.name }];
    case 'dropPolicy': {
      const policy = tableOf(before, operation.table)?.policies.get(operation.name);
      return policy
        ? [
            {
              kind: 'createPolicy',
              table: operation.table,
              name: policy.name,
              command: policy.command,
              using: policy.using,
              check: policy.check,
              ...(policy.permissive === undefined ? {} : { permissive: policy.permissive }),
              ...(policy.roles === undefined ? {} : { roles: policy.roles }),
            },
          ]
        : null;
    }
    case 'createExtension':
      return before.extensions.has(operation.name) ? [] : [{ kind: 'dropExtension', name: operation.name }];
    case 'createNamespace':
      return before.namespaces.has(operation.name) ? [] : [{ kind: 'dropNamespace', name: operation.name }];
    case 'setSearchPath':
      return [];
    case 'alterSequence':
      return invertAlterSequence(operation, before);
    case 'dropSequence': {
      const sequence = before.sequences.get(keyOf(operation.name.schema ?? 'public', operation.name.name));
      return sequence ? [{ kind: 'createSequence', name: { schema: sequence.namespace, name: sequence.name } }] : null;
    }
    default:
      // Rows, labels and bodies that are gone do not come back from a Schema.
      return null;
  }
}

const sequenceOptions = ['type', 'start', 'increment', 'minValue', 'maxValue', 'cycle'] as const;

function invertAlterSequence(
  operation: Extract<SchemaOperation, { kind: 'alterSequence' }>,
  before: Schema,
): SchemaOperation[] | null {
  const { schema, name } = operation.name;
  const sequence = before.sequences.get(keyOf(schema ?? 'public', name));
  if (sequence === undefined) return null;
  const undo: typeof operation = { kind: 'alterSequence', name: { schema, name: operation.to ?? name } };
  if (operation.to !== undefined) undo.to = name;
  for (const option of sequenceOptions) {
    if (operation[option] === undefined) continue;
    if (sequence[option] === undefined) return null;
    Object.assign(undo, { [option]: sequence[option] });
  }
  if (operation.ownedBy !== undefined) {
    const dot = sequence.ownedBy?.lastIndexOf('.') ?? -1;
    undo.ownedBy =
      sequence.ownedBy === null
        ? null
        : { table: placeOfKey(sequence.ownedBy.slice(0, dot)), column: sequence.ownedBy.slice(dot + 1) };
  }
  return [undo];
}

function invertAlterColumn(
  operation: Extract<SchemaOperation, { kind: 'alterColumn' }>,
  before: Schema,
): SchemaOperation[] | null {
  const column = tableOf(before, operation.table)?.columns.get(operation.column);
  if (column === undefined || operation.generated === null) return null;
  const undo: Extract<SchemaOperation, { kind: 'alterColumn' }> = {
    kind: 'alterColumn',
    table: operation.table,
    column: operation.column,
  };
  if (operation.type !== undefined || operation.typeName !== undefined) undo.type = column.type;
  if (operation.notNull !== undefined) undo.notNull = column.notNull;
  if (operation.default !== undefined) undo.default = column.default;
  if (operation.identity !== undefined) {
    undo.identity = column.identity;
    if (operation.hasIdentity) undo.hasIdentity = true;
  }
  if (operation.comment !== undefined) undo.comment = column.comment ?? null;
  return [undo];
}

/** A Schema's constraint as an act would state it again. */
export function definitionOfConstraint(constraint: Constraint): ConstraintDefinition {
  return {
    name: constraint.name,
    nameIsFinal: true,
    type: constraint.type,
    columns: constraint.columns,
    ...(constraint.references
      ? {
          references: {
            table: placeOfKey(constraint.references.table),
            columns: constraint.references.columns,
            onDelete: constraint.references.onDelete,
            onUpdate: constraint.references.onUpdate,
            ...(constraint.references.match ? { match: constraint.references.match } : {}),
          },
        }
      : {}),
    ...(constraint.expression === null ? {} : { expression: constraint.expression }),
    ...(constraint.type === 'x' ? { definition: constraint.definition } : {}),
    deferrable: constraint.deferrable,
    ...(constraint.enforced === false ? { notEnforced: true } : { notValid: !constraint.validated }),
    ...(constraint.include ? { include: constraint.include } : {}),
    ...(constraint.nullsNotDistinct ? { nullsNotDistinct: true } : {}),
  };
}

/** A Schema's index as an act would state it again. */
export function definitionOfIndex(index: Index): IndexDefinition {
  return {
    name: index.name,
    nameIsFinal: true,
    unique: index.unique,
    method: index.method,
    keys: index.keys.map((key) => ({
      text: key.text,
      isExpression: key.isExpression,
      descending: key.descending,
      ...(key.nullsFirst === key.descending ? {} : { nullsFirst: key.nullsFirst }),
      operatorClass: key.operatorClass,
      collation: key.collation,
    })),
    include: index.include,
    where: index.where,
    ...(index.nullsNotDistinct ? { nullsNotDistinct: true } : {}),
  };
}

/** A Schema's column as an act would state it again. */
export function definitionOfColumn(column: Column, schema: Schema): ColumnDefinition {
  const typeKey = typeKeyOf(column.type);
  const isNamed = schema.enums.has(typeKey) || schema.domains.has(typeKey) || schema.composites.has(typeKey);
  const isSerial =
    column.ownedSequence !== null &&
    column.identity === null &&
    (column.default ?? '').startsWith('nextval(') &&
    /^(integer|bigint|smallint)$/.test(column.type);
  return {
    name: column.name,
    type: column.type,
    ...(isNamed ? { typeName: placeOfKey(typeKey) } : {}),
    notNull: column.notNull,
    default: isSerial ? null : column.default,
    identity: column.identity,
    generated: column.generated,
    ...(isSerial ? { serial: true } : {}),
    collation: column.collation,
    comment: column.comment ?? null,
  };
}

/** A Schema's table as an act would state it again, indexes included; triggers and policies stand apart. */
export function definitionOfTable(table: Table, schema: Schema): Extract<SchemaOperation, { kind: 'createTable' }> {
  return {
    kind: 'createTable',
    table: {
      name: { schema: table.namespace, name: table.name },
      columns: [...table.columns.values()].map((column) => definitionOfColumn(column, schema)),
      constraints: [...table.constraints.values()].map(definitionOfConstraint),
      indexes: [...table.indexes.values()].map(definitionOfIndex),
      partitionKey: table.partitionKey,
      unlogged: table.persistence === 'u',
      comment: table.comment ?? null,
    },
  };
}
