/** Row security policies under a new name. */
import { beforeAll, expect, it } from 'vitest';
import { invertOperation } from '../../src/model/ddl-invert.ts';
import { renderOperation } from '../../src/model/ddl-operation.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { read } from '../sources/operations/reading.ts';

beforeAll(loadSqlParser);

it('keeps what a policy says when it is renamed, and takes the name back', () => {
  const { operations, schema } = read(`op.execute('CREATE TABLE t (id int)')
op.execute('CREATE POLICY p ON t FOR SELECT USING (id > 0)')
op.execute('ALTER POLICY p ON t RENAME TO "Q"')`);
  expect(operations.map(({ kind }) => kind)).toEqual(['createTable', 'createPolicy', 'alterPolicy']);
  expect([...(schema.tables.get('public.t')?.policies.values() ?? [])]).toMatchObject([
    { name: 'Q', command: 'r', using: 'id > 0' },
  ]);
  const [, , renamed] = operations;
  if (renamed?.kind !== 'alterPolicy') throw new Error('no rename was read');
  expect(renderOperation(renamed)).toEqual(['ALTER POLICY p ON t RENAME TO "Q"']);
  const back = invertOperation(renamed, read("op.execute('CREATE TABLE t (id int); CREATE POLICY p ON t')").schema);
  expect(back).toMatchObject([{ kind: 'alterPolicy', name: 'Q', to: 'p' }]);
});
