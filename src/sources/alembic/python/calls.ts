/**
 * Calling: functions and classes of the project, builtins, and whatever is outside (through the Host).
 * Longer than most files here: how arguments meet parameters, for everything that can be called.
 */
import type { Expression, Parameter } from './ast.ts';
import { findInClass } from './attributes.ts';
import { builtinException } from './builtins.ts';
import { newDict, newList, setKey } from './containers.ts';
import { evaluate } from './expressions.ts';
import { type Frame, inShadow, type Machine, type Site, underCondition } from './machine.ts';
import { newScope, type Scope } from './scope.ts';
import { execute } from './statements.ts';
import {
  type Arguments,
  assumed,
  conditionOf,
  DepthReached,
  type External,
  external,
  isObject,
  isSymbolic,
  type Made,
  type Member,
  noNames,
  type PyClass,
  type PyFunction,
  type PyInstance,
  PyRaise,
  plain,
  remember,
  textOf,
  tuple,
  unknown,
  type Value,
} from './values.ts';

export const noArguments: Arguments = { positional: [], named: noNames };

export function raiseBuiltin(name: string, args: Value[]): never {
  throw new PyRaise(instanceOf(builtinException(name), { positional: args, named: noNames }));
}

export function importError(module: string): PyInstance {
  const args = { positional: [`No module named '${module}'`], named: noNames };
  return instanceOf(builtinException('ModuleNotFoundError'), args);
}

export function instanceOf(cls: PyClass, made: Arguments | null): PyInstance {
  const instance: PyInstance = { kind: 'instance', class: cls, attributes: new Map(), made };
  if (made) instance.attributes.set('args', tuple(made.positional));
  return instance;
}

export function callValue(machine: Machine, callee: Value, args: Arguments, site: Site): Value {
  const bare = plain(callee);
  const condition = conditionOf(callee);
  if (condition !== null)
    return underCondition(machine, condition, () => assumed(callValue(machine, bare, args, site), condition));
  if (!isObject(bare)) return unknown('a call of something that is no function');
  switch (bare.kind) {
    case 'function':
      return callFunction(machine, bare, args, site);
    case 'bound':
      return callFunction(
        machine,
        bare.function,
        { positional: [bare.self, ...args.positional], named: args.named },
        site,
      );
    case 'builtin':
      return bare.call(args);
    case 'class':
      return makeInstance(machine, bare, args, site);
    case 'instance': {
      const own = callMethod(machine, bare, '__call__', args.positional, args.named);
      if (own !== undefined) return own;
      machine.host.unreadable(machine, `a call of ${bare.class.name} that is not read`, [
        bare,
        ...args.positional,
        ...args.named.values(),
      ]);
      return unknown(`a call of ${bare.class.name}`);
    }
    case 'property':
      return callValue(machine, bare.function, args, site);
    case 'external':
    case 'member':
      return callOutside(machine, bare, args, site);
    case 'operated': {
      // `Kind[int](…)` makes a Kind.
      const generic = bare.operator === '[]' ? plain(bare.operands[0] ?? null) : null;
      if (isObject(generic) && generic.kind === 'class') return callValue(machine, generic, args, site);
      return callOutside(machine, { kind: 'member', object: bare, name: '__call__' }, args, site);
    }
    case 'made':
      return callOutside(machine, { kind: 'member', object: bare, name: '__call__' }, args, site);
    case 'unknown':
      machine.host.unreadable(machine, bare.reason, [
        ...(bare.isCode ? [external('alembic.op')] : []),
        bare,
        ...args.positional,
        ...args.named.values(),
      ]);
      return bare;
    default:
      return unknown(`a call of a ${bare.kind}`);
  }
}

function callOutside(machine: Machine, callee: External | Member, args: Arguments, site: Site): Value {
  const answer = machine.host.call(machine, callee, args, site);
  return answer === undefined ? makeSymbolic(machine, callee, args, site) : answer;
}

let nextSerial = 0;

export function makeSymbolic(machine: Machine, callee: External | Member, args: Arguments, site: Site): Made {
  const frame = machine.frames[machine.frames.length - 1];
  return {
    kind: 'made',
    path: callee.kind === 'external' ? callee.path : `.${callee.name}`,
    receiver: callee.kind === 'member' ? callee.object : null,
    positional: args.positional,
    named: args.named,
    from: site.from,
    to: site.to,
    file: frame?.module.file ?? '',
    attributes: noNames,
    // Columns stand in the order they were made (schema.py, _creation_order).
    serial: nextSerial++,
  };
}

