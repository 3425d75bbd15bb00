/**
 * Runs a seed in one transaction: all of it or nothing, with the image of every row it changes handed over before the
 * commit. A failure names file, line and statement. Refuses to know the ledger and the plan.
 */
import { ChainError } from '../errors.ts';
import { compareText, quoteQualified } from '../model/name.ts';
import type { SeedReading } from '../model/seed.ts';
import { execute, type SeedNotice } from './execute.ts';
import { seedFailure } from './failure.ts';
import { type RowImage, Snapshots, tableText, writeCounts } from './images.ts';
import { contentHashOf, type ReadScriptFile } from './script-files.ts';
import type { SeedSession } from './session.ts';

export interface SeedRunOptions {
  /** A file that the seed includes, relative to the project; null where there is none. */
  readFile?: ReadScriptFile;
  onNotice?: (notice: SeedNotice) => void;
  /** In the transaction of the run, after the last statement: where the ledger keeps what undo needs. */
  onRowImages?: (images: RowImage[]) => Promise<void>;
  /** The caller has opened a transaction and will end it. */
  insideTransaction?: boolean;
}

export interface SeedTableSummary {
  /** `schema.table` */
  table: string;
  inserted: number;
  updated: number;
  /** Rows that the seed states and that were as it wants them. */
  unchanged: number;
  deleted: number;
}

export interface SeedRun {
  /** Of the file and of every file that it read. */
  contentHash: string;
  /** Files that it read, in the order of the hash. */
  files: string[];
  version: string | null;
  /** By table name. */
  summary: SeedTableSummary[];
  images: RowImage[];
  notices: SeedNotice[];
}

const writingVerbs = new Set(['insert', 'update', 'delete', 'truncate', 'copy', 'ddl']);
const maxAttempts = 6;

/** @throws ChainError `seed-failed` with file, line, statement and a caret; nothing is left behind. */
export async function runSeed(
  session: SeedSession,
  reading: SeedReading,
  options: SeedRunOptions = {},
): Promise<SeedRun> {
  const notices: SeedNotice[] = [];
  let told = 0;
  let heard = 0;
  // Notices of chain's own statements are not the seed's.
  let isSeed = false;
  const tell = (notice: SeedNotice): void => {
    // A second attempt repeats what was told already.
    if (heard++ < told) return;
    told++;
    notices.push(notice);
    options.onNotice?.(notice);
  };
  const stop = session.onNotice?.(({ severity, message }) => {
    if (isSeed) tell({ severity, message });
  });
  const body = async (): Promise<SeedRun> => {
    await countWrites(session, reading.file);
    const before = await session.query<{ path: string }>(`SELECT current_setting('search_path') AS path`);
    const tables = new Set(await tablesOf(session, reading));
    for (let attempt = 1; ; attempt++) {
      heard = 0;
      await session.query('SAVEPOINT chain_seed');
      const snapshots = new Snapshots(session);
      for (const table of [...tables].sort(compareText)) await snapshots.take(table);
      const counted = await writeCounts(session);
      isSeed = true;
      const done = await execute(session, reading, options.readFile ?? (() => null), tell);
      await immediate(session, reading);
      isSeed = false;
      await restoreSettings(session, done.settings, before.rows[0]?.path ?? 'public');
      const written = [...(await writeCounts(session))].filter(([table, now]) => {
        const then = counted.get(table);
        return (
          !table.startsWith('chain.') &&
          (!then || now.inserted + now.updated + now.deleted > then.inserted + then.updated + then.deleted)
        );
      });
      const made = await createdSince(
        session,
        written.map(([table]) => table),
        snapshots.tables,
      );
      const unforeseen = made.filter((table) => !snapshots.tables.includes(table));
      if (unforeseen.length > 0 && attempt < maxAttempts) {
        await session.query('ROLLBACK TO SAVEPOINT chain_seed');
        for (const table of unforeseen) tables.add(table);
        continue;
      }
      if (unforeseen.length > 0) {
        throw new ChainError(
          'seed-failed',
          `${reading.file}: it writes to ${unforeseen.join(', ')}, whose rows could not be kept before.`,
          {
            hint: 'Run the seed with psql, and look there for what its triggers write.',
          },
        );
      }
      const images = (await snapshots.compare()).filter(({ table }) => !table.startsWith('chain.'));
      await session.query('RELEASE SAVEPOINT chain_seed');
      await options.onRowImages?.(images);
      return {
        contentHash: contentHashOf(reading.contentHash, done.files),
        files: done.files.map(({ file }) => file),
        version: reading.version.at(-1)?.value ?? null,
        summary: summarise(images, snapshots.tables, statedRows(reading, images)),
        images,
        notices,
      };
    }
  };
  try {
    return options.insideTransaction ? await body() : await session.transaction(body);
  } finally {
    stop?.();
  }
}

