/**
 * Which revision somebody may have meant by an id that nothing defines: told as a question, never acted upon unasked.
 */
import type { Revision, RevisionId } from './revision.ts';

export interface LikelyId {
  id: RevisionId;
  /** How it was found, in words that end a sentence. */
  words: string;
}

/** Null where nothing, or more than one revision, comes near. */
export function findLikelyId(
  name: string,
  revisions: ReadonlyMap<RevisionId, Revision>,
  ids: readonly RevisionId[],
): LikelyId | null {
  const bare = name.replace(/\.py$/, '');
  const byFile = [...revisions.values()].filter((revision) => stemOf(revision.file) === bare);
  if (byFile.length === 1) {
    const { id, file } = byFile[0]!;
    return { id, words: `did you mean ${id}? The file ${file} has that id` };
  }
  const trimmed = name.trim();
  const same = ids.filter((id) => id !== name && id.toLowerCase() === trimmed.toLowerCase());
  if (same.length === 1) return { id: same[0]!, words: `did you mean ${same[0]}?` };
  if (trimmed.length >= 4) {
    const longer = ids.filter((id) => id.startsWith(trimmed));
    if (longer.length === 1)
      return { id: longer[0]!, words: `did you mean ${longer[0]}? A partial id works on the command line only` };
    const shorter = ids.filter((id) => id.length >= 6 && trimmed.startsWith(`${id}_`));
    if (shorter.length === 1) return { id: shorter[0]!, words: `did you mean ${shorter[0]}?` };
  }
  if (trimmed.length >= 6) {
    const near = ids.filter((id) => isWithinOneEdit(id, trimmed));
    if (near.length === 1) return { id: near[0]!, words: `did you mean ${near[0]}?` };
  }
  return null;
}

function stemOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.py$/, '');
}

/** One letter changed, added, left out, or two neighbours swapped. */
function isWithinOneEdit(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || a === b) return false;
  let from = 0;
  while (from < a.length && from < b.length && a[from] === b[from]) from++;
  const restA = a.slice(from);
  const restB = b.slice(from);
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  );
}
