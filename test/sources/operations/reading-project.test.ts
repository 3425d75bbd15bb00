/** Revisions of a project on disk that lean on the code around them: its models, its own name as a package. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Operation } from '../../../src/model/operation.ts';
import type { Schema } from '../../../src/model/schema.ts';
import { replay } from '../../../src/replay/index.ts';
import { findAlembicConfig, openAlembicSource } from '../../../src/sources/alembic/index.ts';

let folder: string;
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The schema at the heads of revisions that stand in `alembic/versions`, each given by its body, in a line. */
async function readProject(
  upgrades: string[],
  files: Record<string, string>,
  inside = '.',
): Promise<{ schema: Schema; operations: Operation[] }> {
  folder = mkdtempSync(join(tmpdir(), 'chain-reading-'));
  const project = join(folder, inside);
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), text);
  };
  write('alembic.ini', '[alembic]\nscript_location = alembic\n');
  upgrades.forEach((text, at) => {
    const down = at === 0 ? 'None' : `'r${at}'`;
    const head = `from alembic import op\nimport sqlalchemy as sa\nrevision = 'r${at + 1}'\ndown_revision = ${down}\n`;
    write(`alembic/versions/r${at + 1}.py`, head + text);
  });
  for (const [file, text] of Object.entries(files)) write(file, text);
  const config = findAlembicConfig({
    projectDir: project,
    config: null,
    section: 'alembic',
    scriptLocation: null,
    versionLocations: null,
  });
  const source = await openAlembicSource({
    projectDir: project,
    config,
    maxFileBytes: 1e6,
    seeds: [],
    models: null,
    namingConvention: null,
    environment: {},
  });
  const read = replay(source, { namingConvention: source.facts.env.namingConvention });
  return { schema: read.schemaAt(source.graph.heads), operations: [...read.operationsById.values()].flat() };
}

const opaqueOf = (operations: Operation[]) => operations.filter(({ kind }) => kind === 'opaque');

const models = {
  'alembic/env.py':
    'from alembic import context\nfrom app.models import Base\nimport app.more\ntarget_metadata = Base.metadata\n',
  'app/__init__.py': '',
  'app/models.py': `import enum
from sqlalchemy import Column, Enum, ForeignKey, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase
class Mood(enum.Enum):
    SAD = 1
    OK = 2
class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={'ix': 'ix_%(column_0_label)s', 'fk': 'fk_%(table_name)s_%(column_0_name)s'})
class Apart(DeclarativeBase): pass
class User(Base):
    __tablename__ = 'users'
    id = Column(Integer, primary_key=True)
    name = Column(String(20), index=True)
    mood = Column(Enum(Mood))
    first_item = Column(ForeignKey('items.id'))
class Elsewhere(Apart):
    __tablename__ = 'elsewhere'
    id = Column(Integer, primary_key=True)
`,
  'app/more.py': `from sqlalchemy import Column, ForeignKey, Integer
from app.models import Base
class Item(Base):
    __tablename__ = 'items'
    id = Column(Integer, primary_key=True)
    owner_id = Column(ForeignKey('users.id'))
`,
};

it('makes what the models declare where a revision calls create_all(), but for what stands', async () => {
  const { schema, operations } = await readProject(
    [
      "def upgrade():\n    op.create_table('items', sa.Column('id', sa.BigInteger, primary_key=True))\n",
      'def upgrade():\n    from app.models import Base\n    Base.metadata.create_all(bind=op.get_bind())\n',
      "def upgrade():\n    if 'elsewhere' not in sa.inspect(op.get_bind()).get_table_names():\n        op.drop_index('ix_users_name')\n",
    ],
    models,
  );
  expect(opaqueOf(operations)).toEqual([]);
  expect([...schema.tables.keys()].sort()).toEqual(['public.items', 'public.users']);
  expect([...(schema.tables.get('public.items')?.columns.keys() ?? [])]).toEqual(['id']);
  const users = schema.tables.get('public.users');
  expect([...(users?.constraints.keys() ?? [])].sort()).toEqual(['fk_users_first_item', 'users_pkey']);
  expect(users?.indexes.size).toBe(0);
  expect(schema.enums.get('public.mood')?.labels).toEqual(['SAD', 'OK']);
});

it('makes chosen tables of the models alone, and drops them', async () => {
  const { schema, operations } = await readProject(
    [
      `from app.models import Base, User
from app.more import Item
def upgrade():
    Base.metadata.create_all(op.get_bind(), tables=[Item.__table__])
    User.__table__.create(op.get_bind(), checkfirst=True)
`,
      'from app.more import Item\ndef upgrade():\n    Item.__table__.drop(op.get_bind())\n',
    ],
    models,
  );
  expect(opaqueOf(operations)).toEqual([]);
  expect([...schema.tables.keys()]).toEqual(['public.users']);
});

