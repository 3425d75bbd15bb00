/**
 * Which classes have which table: inheritance, registries, factories, Flask-SQLAlchemy. What is expected here is what SQLAlchemy
 * 2.0.54, Flask-SQLAlchemy 3.1.1 and SQLModel 0.0.47 create from the same text.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { readModels } from '../../src/sources/alembic/models/read.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';
import { filesOf } from './operations/reading.ts';

beforeAll(loadSqlParser);

function read(text: string, bases: { file: string; name: string }[] | null = null) {
  const files = { 'app/models.py': text };
  const reading = readModels({
    projectDir: '/project',
    files: { ...filesOf(files), relative: (path) => path.slice('/project/'.length) },
    environment: {},
    models: { files: Object.keys(files), bases },
    parseSql,
    schemaOf: (operations) => schemaOfOperations(operations, { namingConvention: null }),
  });
  const { schema } = reading;
  const columnsOf = (key: string) => [...(schema.tables.get(key)?.columns.keys() ?? [])].join(' ');
  const keysOf = (key: string) =>
    [...(schema.tables.get(key)?.constraints.values() ?? [])]
      .flatMap((one) => (one.type === 'f' ? [`${one.columns.join()} ${one.references?.table}`] : []))
      .sort();
  const tables = Object.fromEntries([...schema.tables.keys()].sort().map((key) => [key, columnsOf(key)]));
  return { ...reading, tables, keysOf };
}

const head = `from sqlalchemy import *
from sqlalchemy.orm import *
class Base(DeclarativeBase): pass
`;

describe('inheritance', () => {
  it("puts the columns of a class without a table into its parent's", () => {
    const { tables, schema, blindSpots } = read(`${head}
class Person(Base):
    __tablename__ = 'person'
    __table_args__ = (UniqueConstraint('type', name='uq_type'),)
    id: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
class Engineer(Person):
    __tablename__ = 'engineer'
    id: Mapped[int] = mapped_column(ForeignKey('person.id'), primary_key=True)
    info: Mapped[str]
class Manager(Person):
    data: Mapped[str | None] = mapped_column(String(50), index=True)
    boss_id: Mapped[int | None] = mapped_column(ForeignKey('engineer.id'))
class Senior(Engineer):
    level: Mapped[int | None] = mapped_column(unique=True)
class Sub(Manager):
    data: Mapped[str | None] = mapped_column(String(50), use_existing_column=True)
    start = Column(Integer)
`);
    expect(tables).toEqual({ 'public.engineer': 'id info level', 'public.person': 'id type data boss_id start' });
    expect([...(schema.tables.get('public.person')?.indexes.keys() ?? [])]).toEqual(['ix_person_data']);
    expect([...(schema.tables.get('public.person')?.constraints.keys() ?? [])]).toContain('person_boss_id_fkey');
    expect([...(schema.tables.get('public.engineer')?.constraints.keys() ?? [])]).not.toContain('uq_type');
    expect(blindSpots).toEqual([]);
  });

  it('names tables by a declared_attr, and asks it who has one already', () => {
    const { tables, schema } = read(`${head}
class Named:
    @declared_attr.directive
    def __tablename__(cls):
        return None if has_inherited_table(cls) else cls.__name__.lower()
class Root(Named, Base):
    __abstract__ = True
    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)
class Mid(Root):
    __abstract__ = True
    code: Mapped[str] = mapped_column(String(5), unique=True)
class Leaf(Mid):
    kind: Mapped[str]
class Below(Leaf):
    more: Mapped[str | None]
class Without(Mid):
    code = None
    __table_args__ = (UniqueConstraint('id', name='uq_without'),)
class Within(Mid):
    @declared_attr.directive
    def __table_args__(cls):
        return (Index(f'ix_{cls.__tablename__}_id', 'id'),)
class Behind(Within):
    __tablename__ = 'behind'
    id: Mapped[int] = mapped_column(ForeignKey(Within.id), primary_key=True)
    @declared_attr.directive
    def __table_args__(cls):
        return super().__table_args__ + (CheckConstraint('id > 0', name='positive'),)
`);
    expect(tables).toEqual({
      'public.behind': 'id',
      'public.leaf': 'id kind code more',
      'public.within': 'id code',
      'public.without': 'id',
    });
    expect([...(schema.tables.get('public.behind')?.indexes.keys() ?? [])]).toEqual(['ix_behind_id']);
  });

  it('takes no mixin for a model, whatever of Python it derives from', () => {
    const { tables } = read(`from abc import ABC
from typing import Generic, TypeVar
${head}
T = TypeVar('T')
class Named(ABC, Generic[T]):
    @declared_attr.directive
    def __tablename__(cls):
        return cls.__name__.lower()
    id: Mapped[int] = mapped_column(primary_key=True)
class Data(MappedAsDataclass):
    __tablename__ = 'data'
    code: Mapped[str]
class Leaf(Named[int], Base): pass
class Other(Data, Base):
    id: Mapped[int] = mapped_column(primary_key=True)
`);
    expect(tables).toEqual({ 'public.data': 'id code', 'public.leaf': 'id' });
  });

  it('says so where the name of a table is not known', () => {
    const { tables, blindSpots } = read(`${head}from elsewhere import prefix
class Prefixed(Base):
    __tablename__ = prefix('things')
    id: Mapped[int] = mapped_column(primary_key=True)
`);
    expect(tables).toEqual({});
    expect(blindSpots).toMatchObject([{ reason: expect.stringContaining('the name of the table of Prefixed') }]);
  });
});

it('maps by registries, by decorators and by Tables, each in the schema of its metadata', () => {
  const { tables, keysOf, definitionsByTable, blindSpots } = read(`from dataclasses import dataclass, field
from sqlalchemy import *
from sqlalchemy.orm import *
reg = registry(metadata=MetaData(schema='app'))
@reg.mapped
@dataclass
class User:
    __tablename__ = 'user'
    __sa_dataclass_metadata_key__ = 'sa'
    id: int = field(init=False, metadata={'sa': Column(Integer, primary_key=True)})
@reg.mapped_as_dataclass(unsafe_hash=True)
class Post:
    __tablename__ = 'post'
    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey('user.id'))
    other_id: Mapped[int] = mapped_column(ForeignKey('app.user.id'))
@as_declarative(metadata=MetaData())
class Base:
    id = Column(Integer, primary_key=True)
class Plain(Base):
    __tablename__ = 'plain'
    __table__args = None
    post_id = Column(Integer, ForeignKey(Post.__table__.c.id))
class NoBase:
    __tablename__ = 'nobase'
    id = Column(Integer, primary_key=True)
tags = Table('tags', reg.metadata, Column('user_id', ForeignKey('user.id')), Column('post_id', ForeignKey(Post.id)), Column('number', Integer, key='no'), Index('ix_no', 'no'))
class Tag:
    pass
reg.map_imperatively(Tag, tags)
class Mapped2(reg.generate_base()):
    __table__ = Table('own', reg.metadata, Column('id', Integer, primary_key=True))
again = Table('own', reg.metadata)
`);
  expect(tables).toEqual({
    'app.own': 'id',
    'app.post': 'id user_id other_id',
    'app.tags': 'user_id post_id number',
    'app.user': 'id',
    'public.plain': 'id post_id',
  });
  expect(keysOf('app.post')).toEqual(['other_id app.user', 'user_id app.user']);
  expect(keysOf('app.tags')).toEqual(['post_id app.post', 'user_id app.user']);
  expect(keysOf('public.plain')).toEqual(['post_id app.post']);
  expect(definitionsByTable.get('app.own')).toHaveLength(1);
  expect(blindSpots).toEqual([]);
});

it('hands each new class to the __init_subclass__ behind it', () => {
  const { tables } = read(`${head}
class Prefixed(Base):
    __abstract__ = True
    def __init_subclass__(cls, prefix='app_', **kwargs):
        cls.__tablename__ = prefix + cls.__tablename__
        super().__init_subclass__(**kwargs)
class One(Prefixed):
    __tablename__ = 'one'
    id: Mapped[int] = mapped_column(primary_key=True)
class Two(Prefixed, prefix='my_'):
    __tablename__ = 'two'
    id: Mapped[int] = mapped_column(primary_key=True)
`);
  expect(Object.keys(tables)).toEqual(['public.app_one', 'public.my_two']);
});

it('takes what stands on another database for nothing, and more words on a table for no second one', () => {
  const { schema, definitionsByTable, blindSpots } = read(`${head}
tags = Table('tags', Base.metadata, Column('id', Integer, primary_key=True), Index('ix_lite', 'id').ddl_if(dialect='sqlite'))
class Tag(Base):
    __tablename__ = 'tags'
    __table_args__ = {'extend_existing': True}
    id: Mapped[int] = mapped_column(primary_key=True)
class Flow(Base):
    __tablename__ = 'flow'
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    @declared_attr.directive
    @classmethod
    def __table_args__(cls):
        return (
            Index('ix_ours', cls.name.desc()).ddl_if(dialect='postgresql'),
            Index('ix_theirs', cls.name).ddl_if(dialect='sqlite'),
        )
`);
  expect(blindSpots).toEqual([]);
  expect(definitionsByTable.get('public.tags')).toHaveLength(1);
  expect([...(schema.tables.get('public.tags')?.indexes.keys() ?? [])]).toEqual([]);
  expect([...(schema.tables.get('public.flow')?.indexes.keys() ?? [])]).toEqual(['ix_ours']);
});

it('finds what factories, loops and other classes make', () => {
  const { tables } = read(`${head}
def history(name):
    class History(Base):
        __tablename__ = f'{name}_history'
        id: Mapped[int] = mapped_column(primary_key=True)
    return History
histories = [history(name) for name in ('user', 'item')]
for name in ('one', 'two'):
    Table(name, Base.metadata, Column('id', Integer, primary_key=True), Column(name, String))
made = {n: type(n.title(), (Base,), {'__tablename__': 'dyn_' + n, 'id': Column(Integer, primary_key=True)}) for n in 'pq'}
class Outer:
    class Inner(Base):
        __tablename__ = 'inner'
        id: Mapped[int] = mapped_column(primary_key=True)
def never():
    class Never(Base):
        __tablename__ = 'never'
        id: Mapped[int] = mapped_column(primary_key=True)
`);
  expect(Object.keys(tables).sort()).toEqual(
    ['dyn_p', 'dyn_q', 'inner', 'item_history', 'one', 'two', 'user_history'].map((name) => `public.${name}`),
  );
});

it('finds what a declared_attr makes, and keys and checks beside their columns', () => {
  const { tables, schema, blindSpots } = read(`${head}
class HasTags:
    @declared_attr
    def tags(cls):
        links = Table(f'{cls.__tablename__}_tags', cls.metadata, Column('tag_id', ForeignKey('tag.id'), primary_key=True))
        return relationship('Tag', secondary=links)
class Tag(Base):
    __tablename__ = 'tag'
    id: Mapped[int] = mapped_column(primary_key=True)
class P(HasTags, Base):
    __tablename__ = 'p'
    id = Column(Integer, primary_key=True)
    a = Column(Integer, CheckConstraint('a > 0', name='ck_a'))
    b = Column(Integer)
    UniqueConstraint(a, b, name='uq_ab')
    CheckConstraint(b > 3, name='ck_b')
    UniqueConstraint('a', name='uq_lost')
    __table_args__ = (UniqueConstraint(b, name='uq_b'),)
`);
  expect(blindSpots).toEqual([]);
  expect(tables).toEqual({ 'public.p': 'id a b', 'public.p_tags': 'tag_id', 'public.tag': 'id' });
  expect([...(schema.tables.get('public.p')?.constraints.keys() ?? [])].sort()).toEqual([
    'ck_a',
    'ck_b',
    'p_pkey',
    'uq_ab',
    'uq_b',
  ]);
});

it('takes the columns of a composite with the annotations of its fields', () => {
  const { schema } = read(`import dataclasses
from sqlalchemy import *
from sqlalchemy.dialects.postgresql import *
from sqlalchemy.orm import *
class Base(DeclarativeBase): pass
@dataclasses.dataclass
class Point:
    x: int
    y: str | None
class V(Base):
    __tablename__ = 'v'
    id: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[Point] = composite(mapped_column('x1'), mapped_column('y1'))
    end = composite(Point, Column('x2', SmallInteger), Column('y2', JSONB, nullable=False))
`);
  const columns = [...(schema.tables.get('public.v')?.columns.values() ?? [])];
  expect(columns.map(({ name, type, notNull }) => `${name} ${type} ${notNull}`)).toEqual([
    'id integer true',
    'x1 integer true',
    'y1 character varying false',
    'x2 smallint false',
    'y2 jsonb true',
  ]);
});

it('takes a base that is made of a class for that class', () => {
  const { tables, schema } = read(`from sqlalchemy import *
from sqlalchemy.orm import *
class Common:
    @declared_attr
    def __tablename__(cls):
        return cls.__name__.lower() + 's'
    id = Column(Integer, primary_key=True)
Base = declarative_base(cls=Common, metadata=MetaData(schema='cats'))
class Cat(Base):
    name = Column(String(4))
class Model:
    id: Mapped[int] = mapped_column(primary_key=True)
class Short(registry(type_annotation_map={str: String(33)}).generate_base(cls=Model)):
    __tablename__ = 'short'
    text: Mapped[str]
`);
  expect(tables).toEqual({ 'cats.cats': 'id name', 'public.short': 'text id' });
  expect(schema.tables.get('public.short')?.columns.get('text')?.type).toBe('character varying(33)');
});

it('keeps the ending of an exclusion, and indexes below a class out of what stands above', () => {
  const { schema, blindSpots } = read(`from sqlalchemy import *
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import *
class Base(DeclarativeBase): pass
class T(Base):
    __tablename__ = 't'
    id: Mapped[int] = mapped_column(primary_key=True)
    __table_args__ = (
        Index('ix_first', 'id'),
        ExcludeConstraint(('id', '='), name='alone', deferrable=True, initially='DEFERRED'),
    )
Index('ix_second', T.id.desc())
`);
  expect(blindSpots).toEqual([]);
  expect([...(schema.tables.get('public.t')?.indexes.keys() ?? [])]).toEqual(['ix_first', 'ix_second']);
  expect(schema.tables.get('public.t')?.constraints.get('alone')?.definition).toBe(
    'EXCLUDE USING gist (id WITH =) DEFERRABLE INITIALLY DEFERRED',
  );
});

it('puts an enum type into the schema of its metadata or of its table', () => {
  const { schema } = read(`from sqlalchemy import *
from sqlalchemy.orm import *
class Base(DeclarativeBase):
    metadata = MetaData(schema='en')
class T(Base):
    __tablename__ = 't'
    id: Mapped[int] = mapped_column(primary_key=True)
    held = mapped_column(Enum('a', name='held', metadata=Base.metadata))
    own = mapped_column(Enum('a', name='own', inherit_schema=True))
    free = mapped_column(Enum('a', name='free'))
`);
  expect([...schema.enums.keys()].sort()).toEqual(['en.held', 'en.own', 'public.free']);
  expect([...(schema.tables.get('en.t')?.columns.values() ?? [])].map(({ type }) => type)).toEqual([
    'integer',
    'en.held',
    'en.own',
    'free',
  ]);
});

it('gives a type of the project the length that its own __init__ hands on', () => {
  const { schema } = read(`${head}
class Lower(TypeDecorator):
    impl = Unicode
    def __init__(self, length=33):
        super().__init__(length=length)
class T(Base):
    __tablename__ = 't'
    id: Mapped[int] = mapped_column(primary_key=True)
    lower = mapped_column(Lower)
`);
  expect(schema.tables.get('public.t')?.columns.get('lower')?.type).toBe('character varying(33)');
});

describe('Flask-SQLAlchemy', () => {
  it('names tables, and shares them where a class has no key of its own', () => {
    const { tables } = read(`from flask_sqlalchemy import Model, SQLAlchemy
from sqlalchemy.orm import declarative_base, declared_attr
class Given(Model):
    pass
db = SQLAlchemy(model_class=declarative_base(cls=Given, name='Model'))
class Kept(db.Model):
    __abstract__ = True
    id = db.Column(db.Integer, primary_key=True)
class User(Kept):
    name = db.Column(db.String(80), unique=True)
class Admin(User):
    level = db.Column(db.Integer)
class Keyed:
    @declared_attr
    def id(cls):
        return db.Column(db.ForeignKey('user.id'), primary_key=True)
class Guest(Keyed, User):
    pass
class HTTPServer2Config(User):
    id = db.Column(db.ForeignKey('user.id'), primary_key=True)
    port = db.Column(db.SmallInteger)
`);
    expect(
      Object.fromEntries(Object.entries(tables).map(([key, columns]) => [key, columns.split(' ').sort()])),
    ).toEqual({
      'public.guest': ['id'],
      'public.http_server2_config': ['id', 'port'],
      'public.user': ['id', 'level', 'name'],
    });
  });

  it('takes a model class without metadata of its own for a part of it', () => {
    const { tables, keysOf } = read(
      `from flask_sqlalchemy import SQLAlchemy, Model
from sqlalchemy import Column, ForeignKey, Integer
class Own(Model):
    def keep(self): pass
class Other:
    pass
db = SQLAlchemy(model_class=Own)
other = SQLAlchemy(model_class=Other)
class A(db.Model):
    id = Column(Integer, primary_key=True)
class B(other.Model):
    id = Column(Integer, ForeignKey(A.id), primary_key=True)
`,
      [{ file: 'app/models.py', name: 'db' }],
    );
    expect(Object.keys(tables)).toEqual(['public.a']);
    expect(keysOf('public.a')).toEqual([]);
  });

  it('takes the model class and the metadata that it is given, also by a class of the project', () => {
    const { tables, keysOf } = read(
      `from flask_sqlalchemy import SQLAlchemy as Original
from flask_sqlalchemy.model import Model
from sqlalchemy import *
from sqlalchemy.orm import declared_attr
class SQLAlchemy(Original):
    def apply_pool_defaults(self, app, options): pass
class Custom(Model):
    uid = Column(Integer, primary_key=True)
    @declared_attr
    def __tablename__(cls):
        return 't_' + cls.__name__.lower()
db = SQLAlchemy(model_class=Custom, metadata=MetaData(schema='fl'))
class A(db.Model):
    x = db.Column(db.String(3))
class B(db.Model):
    a = db.Column(db.Integer, db.ForeignKey('t_a.uid'))
`,
      [{ file: 'app/models.py', name: 'db' }],
    );
    expect(Object.keys(tables)).toEqual(['fl.t_a', 'fl.t_b']);
    expect(keysOf('fl.t_b')).toEqual(['a fl.t_a']);
  });
});
