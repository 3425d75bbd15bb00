/**
 * NOT NULL is declared and rows stand in its way: a column to add without a default, or NULLs in one that is there.
 */
import { isConstant } from '../model/expression.ts';
import type { Remedy } from '../model/finding.ts';
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { Certainty } from '../model/schema.ts';
import { advice, defineRule, type RuleInputs, step } from './rule.ts';

export default defineRule({
  id: 'not-null-on-populated',
  title: 'rows stand in the way of a NOT NULL',
  severity: 'error',
  needs: ['declared', 'live', 'drift', 'answers'],
  docs: {
    problem:
      'A declared column is NOT NULL without a default and has to be added to a table that has rows, or rows hold NULL in it.',
    consequence: 'ALTER TABLE fails on them; what works on an empty database fails in production.',
    repair:
      'In three steps: add the column allowing NULL, fill it, then SET NOT NULL. NULLs of a column that is there are filled with its declared default where that is a constant and `--allow changes-rows` asks for it; undo makes them NULL again. Other values nobody but its owner knows.',
  },
  *probe({ live, drift }) {
    for (const wanted of wantedColumns(live, drift)) {
      const table = quoteQualified(nameOfKey(wanted.table));
      const where = wanted.isNew ? '' : ` WHERE ${quoteIdentifier(wanted.column)} IS NULL`;
      yield {
        key: wanted.key,
        about: `rows of ${wanted.table}`,
        sql: `SELECT count(*)::text AS rows FROM (SELECT 1 FROM ${table}${where} LIMIT 100000) r`,
      };
    }
  },
  *check({ live, drift, answers }) {
    for (const wanted of wantedColumns(live, drift)) {
      const rows = Number(answers.rows(wanted.key)?.[0]?.rows ?? 0);
      if (rows === 0) continue;
      const shown = rows >= 100_000 ? '100,000 or more' : String(rows);
      yield {
        subject: { kind: 'column', name: wanted.key },
        certainty: wanted.certainty,
        severity: wanted.certainty === 'suspected' ? 'warning' : 'error',
        message: wanted.isNew
          ? `${wanted.key} is declared NOT NULL without a default, and ${wanted.table} has ${shown} rows; it cannot be added as it is.`
          : `${shown} rows of ${wanted.table} hold NULL in ${wanted.column}, which the revisions declare NOT NULL; SET NOT NULL fails on them.`,
        evidence: [{ origin: 'data', text: `${shown} ${wanted.isNew ? 'rows' : 'NULLs'} in ${wanted.table}` }],
        causedBy: wanted.isNew
          ? [`declared-column-missing:${wanted.key}`, `if-not-exists-shape-mismatch:${wanted.table}`]
          : [`column-nullability-altered:${wanted.key}`],
        remedy: remedyFor(wanted, shown),
      };
    }
  },
});

/** A value is taken from the revisions alone, and rows are told apart by their key, so that undo finds them again. */
function remedyFor({ key, table, column, fallback, hasKey, certainty }: Wanted, shown: string): Remedy {
  if (fallback !== null && isConstant(fallback) && hasKey && certainty === 'proven') {
    return step(
      `Fill the ${shown} NULLs of ${key} with its declared default ${fallback} and SET NOT NULL: --allow changes-rows asks for it`,
      'locks-or-data',
      [{ action: 'fill-nulls', table, column, value: fallback }],
    );
  }
  return advice(
    `Fill ${key}, then ALTER TABLE ${quoteQualified(nameOfKey(table))} ALTER COLUMN ${quoteIdentifier(column)} SET NOT NULL`,
    'locks-or-data',
  );
}

interface Wanted {
  key: string;
  table: string;
  column: string;
  isNew: boolean;
  /** The declared default of a column that is there. */
  fallback: string | null;
  hasKey: boolean;
  certainty: Certainty;
}

function wantedColumns(live: RuleInputs['live'], drift: RuleInputs['drift']): Wanted[] {
  return drift.differences.flatMap((difference) => {
    if (
      difference.kind !== 'column' ||
      difference.declared?.notNull !== true ||
      !live.schema.tables.has(difference.table) ||
      live.unreadableTables.has(difference.table)
    )
      return [];
    const column = difference.declared;
    const isBare =
      column.default === null && column.identity === null && column.generated === null && column.ownedSequence === null;
    const isNew = difference.direction === 'missing' && isBare;
    const hasNulls =
      difference.direction === 'altered' &&
      difference.live?.notNull === false &&
      difference.aspects.some((aspect) => aspect.name === 'notNull');
    if (!isNew && !hasNulls) return [];
    const { key, table, certainty } = difference;
    const constraints = [...(live.schema.tables.get(table)?.constraints.values() ?? [])];
    const hasKey = constraints.some(({ type }) => type === 'p');
    const fallback = isNew ? null : column.default;
    return [{ key, table, column: column.name, isNew, fallback, hasKey, certainty }];
  });
}
