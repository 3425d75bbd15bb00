/**
 * Questions that a revision asks the database. The catalogue's are answered from the schema replayed so far where the
 * question is one that is known; rows of tables are assumed to be none, as in an empty database, and the assumption stays
 * attached to the answer.
 */
import { keyOf, type QualifiedName } from '../../../model/name.ts';
import type { Operation } from '../../../model/operation.ts';
import type { Schema } from '../../../model/schema.ts';
import { type CatalogueAnswer, type CatalogueValue, notKnown } from '../../../sql/index.ts';
import {
  type Arguments,
  assumed,
  conditionOf,
  isObject,
  type Machine,
  type Made,
  newList,
  plain,
  tuple,
  unknown,
  type Value,
} from '../python/index.ts';
import type { Effects } from './effects.ts';
import { changedRows, emptyRows } from './execute.ts';
import { handle } from './handles.ts';

/** What a server of the version that the dialect is assumed to have says of itself. */
const serverAsked: readonly [RegExp, Value][] = [
  [/^\s*select\s+(?:pg_catalog\.)?version\(\)\s*;?\s*$/i, 'PostgreSQL 16.0'],
  [/^\s*show\s+server_version\s*;?\s*$/i, '16.0'],
  [/^\s*show\s+server_version_num\s*;?\s*$/i, '160000'],
  [/^\s*select\s+current_setting\(\s*'server_version_num'\s*\)\s*;?\s*$/i, '160000'],
  [/^\s*select\s+current_setting\(\s*'server_version_num'\s*\)\s*::\s*int(?:eger)?\s*;?\s*$/i, 160000],
];

