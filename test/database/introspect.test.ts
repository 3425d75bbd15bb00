/** Introspection under less than full rights, through a pooler, and while the schema changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, connect, detectPooling, introspect, parseDatabaseUrl } from '../../src/database/index.ts';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({
    sql: `create schema hidden; create schema seen;
          create table hidden.t (id int primary key, n text check (n <> ''));
          create view hidden.v as select id from hidden.t;
          create table seen.readable (id int references hidden.t);
          create table seen.unreadable (id int);
          create table public.alembic_version (version_num varchar(32) primary key); insert into public.alembic_version values ('public1');
          create table seen.alembic_version (version_num varchar(32) primary key); insert into seen.alembic_version values ('seen1');
          create table hidden.alembic_version (version_num varchar(32) primary key);`,
  });
});
afterAll(() => database.drop());

async function using<T>(url: string, body: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect(parseDatabaseUrl(url, {}), { readOnly: true });
  try {
    return await body(connection);
  } finally {
    await connection.close();
  }
}

describe('a role with few rights', () => {
  it('sees every shape, and is told what it may not touch', async () => {
    const url = await database.urlOfNewRole(
      'grant usage on schema seen to ROLE; grant select on seen.readable, seen.alembic_version to ROLE',
    );
    const live = await using(url, (connection) => introspect(connection));
    const whole = await introspect(database.connection);
    expect(live.schema).toEqual(whole.schema);
    expect(live).toMatchObject({ isSuperuser: false, isStandby: false, name: database.name });
    expect([...live.unusableNamespaces]).toEqual(['hidden']);
    expect([...live.uncreatableNamespaces]).toEqual(['hidden', 'public', 'seen']);
    expect([...live.unreadableTables].sort()).toEqual([
      'hidden.alembic_version',
      'hidden.t',
      'public.alembic_version',
      'seen.unreadable',
    ]);
    expect(live.unownedTables.has('seen.readable')).toBe(true);
    expect(live.versionTables.map(({ key, rows, isResolved }) => [key, rows, isResolved])).toEqual([
      ['hidden.alembic_version', null, false],
      ['public.alembic_version', null, true],
      ['seen.alembic_version', ['seen1'], false],
    ]);
    expect([
      whole.unusableNamespaces.size,
      whole.unreadableTables.size,
      whole.unownedTables.size,
      whole.isSuperuser,
    ]).toEqual([0, 0, 0, true]);
  });

  it('resolves the version table through its own search_path, or through version_table_schema', async () => {
    const resolved = async (url: string, options = {}) =>
      (await using(url, (connection) => introspect(connection, options))).versionTables
        .filter(({ isResolved }) => isResolved)
        .map(({ key }) => key);
    expect(await resolved(`${database.url}&options=-csearch_path%3Dseen,public`)).toEqual(['seen.alembic_version']);
    // Nothing in `empty`: falls through to another chain's table.
    expect(await resolved(`${database.url}&options=-csearch_path%3Dempty,public`)).toEqual(['public.alembic_version']);
    // A path that leads nowhere, as some databases are hardened: Alembic works only where env.py sets another.
    expect(await resolved(`${database.url}&options=-csearch_path%3Dnowhere`)).toEqual(['public.alembic_version']);
    expect(await resolved(database.url, { versionTableSchema: 'seen' })).toEqual(['seen.alembic_version']);
    expect(await resolved(database.url, { versionTable: 'nowhere' })).toEqual([]);
    // There, whoever may use its schema; what it holds is unread.
    const blind = await database.urlOfNewRole('grant usage on schema seen to ROLE');
    expect(await resolved(blind, { versionTableSchema: 'hidden' })).toEqual(['hidden.alembic_version']);
    expect(await resolved(`${blind}&options=-csearch_path%3Dhidden,seen`)).toEqual(['hidden.alembic_version']);
    expect(await resolved(blind, { versionTableSchema: 'nowhere' })).toEqual([]);
    const live = await using(
      `${blind}&options=${encodeURIComponent('-csearch_path="$user",hidden,"seen",nowhere')}`,
      introspect,
    );
    expect(live.searchPath).toEqual(['hidden', 'seen']);
    expect(live.versionTables.find(({ isResolved }) => isResolved)?.rows).toBeNull();
  });
});

describe('what bears the name of the version table', () => {
  const schema = async (sql: string, role = '') => {
    const name = `named_${++named}`;
    await database.connection.query(`create schema ${name}; set search_path = ${name}; ${sql}; reset search_path`);
    const url = role === '' ? database.url : await database.urlOfNewRole(role.replaceAll('SCHEMA', name));
    const live = await using(url, (connection) => introspect(connection, { versionTableSchema: name }));
    await database.connection.query(`drop schema ${name} cascade`);
    return {
      table: live.versionTables.find(({ isResolved }) => isResolved),
      objects: [...live.schema.tables.keys(), ...live.schema.views.keys()].filter((key) => key.startsWith(`${name}.`)),
    };
  };
  let named = 0;

  it('is read where it is a view, which is then no object of the schema', async () => {
    const base = `create table kept (version_num varchar(32), at date); insert into kept values ('a')`;
    const { table, objects } = await schema(`${base}; create view alembic_version as select version_num from kept`);
    expect(table).toMatchObject({ rows: ['a'], problem: null });
    expect(objects).toHaveLength(1);
    const frozen = await schema(`${base}; create materialized view alembic_version as select version_num from kept`);
    expect(frozen.table).toMatchObject({ rows: ['a'], problem: 'it is a materialized view' });
    const failing = await schema(`create view alembic_version as select (1 / 0)::text as version_num`);
    expect(failing.table).toMatchObject({ rows: null, problem: 'it cannot be read (division by zero)' });
  });
  it.each([
    ['version_num integer', null, 'its version_num is integer, and an id is text'],
    ['version varchar(32)', null, 'it has no column version_num'],
    ['version_num char(8)', [], 'its version_num is character(8), which pads every id with blanks'],
    ['version_num text', [], null],
  ])('(%s)', async (columns, rows, problem) => {
    expect((await schema(`create table alembic_version (${columns})`)).table).toMatchObject({ rows, problem });
  });
  it('may hold NULL', async () => {
    const sql = `create table alembic_version (version_num text); insert into alembic_version values (null), ('a')`;
    expect((await schema(sql)).table).toMatchObject({ rows: ['a'], nullRows: 1 });
  });
  it('is unread, not empty, where row level security hides its rows', async () => {
    const sql = `create table alembic_version (version_num text); insert into alembic_version values ('a');
                 alter table alembic_version enable row level security`;
    const grants = `grant usage on schema SCHEMA to ROLE; grant select on SCHEMA.alembic_version to ROLE`;
    expect((await schema(sql, grants)).table).toMatchObject({ rows: null, isFiltered: true, problem: null });
  });
});

it('shows no rows rather than some of them to a session that looks for proof', async () => {
  await database.connection.query(
    `create table public.guarded (id int); insert into public.guarded values (1); alter table public.guarded enable row level security`,
  );
  const url = await database.urlOfNewRole('grant select on public.guarded to ROLE');
  await using(url, (connection) =>
    expect(connection.query('select count(*) from public.guarded')).rejects.toMatchObject({ sqlState: '42501' }),
  );
  await database.connection.query('drop table public.guarded');
});

it('leaves ignored namespaces out, and names what points into them', async () => {
  const live = await introspect(database.connection, { ignoreNamespaces: ['hidden'] });
  expect([...live.schema.tables.keys()]).toEqual(['seen.readable', 'seen.unreadable']);
  expect(live.schema.tables.get('seen.readable')?.constraints.get('readable_id_fkey')?.references).toMatchObject({
    table: 'hidden.t',
    columns: ['id'],
  });
  expect(live.schema.namespaces.has('hidden')).toBe(false);
});

it('asks as many questions of a large database as of a small one', async () => {
  await using(database.url, async (connection) => {
    let questions = 0;
    const counting: Connection = {
      ...connection,
      query(sql, params) {
        questions++;
        return connection.query(sql, params);
      },
      queryArrays(sql, params) {
        questions++;
        return connection.queryArrays(sql, params);
      },
    };
    await introspect(counting);
    const before = questions;
    questions = 0;
    await database.connection.query(`do $$ begin for i in 1 .. 300 loop
      execute format('create schema many_%s', i);
      execute format('create table many_%s.t (id serial primary key, n text unique, p int references many_%s.t)', i, i);
      execute format('create view many_%s.v as select * from many_%s.t', i, i);
    end loop; end $$`);
    expect((await introspect(counting)).schema.tables.size).toBe(303);
    expect(questions).toBe(before);
    expect(before).toBeLessThan(40);
  });
});

it('reads a schema that is being changed all the while', async () => {
  const other = await connect(database.target, { readOnly: false });
  let isDone = false;
  const changing = (async () => {
    while (!isDone) {
      await other.query(`create table public.fleeting (id serial primary key, n text unique check (n <> '')); create view public.fleeting_v as select * from public.fleeting;
        create index on public.fleeting (lower(n))`);
      await other.query('drop table public.fleeting cascade');
    }
  })();
  for (let round = 0; round < 10; round++) {
    const { schema } = await introspect(database.connection);
    const fleeting = schema.tables.get('public.fleeting');
    // All of it or nothing.
    if (fleeting)
      expect([fleeting.columns.size, fleeting.indexes.size, schema.views.has('public.fleeting_v')]).toEqual([
        2,
        1,
        true,
      ]);
  }
  isDone = true;
  await changing;
  await other.close();
});

describe.skipIf(!hasPgBouncer)('through PgBouncer', () => {
  const ends: (() => void)[] = [];
  afterAll(() => {
    for (const end of ends) end();
  });

  async function pooled(mode: 'transaction' | 'session' | 'statement'): Promise<string> {
    const { url, stop } = await startPgBouncer(database.target, mode);
    ends.push(stop);
    return url;
  }

  it('tells the modes apart, reads the same, and leaves no setting behind in transaction mode', async () => {
    const url = await pooled('transaction');
    await using(url, async (connection) => {
      expect(connection.isPooled).toBe(true);
      expect(await detectPooling(connection)).toBe('transaction');
      expect((await introspect(connection)).fingerprint).toBe((await introspect(database.connection)).fingerprint);
      await expect(connection.query('create table pooled (id int)')).rejects.toMatchObject({ sqlState: '25006' });
    });
    const application = await connect(parseDatabaseUrl(url, {}), { readOnly: false });
    const { rows } = await application.query(
      `select current_setting('default_transaction_read_only') as ro, current_setting('lock_timeout') as lock`,
    );
    expect(rows).toEqual([{ ro: 'off', lock: '0' }]);
    await application.close();
  });

  it('knows session mode', async () => {
    await using(await pooled('session'), async (connection) => {
      expect(connection.isPooled).toBe(true);
      expect(await detectPooling(connection)).toBe('session');
    });
  });

  it('says what statement mode keeps it from', async () => {
    const url = await pooled('statement');
    await expect(using(url, (connection) => introspect(connection))).rejects.toMatchObject({
      code: 'connection-failed',
      message: expect.stringContaining('statement pooling mode'),
      hint: expect.stringContaining('session or transaction mode'),
    });
  });

  it('knows a direct session', async () => {
    await using(database.url, async (connection) => expect(await detectPooling(connection)).toBe('none'));
  });
});

it('names who holds the lock that no reading gets past', async () => {
  await database.connection.query('begin; lock table hidden.t in access exclusive mode');
  try {
    const timeouts = { connectMs: 5000, statementMs: 5000, lockMs: 50 };
    const reader = await connect(parseDatabaseUrl(database.url, {}), { readOnly: true, timeouts });
    try {
      await expect(introspect(reader)).rejects.toMatchObject({
        code: 'lock-held',
        message: expect.stringMatching(
          new RegExp(
            `held by process ${database.connection.backendPid} \\(.*idle in transaction.*lock table hidden\\.t`,
          ),
        ),
      });
    } finally {
      await reader.close();
    }
  } finally {
    await database.connection.query('rollback');
  }
});
