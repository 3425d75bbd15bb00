/**
 * The seed as a step: runs in the step's own transaction, with a before-image of every row; taken back by those images.
 */
import type { Step } from '../model/plan.ts';
import type { StepContext } from './units.ts';

export async function runSeedStep(step: Step, context: StepContext): Promise<void> {
  void context;
  throw new Error(`seeds are not wired: ${step.name}`);
}

export async function undoSeedStep(step: Step, context: StepContext): Promise<void> {
  void context;
  throw new Error(`seeds are not wired: ${step.name}`);
}
