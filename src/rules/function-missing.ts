/**
 * A declared function is not in the database.
 */
import { createRoutine } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'function-missing',
  title: 'a declared function is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create a function that the database does not have.',
    consequence: 'Calls fail, triggers and defaults that use it too.',
    repair: 'Create it again from the text that the revision states.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'function', 'missing')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const operation = createRoutine(wanted);
      yield tell(difference, {
        message: `The function ${difference.key} is declared and not in the database; calls of it fail.`,
        remedy:
          operation === null
            ? advice(`Create the function ${difference.key}`, 'additive')
            : declareStep(`Create the function ${difference.key}`, [operation], 'additive'),
      });
    }
  },
});
