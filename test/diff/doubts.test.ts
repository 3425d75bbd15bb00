/** What PostgreSQL is asked about. */
import { expect, it } from 'vitest';
import { withLentTypes, withoutLentTypes } from '../../src/diff/doubts.ts';
import { asDeclared, compareSchemas, keysInDoubt, toBeBuilt } from '../../src/diff/index.ts';
import { unreadableType } from '../../src/model/definition.ts';
import type { LiveDatabase } from '../../src/model/live.ts';
import type { Column, Schema } from '../../src/model/schema.ts';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

await loadSqlParser();
const origin = { revision: null, file: 'x.sql', line: 1 };
const schemaOf = (sql: string): Schema =>
  schemaOfOperations(parseSql(sql, { origin, revision: null }), { namingConvention: {}, searchPath: ['public'] });

const base = schemaOf(`create table a (n integer default 1, s text check (s <> ''));
  create table b (n integer); create index b_n on b (n) where n > 0; create table c (n integer);`);

it('asks about nothing where nothing differs', () => {
  expect(keysInDoubt(base, base)).toEqual(new Set());
});

it('asks about the table of a differing text, and once about what differs in structure', () => {
  const live = schemaOf(`create table a (n integer default (2 - 1), s text check (s <> ''));
    create table b (n integer); create index b_n on b (n) where n > 0; create table c (n bigint);`);
  expect(keysInDoubt(base, live)).toEqual(new Set(['public.a', 'public.c']));
  expect(keysInDoubt(base, live, {}, 1)).toEqual(new Set(['public.a']));
});

it('asks about a check that is gone only where another came', () => {
  const without = schemaOf(`create table a (n integer default 1, s text);
    create table b (n integer); create index b_n on b (n) where n > 0; create table c (n integer);`);
  expect(keysInDoubt(base, without)).toEqual(new Set());
  const other = schemaOf(`create table a (n integer default 1, s text, constraint x check (not s = ''));
    create table b (n integer); create index b_n on b (n) where n > 0; create table c (n integer);`);
  expect(keysInDoubt(base, other)).toEqual(new Set(['public.a']));
});

it('asks about a view that is gone only where another came', () => {
  const view = (name: string) => schemaOf(`create table t (a int); create view ${name} as select a from t;`);
  const none = schemaOf('create table t (a int)');
  expect(keysInDoubt(view('v'), none)).toEqual(new Set());
  const other = schemaOf('create table t (a int); create view w as select t.a from t;');
  expect(keysInDoubt(view('v'), other)).toEqual(new Set(['public.v', 'public.w']));
  expect(keysInDoubt(view('v'), view('w'))).toEqual(new Set());
});

it('lends a type that was not read, and takes it back', () => {
  const a = base.tables.get('public.a')!;
  const unread = {
    ...base,
    tables: new Map(base.tables).set('public.a', {
      ...a,
      columns: new Map(a.columns).set('n', { ...(a.columns.get('n') as Column), type: unreadableType }),
    }),
  };
  const lent = withLentTypes(unread, base);
  expect(lent.tables.get('public.a')?.columns.get('n')?.type).toBe('integer');
  expect(lent.tables.get('public.b')).toBe(base.tables.get('public.b'));
  expect(withoutLentTypes(lent, unread).tables.get('public.a')?.columns.get('n')?.type).toBe(unreadableType);
});

it('tells of no sequence that nobody draws from, and of one whose default is lost', () => {
  const serial = schemaOf('create table t (id serial)');
  const leftover = schemaOf('create table t (id serial); alter table t alter id drop default;');
  const plain = schemaOf('create table t (id integer not null)');
  expect(compareSchemas(leftover, plain).differences).toEqual([]);
  expect(compareSchemas(serial, plain).differences).toMatchObject([{ key: 'public.t.id', direction: 'altered' }]);
});

it('says the same however often the two were compared before, in whoever’s words', () => {
  const other = schemaOf(`create table a (n integer default 2, s text, constraint x check (s > ''));
    create table b (n integer); create index b_n on b (n) where n > 1;`);
  for (const live of [other, schemaOf('create table a (n integer default 2, s text check (s <> $$$$));'), base]) {
    const ways = [{}, { elaborated: true }, { managedNamespaces: new Set<string>() }, { isIgnored: () => true }];
    const fresh = ways.map((options) => compareSchemas(structuredClone(base), structuredClone(live), options));
    for (const way of [...ways.keys(), ...ways.keys()].reverse()) {
      keysInDoubt(base, live);
      expect(compareSchemas(base, live, ways[way])).toEqual(fresh[way]);
    }
  }
});

it('takes a type of the project for its own, whatever an extension elsewhere calls its tables', () => {
  const sql = "create type state as enum ('on'); create table a (s state, ss state[], m citext);";
  const declared = schemaOf(sql);
  const live = schemaOf(sql.replace('citext', 'ext.citext'));
  const extensionObjects = new Set(['tiger.state', 'tiger.place', 'ext.citext', 'ext.citext_eq(a ext.citext)']);
  expect(compareSchemas(declared, live, { extensionObjects }).differences).toEqual([]);
  const facts = { extensionObjects, schema: live } as unknown as LiveDatabase;
  const columns = toBeBuilt(declared, facts).tables.get('public.a')?.columns.values() ?? [];
  expect([...columns].map(({ type }) => type)).toEqual(['state', 'state[]', 'ext.citext']);
  expect(asDeclared(toBeBuilt(declared, facts), declared, facts).tables.get('public.a')).toEqual(
    declared.tables.get('public.a'),
  );
});

it('tells of a partition detached the table alone, and of a view whose column is renamed not its index too', () => {
  const parts = `create table p (id int primary key, at int) partition by range (id);
    create index p_at on p (at); create table p1 partition of p for values from (1) to (9);`;
  const detached = schemaOf(`${parts} alter table p detach partition p1;`);
  const told = (ours: Schema, theirs: Schema) =>
    compareSchemas(ours, theirs, { elaborated: true })
      .differences.filter(({ causedBy }) => causedBy === undefined)
      .map(({ kind, direction, key }) => `${kind} ${direction} ${key}`);
  expect(told(schemaOf(parts), detached)).toEqual(['table altered public.p1']);
  expect(told(detached, schemaOf(parts))).toEqual(['table altered public.p1']);
  const view = (column: string) =>
    schemaOf(`create table t (a int); create materialized view v as select a as ${column} from t;
      create index v_i on v (${column});`);
  expect(told(view('a'), view('b'))).toEqual(['view altered public.v']);
});
