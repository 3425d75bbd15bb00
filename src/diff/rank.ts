/**
 * Which revision does a live schema look like? Every revision's declared schema is scored by the features of live that it
 * explains; what two revisions share is counted once. Texts are compared by likeness only: a ranking proves nothing.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Difference } from '../model/drift.ts';
import { compareText, nameOfKey } from '../model/name.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import type { Column, Constraint, Index, Schema, Table } from '../model/schema.ts';
import { type CompareOptions, compareSchemas, hideOthers, isOfVersions, namespacesOf } from './compare.ts';
import { type PlacedTypes, placedType, placedTypes } from './extensions.ts';
import { bodyOf } from './renames.ts';
import { likeness } from './text.ts';

export interface RankInputs {
  graph: RevisionGraph;
  schemaAfter(revision: RevisionId): Schema;
  /** For states of several heads; without it only single revisions are ranked. */
  schemaAt?(revisions: readonly RevisionId[]): Schema;
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
export function rankRevisions({ graph, schemaAfter, schemaAt, live, options = {} }: RankInputs): RankedRevisions[] {
  const schemas = graph.order.map((revision) => ({ revisions: [revision], schema: schemaAfter(revision) }));
  const managed = options.managedNamespaces ?? namespacesOfAll(schemas.map((each) => each.schema));
  const compare = { ...options, managedNamespaces: managed };
  const score = scorer(hideOthers(live, options), managed, options);
  const position = new Map(graph.order.map((revision, at) => [revision, at]));
  const ranked = schemas.map(({ revisions, schema }) => ({ revisions, schema, ...score(schema) }));
  const empty = emptyOf(schemas[0]?.schema);
  const nothing = { revisions: [] as RevisionId[], schema: empty, ...score(empty) };
  if (schemaAt !== undefined && graph.order.length > 1)
    ranked.push(...combinations(ranked, nothing, graph, schemaAt, score));
  if (nothing.unexpected === 0) ranked.push(nothing);
  const age = (revisions: readonly RevisionId[]) => Math.max(-1, ...revisions.map((each) => position.get(each) ?? 0));
  ranked.sort(
    (a, b) =>
      b.score - a.score || age(a.revisions) - age(b.revisions) || compareText(a.revisions.join(), b.revisions.join()),
  );
  const detailed = options.detailed ?? 10;
  return ranked.map(({ schema, ...each }, at) => {
    if (at >= detailed) return { ...each, differences: null };
    const { differences } = compareSchemas(schema, live, { ...compare, comparedAt: each.revisions });
    const count = (...directions: Difference['direction'][]) =>
      differences.filter((difference) => directions.includes(difference.direction)).length;
    return { ...each, missing: count('missing', 'elsewhere'), unexpected: count('unexpected'), differences };
  });
}

interface Score {
  score: number;
  missing: number;
  unexpected: number;
}

type Candidate = Score & { revisions: RevisionId[]; schema: Schema };

/**
 * States of several branches: from the best single revisions, one more at a time as long as that explains more. What a
 * revision changes is taken to be what it changes in its own line, so that a step weighs every revision and replays one
 * state alone; a state counts by its own score.
 */
