/**
 * Runs a seed in one transaction: all of it or nothing, with the image of every row it changes handed over before the
 * commit. A failure names file, line and statement. Refuses to know the ledger and the plan.
 */
import { ChainError } from '../errors.ts';
import { compareText, keyInSql, quoteQualified } from '../model/name.ts';
import type { SeedReading } from '../model/seed.ts';
import { inOrder } from '../model/seed-view.ts';
import { changedRows, markNow, type Reader } from './changed-rows.ts';
import { execute, type SeedNotice } from './execute.ts';
import { seedFailure } from './failure.ts';
import { keeping, lockTable, type RowImage, Snapshots, type WriteCounts, writeCounts } from './images.ts';
import { moreOrphans, type OrphanCount, orphanCounts } from './orphans.ts';
import type { ScriptStatement } from './script.ts';
import { contentHashOf, type ReadScriptFile } from './script-files.ts';
import { setSequences } from './sequences.ts';
import type { SeedSession } from './session.ts';
import { type SeedTableSummary, summarise } from './summary.ts';

export interface SeedRunOptions {
  /** A file that the seed includes, relative to the project; null where there is none. */
  readFile?: ReadScriptFile;
  onNotice?: (notice: SeedNotice) => void;
  /** In the transaction of the run, after the last statement: where the ledger keeps what undo needs. */
  onRowImages?: (images: RowImage[]) => Promise<void>;
  /** A second session with the same database, closed by the run: with it no table is copied, only what changed is kept. */
  openReader?: () => Promise<Reader & { close(): Promise<void> }>;
  /** The caller has opened a transaction and will end it. */
  insideTransaction?: boolean;
  onStart?: (act: ScriptStatement) => void;
  /** After each statement that was sent. */
  onRan?: (act: ScriptStatement) => Promise<void>;
  /** Written rows whose images are kept: all are held in memory before they are in the ledger. */
  maxKeptRows?: number;
}

/** Beyond it a run takes some hundred megabytes, and its ledger as much as its tables. */
export const maxKeptRows = 100_000;

