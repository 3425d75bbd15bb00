/**
 * A constraint stands NOT VALID although the revisions declare it valid.
 */
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { differences, isAbout, tell } from './drift-finding.ts';
import { defineRule, step } from './rule.ts';

export default defineRule({
  id: 'constraint-not-validated',
  title: 'a constraint was never validated',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live constraint is marked NOT VALID: rows from before it were never looked at.',
    consequence: 'Rows that it forbids may be there, and the planner cannot rely on it.',
    repair:
      'VALIDATE CONSTRAINT, which blocks no reads or writes; where it fails, `orphan-rows-block-fk` names the rows.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'constraint', 'altered')) {
      const constraint = difference.live;
      if (constraint === null || !isAbout(difference, 'validated') || constraint.validated) continue;
      const table = quoteQualified(nameOfKey(difference.table));
      const sql = `ALTER TABLE ${table} VALIDATE CONSTRAINT ${quoteIdentifier(constraint.name)}`;
      yield tell(difference, {
        aspects: ['validated'],
        message: `${constraint.name} on ${difference.table} is NOT VALID; rows from before it were never looked at.`,
        causedBy: [`orphan-rows-block-fk:${difference.key}`],
        remedy: step(`Validate it: ${sql}`, 'additive', [
          {
            action: 'run-sql',
            name: `validate_${constraint.name}`,
            sql: [sql],
            down: [],
            hazards: [],
            transactional: true,
            lock: `SHARE UPDATE EXCLUSIVE on ${difference.table}`,
          },
        ]),
      });
    }
  },
});
