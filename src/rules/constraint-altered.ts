/**
 * A live constraint covers, references or checks something else than declared.
 */

import { addConstraint } from '../model/declare.ts';
import { nameOfKey } from '../model/name.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

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
