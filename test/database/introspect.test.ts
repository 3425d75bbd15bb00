import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, introspect } from '../../src/database/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({
    sql: `create type mood as enum ('a', 'b');
          create table t (id serial primary key, m mood not null default 'a', n varchar(3) check (n <> ''));
          create index on t (lower(n) desc) where n is not null;
          create table alembic_version (version_num varchar(32) primary key);
          insert into alembic_version values ('abc');
          create schema chain; create table chain.units (id int);`,
  });
});
afterAll(() => database.drop());

it('reads a small database', async () => {
  const connection = await connect(database.target, { readOnly: true });
  const live = await introspect(connection);
  await connection.close();
  expect([...live.schema.tables.keys()]).toEqual(['public.t']);
  expect(live.versionTables).toMatchObject([
    { key: 'public.alembic_version', rows: ['abc'], width: 32, isResolved: true },
  ]);
  expect(live.schema.tables.get('public.t')?.columns.get('m')).toMatchObject({ type: 'mood', default: `'a'::mood` });
  expect(live.schema.tables.get('public.t')?.columns.get('id')).toMatchObject({ ownedSequence: 'public.t_id_seq' });
  expect([...(live.schema.tables.get('public.t')?.indexes.values() ?? [])]).toMatchObject([
    {
      name: 't_lower_idx',
      keyTexts: ['lower(n::text)'],
      where: '(n IS NOT NULL)',
      keys: [{ descending: true, isExpression: true }],
    },
  ]);
});
