/**
 * A live column has another default than the revisions declare.
 */
import { nameOfKey } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { Column, Schema } from '../model/schema.ts';
import { declareStep, differences, isAbout, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'column-default-altered',
  title: 'a column has another default than declared',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live column has another default than the revisions declare, or none.',
    consequence: 'Rows that leave the column out get another value, or fail where it is NOT NULL.',
    repair: 'Set the declared default; rows that stand are not touched.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'column', 'altered')) {
      const column = difference.declared;
      if (column === null || !isAbout(difference, 'default', 'ownedSequence')) continue;
      const wanted = column.default ?? 'none';
      const found = difference.live?.default ?? 'none';
      yield tell(difference, {
        aspects: ['default', 'ownedSequence'],
        message: `${difference.key} has the default ${found}, and the revisions declare ${wanted}; rows that leave it out get another value or fail.`,
        remedy: declareStep(
          `Set the default of ${difference.key} to ${wanted}`,
          [
            ...ownSequence(column, difference.table, live.schema),
            {
              kind: 'alterColumn',
              table: nameOfKey(difference.table),
              column: column.name,
              default: column.default,
              origin: column.origin ?? { revision: null, file: '', line: 0 },
            },
          ],
          'additive',
        ),
      });
    }
  },
});

/** The sequence of a serial column: made where it is gone, and given to its column. */
function ownSequence(column: Column, table: string, live: Schema): Operation[] {
  if (column.ownedSequence === null || column.identity !== null) return [];
  const name = nameOfKey(column.ownedSequence);
  const origin = column.origin ?? { revision: null, file: '', line: 0 };
  const ownedBy = { table: nameOfKey(table), column: column.name };
  if (live.sequences.has(column.ownedSequence)) return [{ kind: 'alterSequence', name, ownedBy, origin }];
  const type = /^(?:integer|smallint)$/.test(column.type) ? { type: column.type } : {};
  return [{ kind: 'createSequence', name, ownedBy, ...type, origin }];
}
