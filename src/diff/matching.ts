/**
 * Which constraint or index of one table is which on the other side: by name and meaning, then by meaning alone (renamed),
 * then by name alone (altered).
 */
import { namesIn } from '../model/expression.ts';
import type { Constraint, Index, Table } from '../model/schema.ts';
import type { Comparison, Found } from './found.ts';
import {
  type Aspect,
  constraintAspects,
  constraintMeaning,
  indexAspects,
  isSameConstraint,
  isSameEach,
  isSameIndex,
  type Translation,
} from './parts.ts';

/** Lets a difference say which column's difference it follows from. */
type Cause = (found: Found, declaredColumns: readonly string[], liveColumns: readonly string[]) => Found;

export function compareConstraints(
  comparison: Comparison,
  key: string,
  declared: Table,
  live: Table,
  names: Translation,
  cause: Cause,
): Found[] {
  if (names.isPlain && isSameEach(declared.constraints, live.constraints, isSameConstraint)) return [];
  const own = ownOf(declared.constraints, live.constraints);
  const theirs = ownOf(live.constraints, declared.constraints);
  const sameKind = (a: Constraint, b: Constraint) => a.type === b.type;
  const sameMeaning = (a: Constraint, b: Constraint) =>
    sameKind(a, b) &&
    constraintMeaning(a, names) === constraintMeaning(b, null) &&
    isTextSame(constraintAspects(a, b, names));
  const alike = (a: Constraint, b: Constraint) =>
    sameKind(a, b) &&
    (a.type === 'c' || a.type === 'x'
      ? !comparison.options.elaborated &&
        a.columns.length > 0 &&
        a.columns.map(names.column).sort().join() === [...b.columns].sort().join()
      : constraintMeaning(a, names) === constraintMeaning(b, null));
  const pairs = match(own, theirs, [
    (a, b) => a.name === b.name && sameMeaning(a, b),
    (a, b) => sameMeaning(a, b) && constraintAspects(a, b, names).length === 0,
    (a, b) => a.name === b.name && sameKind(a, b),
    (a, b) => alike(a, b),
  ]);
  return report(pairs, own, theirs, {
    kind: 'constraint',
    table: key,
    aspects: (a, b) => constraintAspects(a, b, names),
    cause: (found, a, b) => causeOfReference(comparison, cause(found, a?.columns ?? [], b?.columns ?? []), a),
  });
}

/** A key to a table (or column) that is gone went with it. */
function causeOfReference(comparison: Comparison, found: Found, declared: Constraint | null): Found {
  const references = declared?.references;
  if (found.causedBy !== undefined || found.direction !== 'missing' || !references) return found;
  const table = comparison.live.tables.get(references.table);
  if (table === undefined && !comparison.renames.tables.has(references.table))
    return { ...found, causedBy: references.table };
  const target = comparison.declared.tables.get(references.table);
  const gone =
    table &&
    references.columns.find(
      (column) =>
        target?.columns.has(column) &&
        !table.columns.has(column) &&
        !comparison.renames.columns.get(references.table)?.has(column),
    );
  if (gone) return { ...found, causedBy: `${references.table}.${gone}` };
  const isKey = (each: Constraint) =>
    (each.type === 'p' || each.type === 'u') && each.columns.join() === references.columns.join();
  const pointedAt = target && [...target.constraints.values()].find(isKey);
  const stands = table && [...table.constraints.values()].some(isKey);
  return pointedAt && table && !stands ? { ...found, causedBy: `${references.table}.${pointedAt.name}` } : found;
}

/** Without what a partition has of its parent: on either side, so that of one detached no part is told beside the table. */
function ownOf<Part extends { name: string; fromPartitionParent?: boolean }>(
  parts: ReadonlyMap<string, Part>,
  others: ReadonlyMap<string, Part>,
): Part[] {
  return [...parts.values()].filter((each) => !each.fromPartitionParent && !others.get(each.name)?.fromPartitionParent);
}

function isTextSame(aspects: Aspect[]): boolean {
  return !aspects.some((each) => each.isText || each.name === 'expression' || each.name === 'definition');
}

export function compareIndexes(
  key: string,
  declared: ReadonlyMap<string, Index>,
  live: ReadonlyMap<string, Index>,
  names: Translation,
  cause: Cause,
): Found[] {
  if (names.isPlain && isSameEach(declared, live, isSameIndex)) return [];
  const own = ownOf(declared, live);
  const theirs = ownOf(live, declared);
  const pairs = match(own, theirs, [(a, b) => a.name === b.name, (a, b) => indexAspects(a, b, names).length === 0]);
  const columnsOf = (index: Index | null): string[] =>
    index === null
      ? []
      : [
          ...index.include,
          ...index.keys.flatMap((each) => (each.isExpression ? namesOf(each.text) : [each.text])),
          ...(index.where === null ? [] : namesOf(index.where)),
        ];
  return report(pairs, own, theirs, {
    kind: 'index',
    table: key,
    aspects: (a, b) => indexAspects(a, b, names),
    cause: (found, a, b) => cause(found, columnsOf(a), columnsOf(b)),
  });
}

function namesOf(expression: string): string[] {
  return namesIn(expression).map((token) => token.name);
}

/** Pairs by the first test that holds, test after test; each member once. */
function match<T extends { name: string }>(
  own: readonly T[],
  theirs: readonly T[],
  tests: ((a: T, b: T) => boolean)[],
): Map<T, T> {
  const pairs = new Map<T, T>();
  const taken = new Set<T>();
  const byName = new Map(theirs.map((each) => [each.name, each]));
  for (const [at, test] of tests.entries()) {
    if (pairs.size === own.length) break;
    for (const each of own) {
      if (pairs.has(each)) continue;
      // The first test asks for the same name.
      const named = byName.get(each.name);
      const other =
        at === 0
          ? named !== undefined && !taken.has(named) && test(each, named)
            ? named
            : undefined
          : theirs.find((one) => !taken.has(one) && test(each, one));
      if (other === undefined) continue;
      pairs.set(each, other);
      taken.add(other);
    }
  }
  return pairs;
}

function report<T extends { name: string }>(
  pairs: ReadonlyMap<T, T>,
  own: readonly T[],
  theirs: readonly T[],
  of: {
    kind: 'constraint' | 'index';
    table: string;
    aspects: (declared: T, live: T) => Aspect[];
    cause: (found: Found, declared: T | null, live: T | null) => Found;
  },
): Found[] {
  const found: Found[] = [];
  const at = (name: string) => ({ kind: of.kind, key: `${of.table}.${name}`, table: of.table });
  for (const declared of own) {
    const live = pairs.get(declared);
    if (live === undefined) {
      found.push(
        of.cause({ ...at(declared.name), direction: 'missing', declared, live: null, aspects: [] }, declared, null),
      );
      continue;
    }
    if (live === declared) continue;
    const aspects = of.aspects(declared, live);
    const isRenamed = live.name !== declared.name;
    if (aspects.length === 0 && !isRenamed) continue;
    found.push(
      of.cause(
        {
          ...at(declared.name),
          direction: aspects.length === 0 ? 'renamed' : 'altered',
          declared,
          live,
          aspects,
          ...(isRenamed ? { liveName: live.name } : {}),
        },
        declared,
        live,
      ),
    );
  }
  const paired = new Set(pairs.values());
  for (const live of theirs)
    if (!paired.has(live))
      found.push(
        of.cause({ ...at(live.name), direction: 'unexpected', declared: null, live, aspects: [] }, null, live),
      );
  return found;
}
