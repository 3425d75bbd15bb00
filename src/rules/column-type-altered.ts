/**
 * A live column is of another type than the revisions declare.
 */
import { nameOfKey, quoteIdentifier } from '../model/name.ts';
import type { Column } from '../model/schema.ts';
import { aspectOf, declareStep, differences, isAbout, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'column-type-altered',
  title: 'a column has another type than declared',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live column is of another type (or length, precision, time zone) than the revisions declare.',
    consequence: 'Values that the code writes are refused, cut or converted, and comparisons take another meaning.',
    repair:
      'Change the type to the declared one. PostgreSQL rewrites the table where the stored form differs, and values may be rounded or moved to another time zone: both ask for consent.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'column', 'altered')) {
      const column = difference.declared;
      if (column === null || !isAbout(difference, 'type', 'collation')) continue;
      const { declared: wanted, live: found } = aspectOf(difference, 'type');
      yield tell(difference, {
        aspects: ['type', 'collation'],
        message: `${difference.key} is ${found}, and the revisions declare ${wanted}; values are converted or refused.`,
        remedy: declareStep(
          `Change ${difference.key} to ${column.type}`,
          [
            {
              kind: 'alterColumn',
              table: nameOfKey(difference.table),
              column: column.name,
              type: column.type,
              ...usingOf(column, difference.live),
              origin: column.origin ?? { revision: null, file: '', line: 0 },
            },
          ],
          'locks-or-data',
        ),
      });
    }
  },
});

/**
 * Text becomes another type only where it is asked for (pg_cast has no assignment cast from it); other conversions are left
 * to PostgreSQL, which refuses what an explicit cast would cut.
 */
function usingOf(wanted: Column, found: Column | null): { using?: string } {
  const isText = (type: string) => /^(?:text|character|citext)/.test(type) && !type.endsWith('[]');
  if (found === null || !isText(found.type) || isText(wanted.type)) return {};
  return { using: `${quoteIdentifier(wanted.name)}::${wanted.type}` };
}
