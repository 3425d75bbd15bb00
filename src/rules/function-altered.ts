/**
 * A live function has another text than declared.
 */
import { createRoutine } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'function-altered',
  title: 'a function is not the declared one',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live function has another body, result or volatility than the revisions declare.',
    consequence: 'It does something else than the code was written for.',
    repair: 'CREATE OR REPLACE it with the declared text.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'function', 'altered')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const aspects = difference.aspects.map((aspect) => aspect.name).join(', ');
      const operation = createRoutine(wanted, true);
      yield tell(difference, {
        message: `The function ${difference.key} is not the declared one (${aspects}).`,
        remedy:
          operation === null
            ? advice(`Replace the function ${difference.key} by the declared one`, 'locks-or-data')
            : declareStep(`Replace the function ${difference.key} by the declared one`, [operation], 'locks-or-data'),
      });
    }
  },
});
