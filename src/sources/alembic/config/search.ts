/**
 * Where an Alembic project may stand below a folder: a bounded look around. Refuses to choose.
 */
import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareText } from '../../../model/name.ts';

const maxDepth = 5;
const maxFolders = 5_000;
const skipped = new Set([
  'node_modules',
  '__pycache__',
  'site-packages',
  'venv',
  'env',
  'dist',
  'build',
  'target',
  'templates',
]);

/**
 * Every `alembic.ini` with a script_location or beside an env.py (Flask-Migrate writes such a one and names the folder
 * itself), and pyproject.toml with `[tool.alembic]`, relative, sorted.
 */
export function findConfigsBelow(projectDir: string): string[] {
  const found: string[] = [];
  walk(projectDir, (folder, names) => {
    const ini = join(projectDir, folder, 'alembic.ini');
    if (
      names.has('alembic.ini') &&
      holds(ini, names.has('env.py') ? /^\s*\[\s*alembic\s*\]/m : /^\s*script_location\s*[=:]/m)
    )
      found.push(join(folder, 'alembic.ini'));
    else if (
      names.has('pyproject.toml') &&
      holds(join(projectDir, folder, 'pyproject.toml'), /^\s*\[\s*tool\.alembic\s*\]/m)
    )
      found.push(join(folder, 'pyproject.toml'));
  });
  return found.map((path) => path.replaceAll('\\', '/')).sort(compareText);
}

/** Folders with an env.py beside a folder `versions`. */
export function findScriptFolders(projectDir: string): string[] {
  const found: string[] = [];
  walk(projectDir, (folder, names) => {
    if (names.has('env.py') && names.has('versions') && existsSync(join(projectDir, folder, 'versions')))
      found.push(folder);
  });
  return found.map((path) => path.replaceAll('\\', '/')).sort(compareText);
}

function walk(projectDir: string, visit: (folder: string, names: Set<string>) => void): void {
  let level = [''];
  let visited = 0;
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      if (++visited > maxFolders) return;
      let entries: Dirent[];
      try {
        entries = readdirSync(join(projectDir, folder), { withFileTypes: true });
      } catch {
        continue;
      }
      visit(folder, new Set(entries.map((entry) => entry.name)));
      for (const entry of entries)
        if (entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name))
          next.push(join(folder, entry.name));
    }
    level = next;
  }
}

function holds(path: string, pattern: RegExp): boolean {
  try {
    return pattern.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}
