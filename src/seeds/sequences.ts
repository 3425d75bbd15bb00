/**
 * Sequences that a seed's own ids have overtaken: the next row of the application would draw an id that is taken. They are
 * set to the highest id, forward only. Refuses to know the seed.
 */
import { keyInSql, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { tableText } from './images.ts';
import type { SeedSession } from './session.ts';

export interface SequenceSet {
  /** `schema.sequence` */
  sequence: string;
  /** `schema.table.column` */
  column: string;
  value: string;
}

interface Drawn {
  schema: string;
  sequence: string;
  table: string;
  column: string;
}

/** Of the tables; what the role may not read or set stays as it is. */
export async function setSequences(session: SeedSession, tables: readonly string[]): Promise<SequenceSet[]> {
  const set: SequenceSet[] = [];
  if (tables.length === 0) return set;
  // Only PostgreSQL's own functions and operators are called; what is set by `setval` stays, whatever is rolled back.
  await session.query('SAVEPOINT chain_sequences');
  await session.query('SET LOCAL search_path = pg_catalog');
  for (const { schema, sequence, table, column } of await drawnColumns(session, tables)) {
    const name = quoteQualified({ schema, name: sequence });
    await session.query('SAVEPOINT chain_sequence');
    try {
      const { rows } = await session.query<{ highest: string | null }>(
        `SELECT (SELECT pg_catalog.max(t.${quoteIdentifier(column)}) FROM ${tableText(table)} t
                  WHERE t.${quoteIdentifier(column)} > CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END)::text AS highest FROM ${name} s`,
      );
      const value = rows[0]?.highest ?? null;
      if (value !== null) {
        await session.query('SELECT pg_catalog.setval($1::regclass, $2::bigint)', [name, value]);
        set.push({ sequence: `${schema}.${sequence}`, column: `${table}.${column}`, value });
      }
    } catch (error) {
      // No right to it (42501), or an id that is larger than it may become (22003).
      if (!/^(?:42501|22003)$/.test((error as { sqlState?: string }).sqlState ?? '')) throw error;
      await session.query('ROLLBACK TO SAVEPOINT chain_sequence');
    }
    await session.query('RELEASE SAVEPOINT chain_sequence');
  }
  await session.query('ROLLBACK TO SAVEPOINT chain_sequences');
  await session.query('RELEASE SAVEPOINT chain_sequences');
  return set;
}

/** Whole-number columns that own a rising sequence, or draw from one by their default. */
async function drawnColumns(session: SeedSession, tables: readonly string[]): Promise<Drawn[]> {
  const { rows } = await session.query<Drawn>(
    `SELECT DISTINCT n.nspname AS schema, s.relname AS sequence, ${keyInSql('tn.nspname', 't.relname')} AS table, a.attname AS column
       FROM (SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
              UNION ALL
             SELECT d.refobjid, f.adrelid, f.adnum FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
              WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass) drawn
       JOIN pg_catalog.pg_class s ON s.oid = drawn.sequence AND s.relkind = 'S' JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
       JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0
       JOIN pg_catalog.pg_class t ON t.oid = drawn.relation AND t.relkind IN ('r', 'p') JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = drawn.number AND a.atttypid IN (20, 21, 23)
      WHERE ${keyInSql('tn.nspname', 't.relname')} = ANY ($1::text[]) ORDER BY 1, 2, 3, 4`,
    [tables],
  );
  return rows;
}
