/**
 * Inputs of rules made in memory: each revision is SQL, the live database is SQL, the seed is SQL. No file, no server.
 */
import { compareSchemas, rankRevisions, setApartHalfApplied } from '../../src/diff/index.ts';
import { readMigrators, readSeedRunners } from '../../src/history/index.ts';
import { buildRevisionGraph } from '../../src/model/build-revision-graph.ts';
import type { Finding } from '../../src/model/finding.ts';
import { halfAppliedRevisions } from '../../src/model/half-applied.ts';
import type { RevisionHistory } from '../../src/model/history.ts';
import type { LiveDatabase } from '../../src/model/live.ts';
import type { Migrator } from '../../src/model/migrator.ts';
import type { Operation } from '../../src/model/operation.ts';
import type { EnvFacts, ProjectFacts, SurroundingFile } from '../../src/model/project.ts';
import type { Revision, RevisionReading, UnreadableFile } from '../../src/model/revision.ts';
import type { RevisionCode } from '../../src/model/revision-code.ts';
import { filesOf } from '../../src/model/seed-view.ts';
import { readStamp, settleOverlap } from '../../src/model/stamp.ts';
import { replay as replayRevisions, schemaOfOperations } from '../../src/replay/index.ts';
import { runRules } from '../../src/rules/engine.ts';
import { findRule } from '../../src/rules/index.ts';
import type { EndpointAnswer, RuleInputs, SeedReruns } from '../../src/rules/rule.ts';
import { readSeed } from '../../src/seeds/index.ts';
import { loadMigratorCodeReader } from '../../src/sources/alembic/index.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

await loadSqlParser();
const readMigratorCode = await loadMigratorCodeReader();

export interface RevisionText extends Partial<Omit<Revision, 'id'>> {
  id: string;
  /** Parents; none: a base. */
  after?: string | string[];
  sql?: string;
  /** Operations that SQL cannot state, after those of `sql`. */
  operations?: (at: { origin: Operation['origin'] }) => Operation[];
}

export interface Project {
  revisions?: RevisionText[];
  unreadable?: UnreadableFile[];
  models?: string;
  seed?: string;
  /** Files that the seed includes, by their path. */
  seedFiles?: Record<string, string>;
  surroundings?: SurroundingFile[];
  /** Read from the surroundings where they are not given. */
  migrators?: Migrator[];
  env?: Partial<EnvFacts>;
  history?: Partial<RevisionHistory>;
  /** The live schema as SQL; without it no database is looked at. */
  live?: string;
  /** Version rows; null: no version table. */
  rows?: string[] | null;
  /** What a search of the project's files found of rows that are unknown. */
  stamp?: Partial<RuleInputs['stamp']>;
  liveFacts?: (live: LiveDatabase) => Partial<LiveDatabase>;
  versionTable?: Partial<LiveDatabase['versionTables'][number]>;
  /** What PostgreSQL refuses, by a part of the query. */
  refusals?: [string, { sqlState: string; message: string; position?: number }][];
  /** What the database answers a probe whose SQL has this text. */
  answers?: [text: string, rows: Record<string, unknown>[]][];
  allowedHeads?: string[];
  /** What the code of revisions says, by id; each has some, with hashes of its own. */
  code?: Record<string, Partial<RevisionCode>>;
  endpoints?: EndpointAnswer[];
  /** What running the seeds twice has shown. */
  reruns?: SeedReruns;
}

export const noCode: RevisionCode = {
  isSound: true,
  hash: { upgrade: 'u', downgrade: 'd' },
  readImports: () => [],
  downgrade: 'stated',
  downgradeLine: 20,
  setsLockTimeout: false,
  managesTransaction: false,
  downgradeTexts: [],
  downgradeCallsDrop: false,
};

export const seedFile = 'scripts/seed.sql';

export function revisionOf(text: RevisionText): Revision {
  const { sql: _sql, operations: _operations, after, ...given } = text;
  return {
    downRevisions: after === undefined ? [] : [after].flat(),
    dependsOn: [],
    branchLabels: [],
    file: `versions/${text.id}.py`,
    line: 5,
    downRevisionLine: 6,
    message: '',
    createDate: null,
    docstringRevises: null,
    ...given,
  };
}

