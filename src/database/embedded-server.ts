/**
 * A private PostgreSQL server of ours: initialised once (cached), copied, started on a Unix socket or a loopback port, and
 * gone without a trace when stopped or when the process ends. Knows nothing of schemas. As root its programs run under an
 * existing unprivileged user (PostgreSQL refuses root); no user is ever created.
 * Longer than most files here: the life of one server, in the order it happens.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ChainError } from '../errors.ts';
import { embeddedBinaries, isReachableByOthers, type ServerBinaries } from './server-binaries.ts';
import { type DatabaseTarget, parseDatabaseUrl } from './target.ts';

export interface EmbeddedServer {
  /** As superuser `postgres`, database `postgres`. */
  readonly target: DatabaseTarget;
  readonly pid: number;
  /** The folder with all it wrote; gone after `stop`. */
  readonly folder: string;
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  binaries?: ServerBinaries;
  cacheDir?: string;
  /** Listen on a random port of 127.0.0.1 (with a password) beside the socket. */
  tcp?: boolean;
  /** More `name=value` server settings. */
  settings?: string[];
  /** It will hold little more than schemas: where the system has a roomy folder in memory, its data lie there. */
  isSmall?: boolean;
}

/** Bumped when what a cached data folder holds changes. */
const cacheLayout = 4;
const isWindows = process.platform === 'win32';

export function defaultCacheDir(): string {
  const base =
    process.env.XDG_CACHE_HOME || (isWindows ? process.env.LOCALAPPDATA : undefined) || join(homedir(), '.cache');
  return join(base, 'chain');
}

/** Starts a server. Throws ChainError('no-scratch-server') with what the server said. */
export async function startEmbeddedServer(options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const user = unprivilegedUser();
  // Programs that another user must run may not lie behind a closed home folder.
  const shared =
    user === null ? (options.cacheDir ?? defaultCacheDir()) : join(openTemporaryFolder(user), 'chain-cache');
  const binaries = options.binaries ?? embeddedBinaries(shared);
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const template = await initialisedFolder(binaries, cacheDir, user);

  const onDisk = openTemporaryFolder(user);
  const inMemory = memoryFolder();
  for (const parent of new Set([onDisk, inMemory ?? onDisk])) sweepAbandoned(parent);
  const folder = mkdtempSync(join((options.isSmall ? inMemory : null) ?? onDisk, 'chain-scratch-'));
  try {
    writeFileSync(join(folder, 'owner'), String(process.pid));
    if (user) chownSync(folder, user.uid, user.gid);
    copyTree(template.path, join(folder, 'data'), user);
    template.remove();
    return await launch(binaries, folder, user, options);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

/** Null where the process itself is unprivileged. */
function unprivilegedUser(): SystemUser | null {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name: name ?? '', uid: Number(uid), gid: Number(gid) }))
    .filter((user) => user.uid > 0);
  for (const name of ['postgres', 'nobody', 'daemon', 'www-data']) {
    const found = users.find((user) => user.name === name);
    if (found) return found;
  }
  if (users[0]) return users[0];
  throw new ChainError('no-scratch-server', 'PostgreSQL refuses to run as root, and this system has no other user.', {
    hint: 'Run as another user, or name a server with --scratch-url.',
  });
}

/** A folder for temporary files that is short enough for a socket's path (107 bytes) and open to `user`. */
function openTemporaryFolder(user: SystemUser | null): string {
  const folder = tmpdir();
  const fits = isWindows || folder.length <= 60;
  if (fits && (user === null || isReachableByOthers(folder))) return folder;
  return '/tmp';
}

/** Linux's folder in memory, where there is room: hundreds of small files are made and deleted there for a fraction. */
function memoryFolder(): string | null {
  const folder = '/dev/shm';
  try {
    if (process.platform !== 'linux') return null;
    accessSync(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize, type } = statfsSync(folder);
    const isTmpfs = type === 0x01021994;
    return isTmpfs && bavail * bsize >= 2 ** 31 ? folder : null;
  } catch {
    return null;
  }
}

