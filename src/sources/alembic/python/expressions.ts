/**
 * Evaluates expressions. Every result is a value; what cannot be known is an Unknown with its reason, and an assumption
 * (an empty database, an unset variable) stays attached to whatever is computed from it.
 */
import type { Clause, Expression, FormatPart } from './ast.ts';
import { getAttribute } from './attributes.ts';
import { callValue, makeLambda } from './calls.ts';
import { iterate, newDict, newList, newSet, setAdd, setKey, toItems } from './containers.ts';
import { formatValue, reprOf } from './formatting.ts';
import { checkSize, inShadow, type Machine, step, underCondition } from './machine.ts';
import { lookUp, runWhole } from './modules.ts';
import { binary, compare, isTrue, negate } from './operators.ts';
import { newScope, type Scope } from './scope.ts';
import { assignTo } from './statements.ts';
import { getItem } from './subscripts.ts';
import {
  type Arguments,
  assumed,
  conditionOf,
  ellipsis,
  float,
  hole,
  isObject,
  isSymbolic,
  isUnknown,
  noNames,
  plain,
  tuple,
  unknown,
  type Value,
} from './values.ts';

export function evaluate(machine: Machine, node: Expression, scope: Scope): Value {
  step(machine);
  switch (node.kind) {
    case 'constant':
      if (node.of === 'float') return float(node.value as number);
      if (node.of === 'bytes') return { kind: 'bytes', text: node.value as string };
      if (node.of === 'ellipsis') return ellipsis;
      return node.value as Value;
    case 'name':
      return lookUp(machine, scope, node.name);
    case 'format':
      return evaluateFormat(machine, node.parts, scope);
    case 'tuple': {
      const items = evaluateItems(machine, node.items, scope);
      return Array.isArray(items) ? tuple(items) : items;
    }
    case 'list': {
      const items = evaluateItems(machine, node.items, scope);
      return Array.isArray(items) ? newList(machine, items) : items;
    }
    case 'set': {
      const items = evaluateItems(machine, node.items, scope);
      if (!Array.isArray(items)) return items;
      const set = newSet(machine);
      for (const item of items) setAdd(set, item);
      return set;
    }
    case 'dict':
      return evaluateDict(machine, node, scope);
    case 'comprehension':
      return evaluateComprehension(machine, node, scope);
    case 'attribute':
      return getAttribute(machine, evaluate(machine, node.object, scope), node.name, node);
    case 'subscript': {
      const object = evaluate(machine, node.object, scope);
      return getItem(machine, object, evaluate(machine, node.index, scope));
    }
    case 'slice':
      return {
        kind: 'operated',
        operator: 'slice',
        operands: [node.lower, node.upper, node.step].map((part) => (part ? evaluate(machine, part, scope) : null)),
      };
    case 'call':
      return evaluateCall(machine, node, scope);
    case 'binary':
      return binary(machine, node.operator, evaluate(machine, node.left, scope), evaluate(machine, node.right, scope));
    case 'unary': {
      const operand = evaluate(machine, node.operand, scope);
      return negate(machine, node.operator, operand);
    }
    case 'logical': {
      const left = evaluate(machine, node.left, scope);
      const truth = isTrue(machine, left);
      if (truth === null) {
        // What stands right of an undecided `or` may not run at all.
        const right = inShadow(machine, reasonOf(left), () => evaluate(machine, node.right, scope));
        if (isSymbolic(plain(left)) || isSymbolic(plain(right)))
          return { kind: 'operated', operator: node.operator, operands: [left, right] };
        const rightTruth = isTrue(machine, right);
        if (node.operator === 'and' && rightTruth === false) return right;
        return unknown(reasonOf(left));
      }
      if ((node.operator === 'and') !== truth) return left;
      const right = evaluate(machine, node.right, scope);
      const condition = conditionOf(left);
      return condition === null ? right : assumed(right, condition);
    }
    case 'compare': {
      let left = evaluate(machine, node.first, scope);
      let result: Value = true;
      for (const part of node.rest) {
        const right = evaluate(machine, part.right, scope);
        result = compare(machine, part.operator, left, right);
        if (node.rest.length > 1 && isTrue(machine, result) !== true) return result;
        left = right;
      }
      return result;
    }
    case 'conditional': {
      const test = evaluate(machine, node.test, scope);
      const truth = isTrue(machine, test);
      if (truth === null) {
        const reason = reasonOf(test);
        const then = inShadow(machine, reason, () => evaluate(machine, node.whenTrue, scope));
        const otherwise = inShadow(machine, reason, () => evaluate(machine, node.otherwise, scope));
        return then === otherwise ? then : unknown(reason);
      }
      const condition = conditionOf(test);
      const value = underCondition(machine, condition, () =>
        evaluate(machine, truth ? node.whenTrue : node.otherwise, scope),
      );
      return condition === null ? value : assumed(value, condition);
    }
    case 'lambda':
      return makeLambda(machine, node, scope);
    case 'assignment': {
      const value = evaluate(machine, node.value, scope);
      assignTo(machine, { kind: 'name', name: node.name, from: node.from, to: node.to }, value, scope);
      return value;
    }
    case 'await':
      return evaluate(machine, node.value, scope);
    case 'yield': {
      const value = node.value ? evaluate(machine, node.value, scope) : null;
      const frame = machine.frames[machine.frames.length - 1];
      if (!frame?.onYield) return null;
      if (!node.isFrom) return frame.onYield(value);
      const items = toItems(machine, value);
      if (items) for (const item of items) frame.onYield(item);
      return null;
    }
    case 'star':
      return unknown('a star where none can stand');
    case 'unreadable':
      return unknown(node.reason);
  }
}

