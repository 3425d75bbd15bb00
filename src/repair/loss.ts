/**
 * What taking a step back would lose: rows in a table that goes, values in a column that goes. Asked in undo's own
 * transaction, once the seed's rows are gone, so that what is left was made by others.
 */
import type { Connection } from '../database/index.ts';
import { ChainError } from '../errors.ts';
import { quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { Step } from '../model/plan.ts';
import { parseSql } from '../sql/index.ts';

/** @throws ChainError `undo-would-lose` naming what would be lost */
export async function refuseLoss(step: Pick<Step, 'name' | 'down'>, connection: Connection): Promise<void> {
  const operations = parseSql(step.down ?? '', {
    origin: { revision: null, file: step.name, line: 1 },
    revision: null,
  });
  const losses: string[] = [];
  for (const operation of operations) {
    if (operation.kind === 'dropTable') {
      const table = quoteQualified(operation.table);
      const rows = await count(connection, `SELECT count(*)::int AS n FROM ${table}`);
      if (rows > 0) losses.push(`${rows} ${rows === 1 ? 'row' : 'rows'} of ${table}`);
    }
    if (operation.kind === 'dropColumn') {
      const table = quoteQualified(operation.table);
      const column = quoteIdentifier(operation.column);
      const fallback = await constantDefault(connection, table, operation.column);
      if (fallback === undefined) continue;
      // As text, since json has no equality of its own.
      const differs = fallback === null ? '' : ` AND ${column}::text IS DISTINCT FROM (${fallback})::text`;
      const values = await count(
        connection,
        `SELECT count(*)::int AS n FROM ${table} WHERE ${column} IS NOT NULL${differs}`,
      );
      if (values > 0) losses.push(`${values} ${values === 1 ? 'value' : 'values'} of ${table}.${column}`);
    }
  }
  if (losses.length === 0) return;
  throw new ChainError('undo-would-lose', `Undo would lose what the repair did not make: ${losses.join(', ')}.`, {
    hint: 'Move or delete these rows first, then run `chain undo` again. Nothing was changed.',
  });
}

async function count(connection: Connection, sql: string): Promise<number> {
  return (await connection.query<{ n: number }>(sql)).rows[0]?.n ?? 0;
}

/** The default that filled the column; null: none; undefined: it differs from row to row, so nobody can tell. */
async function constantDefault(
  connection: Connection,
  table: string,
  column: string,
): Promise<string | null | undefined> {
  const { rows } = await connection.query<{ text: string | null; generated: boolean }>(
    `SELECT pg_get_expr(d.adbin, d.adrelid) AS text, a.attgenerated <> '' OR a.attidentity <> '' AS generated
       FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = $1::regclass AND a.attname = $2`,
    [table, column],
  );
  const found = rows[0];
  if (found === undefined || found.generated) return undefined;
  if (found.text === null) return null;
  return /\(|current_|localtime/i.test(found.text.replace(/::[\w "()[\]]+/g, '')) ? undefined : found.text;
}
