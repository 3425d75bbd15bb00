/**
 * The plan as a file, for a review between `repair --output` and `repair --apply --plan`; its id; and the fingerprint of
 * the project's files that it is bound to. Refuses a file that was changed after it was written.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainError } from '../errors.ts';
import { compareText } from '../model/name.ts';
import type { Plan, PlanInputs } from '../model/plan.ts';
import { hasPlaces, withPasswords, withPlaces } from './plan-secrets.ts';

export function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Hash of what is to be done and of what it was made for; the rehearsal and the words around it do not count. */
export function planId(plan: Pick<Plan, 'patches' | 'steps' | 'liveFingerprint' | 'filesFingerprint'>): string {
  const patches = plan.patches.map((patch) => [patch.file, patch.before, patch.after]);
  const steps = plan.steps.map((step) => [
    step.name,
    step.phase,
    step.sql,
    step.down,
    step.transactional,
    step.hazards,
    step.seedFile ?? null,
    step.stamp ?? null,
  ]);
  return hashOf(JSON.stringify([patches, steps, plan.liveFingerprint, plan.filesFingerprint])).slice(0, 16);
}

/**
 * With a seal over all of it: the rehearsal's verdict and what is left decide what is applied too. Without the passwords of the
 * files that it edits.
 */
export function serializePlan(plan: Plan): string {
  return `${JSON.stringify({ ...withPlaces(plan), seal: sealOf(plan) }, null, 2)}\n`;
}

/** For a place as closed as the files themselves are. */
export function serializeWholePlan(plan: Plan): string {
  return `${JSON.stringify({ ...plan, seal: sealOf(plan) }, null, 2)}\n`;
}

function sealOf(plan: Plan): string {
  return hashOf(JSON.stringify(plan));
}

/**
 * @param textOf a file of the project as it is, to fill in the passwords that a plan file does not hold
 * @throws ChainError `usage` where the text is no plan, or no longer the one that its id names; `plan-stale`
 */
export function parsePlan(text: string, file: string, textOf: (file: string) => string | null = () => null): Plan {
  let plan: Plan;
  let seal: unknown;
  try {
    ({ seal, ...plan } = JSON.parse(text) as Plan & { seal: unknown });
  } catch (cause) {
    throw new ChainError('usage', `${file} is no plan: ${(cause as Error).message}`, { cause, hint: howToWrite });
  }
  const isPlan =
    plan.version === 1 &&
    typeof plan.id === 'string' &&
    Array.isArray(plan.patches) &&
    Array.isArray(plan.steps) &&
    typeof plan.filesFingerprint === 'string';
  if (!isPlan) throw new ChainError('usage', `${file} is no plan of this version of chain.`, { hint: howToWrite });
  for (const patch of plan.patches) refuseOutside(patch.file);
  const isWithout = hasPlaces(plan);
  plan = withPasswords(plan, textOf);
  if (isWithout && planId(plan) !== plan.id) {
    throw new ChainError('plan-stale', `${file}, or a file that it edits, was changed after it was written.`, {
      hint: 'Make a new plan with `chain repair`.',
    });
  }
  if (planId(plan) !== plan.id || sealOf(plan) !== seal) {
    throw new ChainError('usage', `${file} was changed after it was written: its content is not what its id names.`, {
      hint: 'A plan is applied as it was rehearsed. Change the project or the settings and make a new plan.',
    });
  }
  refuseForeignNames(plan);
  return plan;
}

/** An id becomes a folder, patches and steps become files. @throws ChainError `usage` */
export function refuseForeignNames(plan: Plan): void {
  refuseForeignId(plan.id);
  for (const patch of plan.patches) refuseOutside(patch.file);
  for (const step of plan.steps) refuseOutside(step.name);
}

export function isPlanId(id: string): boolean {
  return /^[0-9a-f]{16}$/.test(id);
}

/** @throws ChainError `usage` */
export function refuseForeignId(id: string): void {
  if (!isPlanId(id)) throw new ChainError('usage', `${JSON.stringify(id)} is no id of a plan.`);
}

const howToWrite = 'Write one with `chain repair --output plan.json`.';

/** Nothing outside the project is written, whatever a plan file says. @throws ChainError `usage` */
export function refuseOutside(file: string): void {
  const parts = file.split(/[\\/]/);
  if (file.startsWith('/') || /^[A-Za-z]:/.test(file) || parts.includes('..') || file.includes('\0')) {
    throw new ChainError('usage', `The plan names a file outside the project: ${JSON.stringify(file)}`);
  }
}

/** Takes the fingerprint of the files again, as they are on disk now. */
export async function fingerprintFiles(projectDir: string, inputs: PlanInputs): Promise<string> {
  const names = new Set(inputs.files);
  for (const folder of inputs.folders) {
    const entries = await readdir(join(projectDir, folder), { recursive: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.endsWith('.py')) names.add(`${folder}/${entry.replaceAll('\\', '/')}`);
    }
  }
  const hash = createHash('sha256');
  for (const name of [...names].sort(compareText)) {
    const content = await readFile(join(projectDir, name)).catch(() => null);
    hash.update(JSON.stringify([name, content === null ? null : hashOf(content)]));
  }
  return hash.digest('hex');
}
