/**
 * What several rules ask of a lost revision: whether a baseline took its place, and which of the old ids was the last.
 */
import type { RevisionHistory } from '../model/history.ts';
import type { Revision, RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';

export interface Squash {
  baseline: Revision;
  /** The newest of the old revisions, where databases must stand to go on from the baseline; null where several were. */
  last: RevisionId | null;
}

/**
 * The one base of today that came after a file which is gone, together with that file's going, while the base of then is
 * gone too. Null where nothing says so.
 */
export function squashOf(graph: RevisionGraph, history: RevisionHistory, id: RevisionId): Squash | null {
  const lost = history.deletedById.get(id);
  const born = lost && history.addedByFile.get(lost.path);
  if (lost === undefined || born === undefined) return null;
  const baselines = graph.bases
    .flatMap((base) => graph.revisions.get(base) ?? [])
    .filter((base) => {
      const added = history.addedByFile.get(base.file);
      return added !== undefined && isAfter(added.date, born.date) && !isAfter(added.date, lost.date);
    });
  const [baseline] = baselines;
  if (baselines.length !== 1 || baseline === undefined) return null;
  const from = history.addedByFile.get(baseline.file)?.date ?? '';
  const gone = [...history.deletedById].filter(([, file]) => !isAfter(from, file.date));
  if (gone.length < 2 || !gone.some(([, file]) => file.downRevisions?.length === 0)) return null;
  const parents = new Set(gone.flatMap(([, file]) => file.downRevisions ?? []));
  const last = gone.map(([each]) => each).filter((each) => !parents.has(each));
  return { baseline, last: last.length === 1 ? (last[0] ?? null) : null };
}

function isAfter(a: string, b: string): boolean {
  return Date.parse(a) > Date.parse(b);
}
