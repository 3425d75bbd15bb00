import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

beforeAll(loadSqlParser);

const read = (body: string) => parseSql(`DO $$\n${body}\n$$`, { origin: { file: 'r.py', line: 1, revision: 'r' } });
const kinds = (body: string) => read(body).map(({ kind }) => kind);

describe('DO blocks', () => {
  it('takes a probe for the object itself as IF NOT EXISTS', () => {
    const [operation] = read(
      "BEGIN\n IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'mood') THEN\n  CREATE TYPE mood AS ENUM ('a');\n END IF;\nEND",
    );
    expect(operation).toMatchObject({
      kind: 'createEnum',
      ifNotExists: true,
      origin: { line: 4 },
      sql: "CREATE TYPE mood AS ENUM ('a')",
    });
    expect(operation).not.toHaveProperty('condition');
  });

  it('reads the name in a regclass, quoted and with its schema', () => {
    const [operation] = read(
      `BEGIN IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = 'port."Berth"'::regclass AND i.indisunique) THEN CREATE INDEX x ON port."Berth" (a); END IF; END`,
    );
    expect(operation).toMatchObject({ kind: 'createIndex', ifNotExists: true });
    expect(operation).not.toHaveProperty('condition');
  });

  it('takes handlers for duplicates as IF NOT EXISTS', () => {
    expect(read("BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END")).toMatchObject([
      { kind: 'createEnum', ifNotExists: true },
    ]);
    expect(read("BEGIN ALTER TABLE t ADD a int; EXCEPTION WHEN SQLSTATE '42701' THEN NULL; END")).toMatchObject([
      { kind: 'addColumn', ifNotExists: true },
    ]);
    expect(read('BEGIN DROP TABLE t; EXCEPTION WHEN undefined_table THEN RAISE NOTICE $a$x$a$; END')).toMatchObject([
      { kind: 'dropTable', ifExists: true },
    ]);
    expect(read('BEGIN CREATE TABLE t (); EXCEPTION WHEN OTHERS THEN RAISE; END')[0]).not.toHaveProperty('ifNotExists');
    expect(read('BEGIN CREATE TABLE t (); EXCEPTION WHEN OTHERS THEN NULL; END')[0]).toHaveProperty('condition');
  });

  it('follows probes through variables', () => {
    const counted =
      "DECLARE n int; BEGIN SELECT count(*) INTO n FROM information_schema.columns WHERE table_name = 't' AND column_name = 'a'; IF n = 0 THEN ALTER TABLE t ADD a int; END IF; END";
    expect(read(counted)[1]).toMatchObject({ kind: 'addColumn', ifNotExists: true });
    const found =
      "BEGIN PERFORM 1 FROM pg_constraint WHERE conname = 'k'; IF NOT FOUND THEN ALTER TABLE t ADD CONSTRAINT k CHECK (true); END IF; END";
    expect(read(found)[1]).toMatchObject({ kind: 'addConstraint', ifNotExists: true });
    const early =
      "BEGIN IF EXISTS (SELECT FROM pg_class WHERE relname = 't') THEN RETURN; END IF; CREATE TABLE t (a int); END";
    expect(read(early)).toMatchObject([{ kind: 'createTable', ifNotExists: true }]);
    expect(read(early)[0]).not.toHaveProperty('condition');
  });

  it('takes a probe for an object that is changed as IF EXISTS, in both branches', () => {
    const body =
      "BEGIN IF EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 't' AND column_name = 'old') THEN ALTER TABLE t RENAME COLUMN old TO new; ELSE ALTER TABLE t ADD new int; END IF; END";
    expect(read(body)).toMatchObject([
      { kind: 'renameColumn', ifTargetExists: true },
      { kind: 'addColumn', ifNotExists: true },
    ]);
  });

  it('tells other conditions', () => {
    expect(read('BEGIN IF (SELECT count(*) FROM users) > 5 THEN DROP TABLE t; END IF; END')).toMatchObject([
      { kind: 'dropTable', condition: '(SELECT count(*) FROM users) > 5' },
    ]);
  });

  it('reads EXECUTE of known text, and loops over known values', () => {
    expect(
      read("DECLARE tbl text := 'my table'; BEGIN EXECUTE format('ALTER TABLE %I ADD COLUMN %s int', tbl, 'a'); END"),
    ).toMatchObject([{ kind: 'addColumn', table: { name: 'my table' } }]);
    expect(
      read(
        "DECLARE x text; BEGIN FOREACH x IN ARRAY ARRAY['a', 'b'] LOOP EXECUTE 'DROP TABLE ' || quote_ident(x); END LOOP; END",
      ),
    ).toMatchObject([{ table: { name: 'a' } }, { table: { name: 'b' } }]);
    expect(read("BEGIN FOR i IN 1..2 LOOP EXECUTE 'DROP TABLE t' || i; END LOOP; END")).toMatchObject([
      { table: { name: 't1' } },
      { table: { name: 't2' } },
    ]);
  });

  it('is opaque where only running could tell, with what is known', () => {
    const body =
      "DECLARE r record; BEGIN FOR r IN SELECT conname FROM pg_constraint LOOP EXECUTE 'ALTER TABLE users DROP CONSTRAINT ' || r.conname; END LOOP; END";
    expect(read(body)).toMatchObject([{ kind: 'opaque', objects: [{ schema: null, name: 'users' }] }]);
    expect(read("BEGIN EXECUTE 'DROP TABLE ' || current_setting('x'); END")).toMatchObject([
      { kind: 'opaque', objects: [] },
    ]);
    expect(kinds("BEGIN EXECUTE 'UPDATE t SET a = ' || random(); END")).toEqual(['touchRows']);
  });

  it('reads a quoted body and refuses a broken one', () => {
    expect(
      parseSql("DO 'BEGIN CREATE TABLE q (a text DEFAULT ''x''); END'", {
        origin: { file: 'f', line: 1, revision: null },
      }),
    ).toMatchObject([{ table: { columns: [{ default: "'x'" }] } }]);
    expect(read('BEGIN CREATE TABL x; END')).toMatchObject([
      { kind: 'opaque', reason: 'syntax error at or near "TABL"' },
    ]);
    expect(read('BEGIN IF THEN')).toMatchObject([{ kind: 'opaque' }]);
  });
});
