/**
 * What befalls a repair from outside: a full disk, a folder of somebody else's, a server that goes down, a lock that another
 * session holds. After each every step is whole, running again ends as an uncut run does, and undo goes back. Prints the count.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, parseDatabaseUrl, urlOf } from '../../src/database/index.ts';
import { applyPlan } from '../../src/repair/apply.ts';
import { undo } from '../../src/repair/undo.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { filesOf, openScenario, type Scenario } from '../repair/scenario.ts';
import { finishAfterCut, stepsAreWhole, uncutApply } from '../repair/sweep.ts';
import { chainProgram } from '../support/chain.ts';
import { testServer } from '../support/postgres.ts';

const isFull = process.env.CHAIN_TRIALS === 'full';
const isRoot = process.getuid?.() === 0;
const patienceMs = 30 * 60_000;
const binaries = '/usr/lib/postgresql/15/bin';

let tried = 0;
let wanted: unknown;
let points: string[];
beforeAll(async () => {
  await loadSqlParser();
  ({ wanted, points } = await uncutApply());
});
afterAll(() => console.log(`${tried} adversities tried`));

/** Every one, or a few of them. */
const some = <Item>(items: readonly Item[], few = 6): Item[] =>
  items.filter((_, index) => isFull || index % Math.max(1, Math.floor(items.length / few)) === 0);

const exitCodeOf = (fault: unknown) => (fault as { exitCode?: number }).exitCode;

describe('a full disk', () => {
  it('at every write of a patch or the journal, as the file system tells it', { timeout: patienceMs }, async () => {
    for (const point of some(points.filter((name) => /^(?:patch|journal|ledger)/.test(name)))) {
      const scenario = await openScenario();
      const before = await scenario.state();
      const at = (reached: string) => {
        if (reached === point) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      };
      const fault = await applyPlan(scenario.plan, scenario.with({ faults: { at } })).catch((thrown) => thrown);
      expect([point, fault]).toEqual([point, expect.any(Error)]);
      await finishAfterCut(scenario, point, wanted, before);
      tried++;
    }
  });

  it.skipIf(!canMount())('of a real size, from no room at all to enough', { timeout: patienceMs }, async () => {
    const disk = mkdtempSync(join(tmpdir(), 'chain-disk-'));
    const resize = (kilobytes: number, ...more: string[]) =>
      execFileSync('mount', [...more, '-o', `${more.length > 0 ? '' : 'remount,'}size=${kilobytes}k`, 'tmpfs', disk]);
    let outcomes = '';
    const sizes = Array.from({ length: 31 }, (_, index) => 16 + index * 4);
    for (const kilobytes of some(sizes, 8)) {
      resize(1024, '-t', 'tmpfs');
      const scenario = await openScenario(undefined, { folder: disk });
      try {
        const before = await scenario.state();
        resize(kilobytes);
        const fault = await applyPlan(scenario.plan, scenario.context).catch((thrown) => thrown);
        outcomes += fault instanceof Error ? '-' : '+';
        if (fault instanceof Error) expect([kilobytes, exitCodeOf(fault)], fault.message).toEqual([kilobytes, 4]);
        await stepsAreWhole(scenario, `${kilobytes} kB`);
        if (fault instanceof Error) expect(await scenario.state(), `${kilobytes} kB`).toEqual(before);
        resize(1024);
        if (fault instanceof Error) await applyPlan(scenario.plan, scenario.context);
        expect(await scenario.state(), `${kilobytes} kB`).toEqual(wanted);
        await undo(scenario.context);
        expect(await scenario.state(), `${kilobytes} kB`).toEqual(before);
      } finally {
        await scenario.dispose();
        execFileSync('umount', [disk]);
      }
      tried++;
    }
    rmSync(disk, { recursive: true });
    expect(outcomes).toMatch(/^-+\++$/);
  });
});