export interface SeedRun {
  /** Of the file and of every file that it read. */
  contentHash: string;
  /** Files that it read, in the order of the hash. */
  files: string[];
  version: string | null;
  /** By table name. */
  summary: SeedTableSummary[];
  images: RowImage[];
  /** Tables with more written rows than are kept: only counted, by PostgreSQL, and not to be taken back. */
  unkept: string[];
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
  const body = async (reader: Reader | null): Promise<SeedRun> => {
    await countWrites(session, reading.file);
    const before = await session.query<{ path: string }>(`SELECT current_setting('search_path') AS path`);
    const standing = await standingTables(session);
    const foreseen = await tablesOf(session, reading);
    const tables = new Set(foreseen.map(({ name }) => name));
    /** Tables to copy before: all without a second session; with one, what it could not read after. */
    const copied = new Set(foreseen.flatMap(({ name, isEmptied }) => (reader && !isEmptied ? [] : [name])));
    for (let attempt = 1; ; attempt++) {
      heard = 0;
      await session.query('SAVEPOINT chain_seed');
      const snapshots = new Snapshots(session);
      for (const table of [...new Set([...tables, ...copied])].sort(compareText))
        await (copied.has(table) ? snapshots.take(table) : lockTable(session, table));
      const disables = inOrder(reading).some(({ statement }) => statement.disablesForeignKeys);
      const orphans = disables ? await orphanCounts(session, [...tables]) : null;
      const marker = await markNow(session);
      await session.query('SAVEPOINT chain_seed_rows');
      const counted = await writeCounts(session);
      isSeed = true;
      const done = await execute(session, reading, options.readFile ?? (() => null), tell, options);
      await immediate(session, reading);
      isSeed = false;
      await restoreSettings(session, done.settings, before.rows[0]?.path ?? 'public');
      const grown = (await writtenSince(session, counted)).filter(({ counts }) => standing.has(counts.oid));
      const written = grown.map(({ name }) => name);
      // Without the reader all that was written must have been copied; with it, what it cannot read.
      const locked = await lockedTables(session, standing);
      const uncopied = [...new Set([...locked, ...(reader ? [] : written)])].filter((table) => !copied.has(table));
      if (uncopied.length > 0) {
        if (attempt === maxAttempts) throw notKept(reading.file, uncopied);
        await session.query('ROLLBACK TO SAVEPOINT chain_seed');
        for (const table of uncopied) copied.add(table);
        continue;
      }
      const all = [...new Set([...tables, ...copied, ...written])].sort(compareText);
      if (done.disabledTriggers) await refuseOrphans(reading.file, orphans, session, reader, all, locked);
      const limit = options.maxKeptRows ?? maxKeptRows;
      const counts = new Map(grown.map(({ name, counts }) => [name, counts]));
      const unkept = new Set(beyond(counts, limit));
      const compared = await snapshots.compare(unkept, limit);
      const images = compared.images;
      for (const [table, written] of compared.unkept) {
        unkept.add(table);
        counts.set(table, written);
      }
      for (const table of written) {
        if (!reader || copied.has(table)) continue;
        if (!tables.has(table)) await lockTable(session, table);
        if (unkept.has(table)) continue;
        for (const image of (await keeping(table, () => changedRows(session, reader, table, marker))) ?? [])
          images.push(image);
      }
      images.sort((a, b) => compareText(a.table, b.table));
      const inserted = new Set([
        ...images.flatMap(({ table, before }) => (before === null ? [table] : [])),
        ...grown.flatMap(({ name, counts }) => (counts.inserted > 0 ? [name] : [])),
      ]);
      for (const { sequence, column, value } of await setSequences(session, [...inserted].sort(compareText)))
        tell({ severity: 'NOTE', message: `${sequence} was behind ${column}: set to ${value}` });
      await session.query('RELEASE SAVEPOINT chain_seed');
      await options.onRowImages?.(images);
      const there = new Set(standing.values());
      const made = [...new Set((await standingTables(session)).values())].filter((table) => !there.has(table));
      return {
        contentHash: contentHashOf(reading.contentHash, done.files),
        files: done.files.map(({ file }) => file),
        version: reading.version.at(-1)?.value ?? null,
        summary: await summarise(session, reading, { images, tables: all, made, counts, unkept }),
        images,
        unkept: [...unkept].sort(compareText),
        notices,
      };
    }
  };
  const reader = (await options.openReader?.()) ?? null;
  try {
    return options.insideTransaction ? await body(reader) : await session.transaction(() => body(reader));
  } finally {
    stop?.();
    await reader?.close();
  }
}

function notKept(file: string, tables: readonly string[]): ChainError {
  return new ChainError(
    'seed-failed',
    `${file}: it writes to ${tables.join(', ')}, whose rows could not be kept before.`,
    {
      hint: 'Run the seed with psql, and look there for what its triggers write.',
    },
  );
}

/** @throws ChainError `seed-failed` */
async function refuseOrphans(
  file: string,
  before: readonly OrphanCount[] | null,
  session: SeedSession,
  reader: Reader | null,
  tables: readonly string[],
  locked: readonly string[],
): Promise<void> {
  // Nobody can say any more how it was before: nothing is told of those.
  const known = before === null ? (reader ? tables.filter((table) => !locked.includes(table)) : []) : tables;
  const then = before ?? (reader ? await orphanCounts(reader, known) : []);
  const [first, ...others] = moreOrphans(then, await orphanCounts(session, known));
  if (!first) return;
  const rows = `${first.rows} ${first.rows === 1 ? 'row' : 'rows'}`;
  const more = others.length > 0 ? `, and ${others.length} more keys` : '';
  throw new ChainError(
    'seed-failed',
    `${file}: it switches triggers off, and ${rows} of ${first.table} then refer to nothing (foreign key ${first.constraint})${more}.`,
    { hint: 'PostgreSQL would never look at them again: leave session_replication_role and DISABLE TRIGGER out.' },
  );
}

