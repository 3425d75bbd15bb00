/**
 * A revision that no release had stands before one that was released: databases past it skip it for ever.
 */
import { descendantsOf } from '../model/ancestry.ts';
import type { Remedy } from '../model/finding.ts';
import { advice, defineRule, patch } from './rule.ts';

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
    if (history.releasedById.size === 0) return;
    for (const revision of graph.revisions.values()) {
      if (history.releasedById.has(revision.id) || graph.duplicates.has(revision.id)) continue;
      const released = [...descendantsOf(graph, [revision.id])]
        .filter((id) => id !== revision.id && history.releasedById.has(id))
        .sort();
      if (released.length === 0) continue;
      const children = graph.childrenById.get(revision.id) ?? [];
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
          `Set down_revision of ${revision.id} to ${head}, and of ${child.id} back to ${revision.downRevisions[0] ?? 'None'}`,
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
        message: `${revision.id} is in no release and stands before ${released.slice(0, 3).join(', ')}, released with ${history.releasedById.get(released[0] as string)}; a database that has that release skips ${revision.id} for ever.`,
        evidence: [
          ...released
            .slice(0, 5)
            .map((id) => ({ origin: 'git' as const, text: `${id} was released with ${history.releasedById.get(id)}` })),
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
  },
});
