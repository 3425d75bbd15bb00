/**
 * Runs statements. Where a branch hangs on something nobody can know, every side is walked in shadow: what it would do is
 * told as unreadable, what it would change becomes unknown.
 * Longer than most files here: one kind of statement after the other, and the shadow that all of them share.
 */
import type { Expression, Handler, Pattern, Statement } from './ast.ts';
import { getAttribute, setAttribute } from './attributes.ts';
import { callMethod, callValue, decorate, evaluateDefaults, instanceOf, raiseBuiltin, runContext } from './calls.ts';
import { makeClass } from './classes.ts';
import { iterate, newList, toItems } from './containers.ts';
import { evaluate, reasonOf } from './expressions.ts';
import { type Frame, type ImportGuard, inShadow, type Machine, step, underCondition } from './machine.ts';
import { bindImport, bindImportFrom, lookUp } from './modules.ts';
import { binary, isEqual, isTrue } from './operators.ts';
import { collectBound, type Scope } from './scope.ts';
import { deleteItem, setItem } from './subscripts.ts';
import {
  assumed,
  conditionOf,
  ImportFailure,
  isObject,
  type PyFunction,
  PyRaise,
  plain,
  unknown,
  type Value,
} from './values.ts';

/** How a block ended early; `condition` where that hangs on an assumption. */
export type Signal = { kind: 'return' | 'break' | 'continue'; value: Value; condition: string | null } | null;

export function execute(machine: Machine, statements: readonly Statement[], scope: Scope): Signal {
  for (let at = 0; at < statements.length; at++) {
    const signal = executeOne(machine, statements[at] as Statement, scope);
    if (signal === null) continue;
    // What follows an early end that only an assumption brought about may run after all.
    if (signal.condition !== null && at + 1 < statements.length) {
      const rest = statements.slice(at + 1);
      walkInShadow(machine, signal.condition, rest, scope, true);
    }
    return signal;
  }
  return null;
}

/** Walks statements that may or may not run, then forgets what they assigned. */
function walkInShadow(
  machine: Machine,
  reason: string,
  statements: readonly Statement[],
  scope: Scope,
  byAssumption = false,
): Signal {
  if (statements.length === 0) return null;
  const before = new Map(scope.names);
  let signal: Signal = null;
  try {
    signal = inShadow(machine, reason, () => execute(machine, statements, scope), byAssumption);
  } catch (error) {
    if (!(error instanceof PyRaise)) throw error;
  }
  scope.names.clear();
  for (const [name, value] of before) scope.names.set(name, value);
  if (byAssumption) mark(statements, scope, reason);
  return signal;
}

/** What the statements assign hangs on the assumption that decided whether they ran. */
function mark(statements: readonly Statement[], scope: Scope, condition: string): void {
  const names = new Set<string>();
  for (const statement of statements) collectBound(statement, names, false);
  for (const name of names) {
    const value = scope.names.get(name);
    if (value !== undefined) scope.names.set(name, assumed(value, condition));
  }
}

function forget(statements: readonly Statement[], scope: Scope, reason: string): void {
  const names = new Set<string>();
  for (const statement of statements) collectBound(statement, names, false);
  names.delete('*');
  for (const name of names) scope.names.set(name, unknown(reason));
}