/** Tables that the file's own statements write, with those that TRUNCATE … CASCADE would empty. `isEmptied`: or altered. */
async function tablesOf(session: SeedSession, reading: SeedReading): Promise<{ name: string; isEmptied: boolean }[]> {
  const found = new Map<string, boolean>();
  const asked = new Set<string>();
  for (const { statement } of inOrder(reading)) {
    const { verb, table, sql } = statement;
    if (!table || !writingVerbs.has(verb)) continue;
    const isEmptied = verb === 'truncate' || (verb === 'ddl' && /^\s*(?:alter|drop)\b/i.test(sql));
    const names =
      table.schema === null && table.searchPath ? table.searchPath.map((schema) => ({ ...table, schema })) : [table];
    const isCascade = verb === 'truncate' && /\bcascade\b/i.test(sql);
    const question = JSON.stringify([names, isEmptied, isCascade]);
    if (asked.has(question)) continue;
    asked.add(question);
    const { rows } = await session.query<{ name: string }>(
      `WITH RECURSIVE reached(oid) AS (
         SELECT coalesce(${names.map((_, i) => `pg_catalog.to_regclass($${i + 2})::oid`).join(', ')})
         UNION SELECT f.conrelid FROM reached JOIN pg_catalog.pg_constraint f ON f.confrelid = reached.oid AND f.contype = 'f' AND $1)
       SELECT DISTINCT ${keyInSql('n.nspname', 'c.relname')} AS name
         FROM reached JOIN pg_catalog.pg_class c ON c.oid = coalesce(pg_catalog.pg_partition_root(reached.oid)::oid, reached.oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'`,
      [isCascade, ...names.map(quoteQualified)],
    );
    for (const { name } of rows) found.set(name, isEmptied || found.get(name) === true);
  }
  return [...found].map(([name, isEmptied]) => ({ name, isEmptied }));
}

/** Names by oid, partitions by the name of their topmost parent. A table that the seed makes itself has no rows to keep. */
async function standingTables(session: SeedSession): Promise<Map<string, string>> {
  const { rows } = await session.query<{ oid: string; name: string }>(
    `SELECT c.oid::text AS oid, ${keyInSql('n.nspname', 'r.relname')} AS name
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_class r ON r.oid = CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid ELSE c.oid END
       JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384::oid AND n.nspname <> 'chain'`,
  );
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}

/** Of the standing tables those emptied, altered or dropped: PostgreSQL counts no rows there, and no other session can read. */
async function lockedTables(session: SeedSession, standing: ReadonlyMap<string, string>): Promise<string[]> {
  const { rows } = await session.query<{ oid: string }>(
    `SELECT o.oid::text AS oid FROM unnest($1::oid[]) AS o (oid)
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = o.oid)
      UNION SELECT l.relation::text FROM pg_catalog.pg_locks l
       WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
         AND l.relation = ANY ($1::oid[])`,
    [[...standing.keys()]],
  );
  return [...new Set(rows.map(({ oid }) => standing.get(oid) as string))];
}

/** Tables with more writes than then, and how many; the ledger's own are none of the seed's. */
async function writtenSince(
  session: SeedSession,
  then: ReadonlyMap<string, WriteCounts>,
): Promise<{ name: string; counts: WriteCounts }[]> {
  return [...(await writeCounts(session))].flatMap(([name, { oid, ...now }]) => {
    const old = then.get(name);
    const inserted = now.inserted - (old?.inserted ?? 0);
    const updated = now.updated - (old?.updated ?? 0);
    const deleted = now.deleted - (old?.deleted ?? 0);
    const isMore = inserted + updated + deleted > 0 && !name.startsWith('chain.');
    return isMore ? [{ name, counts: { oid, inserted, updated, deleted } }] : [];
  });
}

/** The tables with the most written rows, as many as it takes for the others to stay within the limit. */
function beyond(counts: ReadonlyMap<string, WriteCounts>, limit: number): string[] {
  const sizes = [...counts].map(([name, { inserted, updated, deleted }]) => ({
    name,
    rows: inserted + updated + deleted,
  }));
  let kept = 0;
  return sizes
    .sort((a, b) => a.rows - b.rows || compareText(a.name, b.name))
    .flatMap(({ name, rows }) => {
      kept += rows;
      return kept > limit ? [name] : [];
    });
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
