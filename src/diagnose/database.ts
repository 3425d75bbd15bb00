/**
 * The live database beside the declared schema: where it stands, what it looks like, what differs.
 */
import type { Connection, DatabaseTarget, ElaboratedPair, ScratchServer } from '../database/index.ts';
import { ChainError } from '../errors.ts';
import type { DatabaseDiagnosis, LooksLike } from '../model/diagnosis.ts';
import type { Drift } from '../model/drift.ts';
import type { LiveDatabase } from '../model/live.ts';
import { matchesObject } from '../model/lookup.ts';
import type { Schema } from '../model/schema.ts';
import { readStamp, settleOverlap } from '../model/stamp.ts';

import type { Looked, Project } from './subject.ts';

/** What of a project a look at its database needs. */
type Subject = Pick<Project, 'settings' | 'options' | 'facts' | 'graph' | 'replay' | 'declaredAtHeads' | 'progress'>;

export async function lookAtDatabase(project: Subject): Promise<Looked> {
  const { settings, options, progress } = project;
  const nothing = { connection: null, database: null, problem: null };
  const text = databaseUrl(project);
  if (options.reuse?.connection === undefined) {
    if (settings.offline) return { ...nothing, reason: 'no database was looked at (--offline)' };
    if (text === null) return { ...nothing, reason: 'no database was given (--url)' };
  }
  progress('reading the database');
  const { connect, introspect, parseDatabaseUrl } = await import('../database/index.ts');
  let connection: Connection | null = null;
  let scratch: StartingScratch | null = null;
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
    scratch = startScratch(project);
    const live = await introspect(connection, { versionTable, versionTableSchema });
    return { connection, database: await compare(project, live, scratch), problem: null, reason: '' };
  } catch (error) {
    if (connection !== options.reuse?.connection) await connection?.close();
    if (!(error instanceof ChainError) || options.signal?.aborted || error.exitCode !== 3) throw error;
    const problem = { code: error.code, message: error.message, hint: error.hint };
    return { ...nothing, problem, reason: `the database could not be looked at: ${error.message}` };
  } finally {
    await scratch?.stop();
  }
}

interface StartingScratch {
  /** @throws ChainError what keeps it from starting */
  server: Promise<ScratchServer>;
  stop(): Promise<void>;
}

/** Starts while the database is read: it is needed nearly always. Null: none is to be used, or the caller has one. */
function startScratch({ settings, options }: Subject): StartingScratch | null {
  if (!settings.useScratch || options.reuse?.scratch !== undefined) return null;
  const server = import('../database/index.ts').then(({ openScratch }) =>
    openScratch({
      scratchUrl: settings.scratchUrl,
      timeouts: settings.timeouts,
      server: { isSmall: true },
      ...(options.signal ? { signal: options.signal } : {}),
    }),
  );
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
function databaseUrl({ settings, options, facts }: Subject): string | null {
  if (settings.url !== null) return settings.url.text;
  return options.ignoreConfigUrl || options.occasion === 'gate' ? null : facts.config.url;
}

/** Compared at: the stamp; where there is none, or it cannot be placed, what the live schema looks like best. */
async function compare(
  project: Subject,
  live: LiveDatabase,
  scratch: StartingScratch | null,
): Promise<DatabaseDiagnosis> {
  const { graph, replay, settings, progress } = project;
  progress('comparing');
  const { compareSchemas, keysInDoubt, rankRevisions, spelledAs } = await import('../diff/index.ts');
  const stamp = readStamp(graph, live, project.options.assumedRows);
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
  const best = asWrittenThere?.[0];
  const comparedAt = isStamped ? settled : best !== undefined && isAlike(best) ? best.revisions : [];
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
  const inDoubt = doubts(declared, live.schema, 0);
  if (inDoubt.size === 0)
    return { ...unelaborated(), declared, drift: asWritten(), isElaborated: true, elaborationProblem: null };
  const both = await elaborateInScratch(project, scratch, declared, live.schema, doubts, inDoubt);
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

/** A database that has nothing of this chain, not even under another schema, looks like none of its revisions. */
function isAlike({ score, differences }: LooksLike): boolean {
  return score > 0 || differences.some(({ direction }) => direction === 'elsewhere');
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

type DoubtsOf = (declared: Schema, live: Schema, round: number) => ReadonlySet<string>;
type Elaborated = { problem: string } | ({ problem: null } & ElaboratedPair);

/** PostgreSQL says what both sides mean: what is in doubt is built on one scratch server, whose own words are compared. */
async function elaborateInScratch(
  { options, progress }: Subject,
  starting: StartingScratch | null,
  declared: Schema,
  live: Schema,
  doubts: DoubtsOf,
  inDoubt: ReadonlySet<string>,
): Promise<Elaborated> {
  const given = options.reuse?.scratch ?? starting?.server;
  if (given === undefined) return { problem: 'no scratch database (--no-scratch)' };
  progress('asking a scratch database what both sides mean');
  const [{ elaborateBoth }, { withLentTypes, withoutLentTypes }] = await Promise.all([
    import('../database/index.ts'),
    import('../diff/index.ts'),
  ]);
  try {
    const both = await elaborateBoth(await given, withLentTypes(declared, live), live, doubts, inDoubt);
    return { problem: null, ...both, declared: withoutLentTypes(both.declared, declared) };
  } catch (error) {
    if (!(error instanceof ChainError) || options.signal?.aborted) throw error;
    return { problem: error.message };
  }
}