function executeOne(machine: Machine, statement: Statement, scope: Scope): Signal {
  step(machine);
  const frame = machine.frames[machine.frames.length - 1] as Frame | undefined;
  if (frame) frame.statement = statement;
  switch (statement.kind) {
    case 'expression':
      evaluate(machine, statement.value, scope);
      return null;
    case 'assign': {
      const value = evaluate(machine, statement.value, scope);
      for (const target of statement.targets) assignTo(machine, target, value, scope);
      return null;
    }
    case 'annotated':
      if (scope.class && scope.kind === 'class' && statement.target.kind === 'name') {
        scope.class.annotations.set(statement.target.name, {
          annotation: statement.annotation,
          scope,
          hasValue: statement.value !== null,
          from: statement.from,
        });
      }
      if (statement.value) assignTo(machine, statement.target, evaluate(machine, statement.value, scope), scope);
      return null;
    case 'augmented': {
      const current = evaluate(machine, statement.target, scope);
      const value = evaluate(machine, statement.value, scope);
      const bare = plain(current);
      if (statement.operator === '+' && isObject(bare) && bare.kind === 'list') {
        const method = getAttribute(machine, bare, 'extend', null);
        callValue(machine, method, { positional: [value], named: new Map() }, statement);
        return null;
      }
      assignTo(machine, statement.target, binary(machine, statement.operator, current, value), scope);
      return null;
    }
    case 'delete':
      for (const target of statement.targets) {
        if (target.kind === 'name') scope.names.delete(target.name);
        else if (target.kind === 'subscript')
          deleteItem(machine, evaluate(machine, target.object, scope), evaluate(machine, target.index, scope));
      }
      return null;
    case 'pass':
    case 'scope':
      if (statement.kind === 'scope') {
        if (statement.isGlobal) scope.globals = new Set([...(scope.globals ?? []), ...statement.names]);
        else scope.nonlocals = new Set([...(scope.nonlocals ?? []), ...statement.names]);
      }
      return null;
    case 'break':
    case 'continue':
      return { kind: statement.kind, value: null, condition: null };
    case 'return':
      return {
        kind: 'return',
        value: statement.value ? evaluate(machine, statement.value, scope) : null,
        condition: null,
      };
    case 'raise': {
      const value = statement.value ? evaluate(machine, statement.value, scope) : lookUp(machine, scope, ' raised');
      const bare = plain(value);
      throw new PyRaise(isObject(bare) && bare.kind === 'class' ? instanceOf(bare, null) : bare);
    }
    case 'assert': {
      const test = evaluate(machine, statement.test, scope);
      if (conditionOf(test) === null && isTrue(machine, test) === false) raiseBuiltin('AssertionError', []);
      return null;
    }
    case 'import':
      bindImport(machine, statement.names, scope);
      return null;
    case 'importFrom':
      bindImportFrom(machine, statement, scope);
      return null;
    case 'if':
      return executeIf(machine, statement, scope);
    case 'while':
      return executeWhile(machine, statement, scope);
    case 'for':
      return executeFor(machine, statement, scope);
    case 'try':
      return executeTry(machine, statement, scope);
    case 'with':
      return executeWith(machine, statement.items, statement.body, scope);
    case 'match':
      return executeMatch(machine, statement, scope);
    case 'function': {
      const syntax = statement.function;
      const fn: PyFunction = {
        kind: 'function',
        name: syntax.name,
        syntax,
        scope,
        defaults: evaluateDefaults(machine, syntax.parameters, scope),
        owner: scope.kind === 'class' ? scope.class : null,
        attributes: new Map(),
      };
      let value: Value = fn;
      for (const decorator of [...syntax.decorators].reverse())
        value = decorate(machine, evaluate(machine, decorator, scope), value, syntax);
      assignName(machine, syntax.name, value, scope);
      return null;
    }
    case 'class':
      assignName(machine, statement.name, makeClass(machine, statement, scope), scope);
      return null;
    case 'unreadable':
      machine.host.unreadable(machine, statement.reason, []);
      return null;
  }
}

function executeIf(machine: Machine, statement: Statement & { kind: 'if' }, scope: Scope): Signal {
  const frame = machine.frames[machine.frames.length - 1] as Frame | undefined;
  for (let at = 0; at < statement.branches.length; at++) {
    const branch = statement.branches[at] as (typeof statement.branches)[number];
    if (frame) frame.statement = branch.test;
    const test = evaluate(machine, branch.test, scope);
    const truth = isTrue(machine, test);
    const condition = conditionOf(test);
    const others = [...statement.branches.slice(at + 1).map((other) => other.body), statement.otherwise];
    if (truth === null) return undecided(machine, reasonOf(test), [branch.body, ...others], scope);
    if (condition === null) {
      if (truth) return execute(machine, branch.body, scope);
      continue;
    }
    if (truth) {
      try {
        const signal = underCondition(machine, condition, () => execute(machine, branch.body, scope));
        mark(branch.body, scope, condition);
        for (const other of others) walkInShadow(machine, condition, other, scope, true);
        return signal === null ? null : { ...signal, condition: signal.condition ?? condition };
      } catch (error) {
        // A revision that stops where there are no rows has always met some: earlier ones insert them.
        if (!(error instanceof PyRaise)) throw error;
        continue;
      }
    }
    const untaken = walkInShadow(machine, condition, branch.body, scope, true);
    if (untaken !== null) holdForRest(machine, condition);
  }
  return execute(machine, statement.otherwise, scope);
}