/** Tables that the file's own statements write, with those that TRUNCATE … CASCADE would empty. */
async function tablesOf(session: SeedSession, reading: SeedReading): Promise<string[]> {
  const found: string[] = [];
  for (const { verb, table, sql } of reading.statements) {
    if (!table || !writingVerbs.has(verb)) continue;
    const { rows } = await session.query<{ name: string }>(
      verb === 'truncate' && /\bcascade\b/i.test(sql)
        ? `WITH RECURSIVE reached(oid) AS (
             SELECT pg_catalog.to_regclass($1)::oid
             UNION SELECT f.conrelid FROM reached JOIN pg_catalog.pg_constraint f ON f.confrelid = reached.oid AND f.contype = 'f')
           SELECT n.nspname || '.' || c.relname AS name FROM reached JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`
        : `SELECT n.nspname || '.' || c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'`,
      [quoteQualified(table)],
    );
    for (const { name } of rows) if (!found.includes(name)) found.push(name);
  }
  return found;
}

/** Of the tables written, those that stood before the run: a table that the seed makes itself has no rows to keep. */
async function createdSince(
  session: SeedSession,
  tables: readonly string[],
  known: readonly string[],
): Promise<string[]> {
  const stood: string[] = [];
  for (const table of tables) {
    if (known.includes(table)) continue;
    const { rows } = await session.query<{ made: boolean }>(
      `SELECT xmin::text = (pg_catalog.txid_current() & 4294967295)::text AS made FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)`,
      [tableText(table)],
    );
    if (rows[0]?.made === false) stood.push(table);
  }
  return stood;
}

/** What is deferred must fail here, where the statement's file is known, and not at the commit. */
async function immediate(session: SeedSession, reading: SeedReading): Promise<void> {
  try {
    await session.query('SET CONSTRAINTS ALL IMMEDIATE');
  } catch (error) {
    throw seedFailure(error, null, reading);
  }
}

/** Settings of the session that the file changed go back to what they were before its statement. */
async function restoreSettings(
  session: SeedSession,
  settings: ReadonlyMap<string, string | null>,
  searchPath: string,
): Promise<void> {
  for (const [name, value] of [...settings, ['search_path', searchPath] as const]) {
    if (value !== null) await session.query('SELECT pg_catalog.set_config($1, $2, false)', [name, value]);
  }
}

/** Rows that the file states, by table of its images. */
function statedRows(reading: SeedReading, images: readonly RowImage[]): Map<string, number> {
  const tables = [...new Set(images.map(({ table }) => table))];
  const stated = new Map<string, number>();
  for (const { verb, table, rows } of reading.statements) {
    if (!table || !rows || (verb !== 'insert' && verb !== 'copy')) continue;
    const key =
      table.schema === null
        ? (tables.find((each) => each.endsWith(`.${table.name}`)) ?? `public.${table.name}`)
        : `${table.schema}.${table.name}`;
    stated.set(key, (stated.get(key) ?? 0) + rows.length);
  }
  return stated;
}

function summarise(
  images: readonly RowImage[],
  tables: readonly string[],
  stated: ReadonlyMap<string, number>,
): SeedTableSummary[] {
  return [...tables].sort(compareText).map((table) => {
    const own = images.filter((image) => image.table === table);
    const inserted = own.filter(({ before }) => before === null).length;
    const deleted = own.filter(({ after }) => after === null).length;
    const updated = own.length - inserted - deleted;
    return { table, inserted, updated, deleted, unchanged: Math.max(0, (stated.get(table) ?? 0) - inserted - updated) };
  });
}

/**
 * What triggers and cascades write is seen by PostgreSQL's own counters of this transaction; where a server keeps none
 * (`track_counts = off`), undo could not know of it.
 * @throws ChainError `seed-failed`
 */
async function countWrites(session: SeedSession, file: string): Promise<void> {
  const { rows } = await session.query<{ on: boolean }>(`SELECT current_setting('track_counts')::boolean AS "on"`);
  if (rows[0]?.on) return;
  await session.query('SAVEPOINT chain_counts');
  try {
    await session.query('SET LOCAL track_counts = on');
    await session.query('RELEASE SAVEPOINT chain_counts');
  } catch (cause) {
    await session.query('ROLLBACK TO SAVEPOINT chain_counts');
    throw new ChainError('seed-failed', `${file}: this server keeps no counts of written rows (track_counts = off).`, {
      hint: 'Without them, what triggers write could not be taken back: switch track_counts on, or run the seed with psql.',
      cause,
    });
  }
}
