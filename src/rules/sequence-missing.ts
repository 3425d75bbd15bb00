/**
 * A declared sequence is not in the database.
 */
import { createSequence } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'sequence-missing',
  title: 'a declared sequence is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create a sequence that the database does not have.',
    consequence: 'nextval() on it fails, and with it every INSERT that takes its default from it.',
    repair: 'Create the sequence, and set it behind the highest value in use.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'sequence', 'missing')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      yield tell(difference, {
        message: `The sequence ${difference.key} is declared and not in the database; nextval() on it fails.`,
        remedy: declareStep(`Create the sequence ${difference.key}`, [createSequence(wanted)], 'additive'),
      });
    }
  },
});
