/**
 * The tool in one paragraph: read the project, replay its revisions, look at the database where there is one, compare, and
 * let the rules judge. Reads only. What needs no database needs none of the database's code either.
 */
import type { Connection, DatabaseTarget, ElaboratedPair, ScratchServer } from './database/index.ts';
import { ChainError } from './errors.ts';
import type {
  DatabaseDiagnosis,
  DatabaseProblem,
  Diagnosis,
  LooksLike,
  SeedsReading,
  Stamp,
} from './model/diagnosis.ts';
import type { Drift } from './model/drift.ts';
import type { RevisionHistory } from './model/history.ts';
import type { LiveDatabase } from './model/live.ts';
import { matchesObject } from './model/lookup.ts';
import type { ProjectFacts } from './model/project.ts';
import type { ModelsReading, Replay } from './model/replay.ts';
import type { RevisionId } from './model/revision.ts';
import type { RevisionCode } from './model/revision-code.ts';
import type { RevisionGraph } from './model/revision-graph.ts';
import type { Schema } from './model/schema.ts';
import { settleOverlap } from './model/stamp.ts';
import type { EndpointAnswer, InputName, RuleInputs } from './rules/rule.ts';
import type { Settings } from './settings.ts';
import type { MigrationSource } from './sources/source.ts';

export interface DiagnoseOptions {
  signal?: AbortSignal;
  progress?: (text: string) => void;
  /** `gate` looks before a deploy and never dials the project's own ini. */
  occasion?: 'doctor' | 'gate';
  /** gate: what the revisions are compared with, a git ref. */
  baseRef?: string | null;
  /** Never take the URL of the project's own ini. */
  ignoreConfigUrl?: boolean;
  /** What the caller has at hand already, and closes itself. */
  reuse?: { scratch?: ScratchServer; connection?: Connection; history?: RevisionHistory };
  /** ISO date that `until` of an ignored object is held against; default: today. */
  today?: string;
}

/** @throws ChainError `usage`, `no-project`, `bad-database-url`, and whatever aborts `signal` */
export async function diagnose(settings: Settings, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const progress = options.progress ?? (() => undefined);
  await checkRuleNames(settings);
  const { source, facts, graph, replay } = await readProject(settings, progress);
  const { readHistory, readLock, readSeedRunners } = await import('./history/index.ts');
  const { loadRevisionCodeReader, readRevisionText } = await import('./sources/alembic/index.ts');
  const readCode = await loadRevisionCodeReader();
  const { surroundings } = facts;
  const declaredAtHeads = replay.schemaAt([...graph.heads, ...graph.possibleHeads]);

  progress('reading models and seeds');
  const models = facts.env.modelFiles.length > 0 || settings.models !== null ? source.readModels() : null;
  const { readSeedSql } = await import('./sql/index.ts');
  const readings = facts.seedFiles.flatMap((file) => {
    const text = source.readFile(file);
    return text === null ? [] : [readSeedSql(file, text)];
  });
  const seeds: SeedsReading = { readings, runners: readSeedRunners(surroundings, readings) };
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

  const project = {
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
  };
  const looked = await lookAtDatabase(project);
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
      databaseProblem: looked.problem,
      rules: allRules.map(({ id, title, severity, docs }) => ({ id, title, severity, docs })),
      findings: judged.findings,
      notChecked: judged.notChecked,
      blindSpots: [...replay.blindSpots, ...(models?.blindSpots ?? [])],
      isBlocked: judged.findings.some(
        (finding) => finding.rule === 'insufficient-privileges' && finding.severity === 'error',
      ),
      readFile: (file) => source.readFile(file),
    };
  } finally {
    if (looked.connection !== null && looked.connection !== options.reuse?.connection) await looked.connection.close();
  }
}

export interface ProjectReading {
  source: MigrationSource;
  facts: ProjectFacts;
  graph: RevisionGraph;
  replay: Replay;
}

