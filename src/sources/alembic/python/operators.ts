/**
 * Truth, comparison and arithmetic of values. Null for a truth nobody can decide.
 * Longer than most files here: one operator after the other, over the same few kinds of value.
 */

import { callMethod } from './calls.ts';
import { newList, newSet, toItems } from './containers.ts';
import { dateBinary, dateOrder } from './dates.ts';
import { partialOf, reasonOf } from './expressions.ts';
import { formatPercent } from './formatting.ts';
import { checkSize, type Machine } from './machine.ts';
import {
  assumed,
  conditionOf,
  float,
  hashKey,
  hole,
  isObject,
  isSymbolic,
  isUnknown,
  plain,
  textOf,
  tuple,
  unknown,
  type Value,
} from './values.ts';

export function isTrue(machine: Machine, value: Value): boolean | null {
  const bare = plain(value);
  if (bare === null) return false;
  if (typeof bare !== 'object') return Boolean(bare);
  switch (bare.kind) {
    case 'float':
      return bare.value !== 0;
    case 'bytes':
      return bare.text !== '';
    case 'list':
      return bare.unknown ? null : bare.items.length > 0;
    case 'tuple':
      return bare.items.length > 0;
    case 'set':
    case 'dict':
      return bare.unknown ? null : bare.map.size > 0;
    case 'range':
      return bare.step > 0 ? bare.start < bare.stop : bare.start > bare.stop;
    case 'instance': {
      const own = callMethod(machine, bare, '__bool__', []);
      if (own !== undefined) return isTrue(machine, own);
      const inner = bare.attributes.get('_value_');
      return inner !== undefined && textOf(bare) !== null ? isTrue(machine, inner) : true;
    }
    case 'made':
      return bare.path === 're.Match' || isHandle(bare.path) ? true : null;
    case 'unknown':
    case 'member':
    case 'operated':
      return null;
    default:
      return true;
  }
}

/** What a revision holds of the database: `if bind and bind.dialect.name == …`. */
const isHandle = (path: string): boolean =>
  /^@(?:bind|context|session|inspector|dialect|config|op|default)$/.test(path);

function carry(result: Value, ...operands: Value[]): Value {
  for (const operand of operands) {
    const condition = conditionOf(operand);
    if (condition !== null) return assumed(result, condition);
  }
  return result;
}

const sqlOperators = new Set([
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '|',
  '&',
  '<<',
  '>>',
  '//',
  '**',
  'in',
  'not in',
]);

export function negate(machine: Machine, operator: string, operand: Value): Value {
  const bare = plain(operand);
  if (operator === 'not') {
    const truth = isTrue(machine, bare);
    return truth === null ? unknown(reasonOf(bare)) : carry(!truth, operand);
  }
  if (typeof bare === 'number') return carry(operator === '-' ? -bare : operator === '~' ? ~bare : bare, operand);
  if (typeof bare === 'bigint') return carry(operator === '-' ? -bare : operator === '~' ? ~bare : bare, operand);
  if (typeof bare === 'boolean')
    return carry(operator === '-' ? -Number(bare) : operator === '~' ? ~Number(bare) : Number(bare), operand);
  if (isObject(bare) && bare.kind === 'float')
    return carry(float(operator === '-' ? -bare.value : bare.value), operand);
  if (isSymbolic(bare))
    return { kind: 'operated', operator: operator === '~' ? 'not' : `unary ${operator}`, operands: [bare] };
  return unknown(reasonOf(bare));
}

/** Equality of two known values; null where one is not known. */
export function isEqual(left: Value, right: Value): boolean | null {
  const a = plain(left);
  const b = plain(right);
  if (isUnknown(a) || isUnknown(b)) return null;
  if (a === b) return true;
  const firstText = textOf(a);
  const secondText = textOf(b);
  if (firstText !== null && secondText !== null) return firstText === secondText;
  const dates = dateOrder(a, b);
  if (dates !== null) return dates === 0;
  if (isObject(a) && isObject(b)) {
    if ((a.kind === 'list' && b.kind === 'list') || (a.kind === 'tuple' && b.kind === 'tuple')) {
      if ('unknown' in a && (a.unknown || (b as typeof a).unknown)) return null;
      if (a.items.length !== b.items.length) return false;
      for (let at = 0; at < a.items.length; at++) {
        const same = isEqual(a.items[at] as Value, b.items[at] as Value);
        if (same !== true) return same;
      }
      return true;
    }
    if (a.kind === 'dict' && b.kind === 'dict') {
      if (a.unknown || b.unknown) return null;
      if (a.map.size !== b.map.size) return false;
      for (const [key, [, value]] of a.map) {
        const other = b.map.get(key);
        if (!other) return false;
        const same = isEqual(value, other[1]);
        if (same !== true) return same;
      }
      return true;
    }
    if (a.kind === 'set' && b.kind === 'set') {
      if (a.unknown || b.unknown) return null;
      return a.map.size === b.map.size && [...a.map.keys()].every((key) => b.map.has(key));
    }
    if (isSymbolic(a) && isSymbolic(b) && a.kind !== 'external') return null;
    if ((isSymbolic(a) && a.kind !== 'external') || (isSymbolic(b) && b.kind !== 'external')) return null;
  } else if (
    (isObject(a) && isSymbolic(a) && a.kind !== 'external') ||
    (isObject(b) && isSymbolic(b) && b.kind !== 'external')
  )
    return null;
  const one = hashKey(a);
  return one !== null && one === hashKey(b);
}

