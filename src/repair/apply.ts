/**
 * Apply: under the one lock, a reviewed plan becomes true, or an interrupted one is gone on with. Refuses what is stale,
 * hazardous without leave, or unproven; says after a stop how to go on or back. Killed anywhere, running again ends alike.
 * Longer than most files here: every refusal stands beside the run that it guards.
 */
import { describeBlocker } from '../database/blockers.ts';
import type { Connection, DatabaseTarget, ScratchServer } from '../database/index.ts';
import { ChainError, type ErrorCode } from '../errors.ts';
import type { Hazard, Plan } from '../model/plan.ts';
import type { EnvFacts } from '../model/project.ts';
import {
  type Faults,
  findBlockers,
  type Ledger,
  noFaults,
  openLedger,
  type RunEvent,
  sqlStateOf,
  UnitFailure,
  withLock,
} from '../run/index.ts';
import type { Settings } from '../settings.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import { hazardsToAllow } from './consent.ts';
import {
  checkWritable,
  fileJournals,
  type Journal,
  journalFolder,
  openJournal,
  readJournalPlan,
  restoreFiles,
  wholePlan,
  writePatches,
} from './journal.ts';
import { fingerprintFiles, refuseForeignNames } from './plan-file.ts';
import { withPlaces } from './plan-secrets.ts';
import { proveStamp } from './prove.ts';

export interface ApplyContext {
  settings: Settings;
  env: Pick<EnvFacts, 'versionTable' | 'versionTableSchema'>;
  /** Null: no database; the files alone are repaired. */
  target: DatabaseTarget | null;
  allow: readonly Hazard[];
  withoutRehearsal: boolean;
  toolVersion: string;
  scratch?: ScratchServer | null;
  faults?: Faults;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
  onNotice?: (step: string, message: string) => void;
  /** Who keeps a step from its lock, while it waits. */
  onBlocked?: (step: string, blockers: string[]) => void;
  checkExpectations?: (connection: Connection) => Promise<void>;
}

export interface Applied extends CarriedOut {
  plan: Plan;
  /** True: an interrupted plan of the ledger was gone on with, instead of the one given. */
  resumed: boolean;
  repairId: string | null;
}

/** An interrupted repair of this database; asked before a new plan is made, since it goes first. */
export async function findUnfinished(
  connection: Connection,
): Promise<{ plan: Plan; startedAt: string; isUndoing: boolean } | null> {
  const { readLedger } = await import('../run/index.ts');
  const row = await (await readLedger(connection))?.unfinished();
  return row ? { plan: row.plan, startedAt: row.startedAt, isUndoing: row.state === 'undoing' } : null;
}

/**
 * @param plan null where only an interrupted plan is to be gone on with
 * @throws ChainError `plan-stale`, `hazard-not-allowed`, `rehearsal-failed`, `lock-held`, `pooler-connection`,
 *   `cannot-write`, `stopped-part-way`, `interrupted`
 */
export async function applyPlan(plan: Plan | null, context: ApplyContext): Promise<Applied | null> {
  if (context.target === null) return applyToFiles(plan, context);
  const { connect } = await import('../database/index.ts');
  const { settings } = context;
  const open = (applicationName: string) =>
    connect(context.target as DatabaseTarget, {
      readOnly: false,
      // Steps bring their own limits; the client must not give up before the server does.
      timeouts: { ...settings.timeouts, statementMs: 0 },
      applicationName,
      ...(context.signal ? { signal: context.signal } : {}),
    });
  const connection = await open('chain repair');
  try {
    return await withLock(
      connection,
      () => open('chain repair (second session)'),
      ({ guard }) => applyLocked(plan, context, connection, guard, open),
    );
  } finally {
    await connection.close();
  }
}