/** What the files alone say: configuration, revision graph, declared schema. @throws ChainError `no-project` */
export async function readProject(settings: Settings, progress: (text: string) => void): Promise<ProjectReading> {
  progress('reading the revisions');
  const { findAlembicConfig, openAlembicSource } = await import('./sources/alembic/index.ts');
  const projectDir = settings.project;
  const config = findAlembicConfig({ ...settings, projectDir });
  const { replay: replayRevisions, schemaOfOperations } = await import('./replay/index.ts');
  const source: MigrationSource = await openAlembicSource({
    ...settings,
    projectDir,
    config,
    schemaOf: (operations) =>
      schemaOfOperations(operations, {
        namingConvention: source.facts.env.namingConvention,
        searchPath: source.facts.env.searchPath ?? ['public'],
      }),
  });
  const { readSurroundings } = await import('./history/index.ts');
  const envText = source.readFile(source.facts.env.file ?? '');
  const env = { ...source.facts.env, plugins: pluginsOf(envText), ...transactionsOf(envText ?? '') };
  const facts: ProjectFacts = { ...source.facts, env, surroundings: readSurroundings(projectDir) };
  progress('replaying the revisions');
  const searchPath = facts.env.searchPath ?? ['public'];
  const replay = replayRevisions(source, { namingConvention: facts.env.namingConvention, searchPath });
  return { source, facts, graph: source.graph, replay };
}

type Endpoints = { answers: EndpointAnswer[] } | { reason: string };

/** Requests are made for a person who looks at what runs: not before a deploy, and not for a scratch copy. */
async function askEndpoints(settings: Settings, options: DiagnoseOptions): Promise<Endpoints> {
  const wanted = settings.expectations.filter((expectation) => expectation.kind === 'http');
  if (wanted.length === 0) return { answers: [] };
  if (options.occasion === 'gate') return { reason: 'a gate stands before the deploy: no request was made' };
  if (settings.offline) return { reason: '--offline: no request was made' };
  if (options.reuse?.connection !== undefined) return { reason: 'no request was made for a copy of the database' };
  options.progress?.('asking the endpoints');
  const { checkExpectations } = await import('./seeds/index.ts');
  const results = await checkExpectations(null, wanted, { timeoutMs: settings.timeouts.connectMs });
  return {
    answers: results.map(({ name, isMet, expected, actual, message }, index) => ({
      name,
      url: String(wanted[index]?.url ?? ''),
      isMet,
      expected,
      actual,
      message,
    })),
  };
}

/** A misspelt rule would leave a gate open without a word. @throws ChainError `usage` */
async function checkRuleNames({ only, skip, severity, ignore }: Settings): Promise<void> {
  const named: [where: string, ids: readonly string[]][] = [
    ['--only', only],
    ['--skip', skip],
    ['"severity" of the settings', Object.keys(severity)],
    ['"ignore" of the settings', ignore.flatMap(({ rule }) => (rule === undefined ? [] : [rule]))],
  ];
  if (named.every(([, ids]) => ids.length === 0)) return;
  const { closestRule, findRule } = await import('./rules/index.ts');
  for (const [where, ids] of named) {
    for (const id of ids) {
      if (findRule(id) !== null) continue;
      const close = closestRule(id);
      throw new ChainError('usage', `${where} names "${id}", which is no rule.`, {
        hint: `${close === null ? '' : `Did you mean ${close}? `}\`chain explain\` lists all rules.`,
      });
    }
  }
}

interface Project {
  settings: Settings;
  options: DiagnoseOptions;
  facts: ProjectFacts;
  graph: RevisionGraph;
  replay: Replay;
  declaredAtHeads: Schema;
  models: ModelsReading | null;
  seeds: SeedsReading;
  history: RevisionHistory;
  code: ReadonlyMap<RevisionId, RevisionCode>;
  endpoints: Endpoints;
  progress: (text: string) => void;
}

