/**
 * Which revision does a live schema look like? Every revision's declared schema is scored by the features of live that it
 * explains; what two revisions share is counted once. Texts are compared by likeness only: a ranking proves nothing.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Difference } from '../model/drift.ts';
import { compareText, nameOfKey } from '../model/name.ts';
import type { Replay, SchemaChanges } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import type { Column, Constraint, Index, Schema, Table } from '../model/schema.ts';
import { compareSchemas } from './compare.ts';
import { type PlacedTypes, placedType, placedTypes } from './extensions.ts';
import type { CompareOptions } from './found.ts';
import { bodyOf } from './renames.ts';
import { hideOthers, isOfVersions } from './scope.ts';
import { likeness } from './text.ts';

export interface RankInputs {
  graph: RevisionGraph;
  replay: Pick<Replay, 'schemaAt' | 'schemaAfter' | 'changesOf'>;
  live: Schema;
  options?: CompareOptions & {
    /** How many of the best get their differences listed; 10 without it. */
    detailed?: number;
  };
}

export interface RankedRevisions {
  /** Empty: no revision at all. */
  revisions: RevisionId[];
  /** 0 to 1: features that both sides have, of all that either has. */
  score: number;
  /** Objects declared and not live, live and not declared; beyond the best ones features of objects, as `score` counts. */
  missing: number;
  unexpected: number;
  /** Objects that differ; null beyond the best. */
  differences: Difference[] | null;
}

/** Best first; of equal ones the oldest first. */
export function rankRevisions({ graph, replay, live, options = {} }: RankInputs): RankedRevisions[] {
  const managed = options.managedNamespaces ?? namespacesOfAll(graph, replay);
  const scorer = scorerOf(hideOthers(live, options), managed, options);
  const position = new Map(graph.order.map((revision, at) => [revision, at]));
  const empty: Place = { revisions: [], counts: nothingCounted, ...scorer.score(nothingCounted) };
  const scoreAt = (revisions: readonly RevisionId[]) => scorer.score(scorer.count(replay.schemaAt(revisions)));
  const ranked: Candidate[] = placesOf(graph, replay, scorer);
  if (graph.order.length > 1) ranked.push(...combinations(ranked, empty, graph, scoreAt));
  if (empty.unexpected === 0) ranked.push(empty);
  const age = (revisions: readonly RevisionId[]) => Math.max(-1, ...revisions.map((each) => position.get(each) ?? 0));
  ranked.sort(
    (a, b) =>
      b.score - a.score || age(a.revisions) - age(b.revisions) || compareText(a.revisions.join(), b.revisions.join()),
  );
  const compare = { ...options, managedNamespaces: managed };
  const detailed = options.detailed ?? 10;
  return ranked.map(({ revisions, score, missing, unexpected }, at) => {
    if (at >= detailed) return { revisions, score, missing, unexpected, differences: null };
    const schema = revisions.length === 0 ? emptyOf(live) : replay.schemaAt(revisions);
    const { differences } = compareSchemas(schema, live, { ...compare, comparedAt: revisions });
    const count = (...directions: Difference['direction'][]) =>
      differences.filter((difference) => directions.includes(difference.direction)).length;
    return {
      revisions,
      score,
      missing: count('missing', 'elsewhere'),
      unexpected: count('unexpected'),
      differences,
    };
  });
}

/**
 * Where live is known to be what `revisions` declare: they and the states beside them that nothing but data tells apart,
 * oldest first, without a look at any schema.
 */
export function exactPlaces(
  graph: RevisionGraph,
  replay: Pick<Replay, 'changesOf'>,
  revisions: readonly RevisionId[],
): RankedRevisions[] {
  const place = (each: readonly RevisionId[]): RankedRevisions => ({
    revisions: [...each],
    score: 1,
    missing: 0,
    unexpected: 0,
    differences: [],
  });
  const [only, ...others] = revisions;
  if (only === undefined || others.length > 0) return [place(revisions)];
  const alike = new Set([only]);
  const changesNothing = (revision: RevisionId) => Object.keys(replay.changesOf(revision).changes).length === 0;
  for (let at = only; changesNothing(at); ) {
    const [before, ...more] = replay.changesOf(at).from;
    if (before === undefined || more.length > 0 || alike.has(before)) break;
    alike.add(before);
    at = before;
  }
  for (const each of graph.order) {
    const [before, ...more] = replay.changesOf(each).from;
    if (before !== undefined && more.length === 0 && alike.has(before) && changesNothing(each)) alike.add(each);
  }
  return graph.order.filter((each) => alike.has(each)).map((each) => place([each]));
}

