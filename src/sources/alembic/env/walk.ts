/**
 * Walks over the syntax of a module: every expression with the function around it. Knows no names.
 */
import type { Expression, Statement } from '../python/index.ts';

export interface Visited {
  expression: Expression;
  /** Names bound in the function around, the last binding of each; empty at the module's level. */
  locals: ReadonlyMap<string, Expression>;
}

/** Every expression of the statements and of what lies in them. */
export function* everyExpression(
  statements: readonly Statement[],
  locals: ReadonlyMap<string, Expression> = new Map(),
): Generator<Visited> {
  for (const statement of statements) {
    for (const expression of expressionsOf(statement)) yield* inside(expression, locals);
    for (const body of bodiesOf(statement)) yield* everyExpression(body, locals);
    if (statement.kind === 'function')
      yield* everyExpression(statement.function.body, withBindings(statement.function.body, locals));
    if (statement.kind === 'class') yield* everyExpression(statement.body, locals);
  }
}

/** Every statement, those in functions and classes too. */
export function* everyStatement(statements: readonly Statement[]): Generator<Statement> {
  for (const statement of statements) {
    yield statement;
    for (const body of bodiesOf(statement)) yield* everyStatement(body);
    if (statement.kind === 'function') yield* everyStatement(statement.function.body);
    if (statement.kind === 'class') yield* everyStatement(statement.body);
  }
}

function withBindings(body: readonly Statement[], outer: ReadonlyMap<string, Expression>): Map<string, Expression> {
  const locals = new Map(outer);
  const visit = (statements: readonly Statement[]): void => {
    for (const statement of statements) {
      if (statement.kind === 'assign') {
        for (const target of statement.targets) if (target.kind === 'name') locals.set(target.name, statement.value);
      } else if (statement.kind === 'annotated' && statement.target.kind === 'name' && statement.value !== null)
        locals.set(statement.target.name, statement.value);
      for (const inner of bodiesOf(statement)) visit(inner);
    }
  };
  visit(body);
  return locals;
}

function bodiesOf(statement: Statement): Statement[][] {
  switch (statement.kind) {
    case 'if':
      return [...statement.branches.map((branch) => branch.body), statement.otherwise];
    case 'while':
    case 'for':
      return [statement.body, statement.otherwise];
    case 'try':
      return [
        statement.body,
        ...statement.handlers.map((handler) => handler.body),
        statement.otherwise,
        statement.finally,
      ];
    case 'with':
      return [statement.body];
    case 'match':
      return statement.cases.map((item) => item.body);
    default:
      return [];
  }
}

function expressionsOf(statement: Statement): Expression[] {
  switch (statement.kind) {
    case 'expression':
      return [statement.value];
    case 'assign':
      return [...statement.targets, statement.value];
    case 'annotated':
    case 'return':
    case 'raise':
      return statement.value === null ? [] : [statement.value];
    case 'augmented':
      return [statement.target, statement.value];
    case 'assert':
      return [statement.test];
    case 'if':
      return statement.branches.map((branch) => branch.test);
    case 'while':
      return [statement.test];
    case 'for':
      return [statement.iterable];
    case 'with':
      return statement.items.map((item) => item.value);
    case 'match':
      return [statement.subject];
    case 'class':
      return [...statement.args.map((argument) => argument.value), ...statement.decorators];
    case 'function':
      return statement.function.decorators;
    default:
      return [];
  }
}

function* inside(expression: Expression, locals: ReadonlyMap<string, Expression>): Generator<Visited> {
  yield { expression, locals };
  for (const part of partsOf(expression)) yield* inside(part, locals);
}

function partsOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'format':
      return expression.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.value]));
    case 'tuple':
    case 'list':
    case 'set':
      return expression.items;
    case 'dict':
      return expression.items.flatMap((item) => (item.key === null ? [item.value] : [item.key, item.value]));
    case 'comprehension':
      return [expression.element, ...expression.clauses.flatMap((clause) => [clause.iterable, ...clause.conditions])];
    case 'attribute':
      return [expression.object];
    case 'subscript':
      return [expression.object, expression.index];
    case 'call':
      return [expression.callee, ...expression.args.map((argument) => argument.value)];
    case 'binary':
    case 'logical':
      return [expression.left, expression.right];
    case 'unary':
      return [expression.operand];
    case 'compare':
      return [expression.first, ...expression.rest.map((item) => item.right)];
    case 'conditional':
      return [expression.test, expression.whenTrue, expression.otherwise];
    case 'lambda':
      return [expression.body];
    case 'assignment':
    case 'await':
    case 'star':
      return [expression.value];
    case 'yield':
      return expression.value === null ? [] : [expression.value];
    default:
      return [];
  }
}
