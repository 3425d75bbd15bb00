/**
 * The fault sweep's moves: cut a repair or an undo at a named point, look that every step is whole, run again, and compare
 * with an uncut run. The tests take a sample of the points, `test/trials/faults.trial.ts` all of them.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { urlOf } from '../../src/database/index.ts';
import { applyPlan } from '../../src/repair/apply.ts';
import { serializePlan } from '../../src/repair/plan-file.ts';
import { undo } from '../../src/repair/undo.ts';
import { chainProgram } from '../support/chain.ts';
import { endSessions, killAt, openScenario, recorder, type Scenario } from './scenario.ts';

/** The state that an uncut run ends in, and every point it passes. */
export async function uncutApply(): Promise<{ wanted: unknown; points: string[] }> {
  const uncut = await openScenario();
  const passed = recorder();
  await applyPlan(uncut.plan, uncut.with({ faults: passed }));
  const wanted = await uncut.state();
  await uncut.dispose();
  return { wanted, points: passed.points };
}

export async function uncutUndo(): Promise<string[]> {
  const uncut = await openScenario();
  const passed = recorder();
  await applyPlan(uncut.plan, uncut.context);
  await undo({ ...uncut.context, faults: passed });
  await uncut.dispose();
  return passed.points;
}

export async function cutApply(point: string, wanted: unknown): Promise<void> {
  const cut = await openScenario();
  const before = await cut.state();
  const { faults, killed } = killAt(point, cut);
  void applyPlan(cut.plan, cut.with({ faults }));
  await killed;
  await finishAfterCut(cut, point, wanted, before);
}

export async function cutUndo(point: string): Promise<void> {
  const cut = await openScenario();
  const before = await cut.state();
  await applyPlan(cut.plan, cut.context);
  const { faults, killed } = killAt(point, cut);
  void undo({ ...cut.context, faults });
  await killed;
  await undo(cut.context);
  expect(await cut.state(), point).toEqual(before);
  await cut.dispose();
}

/** The server drops the sessions while the process lives on. */
export async function severedApply(point: string, wanted: unknown): Promise<void> {
  const cut = await openScenario();
  const before = await cut.state();
  const faults = { at: (reached: string) => (reached === point ? endSessions(cut) : undefined) };
  const fault = await applyPlan(cut.plan, cut.with({ faults })).catch((thrown: unknown) => thrown);
  if (fault instanceof Error) {
    expect([3, 4, 5], `${point}: ${fault}`).toContain((fault as Error & { exitCode?: number }).exitCode);
  }
  await finishAfterCut(cut, point, wanted, before);
}

/** A process of its own that ends itself with SIGKILL when it reaches `point`. */
export async function killedProcess(point: string, wanted: unknown): Promise<void> {
  const cut = await openScenario();
  const before = await cut.state();
  const file = join(tmpdir(), `chain-plan-${cut.plan.id}-${process.pid}.json`);
  writeFileSync(file, serializePlan(cut.plan));
  const child = spawn(process.execPath, [fileURLToPath(new URL('./killed-apply.mjs', import.meta.url))], {
    env: {
      ...process.env,
      DIST: pathToFileURL(dirname(chainProgram())).href,
      PLAN: file,
      SETTINGS: JSON.stringify(cut.settings),
      DATABASE: urlOf(cut.database.target),
      POINT: point,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const signal = await new Promise((resolve) => child.on('exit', (_code, by) => resolve(by)));
  rmSync(file);
  expect(signal).toBe('SIGKILL');
  await endSessions(cut);
  await finishAfterCut(cut, point, wanted, before);
}

export async function finishAfterCut(cut: Scenario, point: string, wanted: unknown, before: unknown): Promise<void> {
  await stepsAreWhole(cut, point);
  await applyPlan(cut.plan, cut.context).catch((fault: unknown) => {
    // Cut after the last word was written: the plan is done, and asking for it again is stale.
    if (point !== 'finish:after') throw new Error(`running again after a cut at ${point}: ${fault}`);
  });
  expect(await cut.state(), point).toEqual(wanted);
  await undo(cut.context);
  expect(await cut.state(), point).toEqual(before);
  await cut.dispose();
}

/** An object is there exactly when its ledger row says so; files are as before or as after. */
export async function stepsAreWhole(cut: Scenario, point: string): Promise<void> {
  const { connection } = cut.database;
  const there = await connection.query<Record<string, boolean>>(
    `SELECT to_regclass('public.roles') IS NOT NULL AS "0001_create_roles",
            EXISTS (SELECT FROM pg_constraint WHERE conname = 'members_role_id_fkey') AS "0002_add_key",
            EXISTS (SELECT FROM pg_constraint WHERE conname = 'members_role_id_fkey' AND convalidated) AS "0004_validate",
            to_regclass('public.alembic_version') IS NOT NULL AS "0005_stamp"`,
  );
  const hasLedger = await connection.query<{ there: boolean }>(`SELECT to_regclass('chain.step') IS NOT NULL AS there`);
  const rows = hasLedger.rows[0]?.there
    ? (await connection.query<{ name: string }>(`SELECT name FROM chain.step WHERE state = 'finished'`)).rows
    : [];
  for (const [name, isThere] of Object.entries(there.rows[0] ?? {})) {
    expect(isThere, `${name} after a cut at ${point}`).toBe(rows.some((row) => row.name === name));
  }
  for (const patch of cut.plan.patches) {
    const path = join(cut.project, patch.file);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : null;
    expect([patch.before, patch.after], `${patch.file} after a cut at ${point}`).toContain(text);
  }
}
