/**
 * A live column is an identity of another kind than declared.
 */

import type { Difference } from '../model/drift.ts';
import { nameOfKey } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { Column } from '../model/schema.ts';
import { aspectOf, declareStep, differences, isAbout, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

type Altered = Extract<Difference, { kind: 'column' }>;

export default defineRule({
  id: 'column-identity-altered',
  title: 'a column is an identity on one side only',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live column is an identity column of another kind than declared, or none.',
    consequence: 'Inserts without a value fail, or values that the code gives are refused.',
    repair: 'Make it the declared identity, with its sequence behind the highest value.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'column', 'altered')) {
      const column = difference.declared;
      if (column === null || !isAbout(difference, 'identity')) continue;
      const { declared: wanted, live: found } = aspectOf(difference, 'identity');
      yield tell(difference, {
        aspects: ['identity'],
        message: `${difference.key} has identity ${found}, and the revisions declare ${wanted}; inserts fail or ignore the value given.`,
        remedy: declareStep(
          `Make ${difference.key} GENERATED ${(column.identity ?? 'none').toUpperCase()} AS IDENTITY`,
          identityOf(difference, column),
          'locks-or-data',
        ),
      });
    }
  },
});

/** ADD GENERATED takes a column without a default and with NOT NULL alone (ATExecAddIdentity). */
function identityOf(difference: Altered, column: Column): Operation[] {
  const { live, table } = difference;
  const alter = (change: Partial<Extract<Operation, { kind: 'alterColumn' }>>): Operation => ({
    kind: 'alterColumn',
    table: nameOfKey(table),
    column: column.name,
    ...change,
    origin: column.origin ?? { revision: null, file: '', line: 0 },
  });
  const isAdded = column.identity !== null && live?.identity === null;
  return [
    ...(isAdded && live.default !== null ? [alter({ default: null })] : []),
    ...(isAdded && !live.notNull ? [alter({ notNull: true })] : []),
    alter({ identity: column.identity, ...(column.identity !== null && !isAdded ? { hasIdentity: true } : {}) }),
  ];
}
