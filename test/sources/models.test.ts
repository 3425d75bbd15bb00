/**
 * Models read statically: classic and annotated columns, mixins, derived names, association tables, SQLModel. Where a real
 * SQLAlchemy is here, its own CREATE TABLE of the same classes must make the same schema.
 */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { schemaToJson } from '../../src/model/schema-json.ts';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { readModels } from '../../src/sources/alembic/models/read.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';
import { filesOf } from './operations/reading.ts';

beforeAll(loadSqlParser);

function readAll(files: Record<string, string>, bases: { file: string; name: string }[] | null = null) {
  return readModels({
    projectDir: '/project',
    files: { ...filesOf(files), relative: (path) => path.slice('/project/'.length) },
    environment: {},
    models: { files: Object.keys(files), bases },
    parseSql,
    schemaOf: (operations) => schemaOfOperations(operations, { namingConvention: null }),
  });
}

const classic = `
import enum
import re
import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Enum, ForeignKey, ForeignKeyConstraint, Index, Integer, MetaData, String, Table, Text, UniqueConstraint, CheckConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.ext.declarative import declarative_base, declared_attr
from sqlalchemy.orm import relationship

Base = declarative_base()


class Mood(enum.Enum):
    SAD = 1
    OK = 2


class Stamped:
    created_at = Column(DateTime(timezone=True), server_default=func.now(), nullable=False)

    @declared_attr
    def owner_id(cls):
        return Column(Integer, ForeignKey('users.id', ondelete='CASCADE'))


class Named(Base):
    __abstract__ = True
    name = Column(String(50), nullable=False)

    @declared_attr
    def __tablename__(cls):
        return re.sub(r'(?<!^)(?=[A-Z])', '_', cls.__name__).lower() + 's'


class User(Named):
    id = Column(Integer, primary_key=True)
    email = Column('mail', String(255), unique=True, index=True)
    mood = Column(Enum(Mood), server_default='OK')
    tags = Column(ARRAY(Text))
    data = Column(JSONB, server_default=text("'{}'"))
    items = relationship('Item')


class LineItem(Stamped, Named):
    __table_args__ = (
        UniqueConstraint('name', 'owner_id', name='uq_line'),
        CheckConstraint('length(name) > 1', name='ck_line'),
        Index('ix_line_name', 'name', postgresql_where=text('size > 3')),
        {'comment': 'lines'},
    )
    id = Column(UUID(as_uuid=True), primary_key=True, server_default=text('gen_random_uuid()'))
    size = Column(Integer, index=True, comment='how big')
    is_open = Column(Boolean, nullable=False, default=True)
    Index('ix_line_size', size.desc())


class Composite(Base):
    __tablename__ = 'composite'
    a = Column(Integer, primary_key=True)
    b = Column(Integer, primary_key=True)
    __table_args__ = (ForeignKeyConstraint(['a'], ['users.id']),)


links = Table(
    'links',
    Base.metadata,
    Column('user_id', ForeignKey('users.id'), primary_key=True),
    Column('line_id', ForeignKey('line_items.id', ondelete='SET NULL'), primary_key=True),
)
`;

const program = `
import io, json, sys
scope = {'__name__': 'models'}
exec(sys.stdin.read(), scope)
import sqlalchemy as sa
out = []
engine = sa.create_mock_engine('postgresql://', lambda sql, *a, **k: out.append(str(sql.compile(dialect=engine.dialect)).strip() + ';'))
scope['Base'].metadata.create_all(engine, checkfirst=False)
print('\\n'.join(out))
`;

describe('classic models', () => {
  const run = spawnSync('/usr/bin/python3', ['-W', 'ignore', '-c', program], {
    input: classic,
    encoding: 'utf8',
    cwd: '/',
  });
  const isReal = !run.error && run.status === 0;
  it('are there to compare with where CI says so', () => {
    if (process.env.CI) expect(run.stderr).toBe('');
  });
  it.skipIf(!isReal)('are what a real SQLAlchemy creates', () => {
    const reading = readAll({ 'models.py': classic });
    expect(reading.blindSpots).toEqual([]);
    const theirs = schemaOfOperations(
      parseSql(run.stdout, { origin: { revision: null, file: 'x.sql', line: 1 }, revision: '' }),
      { namingConvention: null },
    );
    expect(schemaToJson(reading.schema)).toEqual(schemaToJson(theirs));
  });
});

