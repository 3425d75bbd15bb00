/**
 * Where a project's packaging says its packages stand: pyproject.toml (setuptools, Poetry, Hatch, PDM, uv), setup.cfg,
 * setup.py, and members of its workspace or packages it installs from folders of its own. Once installed, Python finds
 * them there. Refuses to leave the project.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { AlembicConfig } from '../../../model/project.ts';
import { parseIni } from './ini.ts';
import { asTable, listAt, parseToml, type TomlTable, tableAt } from './toml.ts';

const maxPackages = 200;
const maxFileBytes = 1_000_000;

export interface Packages {
  /** Absolute folders that Python searches, in the order in which they were met. */
  roots: string[];
  /** Absolute folders whose packaging was read. */
  folders: string[];
}

export function findPackages(projectDir: string, config: AlembicConfig): Packages {
  const queue = [projectDir];
  for (const file of [config.file, config.scriptLocation])
    for (
      let at = join(projectDir, dirname(file ?? '.'));
      isInside(projectDir, at) && at !== projectDir;
      at = dirname(at)
    )
      queue.push(at);
  const roots = new Set<string>();
  const seen = new Set<string>();
  const members = new Set<string>();
  for (let folder = queue.shift(); folder !== undefined && seen.size < maxPackages; folder = queue.shift()) {
    if (seen.has(folder) || !isInside(projectDir, folder)) continue;
    seen.add(folder);
    const stated = [...ofPyproject(folder), ...ofSetupCfg(folder), ...ofSetupPy(folder), ...ofRequirements(folder)];
    for (const { kind, path } of stated) {
      const at = resolve(folder, path);
      if (!isInside(projectDir, at) || !isFolder(at)) continue;
      if (kind === 'root') roots.add(at);
      else {
        queue.push(at);
        members.add(at);
      }
    }
  }
  for (const member of members) for (const root of [join(member, 'src'), member]) if (isFolder(root)) roots.add(root);
  return { roots: [...roots], folders: [...seen] };
}

interface Place {
  /** A folder that Python searches, or one that holds a package of its own. */
  kind: 'root' | 'member';
  path: string;
}

const root = (path: unknown): Place[] => (typeof path === 'string' ? [{ kind: 'root', path }] : []);
const member = (path: unknown): Place[] => (typeof path === 'string' ? [{ kind: 'member', path }] : []);

function ofPyproject(folder: string): Place[] {
  const text = readText(join(folder, 'pyproject.toml'));
  if (text === null) return [];
  const tools = tableAt(parseToml(text), 'tool');
  const places: Place[] = [];
  const setuptools = tableAt(tools, 'setuptools');
  places.push(...ofPackageDir(tableAt(setuptools, 'package-dir')));
  places.push(...listAt(tableAt(setuptools, 'packages', 'find'), 'where').flatMap(root));
  const poetry = tableAt(tools, 'poetry');
  places.push(...listAt(poetry, 'packages').flatMap((each) => root(asTable(each)?.from)));
  const groups = Object.values(tableAt(poetry, 'group') ?? {}).map((group) => tableAt(asTable(group), 'dependencies'));
  for (const dependencies of [tableAt(poetry, 'dependencies'), tableAt(poetry, 'dev-dependencies'), ...groups])
    places.push(...Object.values(dependencies ?? {}).flatMap((each) => member(asTable(each)?.path)));
  const build = tableAt(tools, 'hatch', 'build');
  for (const target of [build, tableAt(build, 'targets', 'wheel')]) {
    // A package that is named by its path is installed under its last part.
    for (const path of listAt(target, 'packages')) if (typeof path === 'string') places.push(...root(dirname(path)));
    places.push(...listAt(target, 'sources').flatMap(root));
    for (const [path, to] of Object.entries(tableAt(target, 'sources') ?? {}))
      if (to === '') places.push(...root(path));
  }
  places.push(...listAt(build, 'dev-mode-dirs').flatMap(root));
  const pdm = tableAt(tools, 'pdm');
  places.push(...root(tableAt(pdm, 'build')?.['package-dir']), ...root(pdm?.['package-dir']));
  const uv = tableAt(tools, 'uv');
  places.push(...root(tableAt(uv, 'build-backend')?.['module-root']));
  for (const workspace of [tableAt(uv, 'workspace'), tableAt(tools, 'rye', 'workspace')])
    for (const pattern of listAt(workspace, 'members'))
      if (typeof pattern === 'string') places.push(...foldersLike(folder, pattern).flatMap(member));
  places.push(...Object.values(tableAt(uv, 'sources') ?? {}).flatMap((each) => member(asTable(each)?.path)));
  const pythonPath = tableAt(tools, 'pytest', 'ini_options')?.pythonpath;
  places.push(...[pythonPath].flat().flatMap(root));
  return places;
}

