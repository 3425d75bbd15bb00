/**
 * Whether a column's values are all the same after its type has changed, and again once it has changed back. What is not
 * known to keep them does not: the time zone of a session, rounding, casts of types that nobody here knows.
 */
import { parseTypeName, type TypeParts } from './type-name.ts';

/** Longer values than the new type takes are refused by PostgreSQL, not cut. */
export function keepsValues(from: string, to: string): boolean {
  const [a, b] = [parseTypeName(from), parseTypeName(to)];
  if (a === null || b === null || a.isArray !== b.isArray) return false;
  if (a.name === b.name && a.schema === b.schema) return a.schema === null && !isCoarser(a, b);
  if (texts.has(b.name)) return texts.has(a.name) || ownTexts.has(a.name);
  return kept.get(a.name)?.has(b.name) ?? false;
}

const texts = new Set(['text', 'varchar', 'citext']);
/** Of one value there is one text, which gives it back. */
const ownTexts = new Set(['int2', 'int4', 'int8', 'numeric', 'bool', 'uuid', 'date', 'json', 'jsonb']);
/** Out of range is refused. */
const kept = new Map<string, ReadonlySet<string>>([
  ['int2', new Set(['int4', 'int8', 'numeric', 'float8'])],
  ['int4', new Set(['int2', 'int8', 'numeric', 'float8'])],
  ['int8', new Set(['int2', 'int4', 'numeric'])],
  ['float4', new Set(['float8'])],
  ['date', new Set(['timestamp'])],
  ['jsonb', new Set(['json'])],
]);

/** Fewer digits after the point, of a number or of a second: the rest is rounded away. Other types are cut or refused. */
function isCoarser(from: TypeParts, to: TypeParts): boolean {
  if (texts.has(to.name) || to.modifiers.length === 0) return false;
  const digits = ({ name, modifiers: [first, second] }: TypeParts) => {
    if (name === 'numeric') return first === undefined ? Number.POSITIVE_INFINITY : Number(second ?? 0);
    return /^time/.test(name) || name === 'interval' ? Number(first ?? 6) : Number(first ?? Number.POSITIVE_INFINITY);
  };
  return digits(to) < digits(from);
}