describe('annotated models', () => {
  const text = `
import datetime
import uuid
from decimal import Decimal
from enum import Enum
from typing import Annotated, List, Optional
from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

key = Annotated[int, mapped_column(primary_key=True)]


class Kind(str, Enum):
    A = 'a'
    B = 'b'


class Base(DeclarativeBase):
    type_annotation_map = {str: String(40)}


class Parent(Base):
    __tablename__ = 'parent'
    id: Mapped[key]
    name: Mapped[str]
    nick: Mapped[Optional[str]]
    born: Mapped[datetime.date | None]
    at: Mapped[datetime.datetime]
    token: Mapped[uuid.UUID] = mapped_column(unique=True)
    price: Mapped[Decimal]
    kind: Mapped[Kind]
    big: Mapped[int] = mapped_column(BigInteger, nullable=True)
    text: Mapped['str'] = mapped_column(String(7))
    children: Mapped[List['Child']] = relationship(back_populates='parent')


class Child(Base):
    __tablename__ = 'child'
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int] = mapped_column(ForeignKey(Parent.id))
    parent: Mapped['Parent'] = relationship()
`;
  it('take types and nullability from the annotation', () => {
    const { schema, blindSpots, definitionsByTable } = readAll({ 'app/models.py': text });
    expect(blindSpots).toEqual([]);
    const columns = [...(schema.tables.get('public.parent')?.columns.values() ?? [])].map(
      (column) => `${column.name} ${column.type}${column.notNull ? ' not null' : ''}`,
    );
    expect(columns).toEqual([
      'id integer not null',
      'name character varying(40) not null',
      'nick character varying(40)',
      'born date',
      'at timestamp without time zone not null',
      'token uuid not null',
      'price numeric not null',
      'kind kind not null',
      'big bigint',
      'text character varying(7) not null',
    ]);
    expect([...schema.enums.values()]).toMatchObject([{ name: 'kind', labels: ['A', 'B'] }]);
    expect(
      [...(schema.tables.get('public.child')?.constraints.values() ?? [])].filter((one) => one.type === 'f'),
    ).toMatchObject([{ columns: ['parent_id'], references: { table: 'public.parent', columns: ['id'] } }]);
    expect(definitionsByTable.get('public.parent')).toMatchObject([{ file: 'app/models.py', name: 'Parent' }]);
  });
});

it('finds a type of several parts in the annotation map', () => {
  const text = `
from typing import Any
from sqlalchemy import String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: MutableDict.as_mutable(JSONB), list[str]: ARRAY(item_type=String), list[int]: ARRAY(String(3))}

class T(Base):
    __tablename__ = 't'
    id: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[dict[str, Any] | None]
    tags: Mapped[list[str]] = mapped_column(server_default='{}')
`;
  const { schema, blindSpots } = readAll({ 'app/models.py': text });
  expect(blindSpots).toEqual([]);
  const columns = [...(schema.tables.get('public.t')?.columns.values() ?? [])];
  expect(columns.map(({ type, notNull }) => [type, notNull])).toEqual([
    ['integer', true],
    ['jsonb', false],
    ['character varying[]', true],
  ]);
});

it('takes what an annotation says as SQLAlchemy does', () => {
  const text = `
from __future__ import annotations
import enum
from sqlalchemy import *
from sqlalchemy import Enum
from typing import Annotated, Literal, NewType, Optional
from elsewhere import Money
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, deferred, mapped_column

code = Annotated[str, 'code']
Number = NewType('Number', int)

class Mood(enum.Enum):
    OK = 'ok'
    SLEEPY = 'sleepy'

class Base(DeclarativeBase):
    type_annotation_map = {code: String(5), enum.Enum: Enum(enum.Enum, native_enum=False, length=30)}

class Owned:
    @declared_attr
    def owner_id(cls) -> Mapped[int]:
        return mapped_column(ForeignKey('big.id'))

class Big(Base):
    __tablename__ = 'big'
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)

class T(Owned, Base):
    __tablename__ = 't'
    id: Mapped[Number] = mapped_column(primary_key=True)
    code: Mapped[Optional[code]]
    none_first: Mapped[None | str]
    mood: Mapped[Mood]
    longest = mapped_column(String(max(3, 4)))
    late = deferred(Column(Text, nullable=False))
    plain: Mapped[int] = Column(Integer)
    single: Mapped[Literal['prompt']]
    several: Mapped[Literal['a', Literal['abc', 'ab']]]
    price: Mapped[Money]
`;
  const { schema, blindSpots } = readAll({ 'app/models.py': text });
  const columns = [...(schema.tables.get('public.t')?.columns.values() ?? [])];
  expect(columns.map(({ name, type, notNull }) => `${name} ${type}${notNull ? ' not null' : ''}`).sort()).toEqual([
    'code character varying(5)',
    'id integer not null',
    'late text not null',
    'longest character varying(4)',
    'mood character varying(30) not null',
    'none_first character varying',
    'owner_id bigint not null',
    'plain integer',
    'price unknown not null',
    'several character varying(3) not null',
    'single character varying(6) not null',
  ]);
  expect(schema.enums.size).toBe(0);
  expect(blindSpots).toMatchObject([
    { objects: ['public.t'], reason: expect.stringContaining('price: the type of its annotation is not known') },
  ]);
});

