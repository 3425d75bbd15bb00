/**
 * The tool in one paragraph: read the project, replay its revisions, look at the database where there is one, compare, and
 * let the rules judge. Reads only. What needs no database needs none of the database's code either.
 */

import { lookAtDatabase } from './diagnose/database.ts';
import { readProject } from './diagnose/files.ts';
import { askEndpoints, checkRuleNames, judge } from './diagnose/judgement.ts';
import { readAllMigrators } from './diagnose/migrators.ts';
import type { DiagnoseOptions, Project } from './diagnose/subject.ts';
import { ChainError, type ErrorCode } from './errors.ts';
import type { DatabaseDiagnosis, Diagnosis, SeedsReading } from './model/diagnosis.ts';
import type { RevisionHistory } from './model/history.ts';
import type { ProjectFacts } from './model/project.ts';
import type { RevisionId } from './model/revision.ts';
import type { RevisionCode } from './model/revision-code.ts';
import type { Settings } from './settings.ts';

export { type ProjectReading, readProject } from './diagnose/files.ts';
export type { DiagnoseOptions, Kept } from './diagnose/subject.ts';

/** What is known without the database. @throws ChainError `usage`, `no-project`, and whatever aborts `signal` */
export async function readSubject(
  settings: Settings,
  options: DiagnoseOptions = {},
  whenFactsAreKnown?: (facts: ProjectFacts) => void,
): Promise<Project> {
  const progress = options.progress ?? (() => undefined);
  await checkRuleNames(settings);
  const {
    source,
    facts: read,
    graph,
    replay,
  } = await readProject(settings, progress, options.signal, whenFactsAreKnown);
  const { readHistory, readLock, readSeedRunners, readSurroundings } = await import('./history/index.ts');
  const { loadRevisionCodeReader, readRevisionText } = await import('./sources/alembic/index.ts');
  const readCode = await loadRevisionCodeReader();
  const surroundings = readSurroundings(settings.project);
  const found = source.findModels();
  const facts = {
    ...read,
    modelFiles: found.files,
    seedFiles: source.findSeeds(),
    notes: [...read.notes, ...found.notes],
    surroundings,
    migrators: await readAllMigrators({ ...read, surroundings }, source),
  };
  const declaredAtHeads = replay.schemaAt([...graph.heads, ...graph.possibleHeads]);

  progress('reading models and seeds');
  const models = facts.modelFiles.length > 0 || settings.models !== null ? source.readModels() : null;
  const { readings, unread } = await readSeeds(facts.seedFiles, (file) => source.readFile(file), settings);
  const seeds: SeedsReading = { readings, unread, runners: readSeedRunners(surroundings, readings) };
  options.signal?.throwIfAborted();
  progress('reading the history');
  const told =
    options.reuse?.history ??
    (await readHistory({
      projectDir: settings.project,
      versionLocations: facts.config.versionLocations,
      releaseTags: settings.releaseTags,
      baseRef: options.baseRef ?? null,
      readVersion: (path, text) => {
        const reading = readRevisionText({ file: path, name: path.slice(path.lastIndexOf('/') + 1) }, text);
        if ('unreadable' in reading) return null;
        const { downRevisions, message, createDate } = reading.revision;
        return { downRevisions, message, createDate, hash: readCode(text).hash };
      },
    }));
  const history: RevisionHistory = { ...told, lock: readLock(settings.project, settings.section) };
  const code = new Map<RevisionId, RevisionCode>();
  for (const { id, file } of graph.revisions.values()) {
    const text = graph.duplicates.has(id) ? null : source.readFile(file);
    if (text !== null) code.set(id, readCode(text));
  }
  const endpoints = await askEndpoints(settings, options);

  return {
    settings,
    options,
    facts,
    graph,
    replay,
    declaredAtHeads,
    models,
    seeds,
    history,
    code,
    endpoints,
    progress,
    readFile: (file) => source.readFile(file),
  };
}