/** The result of a statement: rows of a query, or the count of what a change touched. */
export function answerQuery(machine: Machine, effects: Effects, text: string, operations: readonly Operation[]): Value {
  const asked = serverAsked.find(([question]) => question.test(text));
  if (asked !== undefined) return rowsWith(machine, [asked[1]], 'the server is PostgreSQL 16');
  const last = operations[operations.length - 1];
  if (!last || last.kind === 'opaque') return unknown('the result of a statement that could not be read');
  if (last.kind !== 'touchRows') return changedRows();
  if (last.verb !== 'select') return changedRows();
  const asksCatalogue = /\b(?:pg_\w+|information_schema)\b/i.test(text);
  const answer = (asksCatalogue ? effects.askCatalogue?.(text) : null) ?? null;
  if (answer !== null) {
    const rows = rowsOf(machine, answer.rows);
    return answer.isCertain ? rows : assumed(rows, 'the catalogue has what the lines that were read left in it');
  }
  const serial = /^\s*select\s+pg_get_serial_sequence\(\s*'([^']+)'\s*,\s*'([^']+)'\s*\)\s*;?\s*$/i.exec(text);
  if (serial !== null) {
    const [folder, table] = (serial[1] as string).includes('.') ? (serial[1] as string).split('.') : [null, serial[1]];
    const folders = folder === null ? [...effects.sink.searchPath(), 'public'] : [folder as string];
    const { tables } = effects.sink.schema();
    const found = folders.map((each) => tables.get(keyOf(each, table as string))).find(Boolean);
    // An owned sequence, of SERIAL or set by OWNED BY; an identity's is its own.
    if (found !== undefined && !/"/.test(serial[1] as string)) {
      const column = found.columns.get(serial[2] as string);
      if (column !== undefined && column.identity === null) return rowsWith(machine, [column.ownedSequence], null);
    }
  }
  const catalogue = answerCatalogue(machine, effects, text);
  if (catalogue !== undefined) return catalogue;
  if (/\b(?:(?:pg_\w+|information_schema\.\w+|to_reg\w+|current_setting|current_schema)\b|version\s*\()/i.test(text))
    return unknown('what the catalogue answers to a question of its own kind');
  const written = askWritten(machine, effects, text, last.tables);
  if (written !== null) return written;
  if (/^\s*select\s+count\s*\(/i.test(text))
    return rowsWith(machine, [0], emptyCondition(last.tables.map((table) => table.name)));
  if (/^\s*select\s+exists\s*\(/i.test(text))
    return rowsWith(machine, [false], emptyCondition(last.tables.map((table) => table.name)));
  // An aggregate without GROUP BY gives one row, of NULLs over no rows.
  if (
    /^\s*select\s+(?:min|max|sum|avg)\s*\([^()]*\)(?:\s+as\s+\w+)?\s+from\b/i.test(text) &&
    !/\bgroup\s+by\b/i.test(text)
  )
    return rowsWith(machine, [null], emptyCondition(last.tables.map((table) => table.name)));
  if (last.tables.length === 0) return unknown('what a query gives');
  return emptyRows(last.tables);
}

/** Rows that the revisions wrote themselves; null where they wrote none, as far as is known. */
export function askWritten(
  machine: Machine,
  effects: Effects,
  query: string | null,
  tables: readonly QualifiedName[],
): Value | null {
  const answer =
    tables.length === 0 ? null : (effects.writtenRows?.answer(query, tables, effects.sink.schema()) ?? null);
  if (answer === null) return null;
  return answer.rows === null
    ? unknown('what a query gives of rows that the revisions wrote')
    : assumed(rowsOf(machine, answer.rows), answer.condition);
}

export function emptyCondition(tables: string[]): string {
  return tables.length === 0 ? 'there are no rows' : `there are no rows in ${tables.join(', ')}`;
}

/** One row with these values. */
export function rowsWith(machine: Machine, values: Value[] | null, condition: string | null): Value {
  const made: Value = {
    kind: 'made',
    path: '@rows',
    receiver: null,
    positional: values === null ? [] : [tuple(values)],
    named: new Map(),
    from: 0,
    to: 0,
    file: '',
    attributes: new Map(),
  };
  void machine;
  return condition === null ? made : assumed(made, condition);
}

const quoted = (text: string, pattern: RegExp): string | null => pattern.exec(text)?.[1] ?? null;

/** `SELECT 1 FROM pg_type WHERE typname = 'x'` and the like; undefined where the question is not one of those. */
function answerCatalogue(machine: Machine, effects: Effects, text: string): Value | undefined {
  const schema = effects.sink.schema();
  const namespace = quoted(text, /(?:table_schema|schemaname|nspname)\s*=\s*'([^']+)'/i);
  const named = /^\s*select\s+(?:\w+\.)?(\w+)(?:\s+as\s+\w+)?\s+from/i.exec(text)?.[1];
  const has = (found: boolean): Value => {
    if (/^\s*select\s+exists/i.test(text)) return rowsWith(machine, [found], null);
    if (/^\s*select\s+count\s*\(/i.test(text)) return rowsWith(machine, [found ? 1 : 0], null);
    if (/^\s*select\s+(\d+|true|'\w*')\s+from/i.test(text) || !found)
      return rowsWith(machine, found ? [1] : null, null);
    const same = named === undefined ? null : quoted(text, new RegExp(`\\b${named}\\s*=\\s*'([^']+)'`, 'i'));
    return rowsWith(machine, [same ?? unknown('what the catalogue answers')], null);
  };
  if (/^\s*select\s+current_schema(\(\))?\s*;?\s*$/i.test(text))
    return rowsWith(machine, [effects.sink.searchPath()[0] ?? 'public'], null);
  const labels = labelsAsked(schema, text);
  if (labels !== undefined) return labels === null ? rowsWith(machine, null, null) : rowsOfEach(machine, labels);
  const validity = quoted(text, /^\s*select\s+(?:\w+\.)?indisvalid\s+from\s[^;]*'([\w.]+)'[^;']*$/i);
  if (validity !== null) {
    const name = validity.split('.').pop() as string;
    // Replayed from nothing, an index that stands was built whole.
    const stands = [...schema.tables.values()].some(
      (table) =>
        table.indexes.has(name) ||
        [...table.constraints.values()].some((one) => one.name === name && 'pux'.includes(one.type)),
    );
    return rowsWith(machine, stands ? [true] : null, null);
  }
  const regclass = quoted(text, /to_regclass\(\s*'([^']+)'\s*\)/i);
  if (regclass !== null) {
    const [first, second] = regclass.split('.');
    const found =
      second === undefined
        ? findTable(schema, effects, null, first as string)
        : findTable(schema, effects, first as string, second);
    if (/is\s+not\s+null/i.test(text)) return rowsWith(machine, [found], null);
    return rowsWith(machine, [found ? regclass : null], null);
  }
  const type = quoted(text, /typname\s*=\s*'([^']+)'/i);
  if (type !== null && /pg_type/i.test(text) && !/pg_enum/i.test(text))
    return has(
      [...schema.enums.values(), ...schema.domains.values(), ...schema.composites.values()].some(
        (one) => one.name === type && (namespace === null || one.namespace === namespace),
      ),
    );
  const label = quoted(text, /enumlabel\s*=\s*'([^']+)'/i);
  if (label !== null && type !== null)
    return has([...schema.enums.values()].some((one) => one.name === type && one.labels.includes(label)));
  const index = quoted(text, /indexname\s*=\s*'([^']+)'/i);
  if (index !== null && /pg_indexes/i.test(text))
    return has(
      [...schema.tables.values()].some(
        (table) =>
          table.indexes.has(index) ||
          [...table.constraints.values()].some((one) => one.name === index && 'pux'.includes(one.type)),
      ),
    );
  const constraint = quoted(text, /(?:conname|constraint_name)\s*=\s*'([^']+)'/i);
  if (constraint !== null && /pg_constraint|table_constraints/i.test(text)) {
    const on = quoted(text, /(?:table_name\s*=\s*'|conrelid\s*=\s*')([^']+)'/i);
    return has(
      [...schema.tables.values()].some(
        (table) => (on === null || table.name === on.split('.').pop()) && table.constraints.has(constraint),
      ),
    );
  }
  const extension = quoted(text, /extname\s*=\s*'([^']+)'/i);
  if (extension !== null && /pg_extension/i.test(text)) return has(schema.extensions.has(extension));
  const tableName = quoted(text, /(?:table_name|tablename|relname)\s*=\s*'([^']+)'/i);
  const columnName = quoted(text, /column_name\s*=\s*'([^']+)'/i);
  if (tableName !== null && /information_schema\.columns/i.test(text) && columnName !== null) {
    return has(
      [...schema.tables.values()].some(
        (table) =>
          table.name === tableName &&
          (namespace === null || table.namespace === namespace) &&
          table.columns.has(columnName),
      ),
    );
  }
  if (tableName !== null && /information_schema\.tables|pg_tables|pg_class/i.test(text))
    return has(findTable(schema, effects, namespace, tableName));
  return undefined;
}

