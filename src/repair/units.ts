/**
 * A plan's steps as units of the runner: what each does on the connection and how it is taken back. The one place that
 * carries steps out, on the live database and on a scratch copy alike. Refuses to know locks, journals and plans.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../database/index.ts';
import { ChainError } from '../errors.ts';
import type { Step } from '../model/plan.ts';
import type { Unit } from '../run/index.ts';
import { parseSql, splitStatements } from '../sql/index.ts';
import { lossesOf, type OwnObjects, ownObjects } from './loss.ts';
import { runSeedStep, undoSeedStep } from './seed-step.ts';

export interface StepContext {
  connection: Connection;
  projectDir: string;
  stepsFolder: string;
  repairId: string;
  toolVersion: string;
  /** A second session, for the rows as they were before the seed. */
  openReader?: () => Promise<Connection>;
  /** Undo: filled with what it would lose, all of it; whoever asks for it then takes nothing back. */
  losses?: string[];
  /** What the seed says while it runs. */
  onSeedNotice?: (message: string) => void;
}

export function unitsFor(steps: readonly Step[], context: StepContext): Unit[] {
  let own: OwnObjects | null = null;
  return steps.map((step) => {
    const isFile = step.phase === 'schema' || step.phase === 'validate';
    const file = `${context.stepsFolder}/${step.name}.sql`;
    return {
      name: step.name,
      transactional: step.transactional,
      ...(isFile ? { path: join(context.projectDir, file) } : {}),
      up: async () => {
        if (isFile) await refuseChangedFile(context.projectDir, file, step.sql);
        await nameStep(context, step);
        if (step.phase === 'seed') await runSeedStep(step, context);
        else await runSql(step, context.connection);
      },
      down: async () => {
        await nameStep(context, step);
        if (step.phase === 'seed') return undoSeedStep(step, context);
        if (step.down === null) return;
        // The stamp guards its own rows: they must be exactly what the repair wrote.
        if (step.phase !== 'stamp') {
          own ??= ownObjects(steps);
          context.losses?.push(...(await lossesOf(step, own, context.connection)));
        }
        if (hasStatement(step.down)) await context.connection.query(step.down);
      },
    };
  });
}

/**
 * The order to take steps back in, last one first. A key that the repair added goes before the seed's rows do: rows that
 * stood before may point to them, which nothing forbade then.
 */
export function orderForUndo(steps: readonly Step[]): Step[] {
  const addsKeysOnly = (step: Step) => {
    if (step.phase !== 'schema' || step.down === null) return false;
    const operations = parseSql(step.down, { origin: { revision: null, file: step.name, line: 1 } });
    return operations.length > 0 && operations.every((operation) => operation.kind === 'dropConstraint');
  };
  const isLate = new Map(steps.map((step) => [step, addsKeysOnly(step)]));
  const early = steps.filter((step) => step.phase === 'schema' && !isLate.get(step));
  const seeds = steps.filter((step) => step.phase === 'seed');
  const rest = steps.filter((step) => !early.includes(step) && !seeds.includes(step));
  return [...early, ...seeds, ...rest];
}

/** A step's SQL may ask whose it is: the ledger's rows of a merge bear both. Empty text outside a transaction. */
async function nameStep(context: StepContext, step: Step): Promise<void> {
  await context.connection.query(`SELECT set_config('chain.repair', $1, $3), set_config('chain.step', $2, $3)`, [
    context.repairId,
    step.name,
    step.transactional,
  ]);
}

/** Several statements sent as one text are one transaction to PostgreSQL, which CONCURRENTLY refuses. */
async function runSql(step: Step, connection: Connection): Promise<void> {
  if (step.transactional) {
    await connection.query(step.sql);
    return;
  }
  for (const statement of splitStatements(step.sql)) await connection.query(statement.text);
}

/** What runs is what was shown: the file that a person reviewed must still say the same. */
async function refuseChangedFile(projectDir: string, file: string, sql: string): Promise<void> {
  const text = await readFile(join(projectDir, file), 'utf8').catch(() => null);
  if (text === sql) return;
  throw new ChainError(
    'stopped-part-way',
    `${file} no longer says what the plan says${text === null ? ': it is gone' : ''}.`,
    {
      hint: 'Put its text back and run `chain repair --apply` again, or go back with `chain undo`.',
    },
  );
}

function hasStatement(sql: string): boolean {
  return sql.split('\n').some((line) => line.trim() !== '' && !line.trim().startsWith('--'));
}
