/**
 * Where locations of an Alembic configuration stand, and which files of them Alembic would load, in its order.
 * Refuses to read the files.
 */
import { type Dirent, existsSync, readdirSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { compareText } from '../../../model/name.ts';
import type { AlembicConfig } from '../../../model/project.ts';
import { revisionFileName } from '../revision-file/read.ts';

/** `path` relative to the project, with `/`. */
export function relativeTo(projectDir: string, path: string): string {
  const text = relative(projectDir, path).replaceAll('\\', '/');
  return text === '' ? '.' : text;
}

/** The items of `version_locations`; `separator` as written, null for the legacy rule. Null: Alembic knows no such separator. */
export function splitLocations(text: string, separator: string | null): string[] | null {
  if (separator === null)
    return text
      .split(/, *| +/)
      .filter((item) => item.trim() !== '')
      .map((item) => item.trim());
  const character = { space: ' ', newline: '\n', os: process.platform === 'win32' ? ';' : ':', ':': ':', ';': ';' }[
    separator
  ];
  if (character === undefined) return null;
  return text
    .split(character)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export interface LocationContext {
  projectDir: string;
  configDir: string;
  /** Absolute. */
  importRoots: string[];
  what: string;
}

/** A folder as Alembic resolves it: absolute, relative to the working folder, or `package:path`. */
export function resolveLocation(location: string, context: LocationContext): { path: string; note: string | null } {
  const { projectDir, configDir, what } = context;
  if (isAbsolute(location)) return { path: resolve(location), note: null };
  if (location.includes(':')) {
    const [packageName, ...rest] = location.split(':') as [string, ...string[]];
    const inside = join(...packageName.split('.'), ...rest);
    for (const root of context.importRoots)
      if (existsSync(join(root, inside))) return { path: join(root, inside), note: null };
    return {
      path: join(projectDir, inside),
      note: `${what} ${location}: the package ${packageName} was not found in the project.`,
    };
  }
  const ofProject = resolve(projectDir, location);
  const ofConfig = resolve(configDir, location);
  // A folder of that name without Alembic's files is another's, the steps of a repair for instance.
  const isScript = (path: string) => existsSync(join(path, 'env.py')) || existsSync(join(path, 'versions'));
  const isOthers = what === 'script_location' && ofProject !== projectDir && !isScript(ofProject) && isScript(ofConfig);
  if ((existsSync(ofProject) && !isOthers) || configDir === projectDir) return { path: ofProject, note: null };
  if (!existsSync(ofConfig)) return { path: ofProject, note: null };
  return {
    path: ofConfig,
    note: `${what} ${location} is taken relative to ${relativeTo(projectDir, configDir)}, the folder of the configuration.`,
  };
}

/** Whether a folder holds revision files itself, and which folders right below it do. */
export function foldersWithRevisions(folder: string): { hasRevisions: boolean; folders: string[] } {
  const entriesOf = (path: string): Dirent[] => {
    try {
      return readdirSync(path, { withFileTypes: true });
    } catch {
      return [];
    }
  };
  const holds = (entries: Dirent[]): boolean =>
    entries.some((entry) => !entry.isDirectory() && revisionFileName.test(entry.name));
  const entries = entriesOf(folder);
  if (holds(entries)) return { hasRevisions: true, folders: [] };
  const folders = entries.filter((entry) => entry.isDirectory() && holds(entriesOf(join(folder, entry.name))));
  return { hasRevisions: false, folders: folders.map((entry) => entry.name).sort(compareText) };
}

export interface VersionFile {
  /** Absolute. */
  path: string;
  /** Relative to the project. */
  file: string;
  name: string;
  isLink: boolean;
}

export interface VersionListing {
  /** In the order Alembic loads them: by location, folder, name. */
  files: VersionFile[];
  /** Compiled files that `sourceless` would load and nobody can read. */
  compiled: VersionFile[];
  /** Locations or folders that cannot be listed, with the error's code. */
  unlistable: { file: string; code: string }[];
}

export function listVersionFiles(projectDir: string, config: AlembicConfig): VersionListing {
  const listing: VersionListing = { files: [], compiled: [], unlistable: [] };
  const seen = new Set<string>();
  for (const location of config.versionLocations)
    listFolder(projectDir, resolve(projectDir, location), config, listing, seen);
  return listing;
}

function listFolder(
  projectDir: string,
  folder: string,
  config: AlembicConfig,
  listing: VersionListing,
  seen: Set<string>,
): void {
  let entries: Dirent[];
  try {
    // A location inside another one, or reached twice, is loaded once.
    const real = realpathSync(folder);
    if (seen.has(real)) return;
    seen.add(real);
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    // Alembic passes over locations that do not exist.
    if (code !== 'ENOENT') listing.unlistable.push({ file: relativeTo(projectDir, folder), code });
    return;
  }
  entries.sort((a, b) => compareText(a.name, b.name));
  const prefix = relativeTo(projectDir, folder);
  const place = (entry: Dirent, name = entry.name): VersionFile => ({
    path: `${folder}/${name}`,
    file: prefix === '.' ? name : `${prefix}/${name}`,
    name: entry.name,
    isLink: entry.isSymbolicLink(),
  });
  const names = new Set(entries.map((entry) => entry.name));
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    if (revisionFileName.test(entry.name)) listing.files.push(place(entry));
    else if (
      config.sourceless &&
      /^(?!\.#|__init__).*\.py[co]$/.test(entry.name) &&
      !names.has(entry.name.slice(0, -1))
    )
      listing.compiled.push(place(entry));
  }
  if (config.sourceless && names.has('__pycache__'))
    listCached(join(folder, '__pycache__'), names, listing, projectDir);
  if (!config.recursive) return;
  for (const entry of entries)
    if (entry.isDirectory() && entry.name !== '__pycache__')
      listFolder(projectDir, join(folder, entry.name), config, listing, seen);
}

/** With `sourceless`, what lies in __pycache__ under a name that the folder itself does not have. */
function listCached(cache: string, names: Set<string>, listing: VersionListing, projectDir: string): void {
  const stems = new Set([...names].map((name) => name.split('.')[0]));
  let cached: string[] = [];
  try {
    cached = readdirSync(cache).sort(compareText);
  } catch {
    return;
  }
  for (const name of cached) {
    if (!/\.py[co]$/.test(name) || name.startsWith('__init__') || stems.has(name.split('.')[0])) continue;
    const path = join(cache, name);
    listing.compiled.push({ path, file: relativeTo(projectDir, path), name, isLink: false });
  }
}
