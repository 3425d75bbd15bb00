/**
 * Before-images of rows that a step changes by SQL alone: which repair and step it is, which row, and when it is back.
 * The runner sets both settings for the step's transaction.
 */
import { quoteIdentifier, quoteLiteral } from '../model/name.ts';
import type { Table } from '../model/schema.ts';

export const repairId = `current_setting('chain.repair')::bigint`;
export const stepName = `current_setting('chain.step')`;

/** All columns where there is no key. */
export function primaryKey(table: Table): string[] {
  const primary = [...table.constraints.values()].find((constraint) => constraint.type === 'p');
  return primary?.columns ?? [...table.columns.keys()];
}

export function rowKey(table: Table, alias: string): string {
  return `jsonb_build_object(${primaryKey(table)
    .map((column) => `${quoteLiteral(column)}, ${alias}.${quoteIdentifier(column)}`)
    .join(', ')})`;
}

/** What stands in `alias`, rows as a step left them, with the values that they had. */
export function keepImages(key: string, table: Table, alias: string, before: readonly string[]): string {
  return (
    `INSERT INTO chain.row_before_image (repair_id, step, table_name, row_key, before, after)\n` +
    `SELECT ${repairId}, ${stepName}, ${quoteLiteral(key)}, ${rowKey(table, alias)}, to_jsonb(${alias}) || jsonb_build_object(${before.join(', ')}), to_jsonb(${alias}) FROM ${alias}`
  );
}

export const imagesAreBack = `UPDATE chain.row_before_image SET undone_at = clock_timestamp() WHERE repair_id = ${repairId} AND step = ${stepName} AND undone_at IS NULL`;
