/**
 * Passwords that stand in a file which a plan edits, kept out of what leaves the project: a plan file and the ledger hold their
 * places, and the file itself, which has them, fills these in again. Pure; refuses to know where plans are kept.
 */
import type { Patch, Plan } from '../model/plan.ts';
import { passwordsIn } from '../model/secrets.ts';

/** Shorter than what counts as a password, so that none stands within one. */
const place = (index: number) => `⟦${index}⟧`;

/** `plan` with the places of passwords for those that its files had before. What it brings itself it must say. */
export function withPlaces(plan: Plan): Plan {
  return mapPatches(plan, (patch) => {
    const passwords = patch.before === null ? [] : hideable(patch.before);
    return mapTexts(patch, (text) =>
      passwords.reduce((hidden, password, index) => hidden.replaceAll(password, () => place(index)), text),
    );
  });
}

export function hasPlaces(plan: Plan): boolean {
  return plan.patches.some(({ before }) => holdsPlaces(before));
}

function holdsPlaces(before: string | null): boolean {
  return before?.includes(place(0)) ?? false;
}

/** The plan as it was, where `textOf` gives the files as they were before it; else another one, whose id does not fit. */
export function withPasswords(plan: Plan, textOf: (file: string) => string | null): Plan {
  if (!hasPlaces(plan)) return plan;
  return mapPatches(plan, (patch) => {
    const before = holdsPlaces(patch.before) ? textOf(patch.file) : null;
    const passwords = before === null ? [] : hideable(before);
    return mapTexts(patch, (text) =>
      passwords.reduceRight((shown, password, index) => shown.replaceAll(place(index), () => password), text),
    );
  });
}

/** The longest first, so that none is cut by another; none where the text itself has what would be a place. */
function hideable(before: string): string[] {
  const passwords = passwordsIn(before).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return passwords.some((_, index) => before.includes(place(index))) ? [] : passwords;
}

function mapPatches(plan: Plan, change: (patch: Patch) => Patch): Plan {
  return { ...plan, patches: plan.patches.map(change) };
}

function mapTexts(patch: Patch, change: (text: string) => string): Patch {
  const { before, after, diff } = patch;
  return {
    ...patch,
    before: before === null ? null : change(before),
    after: after === null ? null : change(after),
    diff: change(diff),
  };
}
