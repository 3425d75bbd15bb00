/**
 * What the reader says of a revision against what a real Alembic would run: both become a schema, and must be the same one.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { schemaToJson } from '../../../src/model/schema-json.ts';
import { canonicalType } from '../../../src/model/type-name.ts';
import { schemaOfOperations } from '../../../src/replay/index.ts';
import { loadSqlParser, parseSql } from '../../../src/sql/index.ts';
import { askAlembic } from './oracle.ts';
import { preamble, read } from './reading.ts';

const base = `
op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(50)), sa.Column('email', sa.String(255), nullable=False))
op.create_table('teams', sa.Column('id', sa.BigInteger(), nullable=False), sa.Column('owner_id', sa.Integer()), sa.PrimaryKeyConstraint('id'))
`;

const revisions: Record<string, string> = {
  'table with keys': `op.create_table('t', sa.Column('id', sa.Integer(), nullable=False), sa.Column('a', sa.String(length=36), server_default='x', nullable=False), sa.Column('b', sa.Numeric(10, 2)), sa.PrimaryKeyConstraint('id'), sa.UniqueConstraint('a', 'b', name='uq_ab'), sa.CheckConstraint('b > 0', name='ck_b'))`,
  'serial of a single key': `op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))
op.create_table('u', sa.Column('id', sa.BigInteger, primary_key=True))
op.create_table('v', sa.Column('id', sa.SmallInteger, primary_key=True))
op.create_table('w', sa.Column('id', sa.Integer, primary_key=True, autoincrement=False))
op.create_table('x', sa.Column('a', sa.Integer, primary_key=True), sa.Column('b', sa.Integer, primary_key=True))
op.create_table('y', sa.Column('a', sa.Integer, primary_key=True, autoincrement=True), sa.Column('b', sa.Integer, primary_key=True))
op.create_table('z', sa.Column('id', sa.Integer, sa.ForeignKey('users.id'), primary_key=True))
op.create_table('z2', sa.Column('id', sa.Integer, primary_key=True, server_default=sa.text('5')))
op.create_table('z3', sa.Column('id', sa.Integer, nullable=False), sa.ForeignKeyConstraint(['id'], ['users.id']), sa.PrimaryKeyConstraint('id', name='z3_key'))`,
  'sequences in the place of SERIAL': `op.create_table('s0', sa.Column('id', sa.Integer, sa.Sequence('s'), primary_key=True))
op.create_table('s1', sa.Column('id', sa.Integer, sa.Sequence('s', optional=True), primary_key=True))
op.create_table('s2', sa.Column('id', sa.Integer, primary_key=True, default=sa.Sequence('s')))`,
  'identity and generated': `op.create_table('t', sa.Column('id', sa.Integer, sa.Identity(always=True), primary_key=True), sa.Column('n', sa.Integer, sa.Identity()), sa.Column('a', sa.Integer), sa.Column('b', sa.Integer, sa.Computed('a * 2', persisted=True)))`,
  defaults: `op.create_table('t', sa.Column('a', sa.Boolean, server_default=sa.true()), sa.Column('b', sa.Boolean, server_default=sa.text('false')), sa.Column('c', sa.DateTime(timezone=True), server_default=sa.func.now()), sa.Column('d', sa.String, server_default="it's"), sa.Column('e', sa.Integer, server_default='3'), sa.Column('f', postgresql.UUID(as_uuid=True), server_default=sa.text('gen_random_uuid()')), sa.Column('g', postgresql.JSONB, server_default=sa.text("'{}'::jsonb")), sa.Column('h', sa.DateTime, server_default=sa.func.current_timestamp()), sa.Column('i', sa.Boolean, server_default=sa.sql.expression.false()))`,
  'foreign keys': `op.create_table('t', sa.Column('id', sa.Integer), sa.Column('u', sa.Integer, sa.ForeignKey('users.id', ondelete='CASCADE', onupdate='SET NULL', name='fk_u', deferrable=True, initially='DEFERRED')), sa.Column('v', sa.BigInteger, sa.ForeignKey('teams.id')), sa.ForeignKeyConstraint(['id'], ['users.id'], ondelete='SET NULL'))
op.create_foreign_key('fk_owner', 'teams', 'users', ['owner_id'], ['id'], ondelete='RESTRICT')`,
  columns: `op.add_column('users', sa.Column('age', sa.SmallInteger(), server_default='0', nullable=False))
op.add_column('users', sa.Column('boss', sa.Integer(), sa.ForeignKey('users.id')))
op.add_column('users', sa.Column('nick', sa.Text(), unique=True))
op.add_column('users', sa.Column('city', sa.Text(), index=True, comment='where'))
op.alter_column('users', 'name', new_column_name='full_name', nullable=False, type_=sa.String(80), existing_type=sa.String(50))
op.alter_column('users', 'email', server_default=sa.text("'none'"))
op.alter_column('users', 'age', server_default=None, type_=sa.BigInteger(), postgresql_using='age::bigint')
op.drop_column('teams', 'owner_id')`,
  constraints: `op.create_unique_constraint('uq_email', 'users', ['email'])
op.create_check_constraint('ck_name', 'users', sa.column('name') != 'x')
op.create_check_constraint('ck_len', 'users', "length(name) > 1")
op.create_check_constraint('ck_in', 'users', sa.column('name').in_(['a', 'b']))
op.create_unique_constraint('uq_gone', 'teams', ['owner_id'])
op.drop_constraint('uq_gone', 'teams', type_='unique')
op.drop_constraint('teams_pkey', 'teams', type_='primary')
op.create_primary_key('pk_teams', 'teams', ['id'])`,
  exclusions: `op.create_table('t', sa.Column('r', sa.Integer), postgresql.ExcludeConstraint((sa.column('r'), '='), name='ex', using='hash', deferrable=True, initially='DEFERRED'))`,
  'columns under other keys': `op.create_table('t', sa.Column('ident', sa.Integer, key='id', primary_key=True), sa.Column('Name', sa.Text, key='name'), sa.Column('p', sa.Integer, sa.ForeignKey('t.id')), sa.UniqueConstraint('name'))`,
  templates: `from string import Template
op.execute(Template('CREATE TABLE $name (\${column} integer)').substitute({'name': 'made'}, column='a'))`,
  'operations as objects': `from alembic.operations import ops
op.invoke(ops.CreateTableOp('made', [sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Text)]))
op.invoke(ops.AddColumnOp('made', sa.Column('m', sa.Integer)))
op.invoke(ops.AlterColumnOp('made', 'n', modify_nullable=False, modify_server_default=sa.text("'x'"), modify_name='nn'))
op.invoke(ops.CreateIndexOp('ix_made', 'made', ['m'], unique=True))
op.invoke(ops.CreateForeignKeyOp('fk_made', 'made', 'users', ['m'], ['id'], ondelete='CASCADE'))
op.invoke(ops.CreateUniqueConstraintOp('uq_made', 'made', ['nn']))
op.invoke(ops.CreateCheckConstraintOp('ck_made', 'made', 'm > 0'))
op.invoke(ops.RenameTableOp('teams', 'crews'))
op.invoke(ops.ExecuteSQLOp('CREATE TABLE plain (a integer)'))
op.invoke(ops.DropConstraintOp('uq_made', 'made', type_='unique'))`,
  'CREATE TABLE alone': `mood = postgresql.ENUM('a', name='mood', create_type=True)
op.execute("CREATE TYPE mood AS ENUM ('a')")
op.execute(sa.schema.CreateTable(sa.Table('t', sa.MetaData(), sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.String(4), index=True, unique=True), sa.Column('m', mood), sa.Column('k', sa.Text, unique=True), comment='c')))`,
  'keys of several columns': `op.create_table('t', sa.Column('a', sa.Integer, primary_key=True), sa.Column('b', sa.Integer, primary_key=True, autoincrement=True))
op.create_table('u', sa.Column('a', sa.Integer), sa.Column('b', sa.Integer, autoincrement=True), sa.PrimaryKeyConstraint('a', 'b'))`,
  'conditions in conditions': `a, b, c = sa.column('id'), sa.column('name'), sa.column('email')
for at, condition in enumerate([
    sa.and_(a > 1, sa.or_(b.is_(None), sa.func.length(b) < 5)),
    sa.or_(sa.and_(a > 1, b == 'x'), c != 'y'),
    (a > 1) & ((b == 'x') | (c == 'y')),
    ~(b.like('x_')), sa.not_(sa.or_(b == 'x', c == 'y')), ~b.is_(None), sa.not_(b == 'z'), sa.not_(b.notlike('r')),
    (a + 1) * 2 > 3, a - (a - 1) == 1, -(a + 1) < 0, a.between(1, 9),
    sa.and_(sa.and_(a > 1, a < 5), sa.not_(sa.and_(b == 'x', c == 'y'))),
    (b + c).like('x_'), (b == 'x').is_(True),
]):
    op.create_check_constraint(f'ck_{at}', 'users', condition)
op.add_column('users', sa.Column('j', postgresql.JSONB))
j = sa.column('j', postgresql.JSONB)
op.create_index('ix_json', 'users', [j['a'].astext, 'id'])`,
  indexes: `op.create_index('ix_a', 'users', ['name'])
op.create_index('ix_b', 'users', ['name', 'email'], unique=True, postgresql_where=sa.text("email IS NOT NULL"))
op.create_index('ix_c', 'users', [sa.text('lower(name)')])
op.create_index('ix_d', 'users', [sa.text('name DESC'), 'email'], postgresql_using='btree')
op.create_index('ix_e', 'users', ['email'], postgresql_ops={'email': 'varchar_pattern_ops'})
op.create_index('ix_f', 'users', ['id'], postgresql_include=['email'])
op.create_index('ix_g', 'users', ['name'], postgresql_using='hash')
op.create_index(op.f('ix_h'), 'users', [sa.func.lower(sa.column('email'))], unique=False)
op.drop_index('ix_a', table_name='users')
op.create_index('ix_i', 'users', ['name'], postgresql_where=sa.column('name').isnot(None))`,
  'formatted DDL': `for table, column in (('users', 'name'), ('teams', 'owner_id')):
    op.execute(sa.DDL('ALTER TABLE "%(table)s" ALTER COLUMN %(column)s TYPE text', context={'table': table, 'column': column}))`,
  'DDL constructs': `op.execute(postgresql.base.CreateEnumType(postgresql.ENUM('a', 'b', name='made')))
op.execute(postgresql.base.CreateEnumType(postgresql.ENUM('a', name='gone')))
op.execute(postgresql.base.DropEnumType(postgresql.ENUM(name='gone')))
table = sa.Table('users', sa.MetaData(), sa.Column('id', sa.Integer), sa.Column('name', sa.String(50)))
op.execute(sa.schema.CreateIndex(sa.Index('ix_made', table.c.name, unique=True)))
op.execute(sa.schema.CreateIndex(sa.Index('ix_gone', table.c.id)))
op.execute(sa.schema.DropIndex(sa.Index('ix_gone', table.c.id)))`,
  'spans of time as defaults': `from datetime import timedelta
for at, span in enumerate([timedelta(0), timedelta(minutes=15), timedelta(days=1, hours=2), timedelta(days=-3), timedelta(hours=-1), timedelta(weeks=2, seconds=5)]):
    op.add_column('users', sa.Column(f'c{at}', sa.Interval(), server_default=str(span)))`,
  'quoted names': `quote = op.get_context().dialect.identifier_preparer
own = sa.sql.compiler.IdentifierPreparer(op.get_context().dialect)
for name in ('plain', 'Upper', 'order'):
    op.execute(f'CREATE TABLE {quote.quote(name)} ({own.quote_identifier(name)} integer)')
op.execute(f'COMMENT ON TABLE {own.quote_schema("public")}.{own.quote("Upper")} IS NULL')`,
  'enum types': `op.create_table('t', sa.Column('mood', sa.Enum('sad', 'ok', name='mood'), server_default='ok'), sa.Column('other', sa.Enum('a', 'b', name='other', native_enum=False)), sa.Column('third', sa.Enum('x', 'yy', name='third', native_enum=False, create_constraint=True)), sa.Column('flag', sa.Boolean(create_constraint=True, name='ck_flag')))
postgresql.ENUM('p', 'q', name='pq').create(op.get_bind(), checkfirst=False)
op.add_column('users', sa.Column('pq', postgresql.ENUM('p', 'q', name='pq', create_type=False)))
op.add_column('users', sa.Column('pqs', postgresql.ARRAY(postgresql.ENUM('p', 'q', name='pq', create_type=False))))`,
  'keys without columns': `op.create_table('t', sa.Column('a', sa.Integer, nullable=False), sa.Column('b', sa.Integer), sa.PrimaryKeyConstraint(), sa.UniqueConstraint())
op.create_table('u', sa.Column('a', sa.Integer, primary_key=True), sa.PrimaryKeyConstraint(name='own'))
op.create_primary_key('t_pkey', 't', ['a'])`,
  'lengths of enums without a type': `import enum
op.create_table('t', sa.Column('a', sa.Enum(enum.Enum, native_enum=False)), sa.Column('b', sa.Enum(enum.Enum, native_enum=False, length=20)), sa.Column('c', sa.Enum('abc', 'd', native_enum=False, length=9)), sa.Column('d', sa.Enum(native_enum=False)))`,
  'create_type, which a plain Enum does not know': `op.create_table('t', sa.Column('a', sa.Enum('x', name='made', create_type=False)))
postgresql.ENUM('y', name='kept').create(op.get_bind(), checkfirst=False)
op.create_table('u', sa.Column('b', postgresql.ENUM('y', name='kept', create_type=False)))`,
  'types made through what the dialect makes of them': `sa.Enum('x', 'y', name='made').dialect_impl(op.get_bind().dialect).create(op.get_bind(), checkfirst=False)
sa.Enum('z', name='none', native_enum=False).create(op.get_bind(), checkfirst=False)`,
  'renames and drops': `op.rename_table('users', 'people')
op.drop_table('teams')
op.create_table_comment('people', 'all of them')`,
  batch: `with op.batch_alter_table('users', schema=None) as batch_op:
    batch_op.add_column(sa.Column('x', sa.Integer()))
    batch_op.alter_column('name', existing_type=sa.String(50), nullable=False)
    batch_op.create_index(batch_op.f('ix_users_x'), ['x'], unique=True)
    batch_op.create_foreign_key('fk_x', 'teams', ['x'], ['id'])
    batch_op.create_unique_constraint('uq_x', ['x', 'name'])
    batch_op.create_check_constraint('ck_x', 'x > 0')
    batch_op.drop_column('email')`,
  schemas: `op.execute('CREATE SCHEMA other')
op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('u', sa.Integer, sa.ForeignKey('users.id')), schema='other')
op.create_index('ix_t', 't', ['u'], schema='other')
op.add_column('t', sa.Column('n', sa.Text), schema='other')
op.create_foreign_key('fk_t', 'teams', 't', ['owner_id'], ['id'], referent_schema='other')`,
  exclusion: `op.execute('CREATE EXTENSION btree_gist')
op.create_table('r', sa.Column('room', sa.Integer), sa.Column('during', postgresql.TSRANGE()), postgresql.ExcludeConstraint(('room', '='), ('during', '&&'), name='no_overlap', using='gist'))`,
  'loops and helpers': `def helper(name, *cols):
    op.create_table(name, sa.Column('id', sa.Integer, primary_key=True), *cols)
for letter in 'ab':
    helper('t_%s' % letter, *[sa.Column(f'{letter}{i}', sa.Text) for i in range(2)])
for table, columns in {'users': ['name'], 'teams': ['owner_id']}.items():
    op.create_index('ix_{}_{}'.format(table, columns[0]), table, columns)`,
  sql: `op.execute("ALTER TABLE users ADD COLUMN z int; CREATE INDEX ix_z ON users (z)")
op.execute(sa.text("UPDATE users SET name = :n").bindparams(n='x'))
op.execute("COMMENT ON TABLE users IS 'u'")
op.bulk_insert(sa.table('users', sa.column('name', sa.Text)), [{'name': 'a'}])`,
};

describe('operations, as a real Alembic runs them', () => {
  const names = Object.keys(revisions);
  const texts = names.map(
    (name) => `${preamble}def upgrade():\n${(base + revisions[name]).replaceAll(/^(?=.)/gm, '    ')}\n`,
  );
  const real = askAlembic({ revisions: texts });
  beforeAll(loadSqlParser);

  it.skipIf(real === null).each(names)('%s', (name) => {
    const sql = real?.revisions[names.indexOf(name)] as string;
    expect(sql).not.toMatch(/^-- failed/);
    const { operations } = read(`${base}${revisions[name]}`);
    expect(operations.filter((operation) => operation.kind === 'opaque')).toEqual([]);
    const context = { namingConvention: null };
    const theirs = schemaOfOperations(
      parseSql(sql, { origin: { revision: 'r1', file: 'x.sql', line: 1 }, revision: 'r1' }),
      context,
    );
    const ours = schemaOfOperations(operations, context);
    expect(schemaToJson(ours)).toEqual(schemaToJson(theirs));
  });
});

const types =
  `sa.String sa.String() sa.String(36) sa.String(length=5) sa.Text sa.Text() sa.Unicode(10) sa.UnicodeText sa.VARCHAR(7) sa.CHAR(3) sa.CHAR sa.Integer sa.INTEGER() sa.SmallInteger sa.BigInteger()
sa.Boolean sa.Float sa.Float(53) sa.Float(24) sa.FLOAT() sa.REAL() sa.Numeric sa.Numeric(10) sa.Numeric(10,2) sa.Numeric(precision=5,scale=0) sa.DECIMAL(4,1) sa.Date sa.DateTime sa.DateTime(timezone=True) sa.DateTime(True) sa.TIMESTAMP() sa.TIMESTAMP(timezone=True)
sa.Time sa.Time(timezone=True) sa.Interval sa.Interval(second_precision=3) sa.LargeBinary sa.PickleType() sa.JSON sa.JSON() sa.ARRAY(sa.Integer) sa.ARRAY(sa.String(5)) postgresql.ARRAY(sa.Text(),dimensions=2) postgresql.JSON postgresql.JSONB() postgresql.UUID postgresql.UUID(as_uuid=True)
postgresql.INET postgresql.CIDR postgresql.MACADDR postgresql.MONEY postgresql.OID postgresql.REGCLASS postgresql.HSTORE postgresql.TSVECTOR postgresql.INT4RANGE postgresql.INT8RANGE postgresql.NUMRANGE postgresql.DATERANGE postgresql.TSRANGE postgresql.TSTZRANGE
postgresql.BIT postgresql.BIT(5) postgresql.BIT(5,varying=True) postgresql.BYTEA postgresql.DOUBLE_PRECISION postgresql.DOUBLE_PRECISION(precision=53) postgresql.TIMESTAMP(timezone=True,precision=3) postgresql.TIME(precision=2) postgresql.INTERVAL postgresql.INTERVAL(fields='DAY') postgresql.VARCHAR(4)
sa.Enum('a',name='mood') sa.Enum('a','bcd',native_enum=False) sa.Enum('a',native_enum=False,length=20) postgresql.ENUM('a',name='Mood') sa.String(5).with_variant(sa.Text(),'sqlite') sa.JSON().with_variant(postgresql.JSONB(),'postgresql')`.split(
    /\s+/,
  );

describe('types, as a real SQLAlchemy spells them', () => {
  const real = askAlembic({ types });
  beforeAll(loadSqlParser);
  it.skipIf(real === null).each(types)('%s', (type) => {
    const theirs = real?.types[types.indexOf(type)] as string;
    const { operations } = read(`op.add_column('t', sa.Column('c', ${type}))`);
    const [operation] = operations;
    expect(operation).toMatchObject({ kind: 'addColumn', column: { type: canonicalType(theirs) } });
  });
});

describe('names of a convention', () => {
  const naming = {
    ix: 'ix_%(column_0_label)s',
    uq: 'uq_%(table_name)s_%(column_0_name)s',
    ck: 'ck_%(table_name)s_%(constraint_name)s',
    fk: 'fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s',
    pk: 'pk_%(table_name)s',
  };
  const body = `
op.create_table('users', sa.Column('id', sa.Integer, primary_key=True))
op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('u', sa.Integer, sa.ForeignKey('users.id')), sa.Column('v', sa.Integer, unique=True), sa.Column('w', sa.Integer), sa.CheckConstraint('w > 0', name='w_positive'), sa.CheckConstraint('w < 9', name=op.f('final')), sa.UniqueConstraint('u', 'v'), sa.ForeignKeyConstraint(['w'], ['users.id'], name='own_name'))
op.create_unique_constraint(None, 't', ['w'])
op.create_foreign_key(None, 't', 'users', ['v'], ['id'])
op.create_index(op.f('ix_given'), 't', ['w'])
for name, metadata in (('bare', sa.MetaData()), ('other', sa.MetaData(naming_convention={'pk': 'key_of_%(table_name)s'}))):
    sa.Table(name, metadata, sa.Column('id', sa.Integer, primary_key=True), sa.Column('a', sa.Integer, unique=True)).create(op.get_bind(), checkfirst=False)`;
  const real = askAlembic({
    revisions: [`${preamble}def upgrade():\n${body.replaceAll(/^(?=.)/gm, '    ')}\n`],
    naming,
  });
  it.skipIf(real === null)('are those a real Alembic makes', async () => {
    await loadSqlParser();
    const { operations } = read(body);
    const theirs = schemaOfOperations(
      parseSql(real?.revisions[0] as string, { origin: { revision: 'r1', file: 'x.sql', line: 1 }, revision: 'r1' }),
      { namingConvention: null },
    );
    expect(schemaToJson(schemaOfOperations(operations, { namingConvention: naming }))).toEqual(schemaToJson(theirs));
  });
});
