/**
 * Revisions that come before themselves. Prints the path; which link is the wrong one, only people know.
 */
import type { Evidence } from '../model/finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'revision-cycle',
  title: 'revisions follow each other in a circle',
  severity: 'error',
  needs: ['graph'],
  docs: {
    problem: 'Following `down_revision` (or `depends_on`) leads back to the revision one came from.',
    consequence:
      'Alembic cannot load the chain, or, beside a healthy line, says nothing; the revisions in the circle can never be applied.',
    repair:
      'Break the circle at the revision that was written first: its parent is the one that stood before the circle.',
  },
  *check({ graph }) {
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
      yield {
        subject: { kind: 'revision', name: first, revision: first, file: fault.files[0] ?? '', line: fault.line },
        message:
          fault.revisions.length === 1
            ? `${first} names itself as its parent; Alembic cannot load the chain.`
            : `${path} is a circle; none of these can ever be applied.`,
        evidence,
        causedBy: fault.revisions.map((id) => `duplicate-revision-id:${id}`),
        remedy: advice(
          `Set down_revision of ${oldest} to ${outside.length > 0 ? outside.join(', ') : 'the revision that stood before it, or None'}: it is the oldest of the circle`,
          'file-edit',
        ),
      };
    }
  },
});
