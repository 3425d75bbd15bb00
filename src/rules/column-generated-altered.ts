/**
 * A live generated column has another expression than declared, or none.
 */
import { aspectOf, differences, isAbout, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'column-generated-altered',
  title: 'a generated column has another expression than declared',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem:
      'The live column is generated from another expression than the revisions declare, or not generated at all.',
    consequence: 'Reads give other values than the code was written for.',
    repair:
      'PostgreSQL cannot change a stored expression in place: the column is dropped and added again, which rewrites the table.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'column', 'altered')) {
      if (!isAbout(difference, 'generated', 'stored')) continue;
      const { declared: wanted, live: found } = aspectOf(difference, 'generated');
      yield tell(difference, {
        aspects: ['generated', 'stored'],
        message: `${difference.key} is generated as ${found}, and the revisions declare ${wanted}; reads give other values.`,
        remedy: advice(
          `Drop ${difference.key} and add it again as ${wanted}, in a window: the table is rewritten`,
          'locks-or-data',
        ),
      });
    }
  },
});
