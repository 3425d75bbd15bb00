/** The live schema in the declared one's words, for a ranking. */
import { expect, it } from 'vitest';
import { spelledAs } from '../../src/diff/index.ts';
import type { Difference, Drift } from '../../src/model/drift.ts';
import type { Schema } from '../../src/model/schema.ts';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

await loadSqlParser();
const schemaOf = (sql: string): Schema =>
  schemaOfOperations(parseSql(sql, { origin: { revision: null, file: 'x.sql', line: 1 }, revision: null }), {
    namingConvention: {},
    searchPath: ['public'],
  });
const drift = (...keys: string[]): Drift => ({
  differences: keys.map((key) => ({ kind: 'column', key, table: 'public.t' }) as Difference),
  comparedAt: [],
});

const declared = schemaOf(`create table t (n integer default 1, m integer default 1, constraint c check (n in (1, 2)));
  create index i on t (n) where n in (1, 2);`);
const live = schemaOf(`create table t (n integer default (1)::integer, m integer default 2, k text,
    constraint c check (n = any (array[1, 2])));
  create index i on t (n) where n = any (array[1, 2]); create table other (n integer);`);

it('takes the words of what means the same, and leaves what differs', () => {
  const spelled = spelledAs(live, declared, drift('public.t.m')).tables.get('public.t');
  const [ours, theirs] = [declared.tables.get('public.t'), live.tables.get('public.t')];
  expect(spelled?.columns.get('n')?.default).toBe(ours?.columns.get('n')?.default);
  expect(spelled?.columns.get('m')).toBe(theirs?.columns.get('m'));
  expect(spelled?.columns.get('k')).toBe(theirs?.columns.get('k'));
  expect(spelled?.constraints.get('c')?.expression).toBe(ours?.constraints.get('c')?.expression);
  expect(spelled?.indexes.get('i')?.where).toBe(ours?.indexes.get('i')?.where);
});

it('leaves what bears another name or is not declared', () => {
  const spelled = spelledAs(live, declared, drift('public.t.c', 'public.t.i', 'public.t.n', 'public.t.m'));
  expect(spelled.tables.get('public.t')?.constraints.get('c')).toBe(live.tables.get('public.t')?.constraints.get('c'));
  expect(spelled.tables.get('public.other')).toBe(live.tables.get('public.other'));
});

it('takes the whole table where nothing of it differs', () => {
  expect(spelledAs(live, declared, drift()).tables.get('public.t')).toBe(declared.tables.get('public.t'));
});
