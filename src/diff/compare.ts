/**
 * Declared × live → Drift, by structure: one Difference an object, contents of an absent table not apart, a thing under
 * another name told as renamed. Whose objects count is given from outside; refuses to judge what a difference costs.
 * Longer than most files here: the kinds of object one after the other, each by the same pattern.
 */
import { displayOfKey, nextvalDefault, typeKeyOf } from '../model/definition.ts';
import type { Difference, DifferenceDirection, Drift } from '../model/drift.ts';
import { compareText, nameOfKey, quoteIdentifier } from '../model/name.ts';
import {
  type Certainty,
  type Constraint,
  type Declared,
  isInDoubt,
  type Policy,
  type Schema,
  type Table,
  type Trigger,
} from '../model/schema.ts';
import { withCauses } from './causes.ts';
import { bareClass, placedFor, placedType } from './extensions.ts';
import { compareConstraints, compareIndexes } from './matching.ts';
import {
  type Aspect,
  columnAspects,
  domainAspects,
  enumAspects,
  isSameColumn,
  policyAspects,
  routineAspects,
  sequenceAspects,
  type Translation,
  tableAspects,
  triggerAspects,
  viewAspects,
} from './parts.ts';
import { findRenames, type Renames } from './renames.ts';

export interface CompareOptions {
  /** Both sides' texts are PostgreSQL's own, at a fixed point: then a difference of texts is proven. */
  elaborated?: boolean;
  /** Revisions that the declared side was taken at. */
  comparedAt?: readonly string[];
  /** Objects of extensions, `schema.name`. */
  extensionObjects?: ReadonlySet<string>;
  /** Keys of version tables of every chain. */
  versionTables?: ReadonlySet<string>;
  /** Namespaces that are another chain's: what stands there is nothing of this one, moved or not. */
  othersNamespaces?: ReadonlySet<string>;
  /** Keys (`schema.name`, `schema.table.name`) that settings ignore. */
  isIgnored?: (key: string) => boolean;
  /** Namespaces whose undeclared objects are drift; without it, those in which the declared side has objects. */
  managedNamespaces?: ReadonlySet<string>;
  /** Keys whose elaboration failed: their texts are as written. */
  unbuilt?: ReadonlySet<string>;
  /** Revisions of the declared side of which only the id is known: what stands otherwise may be their work. */
  unknownRevisions?: readonly string[];
}

/** One found difference before its certainty and key are settled. */
export interface Found {
  kind: Difference['kind'];
  direction: DifferenceDirection;
  key: string;
  table?: string;
  declared: unknown;
  live: unknown;
  aspects: Aspect[];
  liveName?: string;
  causedBy?: string;
}

export function compareSchemas(declared: Schema, live: Schema, options: CompareOptions = {}): Drift {
  const { found, comparison } = findDifferences(declared, live, options);
  const notCompared: string[] = [];
  const differences = found.flatMap((each) => settle(each, comparison, notCompared));
  return {
    differences: differences.sort(byKindThenKey),
    comparedAt: [...(options.comparedAt ?? [])],
    ...(notCompared.length > 0 ? { notCompared: notCompared.sort(compareText) } : {}),
  };
}

type Compared = { found: readonly Found[]; comparison: Comparison };

/** Of each declared schema the last comparison: who asks what is in doubt asks for the differences of the same two next. */
const lastByDeclared = new WeakMap<Schema, Last>();
type Last = { live: Schema; options: CompareOptions; compared: Compared };

/** All that disagrees, before anybody weighs how sure it is. */
export function findDifferences(stated: Schema, live: Schema, options: CompareOptions): Compared {
  const last = lastByDeclared.get(stated);
  if (last?.live === live && isSameScope(last.options, options) && isSameAsWritten(last, options))
    return { ...last.compared, comparison: { ...last.compared.comparison, options } };
  const compared = compareAll(stated, live, options);
  lastByDeclared.set(stated, { live, options, compared });
  return compared;
}

