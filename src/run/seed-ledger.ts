/**
 * Seeds in the ledger: which file ran, with which content, and the image of every row it changed. Written in the seed's own
 * transaction. Refuses to know how a seed is run or taken back.
 */
import type { Session } from './session.ts';

export interface KeptImage {
  /** `schema.table` */
  table: string;
  key: Record<string, string | null>;
  /** Null: the row was inserted. */
  before: Record<string, string | null> | null;
  /** Null: the row was deleted. */
  after: Record<string, string | null> | null;
}

export interface SeedRunRecord {
  /** Null: the seed was run by itself, outside a repair. */
  repairId: string | null;
  step: string | null;
  file: string;
  contentHash: string;
  /** Other files that the content hash covers. */
  files: readonly string[];
  version: string | null;
  summary: unknown;
  images: readonly KeptImage[];
}

export interface SeedRunRow {
  id: string;
  file: string;
  contentHash: string;
  files: string[];
  version: string | null;
  ranAt: string;
}

const portion = 1_000;

/** Inside the seed's transaction. Returns the run's id. */
export async function recordSeedRun(session: Session, run: SeedRunRecord): Promise<string> {
  const { rows } = await session.query<{ id: string }>(
    `INSERT INTO chain.seed_run (repair_id, file, content_hash, files, version, summary) VALUES ($1, $2, $3, $4, $5, $6)
     RETURNING id::text AS id`,
    [run.repairId, run.file, run.contentHash, run.files, run.version, JSON.stringify(run.summary)],
  );
  const id = (rows[0] as { id: string }).id;
  for (let from = 0; from < run.images.length; from += portion) {
    await session.query(
      `INSERT INTO chain.row_before_image (repair_id, seed_run_id, step, table_name, row_key, before, after)
       SELECT $1, $2, $3, i ->> 'table', i -> 'key', nullif(i -> 'before', 'null'), nullif(i -> 'after', 'null')
         FROM jsonb_array_elements($4::jsonb) WITH ORDINALITY AS images (i, position) ORDER BY position`,
      [run.repairId, id, run.step, JSON.stringify(run.images.slice(from, from + portion))],
    );
  }
  return id;
}

/** The last run of a file that was not taken back; null where it never ran. */
export async function lastSeedRun(session: Session, file: string): Promise<SeedRunRow | null> {
  const { rows } = await session.query<SeedRunRow>(
    `SELECT id::text AS id, file, content_hash AS "contentHash", files, version, ran_at::text AS "ranAt"
       FROM chain.seed_run WHERE file = $1 AND undone_at IS NULL ORDER BY id DESC LIMIT 1`,
    [file],
  );
  return rows[0] ?? null;
}

/** What a repair's seed step did to rows, in the order it was kept. */
export async function seedImages(session: Session, repairId: string, step: string): Promise<KeptImage[]> {
  const { rows } = await session.query<KeptImage>(
    `SELECT table_name AS table, row_key AS key, before, after FROM chain.row_before_image
      WHERE repair_id = $1 AND step = $2 AND seed_run_id IS NOT NULL AND undone_at IS NULL ORDER BY id`,
    [repairId, step],
  );
  return rows;
}

/** Inside the transaction that took the rows back. */
export async function markSeedUndone(session: Session, repairId: string, step: string): Promise<void> {
  await session.query(
    `WITH images AS (
       UPDATE chain.row_before_image SET undone_at = clock_timestamp()
        WHERE repair_id = $1 AND step = $2 AND seed_run_id IS NOT NULL AND undone_at IS NULL RETURNING seed_run_id
     )
     UPDATE chain.seed_run SET undone_at = clock_timestamp()
      WHERE repair_id = $1 AND undone_at IS NULL
        AND (id IN (SELECT seed_run_id FROM images) OR NOT EXISTS (SELECT FROM chain.row_before_image b WHERE b.seed_run_id = seed_run.id))`,
    [repairId, step],
  );
}
