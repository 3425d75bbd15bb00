/**
 * A plan made ready: foreseen, then rehearsed. A step that answers warnings alone and fails in the rehearsal is left out with
 * what PostgreSQL said, and stands in nobody's way; what fails for an error is left to be refused.
 */
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Plan } from '../model/plan.ts';
import { type ForesightContext, foresee } from './foresee.ts';
import type { PlanOptions } from './plan.ts';
import { rehearse } from './rehearse.ts';

export interface PrepareContext extends ForesightContext {
  /** Why there is no scratch server, in words. */
  reason: string;
  toolVersion: string;
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
  for (;;) {
    context.progress('planning');
    const foreseen = await foresee(diagnosis, { ...options, without }, context);
    try {
      const { plan } = foreseen;
      if (plan.patches.length === 0 && plan.steps.length === 0) return plan;
      context.progress('rehearsing on a scratch database');
      const rehearsal = await rehearse(plan, { ...context, diagnosis: foreseen.diagnosis });
      const failed = plan.steps.find((step) => step.name === rehearsal.failedStep);
      const isError = (key: string) =>
        foreseen.diagnosis.findings.some((finding) => finding.key === key && finding.severity === 'error');
      const fresh = failed?.answers.filter((key) => !without.has(key)) ?? [];
      if (fresh.length === 0 || failed?.answers.some(isError)) return { ...plan, ...which, rehearsal };
      for (const key of fresh) without.set(key, `its rehearsal failed: ${rehearsal.failure}`);
    } finally {
      await foreseen.close();
    }
  }
}