interface Score {
  score: number;
  missing: number;
  unexpected: number;
}

type Candidate = Score & { revisions: RevisionId[] };
type Place = Candidate & { counts: Counted };

/** Every revision, by what it changes of the place before it: most touch few objects of many. */
function placesOf(graph: RevisionGraph, replay: RankInputs['replay'], scorer: Scorer): Place[] {
  const placeById = new Map<RevisionId, Place>();
  for (const revision of graph.order) {
    const { from, changes } = replay.changesOf(revision);
    const before = from.length === 0 ? nothingCounted : placeById.get(from[0] as RevisionId)?.counts;
    const counts =
      before === undefined || from.length > 1
        ? scorer.count(replay.schemaAfter(revision))
        : scorer.countChanges(before, changes);
    placeById.set(revision, { revisions: [revision], counts, ...scorer.score(counts) });
  }
  return [...placeById.values()];
}

/**
 * States of several branches: from the best single revisions, one more at a time as long as that explains more. What a
 * revision changes is taken to be what it changes in its own line, so that a step weighs every revision and replays one
 * state alone; a state counts by its own score.
 */
function combinations(
  singles: readonly Candidate[],
  nothing: Candidate,
  graph: RevisionGraph,
  scoreAt: (revisions: readonly RevisionId[]) => Score,
): Candidate[] {
  if (graph.branchPoints.length === 0 && graph.bases.length < 2) return [];
  const changeById = changesById(singles, nothing, graph, scoreAt);
  // As `scorerOf` reckons: what live has is all unexpected to nothing.
  const live = nothing.unexpected;
  const explained = ({ missing, unexpected }: Change) => (live - unexpected) / (live + missing);
  const found = new Map<string, Candidate>();
  for (const start of [...singles].sort((a, b) => b.score - a.score).slice(0, 3)) {
    let current: Candidate = start;
    const applied = ancestorsOf(graph, start.revisions);
    while (current.score < 1) {
      const next = bestStep(current, applied, graph, changeById, explained);
      if (next === null) break;
      const behind = ancestorsOf(graph, [next]);
      const revisions = [...current.revisions.filter((each) => !behind.has(each)), next].sort(compareText);
      const candidate = { revisions, ...scoreAt(revisions) };
      if (candidate.score <= current.score) break;
      for (const each of behind) applied.add(each);
      current = candidate;
      if (revisions.length > 1) found.set(revisions.join('\n'), current);
    }
  }
  return [...found.values()];
}

type Change = Pick<Score, 'missing' | 'unexpected'>;

const none: Change = { missing: 0, unexpected: 0 };
const sum = (a: Change, b: Change): Change => ({
  missing: a.missing + b.missing,
  unexpected: a.unexpected + b.unexpected,
});

/** What each revision changes of the counts of what comes before it. */
function changesById(
  singles: readonly Candidate[],
  nothing: Change,
  graph: RevisionGraph,
  countAt: (revisions: readonly RevisionId[]) => Change,
): Map<RevisionId, Change> {
  const afterById = new Map<RevisionId, Change>(singles.map((each) => [each.revisions[0] as RevisionId, each]));
  const changes = new Map<RevisionId, Change>();
  for (const [revision, after] of afterById) {
    const before = graph.predecessorsById.get(revision) ?? [];
    const from = before.length > 1 ? countAt(before) : (afterById.get(before[0] as RevisionId) ?? nothing);
    changes.set(revision, {
      missing: after.missing - from.missing,
      unexpected: after.unexpected - from.unexpected,
    });
  }
  return changes;
}