/** An initialised data folder of this build, made at first use and only ever copied. */
async function initialisedFolder(
  binaries: ServerBinaries,
  cacheDir: string,
  user: SystemUser | null,
): Promise<{ path: string; remove(): void }> {
  const ready = join(cacheDir, `data-${binaries.key}-${cacheLayout}`);
  const cached = { path: ready, remove: () => {} };
  if (existsSync(join(ready, 'PG_VERSION'))) return cached;
  const folder = mkdtempSync(join(openTemporaryFolder(user), 'chain-init-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    if (user) chownSync(folder, user.uid, user.gid);
    const data = join(folder, 'data');
    const { code, output } = await run(
      join(binaries.folder, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--wal-segsize=1'],
      user,
    );
    if (code !== 0) throw startFailure(`initdb ended with ${code}`, output);
    await slim(binaries, data, user);
    const fresh = `${ready}.${process.pid}.${randomBytes(4).toString('hex')}`;
    try {
      mkdirSync(cacheDir, { recursive: true });
      copyTree(data, fresh, null);
      renameSync(fresh, ready);
      remove();
      return cached;
    } catch {
      if (existsSync(fresh)) rmSync(fresh, { recursive: true, force: true });
      if (!existsSync(join(ready, 'PG_VERSION'))) return { path: data, remove };
      // Another run was faster.
      remove();
      return cached;
    }
  } catch (error) {
    remove();
    throw error;
  }
}

/** Takes away what every copy would carry for nothing: one of three databases, and all but the last of the log. */
async function slim(binaries: ServerBinaries, data: string, user: SystemUser | null): Promise<void> {
  const statements = [
    "update pg_database set datistemplate = false where datname = 'template1'",
    'drop database template1',
    'checkpoint',
  ];
  const settings = ['fsync=off', 'wal_level=minimal', 'max_wal_senders=0', 'min_wal_size=2MB', 'max_wal_size=2MB'];
  const { code, output } = await run(
    join(binaries.folder, 'postgres'),
    ['--single', '-D', data, ...settings.flatMap((setting) => ['-c', setting]), 'postgres'],
    user,
    `${statements.join('\n')}\n`,
  );
  if (code !== 0) throw startFailure(`preparing its data ended with ${code}`, output);
  // The first segment is the one in use since its last checkpoint; those after the next one are spares.
  const log = join(data, 'pg_wal');
  const segments = readdirSync(log).filter((name) => /^[0-9A-F]{24}$/.test(name));
  for (const name of segments.sort().slice(2)) rmSync(join(log, name));
}

async function launch(
  binaries: ServerBinaries,
  folder: string,
  user: SystemUser | null,
  options: EmbeddedServerOptions,
): Promise<EmbeddedServer> {
  const data = join(folder, 'data');
  const withTcp = options.tcp === true || isWindows;
  const port = withTcp ? await freePort() : 5432;
  const password = randomBytes(12).toString('hex');
  const major = Number(readFileSync(join(data, 'PG_VERSION'), 'utf8'));
  // The socket's folder is closed to others; over the network only a password opens.
  writeFileSync(join(data, 'pg_hba.conf'), 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n');
  const settings = [
    'fsync=off',
    'synchronous_commit=off',
    'full_page_writes=off',
    'wal_level=minimal',
    'max_wal_senders=0',
    'autovacuum=off',
    'shared_buffers=64MB',
    'max_connections=60',
    'max_locks_per_transaction=1024',
    'max_parallel_workers_per_gather=0',
    'jit=off',
    'max_wal_size=512MB',
    'checkpoint_timeout=1h',
    'max_logical_replication_workers=0',
    // No processes of its own for reading files (PostgreSQL 18 and later).
    ...(major >= 18 ? ['io_method=sync'] : []),
    'lc_messages=C',
    'password_encryption=scram-sha-256',
    'timezone=UTC',
    'log_timezone=UTC',
    'logging_collector=off',
    'log_min_messages=fatal',
    'log_min_error_statement=panic',
    `listen_addresses=${withTcp ? '127.0.0.1' : ''}`,
    `port=${port}`,
    ...(isWindows ? [] : [`unix_socket_directories=${folder}`]),
    ...(options.settings ?? []),
  ];
  const log = openSync(join(folder, 'log'), 'a');
  const server = spawn(
    join(binaries.folder, 'postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    {
      // Its own session: a Ctrl-C in the terminal is ours to answer, not the server's.
      detached: true,
      stdio: ['ignore', log, log],
      cwd: folder,
      env: serverEnvironment(),
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    },
  );
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    server.once('error', (error) => resolve(error.message));
    server.once('exit', (code, signal) => resolve(`the server ended with ${code ?? signal}`));
  });
  server.unref();
  const pid = server.pid;
  if (pid === undefined) throw startFailure(await ended, '');
  const running = trackServer({ pid, folder });

  let failure: string | null = null;
  void ended.then((why) => {
    failure = why;
  });
  const until = Date.now() + 30_000;
  while (!isReady(data)) {
    if (failure !== null || Date.now() > until) {
      const said = readFileSync(join(folder, 'log'), 'utf8');
      running.kill();
      throw startFailure(failure ?? 'it did not become ready within 30 s', said);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  const target = parseDatabaseUrl(
    `postgresql://postgres@localhost:${port}/postgres?host=${encodeURIComponent(folder)}`,
    {},
  );
  const socket: DatabaseTarget = { ...target, hosts: [{ host: folder, port }], host: folder, port };
  return {
    target: withTcp ? await openLoopback(socket, password) : socket,
    pid,
    folder,
    async stop() {
      running.kill();
      let timer: NodeJS.Timeout | undefined;
      // The timer also keeps the process alive while the server, which does not, goes down.
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, 5_000);
      });
      await Promise.race([ended, patience]);
      clearTimeout(timer);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      running.forget();
    },
  };
}