export function reasonOf(value: Value): string {
  const bare = plain(value);
  if (isUnknown(bare)) return bare.reason;
  return isSymbolic(bare) ? `${describe(bare)} is known only when it runs` : 'a value known only when it runs';
}

export function describe(value: Value): string {
  const bare = plain(value);
  if (!isObject(bare)) return reprOf(bare) ?? 'a value';
  switch (bare.kind) {
    case 'external':
      return bare.path;
    case 'made':
      return `${bare.path}(…)`;
    case 'member':
      return `${describe(bare.object)}.${bare.name}`;
    case 'operated':
      return bare.operator === '[]' ? `${describe(bare.operands[0] ?? null)}[…]` : 'an expression';
    case 'function':
    case 'builtin':
    case 'class':
    case 'module':
      return bare.name;
    case 'bound':
      return bare.function.name;
    default:
      return `a ${bare.kind}`;
  }
}

function evaluateItems(machine: Machine, nodes: Expression[], scope: Scope): Value[] | Value {
  const items: Value[] = [];
  for (const node of nodes) {
    if (node.kind === 'star') {
      const inner = evaluate(machine, node.value, scope);
      const spread = toItems(machine, inner);
      if (spread === null) return unknown(reasonOf(inner));
      items.push(...spread);
    } else items.push(evaluate(machine, node, scope));
  }
  return items;
}

function evaluateDict(machine: Machine, node: Expression & { kind: 'dict' }, scope: Scope): Value {
  const dict = newDict(machine);
  for (const item of node.items) {
    if (item.key === null) {
      const inner = plain(evaluate(machine, item.value, scope));
      if (!isObject(inner) || inner.kind !== 'dict') return unknown(reasonOf(inner));
      for (const [key, pair] of inner.map) dict.map.set(key, pair);
      if (inner.unknown) dict.unknown = inner.unknown;
    } else setKey(dict, evaluate(machine, item.key, scope), evaluate(machine, item.value, scope));
  }
  return dict;
}

function evaluateComprehension(machine: Machine, node: Expression & { kind: 'comprehension' }, scope: Scope): Value {
  const inner = newScope('function', scope, scope.module);
  const list: Value[] = [];
  const dict = node.makes === 'dict' ? newDict(machine) : null;
  let lost: Value | null = null;
  let condition: string | null = null;
  const run = (clauses: Clause[]): void => {
    const [clause, ...rest] = clauses;
    if (!clause) {
      checkSize(machine, list.length);
      if (dict) setKey(dict, evaluate(machine, node.key as Expression, inner), evaluate(machine, node.element, inner));
      else list.push(evaluate(machine, node.element, inner));
      return;
    }
    const iterable = evaluate(machine, clause.iterable, inner);
    condition ??= conditionOf(iterable);
    const known = iterate(machine, iterable, (item) => {
      assignTo(machine, clause.target, item, inner);
      for (const test of clause.conditions) {
        const value = evaluate(machine, test, inner);
        const truth = isTrue(machine, value);
        condition ??= conditionOf(value);
        if (truth === null) lost ??= value;
        if (truth !== true) return;
      }
      run(rest);
    });
    if (!known) lost ??= iterable;
  };
  run(node.clauses);
  if (lost !== null) return unknown(reasonOf(lost));
  let result: Value;
  if (dict) result = dict;
  else if (node.makes === 'set') {
    const set = newSet(machine);
    for (const item of list) setAdd(set, item);
    result = set;
  } else result = newList(machine, list);
  return condition === null ? result : assumed(result, condition);
}