it('reads models that a revision brings itself, whatever holds their metadata', async () => {
  const own = `class A(Base):
    __tablename__ = 'a'
    id = sa.Column(sa.Integer, primary_key=True)
def upgrade():
    Base.metadata.create_all(op.get_bind())
`;
  const { schema, operations } = await readProject(
    [
      `from sqlalchemy.orm import declarative_base\nBase = declarative_base()\n${own}`,
      `meta = sa.MetaData()\nb = sa.Table('b', meta, sa.Column('id', sa.Integer, primary_key=True))\ndef upgrade():\n    meta.create_all(op.get_bind())\n`,
      `from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase):\n    metadata = sa.MetaData(schema='away')\n${own}`,
    ],
    { 'alembic/env.py': 'from alembic import context\ntarget_metadata = None\n' },
  );
  expect(opaqueOf(operations)).toEqual([]);
  expect([...schema.tables.keys()]).toEqual(['public.a', 'public.b', 'away.a']);
});

it('names what it could not read of a model, and the call where there is none', async () => {
  const unread = await readProject(
    ['from app.models import Base\ndef upgrade():\n    Base.metadata.create_all(op.get_bind())\n'],
    {
      ...models,
      'app/more.py': models['app/more.py'].replace(
        "ForeignKey('users.id')",
        "ForeignKey('users.id'), of_another_package()",
      ),
    },
  );
  const [spot] = opaqueOf(unread.operations);
  expect(opaqueOf(unread.operations)).toHaveLength(1);
  expect(spot).toMatchObject({ objects: [{ schema: 'public', name: 'items' }] });
  rmSync(folder, { recursive: true, force: true });
  const absent = await readProject(
    ['from other.package import Base\ndef upgrade():\n    Base.metadata.create_all(op.get_bind())\n'],
    { 'alembic/env.py': '' },
  );
  expect(opaqueOf(absent.operations)).toMatchObject([{ objects: [] }]);
});

it('knows a project that is itself a package by its own name, and reads nothing beside it', async () => {
  const text = `from shop.sizes import SIZE
from beside import WIDTH
def upgrade():
    op.create_table('t', sa.Column('a', sa.String(SIZE)))
    op.create_table('u', sa.Column('a', sa.String(WIDTH)))
`;
  const files = { '__init__.py': '', 'sizes.py': 'SIZE = 7\n', '../beside.py': 'WIDTH = 9\n' };
  const { schema, operations } = await readProject([text], files, 'shop');
  expect(schema.tables.get('public.t')?.columns.get('a')?.type).toBe('character varying(7)');
  expect(opaqueOf(operations)).toMatchObject([{ objects: [{ name: 'u' }] }]);
});

it('finds modules where env.py and the packaging say that Python looks', async () => {
  const { schema, operations } = await readProject(
    [
      `from shop.moods import Mood
from toolbox.types import Short
def upgrade():
    op.create_table('t', sa.Column('m', sa.Enum(Mood, name='mood')), sa.Column('s', Short(9)))
`,
    ],
    {
      'alembic/env.py': `import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent.parent / 'back'))
`,
      'pyproject.toml': '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
      'back/shop/__init__.py': '',
      'back/shop/moods.py': 'import enum\nclass Mood(enum.Enum):\n    SAD = 1\n',
      'packages/tools/src/toolbox/types.py':
        'import sqlalchemy as sa\nclass Short(sa.TypeDecorator):\n    impl = sa.String\n',
    },
  );
  expect(opaqueOf(operations)).toEqual([]);
  expect(schema.enums.get('public.mood')?.labels).toEqual(['SAD']);
  expect(schema.tables.get('public.t')?.columns.get('s')?.type).toBe('character varying(9)');
});