function combinations(
  singles: readonly Candidate[],
  nothing: Candidate,
  graph: RevisionGraph,
  schemaAt: (revisions: readonly RevisionId[]) => Schema,
  score: (schema: Schema) => Score,
): Candidate[] {
  if (graph.branchPoints.length === 0 && graph.bases.length < 2) return [];
  const changeById = changesOf(singles, nothing, graph, (revisions) => score(schemaAt(revisions)));
  // As `scorer` reckons: what live has is all unexpected to nothing.
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
      const schema = schemaAt(revisions);
      const candidate = { revisions, schema, ...score(schema) };
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
function changesOf(
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

function namespacesOfAll(schemas: readonly Schema[]): Set<string> {
  const namespaces = new Set<string>();
  let before: Schema | null = null;
  for (const schema of schemas) {
    if (schema.tables !== before?.tables || schema.enums !== before?.enums)
      for (const each of namespacesOf(schema)) namespaces.add(each);
    before = schema;
  }
  return namespaces;
}

function emptyOf(schema: Schema | undefined): Schema {
  const none = new Map<string, never>();
  return {
    namespaces: schema?.namespaces ?? new Set(['public']),
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

/** Scores schemas against one live schema; a table that stands unchanged from revision to revision is counted once. */
function scorer(live: Schema, managed: ReadonlySet<string>, options: CompareOptions): (schema: Schema) => Score {
  const placed = placedTypes(options.extensionObjects);
  const counts = (key: string) => managed.has(nameOfKey(key).schema ?? '');
  const isChildOnly = (table: Table) => table.partitionBound !== null;
  const known = new WeakMap<Table, Set<string>>();
  const featuresOf = (table: Table): Set<string> => {
    const features = known.get(table) ?? tableFeatures(table, placed);
    known.set(table, features);
    return features;
  };
  const liveTables = new Map(
    [...live.tables].filter(([key]) => counts(key)).map(([key, table]) => [key, featuresOf(table)]),
  );
  const liveKin = new Map<string, Set<string>>();
  let total = 0;
  for (const [key, features] of liveTables) if (!isChildOnly(live.tables.get(key) as Table)) total += features.size;
  for (const [key, features] of kinFeatures(live)) {
    if (!counts(key)) continue;
    liveKin.set(key, features);
    total += features.size;
  }
  const tableCache = new WeakMap<Table, Counted>();
  const kinCache = new WeakMap<object, Counted>();
  const judge = (features: ReadonlySet<string>, other: ReadonlySet<string> | undefined) => {
    let matched = 0;
    if (other !== undefined) for (const feature of features) if (other.has(feature)) matched++;
    return { matched, stated: features.size };
  };
  const judgedTable = (key: string, table: Table): Counted => {
    let counted = tableCache.get(table);
    if (counted === undefined) {
      const own = featuresOf(table);
      counted =
        live.tables.get(key) === table ? { matched: own.size, stated: own.size } : judge(own, liveTables.get(key));
      tableCache.set(table, counted);
    }
    return counted;
  };
  return (schema) => {
    let matched = 0;
    let stated = 0;
    for (const [key, table] of schema.tables) {
      if (isChildOnly(table) || isOfVersions(key, options)) continue;
      const counted = judgedTable(key, table);
      matched += counted.matched;
      stated += counted.stated;
    }
    eachKin(schema, (key, value, make) => {
      let counted = kinCache.get(value);
      if (counted === undefined) {
        counted = judge(make(), liveKin.get(key));
        kinCache.set(value, counted);
      }
      matched += counted.matched;
      stated += counted.stated;
    });
    const all = stated + total - matched;
    return { score: all === 0 ? 1 : matched / all, missing: stated - matched, unexpected: total - matched };
  };
}

interface Counted {
  matched: number;
  stated: number;
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

/** Objects beside tables: key, the object (what is remembered about it), its features. */
function eachKin(schema: Schema, see: (key: string, object: object, make: () => Set<string>) => void): void {
  for (const [key, type] of schema.enums)
    see(
      key,
      type,
      () => new Set(['enum', `labels ${type.labels.join()}`, ...type.labels.map((label) => `label ${label}`)]),
    );
  for (const [key, domain] of schema.domains)
    see(key, domain, () => new Set(['domain', `domain ${domain.base} ${domain.notNull}`]));
  for (const [key, sequence] of schema.sequences)
    if (sequence.ownedBy === null) see(key, sequence, () => new Set(['sequence']));
  for (const [key, view] of schema.views)
    see(key, view, () => new Set([`view ${view.kind}`, ...[...view.indexes.keys()].map((name) => `index ${name}`)]));
  for (const [key, routine] of schema.routines)
    see(
      key,
      routine,
      () =>
        new Set(['routine', ...(routine.definition === null ? [] : [`body ${likeness(bodyOf(routine.definition))}`])]),
    );
}

function kinFeatures(schema: Schema): Map<string, Set<string>> {
  const features = new Map<string, Set<string>>();
  eachKin(schema, (key, _, make) => features.set(key, new Set([...(features.get(key) ?? []), ...make()])));
  return features;
}
