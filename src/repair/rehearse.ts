/**
 * Rehearsal: the plan carried out on a copy (the live schema and the rows it touches, rebuilt in a scratch database; the
 * project's files in a temporary folder) by the very code that applies it, then diagnosed again. Touches nothing real.
 */
import { access, constants, cp, lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Connection, ScratchServer } from '../database/index.ts';
import { diagnose } from '../diagnose.ts';
import { ChainError } from '../errors.ts';
import { sqlOfKey } from '../model/definition.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Plan, RehearsalVerdict } from '../model/plan.ts';
import type { SeedRerun } from '../model/seed.ts';
import { openLedger, UnitFailure } from '../run/index.ts';
import type { Settings } from '../settings.ts';
import { fingerprintNow } from './apply.ts';
import { carryOut } from './carry-out.ts';
import { checkWritable, openJournal, writePatches } from './journal.ts';

export interface RehearsalContext {
  settings: Settings;
  diagnosis: Diagnosis;
  /** Null: none is at hand; then files alone are rehearsed, and only where the plan has no steps. */
  scratch: ScratchServer | null;
  /** Why there is no scratch server, in words. */
  reason?: string;
  /** The live database, to copy rows from; null without one. */
  live: Connection | null;
  toolVersion: string;
  /** Rows taken of each table. */
  rowsPerTable?: number;
  signal?: AbortSignal;
}

/** Folders that no reading of a project needs and that make a copy slow. */
const leftOut = new Set([
  '.git',
  '.chain',
  'node_modules',
  '__pycache__',
  '.venv',
  'venv',
  '.tox',
  '.mypy_cache',
  '.pytest_cache',
  'dist',
  'build',
]);

export async function rehearse(plan: Plan, context: RehearsalContext): Promise<RehearsalVerdict> {
  const { scratch, diagnosis } = context;
  if (plan.patches.length === 0 && plan.steps.length === 0) {
    const remaining = diagnosis.findings.filter((one) => one.severity === 'error').map((one) => one.key);
    const verdict = remaining.length === 0 ? 'clears' : 'leaves';
    return { ran: false, on: 'there is nothing to rehearse', verdict, remaining, failure: null };
  }
  if (plan.steps.length > 0 && scratch === null) {
    return {
      ran: false,
      on: context.reason ?? 'no scratch database is at hand',
      verdict: 'fails',
      remaining: [],
      failure: null,
    };
  }
  const folder = await mkdtemp(join(tmpdir(), 'chain-rehearsal-'));
  const project = join(folder, basename(context.settings.project) || 'project');
  let connection: Connection | null = null;
  const on =
    diagnosis.database === null || scratch === null
      ? 'a copy of the files'
      : `${scratch.description}, beside a copy of the files`;
  try {
    await copyProject(context.settings.project, project);
    const settings: Settings = { ...context.settings, project };
    // A link that leads out of the copy leads to the real thing.
    await checkWritable(project, plan.patches);
    if (diagnosis.database === null || scratch === null) {
      const journal = await openJournal(project, plan, false);
      await writePatches(project, plan.patches, journal);
      const after = await diagnose(
        { ...settings, offline: true },
        { reuse: { history: diagnosis.history }, signal: context.signal },
      );
      return verdictOf(plan, diagnosis, after, on);
    }
    connection = await scratch.createDatabase();
    const { copyDatabase } = await import('../database/index.ts');
    const { tables } = await copyDatabase(connection, diagnosis.database.live, {
      from: context.live,
      near: plan.steps.flatMap((step) => step.tables ?? []),
      ...(context.rowsPerTable === undefined ? {} : { rowsPerTable: context.rowsPerTable }),
    });
    const before = await countRows(connection, tables);
    const failure = await carryOutOn(connection, plan, settings, context);
    if (failure !== null) return { ran: true, on, verdict: 'fails', remaining: [], ...failure };
    const lost = await lostRows(connection, before, plan);
    if (lost !== null) return { ran: true, on, verdict: 'fails', remaining: [], failure: lost };
    const after = await diagnose(settings, {
      reuse: { scratch, connection, history: diagnosis.history },
      signal: context.signal,
    });
    return { ...verdictOf(plan, diagnosis, after, on), ...(await rerunSeeds(connection, plan, settings, diagnosis)) };
  } catch (fault) {
    if (context.signal?.aborted || (fault instanceof ChainError && fault.exitCode === 3)) throw fault;
    return {
      ran: true,
      on,
      verdict: 'fails',
      remaining: [],
      failure: fault instanceof Error ? fault.message : String(fault),
    };
  } finally {
    if (connection !== null) await scratch?.dropDatabase(connection);
    await rm(folder, { recursive: true, force: true });
  }
}

export async function copyProject(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    // A link could lead outside the copy; what it names is not this project's to patch.
    filter: async (source) => source === from || (!leftOut.has(basename(source)) && (await canBeCopied(source))),
    verbatimSymlinks: true,
  });
}

