/** An interrupted session leaves no statement at work on its server, however it was reached. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type DatabaseTarget, parseDatabaseUrl } from '../../src/database/index.ts';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** Until the server shows `count` sleeping statements of this database; false after ten seconds. */
async function showsSleepers(count: number): Promise<boolean> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const { rows } = await database.connection.query<{ n: number }>(
      `select count(*)::int as n, pg_sleep(0.02) from pg_stat_activity
        where datname = current_database() and state = 'active' and query like '%pg_sleep(100)%' and pid <> pg_backend_pid()`,
    );
    if (rows[0]?.n === count) return true;
  }
  return false;
}

async function interrupts(target: DatabaseTarget): Promise<void> {
  const controller = new AbortController();
  const connection = await connect(target, { readOnly: false, signal: controller.signal });
  const waiting = connection
    .transaction(() => connection.script('do $$ begin perform pg_sleep(100); end $$'))
    .catch((error) => error);
  expect(await showsSleepers(1)).toBe(true);
  controller.abort();
  expect(await waiting).toMatchObject({ code: 'interrupted' });
  expect(await showsSleepers(0)).toBe(true);
  await expect(connection.query('select 1')).rejects.toMatchObject({ code: 'interrupted' });
  await connection.close();
}

it('directly', () => interrupts(database.target));

it.skipIf(!hasPgBouncer)('through a pooler', async () => {
  const { url, stop } = await startPgBouncer(database.target, 'transaction');
  try {
    await interrupts(parseDatabaseUrl(url, {}));
  } finally {
    stop();
  }
});

it.skipIf(spawnSync('openssl', ['version']).status !== 0)('encrypted, before what takes nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chain-test-'));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x -days 2 -keyout ${key} -out ${cert}`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  );
  const secureContext = createSecureContext({ key: readFileSync(key), cert: readFileSync(cert) });
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', (first) => {
      if (first.length !== 8 || first.readInt32BE(4) !== 80_877_103) return socket.destroy();
      socket.write('S');
      const inside = new TLSSocket(socket, { isServer: true, secureContext });
      const behind = connectSocket(database.target.port, database.target.host);
      sockets.push(behind);
      for (const one of [inside, behind]) one.on('error', () => {});
      inside.pipe(behind).pipe(inside);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const { user, password, database: name } = database.target;
    await interrupts(
      parseDatabaseUrl(`postgresql://${user}:${password}@127.0.0.1:${port}/${name}?sslmode=require`, {}),
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
