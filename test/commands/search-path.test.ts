/** Where unqualified names go is the session's matter: one database, many schemas with the same chain. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../support/in-process.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import type { MadeProject } from '../support/revision-files.ts';
import { sqlProject } from '../support/sql-project.ts';

const users = (schema: string) => `create table ${schema}.users (id serial primary key, email text not null unique)`;
const versions = (schema: string, row: string) =>
  `create table ${schema}.alembic_version (version_num varchar(32) primary key); insert into ${schema}.alembic_version values ('${row}')`;

let project: MadeProject;
let database: TestDatabase;
beforeAll(async () => {
  project = sqlProject(
    {
      a1a1c0ffee01: { sql: 'CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE)' },
      b2b2c0ffee02: {
        after: 'a1a1c0ffee01',
        sql: 'CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users)',
      },
    },
    {
      'alembic/env.py': 'from alembic import context\nfrom models import Base\ntarget_metadata = Base.metadata\n',
      'models.py': `from sqlalchemy import Column, ForeignKey, Integer, Text
from sqlalchemy.orm import declarative_base
Base = declarative_base()
class User(Base):
    __tablename__ = 'users'
    id = Column(Integer, primary_key=True)
    email = Column(Text, nullable=False, unique=True)
class Order(Base):
    __tablename__ = 'orders'
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer, ForeignKey('users.id'))
`,
    },
  );
  database = await testDatabase({
    sql: `create schema one; create schema two; create schema three; create schema svc;
      ${users('one')}; ${versions('one', 'a1a1c0ffee01')};
      ${users('two')}; ${versions('two', 'b2b2c0ffee02')};
      ${versions('three', 'a1a1c0ffee01')};
      ${users('public')}; ${versions('public', '0ther0ther01')}; create table public.theirs (id int);
      create table two.orders (id int primary key, user_id int references two.users)`,
  });
});
afterAll(async () => {
  project.remove();
  await database.drop();
});

async function doctorOn(path: string): Promise<string[]> {
  const url = `${database.url}&options=${encodeURIComponent(`-c search_path=${path}`)}`;
  const { report } = await run('doctor', { project: project.dir, url, format: 'json', scratch: false });
  return report()
    .findings.filter(({ rule }) => rule !== 'foreign-key-without-index' && rule !== 'irreversible-downgrade')
    .map(({ key }) => key);
}

it('compares each with what stands in its own', async () => {
  expect(await doctorOn('two')).toEqual([]);
  expect(await doctorOn('one,public')).toEqual(['pending-revisions:one.alembic_version']);
});

it('takes what another copy of the chain has for no table of this one that was moved', async () => {
  expect(await doctorOn('three')).toEqual([
    'declared-table-missing:three.users',
    'pending-revisions:three.alembic_version',
  ]);
});

it('still sees the row of another application through an empty schema in front', async () => {
  expect(await doctorOn('svc,public')).toContain('foreign-version-row:public.alembic_version');
});

it('knows the types of extensions that live in a schema of their own', async () => {
  const sql = `
    CREATE EXTENSION IF NOT EXISTS citext;
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE TABLE people (mail citext NOT NULL DEFAULT 'x', mails citext[], h hstore, name text, CHECK (mail <> 'a'::citext));
    CREATE INDEX people_name ON people USING gin (name gin_trgm_ops);
    CREATE INDEX people_mail ON people (lower(mail)) WHERE mail = 'a'::citext;
    CREATE VIEW mails AS SELECT mail, h FROM people WHERE mail <> '';
    CREATE DOMAIN address AS citext CHECK (VALUE ~ '@');
    CREATE FUNCTION plain(a citext, b int) RETURNS citext LANGUAGE sql AS 'SELECT a'`;
  const own = sqlProject({ c3c3c0ffee03: { sql } });
  await using elsewhere = await testDatabase({
    sql: `create schema extensions; create extension citext schema extensions; create extension pg_trgm schema extensions;
      create extension hstore schema extensions; set search_path = "$user", public, extensions; ${sql}; ${versions('public', 'c3c3c0ffee03')}`,
  });
  const findings = async () => {
    const { report } = await run('doctor', { project: own.dir, url: elsewhere.url, format: 'json' });
    return report().findings.map(({ key }) => key);
  };
  expect(await findings()).toEqual(['unexpected-object:hstore']);
  await elsewhere.connection.query(`alter table people alter mail set default 'y', alter mails type text[];
    drop index people_name; create index people_name on people using gin (name extensions.gin_trgm_ops) where name <> ''`);
  expect(await findings()).toEqual([
    'column-type-altered:public.people.mails',
    'column-default-altered:public.people.mail',
    'index-altered:public.people.people_name',
    'unexpected-object:hstore',
  ]);
  own.remove();
});
