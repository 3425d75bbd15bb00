/**
 * What the reader of revisions reads and what it gives up on: one small `upgrade()` a construct. The tests hold each row to
 * what happens, and the README's table is made of them.
 */

export interface ReadingRow {
  construct: string;
  /** The body of `upgrade()`; `op`, `sa` and `postgresql` are imported. */
  body: string;
  /** Other files of the project. */
  files?: Record<string, string>;
  /** `assumed`: read, and the assumption stands in the output as a blind spot. */
  is: 'read' | 'assumed' | 'opaque';
}

const table = `op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.String(20)))\n`;

export const readingRows: readonly ReadingRow[] = [
  {
    construct: '`op.create_table`, `add_column`, `alter_column`, `drop_column`, `rename_table`, `drop_table`',
    body: `${table}op.add_column('t', sa.Column('m', sa.Text(), server_default='x'))\nop.alter_column('t', 'm', nullable=False)\nop.drop_column('t', 'm')\nop.rename_table('t', 'u')\nop.drop_table('u')`,
    is: 'read',
  },
  {
    construct: 'every constraint and index operation, named or left to a convention',
    body: `${table}op.create_unique_constraint(None, 't', ['n'])\nop.create_index('ix', 't', [sa.text('lower(n)')], postgresql_where=sa.text('n IS NOT NULL'))\nop.create_check_constraint('ck', 't', "n <> ''")`,
    is: 'read',
  },
  {
    construct: '`with op.batch_alter_table(…)`',
    body: `${table}with op.batch_alter_table('t') as batch:\n    batch.add_column(sa.Column('m', sa.Integer))`,
    is: 'read',
  },
  {
    construct: 'enum types, `.create(checkfirst=…)`, `ALTER TYPE … ADD VALUE`, `sync_enum_values` of two plug-ins',
    body: `postgresql.ENUM('a', 'b', name='e').create(op.get_bind(), checkfirst=True)\nop.execute("ALTER TYPE e ADD VALUE 'c'")\nop.sync_enum_values('public', 'e', ['a'], ['a', 'd'])`,
    is: 'read',
  },
  {
    construct: 'DDL as SQL text, several statements in one, `DO` blocks of static DDL',
    body: `op.execute('CREATE TABLE s (id int); CREATE INDEX ON s (id)')\nop.execute("DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'k') THEN CREATE TYPE k AS ENUM ('x'); END IF; END $$")`,
    is: 'read',
  },
  {
    construct: 'statements that touch rows only, with parameters of any kind',
    body: `${table}op.get_bind().execute(sa.text('UPDATE t SET n = :n'), {'n': 'x'})\nop.get_bind().execute('DELETE FROM t WHERE id IN %s', ((1, 2),))`,
    is: 'read',
  },
  {
    construct: 'loops, comprehensions, f-strings, `%`, `.format`, functions of the module',
    body: `def add(name):\n    op.add_column('t', sa.Column(name, sa.Integer))\n${table}for n in [f'c_{i}' for i in range(3)]:\n    add(n)\nop.execute('ALTER TABLE %s ADD COLUMN z int' % 't')`,
    is: 'read',
  },
  {
    construct: "modules, enum classes and types of the project's own",
    body: `from app.shared import Mood, Short\nop.create_table('t', sa.Column('m', sa.Enum(Mood)), sa.Column('s', Short(9)))`,
    files: {
      'app/shared.py':
        'import enum\nimport sqlalchemy as sa\nclass Mood(enum.Enum):\n    SAD = 1\nclass Short(sa.TypeDecorator):\n    impl = sa.String\n',
    },
    is: 'read',
  },
  {
    construct:
      'operations that the project registers with `@Operations.register_operation`, the recipe of replaceable objects',
    body: `from app.ops import View\nop.make_view(View('v', 'SELECT 1 AS a'))`,
    files: {
      'app/ops.py':
        "from alembic.operations import MigrateOperation, Operations\nclass View:\n    def __init__(self, name, sql):\n        self.name, self.sql = name, sql\n@Operations.register_operation('make_view', 'of')\nclass MakeView(MigrateOperation):\n    def __init__(self, view):\n        self.view = view\n    @classmethod\n    def of(cls, operations, view):\n        return operations.invoke(cls(view))\n@Operations.implementation_for(MakeView)\ndef make(operations, operation):\n    operations.execute(f'CREATE VIEW {operation.view.name} AS {operation.view.sql}')\n",
    },
    is: 'read',
  },
  {
    construct: "GeoAlchemy2's operations, and the index that a spatial column brings",
    body: `from geoalchemy2 import Geometry\nop.create_geospatial_table('t', sa.Column('g', Geometry('POINT', srid=4326)))\nop.drop_geospatial_index('idx_t_g', table_name='t', column_name='g')`,
    is: 'read',
  },
  {
    construct: 'questions to the inspector and to the catalogue, answered from the schema so far',
    body: `${table}if 'm' not in [c['name'] for c in sa.inspect(op.get_bind()).get_columns('t')]:\n    op.add_column('t', sa.Column('m', sa.Integer))\nif not op.get_bind().execute(sa.text("SELECT 1 FROM pg_indexes WHERE indexname = 'ix'")).scalar():\n    op.create_index('ix', 't', ['n'])`,
    is: 'read',
  },
  {
    construct: 'reflected tables (`autoload_with`, `metadata.reflect()`): their columns, keys, constraints and indexes',
    body: `${table}t = sa.Table('t', sa.MetaData(), autoload_with=op.get_bind())\nfor column in t.columns:\n    if column.nullable:\n        op.alter_column('t', column.name, nullable=False)`,
    is: 'read',
  },
  {
    construct: 'dates that are counted on: `date(…)`, `timedelta`, `relativedelta`, `strftime`',
    body: `from datetime import date, timedelta\nop.create_table(f"t_{date(2024, 2, 28) + timedelta(days=2):%Y_%m}", sa.Column('id', sa.Integer))`,
    is: 'read',
  },
  {
    construct: 'statements put together with the `sql` module of psycopg or psycopg2',
    body: `from psycopg import sql\nstatement = sql.SQL('CREATE TABLE {} (id int)').format(sql.Identifier('t'))\nop.get_bind().exec_driver_sql(statement.as_string(op.get_bind()))`,
    is: 'read',
  },
  {
    construct: '`if` on the dialect, `autocommit_block`, `try`/`except`',
    body: `${table}if op.get_bind().dialect.name == 'postgresql':\n    with op.get_context().autocommit_block():\n        op.create_index('ix', 't', ['n'], postgresql_concurrently=True)\ntry:\n    op.drop_index('ix')\nexcept Exception:\n    raise`,
    is: 'read',
  },
  {
    construct: "`create_all()` and `Model.__table__.create()`: what the project's models declare now",
    body: `from app.models import Base\nBase.metadata.create_all(op.get_bind())`,
    files: {
      'app/models.py':
        "import sqlalchemy as sa\nfrom sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): pass\nclass T(Base):\n    __tablename__ = 't'\n    id = sa.Column(sa.Integer, primary_key=True)\n",
    },
    is: 'read',
  },
  {
    construct:
      '`if` on an environment variable or a setting: its default is taken; without one, none of the values singled out',
    body: `import os\nif os.environ.get('EXTRA', 'no') == 'no':\n    op.execute('CREATE TABLE d (id int)')`,
    is: 'assumed',
  },
  {
    construct: '`if` or a loop on rows: there are none',
    body: `${table}if not op.get_bind().execute(sa.text('SELECT id FROM t')).fetchall():\n    op.drop_table('t')`,
    is: 'assumed',
  },
  {
    construct: '`if` or a loop on rows that the revisions wrote: there are those and no others',
    body: `k = op.create_table('k', sa.Column('n', sa.Text))\nop.bulk_insert(k, [{'n': 'x'}])\nfor row in op.get_bind().execute(sa.select(k.c.n)):\n    op.create_table(row.n, sa.Column('id', sa.Integer))`,
    is: 'assumed',
  },
  {
    construct: '`if` on what only running could tell',
    body: `from elsewhere import flag\n${table}if flag():\n    op.drop_table('t')`,
    is: 'opaque',
  },
  {
    construct: 'SQL text of which a name is known only when it runs',
    body: `from elsewhere import name\nop.execute('DROP TABLE ' + name())`,
    is: 'opaque',
  },
  {
    construct: 'a call into an installed package that is given the connection',
    body: 'from elsewhere import install\ninstall(op.get_bind())',
    is: 'opaque',
  },
  {
    construct: 'an operation of a plug-in that is not known',
    body: `op.create_something('x')`,
    is: 'opaque',
  },
  {
    construct: 'a column type of an installed package that is not known',
    body: `from elsewhere import Odd\nop.create_table('t', sa.Column('o', Odd()))`,
    is: 'opaque',
  },
  {
    construct:
      '`EXECUTE` in a `DO` block of names that the catalogue gives (constraints, columns, indexes of tables the revisions made)',
    body: `${table}op.create_check_constraint('ck', 't', 'n > 0')\nop.execute("DO $$ DECLARE r record; BEGIN FOR r IN SELECT conname FROM pg_constraint WHERE conrelid = 't'::regclass LOOP EXECUTE format('ALTER TABLE t DROP CONSTRAINT %I', r.conname); END LOOP; END $$")`,
    is: 'read',
  },
  {
    construct: '`EXECUTE` in a `DO` block of text that rows give',
    body: `op.execute("DO $$ DECLARE r record; BEGIN FOR r IN SELECT name FROM names LOOP EXECUTE 'DROP TABLE ' || r.name; END LOOP; END $$")`,
    is: 'opaque',
  },
  {
    construct: 'loops without end, more than 500,000 steps, calls nested more than 120 deep',
    body: `def f(n):\n    return f(n + 1)\nf(0)`,
    is: 'opaque',
  },
];
