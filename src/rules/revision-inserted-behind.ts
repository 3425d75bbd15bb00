/**
 * A revision that no release had stands before one that was released: databases past it skip it for ever.
 */
import { ancestorsOf, descendantsOf } from '../model/ancestry.ts';
import type { Remedy } from '../model/finding.ts';
import { type RevisionHistory, releasedHow, unknownReleases } from '../model/history.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { advice, defineRule, type FindingDraft, patch } from './rule.ts';

export default defineRule({
  id: 'revision-inserted-behind',
  title: 'a new revision stands behind a released one',
  severity: 'error',
  needs: ['graph', 'history'],
  docs: {
    problem:
      'A revision that is in no release has been put before one that is: usually a repair of two heads the wrong way round.',
    consequence:
      'A database that has the released one counts as past it: the new one is skipped for ever, with every signal green.',
    repair: 'Give the released revision its old parent back, and put the new one at the head.',
  },
  *check({ graph, history }) {
    const blind = unknownReleases(history);
    if (blind !== null) yield { notChecked: blind };
    if (history.releasedById.size === 0) return;
    const told = new Set<RevisionId>();
    for (const revision of graph.revisions.values()) {
      if (history.releasedById.has(revision.id) || graph.duplicates.has(revision.id)) continue;
      const released = [...descendantsOf(graph, [revision.id])]
        .filter((id) => id !== revision.id && history.releasedById.has(id))
        .sort();
      if (released.length === 0) continue;
      const children = graph.childrenById.get(revision.id) ?? [];
      for (const id of released) told.add(id);
      const child = children.length === 1 ? graph.revisions.get(children[0] as string) : undefined;
      const head = graph.heads.find((id) => descendantsOf(graph, [revision.id]).has(id));
      let remedy: Remedy = advice(
        `Put ${revision.id} at the head, and give ${released[0]} its old parent back`,
        'file-edit',
      );
      if (
        child !== undefined &&
        history.releasedById.has(child.id) &&
        child.downRevisions.length === 1 &&
        revision.downRevisions.length <= 1 &&
        head !== undefined
      ) {
        remedy = patch(
          `Set ${revision.id}'s parent to ${head}, and ${child.id}'s parent back to ${revision.downRevisions[0] ?? 'None'}`,
          [
            {
              action: 'set-down-revision',
              revision: child.id,
              file: child.file,
              from: revision.id,
              to: revision.downRevisions,
            },
            {
              action: 'set-down-revision',
              revision: revision.id,
              file: revision.file,
              from: revision.downRevisions[0] ?? '',
              to: [head],
            },
          ],
        );
      }
      const added = history.addedByFile.get(revision.file);
      yield {
        subject: {
          kind: 'revision',
          name: revision.id,
          revision: revision.id,
          file: revision.file,
          line: revision.downRevisionLine,
        },
        message: `${revision.id} is in no release and stands before ${released.slice(0, 3).join(', ')}, which ${releasedHow(history, released[0] as string)}; a database that has that skips ${revision.id} for ever.`,
        evidence: [
          ...released.slice(0, 5).map((id) => ({ origin: 'git' as const, text: `${id} ${releasedHow(history, id)}` })),
          ...(added
            ? [
                {
                  origin: 'git' as const,
                  text: `${revision.file} came with ${added.commit.slice(0, 10)} (${added.date})`,
                  file: revision.file,
                },
              ]
            : []),
        ],
        remedy,
      };
    }
    yield* movedAfterRelease(graph, history, told);
  },
});

/**
 * A released revision whose every released version names other parents, and that now stands after one which was released
 * too but not before it: a database at the old place has never run that one.
 */
function* movedAfterRelease(
  graph: RevisionGraph,
  history: RevisionHistory,
  told: ReadonlySet<RevisionId>,
): Iterable<FindingDraft> {
  const inCircle = new Set(graph.faults.flatMap((fault) => (fault.rule === 'revision-cycle' ? fault.revisions : [])));
  for (const [id, versions] of history.releasedVersionsById ?? []) {
    if (inCircle.has(id)) continue;
    const revision = graph.revisions.get(id);
    const last = versions[versions.length - 1];
    if (revision === undefined || last === undefined || told.has(id) || graph.duplicates.has(id)) continue;
    const now = revision.downRevisions.join(' ');
    if (versions.some((version) => version.downRevisions.join(' ') === now)) continue;
    // A parent that is gone had to be replaced: that is another fault's business, or its repair.
    if (revision.downRevisions.length !== 1 || last.downRevisions.length > 1) continue;
    if (!last.downRevisions.every((parent) => graph.revisions.has(parent))) continue;
    const [parent] = revision.downRevisions as [RevisionId];
    const wasBefore = ancestorsOf(graph, last.downRevisions);
    if (!history.releasedById.has(parent) || wasBefore.has(parent)) continue;
    const back = last.downRevisions[0] ?? 'None';
    yield {
      subject: { kind: 'revision', name: id, revision: id, file: revision.file, line: revision.downRevisionLine },
      severity: 'warning',
      certainty: 'suspected',
      message: `${id} ${releasedHow(history, id)} after ${back} and now names ${parent} as its parent; a database that stood at ${id} without ${parent} skips ${parent} for ever.`,
      evidence: [
        { origin: 'git', text: `down_revision was ${back} in ${last.ref}` },
        {
          origin: 'declared',
          text: `down_revision is ${parent}`,
          file: revision.file,
          line: revision.downRevisionLine,
        },
      ],
      remedy: advice(`Give ${id} its parent ${back} back, and join ${parent} by a merge revision`, 'file-edit'),
    };
  }
}
