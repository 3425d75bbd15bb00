/** What revisions ask of the things around them: what env.py configures, the connection's URL, a session's queries. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { type Given, read } from './reading.ts';

beforeAll(loadSqlParser);

const stated = (body: string, given: Given = {}) =>
  read(body, given).operations.filter(({ kind }) => kind !== 'touchRows');
const kinds = (body: string, given: Given = {}) => stated(body, given).map(({ kind }) => kind);

describe('what env.py configures', () => {
  const env = `from alembic import context
from app.settings import settings
PREFIX = settings.prefix

def online(connection):
    home = 'svc'
    context.configure(connection=connection, prefix=PREFIX, version_table_schema=home, level=3)
`;
  const files = {
    'app/settings.py': `from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    prefix: str = 'acme_'
settings = Settings()
`,
  };

  it('is found in the options of the context', () => {
    const body = `prefix = op.get_context().opts['prefix']
op.create_table(f'{prefix}users', sa.Column('id', sa.Integer, primary_key=True))
if op.get_context().opts.get('level') == 3 and op.get_context().opts.get('other', 'no') == 'no':
    op.create_index('ix', f'{prefix}users', ['id'])`;
    const { schema, operations } = read(body, { env, files });
    expect([...schema.tables.keys()]).toEqual(['public.acme_users']);
    expect(operations.map(({ kind }) => kind)).toEqual(['createTable', 'createIndex']);
  });

  it('gives the schema of the version table, or none', () => {
    const body = `schema = context.get_context().version_table_schema or 'nobody'
op.execute(f'CREATE SCHEMA {schema}')`;
    expect(stated(body, { env, files })[0]).toMatchObject({ kind: 'createNamespace', name: 'svc' });
    expect(stated(body)[0]).toMatchObject({ kind: 'createNamespace', name: 'nobody' });
    const unknown = env.replace("home = 'svc'", 'home = config.get_main_option("home")');
    expect(stated(body, { env: unknown, files })[0]).toMatchObject({
      name: 'nobody',
      condition: 'version_table_schema is not set',
    });
  });
});

it("the connection's URL is one of PostgreSQL", () => {
  const body = `url = op.get_bind().engine.url
if not str(url).startswith('sqlite') and 'mysql' not in str(url) and url.drivername == 'postgresql':
    op.execute('CREATE TYPE t AS ENUM ()')`;
  expect(kinds(body)).toEqual(['createEnum']);
});

it('a query of a session holds no rows, by assumption', () => {
  const body = `session = sa.orm.Session(bind=op.get_bind())
class User(sa.orm.declarative_base()):
    __tablename__ = 'users'
    id = sa.Column(sa.Integer, primary_key=True)
seen = [user.id for user in session.query(User).filter(User.id > 3).order_by(User.id)]
for user in session.query(User):
    op.drop_table('users')
if not seen and session.query(User).limit(3).count() == 0:
    op.create_table('t', sa.Column('id', sa.Integer))`;
  const operations = stated(body, { isWhole: false });
  expect(operations.map(({ kind }) => kind)).toEqual(['opaque', 'createTable']);
  expect(operations[0]).toMatchObject({ objects: [{ name: 'users' }] });
  expect(operations[1]).toMatchObject({ condition: 'there are no rows in users' });
});

it('names the type whose labels only running code could tell', () => {
  const body = `labels = [f"'{one}'" for one in set(['b', 'a', ask()])]
op.execute(f"CREATE TYPE mood AS ENUM ({', '.join(labels)})")`;
  expect(stated(body)).toMatchObject([{ kind: 'opaque', objects: [{ name: 'mood' }] }]);
});