function operationsOf(text: RevisionText): Operation[] {
  const origin = { revision: text.id, file: text.file ?? `versions/${text.id}.py`, line: 10 };
  const stated = text.sql === undefined ? [] : parseSql(text.sql, { origin, revision: text.id });
  return [
    ...stated.map((operation) => ({ span: { from: 0, to: 1 }, ...operation })),
    ...(text.operations?.({ origin }) ?? []),
  ];
}

export function schemaOf(sql: string) {
  const operations = parseSql(sql, { origin: { revision: null, file: 'live.sql', line: 1 } });
  return schemaOfOperations(operations, { namingConvention: null, searchPath: ['public'] } as never);
}

function liveOf(project: Project): LiveDatabase {
  const rows = project.rows ?? null;
  const live: LiveDatabase = {
    serverVersion: '18.4',
    serverVersionNumber: 180004,
    name: 'app',
    role: 'app',
    isSuperuser: false,
    isStandby: false,
    encoding: 'UTF8',
    eventTriggers: [],
    searchPath: ['public'],
    schema: schemaOf(project.live ?? ''),
    versionTables:
      rows === null
        ? []
        : [
            {
              key: 'public.alembic_version',
              namespace: 'public',
              name: 'alembic_version',
              owner: 'app',
              width: 32,
              hasPrimaryKey: true,
              rows,
              nullRows: 0,
              isFiltered: false,
              problem: null,
              isResolved: true,
              ...project.versionTable,
            },
          ],
    extensionObjects: new Set(),
    unreadableTables: new Set(),
    unusableNamespaces: new Set(),
    unownedTables: new Set(),
    uncreatableNamespaces: new Set(),
    sizesByTable: new Map(),
    fingerprint: '',
  };
  return { ...live, ...project.liveFacts?.(live) };
}

