/**
 * Lists, sets and dicts: making, changing, walking them within the bounds.
 */
import { checkSize, type Machine, step } from './machine.ts';
import {
  hashKey,
  isObject,
  type PyDict,
  type PyList,
  type PySet,
  plain,
  tuple,
  type Unknown,
  unknown,
  type Value,
} from './values.ts';

export function newList(machine: Machine, items: Value[] = []): PyList {
  checkSize(machine, items.length);
  return { kind: 'list', items, madeAt: machine.shadows.length, unknown: null };
}
export function newDict(machine: Machine): PyDict {
  return { kind: 'dict', map: new Map(), madeAt: machine.shadows.length, unknown: null };
}
export function newSet(machine: Machine, items: Iterable<Value> = []): PySet {
  const set: PySet = { kind: 'set', map: new Map(), madeAt: machine.shadows.length, unknown: null };
  for (const item of items) setAdd(set, item);
  return set;
}

/** False where a change happens in a branch nobody could decide on: the content is unknown from then on. */
export function mayChange(machine: Machine, container: PyList | PyDict | PySet): boolean {
  if (machine.shadows.length <= container.madeAt) return true;
  const reason = machine.shadows[machine.shadows.length - 1] ?? 'changed where it is not known to run';
  if (machine.shadowsByAssumption.slice(container.madeAt).every((byAssumption) => byAssumption))
    container.condition ??= reason;
  else container.unknown ??= unknown(reason);
  return false;
}

export function setAdd(set: PySet, item: Value): void {
  const key = hashKey(item);
  if (key === null) set.unknown ??= unknown('a set with an element that is not known');
  else if (!set.map.has(key)) set.map.set(key, plain(item));
}
export function setKey(dict: PyDict, key: Value, value: Value): void {
  const hash = hashKey(key);
  if (hash === null) dict.unknown ??= unknown('a dict with a key that is not known');
  else dict.map.set(hash, [plain(key), value]);
}
export function getKey(dict: PyDict, key: Value): Value | undefined {
  const hash = hashKey(key);
  return hash === null ? undefined : dict.map.get(hash)?.[1];
}
/** What stands under a key that is not known: of functions, one that nobody can tell. */
export function elementOf(dict: PyDict, reason: string): Unknown {
  const isCode = [...dict.map.values()].some(([, value]) => isObject(value) && value.kind === 'function');
  return { ...unknown(reason), ...(isCode ? { isCode } : {}) };
}
export function getText(dict: PyDict, key: string): Value | undefined {
  return dict.map.get(`s${key}`)?.[1];
}

/** Calls `each` for every element; false where the elements are not known. */
export function iterate(machine: Machine, value: Value, each: (item: Value) => void): boolean {
  const bare = plain(value);
  if (isObject(bare) && bare.kind === 'range') {
    for (let at = bare.start; bare.step > 0 ? at < bare.stop : at > bare.stop; at += bare.step) {
      step(machine);
      each(at);
    }
    return true;
  }
  const items = toItems(machine, bare);
  if (items === null) return false;
  for (const item of items) {
    step(machine);
    each(item);
  }
  return true;
}

export function toItems(machine: Machine, value: Value): Value[] | null {
  const bare = plain(value);
  if (typeof bare === 'string') return [...bare];
  if (!isObject(bare)) return null;
  switch (bare.kind) {
    case 'list':
      return bare.unknown ? null : [...bare.items];
    case 'tuple':
      return bare.items;
    case 'set':
      return bare.unknown ? null : [...bare.map.values()];
    case 'dict':
      return bare.unknown ? null : [...bare.map.values()].map(([key]) => key);
    case 'range': {
      const count = Math.max(0, Math.ceil((bare.stop - bare.start) / bare.step));
      checkSize(machine, count);
      return Array.from({ length: count }, (_, index) => bare.start + index * bare.step);
    }
    case 'class':
      return bare.members;
    case 'made':
      // The rows of a query, as whoever runs the host assumes them.
      return bare.path === '@rows' ? bare.positional : bare.path === '@query' ? [] : null;
    case 'member':
      return machine.host.items(bare);
    default:
      return null;
  }
}

export function pairs(items: [Value, Value][]): Value[] {
  return items.map(([first, second]) => tuple([first, second]));
}
