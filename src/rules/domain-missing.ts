/**
 * A declared domain is not in the database.
 */
import { createDomain } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'domain-missing',
  title: 'a declared domain is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create a domain that the database does not have.',
    consequence: 'Columns and casts that use it fail.',
    repair: 'Create the domain.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'domain', 'missing')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      yield tell(difference, {
        message: `The domain ${difference.key} is declared and not in the database; what uses it fails.`,
        remedy: declareStep(`Create the domain ${difference.key}`, [createDomain(wanted)], 'additive'),
      });
    }
  },
});
