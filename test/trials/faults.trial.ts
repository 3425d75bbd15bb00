/**
 * The whole fault sweep: every named point of an apply and of an undo, cut by a kill, by a lost connection and, for apply,
 * by a real SIGKILL of a process; eight applies at once. Prints how many were tried.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { applyPlan } from '../../src/repair/apply.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { openScenario } from '../repair/scenario.ts';
import { cutApply, cutUndo, killedProcess, severedApply, uncutApply, uncutUndo } from '../repair/sweep.ts';

const patienceMs = 30 * 60_000;

describe('fault sweep', () => {
  let tried = 0;
  beforeAll(() => loadSqlParser());

  it(
    'an apply killed at every point',
    async () => {
      const { wanted, points } = await uncutApply();
      for (const point of points) {
        await cutApply(point, wanted);
        tried++;
      }
    },
    patienceMs,
  );

  it(
    'an undo killed at every point',
    async () => {
      for (const point of await uncutUndo()) {
        await cutUndo(point);
        tried++;
      }
    },
    patienceMs,
  );

  it(
    'an apply whose connection is cut at every point',
    async () => {
      const { wanted, points } = await uncutApply();
      for (const point of points) {
        await severedApply(point, wanted);
        tried++;
      }
    },
    patienceMs,
  );

  it(
    'a process that dies by SIGKILL at every point',
    async () => {
      const { wanted, points } = await uncutApply();
      for (const point of points) {
        await killedProcess(point, wanted);
        tried++;
      }
    },
    patienceMs,
  );

  it(
    'eight applies at once: one does it, seven say why not',
    async () => {
      const scenario = await openScenario();
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, () => applyPlan(scenario.plan, scenario.context)),
      );
      const done = results.filter((result) => result.status === 'fulfilled');
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code as string] : []));
      expect(done).toHaveLength(1);
      expect(refused.every((code) => code === 'lock-held' || code === 'plan-stale')).toBe(true);
      await scenario.dispose();
      tried++;
      console.log(`${tried} faults tried`);
    },
    patienceMs,
  );
});
