/**
 * What a replay could not see: whether lines that were not read may have touched an object.
 */

import { ancestorsOf } from './ancestry.ts';
import type { BlindSpot } from './operation.ts';
import type { RevisionGraph } from './revision-graph.ts';

/** The blind spot that may have made or changed the object (or its table, for `schema.table.name`), null where none may. */
export function blindSpotOver(blindSpots: readonly BlindSpot[], object: string): BlindSpot | null {
  return (
    blindSpots.find(
      (spot) =>
        !spot.isOfRows &&
        (spot.objects.length === 0 ||
          spot.objects.some(
            (name) => name === object || object.startsWith(`${name}.`) || name.startsWith(`${object}.`),
          )),
    ) ?? null
  );
}

/** True where the revisions as a whole could not be read: what nobody creates may be created there. */
export function hasUnreadRevisions(graph: RevisionGraph): boolean {
  return (
    graph.unreadable.some((file) => file.kind === 'unreadable') ||
    graph.faults.some((fault) => fault.rule === 'duplicate-revision-id')
  );
}

/** Blind spots of the revision and of what comes before it: later ones cannot have touched what it found. */
export function blindSpotsBefore(
  blindSpots: readonly BlindSpot[],
  graph: RevisionGraph,
  revision: string,
): BlindSpot[] {
  const before = ancestorsOf(graph, [revision]);
  return blindSpots.filter((spot) => spot.revision === null || before.has(spot.revision));
}
