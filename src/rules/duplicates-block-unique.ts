/**
 * Rows that repeat what a declared key or unique constraint forbids. Lists the groups; deletes nothing.
 */
import type { Evidence } from '../model/finding.ts';
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { advice, defineRule, type RuleInputs } from './rule.ts';

export default defineRule({
  id: 'duplicates-block-unique',
  title: 'rows repeat what a unique key forbids',
  severity: 'error',
  needs: ['declared', 'live', 'drift', 'answers'],
  docs: {
    problem: 'A declared primary key, unique constraint or unique index is absent, and rows repeat its values.',
    consequence: 'It cannot be added; until then more duplicates come in, and ON CONFLICT on it fails.',
    repair: 'Look at the groups and decide which row stays; chain never deletes one by itself.',
  },
  *probe({ live, drift }) {
    for (const wanted of wantedKeys(live, drift)) {
      const columns = wanted.columns.map(quoteIdentifier);
      const value = columns.map((column) => `coalesce(${column}::text, 'NULL')`).join(` || ', ' || `);
      const filled = columns.map((column) => `${column} IS NOT NULL`).join(' AND ');
      yield {
        key: wanted.key,
        about: `duplicates in ${wanted.table} (${wanted.columns.join(', ')})`,
        sql: `SELECT ${value} AS value, count(*)::text AS rows FROM ${quoteQualified(nameOfKey(wanted.table))} WHERE ${filled}${wanted.where === null ? '' : ` AND (${wanted.where})`} GROUP BY ${columns.join(', ')} HAVING count(*) > 1 ORDER BY count(*) DESC, 1 LIMIT 20`,
      };
    }
  },
  *check({ live, drift, answers }) {
    for (const wanted of wantedKeys(live, drift)) {
      const rows = answers.rows(wanted.key) ?? [];
      if (rows.length === 0) continue;
      const evidence: Evidence[] = rows.map((row) => ({
        origin: 'data',
        text: `${wanted.columns.join(', ')} = ${row.value}: ${row.rows} rows`,
      }));
      yield {
        subject: { kind: wanted.kind, name: wanted.key },
        message: `${rows.length}${rows.length === 20 ? ' or more' : ''} ${rows.length === 1 ? 'value' : 'values'} of (${wanted.columns.join(', ')}) ${rows.length === 1 ? 'stands' : 'stand'} in several rows of ${wanted.table}; ${wanted.name} cannot be added while they do.`,
        evidence,
        causedBy: [`${wanted.kind}-missing:${wanted.key}`],
        remedy: advice(
          `Decide which row of each group in ${wanted.table} stays; nothing is deleted by itself`,
          'never-automatic',
        ),
      };
    }
  },
});

function wantedKeys(live: RuleInputs['live'], drift: RuleInputs['drift']) {
  return drift.differences.flatMap((difference) => {
    if (
      (difference.kind !== 'constraint' && difference.kind !== 'index') ||
      difference.direction !== 'missing' ||
      difference.declared === null
    )
      return [];
    const table = live.schema.tables.get(difference.table);
    if (!table || live.unreadableTables.has(difference.table)) return [];
    let columns: string[];
    let where: string | null = null;
    if (difference.kind === 'constraint') {
      if (difference.declared.type !== 'p' && difference.declared.type !== 'u') return [];
      columns = difference.declared.columns;
    } else {
      if (!difference.declared.unique || difference.declared.keys.some((key) => key.isExpression)) return [];
      columns = difference.declared.keys.map((key) => key.text);
      where = difference.declared.where;
    }
    if (columns.length === 0 || !columns.every((column) => table.columns.has(column))) return [];
    return [
      {
        key: difference.key,
        kind: difference.kind,
        table: difference.table,
        name: difference.declared.name,
        columns,
        where,
      },
    ];
  });
}
