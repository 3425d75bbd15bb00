/** Questions of DO blocks to the catalogue, answered from the schema so far as PostgreSQL answers them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import type { Schema } from '../../src/model/schema.ts';
import { askCatalogue } from '../../src/sql/catalogue-query.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

const tables = `create table far (id int primary key, code text unique);
  create table "My t" (id int primary key, far_id int references far (id), code text constraint ck_code check (code <> ''),
    constraint fk_code foreign key (code) references far (code));
  create index ix_far on "My t" (far_id); create index ix_code on "My t" (code);
  create schema app; create table app.t (id int primary key, far_id int references far (id) on delete cascade);
  create sequence counter; create view seen as select id from far; create materialized view kept as select id from far;
  create index ix_kept on kept (id); create unique index ix_lower on far (lower(code), id);
  create function f() returns trigger language plpgsql as 'begin return new; end';
  create trigger watch before insert on far execute function f(); create policy own on far using (true);`;

let database: TestDatabase;
let schema: Schema;
beforeAll(async () => {
  await loadSqlParser();
  database = await testDatabase({ sql: tables });
  schema = (await introspect(database.connection)).schema;
  return () => database.drop();
});

const questions = [
  `SELECT conname FROM pg_constraint c JOIN pg_class t ON c.conrelid = t.oid WHERE c.contype = 'f' AND t.relname = 'My t'
     AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'far_id')`,
  `SELECT conname FROM pg_constraint WHERE conrelid = '"My t"'::regclass AND contype IN ('f', 'c')`,
  `SELECT con.conname FROM pg_catalog.pg_constraint con INNER JOIN pg_catalog.pg_class rel ON rel.oid = con.conrelid
     INNER JOIN pg_catalog.pg_namespace nsp ON nsp.oid = rel.relnamespace
     JOIN pg_attribute att ON att.attrelid = rel.oid AND att.attnum = ANY(con.conkey)
     WHERE nsp.nspname = 'app' AND rel.relname = 't' AND att.attname = 'far_id' AND con.contype = 'f'`,
  `SELECT tc.constraint_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu
     USING (constraint_schema, constraint_name) WHERE tc.table_name = 'My t' AND tc.constraint_type = 'FOREIGN KEY' AND kcu.column_name = 'code'`,
  `SELECT conname AS name, conrelid::regclass::text AS on_table FROM pg_constraint WHERE confrelid = 'far'::regclass`,
  `SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'My t' AND indexname LIKE 'ix\\_%'`,
  `SELECT tablename FROM pg_tables WHERE schemaname = 'app' AND NOT tablename = 'other'`,
  `SELECT column_name FROM information_schema.columns WHERE table_name = 'My t' AND is_nullable = 'YES'`,
  `SELECT conname FROM pg_constraint WHERE conname = 'nobody'`,
  `SELECT relname, relkind FROM pg_class WHERE relname IN ('ix_far', 'far_pkey', 'counter', 'seen', 'kept', 'ix_kept', 'nobody')`,
  `SELECT 1 AS one FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'ix_code' AND n.nspname = 'public'`,
  `SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
     WHERE t.relname IN ('My t', 'far') AND NOT x.indisprimary AND x.indisvalid`,
  `SELECT i.relname FROM pg_class t JOIN pg_index ix ON t.oid = ix.indrelid JOIN pg_class i ON i.oid = ix.indexrelid
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY(ix.indkey) WHERE t.relname = 'far' AND a.attname = 'id' AND ix.indisunique`,
  `SELECT indexname FROM pg_indexes WHERE tablename IN ('kept', 'far')`,
  `SELECT tc.table_name, tc.constraint_name, kcu.column_name, ccu.table_name AS far_table, ccu.column_name AS far_column
     FROM information_schema.table_constraints AS tc JOIN information_schema.key_column_usage AS kcu
     ON tc.constraint_name = kcu.constraint_name AND tc.table_schema = kcu.table_schema
     JOIN information_schema.constraint_column_usage AS ccu ON ccu.constraint_name = tc.constraint_name AND ccu.table_schema = 'public'
     WHERE tc.constraint_type = 'FOREIGN KEY' AND ccu.table_name = 'far'`,
  `SELECT rc.constraint_name, rc.delete_rule, rc.unique_constraint_name FROM information_schema.referential_constraints rc
     WHERE rc.constraint_schema = 'app'`,
  `SELECT tgname FROM pg_trigger WHERE tgrelid = 'far'::regclass AND NOT tgisinternal`,
  `SELECT 1 AS one FROM pg_trigger WHERE tgname = 'watch'`,
  `SELECT 1 AS one FROM pg_extension WHERE extname = 'plpgsql'`,
  `SELECT extname FROM pg_extension WHERE extname = 'citext'`,
  `SELECT viewname FROM pg_views WHERE schemaname = 'public'`,
  `SELECT matviewname FROM pg_matviews WHERE matviewname = 'kept'`,
  `SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'`,
  `SELECT policyname FROM pg_policies WHERE tablename = 'far'`,
  `SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'app'`,
  `SELECT table_name FROM information_schema.views WHERE table_schema = 'public'`,
];

describe('asks PostgreSQL nothing that it can tell', () => {
  it.each(questions)('%s', async (question) => {
    const { rows } = await database.connection.query<Record<string, unknown>>(question);
    const answer = askCatalogue(question, { schema, searchPath: ['public'] }, new Map());
    const sorted = (all: unknown[]) => all.map((each) => JSON.stringify(each)).sort();
    expect(sorted(answer?.rows.map((row) => Object.fromEntries(row)) ?? ['none'])).toEqual(sorted(rows));
  });
});

it('has no answer where it is not sure', () => {
  const ask = (question: string, of: Schema = schema) =>
    askCatalogue(question, { schema: of, searchPath: ['public'] }, new Map());
  const mine = "SELECT conname FROM pg_constraint WHERE conrelid = 'app.t'::regclass";
  for (const question of [
    "SELECT max(oid) FROM pg_constraint WHERE conname = 'x'",
    "SELECT count(*) FROM pg_constraint WHERE contype = 'p'",
    'SELECT conname FROM pg_constraint WHERE oid > 100',
    'SELECT id FROM far',
    "SELECT tgname FROM pg_trigger WHERE tgrelid = 'far'::regclass",
    'SELECT relname FROM pg_class',
    "SELECT conname FROM pg_constraint WHERE contype = 'p'",
    "SELECT conname FROM pg_constraint WHERE conrelid = 'gone'::regclass",
    'SELECT conname FROM pg_constraint LIMIT 1',
    'SELECT conname FROM pg_constraint WHERE conname = somebody',
  ])
    expect(ask(question), question).toBeNull();
  const told = (question: string, of: Schema = schema) => {
    const answer = ask(question, of);
    return answer && [answer.rows.length, answer.isCertain];
  };
  expect(told(mine)).toEqual([2, true]);
  expect(told(mine, { ...schema, suspected: { allBut: new Set() } })).toEqual([2, false]);
  expect(told(mine, { ...schema, suspected: new Set(['app.t']) })).toEqual([2, false]);
  expect(told(mine, { ...schema, suspected: { allBut: new Set(schema.tables.keys()) } })).toEqual([2, true]);
  const doubtful = { ...schema, suspected: new Set(['public.far']) };
  expect(told(mine, doubtful)).toEqual([2, true]);
  const all = "SELECT conname FROM pg_constraint WHERE contype = 'f'";
  expect(told(all)).toEqual([3, true]);
  expect(told(all, doubtful)).toEqual([3, false]);
});

const read = (sql: string, of: Schema = schema) =>
  parseSql(sql, {
    origin: { revision: null, file: 'x.py', line: 1 },
    catalogue: () => ({ schema: of, searchPath: ['public'] }),
  }).map((each) => [each.kind, (each as { constraint?: unknown }).constraint ?? null, each.condition ?? null]);

const loop = `DO $$ DECLARE r RECORD; BEGIN
  FOR r IN (SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = '"My t"'::regclass) LOOP
    EXECUTE format('ALTER TABLE "My t" DROP CONSTRAINT IF EXISTS %I', r.conname);
  END LOOP; END $$`;
const into = (test: string, otherwise = '') => `DO $$ DECLARE v text; BEGIN
  SELECT conname INTO v FROM pg_constraint WHERE contype = 'f' AND conrelid = 'app.t'::regclass;
  IF ${test} THEN EXECUTE 'ALTER TABLE app.t DROP CONSTRAINT ' || quote_ident(v); ${otherwise} END IF; END $$`;

it('a loop over what the catalogue has is read round by round', () => {
  expect(read(loop)).toEqual([
    ['dropConstraint', 'My t_far_id_fkey', null],
    ['dropConstraint', 'fk_code', null],
  ]);
  // What changed before is not in the schema that is asked.
  expect(read(`ALTER TABLE "My t" ADD n int; ${loop}`).map(([kind]) => kind)).toEqual(['addColumn', 'opaque']);
  // What is in doubt is read as an assumption.
  for (const [kind, , condition] of read(loop, { ...schema, suspected: { allBut: new Set() } })) {
    expect(kind).toBe('dropConstraint');
    expect(condition).toContain('the lines that were read');
  }
});

it('a name selected into a variable is known, and so is whether there was one', () => {
  const dropped = ['dropConstraint', 't_far_id_fkey', null];
  expect(read(into('v IS NOT NULL')).filter(([kind]) => kind !== 'touchRows')).toEqual([dropped]);
  expect(read(into('FOUND')).filter(([kind]) => kind !== 'touchRows')).toEqual([dropped]);
  expect(read(into('v IS NULL')).filter(([kind]) => kind !== 'touchRows')).toEqual([]);
  expect(read(into('NOT FOUND', 'ELSE ALTER TABLE app.t ADD n int;')).filter(([kind]) => kind !== 'touchRows')).toEqual(
    [['addColumn', null, null]],
  );
});
