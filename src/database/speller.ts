/**
 * Expressions as PostgreSQL spells them, asked for by themselves: the defaults, checks, predicates and index expressions of
 * thousands of tables in a few, each distinct one once. What hangs on more than columns and types (a function, a sequence,
 * the table itself), and what PostgreSQL refuses here, stays as it was given: only its table can tell.
 */
import { randomBytes } from 'node:crypto';
import {
  baseTypeOf,
  collationSql,
  constraintDefinition,
  indexDefinition,
  isOneParenthesis,
  unreadableType,
} from '../model/definition.ts';
import { namesIn } from '../model/expression.ts';
import { keyOf, quoteIdentifier } from '../model/name.ts';
import { type Column, type Constraint, emptySchema, type Index, type Schema, type Table } from '../model/schema.ts';
import { buildSchema } from './build.ts';
import type { Connection } from './connection.ts';
import type { ScratchServer } from './scratch.ts';
import { SqlError } from './sql-error.ts';
import { lackingTypes } from './stand-ins.ts';

export interface Speller {
  /** `schema` with the texts of the tables `keys` parsed once more, but for those that `other` has in the same words. */
  spell(schema: Schema, keys: ReadonlySet<string>, other: Schema): Promise<Schema>;
  close(): Promise<void>;
}

type Kind = 'default' | 'generated' | 'condition' | 'key';

interface Question {
  kind: Kind;
  /** Of the value: of a default and a generated column; with its collation, as SQL. */
  type: string;
  text: string;
  /** Type by name of the columns that the text names; with their collations, as SQL. */
  columns: ReadonlyMap<string, string>;
  /** All types that must stand. */
  needs: readonly string[];
  id: string;
}

/** Columns that a table can have: 1,600 in PostgreSQL. */
const mostColumns = 1500;
const mostQuestions = 1000;
/** Beyond it, PostgreSQL takes longer to tell them than to make them. */
const mostValues = 200;
/** From so many on a second session is worth its database. */
const manySheets = 8;
/** Statements that only look for the questions which PostgreSQL refuses. */
const mostRefusals = 200;

/** A scratch database with the types of `schema`, made at the first question. */
export function openSpeller(scratch: ScratchServer, schema: Schema): Speller {
  const answers = new Map<string, string | null>();
  const routines = new Set([...schema.routines.values()].map(({ name }) => name));
  // Without what only tables or functions could make, the types alone.
  const types: Schema = {
    ...emptySchema(schema.namespaces),
    enums: schema.enums,
    domains: schema.domains,
    composites: schema.composites,
    extensions: schema.extensions,
  };
  const sessions: Connection[] = [];
  const open = async (place: number): Promise<Connection> => {
    const known = sessions[place];
    if (known !== undefined) return known;
    const session = await scratch.createDatabase();
    sessions.push(session);
    await buildSchema(session, types);
    return session;
  };
  return {
    async spell(given, keys, other) {
      const asked = new Map<string, Question>();
      for (const key of keys) {
        const table = given.tables.get(key);
        if (!table) continue;
        for (const question of questionsOf(table, other.tables.get(key), routines))
          if (!answers.has(question.id)) asked.set(question.id, question);
      }
      if (asked.size > 0) await ask(open, asked, answers);
      let tables: Map<string, Table> | null = null;
      for (const key of keys) {
        const table = given.tables.get(key);
        const respelt = table && respelled(table, other.tables.get(key), routines, answers);
        if (respelt === undefined || respelt === table) continue;
        tables ??= new Map(given.tables);
        tables.set(key, respelt);
      }
      return tables === null ? given : { ...given, tables };
    },
    async close() {
      for (const session of sessions.splice(0)) await scratch.dropDatabase(session);
    },
  };
}

/** What may be asked of the table's texts, without those that the other side has in the same words. */
function* questionsOf(table: Table, other: Table | undefined, routines: ReadonlySet<string>): Iterable<Question> {
  for (const column of table.columns.values()) {
    const theirs = other?.columns.get(column.name);
    if (column.default !== null && column.default !== theirs?.default)
      yield* questionOf(table, routines, 'default', column.default, column);
    if (column.generated !== null && column.generated.expression !== theirs?.generated?.expression)
      yield* questionOf(table, routines, 'generated', column.generated.expression, column);
  }
  for (const { name, type, expression } of table.constraints.values())
    if (type === 'c' && expression !== null && expression !== other?.constraints.get(name)?.expression)
      yield* questionOf(table, routines, 'condition', expression);
  for (const { name, keys, where } of table.indexes.values()) {
    const theirs = other?.indexes.get(name);
    for (const [place, { text, isExpression }] of keys.entries())
      if (isExpression && text !== theirs?.keys[place]?.text) yield* questionOf(table, routines, 'key', text);
    if (where !== null && where !== theirs?.where) yield* questionOf(table, routines, 'condition', where);
  }
}

