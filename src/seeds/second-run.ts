/**
 * A seed run again right after itself, in a copy that is thrown away: which rows the second run inserts, updates or deletes
 * and by which statement, or where it stops. Times that only move on are told apart. Refuses to judge.
 */
import { ChainError } from '../errors.ts';
import { compareText, quoteQualified } from '../model/name.ts';
import type { SeedChange, SeedDouble, SeedReading, SeedRerun } from '../model/seed.ts';
import { failedAt } from './failure.ts';
import { type RowImage, type RowValues, shapeOf } from './images.ts';
import { runSeed } from './run.ts';
import type { ReadScriptFile } from './script-files.ts';
import type { SeedSession } from './session.ts';
import {
  contentOf,
  placeIn,
  setsAnyOf,
  statementsIn,
  statementWrites,
  timesOf,
  type Written,
  writesByTrigger,
} from './statement-writes.ts';
import { rowRefused, rowsDoubled } from './trigger-doubles.ts';

export interface RerunOptions {
  readFile: ReadScriptFile;
  /** A session with the copy, as its owner; each run has one of its own, as two runs of a program have. */
  open: () => Promise<SeedSession & { close(): Promise<void> }>;
  /** As of a run. */
  maxKeptRows?: number;
}

/** Faults of what a seed says and of the rows it meets: syntax and names, values, keys, transactions, what it raises itself. */
const ofTheSeed = /^(?:0A|21|22|23|25|27|2D|38|39|3F|42|44|P0)/;

/** Runs it once, keeps that, and runs it again. Throws only what is no fault of the seed (a connection lost, an abort). */
export async function runTwice(reading: SeedReading, options: RerunOptions): Promise<SeedRerun> {
  const session = await options.open();
  let doubled: SeedDouble[] = [];
  try {
    // To ask after each statement costs a round trip for each.
    const { writes, onRan } = (await writesByTrigger(session, reading)) ? await statementWrites(session) : unasked;
    const run = { ...options, openReader: options.open, ...(onRan ? { onRan } : {}) };
    try {
      const { images } = await runSeed(session, reading, run);
      doubled = await rowsDoubled(session, reading, images, writes());
    } catch (error) {
      const failure = failureOf(error, reading);
      if (failure === null) throw error;
      doubled = await rowRefused(session, reading, error, failure, writes());
      const { file } = reading;
      if (doubled.length === 0 && (await metRow(session, error)))
        return { file, outcome: 'refused', changes: [], failure: { ...failure, metRow: true }, doubled };
      return { file, outcome: 'unknown', changes: [], failure, doubled };
    }
  } finally {
    await session.close();
  }
  return { ...(await runAgain(reading, options)), doubled };
}

const unasked = { writes: (): Written[] => [], onRan: null };

/**
 * The second run alone, of a seed that has run in this copy already; nothing of it is kept. Only what changed something is
 * run once more, to ask which statement it was.
 */
export async function runAgain(reading: SeedReading, options: RerunOptions): Promise<SeedRerun> {
  const found = await discarded(reading, options, false);
  return found.outcome === 'changed' ? discarded(reading, options, true) : found;
}

async function discarded(reading: SeedReading, options: RerunOptions, asksEach: boolean): Promise<SeedRerun> {
  const session = await options.open();
  try {
    let found: SeedRerun | null = null;
    await session
      .transaction(async () => {
        found = await secondRun(session, reading, options, asksEach);
        throw new Discarded();
      })
      .catch((error) => {
        if (!(error instanceof Discarded)) throw error;
      });
    return found as unknown as SeedRerun;
  } catch (error) {
    const failure = failureOf(error, reading);
    if (failure === null) throw error;
    return {
      file: reading.file,
      outcome: failure.isOfTheSeed ? 'refused' : 'unknown',
      changes: [],
      failure,
      doubled: [],
    };
  } finally {
    await session.close();
  }
}

/** After a run that stopped on a key: the row that has it stands there without the run. */
async function metRow(session: SeedSession, error: unknown): Promise<boolean> {
  const refusal = (error as { cause?: unknown }).cause as Record<string, string | null> | undefined;
  const [, columns, values] = /^Key \((.+)\)=\((.+)\) already exists/s.exec(refusal?.detail ?? '') ?? [];
  if (refusal?.sqlState !== '23505' || !refusal.schema || !refusal.table || columns === undefined) return false;
  const table = quoteQualified({ schema: refusal.schema, name: refusal.table });
  // PostgreSQL names columns and expressions of the key as SQL, and joins what they are as texts.
  const condition = `concat_ws(', ', ${columns}) = $1`;
  return session.query(`SELECT FROM ${table} WHERE ${condition} LIMIT 1`, [values]).then(
    ({ rows }) => rows.length > 0,
    () => false,
  );
}

class Discarded extends Error {}

function failureOf(error: unknown, reading: SeedReading): SeedRerun['failure'] {
  if (!(error instanceof ChainError) || error.code === 'interrupted' || error.code === 'connection-lost') return null;
  const { sqlState } = error as { sqlState?: string };
  const place = failedAt(error);
  const [first = ''] = error.message.split('\n');
  const [prefix = '', line] = /^[^\n]*?:(\d+): /.exec(first) ?? [];
  const message = first.slice(prefix.length).replace(/\.$/, '');
  const { detail, where } = (error.cause ?? {}) as { detail?: string | null; where?: string | null };
  // A right that the role of the copy lacks; unless a function of the project says so itself.
  const isOfRights = sqlState === '42501' && !/^PL\/pgSQL function [^\n]* at RAISE/.test(where ?? '');
  return {
    file: place?.file ?? reading.file,
    line: place?.line ?? Number(line ?? 1),
    message,
    ...(detail ? { detail } : {}),
    sqlState: sqlState ?? null,
    // Without a state it is chain that does not carry out what the file says.
    isOfTheSeed: sqlState === undefined ? error.code === 'seed-failed' : ofTheSeed.test(sqlState) && !isOfRights,
  };
}

async function secondRun(
  session: SeedSession,
  reading: SeedReading,
  options: RerunOptions,
  asksEach: boolean,
): Promise<SeedRerun> {
  const { writes, onRan } = asksEach ? await statementWrites(session) : unasked;
  const run = await runSeed(session, reading, {
    ...options,
    openReader: options.open,
    insideTransaction: true,
    ...(onRan ? { onRan } : {}),
  });
  const changes: SeedChange[] = [];
  for (const table of [...new Set(run.images.map((image) => image.table))].sort(compareText)) {
    const images = run.images.filter((image) => image.table === table);
    changes.push(...(await changesOf(session, reading, table, images, writes())));
  }
  const outcome = changes.length > 0 ? 'changed' : run.unkept.length > 0 ? 'unknown' : 'unchanged';
  return { file: reading.file, outcome, changes, failure: null, doubled: [] };
}

async function changesOf(
  session: SeedSession,
  reading: SeedReading,
  table: string,
  images: readonly RowImage[],
  writes: readonly Written[],
): Promise<SeedChange[]> {
  const shape = await shapeOf(session, table);
  const times = timesOf(shape);
  const updated = images.filter(({ before, after }) => before !== null && after !== null);
  const changed = updated.map(({ before, after }) =>
    Object.keys(after as RowValues).filter((name) => (before as RowValues)[name] !== (after as RowValues)[name]),
  );
  const columns = [...new Set(changed.flat().filter((name) => !times.has(name)))].sort(compareText);
  const beyondTimes = changed.filter((names) => names.some((name) => !times.has(name))).length;
  // Rows deleted and written anew, the same but for a key that is drawn each time, are what their author wanted.
  const content = contentOf(shape);
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
