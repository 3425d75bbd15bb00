/** Texts asked for by themselves come back as those of a table that was built with them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { elaborateBoth, introspect, openScratch, type ScratchServer } from '../../src/database/index.ts';
import { openSpeller } from '../../src/database/speller.ts';
import type { Schema, Table } from '../../src/model/schema.ts';
import { emptySchema } from '../../src/model/schema.ts';
import { testDatabase } from '../support/postgres.ts';

let scratch: ScratchServer;
beforeAll(async () => {
  scratch = await openScratch();
});
afterAll(() => scratch.stop());

const types = `create type mood as enum ('ok', 'it''s'); create domain short as varchar(5) check (value <> '');
  create schema app; create type app."Odd type" as enum ('a');`;
const columns = {
  n: 'integer',
  s: 'varchar(10)',
  t: 'text collate "C"',
  "The 'at'": 'timestamptz',
  m: 'mood',
  d: 'short',
  o: 'app."Odd type"',
  j: 'jsonb',
  a: 'integer[]',
  p: 'numeric(10,2)',
  b: 'boolean',
};
const defaults: [column: keyof typeof columns, text: string][] = [
  ['n', '1+1'],
  ['s', "'x'"],
  ['s', "'x'::character varying"],
  ['t', "'it''s' || 'x'"],
  ["The 'at'", 'now()'],
  ["The 'at'", "'2020-01-01 00:00+02'"],
  ['m', "'it''s'"],
  ['d', "'abc'"],
  ['o', "'a'"],
  ['j', `'{"a": [1]}'`],
  ['a', "'{}'"],
  ['p', '0'],
  ['b', "'f'"],
];
const conditions = [
  'n>0',
  "s in ('x','y')",
  "m = 'ok' and (o is null or b)",
  'b',
  'n > 0 AND n < 10 AND NOT b',
  "t ~ '^[a-z]''$' OR char_length( s ) between 1 and 5",
  "\"The 'at'\" > '2020-01-01'",
  "CASE WHEN n > 1 THEN true ELSE j @> '{}' END",
  'n = any(a)',
  "coalesce(p, 0) >= 0.5 and (s,t) is distinct from ('a','b')",
];
const keys = [
  'lower(s)',
  '(n+1)',
  "(s || '-x')",
  'coalesce(n, 0)',
  "(j ->> 'a')",
  "((j -> 'a') ->> 'b')",
  '(n::text)',
  '(n is null)',
  '(case when n > 0 then s else t end)',
  "date_trunc('day', \"The 'at'\" at time zone 'UTC')",
  '(a[1])',
];
const generated: [type: string, text: string][] = [
  ['integer', 'n*2'],
  ['varchar(10)', 'lower(s)'],
  ['text', "s || 'x'"],
];

const q = (name: string) => `"${name.replaceAll('"', '""')}"`;
const all = Object.entries(columns).map(([name, type]) => `${q(name)} ${type}`);

/** As it was written, and as PostgreSQL prints it. */
async function bothForms(): Promise<{ written: Schema; live: Schema }> {
  await using database = await testDatabase({
    sql: `${types}
      create table t (${[
        ...all,
        ...defaults.map(([of, text], at) => `d${at} ${columns[of]} default ${text}`),
        ...generated.map(([type, text], at) => `g${at} ${type} generated always as (${text}) stored`),
        ...conditions.map((text, at) => `constraint c${at} check (${text})`),
      ].join(', ')});
      ${keys.map((text, at) => `create index k${at} on t (${text} desc)`).join(';')};
      ${conditions.map((text, at) => `create index w${at} on t (n) where ${text}`).join(';')}`,
  });
  const live = (await introspect(database.connection)).schema;
  const t = live.tables.get('public.t') as Table;
  const change = <V>(map: ReadonlyMap<string, V>, change: (name: string, value: V) => V) =>
    new Map([...map].map(([name, value]) => [name, change(name, value)]));
  const at = (name: string, letter: string) => (name[0] === letter && /^.\d+$/.test(name) ? Number(name.slice(1)) : -1);
  const written: Table = {
    ...t,
    columns: change(t.columns, (name, column) => ({
      ...column,
      default: defaults[at(name, 'd')]?.[1] ?? column.default,
      generated: column.generated && { ...column.generated, expression: generated[at(name, 'g')]?.[1] ?? '' },
    })),
    constraints: change(t.constraints, (name, constraint) => ({
      ...constraint,
      expression: conditions[at(name, 'c')] ?? constraint.expression,
      definition: `CHECK (${conditions[at(name, 'c')]})`,
    })),
    indexes: change(t.indexes, (name, index) => ({
      ...index,
      keys: index.keys.map((key) => ({ ...key, text: keys[at(name, 'k')] ?? key.text })),
      where: conditions[at(name, 'w')] ?? null,
      definition: '',
    })),
  };
  return { written: { ...live, tables: new Map([['public.t', written]]) }, live };
}

