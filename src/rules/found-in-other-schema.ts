/**
 * The right name in the wrong schema: a search_path to mend, no table to create.
 */
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'found-in-other-schema',
  title: 'a declared object is there, in another schema',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The object that the revisions declare exists under the same name in another schema.',
    consequence: 'Unqualified statements do not find it, and creating it anew would make two of them.',
    repair: 'Mend the search_path or the schema in env.py, or move it with ALTER … SET SCHEMA; never create it again.',
  },
  *check({ live, drift }) {
    for (const difference of drift.differences) {
      if (difference.direction !== 'elsewhere') continue;
      const found = difference.liveName ?? 'another schema';
      const namespace = nameOfKey(found).schema ?? '';
      yield tell(difference, {
        evidence: [
          { origin: 'live', text: `there is ${found}` },
          { origin: 'live', text: `the search_path is ${live.searchPath.join(', ')}` },
        ],
        message: `${difference.key} is not there, but ${found} is: the search_path (${live.searchPath.join(', ')}) or the schema in env.py is another one than the table was made under.`,
        remedy: advice(
          difference.kind === 'table' && namespace !== ''
            ? `Set search_path to include ${namespace}, or move it: ALTER TABLE ${quoteQualified(nameOfKey(found))} SET SCHEMA ${quoteIdentifier(nameOfKey(difference.key).schema ?? 'public')}`
            : `Set the search_path or the schema so that ${found} is found as ${difference.key}`,
        ),
      });
    }
  },
});