/** What nobody reads here (a socket, a pipe, somebody else's data folder) was no part of the diagnosis either. */
async function canBeCopied(path: string): Promise<boolean> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return true;
  if (!found.isFile() && !found.isDirectory()) return false;
  return access(path, found.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** The seeds of the plan have run in the copy: a second run there shows what it would do again. */
async function rerunSeeds(
  connection: Connection,
  plan: Plan,
  settings: Settings,
  diagnosis: Diagnosis,
): Promise<Pick<RehearsalVerdict, 'seedReruns'>> {
  const files = plan.steps.flatMap((step) => (step.seedFile ? [step.seedFile] : []));
  const live = diagnosis.database?.live;
  if (files.length === 0 || !live) return {};
  const [{ connect, searchPathOf }, { decodeScript, projectFiles, readSeed, runAgain }] = await Promise.all([
    import('../database/index.ts'),
    import('../seeds/index.ts'),
  ]);
  const readFile = projectFiles(settings.project);
  const open = async () => {
    const session = await connect(connection.target, { readOnly: false, timeouts: settings.timeouts });
    await session.query(searchPathOf(live));
    return session;
  };
  const seedReruns: SeedRerun[] = [];
  for (const file of new Set(files)) {
    const bytes = readFile(file, file);
    if (bytes) seedReruns.push(await runAgain(readSeed(file, decodeScript(file, bytes), readFile), { readFile, open }));
  }
  return { seedReruns };
}

async function carryOutOn(
  connection: Connection,
  plan: Plan,
  settings: Settings,
  context: RehearsalContext,
): Promise<Pick<RehearsalVerdict, 'failure' | 'failedStep'> | null> {
  const { env } = context.diagnosis.facts;
  const fingerprint = (isInTransaction: boolean) => fingerprintNow(connection, env, isInTransaction);
  const ledger = await openLedger(connection);
  const journal = await openJournal(settings.project, plan, true);
  const repairId = await ledger.begin({
    plan,
    project: settings.project,
    toolVersion: context.toolVersion,
    fingerprint: await fingerprint(false),
    files: [],
  });
  try {
    await carryOut(plan, journal, {
      connection,
      ledger,
      repairId,
      projectDir: settings.project,
      stepsFolder: settings.stepsFolder,
      toolVersion: context.toolVersion,
      limits: settings.timeouts,
      fingerprint,
      // The diagnosis that follows compares at the stamp, which is the same proof.
      proveStamp: async () => null,
      signal: context.signal,
    });
    await ledger.setState(repairId, 'applied', await fingerprint(false));
    return null;
  } catch (fault) {
    if (context.signal?.aborted) throw fault;
    if (fault instanceof UnitFailure)
      return { failure: `step ${fault.unit}: ${fault.message}`, failedStep: fault.unit };
    return { failure: fault instanceof Error ? fault.message : String(fault) };
  }
}

interface Counted {
  /** A step may give the table another name. */
  oid: number;
  rows: number;
}

async function countRows(connection: Connection, tables: readonly string[]): Promise<Map<string, Counted>> {
  const counts = new Map<string, Counted>();
  for (const table of tables) {
    const { rows } = await connection.query<{ oid: number; name: string }>(
      'SELECT $1::regclass::oid::int8::int AS oid',
      [sqlOfKey(table)],
    );
    const oid = rows[0]?.oid as number;
    counts.set(table, { oid, rows: await rowsOf(connection, oid) });
  }
  return counts;
}

/** 0 where the table is gone. */
async function rowsOf(connection: Connection, oid: number): Promise<number> {
  const found = await connection.query<{ name: string }>(
    'SELECT format($1, n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $2',
    ['%I.%I', oid],
  );
  const name = found.rows[0]?.name;
  if (name === undefined) return 0;
  const { rows } = await connection.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${name}`);
  return rows[0]?.n ?? 0;
}

/** Rows survive: no table has fewer than before, unless a merge was asked for. */
async function lostRows(
  connection: Connection,
  before: ReadonlyMap<string, Counted>,
  plan: Plan,
): Promise<string | null> {
  const merged = new Set(
    plan.steps.flatMap((step) => (step.hazards.includes('merges-rows') ? (step.tables ?? []) : [])),
  );
  for (const [table, { oid, rows }] of before) {
    const left = await rowsOf(connection, oid);
    if (left < rows && !merged.has(table)) return `${table} had ${rows} rows before and ${left} after`;
  }
  return null;
}

/** `fails` where what the plan answers is still found, or an error is new; `leaves` where errors are left that it never promised. */
function verdictOf(plan: Plan, before: Diagnosis, after: Diagnosis, on: string): RehearsalVerdict {
  const remaining = after.findings.filter((finding) => finding.severity === 'error').map((finding) => finding.key);
  const known = new Set(before.findings.map((finding) => finding.key));
  const left = new Set(plan.left.map((one) => one.key));
  const answered = new Set([...plan.patches, ...plan.steps].flatMap((part) => part.answers));
  // What a known finding now follows from is the rest of it, no new trouble.
  const rest = new Set(
    after.findings.filter((finding) => known.has(finding.key)).flatMap((finding) => finding.causedBy),
  );
  const fresh = remaining.filter((key) => !known.has(key) && !rest.has(key));
  const broken = remaining.filter((key) => answered.has(key) && !left.has(key));
  const failure =
    fresh.length > 0
      ? `the repair would bring ${fresh.join(', ')}`
      : broken.length > 0
        ? `the repair would not clear ${broken.join(', ')}`
        : null;
  return {
    ran: true,
    on,
    verdict: failure !== null ? 'fails' : remaining.length === 0 ? 'clears' : 'leaves',
    remaining,
    failure,
  };
}
