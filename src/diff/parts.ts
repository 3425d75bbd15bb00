/**
 * The aspects in which two objects of one name disagree. Structure is compared as data; SQL text by `sameText`, and
 * marked as text, since without PostgreSQL a difference of texts is no proof.
 */

import { indexKeySql, unreadableType } from '../model/definition.ts';
import { renameColumnIn } from '../model/expression.ts';
import { compareText } from '../model/name.ts';
import type {
  Column,
  Constraint,
  Domain,
  EnumType,
  Index,
  Policy,
  Routine,
  Sequence,
  Table,
  Trigger,
  View,
} from '../model/schema.ts';
import { sameText } from './text.ts';

export interface Aspect {
  name: string;
  declared: string | null;
  live: string | null;
  /** Only the spelling of an expression differs. */
  isText?: boolean;
  /** Not even worth a suspicion without PostgreSQL: whole statements, which it never prints as they were written. */
  isStatement?: boolean;
}

/** The declared side's names as the live side has them. */
export interface Translation {
  table(key: string): string;
  type(type: string): string;
  /** Of an index's key, without the schema of the extension that brought it. */
  operatorClass(text: string | null): string | null;
  column(column: string): string;
  /** Of another table, by its declared key. */
  columnOf(table: string, column: string): string;
  /** Names of sequences inside a default. */
  defaultText(text: string): string;
  /** Columns renamed in the table at hand. */
  renamedColumns: ReadonlyMap<string, string>;
  /** Nothing bears another name. */
  isPlain: boolean;
}

function aspect(
  name: string,
  declared: string | boolean | null | undefined,
  live: string | boolean | null | undefined,
): Aspect[] {
  const text = (value: string | boolean | null | undefined) =>
    value === undefined || value === null ? null : String(value);
  return text(declared) === text(live) ? [] : [{ name, declared: text(declared), live: text(live) }];
}

function textAspect(name: string, declared: string | null, live: string | null): Aspect[] {
  if (sameText(declared, live)) return [];
  // One side without any is a difference of structure.
  return [{ name, declared, live, ...(declared !== null && live !== null ? { isText: true } : {}) }];
}

function statementAspect(name: string, declared: string | null, live: string | null): Aspect[] {
  return declared === null || live === null || sameText(declared, live)
    ? []
    : [{ name, declared, live, isText: true, isStatement: true }];
}

const sameList = (a: readonly string[], b: readonly string[]) =>
  a === b || (a.length === b.length && a.every((each, place) => each === b[place]));

/**
 * Alike to the letter, where no names are translated: no aspect can differ. Nearly all of nearly every database is so, and
 * the look at each aspect costs ten times as much.
 */
export function isSameColumn(a: Column, b: Column): boolean {
  return (
    a.type === b.type &&
    a.notNull === b.notNull &&
    a.default === b.default &&
    a.identity === b.identity &&
    a.collation === b.collation &&
    a.generated?.expression === b.generated?.expression &&
    a.generated?.stored === b.generated?.stored &&
    (a.ownedSequence === null) === (b.ownedSequence === null)
  );
}

export function isSameConstraint(a: Constraint, b: Constraint): boolean {
  const [ours, theirs] = [a.references, b.references];
  return (
    a.type === b.type &&
    a.validated === b.validated &&
    (a.enforced ?? true) === (b.enforced ?? true) &&
    a.deferrable === b.deferrable &&
    a.expression === b.expression &&
    (a.type === 'c' || sameList(a.columns, b.columns)) &&
    (a.type !== 'x' || a.definition === b.definition) &&
    (a.nullsNotDistinct ?? false) === (b.nullsNotDistinct ?? false) &&
    sameList(a.include ?? [], b.include ?? []) &&
    ours?.table === theirs?.table &&
    ours?.onDelete === theirs?.onDelete &&
    ours?.onUpdate === theirs?.onUpdate &&
    (ours?.match ?? 'SIMPLE') === (theirs?.match ?? 'SIMPLE') &&
    sameList(ours?.columns ?? [], theirs?.columns ?? [])
  );
}

export function isSameIndex(a: Index, b: Index): boolean {
  return (
    a.unique === b.unique &&
    a.method === b.method &&
    a.where === b.where &&
    a.valid === b.valid &&
    (a.nullsNotDistinct ?? false) === (b.nullsNotDistinct ?? false) &&
    sameList(a.include, b.include) &&
    a.keys.length === b.keys.length &&
    a.keys.every((key, place) => {
      const other = b.keys[place] as Index['keys'][number];
      return (
        key.text === other.text &&
        key.isExpression === other.isExpression &&
        key.descending === other.descending &&
        key.nullsFirst === other.nullsFirst &&
        key.operatorClass === other.operatorClass &&
        key.collation === other.collation
      );
    })
  );
}

/** The same names on both sides, each the same thing. */
export function isSameEach<Part extends { fromPartitionParent?: boolean }>(
  ours: ReadonlyMap<string, Part>,
  theirs: ReadonlyMap<string, Part>,
  isSame: (a: Part, b: Part) => boolean,
): boolean {
  if (ours.size !== theirs.size) return false;
  for (const [name, part] of ours) {
    const other = theirs.get(name);
    if (other === undefined) return false;
    if (other === part) continue;
    if (part.fromPartitionParent || other.fromPartitionParent || !isSame(part, other)) return false;
  }
  return true;
}

