/**
 * The live database beside the declared schema: where it stands, what it looks like, what differs.
 */
import type { Connection, ElaboratedPair } from '../database/index.ts';
import { ChainError } from '../errors.ts';
import { unknownAmong } from '../model/ancestry.ts';
import type { DatabaseDiagnosis, LooksLike, Stamp } from '../model/diagnosis.ts';
import type { Drift } from '../model/drift.ts';
import { halfAppliedRevisions } from '../model/half-applied.ts';
import type { LiveDatabase } from '../model/live.ts';
import { matchesObject } from '../model/lookup.ts';
import type { ProjectFacts } from '../model/project.ts';
import type { Schema } from '../model/schema.ts';
import { searchPathOfChain } from '../model/search-path.ts';
import { readStamp, settleOverlap } from '../model/stamp.ts';
import type { Settings } from '../settings.ts';

import type { DiagnoseOptions, Looked, Project, StartingScratch } from './subject.ts';

/** What of a project a look at its database needs. */
type Subject = Pick<Project, 'settings' | 'options' | 'facts' | 'graph' | 'replay' | 'declaredAtHeads' | 'progress'>;

/**
 * Reads the files by `readFiles` and the database meanwhile, from when they tell where its version table is; then compares.
 * @throws whatever `readFiles` throws, and whatever aborts the signal
 */
export async function lookAtDatabase<Files extends Subject>(
  settings: Settings,
  options: DiagnoseOptions,
  readFiles: (whenFactsAreKnown: (facts: ProjectFacts) => void) => Promise<Files>,
  /** The files once more, with unqualified names going elsewhere than to `public`. */
  readAgain?: (project: Files, searchPath: readonly string[]) => Promise<Files>,
): Promise<{ project: Files; looked: Looked }> {
  const begun: Promise<LiveReading>[] = [];
  const nothing = { connection: null, database: null, problem: null };
  try {
    const project = await readFiles((facts) => {
      if (whyNone(settings, options, facts) !== null) return;
      const reading = readLive(settings, options, facts);
      // Nobody waits for it yet: until then its failure is nobody's.
      reading.catch(() => undefined);
      begun.push(reading);
    });
    const [reading] = begun;
    if (reading === undefined)
      return { project, looked: { ...nothing, reason: whyNone(settings, options, project.facts) ?? '' } };
    project.progress('reading the database');
    try {
      const { connection, live, scratch } = await reading;
      const path = searchPathOfChain(project.facts.env, project.graph, project.declaredAtHeads, live);
      const placed = path === null || readAgain === undefined ? project : await readAgain(project, path);
      const searchPath = path ?? project.facts.env.searchPath ?? ['public'];
      const database = { ...(await compare(placed, live, scratch)), searchPath };
      if (scratch !== null && options.keep !== undefined) options.keep.scratch = scratch;
      else await scratch?.stop();
      return { project: placed, looked: { connection, database, problem: null, reason: '' } };
    } catch (error) {
      if (!(error instanceof ChainError) || options.signal?.aborted || error.exitCode !== 3) throw error;
      await abandon(reading, options);
      const problem = { code: error.code, message: error.message, hint: error.hint };
      const reason = `the database could not be looked at: ${error.message}`;
      return { project, looked: { ...nothing, problem, reason } };
    }
  } catch (error) {
    for (const reading of begun) await abandon(reading, options);
    throw error;
  }
}

interface LiveReading {
  connection: Connection;
  live: LiveDatabase;
  scratch: StartingScratch | null;
}

async function readLive(settings: Settings, options: DiagnoseOptions, facts: ProjectFacts): Promise<LiveReading> {
  const { connect, introspect, parseDatabaseUrl } = await import('../database/index.ts');
  const connection =
    options.reuse?.connection ??
    (await connect(parseDatabaseUrl(databaseUrl(settings, options, facts) as string), {
      readOnly: true,
      timeouts: settings.timeouts,
      applicationName: 'chain',
      ...(options.signal ? { signal: options.signal } : {}),
    }));
  const scratch = startScratch(settings, options);
  try {
    const { versionTable, versionTableSchema } = facts.env;
    return { connection, scratch, live: await introspect(connection, { versionTable, versionTableSchema }) };
  } catch (error) {
    await leave({ connection, scratch }, options);
    throw error;
  }
}

async function abandon(reading: Promise<LiveReading>, options: DiagnoseOptions): Promise<void> {
  const read = await reading.catch(() => null);
  if (read !== null) await leave(read, options);
}