async function applyLocked(
  asked: Plan | null,
  context: ApplyContext,
  connection: Connection,
  guard: () => Promise<void>,
  open: (name: string) => Promise<Connection>,
): Promise<Applied | null> {
  const { settings } = context;
  const faults = context.faults ?? noFaults;
  const { readLedger } = await import('../run/index.ts');
  const unfinished = (await (await readLedger(connection))?.unfinished()) ?? null;
  if (unfinished?.state === 'undoing') {
    throw new ChainError(
      'stopped-part-way',
      'An undo of this database was interrupted: the schema is back, some files are not.',
      {
        hint: 'Run `chain undo` again to finish it.',
      },
    );
  }
  const begun = unfinished?.plan ?? asked;
  if (begun === null) return null;
  refuseForeignNames(begun);
  const plan = await wholePlan(settings.project, begun);
  const fingerprint = (isInTransaction = false) => fingerprintNow(connection, context.env, isInTransaction);
  if (unfinished === null) {
    const isRefused = plan.left.some((one) => one.refusal !== undefined);
    if (plan.patches.length === 0 && plan.steps.length === 0 && !isRefused)
      return { plan, resumed: false, repairId: null, ran: [], unproven: [], notices: [] };
    await refuseFresh(plan, context, fingerprint);
    await refuseAnother(plan, connection);
  } else {
    await refuseMoved(connection, unfinished.id, plan, fingerprint, unfinished.fingerprintBefore);
  }
  await checkWritable(settings.project, plan.patches);
  await faults.at('journal:before');
  const ledger = await openLedger(connection);
  await faults.at('ledger:made');
  const journal = await openJournal(settings.project, plan, true, faults);
  const repairId =
    unfinished?.id ??
    (await ledger.begin({
      plan: withPlaces(plan),
      project: settings.project,
      toolVersion: context.toolVersion,
      fingerprint: plan.liveFingerprint ?? (await fingerprint()),
      files: journal.entries.map((entry) => ({ ...entry, journal: journalFolder(plan.id) })),
    }));
  await faults.at('ledger:begun');
  let scratch: ScratchServer | null = context.scratch ?? null;
  const openScratchServer = async () => {
    if (scratch === null && settings.useScratch) {
      const { openScratch } = await import('../database/index.ts');
      scratch = await openScratch({ scratchUrl: settings.scratchUrl }).catch(() => null);
    }
    return scratch;
  };
  const watch = watchBlockers(connection, open, context);
  try {
    const carried = await carryOut(plan, journal, {
      connection,
      ledger,
      repairId,
      projectDir: settings.project,
      stepsFolder: settings.stepsFolder,
      toolVersion: context.toolVersion,
      limits: settings.timeouts,
      fingerprint,
      guard,
      openReader: () => open('chain repair (second session)'),
      proveStamp: (step) => proveStamp(step, settings, connection, openScratchServer),
      checkExpectations:
        context.checkExpectations &&
        (() => (context.checkExpectations as (c: Connection) => Promise<void>)(connection)),
      faults,
      signal: context.signal,
      onEvent: (event) => {
        watch.step(event);
        context.onEvent?.(event);
      },
      onNotice: context.onNotice,
    });
    await faults.at('finish:before');
    await ledger.setState(repairId, 'applied', await fingerprint());
    await faults.at('finish:after');
    return { plan, resumed: unfinished !== null, repairId, ...carried };
  } catch (fault) {
    throw await afterStop(fault, {
      ledger,
      repairId,
      journal,
      context,
      isFirstRun: unfinished === null,
      heldBy: watch.last(),
    });
  } finally {
    await watch.stop();
    if (scratch !== null && scratch !== context.scratch) await (scratch as ScratchServer).stop();
  }
}

