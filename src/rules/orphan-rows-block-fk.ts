/**
 * Rows that a foreign key to be added or validated would refuse: with the values, and whether the seed will bring them.
 */

import type { SeedsReading } from '../model/diagnosis.ts';
import { equalsOperator } from '../model/equality.ts';
import type { Evidence } from '../model/finding.ts';
import { plainSearchPath } from '../model/lookup.ts';
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { Constraint, Reference } from '../model/schema.ts';
import { insertsOf, literalIn, rootOf } from '../model/seed-view.ts';
import { advice, defineRule, type RuleInputs, step } from './rule.ts';

interface WantedKey {
  key: string;
  table: string;
  constraint: Constraint & { references: Reference };
  targetColumns: string[];
  targetIsAbsent: boolean;
  /** The key stands NOT VALID already: new rows are refused, old ones wait. */
  stands: boolean;
}

export default defineRule({
  id: 'orphan-rows-block-fk',
  title: 'rows without a parent stand in the way of a foreign key',
  severity: 'error',
  needs: ['declared', 'live', 'drift', 'answers'],
  wants: ['seeds'],
  docs: {
    problem: 'A declared foreign key is absent or not validated, and rows point to parents that do not exist.',
    consequence: 'ADD CONSTRAINT fails on them; until then the application reads rows that lead nowhere.',
    repair:
      'Add the key NOT VALID now, so that nothing new goes wrong; bring the parents back or mend the rows; then VALIDATE. chain never deletes the rows.',
  },
  *probe({ declared, live, drift }) {
    for (const wanted of wantedKeys(declared, live, drift)) {
      const child = quoteQualified(nameOfKey(wanted.table));
      const columns = wanted.constraint.columns.map((column) => `c.${quoteIdentifier(column)}`);
      const value = columns.map((column) => `${column}::text`).join(` || ', ' || `);
      const filled = columns.map((column) => `${column} IS NOT NULL`).join(' AND ');
      const target = quoteQualified(nameOfKey(wanted.constraint.references.table));
      const match = wanted.targetColumns
        .map((column, index) => {
          const type = live.schema.tables.get(wanted.table)?.columns.get(wanted.constraint.columns[index] ?? '')?.type;
          return `p.${quoteIdentifier(column)} ${equalsOperator(type, live.schema)} ${columns[index]}`;
        })
        .join(' AND ');
      const lacks = wanted.targetIsAbsent ? '' : ` AND NOT EXISTS (SELECT 1 FROM ${target} p WHERE ${match})`;
      yield {
        key: wanted.key,
        about: `rows of ${wanted.table} without a parent in ${wanted.constraint.references.table}`,
        sql: `SELECT ${value} AS value, count(*)::text AS rows FROM ${child} c WHERE ${filled}${lacks} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 50`,
      };
    }
  },
  *check({ declared, live, drift, answers, seeds }) {
    for (const wanted of wantedKeys(declared, live, drift)) {
      const rows = answers.rows(wanted.key) ?? [];
      if (rows.length === 0) continue;
      const values = rows.map((row) => String(row.value));
      const total = rows.reduce((sum, row) => sum + Number(row.rows), 0);
      const target = wanted.constraint.references.table;
      const seeded = seededValues(seeds, declared, live, target, wanted.targetColumns);
      const isSeeded = values.every((value) => seeded.has(value));
      const evidence: Evidence[] = rows.slice(0, 10).map((row) => ({
        origin: 'data',
        text: `${wanted.constraint.columns.join(', ')} = ${row.value}: ${row.rows} ${Number(row.rows) === 1 ? 'row' : 'rows'}`,
      }));
      if (rows.length > 10)
        evidence.push({
          origin: 'data',
          text: `and ${rows.length - 10}${rows.length === 50 ? ' or more' : ''} other values`,
        });
      if (wanted.targetIsAbsent) evidence.push({ origin: 'live', text: `${target} is absent` });
      if (isSeeded) evidence.push({ origin: 'seed', text: `the seed writes all of these into ${target}` });
      yield {
        subject: { kind: 'constraint', name: wanted.key },
        severity: isSeeded || wanted.stands ? 'warning' : 'error',
        message: `${total} ${total === 1 ? 'row' : 'rows'} of ${wanted.table} point to ${target} by ${wanted.constraint.columns.join(', ')} and find nothing (${values.slice(0, 3).join('; ')}${values.length > 3 ? '; …' : ''}); ${wanted.constraint.name} cannot be valid while they stand.`,
        evidence,
        causedBy: wanted.targetIsAbsent ? [`declared-table-missing:${target}`] : [],
        remedy: isSeeded
          ? step(
              `Run the seed, which brings the parents, then VALIDATE CONSTRAINT ${quoteIdentifier(wanted.constraint.name)}`,
              'additive',
              [...seededBy(seeds, nameOfKey(target).name)].map((file) => ({ action: 'run-seed', file })),
            )
          : advice(
              `Bring the parents back or mend these rows, then VALIDATE CONSTRAINT ${quoteIdentifier(wanted.constraint.name)}; the key goes in NOT VALID until then`,
              'locks-or-data',
            ),
      };
    }
  },
});