/** The rest of this function runs only where an early return in a branch not taken is not reached. */
function holdForRest(machine: Machine, condition: string): void {
  const frame = machine.frames[machine.frames.length - 1];
  if (!frame) return;
  machine.conditions.push(condition);
  frame.pushed++;
}

function undecided(machine: Machine, reason: string, branches: Statement[][], scope: Scope): Signal {
  let returns: Signal = null;
  let goesOn = false;
  let leaves = false;
  for (const branch of branches) {
    const signal = walkInShadow(machine, reason, branch, scope);
    if (signal !== null && signal.kind === 'return') returns = signal;
    else goesOn = true;
    if (signal !== null && signal.kind !== 'continue') leaves = true;
  }
  for (const branch of branches) forget(branch, scope, reason);
  if (returns && !goesOn) return { kind: 'return', value: unknown(reason), condition: null };
  if (returns) holdForRest(machine, reason);
  const frame = machine.frames[machine.frames.length - 1];
  if (leaves && frame) frame.mayLeaveLoop = reason;
  return null;
}

function executeWhile(machine: Machine, statement: Statement & { kind: 'while' }, scope: Scope): Signal {
  const frame = machine.frames[machine.frames.length - 1];
  for (;;) {
    step(machine);
    const test = evaluate(machine, statement.test, scope);
    const truth = isTrue(machine, test);
    if (truth === null) {
      walkInShadow(machine, reasonOf(test), statement.body, scope);
      forget(statement.body, scope, reasonOf(test));
      return null;
    }
    const condition = conditionOf(test);
    if (!truth) {
      if (condition !== null) walkInShadow(machine, condition, statement.body, scope, true);
      return execute(machine, statement.otherwise, scope);
    }
    const signal = underCondition(machine, condition, () => execute(machine, statement.body, scope));
    const leaving = frame?.mayLeaveLoop ?? null;
    if (frame) frame.mayLeaveLoop = null;
    if (leaving !== null) {
      // Nobody can know how often it goes round: once is walked, what it assigns is not known.
      forget(statement.body, scope, leaving);
      return null;
    }
    if (signal === null || signal.kind === 'continue') continue;
    if (signal.kind === 'break') return null;
    return signal;
  }
}

class Stop extends Error {
  readonly signal: Signal;
  constructor(signal: Signal) {
    super('stop');
    this.signal = signal;
  }
}

function executeFor(machine: Machine, statement: Statement & { kind: 'for' }, scope: Scope): Signal {
  const iterable = evaluate(machine, statement.iterable, scope);
  const condition = conditionOf(iterable);
  let count = 0;
  try {
    const known = iterate(machine, iterable, (item) => {
      count++;
      assignTo(machine, statement.target, item, scope);
      const signal = underCondition(machine, condition, () => execute(machine, statement.body, scope));
      if (signal !== null && signal.kind !== 'continue') throw new Stop(signal);
    });
    if (!known || (condition !== null && count === 0)) {
      const reason = condition ?? reasonOf(iterable);
      const before = new Map(scope.names);
      assignUnknown(machine, statement.target, reason, scope);
      const signal = walkInShadow(machine, reason, statement.body, scope, known);
      const marked = new Map(scope.names);
      if (known) {
        scope.names.clear();
        for (const [name, value] of before) scope.names.set(name, marked.get(name) ?? value);
      } else forget(statement.body, scope, reason);
      if (signal !== null && signal.kind === 'return') holdForRest(machine, reason);
    }
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    if (error.signal?.kind === 'break') return null;
    return error.signal;
  }
  return execute(machine, statement.otherwise, scope);
}