describe('SQLModel and Flask-SQLAlchemy', () => {
  it('reads SQLModel fields', () => {
    const { schema, blindSpots } = readAll({
      'models.py': `
from datetime import datetime
from typing import Optional
from sqlalchemy import Column, Text
from sqlmodel import Field, Relationship, SQLModel

class HeroBase(SQLModel):
    name: str = Field(index=True, max_length=30)

class Hero(HeroBase, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    age: int | None = None
    team_id: int | None = Field(default=None, foreign_key='team.id')
    note: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime
    team: Optional['Team'] = Relationship(back_populates='heroes')

class Team(SQLModel, table=True):
    id: int = Field(primary_key=True)
`,
    });
    expect(blindSpots).toEqual([]);
    expect(
      [...(schema.tables.get('public.hero')?.columns.values() ?? [])].map(
        (column) => `${column.name} ${column.type} ${column.notNull}`,
      ),
    ).toEqual([
      'name character varying(30) true',
      'id integer true',
      'age integer false',
      'team_id integer false',
      'note text true',
      'at timestamp without time zone true',
    ]);
    expect(schema.tables.has('public.herobase')).toBe(false);
  });
  it('takes fields for columns as SQLModel does', () => {
    const { schema, blindSpots } = readAll({
      'models.py': `
from decimal import Decimal
from typing import Annotated, ClassVar
from elsewhere import Money
from pydantic import EmailStr, PositiveInt, confloat
from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

class Account(SQLModel, table=True):
    kind: ClassVar[str] = 'account'
    model_config = {'from_attributes': True}
    id: int = Field(primary_key=True)
    title: Annotated[str, Field(max_length=40, index=True)]
    email: EmailStr = Field(max_length=255, unique=True)
    total: Decimal = Field(default=0, max_digits=10, decimal_places=3)
    level: int = Field(sa_column_args=[CheckConstraint('level > 0', name='ck_level')])
    size: PositiveInt | None = None
    share: confloat(gt=0)
    _cached: int = 3
    price: Money
`,
    });
    const account = schema.tables.get('public.account');
    expect([...(account?.columns.values() ?? [])].map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id integer',
      'title character varying(40)',
      'email character varying(255)',
      'total numeric(10,3)',
      'level integer',
      'size integer',
      'share double precision',
    ]);
    expect([...(account?.constraints.keys() ?? [])].sort()).toEqual(['account_email_key', 'account_pkey', 'ck_level']);
    expect([...(account?.indexes.keys() ?? [])]).toEqual(['ix_account_title']);
    expect(blindSpots).toMatchObject([{ reason: expect.stringContaining('price') }]);
  });
  it('reads db.Model', () => {
    const { schema } = readAll({
      'app.py': `
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy()
class BlogPost(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String(20), nullable=False)
    slug: db.Mapped[str] = db.mapped_column(db.String(20))
class _UserPrivate(db.Model):
    id = db.Column(db.Integer, primary_key=True)
tags = db.Table('tags', db.Column('post_id', db.Integer, db.ForeignKey('blog_post.id')))
`,
    });
    expect([...schema.tables.keys()].sort()).toEqual(['public.blog_post', 'public.tags', 'public.user_private']);
    expect(schema.tables.get('public.blog_post')?.columns.get('slug')).toMatchObject({ notNull: true });
  });
  it('names what it could not read', () => {
    const { blindSpots, operationsByTable } = readAll({
      'models.py': `
from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base
from odd import Thing
Base = declarative_base()
class T(Base):
    __tablename__ = 't'
    id = Column(Integer, primary_key=True)
    x = Column(Thing)
`,
    });
    expect(blindSpots).toMatchObject([
      { file: 'models.py', line: 6, objects: ['public.t'], reason: expect.stringContaining('odd.Thing') },
    ]);
    expect(operationsByTable.get('public.t')?.map((operation) => operation.kind)).toEqual(['createTable']);
  });
});

