/**
 * A declared trigger is not on the live table.
 */
import { createTrigger } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'trigger-missing',
  title: 'a declared trigger is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create a trigger that the live table does not have.',
    consequence: 'What it should do on every write silently does not happen.',
    repair: 'Create it again; rows written meanwhile may lack what it would have done.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'trigger', 'missing')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      yield tell(difference, {
        message: `${difference.table} lacks the trigger ${wanted.name}; what it should do on every write does not happen.`,
        remedy: declareStep(
          `Create the trigger ${wanted.name} on ${difference.table}`,
          [createTrigger(difference.table, wanted)],
          'additive',
        ),
      });
    }
  },
});