/** The revision that, with all before it that is not applied yet, explains most; null where none explains more. */
function bestStep(
  current: Candidate,
  applied: ReadonlySet<RevisionId>,
  graph: RevisionGraph,
  changeById: ReadonlyMap<RevisionId, Change>,
  explained: (counts: Change) => number,
): RevisionId | null {
  const sumById = new Map<RevisionId, Change>();
  const changeOf = (revision: RevisionId) => changeById.get(revision) ?? none;
  let best: RevisionId | null = null;
  let most = current.score;
  for (const revision of graph.order) {
    if (applied.has(revision)) continue;
    const before = graph.predecessorsById.get(revision) ?? [];
    const all =
      before.length > 1
        ? [...ancestorsOf(graph, [revision])]
            .filter((each) => !applied.has(each))
            .map(changeOf)
            .reduce(sum, none)
        : sum(sumById.get(before[0] as RevisionId) ?? none, changeOf(revision));
    sumById.set(revision, all);
    const score = explained(sum(current, all));
    if (score > most) [best, most] = [revision, score];
  }
  return best;
}

/** Namespaces in which any revision has objects. */
function namespacesOfAll(graph: RevisionGraph, replay: RankInputs['replay']): Set<string> {
  const namespaces = new Set<string>();
  for (const revision of graph.order) {
    const { tables, enums, views, routines, domains } = replay.changesOf(revision).changes;
    for (const map of [tables, enums, views, routines, domains])
      for (const { after } of map?.values() ?? []) if (after !== undefined) namespaces.add(after.namespace);
  }
  if (namespaces.size === 0) namespaces.add('public');
  return namespaces;
}

function emptyOf({ namespaces }: Schema): Schema {
  const none = new Map<string, never>();
  return {
    namespaces,
    tables: none,
    enums: none,
    domains: none,
    composites: none,
    sequences: none,
    views: none,
    routines: none,
    extensions: none,
  };
}

/** Features that a schema states, and how many of them live has. */
interface Counted {
  matched: number;
  stated: number;
}

const nothingCounted: Counted = { matched: 0, stated: 0 };

interface Scorer {
  count(schema: Schema): Counted;
  /** The count behind a change of what was counted before. */
  countChanges(before: Counted, changes: SchemaChanges): Counted;
  score(counted: Counted): Score;
}

/** Scores schemas against one live schema; an object that stands unchanged from revision to revision is counted once. */
function scorerOf(live: Schema, managed: ReadonlySet<string>, options: CompareOptions): Scorer {
  const placed = placedTypes(options.extensionObjects);
  const counts = (key: string) => managed.has(nameOfKey(key).schema ?? '');
  const known = new WeakMap<object, ReadonlySet<string>>();
  const featuresOf = <Name extends CountedMap>(name: Name, item: Item<Name>): ReadonlySet<string> => {
    let features = known.get(item);
    if (features === undefined) {
      features = new Set(featuresByMap[name](item, placed));
      known.set(item, features);
    }
    return features;
  };
  let total = 0;
  for (const name of countedMaps)
    for (const [key, item] of live[name]) if (counts(key)) total += featuresOf(name, item as never).size;
  const judged = new WeakMap<object, Counted>();
  const judge = <Name extends CountedMap>(name: Name, key: string, item: Item<Name> | undefined): Counted => {
    if (item === undefined || (name === 'tables' && isOfVersions(key, options))) return nothingCounted;
    let counted = judged.get(item);
    if (counted === undefined) {
      const features = featuresOf(name, item);
      const standing = counts(key) ? (live[name].get(key) as Item<Name> | undefined) : undefined;
      counted = {
        matched: standing === undefined ? 0 : shared(features, featuresOf(name, standing)),
        stated: features.size,
      };
      judged.set(item, counted);
    }
    return counted;
  };
  return {
    count: (schema) => {
      let [matched, stated] = [0, 0];
      for (const name of countedMaps) {
        for (const [key, item] of schema[name]) {
          const counted = judge(name, key, item as never);
          matched += counted.matched;
          stated += counted.stated;
        }
      }
      return { matched, stated };
    },
    countChanges: (before, changes) => {
      let { matched, stated } = before;
      for (const name of countedMaps) {
        for (const [key, change] of changes[name] ?? []) {
          const was = judge(name, key, change.before as never);
          const is = judge(name, key, change.after as never);
          matched += is.matched - was.matched;
          stated += is.stated - was.stated;
        }
      }
      return { matched, stated };
    },
    score: ({ matched, stated }) => {
      const all = stated + total - matched;
      return { score: all === 0 ? 1 : matched / all, missing: stated - matched, unexpected: total - matched };
    },
  };
}

