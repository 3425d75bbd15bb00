/**
 * `object[index]`: reading, assigning, deleting.
 */

import { callMethod, callValue, raiseBuiltin } from './calls.ts';
import { elementOf, getKey, mayChange, newList, setKey, toItems } from './containers.ts';
import { reasonOf } from './expressions.ts';
import type { Machine } from './machine.ts';
import {
  assumed,
  conditionOf,
  hashKey,
  integerOf,
  isObject,
  isSymbolic,
  isUnknown,
  PyRaise,
  plain,
  textOf,
  tuple,
  unknown,
  type Value,
} from './values.ts';

export function getItem(machine: Machine, object: Value, index: Value): Value {
  const bare = plain(object);
  const key = plain(index);
  const condition = conditionOf(object) ?? conditionOf(index);
  if (condition === null) return getPlainItem(machine, bare, key);
  try {
    return assumed(getPlainItem(machine, bare, key), condition);
  } catch (error) {
    // Code that does not reckon with it has always met the rows that the assumption takes away: earlier lines insert them.
    if (!(error instanceof PyRaise) || machine.guards > 0) throw error;
    return unknown(`an element that is not there if ${condition}`);
  }
}

function getPlainItem(machine: Machine, bare: Value, key: Value): Value {
  if (isUnknown(bare)) return bare;
  if (isObject(bare)) {
    if (bare.kind === 'dict') {
      if (isUnknown(key) || hashKey(key) === null) return elementOf(bare, reasonOf(key));
      const found = getKey(bare, key);
      if (found !== undefined) return found;
      if (bare.unknown) return bare.unknown;
      if (bare.factory) {
        const made = callValue(machine, bare.factory, { positional: [], named: new Map() }, { from: 0, to: 0 });
        setKey(bare, key, made);
        return made;
      }
      raiseBuiltin('KeyError', [key]);
    }
    if (bare.kind === 'instance') {
      const own = callMethod(machine, bare, '__getitem__', [key]);
      if (own !== undefined) return own;
    }
    if (bare.kind === 'class') {
      if (bare.members) {
        const member = bare.members.find((one) => one.attributes.get('_name_') === key);
        if (member) return member;
        raiseBuiltin('KeyError', [key]);
      }
      return { kind: 'operated', operator: '[]', operands: [bare, key] };
    }
    if (isSymbolic(bare) || bare.kind === 'builtin')
      return (
        machine.host.attribute(machine, { kind: 'operated', operator: '[]', operands: [bare, key] }, '') ?? {
          kind: 'operated',
          operator: '[]',
          operands: [bare, key],
        }
      );
    if (bare.kind === 'list' && bare.unknown) return bare.unknown;
  }
  if (isUnknown(key)) return key;
  const items = toItems(machine, bare);
  if (items === null) return unknown(reasonOf(bare));
  if (isObject(key) && key.kind === 'operated' && key.operator === 'slice') {
    const sliced = slice(items, key.operands);
    if (sliced === null) return unknown('a slice with a bound that is not known');
    if (typeof bare === 'string') return sliced.join('');
    return isObject(bare) && bare.kind === 'tuple' ? tuple(sliced) : newList(machine, sliced);
  }
  const at = integerOf(key);
  if (at === null) {
    // A row of a query, by the name of its column.
    const field = isObject(bare) && bare.kind === 'tuple' ? (bare.fields?.indexOf(textOf(key) ?? '') ?? -1) : -1;
    return field < 0 ? unknown('an index that is not known') : (items[field] as Value);
  }
  const item = items[at < 0 ? items.length + at : at];
  if (item === undefined) raiseBuiltin('IndexError', ['index out of range']);
  return item as Value;
}

function slice(items: Value[], bounds: Value[]): Value[] | null {
  const parts = bounds.map((bound) => (plain(bound) === null ? null : (integerOf(bound) ?? Number.NaN)));
  if (parts.some((part) => part !== null && Number.isNaN(part))) return null;
  const step = parts[2] ?? 1;
  if (step === 0) return null;
  if (step === 1) return items.slice(parts[0] ?? 0, parts[1] ?? items.length);
  const size = items.length;
  const clamp = (value: number, low: number, high: number) =>
    Math.min(Math.max(value < 0 ? value + size : value, low), high);
  const out: Value[] = [];
  if (step > 0)
    for (let at = clamp(parts[0] ?? 0, 0, size); at < clamp(parts[1] ?? size, 0, size); at += step)
      out.push(items[at] as Value);
  else {
    const start = parts[0] === null || parts[0] === undefined ? size - 1 : clamp(parts[0], -1, size - 1);
    const stop = parts[1] === null || parts[1] === undefined ? -1 : clamp(parts[1], -1, size - 1);
    for (let at = start; at > stop; at += step) out.push(items[at] as Value);
  }
  return out;
}

export function setItem(machine: Machine, object: Value, index: Value, value: Value): void {
  const bare = plain(object);
  if (!isObject(bare)) return;
  if (bare.kind === 'dict') {
    if (mayChange(machine, bare)) setKey(bare, index, value);
  } else if (bare.kind === 'list') {
    if (!mayChange(machine, bare)) return;
    const at = integerOf(index);
    if (at === null) bare.unknown ??= unknown('an element set at an index that is not known');
    else bare.items[at < 0 ? bare.items.length + at : at] = value;
  } else if (bare.kind === 'instance') callMethod(machine, bare, '__setitem__', [index, value]);
}

export function deleteItem(machine: Machine, object: Value, index: Value): void {
  const bare = plain(object);
  if (!isObject(bare)) return;
  if (bare.kind === 'dict') {
    const key = hashKey(index);
    if (mayChange(machine, bare) && key !== null) bare.map.delete(key);
  } else if (bare.kind === 'list') {
    const at = integerOf(index);
    if (mayChange(machine, bare) && at !== null) bare.items.splice(at, 1);
  }
}
