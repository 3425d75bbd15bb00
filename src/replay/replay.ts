/**
 * Replay: revisions → the declared Schema after each of them, in Alembic's order, each revision on its own ancestors alone.
 * A linear history shares everything that does not change. Behind a missing parent (or on a cycle) revisions are replayed
 * on top of what the rest declares, and all they state is suspected. Refuses to know files and Python.
 */

import { setImmediate } from 'node:timers/promises';
import { keyOf } from '../model/name.ts';
import type { BlindSpot, Operation } from '../model/operation.ts';
import type { NamingConvention } from '../model/project.ts';
import type { OperationSink, Replay, ReplayNote, SchemaSnapshot } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { emptySchema, type Schema } from '../model/schema.ts';
import { orderOf } from './ancestors.ts';
import { applyToDraft } from './apply.ts';
import { collisionsOf } from './collisions.ts';
import { type ReplayState, SchemaDraft } from './draft.ts';
import { afterSteps, type Step } from './steps.ts';

/** What the replay needs of a MigrationSource. */
export interface RevisionEvaluator {
  readonly graph: RevisionGraph;
  evaluate(revision: RevisionId, direction: 'upgrade' | 'downgrade', sink: OperationSink): void;
}

export interface ReplayOptions {
  namingConvention: NamingConvention | null;
  /** Where unqualified names are looked up and created; `public` without one. */
  searchPath?: readonly string[] | null;
  /** Reads `downgrade()` too: its operations, on the schema after the revision. */
  withDowngrades?: boolean;
}

/** A state is a copy of every map that changed: one for each revision would cost the square of their number. */
const keptEvery = 64;
/** As many of those made again stay: whoever asks for one asks for its neighbours next. */
const mostRecent = 8;

export function replay(source: RevisionEvaluator, options: ReplayOptions): Replay {
  const steps = replaying(source, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Longest time in which nothing else gets its turn, in milliseconds. */
const turn = 50;

/** The same, letting signals and connections have their turn in between. @throws whatever aborts `signal` */
export async function replayInTurns(
  source: RevisionEvaluator,
  options: ReplayOptions,
  signal?: AbortSignal,
): Promise<Replay> {
  const steps = replaying(source, options);
  let since = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < turn) continue;
    await setImmediate();
    signal?.throwIfAborted();
    since = performance.now();
  }
}

/** Yields after each revision. */
function* replaying(source: RevisionEvaluator, options: ReplayOptions): Generator<void, Replay> {
  const searchPath = options.searchPath?.filter((name) => name !== '$user' && name !== '"$user"') ?? [];
  const start: ReplayState = {
    schema: emptySchema(['public', ...searchPath]),
    searchPath: searchPath.length > 0 ? searchPath : ['public'],
    temporaries: new Set(),
  };
  const ancestry = orderOf(source.graph);
  const operationsById = new Map<RevisionId, Operation[]>();
  const downgradesById = new Map<RevisionId, Operation[]>();
  const notes: ReplayNote[] = [];
  const blindSpots: BlindSpot[] = [];
  /** States that were kept; those between are put together from the one before and what changed since. */
  const stateById = new Map<RevisionId, ReplayState>();
  const recentById = new Map<RevisionId, ReplayState>();
  const stateBySet = new Map<string, ReplayState>();
  const stepById = new Map<RevisionId, Step>();

  const optionsFor = (revision: RevisionId) => ({
    namingConvention: options.namingConvention,
    isSuspected: ancestry.isDetached(revision),
  });

  /** A revision that runs on what the one before it left, and on nothing else. */
  const follows = (revision: RevisionId, before: RevisionId | undefined): boolean => {
    const predecessors = ancestry.predecessors(revision);
    return before === undefined ? predecessors.length === 0 : predecessors.length === 1 && predecessors[0] === before;
  };

  /** The operations of a revision once more, on another state. */
  const applyAgain = (state: ReplayState, revision: RevisionId): ReplayState => {
    const draft = new SchemaDraft(state, optionsFor(revision));
    for (const operation of operationsById.get(revision) ?? []) applyToDraft(draft, operation);
    return draft.state;
  };

  /** State once a revision ran that has run. */
  const stateAfter = (revision: RevisionId): ReplayState => {
    const steps: Step[] = [];
    let at = revision;
    let state = stateById.get(at) ?? recentById.get(at);
    while (state === undefined) {
      steps.push(stepById.get(at) as Step);
      at = ancestry.predecessors(at)[0] as RevisionId;
      state = stateById.get(at) ?? recentById.get(at);
    }
    if (steps.length === 0) return state;
    state = afterSteps(state, steps.reverse());
    for (const [oldest] of recentById) if (recentById.size >= mostRecent) recentById.delete(oldest);
    recentById.set(revision, state);
    return state;
  };

  /** State once all of `revisions` and their predecessors ran. */
  const stateAt = (revisions: readonly RevisionId[]): ReplayState => {
    if (revisions.length === 0) return start;
    if (revisions.length === 1) return stateAfter(revisions[0] as RevisionId);
    const name = [...revisions].sort().join('\n');
    const known = stateBySet.get(name);
    if (known !== undefined) return known;
    const { from, rest } = ancestry.shortestWay(revisions);
    let state = from === null ? start : stateAfter(from);
    for (const revision of rest) state = applyAgain(state, revision);
    stateBySet.set(name, state);
    return state;
  };

  let draft = new SchemaDraft(start, { namingConvention: options.namingConvention });
  for (const [at, revision] of ancestry.order.entries()) {
    const operations: Operation[] = [];
    operationsById.set(revision, operations);
    const isContinued = follows(revision, ancestry.order[at - 1]);
    if (!isContinued) draft = new SchemaDraft(stateAt(ancestry.predecessors(revision)), draft.options);
    draft.options = {
      ...optionsFor(revision),
      note: (note) => notes.push({ ...note, revision } as ReplayNote),
    };
    source.evaluate(revision, 'upgrade', {
      apply: (operation) => {
        operations.push(operation);
        if (operation.kind === 'opaque') blindSpots.push(blindSpotOf(draft, revision, operation));
        else if (operation.condition !== undefined) blindSpots.push(conditionOf(revision, operation));
        applyToDraft(draft, operation);
      },
      schema: () => draft.schema,
      searchPath: () => draft.searchPath,
      snapshot: () => snapshotOf(draft.state, options.namingConvention),
    });
    const next = ancestry.order[at + 1];
    stepById.set(revision, { changes: draft.takeChanges(), frame: draft.frame });
    const isKept = !isContinued || at % keptEvery === 0 || next === undefined || !follows(next, revision);
    if (isKept || options.withDowngrades) stateById.set(revision, draft.state);
    if (options.withDowngrades) downgradesById.set(revision, readDowngrade(source, revision, draft.state, options));
    yield;
  }

  const { order, isDetached } = ancestry;
  for (const note of collisionsOf({ source, order, isDetached, operationsById, stateAfter, optionsFor }))
    notes.push(note);

  return {
    operationsById,
    downgradesById,
    notes,
    blindSpots: unique(blindSpots),
    schemaAt: (revisions): Schema =>
      stateAt(ancestry.withoutAncestors(revisions.filter((each) => operationsById.has(each)))).schema,
    schemaAfter: (revision): Schema => (operationsById.has(revision) ? stateAfter(revision) : start).schema,
    changesOf: (revision) => ({
      from: ancestry.predecessors(revision),
      changes: stepById.get(revision)?.changes ?? {},
    }),
  };
}

