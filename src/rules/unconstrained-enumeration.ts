/**
 * A text column that is named like an enumeration, holds a handful of words in many rows, and takes any text all the same.
 * Rows decide: a column with few of them, or with other than words, is left alone.
 */
import { nameOfKey, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { Table } from '../model/schema.ts';
import { insertsOf, literalIn } from '../model/seed-view.ts';
import { advice, defineRule, type RuleInputs } from './rule.ts';

const leastRows = 50;
const mostValues = 6;
const namedLikeOne = /(?:^|_)(?:role|status|state|kind|type|level|tier|visibility|severity)$/i;

export default defineRule({
  id: 'unconstrained-enumeration',
  title: 'a column of a few known words takes any text',
  severity: 'info',
  needs: ['declared', 'live', 'answers'],
  wants: ['seeds'],
  docs: {
    problem: 'A text column (a role, a status) holds a handful of known values, and no CHECK, enum or key says which.',
    consequence: 'A misspelt value is stored without a word, and the code that compares it finds nothing.',
    repair: 'Add a CHECK as NOT VALID, then VALIDATE it; or a table of the values and a key to it.',
  },
  *probe({ declared, live }) {
    for (const { key, column } of candidates(declared, live)) {
      const name = quoteIdentifier(column);
      yield {
        key: `${key}.${column}`,
        about: `values of ${key}.${column}`,
        // Bounded: a large table is read at its beginning only, which is enough to see that a value is not one of few.
        sql: `SELECT v::text AS value, count(*)::text AS rows FROM (SELECT ${name} AS v FROM ${quoteQualified(nameOfKey(key))} LIMIT 100000) r WHERE v IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT ${mostValues + 1}`,
      };
    }
  },
  *check({ declared, live, seeds, answers }) {
    const inserts = insertsOf(seeds?.readings ?? [], live.schema, live.searchPath);
    for (const { key, column } of candidates(declared, live)) {
      const rows = answers.rows(`${key}.${column}`) ?? [];
      const found = rows.map((row) => String(row.value));
      const count = rows.reduce((sum, row) => sum + Number(row.rows), 0);
      if (found.length < 2 || found.length > mostValues || count < leastRows) continue;
      const seeded = inserts
        .filter((insert) => insert.table === key)
        .flatMap((insert) => insert.rows.map((row) => literalIn(insert, row, column)))
        .filter((value): value is string => typeof value === 'string');
      const values = [...new Set([...found, ...seeded])].sort();
      if (values.length > mostValues || !values.every((value) => /^[a-z][a-z_-]{1,30}$/i.test(value))) continue;
      const table = quoteQualified(nameOfKey(key));
      const check = `CHECK (${quoteIdentifier(column)} IN (${values.map(quoteLiteral).join(', ')}))`;
      yield {
        subject: { kind: 'column', name: `${key}.${column}` },
        certainty: 'suspected',
        message: `${key}.${column} holds ${found.length} words in ${count.toLocaleString('en')} rows and takes any text; a misspelt one is stored without a word.`,
        evidence: [{ origin: 'data', text: rows.map((row) => `${row.value}: ${row.rows}`).join(', ') }],
        remedy: advice(
          `Where these are all: ALTER TABLE ${table} ADD ${check} NOT VALID, then VALIDATE CONSTRAINT`,
          'locks-or-data',
        ),
      };
    }
  },
});

function candidates(declared: RuleInputs['declared'], live: RuleInputs['live']): { key: string; column: string }[] {
  const found: { key: string; column: string }[] = [];
  for (const [key, table] of live.schema.tables) {
    if (!declared.heads.tables.has(key) || live.unreadableTables.has(key) || table.kind === 'foreign') continue;
    for (const [name, column] of table.columns) {
      const isText = /^(?:text|character varying)\b/.test(column.type);
      if (isText && namedLikeOne.test(name) && column.generated === null && !isHeld(table, name))
        found.push({ key, column: name });
    }
  }
  return found;
}

function isHeld(table: Table, column: string): boolean {
  return [...table.constraints.values()].some(
    (constraint) =>
      constraint.columns.includes(column) || (constraint.type === 'c' && constraint.definition.includes(column)),
  );
}
