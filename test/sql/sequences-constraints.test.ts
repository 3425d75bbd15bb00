/** Changes to what stands: deferrability of a key, options of a sequence. */
import { beforeAll, expect, it } from 'vitest';
import { renderOperation } from '../../src/model/ddl.ts';
import type { SchemaOperation } from '../../src/model/operation.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { read } from '../sources/operations/reading.ts';

beforeAll(loadSqlParser);

const keys = `op.execute('CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int CONSTRAINT k REFERENCES a)')\n`;

it.each([
  ['DEFERRABLE INITIALLY DEFERRED', 'initially deferred'],
  ['DEFERRABLE', 'initially immediate'],
  ['NOT DEFERRABLE', null],
])('follows ALTER CONSTRAINT … %s', (clause, deferrable) => {
  const { schema, operations } = read(`${keys}op.execute('ALTER TABLE b ALTER CONSTRAINT k ${clause}')`);
  expect(operations.at(-1)).toMatchObject({ kind: 'alterConstraint', deferrable });
  const key = schema.tables.get('public.b')?.constraints.get('k');
  expect(key?.deferrable).toBe(deferrable);
  expect(key?.definition.includes('DEFERRABLE')).toBe(deferrable !== null);
});

it('follows the options of a sequence that the schema tells of', () => {
  const { schema, operations } = read(`op.execute('CREATE SEQUENCE s')
op.execute('ALTER SEQUENCE s AS bigint INCREMENT BY 5 RESTART WITH 9')`);
  expect(operations.at(-1)?.kind).toBe('alterSequence');
  expect(schema.sequences.get('public.s')).toMatchObject({ type: 'bigint', increment: '5' });
});

it('reads the numbers of an identity', () => {
  const { schema, operations } = read(
    `op.create_table('t', sa.Column('n', sa.Integer(), sa.Identity(always=True, start=100, increment=5)), sa.Column('m', sa.Integer()))
op.execute('ALTER TABLE t ALTER n SET INCREMENT BY 7')`,
  );
  expect(schema.sequences.get('public.t_n_seq')).toMatchObject({ type: 'integer', start: '100', increment: '7' });
  expect(operations.flatMap((operation) => renderOperation(operation as SchemaOperation))).toMatchObject([
    expect.stringContaining('GENERATED ALWAYS AS IDENTITY (INCREMENT BY 5 START WITH 100)'),
    'ALTER TABLE t ALTER COLUMN n SET INCREMENT BY 7',
  ]);
});

it('does not pretend to follow others', () => {
  expect(read(`op.execute('CREATE SEQUENCE s; ALTER SEQUENCE s NO MAXVALUE')`).operations.at(-1)?.kind).toBe('opaque');
});

it('renames by the text that replace() gives', () => {
  const { schema } = read(`${keys}op.execute("""DO $$ DECLARE c record; BEGIN
FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = 'b'::regclass AND conname LIKE 'k%' LOOP
  EXECUTE format('ALTER TABLE b RENAME CONSTRAINT %I TO %I', c.conname, replace(c.conname, 'k', 'key'));
END LOOP; END $$""")`);
  expect([...(schema.tables.get('public.b')?.constraints.keys() ?? [])]).toEqual(['key']);
});
