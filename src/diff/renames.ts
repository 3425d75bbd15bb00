/**
 * What bears another name on the live side: tables of one shape, enums of the same labels, columns in the same place.
 * Everything compared later sees the declared side through these names, so that one rename is one difference.
 */
import { displayOfKey, typeKeyOf } from '../model/definition.ts';
import { compareText } from '../model/name.ts';
import type { Column, EnumType, Schema, Table } from '../model/schema.ts';
import { sameText } from './text.ts';

export interface Renames {
  /** Declared key → live key, of tables renamed or found in another namespace. */
  tables: ReadonlyMap<string, string>;
  /** Declared key → live key, of enums and domains. */
  types: ReadonlyMap<string, string>;
  sequences: ReadonlyMap<string, string>;
  /** Known by their text, which is the same once PostgreSQL has spelt both. */
  views: ReadonlyMap<string, string>;
  routines: ReadonlyMap<string, string>;
  /** By declared table key: declared column → live column. */
  columns: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Live keys that may be called unexpected. */
export type IsOwned = (key: string) => boolean;

export function findRenames(declared: Schema, live: Schema, isOwned: IsOwned): Renames {
  const domains = pair(
    declared.domains,
    live.domains,
    isOwned,
    (a, b) =>
      a.namespace === b.namespace &&
      a.base === b.base &&
      a.notNull === b.notNull &&
      (a.default === null) === (b.default === null) &&
      a.checks.length === b.checks.length,
  );
  const enums = pair(
    declared.enums,
    live.enums,
    () => true,
    (a, b) => a.namespace === b.namespace && a.labels.join('\n') === b.labels.join('\n'),
  );
  const types = new Map([...enums, ...domains]);
  const typeOf = (column: Column) => {
    const renamed = types.get(typeKeyOf(column.type));
    return renamed === undefined ? column.type : displayOfKey(renamed) + (/(\[\])*$/.exec(column.type)?.[0] ?? '');
  };
  const tables = pair(
    declared.tables,
    live.tables,
    isOwned,
    (a, b) => a.namespace === b.namespace && sameColumns(a, b, typeOf),
  );
  const columns = new Map<string, ReadonlyMap<string, string>>();
  for (const [key, table] of declared.tables) {
    const other = live.tables.get(key);
    if (other === undefined || other === table) continue;
    const renamed = renamedColumns(table, other, typeOf);
    if (renamed.size > 0) columns.set(key, renamed);
  }
  const free = (schema: Schema) => new Map([...schema.sequences].filter(([, sequence]) => sequence.ownedBy === null));
  return {
    tables,
    types,
    views: pair(
      declared.views,
      live.views,
      isOwned,
      (a, b) => a.namespace === b.namespace && a.kind === b.kind && sameText(a.definition, b.definition),
    ),
    columns,
    sequences: onlyPair(
      free(declared),
      free(live),
      (key) => !live.sequences.has(key),
      (key) => !declared.sequences.has(key),
    ),
    routines: pair(
      declared.routines,
      live.routines,
      isOwned,
      (a, b) =>
        a.namespace === b.namespace &&
        a.identityArguments === b.identityArguments &&
        a.result === b.result &&
        a.definition !== null &&
        b.definition !== null &&
        bodyOf(a.definition) === bodyOf(b.definition),
    ),
  };
}

/** What stands between dollar quotes, or the whole where there are none. */
export function bodyOf(definition: string): string {
  return /\$(\w*)\$([\s\S]*)\$\1\$/.exec(definition)?.[2]?.trim() ?? definition;
}

/**
 * Objects missing under their own key that stand under another: the same name elsewhere first, then a likeness that only
 * one on each side has.
 */
function pair<V extends { namespace: string; name: string }>(
  declared: ReadonlyMap<string, V>,
  live: ReadonlyMap<string, V>,
  isOwned: IsOwned,
  isAlike: (declared: V, live: V) => boolean,
): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const missing = [...declared].filter(([key]) => !live.has(key));
  if (missing.length === 0) return pairs;
  const unexpected = [...live].filter(([key]) => !declared.has(key)).sort(([a], [b]) => compareText(a, b));
  const taken = new Set<string>();
  for (const [key, value] of missing) {
    const elsewhere = unexpected.find(
      ([other, each]) => !taken.has(other) && each.name === value.name && each.namespace !== value.namespace,
    );
    if (elsewhere === undefined) continue;
    pairs.set(key, elsewhere[0]);
    taken.add(elsewhere[0]);
  }
  for (const [key, value] of missing) {
    if (pairs.has(key)) continue;
    const alike = unexpected.filter(([other, each]) => !taken.has(other) && isOwned(other) && isAlike(value, each));
    if (alike.length !== 1) continue;
    const [other, each] = alike[0] as [string, V];
    if (missing.filter(([one, own]) => !pairs.has(one) && isAlike(own, each)).length !== 1) continue;
    pairs.set(key, other);
    taken.add(other);
  }
  return pairs;
}

