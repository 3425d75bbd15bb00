/**
 * Revision files that stand where Alembic does not look, for ids that a database carries; and version locations that are
 * not there. Looks through the project only for ids that nothing else explains.
 */
import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RevisionId } from '../../model/revision.ts';
import { readRevisionText } from './revision-file/read.ts';

export interface StrayRevisions {
  /** Relative to the project, with `/`. */
  strayFileById: Map<RevisionId, string>;
  absentLocations: string[];
}

const maxDepth = 8;
const maxFiles = 5_000;
const maxBytes = 500_000;
const skipped = new Set(['node_modules', 'site-packages', '__pycache__', 'venv', 'env', 'build', 'dist']);

export function findStrayRevisions(
  projectDir: string,
  versionLocations: readonly string[],
  ids: readonly RevisionId[],
): StrayRevisions {
  const strayFileById = new Map<RevisionId, string>();
  if (ids.length === 0) return { strayFileById, absentLocations: [] };
  const absentLocations = versionLocations.filter((location) => !existsSync(resolve(projectDir, location)));
  const known = new Set(versionLocations.map((location) => location.replace(/\/$/, '')));
  let files = 0;
  const visit = (folder: string, depth: number): void => {
    let entries: Dirent[];
    try {
      entries = readdirSync(join(projectDir, folder), { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < maxDepth && !entry.name.startsWith('.') && !skipped.has(entry.name)) visit(path, depth + 1);
      } else if (entry.isFile() && entry.name.endsWith('.py') && !known.has(folder || '.') && files++ < maxFiles)
        look(path);
    }
  };
  const look = (path: string): void => {
    try {
      if (statSync(join(projectDir, path)).size > maxBytes) return;
      const text = readFileSync(join(projectDir, path), 'utf8');
      if (!ids.some((id) => text.includes(id))) return;
      const reading = readRevisionText({ file: path, name: path.slice(path.lastIndexOf('/') + 1) }, text);
      if ('unreadable' in reading || !ids.includes(reading.revision.id)) return;
      if (!strayFileById.has(reading.revision.id)) strayFileById.set(reading.revision.id, path);
    } catch {
      // A file that cannot be read tells nothing.
    }
  };
  visit('', 0);
  return { strayFileById, absentLocations };
}
