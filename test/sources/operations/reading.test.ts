/**
 * What a real Alembic cannot tell offline: questions to the schema, other files, conditions, and what stays opaque.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { bare, type Given, preamble, read } from './reading.ts';

beforeAll(loadSqlParser);

const kinds = (body: string, given?: Given): string[] =>
  read(body, given).operations.map((operation) => {
    if (operation.kind === 'opaque') return `opaque ${operation.objects.map((one) => one.name).join()}`;
    if (operation.kind === 'createTable') return `createTable ${operation.table.name.name}`;
    if (operation.kind === 'addColumn') return `addColumn ${operation.table.name}.${operation.column.name}`;
    if (operation.kind === 'touchRows') return `${operation.verb} ${operation.tables.map((one) => one.name).join()}`;
    return operation.kind;
  });

const one = (body: string, given?: Given) => {
  const { operations } = read(body, given);
  expect(operations).toHaveLength(1);
  return bare(operations)[0];
};

describe('questions to the schema so far', () => {
  const table = `op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('a', sa.String(5)))\n`;
  it.each([
    [`if 't' not in sa.inspect(op.get_bind()).get_table_names():\n    op.drop_table('t')`, ['createTable t']],
    [
      `insp = sa.inspect(op.get_bind())\nif insp.has_table('u'):\n    op.drop_table('u')\nelse:\n    op.add_column('t', sa.Column('b', sa.Text))`,
      ['createTable t', 'addColumn t.b'],
    ],
    [
      `columns = [c['name'] for c in sa.inspect(op.get_bind()).get_columns('t')]\nfor name in ('a', 'b'):\n    if name not in columns:\n        op.add_column('t', sa.Column(name, sa.Text))`,
      ['createTable t', 'addColumn t.b'],
    ],
    [
      `op.create_index('ix', 't', ['a'])\nif any(i['name'] == 'ix' for i in sa.inspect(op.get_bind()).get_indexes('t')):\n    op.drop_index('ix', 't')`,
      ['createTable t', 'createIndex', 'dropIndex'],
    ],
    [
      `from sqlalchemy.engine.reflection import Inspector\nfor fk in Inspector.from_engine(op.get_bind()).get_foreign_keys('t'):\n    op.drop_constraint(fk['name'], 't')`,
      ['createTable t'],
    ],
    [
      `if op.get_bind().execute(sa.text("SELECT 1 FROM information_schema.columns WHERE table_name = 't' AND column_name = 'zz'")).fetchone() is None:\n    op.add_column('t', sa.Column('zz', sa.Text))`,
      ['createTable t', 'select columns', 'addColumn t.zz'],
    ],
    [
      `if not op.get_bind().execute("SELECT to_regclass('public.u')").scalar():\n    op.add_column('t', sa.Column('c', sa.Text))`,
      ['createTable t', 'select ', 'addColumn t.c'],
    ],
    [`if op.get_context().as_sql:\n    op.drop_table('t')`, ['createTable t']],
    [
      `if op.get_bind().dialect.name == 'postgresql':\n    op.execute('ANALYZE t')\nelse:\n    op.drop_table('t')`,
      ['createTable t', 'ignored'],
    ],
    [
      `if op.get_context().dialect.name != 'postgresql':\n    return\nop.drop_table('t')`,
      ['createTable t', 'dropTable'],
    ],
  ])('%s', (body, expected) => {
    expect(kinds(table + body)).toEqual(expected);
  });
});

describe('what hangs on rows, environment and unknown code', () => {
  it('takes an empty table for granted and says so', () => {
    const { operations } = read(
      `rows = op.get_bind().execute(sa.text('SELECT id FROM t')).fetchall()\nif rows:\n    op.drop_table('t')\nelse:\n    op.drop_table('u')`,
    );
    expect(bare(operations)).toMatchObject([
      { kind: 'touchRows', verb: 'select' },
      {
        kind: 'opaque',
        objects: [{ name: 't' }],
        reason: 'left out, as there are no rows in t',
        condition: 'there are no rows in t',
      },
      { kind: 'dropTable', table: { name: 'u' } },
    ]);
  });
  it('walks the body of a loop over rows for what it touches', () => {
    expect(
      kinds(
        `for row in op.get_bind().execute(sa.text('SELECT id FROM t')):\n    op.get_bind().execute(sa.text('UPDATE t SET a = :a').bindparams(a=row[0]))\n    op.drop_column('t', 'x')`,
      ),
    ).toEqual(['select t', 'update t', 'opaque t']);
  });
  it('keeps what follows an early return that only rows decide', () => {
    const { operations } = read(
      `if op.get_bind().execute(sa.text('SELECT count(*) FROM t')).scalar() > 10:\n    return\nop.drop_table('t')`,
    );
    expect(bare(operations)[1]).toMatchObject({ kind: 'dropTable', condition: 'there are no rows in t' });
  });
  it('remembers what a variable hangs on', () => {
    const { operations } = read(
      `found = False\nfor row in op.get_bind().execute(sa.text('SELECT id FROM t')):\n    found = True\nnames = []\nif found:\n    names.append('x')\nif not found:\n    return\nop.drop_table('t')`,
    );
    expect(bare(operations)).toMatchObject([{ kind: 'touchRows' }, { kind: 'opaque', objects: [{ name: 't' }] }]);
  });
  it('does not stop where it would only stop for want of rows', () => {
    expect(
      kinds(
        `row = op.get_bind().execute(sa.text("SELECT id FROM t")).first()\nif row is None:\n    raise Exception('x')\nop.drop_table('t')`,
      ),
    ).toEqual(['select t', 'dropTable']);
  });
  it('goes on behind an element that only rows could give, but where its absence is reckoned with', () => {
    const rows = `ids = {row.name: row.id for row in op.get_bind().execute(sa.text('SELECT id, name FROM t'))}\n`;
    expect(kinds(`${rows}op.execute(f"INSERT INTO u VALUES ({ids['a']})")\nop.drop_table('v')`)).toEqual([
      'select t',
      'insert u',
      'dropTable',
    ]);
    expect(kinds(`${rows}try:\n    ids['a']\nexcept KeyError:\n    op.drop_table('v')`)).toEqual([
      'select t',
      'dropTable',
    ]);
  });
  it.each([
    [`env not in ['live', 'production']`, "'live' or 'production'"],
    [`not env == 'live'`, "'live'"],
    [`'live' != env`, "'live'"],
  ])('takes a setting without a default for none of the values singled out: if %s', (test, values) => {
    const body = `import os\nenv = os.environ['STAGE']\nif ${test}:\n    op.drop_table('t')\nelse:\n    op.drop_table('u')`;
    const condition = `the environment variable STAGE is not ${values}`;
    expect(bare(read(body).operations)).toMatchObject([
      { kind: 'dropTable', table: { name: 't' }, condition },
      { kind: 'opaque', objects: [{ name: 'u' }], condition },
    ]);
    expect(bare(read(body, { environment: { STAGE: 'live' } }).operations)).toMatchObject([
      { kind: 'dropTable', table: { name: 'u' } },
    ]);
  });
  it('cannot tell what is made of a setting without a default', () => {
    expect(kinds(`import os\nif len(os.environ['STAGE']) > 3:\n    op.drop_table('t')`)).toEqual(['opaque t']);
    expect(kinds(`import os\nop.drop_table(os.environ['STAGE'])`)).toEqual(['opaque ']);
  });
  it.each([
    ["engine_name: str = ''", "globals().get(f'upgrade_{engine_name}', lambda: None)()", ['dropTable']],
    ['engine_name', "globals()['upgrade_%s' % engine_name]()", ['dropTable']],
    ['engine_name', "eval('upgrade_%s' % engine_name)()", ['dropTable']],
    ['database', "globals()['upgrade_%s' % database]()", ['opaque ']],
    ['database', "eval('upgrade_%s' % database)()", ['opaque ']],
    ['database', "{'a': upgrade_, 'b': upgrade_b}.get(database)()", ['opaque ']],
  ])('finds the function of one of several databases: upgrade(%s): %s', (parameter, call, expected) => {
    const text = `def upgrade(${parameter}):\n    ${call}\ndef upgrade_():\n    op.drop_table('t')\ndef upgrade_b():\n    pass\n`;
    expect(kinds(preamble + text, { isWhole: true })).toEqual(expected);
  });
  it('takes the default that the code states for the environment', () => {
    const body = `import os\nif os.environ.get('EXTRA', 'no') == 'yes':\n    op.drop_table('t')\nelse:\n    op.drop_table('u')`;
    expect(bare(read(body).operations)).toMatchObject([
      { kind: 'opaque', objects: [{ name: 't' }] },
      { kind: 'dropTable', table: { name: 'u' } },
    ]);
    expect(one(body, { environment: { EXTRA: 'yes' } })).toMatchObject({ kind: 'dropTable', table: { name: 't' } });
    expect(one(`import os\nop.add_column('t', sa.Column('v', sa.String(int(os.getenv('SIZE', '7')))))`)).toMatchObject({
      column: { type: 'character varying(7)' },
    });
  });
  it('makes every side of an undecided branch opaque, with its objects', () => {
    expect(
      kinds(
        `from elsewhere import flag\nif flag():\n    op.drop_table('a')\nelse:\n    op.drop_table('b')\nop.drop_table('c')`,
      ),
    ).toEqual(['opaque a', 'opaque b', 'dropTable']);
  });
  it('tells a call that takes the connection out of the project', () => {
    const { operations } = read(`from elsewhere import install\ninstall(op.get_bind())`);
    expect(bare(operations)).toMatchObject([
      { kind: 'opaque', reason: expect.stringContaining('elsewhere.install()'), objects: [] },
    ]);
  });
  it('keeps rows as rows where only a value is not known', () => {
    expect(kinds(`import uuid\nop.execute(f"INSERT INTO t (id) VALUES ('{uuid.uuid4()}')")`)).toEqual(['insert t']);
    expect(kinds(`from elsewhere import name\nop.execute('ALTER TABLE t ADD COLUMN %s int' % name())`)).toEqual([
      'opaque t',
    ]);
    expect(kinds(`from elsewhere import name\nop.execute('DROP TABLE ' + name())`)).toEqual(['opaque ']);
  });
  it.each([
    ['while True:\n    pass', /more than \d+ steps/],
    ['def f():\n    f()\nf()', /nested/],
    ['for i in range(10**12):\n    pass', /more than \d+ steps/],
  ])('%s ends as one opaque operation', (body, reason) => {
    const { operations } = read(`op.drop_table('t')\n${body}\nop.drop_table('u')`);
    expect(bare(operations)).toMatchObject([
      { kind: 'dropTable' },
      { kind: 'opaque', reason: expect.stringMatching(reason), objects: [] },
    ]);
  });
  it('reads a file that is no Python as one opaque operation', () => {
    expect(one('revision = "r1"\ndef upgrade(:\n    pass\n', { isWhole: true })).toMatchObject({
      kind: 'opaque',
      objects: [],
    });
  });
});

describe('other files of the project', () => {
  it('reads helpers, enums and types of its modules', () => {
    const files = {
      'app/__init__.py': '',
      'app/enums.py': 'import enum\nclass Mood(str, enum.Enum):\n    SAD = "sad"\n    OK = "ok"\n',
      'app/types.py':
        'import sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\nclass GUID(sa.types.TypeDecorator):\n    impl = sa.CHAR\n    def load_dialect_impl(self, dialect):\n        if dialect.name == "postgresql":\n            return dialect.type_descriptor(postgresql.UUID())\n        return dialect.type_descriptor(sa.CHAR(32))\nclass Short(sa.TypeDecorator):\n    impl = sa.String\n',
      'versions/helpers.py':
        'from alembic import op\nimport sqlalchemy as sa\ndef make(name, *extra):\n    op.create_table(name, sa.Column("id", sa.Integer, primary_key=True), *extra)\n',
    };
    const body = `from app.enums import Mood\nfrom app.types import GUID, Short\nfrom versions.helpers import make\nmake('t', sa.Column('m', sa.Enum(Mood)), sa.Column('g', GUID), sa.Column('s', Short(9)), sa.Column('v', sa.Enum(Mood, name='mv', values_callable=lambda e: [m.value for m in e])))`;
    const { operations } = read(body, { files });
    expect(bare(operations)).toMatchObject([
      { kind: 'createEnum', name: { name: 'mood' }, labels: ['SAD', 'OK'], implicit: true },
      { kind: 'createEnum', name: { name: 'mv' }, labels: ['sad', 'ok'] },
      {
        kind: 'createTable',
        table: {
          columns: [
            { name: 'id', serial: true },
            { name: 'm', type: 'mood' },
            { name: 'g', type: 'uuid' },
            { name: 's', type: 'character varying(9)' },
            {},
          ],
        },
      },
    ]);
    expect(operations[2]?.origin).toMatchObject({ file: 'versions/r1.py' });
  });
  it('reads SQL beside the revision', () => {
    const files = { 'versions/r1.sql': 'CREATE TABLE s (id int);', 'versions/sql/b.sql': 'DROP TABLE s;' };
    expect(
      kinds(`from pathlib import Path\nop.execute(Path(__file__).with_suffix('.sql').read_text())`, { files }),
    ).toEqual(['createTable s']);
    expect(
      kinds(
        `import os\nwith open(os.path.join(os.path.dirname(__file__), 'sql', 'b.sql')) as f:\n    for statement in f.read().split(';'):\n        if statement.strip():\n            op.execute(statement)`,
        { files },
      ),
    ).toEqual(['dropTable']);
    expect(kinds(`op.execute(open('/etc/passwd').read())`, { files })).toEqual(['opaque ']);
  });
  it('makes the tables of a metadata that is known', () => {
    const body = `metadata = sa.MetaData()\nsa.Table('a', metadata, sa.Column('id', sa.Integer, primary_key=True))\nsa.Table('b', metadata, sa.Column('a_id', sa.ForeignKey('a.id')))\nmetadata.create_all(op.get_bind())`;
    expect(kinds(body)).toEqual(['createTable a', 'createTable b']);
  });
});

describe('what a statement carries', () => {
  it('has the line and the span of the innermost statement', () => {
    const { operations, text } = read(`if True:\n    op.drop_table(\n        't',\n    )`);
    const [operation] = operations;
    expect(operation?.origin).toEqual({
      revision: 'r1',
      file: 'versions/r1.py',
      line: text.split('\n').findIndex((line) => line.includes('drop_table')) + 1,
    });
    expect(text.slice(operation?.span?.from, operation?.span?.to)).toMatch(/^op\.drop_table\([\s\S]*\)$/);
  });
  it('knows what runs outside the transaction', () => {
    const { operations } = read(
      `with op.get_context().autocommit_block():\n    op.create_index('ix', 't', ['a'], postgresql_concurrently=True)\n    op.execute("ALTER TYPE mood ADD VALUE 'x'")\nop.drop_table('t')`,
    );
    expect(operations.map((operation) => operation.outsideTransaction === true)).toEqual([true, true, false]);
  });
  it('makes an enum type once for the tables of one run', () => {
    expect(
      kinds(
        `mood = sa.Enum('a', name='mood')\nop.create_table('t', sa.Column('m', mood))\nop.create_table('u', sa.Column('m', mood))`,
      ),
    ).toEqual(['createEnum', 'createTable t', 'createTable u']);
  });
  it('does not know what create_type=False of a plain Enum does to a type that stands', () => {
    const { operations } = read(
      `op.execute("CREATE TYPE mood AS ENUM ('a')")\nop.create_table('t', sa.Column('m', sa.Enum('a', name='mood', create_type=False)))`,
    );
    expect(operations.map((operation) => [operation.kind, operation.condition ?? null])).toEqual([
      ['createEnum', null],
      ['createEnum', expect.stringContaining('older than 2.1')],
      ['createTable', null],
    ]);
  });
  it('leaves use_alter keys out, as CREATE TABLE does', () => {
    expect(
      one(`op.create_table('t', sa.Column('u', sa.Integer, sa.ForeignKey('u.id', use_alter=True, name='fk')))`),
    ).toMatchObject({ table: { constraints: [] } });
  });
});

describe('plug-ins', () => {
  it('makes an enum type anew, columns and defaults with it', () => {
    const { schema } = read(
      `op.create_table('t', sa.Column('m', sa.Enum('a', name='mood'), server_default='a'), sa.Column('ms', postgresql.ARRAY(postgresql.ENUM('a', name='mood', create_type=False))))
op.sync_enum_values('public', 'mood', ['a', 'b'], [TableReference(table_schema='public', table_name='t', column_name='m'), TableReference(table_schema='public', table_name='t', column_name='ms', column_type=ColumnType.ARRAY)], enum_values_to_rename=[])`.replace(
        /^/,
        'from alembic_postgresql_enum import ColumnType, TableReference\n',
      ),
    );
    expect([...schema.enums.values()]).toMatchObject([{ name: 'mood', labels: ['a', 'b'] }]);
    const columns = schema.tables.get('public.t')?.columns;
    expect(columns?.get('m')).toMatchObject({ type: 'mood', default: "'a'" });
    expect(columns?.get('ms')?.type).toBe('mood[]');
  });
  it('creates the entities of alembic_utils', () => {
    expect(
      kinds(`from alembic_utils.pg_function import PGFunction
from alembic_utils.pg_extension import PGExtension
op.create_entity(PGExtension(schema='public', signature='citext'))
op.create_entity(PGFunction(schema='public', signature='f(a integer)', definition='returns integer language sql as $$ select a $$'))`),
    ).toEqual(['createExtension', 'createRoutine']);
    // What it has for a text() is escaped, and what was so already stays.
    const made = one(
      `from alembic_utils.pg_function import PGFunction\nop.create_entity(PGFunction(schema='public', signature='f()', definition="returns text language sql as $$ select 'a\\\\: b\\\\:c'::text $$"))`,
    );
    expect(made).toMatchObject({ definition: expect.stringContaining(`select 'a: b:c'::text`) });
  });
  it('names an operation that it does not know', () => {
    expect(kinds(`op.create_sparkle('t', 3)`)).toEqual(['opaque t']);
  });
});

describe('types of companions', () => {
  it.each([
    ['from pgvector.sqlalchemy import Vector', 'Vector(3)', 'vector(3)'],
    ['import sqlalchemy_utils', 'sqlalchemy_utils.types.uuid.UUIDType(binary=False)', 'uuid'],
    ['import sqlalchemy_utils', 'sqlalchemy_utils.ArrowType()', 'timestamp without time zone'],
    ['from sqlalchemy_utils import TSVectorType', "TSVectorType('a')", 'tsvector'],
    ['from sqlalchemy_utils import ChoiceType', 'ChoiceType([], impl=sa.Integer())', 'integer'],
    ['import sqlmodel', 'sqlmodel.sql.sqltypes.AutoString(length=5)', 'character varying(5)'],
    [
      'import geoalchemy2',
      "geoalchemy2.Geometry(geometry_type='POINT', srid=4326, spatial_index=False)",
      'geometry(Point,4326)',
    ],
    ['from citext import CIText', 'CIText()', 'citext'],
    ['', 'sa.Uuid()', 'uuid'],
    ['', 'sa.Double()', 'double precision'],
  ])('%s %s', (imported, type, expected) => {
    expect(one(`${imported}\nop.add_column('t', sa.Column('c', ${type}))`)).toMatchObject({
      column: { type: expected },
    });
  });
  it('says what it does not know', () => {
    expect(bare(read(`from odd import Thing\nop.add_column('t', sa.Column('c', Thing()))`).operations)).toMatchObject([
      { kind: 'addColumn', column: { name: 'c', type: null } },
      { kind: 'opaque', objects: [{ name: 't' }], reason: expect.stringContaining('odd.Thing') },
    ]);
  });
});