/** `SELECT unnest(enum_range(NULL::x))`, `SELECT enumlabel FROM pg_enum … typname = 'x'`: its labels; null: no such type. */
function labelsAsked(schema: Schema, text: string): string[] | null | undefined {
  const asked =
    quoted(text, /^\s*select\s+unnest\s*\(\s*enum_range\s*\(\s*null\s*::\s*"?([\w.]+)"?\s*\)\s*\)[^,]*$/i) ??
    (/^\s*select\s+(?:\w+\.)?enumlabel(?:\s+as\s+\w+)?\s+from\s/i.test(text) && !/enumlabel\s*(?:=|in\b)/i.test(text)
      ? (quoted(text, /typname\s*=\s*'([^']+)'/i) ?? quoted(text, /'([\w.]+)'\s*::\s*regtype/i))
      : null);
  if (asked === null) return undefined;
  const name = asked.split('.').pop();
  const found = [...schema.enums.values()].filter((one) => one.name === name);
  if (found.length > 1) return undefined;
  const one = found[0];
  const { suspected } = schema;
  const isAnyInDoubt = suspected !== undefined && ('allBut' in suspected || suspected.size > 0);
  if (one === undefined) return isAnyInDoubt ? undefined : null;
  return one.certainty === 'suspected' ? undefined : [...one.labels];
}