function onlyPair<V extends { namespace: string; name: string }>(
  declared: ReadonlyMap<string, V>,
  live: ReadonlyMap<string, V>,
  isMissing: (key: string) => boolean,
  isUnexpected: (key: string) => boolean,
): ReadonlyMap<string, string> {
  const missing = [...declared].filter(([key]) => isMissing(key));
  const unexpected = [...live].filter(([key]) => isUnexpected(key));
  const only = missing.length === 1 && unexpected.length === 1 ? ([missing[0], unexpected[0]] as const) : null;
  if (only === null) return new Map();
  const [[from, a], [to, b]] = only as [[string, V], [string, V]];
  return a.namespace === b.namespace || a.name === b.name ? new Map([[from, to]]) : new Map();
}

function sameColumns(a: Table, b: Table, typeOf: (column: Column) => string): boolean {
  if (a.columns.size !== b.columns.size || a.columns.size === 0) return false;
  for (const column of a.columns.values()) {
    const other = b.columns.get(column.name);
    if (other === undefined || other.type !== typeOf(column) || other.notNull !== column.notNull) return false;
  }
  return true;
}

/** A column that stands at the same place, alike in all but its name: an added one would stand last. */
function renamedColumns(declared: Table, live: Table, typeOf: (column: Column) => string): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  if (
    declared.columns.size === live.columns.size &&
    [...declared.columns.keys()].every((name) => live.columns.has(name))
  )
    return renamed;
  const ours = [...declared.columns.values()];
  const theirs = [...live.columns.values()];
  const missing = ours.filter((column) => !live.columns.has(column.name));
  const unexpected = theirs.filter((column) => !declared.columns.has(column.name));
  if (missing.length === 0 || unexpected.length === 0) return renamed;
  const before = (columns: Column[], column: Column) => columns[columns.indexOf(column) - 1]?.name ?? null;
  const after = (columns: Column[], column: Column) => columns[columns.indexOf(column) + 1]?.name ?? null;
  for (const column of missing) {
    const alike = unexpected.filter(
      (each) =>
        ![...renamed.values()].includes(each.name) &&
        each.type === typeOf(column) &&
        each.notNull === column.notNull &&
        each.identity === column.identity &&
        sameText(each.generated?.expression ?? null, column.generated?.expression ?? null) &&
        (each.default === null) === (column.default === null),
    );
    const inPlace = alike.filter((each) => {
      const previous = before(ours, column);
      return (
        before(theirs, each) === (previous === null ? null : (renamed.get(previous) ?? previous)) &&
        (after(theirs, each) === after(ours, column) || (missing.length === 1 && unexpected.length === 1))
      );
    });
    if (inPlace.length === 1) renamed.set(column.name, (inPlace[0] as Column).name);
  }
  return renamed;
}

/** The enum's labels as one text. */
export function labelsText(type: EnumType): string {
  return type.labels.join(', ');
}
