/**
 * A live enum type has labels that nobody declares, or another order.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'enum-altered',
  title: 'an enum type has other values or another order than declared',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live enum type has labels that no revision declares, or the declared ones in another order.',
    consequence: 'Comparisons and ORDER BY on it give other results; unknown values reach the code.',
    repair: 'Declare the label in a revision; PostgreSQL can neither drop nor move one without making the type again.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'enum', 'altered')) {
      const { declared, live: found } = difference;
      if (declared === null || found === null) continue;
      const extra = found.labels.filter((label) => !declared.labels.includes(label));
      const isReordered =
        found.labels.filter((label) => !extra.includes(label)).join('\0') !==
        declared.labels.filter((label) => found.labels.includes(label)).join('\0');
      if (extra.length === 0 && !isReordered) continue;
      yield tell(difference, {
        message:
          extra.length > 0
            ? `The enum ${difference.key} has ${extra.join(', ')}, which no revision declares.`
            : `The enum ${difference.key} has its values in another order (${found.labels.join(', ')}) than declared (${declared.labels.join(', ')}); ORDER BY gives another result.`,
        remedy: advice(
          extra.length > 0
            ? `Declare ${extra.join(', ')} in a revision: ALTER TYPE ${difference.key} ADD VALUE`
            : `Make the type ${difference.key} again in the declared order, in a window`,
          'never-automatic',
        ),
      });
    }
  },
});