const choice = `try:
    from vectors.sqlalchemy import Vector
except ImportError:
    Vector = None
def upgrade():
    op.create_table('t', sa.Column('v', sa.Text() if Vector is None else sa.LargeBinary()))
`;
const chosen: [string, Record<string, string>, string, string | undefined][] = [
  [
    'what the project requires is there',
    { 'requirements.txt': 'SQLAlchemy\nvectors>=1 # of ours\n' },
    'bytea',
    undefined,
  ],
  ['what a lock names is there', { 'poetry.lock': '[[package]]\nname = "vectors"\n' }, 'bytea', undefined],
  ['what a lock does not name is not', { 'uv.lock': '[[package]]\nname = "sqlalchemy"\n' }, 'text', undefined],
  [
    'what is required nowhere is taken not to be',
    { 'pyproject.toml': '[project]\ndependencies = ["sqlalchemy[asyncio]>=2"]\n' },
    'text',
    'vectors is not installed, as the project requires it nowhere',
  ],
  [
    'what may be left out is taken to be',
    { 'setup.cfg': '[options]\ninstall_requires = sqlalchemy\n[options.extras_require]\nai = vectors\n' },
    'bytea',
    'vectors is installed',
  ],
  ['of a project that names nothing, it is taken to be', {}, 'bytea', 'vectors is installed'],
  [
    'a package of its own lacks a module',
    { 'vectors/__init__.py': '' },
    'text',
    'there is no module vectors.sqlalchemy',
  ],
  [
    'a module of its own lacks a name',
    { 'vectors/__init__.py': '', 'vectors/sqlalchemy.py': 'X = 1\n' },
    'text',
    undefined,
  ],
  ['a module of its own has it', { 'vectors/sqlalchemy.py': 'class Vector: pass\n' }, 'bytea', undefined],
];
for (const [name, files, type, condition] of chosen)
  it(`chooses between an import and what stands under "except ImportError": ${name}`, async () => {
    const { schema, operations } = await readProject([choice], files);
    expect(schema.tables.get('public.t')?.columns.get('v')?.type).toBe(type);
    expect(operations.map((operation) => operation.condition)).toEqual([condition]);
  });

it('takes names that every object of JavaScript has for names', async () => {
  const { schema, operations } = await readProject(
    [
      `try:
    import constructor
except ImportError:
    constructor = None
from alembic.operations import ops
def upgrade():
    if constructor is None:
        op.create_table('constructor', sa.Column('id', sa.Integer))
    op.get_bind().execute(sa.text('SELECT * FROM pg_catalog.constructor')).fetchall()
    op.invoke(ops.constructor('x'))
    op.invoke(ops.DropTableOp('constructor', constructor=1))
`,
    ],
    { 'requirements.txt': 'alembic\n' },
  );
  expect([...schema.tables.keys()]).toEqual([]);
  expect(operations.map(({ kind }) => kind)).toEqual(['createTable', 'touchRows', 'opaque', 'dropTable']);
});

it('reads settings whose class another package may bring', async () => {
  const { operations } = await readProject(
    [
      `from app.settings import settings
def upgrade():
    op.create_table(f'{settings.prefix}users', sa.Column('id', sa.Integer))
`,
    ],
    {
      'requirements.txt': 'alembic\n',
      'app/settings.py': `import importlib
def load():
    try:
        module = importlib.import_module('app_plus.settings')
        made = getattr(module, 'Settings')
    except (ImportError, AttributeError):
        module = importlib.import_module('app.base')
        made = getattr(module, 'Settings')
    return made()
settings = load()
`,
      'app/base.py': "class Settings:\n    prefix = 'app_'\n",
    },
  );
  expect(operations).toMatchObject([
    {
      kind: 'createTable',
      table: { name: { name: 'app_users' } },
      condition: 'app_plus is not installed, as the project requires it nowhere',
    },
  ]);
});

it('tells what it leaves out for an import', async () => {
  const { operations } = await readProject(
    [
      `from importlib.util import find_spec
def upgrade():
    try:
        import plugin
        op.drop_table('kept')
    except ModuleNotFoundError:
        op.create_table('t', sa.Column('id', sa.Integer))
    if find_spec('plugin') is not None:
        op.drop_table('other')
    try:
        import sqlalchemy.dialects.postgresql
    except ImportError:
        op.drop_table('never')
`,
    ],
    { 'requirements.txt': 'alembic\n' },
  );
  const condition = 'plugin is not installed, as the project requires it nowhere';
  expect(operations).toMatchObject([
    { kind: 'createTable', condition },
    { kind: 'opaque', objects: [{ name: 'kept' }], condition },
    { kind: 'opaque', objects: [{ name: 'other' }], condition },
  ]);
});

