/** Constructs that public histories hold: questions to the catalogue, plug-ins, recursion, driver parameters. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { type Given, preamble, read } from './reading.ts';

beforeAll(loadSqlParser);

const kinds = (body: string, given: Given = {}) => read(body, given).operations.map(({ kind }) => kind);
const table = "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.String(20)))\n";

describe('the catalogue', () => {
  it('tells the labels of an enum', () => {
    const { schema, operations } = read(
      `op.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
labels = [row[0] for row in op.get_bind().execute("SELECT unnest(enum_range(NULL::mood))").fetchall()] + ['new']
op.execute('ALTER TYPE mood RENAME TO mood_old')
op.execute('CREATE TYPE mood AS ENUM (%s)' % ', '.join(f"'{l}'" for l in labels))
op.execute('DROP TYPE mood_old')`,
    );
    expect(operations.some(({ kind }) => kind === 'opaque')).toBe(false);
    expect(schema.enums.get('public.mood')?.labels).toEqual(['sad', 'ok', 'new']);
  });

  it('gives one row for an aggregate over no rows', () => {
    const body = `${table}top = list(op.get_bind().execute('SELECT max(id) FROM t'))[0][0]
if top is None:
    op.drop_table('t')`;
    expect(read(body).operations.at(-1)).toMatchObject({ kind: 'dropTable', condition: 'there are no rows in t' });
  });

  it('says of an index whether it is valid', () => {
    const body = `def valid():
    return op.get_bind().execute(sa.text("SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = to_regclass('ix')")).scalar_one_or_none()
${table}if valid() is False:
    op.execute('DROP INDEX ix')
op.execute('CREATE INDEX ix ON t (n)')
if valid() is not True:
    raise RuntimeError('not valid')
op.drop_index('ix')`;
    expect(kinds(body).filter((kind) => kind !== 'touchRows')).toEqual(['createTable', 'createIndex', 'dropIndex']);
  });
});

it.each([
  ["super().__init__(*args, **{**kwargs, 'length': 11})", 'character varying(11)'],
  ["kwargs['length'] = 11\n        super(Id, self).__init__(*args, **kwargs)", 'character varying(11)'],
  ['sa.types.TypeDecorator.__init__(self, 11)', 'character varying(11)'],
  ["self.impl = sa.String(length=kwargs['length'])", 'character varying(7)'],
  ['configure(self, kwargs)', null],
])('follows a type of the project through its own __init__: %s', (body, type) => {
  const text = `class Id(sa.types.TypeDecorator):
    impl = sa.String
    def __init__(self, *args, **kwargs):
        ${body}
def upgrade():
    op.add_column('t', sa.Column('a', Id(length=7)))
`;
  const { operations } = read(preamble + text, { isWhole: true });
  if (type === null) expect(operations.slice(1)).toMatchObject([{ kind: 'opaque', objects: [{ name: 't' }] }]);
  else expect(operations).toMatchObject([{ kind: 'addColumn', column: { type } }]);
});

it('reads SQL that stands beside a package, however it is asked for', () => {
  const body = `import importlib.resources, pkg_resources
from importlib.resources import files, read_text
import app.data
op.execute(importlib.resources.read_text('app.data', 'a.sql'))
op.execute(read_text(app.data, 'a.sql').replace('a', 'b'))
op.execute(files('app').joinpath('data/c.sql').read_text())
op.execute(open(pkg_resources.resource_filename('app', 'data/c.sql')).read())
op.execute(read_text('other.package', 'a.sql'))`;
  const files = { 'app/data/a.sql': 'DROP TABLE a', 'app/data/c.sql': 'DROP TABLE c', 'app/__init__.py': '' };
  const { operations } = read(body, { files });
  expect(operations.map((each) => (each.kind === 'dropTable' ? each.table.name : each.kind))).toEqual([
    'a',
    'b',
    'c',
    'c',
    'opaque',
  ]);
});

it('reads the statements beside one whose parameter is not known', () => {
  const body = `srid = op.get_bind().execute('SELECT find_srid()').scalar()
sql = "CREATE TABLE a (id int); ALTER TABLE a ADD CHECK (id > :srid); UPDATE a SET id = :srid; CREATE TABLE b (id int)"
op.get_bind().execute(sa.text(sql), {'srid': srid})`;
  expect(kinds(body).slice(1)).toEqual(['createTable', 'opaque', 'touchRows', 'createTable']);
});

it('does not take a function outside for harmless whose name says that it changes the schema', () => {
  const body = `from shared.migrations import create_audit_table, table_names, create_logger
import shared.ddl
create_audit_table('t')
shared.ddl.drop_old_index()
create_logger()
if 'x' in table_names():
    pass`;
  expect(read(body).operations.map(({ kind, ...rest }) => [kind, 'reason' in rest ? rest.reason : ''])).toEqual([
    ['opaque', 'shared.migrations.create_audit_table() is outside the project and by its name changes the schema'],
    ['opaque', 'shared.ddl.drop_old_index() is outside the project and by its name changes the schema'],
  ]);
});

it('asks the schema so far where a revision inspects an engine that it got elsewhere', () => {
  const body = `from app.config import db
inspector = sa.inspect(db.engine)
if not inspector.has_table('t'):
    op.create_table('t', sa.Column('id', sa.Integer))
if 'id' in [column['name'] for column in inspector.get_columns('t')]:
    op.drop_table('t')`;
  expect(kinds(body, { files: { 'app/config.py': 'db = None\ndef setup():\n    global db\n' } })).toEqual([
    'createTable',
    'dropTable',
  ]);
});

it('takes a column called version for no question to the server', () => {
  const body = `if op.get_bind().execute(sa.text('SELECT version FROM t')).fetchall():
    op.drop_table('a')
if op.get_bind().execute(sa.text('SELECT version()')).scalar().startswith('PostgreSQL 9'):
    op.drop_table('b')`;
  expect(read(body).operations.filter(({ kind }) => kind !== 'touchRows')).toMatchObject([
    { kind: 'opaque', objects: [{ name: 'a' }], condition: 'there are no rows in t' },
    { kind: 'opaque', objects: [{ name: 'b' }], condition: 'the server is PostgreSQL 16' },
  ]);
});

it.each([
  ["op.get_bind().execute(sa.text('SELECT version()')).scalar().startswith('PostgreSQL 16')"],
  ["int(op.get_bind().execute('SHOW server_version_num').scalar()) >= 120000"],
  ['op.get_bind().scalar(sa.text("SELECT current_setting(\'server_version_num\')::int")) >= 120000'],
])('takes the server for one of the version that the dialect has: if %s', (test) => {
  const { operations } = read(`if ${test}:\n    op.drop_table('a')`);
  expect(operations.at(-1)).toMatchObject({ kind: 'dropTable', condition: 'the server is PostgreSQL 16' });
});

it('tells the schema of an enum type', () => {
  const body = `kind = sa.Enum('a', name='kind', schema='app')
op.execute('ALTER TABLE t ALTER COLUMN c TYPE {0}.{1}'.format(kind.schema, kind.name))
if sa.Enum('a', name='plain').schema is None:
    op.drop_table('u')`;
  expect(read(body).operations).toMatchObject([{ kind: 'alterColumn' }, { kind: 'dropTable' }]);
});

it('drops a view as SQLAlchemy-Utils does, and does not guess what one of its shows', () => {
  const body = `from sqlalchemy_utils.view import CreateView, DropView
op.execute(DropView('v', materialized=True))
op.execute(DropView('w'))
op.execute(CreateView('x', sa.select(sa.column('a')), materialized=True))`;
  expect(read(body).operations).toMatchObject([
    { kind: 'dropView', name: { name: 'v' }, materialized: true, ifExists: true },
    { kind: 'dropView', name: { name: 'w' }, materialized: false, ifExists: true },
    { kind: 'opaque', objects: [{ name: 'x' }] },
  ]);
});

it('knows that what it holds of the database is there', () => {
  const body = `bind = op.get_bind()
if bind and bind.engine.name == 'mysql':
    op.drop_table('t')
if not op.get_context() or not sa.inspect(bind):
    op.drop_table('t')
op.drop_table('u')`;
  expect(read(body).operations).toMatchObject([{ kind: 'dropTable', table: { name: 'u' } }]);
});

describe('values', () => {
  it('reads the classes behind func as func', () => {
    const { operations } = read(
      "op.add_column('t', sa.Column('at', sa.DateTime, server_default=sa.sql.functions.now()))",
    );
    expect(operations).toMatchObject([{ kind: 'addColumn', column: { default: 'now()' } }]);
  });

  it('takes the default of a setting that a settings library is asked for', () => {
    const body = `from decouple import config
from starlette.config import Config
settings = Config('.env')
op.add_column('t', sa.Column('a', sa.String(config('SIZE', default=7))))
op.add_column('t', sa.Column('b', sa.String(settings('SIZE', default=8))))`;
    expect(read(body).operations).toMatchObject([
      { column: { type: 'character varying(7)' } },
      { column: { type: 'character varying(8)' } },
    ]);
  });

  it('knows the dialect of any URL', () => {
    const body = `from sqlalchemy.engine.url import make_url
import os
if make_url(os.environ['DB']).get_dialect().name == 'postgresql':
    op.drop_table('t')`;
    expect(kinds(body)).toEqual(['dropTable']);
  });
});

describe('plug-ins and recursion', () => {
  it('adds labels where two lists are given, makes the type anew where columns are', () => {
    expect(read("op.sync_enum_values('public', 'e', ['a'], ['a', 'b'])").operations).toMatchObject([
      { kind: 'addEnumValue', label: 'a', ifNotExists: true },
      { kind: 'addEnumValue', label: 'b', ifNotExists: true },
    ]);
    expect(kinds("op.sync_enum_values('public', 'e', ['a'], [('t', 'c')])")).toEqual([
      'renameType',
      'createEnum',
      'alterColumn',
      'dropType',
    ]);
  });

  it('does not follow a recursion for ever that nobody can decide', () => {
    const body = `from elsewhere import tree
def walk(node):
    if node.leaf:
        return 1
    return sum(walk(child) for child in node.children) + walk(node.next)
walk(tree)
op.drop_table('t')`;
    expect(kinds(body)).toEqual(['dropTable']);
  });

  it('changes nothing where alter_column is given no change', () => {
    expect(kinds("op.alter_column('t', sa.Column('c', sa.Boolean(), server_default='False'))")).toEqual([]);
  });

  it('reads a module of the application whose syntax it cannot', () => {
    const files = { 'app/broken.py': 'with f(1) as (a, b):\n    g()\nNAME = "t"\n' };
    expect(kinds('from app.broken import NAME\nop.drop_table(NAME)', { files })).toEqual(['dropTable']);
  });
});

describe('types, names and questions of libraries', () => {
  it('follows the names that Alembic gave its arguments before 0.8', () => {
    const body = `op.create_foreign_key(name='fk', source='a', referent='b', local_cols=['b_id'], remote_cols=['id'])
op.drop_constraint(name='fk', tablename='a', type='foreignkey')`;
    expect(read(body).operations).toMatchObject([
      { kind: 'addConstraint', table: { name: 'a' }, constraint: { name: 'fk', references: { table: { name: 'b' } } } },
      { kind: 'dropConstraint', table: { name: 'a' }, constraint: 'fk', type: 'f' },
    ]);
  });

  it("takes psycopg2's execute_values and execute_batch for statements about rows", () => {
    const body = `from psycopg2.extras import execute_batch, execute_values
cursor = op.get_bind().connection.cursor()
execute_values(cursor, 'INSERT INTO t (a, b) VALUES %s', [(1, 2), (3, 4)])
execute_batch(cursor, 'UPDATE u SET a = %s WHERE b = %s', [(1, 2)])`;
    expect(read(body).operations).toMatchObject([
      { kind: 'touchRows', verb: 'insert', tables: [{ name: 't' }] },
      { kind: 'touchRows', verb: 'update', tables: [{ name: 'u' }] },
    ]);
  });

  it('names the tables of objects that a session is handed', () => {
    const body = `class Role(Base):
    __tablename__ = 'role'
    id = sa.Column(sa.Integer)
session = sa.orm.Session(bind=op.get_bind())
session.add(Role())
session.add_all([Role(), Role()])`;
    const tables = [{ schema: null, name: 'role' }];
    expect(read(body).operations).toMatchObject([
      { kind: 'touchRows', tables },
      { kind: 'touchRows', tables },
    ]);
  });

  it('takes the one element of a set, and of several none', () => {
    const body = `names = {each for each in ('a', 'b') if each != 'a'}
op.drop_table(names.pop())
op.drop_table({'x', 'y'}.pop())`;
    expect(read(body).operations).toMatchObject([{ kind: 'dropTable', table: { name: 'b' } }, { kind: 'opaque' }]);
  });

  it('takes the implementation of a decorated type', () => {
    const body = `from oslo_db.sqlalchemy import types
op.add_column('t', sa.Column('a', types.JsonEncodedDict(mysql_as_long=True).impl))`;
    expect(read(body).operations).toMatchObject([{ column: { type: 'text' } }]);
  });

  it('knows the types that oslo.db, SQLModel and healpix_alchemy bring', () => {
    const body = `from oslo_db.sqlalchemy import types
from sqlmodel.sql.sqltypes import GUID
import healpix_alchemy
op.create_table('t', sa.Column('a', types.JsonEncodedDict), sa.Column('b', types.JsonEncodedList(mysql_as_long=True)),
    sa.Column('c', GUID()), sa.Column('d', healpix_alchemy.types.Tile))`;
    const { schema, operations } = read(body);
    expect(operations).toHaveLength(1);
    const columns = [...(schema.tables.get('public.t')?.columns.values() ?? [])];
    expect(columns.map(({ type }) => type)).toEqual(['text', 'text', 'uuid', 'int8range']);
  });

  it('moves the CHECK of a type with the type of its column', () => {
    const body = `${table}word = lambda *labels: sa.Enum(*labels, name='word', native_enum=False, create_constraint=True)
op.alter_column('t', 'n', type_=word('x', 'y'))
op.alter_column('t', 'n', existing_type=word('x', 'y'), type_=word('x', 'z'))`;
    const [, ...checks] = read(body).schema.tables.get('public.t')?.constraints.values() ?? [];
    expect(checks.map(({ name, expression }) => [name, expression])).toEqual([['word', "n IN ('x', 'z')"]]);
    const back = `${body}\nop.alter_column('t', 'n', existing_type=word('x', 'z'), type_=sa.String())`;
    expect(read(back).schema.tables.get('public.t')?.constraints.size).toBe(1);
  });

  it('takes the keys of an index out of one text', () => {
    const body = `${table}op.create_index('ix', 't', [sa.text("n, coalesce(n, ',') DESC, \\"a,b\\"")])`;
    const [, index] = read(body).operations;
    expect(index).toMatchObject({
      index: {
        keys: [
          { text: 'n', isExpression: false },
          { text: "coalesce(n, ',')", isExpression: true, descending: true },
          { text: 'a,b', isExpression: false },
        ],
      },
    });
  });

  it('makes the indexes anew that a change of an enum names', () => {
    const body = `from alembic_postgresql_enum import TableReference
from alembic_postgresql_enum.sql_commands.indexes import TableIndex
op.execute("CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (e e); CREATE UNIQUE INDEX ix ON t (e) WHERE e <> 'b'")
op.sync_enum_values(enum_schema='public', enum_name='e', new_values=['a'], enum_values_to_rename=[],
    affected_columns=[TableReference(table_schema='public', table_name='t', column_name='e')],
    indexes_to_recreate=[TableIndex(name='public.ix', definition='CREATE UNIQUE INDEX ix ON public.t USING btree (e)')])`;
    expect(read(body).schema.tables.get('public.t')?.indexes.get('ix')).toMatchObject({ unique: true, where: null });
  });

  it.each(['psycopg2', 'psycopg'])("reads statements put together with %s's sql module", (driver) => {
    const body = `from ${driver} import sql
connection = op.get_bind()
name = sql.Identifier('S', 'ta"b')
statement = sql.SQL('CREATE TABLE {} ({})').format(name, sql.SQL(', ').join([sql.SQL('{c} int').format(c=sql.Identifier(c)) for c in ('a', 'b')]))
connection.exec_driver_sql(statement.as_string(connection))
connection.connection.cursor().execute(sql.SQL('ALTER TABLE {} ') .format(name) + sql.SQL("ALTER a SET DEFAULT {}").format(sql.Literal(3)))
op.execute(sql.SQL('DROP TABLE {}').format(sql.Identifier(unheard_of)).as_string(connection))`;
    const { operations } = read(body);
    expect(operations).toMatchObject([
      {
        kind: 'createTable',
        table: { name: { schema: 'S', name: 'ta"b' }, columns: [{ name: 'a' }, { name: 'b' }] },
      },
      { kind: 'alterColumn', column: 'a', default: '3' },
      { kind: 'opaque' },
      ...operations.slice(3),
    ]);
    expect(operations.slice(3).every(({ kind }) => kind === 'opaque')).toBe(true);
  });

  it('knows what aggregates over no rows give', () => {
    const body = `bind = op.get_bind()
t = sa.table('t', sa.column('id'))
if bind.scalars(sa.select(sa.func.max(t.c.id)).select_from(t)).one_or_none() is None:
    op.add_column('t', sa.Column('a', sa.Integer))
if bind.execute(sa.select(sa.func.count().label('n')).select_from(t)).scalar() > 0:
    op.add_column('t', sa.Column('b', sa.Integer))
if bind.execute(sa.select(sa.func.count()).select_from(t).group_by(t.c.id)).scalar() is None:
    op.add_column('t', sa.Column('c', sa.Integer))`;
    const added = read(body).operations.filter((one) => one.kind === 'addColumn');
    expect(added).toMatchObject([
      { column: { name: 'a' }, condition: 'there are no rows in t' },
      { column: { name: 'c' }, condition: 'there are no rows in t' },
    ]);
  });

  it("tells whether a column has a default, whose text is PostgreSQL's own", () => {
    const body = `op.execute("CREATE TABLE t (a int DEFAULT 3, b int, c serial)")
for name in ('a', 'b', 'c'):
    said = op.get_bind().execute(sa.text(f"SELECT column_default FROM information_schema.columns WHERE table_name = 't' AND column_name = '{name}'")).scalar()
    if said:
        op.execute(f'ALTER TABLE t ALTER COLUMN {name} DROP DEFAULT')`;
    const changes = read(body).operations.filter((one) => one.kind === 'alterColumn');
    expect(changes).toMatchObject([
      { column: 'a', default: null },
      { column: 'c', default: null },
    ]);
    expect(changes.every(({ condition }) => condition === undefined)).toBe(true);
  });

  it('names an index of texts as Alembic does, and knows levels of logging and days of weeks', () => {
    const body = `import logging
from datetime import date, datetime
op.create_table('t', sa.Column('a', sa.Text))
op.create_index(None, 't', [sa.text('(lower(a))')])
op.create_index(None, 't', [sa.text('(upper(a))')])
op.add_column('t', sa.Column('level', sa.Integer, server_default=str(logging.INFO)))
op.add_column('t', sa.Column('day', sa.Date, server_default=datetime.fromisocalendar(2024, 1, 1).date().strftime('%Y-%m-%d')))
op.add_column('t', sa.Column('last', sa.Date, server_default=date.fromisocalendar(2020, 53, 7).isoformat()))`;
    const table = read(body).schema.tables.get('public.t');
    expect([...(table?.indexes.keys() ?? [])]).toEqual(['ix_t_(lower(a))', 'ix_t_(upper(a))']);
    expect([...(table?.columns.values() ?? [])].map((column) => column.default)).toEqual([
      null,
      "'20'",
      "'2024-01-01'",
      "'2021-01-03'",
    ]);
  });

  it('tells the sequence that a column owns, and whether a type is there', () => {
    const body = `op.execute("CREATE SCHEMA s; CREATE TABLE s.t (id serial, n int); CREATE TYPE mood AS ENUM ('ok')")
bind = op.get_bind()
for column in ('id', 'n'):
    row = bind.execute(sa.text(f"select pg_get_serial_sequence('s.t', '{column}')")).fetchone()
    if row is not None and row[0] is not None:
        op.execute(f'ALTER TABLE s.t ALTER {column} DROP DEFAULT; DROP SEQUENCE {row[0]}')
for name in ('mood', 'gone'):
    if bind.dialect.has_type(bind, name):
        op.execute(f'DROP TYPE {name}')`;
    expect(read(body).operations.slice(3)).toMatchObject([
      { kind: 'touchRows' },
      { kind: 'alterColumn', column: 'id', default: null },
      { kind: 'dropSequence', name: { schema: 's', name: 't_id_seq' } },
      { kind: 'touchRows' },
      { kind: 'dropType', name: { name: 'mood' } },
    ]);
  });

  it('joins op.f() like the text that it is', () => {
    const { schema } = read(`${table}op.execute('CREATE INDEX ' + op.f('ix_n') + ' ON t (n)')`);
    expect([...(schema.tables.get('public.t')?.indexes.keys() ?? [])]).toEqual(['ix_n']);
  });

  it('reads rows that hang on an environment variable as rows', () => {
    const body = `import os
stage = os.getenv('STAGE')
${table}op.execute("UPDATE t SET n = '" + stage + "-x'")`;
    expect(kinds(body)).toEqual(['createTable', 'touchRows']);
  });

  it('answers what the dialect is asked', () => {
    const body = `${table}bind = op.get_bind()
op.drop_constraint(bind.dialect.get_pk_constraint(bind, table_name='t')['name'], 't')`;
    expect(read(body).operations.at(-1)).toMatchObject({ kind: 'dropConstraint', constraint: 't_pkey' });
  });

  it('names an enum by its class, though the class is out of reach', () => {
    const body = `from above.models import StartTaskStatus as Status
op.create_table('t', sa.Column('s', sa.Enum(Status)))
op.execute("ALTER TYPE starttaskstatus ADD VALUE 'more'")`;
    const { schema, operations } = read(body);
    expect(operations[0]).toMatchObject({
      kind: 'opaque',
      reason: 'the labels of the enum type starttaskstatus are not known',
      objects: [{ schema: null, name: 'starttaskstatus' }],
    });
    expect(schema.tables.get('public.t')?.columns.get('s')?.type).toBe('starttaskstatus');
  });
});

it('reads functions and classes with parameters of types', () => {
  const body = `${preamble}from collections.abc import Callable
type Maker[T] = Callable[[str], T]
class Kind[T](sa.TypeDecorator):
    impl = sa.String(7)
def column[T: (int, str) = str](name: str, kind: type[T]) -> sa.Column[T]:
    return sa.Column(name, Kind[T]() if kind is str else sa.Integer)
def upgrade[*Ts]() -> None:
    op.create_table('t', column('a', str), column('b', int))
`;
  const { schema, operations } = read(body, { isWhole: true });
  expect(operations).toMatchObject([{ kind: 'createTable' }]);
  expect([...(schema.tables.get('public.t')?.columns.values() ?? [])].map(({ type }) => type)).toEqual([
    'character varying(7)',
    'integer',
  ]);
});

it.each([
  ["sa.DDL('CREATE TABLE t (a integer)').execute(bind=op.get_bind())", ['createTable']],
  ["op.execute(sa.text(str(sa.sql.text('DROP TABLE {name}')).format(name='t')))", ['dropTable']],
  // What is not known of rows leaves them rows.
  ['op.execute(sa.text(f"INSERT INTO t (a, b) VALUES {\', \'.join(given)} ON CONFLICT DO NOTHING"))', ['touchRows']],
  [
    "op.get_bind().execute(sa.text('CREATE TEMP TABLE day AS SELECT a FROM t WHERE a > :a'), {'a': given})",
    ['createTable'],
  ],
  ["op.get_bind().execute(sa.text('CREATE TABLE t (a integer DEFAULT :a)'), {'a': given})", ['opaque']],
])('reads %s', (body, kinds) => {
  const { operations } = read(`import outside\ngiven = outside.given()\n${body}`);
  expect(operations.map(({ kind }) => kind)).toEqual(kinds);
});

it.each(['oslo_serialization.jsonutils', 'simplejson'])('takes %s for json', (library) => {
  const { operations } = read(
    `from ${library} import dumps\nop.add_column('t', sa.Column('a', sa.Text, server_default=dumps({'a': [1, None]})))`,
  );
  expect(operations).toMatchObject([{ column: { default: `'{"a": [1, null]}'` } }]);
});

it('runs what listens to the making of tables', () => {
  const { operations } = read(`from sqlalchemy import DDL, event
metadata = sa.MetaData()
t = sa.Table('t', metadata, sa.Column('id', sa.Integer), schema='s')
def note(target, connection, **kw):
    connection.execute(sa.text(f'CREATE TABLE log_{target.name} (a int)'))
event.listen(t, 'after_create', DDL('CREATE INDEX ix_after ON %(fullname)s (id)'))
event.listen(t, 'after_create', DDL('CREATE TABLE elsewhere (a int)').execute_if(dialect='sqlite'))
event.listen(t, 'before_drop', DDL('DROP INDEX s.ix_after'))
event.listen(metadata, 'before_create', DDL('CREATE SCHEMA s'))
event.listen(t, 'after_create', note)
metadata.create_all(op.get_bind())`);
  expect(operations.map(({ kind }) => kind)).toEqual(['createNamespace', 'createTable', 'createIndex', 'createTable']);
  expect(operations.at(-1)).toMatchObject({ table: { name: { name: 'log_t' } } });
});

it('reads views of SQLAlchemy-Utils that ask one table', () => {
  const { operations } = read(`from sqlalchemy_utils.view import CreateView
t = op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Text))
op.execute(CreateView('v', sa.select(t.c.id, t.c.n.label('name')).where(t.c.id > 5)))
op.execute(CreateView('m', sa.select(t.c.id).order_by(sa.func.random()).limit(1), materialized=True))`);
  expect(operations.slice(1)).toMatchObject([
    {
      kind: 'createView',
      name: { name: 'v' },
      query: 'SELECT id, n AS name FROM t WHERE (id > 5)',
      materialized: false,
    },
    { kind: 'opaque', objects: [{ name: 'm' }] },
  ]);
});

it('tells the types of SQLAlchemy from each other', () => {
  const { operations } = read(
    `op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.String(30)))
for column in sa.Table('t', sa.MetaData(), autoload_with=op.get_bind()).columns:
    if isinstance(column.type, sa.String) and not isinstance(column.type, (sa.Integer, sa.Text)):
        op.alter_column('t', column.name, type_=sa.String(60))
op.create_entity(PGGrantTable(schema='public', table='t', columns=['id'], role='r', grant=PGGrantTableChoice.SELECT))`.replace(
      /^/,
      'from alembic_utils.pg_grant_table import PGGrantTable, PGGrantTableChoice\n',
    ),
  );
  expect(operations.slice(1)).toMatchObject([
    { kind: 'alterColumn', column: 'n', type: 'character varying(60)' },
    { kind: 'ignored', what: 'GRANT' },
  ]);
});

it('does not know the schemas of a connection that translates them', () => {
  const { operations } = read(`conn = op.get_bind().execution_options(schema_translate_map={'tenant': 's2'})
conn.execute(sa.schema.CreateTable(sa.Table('t', sa.MetaData(), sa.Column('id', sa.Integer), schema='tenant')))`);
  expect(operations[0]).toMatchObject({ kind: 'opaque', objects: [] });
});

describe('foreign keys that a function of the project writes', () => {
  const namesOf = (written: string) => {
    const body = `${preamble}from sqlalchemy.ext import compiler
@compiler.compiles(sa.ForeignKeyConstraint, 'postgresql')
def process(element, compiler, **kw):
    ${written}
def upgrade():
    op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('p', sa.Integer), sa.ForeignKeyConstraint(['p'], ['t.id'], name='given'), sa.UniqueConstraint('p', name='uq'))
`;
    const { operations, schema } = read(body, { isWhole: true, namingConvention: { fk: 'fk_%(table_name)s' } });
    return [
      [...(schema.tables.get('public.t')?.constraints.keys() ?? [])],
      operations.slice(1).map(({ kind }) => kind),
    ];
  };

  it('have the names that it leaves them', () => {
    const rest = 'return compiler.visit_foreign_key_constraint(element, **kw)';
    expect(namesOf(`element.name = None\n    ${rest}`)).toEqual([['t_pkey', 'uq', 't_p_fkey'], []]);
    expect(namesOf(rest)).toEqual([['t_pkey', 'uq', 'given'], []]);
  });

  it('are in doubt where it does more', () => {
    expect(namesOf("return 'CHECK (true)'")).toEqual([['t_pkey', 'uq', 'given'], ['opaque']]);
  });
});

it('gives columns without a type that of the column they reference, whose table is made before', () => {
  const { operations, schema } = read(`metadata = sa.MetaData()
child = sa.Table('child', metadata, sa.Column('p', None, sa.ForeignKey('parent.id')), sa.Column('q', sa.ForeignKey('child.p')), sa.Column('r', sa.ForeignKey('gone.id')))
parent = sa.Table('parent', metadata, sa.Column('id', sa.BigInteger, primary_key=True), sa.Column('m', sa.Integer, sa.ForeignKey('parent.id')))
metadata.create_all(op.get_bind())`);
  expect(operations.map((one) => (one.kind === 'createTable' ? one.table.name.name : one.kind))).toEqual([
    'parent',
    'child',
    'opaque',
    'opaque',
  ]);
  expect(schema.tables.get('public.child')?.columns.get('p')?.type).toBe('bigint');
});
