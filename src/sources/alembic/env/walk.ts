/**
 * Walks over the syntax of a module: every expression with the function around it. Knows no names.
 */
import { childStatements, type Expression, ownExpressions, type Statement, walkExpression } from '../python/index.ts';

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
    const visited: Visited[] = [];
    for (const expression of ownExpressions(statement))
      walkExpression(expression, (inner) => visited.push({ expression: inner, locals }));
    yield* visited;
    const around = statement.kind === 'function' ? withBindings(statement.function.body, locals) : locals;
    for (const block of childStatements(statement)) yield* everyExpression(block, around);
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
      // What a function or a class inside binds is its own.
      if (statement.kind === 'function' || statement.kind === 'class') continue;
      for (const inner of childStatements(statement)) visit(inner);
    }
  };
  visit(body);
  return locals;
}