it("names by a convention with tokens of the project's own", async () => {
  const { schema } = await readProject(
    [
      `def upgrade():
    op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.Text), sa.Column('mail', sa.Text),
        sa.Column('boss_id', sa.Integer, sa.ForeignKey('staff.users.id')), sa.UniqueConstraint('name', 'mail'), sa.CheckConstraint("name <> ''", name='named'),
        schema='staff')
    op.create_index(None, 'users', ['mail'], unique=True, schema='staff')
    op.create_index(None, 'users', ['name'], schema='staff')
`,
    ],
    {
      'alembic/env.py': 'from alembic import context\nfrom app.base import metadata\ntarget_metadata = metadata\n',
      'app/base.py': `import hashlib
from sqlalchemy import ForeignKeyConstraint, MetaData
from app.tokens import plain_columns
def _unique(constraint, table):
    return 'uq_' if constraint.unique else ''
def _kind(constraint, table):
    if isinstance(constraint, ForeignKeyConstraint):
        return 'to_' + constraint.elements[0].target_fullname.replace('.', '_')
    return constraint.__class__.__name__
metadata = MetaData(naming_convention=dict(
    ix='ix_%(unique)s%(table_name)s_%(plain)s',
    uq='uq_%(table_name)s_%(plain)s',
    fk='fk_%(place)s_%(kind)s',
    pk='pk_%(place)s',
    ck='ck_%(kind)s_%(constraint_name)s',
    plain=plain_columns, unique=_unique, kind=_kind, place=lambda constraint, table: f'{table.schema}_{table.name}',
))
`,
      'app/tokens.py':
        "def plain_columns(c, t):\n    return '_'.join(one if isinstance(one, str) else one.name for one in c.columns)\n",
    },
  );
  const users = schema.tables.get('staff.users');
  // As Alembic 1.8 with SQLAlchemy 1.4 names them.
  expect([...(users?.constraints.keys() ?? [])].sort()).toEqual([
    'ck_CheckConstraint_named',
    'fk_staff_users_to_staff_users_id',
    'pk_staff_users',
    'uq_users_name_mail',
  ]);
  expect([...(users?.indexes.keys() ?? [])].sort()).toEqual(['ix_uq_users_mail', 'ix_users_name']);
});

it('follows rows from one revision to the next, and a table under a new name', async () => {
  const { operations } = await readProject(
    [
      `def upgrade():
    kinds = op.create_table('kinds', sa.Column('name', sa.Text))
    op.bulk_insert(kinds, [{'name': 'red'}])
`,
      "def upgrade():\n    op.rename_table('kinds', 'sorts')\n    op.execute(\"INSERT INTO sorts VALUES ('blue')\")\n",
      `def upgrade():
    for (name,) in op.get_bind().execute(sa.text('SELECT name FROM sorts')):
        op.add_column('sorts', sa.Column(name, sa.Text))
`,
    ],
    {},
  );
  const condition = 'sorts holds what the revisions write and nothing else';
  expect(operations.filter(({ kind }) => kind === 'addColumn')).toMatchObject([
    { column: { name: 'red' }, condition },
    { column: { name: 'blue' }, condition },
  ]);
});

it('finds in SQLAlchemy what env.py puts there, for every revision', async () => {
  const types = `from sqlalchemy.types import CHAR, STRINGTYPE, TypeDecorator
class GUID(TypeDecorator):
    impl = CHAR
    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(CHAR(36))
class Word(TypeDecorator):
    impl = STRINGTYPE
`;
  const { schema, operations } = await readProject(
    [
      `def upgrade():\n    op.create_table('t', sa.Column('id', sa.GUID(), primary_key=True))`,
      `from sqlalchemy import Word\ndef upgrade():\n    op.add_column('t', sa.Column('w', Word()))`,
    ],
    {
      'app/__init__.py': '',
      'app/types.py': types,
      'alembic/env.py':
        'import sqlalchemy as sa\nfrom alembic import context\nfrom app.types import GUID, Word\nsa.GUID = GUID\nsa.Word = Word\ntarget_metadata = None\n',
    },
  );
  expect(opaqueOf(operations)).toEqual([]);
  const columns = schema.tables.get('public.t')?.columns;
  expect([...(columns?.values() ?? [])].map(({ type }) => type)).toEqual(['character(36)', 'character varying']);
});

it('takes of a star import what __all__ hands out, and of two the later one', async () => {
  const { schema, operations } = await readProject(
    [
      `import app.types\ndef upgrade():\n    op.create_table('t', sa.Column('a', app.types.json.Kept()), sa.Column('b', app.types._own), sa.Column('c', app.types.Twice))`,
    ],
    {
      'app/__init__.py': '',
      'app/types/__init__.py': 'from .json import *\nfrom .more import *\n',
      'app/types/json.py':
        "import json\nfrom sqlalchemy.types import Text, TypeDecorator\n__all__ = ['Kept', '_own', 'Twice']\nclass Kept(TypeDecorator):\n    impl = Text\n_own = Text()\nTwice = Text()\n",
      'app/types/more.py': 'from sqlalchemy import Integer\nTwice = Integer()\n',
      'alembic/env.py': 'target_metadata = None\n',
    },
  );
  expect(opaqueOf(operations)).toEqual([]);
  const columns = schema.tables.get('public.t')?.columns;
  expect([...(columns?.values() ?? [])].map(({ type }) => type)).toEqual(['text', 'text', 'integer']);
});