const noColumns: ReadonlyMap<string, string> = new Map();

function* questionOf(
  table: Table,
  routines: ReadonlySet<string>,
  kind: Kind,
  text: string,
  of?: Column,
): Iterable<Question> {
  if (of?.type === unreadableType || !isOneParenthesis(`(${text})`) || /\bregclass\b|\bnextval\b|--|\/\*/i.test(text))
    return;
  const type = of === undefined ? '' : typeSql(of);
  const needs = of === undefined ? [] : [baseTypeOf(of.type)];
  let columns = noColumns;
  if (kind !== 'default') {
    const named = new Map<string, string>();
    for (const { name } of namesIn(text)) {
      const column = table.columns.get(name);
      if (column === undefined) {
        // The table's own name may be its row.
        if (name === table.name) return;
        continue;
      }
      if (column.type === unreadableType || column.generated !== null) return;
      named.set(name, typeSql(column));
      needs.push(baseTypeOf(column.type));
    }
    columns = named;
  }
  if (routines.size > 0 && namesIn(text).some(({ name, isCall }) => isCall && routines.has(name))) return;
  const id = JSON.stringify([kind, type, text, [...columns].sort()]);
  yield { kind, type, text, columns, needs, id };
}

function typeSql({ type, collation }: Column): string {
  return collation === null ? type : `${type} collate ${collationSql(collation)}`;
}

function respelled(
  table: Table,
  other: Table | undefined,
  routines: ReadonlySet<string>,
  answers: ReadonlyMap<string, string | null>,
): Table {
  const answer = (kind: Kind, text: string | null, theirs: string | null | undefined, of?: Column): string | null => {
    if (text === null || text === theirs) return text;
    for (const { id } of questionOf(table, routines, kind, text, of)) return answers.get(id) ?? text;
    return text;
  };
  const columns = changed(table.columns, (column) => {
    const theirs = other?.columns.get(column.name);
    const initial = answer('default', column.default, theirs?.default, column);
    const stated = column.generated?.expression ?? null;
    const expression = answer('generated', stated, theirs?.generated?.expression, column);
    return initial === column.default && expression === stated
      ? column
      : {
          ...column,
          default: initial,
          generated: column.generated && expression !== null ? { ...column.generated, expression } : column.generated,
        };
  });
  const constraints = changed(table.constraints, (constraint): Constraint => {
    const expression =
      constraint.type === 'c'
        ? answer('condition', constraint.expression, other?.constraints.get(constraint.name)?.expression)
        : null;
    if (expression === null || expression === constraint.expression) return constraint;
    const respelt = { ...constraint, expression };
    return { ...respelt, definition: constraintDefinition(respelt) };
  });
  const indexes = changed(table.indexes, (index): Index => {
    const theirs = other?.indexes.get(index.name);
    const keys = index.keys.map((key, place) =>
      key.isExpression ? { ...key, text: answer('key', key.text, theirs?.keys[place]?.text) ?? key.text } : key,
    );
    const where = answer('condition', index.where, theirs?.where);
    if (where === index.where && keys.every((key, place) => key.text === index.keys[place]?.text)) return index;
    const keyTexts = keys.map((key, place) => (key.isExpression ? key.text : (index.keyTexts[place] ?? key.text)));
    const respelt = { ...index, keys, keyTexts, where };
    return { ...respelt, definition: indexDefinition(keyOf(table.namespace, table.name), respelt) };
  });
  return columns === table.columns && constraints === table.constraints && indexes === table.indexes
    ? table
    : { ...table, columns, constraints, indexes };
}

function changed<Part>(parts: ReadonlyMap<string, Part>, change: (part: Part) => Part): ReadonlyMap<string, Part> {
  let copy: Map<string, Part> | null = null;
  for (const [name, part] of parts) {
    const now = change(part);
    if (now === part) continue;
    copy ??= new Map(parts);
    copy.set(name, now);
  }
  return copy ?? parts;
}

