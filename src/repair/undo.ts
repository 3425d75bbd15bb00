/**
 * Undo: the last repair taken back: seed rows by their before-images, schema by Umzug's `down`, the stamp, all in one
 * transaction; then the files, byte for byte. Refuses when anything that the repair did not make would be lost.
 * The schema `chain` stays: it is the record that this happened.
 */
import type { Connection, DatabaseTarget } from '../database/index.ts';
import { ChainError } from '../errors.ts';
import type { Plan } from '../model/plan.ts';
import type { EnvFacts } from '../model/project.ts';
import {
  type Faults,
  inTransaction,
  type Ledger,
  noFaults,
  type RepairRow,
  type RunEvent,
  readLedger,
  revertUnits,
  sqlStateOf,
  UnitFailure,
  withLock,
} from '../run/index.ts';
import type { Settings } from '../settings.ts';
import { loadSqlParser } from '../sql/index.ts';
import { fingerprintNow } from './apply.ts';
import { builtOn } from './built-on.ts';
import {
  checkWritable,
  fileJournals,
  filesChangedSince,
  type Journal,
  readJournal,
  readJournalPlan,
  restoreFiles,
  wholePlan,
} from './journal.ts';
import { wouldLose } from './loss.ts';
import { refuseForeignNames } from './plan-file.ts';
import { orderForUndo, unitsFor } from './units.ts';

export interface UndoContext {
  settings: Settings;
  env: Pick<EnvFacts, 'versionTable' | 'versionTableSchema'>;
  /** Null: no database; the last repair of files alone. */
  target: DatabaseTarget | null;
  toolVersion: string;
  faults?: Faults;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
}

export interface Undone {
  planId: string;
  /** Steps taken back, last first. */
  steps: string[];
  /** Files put back or taken away. */
  files: string[];
  /** Steps that SQL cannot take back (a label of an enum stays). */
  stays: string[];
}

/** Null: there is nothing to undo. @throws ChainError `undo-would-lose`, `lock-held`, `stopped-part-way` */
export async function undo(context: UndoContext): Promise<Undone | null> {
  await loadSqlParser();
  if (context.target === null) return undoFiles(context);
  const { connect } = await import('../database/index.ts');
  const open = (applicationName: string) =>
    connect(context.target as DatabaseTarget, {
      readOnly: false,
      timeouts: { ...context.settings.timeouts, statementMs: 0 },
      applicationName,
      ...(context.signal ? { signal: context.signal } : {}),
    });
  const connection = await open('chain undo');
  try {
    return await withLock(
      connection,
      () => open('chain undo (second session)'),
      ({ guard }) => undoLocked(context, connection, guard),
    );
  } finally {
    await connection.close();
  }
}

async function undoLocked(
  context: UndoContext,
  connection: Connection,
  guard: () => Promise<void>,
): Promise<Undone | null> {
  const { settings } = context;
  const faults = context.faults ?? noFaults;
  const ledger = await readLedger(connection);
  const repair = (await ledger?.unfinished()) ?? (await ledger?.lastApplied()) ?? null;
  if (ledger === null || repair === null) return undoFiles(context);
  refuseForeignNames(repair.plan);
  const journal = await readJournal(settings.project, repair.planId);
  const rows = await ledger.files(repair.id);
  if (journal === null && rows.length > 0) {
    throw new ChainError(
      'undo-would-lose',
      `The before-images of plan ${repair.planId} are not in this folder; it was applied from ${repair.project}.`,
      {
        hint: `Run \`chain undo\` there, or bring its .chain/ folder here. Nothing was changed.`,
      },
    );
  }
  if (journal !== null) await refuseChangedFiles(settings, journal, await wholePlan(settings.project, repair.plan));
  const result: Undone = { planId: repair.planId, steps: [], files: [], stays: [] };
  if (repair.state !== 'undoing') {
    result.steps = await undoSteps(repair, ledger, context, connection, guard);
    result.stays = repair.plan.steps
      .filter((step) => step.down === null && step.phase !== 'seed' && result.steps.includes(step.name))
      .map((step) => step.name);
    await faults.at('undo:database');
  }
  if (journal !== null) {
    await putFilesBack(context, journal);
    result.files = journal.entries.map((entry) => entry.file);
  }
  await ledger.setState(repair.id, 'undone');
  return result;
}

