/** A role that sees half of a database, and servers set up otherwise than usual: never "missing", never another answer. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../support/in-process.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import type { MadeProject } from '../support/revision-files.ts';
import { sqlProject } from '../support/sql-project.ts';

const sql = `
  CREATE SCHEMA hidden;
  CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
  CREATE DOMAIN code AS text CHECK (VALUE <> 'a\\b');
  CREATE TABLE people (id serial PRIMARY KEY, mood mood DEFAULT 'sad', moods mood[], code code, made timestamptz DEFAULT '2020-02-03 04:05:06+00',
    wait interval DEFAULT '1 day 02:03', part double precision DEFAULT 0.1, raw bytea DEFAULT '\\x00ff', note text CHECK (note <> 'it''s'));
  CREATE INDEX people_note ON people (lower(note)) WHERE made > '2020-01-02 03:04:05+00';
  CREATE TABLE hidden.secrets (id int PRIMARY KEY, person int REFERENCES people, mood mood NOT NULL);
  CREATE INDEX secrets_person ON hidden.secrets (person);
  CREATE VIEW hidden.all_secrets AS SELECT id, mood FROM hidden.secrets;
  CREATE FUNCTION worst(a mood) RETURNS mood LANGUAGE sql AS 'SELECT a'`;
const versions = `create table hidden.alembic_version (version_num varchar(32) primary key); insert into hidden.alembic_version values ('a1a1c0ffee01')`;

let project: MadeProject;
let database: TestDatabase;
beforeAll(async () => {
  const env = "from alembic import context\ncontext.configure(connection=None, version_table_schema='hidden')\n";
  project = sqlProject({ a1a1c0ffee01: { sql } }, { 'alembic/env.py': env });
  database = await testDatabase({ sql: `${sql}; ${versions}` });
});
afterAll(async () => {
  project.remove();
  await database.drop();
});

async function doctorAs(url: string) {
  const { exitCode, error, report } = await run('doctor', { project: project.dir, url, format: 'json' });
  expect(error).toBeNull();
  const { findings, notChecked } = report();
  return { exitCode, keys: findings.map(({ key }) => key), notChecked };
}

it('calls nothing missing that a role may not reach', async () => {
  const url = await database.urlOfNewRole('grant select on people to ROLE');
  const { exitCode, keys } = await doctorAs(url);
  expect(exitCode).toBe(3);
  expect(keys).toEqual(['insufficient-privileges:hidden.alembic_version', 'insufficient-privileges:hidden.secrets']);
  const { out } = await run('locate', { project: project.dir, url });
  expect(out).toContain('hidden.alembic_version may not be read. It looks like:');
});

it('nor where the role may not use `public` itself, which PostgreSQL then qualifies', async () => {
  await database.connection.query('revoke usage on schema public from public');
  const { exitCode, keys } = await doctorAs(await database.urlOfNewRole('grant usage on schema hidden to ROLE'));
  await database.connection.query('grant usage on schema public to public');
  expect(exitCode).toBe(3);
  expect(keys).toEqual([
    'insufficient-privileges:hidden.alembic_version',
    'insufficient-privileges:hidden.secrets',
    'insufficient-privileges:public.people',
  ]);
});

it('says the same of a database whatever its settings', async () => {
  expect(await doctorAs(database.url)).toMatchObject({ exitCode: 0, keys: [] });
  const settings = [
    `search_path = ''`,
    'standard_conforming_strings = off',
    `datestyle = 'German, DMY'`,
    `intervalstyle = 'iso_8601'`,
    `timezone = 'Asia/Kathmandu'`,
    `bytea_output = 'escape'`,
    `client_encoding = 'SQL_ASCII'`,
    'quote_all_identifiers = on',
    'extra_float_digits = -15',
    'row_security = off',
    'default_transaction_read_only = on',
    `default_transaction_isolation = 'serializable'`,
    'statement_timeout = 1',
    'lock_timeout = 1',
    `idle_in_transaction_session_timeout = '1s'`,
    `client_min_messages = 'debug5'`,
    'array_nulls = off',
    `xmloption = 'document'`,
  ];
  const url = await database.urlOfNewRole(
    `alter role ROLE superuser; ${settings.map((setting) => `alter role ROLE set ${setting}`).join('; ')}`,
  );
  expect(await doctorAs(url)).toMatchObject({ exitCode: 0, keys: [] });
});
