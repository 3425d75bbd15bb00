/**
 * Git, asked through its own program with a bound on time and output; never writes, never asks a question, never reaches
 * for the network, runs no program that a repository names. Refuses to know what revisions are.
 */
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { relative } from 'node:path';

/** Against settings of anybody's repository that would run a program, or have `log` say something else. */
const ownSettings = [
  'core.quotepath=off',
  'core.fsmonitor=false',
  'log.showSignature=false',
  'log.showRoot=true',
  'log.follow=false',
].flatMap((setting) => ['-c', setting]);

const maxOutputBytes = 256 * 1024 * 1024;

export class GitUnavailable extends Error {}

/** What of the caller's environment must not lead git elsewhere, and what keeps it quiet. */
function quietEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) if (!name.startsWith('GIT_')) environment[name] = value;
  return {
    ...environment,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_LAZY_FETCH: '1',
    // Git before 2.45 knows no GIT_NO_LAZY_FETCH, and would run what the repository names for its remote.
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_CONFIG_NOSYSTEM: '1',
    LC_ALL: 'C',
  };
}

export class Git {
  /** Where commands run. */
  readonly projectDir: string;
  /** The project's folder in the work tree, '' or with a slash at its end. */
  readonly prefix: string;
  private readonly deadline: number;

  private constructor(projectDir: string, prefix: string, deadline: number) {
    this.projectDir = projectDir;
    this.prefix = prefix;
    this.deadline = deadline;
  }

  /**
   * @throws GitUnavailable where git is not installed, the project is in no work tree, or an outer repository does not
   * know the project's files
   */
  static async open(projectDir: string, timeLimitMs: number): Promise<Git> {
    const deadline = Date.now() + timeLimitMs;
    const probe = new Git(projectDir, '', deadline);
    const answer = await probe.run(['rev-parse', '--is-inside-work-tree', '--show-toplevel']);
    const [isInside, top] = answer.toString('utf8').split('\n');
    if (isInside !== 'true' || !top) throw new GitUnavailable('the project is in no git work tree');
    const below = relative(realpathSync(top), realpathSync(projectDir)).replaceAll('\\', '/');
    if (below.startsWith('..')) throw new GitUnavailable('the project is in no git work tree');
    return new Git(projectDir, below === '' ? '' : `${below}/`, deadline);
  }

  /** @throws GitUnavailable */
  async run(args: string[], input?: string): Promise<Buffer> {
    const left = this.deadline - Date.now();
    if (left <= 0) throw new GitUnavailable('git took too long');
    return await new Promise<Buffer>((resolve, reject) => {
      const child = spawn('git', ['--no-pager', ...ownSettings, ...args], {
        cwd: this.projectDir,
        env: quietEnvironment(),
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const chunks: Buffer[] = [];
      const errors: Buffer[] = [];
      let size = 0;
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new GitUnavailable('git took too long'));
      }, left);
      child.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(
          new GitUnavailable(
            error.code === 'ENOENT' ? 'git is not installed' : `git could not be started (${error.code})`,
          ),
        );
      });
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxOutputBytes) {
          child.kill('SIGKILL');
          reject(new GitUnavailable('the history is too large to be read'));
        } else chunks.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
      child.stdin.on('error', () => undefined);
      child.stdin.end(input ?? '');
      child.on('close', (code) => {
        clearTimeout(timer);
        if (code === 0) resolve(Buffer.concat(chunks));
        else
          reject(
            new GitUnavailable(
              Buffer.concat(errors)
                .toString('utf8')
                .split('\n')[0]
                ?.replace(/^fatal: /, '') || `git ended with ${code}`,
            ),
          );
      });
    });
  }

  /** Contents of blobs by their ids; those that are not there, or larger than `maxBytes`, are left out. */
  async blobs(ids: readonly string[], maxBytes: number): Promise<Map<string, string>> {
    const contents = new Map<string, string>();
    await this.batch(ids, (id, kind, bytes) => {
      if (kind === 'blob' && bytes.length <= maxBytes) contents.set(id, bytes.toString('utf8'));
    });
    return contents;
  }

  /** What `revision:path` names, in the order asked; null where there is nothing. */
  async objectIds(names: readonly string[]): Promise<(string | null)[]> {
    if (names.length === 0) return [];
    const output = await this.run(['cat-file', '--batch-check=%(objectname)'], `${names.join('\n')}\n`);
    return output
      .toString('utf8')
      .split('\n')
      .slice(0, names.length)
      .map((line) => (/^[0-9a-f]{40,64}$/.test(line) ? line : null));
  }

  /** Files below trees by their paths there, by tree id: each tree is read once, however many refs share it. */
  async filesOfTrees(ids: readonly string[]): Promise<Map<string, { path: string; blob: string }[]>> {
    const entriesById = new Map<string, TreeEntry[]>();
    let wanted = [...new Set(ids)];
    while (wanted.length > 0) {
      const next = new Set<string>();
      await this.batch(wanted, (id, kind, bytes) => {
        if (kind !== 'tree') return;
        const entries = treeEntries(bytes, id.length / 2);
        entriesById.set(id, entries);
        for (const entry of entries) if (entry.isTree && !entriesById.has(entry.id)) next.add(entry.id);
      });
      wanted = [...next].filter((id) => !entriesById.has(id));
    }
    const files = new Map<string, { path: string; blob: string }[]>();
    const filesOf = (id: string): { path: string; blob: string }[] => {
      const known = files.get(id);
      if (known !== undefined) return known;
      const found = (entriesById.get(id) ?? []).flatMap((entry) =>
        entry.isTree
          ? filesOf(entry.id).map((file) => ({ ...file, path: `${entry.name}/${file.path}` }))
          : [{ path: entry.name, blob: entry.id }],
      );
      files.set(id, found);
      return found;
    };
    for (const id of ids) filesOf(id);
    return files;
  }

  private async batch(ids: readonly string[], take: (id: string, kind: string, bytes: Buffer) => void): Promise<void> {
    const wanted = [...new Set(ids)];
    if (wanted.length === 0) return;
    const output = await this.run(['cat-file', '--batch'], `${wanted.join('\n')}\n`);
    for (let at = 0; at < output.length; ) {
      const end = output.indexOf(10, at);
      if (end < 0) break;
      const [id, kind, size] = output.toString('latin1', at, end).split(' ') as [string, string, string | undefined];
      at = end + 1;
      if (size === undefined) continue;
      take(id, kind, output.subarray(at, at + Number(size)));
      at += Number(size) + 1;
    }
  }
}

interface TreeEntry {
  name: string;
  id: string;
  isTree: boolean;
}

/** A tree object: mode, blank, name, NUL, the id's bytes. */
function treeEntries(bytes: Buffer, idBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(32, at);
    const nul = bytes.indexOf(0, blank);
    const mode = bytes.toString('latin1', at, blank);
    const id = bytes.toString('hex', nul + 1, nul + 1 + idBytes);
    // 160000 is a submodule: nothing of this repository.
    if (mode !== '160000') entries.push({ name: bytes.toString('utf8', blank + 1, nul), id, isTree: mode === '40000' });
    at = nul + 1 + idBytes;
  }
  return entries;
}
