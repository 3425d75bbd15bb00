/**
 * Whose objects count: the namespaces that are compared, and a schema without what is another chain's, an extension's, a
 * version table or ignored.
 */
import { nameOfKey } from '../model/name.ts';
import type { Schema } from '../model/schema.ts';
import type { CompareOptions } from './found.ts';

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
export function withoutVersionTables(declared: Schema, options: CompareOptions): Schema {
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