/** Gives the superuser a password and answers with the loopback address. */
async function openLoopback(socket: DatabaseTarget, password: string): Promise<DatabaseTarget> {
  const { connect } = await import('./connection.ts');
  if (!isWindows) {
    const connection = await connect(socket, { readOnly: false });
    await connection.query(`alter role postgres password '${password}'`);
    await connection.close();
  }
  return parseDatabaseUrl(`postgresql://postgres:${password}@127.0.0.1:${socket.port}/postgres?sslmode=disable`, {});
}

/** The server writes its state as the last line of its lock file (PostgreSQL 10 and later). */
function isReady(data: string): boolean {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

const servers = new Set<{ pid: number; folder: string }>();
let isWatching = false;

/** Ends the server with the process, however the process ends (but for SIGKILL: the next run sweeps up then). */
function trackServer(server: { pid: number; folder: string }): { kill(): void; forget(): void } {
  servers.add(server);
  if (!isWatching) {
    isWatching = true;
    process.on('exit', () => {
      for (const one of servers) removeNow(one);
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const leave = () => {
        // Somebody else answers this signal: then its own end runs `exit`.
        if (process.listenerCount(signal) > 1) return;
        for (const one of servers) removeNow(one);
        process.off(signal, leave);
        process.kill(process.pid, signal);
      };
      process.on(signal, leave);
    }
  }
  return { kill: () => killServer(server.pid), forget: () => servers.delete(server) };
}

function killServer(pid: number): void {
  try {
    // Immediate shutdown: nothing in it is worth keeping.
    process.kill(pid, 'SIGQUIT');
  } catch {
    // Gone already.
  }
}

/** Without the event loop, for the last moment of a process. */
function removeNow({ pid, folder }: { pid: number; folder: string }): void {
  killServer(pid);
  const still = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < 200 && existsSync(join(folder, 'data', 'postmaster.pid')); waited++)
    Atomics.wait(still, 0, 0, 10);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Removes what runs left behind that were killed without a chance: folders whose owner lives no more. */
function sweepAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith('chain-scratch-')) continue;
    const folder = join(parent, name);
    try {
      // Anybody may lay a folder of that name here, with the process in it that they want ended.
      if (lstatSync(join(folder, 'owner')).uid !== (process.getuid?.() ?? 0)) continue;
      const owner = Number(readFileSync(join(folder, 'owner'), 'utf8'));
      if (!(owner > 0) || isAlive(owner)) continue;
      const pidFile = join(folder, 'data', 'postmaster.pid');
      const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n') : [];
      // The second line names the data folder: only a server that runs in it is ours.
      if (lines[1] === join(folder, 'data') && Number(lines[0]) > 1) killServer(Number(lines[0]));
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // Another user's, or just being made.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // In a container nobody may ever collect the dead.
    const state =
      process.platform === 'linux' ? /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] : undefined;
    return state !== 'Z';
  } catch (error) {
    return ['EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

function copyTree(from: string, to: string, user: SystemUser | null): void {
  mkdirSync(to, { mode: 0o700 });
  if (user) chownSync(to, user.uid, user.gid);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      copyTree(source, target, user);
    } else {
      copyFileSync(source, target, constants.COPYFILE_FICLONE);
      if (user) chownSync(target, user.uid, user.gid);
    }
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function run(
  program: string,
  args: string[],
  user: SystemUser | null,
  input = '',
): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: dirname(program),
      env: serverEnvironment(),
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    });
    let output = '';
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.once('error', (error) => resolve({ code: error.message, output }));
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 'a signal', output }));
  });
}

/**
 * What programs need to run at all: no variable of ours may steer the server, nor may its user, who can be another, read a
 * DATABASE_URL among them. Messages in English.
 */
function serverEnvironment(): NodeJS.ProcessEnv {
  const needed = /^(?:PATH|HOME|TZ|TZDIR|TMPDIR|TMP|TEMP|SystemRoot|SystemDrive|windir|LD_LIBRARY_PATH|DYLD_\w+)$/i;
  const kept = Object.entries(process.env).filter(([name]) => needed.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', LANG: 'C' };
}

function startFailure(why: string, output: string): ChainError {
  const said = output.trim().split('\n').slice(-3).join(' ').trim();
  return new ChainError(
    'no-scratch-server',
    `The scratch server did not start: ${why}${said === '' ? '' : ` (${said})`}.`,
    {
      hint: 'Name a running server with --scratch-url postgresql://user@host/postgres, or go on with --no-scratch.',
    },
  );
}
