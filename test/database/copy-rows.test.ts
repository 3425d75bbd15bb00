/** Rows for a rehearsal: faithful, bounded, and with every foreign key kept. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  buildSchema,
  type Connection,
  connect,
  copyRows,
  introspect,
  openScratch,
  type ScratchServer,
} from '../../src/database/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let scratch: ScratchServer;
let live: Connection;

beforeAll(async () => {
  scratch = await openScratch();
  database = await testDatabase({
    sql: `
      create type mood as enum ('a', 'it''s');
      create domain small as integer check (value < 1000);
      create table "Parent t" (id serial primary key, boss integer references "Parent t" deferrable);
      create table child (
        id bigint generated always as identity primary key, parent integer references "Parent t", m mood[], s small, d double precision,
        n numeric, b bytea, j json, t timestamptz, c char(5), x varchar(3), i interval, doubled bigint generated always as (s * 2) stored);
      create table odd (a_key integer references child (id) , note text);
      create function noisy() returns trigger language plpgsql as $$ begin raise exception 'fired'; end $$;
      insert into "Parent t" (boss) select null from generate_series(1, 20);
      update "Parent t" set boss = 21 - id;
      insert into child (parent, m, s, d, n, b, j, t, c, x, i)
        select g, array['a', 'it''s', null]::mood[], g, 0.1 + g / 3.0::float8, 12345678901234567890.123456789, '\\x00ff', '{"a":  1}',
               '2020-01-01 00:00:00.123456+02', 'ab', null, '1 mon 2 days 03:04:05.6' from generate_series(1, 20) g;
      insert into odd select g, E'tab\\t"quote" {brace} \\\\ \\n new' from generate_series(1, 20) g;
      create trigger noisy before insert on child for each row execute function noisy();
      create sequence free; select setval('free', 42);
      create table part (k integer, v text) partition by list (k);
      create table part_1 partition of part for values in (1);
      insert into part values (1, 'one');
    `,
  });
  live = await connect(database.target, { readOnly: true });
});
afterAll(async () => {
  await live.close();
  await scratch.stop();
  await database.drop();
});

async function copyOf(): Promise<{ copy: Connection; tables: string[] }> {
  const { schema } = await introspect(live);
  const copy = await scratch.createDatabase();
  expect((await buildSchema(copy, schema)).failures).toEqual([]);
  return { copy, tables: [...schema.tables.keys()] };
}

const everything = [
  'select * from "Parent t" order by id',
  'select * from child order by id',
  'select * from odd order by 1',
  'select * from part',
  'select last_value from free',
];

it('copies every value as it is, sequences too, without firing triggers', async () => {
  const { copy, tables } = await copyOf();
  const result = await copyRows(live, copy, [...tables, 'public.nowhere'], { rowsPerTable: 1000 });
  expect(result.failures).toEqual([]);
  expect(result.orphansRemoved).toBe(0);
  expect(Object.fromEntries(result.copied)).toEqual({
    'public.Parent t': { rows: 20, isComplete: true },
    'public.child': { rows: 20, isComplete: true },
    'public.odd': { rows: 20, isComplete: true },
    'public.part': { rows: 1, isComplete: true },
  });
  for (const sql of everything) expect((await copy.query(sql)).rows, sql).toEqual((await live.query(sql)).rows);
  // The next values do not collide.
  await copy.query('insert into "Parent t" default values');
  await scratch.dropDatabase(copy);
});

it('takes rows out again whose parents are beyond the bound', async () => {
  const { copy, tables } = await copyOf();
  const result = await copyRows(live, copy, tables, { rowsPerTable: 12 });
  expect(result.copied.get('public.child')).toEqual({ rows: 12, isComplete: false });
  expect(result.orphansRemoved).toBeGreaterThan(0);
  // Bosses 1…8 are employees 20…13: only 9…12 have theirs here.
  expect((await copy.query('select count(*)::int as n, min(id) as least from "Parent t"')).rows).toEqual([
    { n: 4, least: 9 },
  ]);
  expect((await copy.query('select array_agg(a_key order by a_key) as keys from odd')).rows).toEqual([
    { keys: [9, 10, 11, 12] },
  ]);
  await scratch.dropDatabase(copy);
});

it('names the tables that may not be read, and copies the others', async () => {
  const { copy, tables } = await copyOf();
  const url = await database.urlOfNewRole('grant select on "Parent t", odd to ROLE');
  const { parseDatabaseUrl } = await import('../../src/database/index.ts');
  const limited = await connect(parseDatabaseUrl(url, {}), { readOnly: true });
  const result = await copyRows(limited, copy, tables, { rowsPerTable: 1000 });
  expect(result.failures).toEqual([
    { table: 'public.child', message: 'permission denied for table child' },
    { table: 'public.part', message: 'permission denied for table part' },
  ]);
  expect((await copy.query('select count(*)::int as n from odd')).rows).toEqual([{ n: 0 }]);
  await limited.close();
  await scratch.dropDatabase(copy);
});
