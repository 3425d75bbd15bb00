/**
 * Table → TableDefinition: its columns and constraints put together, with SQLAlchemy's rules for what nobody wrote: NOT NULL
 * of keys, SERIAL of a single integer key (sql/schema.py, PrimaryKeyConstraint._autoincrement_column).
 */
import type { QualifiedName } from '../../../model/name.ts';
import type { ConstraintDefinition, IndexDefinition, TableDefinition } from '../../../model/operation.ts';
import { isObject, isUnknown, type Machine, type Made, plain, reasonOf, textOf, type Value } from '../python/index.ts';
import { type ReadColumn, readColumn } from './columns.ts';
import { readConstraint } from './constraints.ts';
import { readIndex, spatialIndex } from './indexes.ts';
import { asMade, isColumn, isElsewhere, madePath } from './made.ts';
import { isAbsent, nameOf, textList } from './read-values.ts';
import type { EnumUse } from './types.ts';

export interface ReadTable {
  table: TableDefinition;
  enums: EnumUse[];
  sequences: QualifiedName[];
  problems: string[];
}

/** Columns and constraints of `op.create_table` or `sa.Table`, put together as SQLAlchemy compiles them. */
export function readTable(
  machine: Machine,
  name: QualifiedName,
  items: Value[],
  options: ReadonlyMap<string, Value>,
): ReadTable {
  const columns: ReadColumn[] = [];
  const constraints: ConstraintDefinition[] = [];
  const indexes: IndexDefinition[] = [];
  const problems: string[] = [];
  for (const item of items) {
    const bare = plain(item);
    if (bare === null || isElsewhere(asMade(bare))) continue;
    if (isColumn(bare)) {
      const column = readColumn(machine, bare);
      if (typeof column === 'string') problems.push(column);
      else {
        columns.push(column);
        problems.push(...column.problems);
      }
      continue;
    }
    const path = madePath(bare);
    if (path === 'sa.Index') {
      const made = asMade(bare) as Made;
      const index = readIndex(
        machine,
        nameOf(made.positional[0] ?? made.named.get('name')),
        made.positional.slice(1),
        made.named,
      );
      if (typeof index === 'string') problems.push(index);
      else indexes.push(index);
      continue;
    }
    const constraint = readConstraint(machine, bare);
    if (typeof constraint === 'string') problems.push(constraint);
    else if (constraint) constraints.push(constraint);
    else if (!isObject(bare) || isUnknown(bare) || path === null || !path.startsWith('sa.'))
      problems.push(`an element that could not be read: ${reasonOf(bare)}`);
  }
  return assembleTable(machine, name, columns, constraints, indexes, options, problems);
}

export function assembleTable(
  machine: Machine,
  name: QualifiedName,
  columns: ReadColumn[],
  constraints: ConstraintDefinition[],
  indexes: IndexDefinition[],
  options: ReadonlyMap<string, Value>,
  problems: string[],
): ReadTable {
  const nameByKey = new Map(
    columns.flatMap(({ key, definition }) => (key === undefined ? [] : [[key, definition.name]])),
  );
  if (nameByKey.size > 0) {
    const named = (key: string): string => nameByKey.get(key) ?? key;
    for (const constraint of constraints) constraint.columns = constraint.columns.map(named);
    for (const key of indexes.flatMap((index) => index.keys)) if (!key.isExpression) key.text = named(key.text);
  }
  for (const { type, definition } of columns)
    if (type.enum?.inheritsSchema && type.typeName && name.schema !== null)
      definition.typeName = { ...type.typeName, schema: name.schema };
  const inlineKey = columns.filter((column) => column.isPrimaryKey).map((column) => column.definition.name);
  let primary = constraints.find((constraint) => constraint.type === 'p');
  if (primary?.columns.length === 0) primary.columns = inlineKey;
  // A key without columns is none (sql/compiler.py, visit_primary_key_constraint).
  for (const empty of constraints.filter(({ type, columns: keys }) => 'pu'.includes(type) && keys.length === 0))
    constraints.splice(constraints.indexOf(empty), 1);
  if (primary?.columns.length === 0) primary = undefined;
  if (!primary && inlineKey.length > 0) {
    // The column that counts up stands first (sql/schema.py, PrimaryKeyConstraint.columns_autoinc_first).
    const counting = columns.find((column) => column.isPrimaryKey && column.autoincrement === true)?.definition.name;
    const rest = inlineKey.filter((key) => key !== counting);
    primary = { name: null, type: 'p', columns: counting === undefined ? rest : [counting, ...rest] };
    constraints.unshift(primary);
  }
  for (const column of columns) {
    if (column.unique && !column.index) constraints.push({ name: null, type: 'u', columns: [column.definition.name] });
    if (column.index)
      indexes.push({
        name: null,
        unique: column.unique,
        method: 'btree',
        keys: [{ text: column.definition.name, isExpression: false }],
      });
    const spatial = spatialIndex(name, column);
    if (spatial !== null) indexes.push(spatial);
    const inline = column.definition.constraints ?? [];
    // Only foreign keys and checks stand at the column in SQLAlchemy's DDL; their meaning is the table's all the same.
    delete column.definition.constraints;
    constraints.push(...inline);
  }
  for (const { references } of constraints)
    if (references?.table.name === name.name && (references.table.schema ?? name.schema) === name.schema)
      references.columns = references.columns.map((key) => nameByKey.get(key) ?? key);
  markSerial(columns, constraints, primary ?? null);
  if (primary)
    for (const column of columns)
      if (primary.columns.includes(column.definition.name)) column.definition.notNull = true;
  const table: TableDefinition = { name, columns: columns.map((column) => column.definition), constraints, indexes };
  const comment = options.get('comment');
  if (!isAbsent(comment)) table.comment = textOf(comment as Value);
  const partition = options.get('postgresql_partition_by');
  if (!isAbsent(partition)) table.partitionKey = textOf(partition as Value);
  const inherits = options.get('postgresql_inherits');
  if (!isAbsent(inherits))
    table.inherits = (textList(machine, inherits) ?? []).map((parent) => ({ schema: null, name: parent }));
  const prefixes = textList(machine, options.get('prefixes')) ?? [];
  if (prefixes.some((prefix) => /UNLOGGED/i.test(prefix))) table.unlogged = true;
  if (prefixes.some((prefix) => /TEMP/i.test(prefix))) table.temporary = true;
  const sequences = columns.flatMap(({ sequence }) => sequence ?? []);
  return { table, enums: columns.flatMap((column) => column.enums), sequences, problems };
}

export function markSerial(
  columns: ReadColumn[],
  constraints: ConstraintDefinition[],
  primary: ConstraintDefinition | null,
): void {
  if (!primary) return;
  const keys = columns.filter((column) => primary.columns.includes(column.definition.name));
  const single = keys.length === 1 && primary.columns.length === 1 ? (keys[0] as ReadColumn) : null;
  const candidate = single ?? keys.find((column) => column.autoincrement === true) ?? null;
  if (!candidate || candidate.autoincrement === false || candidate.type.integral === undefined) return;
  const isForced = candidate.autoincrement === true;
  if (candidate.definition.identity !== null || candidate.definition.generated !== null) return;
  if (!isForced) {
    if (candidate.hasServerDefault || candidate.hasDefault) return;
    const references = constraints.some(
      (constraint) => constraint.type === 'f' && constraint.columns.includes(candidate.definition.name),
    );
    if (references && candidate.autoincrement !== 'ignore_fk') return;
  } else if (candidate.hasServerDefault) return;
  candidate.definition.serial = true;
  if (candidate.type.integral === 'numeric') candidate.definition.type = 'integer';
}