/** Everything that forbids a plan that has not begun. */
async function refuseFresh(plan: Plan, context: ApplyContext, fingerprint: () => Promise<string>): Promise<void> {
  const refused = plan.left.find((one) => one.refusal !== undefined);
  if (refused !== undefined) {
    throw new ChainError(
      refused.refusal as ErrorCode,
      `${refused.key} is not repaired: ${refused.reason}. Nothing was changed.`,
      {
        hint: `Resolve it first, or leave it out of the repair: --skip ${refused.key.slice(0, refused.key.indexOf(':'))}`,
      },
    );
  }
  const [needed] = hazardsToAllow(plan, context.allow);
  if (needed !== undefined) {
    const all = hazardsToAllow(plan, context.allow).map((one) => one.hazard);
    throw new ChainError(
      'hazard-not-allowed',
      `${needed.steps.join(', ')}: ${needed.hazard} is not allowed. Nothing was changed.`,
      {
        hint: `Look at the step in the plan, and allow it by name: --allow ${all.join(',')}`,
      },
    );
  }
  const { rehearsal } = plan;
  if (!context.withoutRehearsal && (rehearsal?.ran ? rehearsal.verdict === 'fails' : plan.steps.length > 0)) {
    const why =
      rehearsal === null
        ? 'it was not rehearsed'
        : rehearsal.ran
          ? (rehearsal.failure ?? 'the rehearsal failed')
          : rehearsal.on;
    throw new ChainError('rehearsal-failed', `The plan is not applied: ${why}. Nothing was changed.`, {
      hint: plan.steps.some(({ phase, name }) => phase === 'seed' && why.startsWith(`step ${name}:`))
        ? 'Correct the seed or the rows that it meets and plan again; --no-seed repairs the rest without running it.'
        : 'Correct what failed and plan again; --without-rehearsal applies a plan that could not be rehearsed.',
    });
  }
  if (
    plan.inputs !== undefined &&
    (await fingerprintFiles(context.settings.project, plan.inputs)) !== plan.filesFingerprint
  ) {
    throw stale('the files of the project');
  }
  if (plan.liveFingerprint !== null && (await fingerprint()) !== plan.liveFingerprint)
    throw stale('the schema of the database');
}

async function refuseAnother(plan: Plan, connection: Connection): Promise<void> {
  const { identifyDatabase } = await import('../database/index.ts');
  if (plan.database === undefined || plan.database === (await identifyDatabase(connection))) return;
  throw new ChainError(
    'plan-stale',
    'The plan was made for another database, whose rows it was rehearsed with. Nothing was changed.',
    { hint: 'Make a plan of this one with `chain repair`.' },
  );
}

/** An interrupted plan goes on where the ledger says it stands, unless somebody else has changed the schema since. */
async function refuseMoved(
  connection: Connection,
  repairId: string,
  plan: Plan,
  fingerprint: () => Promise<string>,
  before: string,
): Promise<void> {
  const { readLedger } = await import('../run/index.ts');
  const steps = (await (await readLedger(connection))?.steps(repairId)) ?? [];
  // The body of a step that cannot be in a transaction may or may not have run: nothing can be told.
  if (steps.some((step) => step.state === 'started')) return;
  const last = steps.filter((step) => step.state === 'finished').at(-1);
  const expected = last?.fingerprintAfter ?? before;
  if ((await fingerprint()) === expected) return;
  throw new ChainError(
    'plan-stale',
    `Plan ${plan.id} was interrupted, and the schema was changed by somebody else since. Nothing was changed now.`,
    {
      hint: 'Take the part that was applied back with `chain undo`, then repair again.',
    },
  );
}

function stale(what: string): ChainError {
  return new ChainError('plan-stale', `The plan is stale: ${what} changed since it was made. Nothing was changed.`, {
    hint: 'Make a new plan with `chain repair`.',
  });
}