function executeTry(machine: Machine, statement: Statement & { kind: 'try' }, scope: Scope): Signal {
  const last = (signal: Signal): Signal => execute(machine, statement.finally, scope) ?? signal;
  let signal: Signal;
  const { guards } = machine;
  machine.guards = guards + (statement.handlers.length > 0 ? 1 : 0);
  const guard = importGuard(machine, statement.handlers, scope);
  machine.importGuards.push(guard);
  const leave = () => {
    machine.guards = guards;
    machine.importGuards.splice(machine.importGuards.indexOf(guard));
  };
  try {
    signal = execute(machine, statement.body, scope);
    leave();
    if (signal === null) signal = execute(machine, statement.otherwise, scope);
  } catch (error) {
    leave();
    if (!(error instanceof PyRaise)) throw error;
    const handler = statement.handlers.find((one) => catches(machine, one, error.value, scope));
    if (!handler) {
      execute(machine, statement.finally, scope);
      throw error;
    }
    if (handler.name) scope.names.set(handler.name, error.value);
    scope.names.set(' raised', error.value);
    const condition = error instanceof ImportFailure ? error.condition : null;
    const handled = underCondition(machine, condition, () => execute(machine, handler.body, scope));
    return last(leavingOut(machine, condition, handled, handler.body, [statement.body, statement.otherwise], scope));
  }
  const handlers = statement.handlers.map(({ body }) => body);
  const ran = [...statement.body, ...statement.otherwise];
  return last(leavingOut(machine, guard.condition, signal, ran, handlers, scope));
}

function importGuard(machine: Machine, handlers: readonly Handler[], scope: Scope): ImportGuard {
  return {
    condition: null,
    catches: (raised) => handlers.some((handler) => catches(machine, handler, raised, scope)),
  };
}

/** What ran, and what did not, by an assumption about an import: names hang on it, and operations left out are told. */
function leavingOut(
  machine: Machine,
  condition: string | null,
  signal: Signal,
  ran: readonly Statement[],
  leftOut: readonly (readonly Statement[])[],
  scope: Scope,
): Signal {
  if (condition === null) return signal;
  mark(ran, scope, condition);
  for (const block of leftOut) walkInShadow(machine, condition, block, scope, true);
  return signal === null
    ? null
    : { ...signal, value: assumed(signal.value, condition), condition: signal.condition ?? condition };
}

function catches(machine: Machine, handler: Handler, raised: Value, scope: Scope): boolean {
  if (handler.types === null) return true;
  const types = plain(evaluate(machine, handler.types, scope));
  const list = isObject(types) && types.kind === 'tuple' ? types.items : [types];
  const cls = isObject(raised) && raised.kind === 'instance' ? raised.class : null;
  return list.some((type) => {
    const bare = plain(type);
    if (!isObject(bare)) return false;
    if (bare.kind === 'class') {
      if (bare.name === 'Exception' || bare.name === 'BaseException') return true;
      return cls?.order.includes(bare) ?? false;
    }
    if (bare.kind === 'external') {
      if (isObject(raised) && (raised.kind === 'made' || raised.kind === 'external')) return raised.path === bare.path;
      return cls?.order.some((base) => isObject(base) && base.kind === 'external' && base.path === bare.path) ?? false;
    }
    return false;
  });
}

function executeWith(
  machine: Machine,
  items: { value: Expression; target: Expression | null }[],
  body: Statement[],
  scope: Scope,
): Signal {
  const [item, ...rest] = items;
  if (!item) return execute(machine, body, scope);
  const context = evaluate(machine, item.value, scope);
  const bare = plain(context);
  let signal: Signal = null;
  const run = (entered: Value) => {
    if (item.target) assignTo(machine, item.target, entered, scope);
    signal = executeWith(machine, rest, body, scope);
  };
  if (
    isObject(bare) &&
    bare.kind === 'made' &&
    bare.attributes.has('function') &&
    bare.path === 'contextlib.contextmanager()'
  ) {
    runContext(machine, bare, run);
    return signal;
  }
  if (isObject(bare) && bare.kind === 'instance') {
    const entered = callMethod(machine, bare, '__enter__', []) ?? callMethod(machine, bare, '__aenter__', []) ?? bare;
    run(entered);
    callMethod(machine, bare, '__exit__', [null, null, null]);
    return signal;
  }
  const isSuppress = isObject(bare) && bare.kind === 'made' && bare.path === 'contextlib.suppress';
  try {
    run(machine.host.attribute(machine, context, '__enter__') ?? context);
  } catch (error) {
    if (!(isSuppress && error instanceof PyRaise)) throw error;
  } finally {
    machine.host.leave(machine, context);
  }
  return signal;
}

