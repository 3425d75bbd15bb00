/** Tables that a revision asks the database for, answered from the schema so far; what they give is as SQLAlchemy 1.4 has it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { read } from './reading.ts';

beforeAll(loadSqlParser);

const base = `bind = op.get_bind()
op.create_table('a', sa.Column('id', sa.Integer, primary_key=True))
op.create_table('t', sa.Column('id', sa.BigInteger, primary_key=True), sa.Column('n', sa.String(20), nullable=False, server_default='x'),
    sa.Column('at', sa.DateTime(timezone=True)), sa.Column('p', sa.Numeric(8, 2)),
    sa.Column('a', sa.Integer, sa.ForeignKey('a.id', ondelete='CASCADE')), sa.UniqueConstraint('n', name='uq_n'))
op.create_index('ix_at', 't', ['at'])
`;
const readOn = (body: string) => {
  const { operations, schema } = read(`${base}${body}`);
  expect(operations.filter(({ kind }) => kind === 'opaque')).toEqual([]);
  return { made: operations.slice(3), schema };
};

describe.each([
  ['autoload_with', "t = sa.Table('t', sa.MetaData(), autoload_with=bind)"],
  ['autoload', "t = sa.Table('t', sa.MetaData(bind), autoload=True)"],
  ['reflect', "meta = sa.MetaData()\nmeta.reflect(bind, only=('t',))\nt = meta.tables['t']"],
  ['a reflected metadata', "meta = sa.MetaData()\nmeta.reflect(bind)\nt = sa.Table('t', meta)"],
])('by %s', (_name, table) => {
  it.each([
    ["for fk in t.foreign_keys:\n    op.drop_constraint(fk.name, 't', type_='foreignkey')", 't_a_fkey'],
    [
      "for c in t.constraints:\n    if isinstance(c, sa.UniqueConstraint):\n        op.drop_constraint(c.name, 't')",
      'uq_n',
    ],
    ["op.drop_constraint(t.primary_key.name, 't', type_='primary')", 't_pkey'],
    [
      "for fk in t.foreign_key_constraints:\n    if fk.referred_table.name == 'a' and [c.name for c in fk.columns] == ['a']:\n        op.drop_constraint(fk.name, 't')",
      't_a_fkey',
    ],
  ])('%s', (body, constraint) => {
    expect(readOn(`${table}\n${body}`).made).toMatchObject([{ kind: 'dropConstraint', constraint }]);
  });

  it('tells the indexes', () => {
    const body = `${table}\nfor index in t.indexes:\n    if 'at' in [c.name for c in index.columns]:\n        op.drop_index(index.name, 't')`;
    expect(readOn(body).made).toMatchObject([{ kind: 'dropIndex', index: { name: 'ix_at' } }]);
  });

  it('tells the columns', () => {
    const body = `${table}
for column in t.columns:
    if not column.nullable and not column.primary_key:
        op.alter_column('t', column.name, nullable=True)
if 'p' in t.c:
    op.drop_column('t', 'p')
if 'q' in t.c.keys():
    op.drop_column('t', 'q')`;
    expect(readOn(body).made).toMatchObject([
      { kind: 'alterColumn', column: 'n', notNull: false },
      { kind: 'dropColumn', column: 'p' },
    ]);
  });

  it('gives columns for another table', () => {
    const { schema } = readOn(
      `${table}\nsa.Table('shadow', sa.MetaData(), *[c.copy() for c in t.columns]).create(bind)`,
    );
    const shadow = schema.tables.get('public.shadow');
    const own = schema.tables.get('public.t');
    const told = (of: typeof own) =>
      [...(of?.columns.values() ?? [])].map(({ name, type, notNull }) => [name, type, notNull]);
    expect(told(shadow)).toEqual(told(own));
    expect(shadow?.columns.get('n')?.default).toContain("'x'");
    expect(shadow?.columns.get('id')?.ownedSequence).toBe('public.shadow_id_seq');
  });
});

it("tells a sequence's default as its text", () => {
  const body = `import re
meta = sa.MetaData()
meta.reflect(bind)
column = meta.tables['t'].columns.get('id')
if column.server_default is not None:
    name = re.search("nextval\\('(.*)'::regclass", column.server_default.arg.text).group(1)
    op.execute(f'ALTER SEQUENCE {name} RENAME TO {name.replace("t_", "ts_")}')
if meta.tables['t'].columns.get('p').server_default is not None:
    op.drop_column('t', 'p')`;
  expect(readOn(body).made).toMatchObject([{ kind: 'alterSequence', name: { name: 't_id_seq' }, to: 'ts_id_seq' }]);
});

it('goes through all tables of a metadata', () => {
  const body = `meta = sa.MetaData()\nmeta.reflect(bind)\nfor name in list(meta.tables.keys()):\n    if name != 'alembic_version':\n        op.rename_table(name, 'old_' + name)`;
  expect(readOn(body).made.map((each) => each.kind === 'renameTable' && each.to)).toEqual(['old_a', 'old_t']);
});

it('sees what the revision itself did before it asked', () => {
  const body = `op.drop_column('t', 'a')\nt = sa.Table('t', sa.MetaData(), autoload_with=bind)\nop.drop_column('t', 'p')\nif 'a' in t.c or 'p' not in t.c:\n    op.drop_table('t')`;
  expect(readOn(body).made.map(({ kind }) => kind)).toEqual(['dropColumn', 'dropColumn']);
});

it('says nothing of a table that is not there', () => {
  const { operations } = read(
    `t = sa.Table('gone', sa.MetaData(), autoload_with=op.get_bind())\nfor fk in t.foreign_keys:\n    op.drop_constraint(fk.name, 'gone')`,
  );
  expect(operations.map(({ kind }) => kind)).toEqual(['opaque']);
});

describe('walks over whatever is there', () => {
  const tables = `op.create_table('a', sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Text))
op.create_index(op.f('ix_a_n'), 'a', ['n'])
op.create_table('b', sa.Column('a', sa.Integer, sa.ForeignKey('a.id', name='fk_b')))
there = sa.inspect(op.get_bind())
`;
  const kindsAfter = (body: string) =>
    read(tables + body)
      .operations.slice(3)
      .map((operation) => operation.kind);

  it('meets the table that Alembic keeps its own version in, and finds nothing in it', () => {
    const walk = `for table in there.get_table_names():
    for index in there.get_indexes(table):
        op.drop_index(index['name'], table)
    for key in there.get_foreign_keys(table):
        op.drop_constraint(key['name'], table)
    if [column['name'] for column in there.get_columns(table)] == ['version_num']:
        op.create_table(there.get_pk_constraint(table)['name'])
`;
    const made = (env?: string) =>
      read(tables + walk, env === undefined ? {} : { env })
        .operations.slice(3)
        .map((operation) => (operation.kind === 'createTable' ? operation.table.name.name : operation.kind));
    expect(made()).toEqual(['dropIndex', 'dropConstraint', 'alembic_version_pkc']);
    expect(made("context.configure(version_table='own')")).toEqual(['dropIndex', 'dropConstraint', 'own_pkc']);
  });
  it('takes the name that op.f() makes for the text that it is', () => {
    const guarded = `def ensure(name):
    if name not in [index['name'] for index in there.get_indexes('a')]:
        op.create_index(name, 'a', ['id'])
`;
    expect(kindsAfter(`${guarded}ensure(op.f('ix_a_n'))`)).toEqual([]);
    expect(kindsAfter(`${guarded}ensure(op.f('ix_a_id'))`)).toEqual(['createIndex']);
  });
  it.each(['Exception', 'sa.exc.NoSuchTableError', 'sa.exc.SQLAlchemyError'])(
    'has SQLAlchemy raise over a table that is not there, where %s is waited for',
    (error) => {
      for (const asks of ["there.get_columns('c')", "sa.Table('c', sa.MetaData(), autoload_with=op.get_bind())"])
        expect(
          kindsAfter(`try:\n    ${asks}\n    op.drop_table('b')\nexcept ${error}:\n    op.drop_table('a')`),
        ).toEqual(['dropTable']);
      expect(
        kindsAfter(`try:\n    there.get_columns('c')\n    op.drop_table('b')\nexcept ${error}:\n    pass`),
      ).toEqual([]);
    },
  );
});

it("reflects Alembic's own table too, which stands before the first revision runs", () => {
  const { operations } = read(`op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))
metadata = sa.MetaData()
metadata.reflect(bind=op.get_bind())
for name in metadata.tables:
    sa.Table('shadow_' + name, sa.MetaData(), sa.Column('id', sa.Integer)).create(op.get_bind())
only = sa.MetaData()
only.reflect(bind=op.get_bind(), only=['t'])
for name in only.tables:
    op.create_table('only_' + name, sa.Column('id', sa.Integer))`);
  expect(operations.slice(1).map((one) => (one.kind === 'createTable' ? one.table.name.name : one.kind))).toEqual([
    'shadow_t',
    'shadow_alembic_version',
    'only_t',
  ]);
});
