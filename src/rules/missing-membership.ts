/**
 * Rows that the seed names and that are reached only through a junction table have no row in it: users in no brand.
 * Inferred from the seed alone; rows that no seed names are nobody's business here.
 */

import { equalsOperator, isOneOf } from '../model/equality.ts';
import type { Evidence } from '../model/finding.ts';
import { plainSearchPath, primaryKeyOf, uniqueColumnsOf } from '../model/lookup.ts';
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { foreignKeysOf, insertsOf, literalIn, rootOf, type SeedInsert } from '../model/seed-view.ts';
import { defineRule, type RuleInputs, step } from './rule.ts';

interface Membership {
  junction: string;
  /** Column of the junction that names the member. */
  column: string;
  member: string;
  memberId: string;
  /** What the seed calls members by, and the values. */
  keyColumn: string;
  keys: string[];
  insert: SeedInsert;
}

export default defineRule({
  id: 'missing-membership',
  title: 'seeded rows have no place in the junction table that leads to them',
  severity: 'warning',
  needs: ['declared', 'live', 'seeds', 'answers'],
  docs: {
    problem:
      'Rows that the seed names exist, and the junction table through which the application reaches them has no row for them: a user in no brand.',
    consequence: 'Everything answers, and the user sees nothing: lists are empty although the data is there.',
    repair: 'Mend the seed so that its section for the junction table runs, and run it again.',
  },
  *probe({ declared, live, seeds }) {
    for (const membership of membershipsOf(declared, live, seeds)) {
      const member = quoteQualified(nameOfKey(membership.member));
      const typeOf = (column: string) => live.schema.tables.get(membership.member)?.columns.get(column)?.type;
      const asked = { sql: `m.${quoteIdentifier(membership.keyColumn)}`, type: typeOf(membership.keyColumn) };
      const named = isOneOf(
        [asked],
        membership.keys.map((key) => [key]),
        live.schema,
      );
      const leads = `j.${quoteIdentifier(membership.column)} ${equalsOperator(typeOf(membership.memberId), live.schema)} m.${quoteIdentifier(membership.memberId)}`;
      const junction = quoteQualified(nameOfKey(membership.junction));
      yield {
        key: keyFor(membership),
        about: `rows of ${membership.member} without a row in ${membership.junction}`,
        sql: `SELECT m.${quoteIdentifier(membership.keyColumn)}::text AS key FROM ${member} m WHERE ${named} AND NOT EXISTS (SELECT 1 FROM ${junction} j WHERE ${leads}) ORDER BY 1`,
      };
    }
  },
  *check({ declared, live, seeds, answers }) {
    const byJunction = new Map<string, { membership: Membership; keys: string[] }[]>();
    for (const membership of membershipsOf(declared, live, seeds)) {
      const keys = (answers.rows(keyFor(membership)) ?? []).map((row) => String(row.key));
      if (keys.length === 0) continue;
      byJunction.set(membership.junction, [...(byJunction.get(membership.junction) ?? []), { membership, keys }]);
    }
    for (const [junction, found] of byJunction) {
      const first = found[0];
      if (first === undefined) continue;
      const { insert } = first.membership;
      const evidence: Evidence[] = found.map(({ membership, keys }) => ({
        origin: 'data',
        text: `in ${membership.member} and not in ${junction}.${membership.column}: ${keys.slice(0, 8).join(', ')}${keys.length > 8 ? ` and ${keys.length - 8} more` : ''}`,
      }));
      evidence.push({
        origin: 'seed',
        text: `the seed would add ${insert.rows.length} rows`,
        file: insert.reading.file,
        line: insert.statement.line,
      });
      const counts = found.map(({ membership, keys }) => `${keys.length} of ${membership.member}`).join(', ');
      yield {
        subject: { kind: 'table', name: junction, file: insert.reading.file, line: insert.statement.line },
        message: `${junction} has no row for ${counts} that the seed names; the application reaches them only through it, so they see nothing.`,
        evidence,
        causedBy: [
          ...primaryAndOthers(live, junction).map((column) => `seed-not-null-unfilled:${junction}.${column}`),
          'seed-missing-relation',
          'seed-natural-key-id-mismatch',
        ],
        remedy: step(`Run the seed, which adds them: \`chain seed ${rootOf(insert.reading)}\``, 'locks-or-data', [
          { action: 'run-seed', file: rootOf(insert.reading) },
        ]),
      };
    }
  },
});

function keyFor(membership: Membership): string {
  return `${membership.junction}.${membership.column}`;
}

function primaryAndOthers(live: RuleInputs['live'], table: string): string[] {
  return [...(live.schema.tables.get(table)?.columns.keys() ?? [])];
}

function membershipsOf(
  declared: RuleInputs['declared'],
  live: RuleInputs['live'],
  seeds: RuleInputs['seeds'],
): Membership[] {
  const found: Membership[] = [];
  const inserts = insertsOf(seeds.readings, live.schema, plainSearchPath(live.searchPath));
  if (inserts.length === 0) return [];
  const keys = foreignKeysOf(live.schema, declared.heads);
  for (const insert of inserts) {
    const junction = live.schema.tables.get(insert.table);
    if (!junction) continue;
    const links = keys.filter(
      (key) =>
        key.table === insert.table && key.columns.length === 1 && insert.columns.includes(key.columns[0] as string),
    );
    const columns = new Set(links.map((link) => link.columns[0] as string));
    const pair = uniqueColumnsOf(junction).find(
      (list) => list.length === 2 && list.every((column) => columns.has(column)),
    );
    if (pair === undefined) continue;
    for (const column of pair) {
      const link = links.find((candidate) => candidate.columns[0] === column);
      const member = link && live.schema.tables.get(link.target);
      const memberId = member && primaryKeyOf(member)[0];
      if (!link || !member || memberId === undefined || primaryKeyOf(member).length !== 1) continue;
      if (found.some((other) => other.junction === insert.table && other.column === column)) continue;
      const source = inserts.find((other) => other.table === link.target && other.rows.length > 0);
      if (source === undefined) continue;
      const keyColumn = naturalKey(member, source, memberId);
      const values = source.rows.flatMap((row) => {
        const value = literalIn(source, row, keyColumn);
        return typeof value === 'string' ? [value] : [];
      });
      if (values.length === 0) continue;
      found.push({ junction: insert.table, column, member: link.target, memberId, keyColumn, keys: values, insert });
    }
  }
  return found;
}

/** What the seed knows the row by: the single-column conflict target or another unique column it fills, else its id. */
function naturalKey(member: Parameters<typeof uniqueColumnsOf>[0], source: SeedInsert, id: string): string {
  const target = source.statement.onConflict?.columns;
  if (target?.length === 1 && target[0] !== undefined) return target[0];
  const unique = uniqueColumnsOf(member).find(
    (list) => list.length === 1 && list[0] !== id && source.columns.includes(list[0] as string),
  );
  return source.columns.includes(id) ? id : (unique?.[0] ?? id);
}
