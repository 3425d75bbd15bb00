/** What a session promises: clear refusals, no writing when it only looks, and that nothing waits for ever. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  connect,
  type DatabaseTarget,
  openScratch,
  parseDatabaseUrl,
  retarget,
  type SqlError,
  startEmbeddedServer,
} from '../../src/database/index.ts';
import type { ChainError } from '../../src/errors.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({ sql: 'create table t (id int primary key, note text)' });
});
afterAll(() => database.drop());

async function refusal(target: DatabaseTarget, connectMs = 5_000): Promise<ChainError> {
  try {
    const connection = await connect(target, {
      readOnly: true,
      timeouts: { connectMs, statementMs: 1000, lockMs: 1000 },
    });
    await connection.close();
  } catch (error) {
    expect(JSON.stringify([String(error), (error as ChainError).hint, (error as Error).stack])).not.toContain('sesame');
    return error as ChainError;
  }
  throw new Error('it connected');
}

describe('a connection that does not come about', () => {
  const at = (change: Partial<DatabaseTarget>) => {
    const target = { ...database.target, ...change };
    return retarget({ ...target, hosts: [{ host: target.host, port: target.port }] }, {});
  };

  it('names a wrong password', async () => {
    const error = await refusal(at({ password: 'open-sesame' }));
    expect(error).toMatchObject({ code: 'connection-failed', exitCode: 3 });
    expect(error.message).toContain('password authentication failed for user "postgres"');
    expect(error.hint).toContain('password of "postgres"');
  });
  it('names a missing password', async () => {
    expect((await refusal(at({ password: null }))).message).toMatch(/password/);
  });
  it('names a database that is not there', async () => {
    const error = await refusal(at({ database: 'nowhere' }));
    expect(error.message).toContain('database "nowhere" does not exist');
  });
  it('names a port where nothing listens', async () => {
    const error = await refusal(at({ port: 1, password: 'sesame' }));
    expect(error.message).toContain('nothing listens at 127.0.0.1:1');
  });
  it('names a socket that is not there', async () => {
    expect((await refusal(at({ host: '/nonexistent' }))).message).toContain('there is no socket /nonexistent/.s.PGSQL');
  });
  it('names a host that is not there', async () => {
    const error = await refusal(at({ host: 'no-such-host.invalid' }));
    expect(error.message).toMatch(/no host "no-such-host\.invalid"/);
  });
  it('names the refusal of TLS', async () => {
    const error = await refusal(at({ ssl: { ...database.target.ssl, mode: 'require' } }));
    expect(error.message).toContain('refuses TLS');
    expect(error.hint).toContain('sslmode');
  });
  it('goes on without TLS where it is only preferred, and to the next host', async () => {
    const target = parseDatabaseUrl(database.url.replace('sslmode=disable', 'sslmode=prefer'), {});
    const connection = await connect(
      { ...target, hosts: [{ host: '127.0.0.1', port: 1 }, ...target.hosts] },
      { readOnly: true },
    );
    expect(connection.target.port).toBe(database.target.port);
    await connection.close();
  });

  describe('with a server that says nothing', () => {
    let silent: Server;
    const sockets: Socket[] = [];
    beforeAll(async () => {
      silent = createServer((socket) => sockets.push(socket));
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    it('leaves no socket open, which would keep the process alive', async () => {
      // Refuses TLS, says nothing more, and never closes its side.
      const accepted: Socket[] = [];
      const refusing = createServer({ allowHalfOpen: true }, (socket) => {
        accepted.push(socket);
        socket.once('data', () => socket.write('N'));
        socket.on('error', () => {});
      });
      await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
      const { port } = refusing.address() as { port: number };
      const open = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
      const before = open();
      await refusal(at({ port, ssl: { ...database.target.ssl, mode: 'prefer' } }), 300);
      const theirs = () => accepted.filter((socket) => !socket.destroyed).length;
      await vi.waitFor(() => expect(open() - theirs()).toBeLessThanOrEqual(before));
      for (const socket of accepted) socket.destroy();
      refusing.close();
    });
    it('gives up in time', async () => {
      const { port } = silent.address() as { port: number };
      const started = Date.now();
      const error = await refusal(at({ port }), 300);
      expect(error.message).toMatch(/did not answer in time/);
      expect(Date.now() - started).toBeLessThan(3_000);
    });
  });
});

describe('a session', () => {
  it('that only looks cannot write', async () => {
    const connection = await connect(database.target, { readOnly: true });
    await expect(connection.query('insert into t values (1)')).rejects.toMatchObject({ sqlState: '25006' });
    await expect(connection.transaction(() => connection.query('create table x ()'))).rejects.toMatchObject({
      sqlState: '25006',
    });
    await connection.close();
  });

  it('stops a statement and a wait for a lock in time', async () => {
    const timeouts = { connectMs: 1000, statementMs: 200, lockMs: 50 };
    const connection = await connect(database.target, { readOnly: false, timeouts });
    await expect(connection.query('select pg_sleep(60)')).rejects.toMatchObject({
      code: 'cannot-read',
      sqlState: '57014',
    });
    await database.connection.transaction(async () => {
      await database.connection.query('lock table t');
      await expect(connection.query('select * from t')).rejects.toMatchObject({ code: 'lock-held', sqlState: '55P03' });
    });
    await connection.close();
  });

  it('gives PostgreSQL’s own words with the refusal of a statement', async () => {
    const error = (await database.connection.query('select nothing from t').catch((caught) => caught)) as SqlError;
    expect(error).toMatchObject({ sqlState: '42703', position: 8, exitCode: 3 });
    expect(error.message).toBe('PostgreSQL: column "nothing" does not exist');
    const duplicate = (await database.connection
      .query('insert into t values (1), (1)')
      .catch((caught) => caught)) as SqlError;
    expect(duplicate).toMatchObject({
      sqlState: '23505',
      table: 't',
      constraint: 't_pkey',
      detail: 'Key (id)=(1) already exists.',
    });
  });

  it('keeps values as they are', async () => {
    const { rows } = await database.connection.query(
      `select 1 as int, 2::bigint as big, 1.50 as num, true as bool, '2020-01-02 03:04:05.123456+00'::timestamptz at time zone 'utc' as at,
              array['a', null, 'b,c']::text[] as texts, array['x']::name[] as names, '{"a": [1]}'::jsonb as json, '\\x01ff'::bytea as bytes, null as nothing`,
    );
    expect(rows).toEqual([
      {
        int: 1,
        big: '2',
        num: '1.50',
        bool: true,
        at: '2020-01-02 03:04:05.123456',
        texts: ['a', null, 'b,c'],
        names: ['x'],
        json: { a: [1] },
        bytes: '\\x01ff',
        nothing: null,
      },
    ]);
  });

  it('rolls back what throws, commits what does not, hands on notices', async () => {
    const heard: string[] = [];
    const end = database.connection.onNotice(({ severity, message }) => heard.push(`${severity} ${message}`));
    await expect(
      database.connection.transaction(async () => {
        await database.connection.query('insert into t values (7)');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await database.connection.transaction(() =>
      database.connection.query(`insert into t values (8); do $$ begin raise notice 'hi'; end $$`),
    );
    end();
    await database.connection.query(`do $$ begin raise notice 'unheard'; end $$`);
    expect((await database.connection.query('select id from t order by 1')).rows).toEqual([{ id: 8 }]);
    expect(heard).toEqual(['NOTICE hi']);
  });

  it('says that it was lost when the server ends it, and stays so', async () => {
    const connection = await connect(database.target, { readOnly: true });
    const waiting = connection.query('select pg_sleep(60)').catch((caught) => caught);
    await database.connection.query('select pg_terminate_backend($1)', [connection.backendPid]);
    const error = (await waiting) as ChainError;
    expect(error).toMatchObject({ code: 'connection-lost', exitCode: 3 });
    expect(error.message).toContain('terminating connection');
    await expect(connection.query('select 1')).rejects.toMatchObject({ code: 'connection-lost' });
    await connection.close();
  });

  it('names what ended it while nothing was asked', async () => {
    const connection = await connect(database.target, { readOnly: true });
    const pid = [connection.backendPid];
    await database.connection.query('select pg_terminate_backend($1, 10000)', pid);
    const error = await connection.query('select 1').catch((caught: ChainError) => caught);
    expect(error).toMatchObject({
      code: 'connection-lost',
      message: expect.stringContaining('terminating connection'),
    });
    await connection.close();
  });

  it('is not ended by limits that the server sets for its role', async () => {
    const url = await database.urlOfNewRole(
      `alter role ROLE set idle_in_transaction_session_timeout = '30s'; alter role ROLE set idle_session_timeout = '30s';
       alter role ROLE set statement_timeout = '30s'; alter role ROLE set lock_timeout = '30s'; alter role ROLE set default_transaction_read_only = on`,
    );
    const timeouts = { connectMs: 5000, statementMs: 7000, lockMs: 3000 };
    const limitsOf = async (readOnly: boolean) => {
      const connection = await connect(parseDatabaseUrl(url, {}), { readOnly, timeouts });
      const names = [
        'idle_in_transaction_session_timeout',
        'idle_session_timeout',
        'transaction_timeout',
        'statement_timeout',
        'lock_timeout',
      ];
      const { rows } = await connection.query<{ value: string }>(
        `select current_setting(name) as value from unnest($1::text[]) with ordinality n (name, place) order by place`,
        [names],
      );
      await connection.close();
      return rows.map(({ value }) => value);
    };
    expect(await limitsOf(true)).toEqual(['7s', '0', '0', '7s', '3s']);
    expect(await limitsOf(false)).toEqual(['0', '0', '0', '7s', '3s']);
  });

  it('ends with its signal', async () => {
    const controller = new AbortController();
    const connection = await connect(database.target, { readOnly: true, signal: controller.signal });
    const waiting = connection.query('select pg_sleep(60)');
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    await connection.close();
  });
});

it('says that the connection was lost when the server goes down', async () => {
  const server = await startEmbeddedServer();
  const connection = await connect(server.target, { readOnly: true });
  const waiting = connection.query('select pg_sleep(60)').catch((error) => error as ChainError);
  await server.stop();
  expect(await waiting).toMatchObject({ code: 'connection-lost' });
  expect((await refusal(server.target)).code).toBe('connection-failed');
});

it('asks for CREATEDB where --scratch-url has a role without it', async () => {
  const scratchUrl = await database.urlOfNewRole();
  await expect(openScratch({ scratchUrl })).rejects.toMatchObject({
    code: 'no-scratch-server',
    hint: expect.stringContaining('CREATEDB'),
  });
});
