/**
 * The project's files as the evaluator may see them: modules by dotted name, texts, folders; never outside the project, not
 * through symbolic links either, and never above the size that is parsed.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { Importable } from './config/requirements.ts';
import { pythonFiles } from './env/model-files.ts';
import type { Files } from './operations/index.ts';

/** Roots that a project's own folder of the same name never stands for. */
const outsideRoots = new Set(
  `sqlalchemy enum typing typing_extensions dataclasses collections functools itertools os sys re json logging datetime pathlib io uuid abc types
  textwrap string time random math decimal copy contextlib inspect importlib warnings hashlib base64 secrets asyncio operator subprocess shutil
  glob tempfile csv threading urllib http socket struct traceback pprint numbers statistics zoneinfo calendar __future__ builtins
  pydantic sqlmodel sqlalchemy_utils geoalchemy2 pgvector citext psycopg2 psycopg asyncpg flask flask_sqlalchemy flask_migrate
  alembic_utils alembic_postgresql_enum`.split(/\s+/),
);
const alembicModules = new Set(
  'op context config operations script runtime migration autogenerate util ddl command environment testing'.split(' '),
);

export interface ProjectFiles extends Files {
  /** Path relative to the project, with `/`. */
  relative(path: string): string;
}

/** `requirements` are read when the first import is asked about. */
export function openProjectFiles(
  projectDir: string,
  roots: readonly string[],
  maxFileBytes: number,
  requirements: () => (module: string) => Importable,
): ProjectFiles {
  const home = realOf(projectDir) ?? projectDir;
  const kinds = new Map<string, 'file' | 'folder' | null>();
  const texts = new Map<string, string | null>();
  const found = new Map<string, ReturnType<Files['findModule']>>();
  const relatives = new Map<string, string>();

  const exists = (path: string): 'file' | 'folder' | null => {
    const known = kinds.get(path);
    if (known !== undefined) return known;
    let kind: 'file' | 'folder' | null = null;
    try {
      const stat = statSync(path);
      kind = stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : null;
      if (kind !== null && !isInside(path)) kind = null;
    } catch {
      kind = null;
    }
    kinds.set(path, kind);
    return kind;
  };
  const isInside = (path: string): boolean => {
    const real = realOf(path);
    return real !== null && (real === home || real.startsWith(home + sep));
  };
  const readFile = (path: string): string | null => {
    const known = texts.get(path);
    if (known !== undefined) return known;
    let text: string | null = null;
    if (exists(path) === 'file') {
      try {
        if (statSync(path).size <= maxFileBytes) text = readFileSync(path, 'utf8');
      } catch {
        text = null;
      }
    }
    texts.set(path, text);
    return text;
  };
  const moduleAt = (root: string, name: string): ReturnType<Files['findModule']> => {
    const base = join(root, ...name.split('.'));
    const file = `${base}.py`;
    if (exists(join(base, '__init__.py')) === 'file') {
      const text = readFile(join(base, '__init__.py'));
      return text === null ? null : { file: join(base, '__init__.py'), text, isPackage: true };
    }
    if (exists(file) === 'file') {
      const text = readFile(file);
      return text === null ? null : { file, text, isPackage: false };
    }
    return null;
  };
  /** A folder without `__init__.py`: a package of its own where no folder searched holds another (PEP 420). */
  const namespaceAt = (root: string, name: string): ReturnType<Files['findModule']> => {
    const base = join(root, ...name.split('.'));
    return exists(base) === 'folder' ? { file: join(base, '__init__.py'), text: '', isPackage: true } : null;
  };
  let sources: string[] | null = null;
  let required: ReturnType<typeof requirements> | null = null;
  return {
    isInstalled: (name) => {
      const [top] = name.split('.') as [string];
      const isOwn = top !== 'alembic' && !outsideRoots.has(top) && roots.some((root) => moduleAt(root, top) !== null);
      if (isOwn || top === '') return { isThere: false, condition: `there is no module ${name}` };
      required ??= requirements();
      return required(top);
    },
    exists,
    readFile,
    modulesWith: (text) => {
      sources ??= pythonFiles(projectDir, '.', true).map((file) => join(projectDir, file));
      return sources.filter((file) => readFile(file)?.includes(text));
    },
    list: (path) => {
      if (exists(path) !== 'folder') return null;
      try {
        return readdirSync(path).filter((name) => name !== '__pycache__');
      } catch {
        return null;
      }
    },
    relative: (path) => {
      let known = relatives.get(path);
      if (known === undefined) {
        known = relative(projectDir, path).split(sep).join('/');
        relatives.set(path, known);
      }
      return known;
    },
    findModule: (name, from) => {
      const parts = name.split('.');
      const root = parts[0] as string;
      if (
        outsideRoots.has(root) ||
        (root === 'alembic' && (parts.length === 1 || alembicModules.has(parts[1] as string)))
      )
        return null;
      const folder = from ? dirname(from.file) : projectDir;
      const key = `${folder}\n${name}`;
      const known = found.get(key);
      if (known !== undefined) return known;
      let module: ReturnType<Files['findModule']> = null;
      if (name === '.') module = { file: join(folder, '__init__.py'), text: '', isPackage: true };
      const candidates = [...roots, ...foldersAbove(folder, projectDir)];
      for (const lookAt of [moduleAt, namespaceAt])
        for (const candidate of candidates) module ??= lookAt(candidate, name);
      found.set(key, module);
      return module;
    },
  };
}

function foldersAbove(folder: string, projectDir: string): string[] {
  const folders: string[] = [];
  for (let at = folder; at.startsWith(projectDir) && at !== dirname(at); at = dirname(at)) {
    folders.unshift(at);
    if (at === projectDir) break;
  }
  return folders;
}

function realOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