/** Whether both name the same objects; what they say of texts is for those who weigh. */
function isSameScope(a: CompareOptions, b: CompareOptions): boolean {
  return (
    a.managedNamespaces === b.managedNamespaces &&
    a.extensionObjects === b.extensionObjects &&
    a.versionTables === b.versionTables &&
    a.othersNamespaces === b.othersNamespaces &&
    a.isIgnored === b.isIgnored
  );
}

/** Only of constraints that are known by their text does it matter whose words the texts are in (matching.ts). */
function isSameAsWritten({ options, compared }: Last, { elaborated }: CompareOptions): boolean {
  return (
    (options.elaborated ?? false) === (elaborated ?? false) ||
    !compared.found.some(
      ({ kind, declared, live }) => kind === 'constraint' && /^[cx]$/.test(((declared ?? live) as Constraint).type),
    )
  );
}

function compareAll(stated: Schema, live: Schema, options: CompareOptions): Compared {
  const declared = withoutVersionTables(stated, options);
  const visible = hideOthers(live, options);
  const managed = options.managedNamespaces ?? namespacesOf(declared);
  const isManaged = (key: string) => managed.has(nameOfKey(key).schema ?? '');
  const renames = findRenames(declared, visible, isManaged);
  const comparison: Comparison = { declared, live: visible, renames, isManaged, options };
  const found = [
    ...compareKin(comparison, 'enum', declared.enums, visible.enums, renames.types, enumAspects),
    ...compareKin(comparison, 'domain', declared.domains, visible.domains, renames.types, (ours, theirs) =>
      domainAspects(ours, theirs, translationFor(comparison, '')),
    ),
    ...compareKin(
      comparison,
      'sequence',
      freeSequences(declared),
      liveSequences(declared, visible),
      renames.sequences,
      sequenceAspects,
    ),
    ...compareOwnedSequences(comparison),
    ...compareTables(comparison),
    ...compareKin(comparison, 'view', declared.views, visible.views, renames.views, viewAspects),
    ...compareViewIndexes(comparison),
    ...compareKin(comparison, 'function', declared.routines, visible.routines, renames.routines, routineAspects),
    ...compareExtensions(declared, live),
  ];
  const kept = withCauses(found, visible).filter(
    (each) => !options.isIgnored?.(each.key) && !(each.table !== undefined && options.isIgnored?.(each.table)),
  );
  return { found: kept, comparison };
}

export interface Comparison {
  declared: Schema;
  live: Schema;
  renames: Renames;
  isManaged: (key: string) => boolean;
  options: CompareOptions;
  /** Of every table without renamed columns. */
  translation?: Translation;
}

const kindOrder: Difference['kind'][] = [
  'extension',
  'enum',
  'domain',
  'sequence',
  'table',
  'column',
  'constraint',
  'index',
  'view',
  'function',
  'trigger',
  'policy',
];

function byKindThenKey(a: Difference, b: Difference): number {
  return (
    kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
    compareText(a.key, b.key) ||
    compareText(a.direction, b.direction)
  );
}

/** Namespaces in which a schema has objects; `public` where it has none at all. */
export function namespacesOf(schema: Schema): Set<string> {
  const namespaces = new Set<string>();
  for (const map of [schema.tables, schema.enums, schema.views, schema.routines, schema.domains] as ReadonlyMap<
    string,
    { namespace: string }
  >[])
    for (const { namespace } of map.values()) namespaces.add(namespace);
  if (namespaces.size === 0) namespaces.add('public');
  return namespaces;
}

