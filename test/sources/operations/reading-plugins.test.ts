/** Operations beside Alembic's own: those that a project registers, and GeoAlchemy2's. */
import { beforeAll, describe, expect, it } from 'vitest';
import { newImports } from '../../../src/sources/alembic/python/index.ts';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { type Given, preamble, read } from './reading.ts';

beforeAll(loadSqlParser);

const kinds = (body: string, given: Given = {}) => read(body, given).operations.map(({ kind }) => kind);

const recipe = `from alembic.operations import MigrateOperation, Operations

class Thing:
    def __init__(self, name, text):
        self.name = name
        self.text = text

class Reversible(MigrateOperation):
    def __init__(self, target):
        self.target = target

    @classmethod
    def for_target(cls, operations, target):
        return operations.invoke(cls(target))

    def reverse(self):
        raise NotImplementedError()

    @classmethod
    def _from(cls, operations, ident):
        version, name = ident.split('.')
        return getattr(operations.get_context().script.get_revision(version).module, name)

    @classmethod
    def replace(cls, operations, target, replaces=None):
        operations.invoke(cls(cls._from(operations, replaces)).reverse())
        operations.invoke(cls(target))

@Operations.register_operation('make_view', 'for_target')
@Operations.register_operation('swap_view', 'replace')
class MakeView(Reversible):
    def reverse(self):
        return UnmakeView(self.target)

@Operations.register_operation('unmake_view', 'for_target')
class UnmakeView(Reversible):
    def reverse(self):
        return MakeView(self.target)

@Operations.implementation_for(MakeView)
def make_view(operations, operation):
    operations.execute('CREATE VIEW %s AS %s' % (operation.target.name, operation.target.text))

@Operations.implementation_for(UnmakeView)
def unmake_view(operations, operation):
    operations.execute('DROP VIEW %s' % operation.target.name)

@Operations.register_operation('set_comment')
class SetComment(MigrateOperation):
    def __init__(self, table, text, schema=None):
        self.table, self.text, self.schema = table, text, schema

    @classmethod
    def set_comment(cls, operations, table, text, **kw):
        return operations.invoke(SetComment(table, text, **kw))

@Operations.implementation_for(SetComment)
def set_comment(operations, operation):
    operations.create_table_comment(operation.table, operation.text, schema=operation.schema)
`;

describe('operations that the project registers', () => {
  const files = {
    'tools/ops.py': recipe,
    'versions/r0.py': `from tools.ops import Thing\nold = Thing('v', 'SELECT 1 AS a')\nrevision = 'r0'\ndown_revision = None\n`,
  };

  it('are carried out as the project says', () => {
    const { operations } = read("op.set_comment('t', 'words', schema='s')", { files });
    expect(operations).toMatchObject([{ kind: 'commentOnTable' }]);
  });

  it('replace an object by that of another revision', () => {
    const text = `${preamble}from tools.ops import Thing
new = Thing('v', 'SELECT 2 AS a')
def upgrade():
    op.make_view(Thing('v', 'SELECT 0 AS a'))
    op.swap_view(new, replaces='r0.old')
`;
    const { operations } = read(text, { files, isWhole: true });
    expect(operations.map(({ kind }) => kind)).toEqual(['createView', 'dropView', 'createView']);
  });

  it('are not known where no module registers them', () => {
    expect(read("op.other_thing('t')", { files }).operations).toMatchObject([
      { kind: 'opaque', reason: 'op.other_thing() is an operation of a plug-in that is not known' },
    ]);
  });
});

it('a construct of the project becomes the text that its function gives', () => {
  const files = {
    'tools/ddl.py': `from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import DDLElement
class DropType(DDLElement):
    def __init__(self, name):
        self.name = name
@compiles(DropType)
def visit(element, compiler, **kw):
    return f'DROP TYPE {element.name}'
`,
  };
  expect(kinds("from tools.ddl import DropType\nop.execute(DropType('mood'))", { files })).toEqual(['dropType']);
});

