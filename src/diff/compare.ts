/**
 * Declared × live → Drift, by structure: one Difference an object, contents of an absent table not apart, a thing under
 * another name told as renamed. Whose objects count is given from outside; refuses to judge what a difference costs.
 */
import type { Difference, Drift } from '../model/drift.ts';
import { compareText, nameOfKey } from '../model/name.ts';
import { type Certainty, type Constraint, type Declared, isInDoubt, type Schema } from '../model/schema.ts';
import { withCauses } from './causes.ts';
import type { CompareOptions, Comparison, Found } from './found.ts';
import { domainAspects, enumAspects, routineAspects, sequenceAspects, viewAspects } from './parts.ts';
import { findRenames } from './renames.ts';
import { hideOthers, namespacesOf, withoutVersionTables } from './scope.ts';
import { compareExtensions, compareKin, compareOwnedSequences, freeSequences, liveSequences } from './standalone.ts';
import { compareTables, compareViewIndexes } from './tables.ts';
import { translationFor } from './translation.ts';

export function compareSchemas(declared: Schema, live: Schema, options: CompareOptions = {}): Drift {
  const { found, comparison } = findDifferences(declared, live, options);
  const notCompared: string[] = [];
  const differences = found.flatMap((each) => settle(each, comparison, notCompared));
  return {
    differences: differences.sort(byKindThenKey),
    comparedAt: [...(options.comparedAt ?? [])],
    ...(notCompared.length > 0 ? { notCompared: notCompared.sort(compareText) } : {}),
  };
}

type Compared = { found: readonly Found[]; comparison: Comparison };

/** Of each declared schema the last comparison: who asks what is in doubt asks for the differences of the same two next. */
const lastByDeclared = new WeakMap<Schema, Last>();

type Last = { live: Schema; options: CompareOptions; compared: Compared };

/** All that disagrees, before anybody weighs how sure it is. */
export function findDifferences(stated: Schema, live: Schema, options: CompareOptions): Compared {
  const last = lastByDeclared.get(stated);
  if (last?.live === live && isSameScope(last.options, options) && isSameAsWritten(last, options))
    return { ...last.compared, comparison: { ...last.compared.comparison, options } };
  const compared = compareAll(stated, live, options);
  lastByDeclared.set(stated, { live, options, compared });
  return compared;
}

/** Whether both name the same objects; what they say of texts is for those who weigh. */
function isSameScope(a: CompareOptions, b: CompareOptions): boolean {
  return (
    a.managedNamespaces === b.managedNamespaces &&
    a.extensionObjects === b.extensionObjects &&
    a.versionTables === b.versionTables &&
    a.othersNamespaces === b.othersNamespaces &&
    a.isIgnored === b.isIgnored
  );
}

/** Only of constraints that are known by their text does it matter whose words the texts are in (matching.ts). */
function isSameAsWritten({ options, compared }: Last, { elaborated }: CompareOptions): boolean {
  return (
    (options.elaborated ?? false) === (elaborated ?? false) ||
    !compared.found.some(
      ({ kind, declared, live }) => kind === 'constraint' && /^[cx]$/.test(((declared ?? live) as Constraint).type),
    )
  );
}

function compareAll(stated: Schema, live: Schema, options: CompareOptions): Compared {
  const declared = withoutVersionTables(stated, options);
  const visible = hideOthers(live, options);
  const managed = options.managedNamespaces ?? namespacesOf(declared);
  const isManaged = (key: string) => managed.has(nameOfKey(key).schema ?? '');
  const renames = findRenames(declared, visible, isManaged);
  const comparison: Comparison = { declared, live: visible, renames, isManaged, options };
  const found = [
    ...compareKin(comparison, 'enum', declared.enums, visible.enums, renames.types, enumAspects),
    ...compareKin(comparison, 'domain', declared.domains, visible.domains, renames.types, (ours, theirs) =>
      domainAspects(ours, theirs, translationFor(comparison, '')),
    ),
    ...compareKin(
      comparison,
      'sequence',
      freeSequences(declared),
      liveSequences(declared, visible),
      renames.sequences,
      sequenceAspects,
    ),
    ...compareOwnedSequences(comparison),
    ...compareTables(comparison),
    ...compareKin(comparison, 'view', declared.views, visible.views, renames.views, viewAspects),
    ...compareViewIndexes(comparison),
    ...compareKin(comparison, 'function', declared.routines, visible.routines, renames.routines, routineAspects),
    ...compareExtensions(declared, live),
  ];
  const kept = withCauses(found, visible).filter(
    (each) => !options.isIgnored?.(each.key) && !(each.table !== undefined && options.isIgnored?.(each.table)),
  );
  return { found: kept, comparison };
}

const kindOrder: Difference['kind'][] = [
  'extension',
  'enum',
  'domain',
  'sequence',
  'table',
  'column',
  'constraint',
  'index',
  'view',
  'function',
  'trigger',
  'policy',
];

function byKindThenKey(a: Difference, b: Difference): number {
  return (
    kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
    compareText(a.key, b.key) ||
    compareText(a.direction, b.direction)
  );
}

function settle(found: Found, comparison: Comparison, notCompared: string[]): Difference[] {
  const { options } = comparison;
  const declared = found.declared as (Declared & { textCertainty?: Certainty }) | null;
  const unproven =
    !options.elaborated ||
    options.unbuilt?.has(found.key) ||
    (found.table !== undefined && options.unbuilt?.has(found.table));
  const aspects = found.aspects.filter((each) => {
    if (!each.isStatement || !unproven) return true;
    notCompared.push(`${found.key} ${each.name}`);
    return false;
  });
  if (found.direction === 'altered' && aspects.length === 0) return [];
  const onlyText = found.direction === 'altered' && aspects.every((each) => each.isText);
  const mayBeBy = found.direction === 'missing' ? undefined : options.unknownRevisions?.[0];
  const isSuspected =
    mayBeBy !== undefined ||
    isSuspect(comparison.declared, declared, found) ||
    (onlyText && (unproven || declared?.textCertainty === 'suspected'));
  const difference = {
    kind: found.kind,
    direction: found.direction,
    key: found.key,
    certainty: isSuspected ? 'suspected' : 'proven',
    origin:
      declared?.origin ??
      (found.table === undefined ? null : (comparison.declared.tables.get(found.table)?.origin ?? null)),
    aspects: aspects.map(({ name, declared: ours, live: theirs }) => ({ name, declared: ours, live: theirs })),
    declared: found.declared,
    live: found.live,
    ...(found.table === undefined ? {} : { table: found.table }),
    ...(found.liveName === undefined ? {} : { liveName: found.liveName }),
    ...(found.causedBy === undefined ? {} : { causedBy: found.causedBy }),
    ...(mayBeBy === undefined ? {} : { mayBeBy }),
  };
  return [difference as Difference];
}

/** What hangs on lines that could not be read is never proven. */
function isSuspect(schema: Schema, declared: Declared | null, found: Found): boolean {
  if (declared?.certainty === 'suspected') return true;
  const key = found.table ?? found.key;
  if (isInDoubt(schema.suspected, key)) return true;
  return (
    found.table !== undefined &&
    (schema.tables.get(found.table) ?? schema.views.get(found.table))?.certainty === 'suspected'
  );
}
