/**
 * What taking a step back would lose: rows of a table that goes, values of a column that goes, and what others have since
 * put on either. Asked in undo's own transaction, once the seed's rows are gone, so that what is left was made by others.
 */
import type { Connection } from '../database/index.ts';
import { ChainError } from '../errors.ts';
import { isConstant } from '../model/expression.ts';
import { keyOf, type QualifiedName, quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { Step } from '../model/plan.ts';
import { emptySchema, type Schema } from '../model/schema.ts';
import { parseSql } from '../sql/index.ts';
import { isSchemaOperation, settle } from './settle.ts';

const read = (sql: string, name: string) =>
  parseSql(sql, { origin: { revision: null, file: name, line: 1 }, revision: null });

/** What the steps of a plan make, by name. */
export interface OwnObjects {
  schema: Schema;
  /** `schema.table.name` of constraints and indexes. */
  parts: ReadonlySet<string>;
}

export function ownObjects(steps: readonly Pick<Step, 'name' | 'phase' | 'sql'>[]): OwnObjects {
  const operations = steps
    .filter((step) => step.phase === 'schema' || step.phase === 'validate')
    .flatMap((step) => read(step.sql, step.name).filter(isSchemaOperation));
  const { schema } = settle(operations, emptySchema(), { namingConvention: null, searchPath: ['public'] });
  const parts = new Set<string>();
  for (const [key, table] of schema.tables) {
    for (const name of [...table.constraints.keys(), ...table.indexes.keys()]) parts.add(`${key}.${name}`);
  }
  for (const operation of operations) {
    if (operation.kind === 'addConstraint') parts.add(`${keyOfTable(operation.table)}.${operation.constraint.name}`);
    if (operation.kind === 'createIndex') parts.add(`${keyOfTable(operation.table)}.${operation.index.name}`);
  }
  return { schema, parts };
}

function keyOfTable(name: QualifiedName): string {
  return keyOf(name.schema ?? 'public', name.name);
}

/** What would be lost, in words. */
export async function lossesOf(
  step: Pick<Step, 'name' | 'down'>,
  own: OwnObjects,
  connection: Connection,
): Promise<string[]> {
  const losses: string[] = [];
  for (const operation of read(step.down ?? '', step.name)) {
    if (operation.kind === 'dropTable') losses.push(...(await lossOfTable(connection, operation.table, own)));
    if (operation.kind === 'dropColumn') {
      losses.push(...(await lossOfColumn(connection, operation.table, operation.column, own)));
    }
  }
  return losses;
}

export function wouldLose(losses: readonly string[]): ChainError {
  return new ChainError('undo-would-lose', `Undo would lose what the repair did not make: ${losses.join(', ')}.`, {
    hint: 'Move or delete these first, then run `chain undo` again. Nothing was changed.',
  });
}

async function lossOfTable(connection: Connection, name: QualifiedName, own: OwnObjects): Promise<string[]> {
  const table = quoteQualified(name);
  const rows = await count(connection, `SELECT count(*)::int AS n FROM ${table}`);
  const found = await connection.query<{ kind: string; name: string }>(
    `SELECT 'column' AS kind, attname::text AS name FROM pg_attribute WHERE attrelid = $1::regclass::oid AND attnum > 0 AND NOT attisdropped
      UNION ALL SELECT 'constraint', conname::text FROM pg_constraint WHERE conrelid = $1::regclass::oid AND contype <> 'n'
      UNION ALL SELECT 'index', c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1::regclass::oid
      UNION ALL SELECT 'trigger', tgname::text FROM pg_trigger WHERE tgrelid = $1::regclass::oid AND NOT tgisinternal
      UNION ALL SELECT 'policy', polname::text FROM pg_policy WHERE polrelid = $1::regclass::oid ORDER BY 1, 2`,
    [table],
  );
  const key = keyOfTable(name);
  const made = own.schema.tables.get(key);
  const isOwn = (kind: string, part: string) => {
    if (kind === 'column') return made?.columns.has(part) ?? true;
    if (kind === 'trigger') return made?.triggers.has(part) ?? true;
    if (kind === 'policy') return made?.policies.has(part) ?? true;
    return own.parts.has(`${key}.${part}`);
  };
  return [
    ...(rows > 0 ? [`${rows} ${rows === 1 ? 'row' : 'rows'} of ${table}`] : []),
    ...found.rows.filter((one) => !isOwn(one.kind, one.name)).map((one) => `${one.kind} ${one.name} of ${table}`),
  ];
}

async function lossOfColumn(
  connection: Connection,
  name: QualifiedName,
  columnName: string,
  own: OwnObjects,
): Promise<string[]> {
  const table = quoteQualified(name);
  const column = quoteIdentifier(columnName);
  const losses: string[] = [];
  const fallback = await constantDefault(connection, table, columnName);
  if (fallback !== undefined) {
    // As text, since json has no equality of its own.
    const differs = fallback === null ? '' : ` AND ${column}::text IS DISTINCT FROM (${fallback})::text`;
    const values = await count(
      connection,
      `SELECT count(*)::int AS n FROM ${table} WHERE ${column} IS NOT NULL${differs}`,
    );
    if (values > 0) losses.push(`${values} ${values === 1 ? 'value' : 'values'} of ${table}.${column}`);
  }
  // Indexes and constraints go with their column without a word from PostgreSQL.
  const found = await connection.query<{ kind: string; name: string }>(
    `SELECT 'constraint' AS kind, conname::text AS name FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid
        WHERE c.conrelid = $1::regclass::oid AND a.attname = $2 AND a.attnum = ANY (c.conkey) AND c.contype <> 'n'
      UNION SELECT 'index', r.relname::text FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = i.indrelid
        WHERE i.indrelid = $1::regclass::oid AND a.attname = $2 AND a.attnum = ANY (i.indkey::int2[]) ORDER BY 1, 2`,
    [table, columnName],
  );
  const key = keyOfTable(name);
  const foreign = found.rows.filter((one) => !own.parts.has(`${key}.${one.name}`));
  return [...losses, ...foreign.map((one) => `${one.kind} ${one.name} of ${table}`)];
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
      WHERE a.attrelid = $1::regclass::oid AND a.attname = $2`,
    [table, column],
  );
  const found = rows[0];
  if (found === undefined || found.generated) return undefined;
  if (found.text === null) return null;
  return isConstant(found.text) ? found.text : undefined;
}
