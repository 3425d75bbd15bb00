/**
 * A declared policy is not on the live table.
 */
import { createPolicy } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'policy-missing',
  title: 'a declared row security policy is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create a row security policy that the live table does not have.',
    consequence: 'Rows are visible that should not be, or none is.',
    repair: 'Create the policy again.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'policy', 'missing')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      yield tell(difference, {
        message: `${difference.table} lacks the policy ${wanted.name}; rows are shown or hidden that should not be.`,
        remedy: declareStep(
          `Create the policy ${wanted.name} on ${difference.table}`,
          [createPolicy(difference.table, wanted)],
          'additive',
        ),
      });
    }
  },
});