/** A method of a project class; undefined where no class of the project defines it. */
export function callMethod(
  machine: Machine,
  self: PyInstance,
  name: string,
  positional: Value[],
  named: ReadonlyMap<string, Value> = noNames,
): Value | undefined {
  const method = findInClass(self.class, name);
  if (method === undefined || !isObject(method) || method.kind !== 'function') return undefined;
  return callFunction(machine, method, { positional: [self, ...positional], named }, { from: 0, to: 0 });
}

export function makeLambda(machine: Machine, node: Expression & { kind: 'lambda' }, scope: Scope): PyFunction {
  return {
    kind: 'function',
    name: '<lambda>',
    syntax: { parameters: node.parameters, expression: node.body, from: node.from, to: node.to },
    scope,
    defaults: evaluateDefaults(machine, node.parameters, scope),
    owner: null,
    attributes: new Map(),
  };
}

export function evaluateDefaults(machine: Machine, parameters: Parameter[], scope: Scope): Map<string, Value> {
  const defaults = new Map<string, Value>();
  for (const parameter of parameters)
    if (parameter.fallback) defaults.set(parameter.name, evaluate(machine, parameter.fallback, scope));
  return defaults;
}

function bindParameters(machine: Machine, fn: PyFunction, args: Arguments, scope: Scope): Value | null {
  const named = new Map(args.named);
  let next = 0;
  for (const parameter of fn.syntax.parameters) {
    if (parameter.kind === 'star') {
      scope.names.set(parameter.name, tuple(args.positional.slice(next)));
      next = args.positional.length;
    } else if (parameter.kind === 'doubleStar') {
      const dict = newDict(machine);
      for (const [key, value] of named) setKey(dict, key, value);
      named.clear();
      scope.names.set(parameter.name, dict);
    } else if (parameter.kind === 'plain' && next < args.positional.length) {
      scope.names.set(parameter.name, args.positional[next++] as Value);
    } else if (named.has(parameter.name)) {
      scope.names.set(parameter.name, named.get(parameter.name) as Value);
      named.delete(parameter.name);
    } else if (fn.defaults.has(parameter.name))
      scope.names.set(parameter.name, fn.defaults.get(parameter.name) as Value);
    else scope.names.set(parameter.name, unknown(`the argument ${parameter.name} of ${fn.name} is not given`));
  }
  return null;
}

export function callFunction(machine: Machine, fn: PyFunction, args: Arguments, site: Site): Value {
  const syntax = fn.syntax;
  // In a branch nobody can decide, the end of a recursion is undecided too: its statements have all been met by then.
  if (machine.shadows.length > 0 && timesEntered(machine, syntax) >= maxUndecidedRecursion)
    return unknown(`what ${fn.name}() gives, which calls itself for as long as nobody can tell`);
  const scope = newScope('function', fn.scope.kind === 'class' ? outerOf(fn.scope) : fn.scope, fn.scope.module);
  scope.class = fn.owner;
  if (++machine.depth > machine.bounds.maxDepth) {
    machine.depth--;
    throw new DepthReached(`calls nested more than ${machine.bounds.maxDepth} deep`);
  }
  const frame: Frame = {
    module: fn.scope.module,
    statement: syntax,
    entered: syntax,
    onYield: null,
    pushed: 0,
    mayLeaveLoop: null,
  };
  machine.frames.push(frame);
  try {
    bindParameters(machine, fn, args, scope);
    if ('expression' in syntax) return evaluate(machine, syntax.expression, scope);
    if (syntax.isGenerator) {
      if (fn.isContextManager) return contextOf(machine, fn, args, site);
      const items: Value[] = [];
      frame.onYield = (value) => {
        items.push(value);
        return null;
      };
      execute(machine, syntax.body, scope);
      return newList(machine, items);
    }
    const signal = execute(machine, syntax.body, scope);
    return signal !== null && typeof signal === 'object' ? signal.value : null;
  } finally {
    machine.conditions.length -= frame.pushed;
    machine.frames.pop();
    machine.depth--;
  }
}

const maxUndecidedRecursion = 3;

function timesEntered(machine: Machine, syntax: PyFunction['syntax']): number {
  let times = 0;
  for (const frame of machine.frames) if (frame.entered === syntax) times++;
  return times;
}