export function evaluateArguments(
  machine: Machine,
  nodes: (Expression & { kind: 'call' })['args'],
  scope: Scope,
): Arguments | Value {
  const positional: Value[] = [];
  let named: Map<string, Value> | null = null;
  for (const arg of nodes) {
    if (arg.kind === 'positional') positional.push(evaluate(machine, arg.value, scope));
    else if (arg.kind === 'named') {
      const value = evaluate(machine, arg.value, scope);
      named ??= new Map();
      named.set(arg.name as string, value);
    } else {
      const value = evaluate(machine, arg.value, scope);
      if (arg.kind === 'star') {
        const items = toItems(machine, value);
        if (items === null) return unknown(`arguments that could not be read: ${reasonOf(value)}`);
        positional.push(...items);
      } else {
        const bare = plain(value);
        if (!isObject(bare) || bare.kind !== 'dict' || bare.unknown)
          return unknown(`arguments that could not be read: ${reasonOf(bare)}`);
        named ??= new Map();
        for (const [key, item] of bare.map.values()) if (typeof key === 'string') named.set(key, item);
      }
    }
  }
  return { positional, named: named ?? noNames };
}

function evaluateCall(machine: Machine, node: Expression & { kind: 'call' }, scope: Scope): Value {
  if (node.callee.kind === 'name' && node.args.length === 0) {
    const special = callWithoutArguments(machine, node.callee.name, scope);
    if (special !== undefined) return special;
  }
  if (node.callee.kind === 'name' && node.callee.name === 'eval' && node.args[0]?.kind === 'positional') {
    const text = plain(evaluate(machine, node.args[0].value, scope));
    if (typeof text === 'string' && /^[A-Za-z_]\w*$/.test(text)) return lookUp(machine, scope, text);
    return { ...unknown(`eval() of ${typeof text === 'string' ? `'${text}'` : reasonOf(text)}`), isCode: true };
  }
  const callee = evaluate(machine, node.callee, scope);
  const args = evaluateArguments(machine, node.args, scope);
  if (
    !('positional' in (args as object)) ||
    (isObject(args as Value) && (args as { kind?: string }).kind !== undefined)
  ) {
    machine.host.unreadable(machine, reasonOf(args as Value), [callee]);
    return args as Value;
  }
  return callValue(machine, callee, args as Arguments, node);
}

/** `super()`, `locals()`, `globals()` look at where they stand. */
function callWithoutArguments(machine: Machine, name: string, scope: Scope): Value | undefined {
  if (name === 'super') {
    let at: Scope | null = scope;
    while (at && !(at.kind === 'function' && at.class)) at = at.parent;
    if (!at?.class) return undefined;
    const self = [...at.names.values()][0];
    return self === undefined ? undefined : { kind: 'super', class: at.class, self };
  }
  if (name === 'globals') {
    runWhole(machine, scope.module);
    const dict = newDict(machine);
    for (const [key, value] of scope.module.scope.names) setKey(dict, key, value);
    return dict;
  }
  if (name === 'locals' || name === 'vars') {
    const dict = newDict(machine);
    for (const [key, value] of scope.names) setKey(dict, key, value);
    return dict;
  }
  return undefined;
}

export function evaluateFormat(machine: Machine, parts: FormatPart[], scope: Scope): Value {
  let text = '';
  let condition: string | null = null;
  let lost: Value | null = null;
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const value = evaluate(machine, part.value, scope);
    condition ??= conditionOf(value);
    const spec = part.spec ? evaluateFormat(machine, part.spec, scope) : '';
    const specText = plain(spec);
    const formatted = typeof specText === 'string' ? formatValue(machine, value, part.conversion, specText) : null;
    if (formatted === null) {
      lost ??= value;
      text += partialOf(value) ?? hole;
    } else text += (part.selfText ?? '') + formatted;
    checkSize(machine, text.length);
  }
  if (lost !== null) {
    const why = isUnknown(plain(lost)) ? reasonOf(lost) : `${describe(lost)} is known only when it runs`;
    return { kind: 'unknown', reason: why, partial: text };
  }
  return condition === null ? text : assumed(text, condition);
}

/** The known parts of a text, with holes; null for what is no text at all. */
export function partialOf(value: Value): string | null {
  const bare = plain(value);
  return isUnknown(bare) && bare.partial !== undefined ? bare.partial : null;
}
