/**
 * Runs the command line as its users do: a child process on the built program, with an environment that names no database.
 * Builds one beside the tests' cache where `dist` is older than the sources. Refuses to know what any command means.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ChainRun {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** stdout as the one JSON document that it must be. */
  json<T = ReportJson>(): T;
}

export interface ChainOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
}

export interface RunningChain {
  child: ChildProcess;
  /** What stderr holds so far. */
  stderr(): string;
  finished: Promise<ChainRun>;
}

/** What the contract says of `--format json`. */
export interface ReportJson {
  version: number;
  project: { source: string; config: string | null; scriptLocation: string; versionLocations: string[] };
  graph: { revisions: number; heads: string[]; effectiveHeads: string[]; bases: string[] };
  database: null | {
    serverVersion: string;
    name: string;
    stamp: { table: string | null; rows: string[] };
    comparedAt: string[];
    looksLike: { revisions: string[]; score: number; missing: number; unexpected: number }[];
  };
  findings: FindingJson[];
  notChecked: { rule: string; reason: string }[];
  blindSpots: { revision: string; file: string; line: number; reason: string; objects: string[] }[];
  plan?: {
    patches: { file: string; diff: string; answers: string[] }[];
    steps: {
      name: string;
      sql: string;
      down: string | null;
      lock: string;
      hazards: string[];
      transactional: boolean;
    }[];
    rehearsal: {
      ran: boolean;
      on: string;
      verdict: string;
      remaining: string[];
      seedReruns?: { file: string; outcome: string }[];
    } | null;
  };
  summary: { error: number; warning: number; info: number; exitCode: number };
}

export interface FindingJson {
  key: string;
  rule: string;
  severity: 'error' | 'warning' | 'info';
  certainty: 'proven' | 'suspected';
  subject: { kind: string; name: string; revision?: string; file?: string; line?: number };
  message: string;
  evidence: { origin: string; text: string; file?: string; line?: number }[];
  causedBy: string[];
  remedy: null | { kind: string; safety: string; summary: string };
}

/** Runs `chain …` to its end. */
export function chain(args: string[], options: ChainOptions = {}): Promise<ChainRun> {
  return startChain(args, options).finished;
}

export function startChain(args: string[], options: ChainOptions = {}): RunningChain {
  const child = spawn(process.execPath, [chainProgram(), ...args], {
    cwd: options.cwd ?? root,
    env: { ...environment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  const finished = new Promise<ChainRun>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer);
      const json = <T>() => {
        try {
          return JSON.parse(stdout) as T;
        } catch (error) {
          throw new Error(
            `chain ${args.join(' ')} ended with ${exitCode ?? signal} and no JSON document (${(error as Error).message}):\n${stdout.slice(0, 2000)}\n${stderr.slice(0, 4000)}`,
          );
        }
      };
      resolve({ exitCode, signal, stdout, stderr, json });
    });
  });
  return { child, stderr: () => stderr, finished };
}

/** This process's environment without anything that names a database, colours output or counts as CI. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(PG[A-Z]+|DATABASE_URL|CHAIN_.*|FORCE_COLOR|CI|GITHUB_.*|VITEST.*|NODE_OPTIONS|NODE_ENV)$/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
}

let program: string | undefined;

/** Path of a built `cli.js` that is no older than the sources. */
export function chainProgram(): string {
  program ??= isFresh(join(root, 'dist', 'cli.js')) ? join(root, 'dist', 'cli.js') : build();
  return program;
}

function sourceFiles(): string[] {
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return [...sources, join(root, 'rolldown.config.js')];
}

function isFresh(built: string): boolean {
  if (!existsSync(built)) return false;
  const builtAt = statSync(built).mtimeMs;
  return sourceFiles().every((file) => statSync(file).mtimeMs <= builtAt);
}

/** One folder per state of the sources, put in place by a rename, so that test workers never see half a build. */
function build(): string {
  const hash = createHash('sha256');
  for (const file of sourceFiles()) hash.update(file).update(readFileSync(file));
  const cache = join(root, 'node_modules', '.cache', 'chain-tests');
  const home = join(cache, hash.digest('hex').slice(0, 16));
  const cli = join(home, 'dist', 'cli.js');
  if (existsSync(cli)) return cli;
  const making = `${home}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  const rolldown = join(root, 'node_modules', 'rolldown', 'bin', 'cli.mjs');
  execFileSync(process.execPath, [rolldown, '--config', '--logLevel', 'silent', '--dir', join(making, 'dist')], {
    cwd: root,
    stdio: 'pipe',
  });
  for (const file of ['package.json', 'migrations', 'README.md'])
    cpSync(join(root, file), join(making, file), { recursive: true });
  symlinkSync(join(root, 'fixtures'), join(making, 'fixtures'), 'junction');
  try {
    renameSync(making, home);
  } catch {
    rmSync(making, { recursive: true, force: true });
  }
  return cli;
}
