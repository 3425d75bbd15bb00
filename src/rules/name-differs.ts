/**
 * A constraint, index, trigger or policy of the same meaning under another name.
 */
import type { Difference } from '../model/drift.ts';
import { tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'name-differs',
  title: 'a constraint, index, trigger or policy has another name than declared',
  severity: 'info',
  needs: ['drift'],
  docs: {
    problem:
      'The database has a constraint, index, trigger or policy that means the same as the declared one, under another name.',
    consequence: 'Nothing breaks by itself; a later revision that drops or alters it by name will fail.',
    repair: 'ALTER … RENAME it, or leave it.',
  },
  *check({ drift }) {
    for (const difference of drift.differences) {
      if (difference.direction !== 'renamed' || !isNameOnly(difference.kind)) continue;
      yield tell(difference, {
        severity: 'info',
        message: `${difference.key} stands as ${difference.liveName ?? 'another name'}: the same meaning under another name; a revision that names it will not find it.`,
        remedy: advice(
          `Rename ${difference.liveName ?? 'it'} to ${difference.key.slice(('table' in difference ? difference.table.length : -1) + 1)}`,
          'additive',
        ),
      });
    }
  },
});

/** What no statement of an application names. */
export function isNameOnly(kind: Difference['kind']): boolean {
  return kind === 'constraint' || kind === 'index' || kind === 'trigger' || kind === 'policy';
}
