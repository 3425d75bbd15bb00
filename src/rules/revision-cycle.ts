/**
 * Revisions that come before themselves. Prints the path; which link is the wrong one a release tells, else only people know.
 */

import { descendantsOf } from '../model/ancestry.ts';
import type { Evidence, Remedy } from '../model/finding.ts';
import type { RevisionHistory } from '../model/history.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'revision-cycle',
  title: 'revisions follow each other in a circle',
  severity: 'error',
  needs: ['graph'],
  wants: ['history'],
  docs: {
    problem: 'Following `down_revision` (or `depends_on`) leads back to the revision one came from.',
    consequence:
      'Alembic cannot load the chain, or, beside a healthy line, says nothing; the revisions in the circle can never be applied.',
    repair:
      'Give the one revision that a release had with another parent that parent back; else break the circle at the revision that was written first: its parent is the one that stood before the circle.',
  },
  *check({ graph, history }) {
    for (const fault of graph.faults) {
      if (fault.rule !== 'revision-cycle') continue;
      const first = fault.revisions[0];
      if (first === undefined) continue;
      const path = [...fault.revisions, first].join(' → ');
      const evidence: Evidence[] = fault.revisions.map((id) => {
        const revision = graph.revisions.get(id);
        return {
          origin: 'declared',
          text: `${id} follows ${revision?.downRevisions.join(', ') || 'nothing'}${revision?.dependsOn.length ? ` and depends on ${revision.dependsOn.join(', ')}` : ''}${revision?.createDate ? `, created ${revision.createDate}` : ''}`,
          ...(revision ? { file: revision.file, line: revision.downRevisionLine } : {}),
        };
      });
      const oldest = [...fault.revisions].sort((a, b) =>
        (graph.revisions.get(a)?.createDate ?? '~') < (graph.revisions.get(b)?.createDate ?? '~') ? -1 : 1,
      )[0] as string;
      const outside = (graph.parentsById.get(oldest) ?? []).filter((id) => !fault.revisions.includes(id));
      const back = movedSince(graph, history, fault.revisions);
      if (back !== null)
        evidence.push({ origin: 'git', text: `${back.id} followed ${back.parent} in ${back.ref}`, file: back.file });
      yield {
        subject: { kind: 'revision', name: first, revision: first, file: fault.files[0] ?? '', line: fault.line },
        message:
          fault.revisions.length === 1
            ? `${first} names itself as its parent; Alembic cannot load the chain.`
            : `${path} is a circle; none of these can ever be applied.`,
        evidence,
        causedBy: fault.revisions.map((id) => `duplicate-revision-id:${id}`),
        remedy:
          back?.remedy ??
          advice(
            `Set down_revision of ${oldest} to ${outside.length > 0 ? outside.join(', ') : 'the revision that stood before it, or None'}: it is the oldest of the circle`,
            'file-edit',
          ),
      };
    }
  },
});

/** The one member that every release had behind another parent, from which no way leads back; null: none or several. */
function movedSince(
  graph: RevisionGraph,
  history: RevisionHistory | undefined,
  circle: readonly RevisionId[],
): { id: RevisionId; parent: RevisionId; ref: string; file: string; remedy: Remedy } | null {
  const moved = circle.flatMap((id) => {
    const versions = history?.releasedVersionsById?.get(id) ?? [];
    const last = versions.at(-1);
    const revision = graph.revisions.get(id);
    const [from, ...more] = revision?.downRevisions ?? [];
    const [parent, ...others] = last?.downRevisions ?? [];
    if (!last || !revision || from === undefined || parent === undefined) return [];
    if (more.length + others.length > 0 || graph.duplicates.has(id) || !graph.revisions.has(parent)) return [];
    if (versions.some(({ downRevisions }) => downRevisions.join() !== parent)) return [];
    if (parent === from || descendantsOf(graph, [id]).has(parent)) return [];
    const remedy = patch(`Set down_revision of ${id} back to ${parent}, as ${last.ref} has it`, [
      { action: 'set-down-revision', revision: id, file: revision.file, from, to: [parent] },
    ]);
    return [{ id, parent, ref: last.ref, file: revision.file, remedy }];
  });
  return moved.length === 1 ? (moved[0] ?? null) : null;
}
