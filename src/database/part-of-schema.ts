/**
 * The part of a Schema that must stand for some of its objects to be built: what tables inherit from, the sequences that
 * their defaults draw from, the functions that their texts call, what views read, every type. A comparison in doubt about
 * three tables of ten thousand builds three.
 */

import { typeKeyOf } from '../model/definition.ts';
import { namesIn } from '../model/expression.ts';
import { keyOf, nameOfKey } from '../model/name.ts';
import type { Routine, Schema, Sequence, Table, View } from '../model/schema.ts';

/** `keys`: of tables, views and routines. Foreign keys that leave the part are left out. */
export function partOfSchema(schema: Schema, keys: ReadonlySet<string>): Schema {
  const tables = new Map<string, Table>();
  const views = new Map<string, View>();
  const routines = new Map<string, Routine>();
  const relationsByName = keysByName([...schema.tables.keys(), ...schema.views.keys()], (key) => nameOfKey(key).name);
  const routinesByName = keysByName(schema.routines.keys(), (key) => (schema.routines.get(key) as Routine).name);

  const take = (key: string): void => {
    const table = schema.tables.get(key);
    const view = schema.views.get(key);
    if (table && !tables.has(key)) {
      tables.set(key, table);
      for (const parent of table.parents) take(parent);
      for (const { type } of table.columns.values()) takeRelation(typeKeyOf(type));
      for (const text of textsOf(table)) takeCalled(text);
    } else if (view && !views.has(key)) {
      views.set(key, view);
      takeCalled(view.definition);
      takeNamed(view.definition);
      for (const index of view.indexes.values()) takeCalled(index.definition);
    }
  };
  const takeRelation = (key: string): void => {
    if (schema.tables.has(key) || schema.views.has(key)) take(key);
  };
  const takeNamed = (text: string): void => {
    for (const { name } of namesIn(text)) for (const key of relationsByName.get(name) ?? []) take(key);
  };
  const takeCalled = (text: string): void => {
    if (routinesByName.size === 0) return;
    for (const { name } of namesIn(text)) for (const key of routinesByName.get(name) ?? []) takeRoutine(key);
  };
  const takeRoutine = (key: string): void => {
    const routine = schema.routines.get(key);
    if (!routine || routines.has(key)) return;
    routines.set(key, routine);
    const { definition } = routine;
    takeNamed(`${routine.arguments} ${routine.result ?? ''}`);
    if (definition === null) return;
    takeCalled(bodyOf(definition));
    // A body in SQL may be looked into when something calls it.
    if (/\bbegin\s+atomic\b|\blanguage\s+'?sql\b/i.test(definition)) takeNamed(bodyOf(definition));
  };
  for (const key of keys) {
    take(key);
    takeRoutine(key);
  }
  for (const domain of schema.domains.values()) for (const check of domain.checks) takeCalled(check);

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
  for (const { definition } of [...views.values(), ...routines.values()])
    for (const [, name] of definition?.matchAll(/nextval\('((?:[^']|'')+)'/gi) ?? [])
      names.add(sequenceKey(name as string));
  const sequences = new Map<string, Sequence>([...schema.sequences].filter(([key]) => names.has(key)));
  return { ...schema, tables, sequences, views, routines };
}

function keysByName(keys: Iterable<string>, nameOf: (key: string) => string): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const key of keys) {
    const name = nameOf(key);
    byName.set(name, [...(byName.get(name) ?? []), key]);
  }
  return byName;
}

/** All SQL of a table in which a function may be called. */
function* textsOf(table: Table): Iterable<string> {
  for (const { default: initial, generated } of table.columns.values()) {
    if (initial !== null) yield initial;
    if (generated !== null) yield generated.expression;
  }
  for (const { type, definition } of table.constraints.values()) if (type === 'c' || type === 'x') yield definition;
  for (const { keys, where, definition } of table.indexes.values())
    if (where !== null || keys.some((key) => key.isExpression || key.operatorClass !== null)) yield definition;
  for (const { definition } of table.triggers.values()) yield definition;
  for (const { using, check } of table.policies.values()) yield `${using ?? ''} ${check ?? ''}`;
  if (table.partitionKey !== null) yield table.partitionKey;
}

/** The text without the quotes around a body, which would hide its names. */
function bodyOf(definition: string): string {
  return definition.replace(/\$\w*\$/g, ' ');
}

/** `whole` with the objects `keys` as they are in `part`, each with the foreign keys that were left out. */
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
    views: replaced(whole.views, part.views, keys),
    routines: replaced(whole.routines, part.routines, keys),
    domains: replaced(whole.domains, part.domains, keys),
  };
}

function replaced<Item>(
  whole: ReadonlyMap<string, Item>,
  part: ReadonlyMap<string, Item>,
  keys: ReadonlySet<string>,
): ReadonlyMap<string, Item> {
  if (![...keys].some((key) => whole.has(key) && part.has(key))) return whole;
  return new Map([...whole].map(([key, item]) => [key, (keys.has(key) ? part.get(key) : undefined) ?? item]));
}

/** The key of a sequence from the text of a regclass: `"My seq"`, `app.s`. */
function sequenceKey(text: string): string {
  const parts = [...text.replaceAll("''", "'").matchAll(/"((?:[^"]|"")+)"|[^."]+/g)].map(([bare, quoted]) =>
    quoted === undefined ? bare : quoted.replaceAll('""', '"'),
  );
  const [first = '', second] = parts;
  return second === undefined ? keyOf('public', first) : keyOf(first, second);
}
