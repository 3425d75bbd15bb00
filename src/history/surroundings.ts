/**
 * The files around the chain that run it or the seeds: shell scripts, container and CI files, Makefiles, Python that
 * migrates at start-up. Reads a bounded number of small files; refuses to judge them.
 */
import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareText } from '../model/name.ts';
import type { SurroundingFile } from '../model/project.ts';

const maxDepth = 5;
const maxFolders = 4_000;
const maxFiles = 400;
const maxPythonFiles = 2_000;
const maxBytes = 400_000;
const skippedFolders =
  /^(?:node_modules|__pycache__|site-packages|venv|env|dist|build|target|coverage|\.(?!github$|gitlab$|circleci$|docker$|ci$|woodpecker$|buildkite$|devcontainer$).*)$/;
/** Python that matters here changes the schema by itself. */
const migratesByItself =
  /\bcreate_all\b|\bdrop_all\s*\(|\bcompare_metadata\b|\bcommand\s*\.\s*(?:upgrade|stamp|check)\s*\(|\balembic\b[^\n]{0,40}\b(?:upgrade|stamp|check)\b|\bflask_migrate\b[^\n]*\b(?:upgrade|stamp)\b|\bupgrade\s*\(\s*(?:directory|config|alembic_cfg)/;

/** Sorted by path, paths relative to the project. */
export function readSurroundings(projectDir: string): SurroundingFile[] {
  const found: SurroundingFile[] = [];
  let pythonFiles = 0;
  let folders = 0;
  let level = [''];
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      if (++folders > maxFolders) return sortedByFile(found);
      let entries: Dirent[];
      try {
        entries = readdirSync(join(projectDir, folder), { withFileTypes: true });
      } catch {
        continue;
      }
      for (const entry of entries.sort((a, b) => compareText(a.name, b.name))) {
        const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) {
          if (!skippedFolders.test(entry.name)) next.push(file);
          continue;
        }
        const kind = kindOf(file);
        if (!entry.isFile() || kind === null || found.length >= maxFiles) continue;
        if (kind === 'python' && ++pythonFiles > maxPythonFiles) continue;
        const text = readSmall(join(projectDir, file));
        if (text === null || (kind === 'python' && !migratesByItself.test(text))) continue;
        if (kind === 'package' && !/\bpsql\b/.test(text)) continue;
        if (kind === 'other' && !/^#!.*\b(?:ba|da|z|k)?sh\b/.test(text)) continue;
        found.push({ file, kind: kind === 'other' ? 'shell' : kind, text });
      }
    }
    level = next;
  }
  return sortedByFile(found);
}

/** Null: nothing of interest. `other`: a script without an ending, if its first line says so. */
function kindOf(file: string): SurroundingFile['kind'] | null {
  const name = file.slice(file.lastIndexOf('/') + 1);
  if (/\.(?:sh|bash|zsh|ksh)$/.test(name)) return 'shell';
  if (/^(?:Dockerfile|Containerfile)(?:\..*)?$|\.(?:Dockerfile|dockerfile)$|^(?:docker-)?compose.*\.ya?ml$/.test(name))
    return 'container';
  if (/^(?:GNUmakefile|[Mm]akefile|[Jj]ustfile|Taskfile\.ya?ml)$|\.mk$/.test(name)) return 'make';
  if (name === 'Procfile' || /^(?:release|start)\.cmd$/.test(name)) return 'shell';
  if (/^\.github\/(?:workflows|actions)\/.*\.ya?ml$/.test(file)) return 'ci';
  if (
    /(?:^|\/)(?:\.gitlab-ci|\.travis|azure-pipelines|bitbucket-pipelines|cloudbuild|appveyor|fly|render|railway|app)\.(?:ya?ml|toml|json)$/.test(
      file,
    )
  )
    return 'ci';
  if (/^\.(?:circleci|gitlab|woodpecker|buildkite)\/.*\.ya?ml$|(?:^|\/)Jenkinsfile$/.test(file)) return 'ci';
  if (/(?:^|\/)(?:k8s|kubernetes|helm|charts|deploy|deployment)\/.*\.ya?ml$/.test(file)) return 'container';
  if (name === 'package.json') return 'package';
  if (name === 'tox.ini' || name === 'noxfile.py') return null;
  if (name.endsWith('.py')) return 'python';
  if (!name.includes('.')) return 'other';
  return null;
}

function readSmall(path: string): string | null {
  try {
    const status = lstatSync(path);
    if (!status.isFile() || status.size > maxBytes) return null;
    const text = readFileSync(path, 'utf8');
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

function sortedByFile(files: SurroundingFile[]): SurroundingFile[] {
  return files.sort((a, b) => compareText(a.file, b.file));
}
