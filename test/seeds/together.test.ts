/**
 * Statements that are sent without waiting for each other: what a run tells of them is what it would tell of each alone.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSeed, type SeedNotice, type SeedSession } from '../../src/seeds/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/rows.ts';
import { read } from './support.ts';

const schema = `
  CREATE TABLE parents (id int PRIMARY KEY);
  CREATE TABLE t (id int PRIMARY KEY, name text, n int CHECK (n > 0), parent_id int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
  CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', NEW.id; RETURN NEW; END $$;
  CREATE TRIGGER told BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.name = 'loud') EXECUTE FUNCTION told();
`;
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `INSERT INTO t (id, name) VALUES (${from + i}, 'a; b');\n`).join('');

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase({ sql: schema });
});
afterAll(() => db[Symbol.asyncDispose]());

/** How often the run waited for the server's answer to a statement of the seed. */
function counted(session: SeedSession): { session: SeedSession; waits: () => number } {
  let waits = 0;
  return {
    waits: () => waits,
    session: {
      query: (sql, params) => session.query(sql, params),
      script: (sql, data) => {
        waits++;
        return session.script(sql, data);
      },
      scripts: (statements, onRan) => {
        waits++;
        return session.scripts(statements, onRan);
      },
      transaction: (body) => session.transaction(body),
      onNotice: (listener) => session.onNotice?.(listener) ?? (() => {}),
    },
  };
}

/** What a run says and how it fails; rolled back. */
async function run(text: string): Promise<{ notices: SeedNotice[]; failure: string; waits: number }> {
  const notices: SeedNotice[] = [];
  let failure = '';
  const { session, waits } = counted(db.connection);
  await session
    .transaction(async () => {
      await runSeed(session, read(text), { insideTransaction: true, onNotice: (notice) => notices.push(notice) });
      throw new Error('back');
    })
    .catch((error: Error) => {
      failure = error.message === 'back' ? '' : error.message;
    });
  return { notices, failure, waits: waits() };
}

describe('statements sent together', () => {
  it('are few messages, however many', async () => {
    const { failure, waits } = await run(rows(0, 1200));
    expect(failure).toBe('');
    // psql's own variables, and three lots.
    expect(waits).toBeLessThanOrEqual(5);
  });

  it.each([
    [
      'a value of a wrong type',
      `INSERT INTO t (id, name) VALUES (900, 'é');\nINSERT INTO t (id, n)\n  VALUES (901, 'many');`,
      602,
      15,
    ],
    ['a key that is there', 'INSERT INTO t (id, name) VALUES (7, NULL);', 600, 33],
    ['a check', 'UPDATE t SET n = 0 WHERE id = 3;', 600, 0],
    ['a column that is not there', `-- why\nDELETE FROM t WHERE nmae = 'x';`, 601, 20],
  ])('fail at their own line: %s', async (_, wrong, line, column) => {
    const { failure, notices } = await run(
      `${rows(0, 599)}${wrong}\n${rows(1000, 1300)}INSERT INTO t (id, name) VALUES (2000, 'loud');`,
    );
    const [first, ...others] = failure.split('\n');
    expect(first).toMatch(new RegExp(`^scripts/seed.sql:${line}: `));
    expect(others.at(-1)).toBe(`  ${' '.repeat(String(line).length)} | ${' '.repeat(column)}^`);
    // Nothing after it was carried out.
    expect(notices).toEqual([]);
    expect((await rowsOf(db.target))['public.t']).toEqual({});
  });

  it('speak in their turn, between what stands alone', async () => {
    const { notices, failure } = await run(
      `INSERT INTO t (id, name) VALUES (1, 'loud');\n\\echo one\nINSERT INTO t (id, name) VALUES (2, 'loud');
       DO $$ BEGIN RAISE NOTICE 'block %', (SELECT count(*) FROM t); END $$;
       INSERT INTO t (id, name) VALUES (3, 'loud');`,
    );
    expect(failure).toBe('');
    expect([...new Set(notices.map(({ message }) => message))]).toEqual(['row 1', 'one', 'row 2', 'block 2', 'row 3']);
  });

  it('are through before what hangs on their answers', async () => {
    const { failure, notices } = await run(
      `INSERT INTO t (id) VALUES (1), (2);\nINSERT INTO t (id) VALUES (3), (4), (5);
       UPDATE t SET n = :ROW_COUNT WHERE id = 1;\n\\echo :ROW_COUNT
       SELECT n AS got FROM t WHERE id = 1 \\gset\n\\echo :got`,
    );
    expect(failure).toBe('');
    expect(notices.map(({ message }) => message)).toEqual(['1', '3']);
  });

  it('hold what looks like a parameter as it is written', async () => {
    const { failure } = await run(
      `INSERT INTO t (id, name) VALUES (1, '$2b$12$abc');\nINSERT INTO t (id) VALUES ($1);`,
    );
    expect(failure).toMatch(/^scripts\/seed\.sql:2: there is no parameter \$1\n/);
  });
});