/** The live schema without what is not ours to compare. */
export function hideOthers(live: Schema, options: CompareOptions): Schema {
  const hidden = (key: string) =>
    key.startsWith('chain.') ||
    options.extensionObjects?.has(key) ||
    options.versionTables?.has(key) ||
    (options.othersNamespaces !== undefined &&
      options.othersNamespaces.size > 0 &&
      options.othersNamespaces.has(nameOfKey(key).schema ?? '')) ||
    options.isIgnored?.(key);
  const keep = <V>(map: ReadonlyMap<string, V>, isTable = false): ReadonlyMap<string, V> => {
    if (![...map.keys()].some((key) => hidden(key) || (isTable && isVersionTable(key)))) return map;
    return new Map([...map].filter(([key]) => !hidden(key) && !(isTable && isVersionTable(key))));
  };
  return {
    ...live,
    tables: keep(live.tables, true),
    enums: keep(live.enums),
    domains: keep(live.domains),
    sequences: keep(live.sequences),
    views: keep(live.views),
    routines: keep(live.routines),
  };
}

/** A base made from a dump may create Alembic's own table, which is no part of any schema here. */
function withoutVersionTables(declared: Schema, options: CompareOptions): Schema {
  const isOne = (key: string) => isOfVersions(key, options);
  if (![...declared.tables.keys()].some(isOne)) return declared;
  return { ...declared, tables: new Map([...declared.tables].filter(([key]) => !isOne(key))) };
}

export function isOfVersions(key: string, options: CompareOptions): boolean {
  return isVersionTable(key) || options.versionTables?.has(key) === true;
}

function isVersionTable(key: string): boolean {
  return /\.alembic_version[^.]*$/.test(key);
}

function freeSequences(schema: Schema): Schema['sequences'] {
  return new Map([...schema.sequences].filter(([, sequence]) => sequence.ownedBy === null));
}

/** A free sequence that a declared column owns is the column's difference. */
function liveSequences(declared: Schema, live: Schema): Schema['sequences'] {
  return new Map(
    [...live.sequences].filter(
      ([key, sequence]) =>
        (sequence.ownedBy === null && !declared.sequences.get(key)?.ownedBy) || isFree(declared, key),
    ),
  );
}

/** Of serial and identity columns only what a revision says of their numbers. */
function compareOwnedSequences({ declared, live }: Comparison): Found[] {
  const found: Found[] = [];
  for (const [key, sequence] of declared.sequences) {
    const other = live.sequences.get(key);
    if (sequence.ownedBy === null || other === undefined || other === sequence || other.ownedBy !== sequence.ownedBy)
      continue;
    const aspects = sequenceAspects(sequence, other);
    if (aspects.length > 0)
      found.push({ kind: 'sequence', direction: 'altered', key, declared: sequence, live: other, aspects });
  }
  return found;
}

function isFree(schema: Schema, key: string): boolean {
  return schema.sequences.get(key)?.ownedBy === null;
}

function settle(found: Found, comparison: Comparison, notCompared: string[]): Difference[] {
  const { options } = comparison;
  const declared = found.declared as (Declared & { textCertainty?: Certainty }) | null;
  const unproven =
    !options.elaborated ||
    options.unbuilt?.has(found.key) ||
    (found.table !== undefined && options.unbuilt?.has(found.table));
  const aspects = found.aspects.filter((each) => {
    if (!each.isStatement || !unproven) return true;
    notCompared.push(`${found.key} ${each.name}`);
    return false;
  });
  if (found.direction === 'altered' && aspects.length === 0) return [];
  const onlyText = found.direction === 'altered' && aspects.every((each) => each.isText);
  const mayBeBy = found.direction === 'missing' ? undefined : options.unknownRevisions?.[0];
  const isSuspected =
    mayBeBy !== undefined ||
    isSuspect(comparison.declared, declared, found) ||
    (onlyText && (unproven || declared?.textCertainty === 'suspected'));
  const difference = {
    kind: found.kind,
    direction: found.direction,
    key: found.key,
    certainty: isSuspected ? 'suspected' : 'proven',
    origin:
      declared?.origin ??
      (found.table === undefined ? null : (comparison.declared.tables.get(found.table)?.origin ?? null)),
    aspects: aspects.map(({ name, declared: ours, live: theirs }) => ({ name, declared: ours, live: theirs })),
    declared: found.declared,
    live: found.live,
    ...(found.table === undefined ? {} : { table: found.table }),
    ...(found.liveName === undefined ? {} : { liveName: found.liveName }),
    ...(found.causedBy === undefined ? {} : { causedBy: found.causedBy }),
    ...(mayBeBy === undefined ? {} : { mayBeBy }),
  };
  return [difference as Difference];
}