function rowsOf(machine: Machine, rows: CatalogueAnswer['rows']): Value {
  const made = rowsWith(machine, null, null);
  if (isObject(made) && made.kind === 'made')
    for (const row of rows) {
      const items = [...row].map(
        ([key, value]): Value =>
          key === 'column_default' && typeof value === 'string' ? textLike(value) : asValue(machine, value),
      );
      made.positional.push({ kind: 'tuple', items, fields: [...row.keys()] });
    }
  return made;
}

/** A text that is there, spelt more or less so. */
function textLike(text: string): Value {
  return { ...handle('@default'), attributes: new Map<string, Value>([['@text', text]]) };
}

function asValue(machine: Machine, value: CatalogueValue): Value {
  if (value === notKnown) return unknown('a value that the database gives');
  return typeof value === 'object' && value !== null
    ? newList(
        machine,
        value.map((each) => asValue(machine, each)),
      )
    : value;
}

function rowsOfEach(machine: Machine, values: readonly string[]): Value {
  const made = rowsWith(machine, null, null);
  if (isObject(made) && made.kind === 'made') made.positional.push(...values.map((value) => tuple([value])));
  return made;
}

function findTable(schema: Schema, effects: Effects, namespace: string | null, name: string): boolean {
  const folders = namespace === null ? [...effects.sink.searchPath(), 'public'] : [namespace];
  return folders.some((folder) => schema.tables.has(keyOf(folder, name)) || schema.views.has(keyOf(folder, name)));
}

/** The first value of each row in the row's place. */
export function scalarsOf(rows: Made): Made {
  const first = (row: Value): Value => (isObject(row) && row.kind === 'tuple' ? (row.items[0] ?? null) : row);
  return { ...rows, positional: rows.positional.map(first) };
}

/** Methods of a result, of its rows and of what changed rows. */
export function resultMethod(machine: Machine, receiver: Value, name: string, args: Arguments): Value | undefined {
  const condition = conditionOf(receiver);
  const bare = plain(receiver);
  if (!isObject(bare) || bare.kind !== 'made') return undefined;
  const wrap = (value: Value): Value => (condition === null ? value : assumed(value, condition));
  if (bare.path === '@changed' && name !== 'rowcount')
    return name === 'close' ? null : unknown('what a change of rows returns');
  const rows = bare.positional;
  const first = rows[0];
  const firstValue =
    first === undefined ? null : isObject(first) && first.kind === 'tuple' ? (first.items[0] ?? null) : first;
  switch (name) {
    case 'fetchall':
    case 'all':
    case 'mappings':
    case 'partitions':
    case 'fetchmany':
      if (name === 'mappings') return receiver;
      return wrap(newList(machine, [...rows]));
    case 'scalars':
      return wrap(scalarsOf(bare));
    case 'unique':
    case 'yield_per':
    case 'columns':
    case 'execution_options':
    case 'tuples':
      return receiver;
    case 'fetchone':
    case 'first':
    case 'one_or_none':
    case 'one':
      return wrap(first ?? null);
    case 'scalar':
    case 'scalar_one':
    case 'scalar_one_or_none':
      return wrap(firstValue);
    case 'keys':
      return unknown('the columns of a result');
    case 'close':
      return null;
    case 'rowcount':
      return wrap(rows.length);
  }
  void args;
  return undefined;
}

/** None is an answer too. */
export function known(value: Value | undefined, otherwise: Value): Value {
  return value === undefined ? otherwise : value;
}
