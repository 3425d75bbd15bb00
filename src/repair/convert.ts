/**
 * A change of type that does not keep every value: what the rows held is kept beside it, and undo gives back what nobody has
 * changed since. Refuses to know which changes those are.
 */
import { sqlOfKey } from '../model/definition.ts';
import { quoteIdentifier, quoteLiteral } from '../model/name.ts';
import type { Table } from '../model/schema.ts';
import { imagesAreBack, keepImages, primaryKey, repairId, stepName } from './row-images.ts';

export interface Converted {
  before: string[];
  after: string[];
  /** Around the statements that change the type back. */
  undoBefore: string[];
  undoAfter: string[];
}

/** Null where undo could not find the rows again. */
export function keepingValues(key: string, column: string, table: Table): Converted | null {
  const keys = primaryKey(table);
  const hasKey = [...table.constraints.values()].some(({ type }) => type === 'p');
  if (!hasKey || keys.includes(column)) return null;
  const [on, name] = [sqlOfKey(key), quoteIdentifier(column)];
  const mine = `b.repair_id = ${repairId} AND b.step = ${stepName} AND b.table_name = ${quoteLiteral(key)}`;
  const isRow = keys
    .map((each) => `to_jsonb(c.${quoteIdentifier(each)}) = b.row_key -> ${quoteLiteral(each)}`)
    .join(' AND ');
  const field = quoteLiteral(column);
  return {
    before: [
      `WITH held AS (\n  SELECT c.* FROM ${on} c WHERE c.${name} IS NOT NULL\n)\n${keepImages(key, table, 'held', [])}`,
    ],
    after: [
      `UPDATE chain.row_before_image b SET after = jsonb_build_object(${field}, c.${name})\n  FROM ${on} c WHERE ${mine} AND ${isRow}`,
    ],
    undoBefore: [
      `UPDATE chain.row_before_image b SET undone_at = clock_timestamp()\n  FROM ${on} c WHERE ${mine} AND ${isRow} AND b.undone_at IS NULL AND to_jsonb(c.${name}) IS DISTINCT FROM b.after -> ${field}`,
    ],
    undoAfter: [
      `UPDATE ${on} c SET ${name} = r.${name}\n  FROM chain.row_before_image b, jsonb_populate_record(NULL::${on}, b.before) r WHERE ${mine} AND b.undone_at IS NULL AND ${isRow}`,
      imagesAreBack,
    ],
  };
}