describe.skipIf(!isRoot)('a folder of somebody else’s', () => {
  const run = (args: string[]) =>
    new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, [chainProgram(), ...args], {
        uid: 65_534,
        gid: 65_534,
        env: { PATH: process.env.PATH, HOME: '/nonexistent', NO_COLOR: '1' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('close', (code) => resolve({ code, stderr }));
    });

  it('is refused before anything is written, whichever folder it is', { timeout: patienceMs }, async () => {
    const { url } = await testServer();
    const scenario = await openScenario();
    const { project, database } = scenario;
    const give = (path: string, owner: number) => chownSync(path, owner, owner);
    chmodSync(project, 0o755);
    mkdirSync(join(project, 'migrations'));
    writeFileSync(join(project, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    writeFileSync(join(project, 'alembic/env.py'), '');
    const text = `from alembic import op\n\nrevision = 'a'\ndown_revision = None\n\ndef upgrade():\n    op.execute("CREATE TABLE tenants (id varchar(36) PRIMARY KEY)")\n    op.execute("CREATE TABLE docks (id int PRIMARY KEY)")\n`;
    writeFileSync(join(project, 'alembic/versions/a.py'), text);
    await database.connection.query(
      `CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('a')`,
    );
    const everything = ['', 'alembic', 'alembic/versions', 'alembic/versions/a.py', 'migrations'];
    for (const kept of ['', 'alembic/versions', 'migrations']) {
      for (const path of everything) give(join(project, path), path === kept ? 0 : 65_534);
      const before = filesOf(project);
      const state = await scenario.state();
      const where = ['--project', project, '--url', urlOf(database.target), '--scratch-url', url];
      const { code, stderr } = await run(['repair', '--apply', '--yes', ...where]);
      expect([kept, code, stderr]).toEqual([kept, 4, expect.stringContaining('no permission')]);
      expect([kept, filesOf(project), existsSync(join(project, '.chain'))]).toEqual([kept, before, false]);
      expect(await scenario.state()).toEqual(state);
      tried++;
    }
    await scenario.dispose();
  });
});

describe('a lock that another session holds', () => {
  it('is named while it is waited for, and left alone when it does not end', { timeout: patienceMs }, async () => {
    for (const table of ['tenants', 'members']) {
      const scenario = await openScenario();
      const before = await scenario.state();
      const other = await connect(scenario.database.target, { readOnly: false, applicationName: 'a long report' });
      await other.query(`BEGIN; LOCK TABLE ${table} IN EXCLUSIVE MODE`);
      const told: string[] = [];
      const events: string[] = [];
      const timeouts = { ...scenario.settings.timeouts, lockMs: 1_500 };
      const context = scenario.with({
        settings: { ...scenario.settings, timeouts },
        onBlocked: (_step, blockers) => told.push(...blockers),
        onEvent: ({ event }) => events.push(event),
      });
      const fault = await applyPlan(scenario.plan, context).catch((thrown) => thrown);
      // The first step leaves everything as it was; a later one leaves what is done, and says how to go on.
      expect([table, exitCodeOf(fault)], String(fault)).toEqual([table, table === 'tenants' ? 4 : 5]);
      expect(told.join('\n')).toContain('a long report');
      expect(String(fault)).toMatch(/held by process \d+ .*a long report/);
      expect(events.filter((event) => event === 'retrying')).toHaveLength(4);
      await other.query('ROLLBACK');
      await other.close();
      await finishAfterCut(scenario, `a lock on ${table}`, wanted, before);
      tried++;
    }
  });

  it('is no matter once it ends', { timeout: patienceMs }, async () => {
    const scenario = await openScenario();
    const other = await connect(scenario.database.target, { readOnly: false });
    await other.query('BEGIN; LOCK TABLE members IN EXCLUSIVE MODE');
    const timeouts = { ...scenario.settings.timeouts, lockMs: 300 };
    const settings = { ...scenario.settings, timeouts };
    const onEvent = async ({ event }: { event: string }) => {
      if (event === 'retrying') await other.query('ROLLBACK');
    };
    await applyPlan(scenario.plan, scenario.with({ settings, onEvent }));
    expect(await scenario.state()).toEqual(wanted);
    await other.close();
    await scenario.dispose();
    tried++;
  });
});

describe.skipIf(!existsSync(binaries))('a server that goes down', () => {
  let folder: string;
  let port: number;
  const owner: { uid?: number; gid?: number } = isRoot ? idsOf('postgres') : {};
  const pgCtl = (...words: string[]) =>
    execFileSync(join(binaries, 'pg_ctl'), ['-D', join(folder, 'data'), '-s', '-w', ...words], {
      ...owner,
      cwd: '/',
      stdio: 'ignore',
    });
  const start = () =>
    pgCtl('start', '-l', join(folder, 'log'), '-o', `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1`);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'chain-server-'));
    if (isRoot) chownSync(folder, owner.uid as number, owner.gid as number);
    const words = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-N'];
    execFileSync(join(binaries, 'initdb'), words, { ...owner, cwd: '/', stdio: 'ignore' });
    port = await freePort();
    start();
  }, 120_000);
  afterAll(() => {
    pgCtl('stop', '-m', 'immediate');
    rmSync(folder, { recursive: true });
  });

  it.each(['fast', 'immediate'])(
    'by `pg_ctl stop -m %s`, and comes up again',
    { timeout: patienceMs },
    async (mode) => {
      const server = parseDatabaseUrl(`postgresql://postgres@127.0.0.1:${port}/postgres`, {});
      for (const point of some(points, 4)) {
        const scenario = await openScenario(undefined, { server });
        const before = await scenario.state();
        const at = async (reached: string) => {
          if (reached !== point) return;
          pgCtl('stop', '-m', mode);
          start();
          await reconnect(scenario);
        };
        const fault = await applyPlan(scenario.plan, scenario.with({ faults: { at } })).catch((thrown) => thrown);
        if (fault instanceof Error) expect([3, 4, 5], `${point}: ${fault}`).toContain(exitCodeOf(fault));
        await stepsAreWhole(scenario, point);
        if (fault instanceof Error && point !== 'finish:after') await applyPlan(scenario.plan, scenario.context);
        expect(await scenario.state(), point).toEqual({ ...(wanted as object), fingerprint: expect.any(String) });
        await undo(scenario.context);
        expect(await scenario.state(), point).toEqual(before);
        await scenario.dispose();
        tried++;
      }
    },
  );
});

/** The test's own session went with the server. */
async function reconnect({ database }: Scenario): Promise<void> {
  await database.connection.close().catch(() => undefined);
  database.connection = await connect(database.target, { readOnly: false });
}

function canMount(): boolean {
  if (!isRoot || process.platform !== 'linux') return false;
  const folder = mkdtempSync(join(tmpdir(), 'chain-mount-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folder]).status === 0;
  if (isMounted) execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return isMounted;
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
