/**
 * Scope: where a name is looked up. A module's scope is lazy: a name's statements run when the name is first asked for,
 * because a revision that takes one class from an application must not read the whole application.
 */
import type { Expression, Statement } from './ast.ts';
import type { ParsedModule, TopLevel } from './parse.ts';
import type { PyClass, PyModule, Value } from './values.ts';

export interface Scope {
  kind: 'module' | 'function' | 'class';
  names: Map<string, Value>;
  parent: Scope | null;
  module: PyModule;
  globals: Set<string> | null;
  nonlocals: Set<string> | null;
  /** Module scopes: statements by the names they bind or change, and those not yet run. */
  lazy: LazyNames | null;
  /** Class bodies: the class being made. */
  class: PyClass | null;
}

export interface LazyNames {
  parsed: ParsedModule;
  statementsByName: Map<string, TopLevel[]>;
  stars: TopLevel[];
  done: Set<TopLevel>;
  /** Offset of the statement of this module that runs at its top level: what stands below it has not happened yet. */
  at: number | null;
}

export function newScope(kind: Scope['kind'], parent: Scope | null, module: PyModule): Scope {
  return { kind, names: new Map(), parent, module, globals: null, nonlocals: null, lazy: null, class: null };
}

export function indexModule(parsed: ParsedModule): LazyNames {
  const statementsByName = new Map<string, TopLevel[]>();
  const stars: TopLevel[] = [];
  for (const top of parsed.statements) {
    const names = new Set<string>();
    // A decorated function may change what its decorators are given.
    if (top.heading !== null && !(top.heading.isDecorated && top.heading.kind === 'function'))
      names.add(top.heading.name);
    else collectBound(top.statement, names, true);
    if (names.delete('*')) stars.push(top);
    for (const name of names) {
      const list = statementsByName.get(name);
      if (list) list.push(top);
      else statementsByName.set(name, [top]);
    }
  }
  return { parsed, statementsByName, stars, done: new Set(), at: null };
}

/** Names that a statement binds; at module level also those whose object it changes (`X.append`, `X[k] = …`). */
export function collectBound(statement: Statement, names: Set<string>, withChanged: boolean): void {
  const each = (list: Statement[]) => {
    for (const inner of list) collectBound(inner, names, withChanged);
  };
  switch (statement.kind) {
    case 'assign':
      for (const target of statement.targets) collectTarget(target, names, withChanged);
      break;
    case 'annotated':
      if (statement.value) collectTarget(statement.target, names, withChanged);
      break;
    case 'augmented':
      collectTarget(statement.target, names, withChanged);
      break;
    case 'delete':
      for (const target of statement.targets) collectTarget(target, names, withChanged);
      break;
    case 'function':
      names.add(statement.function.name);
      // `@compiles(Type, 'postgresql')`, `@event.listens_for(Base, …)`: what they are given changes with it.
      for (const decorator of withChanged ? statement.function.decorators : []) {
        const first = decorator.kind === 'call' ? decorator.args[0]?.value : undefined;
        if (first?.kind === 'name') names.add(first.name);
        // `@compiles(sa.ForeignKeyConstraint, …)`
        if (first?.kind === 'attribute' && first.object.kind === 'name') names.add(first.object.name);
      }
      break;
    case 'class':
      names.add(statement.name);
      break;
    case 'import':
      for (const name of statement.names) names.add(name.as ?? (name.name.split('.')[0] as string));
      break;
    case 'importFrom':
      if (statement.names === '*') names.add('*');
      else for (const name of statement.names) names.add(name.as ?? name.name);
      break;
    case 'if':
      for (const branch of statement.branches) each(branch.body);
      each(statement.otherwise);
      break;
    case 'for':
      collectTarget(statement.target, names, withChanged);
      each(statement.body);
      each(statement.otherwise);
      break;
    case 'while':
      each(statement.body);
      each(statement.otherwise);
      break;
    case 'with':
      for (const item of statement.items) if (item.target) collectTarget(item.target, names, withChanged);
      each(statement.body);
      break;
    case 'try':
      each(statement.body);
      for (const handler of statement.handlers) {
        if (handler.name) names.add(handler.name);
        each(handler.body);
      }
      each(statement.otherwise);
      each(statement.finally);
      break;
    case 'match':
      for (const one of statement.cases) each(one.body);
      break;
    case 'expression':
      if (statement.value.kind === 'assignment') names.add(statement.value.name);
      else if (withChanged && statement.value.kind === 'call') {
        const { callee, args } = statement.value;
        for (const part of [callee, ...args.map((arg) => arg.value)]) {
          const root = rootName(part);
          if (root !== null) names.add(root);
        }
      }
      break;
  }
}

function collectTarget(target: Expression, names: Set<string>, withChanged: boolean): void {
  if (target.kind === 'name') names.add(target.name);
  else if (target.kind === 'tuple' || target.kind === 'list')
    for (const item of target.items) collectTarget(item, names, withChanged);
  else if (target.kind === 'star') collectTarget(target.value, names, withChanged);
  else if (withChanged && (target.kind === 'attribute' || target.kind === 'subscript')) {
    const root = rootName(target);
    if (root !== null) names.add(root);
  }
}

function rootName(expression: Expression): string | null {
  let at = expression;
  while (at.kind === 'attribute' || at.kind === 'subscript') at = at.object;
  return at.kind === 'name' ? at.name : null;
}
