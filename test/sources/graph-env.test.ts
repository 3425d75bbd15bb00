/** What env.py sets, followed through the project's own modules. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProjectFacts } from '../../src/model/project.ts';
import type { ModelFiles } from '../../src/model/replay.ts';
import { findAlembicConfig, findSeedFiles, readProjectFacts } from '../../src/sources/alembic/index.ts';
import { type MadeProject, makeProject } from '../support/revision-files.ts';

const projects: MadeProject[] = [];
afterEach(() => {
  for (const project of projects.splice(0)) project.remove();
});

function made(...files: Parameters<typeof makeProject>): MadeProject {
  const project = makeProject(...files);
  projects.push(project);
  return project;
}

async function factsOf(files: Record<string, string>): Promise<ProjectFacts & Pick<ModelFiles, 'bases'>> {
  const project = made({}, files);
  const config = findAlembicConfig({
    projectDir: project.dir,
    config: null,
    section: 'alembic',
    scriptLocation: null,
    versionLocations: null,
  });
  const request = { projectDir: project.dir, config, seeds: null, models: null, namingConvention: null };
  const { facts, findModels } = await readProjectFacts(request);
  const found = findModels();
  return { ...facts, modelFiles: found.files, bases: found.bases, notes: [...facts.notes, ...found.notes] };
}

describe('env.py', () => {
  it('sets the version table, filters and the search path', async () => {
    const { env } = await factsOf({
      'app/settings.py': 'SCHEMA = "svc"\nTABLE = f"alembic_{SCHEMA}"\n',
      'alembic/env.py': `from alembic import context
from app.settings import SCHEMA, TABLE
from sqlalchemy import text

def include_name(name, type_, parents):
    return True

def run_migrations_online():
    options = {"version_table": TABLE, "transaction_per_migration": True}
    with engine.connect() as connection:
        connection.execute(text(f'SET search_path TO {SCHEMA}, public'))
        context.configure(connection=connection, include_schemas=True, include_name=include_name,
                          version_table_schema=SCHEMA, **options)
`,
    });
    expect(env).toMatchObject({
      file: 'alembic/env.py',
      versionTable: 'alembic_svc',
      versionTableSchema: 'svc',
      includeSchemas: true,
      filtersObjects: true,
      searchPath: ['svc', 'public'],
      transactionPerMigration: true,
      targetMetadata: null,
    });
  });

  it('names nothing by a convention where it says that target_metadata is None', async () => {
    const { env } = await factsOf({
      'app/db.py': 'from sqlalchemy import MetaData\nmetadata = MetaData(naming_convention={"pk": "p"})\n',
      'alembic/env.py': 'target_metadata = None\ncontext.configure(target_metadata=target_metadata)\n',
    });
    expect(env).toMatchObject({ targetMetadata: null, hasNoTargetMetadata: true, namingConvention: null });
  });

  it('is followed to the metadata and its naming convention', async () => {
    const { env, modelFiles } = await factsOf({
      'app/__init__.py': '',
      'app/db/__init__.py': 'from .base import Base as Base\n',
      'app/db/base.py': `from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase
prefix = "ix"
CONVENTION = {"ix": f"{prefix}_%(column_0_label)s", "pk": "pk_%(table_name)s"}
class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=CONVENTION)
`,
      'app/models/__init__.py': 'from app.models.user import User\nfrom . import brand\n',
      'app/models/user.py': 'from app.db import Base\nclass User(Base):\n    __tablename__ = "users"\n',
      'app/models/brand.py': 'from app.db import Base\nclass Brand(Base):\n    __tablename__ = "brands"\n',
      'app/models/unused.py': 'from app.db import Base\nclass Unused(Base):\n    __tablename__ = "unused"\n',
      'alembic/env.py': `import app.models
from app.db import Base
target_metadata = Base.metadata
def run():
    context.configure(target_metadata=target_metadata)
`,
    });
    expect(env.targetMetadata).toBe('app.db.base:Base.metadata');
    expect(env.namingConvention).toEqual({ ix: 'ix_%(column_0_label)s', pk: 'pk_%(table_name)s' });
    expect(modelFiles).toEqual(['app/models/brand.py', 'app/models/user.py']);
  });

  it.each([
    [
      'declarative_base',
      'from sqlalchemy import MetaData\nmetadata = MetaData(naming_convention={"pk": "p"})\nBase = declarative_base(metadata=metadata)\n',
      'Base.metadata',
    ],
    [
      'a base that is cast',
      'import typing as t\nBase = t.cast(t.Any, declarative_base(cls=X, metadata=MetaData(naming_convention={"pk": "p"})))\n',
      'Base.metadata',
    ],
    [
      'a plain MetaData',
      'from sqlalchemy import MetaData\nmetadata = MetaData(naming_convention=dict(pk="p"))\n',
      'metadata',
    ],
    [
      'Flask',
      'from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy(metadata=MetaData(naming_convention={"pk": "p"}))\n',
      'db.metadata',
    ],
    ['an assignment', 'Base = declarative_base()\nBase.metadata.naming_convention = {"pk": "p"}\n', 'Base.metadata'],
    [
      'a parent class',
      'class Root(DeclarativeBase):\n    metadata = MetaData(naming_convention={"pk": "p"})\nclass Base(Mixin, Root):\n    __abstract__ = True\n',
      'Base.metadata',
    ],
  ])('finds the convention of %s', async (_name, module, attribute) => {
    const { env } = await factsOf({
      'app/base.py': module,
      'alembic/env.py': `from app import base\ntarget_metadata = base.${attribute}\ncontext.configure(target_metadata=target_metadata)\n`,
    });
    expect(env.namingConvention).toEqual({ pk: 'p' });
    expect(env.targetMetadata).toMatch(/^app\.base:/);
  });

  it.each(['shop', 'org.shop'])('finds the convention where the project is itself the package %s', async (name) => {
    const project = made(
      {},
      {
        'org/__init__.py': '',
        'org/shop/__init__.py': '',
        'org/shop/db/models.py':
          'class Base(DeclarativeBase):\n    metadata = MetaData(naming_convention={"pk": "p"})\n',
        'org/shop/alembic.ini': '[alembic]\nscript_location = migrations\n',
        'org/shop/migrations/env.py': `from ${name}.db.models import Base\ncontext.configure(target_metadata=Base.metadata)\n`,
        'org/shop/migrations/versions/a.py': '',
      },
    );
    const projectDir = join(project.dir, 'org', 'shop');
    const asked = { projectDir, config: null, section: 'alembic', scriptLocation: null, versionLocations: null };
    const config = findAlembicConfig(asked);
    const request = { projectDir, config, seeds: null, models: null, namingConvention: null };
    expect((await readProjectFacts(request)).facts.env.namingConvention).toEqual({ pk: 'p' });
  });

  it('does not believe target_metadata alone where it is added to by hand', async () => {
    const { bases } = await factsOf({
      'app/models.py': 'BASE = declarative_base()\nOTHER = declarative_base()\n',
      'alembic/env.py': `from app import models
target_metadata = models.BASE.metadata
for table in models.OTHER.metadata.sorted_tables:
    target_metadata._add_table(table.name, table.schema, table)
context.configure(target_metadata=target_metadata)
`,
    });
    expect(bases).toBeNull();
  });

  it("gives a package's metadata the convention that a module it loads assigns", async () => {
    const { env } = await factsOf({
      'app/__init__.py': '',
      'app/base.py': `from sqlmodel import SQLModel
other.metadata.naming_convention = {"pk": "other_%(table_name)s"}
SQLModel.metadata.naming_convention = {"pk": "%(table_name)s_p", "ix": "ix_%(column_0_label)s"}
`,
      'alembic/env.py': `from app import base
from sqlmodel import SQLModel
context.configure(target_metadata=SQLModel.metadata)
`,
    });
    expect(env.namingConvention).toEqual({ pk: '%(table_name)s_p', ix: 'ix_%(column_0_label)s' });
  });

  it('without models looks the project through, and says so', async () => {
    const { env, modelFiles, notes } = await factsOf({
      'pkg/models.py': 'class User(db.Model):\n    id = db.Column(db.Integer)\n',
      'pkg/mapped.py': '@registry.mapped\nclass Plain:\n    __tablename__ = "plain"\n',
      'alembic/env.py':
        'from flask import current_app\ntarget_metadata = current_app.extensions["migrate"].db.metadata\ncontext.configure(target_metadata=target_metadata)\n',
      'scripts/demo/seed_demo.sql': '',
      'scripts/seed_mysql.sql': '',
      'sql/other.sql': '',
    });
    expect(modelFiles).toEqual(['pkg/mapped.py', 'pkg/models.py']);
    expect(env.targetMetadata).toBeNull();
    expect(notes.join(' ')).toMatch(/could not be followed.*look like models/);
    expect(findSeedFiles(projects[0]!.dir, null)).toEqual(['scripts/demo/seed_demo.sql']);
  });

  it('says what is only known when it runs, and reads a widened version_num', async () => {
    const { env, notes } = await factsOf({
      'alembic/env.py':
        'context.configure(version_table=pick(), target_metadata=None)\nop = "ALTER TABLE alembic_version ALTER COLUMN version_num TYPE VARCHAR(128)"\n',
    });
    expect(env.versionTable).toBe('alembic_version');
    expect(env.versionWidth).toBe(128);
    const set = await factsOf({ 'alembic/env.py': 'table.c.version_num.type = String(255)\n' });
    expect(set.env.versionWidth).toBe(255);
    expect(notes.join(' ')).toMatch(/version_table.*only known when it runs/);
  });

  it('may be absent or broken', async () => {
    const broken = await factsOf({ 'alembic/env.py': 'def (' });
    expect(broken.env.versionTable).toBe('alembic_version');
    expect(broken.modelFiles).toEqual([]);
  });

  it('fills the tokens of a convention that are stated, and knows a template that it cannot fill', async () => {
    const { env } = await factsOf({
      'app/base.py': `from sqlalchemy import MetaData
def _own(constraint, table): return 'x'
metadata = MetaData(naming_convention={'ix': 'ix_%(own)s_%(table_name)s', 'uq': 'uq_%(lost)s', 'pk': 'pk_%(table_name)s', 'own': _own})
`,
      'alembic/env.py': 'from app.base import metadata\ncontext.configure(target_metadata=metadata)\n',
    });
    const thing = { kind: 'ix', table: 't', namespace: null, columns: ['a'], name: null } as const;
    expect(env.namingConvention).toMatchObject({ ix: 'ix_%(own)s_%(table_name)s', uq: null, pk: 'pk_%(table_name)s' });
    expect(env.namingConvention?.token?.('own', thing)).toBe('x');
    expect(env.namingConvention?.token?.('table_name', thing)).toBeUndefined();
  });

  it('names the bases of target_metadata where all of it can be followed', async () => {
    const basesOf = async (target: string) => {
      const { bases } = await factsOf({
        'app/base.py': `from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase
class Base(DeclarativeBase): pass
class Other(DeclarativeBase): pass
plain = MetaData()
`,
        'alembic/env.py': `from app.base import Base, Other, plain
from celery.backends.database.session import ResultModelBase
from app.unheard import Lost
target_metadata = ${target}
context.configure(target_metadata=target_metadata)
`,
      });
      return bases;
    };
    const [base, other] = ['Base', 'Other'].map((name) => ({ file: 'app/base.py', name }));
    expect(await basesOf('Base.metadata')).toEqual([base]);
    expect(await basesOf('[Base.metadata, Other.metadata]')).toEqual([base, other]);
    expect(await basesOf('[Base.metadata, ResultModelBase.metadata]')).toEqual([base]);
    expect(await basesOf('[Base.metadata, Lost.metadata]')).toBeNull();
    expect(await basesOf('[Base.metadata, plain]')).toBeNull();
    expect(await basesOf('[Base.metadata, make()]')).toBeNull();
  });
});
