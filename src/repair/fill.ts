/**
 * NULLs under a declared NOT NULL, filled with the constant default that the revisions declare, only when asked: each row's
 * before-image is kept, and undo makes NULL again what still has the value. Refuses to decide which value.
 */
import { sqlOfKey } from '../model/definition.ts';
import { quoteIdentifier, quoteLiteral } from '../model/name.ts';
import type { Table } from '../model/schema.ts';
import { imagesAreBack, keepImages, primaryKey, repairId, stepName } from './row-images.ts';
import { type StepDraft, script } from './steps.ts';

export interface Fill {
  /** An SQL constant. */
  value: string;
  answers: readonly string[];
}

export function fillStep(
  { value, answers }: Fill,
  { key, column, table, isSmall }: { key: string; column: string; table: Table; isSmall: boolean },
): StepDraft {
  const on = sqlOfKey(key);
  const name = quoteIdentifier(column);
  const alter = (act: string) => `ALTER TABLE ${on} ALTER COLUMN ${name} ${act}`;
  // json has no equality of its own.
  const isSame = [
    ...primaryKey(table).map((each) => `c.${quoteIdentifier(each)} = r.${quoteIdentifier(each)}`),
    `c.${name}::text = r.${name}::text`,
  ];
  return {
    title: `fill_${table.name}_${column}`,
    phase: 'validate',
    sql: script([
      `WITH filled AS (\n  UPDATE ${on} c SET ${name} = ${value} WHERE c.${name} IS NULL RETURNING c.*\n)\n${keepImages(key, table, 'filled', [quoteLiteral(column), 'NULL'])}`,
      // ALTER TABLE refuses a table with triggers that still wait for the end of the transaction.
      'SET CONSTRAINTS ALL IMMEDIATE',
      alter('SET NOT NULL'),
    ]),
    down: script([
      alter('DROP NOT NULL'),
      `UPDATE ${on} c SET ${name} = NULL\n  FROM chain.row_before_image b, jsonb_populate_record(NULL::${on}, b.after) r\n WHERE b.repair_id = ${repairId} AND b.step = ${stepName} AND b.table_name = ${quoteLiteral(key)} AND b.undone_at IS NULL AND ${isSame.join(' AND ')}`,
      imagesAreBack,
    ]),
    lock: `ACCESS EXCLUSIVE on ${on}`,
    hazards: isSmall ? ['changes-rows'] : ['changes-rows', 'long-lock'],
    transactional: true,
    answers: [...answers],
    tables: [key],
  };
}
