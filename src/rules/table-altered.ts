/**
 * A live table differs as a whole from the declared one.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'table-altered',
  title: 'a table is of another kind than declared',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem:
      'The live table differs from the declared one as a whole: its kind, partitioning, persistence or row security.',
    consequence: 'It is lost on a crash (unlogged), split otherwise, or shows rows that it should hide.',
    repair: 'ALTER TABLE to the declared form; partitioning needs the table made again.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'table', 'altered')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const aspects = difference.aspects.map((aspect) => aspect.name).join(', ');
      yield tell(difference, {
        message: `${difference.key} is not as declared (${aspects}).`,
        remedy: advice(`Bring ${difference.key} to the declared form: ${aspects}`, 'locks-or-data'),
      });
    }
  },
});
