/**
 * Rows that a seed upserts on a natural key while naming them by an id of its own, and every literal of that id further on.
 * `resolveSeedIdentities` asks the database which id such a row lives under. Refuses to change anything.
 */
import { isSameSet, plainSearchPath, primaryKeyOf, resolveTable, uniqueColumnsOf } from '../model/lookup.ts';
import { nameOfKey, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { Schema, Table } from '../model/schema.ts';
import type { SeedReading, SeedRow, SeedStatement, SeedValue } from '../model/seed.ts';

export type LiteralValue = Extract<SeedValue, { kind: 'literal' }>;

/** A literal of the seed that means the row of a SeedIdentity. */
export interface SeedDependent {
  /** `schema.table` */
  table: string;
  column: string;
  line: number;
  value: LiteralValue;
  /** The variable by which it is named, and not by the literal. */
  variable: string | null;
  statement: SeedStatement;
}

export interface SeedIdentity {
  file: string;
  /** `schema.table` */
  table: string;
  idColumn: string;
  idType: string;
  /** As the seed has it. */
  id: string;
  idValue: LiteralValue;
  /** The variable that the seed has it in. */
  idVariable: string | null;
  line: number;
  keyColumns: string[];
  keyValues: LiteralValue[];
  /** Predicate of a partial unique index named by the conflict target. */
  keyWhere: string | null;
  row: SeedRow;
  statement: SeedStatement;
  dependents: SeedDependent[];
}

/** What both schemas know of tables: what lives, and what will after the repair; the first that has a table counts. */
export interface SeedWorld {
  schemas: readonly Schema[];
  searchPath: readonly string[];
}

export function tableOf(world: SeedWorld, statement: SeedStatement): { key: string; table: Table } | null {
  if (!statement.table) return null;
  const path = plainSearchPath(world.searchPath);
  for (const schema of world.schemas) {
    const key = resolveTable(schema, statement.table, path);
    const table = key === null ? undefined : schema.tables.get(key);
    if (key !== null && table) return { key, table };
  }
  return null;
}

/** Columns that the values of an INSERT or COPY go to. */
export function columnsOf(statement: SeedStatement, table: Table): string[] {
  return statement.columns ?? [...table.columns.values()].filter((column) => !column.generated).map(({ name }) => name);
}

function primaryKey(world: SeedWorld, key: string): string[] {
  for (const schema of world.schemas) {
    const table = schema.tables.get(key);
    const columns = table ? primaryKeyOf(table) : [];
    if (columns.length > 0) return columns;
  }
  return [];
}

/** Unique columns that the upsert may meet a living row by. */
function naturalKeys(statement: SeedStatement, table: Table): string[][] {
  const conflict = statement.onConflict;
  if (!conflict) return [];
  if (conflict.columns !== null) return conflict.columns.includes('(expression)') ? [] : [conflict.columns];
  if (conflict.constraint !== null) {
    const constraint = table.constraints.get(conflict.constraint);
    return constraint ? [constraint.columns] : [];
  }
  return uniqueColumnsOf(table);
}

/** The value as a literal, also of a variable that has no other; null where it is none, or NULL. */
function literalOf(value: SeedValue | undefined): LiteralValue | null {
  if (value?.kind === 'literal') return value.value === null ? null : value;
  if (value?.kind !== 'variable' || value.initial === undefined) return null;
  return { kind: 'literal', value: value.initial, type: null, span: value.span, line: value.line };
}

const variableOf = (value: SeedValue | undefined): string | null => (value?.kind === 'variable' ? value.name : null);

/** Every row whose id is named again further on; those that nothing depends on are left out. */
export function seedIdentities(reading: SeedReading, world: SeedWorld): SeedIdentity[] {
  const found: SeedIdentity[] = [];
  for (const statement of reading.statements) {
    if (statement.verb !== 'insert' || !statement.rows) continue;
    const target = tableOf(world, statement);
    if (!target) continue;
    const primary = primaryKey(world, target.key);
    const [idColumn] = primary;
    if (idColumn === undefined || primary.length !== 1) continue;
    // The upsert gives the living row the seed's id.
    if (statement.onConflict?.setsColumns.includes(idColumn)) continue;
    const columns = columnsOf(statement, target.table);
    const idIndex = columns.indexOf(idColumn);
    if (idIndex < 0) continue;
    const keyColumns = naturalKeys(statement, target.table).find(
      (candidate) => !isSameSet(candidate, primary) && candidate.every((column) => columns.includes(column)),
    );
    if (!keyColumns) continue;
    for (const row of statement.rows) {
      const idValue = literalOf(row.values[idIndex]);
      const keyValues = keyColumns.map((column) => literalOf(row.values[columns.indexOf(column)]));
      if (!idValue || !keyValues.every((value) => value !== null)) continue;
      const id = idValue.value as string;
      const dependents = dependentsOn(reading, world, target.key, idColumn, id, statement, idValue);
      if (dependents.length === 0) continue;
      found.push({
        file: reading.file,
        table: target.key,
        idColumn,
        idType: target.table.columns.get(idColumn)?.type ?? 'text',
        id,
        idValue,
        idVariable: variableOf(row.values[idIndex]),
        line: row.line,
        keyColumns,
        keyValues,
        keyWhere: statement.onConflict?.where ?? null,
        row,
        statement,
        dependents,
      });
    }
  }
  return found;
}

/** Literals equal to the id where the schema says that such an id belongs: foreign keys to it, and the id column itself. */
function dependentsOn(
  reading: SeedReading,
  world: SeedWorld,
  target: string,
  idColumn: string,
  id: string,
  upsert: SeedStatement,
  idValue: LiteralValue,
): SeedDependent[] {
  const found: SeedDependent[] = [];
  const add = (table: string, column: string, stated: SeedValue | undefined, statement: SeedStatement): void => {
    const value = literalOf(stated);
    if (value?.value !== id || value.span.from === idValue.span.from) return;
    if (found.some((other) => other.value.span.from === value.span.from)) return;
    found.push({ table, column, line: value.line, value, variable: variableOf(stated), statement });
  };
  for (const statement of reading.statements) {
    if (statement.span.from < upsert.span.from && statement !== upsert) continue;
    const own = tableOf(world, statement);
    if (own) {
      const columns = columnsOf(statement, own.table);
      const refers = referringColumns(world, own.key, target, idColumn);
      columns.forEach((column, i) => {
        if (!refers.has(column)) return;
        for (const row of statement.rows ?? []) add(own.key, column, row.values[i], statement);
        if (!statement.rows) add(own.key, column, statement.targets?.[i], statement);
      });
      for (const { column, value } of statement.sets ?? [])
        if (refers.has(column)) add(own.key, column, value, statement);
    }
    for (const { table, column, value } of statement.comparisons ?? []) {
      if (!table) continue;
      const key = keyIn(world, table);
      if (key === null) continue;
      if ((key === target && column === idColumn) || referringColumns(world, key, target, idColumn).has(column))
        add(key, column, value, statement);
    }
  }
  return found;
}

function keyIn(world: SeedWorld, name: { schema: string | null; name: string }): string | null {
  const path = plainSearchPath(world.searchPath);
  for (const schema of world.schemas) {
    const key = resolveTable(schema, name, path);
    if (key !== null) return key;
  }
  return null;
}

/** Columns of `table` with a foreign key to the column, in any of the schemas: a key may be declared and lost. */
function referringColumns(world: SeedWorld, table: string, target: string, targetColumn: string): Set<string> {
  const columns = new Set<string>();
  for (const schema of world.schemas) {
    for (const constraint of schema.tables.get(table)?.constraints.values() ?? []) {
      if (constraint.references?.table !== target) continue;
      const targets =
        constraint.references.columns.length > 0 ? constraint.references.columns : primaryKey(world, target);
      constraint.columns.forEach((column, i) => {
        if (targets[i] === targetColumn) columns.add(column);
      });
    }
  }
  return columns;
}

export type SeedQuery = (sql: string) => Promise<Record<string, unknown>[]>;

/** Those of the identities whose row lives under another id, with that id. Reads only. */
export async function resolveSeedIdentities(
  identities: readonly SeedIdentity[],
  query: SeedQuery,
): Promise<(SeedIdentity & { liveId: string })[]> {
  const found: (SeedIdentity & { liveId: string })[] = [];
  for (const identity of identities) {
    const [schema, name] = splitKey(identity.table);
    const conditions = identity.keyColumns.map(
      (column, i) => `${quoteIdentifier(column)} = ${quoteLiteral(identity.keyValues[i]?.value ?? '')}`,
    );
    if (identity.keyWhere !== null) conditions.push(`(${identity.keyWhere})`);
    const rows = await query(
      `SELECT ${quoteIdentifier(identity.idColumn)}::text AS id FROM ${quoteQualified({ schema, name })} WHERE ${conditions.join(' AND ')} LIMIT 2`,
    );
    const liveId = rows.length === 1 ? String(rows[0]?.id) : null;
    const isSame =
      liveId === identity.id || (identity.idType === 'uuid' && liveId?.toLowerCase() === identity.id.toLowerCase());
    if (liveId !== null && !isSame) found.push({ ...identity, liveId });
  }
  return found;
}

/** `schema.table` apart; only the first dot separates. */
export function splitKey(key: string): [string, string] {
  const { schema, name } = nameOfKey(key);
  return [schema ?? '', name];
}