it('takes the declarative base itself for no model', () => {
  const text = `
import re
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column


class Base(DeclarativeBase):
    @declared_attr.directive
    def __tablename__(cls) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    id: Mapped[int] = mapped_column(primary_key=True)


class FlowRun(Base):
    name: Mapped[str]
`;
  const { schema } = readAll({ 'app/models.py': text });
  expect([...schema.tables.keys()]).toEqual(['public.flow_run']);
});

describe('the schema of a table', () => {
  const head = `from sqlalchemy import Column, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase, declarative_base, declared_attr
from elsewhere import config
Base = declarative_base(metadata=MetaData(schema='home'))
class Named:
    @declared_attr
    def __tablename__(cls):
        return cls.__name__.lower()
    made = Column(Integer)
`;

  it("is that of the base's metadata, unless the class says another", () => {
    const { schema } = readAll({
      'app/models.py': `${head}
class Here(Named, Base):
    id = Column(Integer, primary_key=True)
class There(Base):
    __tablename__ = 'there'
    __table_args__ = {'schema': 'away'}
    id = Column(Integer, primary_key=True)
class Other(DeclarativeBase):
    metadata = MetaData(schema='own')
class Third(Other):
    __tablename__ = 'third'
    id = Column(Integer, primary_key=True)
`,
    });
    expect([...schema.tables.keys()].sort()).toEqual(['away.there', 'home.here', 'own.third']);
  });

  it('is the default one where only running code could tell that of the metadata, and no other is named', () => {
    const models = (other: string) => `from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import declarative_base
from elsewhere import config
Base = declarative_base(metadata=MetaData(schema=config.schema))
class Placed(Base):
    __tablename__ = 'placed'
    id = Column(Integer, primary_key=True)
beside = Table('beside', Base.metadata, Column('id', Integer, primary_key=True)${other})
`;
    expect([...readAll({ 'app/models.py': models('') }).schema.tables.keys()]).toEqual([
      'public.placed',
      'public.beside',
    ]);
    const { schema, blindSpots } = readAll({ 'app/models.py': models(", schema='away'") });
    expect([...schema.tables.keys()]).toEqual(['away.beside']);
    expect(blindSpots).toMatchObject([{ reason: 'Placed: the schema of its table placed is not known' }]);
  });

  it('is no guess where only running code could tell', () => {
    const { schema, blindSpots } = readAll({
      'app/models.py': `${head.replace("metadata=MetaData(schema='home')", '')}
class Placed(Base):
    __tablename__ = 'log'
    __table_args__ = {'schema': 'away'}
    id = Column(Integer, primary_key=True)
class Configured(Base):
    __tablename__ = 'log'
    __table_args__ = {'schema': config['schema']}
    id = Column(Integer, primary_key=True)
class Computed(Base):
    __tablename__ = 'log'
    __table_args__ = config.arguments(1) + 2
    id = Column(Integer, primary_key=True)
`,
    });
    expect([...schema.tables.keys()]).toEqual(['away.log']);
    expect(blindSpots.map(({ reason }) => reason)).toContain('Configured: the schema of its table log is not known');
  });
});

it('counts two classes of one table as two definitions only on one base', () => {
  const classOf = (name: string, base: string) =>
    `class ${name}(${base}):\n    __tablename__ = 't'\n    id = Column(Integer, primary_key=True)\n`;
  const { definitionsByTable } = readAll({
    'app/a.py': `from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base
Base = declarative_base()
Archive = declarative_base()
${classOf('One', 'Base')}${classOf('Old', 'Archive')}${classOf('Two', 'Base')}`,
  });
  expect(definitionsByTable.get('public.t')?.map(({ name }) => name)).toEqual(['One', 'Two']);
});

