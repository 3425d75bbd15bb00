/**
 * A live column allows NULL where the revisions do not, or the reverse.
 */
import { nameOfKey } from '../model/name.ts';
import { declareStep, differences, isAbout, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'column-nullability-altered',
  title: 'a column may be NULL and should not, or the reverse',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live column allows NULL where the revisions say NOT NULL, or forbids it where they do not.',
    consequence: 'NULLs come in that the code does not expect, or rows that the code writes are refused.',
    repair: 'Set it as declared; SET NOT NULL only once no row holds NULL.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'column', 'altered')) {
      const column = difference.declared;
      if (column === null || !isAbout(difference, 'notNull')) continue;
      yield tell(difference, {
        aspects: ['notNull'],
        message: `${difference.key} ${column.notNull ? 'allows NULL, and the revisions declare NOT NULL' : 'is NOT NULL, and the revisions allow NULL'}; ${column.notNull ? 'NULLs can come in that the code does not expect' : 'rows that the code writes are refused'}.`,
        remedy: declareStep(
          `${column.notNull ? 'Set' : 'Drop'} NOT NULL on ${difference.key}`,
          [
            {
              kind: 'alterColumn',
              table: nameOfKey(difference.table),
              column: column.name,
              notNull: column.notNull,
              origin: column.origin ?? { revision: null, file: '', line: 0 },
            },
          ],
          column.notNull ? 'locks-or-data' : 'additive',
        ),
      });
    }
  },
});
