/** Which revision a schema is stamped at, and what keeps it from any. */
import { beforeAll, expect, it } from 'vitest';
import { emptySchema } from '../../src/model/schema.ts';
import { settle } from '../../src/repair/settle.ts';
import { findStampTarget } from '../../src/repair/stamp.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

const context = { namingConvention: null, searchPath: ['public'] };
const read = (sql: string) => parseSql(sql, { origin: { revision: null, file: 'a.sql', line: 1 } });
beforeAll(() => loadSqlParser());

const chain = {
  renames: new Map(),
  parents: new Map([
    ['a', []],
    ['b', ['a']],
    ['c', ['b']],
  ]),
  heads: ['c'],
};
const target = (
  live: string,
  b = 'CREATE TABLE u (id int); CREATE TABLE v (id int)',
  c = 'CREATE TABLE w (id int)',
) => {
  const operationsById = new Map(
    Object.entries({ a: 'CREATE TABLE t (id int)', b, c }).map(([id, sql]) => [id, read(sql)]),
  );
  return findStampTarget(chain, operationsById, settle(read(live), emptySchema(), context).schema, context);
};

it('names the nearest revision and what differs where none matches', () => {
  expect(target('CREATE TABLE t (id int); CREATE TABLE ours (id int)')).toEqual({ target: 'a' });
  expect(target('CREATE TABLE t (id int, n int); CREATE TABLE u (id int)')).toEqual({
    target: null,
    nearest: { id: 'b', differs: ['table public.v is missing', 'column public.v.id is missing'] },
  });
  expect(target('CREATE TABLE t (id int); CREATE TABLE w (id int)')).toMatchObject({
    nearest: { id: 'a', differs: ['table public.w is there', 'column public.w.id is there'] },
  });
});

it('goes past what leaves no sign only where something after it is there', () => {
  const index = 'CREATE INDEX t_id ON t (id DESC)';
  const table = 'CREATE TABLE t (id int)';
  for (const quiet of ['GRANT SELECT ON t TO PUBLIC', 'UPDATE t SET id = 1', 'CREATE STATISTICS s ON id FROM t']) {
    expect(target(table, quiet, index)).toEqual({ target: 'a' });
    expect(target(`${table}; ${index}`, quiet, index)).toEqual({ target: 'c' });
  }
  expect(target(table, `SET lock_timeout = 1`, 'SELECT 1')).toEqual({ target: 'c' });
});
