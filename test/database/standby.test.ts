/** A hot standby serves all that reads, and says what it is to all that writes. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type EmbeddedServer, introspect, startEmbeddedServer } from '../../src/database/index.ts';
import { statementError } from '../../src/database/sql-error.ts';
import type { LiveDatabase } from '../../src/model/live.ts';

let server: EmbeddedServer;
let before: LiveDatabase;

/** As the server's own user, which is not root. */
function pgCtl(...args: string[]) {
  const data = join(server.folder, 'data');
  const { uid, gid } = statSync(data);
  const postgres = JSON.parse(`"${readFileSync(join(data, 'postmaster.opts'), 'utf8').split(' ')[0]}"`);
  execFileSync(join(postgres, '..', 'pg_ctl'), ['-D', data, '-w', ...args], { stdio: 'ignore', uid, gid, cwd: data });
}

beforeAll(async () => {
  server = await startEmbeddedServer({ tcp: true, isSmall: true, settings: ['wal_level=replica', 'hot_standby=on'] });
  const connection = await connect(server.target, { readOnly: false });
  await connection.query(`create type mood as enum ('a', 'b');
    create table t (id bigint generated always as identity primary key, m mood default 'a', check (id > 0));
    create view v as select m, count(*) from t group by m`);
  before = await introspect(connection);
  await connection.close();
  writeFileSync(join(server.folder, 'data', 'standby.signal'), '');
  pgCtl('restart', '-m', 'fast');
});
afterAll(async () => {
  pgCtl('stop', '-m', 'immediate');
  await server.stop();
});

it('is read as its primary was', async () => {
  const connection = await connect(server.target, { readOnly: true });
  const live = await introspect(connection);
  await connection.close();
  expect(live).toMatchObject({ isStandby: true, fingerprint: before.fingerprint });
  expect({ ...live, isStandby: false }).toEqual(before);
});

it('is told as what it may be where something was to be written', async () => {
  const connection = await connect(server.target, { readOnly: false });
  await expect(connection.query('create schema chain')).rejects.toMatchObject({
    code: 'cannot-write',
    exitCode: 4,
    hint: expect.stringContaining('standby'),
  });
  await connection.close();
});

it('may end a reading, or its session, for what it replays', () => {
  const said = { code: '40001', severity: 'ERROR', message: 'canceling statement due to conflict with recovery' };
  expect(statementError(said, server.target)).toMatchObject({
    code: 'cannot-read',
    sqlState: '40001',
    hint: expect.stringContaining('hot_standby_feedback'),
  });
  const ended = { ...said, severity: 'FATAL', message: 'terminating connection due to conflict with recovery' };
  expect(statementError(ended, server.target)).toMatchObject({
    code: 'connection-lost',
    hint: expect.stringContaining('hot_standby_feedback'),
  });
});
