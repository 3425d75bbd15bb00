/**
 * Questions that several readers ask of a seed: which tables its statements write, with which values, by column.
 * Pure; refuses to parse.
 */
import { placeOf, resolveTable } from './lookup.ts';
import { keyOf } from './name.ts';
import type { Schema, Table } from './schema.ts';
import type { SeedReading, SeedRow, SeedStatement, SeedValue } from './seed.ts';

export interface SeedInsert {
  reading: SeedReading;
  statement: SeedStatement;
  /** `schema.table`: as it resolves, else where the name would be looked for first. */
  table: string;
  columns: string[];
  rows: SeedRow[];
}

/** INSERTs with a column list and rows of values, in the order of the file. */
export function insertsOf(
  readings: readonly SeedReading[],
  schema: Schema,
  searchPath: readonly string[],
): SeedInsert[] {
  const inserts: SeedInsert[] = [];
  for (const reading of readings) {
    for (const statement of reading.statements) {
      if (statement.verb !== 'insert' || !statement.table || !statement.columns || !statement.rows) continue;
      const table = resolveTable(schema, statement.table, searchPath) ?? placeOf(statement.table, searchPath);
      inserts.push({ reading, statement, table, columns: statement.columns, rows: statement.rows });
    }
  }
  return inserts;
}

/** The literal that a row gives a column; undefined where it gives none or something else. */
export function literalIn(insert: SeedInsert, row: SeedRow, column: string): string | null | undefined {
  const value = valueIn(insert, row, column);
  return value?.kind === 'literal' ? value.value : undefined;
}

export function valueIn(insert: SeedInsert, row: SeedRow, column: string): SeedValue | undefined {
  const index = insert.columns.indexOf(column);
  return index < 0 ? undefined : row.values[index];
}

/** A table by the live schema where it is there, else as declared. */
export function tableIn(key: string, live: Schema | undefined, declared: Schema | undefined): Table | undefined {
  return live?.tables.get(key) ?? declared?.tables.get(key);
}

export interface ForeignKey {
  table: string;
  columns: string[];
  target: string;
  targetColumns: string[];
}

/** Foreign keys of the live schema and the declared one together: a key may be declared and lost. */
export function foreignKeysOf(...schemas: (Schema | undefined)[]): ForeignKey[] {
  const keys = new Map<string, ForeignKey>();
  for (const schema of schemas) {
    for (const table of schema?.tables.values() ?? []) {
      for (const constraint of table.constraints.values()) {
        if (!constraint.references) continue;
        const key = {
          table: keyOf(table.namespace, table.name),
          columns: constraint.columns,
          target: constraint.references.table,
          targetColumns: constraint.references.columns,
        };
        keys.set(JSON.stringify(key), key);
      }
    }
  }
  return [...keys.values()];
}
