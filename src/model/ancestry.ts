/**
 * Who comes before and after whom in a RevisionGraph, parents and dependencies alike. Total: unknown ids and cycles are
 * walked once and do no harm.
 */
import { placeholderMessage, type RevisionId } from './revision.ts';
import type { RevisionGraph } from './revision-graph.ts';

type Lines = Pick<RevisionGraph, 'revisions' | 'predecessorsById' | 'order'>;

/** These revisions and everything before them. */
export function ancestorsOf(graph: Lines, revisions: Iterable<RevisionId>): Set<RevisionId> {
  const seen = new Set<RevisionId>();
  const waiting = [...revisions].filter((id) => graph.revisions.has(id));
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    for (const before of graph.predecessorsById.get(id) ?? []) if (!seen.has(before)) waiting.push(before);
  }
  return seen;
}

/** Everything after these revisions, themselves included. */
export function descendantsOf(graph: Lines, revisions: Iterable<RevisionId>): Set<RevisionId> {
  const after = new Map<RevisionId, RevisionId[]>();
  for (const [id, befores] of graph.predecessorsById) {
    for (const before of befores) {
      const list = after.get(before);
      if (list) list.push(id);
      else after.set(before, [id]);
    }
  }
  const seen = new Set<RevisionId>();
  const waiting = [...revisions].filter((id) => graph.revisions.has(id));
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    for (const next of after.get(id) ?? []) if (!seen.has(next)) waiting.push(next);
  }
  return seen;
}

/** True where `earlier` comes before `later` (and is not it). */
export function isBefore(graph: Lines, earlier: RevisionId, later: RevisionId): boolean {
  return earlier !== later && ancestorsOf(graph, [later]).has(earlier);
}

/** Revisions that hang, directly or through others, on an id that no file defines. */
export function behindMissingParents(graph: Lines & Pick<RevisionGraph, 'missingById'>): Set<RevisionId> {
  return descendantsOf(graph, [...graph.missingById.values()].flat());
}

/** Of these and of all before them those of which only the id is known, their files being lost or unreadable; sorted. */
export function unknownAmong(
  graph: Lines & Pick<RevisionGraph, 'faults'>,
  revisions: Iterable<RevisionId>,
): RevisionId[] {
  const before = ancestorsOf(graph, revisions);
  const found = new Set<RevisionId>();
  for (const { rule, revisions: own, missing } of graph.faults) {
    const [id] = own;
    if (id === undefined || !before.has(id)) continue;
    if (rule === 'missing-parent-revision' && missing !== undefined) found.add(missing);
    else if (rule === 'unreadable-revision') found.add(id);
  }
  for (const id of before) if (graph.revisions.get(id)?.message === placeholderMessage(id)) found.add(id);
  return [...found].sort();
}