/** Each seed with the files that it includes; one that another seed includes is read there. */
async function readSeeds(
  files: readonly string[],
  readFile: (file: string) => string | null,
  { project, maxFileBytes }: Settings,
): Promise<Required<Pick<SeedsReading, 'readings' | 'unread'>>> {
  if (files.length === 0) return { readings: [], unread: [] };
  const { faultOfBytes, projectFiles, readSeed } = await import('./seeds/index.ts');
  const { filesOf } = await import('./model/seed-view.ts');
  const read = projectFiles(project);
  const seeds = files.flatMap((file) => {
    const text = readFile(file);
    if (text === null) return [];
    const seed = readSeed(file, text, read);
    const fault = /[\0\ufffd]/.test(text) ? faultOfBytes(file, read) : null;
    return [fault === null ? seed : { ...seed, errors: [...seed.errors, fault] }];
  });
  const reason = `it cannot be read, or is larger than ${maxFileBytes.toLocaleString('en')} bytes (maxFileBytes)`;
  const unread = files.flatMap((file) => (readFile(file) === null ? [{ file, reason }] : []));
  const included = new Set(seeds.flatMap((seed) => filesOf(seed).slice(1)).map(({ file }) => file));
  const roots = seeds.filter(({ file }) => !included.has(file));
  return { readings: (roots.length > 0 ? roots : seeds.slice(0, 1)).flatMap(filesOf), unread };
}

/** @throws ChainError `usage`, `no-project`, `bad-database-url`, and whatever aborts `signal` */
export async function diagnose(settings: Settings, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { project, looked } = await lookAtDatabase(
    settings,
    options,
    (whenFactsAreKnown) => readSubject(settings, options, whenFactsAreKnown),
    async (read, searchPath) => {
      const { source, facts, graph, replay } = await readProject(
        settings,
        read.progress,
        options.signal,
        undefined,
        searchPath,
      );
      const declaredAtHeads = replay.schemaAt([...graph.heads, ...graph.possibleHeads]);
      const models = read.models === null ? null : source.readModels();
      return { ...read, facts: { ...read.facts, env: facts.env }, graph, replay, declaredAtHeads, models };
    },
  );
  const { facts, graph, replay, declaredAtHeads, models, history, code, seeds, readFile } = project;
  try {
    const judged = await judge(project, looked);
    const { allRules } = await import('./rules/index.ts');
    return {
      projectDir: settings.project,
      facts,
      graph,
      replay,
      declaredAtHeads,
      models,
      history,
      code,
      seeds,
      database: looked.database,
      databaseProblem: looked.problem ?? judged.problem,
      rules: allRules.map(({ id, title, severity, docs }) => ({ id, title, severity, docs })),
      findings: judged.findings,
      notChecked: judged.notChecked,
      blindSpots: [...replay.blindSpots, ...(models?.blindSpots ?? [])],
      isBlocked: judged.findings.some(
        (finding) => finding.rule === 'insufficient-privileges' && finding.severity === 'error',
      ),
      readFile,
    };
  } finally {
    const { connection } = looked;
    if (connection !== null && connection !== options.reuse?.connection) {
      if (options.keep === undefined) await connection.close();
      else options.keep.connection = connection;
    }
  }
}

/** For commands that are nothing without a database: no rule is asked, and nothing is read that only rules ask for. */
export async function readDatabase(settings: Settings, options: DiagnoseOptions): Promise<DatabaseDiagnosis> {
  const progress = options.progress ?? (() => undefined);
  const read = async (tell?: (facts: ProjectFacts) => void, searchPath?: readonly string[]) => {
    const { facts, graph, replay } = await readProject(settings, progress, options.signal, tell, searchPath);
    options.signal?.throwIfAborted();
    const declaredAtHeads = replay.schemaAt([...graph.heads, ...graph.possibleHeads]);
    return { settings, options, facts, graph, replay, declaredAtHeads, progress };
  };
  const { looked } = await lookAtDatabase(settings, options, read, (_, searchPath) => read(undefined, searchPath));
  const { connection, database, problem } = looked;
  await connection?.close();
  if (problem !== null)
    throw new ChainError(problem.code as ErrorCode, problem.message, { hint: problem.hint ?? undefined });
  if (database === null) {
    throw new ChainError('no-database-url', 'Which database? No URL was given.', {
      hint: 'Give one with --url, CHAIN_DATABASE_URL or DATABASE_URL.',
    });
  }
  return database;
}
