/**
 * Rows in SQLAlchemy's own words: what an `insert()` of constants adds, and the SQL of a plain `select()`. Null where either is
 * anything else.
 */
import { quoteIdentifier } from '../../../model/name.ts';
import { insertedRows, type KnownRow, notKnown } from '../../../sql/index.ts';
import { isObject, type Machine, type Made, plain, textOf, toItems, type Value } from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import type { Effects } from './effects.ts';
import { asMade, columnName, isColumn, tableNameOf } from './made.ts';
import { nameOf } from './read-values.ts';
import { sqlText } from './sql-text.ts';

/** The calls of a chain, `select(a).where(b)`, outermost last, and what it begins with. */
function chainOf(made: Made): { root: Made; calls: Made[] } | null {
  const calls: Made[] = [];
  let at = made;
  while (at.receiver !== null) {
    calls.unshift(at);
    const next = asMade(at.receiver);
    if (next === null) return null;
    at = next;
  }
  return { root: at, calls };
}

/** A dictionary, or a list of them. */
export function rowsGiven(machine: Machine, value: Value | undefined): KnownRow[] | null {
  const bare = plain(value ?? null);
  if (!isObject(bare)) return null;
  if (bare.kind === 'list' || bare.kind === 'tuple') {
    const rows = (toItems(machine, bare) ?? [null]).map((item) => rowsGiven(machine, item));
    return rows.some((row) => row?.length !== 1) ? null : rows.flatMap((row) => row as KnownRow[]);
  }
  if (bare.kind !== 'dict' || bare.unknown !== null) return null;
  const row: Record<string, KnownRow[string]> = {};
  for (const [key, item] of bare.map.values()) {
    const column = nameOf(key)?.name ?? columnName(key);
    if (column === null) return null;
    row[column] = constantOf(item);
  }
  return [row];
}

function constantOf(value: Value): KnownRow[string] {
  const bare = plain(value);
  const text = textOf(bare);
  if (text !== null) return text;
  return bare === null || typeof bare === 'boolean' || typeof bare === 'number' ? bare : notKnown;
}

/** `table.insert().values(…)`, with what `execute` is given beside it. */
export function insertedByCore(
  machine: Machine,
  made: Made,
  parameters: readonly (Value | undefined)[],
): KnownRow[] | null {
  const chain = chainOf(made);
  if (chain === null) return null;
  let rows: KnownRow[] | null = null;
  for (const call of chain.calls) {
    if (call.path === '.insert' || call.path === '.returning' || call.path === '.inline') continue;
    if (call.path !== '.values' || rows !== null) return null;
    const named = Object.fromEntries([...call.named].map(([name, item]) => [name, constantOf(item)]));
    rows = call.positional.length > 0 ? rowsGiven(machine, call.positional[0]) : [named];
    if (rows === null) return null;
  }
  const given = parameters.filter((each) => each !== undefined);
  if (given.length === 0) return rows;
  const added = given.length === 1 ? rowsGiven(machine, given[0]) : null;
  if (rows === null || added === null) return added;
  return rows.length === 1 ? added.map((row) => ({ ...rows[0], ...row })) : null;
}

/** Of an INSERT in SQL, by the table's columns where it names none. */
export function insertedBySql(effects: Effects, sql: string): KnownRow[] | null {
  const inserted = insertedRows(sql);
  if (inserted === null || !effects.writtenRows?.follows(inserted.table)) return null;
  const { schema } = inserted.table;
  const folder = schema ?? effects.sink.searchPath()[0] ?? 'public';
  const table = [...effects.sink.schema().tables.values()].find(
    (each) => each.namespace === folder && each.name === inserted.table.name,
  );
  const columns = inserted.columns ?? [...(table?.columns.keys() ?? [])];
  return inserted.rows.some((row) => row.length > columns.length)
    ? null
    : inserted.rows.map((row) => Object.fromEntries(row.map((value, at) => [columns[at] as string, value])));
}

const withoutEffect = new Set(['.order_by', '.execution_options', '.select']);

/** Null where it asks for more than columns of one table under conditions. */
export function selectText(machine: Machine, made: Made | null): string | null {
  const chain = made === null ? null : chainOf(made);
  if (chain === null) return null;
  const { root, calls } = chain;
  const isSelect = canonicalPath(root.path) === 'sa.select';
  const asked = isSelect ? root.positional.flatMap((each) => toItems(machine, each) ?? [each]) : [root];
  const tables = new Set<string>();
  const addTable = (owner: Made | null): boolean => {
    const name = owner === null ? null : tableNameOf(owner);
    if (name !== null)
      tables.add(`${name.schema === null ? '' : `${quoteIdentifier(name.schema)}.`}${quoteIdentifier(name.name)}`);
    return name !== null;
  };
  const columns: string[] = [];
  for (const each of asked) {
    let value = plain(each);
    const labelled = asMade(value);
    const label = labelled?.path === '.label' ? nameOf(labelled.positional[0])?.name : undefined;
    if (label !== undefined) value = plain(labelled?.receiver ?? null);
    const whole = asMade(value);
    if (whole !== null && tableNameOf(whole)) {
      addTable(whole);
      const own = whole.positional
        .slice(1)
        .filter((item) => isColumn(item) || canonicalPath(asMade(item)?.path ?? '') === 'sa.column');
      if (own.length === 0) return null;
      columns.push(...own.map((item) => quoteIdentifier(columnName(item) ?? '')));
      continue;
    }
    // `func.count()` has no column; `func.max(table.c.column)` one.
    const total = /^func\.(count|max|min)$/.exec(canonicalPath(whole?.path ?? '') ?? '')?.[1];
    if (total === 'count' && whole?.positional.length === 0) {
      columns.push('count(*)');
      continue;
    }
    const isExtreme = total !== undefined && total !== 'count';
    if (isExtreme) value = plain(whole?.positional[0] ?? null);
    const member = isObject(value) && value.kind === 'member' ? value : null;
    const holder = member === null ? null : plain(member.object);
    if (member === null || !isObject(holder) || holder.kind !== 'member' || !addTable(asMade(holder.object)))
      return null;
    const column = quoteIdentifier(member.name);
    columns.push(
      (isExtreme ? `${total}(${column})` : column) + (label === undefined ? '' : ` AS ${quoteIdentifier(label)}`),
    );
  }
  const conditions: string[] = [];
  for (const call of calls) {
    if (withoutEffect.has(call.path)) continue;
    if (call.path === '.select_from') {
      if (!addTable(asMade(call.positional[0]))) return null;
      continue;
    }
    if (call.path !== '.where' && call.path !== '.filter') return null;
    for (const condition of call.positional) {
      const text = sqlText(machine, condition);
      if (text === null) return null;
      conditions.push(`(${text})`);
    }
  }
  if (tables.size !== 1 || columns.length === 0 || (isSelect && root.named.size > 0)) return null;
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${columns.join(', ')} FROM ${[...tables][0]}${where}`;
}
