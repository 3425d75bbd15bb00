/**
 * A seed run again right after itself, in a copy that is thrown away: which rows the second run inserts, updates or deletes
 * and by which statement, or where it stops. Times that only move on are told apart. Refuses to judge.
 */
import { ChainError } from '../errors.ts';
import { compareText } from '../model/name.ts';
import type { SeedChange, SeedReading, SeedRerun, SeedStatement } from '../model/seed.ts';
import { filesOf } from '../model/seed-view.ts';
import { failedAt } from './failure.ts';
import { type RowImage, type RowValues, shapeOf, type WriteCounts, writeCounts } from './images.ts';
import { runSeed } from './run.ts';
import type { ScriptStatement } from './script.ts';
import type { ReadScriptFile } from './script-files.ts';
import type { SeedSession } from './session.ts';

export interface RerunOptions {
  readFile: ReadScriptFile;
  /** A session with the copy, as its owner; each run has one of its own, as two runs of a program have. */
  open: () => Promise<SeedSession & { close(): Promise<void> }>;
}

/** Faults of what a seed says and of the rows it meets: syntax and names, values, keys, what it raises itself. */
const ofTheSeed = /^(?:22|23|42|P0)/;

/** Runs it once, keeps that, and runs it again. Throws only what is no fault of the seed (a connection lost, an abort). */
export async function runTwice(reading: SeedReading, options: RerunOptions): Promise<SeedRerun> {
  const session = await options.open();
  try {
    await runSeed(session, reading, { readFile: options.readFile, openReader: options.open });
  } catch (error) {
    const failure = failureOf(error, reading);
    if (failure === null) throw error;
    return { file: reading.file, outcome: 'unknown', changes: [], failure };
  } finally {
    await session.close();
  }
  return runAgain(reading, options);
}

/** The second run alone, of a seed that has run in this copy already; nothing of it is kept. */
export async function runAgain(reading: SeedReading, options: RerunOptions): Promise<SeedRerun> {
  const session = await options.open();
  try {
    let found: SeedRerun | null = null;
    await session
      .transaction(async () => {
        found = await secondRun(session, reading, options);
        throw new Discarded();
      })
      .catch((error) => {
        if (!(error instanceof Discarded)) throw error;
      });
    return found as unknown as SeedRerun;
  } catch (error) {
    const failure = failureOf(error, reading);
    if (failure === null) throw error;
    return { file: reading.file, outcome: failure.isOfTheSeed ? 'refused' : 'unknown', changes: [], failure };
  } finally {
    await session.close();
  }
}

class Discarded extends Error {}

function failureOf(error: unknown, reading: SeedReading): SeedRerun['failure'] {
  if (!(error instanceof ChainError) || error.code !== 'seed-failed') return null;
  const { sqlState } = error as { sqlState?: string };
  const place = failedAt(error);
  const [first = ''] = error.message.split('\n');
  const message = first.replace(/^[^\n]*?:\d+: /, '');
  return {
    file: place?.file ?? reading.file,
    line: place?.line ?? 1,
    message,
    isOfTheSeed: sqlState !== undefined && ofTheSeed.test(sqlState) && sqlState !== '42501',
  };
}

async function secondRun(session: SeedSession, reading: SeedReading, options: RerunOptions): Promise<SeedRerun> {
  const writesByPlace = new Map<string, Written>();
  let then = await writeCounts(session);
  const run = await runSeed(session, reading, {
    readFile: options.readFile,
    openReader: options.open,
    insideTransaction: true,
    onRan: async (act) => {
      const now = await writeCounts(session);
      writesByPlace.set(`${act.fileName}:${act.from}`, { act, counts: difference(then, now) });
      then = now;
    },
  });
  const changes: SeedChange[] = [];
  for (const table of [...new Set(run.images.map((image) => image.table))].sort(compareText)) {
    const images = run.images.filter((image) => image.table === table);
    changes.push(...(await changesOf(session, reading, table, images, [...writesByPlace.values()])));
  }
  return { file: reading.file, outcome: changes.length > 0 ? 'changed' : 'unchanged', changes, failure: null };
}

interface Written {
  act: ScriptStatement;
  counts: Map<string, WriteCounts>;
}

