/**
 * `object.name`: attributes and methods of every kind of value, and assigning to them.
 */
import { callFunction, callValue, noArguments, raiseBuiltin } from './calls.ts';
import { reasonOf } from './expressions.ts';
import type { Machine, Site } from './machine.ts';
import { methodOf } from './methods.ts';
import { moduleAttribute } from './modules.ts';
import { pathAttribute } from './paths.ts';
import { standardCall } from './standard-library.ts';
import {
  assumed,
  conditionOf,
  externalMember,
  isObject,
  isUnknown,
  type PyClass,
  type PyInstance,
  plain,
  remember,
  textOf,
  tuple,
  unknown,
  type Value,
} from './values.ts';

/** Looks a name up along the order of a class; undefined where no class of the project has it. */
export function findInClass(cls: PyClass, name: string): Value | undefined {
  for (const base of cls.order) {
    if (isObject(base) && base.kind === 'class') {
      const found = base.attributes.get(name);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

export function hasOutsideBase(cls: PyClass): boolean {
  return cls.order.some(
    (base) => !isObject(base) || (base.kind !== 'class' && !(base.kind === 'builtin' && base.name === 'object')),
  );
}

export function getAttribute(machine: Machine, object: Value, name: string, site: Site | null): Value {
  const bare = plain(object);
  const condition = conditionOf(object);
  const value = getPlain(machine, bare, name, site);
  return condition === null ? value : assumed(value, condition);
}

function getPlain(machine: Machine, bare: Value, name: string, _site: Site | null): Value {
  if (isUnknown(bare)) {
    // Trimming a text of which parts are known leaves those parts known.
    if (bare.partial !== undefined && /^[lr]?strip$|^format$/.test(name))
      return { kind: 'builtin', name, call: () => bare };
    return bare;
  }
  if (isObject(bare)) {
    switch (bare.kind) {
      case 'module':
        return moduleAttribute(machine, bare, name);
      case 'instance':
        return instanceAttribute(machine, bare, name);
      case 'class':
        return classAttribute(machine, bare, name);
      case 'super':
        return superAttribute(machine, bare.class, bare.self, name);
      case 'made':
        if (bare.path === 're.compile' && patternMethods.has(name))
          return patternMethod(machine, bare.positional[0] ?? null, name);
        return orElse(
          bare.attributes.has(name) ? bare.attributes.get(name) : machine.host.attribute(machine, bare, name),
          { kind: 'member', object: bare, name },
        );
      case 'external': {
        const grafted = machine.graftedByPath.get(`${bare.path}.${name}`);
        if (grafted !== undefined) return grafted;
        // What is not told of it once never is.
        const known = bare.members?.get(name);
        if (known !== undefined) return known;
        const found = machine.host.attribute(machine, bare, name);
        return found === undefined ? externalMember(bare, name) : found;
      }
      case 'member':
      case 'operated':
        return orElse(machine.host.attribute(machine, bare, name), { kind: 'member', object: bare, name });
      case 'path':
        return pathAttribute(machine, bare, name);
      case 'function':
        if (name === '__name__' || name === '__qualname__') return bare.name;
        if (name === '__doc__') return null;
        return bare.attributes.get(name) ?? unknown(`${bare.name}.${name}`);
      case 'bound':
        if (name === '__name__') return bare.function.name;
        if (name === '__self__') return bare.self;
        return unknown(`${bare.function.name}.${name}`);
      case 'property':
        return { kind: 'member', object: bare, name };
      case 'builtin': {
        if (name === '__name__') return bare.name;
        const staticMethod = builtinStatics[`${bare.name}.${name}`];
        if (staticMethod)
          return {
            kind: 'builtin',
            name: `${bare.name}.${name}`,
            call: (args) => staticMethod(machine, args.positional),
          };
        break;
      }
      case 'tuple':
        if (bare.fields?.includes(name)) return bare.items[bare.fields.indexOf(name)] as Value;
        break;
    }
  }
  const method = methodOf(machine, bare, name);
  if (method !== undefined) return method;
  if (name === '__class__') return isObject(bare) ? unknown('a class') : unknown('a class');
  if (name === '__dict__') return unknown('a __dict__');
  return unknown(`the attribute ${name}`);
}

/** None is an answer too. */
function orElse(answer: Value | undefined, otherwise: Value): Value {
  return answer === undefined ? otherwise : answer;
}

const builtinStatics: Record<string, (machine: Machine, args: Value[]) => Value> = {
  'dict.fromkeys': (machine, [keys, value]) => {
    const method = methodOf(
      machine,
      { kind: 'dict', map: new Map(), madeAt: machine.shadows.length, unknown: null },
      'fromkeys',
    );
    return method === undefined
      ? unknown('dict.fromkeys')
      : callValue(machine, method, { positional: [keys ?? null, value ?? null], named: new Map() }, { from: 0, to: 0 });
  },
  'str.join': (machine, [separator, items]) => {
    const text = textOf(separator ?? null);
    const method = text === null ? undefined : methodOf(machine, text, 'join');
    return method === undefined
      ? unknown('str.join')
      : callValue(machine, method, { positional: [items ?? null], named: new Map() }, { from: 0, to: 0 });
  },
};
for (const name of ['lower', 'upper', 'strip', 'title', 'capitalize']) {
  builtinStatics[`str.${name}`] = (machine, [text]) => {
    const method = methodOf(machine, textOf(text ?? null), name);
    return method === undefined ? unknown(`str.${name}`) : callValue(machine, method, noArguments, { from: 0, to: 0 });
  };
}

function bind(machine: Machine, found: Value, self: Value, cls: PyClass): Value {
  if (!isObject(found)) return found;
  if (found.kind === 'function') return { kind: 'bound', self, function: found };
  if (found.kind === 'property') {
    const target = found.function;
    if (found.how === 'static') return target;
    if (found.how === 'property')
      return callValue(machine, target, { positional: [self], named: new Map() }, { from: 0, to: 0 });
    if (isObject(target) && target.kind === 'function') {
      if (found.how === 'declared')
        return callFunction(machine, target, { positional: [cls], named: new Map() }, { from: 0, to: 0 });
      return { kind: 'bound', self: cls, function: target };
    }
  }
  return found;
}

function instanceAttribute(machine: Machine, instance: PyInstance, name: string): Value {
  const own = instance.attributes.get(name);
  if (own !== undefined) return own;
  if (name === '__class__') return instance.class;
  if (instance.class.members) {
    if (name === 'value') return instance.attributes.get('_value_') ?? null;
    if (name === 'name') return instance.attributes.get('_name_') ?? null;
  }
  const found = findInClass(instance.class, name);
  if (found !== undefined) return bind(machine, found, instance, instance.class);
  const text = textOf(instance);
  if (text !== null) {
    const method = methodOf(machine, text, name);
    if (method !== undefined) return method;
  }
  const fallback = findInClass(instance.class, '__getattr__');
  if (isObject(fallback as Value) && (fallback as { kind: string }).kind === 'function')
    return callValue(
      machine,
      { kind: 'bound', self: instance, function: fallback as never },
      { positional: [name], named: new Map() },
      { from: 0, to: 0 },
    );
  if (name === '__dict__') {
    const dict = {
      kind: 'dict' as const,
      map: new Map<string, [Value, Value]>(),
      madeAt: machine.shadows.length,
      unknown: null,
    };
    for (const [key, value] of instance.attributes) dict.map.set(`s${key}`, [key, value]);
    return dict;
  }
  if (hasOutsideBase(instance.class)) {
    return (
      machine.host.inherited(machine, instance, name) ??
      unknown(`${instance.class.name}.${name}, from a base outside the project`)
    );
  }
  raiseBuiltin('AttributeError', [`${instance.class.name} has no attribute ${name}`]);
}

export function classAttribute(machine: Machine, cls: PyClass, name: string): Value {
  if (name === '__name__' || name === '__qualname__') return cls.name;
  if (name === '__module__') return cls.module?.name ?? '';
  if (name === '__mro__') return tuple(cls.order as Value[]);
  if (name === '__members__' && cls.members) {
    return {
      kind: 'dict',
      map: new Map(
        cls.members.map((member) => [
          `s${String(member.attributes.get('_name_'))}`,
          [member.attributes.get('_name_') as Value, member],
        ]),
      ),
      madeAt: machine.shadows.length,
      unknown: null,
    };
  }
  const member = cls.members?.find((one) => one.attributes.get('_name_') === name);
  if (member) return member;
  const found = findInClass(cls, name);
  if (found !== undefined) {
    if (isObject(found) && found.kind === 'property') {
      const target = found.function;
      if (found.how === 'static') return target;
      if (found.how === 'class' && isObject(target) && target.kind === 'function')
        return { kind: 'bound', self: cls, function: target };
      if (found.how === 'declared' && isObject(target) && target.kind === 'function')
        return callFunction(machine, target, { positional: [cls], named: new Map() }, { from: 0, to: 0 });
    }
    if (
      isObject(found) &&
      found.kind === 'made' &&
      found.attributes.has('@name') &&
      found.attributes.get('@class') !== cls
    ) {
      // A mixin's column, asked of the class that is mapped.
      return { ...found, attributes: new Map([...found.attributes, ['@class', cls]]) };
    }
    return found;
  }
  // A decorator that maps a class gives it attributes as a base outside the project would.
  if (hasOutsideBase(cls) || cls.attributes.has('@mapped'))
    return machine.host.attribute(machine, cls, name) ?? { kind: 'member', object: cls, name };
  return unknown(`${cls.name} has no attribute ${name}`);
}

function superAttribute(machine: Machine, cls: PyClass, self: Value, name: string): Value {
  const bare = plain(self);
  const order =
    isObject(bare) && bare.kind === 'instance'
      ? bare.class.order
      : isObject(bare) && bare.kind === 'class'
        ? bare.order
        : cls.order;
  const after = order.slice(order.indexOf(cls) + 1);
  for (const base of after) {
    if (!isObject(base) || base.kind !== 'class') continue;
    const found = base.attributes.get(name);
    // What a class asks of those behind it is asked for that class.
    if (found !== undefined) return bind(machine, found, self, isObject(bare) && bare.kind === 'class' ? bare : base);
  }
  if (name === '__init__') {
    return {
      kind: 'builtin',
      name: 'super().__init__',
      call: (args) => {
        if (isObject(bare) && bare.kind === 'instance') bare.made ??= args;
        return null;
      },
    };
  }
  if (isObject(bare) && bare.kind === 'instance') {
    const outside = machine.host.inherited(machine, bare, name);
    if (outside !== undefined) return outside;
  }
  return unknown(`super().${name}, from a base outside the project: ${reasonOf(self)}`);
}

export function setAttribute(machine: Machine, object: Value, name: string, value: Value): void {
  const bare = plain(object);
  if (!isObject(bare)) return;
  const kept = machine.shadows.length > 0 ? keptInShadow(machine, bare, name) : value;
  if (bare.kind === 'instance') {
    const found = findInClass(bare.class, `__set_${name}`);
    if (found === undefined) bare.attributes.set(name, kept);
  } else if (bare.kind === 'class') bare.attributes.set(name, kept);
  else if (bare.kind === 'made') remember(bare, name, kept);
  else if (bare.kind === 'function') bare.attributes.set(name, kept);
  else if (bare.kind === 'module') bare.scope.names.set(name, kept);
  else if (bare.kind === 'external') machine.graftedByPath.set(`${bare.path}.${name}`, kept);
}

const patternMethods = new Set(['sub', 'split', 'findall', 'match', 'search', 'fullmatch']);

/** `re.compile(p).sub(…)` is `re.sub(p, …)`. */
function patternMethod(machine: Machine, pattern: Value, name: string): Value {
  return {
    kind: 'builtin',
    name,
    call: (args) =>
      standardCall(machine, `re.${name}`, { positional: [pattern, ...args.positional], named: args.named }) ??
      unknown(`re.${name}`),
  };
}

/** An attribute set in a branch that may not run: what it was, as long as the assumption holds; unknown otherwise. */
function keptInShadow(machine: Machine, object: Value, name: string): Value {
  const reason = machine.shadows[machine.shadows.length - 1] as string;
  const before = isObject(object) && 'attributes' in object ? object.attributes.get(name) : undefined;
  return before !== undefined && machine.shadowsByAssumption.every((byAssumption) => byAssumption)
    ? assumed(before, reason)
    : unknown(reason);
}