/** One transaction: every step is back, or none is. */
async function undoSteps(
  repair: RepairRow,
  ledger: Ledger,
  context: UndoContext,
  connection: Connection,
  guard: () => Promise<void>,
): Promise<string[]> {
  const { settings } = context;
  const losses: string[] = [];
  const units = unitsFor(
    // Inside the one transaction everything is transactional.
    orderForUndo(repair.plan.steps).map((step) => ({ ...step, transactional: true })),
    {
      connection,
      projectDir: settings.project,
      stepsFolder: settings.stepsFolder,
      repairId: repair.id,
      toolVersion: context.toolVersion,
      losses,
    },
  );
  try {
    return await inTransaction(connection, settings.timeouts, async () => {
      await guard();
      // A step that was started and not finished may have left its object: its way back bears that it did not.
      await connection.query(`UPDATE chain.step SET state = 'finished' WHERE repair_id = $1 AND state = 'started'`, [
        repair.id,
      ]);
      const storage = ledger.stepStorage(
        repair.id,
        repair.plan.steps,
        (inside) => fingerprintNow(connection, context.env, inside),
        () => [],
      );
      const reverted = await revertUnits(units, {
        session: connection,
        storage,
        limits: settings.timeouts,
        faults: context.faults,
        onEvent: context.onEvent,
      });
      if (losses.length > 0) throw wouldLose(losses);
      await ledger.setState(repair.id, 'undoing');
      return reverted;
    });
  } catch (fault) {
    const cause = fault instanceof UnitFailure ? fault.cause : fault;
    // What comes after a loss may fail because of it.
    throw losses.length > 0 && sqlStateOf(cause) !== null ? wouldLose(losses) : refusalOf(fault);
  }
}

function refusalOf(fault: unknown): unknown {
  const cause = fault instanceof UnitFailure ? fault.cause : fault;
  const state = sqlStateOf(cause);
  const step = fault instanceof UnitFailure ? fault.unit : '';
  if (state === null) return cause;
  const detail = (cause as { detail?: string | null }).detail;
  const text = `${(cause as Error).message}${detail ? ` (${detail.replaceAll('\n', '; ')})` : ''}`;
  // 2BP01 dependent objects still exist · 23503, 23505, 23514, 23502 rows contradict · P0001 the version rows moved on.
  if (['2BP01', '23503', '23505', '23514', '23502', 'P0001'].includes(state)) {
    return new ChainError(
      'undo-would-lose',
      `${step} cannot be taken back without losing what the repair did not make: ${text}`,
      {
        hint: 'Remove or move what is named, then run `chain undo` again. Nothing was changed.',
        cause,
      },
    );
  }
  return cause;
}

/** @param plan null where only the journal is left of it */
async function refuseChangedFiles(settings: Settings, journal: Journal, plan: Plan | null): Promise<void> {
  const projectDir = settings.project;
  const changed = await filesChangedSince(projectDir, journal);
  if (changed.length > 0) {
    throw new ChainError(
      'undo-would-lose',
      `${changed.join(', ')} ${changed.length === 1 ? 'was' : 'were'} changed since the repair: undo would lose those changes.`,
      {
        hint: 'Put these files back as the repair left them (or commit them elsewhere), then run `chain undo` again. Nothing was changed.',
      },
    );
  }
  const later = plan === null ? [] : await builtOn(plan, settings);
  if (later.length > 0) {
    throw new ChainError(
      'undo-would-lose',
      `${later.map(({ file, parent }) => `${file} follows ${parent}`).join(', ')}, which undo would take away.`,
      {
        hint: 'Give these revisions another parent, or take them out, then run `chain undo` again. Nothing was changed.',
      },
    );
  }
  await checkWritable(projectDir, journal.entries);
}

async function putFilesBack(context: UndoContext, journal: Journal): Promise<void> {
  try {
    await restoreFiles(context.settings.project, journal, context.faults);
  } catch (fault) {
    throw new ChainError('stopped-part-way', `The database is back, some files are not: ${(fault as Error).message}`, {
      hint: 'Run `chain undo` again to finish.',
      cause: fault,
    });
  }
}

/** The newest repair that touched files and no database. */
async function undoFiles(context: UndoContext): Promise<Undone | null> {
  const projectDir = context.settings.project;
  const journal = (await fileJournals(projectDir)).find((one) => one.state !== 'undone');
  if (journal === undefined) return null;
  const plan = await readJournalPlan(projectDir, journal.planId);
  await refuseChangedFiles(context.settings, journal, plan);
  await putFilesBack(context, journal);
  return { planId: journal.planId, steps: [], files: journal.entries.map((entry) => entry.file), stays: [] };
}