export function compare(machine: Machine, operator: string, left: Value, right: Value): Value {
  const a = plain(left);
  const b = plain(right);
  if (operator === 'is' || operator === 'is not') {
    if (isUnknown(a) || isUnknown(b)) return unknown(reasonOf(isUnknown(a) ? a : b));
    if ((b === null || a === null) && a !== b) {
      const other = a === null ? b : a;
      if (isObject(other) && other.kind === 'member') return unknown(reasonOf(other));
    }
    const same =
      a === b || (isObject(a) && isObject(b) && a.kind === 'external' && b.kind === 'external' && a.path === b.path);
    return carry(operator === 'is' ? same : !same, left, right);
  }
  const special = compareSetting(machine, operator, a, b);
  if (special !== undefined) return special;
  if (operator === 'in' || operator === 'not in') {
    const found = contains(machine, b, a);
    if (found === null) return unknown(reasonOf(isUnknown(a) ? a : b));
    return carry(operator === 'in' ? found : !found, left, right);
  }
  if (operator === '==' || operator === '!=' || operator === '<>') {
    if (isObject(a) && a.kind === 'instance') {
      const own = callMethod(machine, a, '__eq__', [b]);
      if (own !== undefined) return operator === '==' ? own : negate(machine, 'not', own);
    }
    const same = isEqual(a, b);
    if (same !== null) return carry(operator === '==' ? same : !same, left, right);
    if (isSymbolic(a) || isSymbolic(b))
      return { kind: 'operated', operator: operator === '<>' ? '!=' : operator, operands: [a, b] };
    return unknown(reasonOf(isUnknown(a) ? a : b));
  }
  const order = ordered(a, b);
  if (order === null) {
    if (isUnknown(a) || isUnknown(b)) return unknown(reasonOf(isUnknown(a) ? a : b));
    if (isSymbolic(a) || isSymbolic(b)) return { kind: 'operated', operator, operands: [a, b] };
    return unknown('a comparison of values that have no order');
  }
  const result =
    operator === '<' ? order < 0 : operator === '>' ? order > 0 : operator === '<=' ? order <= 0 : order >= 0;
  return carry(result, left, right);
}

/**
 * A setting that must be given and has no default is taken for none of the texts that the code singles out, as one that has
 * `None` for its default is.
 */
function compareSetting(machine: Machine, operator: string, a: Value, b: Value): Value | undefined {
  if (!/^(?:==|!=|<>|in|not in)$/.test(operator)) return undefined;
  const isMember = operator.endsWith('in');
  const asked = isUnknown(a) && a.setting !== undefined ? a : !isMember && isUnknown(b) ? b : null;
  if (asked === null || asked.setting === undefined) return undefined;
  const other = asked === a ? b : a;
  const texts = isMember && typeof other !== 'string' ? (toItems(machine, other)?.map(textOf) ?? []) : [textOf(other)];
  if (texts.length === 0 || texts.includes(null) || (isMember && typeof other === 'string')) return undefined;
  const condition = `${asked.setting} is not ${texts.map((text) => `'${text}'`).join(' or ')}`;
  return assumed(operator === '!=' || operator === '<>' || operator === 'not in', condition);
}

