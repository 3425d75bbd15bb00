/** Questions to the catalogue that a revision asks from Python, answered from the schema so far. */
import { beforeAll, expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { read } from './reading.ts';

beforeAll(loadSqlParser);

const base = `bind = op.get_bind()
ask = lambda text, **values: bind.execute(sa.text(text), values)
op.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
op.create_table('o', sa.Column('id', sa.Integer, primary_key=True))
op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('o', sa.Integer, sa.ForeignKey('o.id')), sa.Column('n', sa.String(20)), sa.Column('at', sa.DateTime(timezone=True)))
`;
const kinds = (body: string) =>
  read(`${base}${body}`)
    .operations.slice(3)
    .filter(({ kind }) => kind !== 'touchRows');

it.each([
  [
    "for name, on in ask(\"SELECT c.conname, t.relname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE c.contype = 'f' AND c.confrelid = CAST('o' AS regclass)\").fetchall():\n    op.drop_constraint(name, on)",
    't_o_fkey',
  ],
  [
    "for row in ask(\"SELECT tc.constraint_name FROM information_schema.table_constraints tc WHERE tc.table_name = :on AND tc.constraint_type = 'FOREIGN KEY'\", on='t'):\n    op.drop_constraint(row.constraint_name, 't')",
    't_o_fkey',
  ],
  [
    "row = ask(\"SELECT constraint_name AS found FROM information_schema.key_column_usage WHERE table_name = 't' AND column_name = 'id'\").mappings().first()\nop.drop_constraint(row['found'], 't')",
    't_pkey',
  ],
])('gives the names that are asked for: %s', (body, constraint) => {
  expect(kinds(body)).toMatchObject([{ kind: 'dropConstraint', constraint }]);
});

it.each([
  ["SELECT udt_name FROM information_schema.columns WHERE table_name = 't' AND column_name = 'id'", 'int4'],
  [
    "SELECT data_type FROM information_schema.columns WHERE table_name = 't' AND column_name = 'at'",
    'timestamp with time zone',
  ],
  ["SELECT character_maximum_length FROM information_schema.columns WHERE table_name = 't' AND column_name = 'n'", 20],
  ["SELECT is_nullable FROM information_schema.columns WHERE table_name = 't' AND column_name = 'n'", 'YES'],
  ["SELECT count(*) FROM information_schema.columns WHERE table_name = 't'", 4],
  ["SELECT count(*) FROM pg_constraint WHERE conname = 'nothing'", 0],
  ["SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = CAST('t' AS regclass) AND contype = 'f')", true],
  [
    "SELECT NOT EXISTS (SELECT 1 FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typname = 'mood' AND e.enumlabel = 'ok')",
    false,
  ],
  [
    "SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e' AND n.nspname = 'public'",
    'mood',
  ],
])('%s: %s', (question, answer) => {
  const literal = typeof answer === 'boolean' ? (answer ? 'True' : 'False') : JSON.stringify(answer);
  expect(kinds(`if ask(${JSON.stringify(question)}).scalar() == ${literal}:\n    op.drop_table('t')`)).toMatchObject([
    { kind: 'dropTable' },
  ]);
  expect(kinds(`if ask(${JSON.stringify(question)}).scalar() != ${literal}:\n    op.drop_table('t')`)).toEqual([]);
});

it.each([
  "SELECT column_default FROM information_schema.columns WHERE table_name = 't' AND column_name = 'id'",
  'SELECT relname FROM pg_class',
  "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'",
])('has no answer to %s', (question) => {
  expect(kinds(`if ask(${JSON.stringify(question)}).scalar() == 1:\n    op.drop_table('t')`)).toMatchObject([
    { kind: 'opaque' },
  ]);
});

it('assumes what it answers where lines that nobody read may have changed it', () => {
  const body = `op.execute('ALTER TABLE t ' + bind.something)
if ask("SELECT 1 FROM pg_constraint c JOIN pg_class k ON k.oid = c.conrelid WHERE k.relname = 't' AND c.contype = 'f'").fetchall():
    op.drop_table('t')`;
  expect(kinds(body).at(-1)).toMatchObject({
    kind: 'dropTable',
    condition: expect.stringContaining('lines that were read'),
  });
});
