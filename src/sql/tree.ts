/**
 * Reading the parser's trees: names, strings, types and the tables a tree mentions. Refuses to know positions.
 */
import type { Node, RangeVar, TypeName } from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import { formatType, isBuiltinType, serialTypeNames } from '../model/type-name.ts';

type KindsOf<T> = T extends unknown ? keyof T : never;
export type NodeKind = KindsOf<Node>;
export type Body<K extends NodeKind> = Node extends infer U ? (U extends Record<K, infer B> ? B : never) : never;

/** The body of `node` where it is of that kind. */
export function as<K extends NodeKind>(node: Node | undefined, kind: K): Body<K> | undefined {
  return node ? (node as Partial<Record<K, Body<K>>>)[kind] : undefined;
}

export function kindOf(node: Node): NodeKind {
  return Object.keys(node)[0] as NodeKind;
}

export function stringOf(node: Node | undefined): string | null {
  return as(node, 'String')?.sval ?? (as(node, 'String') ? '' : null);
}

export function stringsOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).flatMap((node) => {
    const text = stringOf(node);
    return text === null ? [] : [text];
  });
}

/** `a.b` as a list of names: the last two count (a catalogue before them is the database's own name). */
export function qualifiedOf(names: readonly string[]): QualifiedName {
  return { schema: names.length > 1 ? (names.at(-2) as string) : null, name: names.at(-1) ?? '' };
}

export function relationOf(range: RangeVar | undefined): QualifiedName {
  return { schema: range?.schemaname ?? null, name: range?.relname ?? '' };
}

/** The text of a constant, as SQL would have it without quotes; null for anything else. */
export function constantOf(node: Node | undefined): string | null {
  if (!node) return null;
  const constant = as(node, 'A_Const');
  if (constant) {
    if (constant.isnull) return null;
    if (constant.ival) return String(constant.ival.ival ?? 0);
    if (constant.fval) return constant.fval.fval ?? '0';
    if (constant.boolval) return String(constant.boolval.boolval ?? false);
    if (constant.sval) return constant.sval.sval ?? '';
    if (constant.bsval) return constant.bsval.bsval ?? '';
    return null;
  }
  const cast = as(node, 'TypeCast');
  if (cast) return constantOf(cast.arg);
  const integer = as(node, 'Integer');
  if (integer) return String(integer.ival ?? 0);
  const float = as(node, 'Float');
  if (float) return float.fval ?? '0';
  const boolean = as(node, 'Boolean');
  if (boolean) return String(boolean.boolval ?? false);
  return stringOf(node);
}

/** Bits of an interval's typmod (utils/timestamp.h: MONTH 1, YEAR 2, DAY 3, HOUR 10, MINUTE 11, SECOND 12). */
const intervalFieldsByMask: Record<string, string> = {
  '4': 'year',
  '2': 'month',
  '8': 'day',
  '1024': 'hour',
  '2048': 'minute',
  '4096': 'second',
  '6': 'year to month',
  '1032': 'day to hour',
  '3080': 'day to minute',
  '7176': 'day to second',
  '3072': 'hour to minute',
  '7168': 'hour to second',
  '6144': 'minute to second',
};

export interface TypeReading {
  /** `format_type`'s spelling; null for `x.y%TYPE`. */
  type: string | null;
  /** Named by the user's text alone, so that it may be an enum or a domain of the project. */
  typeName?: QualifiedName;
  isSerial: boolean;
  isSet: boolean;
}

export function typeOf(typeName: TypeName | undefined): TypeReading {
  const names = stringsOf(typeName?.names);
  const { schema, name } = qualifiedOf(names);
  const isSet = typeName?.setof === true;
  if (!typeName || typeName.pct_type || name === '') return { type: null, isSerial: false, isSet };
  const isArray = (typeName.arrayBounds ?? []).length > 0;
  let modifiers = (typeName.typmods ?? []).map(
    (modifier) => constantOf(modifier) ?? stringsOf(as(modifier, 'ColumnRef')?.fields).join('.'),
  );
  let fields: string | undefined;
  if (name === 'interval' && schema === 'pg_catalog' && modifiers.length > 0) {
    fields = intervalFieldsByMask[modifiers[0] as string];
    modifiers = modifiers.slice(1);
    if (fields?.includes('second') && modifiers.length > 0) {
      return { type: `interval ${fields}(${modifiers[0]})${isArray ? '[]' : ''}`, isSerial: false, isSet };
    }
  }
  const isSerial = schema === null && serialTypeNames.has(name);
  const type = formatType({ schema, name, modifiers, isArray, ...(fields ? { fields } : {}) });
  const isOwn = schema !== 'pg_catalog' && !isSerial && !(schema === null && isBuiltinType(name));
  return { type, isSerial, isSet, ...(isOwn ? { typeName: { schema, name } } : {}) };
}

/** Calls `visit` for every object of the tree that stands under a key of that kind, depth first. */
export function walk(tree: unknown, visit: (kind: string, body: Record<string, unknown>) => void): void {
  if (tree === null || typeof tree !== 'object') return;
  if (Array.isArray(tree)) {
    for (const each of tree) walk(each, visit);
    return;
  }
  // Each statement of a seed is walked several times: no list of entries is made for it.
  for (const key in tree) {
    const value = (tree as Record<string, unknown>)[key];
    if (value === null || typeof value !== 'object') continue;
    if (!Array.isArray(value)) visit(key, value as Record<string, unknown>);
    walk(value, visit);
  }
}

/** Smallest position in the tree, so where its text is sure to have begun; -1 where nothing tells. */
export function firstLocation(tree: unknown): number {
  let first = -1;
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    else if (value !== null && typeof value === 'object') {
      for (const [key, each] of Object.entries(value)) {
        if (key === 'location' && typeof each === 'number' && each >= 0 && (first < 0 || each < first)) first = each;
        else look(each);
      }
    }
  };
  look(tree);
  return first;
}

export function sameName(a: QualifiedName, b: QualifiedName): boolean {
  return a.schema === b.schema && a.name === b.name;
}

export function distinctNames(names: readonly QualifiedName[]): QualifiedName[] {
  return names.filter((name, i) => names.findIndex((other) => sameName(name, other)) === i);
}

/** Tables and views that a query reads: every relation named in it that is no CTE of its own. */
export function relationsIn(tree: unknown): QualifiedName[] {
  const found: QualifiedName[] = [];
  const ctes = new Set<string>();
  walk(tree, (kind, body) => {
    if (kind === 'CommonTableExpr' && typeof body.ctename === 'string') ctes.add(body.ctename);
  });
  walk(tree, (kind, body) => {
    if (kind !== 'RangeVar' && kind !== 'relation') return;
    const name = relationOf(body as RangeVar);
    if (name.name !== '' && !(name.schema === null && ctes.has(name.name))) found.push(name);
  });
  return distinctNames(found);
}
