/**
 * Expectations: a query and its required answer. Those of the settings, and those that a seed implies: its rows are there by
 * their keys, and what it links is reached through its junction tables. Refuses to change anything.
 */

import { isSameSet, primaryKeyOf, uniqueColumnsOf } from '../model/lookup.ts';
import { compareText, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { Table } from '../model/schema.ts';
import type { SeedReading, SeedStatement, SeedValue } from '../model/seed.ts';
import { columnsOf, type SeedWorld, splitKey, tableOf } from './identities.ts';

export interface SeedExpectation {
  name: string;
  /** `rows` are there by their keys · `reach` the other ends of a junction table's rows are there too. */
  kind: 'rows' | 'reach';
  /** `schema.table` */
  table: string;
  /** One row, one column `count`. */
  sql: string;
  expected: number;
  file: string;
  line: number;
}

/** What the seed promises: one expectation a table for its rows, one a junction table for what it joins. */
export function deriveExpectations(reading: SeedReading, world: SeedWorld): SeedExpectation[] {
  const lookups = lookupsOf(reading, world);
  const byTable = new Map<string, { table: Table; columns: string[]; keys: Map<string, string[]>; line: number }>();
  for (const statement of reading.statements) {
    if (!statement.rows || (statement.verb !== 'insert' && statement.verb !== 'copy')) continue;
    if (statement.guards.some((guard) => guard.table !== null && guard.skipsSilently)) continue;
    const target = tableOf(world, statement);
    if (!target) continue;
    const columns = columnsOf(statement, target.table);
    const key = keyColumns(statement, target.table, columns);
    if (!key) continue;
    const own = byTable.get(target.key) ?? {
      table: target.table,
      columns: key,
      keys: new Map<string, string[]>(),
      line: statement.line,
    };
    if (!isSameSet(own.columns, key)) continue;
    for (const row of statement.rows) {
      const texts = own.columns.map((column) => sqlOf(row.values[columns.indexOf(column)], lookups, statement));
      if (texts.every((text): text is string => text !== null)) own.keys.set(texts.join('\0'), texts);
    }
    if (own.keys.size > 0) byTable.set(target.key, own);
  }
  const found: SeedExpectation[] = [];
  for (const [key, { table, columns, keys, line }] of [...byTable].sort(([a], [b]) => compareText(a, b))) {
    const names = columns.map((column) => `t.${quoteIdentifier(column)}`);
    const condition =
      names.length === 1
        ? `${names[0]} IN (${[...keys.values()].map(([text]) => text).join(', ')})`
        : `(${[...keys.values()].map((texts) => `(${names.map((name, i) => `${name} = ${texts[i]}`).join(' AND ')})`).join(' OR ')})`;
    const [schema, name] = splitKey(key);
    const from = quoteQualified({ schema, name });
    found.push({
      name: `rows of ${key} by ${columns.join(', ')}`,
      kind: 'rows',
      table: key,
      expected: keys.size,
      file: reading.file,
      line,
      sql: `SELECT count(*) AS count FROM ${from} t WHERE ${condition}`,
    });
    const ends = junctionEnds(world, key, table);
    if (ends.length < 2) continue;
    const joins = ends.map(
      (end, i) =>
        `JOIN ${quoteQualified(end.name)} p${i} ON ${end.columns.map((column, at) => `p${i}.${quoteIdentifier(end.targets[at] as string)} = t.${quoteIdentifier(column)}`).join(' AND ')}`,
    );
    found.push({
      name: `${ends.map((end) => end.name.name).join(' and ')} joined by ${key}`,
      kind: 'reach',
      table: key,
      expected: keys.size,
      file: reading.file,
      line,
      sql: `SELECT count(*) AS count FROM ${from} t ${joins.join(' ')} WHERE ${condition}`,
    });
  }
  return found;
}

/** The conflict target where it names columns, else the primary key, else a unique key whose values the rows give. */
function keyColumns(statement: SeedStatement, table: Table, columns: readonly string[]): string[] | null {
  const target = statement.onConflict?.columns;
  if (target && !target.includes('(expression)') && target.every((column) => columns.includes(column))) return target;
  const named = statement.onConflict?.constraint
    ? table.constraints.get(statement.onConflict.constraint)?.columns
    : undefined;
  const candidates = [...(named ? [named] : []), primaryKeyOf(table), ...uniqueColumnsOf(table)];
  return (
    candidates.find((candidate) => candidate.length > 0 && candidate.every((column) => columns.includes(column))) ??
    null
  );
}

interface JunctionEnd {
  name: { schema: string; name: string };
  columns: string[];
  targets: string[];
}

/** Foreign keys to different tables that together are (part of) a key: what makes a table a junction. */
function junctionEnds(world: SeedWorld, key: string, table: Table): JunctionEnd[] {
  const ends: JunctionEnd[] = [];
  for (const schema of world.schemas) {
    for (const constraint of schema.tables.get(key)?.constraints.values() ?? []) {
      if (!constraint.references || constraint.references.table === key) continue;
      const [namespace, name] = splitKey(constraint.references.table);
      const target = world.schemas
        .map((each) => each.tables.get(constraint.references?.table ?? ''))
        .find((each) => each !== undefined);
      const targets =
        constraint.references.columns.length > 0 ? constraint.references.columns : target ? primaryKeyOf(target) : [];
      if (targets.length !== constraint.columns.length) continue;
      if (!ends.some((end) => isSameSet(end.columns, constraint.columns)))
        ends.push({ name: { schema: namespace, name }, columns: constraint.columns, targets });
    }
  }
  const unique = uniqueColumnsOf(table).find(
    (columns) =>
      columns.length > 1 && ends.filter((end) => end.columns.every((column) => columns.includes(column))).length > 1,
  );
  return unique ? ends.filter((end) => end.columns.every((column) => unique.includes(column))) : [];
}

/** What fills a variable: `SELECT id INTO v FROM users WHERE email = '…'` as a sub-select. */
function lookupsOf(reading: SeedReading, world: SeedWorld): Map<string, string> {
  const lookups = new Map<string, string>();
  for (const statement of reading.statements) {
    if (statement.verb !== 'select' || statement.returningInto.length !== 1) continue;
    const conditions = (statement.comparisons ?? []).filter(
      ({ value }) => value.kind === 'literal' && value.value !== null,
    );
    const { column, variable } = statement.returningInto[0] as { column: string; variable: string };
    const table = conditions[0]?.table ?? null;
    if (!table || conditions.length === 0) continue;
    // Out of a CTE that upserts: the rows are those of its table.
    const written = reading.statements.find(
      (each) =>
        each !== statement &&
        each.verb === 'insert' &&
        each.span.from >= statement.span.from &&
        each.span.to <= statement.span.to,
    );
    const known = tableOf(world, { ...statement, table }) ? table : (written?.table ?? null);
    if (!known) continue;
    const where = conditions
      .map((each) => `${quoteIdentifier(each.column)} = ${quoteLiteral((each.value as { value: string }).value)}`)
      .join(' AND ');
    lookups.set(variable, `(SELECT ${quoteIdentifier(column)} FROM ${quoteQualified(known)} WHERE ${where})`);
  }
  return lookups;
}

function sqlOf(
  value: SeedValue | undefined,
  lookups: ReadonlyMap<string, string>,
  statement: SeedStatement,
): string | null {
  if (value?.kind === 'literal')
    return value.value === null
      ? null
      : `${quoteLiteral(value.value)}${value.type === null || statement.verb === 'copy' ? '' : `::${value.type}`}`;
  if (value?.kind === 'variable') return lookups.get(value.name) ?? null;
  if (value?.kind === 'expression' && /^\(\s*select\b/i.test(value.sql) && !value.volatile) return value.sql;
  return null;
}