function ofSetupCfg(folder: string): Place[] {
  const text = readText(join(folder, 'setup.cfg'));
  if (text === null) return [];
  const { sections } = parseIni(text);
  const lines = (sections.get('options')?.get('package_dir') ?? '').split('\n');
  const pairs = lines.flatMap((line) => {
    const pair = /^\s*([\w.]*)\s*=\s*(\S+)\s*$/.exec(line);
    return pair === null ? [] : [[pair[1], pair[2]] as const];
  });
  const where = sections.get('options.packages.find')?.get('where');
  return [...ofPackageDir(Object.fromEntries(pairs)), ...(where === undefined ? [] : where.split('\n').flatMap(root))];
}

function ofSetupPy(folder: string): Place[] {
  const text = readText(join(folder, 'setup.py'));
  if (text === null) return [];
  const found = [
    /\bpackage_dir\s*=\s*\{\s*["']{2}\s*:\s*["']([^"']+)["']/.exec(text),
    /\bfind(?:_namespace)?_packages\(\s*(?:where\s*=\s*)?["']([^"']+)["']/.exec(text),
  ];
  return found.flatMap((match) => root(match?.[1]));
}

/** `-e ./libs/shared` */
function ofRequirements(folder: string): Place[] {
  const text = readText(join(folder, 'requirements.txt'));
  const named = text?.matchAll(/^[ \t]*(?:-e|--editable)[ \t=]+(?:file:)?(\.{0,2}\/?[\w./-]+)/gm) ?? [];
  return [...named].flatMap(([, path]) => member(path));
}

/** `{"": "src"}`; `{"shop": "lib/shop"}` says as much of `lib`, where the last names are the same. */
function ofPackageDir(table: TomlTable | null): Place[] {
  return Object.entries(table ?? {}).flatMap(([name, path]) => {
    if (typeof path !== 'string') return [];
    if (name === '') return root(path);
    const parts = path.split('/').filter((part) => part !== '');
    const own = name.split('.');
    return parts.slice(-own.length).join('.') === name ? root(parts.slice(0, -own.length).join('/') || '.') : [];
  });
}

/** `packages/*` */
function foldersLike(folder: string, pattern: string): string[] {
  let found = [folder];
  for (const part of pattern.split('/').filter((each) => each !== '' && each !== '.')) {
    if (!/[*?[]/.test(part)) {
      found = found.map((each) => join(each, part));
      continue;
    }
    const like = new RegExp(
      `^${part
        .replace(/[.+^${}()|\\]/g, '\\$&')
        .replaceAll(/\*+/g, '.*')
        .replaceAll('?', '.')}$`,
    );
    found = found
      .flatMap((each) => namesIn(each).flatMap((name) => (like.test(name) ? [join(each, name)] : [])))
      .slice(0, maxPackages);
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch {
    return [];
  }
}

const isInside = (projectDir: string, path: string): boolean =>
  path === projectDir || (!relative(projectDir, path).startsWith('..') && path.startsWith(projectDir + sep));

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Null: not there, or too large to be one. */
export function readText(path: string): string | null {
  try {
    return statSync(path).size > maxFileBytes ? null : readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
