/**
 * A key, foreign key, unique or check that the revisions declare is not on the live table, under any name.
 */
import { addConstraint } from '../model/declare.ts';
import type { Evidence, Severity } from '../model/finding.ts';
import type { Constraint } from '../model/schema.ts';
import { causesOf } from './drift-finding.ts';
import { defineRule, step } from './rule.ts';

const words: Record<Constraint['type'], string> = {
  p: 'primary key',
  u: 'unique constraint',
  f: 'foreign key',
  c: 'check',
  x: 'exclusion constraint',
};

const costs: Record<Constraint['type'], string> = {
  p: 'rows can repeat and nothing can reference them',
  u: 'duplicates can come in, and ON CONFLICT on its columns fails',
  f: 'rows can point to nothing',
  c: 'values that it forbids can come in',
  x: 'overlaps that it forbids can come in',
};

export default defineRule({
  id: 'constraint-missing',
  title: 'a declared constraint is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem:
      'The revisions declare a primary key, unique constraint, foreign key or check that the live table has under no name.',
    consequence:
      'The database no longer keeps what the code relies on: rows that point to nothing, duplicates, forbidden values.',
    repair:
      'Add it as declared: foreign keys and checks NOT VALID first and validated once no row contradicts them; a unique key only after the rows were looked at.',
  },
  *check({ declared, live, drift }) {
    for (const difference of drift.differences) {
      if (difference.kind !== 'constraint' || difference.direction !== 'missing' || difference.declared === null)
        continue;
      if (!live.schema.tables.has(difference.table)) continue;
      const constraint = difference.declared;
      const origin = difference.origin ?? constraint.origin ?? null;
      const severity: Severity = difference.certainty === 'suspected' || constraint.type === 'c' ? 'warning' : 'error';
      const evidence: Evidence[] = [];
      if (origin !== null)
        evidence.push({
          origin: 'declared',
          text: `declared by ${origin.revision ?? 'a revision'} at ${origin.file}:${origin.line}: ${constraint.definition}`,
          file: origin.file,
          line: origin.line,
        });
      evidence.push({
        origin: 'live',
        text: `${difference.table} has no ${words[constraint.type]} on (${constraint.columns.join(', ')})`,
      });
      const target = constraint.references?.table;
      const targetIsAbsent = target !== undefined && !live.schema.tables.has(target);
      if (targetIsAbsent) evidence.push({ origin: 'live', text: `${target} is absent, so the key cannot exist` });
      yield {
        subject: {
          kind: 'constraint',
          name: difference.key,
          ...(origin?.revision ? { revision: origin.revision } : {}),
          ...(origin ? { file: origin.file, line: origin.line } : {}),
        },
        severity,
        certainty: difference.certainty,
        message: `${difference.table} lacks the ${words[constraint.type]} ${constraint.name} (${constraint.definition}); ${costs[constraint.type]}.`,
        evidence,
        causedBy: [
          ...(targetIsAbsent ? [`declared-table-missing:${target}`] : []),
          ...causesOf(difference),
          ...missingColumns(declared.schema, live.schema, difference.table, constraint),
        ],
        remedy: step(
          constraint.type === 'f' || constraint.type === 'c'
            ? `Add ${constraint.name} to ${difference.table} NOT VALID, and validate it once no row contradicts it`
            : `Add ${constraint.name} to ${difference.table} once no rows repeat`,
          'additive',
          [
            {
              action: 'declare-constraint',
              operation: addConstraint(difference.table, constraint),
              table: difference.table,
              constraint: constraint.name,
            },
          ],
        ),
      };
    }
  },
});

function missingColumns(
  declared: { tables: ReadonlyMap<string, { columns: ReadonlyMap<string, unknown> }> },
  live: { tables: ReadonlyMap<string, { columns: ReadonlyMap<string, unknown> }> },
  table: string,
  constraint: Constraint,
): string[] {
  const columns = live.tables.get(table)?.columns;
  return constraint.columns
    .filter((column) => declared.tables.get(table)?.columns.has(column) && !columns?.has(column))
    .flatMap((column) => [`declared-column-missing:${table}.${column}`, `if-not-exists-shape-mismatch:${table}`]);
}
