/**
 * The runner: named units in order through Umzug, each with its ledger row in the unit's own transaction. The only home
 * of umzug, which is imported on first use (63 ms). Refuses to know what a unit does and where the ledger keeps its rows.
 *
 * Umzug itself logs a migration after it ran, outside its transaction; a crash between the two leaves DDL committed and
 * the migration pending. So here the body writes the row, and Umzug's storage only verifies that it stands.
 */
import type { MigrationFn, RunnableMigration } from 'umzug';
import { ChainError } from '../errors.ts';
import { type Faults, noFaults } from './faults.ts';
import { inTransaction, type Limits, type Session, setLimits, sqlStateOf } from './session.ts';

export interface Unit {
  name: string;
  /** The file a person can read, where there is one. */
  path?: string;
  /** False: PostgreSQL refuses it in a transaction (CONCURRENTLY); then `up` must bear being run again. */
  transactional: boolean;
  up(session: Session): Promise<void>;
  /** Null: cannot be taken back. */
  down: ((session: Session) => Promise<void>) | null;
}

/** Where finished units are written down. Every call is on the runner's own session. */
export interface UnitStorage {
  /** Names of finished units. */
  executed(): Promise<string[]>;
  /** Before the body of a unit that cannot be in a transaction. */
  started(unit: Unit): Promise<void>;
  /** In the unit's transaction, after its body. */
  finished(unit: Unit): Promise<void>;
  /** In the transaction that took the unit back. */
  reverted(unit: Unit): Promise<void>;
}

export type RunEvent =
  | { event: 'running' | 'ran' | 'reverting' | 'reverted'; unit: string }
  | { event: 'retrying'; unit: string; attempt: number; waitMs: number; reason: string };

export interface RunOptions {
  session: Session;
  storage: UnitStorage;
  limits: Limits;
  /** How often a unit that was kept from a lock is tried, and the first pause, doubled each time. */
  attempts?: number;
  firstPauseMs?: number;
  /** In each unit's transaction, before its body: throws when the run must not go on (the lock is lost). */
  guard?: () => Promise<void>;
  faults?: Faults;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
  pause?: (ms: number) => Promise<void>;
}

/** What a unit died of, with the unit's name; `cause` is the fault itself. */
export class UnitFailure extends Error {
  override name = 'UnitFailure';
  readonly unit: string;
  constructor(unit: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.unit = unit;
  }
}

/** 55P03 lock_not_available, 40P01 deadlock_detected, 40001 serialization_failure: nothing was changed, try again. */
const harmlessStates = new Set(['55P03', '40P01', '40001']);

/** Runs the units that the storage does not hold, in the order given. Returns the names that ran. @throws UnitFailure */
export async function runUnits(units: readonly Unit[], options: RunOptions): Promise<string[]> {
  const umzug = await makeUmzug(units, options, (unit) => retried(unit, options, () => runUp(unit, options)));
  const ran = await unwrapped(umzug.up());
  return ran.map((unit) => unit.name);
}

/**
 * Takes the units that the storage holds back, last first, inside the transaction that the caller has opened: all or
 * nothing. @throws UnitFailure
 */
export async function revertUnits(units: readonly Unit[], options: RunOptions): Promise<string[]> {
  const umzug = await makeUmzug(units, options, async () => undefined);
  const reverted = await unwrapped(umzug.down({ to: 0 }));
  return reverted.map((unit) => unit.name);
}

async function makeUmzug(units: readonly Unit[], options: RunOptions, up: (unit: Unit) => Promise<void>) {
  const { Umzug } = await import('umzug');
  const { storage } = options;
  const migrations: RunnableMigration<object>[] = units.map((unit) => ({
    name: unit.name,
    path: unit.path,
    up: (() => up(unit)) as MigrationFn,
    down: (() => runDown(unit, options)) as MigrationFn,
  }));
  return new Umzug({
    migrations,
    context: {},
    logger: undefined,
    storage: {
      executed: () => storage.executed(),
      logMigration: async ({ name }) => {
        if (!(await storage.executed()).includes(name)) throw new Error(`The ledger holds no row of ${name}.`);
      },
      unlogMigration: async ({ name }) => {
        if ((await storage.executed()).includes(name)) throw new Error(`The ledger still holds ${name}.`);
      },
    },
  });
}

async function runUp(unit: Unit, options: RunOptions): Promise<void> {
  const { session, storage, limits } = options;
  const faults = options.faults ?? noFaults;
  options.signal?.throwIfAborted();
  options.onEvent?.({ event: 'running', unit: unit.name });
  await faults.at(`${unit.name}:before`);
  if (unit.transactional) {
    await inTransaction(session, limits, async () => {
      await options.guard?.();
      await unit.up(session);
      await faults.at(`${unit.name}:body`);
      await storage.finished(unit);
      await faults.at(`${unit.name}:ledger`);
    });
  } else {
    await options.guard?.();
    await storage.started(unit);
    await faults.at(`${unit.name}:started`);
    await setLimits(session, { ...limits, statementMs: 0 }, false);
    await unit.up(session);
    await setLimits(session, limits, false);
    await faults.at(`${unit.name}:body`);
    await storage.finished(unit);
  }
  await faults.at(`${unit.name}:after`);
  options.onEvent?.({ event: 'ran', unit: unit.name });
}

async function runDown(unit: Unit, options: RunOptions): Promise<void> {
  const faults = options.faults ?? noFaults;
  options.onEvent?.({ event: 'reverting', unit: unit.name });
  try {
    await faults.at(`${unit.name}:before-down`);
    await unit.down?.(options.session);
    await options.storage.reverted(unit);
    await faults.at(`${unit.name}:down`);
  } catch (fault) {
    throw new UnitFailure(unit.name, fault);
  }
  options.onEvent?.({ event: 'reverted', unit: unit.name });
}

/** Tries again, with a pause that doubles, what a lock held by another kept from running. */
async function retried(unit: Unit, options: RunOptions, run: () => Promise<void>): Promise<void> {
  const attempts = options.attempts ?? 5;
  const pause = options.pause ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (fault) {
      const state = sqlStateOf(fault);
      // A refusal of chain's own (the lock is lost, interrupted) is no fault of the unit.
      if (state === null && fault instanceof ChainError) throw fault;
      if (attempt >= attempts || !harmlessStates.has(state ?? '')) throw new UnitFailure(unit.name, fault);
      const waitMs = (options.firstPauseMs ?? 200) * 2 ** (attempt - 1);
      const reason = fault instanceof Error ? fault.message : String(fault);
      options.onEvent?.({ event: 'retrying', unit: unit.name, attempt, waitMs, reason });
      await pause(waitMs);
      options.signal?.throwIfAborted();
    }
  }
}

/** Umzug wraps what a migration throws into its own error; callers want the one thrown here. */
async function unwrapped<Value>(run: Promise<Value>): Promise<Value> {
  try {
    return await run;
  } catch (fault) {
    const cause = (fault as { migration?: unknown; cause?: unknown }).migration ? (fault as Error).cause : undefined;
    throw cause ?? fault;
  }
}
