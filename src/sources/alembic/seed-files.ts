/**
 * Which files of a project are seeds: `*seed*.sql` in the folders where teams keep them, or what the settings name.
 */
import { type Dirent, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compareText } from '../../model/name.ts';

const folders = ['scripts', 'seeds', 'db', 'sql'];
const maxDepth = 4;
/** Named for another database than PostgreSQL. */
const ofOthers =
  /(?:^|[^a-z])(?:mysql|mariadb|sqlite3?|mssql|sqlserver|oracle|clickhouse|snowflake|bigquery)(?:[^a-z]|$)/i;

/** Relative paths, sorted. `named`: the settings' own list, which is all there is then. */
export function findSeedFiles(projectDir: string, named: readonly string[] | null): string[] {
  if (named !== null) return named.filter((file) => existsSync(join(projectDir, file)));
  const found: string[] = [];
  const visit = (folder: string, depth: number): void => {
    let entries: Dirent[];
    try {
      entries = readdirSync(join(projectDir, folder), { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < maxDepth && !entry.name.startsWith('.') && entry.name !== 'node_modules') visit(path, depth + 1);
      } else if (/seed[^/]*\.sql$/i.test(entry.name) && !ofOthers.test(entry.name)) found.push(path);
    }
  };
  for (const folder of folders) visit(folder, 0);
  return found.sort(compareText);
}
