/**
 * Small questions to values that the reader of operations asks: texts, flags, named arguments. Undefined where absent,
 * null where it is None; `unreadable` collects what could not be known.
 */
import {
  type Arguments,
  conditionOf,
  integerOf,
  isObject,
  isUnknown,
  type Machine,
  plain,
  textOf,
  toItems,
  type Value,
} from '../python/index.ts';

/** Positional or named argument, whichever the call gave. */
export function argument(args: Arguments, index: number, ...names: string[]): Value | undefined {
  if (index >= 0 && index < args.positional.length) return args.positional[index];
  for (const name of names) {
    const value = args.named.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

export function isAbsent(value: Value | undefined): boolean {
  return value === undefined || plain(value) === null;
}

/** True, false, or null where it is not known. */
export function flagOf(value: Value | undefined): boolean | null {
  if (value === undefined) return false;
  const bare = plain(value);
  if (bare === null) return false;
  if (typeof bare === 'boolean') return bare;
  if (typeof bare === 'number') return bare !== 0;
  if (isUnknown(bare)) return null;
  if (typeof bare === 'string') return bare !== '';
  return isObject(bare) && bare.kind === 'external' ? null : true;
}

/** A name given as str, `op.f(…)`, `quoted_name(…)` or a textual enum. */
export function nameOf(value: Value | undefined): { name: string; isFinal: boolean } | null {
  if (value === undefined) return null;
  const bare = plain(value);
  const name = textOf(bare);
  if (name === null) return null;
  return { name, isFinal: isObject(bare) && bare.kind === 'made' && !bare.path.endsWith('quoted_name') };
}

export function textList(machine: Machine, value: Value | undefined): string[] | null {
  if (value === undefined || plain(value) === null) return [];
  const single = nameOf(value);
  if (single) return [single.name];
  const items = toItems(machine, value);
  if (items === null) return null;
  const names: string[] = [];
  for (const item of items) {
    const name = nameOf(item);
    if (!name) return null;
    names.push(name.name);
  }
  return names;
}

/** The first assumption among the values and in what they are made of, for an operation that hangs on it. */
export function conditionAmong(values: Iterable<Value | undefined>, depth = 6): string | null {
  for (const value of values) {
    if (value === undefined || !isObject(value)) continue;
    const condition = conditionOf(value) ?? (depth === 0 ? null : conditionInside(value, depth - 1));
    if (condition !== null) return condition;
  }
  return null;
}

function conditionInside(value: Value & object, depth: number): string | null {
  switch (value.kind) {
    case 'made':
      return (
        conditionAmong(value.positional, depth) ??
        conditionAmong(value.named.values(), depth) ??
        (value.receiver === null ? null : conditionAmong([value.receiver], depth))
      );
    case 'list':
    case 'tuple':
      return conditionAmong(value.items, depth);
    case 'operated':
      return conditionAmong(value.operands, depth);
    default:
      return null;
  }
}

export { integerOf };
