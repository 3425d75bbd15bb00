/**
 * A live trigger is another one than declared.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'trigger-altered',
  title: 'a trigger is not the declared one, or disabled',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live trigger fires at another time, calls another function, or is disabled.',
    consequence: 'What should happen on every write happens otherwise or not at all.',
    repair: 'Make it again as declared, and enable it.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'trigger', 'altered')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const aspects = difference.aspects.map((aspect) => aspect.name).join(', ');
      yield tell(difference, {
        message: `The trigger ${wanted.name} on ${difference.table} is not as declared (${aspects}).`,
        remedy: advice(`Make the trigger ${wanted.name} on ${difference.table} again as declared`, 'locks-or-data'),
      });
    }
  },
});
