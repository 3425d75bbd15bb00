/**
 * Two SQL texts that say the same without knowing what they mean: spaces outside strings and one pair of parentheses
 * around the whole do not count. All else is for PostgreSQL to decide; this is no normaliser.
 */
import { isOneParenthesis } from '../model/definition.ts';

const squashed = new Map<string, string>();

/** The text without spaces that do not matter and without parentheses around the whole. */
export function squash(text: string): string {
  const known = squashed.get(text);
  if (known !== undefined) return known;
  let result = text
    .replace(/('(?:[^']|'')*'|"(?:[^"]|"")*")|\s+/g, (_whole, quoted: string | undefined) => quoted ?? ' ')
    .trim();
  while (isOneParenthesis(result)) result = result.slice(1, -1).trim();
  if (squashed.size > 20_000) squashed.clear();
  squashed.set(text, result);
  return result;
}

export function sameText(a: string | null, b: string | null): boolean {
  return a === b || (a !== null && b !== null && squash(a) === squash(b));
}

/**
 * A rough likeness, for ranking only: casts, parentheses, case and spaces taken away. Never the ground of a finding.
 */
export function likeness(text: string): string {
  return text
    .replace(
      /::\s*(?:"[^"]+"|[a-z_][\w.]*)(?: (?:varying|precision|with(?:out)? time zone))?(?:\([\d, ]*\))?(?:\[\])*/gi,
      '',
    )
    .replace(/[()\s]+/g, '')
    .toLowerCase();
}
