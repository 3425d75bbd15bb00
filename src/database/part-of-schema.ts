/**
 * The part of a Schema that must stand for some of its tables to be built: what they inherit from, the sequences that their
 * defaults draw from, every type and function. A comparison in doubt about three tables of ten thousand builds three.
 */
import type { Schema, Sequence, Table } from '../model/schema.ts';

/** Foreign keys that leave the part are left out; views are not in it. */
export function partOfSchema(schema: Schema, keys: ReadonlySet<string>): Schema {
  const tables = new Map<string, Table>();
  const take = (key: string): void => {
    const table = schema.tables.get(key);
    if (!table || tables.has(key)) return;
    tables.set(key, table);
    for (const parent of table.parents) take(parent);
  };
  for (const key of keys) take(key);
  const names = new Set<string>();
  for (const [key, table] of tables) {
    const constraints = new Map(
      [...table.constraints].filter(([, { references }]) => !references || tables.has(references.table)),
    );
    if (constraints.size !== table.constraints.size) tables.set(key, { ...table, constraints });
    for (const { default: text, ownedSequence } of table.columns.values()) {
      if (ownedSequence) names.add(ownedSequence);
      for (const [, name] of text?.matchAll(/nextval\('((?:[^']|'')+)'/gi) ?? [])
        names.add(sequenceKey(name as string));
    }
  }
  const sequences = new Map<string, Sequence>([...schema.sequences].filter(([key]) => names.has(key)));
  return { ...schema, tables, sequences, views: new Map() };
}

/** `whole` with the tables of `part`, each with the foreign keys that were left out. */
export function withPart(whole: Schema, part: Schema, keys: ReadonlySet<string>): Schema {
  const tables = new Map(whole.tables);
  for (const key of keys) {
    const built = part.tables.get(key);
    const given = whole.tables.get(key);
    if (!built || !given) continue;
    const constraints = new Map(built.constraints);
    for (const [name, constraint] of given.constraints) if (!constraints.has(name)) constraints.set(name, constraint);
    tables.set(key, { ...built, constraints });
  }
  return {
    ...whole,
    tables,
    enums: part.enums,
    domains: part.domains,
    composites: part.composites,
    routines: part.routines,
  };
}

/** The key of a sequence from the text of a regclass: `"My seq"`, `app.s`. */
function sequenceKey(text: string): string {
  const parts = [...text.replaceAll("''", "'").matchAll(/"((?:[^"]|"")+)"|[^."]+/g)].map(([bare, quoted]) =>
    quoted === undefined ? bare : quoted.replaceAll('""', '"'),
  );
  return parts.length > 1 ? parts.join('.') : `public.${parts[0] ?? ''}`;
}