/** What a stopped run tells: put back where no step had run yet, else how to go on and how to go back. */
async function afterStop(
  fault: unknown,
  at: {
    ledger: Ledger;
    repairId: string;
    journal: Journal;
    context: ApplyContext;
    isFirstRun: boolean;
    heldBy: string[];
  },
): Promise<unknown> {
  const { ledger, repairId, journal, context } = at;
  const state = await ledger.steps(repairId).catch(() => null);
  const isUntouched = at.isFirstRun && state?.every((step) => step.state === 'undone');
  const cause = fault instanceof UnitFailure ? fault.cause : fault;
  const said = cause instanceof Error ? cause.message : String(cause);
  const isHeld = sqlStateOf(cause) === '55P03' && at.heldBy.length > 0;
  const text = isHeld ? `${said}; it is held by ${at.heldBy.join('; ')}` : said;
  if (isUntouched && !context.signal?.aborted) {
    const isBack = await restoreFiles(context.settings.project, journal).then(
      () => ledger.setState(repairId, 'abandoned').then(() => true),
      () => false,
    );
    if (isBack) {
      if (cause instanceof ChainError && sqlStateOf(cause) === null && cause.exitCode === 4) return cause;
      const step = fault instanceof UnitFailure ? `Step ${fault.unit} failed: ` : '';
      const code = sqlStateOf(cause) === '55P03' ? 'lock-held' : 'rehearsal-failed';
      return new ChainError(code, `${step}${text}\nEverything was put back: nothing was changed.`, {
        hint: cause instanceof ChainError ? (cause.hint ?? undefined) : undefined,
        cause,
      });
    }
  }
  const done = state?.filter((step) => step.state === 'finished').map((step) => step.name) ?? [];
  const where = done.length === 0 ? 'no step had finished' : `finished: ${done.join(', ')}`;
  const what = fault instanceof UnitFailure ? `Step ${fault.unit} failed and left no trace: ${text}` : text;
  const code = context.signal?.aborted ? 'interrupted' : 'stopped-part-way';
  return new ChainError(code, `The repair stopped part-way (${where}). ${what}`, {
    hint: 'Go on with `chain repair --apply` (it takes up this very plan), or go back with `chain undo`.',
    cause,
  });
}

/** No database: the files are the whole repair, and their journal the whole ledger. */
async function applyToFiles(asked: Plan | null, context: ApplyContext): Promise<Applied | null> {
  const { settings } = context;
  const unfinished = (await fileJournals(settings.project)).find((one) => one.state === 'writing');
  const plan = (unfinished && (await readJournalPlan(settings.project, unfinished.planId))) ?? asked;
  if (plan === null) return null;
  const nothing = { plan, resumed: false, repairId: null, ran: [], unproven: [], notices: [] };
  if (unfinished === undefined) {
    if (plan.left.some((one) => one.refusal !== undefined)) await refuseFresh(plan, context, async () => '');
    if (plan.patches.length === 0) return nothing;
    await refuseFresh({ ...plan, steps: [], liveFingerprint: null }, context, async () => '');
  }
  await checkWritable(settings.project, plan.patches);
  const journal = await openJournal(settings.project, plan, false, context.faults);
  try {
    await writePatches(settings.project, plan.patches, journal, context.faults);
  } catch (fault) {
    await restoreFiles(settings.project, journal);
    throw fault;
  }
  return { ...nothing, resumed: unfinished !== undefined };
}

/** Introspection opens a transaction of its own; inside a step's it must not. */
export async function fingerprintNow(
  connection: Connection,
  env: Pick<EnvFacts, 'versionTable' | 'versionTableSchema'>,
  isInTransaction: boolean,
): Promise<string> {
  const { introspect } = await import('../database/index.ts');
  const session: Connection = isInTransaction ? { ...connection, transaction: (body) => body() } : connection;
  const { versionTable, versionTableSchema } = env;
  return (await introspect(session, { versionTable, versionTableSchema })).fingerprint;
}

/** A second session that looks, while a step waits for a lock, at who holds it. */
function watchBlockers(connection: Connection, open: (name: string) => Promise<Connection>, context: ApplyContext) {
  let timer: NodeJS.Timeout | null = null;
  let observer: Connection | null = null;
  let looking: Promise<void> | null = null;
  let last: string[] = [];
  const look = async (step: string) => {
    observer ??= await open('chain repair (watching)');
    const blockers = await findBlockers(observer, connection.backendPid);
    if (blockers.length === 0) return;
    last = blockers.map(describeBlocker);
    context.onBlocked?.(step, last);
  };
  const watchEveryMs = Math.max(100, Math.min(1_000, context.settings.timeouts.lockMs / 3));
  const end = () => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  return {
    step(event: RunEvent) {
      end();
      if (event.event !== 'running') return;
      last = [];
      timer = setInterval(() => {
        looking ??= look(event.unit)
          .catch(() => undefined)
          .finally(() => {
            looking = null;
          });
      }, watchEveryMs);
      timer.unref();
    },
    /** Who kept the step that ran last from its lock. */
    last: () => last,
    async stop() {
      end();
      await looking;
      await observer?.close();
    },
  };
}
