import { describe, expect, it } from 'vitest';
import { checkExpectations, runSeed, undoRows } from '../../src/seeds/index.ts';
import { testDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/rows.ts';
import { read } from './support.ts';

const schema = `
  CREATE TABLE parents (id int PRIMARY KEY, doc json, at timestamptz DEFAULT now(), n numeric, updated_at timestamptz);
  CREATE TABLE children (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id int REFERENCES parents ON DELETE CASCADE, up int REFERENCES children, twice int GENERATED ALWAYS AS (parent_id * 2) STORED);
  CREATE TABLE loose (a text, b bytea);
  CREATE TABLE audit (what text);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_OP); NEW.updated_at := clock_timestamp(); RETURN NEW; END $$;
  CREATE TRIGGER note BEFORE INSERT OR UPDATE ON parents FOR EACH ROW EXECUTE FUNCTION note();
  INSERT INTO parents VALUES (1, '{"b": 1,  "a":2}', '2020-01-01 00:00:00.123456+00', 1.50), (2, NULL, 'infinity', 'NaN');
  INSERT INTO children (parent_id) VALUES (1), (2);
  INSERT INTO loose VALUES ('x', '\\x00ff'), ('x', '\\x00ff');
`;

describe('rows of a seed', () => {
  it('are taken back exactly: updates, deletes, cascades, truncates, what triggers wrote, rows without a key', async () => {
    await using db = await testDatabase({ sql: schema });
    const before = await rowsOf(db.target);
    const run = await runSeed(
      db.connection,
      read(`BEGIN;
      UPDATE parents SET doc = '{"a": 3}', n = 2, at = now() WHERE id = 1;
      INSERT INTO parents (id) VALUES (3);
      DELETE FROM parents WHERE id = 2;
      INSERT INTO children (parent_id, up) VALUES (3, NULL), (3, 1);
      DELETE FROM loose WHERE ctid = (SELECT min(ctid) FROM loose);
      INSERT INTO loose VALUES ('y', NULL);
      COMMIT;`),
    );
    expect(
      Object.fromEntries(
        run.summary.map(({ table, inserted, updated, deleted }) => [table, [inserted, updated, deleted]]),
      ),
    ).toEqual({
      'public.audit': [2, 0, 0],
      'public.children': [2, 0, 1],
      'public.loose': [1, 0, 1],
      'public.parents': [1, 1, 1],
    });
    const undone = await db.connection.transaction(() => undoRows(db.connection, run.images));
    expect(undone.conflicts).toEqual([]);
    expect(await rowsOf(db.target)).toEqual(before);
    const { rows } = await db.connection.query(`SELECT doc::text AS doc FROM parents WHERE id = 1`);
    expect(rows).toEqual([{ doc: '{"b": 1,  "a":2}' }]);
    expect((await db.connection.query(`SELECT tgenabled FROM pg_trigger WHERE tgname = 'note'`)).rows).toEqual([
      { tgenabled: 'O' },
    ]);
    const emptied = await runSeed(db.connection, read('TRUNCATE parents CASCADE;'));
    await db.connection.transaction(() => undoRows(db.connection, emptied.images));
    expect(await rowsOf(db.target)).toEqual(before);
  });

  it('are kept, and named, where somebody else has changed or used them', async () => {
    await using db = await testDatabase({ sql: schema });
    const run = await runSeed(
      db.connection,
      read('INSERT INTO parents (id) VALUES (3), (4); UPDATE parents SET n = 9 WHERE id = 1;'),
    );
    await db.connection.query('INSERT INTO children (parent_id) VALUES (3); UPDATE parents SET n = 10 WHERE id = 1');
    const before = await rowsOf(db.target);
    const undone = await db.connection.transaction(() => undoRows(db.connection, run.images));
    expect(undone).toMatchObject({ removed: 0, restored: 0, reinserted: 0 });
    expect(undone.conflicts).toEqual([
      { table: 'public.parents', key: { id: '1' }, reason: 'it was changed since the seed changed it' },
      { table: 'public.parents', key: { id: '3' }, reason: '1 row of public.children refers to it' },
    ]);
    expect(await rowsOf(db.target)).toEqual(before);
  });
});

describe('a seed written for psql', () => {
  it('runs: variables, includes, conditions, COPY data, \\gset, its own settings', async () => {
    await using db = await testDatabase({ sql: schema });
    const notices: string[] = [];
    const text = `\\set ON_ERROR_STOP on
\\set who 'O''Brien'
\\set more on
\\echo seeding :who
SET search_path TO pg_catalog;
SET search_path TO public;
INSERT INTO loose VALUES (:'who', NULL);
SELECT 40 + 2 AS n \\gset p_
INSERT INTO loose VALUES (:p_n, NULL);
\\if :more
\\ir parts/more.sql
\\else
\\copy nothing from nowhere
\\endif
COPY loose (a) FROM stdin;
tab\\there
\\N
\\.
VACUUM loose;
`;
    const options = {
      readFile: (file: string) =>
        file === 'scripts/parts/more.sql' ? Buffer.from("INSERT INTO loose VALUES ('included', NULL);") : null,
      onNotice: ({ message }: { message: string }) => void notices.push(message),
    };
    await runSeed(db.connection, read(text), options);
    const { rows } = await db.connection.query<{ a: string | null }>(
      `SELECT a FROM loose WHERE a IS DISTINCT FROM 'x' ORDER BY a`,
    );
    expect(rows.map(({ a }) => a)).toEqual(['42', "O'Brien", 'included', 'tab\there', null]);
    expect(notices[0]).toBe("seeding O'Brien");
    expect(notices[1]).toMatch(/^scripts\/seed\.sql:19: left out/);
    expect((await db.connection.query('SHOW search_path')).rows).toEqual([{ search_path: '"$user", public' }]);
  });

  it.each([
    ['\\copy loose from x.csv', /^scripts\/seed\.sql:1: \\copy … from 'x\.csv': no such file/],
    ['SELECT 1;\n\\i missing.sql', /:2: \\i missing\.sql: no such file/],
    ['INSERT INTO loose VALUES (1);\nROLLBACK;', /:2: ROLLBACK/],
    [
      "INSERT INTO loose\nVALUES ('é😀', nope);",
      /:2: column "nope" does not exist\n {2}2 \| VALUES \('é😀', nope\);\n {4}\| {15}\^/,
    ],
    [
      'DO $$\nBEGIN\n  INSERT INTO children (parent_id)\n  VALUES (1),\n    (99);\nEND $$;',
      /:5: insert or update on table "children"/,
    ],
    ['SELECT 1;\n\\if maybe\n\\endif', /:2: \\if maybe/],
  ])('%s is refused with its line, and nothing stays', async (text, message) => {
    await using db = await testDatabase({ sql: schema });
    const before = await rowsOf(db.target);
    await expect(runSeed(db.connection, read(text))).rejects.toMatchObject({
      code: 'seed-failed',
      message: expect.stringMatching(message),
    });
    expect(await rowsOf(db.target)).toEqual(before);
  });
});

describe('expectations of the settings', () => {
  it('are asked, each in its kind', async () => {
    await using db = await testDatabase({
      sql: `CREATE TABLE users (id int PRIMARY KEY, hashed_password text); CREATE TABLE members (user_id int);
        INSERT INTO users VALUES (1, '$2b$12$hTAgJmV2YleZaXXrsYssteYnH2wXhstmeDQ0eYW2evWEgHzjtw/Ky'), (2, 'plain'); INSERT INTO members VALUES (1)`,
    });
    const answer = async () => new Response('all good', { status: 200 });
    const results = await checkExpectations(
      db.connection,
      [
        { name: 'a', kind: 'count', table: 'users', expected: 2 },
        { name: 'b', kind: 'count', table: 'public.users', where: 'id > 1', atLeast: 2 },
        { name: 'c', kind: 'sql', sql: 'SELECT id FROM users ORDER BY 1', expected: [1, 2] },
        { name: 'd', kind: 'reach', from: 'users', through: 'members', on: { user_id: 'id' } },
        { name: 'e', kind: 'reach', from: 'users', through: 'members', on: { user_id: 'id' }, where: 'id = 1' },
        { name: 'f', kind: 'password', table: 'users', where: 'id = 1', password: 'demo123' },
        { name: 'g', kind: 'password', table: 'users', where: 'id = 1', password: 'wrong' },
        { name: 'h', kind: 'password', table: 'users', where: 'id = 2', password: 'x' },
        { name: 'i', kind: 'http', url: 'http://localhost/health', contains: 'good' },
        { name: 'j', kind: 'http', url: 'http://localhost/health', status: 204 },
        { name: 'k', kind: 'count', table: 'nowhere', expected: 1 },
      ],
      { fetch: answer as typeof fetch },
    );
    expect(results.map(({ name, isMet }) => [name, isMet])).toEqual([
      ['a', true],
      ['b', false],
      ['c', true],
      ['d', false],
      ['e', true],
      ['f', true],
      ['g', false],
      ['h', null],
      ['i', true],
      ['j', false],
      ['k', null],
    ]);
    expect(results[3]?.message).toBe('d: expected every row reached, found 1 row without');
  });
});

describe('undo in a large table', () => {
  it('finds a row by the index of its key', async () => {
    await using db = await testDatabase({
      sql: `CREATE TABLE large ("Id" bigint, part char(3), v text, PRIMARY KEY ("Id", part));
        INSERT INTO large SELECT g, 'a', '' FROM generate_series(1, 30000) g; ANALYZE large; SET jit = off`,
    });
    const run = await runSeed(db.connection, read(`UPDATE large SET v = 'x' WHERE "Id" IN (7, 8);`));
    const sent: [string, readonly unknown[]][] = [];
    const query: typeof db.connection.query = (sql, params = []) => {
      sent.push([sql, params]);
      return db.connection.query(sql, params);
    };
    await db.connection.transaction(async () => {
      expect(await undoRows({ ...db.connection, query }, run.images)).toMatchObject({ restored: 2, conflicts: [] });
    });
    const [sql, params] = sent.find(([text]) => text.includes('FOR UPDATE')) ?? ['', []];
    const { rows } = await db.connection.query<Record<string, string>>(`EXPLAIN ${sql}`, params);
    expect(rows.map((row) => Object.values(row)[0]).join('\n')).toMatch(/Index Scan using large_pkey/);
  });
});