export function contains(machine: Machine, container: Value, item: Value): boolean | null {
  const bare = plain(container);
  const wanted = plain(item);
  if (isUnknown(wanted) || isUnknown(bare)) return null;
  if (typeof bare === 'string') {
    const part = textOf(wanted);
    return part === null ? null : bare.includes(part);
  }
  if (isObject(bare) && (bare.kind === 'dict' || bare.kind === 'set')) {
    if (bare.unknown) return null;
    const key = hashKey(wanted);
    return key === null ? null : bare.map.has(key);
  }
  if (isObject(bare) && bare.kind === 'instance') {
    const own = callMethod(machine, bare, '__contains__', [wanted]);
    if (own !== undefined) return isTrue(machine, own);
  }
  const items = toItems(machine, bare);
  if (items === null) return null;
  // `'name' in table.columns` asks for the name.
  if (isObject(bare) && bare.kind === 'member' && typeof wanted === 'string')
    return items.some((one) => isObject(one) && one.kind === 'made' && textOf(one.positional[0] ?? null) === wanted);
  let undecided = false;
  for (const one of items) {
    const same = isEqual(one, wanted);
    if (same) return true;
    if (same === null) undecided = true;
  }
  return undecided ? null : false;
}

/** Negative, zero or positive; null where there is no order to be known. */
export function ordered(left: Value, right: Value): number | null {
  const a = plain(left);
  const b = plain(right);
  const x = numeric(a);
  const y = numeric(b);
  if (x !== null && y !== null) return Number(x) < Number(y) ? -1 : Number(x) > Number(y) ? 1 : 0;
  const firstText = textOf(a);
  const secondText = textOf(b);
  if (firstText !== null && secondText !== null) return firstText < secondText ? -1 : firstText > secondText ? 1 : 0;
  if (
    isObject(a) &&
    isObject(b) &&
    ((a.kind === 'tuple' && b.kind === 'tuple') || (a.kind === 'list' && b.kind === 'list'))
  ) {
    for (let at = 0; at < Math.min(a.items.length, b.items.length); at++) {
      const order = ordered(a.items[at] as Value, b.items[at] as Value);
      if (order !== 0) return order;
    }
    return a.items.length - b.items.length;
  }
  const dates = dateOrder(a, b);
  if (dates !== null) return dates;
  if (isObject(a) && isObject(b) && a.kind === 'path' && b.kind === 'path')
    return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
  return null;
}

function numeric(value: Value): number | bigint | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return Number(value);
  if (isObject(value) && value.kind === 'float') return value.value;
  if (isObject(value) && value.kind === 'instance') {
    const inner = value.attributes.get('_value_');
    if (typeof inner === 'number') return inner;
  }
  return null;
}

export function binary(machine: Machine, operator: string, left: Value, right: Value): Value {
  const a = textOf(left) ?? plain(left);
  const b = textOf(right) ?? plain(right);
  const result = binaryOfPlain(machine, operator, a, b);
  return carry(result, left, right);
}

