/** PostgreSQL schemas renamed: all in them comes along, and what names it follows. */
import { beforeAll, expect, it } from 'vitest';
import { loadSqlParser } from '../../src/sql/index.ts';
import { read } from '../sources/operations/reading.ts';

beforeAll(loadSqlParser);

it('takes tables, types, sequences and views to the new name of their schema', () => {
  const statements = [
    'CREATE SCHEMA old',
    "CREATE TYPE old.mood AS ENUM ('sad')",
    'CREATE SEQUENCE old.numbers',
    'CREATE FUNCTION old.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
    "CREATE TABLE old.t (id serial PRIMARY KEY, m old.mood DEFAULT 'sad'::old.mood, n int DEFAULT nextval('old.numbers'), CHECK (m <> 'x'::old.mood))",
    'CREATE TABLE u (t_id int REFERENCES old.t)',
    'CREATE VIEW old.v AS SELECT id FROM old.t',
    'CREATE TRIGGER tr BEFORE INSERT ON old.t FOR EACH ROW EXECUTE FUNCTION old.f()',
    'ALTER SCHEMA old RENAME TO fresh',
    'CREATE INDEX ix ON fresh.t (n)',
  ];
  const { schema, operations } = read(statements.map((sql) => `op.execute(${JSON.stringify(sql)})`).join('\n'));
  expect(operations.filter(({ kind }) => kind === 'opaque')).toEqual([]);
  expect([...schema.namespaces].filter((name) => name !== 'public')).toEqual(['fresh']);
  expect([...schema.tables.keys()]).toEqual(['public.u', 'fresh.t']);
  expect([...schema.enums.keys()]).toEqual(['fresh.mood']);
  expect([...schema.sequences.keys()].sort()).toEqual(['fresh.numbers', 'fresh.t_id_seq']);
  expect(schema.views.get('fresh.v')).toMatchObject({ reads: ['fresh.t'], textCertainty: 'suspected' });
  expect([...schema.routines.values()]).toMatchObject([{ namespace: 'fresh', certainty: 'suspected' }]);
  const table = schema.tables.get('fresh.t');
  expect(table?.columns.get('id')?.ownedSequence).toBe('fresh.t_id_seq');
  expect(table?.columns.get('n')?.default).toContain("'fresh.numbers'");
  expect(table?.constraints.get('t_m_check')?.expression).toBe("m <> 'x'::fresh.mood");
  expect(table?.triggers.get('tr')?.definition).toContain('fresh.f()');
  expect([...(schema.tables.get('public.u')?.constraints.values() ?? [])]).toMatchObject([
    { references: { table: 'fresh.t' } },
  ]);
});
