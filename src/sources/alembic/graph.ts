/**
 * All revision files of a project → one RevisionGraph. Synchronous: files are small and many, and nothing is gained by
 * waiting for them one by one. Refuses to throw over what the files hold.
 */
import { realpathSync } from 'node:fs';
import { buildRevisionGraph } from '../../model/build-revision-graph.ts';
import type { AlembicConfig } from '../../model/project.ts';
import type { RevisionReading } from '../../model/revision.ts';
import type { RevisionGraph } from '../../model/revision-graph.ts';
import { listVersionFiles } from './config/version-locations.ts';
import { openConstants } from './revision-file/imports.ts';
import { readRevisionFile } from './revision-file/read.ts';

export interface GraphRequest {
  projectDir: string;
  config: AlembicConfig;
  maxFileBytes: number;
  /** Takes the texts that were read, so that nobody reads them again. */
  keep?: (file: string, text: string) => void;
}

export function readRevisionGraph(request: GraphRequest): RevisionGraph {
  return buildRevisionGraph(readRevisions(request));
}

/** What each file says, in the order Alembic loads them. */
export function readRevisions({ projectDir, config, maxFileBytes, keep }: GraphRequest): RevisionReading[] {
  const listing = listVersionFiles(projectDir, config);
  const readings: RevisionReading[] = [];
  // Alembic loads a file once, however many names lead to it; without links no two names can.
  const loaded = listing.files.some((file) => file.isLink) ? new Set<string>() : null;
  const projectRealPath = loaded === null ? null : realpathSync(projectDir);
  const constants = openConstants({ projectDir, importRoots: config.importRoots ?? [], maxFileBytes });
  for (const { path, file, name, isLink } of listing.files) {
    const real = loaded === null ? null : realPathOf(path);
    if (real !== null && loaded?.has(real)) continue;
    if (real !== null) loaded?.add(real);
    readings.push(
      readRevisionFile({
        path,
        file,
        name,
        maxFileBytes,
        projectRealPath: isLink ? projectRealPath : null,
        constants,
        keep,
      }),
    );
  }
  for (const { file } of listing.compiled) {
    readings.push({
      unreadable: {
        file,
        line: 1,
        kind: 'unreadable',
        reason: 'compiled Python without its source, which `sourceless = true` loads',
        id: null,
      },
    });
  }
  for (const { file, code } of listing.unlistable)
    readings.push({
      unreadable: {
        file,
        line: 1,
        kind: 'unreadable',
        reason: `the folder cannot be listed (${code})`,
        id: null,
        isFolder: true,
      },
    });
  return readings;
}

function realPathOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
