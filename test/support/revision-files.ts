/**
 * Folders of revision files made for a test, and read the way chain reads a project.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RevisionGraph } from '../../src/model/revision-graph.ts';
import { findAlembicConfig, readRevisionGraph } from '../../src/sources/alembic/index.ts';

export interface MadeProject {
  dir: string;
  write(file: string, text: string | Buffer): void;
  remove(): void;
}

/** A temporary Alembic project; `versions` by file name. */
export function makeProject(
  versions: Record<string, string | Buffer> = {},
  files: Record<string, string> = {},
): MadeProject {
  const dir = mkdtempSync(join(tmpdir(), 'chain-graph-'));
  const write = (file: string, text: string | Buffer): void => {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  };
  write('alembic.ini', '[alembic]\nscript_location = alembic\n');
  write('alembic/env.py', '');
  mkdirSync(join(dir, 'alembic/versions'), { recursive: true });
  for (const [name, text] of Object.entries(versions)) write(`alembic/versions/${name}`, text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  return { dir, write, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function readGraph(dir: string, options: { config?: string; maxFileBytes?: number } = {}): RevisionGraph {
  const config = findAlembicConfig({
    projectDir: dir,
    config: options.config ?? null,
    section: 'alembic',
    scriptLocation: null,
    versionLocations: null,
  });
  return readRevisionGraph({ projectDir: dir, config, maxFileBytes: options.maxFileBytes ?? 1_000_000 });
}

/** The graph of files given by name, in a project that is gone afterwards. */
export function graphOf(versions: Record<string, string | Buffer>): RevisionGraph {
  const project = makeProject(versions);
  try {
    return readGraph(project.dir);
  } finally {
    project.remove();
  }
}

/** A plain revision file. */
export function revisionText(
  id: string,
  down: string | string[] | null,
  more: { dependsOn?: string[]; labels?: string[] } = {},
): string {
  const literal = (value: string | string[] | null | undefined): string =>
    value === null || value === undefined
      ? 'None'
      : typeof value === 'string'
        ? JSON.stringify(value)
        : `(${value.map((item) => `${JSON.stringify(item)}, `).join('')})`;
  return [
    `"""step ${id}`,
    '',
    `Revision ID: ${id}`,
    '"""',
    `revision = ${JSON.stringify(id)}`,
    `down_revision = ${literal(down)}`,
    `branch_labels = ${literal(more.labels)}`,
    `depends_on = ${literal(more.dependsOn)}`,
    '',
    'def upgrade():',
    '    pass',
    '',
  ].join('\n');
}