function outerOf(scope: Scope): Scope {
  let at = scope;
  while (at.kind === 'class' && at.parent) at = at.parent;
  return at;
}

/** A @contextmanager function called: run only when `with` enters it. */
function contextOf(machine: Machine, fn: PyFunction, args: Arguments, site: Site): Value {
  const made = makeSymbolic(machine, { kind: 'external', path: 'contextlib.contextmanager()' }, args, site);
  remember(made, 'function', fn);
  return made;
}

/** Runs a @contextmanager's body with `inside` in the place of its yield. */
export function runContext(machine: Machine, made: Made, inside: (value: Value) => void): void {
  const fn = made.attributes.get('function') as PyFunction;
  const scope = newScope('function', fn.scope.kind === 'class' ? outerOf(fn.scope) : fn.scope, fn.scope.module);
  scope.class = fn.owner;
  const frame: Frame = { module: fn.scope.module, statement: fn.syntax, onYield: null, pushed: 0, mayLeaveLoop: null };
  bindParameters(machine, fn, { positional: made.positional, named: made.named }, scope);
  let entered = false;
  frame.onYield = (value) => {
    if (entered) return null;
    entered = true;
    const at = machine.frames.pop() as Frame;
    try {
      inside(value);
    } finally {
      machine.frames.push(at);
    }
    return null;
  };
  machine.frames.push(frame);
  try {
    if (!('expression' in fn.syntax)) execute(machine, fn.syntax.body, scope);
  } finally {
    machine.conditions.length -= frame.pushed;
    machine.frames.pop();
  }
  if (!entered)
    inShadow(machine, `${fn.name} may not enter its block`, () => inside(unknown(`what ${fn.name} yields`)));
}

export function makeInstance(machine: Machine, cls: PyClass, args: Arguments, site: Site): Value {
  if (cls.members) {
    const wanted = args.positional[0];
    if (wanted === undefined) return unknown(`a member of ${cls.name}`);
    for (const member of cls.members) {
      const inner = member.attributes.get('_value_');
      if (inner === plain(wanted) || member === plain(wanted)) return member;
    }
    if (isSymbolic(plain(wanted)) || !isObject(plain(wanted)) === false) return unknown(`a member of ${cls.name}`);
    raiseBuiltin('ValueError', [wanted]);
  }
  const instance: PyInstance = { kind: 'instance', class: cls, attributes: new Map(), made: null };
  const initialiser = findInClass(cls, '__init__');
  if (cls.fields && initialiser === undefined) {
    let next = 0;
    for (const field of cls.fields) {
      if (next < args.positional.length) instance.attributes.set(field, args.positional[next++] as Value);
      else if (args.named.has(field)) instance.attributes.set(field, args.named.get(field) as Value);
      else {
        const fallback = findInClass(cls, field);
        instance.attributes.set(
          field,
          fallback === undefined ? unknown(`${field} is not given`) : fieldDefault(machine, fallback, site),
        );
      }
    }
    const after = findInClass(cls, '__post_init__');
    if (after !== undefined) callMethod(machine, instance, '__post_init__', []);
    return instance;
  }
  if (initialiser !== undefined && isObject(initialiser) && initialiser.kind === 'function') {
    callFunction(machine, initialiser, { positional: [instance, ...args.positional], named: args.named }, site);
    return instance;
  }
  instance.made = args;
  if (cls.order.some((base) => isObject(base) && base.kind === 'class' && base.name === 'BaseException'))
    instance.attributes.set('args', tuple(args.positional));
  return instance;
}

function fieldDefault(machine: Machine, fallback: Value, site: Site): Value {
  const bare = plain(fallback);
  if (isObject(bare) && bare.kind === 'made' && bare.path === 'dataclasses.field') {
    const factory = bare.named.get('default_factory');
    if (factory !== undefined) return callValue(machine, factory, noArguments, site);
    return bare.named.get('default') ?? unknown('a field that is not given');
  }
  return fallback;
}

