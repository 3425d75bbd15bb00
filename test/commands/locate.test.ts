/** `chain locate` on real databases: what it says of ties, of branches, of a database that has nothing of the chain. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { run } from '../support/in-process.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import type { MadeProject } from '../support/revision-files.ts';
import { sqlProject } from '../support/sql-project.ts';

let project: MadeProject;
let database: TestDatabase;
beforeAll(() => {
  project = sqlProject({
    a1a1: { sql: 'CREATE TABLE t (id int PRIMARY KEY, note text)' },
    b2b2: { after: 'a1a1', sql: "UPDATE t SET note = 'x'" },
    c3c3: { after: 'b2b2', sql: 'CREATE TABLE left_one (id int)' },
    c4c4: { after: 'c3c3', sql: 'CREATE TABLE left_two (id int)' },
    d3d3: { after: 'b2b2', sql: 'CREATE TABLE right_one (id int)' },
    d4d4: { after: 'd3d3', sql: 'CREATE TABLE right_two (id int)' },
  });
});
afterAll(() => project.remove());
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database.drop());

async function locate(sql: string) {
  await database.connection.query(sql);
  const flags = { project: project.dir, url: database.url, scratch: false };
  const { exitCode, out } = await run('locate', flags);
  expect(exitCode).toBe(0);
  const { out: json } = await run('locate', { ...flags, format: 'json' });
  const { tied, looksLike } = JSON.parse(json) as { tied: number; looksLike: { revisions: string[]; score: number }[] };
  return { out, tied, looksLike };
}

it('says which revisions the schema cannot tell apart, the oldest first', async () => {
  const { out, tied, looksLike } = await locate('CREATE TABLE t (id int PRIMARY KEY, note text)');
  expect(tied).toBe(2);
  expect(looksLike.slice(0, 2).map(({ revisions }) => revisions)).toEqual([['a1a1'], ['b2b2']]);
  expect(out).toContain('The first 2 fit equally well');
});

it('names an empty database as what it is', async () => {
  const { out, tied, looksLike } = await locate('SELECT 1');
  expect([tied, looksLike[0]?.revisions]).toEqual([1, []]);
  expect(out).toContain('100.0 %  before the first revision  (0 missing, 0 too much)');
  expect(out).not.toMatch(/% {3}\(/);
});

it('likens another application to nothing', async () => {
  const { out, tied } = await locate('CREATE TABLE theirs (id int)');
  expect(tied).toBe(0);
  expect(out).toMatch(/It looks like:\n\nnothing that these revisions make\.\n$/);
});

it('finds the state of two branches, and what is missing of it', async () => {
  const { out, tied, looksLike } = await locate(
    'CREATE TABLE t (id int PRIMARY KEY, note text); CREATE TABLE left_one (id int); CREATE TABLE left_two (id int); CREATE TABLE right_one (id int)',
  );
  expect([tied, looksLike[0]]).toMatchObject([1, { revisions: ['c4c4', 'd3d3'], score: 1 }]);
  expect(out).toContain('c4c4 + d3d3');
  await database.connection.query('ALTER TABLE t DROP COLUMN note');
  expect((await locate('SELECT 1')).out).toContain('At c4c4 + d3d3:\n  missing column public.t.note\n');
});
