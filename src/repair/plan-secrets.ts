/**
 * Passwords that stand in a file which a plan edits, moves or restores, kept out of what leaves the project: a plan file and
 * the ledger hold their places, and the file itself, which has them, fills these in again. A step with one is not planned.
 * Pure; refuses to know where plans are kept.
 */
import type { Patch, Plan, Step } from '../model/plan.ts';
import { passwordsIn, statesPassword } from '../model/secrets.ts';
import type { Answered } from './chain-edits.ts';

/** Shorter than what counts as a password, so that none stands within one. */
const place = (index: number) => `⟦${index}⟧`;

/** `plan` with the places of passwords for those that its files had before. What it brings itself it must say. */
export function withPlaces(plan: Plan): Plan {
  return mapPatches(plan, (patch) => {
    const source = sourceIn(patch);
    const passwords = source === null ? [] : hideable(source);
    return mapTexts(patch, (text) =>
      passwords.reduce((hidden, password, index) => hidden.replaceAll(password, () => place(index)), text),
    );
  });
}

export function hasPlaces(plan: Plan): boolean {
  return plan.patches.some((patch) => holdsPlaces(sourceIn(patch)));
}

function holdsPlaces(before: string | null): boolean {
  return before?.includes(place(0)) ?? false;
}

/** The text that brings a patch's passwords: as the file was; of one that is moved or restored, as it will be. */
function sourceIn({ before, after, takenFrom }: Patch): string | null {
  return before ?? (takenFrom === undefined ? null : after);
}

/** The plan as it was, where `textOf` gives the files as they were before it; else another one, whose id does not fit. */
export function withPasswords(plan: Plan, textOf: (file: string) => string | null): Plan {
  if (!hasPlaces(plan)) return plan;
  return mapPatches(plan, (patch) => {
    const source = holdsPlaces(sourceIn(patch)) ? textOf(patch.takenFrom ?? patch.file) : null;
    const passwords = source === null ? [] : hideable(source);
    return mapTexts(patch, (text) =>
      passwords.reduceRight((shown, password, index) => shown.replaceAll(place(index), () => password), text),
    );
  });
}

/** The longest first, so that none is cut by another; none where the text itself has what would be a place. */
function hideable(source: string): string[] {
  const passwords = passwordsIn(source).sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return passwords.some((_, index) => source.includes(place(index))) ? [] : passwords;
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

/** Why no step may be made of it: it would stand in the plan, the ledger and files, and none of these may hold a password. */
export function passwordReason(
  { sql, down }: Pick<Step, 'sql' | 'down'>,
  actions: readonly Answered[] = [],
  answers: readonly string[] = [],
): string | null {
  if (statesPassword(sql)) {
    const stated = actions
      .filter((one) => one.answers.some((key) => answers.includes(key)))
      .flatMap(({ action }) => (action.action === 'declare' ? action.operations : []))
      .find(({ origin }) => origin.file !== '');
    const where = stated === undefined ? '' : ` (${stated.origin.file}:${stated.origin.line})`;
    return `its statement${where} states a password, which no plan and no ledger may hold: run it by hand`;
  }
  return down !== null && statesPassword(down)
    ? 'what stands there states a password, which no plan and no ledger may hold: replace it by hand'
    : null;
}