it('reads what mixins of known libraries bring, and says of others that it does not', () => {
  const { schema, blindSpots } = readAll({
    'app/a.py': `from fastapi_users.db import SQLAlchemyBaseOAuthAccountTableUUID, SQLAlchemyBaseUserTable
from sqlalchemy import Column, Integer, Sequence, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy_utils import EmailType, Timestamp
from authlib.integrations.sqla_oauth2 import OAuth2ClientMixin
from oslo_db.sqlalchemy import models
from somewhere.models import Audited
class Base(DeclarativeBase): pass
class User(SQLAlchemyBaseUserTable[int], Base):
    id: Mapped[int] = mapped_column(primary_key=True)
class OAuthAccount(SQLAlchemyBaseOAuthAccountTableUUID, Base):
    __tablename__ = 'accounts'
class Stamped(Base, Timestamp):
    __tablename__ = 'stamped'
    id = Column(Integer, primary_key=True)
    number = Column(Integer, Sequence('numbers'))
    email = Column(EmailType(100))
class Client(Base, OAuth2ClientMixin):
    __tablename__ = 'client'
    id = Column(Integer, primary_key=True)
class Image(Base, models.SoftDeleteMixin, models.ModelBase):
    __tablename__ = 'image'
    id = Column(Integer, primary_key=True)
class Watched(Audited, Base):
    __tablename__ = 'watched'
    id = Column(Integer, primary_key=True)
`,
  });
  const columnsOf = (key: string) => [...(schema.tables.get(key)?.columns.keys() ?? [])].sort().join(' ');
  expect(columnsOf('public.user')).toBe('email hashed_password id is_active is_superuser is_verified');
  expect(schema.tables.get('public.user')?.columns.get('id')?.type).toBe('integer');
  expect([...(schema.tables.get('public.user')?.indexes.keys() ?? [])]).toEqual(['ix_user_email']);
  expect(columnsOf('public.accounts')).toContain('account_id expires_at id oauth_name refresh_token user_id');
  expect(schema.tables.get('public.accounts')?.constraints.get('accounts_user_id_fkey')).toMatchObject({
    references: { table: 'public.user', columns: ['id'], onDelete: 'CASCADE' },
  });
  expect(columnsOf('public.stamped')).toBe('created email id number updated');
  expect(schema.tables.get('public.stamped')?.columns.get('email')?.type).toBe('character varying(100)');
  expect(columnsOf('public.client')).toBe(
    'client_id client_id_issued_at client_metadata client_secret client_secret_expires_at id',
  );
  expect(columnsOf('public.image')).toBe('deleted deleted_at id');
  expect([...schema.sequences.keys()]).toContain('public.numbers');
  expect(blindSpots).toMatchObject([
    {
      objects: ['public.watched'],
      reason: 'what columns somewhere.models.Audited, outside the project, brings is not known',
    },
  ]);
});

it('reads keys of columns by object, and indexes beside a class over parts of a column', () => {
  const { schema, blindSpots } = readAll({
    'app/a.py': `from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import declarative_base
from elsewhere import other_table
Base = declarative_base()
class T(Base):
    __tablename__ = 't'
    id = Column(Integer, primary_key=True)
    data = Column(JSONB)
class U(Base):
    __tablename__ = 'u'
    id = Column(Integer, primary_key=True)
    t_id = Column('t', Integer)
    __table_args__ = (ForeignKeyConstraint([t_id], [T.id], onupdate='CASCADE'),)
Index('ix_part', T.data['a'], postgresql_using='gin')
Index('ix_lost', other_table.c.id)
`,
  });
  expect(schema.tables.get('public.u')?.constraints.get('u_t_fkey')).toMatchObject({
    references: { table: 'public.t', columns: ['id'], onUpdate: 'CASCADE' },
  });
  expect(schema.tables.get('public.t')?.indexes.get('ix_part')?.keys).toMatchObject([{ text: "data -> 'a'" }]);
  expect(blindSpots).toMatchObject([{ objects: [], reason: 'the table of the index ix_lost is not known' }]);
});

it('keeps the models of another database out', () => {
  const { schema, blindSpots } = readAll({
    'app/a.py': `from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy()
class Elsewhere(db.Model):
    __abstract__ = True
    __bind_key__ = 'geo'
class Here(db.Model):
    id = db.Column(db.Integer, primary_key=True)
class There(Elsewhere):
    id = db.Column(db.Integer, primary_key=True)
`,
  });
  expect([...schema.tables.keys()]).toEqual(['public.here']);
  expect(blindSpots).toMatchObject([{ objects: ['public.there'], reason: 'models of another database, bound as geo' }]);
});

