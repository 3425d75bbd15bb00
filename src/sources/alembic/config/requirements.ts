/**
 * What a project installs: the packages that its packaging, requirements and lock files name. They tell which branch of
 * `try: import x` / `except ImportError` runs. Nothing here knows what a package holds.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AlembicConfig } from '../../../model/project.ts';
import { parseIni } from './ini.ts';
import { findPackages, readText } from './packages.ts';
import { asTable, listAt, parseToml, type TomlTable, tableAt } from './toml.ts';

/** `condition`: what was assumed, where nothing proves it. */
export interface Importable {
  isThere: boolean;
  condition: string | null;
}

interface Requirements {
  required: Set<string>;
  /** Of extras and groups that an installation may leave out. */
  optional: Set<string>;
  locked: Set<string>;
}

/**
 * By the module's top name. What packages state is read before their lock files, which may be megabytes, and these only where
 * the question is still open.
 */
export function readRequirements(projectDir: string, config: AlembicConfig): (module: string) => Importable {
  const found: Requirements = { required: new Set(), optional: new Set(), locked: new Set() };
  const { folders } = findPackages(projectDir, config);
  const unread = [packagingOf, requirementsOf, locksOf];
  return (module) => {
    if (always.has(module)) return { isThere: true, condition: null };
    if (gone.has(module)) return { isThere: false, condition: null };
    const names = distributions(module);
    const isIn = (set: ReadonlySet<string>) => names.some((name) => set.has(name));
    while (!isIn(found.required)) {
      const read = unread.shift();
      if (read === undefined) return judge(found, module, isIn);
      for (const folder of folders) read(found, folder);
    }
    return { isThere: true, condition: null };
  };
}

function packagingOf(found: Requirements, folder: string): void {
  ofPyproject(found, parseToml(readText(join(folder, 'pyproject.toml')) ?? ''));
  ofSetup(found, folder);
}

function requirementsOf(found: Requirements, folder: string): void {
  for (const file of requirementFiles(folder)) {
    const isOptional = /dev|test|lint|doc|optional|extra/i.test(file.slice(folder.length));
    addLines(isOptional ? found.optional : found.required, readText(file) ?? '');
  }
  const pipfile = parseToml(readText(join(folder, 'Pipfile')) ?? '');
  addNames(found.required, Object.keys(tableAt(pipfile, 'packages') ?? {}));
  addNames(found.optional, Object.keys(tableAt(pipfile, 'dev-packages') ?? {}));
}

function locksOf(found: Requirements, folder: string): void {
  for (const lock of ['poetry.lock', 'uv.lock', 'pdm.lock']) {
    const text = readText(join(folder, lock)) ?? '';
    addNames(
      found.locked,
      [...text.matchAll(/^name = "([^"]+)"/gm)].map(([, name]) => name as string),
    );
  }
}

/** Of a module that nothing requires outright. */
function judge(
  { required, optional, locked }: Requirements,
  module: string,
  isIn: (set: ReadonlySet<string>) => boolean,
): Importable {
  if (isIn(locked) && !isIn(optional)) return { isThere: true, condition: null };
  const isStated = required.size > 0 || locked.size > 0;
  const bare = module.replaceAll('_', '').toLowerCase();
  const mayBringIt = [...required, ...optional, ...locked].some((name) => name.replaceAll('-', '').includes(bare));
  if (!isStated || mayBringIt || isIn(optional)) return { isThere: true, condition: `${module} is installed` };
  // A lock names all that an installation brings, packages that others need too.
  const condition = locked.size > 0 ? null : `${module} is not installed, as the project requires it nowhere`;
  return { isThere: false, condition };
}

/** Names under which a module is often published. */
function distributions(module: string): string[] {
  const name = normal(module);
  return [name, `python-${name}`, `py${name}`, `${name}-binary`, ...(published.get(module) ?? [])];
}

const published = new Map<string, string[]>(
  Object.entries({
    bs4: ['beautifulsoup4'],
    cv2: ['opencv-python'],
    geoalchemy2: ['geoalchemy2'],
    jwt: ['pyjwt'],
    PIL: ['pillow'],
    pkg_resources: ['setuptools'],
    sklearn: ['scikit-learn'],
  }),
);

