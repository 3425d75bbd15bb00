/**
 * A real Alembic, where this machine has one, run on a project copy as its team would: `alembic -c … COMMAND`, with the
 * URL set in a copy of the ini. The peer that `chain`'s readings are held to; refuses to interpret what it says.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SchemaJson } from './compare.ts';

export interface AlembicRun {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Debian's own first: its Alembic lives with the system's python3, whatever comes before on the PATH. */
const candidates = [process.env.CHAIN_TEST_PYTHON, '/usr/bin/python3', 'python3'].filter(
  (python): python is string => python !== undefined,
);

/** What Debian's `alembic` script does: the working folder, which often holds a folder `alembic`, is not on the path. */
const program =
  "import sys; sys.path[:] = [p for p in sys.path if p]; from alembic.config import main; main(prog='alembic')";

let found: { python: string; version: string } | null | undefined;

/** The interpreter that has Alembic and psycopg2, and Alembic's version; null where there is none. */
export function findAlembic(): { python: string; version: string } | null {
  if (found !== undefined) return found;
  found = null;
  for (const python of candidates) {
    const probe = spawnSync(python, ['-c', 'import alembic, psycopg2; print(alembic.__version__)'], {
      encoding: 'utf8',
      env: pythonEnvironment(),
      cwd: tmpdir(),
    });
    if (probe.status === 0) {
      found = { python, version: probe.stdout.trim() };
      break;
    }
  }
  return found;
}

/**
 * For `describe.skipIf(!requireInterop())`: whether a real Alembic is here. Where CI is set its absence is a failure; on a
 * user's machine the tests are skipped, and counted as skipped.
 */
export function requireInterop(): boolean {
  if (findAlembic() !== null) return true;
  if (process.env.CI)
    throw new Error('No Alembic with psycopg2 on this CI machine: apt-get install alembic python3-psycopg2');
  return false;
}

/** Runs `alembic ARGS` in `projectDir` against `url`; the project's own ini is not touched. */
export function alembic(projectDir: string, url: string | null, args: string[], config = 'alembic.ini'): AlembicRun {
  const python = findAlembic()?.python;
  if (python === undefined) throw new Error('Alembic is not installed here; ask requireInterop first.');
  const folder = mkdtempSync(join(tmpdir(), 'chain-alembic-'));
  try {
    const ini = join(folder, 'alembic.ini');
    writeFileSync(ini, overriddenIni(join(projectDir, config), url));
    const run = spawnSync(python, ['-c', program, '-c', ini, ...args], {
      cwd: projectDir,
      encoding: 'utf8',
      env: pythonEnvironment(),
      maxBuffer: 64 * 1024 * 1024,
    });
    if (run.error) throw run.error;
    return { exitCode: run.status, stdout: run.stdout, stderr: run.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same, and it must end with 0. */
export function alembicOk(projectDir: string, url: string | null, args: string[]): AlembicRun {
  const run = alembic(projectDir, url, args);
  if (run.exitCode !== 0)
    throw new Error(`alembic ${args.join(' ')} ended with ${run.exitCode}:\n${run.stderr.slice(-4000)}`);
  return run;
}

/** Ids that `alembic heads` lists. */
export function alembicHeads(projectDir: string): string[] {
  return alembicOk(projectDir, null, ['heads'])
    .stdout.split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(' ')[0] as string)
    .sort();
}

/** The schema of a database by an independent reading (psycopg2 on pg_catalog), in the shape of `chain schema`. */
export function truthOf(url: string): SchemaJson {
  const python = findAlembic()?.python;
  if (python === undefined) throw new Error('psycopg2 is not installed here; ask requireInterop first.');
  const script = fileURLToPath(new URL('./data/truth.py', import.meta.url));
  const text = execFileSync(python, [script, url], {
    encoding: 'utf8',
    env: pythonEnvironment(),
    maxBuffer: 256 * 1024 * 1024,
  });
  return JSON.parse(text) as SchemaJson;
}

/** `%(here)s` keeps meaning the project's folder; a `%` of the URL is doubled, as ini files want. */
function overriddenIni(path: string, url: string | null): string {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '[alembic]\nscript_location = alembic\n';
  const here = text.replaceAll('%(here)s', dirname(path));
  if (url === null) return here;
  const line = `sqlalchemy.url = ${url.replaceAll('%', '%%')}`;
  return /^sqlalchemy\.url\s*=.*$/m.test(here)
    ? here.replace(/^sqlalchemy\.url\s*=.*$/m, () => line)
    : here.replace(/^\[alembic\]\s*$/m, (section) => `${section}\n${line}`);
}

function pythonEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG[A-Z]+|DATABASE_URL|PYTHONPATH)$/.test(name));
  return { ...Object.fromEntries(kept), PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' };
}