function difference(then: ReadonlyMap<string, WriteCounts>, now: ReadonlyMap<string, WriteCounts>) {
  const found = new Map<string, WriteCounts>();
  for (const [table, counts] of now) {
    const before = then.get(table);
    const inserted = counts.inserted - (before?.inserted ?? 0);
    const updated = counts.updated - (before?.updated ?? 0);
    const deleted = counts.deleted - (before?.deleted ?? 0);
    if (inserted > 0 || updated > 0 || deleted > 0) found.set(table, { oid: counts.oid, inserted, updated, deleted });
  }
  return found;
}

async function changesOf(
  session: SeedSession,
  reading: SeedReading,
  table: string,
  images: readonly RowImage[],
  writes: readonly Written[],
): Promise<SeedChange[]> {
  const shape = await shapeOf(session, table);
  const times = new Set(
    (shape?.columns ?? []).filter(({ type }) => /^(?:timestamp|date|time)\b/.test(type)).map(({ name }) => name),
  );
  const updated = images.filter(({ before, after }) => before !== null && after !== null);
  const changed = updated.map(({ before, after }) =>
    Object.keys(after as RowValues).filter((name) => (before as RowValues)[name] !== (after as RowValues)[name]),
  );
  const columns = [...new Set(changed.flat().filter((name) => !times.has(name)))].sort(compareText);
  const beyondTimes = changed.filter((names) => names.some((name) => !times.has(name))).length;
  // Rows deleted and written anew, the same but for a key that is drawn each time, are what their author wanted.
  const key = new Set(shape && shape.key.length < shape.columns.length ? shape.key : []);
  const content = (row: RowValues) =>
    JSON.stringify(Object.entries(row).filter(([name]) => !times.has(name) && !key.has(name)));
  const gone = images.filter(({ after }) => after === null).map(({ before }) => content(before as RowValues));
  const left = new Map<string, number>();
  for (const text of gone) left.set(text, (left.get(text) ?? 0) + 1);
  let inserted = 0;
  for (const { before, after } of images) {
    if (before !== null) continue;
    const text = content(after as RowValues);
    const count = left.get(text) ?? 0;
    if (count > 0) left.set(text, count - 1);
    else inserted++;
  }
  const deleted = [...left.values()].reduce((sum, count) => sum + count, 0);
  if (inserted === 0 && deleted === 0 && beyondTimes === 0) return [];
  const kind = inserted > 0 ? 'inserted' : beyondTimes > 0 ? 'updated' : 'deleted';
  const wrote = writes.filter(({ counts }) => (counts.get(table)?.[kind] ?? 0) > 0).map(({ act }) => act);
  // Of statements that write to the rows the one that sets what is another.
  const setting = wrote.filter((act) => statementsIn(act, reading).some((one) => setsAnyOf(one, columns)));
  const acts = kind === 'updated' && setting.length > 0 ? setting : wrote;
  const [act] = acts;
  const place = act ? placeIn(act, reading, table, columns) : { file: reading.file, line: 1, isByTrigger: false };
  return [
    {
      ...place,
      table,
      inserted,
      updated: beyondTimes,
      deleted,
      columns,
      otherStatements: Math.max(0, acts.length - 1),
    },
  ];
}

function statementsIn(act: ScriptStatement, reading: SeedReading): SeedStatement[] {
  const { statements } = filesOf(reading).find(({ file }) => file === act.fileName) ?? { statements: [] };
  return statements.filter(({ span }) => span.from >= act.from && span.to <= act.to);
}

function setsAnyOf({ sets, onConflict }: SeedStatement, columns: readonly string[]): boolean {
  const set = [...(sets ?? []).map(({ column }) => column), ...(onConflict?.setsColumns ?? [])];
  return columns.some((column) => set.includes(column));
}

/** The line of the statement, inside a block of the one that names the table. */
function placeIn(act: ScriptStatement, reading: SeedReading, table: string, columns: readonly string[]) {
  const name = table.slice(table.indexOf('.') + 1);
  const own = statementsIn(act, reading);
  const writers = own.filter((statement) => statement.table?.name === name && statement.verb !== 'select');
  const writing = writers.find((statement) => setsAnyOf(statement, columns)) ?? writers[0];
  const isPlain = own.some(({ verb }) => rowVerbs.has(verb)) && own.every(({ insideBlock }) => !insideBlock);
  const isByTrigger = writing === undefined && isPlain;
  return { file: act.fileName, line: writing?.line ?? act.file.lineAt(act.from), isByTrigger };
}

const rowVerbs: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'copy']);