/** The caller's own connection stays open. */
async function leave({ connection, scratch }: Omit<LiveReading, 'live'>, options: DiagnoseOptions): Promise<void> {
  if (connection !== options.reuse?.connection) await connection.close();
  await scratch?.stop();
}

/** Why no database is looked at; null: one is. */
function whyNone(settings: Settings, options: DiagnoseOptions, facts: ProjectFacts): string | null {
  if (options.reuse?.connection !== undefined) return null;
  if (settings.offline) return 'no database was looked at (--offline)';
  return databaseUrl(settings, options, facts) === null ? 'no database was given (--url)' : null;
}

/** Starts while the database is read: it is needed nearly always. Null: none is to be used, or the caller has one. */
function startScratch(settings: Settings, options: DiagnoseOptions): StartingScratch | null {
  if (!settings.useScratch || options.reuse?.scratch !== undefined) return null;
  const server = import('../database/index.ts').then(({ openScratch }) =>
    openScratch({
      scratchUrl: settings.scratchUrl,
      timeouts: settings.timeouts,
      server: { isSmall: true },
      ...(options.signal ? { signal: options.signal } : {}),
    }),
  );
  // Nobody waits for it yet: until then its failure is nobody's.
  server.catch(() => undefined);
  return {
    server,
    stop: () =>
      server.then(
        (started) => started.stop(),
        () => undefined,
      ),
  };
}

/** The contract's order ends with the project's own ini, which only reading commands take. */
function databaseUrl(settings: Settings, options: DiagnoseOptions, facts: ProjectFacts): string | null {
  if (settings.url !== null) return settings.url.text;
  return options.ignoreConfigUrl || options.occasion === 'gate' ? null : facts.config.url;
}

/** Compared at: the stamp; where there is none, or it cannot be placed, what the live schema looks like best. */
async function compare(
  project: Subject,
  read: LiveDatabase,
  scratch: StartingScratch | null,
): Promise<Omit<DatabaseDiagnosis, 'searchPath'>> {
  const { graph, replay, settings, progress } = project;
  const { places } = project.options;
  progress('comparing');
  const {
    compareSchemas,
    exactPlaces,
    keysInDoubt,
    rankRevisions,
    setApartHalfApplied,
    spelledAs,
    withArgumentModes,
    withPlacedRoutines,
  } = await import('../diff/index.ts');
  const live = read.serverVersionNumber < 140_000 ? { ...read, schema: withArgumentModes(read.schema) } : read;
  const stamp = readStamp(graph, live, project.options.assumedRows);
  const today = project.options.today ?? new Date().toISOString().slice(0, 10);
  const ignored = settings.ignore.filter((entry) => entry.rule === undefined && !(entry.until && entry.until < today));
  const managed = managedNamespaces(project);
  const scope = {
    extensionObjects: live.extensionObjects,
    versionTables: new Set(live.versionTables.map((table) => table.key)),
    isIgnored: (key: string) => ignored.some((entry) => entry.object !== undefined && matchesObject(entry.object, key)),
    managedNamespaces: managed,
    othersNamespaces: othersNamespaces(stamp, managed),
  };
  const rank = (schema: Schema): LooksLike[] =>
    rankRevisions({
      graph,
      replay,
      live: schema,
      options: { ...scope, detailed: places ?? placesInReport },
    }).map((place) => ({ ...place, differences: place.differences ?? [] }));
  const isStamped = stamp.state === 'placed' && stamp.known.length > 0;
  const asWrittenThere = isStamped ? null : rank(live.schema);
  const settled = isStamped ? settleOverlap(graph, replay, live.schema, stamp.known) : [];
  const best = asWrittenThere?.[0];
  const comparedAt = isStamped ? settled : best !== undefined && isAlike(best) ? best.revisions : [];
  const comparedBy = isStamped ? 'stamp' : comparedAt.length > 0 ? 'looks-like' : 'nothing';
  const declared = withPlacedRoutines(replay.schemaAt(comparedAt), live);
  const unknownRevisions = unknownAmong(graph, comparedAt);
  const base = { live, stamp, comparedAt, comparedBy } as const;
  const halves = comparedBy === 'stamp' ? halfAppliedRevisions(graph, replay, comparedAt, live.schema) : [];
  const setApart = (drift: Drift) => setApartHalfApplied(drift, halves, live.schema, { ...scope, comparedAt });
  /** Where the database is what its stamp declares, nothing is to be ranked. */
  const looksLikeWith = ({ differences }: Drift, ranked: () => LooksLike[]): LooksLike[] =>
    isStamped && places === undefined && differences.length === 0
      ? exactPlaces(graph, replay, comparedAt).map((place) => ({ ...place, differences: [] }))
      : ranked();
  const unelaborated = (drift: Drift) => ({
    ...base,
    drift: setApart(drift),
    looksLike: looksLikeWith(drift, () => asWrittenThere ?? rank(live.schema)),
  });
  if (comparedBy === 'nothing') {
    const drift: Drift = { differences: [], comparedAt };
    return { ...unelaborated(drift), declared, isElaborated: false, elaborationProblem: null };
  }
  const asWritten = () => compareSchemas(declared, live.schema, { ...scope, comparedAt, unknownRevisions });
  const doubts: DoubtsOf = (ours, theirs, round) => keysInDoubt(ours, theirs, scope, round);
  const inDoubt = doubts(declared, live.schema, 0);
  if (inDoubt.size === 0)
    return { ...unelaborated(asWritten()), declared, isElaborated: true, elaborationProblem: null };
  const both = await elaborateInScratch(project, scratch, declared, live, doubts, inDoubt);
  if (both.problem !== null)
    return { ...unelaborated(asWritten()), declared, isElaborated: false, elaborationProblem: both.problem };
  const theirs = await inOurForms(live, both);
  const drift = compareSchemas(both.declared, theirs, {
    ...scope,
    comparedAt,
    elaborated: true,
    unbuilt: both.unbuilt,
    unknownRevisions,
  });
  // What PostgreSQL has found to mean the same counts as the same for the neighbours too.
  const looksLike = looksLikeWith(drift, () => rank(spelledAs(live.schema, declared, drift)));
  return {
    ...base,
    looksLike,
    declared: both.declared,
    drift: setApart(drift),
    isElaborated: true,
    elaborationProblem: null,
  };
}

