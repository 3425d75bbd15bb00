/** A seed run twice on a real server: rows that come again, times that only move on, rows drawn anew, refusals. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../../src/database/index.ts';
import { runTwice } from '../../src/seeds/index.ts';
import { run } from '../support/in-process.ts';
import { type TestDatabase, testDatabase, testServer } from '../support/postgres.ts';
import { read } from './support.ts';

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, logins int DEFAULT 0, updated_at timestamptz);
  CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, made timestamptz DEFAULT clock_timestamp());
  CREATE TABLE tags (name text);
  CREATE TABLE log (what text, at timestamptz DEFAULT now());
  CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES (TG_OP); RETURN NEW; END $$;
  CREATE TABLE watched (id int PRIMARY KEY);
  CREATE TRIGGER keeps AFTER INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION keep();`;

const optionsFor = (db: TestDatabase, files: Record<string, string> = {}) => ({
  readFile: (file: string) => (file in files ? Buffer.from(files[file] as string) : null),
  open: () => connect(db.target, { readOnly: false }),
});

it('tells what a second run does to each table, and by which line', async () => {
  await using db = await testDatabase({ sql: schema });
  const seed = `INSERT INTO users (id, email, logins, updated_at) VALUES (1, 'a', 1, now())
  ON CONFLICT (id) DO UPDATE SET updated_at = now();
INSERT INTO notes (body) VALUES ('one'), ('two');
DO $$
BEGIN
  UPDATE users SET logins = logins + 1 WHERE id = 1;
  INSERT INTO tags VALUES ('x');
END $$;
DELETE FROM tags WHERE name = 'y'; INSERT INTO tags SELECT 'y';
CREATE TEMPORARY TABLE passing (a int);
INSERT INTO watched VALUES (1) ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id;
`;
  const found = await runTwice(read(seed), optionsFor(db));
  expect(found).toMatchObject({ file: 'scripts/seed.sql', outcome: 'changed', failure: null });
  expect(
    found.changes.map((one) => [one.table, one.line, one.inserted, one.updated, one.deleted, one.isByTrigger]),
  ).toEqual([
    ['public.log', 11, 1, 0, 0, true],
    ['public.notes', 3, 2, 0, 0, false],
    ['public.tags', 7, 1, 0, 0, false],
    ['public.users', 6, 0, 1, 0, false],
  ]);
  expect(found.changes.at(-1)?.columns).toEqual(['logins']);
  // Nothing of the second run stays.
  expect((await db.connection.query('SELECT count(*)::int AS n FROM notes')).rows).toEqual([{ n: 2 }]);
});

it('takes times that move on, and rows that are written anew under drawn keys, for no change', async () => {
  await using db = await testDatabase({ sql: schema });
  const seed = `INSERT INTO users (id, email, updated_at) VALUES (1, 'a', clock_timestamp())
  ON CONFLICT (email) DO UPDATE SET updated_at = clock_timestamp();
DELETE FROM notes; INSERT INTO notes (body) VALUES ('one'), ('two');
TRUNCATE tags; INSERT INTO tags VALUES ('x'), ('x');
`;
  const found = await runTwice(read(seed), optionsFor(db));
  expect(found).toEqual({ file: 'scripts/seed.sql', outcome: 'unchanged', changes: [], failure: null, doubled: [] });
});

it('says where a second run is refused, also in a file that the seed includes', async () => {
  await using db = await testDatabase({ sql: schema });
  const files = { 'scripts/more.sql': "SELECT 1;\nINSERT INTO users (id, email) VALUES (7, 'g');\n" };
  const found = await runTwice(read('\\ir more.sql\n'), optionsFor(db, files));
  expect(found).toMatchObject({
    outcome: 'refused',
    failure: {
      file: 'scripts/more.sql',
      line: 2,
      isOfTheSeed: true,
      message: expect.stringContaining('duplicate key'),
    },
  });
});

it('tells nothing of a second run where the first one fails, and nothing of the seed where a right is missing', async () => {
  await using db = await testDatabase({ sql: schema });
  expect(
    await runTwice(read('INSERT INTO users (id) VALUES (1);\nINSERT INTO nowhere VALUES (1);'), optionsFor(db)),
  ).toEqual({
    file: 'scripts/seed.sql',
    outcome: 'unknown',
    changes: [],
    doubled: [],
    failure: {
      file: 'scripts/seed.sql',
      line: 2,
      message: 'relation "nowhere" does not exist',
      sqlState: '42P01',
      isOfTheSeed: true,
    },
  });
  expect((await db.connection.query('SELECT count(*)::int AS n FROM users')).rows).toEqual([{ n: 0 }]);
});

it('says that a seed is refused on a database that has its rows, by whatever key', async () => {
  const sql = `${schema} CREATE UNIQUE INDEX by_name ON users (lower(email), logins); INSERT INTO users VALUES (1, 'A b', 3);`;
  for (const [seed, line] of [
    ["INSERT INTO notes (body) VALUES ('x');\nINSERT INTO users (id, email) VALUES (2, 'b'), (1, 'c');", 2],
    ["INSERT INTO users (id, email, logins) VALUES (5, 'a B', 3);", 1],
    ["INSERT INTO users (id, email) VALUES (6, 'A b');", 1],
  ] as const) {
    await using db = await testDatabase({ sql });
    const { outcome, failure } = await runTwice(read(seed), optionsFor(db));
    expect([outcome, failure?.line, failure?.metRow]).toEqual(['refused', line, true]);
  }
  await using db = await testDatabase({ sql });
  const itself = await runTwice(read("INSERT INTO users (id, email) VALUES (7, 'x'), (7, 'y');"), optionsFor(db));
  expect([itself.outcome, itself.failure?.metRow]).toEqual(['unknown', undefined]);
});

it('sees what a trigger and the seed both write, by key or beside each other', async () => {
  const tables = `
    CREATE TABLE accounts (id int PRIMARY KEY);
    CREATE TABLE profiles (id int PRIMARY KEY REFERENCES accounts, name text);
    CREATE TABLE members (id serial PRIMARY KEY, account int, role text, made timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION welcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO members (account, role) VALUES (NEW.id, 'user');
      IF NEW.id > 10 THEN INSERT INTO profiles VALUES (NEW.id, 'new'); END IF;
      RETURN NEW; END $$;
    CREATE TRIGGER welcomes AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION welcome();`;
  const doubledBy = async (seed: string) => {
    await using db = await testDatabase({ sql: tables });
    const { doubled, outcome } = await runTwice(read(seed), optionsFor(db));
    return [
      outcome,
      ...doubled.map(({ table, line, byLine, rows, isRefused }) => [table, line, byLine, rows, isRefused]),
    ];
  };
  const account = (id: number) => `INSERT INTO accounts VALUES (${id}) ON CONFLICT DO NOTHING;\n`;
  // The role differs, the row differs.
  const sound = `${account(1)}INSERT INTO members (account, role)\nVALUES (1, 'admin');\nINSERT INTO profiles VALUES (1, 'a') ON CONFLICT DO NOTHING;`;
  expect(await doubledBy(sound)).toEqual(['changed']);
  expect(
    await doubledBy(`${account(1)}INSERT INTO members (account, role) VALUES\n(5, 'user'), (5, 'user'),\n(1, 'user');`),
  ).toEqual(['changed', ['public.members', 4, 1, 1, false]]);
  expect(await doubledBy(`${account(11)}\nINSERT INTO profiles VALUES (11, 'a');`)).toEqual([
    'unknown',
    ['public.profiles', 3, 1, 1, true],
  ]);
  const first = `ALTER TABLE profiles DROP CONSTRAINT profiles_id_fkey;\nINSERT INTO profiles VALUES (11, 'a');\n${account(11)}`;
  expect(await doubledBy(first)).toEqual(['unknown', ['public.profiles', 2, 3, 1, true]]);
  // Stated twice by the seed alone.
  expect(await doubledBy(`${account(11)}INSERT INTO profiles VALUES (12, 'a'), (12, 'b');`)).toEqual(['unknown']);
});

it('chain seed --check runs it in a scratch copy: what reading calls sound and running does not', async () => {
  await using db = await testDatabase({ sql: `${schema} INSERT INTO users (id, email) VALUES (1, 'a');` });
  const project = mkdtempSync(join(tmpdir(), 'seed-check-'));
  try {
    mkdirSync(join(project, 'alembic/versions'), { recursive: true });
    writeFileSync(join(project, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    mkdirSync(join(project, 'scripts'));
    writeFileSync(
      join(project, 'scripts/seed.sql'),
      "INSERT INTO users (id, email) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email;\nUPDATE users SET logins = logins + 1;\n",
    );
    const flags = { project, url: db.url, scratchUrl: (await testServer()).url, check: true, format: 'json' };
    const { findings } = (await run('seed', flags)).report();
    expect(findings.map(({ rule, message }) => [rule, message])).toEqual([
      [
        'seed-not-rerunnable',
        'scripts/seed.sql:2 changes logins in 1 row of public.users when the seed runs a second time.',
      ],
    ]);
    expect((await db.connection.query('SELECT logins FROM users')).rows).toEqual([{ logins: 0 }]);
    // Neither reading nor EXPLAIN looks at a foreign key.
    await db.connection.query('CREATE TABLE posts (id int PRIMARY KEY, author int NOT NULL REFERENCES users (id))');
    writeFileSync(
      join(project, 'scripts/seed.sql'),
      'INSERT INTO posts (id, author) VALUES\n  (1, 1),\n  (2, 7)\nON CONFLICT (id) DO NOTHING;\n',
    );
    const refused = (await run('seed', flags)).report().findings;
    expect(refused.map(({ rule, certainty, subject }) => [rule, certainty, subject.line])).toEqual([
      ['seed-statement-refused', 'proven', 3],
    ]);
    expect(refused[0]?.evidence[0]?.text).toContain('Key (author)=(7) is not present in table "users".');
    const { notChecked } = (await run('seed', { ...flags, scratchUrl: undefined, scratch: false })).report();
    expect(notChecked.map(({ reason }) => reason)).toContain(
      'that a second run changes nothing: no scratch database (--no-scratch)',
    );
  } finally {
    rmSync(project, { recursive: true });
  }
});