/** What hangs on lines that could not be read is never proven. */
function isSuspect(schema: Schema, declared: Declared | null, found: Found): boolean {
  if (declared?.certainty === 'suspected') return true;
  const key = found.table ?? found.key;
  if (isInDoubt(schema.suspected, key)) return true;
  return (
    found.table !== undefined &&
    (schema.tables.get(found.table) ?? schema.views.get(found.table))?.certainty === 'suspected'
  );
}

/** Objects that stand by themselves: by key, then by what renames say. */
function compareKin<V>(
  comparison: Comparison,
  kind: Found['kind'],
  declared: ReadonlyMap<string, V>,
  live: ReadonlyMap<string, V>,
  renamed: ReadonlyMap<string, string>,
  aspectsOf: (declared: V, live: V) => Aspect[],
): Found[] {
  const found: Found[] = [];
  const taken = new Set(renamed.values());
  for (const [key, value] of declared) {
    const other = live.get(key);
    if (other !== undefined) {
      const aspects = other === value ? [] : aspectsOf(value, other);
      if (aspects.length > 0) found.push({ kind, direction: 'altered', key, declared: value, live: other, aspects });
      continue;
    }
    const to = renamed.get(key);
    if (to !== undefined)
      found.push({ kind, ...relocated(key, to), key, declared: value, live: live.get(to) ?? null, aspects: [] });
    else if (!comparison.options.extensionObjects?.has(key))
      found.push({ kind, direction: 'missing', key, declared: value, live: null, aspects: [] });
  }
  for (const [key, value] of live)
    if (!declared.has(key) && !taken.has(key) && comparison.isManaged(key))
      found.push({ kind, direction: 'unexpected', key, declared: null, live: value, aspects: [] });
  return found;
}

/** Under another name (the bare one) or in another namespace (the whole key). */
function relocated(from: string, to: string): { direction: 'renamed' | 'elsewhere'; liveName: string } {
  const namespace = (key: string) => nameOfKey(key).schema ?? '';
  return namespace(from) === namespace(to)
    ? { direction: 'renamed', liveName: nameOfKey(to).name }
    : { direction: 'elsewhere', liveName: to };
}

function compareTables(comparison: Comparison): Found[] {
  const { declared, live, renames, options } = comparison;
  const found: Found[] = [];
  const taken = new Set(renames.tables.values());
  for (const [key, table] of declared.tables) {
    const other = live.tables.get(key);
    if (other === table) continue;
    if (other !== undefined) {
      found.push(...compareTable(comparison, key, table, other));
      continue;
    }
    const to = renames.tables.get(key);
    if (to !== undefined)
      found.push({
        kind: 'table',
        ...relocated(key, to),
        key,
        declared: table,
        live: live.tables.get(to) ?? null,
        aspects: [],
      });
    else if (!options.extensionObjects?.has(key))
      found.push({ kind: 'table', direction: 'missing', key, declared: table, live: null, aspects: [] });
  }
  const isPartition = ({ partitionBound, parents }: Table): boolean =>
    partitionBound !== null &&
    parents.some((parent) => {
      const above = live.tables.get(parent);
      return declared.tables.has(parent) || taken.has(parent) || (above !== undefined && isPartition(above));
    });
  for (const [key, table] of live.tables) {
    if (declared.tables.has(key) || taken.has(key) || !comparison.isManaged(key)) continue;
    // Partitions are made by the day, not by revisions; and their own partitions.
    if (isPartition(table)) continue;
    found.push({ kind: 'table', direction: 'unexpected', key, declared: null, live: table, aspects: [] });
  }
  return found;
}

