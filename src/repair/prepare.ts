/**
 * A plan made ready: foreseen, then rehearsed. A step on the schema that fails in the rehearsal is left out with what
 * PostgreSQL said, and stands in nobody's way; where nothing else is to do, the plan is left to be refused. No version row is
 * moved past a revision that would still lack something.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Plan } from '../model/plan.ts';
import { type Foreseen, type ForesightContext, foresee } from './foresee.ts';
import type { PlanOptions } from './plan.ts';
import { rehearse } from './rehearse.ts';

export interface PrepareContext extends ForesightContext {
  /** Why there is no scratch server, in words. */
  reason: string;
  toolVersion: string;
  /** Somebody asked for the plan whatever its rehearsal shows. */
  keepsWhatFails?: boolean;
  progress: (text: string) => void;
}

/** @throws what `diagnose` throws */
export async function prepareRepair(
  diagnosis: Diagnosis,
  options: PlanOptions,
  context: PrepareContext,
): Promise<Plan> {
  const { identifyDatabase } = await import('../database/index.ts');
  const which = context.live === null ? {} : { database: await identifyDatabase(context.live) };
  const without = new Map<string, string>();
  let refused: Plan | null = null;
  for (;;) {
    context.progress('planning');
    const foreseen = await foresee(diagnosis, { ...options, without }, context);
    try {
      const { plan } = foreseen;
      const untrue = untrueStamps(foreseen);
      if (untrue.size > 0) {
        for (const [key, reason] of untrue) without.set(key, reason);
        continue;
      }
      if (plan.patches.length === 0 && plan.steps.length === 0) return refused ?? plan;
      context.progress('rehearsing on a scratch database');
      const rehearsal = await rehearse(plan, { ...context, diagnosis: foreseen.diagnosis });
      const failed = plan.steps.find((step) => step.name === rehearsal.failedStep);
      const made: Plan = { ...plan, ...which, rehearsal };
      const fresh = failed?.answers.filter((key) => !without.has(key)) ?? [];
      const isOfSchema = failed?.phase === 'schema' || failed?.phase === 'validate';
      if (fresh.length === 0 || !isOfSchema || context.keepsWhatFails) return made;
      refused ??= made;
      for (const key of fresh) without.set(key, `its rehearsal failed: ${rehearsal.failure}`);
    } finally {
      await foreseen.close();
    }
  }
}

/**
 * Findings whose answer would move the version row past a revision of which something cannot be made: the row would say what
 * is not so. With why.
 */
function untrueStamps({ plan, diagnosis }: Foreseen): Map<string, string> {
  const found = new Map<string, string>();
  const left = new Map(plan.left.map(({ key, reason }) => [key, reason]));
  for (const { stamp, answers } of plan.steps) {
    const keys = answers.filter((key) => key.startsWith('half-applied-revision:'));
    if (stamp === undefined || keys.length === 0) continue;
    const before = ancestorsOf(diagnosis.graph, stamp.before);
    const passed = [...ancestorsOf(diagnosis.graph, stamp.rows)].filter((id) => !before.has(id));
    for (const { key, severity, subject } of diagnosis.findings) {
      const reason = left.get(key);
      if (reason === undefined || severity !== 'error' || !passed.includes(subject.revision ?? '')) continue;
      for (const each of keys) found.set(each, `${subject.name} would not be as ${subject.revision} states: ${reason}`);
    }
  }
  return found;
}
