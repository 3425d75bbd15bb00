/**
 * Foreign keys after a seed that switched triggers off: PostgreSQL looks at none of its rows then, and never will, while
 * the key stays valid. Counts the rows that refer to nothing, before and after. Refuses to know seeds.
 */
import { keyOf, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { tableText } from './images.ts';
import type { SeedSession } from './session.ts';

/** Of the foreign key `f` in pg_constraint: its columns, those that they point to, and the operators that PostgreSQL compares them by. */
export const keyParts = `(SELECT array_agg(a.attname::text ORDER BY k.position) FROM unnest(f.conkey) WITH ORDINALITY k(number, position) JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number) AS columns,
            (SELECT array_agg(a.attname::text ORDER BY k.position) FROM unnest(f.confkey) WITH ORDINALITY k(number, position) JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number) AS targets,
            (SELECT array_agg('OPERATOR(' || quote_ident(en.nspname::text) || '.' || o.oprname::text || ')' ORDER BY k.position)
               FROM unnest(f.conpfeqop) WITH ORDINALITY k(oid, position) JOIN pg_catalog.pg_operator o ON o.oid = k.oid JOIN pg_catalog.pg_namespace en ON en.oid = o.oprnamespace) AS equals`;

export interface OrphanCount {
  constraint: string;
  /** `schema.table` */
  table: string;
  rows: number;
}

/** Of every foreign key from or to one of the tables. */
export async function orphanCounts(
  session: Pick<SeedSession, 'query'>,
  tables: readonly string[],
): Promise<OrphanCount[]> {
  const { rows: keys } = await session.query<{
    constraint: string;
    schema: string;
    name: string;
    target_schema: string;
    target_name: string;
    columns: string[];
    targets: string[];
    equals: string[];
  }>(
    `SELECT f.conname AS constraint, n.nspname AS schema, c.relname AS name, tn.nspname AS target_schema, t.relname AS target_name,
            ${keyParts}
       FROM pg_catalog.pg_constraint f
       JOIN pg_catalog.pg_class c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_class t ON t.oid = f.confrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
      WHERE f.contype = 'f' AND f.conparentid = 0
        AND (f.conrelid = ANY ($1::text[]::regclass[]::oid[]) OR f.confrelid = ANY ($1::text[]::regclass[]::oid[]))
      ORDER BY 2, 3, 1`,
    [tables.map(tableText)],
  );
  const found: OrphanCount[] = [];
  for (const key of keys) {
    const given = key.columns.map((column) => `c.${quoteIdentifier(column)} IS NOT NULL`);
    const joined = key.columns.map(
      (column, i) => `p.${quoteIdentifier(key.targets[i] as string)} ${key.equals[i]} c.${quoteIdentifier(column)}`,
    );
    const parent = quoteQualified({ schema: key.target_schema, name: key.target_name });
    const { rows } = await session.query<{ count: string }>(
      `SELECT count(*)::text AS count FROM ${quoteQualified(key)} c WHERE ${given.join(' AND ')} AND NOT EXISTS (SELECT FROM ${parent} p WHERE ${joined.join(' AND ')})`,
    );
    found.push({ constraint: key.constraint, table: keyOf(key.schema, key.name), rows: Number(rows[0]?.count ?? 0) });
  }
  return found;
}

/** Keys that refer to nothing more often than before. */
export function moreOrphans(before: readonly OrphanCount[], after: readonly OrphanCount[]): OrphanCount[] {
  return after.flatMap((now) => {
    const then = before.find(({ constraint, table }) => constraint === now.constraint && table === now.table);
    const rows = now.rows - (then?.rows ?? 0);
    return rows > 0 ? [{ ...now, rows }] : [];
  });
}
