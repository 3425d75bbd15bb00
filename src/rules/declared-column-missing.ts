/**
 * A declared column is not in the live table. Columns under one IF NOT EXISTS are that rule's one finding.
 */

import { addColumn, createEnum, enumsOf } from '../model/declare.ts';
import { keyOf } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { Column, Schema } from '../model/schema.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { shortTables } from './if-not-exists-shape-mismatch.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'declared-column-missing',
  title: 'a column that an applied revision adds is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'A revision that the database has passed adds a column, and the live table does not have it.',
    consequence:
      'Every statement that names the column fails, and no upgrade will add it: Alembic counts the revision as done.',
    repair:
      'Add the column with its declared type and default; a NOT NULL without a default waits until every row has a value.',
  },
  *check({ declared, live, drift }) {
    const short = shortTables(declared, live, drift);
    for (const difference of differences({ live, drift }, 'column', 'missing')) {
      const column = difference.declared;
      if (column === null) continue;
      if (short.get(difference.table)?.columns.some((other) => other.name === column.name)) continue;
      const isBare =
        column.notNull && column.default === null && column.identity === null && column.ownedSequence === null;
      yield tell(difference, {
        message: `${difference.table} lacks the column ${column.name} (${column.type}${column.notNull ? ' NOT NULL' : ''}), which ${difference.origin?.revision ?? 'a revision'} adds and this database has passed; every statement that names it fails.`,
        remedy: declareStep(
          `Add ${column.name} ${column.type} to ${difference.table}`,
          [...enumsMissing(column, declared.schema, live.schema), addColumn(difference.table, column, declared.schema)],
          isBare ? 'locks-or-data' : 'additive',
        ),
      });
    }
  },
});

/** Enum types that the column is of and that the database lacks. */
function enumsMissing(column: Column, declared: Schema, live: Schema): Operation[] {
  return enumsOf([column], declared)
    .filter((type) => !live.enums.has(keyOf(type.namespace, type.name)))
    .map(createEnum);
}
