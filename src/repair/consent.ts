/**
 * Consent: what `--apply` may do by itself, and what a person must ask for by name. The contract's one page as code.
 * Refuses to know how anything is done.
 */
import type { Finding } from '../model/finding.ts';
import type { Hazard, Plan, Step } from '../model/plan.ts';
import type { RemedyAction } from '../model/remedy.ts';

export interface Asked {
  allow: readonly Hazard[];
  mergeDuplicates: boolean;
  seed: boolean;
}

/** Null: plan it. Otherwise why it is left, in words that say how to ask for it. */
export function isWanted(finding: Finding, action: RemedyAction, asked: Asked): string | null {
  const safety = finding.remedy?.safety;
  if (safety === 'never-automatic') return `never done automatically: ${finding.remedy?.summary}`;
  if (action.action === 'merge-duplicates') {
    return asked.mergeDuplicates ? null : 'duplicates are merged only when asked: --merge-duplicates';
  }
  if (action.action === 'fill-nulls' && !asked.allow.includes('changes-rows')) {
    return `rows are filled only when asked: --allow changes-rows makes ${action.column} ${action.value} where it is NULL`;
  }
  if (action.action === 'run-seed' && !asked.seed) return 'the seed is not run: --no-seed';
  // An error's remedy is planned with its hazards, and apply refuses until they are allowed; a warning does not stand in
  // the way of the rest.
  const missing = hazardsOf(action).filter((hazard) => !asked.allow.includes(hazard));
  if (finding.severity !== 'error' && missing.length > 0) return `needs --allow ${missing.join(',')}`;
  return null;
}

function hazardsOf(action: RemedyAction): Hazard[] {
  return action.action === 'run-sql' ? (action.hazards as Hazard[]) : [];
}

/** Running the project's own seed is consented to; and a plan merges rows only where it was made with --merge-duplicates. */
export function consentedByItself(step: Pick<Step, 'phase'>, hazard: Hazard): boolean {
  return (step.phase === 'seed' && hazard === 'changes-rows') || hazard === 'merges-rows';
}

/** Hazards of the plan that neither the contract's consent nor `allow` covers, with the steps that carry them. */
export function hazardsToAllow(plan: Plan, allow: readonly Hazard[]): { hazard: Hazard; steps: string[] }[] {
  const steps = new Map<Hazard, string[]>();
  for (const step of plan.steps) {
    for (const hazard of step.hazards) {
      if (!consentedByItself(step, hazard) && !allow.includes(hazard))
        steps.set(hazard, [...(steps.get(hazard) ?? []), step.name]);
    }
  }
  return [...steps].map(([hazard, names]) => ({ hazard, steps: names }));
}
