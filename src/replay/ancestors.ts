/**
 * Which revisions run before which, for the replay: sound ones on their ancestors, detached ones (behind a missing parent,
 * on a cycle) on top of everything sound. Finds the shortest way from a known state to the state of several revisions.
 */

import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';

export interface Ancestry {
  /** Every revision, predecessors first, detached ones after all sound ones. */
  order: RevisionId[];
  isDetached(revision: RevisionId): boolean;
  /** Direct ones; of a detached root, the heads of what is sound. */
  predecessors(revision: RevisionId): RevisionId[];
  /** Those that are no ancestor of another of them. */
  withoutAncestors(revisions: readonly RevisionId[]): RevisionId[];
  /** A revision whose state is part of the wanted one, and the revisions still to run, in order. */
  shortestWay(revisions: readonly RevisionId[]): { from: RevisionId | null; rest: RevisionId[] };
}

/** Beyond this many revisions to run again, a shorter way may change the order between independent branches. */
const exactLimit = 64;

export function orderOf(graph: RevisionGraph): Ancestry {
  const detached = detachedOf(graph);
  const sound = graph.order.filter((revision) => !detached.has(revision));
  const order = [...sound, ...detachedInOrder(graph, detached)];
  const position = new Map(order.map((revision, at) => [revision, at]));
  const followed = new Set(sound.flatMap((revision) => graph.predecessorsById.get(revision) ?? []));
  const soundHeads = sound.filter((revision) => !followed.has(revision));

  const predecessorsById = new Map<RevisionId, RevisionId[]>();
  for (const revision of order) {
    // On a cycle only those that come before in order can have run.
    const before = (graph.predecessorsById.get(revision) ?? []).filter(
      (each) => (position.get(each) ?? Infinity) < (position.get(revision) as number),
    );
    const isRoot = detached.has(revision) && before.every((each) => !detached.has(each));
    const all = [...new Set(isRoot ? [...before, ...soundHeads] : before)];
    predecessorsById.set(revision, isRoot ? soundHeads : all);
  }
  const predecessors = (revision: RevisionId) => predecessorsById.get(revision) ?? [];

  const ancestorsOf = (revisions: readonly RevisionId[]): Set<RevisionId> => {
    const found = new Set<RevisionId>();
    const open = [...revisions];
    for (let each = open.pop(); each !== undefined; each = open.pop()) {
      if (found.has(each)) continue;
      found.add(each);
      open.push(...predecessors(each));
    }
    return found;
  };

  /** How many revisions ran once this one ran, itself included. */
  const countById = new Map<RevisionId, number>();
  for (const revision of order) {
    const before = predecessors(revision);
    countById.set(
      revision,
      before.length === 1 ? (countById.get(before[0] as RevisionId) as number) + 1 : ancestorsOf([revision]).size,
    );
  }

  const inOrder = (revisions: Iterable<RevisionId>) =>
    [...revisions].sort((a, b) => (position.get(a) as number) - (position.get(b) as number));

  return {
    order,
    isDetached: (revision) => detached.has(revision),
    predecessors,
    withoutAncestors(revisions) {
      if (revisions.length < 2) return [...revisions];
      const distinct = [...new Set(revisions)];
      const above = ancestorsOf(distinct.flatMap(predecessors));
      return inOrder(distinct.filter((each) => !above.has(each)));
    },
    shortestWay(revisions) {
      const wanted = inOrder(ancestorsOf(revisions));
      let at = wanted.length - 1;
      while (at >= 0 && countById.get(wanted[at] as RevisionId) !== at + 1) at--;
      const exact = { from: at < 0 ? null : (wanted[at] as RevisionId), rest: wanted.slice(at + 1) };
      if (exact.rest.length <= exactLimit) return exact;
      const largest = revisions.reduce((a, b) => ((countById.get(b) ?? 0) > (countById.get(a) ?? 0) ? b : a));
      const known = ancestorsOf([largest]);
      const rest = wanted.filter((each) => !known.has(each));
      return rest.length < exact.rest.length ? { from: largest, rest } : exact;
    },
  };
}

/** Revisions with a parent or dependency that nothing defines, members of a cycle, and all that follow these. */
function detachedOf(graph: RevisionGraph): Set<RevisionId> {
  const detached = new Set<RevisionId>();
  const seen = new Set<RevisionId>();
  const missing = new Set([...graph.missingById.values()].flat());
  for (const revision of graph.order) {
    const before = graph.predecessorsById.get(revision) ?? [];
    if (missing.has(revision) || before.some((each) => detached.has(each) || !seen.has(each))) detached.add(revision);
    seen.add(revision);
  }
  return detached;
}

/** Each after those it names; a circle is entered where the graph has its first member, and what hangs on it comes after. */
function detachedInOrder(graph: RevisionGraph, detached: ReadonlySet<RevisionId>): RevisionId[] {
  const onCircle = new Set(graph.faults.flatMap((fault) => (fault.rule === 'revision-cycle' ? fault.revisions : [])));
  const waiting = graph.order.filter((revision) => detached.has(revision));
  const placed = new Set<RevisionId>();
  while (placed.size < detached.size) {
    const open = waiting.filter((revision) => !placed.has(revision));
    const free = open.filter((revision) =>
      (graph.predecessorsById.get(revision) ?? []).every((each) => !detached.has(each) || placed.has(each)),
    );
    for (const revision of free.length > 0
      ? free
      : [open.find((each) => onCircle.has(each)) ?? (open[0] as RevisionId)])
      placed.add(revision);
  }
  return [...placed];
}
