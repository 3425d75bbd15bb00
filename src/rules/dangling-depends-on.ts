/**
 * `depends_on` names an id or label that nothing defines, or a branch label is defined twice.
 */
import type { Remedy } from '../model/finding.ts';
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'dangling-depends-on',
  title: 'a dependency or branch label leads nowhere',
  severity: 'error',
  needs: ['graph'],
  docs: {
    problem: 'A `depends_on` names an id or label that nothing defines, or two revisions claim one branch label.',
    consequence: 'Alembic cannot load the chain: every command ends in a bare KeyError, without a warning.',
    repair: 'Write the id that is meant, or take the dependency out; give each branch label to one revision.',
  },
  *check({ graph }) {
    for (const fault of graph.faults) {
      const id = fault.revisions[0];
      const revision = graph.revisions.get(id ?? '');
      if (fault.rule !== 'dangling-depends-on' || id === undefined) continue;
      const { missing } = fault;
      let remedy: Remedy = advice(
        missing === undefined
          ? 'Give the label to one revision alone'
          : `Write the id that ${missing} stands for, or take it out of depends_on of ${id}`,
        'file-edit',
      );
      if (missing !== undefined && revision !== undefined && fault.likely !== undefined) {
        const { likely } = fault;
        remedy = patch(`Write ${likely} instead of ${missing} in depends_on of ${id}: did you mean ${likely}?`, [
          {
            action: 'set-depends-on',
            revision: id,
            file: revision.file,
            from: missing,
            to: revision.dependsOn.map((name) => (name === missing ? likely : name)),
          },
        ]);
      }
      yield {
        subject: { kind: 'revision', name: id, revision: id, file: fault.files[0] ?? '', line: fault.line },
        ...(missing === undefined ? {} : { detail: missing }),
        certainty: fault.isSuspected ? 'suspected' : 'proven',
        severity: fault.isSuspected ? 'warning' : 'error',
        message:
          missing === undefined
            ? fault.message
            : `${id} (${fault.files[0]}:${fault.line}) depends on ${missing}, which nothing defines; Alembic cannot load the chain, so every command fails.`,
        evidence: fault.files.map((file) => ({ origin: 'declared', text: `${file} states it`, file })),
        remedy,
      };
    }
  },
});