function compareTable(comparison: Comparison, key: string, declared: Table, live: Table): Found[] {
  const names = translationFor(comparison, key);
  if (names.isPlain && alikeByDeclared.get(declared) === live) return [];
  const found: Found[] = [];
  const aspects = tableAspects(declared, live, names);
  if (aspects.length > 0) found.push({ kind: 'table', direction: 'altered', key, declared, live, aspects });
  const columns = compareColumns(key, declared, live, names);
  found.push(...columns);
  const cause = (each: Found, ours: readonly string[], theirs: readonly string[]): Found => {
    const gone = columns.find(
      (one) => one.direction === 'missing' && ours.includes((one.declared as { name: string }).name),
    );
    const extra = columns.find(
      (one) => one.direction === 'unexpected' && theirs.includes((one.live as { name: string }).name),
    );
    const altered = columns.find(
      (one) =>
        one.direction === 'altered' &&
        one.aspects.some((part) => part.name === 'type') &&
        ours.includes((one.declared as { name: string }).name),
    );
    if (each.direction === 'missing' && gone) return { ...each, causedBy: gone.key };
    if (each.direction === 'unexpected' && extra) return { ...each, causedBy: extra.key };
    if (each.direction === 'altered' && altered && each.aspects.every((part) => part.isText))
      return { ...each, causedBy: altered.key };
    return each;
  };
  found.push(...compareConstraints(comparison, key, declared, live, names, cause));
  found.push(...compareIndexes(key, declared.indexes, live.indexes, names, cause));
  found.push(...compareNamed(key, 'trigger', declared.triggers, live.triggers, triggerAspects));
  found.push(...compareNamed(key, 'policy', declared.policies, live.policies, policyAspects));
  if (names.isPlain && found.length === 0) alikeByDeclared.set(declared, live);
  return found;
}

/** The live table that was last found alike: neighbouring revisions are compared with one live schema, and share tables. */
const alikeByDeclared = new WeakMap<Table, Table>();

function compareColumns(key: string, declared: Table, live: Table, names: Translation): Found[] {
  const found: Found[] = [];
  const taken = new Set(names.renamedColumns.values());
  for (const column of declared.columns.values()) {
    const to = names.renamedColumns.get(column.name);
    const other = live.columns.get(to ?? column.name);
    const at = { kind: 'column' as const, key: `${key}.${column.name}`, table: key, declared: column };
    if (other === undefined) found.push({ ...at, direction: 'missing', live: null, aspects: [] });
    else if (to !== undefined)
      found.push({
        ...at,
        direction: 'renamed',
        live: other,
        liveName: to,
        aspects: columnAspects(column, other, names),
      });
    else if (other !== column && !(names.isPlain && isSameColumn(column, other))) {
      const aspects = columnAspects(column, other, names);
      if (aspects.length > 0) found.push({ ...at, direction: 'altered', live: other, aspects });
    }
  }
  for (const column of live.columns.values())
    if (!declared.columns.has(column.name) && !taken.has(column.name))
      found.push({
        kind: 'column',
        direction: 'unexpected',
        key: `${key}.${column.name}`,
        table: key,
        declared: null,
        live: column,
        aspects: [],
      });
  return found;
}

function compareNamed<V extends Trigger | Policy>(
  table: string,
  kind: 'trigger' | 'policy',
  declared: ReadonlyMap<string, V>,
  live: ReadonlyMap<string, V>,
  aspectsOf: (declared: V, live: V) => Aspect[],
): Found[] {
  const isClone = (value: V | undefined) =>
    (value as { fromPartitionParent?: boolean } | undefined)?.fromPartitionParent === true;
  const found: Found[] = [];
  const own = [...declared].filter(([, value]) => !isClone(value));
  const theirs = [...live].filter(([, value]) => !isClone(value));
  const missing = own.filter(([name]) => !live.has(name));
  const unexpected = theirs.filter(([name]) => !declared.has(name));
  const taken = new Set<string>();
  const at = (name: string) => ({ kind, key: `${table}.${name}`, table });
  for (const [name, value] of own) {
    const other = live.get(name);
    if (other === undefined) {
      const alike = unexpected.filter(
        ([to, each]) => !taken.has(to) && aspectsOf(renamedTo(value, to), each).length === 0,
      );
      const [to, each] = (missing.length === 1 && alike.length === 1 ? alike[0] : undefined) ?? [null, null];
      if (to === null) found.push({ ...at(name), direction: 'missing', declared: value, live: null, aspects: [] });
      else found.push({ ...at(name), direction: 'renamed', declared: value, live: each, liveName: to, aspects: [] });
      if (to !== null) taken.add(to);
      continue;
    }
    const aspects = other === value || isClone(other) ? [] : aspectsOf(value, other);
    if (aspects.length > 0) found.push({ ...at(name), direction: 'altered', declared: value, live: other, aspects });
  }
  for (const [name, value] of unexpected)
    if (!taken.has(name))
      found.push({ ...at(name), direction: 'unexpected', declared: null, live: value, aspects: [] });
  return found;
}

