/**
 * A live view has another text than declared.
 */
import { createView } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'view-altered',
  title: 'a view is not the declared one',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live view has another text or other columns than the revisions declare.',
    consequence: 'Queries give other results than the code was written for.',
    repair: 'Replace it by the declared one; dependent views may have to be made again.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'view', 'altered')) {
      const wanted = difference.declared;
      if (wanted === null) continue;
      const aspects = difference.aspects.map((aspect) => aspect.name).join(', ');
      yield tell(difference, {
        message: `The ${wanted.kind} ${difference.key} is not the declared one (${aspects}); queries give other results.`,
        remedy:
          wanted.kind === 'view'
            ? declareStep(
                `Replace the view ${difference.key} by the declared one`,
                [createView(wanted, true)],
                'locks-or-data',
              )
            : advice(`Make the materialized view ${difference.key} again from the declared text`, 'locks-or-data'),
      });
    }
  },
});