const normal = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

function addNames(set: Set<string>, names: readonly string[]): void {
  for (const name of names) set.add(normal(name));
}

/** `name[extra]>=1 ; marker`, one a line or one a text. */
function addLines(set: Set<string>, text: string): void {
  for (const line of text.split('\n')) {
    const name = /^\s*["']?([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@#,"'\s]|$)/.exec(line)?.[1];
    if (name !== undefined) set.add(normal(name));
  }
}

const addTexts = (set: Set<string>, list: readonly unknown[]): void =>
  addLines(set, list.filter((each) => typeof each === 'string').join('\n'));

function ofPyproject(found: Requirements, table: TomlTable | null): void {
  const project = tableAt(table, 'project');
  addTexts(found.required, listAt(project, 'dependencies'));
  for (const group of [tableAt(project, 'optional-dependencies'), tableAt(table, 'dependency-groups')])
    for (const list of Object.values(group ?? {})) if (Array.isArray(list)) addTexts(found.optional, list);
  const poetry = tableAt(table, 'tool', 'poetry');
  for (const [name, stated] of Object.entries(tableAt(poetry, 'dependencies') ?? {}))
    addNames(asTable(stated)?.optional === true ? found.optional : found.required, [name]);
  addNames(found.optional, Object.keys(tableAt(poetry, 'dev-dependencies') ?? {}));
  for (const group of Object.values(tableAt(poetry, 'group') ?? {}))
    addNames(found.optional, Object.keys(tableAt(asTable(group), 'dependencies') ?? {}));
}

function ofSetup(found: Requirements, folder: string): void {
  const { sections } = parseIni(readText(join(folder, 'setup.cfg')) ?? '');
  addLines(found.required, sections.get('options')?.get('install_requires') ?? '');
  for (const list of sections.get('options.extras_require')?.values() ?? []) addLines(found.optional, list);
  const setup = readText(join(folder, 'setup.py')) ?? '';
  const listed = /install_requires\s*=\s*\[([^\]]*)\]/.exec(setup)?.[1] ?? '';
  addLines(found.required, [...listed.matchAll(/["']([^"']+)["']/g)].map(([, text]) => text).join('\n'));
}

/** `requirements.txt`, `requirements-dev.txt`, `requirements/base.in` */
function requirementFiles(folder: string): string[] {
  const inside = (at: string, like: RegExp): string[] => {
    try {
      return readdirSync(at).flatMap((name) => (like.test(name) ? [join(at, name)] : []));
    } catch {
      return [];
    }
  };
  return [...inside(folder, /^requirements.*\.(?:txt|in)$/), ...inside(join(folder, 'requirements'), /\.(?:txt|in)$/)];
}

const words = (text: string): Set<string> => new Set(text.trim().split(/\s+/));

/** Python 3.12's own, and what a chain of Alembic cannot be without. */
const always = words(`
  __future__ abc argparse array ast asyncio atexit base64 bisect builtins bz2 calendar cmath codecs collections concurrent configparser
  contextlib contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis email enum errno fcntl filecmp fileinput fnmatch
  fractions functools gc getpass gettext glob graphlib grp gzip hashlib heapq hmac html http importlib inspect io ipaddress itertools json
  keyword linecache locale logging lzma math mimetypes multiprocessing numbers operator os pathlib pickle pkgutil platform plistlib pprint
  pwd queue random re reprlib resource sched secrets select selectors shelve shlex shutil signal site socket sqlite3 ssl stat statistics
  string stringprep struct subprocess sys sysconfig tempfile textwrap threading time timeit token tokenize tomllib traceback types typing
  unicodedata unittest urllib uuid venv warnings weakref xml zipfile zipimport zlib zoneinfo
  alembic sqlalchemy mako markupsafe greenlet typing_extensions`);

/** Of Python 2, and what Python 3.12 no longer has. */
const gone = words(
  `ConfigParser Queue StringIO __builtin__ cPickle cStringIO urllib2 urlparse httplib imp distutils asyncore`,
);
