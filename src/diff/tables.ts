/**
 * Tables and what hangs on them: columns, keys, indexes, triggers, policies, each compared by its name and told as renamed
 * where its meaning stands under another. Refuses to weigh.
 */
import { quoteIdentifier } from '../model/name.ts';
import type { Policy, Table, Trigger } from '../model/schema.ts';
import type { Comparison, Found } from './found.ts';
import { compareConstraints, compareIndexes } from './matching.ts';
import {
  type Aspect,
  columnAspects,
  isSameColumn,
  policyAspects,
  type Translation,
  tableAspects,
  triggerAspects,
  viewAspects,
} from './parts.ts';
import { relocated } from './standalone.ts';
import { translationFor } from './translation.ts';

export function compareTables(comparison: Comparison): Found[] {
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

export function compareViewIndexes(comparison: Comparison): Found[] {
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