interface Looked {
  connection: Connection | null;
  database: DatabaseDiagnosis | null;
  problem: DatabaseProblem | null;
  /** Why there is no database, where nobody asked for one. */
  reason: string;
}

/** Alembic plug-ins that env.py imports by name. */
function pluginsOf(env: string | null): string[] {
  return [...(env ?? '').matchAll(/^[ \t]*(?:import|from)[ \t]+(alembic_\w+)/gm)].map((match) => match[1] as string);
}

function transactionsOf(env: string) {
  return {
    autocommits: /AUTOCOMMIT|transactional_ddl\s*=\s*False|isolation_level/i.test(env),
    makesEngine: /\b(?:async_)?engine_from_config\s*\(|\bcreate_(?:async_)?engine\s*\(/.test(env),
    setsLockTimeout: /\block_timeout\b/i.test(env),
  };
}

async function lookAtDatabase(project: Project): Promise<Looked> {
  const { settings, options, progress } = project;
  const nothing = { connection: null, database: null, problem: null };
  const text = databaseUrl(project);
  if (options.reuse?.connection === undefined) {
    if (settings.offline) return { ...nothing, reason: 'no database was looked at (--offline)' };
    if (text === null) return { ...nothing, reason: 'no database was given (--url)' };
  }
  progress('reading the database');
  const { connect, introspect, parseDatabaseUrl } = await import('./database/index.ts');
  let connection: Connection | null = null;
  try {
    if (options.reuse?.connection !== undefined) connection = options.reuse.connection;
    else {
      const target: DatabaseTarget = parseDatabaseUrl(text as string);
      connection = await connect(target, {
        readOnly: true,
        timeouts: settings.timeouts,
        applicationName: 'chain',
        ...(options.signal ? { signal: options.signal } : {}),
      });
    }
    const { versionTable, versionTableSchema } = project.facts.env;
    const live = await introspect(connection, { versionTable, versionTableSchema });
    return { connection, database: await compare(project, live), problem: null, reason: '' };
  } catch (error) {
    if (connection !== options.reuse?.connection) await connection?.close();
    if (!(error instanceof ChainError) || options.signal?.aborted || error.exitCode !== 3) throw error;
    const problem = { code: error.code, message: error.message, hint: error.hint };
    return { ...nothing, problem, reason: `the database could not be looked at: ${error.message}` };
  }
}

/** The contract's order ends with the project's own ini, which only reading commands take. */
function databaseUrl({ settings, options, facts }: Project): string | null {
  if (settings.url !== null) return settings.url.text;
  return options.ignoreConfigUrl || options.occasion === 'gate' ? null : facts.config.url;
}

/** Compared at: the stamp; where there is none, or it cannot be placed, what the live schema looks like best. */
async function compare(project: Project, live: LiveDatabase): Promise<DatabaseDiagnosis> {
  const { graph, replay, settings, progress } = project;
  progress('comparing');
  const { compareSchemas, keysInDoubt, rankRevisions, spelledAs } = await import('./diff/index.ts');
  const stamp = readStamp(graph, live);
  const today = project.options.today ?? new Date().toISOString().slice(0, 10);
  const ignored = settings.ignore.filter((entry) => entry.rule === undefined && !(entry.until && entry.until < today));
  const scope = {
    extensionObjects: live.extensionObjects,
    versionTables: new Set(live.versionTables.map((table) => table.key)),
    isIgnored: (key: string) => ignored.some((entry) => entry.object !== undefined && matchesObject(entry.object, key)),
    managedNamespaces: managedNamespaces(project),
  };
  const rank = (schema: Schema): LooksLike[] =>
    rankRevisions({
      graph,
      schemaAfter: (id) => replay.schemaAfter(id),
      schemaAt: (ids) => replay.schemaAt(ids),
      live: schema,
      options: scope,
    }).map((place) => ({ ...place, differences: place.differences ?? [] }));
  const isStamped = stamp.state === 'placed' && stamp.known.length > 0;
  const asWrittenThere = isStamped ? null : rank(live.schema);
  const settled = isStamped ? settleOverlap(graph, replay, live.schema, stamp.known) : [];
  const comparedAt = isStamped ? settled : (asWrittenThere?.[0]?.revisions ?? []);
  const comparedBy = isStamped ? 'stamp' : comparedAt.length > 0 ? 'looks-like' : 'nothing';
  const declared = replay.schemaAt(comparedAt);
  const base = { live, stamp, comparedAt, comparedBy } as const;
  const unelaborated = () => ({ ...base, looksLike: asWrittenThere ?? rank(live.schema) });
  if (comparedBy === 'nothing') {
    const drift: Drift = { differences: [], comparedAt };
    return { ...unelaborated(), declared, drift, isElaborated: false, elaborationProblem: null };
  }
  const asWritten = () => compareSchemas(declared, live.schema, { ...scope, comparedAt });
  const doubts: DoubtsOf = (ours, theirs, round) => keysInDoubt(ours, theirs, scope, round);
  if (doubts(declared, live.schema, 0).size === 0)
    return { ...unelaborated(), declared, drift: asWritten(), isElaborated: true, elaborationProblem: null };
  const both = await elaborateInScratch(project, declared, live.schema, doubts);
  if (both.problem !== null)
    return { ...unelaborated(), declared, drift: asWritten(), isElaborated: false, elaborationProblem: both.problem };
  const drift = compareSchemas(both.declared, both.live, {
    ...scope,
    comparedAt,
    elaborated: true,
    unbuilt: both.unbuilt,
  });
  // What PostgreSQL has found to mean the same counts as the same for the neighbours too.
  const looksLike = rank(spelledAs(live.schema, declared, drift));
  return { ...base, looksLike, declared: both.declared, drift, isElaborated: true, elaborationProblem: null };
}

/** Schemas that this chain has ever put something into: what others keep elsewhere is no drift. */
function managedNamespaces({ replay, declaredAtHeads, facts }: Project): Set<string> {
  const namespaces = new Set<string>();
  for (const table of declaredAtHeads.tables.values()) namespaces.add(table.namespace);
  for (const view of declaredAtHeads.views.values()) namespaces.add(view.namespace);
  for (const type of declaredAtHeads.enums.values()) namespaces.add(type.namespace);
  for (const operations of replay.operationsById.values()) {
    for (const operation of operations) {
      if (operation.kind === 'createTable' && operation.table.name.schema !== null)
        namespaces.add(operation.table.name.schema);
    }
  }
  if (namespaces.size === 0) namespaces.add(facts.env.searchPath?.[0] ?? 'public');
  return namespaces;
}

type DoubtsOf = (declared: Schema, live: Schema, round: number) => ReadonlySet<string>;
type Elaborated = { problem: string } | ({ problem: null } & ElaboratedPair);

/** PostgreSQL says what both sides mean: what is in doubt is built on one scratch server, whose own words are compared. */
async function elaborateInScratch(
  project: Project,
  declared: Schema,
  live: Schema,
  doubts: DoubtsOf,
): Promise<Elaborated> {
  const { settings, options, progress } = project;
  if (!settings.useScratch && options.reuse?.scratch === undefined)
    return { problem: 'no scratch database (--no-scratch)' };
  progress('asking a scratch database what both sides mean');
  const [{ elaborateBoth, openScratch }, { withLentTypes, withoutLentTypes }] = await Promise.all([
    import('./database/index.ts'),
    import('./diff/index.ts'),
  ]);
  let scratch: ScratchServer | null = options.reuse?.scratch ?? null;
  try {
    scratch ??= await openScratch({
      scratchUrl: settings.scratchUrl,
      timeouts: settings.timeouts,
      server: { isSmall: true },
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const both = await elaborateBoth(scratch, withLentTypes(declared, live), live, doubts);
    return { problem: null, ...both, declared: withoutLentTypes(both.declared, declared) };
  } catch (error) {
    if (!(error instanceof ChainError) || options.signal?.aborted) throw error;
    return { problem: error.message };
  } finally {
    if (scratch !== null && scratch !== options.reuse?.scratch) await scratch.stop();
  }
}

function readStamp(graph: RevisionGraph, live: LiveDatabase): Stamp {
  const table = live.versionTables.find((candidate) => candidate.isResolved) ?? null;
  const others = live.versionTables.filter((candidate) => candidate !== table);
  const rows = table?.rows ?? [];
  const distinct = [...new Set(rows)];
  const known = distinct.filter((row) => graph.revisions.has(row));
  const unknown = distinct.filter((row) => !graph.revisions.has(row));
  const state =
    table === null
      ? 'absent'
      : table.rows === null
        ? 'unreadable'
        : rows.length === 0
          ? 'empty'
          : unknown.length > 0
            ? 'unplaced'
            : 'placed';
  return { table, others, state, rows, known, unknown };
}

async function judge(project: Project, looked: Looked) {
  const { settings, options, facts, graph, replay, declaredAtHeads, models, seeds, history } = project;
  const { database, connection } = looked;
  project.progress('judging');
  const [{ allRules, runRules }, { compareSchemas }] = await Promise.all([
    import('./rules/index.ts'),
    import('./diff/index.ts'),
  ]);
  const inputs: Partial<RuleInputs> = {
    graph,
    config: facts,
    declared: {
      replay,
      heads: declaredAtHeads,
      schema: database?.declared ?? declaredAtHeads,
      comparedAt: database?.comparedAt ?? graph.heads,
      comparedBy: database?.comparedBy ?? 'nothing',
      isElaborated: database?.isElaborated ?? false,
    },
  };
  const reasons: Partial<Record<InputName, string>> = {};
  if (database !== null) {
    inputs.live = database.live;
    inputs.drift = database.drift;
    inputs.stamp = { ...database.stamp, looksLike: database.looksLike };
  } else {
    reasons.live = reasons.drift = reasons.stamp = looked.reason;
  }
  inputs.seeds = seeds;
  if (models !== null) {
    inputs.models = {
      reading: models,
      drift: compareSchemas(models.schema, declaredAtHeads, { comparedAt: graph.heads }),
    };
  } else reasons.models = 'no models were found (target_metadata does not lead to any)';
  inputs.code = project.code;
  if ('answers' in project.endpoints) inputs.endpoints = project.endpoints.answers;
  else reasons.endpoints = project.endpoints.reason;
  if (history.isAvailable || history.lock) inputs.history = history;
  else reasons.history = history.reason ?? 'there is no git history here';
  return runRules(allRules, inputs, {
    policy: { allowedHeads: settings.allowedHeads, occasion: options.occasion ?? 'doctor' },
    reasons,
    only: settings.only,
    skip: settings.skip,
    ignore: settings.ignore,
    severity: settings.severity,
    today: options.today ?? new Date().toISOString().slice(0, 10),
    ask: connection === null ? null : async (sql) => (await connection.query(sql)).rows as Record<string, unknown>[],
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/** For commands that are nothing without a database. @throws ChainError `no-database-url`, `connection-failed` */
export async function diagnoseDatabase(
  settings: Settings,
  options: DiagnoseOptions,
): Promise<Diagnosis & { database: DatabaseDiagnosis }> {
  const diagnosis = await diagnose(settings, options);
  const { database, databaseProblem: problem } = diagnosis;
  if (problem !== null) throw new ChainError('connection-failed', problem.message, { hint: problem.hint ?? undefined });
  if (database === null) {
    throw new ChainError('no-database-url', 'Which database? No URL was given.', {
      hint: 'Give one with --url, CHAIN_DATABASE_URL or DATABASE_URL.',
    });
  }
  return { ...diagnosis, database };
}
