/**
 * Types of extensions that live outside `public` (hosts keep them in a schema of their own, on the search_path): a revision
 * says `citext`, PostgreSQL prints `extensions.citext`. Refuses to rename anything else.
 */
import { baseTypeOf, displayOfKey, typeKeyOf } from '../model/definition.ts';
import type { LiveDatabase } from '../model/live.ts';
import { nameOfKey, quoteIdentifier } from '../model/name.ts';
import type { Domain, Extension, Routine, Schema } from '../model/schema.ts';
import { changeColumns, withLentTypes, withoutLentTypes } from './doubts.ts';

/** Where the live side has them: the bare spelling → the whole one. Empty in nearly every database. */
export type PlacedTypes = ReadonlyMap<string, string>;

const placedByObjects = new WeakMap<ReadonlySet<string>, PlacedTypes>();

/** `extensionObjects`: keys of what belongs to extensions. */
export function placedTypes(extensionObjects: ReadonlySet<string> | undefined): PlacedTypes {
  if (extensionObjects === undefined) return new Map();
  const known = placedByObjects.get(extensionObjects);
  if (known !== undefined) return known;
  const placed = new Map<string, string>();
  for (const key of extensionObjects) {
    if (key.includes('(')) continue;
    const { schema, name } = nameOfKey(key);
    if (schema === null || schema === 'public' || schema === 'pg_catalog' || extensionObjects.has(`public.${name}`))
      continue;
    placed.set(quoteIdentifier(name), displayOfKey(key));
  }
  placedByObjects.set(extensionObjects, placed);
  return placed;
}

/** Those of which neither side has a type of its own in `public`: that is then the one meant. */
export function placedFor(
  extensionObjects: ReadonlySet<string> | undefined,
  ...sides: readonly Pick<Schema, 'enums' | 'domains' | 'composites' | 'tables' | 'views'>[]
): PlacedTypes {
  const placed = placedTypes(extensionObjects);
  if (placed.size === 0) return placed;
  const isOwn = (bare: string) => {
    const key = typeKeyOf(bare);
    return sides.some(({ enums, domains, composites, tables, views }) =>
      [enums, domains, composites, tables, views].some((map) => map.has(key)),
    );
  };
  return new Map([...placed].filter(([bare]) => !isOwn(bare)));
}

/** `type` as PostgreSQL prints it there, its modifier and brackets kept. */
export function placedType(placed: PlacedTypes, type: string): string {
  if (placed.size === 0) return type;
  const base = baseTypeOf(type);
  const whole = placed.get(base);
  return whole === undefined ? type : whole + type.slice(base.length);
}

/** An operator class is of an extension where one of that schema has brought it; none is known by its name. */
export function bareClass(extensions: ReadonlyMap<string, Extension>, text: string | null): string | null {
  if (text === null || !text.includes('.')) return text;
  const { schema, name } = nameOfKey(text);
  return [...extensions.values()].some(({ namespace }) => namespace === schema) ? name : text;
}

/**
 * The declared side as the live session would have made it: each extension where the live one is, also one that no revision
 * makes, and what is of its types spelt so; types that nobody could read lent by the live side. To be built, and given back
 * by `asDeclared`.
 */
export function toBeBuilt(declared: Schema, live: LiveDatabase): Schema {
  const placed = placedFor(live.extensionObjects, declared, live.schema);
  const lent = withLentTypes(declared, live.schema);
  if (placed.size === 0) return lent;
  const extensions = new Map(lent.extensions);
  for (const [name, { namespace }] of live.schema.extensions)
    extensions.set(name, { ...extensions.get(name), name, namespace });
  const domains = new Map(
    [...lent.domains].map(([key, domain]): [string, Domain] => [
      key,
      { ...domain, base: placedType(placed, domain.base) },
    ]),
  );
  const columns = changeColumns(lent, (column) => {
    const type = placedType(placed, column.type);
    return type === column.type ? column : { ...column, type };
  });
  const namespaces = new Set([...lent.namespaces, ...live.schema.namespaces]);
  return { ...columns, extensions, domains, namespaces };
}

/** What was built, its columns' types and its extensions as `declared` says them. */
export function asDeclared(built: Schema, declared: Schema, live: LiveDatabase): Schema {
  const placed = placedFor(live.extensionObjects, declared, live.schema);
  const given = withoutLentTypes(built, declared);
  if (placed.size === 0) return given;
  const columns = changeColumns(given, (column, table) => {
    const type = declared.tables.get(table)?.columns.get(column.name)?.type;
    return type !== undefined && type !== column.type && placedType(placed, type) === column.type
      ? { ...column, type }
      : column;
  });
  return { ...columns, extensions: declared.extensions, namespaces: declared.namespaces };
}

/** The routines under the keys that PostgreSQL gives them, where their arguments are of such types. */
export function withPlacedRoutines(declared: Schema, { extensionObjects, schema }: LiveDatabase): Schema {
  const placed = placedFor(extensionObjects, declared, schema);
  if (placed.size === 0 || declared.routines.size === 0) return declared;
  const routines = new Map<string, Routine>();
  for (const [key, routine] of declared.routines) {
    const { identityArguments } = routine;
    // The type stands last of each argument.
    const whole = identityArguments
      .split(/,\s*/)
      .map((each) => each.replace(/\S+$/, (type) => placedType(placed, type)))
      .join(', ');
    const head = key.slice(0, key.length - identityArguments.length - 1);
    if (whole === identityArguments) routines.set(key, routine);
    else routines.set(`${head}${whole})`, { ...routine, identityArguments: whole });
  }
  return { ...declared, routines };
}