// Held to what Alembic 1.8.1 with GeoAlchemy2 0.12.5 writes in its offline mode.
describe('GeoAlchemy2', () => {
  const imports = 'from geoalchemy2 import Geometry, Geography, Raster\n';
  const indexes = (body: string) =>
    read(imports + body).operations.flatMap((operation) =>
      operation.kind === 'createTable'
        ? (operation.table.indexes ?? [])
        : operation.kind === 'createIndex'
          ? [operation.index]
          : [],
    );

  it('gives each spatial column of a table its index', () => {
    const made = indexes(
      `op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('g', Geometry('POINT', srid=4326)),
    sa.Column('h', Geometry('POINT', srid=4326, spatial_index=False)), sa.Column('k', Geography()), sa.Column('r', Raster),
    sa.Column('n', Geometry('POINTZ', use_N_D_index=True, dimension=3)), schema='s')`,
    );
    expect(made.map(({ name, method, keys }) => [name, method, keys])).toEqual([
      ['idx_t_g', 'gist', [{ text: 'g', isExpression: false }]],
      ['idx_t_k', 'gist', [{ text: 'k', isExpression: false }]],
      ['idx_t_r', 'gist', [{ text: 'st_convexhull(r)', isExpression: true }]],
      ['idx_t_n', 'gist', [{ text: 'n', isExpression: false, operatorClass: 'gist_geometry_ops_nd' }]],
    ]);
  });

  it('gives a column that is added its index, unless its own operation adds it', () => {
    expect(indexes("op.add_column('t', sa.Column('g', Geometry('POINT', 4326)))").map(({ name }) => name)).toEqual([
      'idx_t_g',
    ]);
    expect(
      indexes("with op.batch_alter_table('t') as b:\n    b.add_column(sa.Column('g', Geometry()))").map(
        ({ name }) => name,
      ),
    ).toEqual(['idx_t_g']);
    expect(indexes("op.add_geospatial_column('t', sa.Column('g', Geometry('POINT', 4326)))")).toEqual([]);
  });

  it('has operations that do what those of Alembic do', () => {
    const body = `${imports}op.create_geospatial_table('t', sa.Column('id', sa.Integer), sa.Column('g', Geometry('POINT', 4326, spatial_index=False)))
op.create_geospatial_index('idx_t_g', 't', ['g'], unique=False, postgresql_using='gist', postgresql_ops={})
op.add_geospatial_column('t', sa.Column('h', Geometry('POINT', 4326, spatial_index=False)))
op.drop_geospatial_column('t', 'h')
op.drop_geospatial_index('idx_t_g', table_name='t', column_name='g', postgresql_using='gist')
op.drop_geospatial_table('t')`;
    expect(kinds(body)).toEqual(['createTable', 'createIndex', 'addColumn', 'dropColumn', 'dropIndex', 'dropTable']);
  });
});

describe('a module that several revisions import', () => {
  const files = {
    'app/__init__.py': '',
    'app/names.py':
      "names = ['a']\ndef another():\n    names.append('b')\n    return names[-1]\nslow = [str(n) for n in range(2000)]\n",
  };

  it('runs once, as in Python: what one revision leaves in it stands for the next', () => {
    const imports = newImports();
    const body = 'from app.names import names, another\nop.drop_table(another() + str(len(names)))';
    const dropped = () => JSON.stringify(read(body, { files, imports }).operations);
    expect([dropped(), dropped()].map((text) => /"name":"(\w+)"/.exec(text)?.[1])).toEqual(['b2', 'b3']);
  });

  it('is read again where the one before was cut off in it', () => {
    const imports = newImports();
    const body = 'from app.names import slow\nop.drop_table("t" + slow[-1])';
    const bounds = { maxSteps: 500, maxDepth: 120, maxSize: 100_000 };
    expect(kinds(body, { files, imports, bounds })).toEqual(['opaque']);
    expect(kinds(body, { files, imports })).toEqual(['dropTable']);
  });
});
