/**
 * A live policy is another one than declared.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'policy-altered',
  title: 'a row security policy is not the declared one',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live row security policy has another condition, command or roles than declared.',
    consequence: 'Rows are visible or writable that should not be.',
    repair: 'Make it again as declared.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'policy', 'altered')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const aspects = difference.aspects.map((aspect) => aspect.name).join(', ');
      yield tell(difference, {
        message: `The policy ${wanted.name} on ${difference.table} is not as declared (${aspects}).`,
        remedy: advice(`Make the policy ${wanted.name} on ${difference.table} again as declared`, 'locks-or-data'),
      });
    }
  },
});