function readDowngrade(
  source: RevisionEvaluator,
  revision: RevisionId,
  state: ReplayState,
  options: ReplayOptions,
): Operation[] {
  const operations: Operation[] = [];
  const draft = new SchemaDraft(state, { namingConvention: options.namingConvention });
  source.evaluate(revision, 'downgrade', {
    apply: (operation) => {
      operations.push(operation);
      applyToDraft(draft, operation);
    },
    schema: () => draft.schema,
    searchPath: () => draft.searchPath,
    snapshot: () => snapshotOf(draft.state, options.namingConvention),
  });
  return operations;
}

export function snapshotOf(state: ReplayState, namingConvention: NamingConvention | null): SchemaSnapshot {
  return {
    schema: state.schema,
    searchPath: state.searchPath,
    after: (operations) => {
      const draft = new SchemaDraft(state, { namingConvention });
      for (const operation of operations) applyToDraft(draft, operation);
      return snapshotOf(draft.state, namingConvention);
    },
  };
}

function blindSpotOf(
  draft: SchemaDraft,
  revision: RevisionId,
  operation: Extract<Operation, { kind: 'opaque' }>,
): BlindSpot {
  return {
    revision,
    file: operation.origin.file,
    line: operation.origin.line,
    reason: operation.reason,
    ...(operation.condition === undefined ? {} : { isAssumption: true, isLeftOut: true }),
    objects: operation.objects.map((name) => draft.findTable(name) ?? draft.createdKey(name)),
  };
}

function conditionOf(revision: RevisionId, operation: Operation): BlindSpot {
  return {
    revision,
    file: operation.origin.file,
    line: operation.origin.line,
    reason: `runs only if ${operation.condition}`,
    isAssumption: true,
    ...(operation.kind === 'touchRows' ? { isOfRows: true as const } : {}),
    objects: objectsOf(operation),
  };
}

function objectsOf(operation: Operation): string[] {
  if (operation.kind === 'touchRows')
    return operation.tables.map((table) => keyOf(table.schema ?? 'public', table.name));
  const name =
    'table' in operation && operation.table
      ? 'columns' in operation.table
        ? operation.table.name
        : operation.table
      : 'name' in operation && typeof operation.name === 'object'
        ? operation.name
        : null;
  return name === null ? [] : [keyOf(name.schema ?? 'public', name.name)];
}

function unique(spots: BlindSpot[]): BlindSpot[] {
  const seen = new Set<string>();
  return spots.filter((spot) => {
    const name = JSON.stringify(spot);
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}
