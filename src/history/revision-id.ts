/**
 * The id that an old version of a revision file defines, by its text alone: history is told in hints, so a plain
 * assignment is enough. Refuses to evaluate.
 */

const assignment = /^revision\b[^=\n]*=\s*(?:\w+\s*=\s*)*\(?\s*[uU]?(["'])([^"'\n]+)\1/gm;

/** Null where the text assigns none, or several that differ (a merge conflict). */
export function revisionIdOf(text: string): string | null {
  let found: string | null = null;
  for (const match of text.matchAll(assignment)) {
    if (found !== null && found !== match[2]) return null;
    found = match[2] as string;
  }
  return found;
}