export function tableAspects(declared: Table, live: Table, names: Translation): Aspect[] {
  return [
    ...aspect('kind', declared.kind, live.kind),
    ...aspect('persistence', declared.persistence, live.persistence),
    ...aspect('rowSecurity', declared.rowSecurity, live.rowSecurity),
    ...aspect('forceRowSecurity', declared.forceRowSecurity, live.forceRowSecurity),
    ...textAspect('partitionKey', declared.partitionKey, live.partitionKey),
    ...textAspect('partitionBound', declared.partitionBound, live.partitionBound),
    ...aspect('parents', declared.parents.map(names.table).join(', '), live.parents.join(', ')),
  ];
}

export function columnAspects(declared: Column, live: Column, names: Translation): Aspect[] {
  const inText = (text: string | null) =>
    text === null ? null : renameAll(names.defaultText(text), names.renamedColumns);
  // Both draw from the sequence they own, whatever its name.
  const bothOwn =
    declared.ownedSequence !== null &&
    live.ownedSequence !== null &&
    isNextval(declared.default) &&
    isNextval(live.default);
  return [
    ...(declared.type === unreadableType ? [] : aspect('type', names.type(declared.type), live.type)),
    ...aspect('notNull', declared.notNull, live.notNull),
    ...aspect('identity', declared.identity, live.identity),
    ...(bothOwn ? [] : textAspect('default', inText(declared.default), live.default)),
    ...textAspect('generated', inText(declared.generated?.expression ?? null), live.generated?.expression ?? null),
    ...(declared.generated && live.generated ? aspect('stored', declared.generated.stored, live.generated.stored) : []),
    ...aspect('collation', plainName(declared.collation), plainName(live.collation)),
    // A sequence that is owned and drawn from by nobody is a leftover of a type that changed.
    ...(declared.identity === null && live.identity === null && (isNextval(declared.default) || isNextval(live.default))
      ? aspect(
          'ownedSequence',
          declared.ownedSequence === null ? null : 'owned',
          live.ownedSequence === null ? null : 'owned',
        )
      : []),
  ];
}

function isNextval(text: string | null): boolean {
  return text?.startsWith('nextval(') ?? false;
}

function plainName(collation: string | null): string | null {
  return collation === null ? null : collation.replace(/^(?:"?pg_catalog"?\.)?"?([^"]*)"?$/, '$1');
}

export function renameAll(text: string, renamed: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [from, to] of renamed) result = renameColumnIn(result, from, to);
  return result;
}

/** A constraint's meaning without its name, its actions and its validity; texts are left to the caller. */
export function constraintMeaning(constraint: Constraint, names: Translation | null): string {
  const column = (each: string) => names?.column(each) ?? each;
  const columns = constraint.columns.map(column).join('\u0000');
  switch (constraint.type) {
    case 'p':
      return `p ${columns}`;
    case 'u':
      return `u ${columns} ${constraint.nullsNotDistinct ?? false}`;
    case 'f': {
      const references = constraint.references;
      if (references === null) return `f ${columns}`;
      const table = names?.table(references.table) ?? references.table;
      const referred = references.columns.map((each) => names?.columnOf(references.table, each) ?? each);
      return `f ${columns} ${table} ${referred.join('\u0000')}`;
    }
    default:
      return constraint.type;
  }
}

export function constraintAspects(declared: Constraint, live: Constraint, names: Translation): Aspect[] {
  const own = constraintMeaning(declared, names);
  const theirs = constraintMeaning(live, null);
  const rename = (text: string | null) => (text === null ? null : renameAll(text, names.renamedColumns));
  const references = declared.references;
  return [
    ...(declared.type === 'c' || declared.type === 'x' || own === theirs
      ? []
      : [
          ...aspect('columns', declared.columns.map(names.column).join(', '), live.columns.join(', ')),
          ...aspect(
            'references',
            references
              ? referenceText(
                  names.table(references.table),
                  references.columns.map((each) => names.columnOf(references.table, each)),
                )
              : null,
            live.references ? referenceText(live.references.table, live.references.columns) : null,
          ),
          ...aspect('nullsNotDistinct', declared.nullsNotDistinct ?? false, live.nullsNotDistinct ?? false),
        ]),
    ...(declared.type === 'c' ? textAspect('expression', rename(declared.expression), live.expression) : []),
    ...(declared.type === 'x' ? textAspect('definition', rename(declared.definition), live.definition) : []),
    ...aspect('onDelete', references?.onDelete, live.references?.onDelete),
    ...aspect('onUpdate', references?.onUpdate, live.references?.onUpdate),
    ...aspect('match', references?.match ?? 'SIMPLE', live.references?.match ?? 'SIMPLE'),
    ...aspect('deferrable', declared.deferrable, live.deferrable),
    ...aspect('include', (declared.include ?? []).map(names.column).join(', '), (live.include ?? []).join(', ')),
    ...enforcement(declared, live),
  ];
}

