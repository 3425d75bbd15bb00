/**
 * A live index has other keys, order, predicate, method or uniqueness than declared.
 */

import { createIndex } from '../model/declare.ts';
import { nameOfKey } from '../model/name.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'index-altered',
  title: 'an index is not the declared one',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem:
      'The live index of that name has other keys, order, predicate, included columns, method or uniqueness than declared.',
    consequence: 'Queries do not use it as meant; where it should be unique, duplicates come in.',
    repair: 'Create the declared one beside it, then drop the old one; on a large table CONCURRENTLY.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'index', 'altered')) {
      const index = difference.declared;
      const aspects = difference.aspects.map((aspect) => aspect.name).filter((name) => name !== 'valid');
      if (index === null || difference.live === null || aspects.length === 0) continue;
      yield tell(difference, {
        aspects,
        severity: index.unique !== difference.live.unique ? 'error' : 'warning',
        message: `The index ${difference.live.name} on ${difference.table} is not the declared one (${aspects.join(', ')}): ${difference.live.definition}, and the revisions say ${index.definition}.`,
        remedy: declareStep(
          `Replace the index ${difference.live.name} by the declared one`,
          [
            {
              kind: 'dropIndex',
              index: { schema: nameOfKey(difference.table).schema, name: difference.live.name },
              table: nameOfKey(difference.table),
              origin: index.origin ?? { revision: null, file: '', line: 0 },
            },
            createIndex(difference.table, index),
          ],
          'locks-or-data',
        ),
      });
    }
  },
});
