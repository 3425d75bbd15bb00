/**
 * Finding what a written name means in a Schema: the search_path decides for a bare one. Also the small questions about
 * keys that several readers ask of a table.
 */
import type { Difference } from './drift.ts';
import { keyOf, type QualifiedName } from './name.ts';
import type { Schema, Table } from './schema.ts';

/** The key of the table that the name resolves to, null where there is none. */
export function resolveTable(schema: Schema, name: QualifiedName, searchPath: readonly string[]): string | null {
  const namespaces = name.schema === null ? (name.searchPath ?? searchPath) : [name.schema];
  for (const namespace of namespaces) {
    const key = keyOf(namespace, name.name);
    if (schema.tables.has(key)) return key;
  }
  return null;
}

/** The key of the table or view that the name resolves to, null where there is none. */
export function resolveRelation(schema: Schema, name: QualifiedName, searchPath: readonly string[]): string | null {
  const namespaces = name.schema === null ? (name.searchPath ?? searchPath) : [name.schema];
  for (const namespace of namespaces) {
    const key = keyOf(namespace, name.name);
    if (schema.tables.has(key) || schema.views.has(key)) return key;
  }
  return null;
}

/** Where an unqualified name would be created. */
export function placeOf(name: QualifiedName, searchPath: readonly string[]): string {
  return keyOf(name.schema ?? (name.searchPath ?? searchPath)[0] ?? 'public', name.name);
}

/** Real schemas of a search_path: `$user` and what PostgreSQL searches by itself do not count. */
export function plainSearchPath(searchPath: readonly string[] | null | undefined): string[] {
  const plain = (searchPath ?? []).filter((name) => name !== '$user' && !name.startsWith('pg_'));
  return plain.length > 0 ? plain : ['public'];
}

export function primaryKeyOf(table: Table): string[] {
  for (const constraint of table.constraints.values()) if (constraint.type === 'p') return constraint.columns;
  return [];
}

/** Column lists that are unique by themselves: keys, unique constraints and whole, plain unique indexes. */
export function uniqueColumnsOf(table: Table): string[][] {
  const lists: string[][] = [];
  for (const constraint of table.constraints.values()) {
    if (constraint.type === 'p' || constraint.type === 'u') lists.push(constraint.columns);
  }
  for (const index of table.indexes.values()) {
    if (index.unique && index.where === null && index.valid && index.keys.every((key) => !key.isExpression)) {
      lists.push(index.keys.map((key) => key.text));
    }
  }
  const seen = new Set<string>();
  return lists.filter((columns) => {
    const text = [...columns].sort().join('\0');
    return seen.has(text) ? false : seen.add(text);
  });
}

export function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

/** Differences of one kind, with their type narrowed. */
export function differencesOf<Kind extends Difference['kind']>(
  differences: readonly Difference[],
  kind: Kind,
): Extract<Difference, { kind: Kind }>[] {
  return differences.filter(
    (difference): difference is Extract<Difference, { kind: Kind }> => difference.kind === kind,
  );
}

/** `public.t` names the object and what hangs on it (`public.t.c`); `*` stands for any text. */
export function matchesObject(pattern: string, name: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}(\\..*)?$`, 's').test(name);
}
