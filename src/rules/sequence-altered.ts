/**
 * A live sequence has other properties than declared.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'sequence-altered',
  title: 'a sequence is not the declared one',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live sequence has another type, start, increment or owner than declared.',
    consequence: 'Numbers run out early or step differently.',
    repair: 'ALTER SEQUENCE to the declared form.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'sequence', 'altered')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const aspects = difference.aspects.map((aspect) => aspect.name).join(', ');
      yield tell(difference, {
        message: `The sequence ${difference.key} is not as declared (${aspects}).`,
        remedy: advice(`Bring the sequence ${difference.key} to the declared form: ${aspects}`, 'additive'),
      });
    }
  },
});
