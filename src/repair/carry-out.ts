/**
 * Carrying a plan out against one database and one project folder: files, then steps, then the stamp, each where it was
 * left off. Live apply and rehearsal are the same code; who may run it, and under which lock, is the caller's.
 */
import type { Connection } from '../database/index.ts';
import type { Plan, Step } from '../model/plan.ts';
import { type Faults, type Ledger, type Limits, noFaults, type RunEvent, runUnits } from '../run/index.ts';
import { type Journal, writePatches } from './journal.ts';
import { unitsFor } from './units.ts';

export interface CarryOutContext {
  connection: Connection;
  ledger: Ledger;
  repairId: string;
  projectDir: string;
  stepsFolder: string;
  toolVersion: string;
  limits: Limits;
  /** Of schema and version rows as the connection sees them now. */
  fingerprint: (isInTransaction: boolean) => Promise<string>;
  /** A second session with the same database. */
  openReader?: () => Promise<Connection>;
  guard?: () => Promise<void>;
  /** Null: proven. Otherwise why not. */
  proveStamp: (step: Step) => Promise<string | null>;
  /** Between validation and stamp: what the project requires of the rows. */
  checkExpectations?: () => Promise<void>;
  faults?: Faults;
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
  onNotice?: (step: string, message: string) => void;
}

export interface CarriedOut {
  /** Names of the steps that ran now. */
  ran: string[];
  /** Stamps that the catalogue did not prove, with why. */
  unproven: { step: string; reason: string }[];
  notices: { step: string; message: string }[];
}

export async function carryOut(plan: Plan, journal: Journal, context: CarryOutContext): Promise<CarriedOut> {
  const faults = context.faults ?? noFaults;
  await writePatches(context.projectDir, plan.patches, journal, faults);
  const result: CarriedOut = { ran: [], unproven: [], notices: [] };
  let current = '';
  let said: string[] = [];
  const hear = (message: string) => {
    said.push(message);
    result.notices.push({ step: current, message });
    context.onNotice?.(current, message);
  };
  const seeds = new Set(plan.steps.filter((step) => step.phase === 'seed').map((step) => step.name));
  // A seed's own words come through its runner, which knows them from those of its bookkeeping.
  const stopListening = context.connection.onNotice((notice) => {
    if (current !== '' && !seeds.has(current)) hear(notice.message);
  });
  const storage = context.ledger.stepStorage(context.repairId, plan.steps, context.fingerprint, () => said);
  const run = async (steps: readonly Step[]) => {
    const units = unitsFor(steps, { ...context, onSeedNotice: hear });
    result.ran.push(
      ...(await runUnits(units, {
        session: context.connection,
        storage,
        limits: context.limits,
        guard: context.guard,
        faults,
        signal: context.signal,
        onEvent: (event) => {
          if (event.event === 'running') {
            current = event.unit;
            said = [];
          }
          context.onEvent?.(event);
        },
      })),
    );
  };
  try {
    await run(plan.steps.filter((step) => step.phase !== 'stamp'));
    current = '';
    await context.checkExpectations?.();
    const done = new Set(await storage.executed());
    for (const step of plan.steps.filter((one) => one.phase === 'stamp' && !done.has(one.name))) {
      const reason = step.stamp?.proves ? await context.proveStamp(step) : null;
      if (reason === null) await run([step]);
      else result.unproven.push({ step: step.name, reason });
    }
  } finally {
    stopListening();
  }
  return result;
}