/** What nobody keeps is not valid either: said once. */
function enforcement(declared: Constraint, live: Constraint): Aspect[] {
  const enforced = aspect('enforced', declared.enforced ?? true, live.enforced ?? true);
  return enforced.length > 0 ? enforced : aspect('validated', declared.validated, live.validated);
}

function referenceText(table: string, columns: readonly string[]): string {
  return `${table} (${columns.join(', ')})`;
}

export function indexAspects(declared: Index, live: Index, names: Translation): Aspect[] {
  const rename = (text: string) => renameAll(text, names.renamedColumns);
  const key = (each: Index['keys'][number]) =>
    indexKeySql({
      ...each,
      operatorClass: names.operatorClass(each.operatorClass),
      text: each.isExpression ? rename(each.text) : names.column(each.text),
    });
  const ours = declared.keys.map(key);
  const theirs = live.keys.map((each) =>
    indexKeySql({ ...each, operatorClass: names.operatorClass(each.operatorClass) }),
  );
  const sameKeys =
    ours.length === theirs.length && ours.every((each, i) => each === theirs[i] || sameText(each, theirs[i] as string));
  // Where all that differs is inside expressions (or names a class that may be the default), PostgreSQL must say.
  const onlyText =
    ours.length === theirs.length &&
    declared.keys.every((each, i) => {
      const other = live.keys[i] as Index['keys'][number];
      return (
        each.isExpression === other.isExpression &&
        (each.isExpression || names.column(each.text) === other.text) &&
        each.descending === other.descending &&
        each.nullsFirst === other.nullsFirst
      );
    });
  return [
    ...aspect('unique', declared.unique, live.unique),
    ...aspect('method', declared.method, live.method),
    ...(sameKeys
      ? []
      : [{ name: 'keys', declared: ours.join(', '), live: theirs.join(', '), ...(onlyText ? { isText: true } : {}) }]),
    ...aspect('include', declared.include.map(names.column).join(', '), live.include.join(', ')),
    ...textAspect('where', declared.where === null ? null : rename(declared.where), live.where),
    ...aspect('nullsNotDistinct', declared.nullsNotDistinct ?? false, live.nullsNotDistinct ?? false),
    ...aspect('valid', declared.valid, live.valid),
  ];
}

export function triggerAspects(declared: Trigger, live: Trigger): Aspect[] {
  return [
    ...statementAspect('definition', declared.definition, live.definition),
    ...aspect('enabled', declared.enabled ?? true, live.enabled ?? true),
  ];
}

export function policyAspects(declared: Policy, live: Policy): Aspect[] {
  return [
    ...aspect('command', declared.command, live.command),
    ...aspect('permissive', declared.permissive ?? true, live.permissive ?? true),
    ...aspect('roles', declared.roles?.toSorted().join(', '), live.roles?.toSorted().join(', ')),
    ...textAspect('using', declared.using, live.using),
    ...textAspect('check', declared.check, live.check),
  ];
}

export function enumAspects(declared: EnumType, live: EnumType): Aspect[] {
  return aspect('labels', declared.labels.join(', '), live.labels.join(', '));
}

export function domainAspects(declared: Domain, live: Domain, names: Translation): Aspect[] {
  return [
    ...aspect('base', names.type(declared.base), live.base),
    ...aspect('notNull', declared.notNull, live.notNull),
    ...textAspect('default', declared.default, live.default),
    ...textAspect('checks', checksText(declared), checksText(live)),
  ];
}

/** They all hold, whatever their order. */
const checksText = ({ checks }: Domain): string | null => [...checks].sort(compareText).join('; ') || null;

/** Only what both sides tell. */
export function sequenceAspects(declared: Sequence, live: Sequence): Aspect[] {
  const both = (name: 'type' | 'increment' | 'start' | 'minValue' | 'maxValue' | 'cycle') =>
    declared[name] === undefined || live[name] === undefined ? [] : aspect(name, declared[name], live[name]);
  return [
    // What a serial column's own sequence counts in follows no later change of the column.
    ...(declared.ownedBy === null ? both('type') : []),
    ...both('increment'),
    ...both('start'),
    ...both('minValue'),
    ...both('maxValue'),
    ...both('cycle'),
  ];
}

export function viewAspects(declared: View, live: View): Aspect[] {
  const knowsTypes = declared.columns.length > 0 && declared.columns.every((column) => / /.test(column));
  return [
    ...aspect('kind', declared.kind, live.kind),
    ...(knowsTypes ? aspect('columns', declared.columns.join(', '), live.columns.join(', ')) : []),
    ...statementAspect('definition', declared.definition.replace(/;\s*$/, ''), live.definition.replace(/;\s*$/, '')),
  ];
}

export function routineAspects(declared: Routine, live: Routine): Aspect[] {
  return [
    ...aspect('kind', declared.kind, live.kind),
    ...textAspect('result', declared.result, live.result),
    ...aspect('volatility', declared.volatility, live.volatility),
    ...textAspect('arguments', declared.arguments, live.arguments),
    ...statementAspect('definition', declared.definition, live.definition),
  ];
}
