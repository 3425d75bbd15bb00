/**
 * Which revision does a live schema look like? Every revision's declared schema is scored by the features of live that it
 * explains; what two revisions share is counted once. Texts are compared by likeness only: a ranking proves nothing.
 */
import type { Difference } from '../model/drift.ts';
import { compareText } from '../model/name.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import type { Column, Constraint, Index, Schema, Table } from '../model/schema.ts';
import { type CompareOptions, compareSchemas, hideOthers, namespacesOf } from './compare.ts';
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
  const score = scorer(hideOthers(live, options), managed);
  const position = new Map(graph.order.map((revision, at) => [revision, at]));
  const ranked = schemas.map(({ revisions, schema }) => ({ revisions, schema, ...score(schema) }));
  if (schemaAt !== undefined && graph.order.length > 1) ranked.push(...combinations(ranked, graph, schemaAt, score));
  const empty = emptyOf(schemas[0]?.schema);
  const nothing = { revisions: [] as RevisionId[], schema: empty, ...score(empty) };
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
 * Several heads: from the best single revisions, one more that is neither ancestor nor descendant as long as it explains
 * more. A state between branches is found without trying every pair.
 */
function combinations(
  ranked: readonly Candidate[],
  graph: RevisionGraph,
  schemaAt: (revisions: readonly RevisionId[]) => Schema,
  score: (schema: Schema) => Score,
): Candidate[] {
  if (graph.branchPoints.length === 0 && graph.bases.length < 2) return [];
  const related = relations(graph);
  const best = [...ranked].sort((a, b) => b.score - a.score).slice(0, 3);
  const found = new Map<string, Candidate>();
  for (const start of best) {
    let current: Candidate = start;
    while (current.score < 1 && current.revisions.length < 8) {
      let better: Candidate | null = null;
      for (const revision of graph.order) {
        if (current.revisions.some((each) => related(each, revision))) continue;
        const revisions = [...current.revisions, revision].sort(compareText);
        const schema = schemaAt(revisions);
        const candidate = { revisions, schema, ...score(schema) };
        if (candidate.score > (better ?? current).score) better = candidate;
      }
      if (better === null) break;
      current = better;
      found.set(current.revisions.join('\n'), current);
    }
  }
  return [...found.values()];
}

/** Whether one of two revisions is (or comes before) the other. */
function relations(graph: RevisionGraph): (a: RevisionId, b: RevisionId) => boolean {
  const ancestors = new Map<RevisionId, Set<RevisionId>>();
  const ancestorsOf = (revision: RevisionId): Set<RevisionId> => {
    const known = ancestors.get(revision);
    if (known !== undefined) return known;
    const found = new Set<RevisionId>();
    const open = [revision];
    for (let each = open.pop(); each !== undefined; each = open.pop()) {
      if (found.has(each)) continue;
      found.add(each);
      open.push(...(graph.predecessorsById.get(each) ?? []));
    }
    ancestors.set(revision, found);
    return found;
  };
  return (a, b) => ancestorsOf(a).has(b) || ancestorsOf(b).has(a);
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
function scorer(live: Schema, managed: ReadonlySet<string>): (schema: Schema) => Score {
  const counts = (key: string) => managed.has(key.slice(0, key.indexOf('.')));
  const isChildOnly = (table: Table) => table.partitionBound !== null;
  const known = new WeakMap<Table, Set<string>>();
  const featuresOf = (table: Table): Set<string> => {
    const features = known.get(table) ?? tableFeatures(table);
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
      if (isChildOnly(table)) continue;
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
function tableFeatures(table: Table): Set<string> {
  const features = new Set<string>(['table']);
  if (table.rowSecurity) features.add('row security');
  if (table.forceRowSecurity) features.add('force row security');
  if (table.persistence !== 'p') features.add(`persistence ${table.persistence}`);
  for (const column of table.columns.values()) addColumn(features, column);
  for (const constraint of table.constraints.values())
    if (!constraint.fromPartitionParent) addConstraint(features, constraint);
  for (const index of table.indexes.values()) if (!index.fromPartitionParent) addIndex(features, index);
  for (const name of table.triggers.keys()) features.add(`trigger ${name}`);
  for (const name of table.policies.keys()) features.add(`policy ${name}`);
  return features;
}

function addColumn(features: Set<string>, column: Column): void {
  features.add(`column ${column.name}`);
  features.add(`type ${column.name} ${column.type}`);
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
