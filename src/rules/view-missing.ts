/**
 * A declared view is not in the database.
 */
import { createView } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'view-missing',
  title: 'a declared view is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create a view that the database does not have.',
    consequence: 'Queries on it fail.',
    repair: 'Create it again from the text that the revision states.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'view', 'missing')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      yield tell(difference, {
        message: `The ${wanted.kind} ${difference.key} is declared and not in the database; queries on it fail.`,
        remedy: declareStep(`Create the ${wanted.kind} ${difference.key}`, [createView(wanted)], 'additive'),
      });
    }
  },
});
