import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChainError } from '../../src/errors.ts';
import {
  checkExpectations,
  deriveExpectations,
  projectFiles,
  type RowImage,
  readSeed,
  runSeed,
  undoRows,
} from '../../src/seeds/index.ts';
import { testDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/rows.ts';
import { patched, read, worldOf } from './support.ts';

const incident = new URL('../../fixtures/incident/', import.meta.url);
const database = readFileSync(new URL('database.sql', incident), 'utf8');
const seed = readFileSync(new URL('scripts/seed_demo_data.sql', incident), 'utf8');
const missing = `
  CREATE TABLE tenant_roles (id varchar(36) PRIMARY KEY, tenant_id varchar(36) REFERENCES tenants (id) ON DELETE CASCADE, name varchar(100) NOT NULL, permissions json NOT NULL, is_system_role boolean DEFAULT false);
  CREATE TABLE platform_connections (id varchar(36) PRIMARY KEY, tenant_id varchar(36) REFERENCES tenants (id), brand_id varchar(36) REFERENCES brands (id), user_id varchar(36) REFERENCES users (id), platform text, account_id text, account_name text, status text, created_at timestamp, updated_at timestamp);
`;

describe('the incident seed', () => {
  it('fails as it is, says where, and leaves nothing behind', async () => {
    await using db = await testDatabase({ sql: database + missing });
    const before = await rowsOf(db.target);
    await expect(runSeed(db.connection, read(seed))).rejects.toMatchObject({
      code: 'seed-failed',
      message: expect.stringMatching(
        /^scripts\/seed\.sql:71: insert or update on table "tenant_users".*\n {2}Key \(user_id\)=\(user-demo-main\).*\n {2}71 \| .*\n +\| +\^$/,
      ),
    });
    expect(await rowsOf(db.target)).toEqual(before);
  });

  it('runs once patched, fulfils what it promises, changes nothing more the second time, and is taken back row by row', async () => {
    await using db = await testDatabase({ sql: database + missing });
    const world = worldOf(database + missing);
    const { text, refused } = patched(seed, world, {
      resolveIds: true,
      makeSkipsLoud: true,
      fillColumns: [{ table: 'public.brand_members', column: 'id' }],
    });
    expect(refused).toEqual([]);
    const reading = read(text);
    const before = await rowsOf(db.target);
    const kept: RowImage[] = [];
    const notices: string[] = [];
    const run = await runSeed(db.connection, reading, {
      onNotice: ({ message }) => notices.push(message),
      onRowImages: async (images) => void kept.push(...images),
    });
    expect(notices[0]).toBe('🌱 Starting Demo Data Seeding - Version 1.1.0');
    expect(notices.at(-1)).toBe('✅ Demo Data Seeding Completed Successfully!');
    const summary = Object.fromEntries(
      run.summary.map(({ table, inserted, updated, unchanged, deleted }) => [
        table,
        [inserted, updated, unchanged, deleted],
      ]),
    );
    expect(summary).toEqual({
      'public.brand_members': [11, 0, 0, 0],
      'public.brands': [4, 4, 0, 0],
      'public.platform_connections': [4, 0, 0, 0],
      'public.seed_versions': [1, 0, 0, 0],
      'public.tenant_roles': [5, 0, 0, 0],
      'public.tenant_users': [7, 0, 1, 0],
      'public.tenants': [4, 1, 0, 0],
      'public.users': [3, 1, 0, 0],
    });
    const promised = deriveExpectations(reading, world);
    expect(promised.map(({ name, expected }) => [name, expected])).toContainEqual([
      'brands and users joined by public.brand_members',
      11,
    ]);
    expect((await checkExpectations(db.connection, promised)).filter(({ isMet }) => isMet !== true)).toEqual([]);

    const again = await runSeed(db.connection, reading);
    expect(again.summary.every(({ inserted, deleted }) => inserted === 0 && deleted === 0)).toBe(true);
    await db.connection.transaction(async () => {
      expect(await undoRows(db.connection, again.images)).toMatchObject({ conflicts: [] });
      expect(await undoRows(db.connection, kept)).toMatchObject({ removed: 39, restored: 6, conflicts: [] });
    });
    expect(await rowsOf(db.target)).toEqual(before);
  });
});

describe('a hostile seed', () => {
  it('is followed by questions that cannot write, each for itself', async () => {
    await using db = await testDatabase({
      sql: 'CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE m (u int); INSERT INTO u VALUES (1), (2); INSERT INTO m VALUES (1)',
    });
    const reach = { kind: 'reach', from: 'u', through: 'm', on: { u: 'id' } };
    const results = await checkExpectations(db.connection, [
      { name: 'a write', kind: 'sql', sql: 'DELETE FROM m RETURNING true' },
      { name: 'two in one', kind: 'sql', sql: 'SELECT 1; DROP TABLE m' },
      { name: 'two in a condition', kind: 'count', table: 'u', where: 'true); DROP TABLE m; SELECT (1' },
      { name: 'a fault', kind: 'sql', sql: 'SELECT nope FROM u' },
      { name: 'either of two', where: 'id = 1 OR id = 7 -- or none', ...reach },
      { name: 'all', ...reach },
    ]);
    expect(results.map(({ name, isMet }) => [name, isMet])).toEqual([
      ['a write', null],
      ['two in one', null],
      ['two in a condition', null],
      ['a fault', null],
      ['either of two', true],
      ['all', false],
    ]);
    expect((await db.connection.query('SELECT count(*)::int AS n FROM m')).rows).toEqual([{ n: 1 }]);
  });

  it('sets sequences that its own ids have overtaken, forward only', async () => {
    await using db = await testDatabase({
      sql: `CREATE TABLE s (id serial PRIMARY KEY); CREATE TABLE i (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, s int REFERENCES s);
        CREATE SEQUENCE shared START 50; CREATE TABLE d (id int PRIMARY KEY DEFAULT nextval('shared'));
        CREATE TABLE ahead (id serial PRIMARY KEY); SELECT setval('ahead_id_seq', 90); CREATE TABLE other (id serial PRIMARY KEY); INSERT INTO other VALUES (5);
        CREATE SEQUENCE small MAXVALUE 9; CREATE TABLE narrow (id int PRIMARY KEY DEFAULT nextval('small'))`,
    });
    const seed = read(
      'INSERT INTO s VALUES (1), (7); INSERT INTO i VALUES (3, 7); INSERT INTO d VALUES (49), (60); INSERT INTO ahead VALUES (4); INSERT INTO narrow VALUES (40);',
    );
    const { notices } = await runSeed(db.connection, seed);
    expect(notices.map(({ message }) => message)).toEqual([
      'public.i_id_seq was behind public.i.id: set to 3',
      'public.s_id_seq was behind public.s.id: set to 7',
      'public.shared was behind public.d.id: set to 60',
    ]);
    const { rows } = await db.connection.query(
      'INSERT INTO s DEFAULT VALUES; INSERT INTO d DEFAULT VALUES; SELECT (SELECT max(id) FROM s) AS s, (SELECT max(id) FROM d) AS d, (SELECT last_value::int FROM ahead_id_seq) AS ahead, (SELECT last_value::int FROM other_id_seq) AS other',
    );
    expect(rows).toEqual([{ s: 8, d: 61, ahead: 90, other: 1 }]);
    expect((await runSeed(db.connection, read('INSERT INTO i (s) VALUES (1);'))).notices).toEqual([]);
  });

  it('counts the rows of tables that it makes itself', async () => {
    await using db = await testDatabase({ sql: 'CREATE TABLE old (a int); INSERT INTO old VALUES (1)' });
    const seed = read(`DROP TABLE old; CREATE TABLE old (a int, b int); INSERT INTO old VALUES (1, 2), (3, 4);
CREATE TABLE mine (a int) PARTITION BY LIST (a); CREATE TABLE mine_1 PARTITION OF mine FOR VALUES IN (1);
INSERT INTO mine VALUES (1), (1); CREATE TABLE copied AS SELECT * FROM mine; TRUNCATE mine; CREATE TEMP TABLE passing AS SELECT 1 AS a;`);
    const { summary } = await runSeed(db.connection, seed);
    expect(summary.map(({ table, inserted, deleted }) => [table, inserted, deleted])).toEqual([
      ['public.copied', 2, 0],
      ['public.mine', 0, 0],
      ['public.old', 2, 1],
    ]);
  });

  it('counts as unchanged what it states and found so, and nothing else', async () => {
    await using db = await testDatabase({
      sql: "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1), (2, 2); CREATE TABLE u (v text); CREATE TABLE w (id int PRIMARY KEY); CREATE TABLE k (id text PRIMARY KEY, mail text UNIQUE, n int); INSERT INTO k VALUES ('live', 'a', 1)",
    });
    const seed = read(`INSERT INTO t VALUES (1, 1), (2, 2), (3, 3) ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n;
MERGE INTO t USING (VALUES (4, 4)) v (id, n) ON t.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.n);
INSERT INTO u VALUES ('a'), ('b'); DELETE FROM u WHERE v = 'b';
DO $$ BEGIN IF false THEN INSERT INTO w VALUES (1); END IF; END $$;
INSERT INTO k VALUES ('mine', 'a', 2) ON CONFLICT (mail) DO UPDATE SET n = EXCLUDED.n;`);
    const { summary } = await runSeed(db.connection, seed);
    expect(summary.map(({ table, inserted, updated, unchanged }) => [table, inserted, updated, unchanged])).toEqual([
      ['public.k', 0, 1, 0],
      ['public.t', 2, 0, 2],
      ['public.u', 1, 0, 0],
      ['public.w', 0, 0, 0],
    ]);
  });

  it('begins no line of its own in what is said of it, which a CI log would take for a command', async () => {
    await using db = await testDatabase();
    const raise =
      "DO $$ BEGIN RAISE EXCEPTION E'no\\n::error::a' USING DETAIL = E'd\\r\\n::error::b', HINT = E'h\\n::error::c'; END $$;";
    const failure = (await runSeed(db.connection, read(`SELECT 1;\n${raise}`)).catch((error) => error)) as ChainError;
    expect(failure.code).toBe('seed-failed');
    expect(`${failure.message}\n${failure.hint}`.split('\n').filter((line) => /^\s*::/.test(line))).toEqual([]);
    const plain = (await db.connection.query(raise).catch((error) => error)) as ChainError;
    expect(plain.message).toContain('no ::error::a');
    expect(`${plain.message}\n${plain.hint}`.split('\n').filter((line) => /^\s*::/.test(line))).toEqual([]);
  });

  it('is read in its project alone, whatever it names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'seed-hostile-'));
    try {
      mkdirSync(join(folder, 'project/scripts'), { recursive: true });
      writeFileSync(join(folder, 'secret.sql'), 'SELECT 1;');
      symlinkSync(join(folder, 'secret.sql'), join(folder, 'project/scripts/link.sql'));
      mkdirSync(join(folder, 'project/scripts/folder.sql'));
      writeFileSync(join(folder, 'project/scripts/inner.sql'), 'SELECT 2;');
      const names = ['../../secret.sql', '/etc/passwd', 'link.sql', 'folder.sql', "'a\\0b'", '../scripts/inner.sql'];
      const text = names.map((name) => `\\ir ${name}\n`).join('');
      const { errors, included } = readSeed('scripts/seed.sql', text, projectFiles(join(folder, 'project')));
      expect(errors.map(({ line, message }) => [line, message.replace(/^\\ir \S+ /, '')])).toEqual([
        [1, '../secret.sql lies outside of the project'],
        [2, expect.stringMatching(/no such file|outside/)],
        [3, 'scripts/link.sql is a link that leads out of the project'],
        [4, 'no such file'],
        [5, 'no such file'],
      ]);
      expect(included.map(({ file }) => file)).toEqual(['scripts/inner.sql']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is read in time, however many blanks and words it has', () => {
    const long = 60_000;
    const texts = [
      `--${' '.repeat(long)}\nSELECT 1;`,
      `-- ${'seed version '.repeat(long / 10)}`,
      `/*${'_version'.repeat(long / 8)}*/ SELECT 1;`,
      `DO $$ DECLARE ${'v'.repeat(long)} int; BEGIN NULL; END $$;`,
      `\\set ${'x'.repeat(long)} ${"'".repeat(long)}\n`,
      `SELECT ${'('.repeat(500)}1${')'.repeat(500)};`,
      `\\echo ${'`'.repeat(long)}\n${':'.repeat(long)}`,
    ];
    const began = performance.now();
    for (const text of texts) read(text);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