describe('a base that target_metadata leaves out', () => {
  const files = {
    'app/models.py': `from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, declarative_base
shared = MetaData()
class Base(DeclarativeBase): pass
class Abstract(Base):
    __abstract__ = True
class Catalogue(DeclarativeBase): pass
Archive = declarative_base()
class Beside(DeclarativeBase):
    metadata = shared
class Lent(DeclarativeBase):
    metadata = metadata_of_another_package()
class Ours(Abstract):
    __tablename__ = 'ours'
    id = Column(Integer, primary_key=True)
class Theirs(Catalogue):
    __tablename__ = 'theirs'
    id = Column(Integer, primary_key=True)
class Old(Archive):
    __tablename__ = 'old'
    id = Column(Integer, primary_key=True)
class Shared(Beside):
    __tablename__ = 'shared'
    id = Column(Integer, primary_key=True)
class Perhaps(Lent):
    __tablename__ = 'perhaps'
    id = Column(Integer, primary_key=True)
kept = Table('kept', Base.metadata, Column('id', Integer, primary_key=True))
apart = Table('apart', shared, Column('id', Integer, primary_key=True))
`,
  };
  const tablesFor = (bases: { file: string; name: string }[] | null) => [...readAll(files, bases).schema.tables.keys()];

  it('keeps its models out of the chain, and says so', () => {
    const bases = [{ file: 'app/models.py', name: 'Abstract' }];
    expect(tablesFor(bases)).toEqual(['public.ours', 'public.perhaps', 'public.kept']);
    expect(readAll(files, bases).blindSpots).toEqual([
      {
        revision: null,
        file: 'app/models.py',
        line: 16,
        reason: 'models on Catalogue, whose metadata target_metadata leaves out',
        objects: ['public.theirs'],
      },
      expect.objectContaining({ objects: ['public.old'] }),
      expect.objectContaining({ objects: ['public.shared', 'public.apart'] }),
    ]);
  });

  it('may have been made of a class and cast, where the class states no metadata of its own', () => {
    const made = (body: string) => ({
      'app/models.py': `import typing as t
from sqlalchemy import Column, Integer
from sqlalchemy.orm import DeclarativeBase, declarative_base
class Base(DeclarativeBase): pass
class Ours(Base):
    __tablename__ = 'ours'
    id = Column(Integer, primary_key=True)
class Bare:
    ${body}
Other = t.cast(t.Any, declarative_base(cls=Bare))
class Theirs(Other):
    __tablename__ = 'theirs'
    id = Column(Integer, primary_key=True)
`,
    });
    const tables = (body: string) => [
      ...readAll(made(body), [{ file: 'app/models.py', name: 'Base' }]).schema.tables.keys(),
    ];
    expect(tables('pass')).toEqual(['public.ours']);
    expect(tables('metadata = of_somebody()')).toEqual(['public.ours', 'public.theirs']);
  });

  it('is believed only where all of target_metadata is known', () => {
    const all = ['ours', 'theirs', 'old', 'shared', 'perhaps', 'kept', 'apart'].map((name) => `public.${name}`);
    expect(tablesFor(null)).toEqual(all);
    expect(tablesFor([{ file: 'app/models.py', name: 'Unheard' }])).toEqual(all);
  });
});

it('follows names that "type" gives, through classes with parameters of types', () => {
  const { schema, blindSpots } = readAll({
    'models.py': `
from typing import Annotated
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
type Key = Annotated[int, mapped_column(primary_key=True)]
type Short = Annotated[str, mapped_column(String(9))]
type Maybe[T] = T | None
class Base(DeclarativeBase): pass
class Keyed[T]:
    id: Mapped[Key]
class User(Keyed[int], Base):
    __tablename__ = 'users'
    name: Mapped[Short]
    nick: Mapped[Short | None]
`,
  });
  const user = schema.tables.get('public.users');
  expect(blindSpots).toEqual([]);
  expect([...(user?.columns.values() ?? [])].map(({ name, type, notNull }) => [name, type, notNull])).toEqual([
    ['name', 'character varying(9)', true],
    ['nick', 'character varying(9)', false],
    ['id', 'integer', true],
  ]);
});