/** What a server before 14 printed, where the scratch server prints SQL's own forms. */
async function inOurForms({ serverVersionNumber }: LiveDatabase, both: ElaboratedPair): Promise<Schema> {
  if (serverVersionNumber >= 140_000) return both.live;
  const [{ isSameButForCallForm, loadSqlParser }, { respelled }] = await Promise.all([
    import('../sql/index.ts'),
    import('../diff/index.ts'),
  ]);
  await loadSqlParser();
  return respelled(both.live, both.declared, isSameButForCallForm);
}

/** A database that has nothing of this chain, not even under another schema, looks like none of its revisions. */
function isAlike({ score, differences }: LooksLike): boolean {
  return score > 0 || differences.some(({ direction }) => direction === 'elsewhere');
}

/**
 * Schemas with a version table of their own, where this chain's is known and elsewhere: another chain's, or one of many
 * copies of this one, as multi-tenant databases have them.
 */
function othersNamespaces({ table, others, state }: Stamp, managed: ReadonlySet<string>): Set<string> {
  if (state !== 'placed' || table === null) return new Set();
  const theirs = others.map(({ namespace }) => namespace);
  return new Set(theirs.filter((namespace) => namespace !== table.namespace && !managed.has(namespace)));
}

/** Schemas that this chain has ever put something into: what others keep elsewhere is no drift. */
function managedNamespaces({ replay, declaredAtHeads, facts }: Subject): Set<string> {
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

/** As many of the places it looks like as a report shows. */
const placesInReport = 5;

type DoubtsOf = (declared: Schema, live: Schema, round: number) => ReadonlySet<string>;
type Elaborated = { problem: string } | ({ problem: null } & ElaboratedPair);

/** PostgreSQL says what both sides mean: what is in doubt is built on one scratch server, whose own words are compared. */
async function elaborateInScratch(
  { options, progress }: Subject,
  starting: StartingScratch | null,
  declared: Schema,
  live: LiveDatabase,
  doubts: DoubtsOf,
  inDoubt: ReadonlySet<string>,
): Promise<Elaborated> {
  const given = options.reuse?.scratch ?? starting?.server;
  if (given === undefined) return { problem: 'no scratch database (--no-scratch)' };
  progress('asking a scratch database what both sides mean');
  const [{ elaborateBoth }, { asDeclared, toBeBuilt }] = await Promise.all([
    import('../database/index.ts'),
    import('../diff/index.ts'),
  ]);
  try {
    const both = await elaborateBoth(await given, toBeBuilt(declared, live), live.schema, doubts, inDoubt);
    return { problem: null, ...both, declared: asDeclared(both.declared, declared, live) };
  } catch (error) {
    if (!(error instanceof ChainError) || options.signal?.aborted) throw error;
    return { problem: error.message };
  }
}
