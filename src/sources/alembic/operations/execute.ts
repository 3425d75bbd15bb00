/**
 * `op.execute`, `connection.execute` and their kin: texts go to PostgreSQL's own parser, Core statements become rows that are
 * touched, DDL constructs the operations they stand for.
 * Longer than most files here: every form in which a statement can be handed over is told from the others in one place.
 */
import type { QualifiedName } from '../../../model/name.ts';
import type { Operation } from '../../../model/operation.ts';
import type { KnownRow } from '../../../sql/index.ts';
import {
  type Arguments,
  assumed,
  binary,
  callValue,
  conditionOf,
  describe,
  findInClass,
  hole,
  isObject,
  isUnknown,
  type Machine,
  type Made,
  newDict,
  newMade,
  partialOf,
  plain,
  reasonOf,
  textOf,
  toItems,
  unknown,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { insertedByCore, insertedBySql, selectText } from './core-rows.ts';
import { ddlConstruct } from './ddl-constructs.ts';
import { composedText } from './driver-sql.ts';
import { type Effects, emit, hand, objectsOf, opaque, placeOf } from './effects.ts';
import { handle } from './handles.ts';
import { asMade, tableNameOf } from './made.ts';
import { answerQuery, askWritten, emptyCondition, rowsWith } from './queries.ts';
import { argument } from './read-values.ts';
import { literalText, textBody } from './sql-text.ts';
import { maxRows } from './written-rows.ts';

const bindPattern = /(?<![:\w\\])(:)(\w+)(?!:)/g;

/** `('a', 'b')` for a list, the literal for anything else; null for what is not known. */
function boundText(machine: Machine, value: Value): string | null {
  const bare = plain(value);
  if (isObject(bare) && (bare.kind === 'list' || bare.kind === 'tuple' || bare.kind === 'set')) {
    const parts = (toItems(machine, bare) ?? []).map(literalText);
    return parts.length === 0 || parts.includes(null) ? '(NULL)' : `(${parts.join(', ')})`;
  }
  return literalText(bare);
}

/** Stands behind a NULL in the place of a value that is not known, so that the statements without one are believed. */
const unbound = '/* unbound */';

/** Puts literal values in the place of `:name`; what is not known becomes NULL, which only data statements may keep. */
function bindNames(
  machine: Machine,
  text: string,
  values: ReadonlyMap<string, Value>,
): { text: string; isWhole: boolean } {
  let isWhole = true;
  const bound = text.replace(bindPattern, (_whole, _colon: string, name: string, at: number) => {
    const value = values.get(name);
    const literal = value === undefined ? null : boundText(machine, value);
    if (literal !== null) return literal;
    isWhole = false;
    return `${/\bIN\s*$/i.test(text.slice(0, at)) ? '(NULL)' : 'NULL'}${unbound}`;
  });
  return { text: bound, isWhole };
}

function bindPercent(machine: Machine, text: string, values: Value[] | ReadonlyMap<string, Value>): string {
  let next = 0;
  return text.replace(/%(?:\((\w+)\))?s|%%/g, (whole, name: string | undefined, at: number) => {
    if (whole === '%%') return '%';
    const value = Array.isArray(values)
      ? values[next++]
      : values instanceof Map && name !== undefined
        ? values.get(name)
        : undefined;
    const literal = value === undefined ? null : boundText(machine, value);
    return literal ?? (/\bIN\s*$/i.test(text.slice(0, at)) ? '(NULL)' : 'NULL');
  });
}

/** Reads SQL text and hands over what it says. */
export function runSql(
  machine: Machine,
  effects: Effects,
  text: string,
  condition: string | null,
  isWhole = true,
  /** What an INSERT adds, where that is more than its text says; null: not known. */
  rows?: KnownRow[] | null,
): Operation[] {
  const { origin, span } = placeOf(machine, effects);
  const operations = effects.parseSql(text, {
    origin,
    revision: effects.revision,
    catalogue: () =>
      effects.sink.snapshot?.() ?? { schema: effects.sink.schema(), searchPath: effects.sink.searchPath() },
  });
  for (const operation of operations) {
    const placed: Operation = { ...operation };
    placed.origin = { ...placed.origin, line: origin.line };
    if (span && placed.span === undefined) placed.span = span;
    else if (span) placed.span = span;
    if (effects.autocommitDepth > 0) placed.outsideTransaction = placed.inAutocommitBlock = true;
    if (
      !isWhole &&
      placed.sql?.includes(unbound) !== false &&
      placed.kind !== 'touchRows' &&
      placed.kind !== 'ignored' &&
      placed.kind !== 'opaque' &&
      !isTableOfQuery(placed)
    ) {
      opaque(machine, effects, 'SQL with a parameter whose value is not known', objectsOf(placed));
      continue;
    }
    hand(machine, effects, placed, condition, rows === undefined ? rowsAdded(effects, placed) : rows);
  }
  return operations;
}

/** Read from the text only where somebody may ask for them: to parse an INSERT once more costs as much as the first time. */
function rowsAdded(effects: Effects, operation: Operation): KnownRow[] | null {
  if (operation.kind !== 'touchRows' || operation.verb !== 'insert' || operation.sql === undefined) return null;
  return operation.tables.every((table) => effects.writtenRows?.follows(table))
    ? insertedBySql(effects, operation.sql)
    : null;
}

/** `CREATE TABLE … AS SELECT`: what its query is given decides on rows alone. */
function isTableOfQuery({ kind, sql }: Operation): boolean {
  return kind === 'createTable' && /^[^'"(]*\bas\s+(?:\(|select\b|with\b|values\b)/i.test(sql ?? '');
}

function parameterMap(machine: Machine, values: (Value | undefined)[]): Map<string, Value> {
  const map = new Map<string, Value>();
  for (const value of values) {
    if (value === undefined) continue;
    const bare = plain(value);
    if (isObject(bare) && bare.kind === 'dict')
      for (const [key, item] of bare.map.values()) if (typeof key === 'string') map.set(key, item);
    if (isObject(bare) && bare.kind === 'list') {
      // executemany: one row stands for all.
      const first = toItems(machine, bare)?.[0];
      if (first !== undefined) for (const [key, item] of parameterMap(machine, [first])) map.set(key, item);
    }
  }
  return map;
}

/** A dictionary, a sequence, or values one by one; of several rows of them the first stands for all. */
function driverParameters(machine: Machine, given: readonly Value[]): Value[] | ReadonlyMap<string, Value> {
  const first = plain(given[0] ?? null);
  if (!isObject(first)) return [...given];
  if (first.kind === 'dict') return parameterMap(machine, [first]);
  const items = toItems(machine, first) ?? [];
  const row = plain(items[0] ?? null);
  if (first.kind === 'list' && isObject(row) && (row.kind === 'dict' || row.kind === 'tuple'))
    return driverParameters(machine, [row]);
  return items;
}

/** Runs whatever was handed to an `execute`; its result stands for rows. */
export function runStatement(machine: Machine, effects: Effects, args: Arguments, isDriver: boolean): Value {
  const statement = argument(args, 0, 'statement', 'sqltext', 'query', 'sql', 'clause');
  if (statement === undefined) return unknown('a statement that is not given');
  const condition = conditionOf(statement);
  const bare = plain(statement);
  const parameters = [
    args.positional[1],
    args.named.get('parameters'),
    args.named.get('params'),
    args.named.get('vars'),
  ];
  const text = textOf(bare);
  if (text !== null) {
    // SQLAlchemy 1 hands a bare text to the driver as it is, where `%s` and `%(name)s` stand for parameters.
    if (isDriver || (args.positional[1] !== undefined && /%(?:\(\w+\))?s/.test(text))) {
      const items = driverParameters(machine, args.positional.slice(1));
      return finish(
        machine,
        effects,
        parameters.every((one) => one === undefined) ? text : bindPercent(machine, text, items),
        condition,
        true,
        parameters.every((one) => one === undefined) ? undefined : null,
      );
    }
    const bound = bindNames(machine, text, parameterMap(machine, parameters));
    const rows = rowsOfEach(machine, effects, text, parameters);
    return finish(machine, effects, textBody(bound.text), condition, bound.isWhole, rows);
  }
  if (isUnknown(bare)) {
    return lost(machine, effects, bare, condition);
  }
  const composed = composedText(machine, bare);
  if (composed !== null)
    return runStatement(machine, effects, { ...args, positional: [composed, ...args.positional.slice(1)] }, true);
  const made = asMade(bare);
  if (made) return runConstruct(machine, effects, made, parameters, condition);
  if (isObject(bare) && (bare.kind === 'list' || bare.kind === 'tuple')) {
    for (const item of toItems(machine, bare) ?? [])
      runStatement(machine, effects, { positional: [item], named: new Map() }, isDriver);
    return null;
  }
  const compiled = isObject(bare) && bare.kind === 'instance' ? findInClass(bare.class, '@compiled') : undefined;
  if (compiled !== undefined) {
    // A construct of the project (`@compiles(Thing)`): its function gives the text.
    const given = { positional: [bare, handle('@compiler')], named: new Map() };
    const sql = callValue(machine, compiled, given, { from: 0, to: 0 });
    const whole = textOf(plain(sql));
    return whole === null
      ? lost(machine, effects, sql, condition)
      : finish(machine, effects, whole, condition ?? conditionOf(sql), true);
  }
  opaque(machine, effects, `a statement that could not be read: ${describe(bare)}`, []);
  return unknown('the result of a statement that could not be read');
}

const holeName = 'chain_unknown';

/** SQL of which parts are not known: rows stay rows, anything else is opaque about the objects that it names. */
function lost(machine: Machine, effects: Effects, value: Value, condition: string | null): Value {
  const partial = partialOf(value);
  const reason = `SQL that is not known before it runs: ${reasonOf(value)}`;
  if (partial !== null) {
    const { origin } = placeOf(machine, effects);
    for (const filler of [holeName, 'NULL', '(NULL)', `${holeName} integer`, `'${holeName}'`]) {
      const operations = effects.parseSql(textBody(partial.replaceAll(hole, filler)).replace(bindPattern, 'NULL'), {
        origin,
        revision: effects.revision,
      });
      if (operations.length === 0 || operations.some((operation) => operation.kind === 'opaque')) continue;
      const isKnown = (name: QualifiedName) => !name.name.includes(holeName) && !(name.schema ?? '').includes(holeName);
      for (const operation of operations) {
        if (operation.kind === 'touchRows')
          emit(machine, effects, { ...operation, tables: operation.tables.filter(isKnown) }, { condition });
        else if (operation.kind === 'ignored') emit(machine, effects, operation, { condition });
        else {
          const objects = objectsOf(operation).map((name) =>
            (name.schema ?? '').includes(holeName) ? { schema: null, name: name.name } : name,
          );
          opaque(machine, effects, reason, objects.every(isKnown) ? objects : []);
        }
      }
      return unknown('the result of a statement that is not known');
    }
  }
  opaque(machine, effects, reason, []);
  return unknown('the result of a statement that is not known');
}

/** Rows that a statement adds which is run for several of them; undefined where it is run once. */
function rowsOfEach(
  machine: Machine,
  effects: Effects,
  text: string,
  parameters: readonly (Value | undefined)[],
): KnownRow[] | null | undefined {
  const list = plain(parameters.find((each) => each !== undefined) ?? null);
  const given = isObject(list) && (list.kind === 'list' || list.kind === 'tuple') ? (toItems(machine, list) ?? []) : [];
  if (given.length < 2) return undefined;
  if (effects.writtenRows === undefined) return null;
  const all: KnownRow[] = [];
  for (const each of given) {
    const rows = insertedBySql(effects, textBody(bindNames(machine, text, parameterMap(machine, [each])).text));
    // Of one that is not known, or more than are kept, the others need not be read.
    if (rows === null || all.length >= maxRows) return null;
    all.push(...rows);
  }
  return all;
}

function finish(
  machine: Machine,
  effects: Effects,
  text: string,
  condition: string | null,
  isWhole: boolean,
  rows?: KnownRow[] | null,
): Value {
  const operations = runSql(machine, effects, text, condition, isWhole, rows);
  return answerQuery(machine, effects, text, operations);
}

function runConstruct(
  machine: Machine,
  effects: Effects,
  made: Made,
  parameters: (Value | undefined)[],
  condition: string | null,
): Value {
  // text('…').bindparams(x=1).execution_options(…)
  const chained = new Map<string, Value>();
  let at: Made | null = made;
  while (at) {
    if (at.receiver === null) break;
    if (at.path === '.bindparams' || at.path === '.params' || at.path === '.values')
      for (const [key, value] of at.named) chained.set(key, value);
    const receiver = plain(at.receiver);
    const next: Made | null =
      isObject(receiver) && receiver.kind === 'made'
        ? receiver
        : isObject(receiver) && receiver.kind === 'member'
          ? asMade(receiver.object)
          : null;
    if (next === null) break;
    at = next;
  }
  const root = at ?? made;
  const path = canonicalPath(root.path) ?? root.path;
  if (path === 'sa.text' || path === 'sa.DDL' || path === 'sa.TextClause' || path === 'sa.literal_column') {
    const source = root.positional[0] ?? root.named.get('text') ?? root.named.get('statement');
    // `DDL('… %(name)s', context={…})` is always formatted (ddl_compiler.visit_ddl).
    const given = root.named.get('context') ?? root.positional[1];
    const whole =
      path === 'sa.DDL' && source !== undefined ? binary(machine, '%', source, given ?? newDict(machine)) : source;
    const text = whole === undefined ? null : textOf(whole);
    const inherited = condition ?? (whole === undefined ? null : conditionOf(whole));
    if (text === null) return lost(machine, effects, whole ?? null, inherited);
    const values = new Map([...parameterMap(machine, parameters), ...chained]);
    const bound = bindNames(machine, text, values);
    const rows = rowsOfEach(machine, effects, text, parameters);
    return finish(machine, effects, textBody(bound.text), inherited, bound.isWhole, rows);
  }
  const construct = ddlConstruct(machine, effects, path, root, condition);
  if (construct) return null;
  const touched = rowsOf(machine, made);
  if (touched) {
    const rows = touched.verb === 'insert' ? insertedByCore(machine, made, parameters) : null;
    emit(machine, effects, { kind: 'touchRows', verb: touched.verb, tables: touched.tables }, { condition, rows });
    if (touched.verb !== 'select') return changedRows();
    const written = askWritten(machine, effects, selectText(machine, made), touched.tables);
    if (written !== null) return written;
    const totals = totalsOf(machine, made);
    return totals === null
      ? emptyRows(touched.tables)
      : rowsWith(machine, totals, emptyCondition(touched.tables.map((table) => table.name)));
  }
  opaque(machine, effects, `a statement that could not be read: ${describe(made)}`, []);
  return unknown('the result of a statement that could not be read');
}

/** What `select(func.max(…), func.count())` without a GROUP BY gives over no rows: one row all the same. */
function totalsOf(machine: Machine, made: Made): Value[] | null {
  let root = made;
  while (root.receiver !== null) {
    const next = asMade(root.receiver);
    if (next === null || root.path === '.group_by') return null;
    root = next;
  }
  if (canonicalPath(root.path) !== 'sa.select' || root.positional.length === 0) return null;
  const asked = root.positional.flatMap((each) => toItems(machine, each) ?? [each]);
  const totals = asked.map((each): Value | undefined => {
    let one = asMade(each);
    while (one !== null && one.path === '.label') one = asMade(one.receiver ?? undefined);
    const name = one === null ? undefined : /^func\.(max|min|sum|avg|count)$/.exec(canonicalPath(one.path) ?? '')?.[1];
    return name === undefined ? undefined : name === 'count' ? 0 : null;
  });
  return totals.includes(undefined) ? null : (totals as Value[]);
}

export function emptyRows(tables: QualifiedName[]): Value {
  const names = tables.map((table) => table.name).join(', ');
  return assumed(newMade('@rows'), names === '' ? 'there are no rows' : `there are no rows in ${names}`);
}
export function changedRows(): Value {
  return newMade('@changed');
}

const verbs: Record<string, 'insert' | 'update' | 'delete' | 'select'> = {
  insert: 'insert',
  update: 'update',
  delete: 'delete',
  select: 'select',
  exists: 'select',
  union: 'select',
  union_all: 'select',
  literal: 'select',
  text: 'select',
};

/** The tables that a Core statement is about. */
function rowsOf(
  machine: Machine,
  made: Made,
): { verb: 'insert' | 'update' | 'delete' | 'select'; tables: QualifiedName[] } | null {
  const tables: QualifiedName[] = [];
  let verb: 'insert' | 'update' | 'delete' | 'select' | null = null;
  const visit = (value: Value, depth: number): void => {
    const bare = plain(value);
    if (!isObject(bare) || depth > 12) return;
    if (bare.kind === 'made') {
      const name = tableNameOf(bare);
      if (name) {
        if (!tables.some((one) => one.name === name.name && one.schema === name.schema)) tables.push(name);
        return;
      }
      const method =
        bare.receiver === null
          ? (canonicalPath(bare.path) ?? '').replace(/^(sa|postgresql|orm)\./, '')
          : bare.path.slice(1);
      if (verbs[method] && (verb === null || verb === 'select')) verb = verbs[method] ?? null;
      if (bare.receiver !== null) visit(bare.receiver, depth + 1);
      for (const item of [...bare.positional, ...bare.named.values()]) visit(item, depth + 1);
    } else if (bare.kind === 'member') visit(bare.object, depth + 1);
    else if (bare.kind === 'operated') for (const item of bare.operands) visit(item, depth + 1);
    else if (bare.kind === 'list' || bare.kind === 'tuple')
      for (const item of toItems(machine, bare) ?? []) visit(item, depth + 1);
    else if (bare.kind === 'class') {
      const name = textOf(bare.attributes.get('__tablename__') ?? null);
      if (name !== null) tables.push({ schema: null, name });
    }
  };
  visit(made, 0);
  return verb === null ? null : { verb, tables };
}
