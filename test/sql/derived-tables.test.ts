/** Tables made of other tables: their columns as PostgreSQL makes them, or no answer. */
import { beforeAll, describe, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import type { Schema } from '../../src/model/schema.ts';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

const tables = `create table u (id serial primary key, code varchar(7) not null, at timestamptz default now(), unique (code));
  create table "My t" (id bigint not null, u_id int references u (id), tags text[], constraint ck_id check (id > 0));
  create index ix on "My t" (u_id) where id > 3;`;

const made = [
  'create table n as select * from u',
  'create table if not exists n as select u.id, t.tags as labels, u.code::text, t.id::int number from "My t" t join u on u.id = t.u_id where u.id > 3',
  'create table n (a, b) as with c as (select code, count(*) from u group by 1) select c.* from c',
  'select t.*, x.code into n from "My t" t, (select id, code from u) x where x.id = t.id',
  'create table n as select code from u union all select code from u',
  'create table n (like u)',
  'create table n (like u including all)',
  'create table n (extra int, like "My t" including defaults including constraints including indexes)',
];
const notKnown = [
  'create table n as select id + 1 as a from u',
  'create table n as select * from absent',
  'create table n as select id from u, "My t"',
  'create table n as select code from u union select tags from "My t"',
  'create table n as values (1)',
  'create table n (like absent)',
];

describe('a table made of others', () => {
  let database: TestDatabase;
  let before: Schema;
  beforeAll(async () => {
    await loadSqlParser();
    database = await testDatabase({ sql: tables });
    before = (await introspect(database.connection)).schema;
    return () => database.drop();
  });
  const read = (sql: string) =>
    parseSql(sql, {
      origin: { revision: null, file: 'x.sql', line: 1 },
      catalogue: () => ({ schema: before, searchPath: ['public'] }),
    });

  it.each(made)('%s', async (sql) => {
    const { query } = database.connection;
    await query(`drop table if exists n; ${sql}`);
    const real = (await introspect(database.connection)).schema;
    await query('drop table n');
    const ours = schemaOfOperations(read(sql), { namingConvention: null, onto: before });
    const [theirTable, ourTable] = [real, ours].map((schema) => schema.tables.get('public.n'));
    expect(read(sql)).toMatchObject([{ kind: 'createTable' }]);
    const shape = (table: typeof ourTable) => ({
      columns: [...(table?.columns.values() ?? [])].map(({ name, type, notNull, default: value }) => ({
        name,
        type,
        notNull,
        value,
      })),
      constraints: [...(table?.constraints.values() ?? [])]
        .map(({ name, type, columns }) => `${name} ${type} ${columns}`)
        .sort(),
      indexes: [...(table?.indexes.keys() ?? [])].sort(),
    });
    expect(shape(ourTable)).toEqual(shape(theirTable));
  });

  it.each(notKnown)('%s is not known', (sql) => {
    expect(read(sql)).toMatchObject([{ kind: 'opaque', objects: [{ name: 'n' }] }]);
  });

  it('asks nothing of the schema once the same text has changed it, or where it is in doubt', () => {
    expect(read('drop table u; create table n as select * from u').at(-1)).toMatchObject({ kind: 'opaque' });
    const doubtful = () => ({ schema: { ...before, suspected: new Set(['public.u']) }, searchPath: ['public'] });
    const origin = { revision: null, file: 'x.sql', line: 1 };
    expect(parseSql('create table n (like u)', { origin, catalogue: doubtful })).toMatchObject([{ kind: 'opaque' }]);
    expect(parseSql('create table n (like u)', { origin })).toMatchObject([{ kind: 'opaque' }]);
  });
});
