/**
 * Which files of a project define its models: those that env.py brings in by its imports, and where it brings none in,
 * those that look like models. Bounded; refuses to read what they declare.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compareText } from '../../../model/name.ts';
import type { AlembicConfig } from '../../../model/project.ts';
import type { ModelFiles } from '../../../model/replay.ts';
import { importsOf } from '../revision-file/syntax.ts';
import type { CodeModule, ProjectCode } from './code.ts';

const maxModules = 1_500;
const maxScanned = 4_000;
const skippedFolders = /^(?:node_modules|__pycache__|site-packages|venv|env|dist|build|tests?|docs?|\..*)$/;

/** All modules of the project that loading `start` loads, itself first. */
export function importClosure(code: ProjectCode, start: CodeModule): string[] {
  const seen = new Set<string>([start.file]);
  const queue = [start.file];
  const push = (file: string | null): void => {
    if (file === null || seen.has(file) || seen.size >= maxModules) return;
    seen.add(file);
    queue.push(file);
  };
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const text = code.text(file);
    if (text === null) continue;
    for (const { level, module: path, names } of importsOf(text) ?? code.module(file)?.imports ?? []) {
      // `import a.b.c` loads a, a.b and a.b.c.
      const parts = path === '' ? [] : path.split('.');
      for (let length = 1; length <= parts.length; length++)
        push(code.fileOfModule(parts.slice(0, length).join('.'), level, file));
      if (parts.length === 0) push(code.fileOfModule('', level, file));
      if (names === null) continue;
      const inside = names === '*' ? starNames(code, code.fileOfModule(path, level, file)) : names;
      for (const name of inside) push(code.fileOfModule(path === '' ? name : `${path}.${name}`, level, file));
    }
    for (const folder of dynamicPackages(code, file, text))
      for (const inside of pythonFiles(code.projectDir, folder, true)) push(inside);
  }
  return [...seen];
}

/** `__all__` of a package: its star import loads the modules named there. */
function starNames(code: ProjectCode, file: string | null): string[] {
  const module = file === null ? null : code.module(file);
  const all = module?.bindings.get('__all__');
  if (all?.kind !== 'value' || (all.expression.kind !== 'list' && all.expression.kind !== 'tuple')) return [];
  return all.expression.items.flatMap((item) =>
    item.kind === 'constant' && typeof item.value === 'string' ? [item.value] : [],
  );
}

/** Packages that a module loads wholesale: `pkgutil.walk_packages(models.__path__)`, `import_module(f"app.models.{name}")`, a glob. */
function dynamicPackages(code: ProjectCode, file: string, text: string): string[] {
  if (
    !/\b(?:iter_modules|walk_packages|import_module|__import__|import_submodules|find_modules|load_modules)\b/.test(
      text,
    )
  )
    return [];
  const folders = new Set<string>();
  for (const match of text.matchAll(/\b([A-Za-z_][\w.]*)\.__path__/g)) {
    const module = code.module(file);
    const found = module === null ? null : fileOfDotted(code, module, match[1]!);
    if (found?.endsWith('__init__.py')) folders.add(folderOf(found));
  }
  for (const match of text.matchAll(/import_module\(\s*f?["']([\w.]+?)\.?(?:\{[^}]*\})?["']/g)) {
    const found = code.fileOfModule(match[1]!, 0, file);
    const folder = found === null ? code.folderOfModule(match[1]!, 0, file) : folderOf(found);
    if (folder !== null && (found === null || found.endsWith('__init__.py'))) folders.add(folder);
  }
  if (/\b__path__\b|__file__/.test(text) && file.endsWith('__init__.py')) folders.add(folderOf(file));
  return [...folders];
}

function fileOfDotted(code: ProjectCode, module: CodeModule, dotted: string): string | null {
  const binding = module.bindings.get(dotted);
  if (binding?.kind === 'import') {
    const path =
      binding.name === null
        ? binding.module
        : binding.module === ''
          ? binding.name
          : `${binding.module}.${binding.name}`;
    return code.fileOfModule(path, binding.level, module.file);
  }
  return code.fileOfModule(dotted, 0, module.file);
}

function folderOf(file: string): string {
  return file.slice(0, file.lastIndexOf('/'));
}

/** Whether a file defines tables: a mapped class with columns, a `Table(…)`, a SQLModel with `table=True`. */
export function definesTables(text: string): boolean {
  if (/\bTable\s*\(\s*(?:\n\s*)?f?["']/.test(text) && /\bMetaData\b|\bmetadata\b/.test(text)) return true;
  if (!/^[ \t]*class\s+\w+\s*[(:]|\btype\s*\(/m.test(text)) return false;
  return /\b__tablename__\b|\bmapped_column\s*\(|\bMapped\[|\b(?:db|sa|sqlalchemy)\.Column\s*\(|\bColumn\s*\(|\btable\s*=\s*True\b/.test(
    text,
  );
}

/** Model files among those that loading all of `starts` loads. */
export function loadedModelFiles(code: ProjectCode, starts: readonly CodeModule[], config: AlembicConfig): string[] {
  const loaded = new Set(starts.flatMap((start) => importClosure(code, start)));
  return [...loaded].filter((file) => isModelFile(code, config, file)).sort(compareText);
}

function isModelFile(code: ProjectCode, config: AlembicConfig, file: string): boolean {
  if (config.versionLocations.some((location) => file.startsWith(`${location}/`))) return false;
  const text = code.text(file);
  return text !== null && definesTables(text);
}

/** Model files among those that loading env.py loads; the whole project is looked through where there is none. */
export function findModelFiles(
  code: ProjectCode,
  env: CodeModule | null,
  config: AlembicConfig,
): Pick<ModelFiles, 'files' | 'notes'> {
  const isModel = (file: string): boolean => file !== env?.file && isModelFile(code, config, file);
  const loaded = env === null ? [] : loadedModelFiles(code, [env], config).filter(isModel);
  if (loaded.length > 0) return { files: loaded, notes: [] };
  const scanned = pythonFiles(code.projectDir, '.', true).filter((file) => file !== env?.file && isModel(file));
  return {
    files: scanned.sort(compareText),
    notes:
      scanned.length === 0
        ? []
        : [`env.py loads no file that defines tables: took the ${scanned.length} that look like models by their text.`],
  };
}

/** Python files below a folder, relative to the project. */
export function pythonFiles(projectDir: string, folder: string, isDeep: boolean): string[] {
  const files: string[] = [];
  const folders = [folder];
  for (let at = folders.shift(); at !== undefined && files.length < maxScanned; at = folders.shift()) {
    let entries: Dirent[];
    try {
      entries = readdirSync(join(projectDir, at), { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries.sort((a, b) => compareText(a.name, b.name))) {
      const path = at === '.' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) {
        if (isDeep && !skippedFolders.test(entry.name)) folders.push(path);
      } else if (entry.name.endsWith('.py')) files.push(path);
    }
  }
  return files;
}
