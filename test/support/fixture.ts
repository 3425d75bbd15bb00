/**
 * A fixture's project in a temporary folder of its own, outside any git, and what the fixture owes beside it.
 * Knows the anatomy (fixtures/README.md); refuses to know what is asserted.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Severity } from '../../src/model/finding.ts';

export const fixturesDir = fileURLToPath(new URL('../../fixtures', import.meta.url));

/** Files of a fixture that are about it and no part of the project. */
const besideTheProject = new Set(['README.md', 'expected.json', 'report.txt', 'database.sql', 'rows.sql', 'git.sh']);

/** `expected.json`. */
export interface Expected {
  /** Every finding, by its key, and no other. */
  findings: Record<string, Severity>;
  /** The same without a database, where the fixture has one; left out where nothing is worth saying. */
  offline?: Record<string, Severity>;
  /** Rule ids that must stand under `notChecked`; others may. */
  notChecked?: string[];
  /** `clears` (the default), `none` where nothing can be repaired by itself, or the errors that are left. */
  repair?: 'clears' | 'none' | { leaves: string[] };
  /** What the repair brings to light, infos aside: key and severity. */
  afterwards?: Record<string, Severity>;
  /** Rows that the repair takes away (and keeps elsewhere): `schema.table key`. */
  moves?: string[];
  /** Flags that the repair is given: hazards by `allow`, `mergeDuplicates`. */
  flags?: { allow?: string[]; mergeDuplicates?: boolean };
}

export interface Fixture {
  name: string;
  /** The rule it shows: its name up to `--`; `healthy` and `incident` show none. */
  rule: string | null;
  dir: string;
  expected: Expected | null;
  /** Loaded into an empty database, in this order. */
  databaseSql: string | null;
  rowsSql: string | null;
}

export interface ProjectCopy {
  dir: string;
  path(file: string): string;
  read(file: string): string;
  /** Relative path → sha256 of the content and the file's mode, for "byte for byte"; `.chain/` and `.git/` are left out. */
  snapshot(): Record<string, string>;
  remove(): void;
  [Symbol.dispose](): void;
}

export function fixtureNames(): string[] {
  return readdirSync(fixturesDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

export function readFixture(name: string): Fixture {
  const dir = join(fixturesDir, name);
  const text = (file: string) => (existsSync(join(dir, file)) ? readFileSync(join(dir, file), 'utf8') : null);
  const expected = text('expected.json');
  const isOfRule = name !== 'healthy' && !name.startsWith('healthy--') && name !== 'incident';
  return {
    name,
    rule: isOfRule ? (name.split('--')[0] ?? name) : null,
    dir,
    expected: expected === null ? null : (JSON.parse(expected) as Expected),
    databaseSql: text('database.sql'),
    rowsSql: text('rows.sql'),
  };
}

/** A copy of the project alone; `git.sh`, where there is one, has given it its history. */
export function copyFixture(name: string): ProjectCopy {
  return copyProject(join(fixturesDir, name));
}

export function copyProject(source: string): ProjectCopy {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), `chain-fixture-${basename(source)}-`)));
  cpSync(source, dir, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !(besideTheProject.has(basename(path)) && relative(source, path) === basename(path)),
  });
  const script = join(source, 'git.sh');
  if (existsSync(script)) giveHistory(script, dir);
  const copy = {
    dir,
    path: (file: string) => join(dir, file),
    read: (file: string) => readFileSync(join(dir, file), 'utf8'),
    snapshot: () => snapshot(dir),
    remove: () => rmSync(dir, { recursive: true, force: true }),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
  return copy;
}

/** Environment in which git says and does the same everywhere. */
export const gitEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'A Developer',
  GIT_AUTHOR_EMAIL: 'developer@example.org',
  GIT_AUTHOR_DATE: '2025-06-01T12:00:00Z',
  GIT_COMMITTER_NAME: 'A Developer',
  GIT_COMMITTER_EMAIL: 'developer@example.org',
  GIT_COMMITTER_DATE: '2025-06-01T12:00:00Z',
};

function giveHistory(script: string, dir: string): void {
  execFileSync('bash', ['-eu', script], { cwd: dir, env: gitEnvironment, stdio: ['ignore', 'ignore', 'inherit'] });
}

export function hasGit(): boolean {
  try {
    execFileSync('git', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function snapshot(dir: string): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(dir, path).split(sep).join('/');
    if (!entry.isFile() || /^(\.chain|\.git)\//.test(name)) continue;
    const mode = (statSync(path).mode & 0o777).toString(8);
    hashes[name] = `${createHash('sha256').update(readFileSync(path)).digest('hex')} ${mode}`;
  }
  return Object.fromEntries(Object.entries(hashes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