function executeMatch(machine: Machine, statement: Statement & { kind: 'match' }, scope: Scope): Signal {
  const subject = evaluate(machine, statement.subject, scope);
  const bodies = statement.cases.map((one) => one.body);
  for (let at = 0; at < statement.cases.length; at++) {
    const one = statement.cases[at] as (typeof statement.cases)[number];
    let matched = matches(machine, one.pattern, subject, scope);
    if (matched === true && one.guard) matched = isTrue(machine, evaluate(machine, one.guard, scope));
    if (matched === null) return undecided(machine, reasonOf(subject), [...bodies.slice(at), []], scope);
    if (matched) return underCondition(machine, conditionOf(subject), () => execute(machine, one.body, scope));
  }
  return null;
}

function matches(machine: Machine, pattern: Pattern, subject: Value, scope: Scope): boolean | null {
  switch (pattern.kind) {
    case 'value':
      return isEqual(subject, evaluate(machine, pattern.value, scope));
    case 'capture':
      if (pattern.name) scope.names.set(pattern.name, subject);
      return true;
    case 'or': {
      let result: boolean | null = false;
      for (const one of pattern.patterns) {
        const matched = matches(machine, one, subject, scope);
        if (matched) return true;
        if (matched === null) result = null;
      }
      return result;
    }
    case 'unreadable':
      return null;
  }
}

function assignName(_machine: Machine, name: string, value: Value, scope: Scope): void {
  if (scope.globals?.has(name)) {
    let at = scope;
    while (at.kind !== 'module' && at.parent) at = at.parent;
    at.names.set(name, value);
    return;
  }
  if (scope.nonlocals?.has(name)) {
    for (let at = scope.parent; at; at = at.parent) {
      if (at.names.has(name)) {
        at.names.set(name, value);
        return;
      }
    }
  }
  scope.names.set(name, value);
}

export function assignTo(machine: Machine, target: Expression, value: Value, scope: Scope): void {
  switch (target.kind) {
    case 'name':
      assignName(machine, target.name, value, scope);
      return;
    case 'tuple':
    case 'list': {
      const items = toItems(machine, value);
      const star = target.items.findIndex((item) => item.kind === 'star');
      const bare = plain(value);
      if (
        items === null ||
        (star < 0 ? items.length !== target.items.length : items.length < target.items.length - 1)
      ) {
        const reason = items === null ? reasonOf(bare) : 'a sequence of another length';
        for (const item of target.items) assignUnknown(machine, item, reason, scope);
        return;
      }
      target.items.forEach((item, at) => {
        if (star < 0 || at < star) assignTo(machine, item, items[at] as Value, scope);
        else if (at === star && item.kind === 'star')
          assignTo(
            machine,
            item.value,
            newList(machine, items.slice(star, items.length - (target.items.length - 1 - star))),
            scope,
          );
        else assignTo(machine, item, items[items.length - (target.items.length - at)] as Value, scope);
      });
      return;
    }
    case 'attribute':
      setAttribute(machine, evaluate(machine, target.object, scope), target.name, value);
      return;
    case 'subscript':
      setItem(machine, evaluate(machine, target.object, scope), evaluate(machine, target.index, scope), value);
      return;
    case 'star':
      assignTo(machine, target.value, value, scope);
      return;
  }
}

function assignUnknown(machine: Machine, target: Expression, reason: string, scope: Scope): void {
  if (target.kind === 'tuple' || target.kind === 'list')
    for (const item of target.items) assignUnknown(machine, item, reason, scope);
  else if (target.kind === 'star') assignUnknown(machine, target.value, reason, scope);
  else if (target.kind === 'name') scope.names.set(target.name, unknown(reason));
}
