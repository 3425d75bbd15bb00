/**
 * Before-images: what a run does to rows, exactly, as every value's own text. Here by a copy of the table into a temporary
 * one, compared after; `changed-rows.ts` does without where a second session is at hand. Refuses to know seeds and the ledger.
 */
import { ChainError } from '../errors.ts';
import { catalogueEquals } from '../model/equality.ts';
import { compareText, nameOfKey, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { SeedSession } from './session.ts';

export type RowValues = Record<string, string | null>;

/** One row that changed. */
export interface RowImage {
  /** `schema.table` */
  table: string;
  /** Primary key (else a unique key, else the whole row), values as PostgreSQL's text. */
  key: RowValues;
  /** Null: the row was inserted. */
  before: RowValues | null;
  /** Null: the row was deleted. */
  after: RowValues | null;
}

export interface TableShape {
  table: string;
  /** Its own rows: of a partitioned table its partitions', of any other none of a table that inherits from it. */
  from: string;
  /** `equals` is the operator for two values of the type. */
  columns: { name: string; type: string; equals: string; isGenerated: boolean; isIdentity: boolean }[];
  key: string[];
}

const chunk = 40;

/** Each column's text by name, as one jsonb; jsonb_build_object takes 100 arguments at most. */
export function rowText(shape: { columns: { name: string }[] }, alias: string, names?: readonly string[]): string {
  const columns = (names ?? shape.columns.map(({ name }) => name)).map(
    (name) => `${quoteLiteral(name)}, ${alias}.${quoteIdentifier(name)}::text`,
  );
  const parts: string[] = [];
  for (let i = 0; i < columns.length; i += chunk)
    parts.push(`jsonb_build_object(${columns.slice(i, i + chunk).join(', ')})`);
  return parts.length > 0 ? parts.join(' || ') : `'{}'::jsonb`;
}

export function tableText(key: string): string {
  return quoteQualified(nameOfKey(key));
}

/** Columns and key of a table; null where it is none that holds rows. */
export async function shapeOf(session: SeedSession, table: string): Promise<TableShape | null> {
  const { rows: columns } = await session.query<{
    name: string;
    type: string;
    own: boolean;
    generated: string;
    identity: string;
    kind: string;
  }>(
    `SELECT a.attname AS name, c.relkind::text AS kind, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
            y.typtype = 'e' OR y.typnamespace = 'pg_catalog'::regnamespace::oid AS own, a.attgenerated::text AS generated, a.attidentity::text AS identity
       FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
      WHERE a.attrelid = pg_catalog.to_regclass($1)::oid AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [tableText(table)],
  );
  if (columns.length === 0) return null;
  const { rows: keys } = await session.query<{ columns: string[] }>(
    `SELECT array_agg(a.attname::text ORDER BY k.position) AS columns
       FROM pg_catalog.pg_index i
       CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, position)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
      WHERE i.indrelid = pg_catalog.to_regclass($1)::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.position <= i.indnkeyatts
      GROUP BY i.indexrelid, i.indisprimary
     HAVING bool_and(a.attnotnull) AND count(*) = max(i.indnkeyatts)
      ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1`,
    [tableText(table)],
  );
  return {
    table,
    from: columns[0]?.kind === 'p' ? tableText(table) : `ONLY ${tableText(table)}`,
    columns: columns.map(({ name, type, own, generated, identity }) => ({
      name,
      type,
      equals: own ? catalogueEquals : '=',
      isGenerated: generated !== '',
      isIdentity: identity !== '',
    })),
    key: keys[0]?.columns ?? [],
  };
}

/** Against other writers; readers go on. */
export async function lockTable(session: SeedSession, table: string): Promise<void> {
  await keeping(table, () => session.query(`LOCK TABLE ${tableText(table)} IN SHARE ROW EXCLUSIVE MODE`));
}

/** @throws ChainError `insufficient-privileges` */
export async function keeping<Value>(table: string, body: () => Promise<Value>): Promise<Value> {
  try {
    return await body();
  } catch (error) {
    if ((error as { sqlState?: string }).sqlState !== '42501') throw error;
    throw new ChainError(
      'insufficient-privileges',
      `The rows of ${table} cannot be kept before the seed changes them: ${(error as Error).message}`,
      {
        hint: `Grant SELECT and UPDATE on ${table}, and TEMPORARY on the database, to the role that seeds.`,
        cause: error,
      },
    );
  }
}

/** Copies of tables, taken in the transaction of the run. */
export class Snapshots {
  private readonly session: SeedSession;
  private readonly shapes = new Map<string, TableShape>();

  constructor(session: SeedSession) {
    this.session = session;
  }

  get tables(): string[] {
    return [...this.shapes.keys()];
  }

  /** Locks the table against other writers and copies it. Readers go on. */
  async take(table: string): Promise<void> {
    if (this.shapes.has(table)) return;
    const shape = await shapeOf(this.session, table);
    if (!shape) return;
    await keeping(table, async () => {
      await lockTable(this.session, table);
      // Of a seed that ran before in the same transaction.
      await this.session.query(`DROP TABLE IF EXISTS ${this.nameOf(table)}`);
      await this.session.query(`CREATE TEMPORARY TABLE ${this.nameOf(table)} ON COMMIT DROP AS ${selectRows(shape)}`);
    });
    this.shapes.set(table, shape);
  }

  private nameOf(table: string): string {
    const index = this.tables.indexOf(table);
    return `pg_temp.chain_before_${index < 0 ? this.shapes.size : index}`;
  }

  /**
   * What differs now, tables and rows in a stable order; of a table where more than `limit` rows do, how many do.
   * `without`: tables not to be looked at.
   */
  async compare(
    without: ReadonlySet<string>,
    limit: number,
  ): Promise<{ images: RowImage[]; unkept: Map<string, WriteCounts> }> {
    const images: RowImage[] = [];
    const unkept = new Map<string, WriteCounts>();
    for (const table of [...this.tables].sort(compareText)) {
      if (without.has(table)) continue;
      const shape = this.shapes.get(table) as TableShape;
      const now = await shapeOf(this.session, table);
      const differing = `FROM ${this.nameOf(table)} b FULL JOIN (${now ? selectRows({ ...now, key: shape.key }) : 'SELECT NULL::jsonb k, NULL::jsonb r, 1::bigint n WHERE false'}) a ON a.k = b.k AND a.n = b.n
          WHERE a.k IS NULL OR b.k IS NULL OR a.r <> b.r`;
      const { rows: counts } = await this.session.query<{ inserted: string; updated: string; deleted: string }>(
        `SELECT count(*) FILTER (WHERE b.k IS NULL)::text AS inserted, count(*) FILTER (WHERE a.k IS NULL)::text AS deleted,
                count(*) FILTER (WHERE a.k IS NOT NULL AND b.k IS NOT NULL)::text AS updated ${differing}`,
      );
      const { inserted = '0', updated = '0', deleted = '0' } = counts[0] ?? {};
      const found = { oid: '', inserted: Number(inserted), updated: Number(updated), deleted: Number(deleted) };
      if (found.inserted + found.updated + found.deleted > limit) {
        unkept.set(table, found);
        continue;
      }
      const { rows } = await this.session.query<{
        k: Record<string, string | null>;
        before: RowValues | null;
        after: RowValues | null;
      }>(
        `SELECT coalesce(a.k, b.k) AS k, b.r AS before, a.r AS after ${differing} ORDER BY coalesce(a.k, b.k)::text COLLATE "C", b.k IS NULL`,
      );
      for (const row of rows) images.push({ table, key: row.k, before: row.before, after: row.after });
    }
    return { images, unkept };
  }
}

/** Key, row and, where the key is the whole row, which of its equals. */
function selectRows(shape: TableShape): string {
  const key = shape.key.length > 0 ? rowText(shape, 't', shape.key) : rowText(shape, 't');
  const number = shape.key.length > 0 ? '1::bigint' : `row_number() OVER (PARTITION BY ${rowText(shape, 't')})`;
  return `SELECT ${key} AS k, ${rowText(shape, 't')} AS r, ${number} AS n FROM ${shape.from} t`;
}

export interface WriteCounts {
  oid: string;
  inserted: number;
  updated: number;
  deleted: number;
}

/** What this session's transaction has written so far, by table; partitions count as their topmost parent. */
export async function writeCounts(session: SeedSession): Promise<Map<string, WriteCounts>> {
  const { rows } = await session.query<{
    name: string;
    oid: string;
    inserted: string;
    updated: string;
    deleted: string;
  }>(
    `SELECT n.nspname::text || '.' || c.relname::text AS name, c.oid::text AS oid, sum(s.n_tup_ins)::text AS inserted, sum(s.n_tup_upd)::text AS updated, sum(s.n_tup_del)::text AS deleted
       FROM pg_catalog.pg_stat_xact_user_tables s
       CROSS JOIN LATERAL (SELECT coalesce((SELECT pg_catalog.pg_partition_root(s.relid)::oid), s.relid) AS oid) root
       JOIN pg_catalog.pg_class c ON c.oid = root.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relpersistence <> 't' AND s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
      GROUP BY 1, 2`,
  );
  return new Map(
    rows.map((row) => [
      row.name,
      { oid: row.oid, inserted: Number(row.inserted), updated: Number(row.updated), deleted: Number(row.deleted) },
    ]),
  );
}
