/**
 * A live column is an identity of another kind than declared.
 */
import { nameOfKey } from '../model/declare.ts';
import { aspectOf, declareStep, differences, isAbout, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'column-identity-altered',
  title: 'a column is an identity on one side only',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live column is an identity column of another kind than declared, or none.',
    consequence: 'Inserts without a value fail, or values that the code gives are refused.',
    repair: 'Make it the declared identity, with its sequence behind the highest value.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'column', 'altered')) {
      const column = difference.declared;
      if (column === null || !isAbout(difference, 'identity')) continue;
      const { declared: wanted, live: found } = aspectOf(difference, 'identity');
      yield tell(difference, {
        aspects: ['identity'],
        message: `${difference.key} has identity ${found}, and the revisions declare ${wanted}; inserts fail or ignore the value given.`,
        remedy: declareStep(
          `Make ${difference.key} GENERATED ${(column.identity ?? 'none').toUpperCase()} AS IDENTITY`,
          [
            {
              kind: 'alterColumn',
              table: nameOfKey(difference.table),
              column: column.name,
              identity: column.identity,
              origin: column.origin ?? { revision: null, file: '', line: 0 },
            },
          ],
          'locks-or-data',
        ),
      });
    }
  },
});