it('spells what was written as the table that was built with it has it', async () => {
  const { written, live } = await bothForms();
  const speller = openSpeller(scratch, written);
  const spelt = await speller.spell(written, new Set(['public.t']), { ...live, tables: new Map() });
  await speller.close();
  const [t, truth] = [spelt.tables.get('public.t') as Table, live.tables.get('public.t') as Table];
  const texts = ({ columns, constraints, indexes }: Table) => ({
    columns: [...columns.values()].map((column) => [column.name, column.default, column.generated?.expression]),
    constraints: [...constraints.values()].map(({ name, expression, definition }) => [name, expression, definition]),
    where: [...indexes.values()].map(({ name, where }) => [name, where]),
    // A key without the parentheses that only its index puts around it.
    keys: [...indexes.values()].flatMap((index) =>
      index.keys.map(({ text }) => text.replace(/^\(([\s\S]*)\)$/, '$1').trim()),
    ),
  });
  expect(texts(t)).toEqual(texts(truth));
});

it('leaves to the table what hangs on more than columns, and what PostgreSQL refuses', async () => {
  const { written } = await bothForms();
  const t = written.tables.get('public.t') as Table;
  const columnsOf = (texts: Record<string, string>) =>
    new Map(
      Object.entries(texts).map(([name, text]) => [
        name,
        { ...(t.columns.get('n') as never as object), name, default: text },
      ]),
    ) as never as Table['columns'];
  const own = {
    own: 'mine(1)',
    missing: 'nobody(1)',
    sequence: "nextval('s'::regclass)",
    breaks: '1) , x integer default (2',
    comment: '1 -- one',
  };
  const table: Table = {
    ...t,
    columns: columnsOf({ ...own, fine: '1+1' }),
    constraints: new Map(),
    indexes: new Map(),
  };
  const routine = { name: 'mine' } as never;
  const schema: Schema = {
    ...emptySchema(),
    tables: new Map([['public.t', table]]),
    routines: new Map([['m', routine]]),
  };
  const speller = openSpeller(scratch, { ...schema, routines: new Map() });
  const spelt = await speller.spell(schema, new Set(['public.t']), emptySchema());
  await speller.close();
  expect(
    Object.fromEntries(
      [...(spelt.tables.get('public.t') as Table).columns].map(([name, each]) => [name, each.default]),
    ),
  ).toEqual({
    ...own,
    fine: '(1 + 1)',
  });
});

it('builds no table where texts were all the doubt', async () => {
  const { written, live } = await bothForms();
  let databases = 0;
  const counting: ScratchServer = {
    ...scratch,
    createDatabase: (options) => {
      databases++;
      return scratch.createDatabase(options);
    },
  };
  const differs = (a: Schema, b: Schema) => {
    const [ours, theirs] = [a, b].map((one) => [...(one.tables.get('public.t') as Table).columns.values()]);
    return ours?.some((each, at) => each.default !== theirs?.[at]?.default) ?? true;
  };
  const both = await elaborateBoth(counting, written, live, (a, b) => new Set(differs(a, b) ? ['public.t'] : []));
  expect(differs(both.declared, both.live)).toBe(false);
  expect(databases).toBe(1);
});

it('asks much over two sessions, over one where there is no second, and leaves neither behind', async () => {
  const { written } = await bothForms();
  const t = written.tables.get('public.t') as Table;
  const count = 1_700;
  const columns = new Map(
    Array.from({ length: count }, (_, at) => {
      const text = at % 500 === 3 ? `nobody(${at})` : `${at}+1`;
      return [`c${at}`, { ...(t.columns.get('n') as never as object), name: `c${at}`, default: text }];
    }),
  ) as never as Table['columns'];
  const table: Table = { ...t, columns, constraints: new Map(), indexes: new Map() };
  const schema: Schema = { ...emptySchema(), tables: new Map([['public.t', table]]) };
  for (const most of [2, 1]) {
    const open = new Set<unknown>();
    const few: ScratchServer = {
      ...scratch,
      createDatabase: async (options) => {
        if (open.size === most) throw new Error('there is no room for more');
        const made = await scratch.createDatabase(options);
        open.add(made);
        return made;
      },
      dropDatabase: async (made) => {
        open.delete(made);
        await scratch.dropDatabase(made);
      },
    };
    const speller = openSpeller(few, schema);
    const spelt = await speller.spell(schema, new Set(['public.t']), emptySchema());
    expect(open.size).toBe(most);
    await speller.close();
    expect(open.size).toBe(0);
    const defaults = [...(spelt.tables.get('public.t') as Table).columns.values()].map((column) => column.default);
    expect(defaults).toEqual(
      Array.from({ length: count }, (_, at) => (at % 500 === 3 ? `nobody(${at})` : `(${at} + 1)`)),
    );
  }
});
