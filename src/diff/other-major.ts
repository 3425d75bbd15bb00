/**
 * Texts of a server before PostgreSQL 14 beside those of the scratch server: what is the same to the parser is spelled as the
 * declared side spells it.
 */
import { keyOf } from '../model/name.ts';
import type { Column, Constraint, Domain, Index, Routine, Schema, Table, View } from '../model/schema.ts';

/** `live`, with each text for which `isSame` holds in the words of `declared`. */
export function respelled(live: Schema, declared: Schema, isSame: (live: string, declared: string) => boolean): Schema {
  const text = <T extends string | null>(theirs: T, ours: T): T =>
    theirs !== null && ours !== null && theirs !== ours && isSame(theirs, ours) ? ours : theirs;
  const column = (theirs: Column, ours: Column): Column => ({
    ...theirs,
    default: text(theirs.default, ours.default),
    generated:
      theirs.generated && ours.generated
        ? { ...theirs.generated, expression: text(theirs.generated.expression, ours.generated.expression) }
        : theirs.generated,
  });
  const constraint = (theirs: Constraint, ours: Constraint): Constraint => {
    const expression = text(theirs.expression, ours.expression);
    return expression === theirs.expression ? theirs : { ...theirs, expression, definition: ours.definition };
  };
  const index = (theirs: Index, ours: Index): Index => ({
    ...theirs,
    keys: theirs.keys.map((key, at) => {
      const other = ours.keys[at];
      return key.isExpression && other?.isExpression ? { ...key, text: text(key.text, other.text) } : key;
    }),
    keyTexts: theirs.keyTexts.map((key, at) => text(key, ours.keyTexts[at] ?? key)),
    where: text(theirs.where, ours.where),
  });
  const table = (theirs: Table, ours: Table): Table => ({
    ...theirs,
    partitionKey: text(theirs.partitionKey, ours.partitionKey),
    columns: each(theirs.columns, ours.columns, column),
    constraints: each(theirs.constraints, ours.constraints, constraint),
    indexes: each(theirs.indexes, ours.indexes, index),
  });
  const view = (theirs: View, ours: View): View => ({
    ...theirs,
    definition: text(theirs.definition, ours.definition),
    indexes: each(theirs.indexes, ours.indexes, index),
  });
  const domain = (theirs: Domain, ours: Domain): Domain => ({
    ...theirs,
    default: text(theirs.default, ours.default),
  });
  return {
    ...live,
    tables: each(live.tables, declared.tables, table),
    views: each(live.views, declared.views, view),
    domains: each(live.domains, declared.domains, domain),
  };
}

/** `live` of a server before 14 with the arguments of procedures as they are printed since: with IN. */
export function withArgumentModes(live: Schema): Schema {
  return { ...live, routines: new Map([...live.routines.values()].map(withModes)) };
}

function withModes(routine: Routine): [string, Routine] {
  const identityArguments = routine.kind === 'p' ? inEach(routine.identityArguments) : routine.identityArguments;
  const key = `${keyOf(routine.namespace, routine.name)}(${identityArguments})`;
  return [
    key,
    routine.kind === 'p' ? { ...routine, identityArguments, arguments: inEach(routine.arguments) } : routine,
  ];
}

function inEach(list: string): string {
  const parts = list.match(/(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|\([^)]*\)|[^,"'(])+/g) ?? [];
  return parts.map((part) => part.trim().replace(/^(?!(?:IN|INOUT|OUT|VARIADIC) )/, 'IN ')).join(', ');
}

function each<Item>(
  live: ReadonlyMap<string, Item>,
  declared: ReadonlyMap<string, Item>,
  spell: (live: Item, declared: Item) => Item,
): Map<string, Item> {
  return new Map(
    [...live].map(([key, item]) => {
      const other = declared.get(key);
      return [key, other === undefined ? item : spell(item, other)];
    }),
  );
}