function shared(features: ReadonlySet<string>, others: ReadonlySet<string>): number {
  if (features === others) return features.size;
  let count = 0;
  for (const feature of features) if (others.has(feature)) count++;
  return count;
}

/** What of a table can be there or not, each as a text. */
function tableFeatures(table: Table, placed: PlacedTypes): Set<string> {
  const features = new Set<string>(['table']);
  if (table.rowSecurity) features.add('row security');
  if (table.forceRowSecurity) features.add('force row security');
  if (table.persistence !== 'p') features.add(`persistence ${table.persistence}`);
  for (const column of table.columns.values()) addColumn(features, column, placed);
  for (const constraint of table.constraints.values())
    if (!constraint.fromPartitionParent) addConstraint(features, constraint);
  for (const index of table.indexes.values()) if (!index.fromPartitionParent) addIndex(features, index);
  for (const name of table.triggers.keys()) features.add(`trigger ${name}`);
  for (const name of table.policies.keys()) features.add(`policy ${name}`);
  return features;
}

function addColumn(features: Set<string>, column: Column, placed: PlacedTypes): void {
  features.add(`column ${column.name}`);
  features.add(`type ${column.name} ${placedType(placed, column.type)}`);
  features.add(`null ${column.name} ${column.notNull}`);
  features.add(`default ${column.name} ${column.default === null ? '' : likeness(column.default)}`);
  if (column.identity) features.add(`identity ${column.name} ${column.identity}`);
  if (column.generated) features.add(`generated ${column.name} ${likeness(column.generated.expression)}`);
}

function addConstraint(features: Set<string>, constraint: Constraint): void {
  const { type, columns, references } = constraint;
  features.add(`constraint ${constraint.name}`);
  features.add(
    type === 'c'
      ? `check ${likeness(constraint.expression ?? '')}`
      : `${type} ${columns.join()} ${references?.table ?? ''} ${references?.columns.join() ?? ''}`,
  );
  if (references)
    features.add(`actions ${columns.join()} ${references.table} ${references.onDelete} ${references.onUpdate}`);
  if (constraint.deferrable) features.add(`deferrable ${constraint.name} ${constraint.deferrable}`);
  if (!constraint.validated) features.add(`not valid ${constraint.name}`);
}

function addIndex(features: Set<string>, index: Index): void {
  features.add(`index ${index.name}`);
  features.add(
    `index ${index.name} ${index.unique} ${index.method} ${index.keys.map((key) => `${likeness(key.text)} ${key.descending}`).join()} ${index.include.join()} ${index.where === null ? '' : likeness(index.where)}`,
  );
}

const countedMaps = ['tables', 'enums', 'domains', 'sequences', 'views', 'routines'] as const;
type CountedMap = (typeof countedMaps)[number];
type Item<Name extends CountedMap> = Schema[Name] extends ReadonlyMap<string, infer Value> ? Value & object : never;

/** What of each object can be there or not, each as a text; nothing of those that belong to another. */
const featuresByMap: { [Name in CountedMap]: (item: Item<Name>, placed: PlacedTypes) => Iterable<string> } = {
  tables: (table, placed) => (table.partitionBound === null ? tableFeatures(table, placed) : []),
  enums: ({ labels }) => ['enum', `labels ${labels.join()}`, ...labels.map((label) => `label ${label}`)],
  domains: ({ base, notNull }) => ['domain', `domain ${base} ${notNull}`],
  sequences: ({ ownedBy }) => (ownedBy === null ? ['sequence'] : []),
  views: ({ kind, indexes }) => [`view ${kind}`, ...[...indexes.keys()].map((name) => `index ${name}`)],
  routines: ({ definition }) => ['routine', ...(definition === null ? [] : [`body ${likeness(bodyOf(definition))}`])],
};