/** Declared foreign keys that are absent or not validated, on tables and columns that are there. */
function wantedKeys(
  declared: RuleInputs['declared'],
  live: RuleInputs['live'],
  drift: RuleInputs['drift'],
): WantedKey[] {
  const found: WantedKey[] = [];
  for (const difference of drift.differences) {
    if (
      difference.kind !== 'constraint' ||
      difference.declared?.type !== 'f' ||
      difference.declared.references === null
    )
      continue;
    const isAbsent = difference.direction === 'missing';
    const waits =
      difference.direction === 'altered' &&
      difference.live?.validated === false &&
      difference.aspects.some((aspect) => aspect.name === 'validated');
    const table = live.schema.tables.get(difference.table);
    if ((!isAbsent && !waits) || !table || live.unreadableTables.has(difference.table)) continue;
    const constraint = difference.declared as WantedKey['constraint'];
    if (!constraint.columns.every((column) => table.columns.has(column))) continue;
    const target = constraint.references.table;
    const targetIsAbsent = !live.schema.tables.has(target);
    if (live.unreadableTables.has(target)) continue;
    const primary = [...(declared.schema.tables.get(target)?.constraints.values() ?? [])].find(
      (other) => other.type === 'p',
    );
    const targetColumns =
      constraint.references.columns.length > 0 ? constraint.references.columns : (primary?.columns ?? []);
    if (targetColumns.length !== constraint.columns.length) continue;
    if (!targetIsAbsent && !targetColumns.every((column) => live.schema.tables.get(target)?.columns.has(column)))
      continue;
    found.push({
      key: difference.key,
      table: difference.table,
      constraint,
      targetColumns,
      targetIsAbsent,
      stands: waits,
    });
  }
  return found;
}

function seededValues(
  seeds: RuleInputs['seeds'] | undefined,
  declared: RuleInputs['declared'],
  live: RuleInputs['live'],
  target: string,
  columns: readonly string[],
): Set<string> {
  const values = new Set<string>();
  const schema = live.schema.tables.has(target) ? live.schema : declared.heads;
  for (const insert of insertsOf(seeds?.readings ?? [], schema, plainSearchPath(live.searchPath))) {
    if (insert.table !== target) continue;
    for (const row of insert.rows) {
      const literals = columns.map((column) => literalIn(insert, row, column));
      if (literals.every((literal) => typeof literal === 'string')) values.add(literals.join(', '));
    }
  }
  return values;
}

/** Seed files that write to a table of this name. */
function seededBy(seeds: SeedsReading | undefined, table: string): Set<string> {
  const writers = (seeds?.readings ?? []).filter((reading) =>
    reading.statements.some((statement) => statement.verb === 'insert' && statement.table?.name === table),
  );
  return new Set(writers.map(rootOf));
}