function binaryOfPlain(machine: Machine, operator: string, a: Value, b: Value): Value {
  if (isUnknown(a) || isUnknown(b)) {
    const lost = unknown(reasonOf(isUnknown(a) ? a : b));
    const left = textOf(a) ?? partialOf(a);
    const right = textOf(b) ?? partialOf(b);
    if (operator === '+' && (left !== null || right !== null))
      return { ...lost, partial: (left ?? hole) + (right ?? hole) };
    if (operator === '%' && left !== null)
      return { ...lost, partial: left.replace(/%(?:\(\w+\))?[-\d.]*[sdrf]/g, hole) };
    return lost;
  }
  const leftText = textOf(a);
  if (leftText !== null) {
    const rightText = textOf(b);
    if (operator === '+' && rightText !== null) {
      checkSize(machine, leftText.length + rightText.length);
      return leftText + rightText;
    }
    if (operator === '*' && typeof b === 'number') {
      checkSize(machine, leftText.length * Math.max(0, b));
      return leftText.repeat(Math.max(0, b));
    }
    if (operator === '%') return formatPercent(machine, leftText, b);
  }
  if (isObject(a) && isObject(b)) {
    if (operator === '+' && ((a.kind === 'list' && b.kind === 'list') || (a.kind === 'tuple' && b.kind === 'tuple'))) {
      const items = [...(toItems(machine, a) ?? []), ...(toItems(machine, b) ?? [])];
      if (a.kind === 'tuple') return tuple(items);
      const list = newList(machine, items);
      list.unknown = a.unknown ?? (b.kind === 'list' ? b.unknown : null);
      return list;
    }
    if (a.kind === 'set' && b.kind === 'set' && ['|', '&', '-', '^'].includes(operator)) {
      if (a.unknown || b.unknown) return (a.unknown ?? b.unknown) as Value;
      const inA = [...a.map].filter(
        ([key]) => operator === '|' || operator === '^' || b.map.has(key) === (operator === '&'),
      );
      const inB = operator === '|' || operator === '^' ? [...b.map].filter(([key]) => !a.map.has(key)) : [];
      const kept = operator === '^' ? inA.filter(([key]) => !b.map.has(key)) : inA;
      return newSet(
        machine,
        [...kept, ...inB].map(([, item]) => item),
      );
    }
    if (a.kind === 'dict' && b.kind === 'dict' && operator === '|') {
      return {
        kind: 'dict',
        map: new Map([...a.map, ...b.map]),
        madeAt: machine.shadows.length,
        unknown: a.unknown ?? b.unknown,
      };
    }
  }
  if (isObject(a) && a.kind === 'path' && operator === '/') {
    const part = textOf(b) ?? (isObject(b) && b.kind === 'path' ? b.path : null);
    if (part !== null)
      return { kind: 'path', path: part.startsWith('/') ? part : `${a.path.replace(/\/$/, '')}/${part}` };
  }
  if (operator === '*' && isObject(a) && (a.kind === 'list' || a.kind === 'tuple') && typeof b === 'number') {
    const source = toItems(machine, a) ?? [];
    checkSize(machine, source.length * Math.max(0, b));
    const items = Array.from({ length: Math.max(0, b) }, () => source).flat();
    return a.kind === 'tuple' ? tuple(items) : newList(machine, items);
  }
  const x = numeric(a);
  const y = numeric(b);
  if (x !== null && y !== null) return arithmetic(operator, x, y, isFloat(a) || isFloat(b));
  if (isObject(a) && a.kind === 'instance') {
    const own = callMethod(machine, a, methodByOperator[operator] ?? '', [b]);
    if (own !== undefined) return own;
  }
  const counted = dateBinary(operator, a, b);
  if (counted !== undefined) return counted;
  if (
    sqlOperators.has(operator) &&
    (isSymbolic(a) ||
      isSymbolic(b) ||
      (isObject(a) && (a.kind === 'class' || a.kind === 'builtin')) ||
      // `None | str`
      (a === null && isObject(b) && (b.kind === 'class' || b.kind === 'builtin')))
  ) {
    return { kind: 'operated', operator, operands: [a, b] };
  }
  const lost = unknown(`\`${operator}\` of values that it is not known for`);
  // Text and None: Python raises, so where this runs there is a text, of an environment variable that is set.
  if (operator === '+' && (a === null || b === null)) {
    const [left, right] = [textOf(a), textOf(b)];
    if (left !== null || right !== null) return { ...lost, partial: (left ?? hole) + (right ?? hole) };
  }
  return lost;
}

const methodByOperator: Record<string, string> = {
  '+': '__add__',
  '-': '__sub__',
  '*': '__mul__',
  '/': '__truediv__',
  '%': '__mod__',
  '|': '__or__',
  '&': '__and__',
};

function isFloat(value: Value): boolean {
  return isObject(value) && value.kind === 'float';
}

function arithmetic(operator: string, x: number | bigint, y: number | bigint, inFloat: boolean): Value {
  if (inFloat || operator === '/') {
    const a = Number(x);
    const b = Number(y);
    switch (operator) {
      case '+':
        return float(a + b);
      case '-':
        return float(a - b);
      case '*':
        return float(a * b);
      case '/':
        return b === 0 ? unknown('a division by zero') : float(a / b);
      case '//':
        return b === 0 ? unknown('a division by zero') : float(Math.floor(a / b));
      case '%':
        return b === 0 ? unknown('a division by zero') : float(a - b * Math.floor(a / b));
      case '**':
        return float(a ** b);
      default:
        return unknown(`\`${operator}\` of floats`);
    }
  }
  const a = BigInt(x);
  const b = BigInt(y);
  let result: bigint;
  switch (operator) {
    case '+':
      result = a + b;
      break;
    case '-':
      result = a - b;
      break;
    case '*':
      result = a * b;
      break;
    case '//':
    case '%': {
      if (b === 0n) return unknown('a division by zero');
      const rest = ((a % b) + b) % b;
      result = operator === '%' ? rest : (a - rest) / b;
      break;
    }
    case '**':
      if (b < 0n) return float(Number(a) ** Number(b));
      if (b > 1024n) return unknown('a number too large to follow');
      result = a ** b;
      break;
    case '|':
      result = a | b;
      break;
    case '&':
      result = a & b;
      break;
    case '^':
      result = a ^ b;
      break;
    case '<<':
      if (b > 1024n || b < 0n) return unknown('a number too large to follow');
      result = a << b;
      break;
    case '>>':
      if (b > 1024n || b < 0n) return unknown('a number too large to follow');
      result = a >> b;
      break;
    default:
      return unknown(`\`${operator}\` of integers`);
  }
  if (result.toString().length > 5000) return unknown('a number too large to follow');
  const small = Number(result);
  return Number.isSafeInteger(small) ? small : result;
}
