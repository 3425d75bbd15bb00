/**
 * The Alembic project as a MigrationSource: its facts and graph, its revisions evaluated statically, its models read.
 */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Operation } from '../../model/operation.ts';
import type { AlembicConfig, NamingConvention } from '../../model/project.ts';
import type { ModelFiles, ModelsReading, OperationSink } from '../../model/replay.ts';
import type { RevisionId } from '../../model/revision.ts';
import type { Schema } from '../../model/schema.ts';
import { loadSqlParser, parseSql } from '../../sql/index.ts';
import type { MigrationSource } from '../source.ts';
import { readRequirements } from './config/requirements.ts';
import { readRevisionGraph } from './graph.ts';
import { type ModelsRequest, readModels } from './models/read.ts';
import { evaluateRevision, type Reading, WrittenRows } from './operations/index.ts';
import { readProjectFacts } from './project-facts.ts';
import { openProjectFiles } from './project-files.ts';
import { newImports } from './python/index.ts';
import { findSeedFiles } from './seed-files.ts';

export interface SourceRequest {
  /** Absolute. */
  projectDir: string;
  config: AlembicConfig;
  maxFileBytes: number;
  /** Files and folders that the settings name; null: look for them. */
  seeds: readonly string[] | null;
  models: readonly string[] | null;
  namingConvention: NamingConvention | null;
  environment: Readonly<Record<string, string>>;
  /** Where unqualified names go if env.py does not say so. */
  searchPath?: readonly string[];
  /** Puts the models' operations together (the replay's `schemaOfOperations`), which no source may import. */
  schemaOf?: (operations: readonly Operation[]) => Schema;
}

export async function openSource(request: SourceRequest): Promise<MigrationSource> {
  const { projectDir, config, maxFileBytes } = request;
  const sqlParser = loadSqlParser();
  // One turn, in which V8 begins to compile the parser beside what follows here.
  await setImmediate();
  const texts = new Map<string, string>();
  const graph = readRevisionGraph({ projectDir, config, maxFileBytes, keep: (file, text) => texts.set(file, text) });
  const { facts: stated, importRoots, findModels, modelsLoadedWith } = await readProjectFacts(request);
  const searchPath = stated.env.searchPath ?? (request.searchPath === undefined ? null : [...request.searchPath]);
  const facts = { ...stated, env: { ...stated.env, searchPath } };
  await sqlParser;
  const roots = [...importRoots.map((root) => join(projectDir, root)), ...packagesAround(projectDir)];
  const files = openProjectFiles(projectDir, roots, maxFileBytes, () => readRequirements(projectDir, config));
  const envFile = facts.env.file === null ? null : join(projectDir, facts.env.file);
  const reading: Reading = {
    files,
    environment: request.environment,
    envFile,
    fileOfRevision: (id) => {
      const revision = graph.revisions.get(id);
      return revision === undefined ? null : join(projectDir, revision.file);
    },
    modelsIn: (revision, base) => {
      const loaded = new Set([...modelsLoadedWith(revision), ...(base === null ? [] : [base.file])]);
      const key = JSON.stringify([base, ...loaded]);
      const known = modelsByKey.get(key) ?? modelsOf({ files: [...loaded], bases: base === null ? null : [base] });
      modelsByKey.set(key, known);
      return known;
    },
    relative: files.relative,
    parseSql,
    imports: newImports(),
    writtenRows: new WrittenRows(),
  };
  const modelsByKey = new Map<string, ModelsReading>();
  const modelsOf = (models: Pick<ModelFiles, 'files' | 'bases'>, own: Partial<ModelsRequest> = {}) =>
    readModels({
      projectDir,
      files,
      environment: request.environment,
      models,
      defaultNamespace: searchPath?.[0] ?? 'public',
      parseSql,
      ...own,
    });
  let models: ModelsReading | null = null;

  return {
    kind: 'alembic',
    facts,
    graph,
    readFile: (file) => files.readFile(join(projectDir, file)),
    evaluate: (id: RevisionId, direction: 'upgrade' | 'downgrade', sink: OperationSink) => {
      const revision = graph.revisions.get(id);
      if (!revision) return;
      const file = join(projectDir, revision.file);
      const text = texts.get(revision.file) ?? files.readFile(file);
      if (text === null) {
        sink.apply({
          kind: 'opaque',
          reason: 'the file could not be read',
          objects: [],
          origin: { revision: id, file: revision.file, line: 1 },
        });
        return;
      }
      evaluateRevision(
        { revision: id, file, text, module: revision.file.replace(/\.py$/, '').split('/').join('.') },
        direction,
        sink,
        reading,
      );
    },
    findModels,
    findSeeds: () => findSeedFiles(projectDir, request.seeds),
    readModels: () => {
      models ??= modelsOf(findModels(), request.schemaOf ? { schemaOf: request.schemaOf } : {});
      return models;
    },
  };
}

/** A project that is itself a package is imported by its own name; nothing else above it is ever read. */
function packagesAround(projectDir: string): string[] {
  const roots: string[] = [];
  for (let folder = projectDir; existsSync(join(folder, '__init__.py')); folder = dirname(folder))
    roots.push(dirname(folder));
  return roots;
}
