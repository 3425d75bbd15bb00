/**
 * The database carries a revision that lives on another ref: the code here is older. Nothing is to be repaired.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'database-ahead-of-code',
  title: 'the database is ahead of this code',
  severity: 'error',
  needs: ['stamp', 'history'],
  docs: {
    problem: 'The version table names a revision that this checkout does not have, and another branch or tag does.',
    consequence:
      'Every alembic command fails with "Can\'t locate revision"; stamping the database back would make it lie.',
    repair: 'Do nothing to the database: deploy the code that has the revision, or merge its branch.',
  },
  *check({ stamp, history, policy }) {
    for (const row of stamp.unknown) {
      const refs = history.elsewhereById.get(row);
      if (refs === undefined || refs.length === 0 || history.deletedById.has(row)) continue;
      yield {
        subject: { kind: 'stamp', name: stamp.table?.key ?? 'alembic_version' },
        detail: row,
        severity: policy.occasion === 'gate' ? 'info' : 'error',
        message: `The database is at ${row}, which is not here but on ${refs.slice(0, 3).join(', ')}: it is ahead of this code, and there is nothing to repair.`,
        evidence: [
          { origin: 'live', text: `${stamp.table?.key} holds ${row}` },
          { origin: 'git', text: `${row} is on ${refs.join(', ')}` },
        ],
        remedy: advice(`Deploy the code of ${refs[0]}, or merge it; leave the database as it is`),
      };
    }
  },
});
