/** A PgBouncer of one test before a database of the tests' server, where the system has one. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type DatabaseTarget, parseDatabaseUrl } from '../../src/database/index.ts';

const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((file) => existsSync(file));

export const hasPgBouncer = program !== undefined;

export async function startPgBouncer(
  target: DatabaseTarget,
  mode: 'transaction' | 'session' | 'statement',
): Promise<{ url: string; stop(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'chain-test-'));
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
  const config = join(folder, 'pgbouncer.ini');
  writeFileSync(join(folder, 'users'), `"${target.user}" "${target.password}"\n`, { mode: 0o644 });
  writeFileSync(
    config,
    `[databases]\n${target.database} = host=127.0.0.1 port=${target.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =
auth_type = plain\nauth_file = ${join(folder, 'users')}\npool_mode = ${mode}\ndefault_pool_size = 5\n`,
  );
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  const asRoot = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const child = spawn(program as string, ['-q', config], { stdio: 'ignore', ...asRoot });
  const stop = () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `postgresql://${target.user}:${target.password}@127.0.0.1:${port}/${target.database}?sslmode=disable`;
  for (let attempt = 0; ; attempt++) {
    try {
      await (await connect(parseDatabaseUrl(url, {}), { readOnly: true })).close();
      return { url, stop };
    } catch (error) {
      if (attempt > 200 || child.exitCode !== null) {
        stop();
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
