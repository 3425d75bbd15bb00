/**
 * Walking syntax: the blocks inside a statement, every expression of a statement, every part of an expression.
 */
import type { Argument, Expression, FormatPart, Parameter, Pattern, Statement } from './ast.ts';

/** Blocks directly inside a statement, in the order they stand. */
export function childStatements(statement: Statement): Statement[][] {
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
    case 'class':
      return [statement.body];
    case 'match':
      return statement.cases.map((one) => one.body);
    case 'function':
      return [statement.function.body];
    default:
      return [];
  }
}

/** Every expression of a statement and of the blocks in it. */
export function* expressionsOf(statement: Statement): Generator<Expression> {
  yield* ownExpressions(statement);
  for (const block of childStatements(statement)) for (const inner of block) yield* expressionsOf(inner);
}

/** The expressions of a statement itself: of a `for` its target and what it runs over, not its body. */
export function* ownExpressions(statement: Statement): Generator<Expression> {
  switch (statement.kind) {
    case 'expression':
      yield statement.value;
      break;
    case 'assign':
      yield* statement.targets;
      yield statement.value;
      break;
    case 'annotated':
      yield statement.target;
      yield statement.annotation;
      if (statement.value) yield statement.value;
      break;
    case 'augmented':
      yield statement.target;
      yield statement.value;
      break;
    case 'delete':
      yield* statement.targets;
      break;
    case 'return':
    case 'raise':
      if (statement.value) yield statement.value;
      break;
    case 'assert':
      yield statement.test;
      break;
    case 'if':
      for (const branch of statement.branches) yield branch.test;
      break;
    case 'while':
      yield statement.test;
      break;
    case 'for':
      yield statement.target;
      yield statement.iterable;
      break;
    case 'try':
      for (const handler of statement.handlers) if (handler.types) yield handler.types;
      break;
    case 'with':
      for (const item of statement.items) {
        yield item.value;
        if (item.target) yield item.target;
      }
      break;
    case 'match':
      yield statement.subject;
      for (const one of statement.cases) {
        yield* valuesOf(one.pattern);
        if (one.guard) yield one.guard;
      }
      break;
    case 'function':
      yield* statement.function.decorators;
      for (const parameter of statement.function.parameters) if (parameter.fallback) yield parameter.fallback;
      break;
    case 'class':
      yield* statement.decorators;
      for (const arg of statement.args) yield arg.value;
      break;
  }
}

function* valuesOf(pattern: Pattern): Generator<Expression> {
  if (pattern.kind === 'value') yield pattern.value;
  else if (pattern.kind === 'or') for (const inner of pattern.patterns) yield* valuesOf(inner);
}

export function walkExpression(expression: Expression, visit: (inner: Expression) => void): void {
  visit(expression);
  for (const part of partsOf(expression)) walkExpression(part, visit);
}

function partsOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case 'format':
      return formatParts(expression.parts);
    case 'tuple':
    case 'list':
    case 'set':
      return expression.items;
    case 'dict':
      return expression.items.flatMap((item) => (item.key ? [item.key, item.value] : [item.value]));
    case 'comprehension':
      return [
        ...(expression.key ? [expression.key] : []),
        expression.element,
        ...expression.clauses.flatMap((clause) => [clause.target, clause.iterable, ...clause.conditions]),
      ];
    case 'attribute':
      return [expression.object];
    case 'subscript':
      return [expression.object, expression.index];
    case 'slice':
      return [expression.lower, expression.upper, expression.step].filter((part) => part !== null);
    case 'call':
      return [expression.callee, ...expression.args.map((arg: Argument) => arg.value)];
    case 'binary':
    case 'logical':
      return [expression.left, expression.right];
    case 'unary':
      return [expression.operand];
    case 'compare':
      return [expression.first, ...expression.rest.map((part) => part.right)];
    case 'conditional':
      return [expression.test, expression.whenTrue, expression.otherwise];
    case 'lambda':
      return [
        ...expression.parameters.flatMap((parameter: Parameter) => (parameter.fallback ? [parameter.fallback] : [])),
        expression.body,
      ];
    case 'assignment':
    case 'await':
    case 'star':
      return [expression.value];
    case 'yield':
      return expression.value ? [expression.value] : [];
    default:
      return [];
  }
}

function formatParts(parts: FormatPart[]): Expression[] {
  return parts.flatMap((part) =>
    typeof part === 'string' ? [] : [part.value, ...(part.spec ? formatParts(part.spec) : [])],
  );
}
