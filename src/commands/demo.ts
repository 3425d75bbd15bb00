/**
 * `chain demo`: the incident, from broken to healed and back, by the same commands that a user types.
 * Owns the narration; everything it shows is what a child process of this very program printed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, defaultTimeouts, retarget, startEmbeddedServer, urlOf } from '../database/index.ts';
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import { packagePath } from '../package.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

const incident = packagePath('fixtures/incident');
const cli = packagePath('dist/cli.js');

const verification = `
SELECT u.email, count(*)::int AS brands
FROM brand_members bm JOIN users u ON bm.user_id = u.id JOIN brands b ON bm.brand_id = b.id
GROUP BY u.email ORDER BY u.email`;

export async function demo(settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const tell = (text: string) => terminal.out(settings.color ? `\n\u001b[1m${text}\u001b[0m\n` : `\n${text}\n`);
  const folder = await mkdtemp(join(tmpdir(), 'chain-demo-'));
  const project = join(folder, 'engarde');
  let server: Awaited<ReturnType<typeof startEmbeddedServer>> | null = null;
  try {
    await cp(incident, project, { recursive: true });
    terminal.progress('starting a PostgreSQL …');
    server = await startEmbeddedServer({ isSmall: true });
    const url = urlOf(await createIncidentDatabase(server.target));
    const scratch = urlOf(server.target);
    const environment = {
      ...process.env,
      CHAIN_DATABASE_URL: url,
      CHAIN_SCRATCH_URL: scratch,
      ...(settings.color ? { FORCE_COLOR: '1' } : {}),
    };
    const run = async (expected: number, ...args: string[]) => {
      terminal.out(`\n$ chain ${args.join(' ')}\n`);
      const code = await runChain(args, { cwd: project, environment, terminal });
      if (terminal.signal.aborted) throw new ChainError('interrupted', 'The demo was interrupted.');
      terminal.out(`(exit ${code})\n`);
      if (code !== expected)
        throw new Error(`the demo expected exit ${expected} of chain ${args[0]}, and it was ${code}`);
    };
    const before = await hashesOf(project);

    tell('A real project, as its team had it one evening: no upgrade runs, the seed fails, users reach no brand.');
    await run(exitCodes.findings, 'doctor');
    tell(
      'Everything at once, causes first. What would mend it? A plan, tried out on a scratch copy; nothing is written.',
    );
    await run(exitCodes.findings, 'repair', '--output', '../plan.json');
    tell('Apply exactly that plan: files, database, seed, and a last look.');
    await run(exitCodes.ok, 'repair', '--apply', '--yes', '--plan', '../plan.json');
    tell('The users reach their brands again:');
    terminal.out(await brandsByUser(url));
    tell('A second time there is nothing left to do.');
    await run(exitCodes.ok, 'repair', '--apply', '--yes');
    tell('And all of it can be taken back.');
    await run(exitCodes.ok, 'undo', '--yes');
    const changed = differing(before, await hashesOf(project));
    tell(changed.length === 0 ? 'Every file is back, byte for byte.' : `These files differ: ${changed.join(', ')}`);
    return changed.length === 0 ? exitCodes.ok : exitCodes.findings;
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function createIncidentDatabase(admin: Parameters<typeof retarget>[0]) {
  const options = { readOnly: false, timeouts: defaultTimeouts, applicationName: 'chain demo' };
  const root = await connect(admin, options);
  await root.query('CREATE DATABASE engarde TEMPLATE template0');
  await root.close();
  const target = retarget(admin, { database: 'engarde' });
  const connection = await connect(target, options);
  await connection.query(await readFile(join(incident, 'database.sql'), 'utf8'));
  await connection.close();
  return target;
}

async function brandsByUser(url: string): Promise<string> {
  const { parseDatabaseUrl } = await import('../database/index.ts');
  const connection = await connect(parseDatabaseUrl(url), {
    readOnly: true,
    timeouts: defaultTimeouts,
    applicationName: 'chain demo',
  });
  const { rows } = await connection.query<{ email: string; brands: number }>(verification);
  await connection.close();
  return rows.map((row) => `  ${row.email.padEnd(24)} ${row.brands} brands\n`).join('');
}

function runChain(
  args: string[],
  options: { cwd: string; environment: NodeJS.ProcessEnv; terminal: Terminal },
): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: options.cwd,
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Ctrl-C in a terminal reaches the child by itself; a SIGTERM to us alone does not.
    options.terminal.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => options.terminal.say(text.trimEnd()));
    child.on('error', fail);
    child.on('close', (code) => {
      options.terminal.out(shortened(output));
      done(code ?? exitCodes.partial);
    });
  });
}

const shownLines = { first: 70, last: 30 };

/** A long plan is shown by its two ends, and says so. */
function shortened(output: string): string {
  const lines = output.split('\n');
  const hidden = lines.length - shownLines.first - shownLines.last;
  if (hidden < 20) return output;
  const note = `  … ${hidden} more lines: the same command prints them all in your own project …`;
  return [...lines.slice(0, shownLines.first), '', note, '', ...lines.slice(-shownLines.last)].join('\n');
}

/** Hash by file, the journal of our own left out. */
async function hashesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashes = new Map<string, string>();
  for (const file of files.filter((path) => !path.includes(`${join(folder, '.chain')}`))) {
    hashes.set(
      file.slice(folder.length + 1),
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    );
  }
  return hashes;
}

function differing(before: Map<string, string>, after: Map<string, string>): string[] {
  const files = new Set([...before.keys(), ...after.keys()]);
  return [...files].filter((file) => before.get(file) !== after.get(file)).sort();
}
