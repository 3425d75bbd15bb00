import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openScratch, type ScratchServer } from '../../src/database/index.ts';
import { testDatabase } from '../support/postgres.ts';

describe('a scratch server', () => {
  let server: ScratchServer;
  beforeAll(async () => {
    server = await openScratch();
  });
  afterAll(() => server.stop());

  it('gives databases whose user is no superuser', async () => {
    const connection = await server.createDatabase();
    const { rows } = await connection.query(
      `select current_setting('is_superuser') as super, current_database() ~ '^chain_scratch_' as named`,
    );
    expect(rows).toEqual([{ super: 'off', named: true }]);
    await connection.query('create table t (id int primary key)');
    await server.dropDatabase(connection);
  });
});

describe('the test server', () => {
  it('gives a database with the wanted SQL in it', async () => {
    await using database = await testDatabase({ sql: 'create table a (b text); insert into a values (1)' });
    const { rows } = await database.connection.query('select b from a');
    expect(rows).toEqual([{ b: '1' }]);
  });
});
