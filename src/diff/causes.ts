/**
 * What follows from what: a view that names a column which is gone went with it, and one whose text changed because a name
 * in it did is no difference of its own. By names in the texts alone; refuses to say more than that.
 */
import { nextvalDefault, placeOfKey } from '../model/definition.ts';
import { namesIn } from '../model/expression.ts';
import { nameOfKey, quoteLiteral } from '../model/name.ts';
import type { Column, EnumType, Routine, Schema } from '../model/schema.ts';
import type { Found } from './found.ts';

export function withCauses(given: readonly Found[], live: Schema): Found[] {
  const found = fromParents(given, live);
  const sequences = new Map(
    found
      .filter((each) => each.kind === 'sequence' && each.direction === 'missing')
      .map((each) => [nextvalDefault(each.key), each.key]),
  );
  const gone = found.filter(
    (each) =>
      each.direction === 'missing' && (each.kind === 'table' || each.kind === 'column' || each.kind === 'function'),
  );
  const moved = found.filter(
    (each) => each.liveName !== undefined && each.kind !== 'constraint' && each.kind !== 'index',
  );
  const altered = found.filter(
    (each) =>
      (each.kind === 'column' && each.aspects.some((part) => part.name === 'type')) ||
      (each.kind === 'enum' && each.direction === 'altered' && lostLabels(each).length > 0),
  );
  if (gone.length + moved.length + altered.length + sequences.size === 0) return found;
  const result = found.map((each) => {
    if (each.causedBy !== undefined) return each;
    // A sequence that went with CASCADE took the defaults with it that draw from it.
    const source = lostDefault(each) === null ? undefined : sequences.get(lostDefault(each) as string);
    if (source !== undefined) return { ...each, causedBy: source };
    const text = textOf(each.declared);
    if (text === null) return each;
    const names = new Set(namesIn(text).map((token) => token.name));
    const isNamed = (cause: Found) => cause !== each && isAbout(cause, names, each);
    const cause =
      each.direction === 'missing'
        ? gone.find(isNamed)
        : each.direction === 'altered' && each.aspects.every((part) => part.isText)
          ? [...moved, ...altered].find(
              (one) =>
                isNamed(one) &&
                (one.liveName === undefined || hasName(each.live, one.liveName)) &&
                (one.kind !== 'enum' ||
                  one.liveName !== undefined ||
                  lostLabels(one).some((label) => text.includes(quoteLiteral(label)))),
            )
          : undefined;
    return cause === undefined ? each : { ...each, causedBy: cause.key };
  });
  return throughViews(result, live);
}

/** The default of a column that has none any more. */
function lostDefault({ kind, declared, live }: Found): string | null {
  if (kind !== 'column' || (live as Column | null)?.default !== null) return null;
  return (declared as Column | null)?.default ?? null;
}

/** Labels that texts of the declared side may name and the live type no longer has. */
function lostLabels({ declared, live }: Found): string[] {
  const { labels } = live as EnumType;
  return declared === live ? [] : (declared as EnumType).labels.filter((label) => !labels.includes(label));
}

/** A child table says again what its parent says of a column or constraint of the same name. */
function fromParents(found: readonly Found[], live: Schema): Found[] {
  const byKey = new Map(
    found.filter((each) => each.kind === 'column' || each.kind === 'constraint').map((each) => [each.key, each]),
  );
  return found.map((each) => {
    if (each.causedBy !== undefined || each.table === undefined || byKey.get(each.key) !== each) return each;
    const name = each.key.slice(each.table.length + 1);
    const cause = live.tables
      .get(each.table)
      ?.parents.map((parent) => byKey.get(`${parent}.${name}`))
      .find((one) => one !== undefined && one.kind === each.kind && saysTheSame(one, each));
    return cause === undefined ? each : { ...each, causedBy: cause.key };
  });
}

function saysTheSame(parent: Found, child: Found): boolean {
  return (
    parent.direction === child.direction &&
    parent.liveName === child.liveName &&
    child.aspects.every((aspect) =>
      parent.aspects.some(
        (one) => one.name === aspect.name && one.declared === aspect.declared && one.live === aspect.live,
      ),
    )
  );
}

/** The names in an object's text name what the cause is about, and its table where it is a column. */
function isAbout(cause: Found, names: ReadonlySet<string>, each: Found): boolean {
  const name =
    cause.kind === 'column'
      ? cause.key.slice((cause.table as string).length + 1)
      : cause.kind === 'function'
        ? (cause.declared as Routine).name
        : placeOfKey(cause.key).name;
  if (!names.has(name)) return false;
  return cause.kind !== 'column' || each.table === cause.table || names.has(placeOfKey(cause.table as string).name);
}

function hasName(live: unknown, liveName: string): boolean {
  const text = textOf(live);
  const bare = nameOfKey(liveName).name;
  return text === null || namesIn(text).some((token) => token.name === liveName || token.name === bare);
}

/** The SQL that an object hangs on, null where it hangs on none. */
function textOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const { definition, generated, expression, using, check, default: initial } = value as Record<string, unknown>;
  const texts = [
    definition,
    typeof generated === 'object' && generated !== null ? (generated as { expression: string }).expression : null,
    expression,
    using,
    check,
    initial,
  ].filter((each): each is string => typeof each === 'string');
  return texts.length === 0 ? null : texts.join(' ');
}

/** Views of a view that is gone, and the indexes of a materialized one. */
function throughViews(found: readonly Found[], live: Schema): Found[] {
  const gone = found.filter(
    (each) => each.kind === 'view' && each.direction === 'missing' && !live.views.has(each.key),
  );
  if (gone.length === 0) return [...found];
  return found.map((each) => {
    if (each.kind !== 'view' || each.direction !== 'missing' || each.causedBy !== undefined) return each;
    const text = textOf(each.declared);
    const cause = gone.find(
      (one) => one !== each && text !== null && namesIn(text).some((token) => token.name === placeOfKey(one.key).name),
    );
    return cause === undefined ? each : { ...each, causedBy: cause.key };
  });
}
