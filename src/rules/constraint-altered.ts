/**
 * A live constraint covers, references or checks something else than declared.
 */

import { addConstraint } from '../model/declare.ts';
import type { Difference } from '../model/drift.ts';
import { nameOfKey, quoteQualified } from '../model/name.ts';
import type { Constraint } from '../model/schema.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { advice, defineRule, type FindingDraft } from './rule.ts';

export default defineRule({
  id: 'constraint-altered',
  title: 'a constraint is not the declared one',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live constraint has other columns, another target, action or condition than the revisions declare.',
    consequence:
      'The database keeps another promise than the code relies on: rows stay where they should go, or are refused.',
    repair: 'Replace it by the declared one: the new one goes in NOT VALID and is validated, then the old one goes.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'constraint', 'altered')) {
      const constraint = difference.declared;
      const aspects = difference.aspects.map((aspect) => aspect.name).filter((name) => name !== 'validated');
      if (constraint === null || difference.live === null || aspects.length === 0) continue;
      const table = nameOfKey(difference.table);
      if (aspects.join() === 'enforced' && constraint.enforced !== false) {
        yield notKept(difference, constraint, difference.live);
        continue;
      }
      yield tell(difference, {
        aspects,
        severity: constraint.type === 'c' ? 'warning' : 'error',
        evidence: [
          { origin: 'declared', text: constraint.definition },
          { origin: 'live', text: difference.live.definition },
        ],
        message: `${difference.live.name} on ${difference.table} is not the declared constraint (${aspects.join(', ')}): ${difference.live.definition}, and the revisions say ${constraint.definition}.`,
        remedy: declareStep(
          `Replace ${difference.live.name} on ${difference.table} by ${constraint.definition}`,
          [
            {
              kind: 'dropConstraint',
              table,
              constraint: difference.live.name,
              nameIsFinal: true,
              type: constraint.type,
              origin: constraint.origin ?? { revision: null, file: '', line: 0 },
            },
            addConstraint(difference.table, constraint),
          ],
          'locks-or-data',
        ),
      });
    }
  },
});

/** Rows came in meanwhile that nobody looked at: switched on again, it would not look at them either. */
function notKept(
  difference: Extract<Difference, { kind: 'constraint' }>,
  declared: Constraint,
  live: Constraint,
): FindingDraft {
  const table = quoteQualified(nameOfKey(difference.table));
  const isStated = / NOT ENFORCED$/.test(live.definition);
  return tell(difference, {
    severity: declared.type === 'c' ? 'warning' : 'error',
    evidence: [
      { origin: 'live', text: isStated ? live.definition : 'its triggers are disabled (pg_trigger.tgenabled)' },
    ],
    message: `${live.name} on ${table} stands, and nobody keeps it: ${isStated ? 'it is NOT ENFORCED' : 'the triggers that keep it are disabled'}.`,
    remedy: advice(
      isStated
        ? `Find the rows that it forbids, then make it again as declared: ${declared.definition}`
        : `Switch its triggers on (ALTER TABLE ${table} ENABLE TRIGGER ALL; of the table that it references too), and find the rows that it forbids`,
      'locks-or-data',
    ),
  });
}