/** A trigger's statement names it. */
function renamedTo<V extends Trigger | Policy>(value: V, name: string): V {
  if (!('definition' in value)) return value;
  const definition = value.definition.replace(
    /^(CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\s+)("(?:[^"]|"")*"|\S+)/i,
    (_whole, head: string) => head + quoteIdentifier(name),
  );
  return { ...value, name, definition };
}

function compareViewIndexes(comparison: Comparison): Found[] {
  const found: Found[] = [];
  for (const [key, view] of comparison.declared.views) {
    const other = comparison.live.views.get(key);
    if (other === undefined || other === view) continue;
    const isAltered = viewAspects(view, other).length > 0;
    // An index names columns of its view: where those are others, so is what it says.
    const cause = (each: Found) => (isAltered && each.direction === 'altered' ? { ...each, causedBy: key } : each);
    found.push(...compareIndexes(key, view.indexes, other.indexes, translationFor(comparison, key), cause));
  }
  return found;
}

function compareExtensions(declared: Schema, live: Schema): Found[] {
  const found: Found[] = [];
  const at = (name: string) => ({ kind: 'extension' as const, key: name, aspects: [] });
  for (const [name, extension] of declared.extensions)
    if (!live.extensions.has(name)) found.push({ ...at(name), direction: 'missing', declared: extension, live: null });
  for (const [name, extension] of live.extensions)
    if (!declared.extensions.has(name) && name !== 'plpgsql')
      found.push({ ...at(name), direction: 'unexpected', declared: null, live: extension });
  return found;
}

function translationFor(comparison: Comparison, key: string): Translation {
  const { renames } = comparison;
  const own = renames.columns.get(key);
  if (own === undefined && comparison.translation !== undefined) return comparison.translation;
  const renamedColumns = own ?? new Map<string, string>();
  const types = [...renames.types];
  const placed = placedFor(comparison.options.extensionObjects, comparison.declared, comparison.live);
  const translation: Translation = {
    renamedColumns,
    isPlain:
      renamedColumns.size + renames.tables.size + renames.types.size + renames.sequences.size + renames.columns.size ===
      0,
    table: (table) => renames.tables.get(table) ?? table,
    column: (column) => renamedColumns.get(column) ?? column,
    columnOf: (table, column) => renames.columns.get(table)?.get(column) ?? column,
    type: (type) => {
      const own = types.length === 0 ? undefined : renames.types.get(typeKeyOf(type));
      if (own === undefined) return placedType(placed, type);
      return displayOfKey(own) + (/(\[\])*$/.exec(type)?.[0] ?? '');
    },
    operatorClass: (text) => (placed.size === 0 ? text : bareClass(comparison.live.extensions, text)),
    defaultText: (text) => {
      let result = text;
      for (const [from, to] of renames.sequences) if (result === nextvalDefault(from)) result = nextvalDefault(to);
      for (const [from, to] of types) result = result.replaceAll(`::${displayOfKey(from)}`, `::${displayOfKey(to)}`);
      return result;
    },
  };
  if (own === undefined) comparison.translation = translation;
  return translation;
}