export function inputsOf(project: Project): Partial<RuleInputs> {
  const texts = project.revisions ?? [];
  const readings: RevisionReading[] = [
    ...texts.map((text) => ({ revision: revisionOf(text) })),
    ...(project.unreadable ?? []).map((unreadable) => ({ unreadable })),
  ];
  const graph = buildRevisionGraph(readings);
  const byId = new Map(texts.map((text) => [text.id, operationsOf(text)]));
  const replay = replayRevisions(
    {
      graph,
      evaluate: (id, direction, sink) => {
        if (direction === 'upgrade') for (const operation of byId.get(id) ?? []) sink.apply(operation);
      },
    },
    { namingConvention: null, searchPath: ['public'] },
  );
  const heads = replay.schemaAt(graph.heads);
  const facts: ProjectFacts = {
    config: {
      file: 'alembic.ini',
      section: 'alembic',
      scriptLocation: 'alembic',
      versionLocations: ['versions'],
      recursive: false,
      sourceless: false,
      fileTemplate: null,
      url: null,
    },
    env: {
      file: 'alembic/env.py',
      versionTable: 'alembic_version',
      versionTableSchema: null,
      versionWidth: null,
      includeSchemas: false,
      filtersObjects: false,
      searchPath: null,
      namingConvention: null,
      targetMetadata: 'app:Base.metadata',
      transactionPerMigration: false,
      ...project.env,
    },
    modelFiles: ['app.py'],
    seedFiles: project.seed === undefined ? [] : [seedFile],
    surroundings: project.surroundings ?? [],
    migrators: project.migrators ?? [],
    notes: [],
  };
  const readFile = (file: string) => {
    const text = project.seedFiles?.[file];
    return text === undefined ? null : Buffer.from(text);
  };
  const readingsOfSeeds = project.seed === undefined ? [] : filesOf(readSeed(seedFile, project.seed, readFile));
  const inputs: Partial<RuleInputs> = {
    graph,
    code: new Map([...graph.revisions.keys()].map((id) => [id, { ...noCode, ...project.code?.[id] }])),
    endpoints: project.endpoints ?? [],
    config: facts,
    declared: { replay, heads, schema: heads, comparedAt: graph.heads, comparedBy: 'nothing', isElaborated: false },
    seeds: { readings: readingsOfSeeds, runners: readSeedRunners(facts.surroundings, readingsOfSeeds) },
  };
  if (project.reruns !== undefined) inputs.reruns = project.reruns;
  if (project.models !== undefined) {
    const schema = schemaOf(project.models);
    const operations = parseSql(project.models, { origin: { revision: null, file: 'app.py', line: 1 } });
    inputs.models = {
      reading: {
        schema,
        definitionsByTable: new Map(
          [...schema.tables.keys()].map((key) => [key, [{ file: 'app.py', line: 1, name: key }]]),
        ),
        creation: operations,
        operationsByTable: new Map(
          [...schema.tables.keys()].map((key) => [
            key,
            operations.filter(
              (operation) => operation.kind === 'createTable' && key.endsWith(`.${operation.table.name.name}`),
            ),
          ]),
        ),
        blindSpots: [],
        files: ['app.py'],
      },
      drift: compareSchemas(schema, heads),
    };
  }
  if (project.history !== undefined) {
    inputs.history = {
      isAvailable: true,
      reason: null,
      releasedById: new Map(),
      deletedById: new Map(),
      elsewhereById: new Map(),
      addedByFile: new Map(),
      ...project.history,
    };
  }
  if (project.live !== undefined) {
    const live = liveOf(project);
    const stamp = readStamp(graph, live);
    const looksLike = rankRevisions({ graph, replay, live: live.schema }).map((place) => ({
      ...place,
      differences: place.differences ?? [],
    }));
    const isStamped = stamp.state === 'placed';
    const comparedAt = isStamped
      ? settleOverlap(graph, replay, live.schema, stamp.known)
      : (looksLike[0]?.revisions ?? []);
    const schema = replay.schemaAt(comparedAt);
    inputs.live = live;
    inputs.stamp = { ...stamp, looksLike, strayFileById: new Map(), absentLocations: [], ...project.stamp };
    inputs.declared = {
      replay,
      heads,
      schema,
      comparedAt,
      comparedBy: isStamped ? 'stamp' : 'looks-like',
      isElaborated: true,
    };
    const scope = {
      comparedAt,
      elaborated: true,
      versionTables: new Set(['public.alembic_version']),
      managedNamespaces: new Set(['public']),
    };
    const halves = isStamped ? halfAppliedRevisions(graph, replay, comparedAt, live.schema) : [];
    inputs.drift = setApartHalfApplied(compareSchemas(schema, live.schema, scope), halves, live.schema, scope);
  }
  return inputs;
}

/** What one rule says of the project. */
export async function findingsOf(rule: string, project: Project): Promise<Finding[]> {
  return (await resultsOf([rule], project)).findings;
}

export async function resultsOf(rules: readonly string[], project: Project) {
  const found = rules.map((id) => {
    const rule = findRule(id);
    if (rule === null) throw new Error(`no rule ${id}`);
    return rule;
  });
  const surroundings = project.surroundings ?? [];
  const migrators = project.migrators ?? [
    ...(await readMigrators(surroundings)),
    ...surroundings.flatMap((one) =>
      one.kind === 'python' ? readMigratorCode(one, one.file === 'alembic/env.py') : [],
    ),
  ];
  return runRules(found, inputsOf({ ...project, migrators }), {
    policy: { allowedHeads: project.allowedHeads ?? [], occasion: 'doctor' },
    reasons: {},
    only: [],
    skip: [],
    ignore: [],
    severity: {},
    today: '2026-01-01',
    ask: async (sql) => {
      const refusal = project.refusals?.find(([text]) => sql.includes(text))?.[1];
      if (refusal) throw Object.assign(new Error(refusal.message), refusal);
      return project.answers?.find(([text]) => sql.includes(text))?.[1] ?? [];
    },
  });
}