/** Applies a decorator; those whose effect is unknown leave the function as it is only where they are known to. */
export function decorate(machine: Machine, decorator: Value, target: Value, site: Site): Value {
  const bare = plain(decorator);
  if (isObject(bare)) {
    const path =
      bare.kind === 'external' || bare.kind === 'made' ? bare.path : bare.kind === 'builtin' ? bare.name : null;
    if (path !== null) {
      switch (path) {
        case 'property':
        case 'functools.cached_property':
        case 'sqlalchemy.ext.hybrid.hybrid_property':
          return { kind: 'property', how: 'property', function: target };
        case 'staticmethod':
          return { kind: 'property', how: 'static', function: target };
        case 'classmethod':
          return { kind: 'property', how: 'class', function: target };
        case 'sqlalchemy.orm.declared_attr':
        case 'sqlalchemy.orm.declared_attr.directive':
        case 'sqlalchemy.orm.declared_attr.cascading':
        case 'sqlalchemy.ext.declarative.declared_attr':
          // `@declared_attr` over `@classmethod` is handed the class all the same.
          return {
            kind: 'property',
            how: 'declared',
            function: isObject(target) && target.kind === 'property' ? target.function : target,
          };
        case 'contextlib.contextmanager':
        case 'contextlib.asynccontextmanager':
          if (isObject(target) && target.kind === 'function') target.isContextManager = true;
          return target;
        case 'dataclasses.dataclass':
        case 'pydantic.dataclasses.dataclass':
          if (isObject(target) && target.kind === 'class') target.fields = fieldsOf(target);
          return target;
        case 'sqlalchemy.ext.compiler.compiles': {
          const compiled = bare.kind === 'made' ? plain(bare.positional[0] ?? null) : null;
          const dialects = bare.kind === 'made' ? bare.positional.slice(1).map(textOf) : [];
          const isOurs = dialects.includes('postgresql');
          if (
            isObject(compiled) &&
            compiled.kind === 'class' &&
            (isOurs || (dialects.length === 0 && !compiled.attributes.has('@compiled')))
          ) {
            compiled.attributes.set('@compiled', target);
          }
          if (isObject(compiled) && compiled.kind === 'external' && (isOurs || dialects.length === 0))
            machine.imports.registered.compiled.set(compiled.path, target);
          return target;
        }
        case 'enum.unique':
          return target;
        case 'sqlalchemy.orm.as_declarative':
        case 'sqlalchemy.ext.declarative.as_declarative':
        case '.as_declarative_base':
          return marked(target, '@base', bare);
        case '.mapped':
        case '.mapped_as_dataclass':
          return marked(target, '@mapped', bare.kind === 'made' ? (bare.receiver ?? bare) : bare);
      }
      if (bare.kind === 'made' && /\bOperations\.(register_operation|implementation_for)$/.test(path))
        return register(machine, bare, target);
      if (bare.kind === 'external' || bare.kind === 'made') {
        // functools.wraps, lru_cache, pytest marks and the like: the function itself is what a static reader can follow.
        return target;
      }
    }
    if (bare.kind === 'member' && (bare.name === 'mapped' || bare.name === 'mapped_as_dataclass'))
      return marked(target, '@mapped', bare.object);
    if (bare.kind === 'member')
      return bare.name === 'setter' || bare.name === 'deleter' || bare.name === 'expression'
        ? (plain(bare.object) as Value)
        : target;
  }
  return callValue(machine, decorator, { positional: [target], named: new Map() }, site);
}

/** A class that SQLAlchemy maps, or that others are mapped by, for a decorator of it. */
function marked(target: Value, mark: string, by: Value): Value {
  if (isObject(target) && target.kind === 'class') target.attributes.set(mark, by);
  return target;
}

/** Alembic's own decorators: an operation of the project, and what carries it out. */
function register(machine: Machine, decorator: Made, target: Value): Value {
  const given = plain(decorator.positional[0] ?? null);
  if (decorator.path.endsWith('implementation_for')) {
    if (isObject(given) && given.kind === 'class') machine.imports.registered.implementations.set(given, target);
    return target;
  }
  const name = textOf(given ?? decorator.named.get('name') ?? null);
  const method = textOf(decorator.positional[1] ?? decorator.named.get('sourcename') ?? null);
  if (name !== null && isObject(target) && target.kind === 'class')
    machine.imports.registered.operations.set(name, { class: target, method: method ?? name });
  return target;
}

function fieldsOf(cls: PyClass): string[] {
  const fields: string[] = [];
  for (const base of [...cls.order].reverse()) {
    if (!isObject(base) || base.kind !== 'class') continue;
    for (const name of base.annotations.keys()) if (!fields.includes(name)) fields.push(name);
  }
  return fields;
}
