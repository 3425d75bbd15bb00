/**
 * Names as PostgreSQL keeps them: column names longer than 63 bytes are cut wherever an operation writes one (the parser
 * does it, scansup.c `truncate_identifier`), so that a later operation under the full name finds the same column.
 * Tables, constraints and indexes are cut where they are made and looked up; the operation itself keeps what was written.
 */
import { maxIdentifierBytes, truncateIdentifier } from '../model/name.ts';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  IndexDefinition,
  Operation,
  TableDefinition,
} from '../model/operation.ts';

const isLong = (name: string) =>
  name.length * 3 > maxIdentifierBytes && Buffer.byteLength(name, 'utf8') > maxIdentifierBytes;

/** The same operation where no name in it is too long. */
export function withShortColumns(operation: Operation): Operation {
  switch (operation.kind) {
    case 'createTable':
      return hasLong(operation.table) ? { ...operation, table: shortTable(operation.table) } : operation;
    case 'addColumn':
      return isLong(operation.column.name) ? { ...operation, column: shortColumn(operation.column) } : operation;
    case 'dropColumn':
    case 'alterColumn':
      return isLong(operation.column) ? { ...operation, column: truncateIdentifier(operation.column) } : operation;
    case 'renameColumn':
      return isLong(operation.column) || isLong(operation.to)
        ? { ...operation, column: truncateIdentifier(operation.column), to: truncateIdentifier(operation.to) }
        : operation;
    case 'addConstraint':
      return columnsOf(operation.constraint).some(isLong)
        ? { ...operation, constraint: shortConstraint(operation.constraint) }
        : operation;
    case 'createIndex':
      return keysOf(operation.index).some(isLong) ? { ...operation, index: shortIndex(operation.index) } : operation;
    default:
      return operation;
  }
}

function hasLong({ columns, constraints, indexes }: TableDefinition): boolean {
  return (
    columns.some(({ name }) => isLong(name)) ||
    constraints.some((constraint) => columnsOf(constraint).some(isLong)) ||
    indexes.some((index) => keysOf(index).some(isLong))
  );
}

function columnsOf({ columns, include, references }: ConstraintDefinition): string[] {
  return [...columns, ...(include ?? []), ...(references?.columns ?? [])];
}

function keysOf({ keys, include }: IndexDefinition): string[] {
  return [...keys.flatMap(({ text, isExpression }) => (isExpression ? [] : [text])), ...(include ?? [])];
}

function shortTable(table: TableDefinition): TableDefinition {
  return {
    ...table,
    columns: table.columns.map(shortColumn),
    constraints: table.constraints.map(shortConstraint),
    indexes: table.indexes.map(shortIndex),
  };
}

function shortColumn(column: ColumnDefinition): ColumnDefinition {
  return { ...column, name: truncateIdentifier(column.name) };
}

function shortConstraint(constraint: ConstraintDefinition): ConstraintDefinition {
  const { references } = constraint;
  return {
    ...constraint,
    columns: shortNames(constraint.columns),
    ...(constraint.include ? { include: shortNames(constraint.include) } : {}),
    ...(references ? { references: { ...references, columns: shortNames(references.columns) } } : {}),
  };
}

function shortIndex(index: IndexDefinition): IndexDefinition {
  return {
    ...index,
    keys: index.keys.map((key) => (key.isExpression ? key : { ...key, text: truncateIdentifier(key.text) })),
    ...(index.include ? { include: shortNames(index.include) } : {}),
  };
}

function shortNames(names: readonly string[]): string[] {
  return names.map((name) => truncateIdentifier(name));
}
