/** Changes to what stands: deferrability of a key, options of a sequence. */
import { beforeAll, describe, expect, it } from 'vitest';
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

describe('a block that asks the catalogue again after it changed something', () => {
  const table = `op.execute("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE, c int REFERENCES p); CREATE INDEX ix ON t (c)")\n`;
  const left = (block: string) => {
    const { operations, schema } = read(`${table}op.execute("""DO $$ ${block} $$""")`);
    expect(operations.filter(({ kind, condition }) => kind === 'opaque' || condition !== undefined)).toEqual([]);
    const made = schema.tables.get('public.t');
    return [...(made?.constraints.keys() ?? []), ...(made?.indexes.keys() ?? [])];
  };
  it('sees what its loops left', () => {
    expect(
      left(`DECLARE r record; BEGIN
FOR r IN SELECT c.conname, t.relname FROM pg_constraint c JOIN pg_class t ON c.conrelid = t.oid WHERE t.relname = 't' AND c.contype <> 'p' LOOP
  EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', r.relname, r.conname);
END LOOP;
FOR r IN SELECT i.relname AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid WHERE t.relname = 't' AND NOT x.indisprimary LOOP
  EXECUTE format('DROP INDEX %I', r.name);
END LOOP; END`),
    ).toEqual(['t_pkey']);
  });
  it('takes a name from a query in its declarations', () => {
    expect(
      left(`DECLARE key text := (SELECT conname FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p');
BEGIN EXECUTE('ALTER TABLE t DROP CONSTRAINT ' || key); key := (SELECT conname FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p');
IF key IS NULL THEN ALTER TABLE t ADD CONSTRAINT own PRIMARY KEY (b); END IF; END`),
    ).toEqual(['t_b_key', 't_c_fkey', 'own', 'ix']);
  });
});