/** Questions that one table can hold: of one type for each name. */
interface Sheet {
  columns: Map<string, string>;
  values: number;
  questions: Question[];
}

async function ask(
  session: (place: number) => Promise<Connection>,
  asked: ReadonlyMap<string, Question>,
  answers: Map<string, string | null>,
): Promise<void> {
  const connection = await session(0);
  const lacking = new Set(await lackingTypes(connection, new Set([...asked.values()].flatMap(({ needs }) => needs))));
  const askable: Question[] = [];
  for (const question of asked.values()) {
    if (question.needs.some((type) => lacking.has(type))) answers.set(question.id, null);
    else askable.push(question);
  }
  let refusals = 0;
  const open = sheetsOf(askable);
  const askOver = async (over: Connection): Promise<void> => {
    for (let sheet = open.pop(); sheet !== undefined; sheet = open.pop()) {
      try {
        await askSheet(over, sheet, answers);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        const { questions } = sheet;
        if (questions.length === 1 || ++refusals > mostRefusals) {
          for (const { id } of questions) answers.set(id, null);
          continue;
        }
        const middle = questions.length >> 1;
        open.push(...sheetsOf(questions.slice(0, middle)), ...sheetsOf(questions.slice(middle)));
      }
    }
  };
  // Where there is much to ask, a second session asks on another processor; one that does not come about is not needed.
  const second = open.length < manySheets ? null : session(1).catch(() => null);
  const asking = [askOver(connection), second?.then((other) => (other === null ? undefined : askOver(other)))];
  for (const done of await Promise.allSettled(asking)) if (done.status === 'rejected') throw done.reason;
}

function sheetsOf(questions: Iterable<Question>): Sheet[] {
  const sheets: Sheet[] = [];
  let open: Sheet[] = [];
  for (const question of questions) {
    const isValue = question.kind === 'default' || question.kind === 'generated';
    let sheet = open.find(
      ({ columns, values }) =>
        (!isValue || (values < mostValues && columns.size + values < mostColumns)) &&
        columns.size + values + question.columns.size < mostColumns &&
        [...question.columns].every(([name, type]) => (columns.get(name) ?? type) === type),
    );
    if (sheet === undefined) {
      sheet = { columns: new Map(), values: 0, questions: [] };
      sheets.push(sheet);
      open.push(sheet);
    }
    for (const [name, type] of question.columns) sheet.columns.set(name, type);
    if (isValue) sheet.values++;
    sheet.questions.push(question);
    if (sheet.questions.length >= mostQuestions) open = open.filter((each) => each !== sheet);
  }
  return sheets;
}

const notNull = ' IS NOT NULL';

async function askSheet(
  connection: Connection,
  { columns, questions }: Sheet,
  answers: Map<string, string | null>,
): Promise<void> {
  // A column of the sheet's own is one that no text can name.
  const own = (place: number) => `chain ${place}`;
  const parts = [...columns].map(([name, type]) => `${quoteIdentifier(name)} ${type}`);
  for (const [place, { kind, type, text }] of questions.entries()) {
    const name = quoteIdentifier(own(place));
    if (kind === 'default') parts.push(`${name} ${type} default (${text})`);
    else if (kind === 'generated') parts.push(`${name} ${type} generated always as (${text}) stored`);
    else if (kind === 'condition') parts.push(`constraint ${name} check (${text})`);
    else parts.push(`constraint ${name} check ((${text}) is not null)`);
  }
  const table = quoteIdentifier(`chain ${randomBytes(6).toString('hex')}`);
  await connection.query(`create table public.${table} (${parts.join(',\n')})`);
  const rows = await connection.queryArrays(
    `select a.attname::text, pg_get_expr(d.adbin, d.adrelid), null
       from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
      where d.adrelid = 'public.${table}'::regclass
     union all
     select conname::text, pg_get_expr(conbin, conrelid), pg_get_expr(conbin, conrelid, true)
       from pg_constraint where conrelid = 'public.${table}'::regclass and contype = 'c'`,
  );
  const texts = new Map((rows as [string, string, string | null][]).map(([name, ...forms]) => [name, forms]));
  for (const [place, { kind, id }] of questions.entries()) {
    const [text, pretty] = texts.get(own(place)) ?? [];
    if (kind !== 'key') answers.set(id, text ?? null);
    else answers.set(id, pretty?.endsWith(notNull) ? pretty.slice(0, -notNull.length) : null);
  }
}
