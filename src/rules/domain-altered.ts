/**
 * A live domain is another one than declared.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'domain-altered',
  title: 'a domain is not the declared one',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live domain has another base type, default or check than declared.',
    consequence: 'Values are accepted or refused otherwise than the code expects.',
    repair: 'ALTER DOMAIN to the declared form.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'domain', 'altered')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const aspects = difference.aspects.map((aspect) => aspect.name).join(', ');
      yield tell(difference, {
        message: `The domain ${difference.key} is not as declared (${aspects}).`,
        remedy: advice(`Bring the domain ${difference.key} to the declared form: ${aspects}`, 'locks-or-data'),
      });
    }
  },
});
