/**
 * Lezer's nodes of statements → the syntax of `ast.ts`. What the grammar marks as an error becomes an `unreadable`
 * statement of its own, so that the rest of a file still reads.
 */
import type {
  Argument,
  Expression,
  FunctionSyntax,
  Handler,
  ImportedName,
  Parameter,
  Pattern,
  Statement,
} from './ast.ts';
import { convertArguments, convertExpression, convertSequence } from './parse-expressions.ts';

/** Lezer's tree copied once: walking its own buffers from sibling to sibling costs more than the parse. */
export interface Node {
  name: string;
  isError: boolean;
  from: number;
  to: number;
  firstChild: Node | null;
  nextSibling: Node | null;
}

export function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling)
    if (child.name !== 'Comment') children.push(child);
  return children;
}

export function convertStatement(node: Node, text: string): Statement {
  const place = { from: node.from, to: node.to };
  const children = childrenOf(node);
  if (node.name !== 'WithStatement' && node.name !== 'YieldStatement' && children.some((child) => child.isError)) {
    return { ...place, kind: 'unreadable', reason: 'syntax that could not be read' };
  }
  const expression = (child: Node | undefined): Expression => convertExpression(child, text);
  switch (node.name) {
    case 'ExpressionStatement':
      return { ...place, kind: 'expression', value: convertSequence(children, text, place) };
    case 'AssignStatement':
      return convertAssign(children, text, place);
    case 'UpdateStatement': {
      const at = children.findIndex((child) => child.name === 'UpdateOp');
      const operator = text.slice(children[at]!.from, children[at]!.to - 1);
      return {
        ...place,
        kind: 'augmented',
        target: expression(children[0]),
        operator,
        value: convertSequence(children.slice(at + 1), text, place),
      };
    }
    case 'DeleteStatement':
      return {
        ...place,
        kind: 'delete',
        targets: children
          .slice(1)
          .filter((child) => child.name !== ',')
          .map(expression),
      };
    case 'PassStatement':
      return { ...place, kind: 'pass' };
    case 'BreakStatement':
      return { ...place, kind: 'break' };
    case 'ContinueStatement':
      return { ...place, kind: 'continue' };
    case 'ReturnStatement':
      return {
        ...place,
        kind: 'return',
        value: children.length > 1 ? convertSequence(children.slice(1), text, place) : null,
      };
    case 'YieldStatement':
      return { ...place, kind: 'expression', value: convertExpression(node, text) };
    case 'RaiseStatement':
      return { ...place, kind: 'raise', value: children.length > 1 ? expression(children[1]) : null };
    case 'AssertStatement':
      return { ...place, kind: 'assert', test: expression(children[1]) };
    case 'ScopeStatement':
      return {
        ...place,
        kind: 'scope',
        isGlobal: children[0]?.name === 'global',
        names: children
          .filter((child) => child.name === 'VariableName')
          .map((child) => text.slice(child.from, child.to)),
      };
    case 'ImportStatement':
      return convertImport(children, text, place);
    case 'TypeDefinition':
      return { ...place, kind: 'pass' };
    case 'PrintStatement':
      return { ...place, kind: 'pass' };
    case 'IfStatement':
      return convertIf(children, text, place);
    case 'WhileStatement': {
      const bodies = children.filter((child) => child.name === 'Body');
      return {
        ...place,
        kind: 'while',
        test: expression(children[1]),
        body: convertBody(bodies[0], text),
        otherwise: convertBody(bodies[1], text),
      };
    }
    case 'ForStatement': {
      const inAt = children.findIndex((child) => child.name === 'in');
      const forAt = children.findIndex((child) => child.name === 'for');
      const bodyAt = children.findIndex((child) => child.name === 'Body');
      const bodies = children.filter((child) => child.name === 'Body');
      return {
        ...place,
        kind: 'for',
        target: convertSequence(children.slice(forAt + 1, inAt), text, place),
        iterable: convertSequence(children.slice(inAt + 1, bodyAt), text, place),
        body: convertBody(bodies[0], text),
        otherwise: convertBody(bodies[1], text),
      };
    }
    case 'TryStatement':
      return convertTry(children, text, place);
    case 'WithStatement':
      return convertWith(children, text, place);
    case 'MatchStatement':
      return convertMatch(children, text, place);
    case 'FunctionDefinition':
      return { ...place, kind: 'function', function: convertFunction(node, text, []) };
    case 'ClassDefinition':
      return convertClass(node, text, []);
    case 'DecoratedStatement': {
      const decorators = children
        .filter((child) => child.name === 'Decorator')
        .map((child) => convertDecorator(child, text));
      const last = children[children.length - 1] as Node;
      if (last.name === 'FunctionDefinition')
        return { ...place, kind: 'function', function: convertFunction(last, text, decorators) };
      return convertClass(last, text, decorators);
    }
    default:
      return { ...place, kind: 'unreadable', reason: `syntax that could not be read: ${node.name}` };
  }
}

export function convertBody(node: Node | undefined, text: string): Statement[] {
  if (!node) return [];
  const statements: Statement[] = [];
  for (const child of childrenOf(node)) {
    if (child.name === ':') continue;
    if (child.name === 'StatementGroup') {
      for (const part of childrenOf(child)) if (part.name !== ';') statements.push(convertStatement(part, text));
    } else statements.push(convertStatement(child, text));
  }
  return statements;
}

type Place = { from: number; to: number };

function convertAssign(children: Node[], text: string, place: Place): Statement {
  const parts: Node[][] = [[]];
  let annotation: Expression | null = null;
  for (const child of children) {
    if (child.name === 'TypeDef') annotation = convertExpression(childrenOf(child)[1], text);
    else if (child.name === 'AssignOp') parts.push([]);
    else (parts[parts.length - 1] as Node[]).push(child);
  }
  const converted = parts.map((part) => convertSequence(part, text, place));
  const last = converted.length > 1 ? (converted.pop() as Expression) : null;
  if (annotation !== null)
    return { ...place, kind: 'annotated', target: converted[0] as Expression, annotation, value: last };
  return { ...place, kind: 'assign', targets: converted, value: last as Expression };
}

function convertImport(children: Node[], text: string, place: Place): Statement {
  const names: ImportedName[] = [];
  const readNames = (nodes: Node[]) => {
    let current: ImportedName | null = null;
    let afterAs = false;
    for (const child of nodes) {
      if (child.name === 'VariableName') {
        const name = text.slice(child.from, child.to);
        if (afterAs) {
          (current as ImportedName).as = name;
          afterAs = false;
        } else if (current) current.name += name;
        else {
          current = { name, as: null };
          names.push(current);
        }
      } else if (child.name === '.') {
        if (current) current.name += '.';
      } else if (child.name === 'as') afterAs = true;
      else if (child.name === ',') current = null;
    }
  };
  if (children[0]?.name === 'import') {
    readNames(children.slice(1));
    return { ...place, kind: 'import', names };
  }
  const importAt = children.findIndex((child) => child.name === 'import');
  let level = 0;
  let module = '';
  for (const child of children.slice(1, importAt)) {
    const piece = text.slice(child.from, child.to);
    if (child.name === 'VariableName') module += piece;
    else if (module === '') level += piece.length;
    else module += '.';
  }
  if (children.slice(importAt + 1).some((child) => child.name === '*'))
    return { ...place, kind: 'importFrom', level, module, names: '*' };
  readNames(children.slice(importAt + 1));
  return { ...place, kind: 'importFrom', level, module, names };
}

function convertIf(children: Node[], text: string, place: Place): Statement {
  const branches: { test: Expression; body: Statement[] }[] = [];
  let otherwise: Statement[] = [];
  let test: Expression | null = null;
  for (const child of children) {
    if (child.name === 'if' || child.name === 'elif') continue;
    if (child.name === 'else') test = null;
    else if (child.name === 'Body') {
      if (test) branches.push({ test, body: convertBody(child, text) });
      else otherwise = convertBody(child, text);
    } else test = convertExpression(child, text);
  }
  return { ...place, kind: 'if', branches, otherwise };
}

function convertTry(children: Node[], text: string, place: Place): Statement {
  let body: Statement[] = [];
  let otherwise: Statement[] = [];
  let last: Statement[] = [];
  const handlers: Handler[] = [];
  let part = 'try';
  let types: Expression | null = null;
  let name: string | null = null;
  let afterAs = false;
  for (const child of children) {
    if (['try', 'except', 'else', 'finally'].includes(child.name)) {
      part = child.name;
      types = null;
      name = null;
      afterAs = false;
    } else if (child.name === 'as' || child.name === ',') afterAs = true;
    else if (child.name === '*') continue;
    else if (child.name === 'Body') {
      const statements = convertBody(child, text);
      if (part === 'try') body = statements;
      else if (part === 'except') handlers.push({ types, name, body: statements });
      else if (part === 'else') otherwise = statements;
      else last = statements;
    } else if (afterAs) name = text.slice(child.from, child.to);
    else types = convertExpression(child, text);
  }
  return { ...place, kind: 'try', body, handlers, otherwise, finally: last };
}

function convertWith(children: Node[], text: string, place: Place): Statement {
  const items: { value: Expression; target: Expression | null }[] = [];
  let body: Statement[] = [];
  let afterAs = false;
  for (const child of children) {
    if (['with', 'async', ',', ')'].includes(child.name) || child.isError) continue;
    if (child.name === 'as') afterAs = true;
    else if (child.name === 'Body') body = convertBody(child, text);
    else if (afterAs) {
      const target = convertExpression(child, text);
      if (items.length > 0) (items[items.length - 1] as { target: Expression | null }).target = target;
      afterAs = false;
    } else {
      // Lezer reads `with (a as b, c as d):` as a broken parenthesis; its first expression is the first item.
      const inner = childrenOf(child);
      const isBroken = child.name === 'ParenthesizedExpression' && inner.some((part) => part.isError);
      const isTuple = child.name === 'TupleExpression';
      if (isTuple)
        for (const part of inner.filter((one) => !['(', ')', ','].includes(one.name)))
          items.push({ value: convertExpression(part, text), target: null });
      else items.push({ value: convertExpression(isBroken ? inner[1] : child, text), target: null });
    }
  }
  return { ...place, kind: 'with', items, body };
}

function convertMatch(children: Node[], text: string, place: Place): Statement {
  const subject = convertExpression(children[1], text);
  const body = children.find((child) => child.name === 'MatchBody');
  const cases = (body ? childrenOf(body) : [])
    .filter((child) => child.name === 'MatchClause')
    .map((clause) => {
      const parts = childrenOf(clause);
      const guard = parts.find((part) => part.name === 'Guard');
      return {
        pattern: convertPattern(parts[1], text),
        guard: guard ? convertExpression(childrenOf(guard)[1], text) : null,
        body: convertBody(
          parts.find((part) => part.name === 'Body'),
          text,
        ),
      };
    });
  return { ...place, kind: 'match', subject, cases };
}

function convertPattern(node: Node | undefined, text: string): Pattern {
  if (!node) return { kind: 'unreadable' };
  const children = childrenOf(node);
  switch (node.name) {
    case 'LiteralPattern':
    case 'AttributePattern':
      return {
        kind: 'value',
        value: convertExpression(node.name === 'LiteralPattern' && children.length === 1 ? children[0] : node, text),
      };
    case 'CapturePattern': {
      const name = text.slice(node.from, node.to);
      return { kind: 'capture', name: name === '_' ? null : name };
    }
    case 'OrPattern':
      return {
        kind: 'or',
        patterns: children.filter((child) => child.name !== 'LogicOp').map((child) => convertPattern(child, text)),
      };
    default:
      return { kind: 'unreadable' };
  }
}

function convertDecorator(node: Node, text: string): Expression {
  let value: Expression | null = null;
  for (const child of childrenOf(node)) {
    const name = text.slice(child.from, child.to);
    if (child.name === 'VariableName') {
      value = value
        ? { kind: 'attribute', object: value, name, from: node.from, to: child.to }
        : { kind: 'name', name, from: child.from, to: child.to };
    } else if (child.name === 'ArgList' && value) {
      value = { kind: 'call', callee: value, args: convertArguments(child, text), from: node.from, to: child.to };
    }
  }
  return value ?? { kind: 'unreadable', reason: 'a decorator that could not be read', from: node.from, to: node.to };
}

export function convertParameters(node: Node | undefined, text: string): Parameter[] {
  const parameters: Parameter[] = [];
  if (!node) return parameters;
  let star: 'star' | 'doubleStar' | null = null;
  let keywordOnly = false;
  let expectsFallback = false;
  for (const child of childrenOf(node)) {
    if (child.name === '*') {
      star = 'star';
      keywordOnly = true;
    } else if (child.name === '**') star = 'doubleStar';
    else if (child.name === ',') star = null;
    else if (child.name === 'AssignOp') expectsFallback = true;
    else if (child.name === 'TypeDef' || child.name === '(' || child.name === ')' || child.name === '/') continue;
    else if (expectsFallback) {
      (parameters[parameters.length - 1] as Parameter).fallback = convertExpression(child, text);
      expectsFallback = false;
    } else if (child.name === 'VariableName') {
      const kind = star ?? (keywordOnly ? 'keywordOnly' : 'plain');
      parameters.push({ kind, name: text.slice(child.from, child.to), fallback: null });
      star = null;
    }
  }
  return parameters;
}

function convertFunction(node: Node, text: string, decorators: Expression[]): FunctionSyntax {
  const children = childrenOf(node);
  const nameNode = children.find((child) => child.name === 'VariableName');
  const bodyNode = children.find((child) => child.name === 'Body');
  let body: Statement[] | null = null;
  let isGenerator: boolean | null = null;
  return {
    from: node.from,
    to: node.to,
    name: nameNode ? text.slice(nameNode.from, nameNode.to) : '',
    parameters: convertParameters(
      children.find((child) => child.name === 'ParamList'),
      text,
    ),
    isAsync: children[0]?.name === 'async',
    decorators,
    get isGenerator() {
      isGenerator ??= bodyNode ? yields(bodyNode) : false;
      return isGenerator;
    },
    get body() {
      body ??= convertBody(bodyNode, text);
      return body;
    },
  };
}

/** Whether a `yield` stands in the body itself, not in a function inside it. */
function yields(node: Node): boolean {
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name === 'YieldStatement' || child.name === 'YieldExpression') return true;
    if (child.name === 'FunctionDefinition' || child.name === 'LambdaExpression' || child.name === 'ClassDefinition')
      continue;
    if (child.firstChild && yields(child)) return true;
  }
  return false;
}

function convertClass(node: Node, text: string, decorators: Expression[]): Statement {
  const children = childrenOf(node);
  const nameNode = children.find((child) => child.name === 'VariableName') as Node;
  const list = children.find((child) => child.name === 'ArgList');
  const args: Argument[] = list ? convertArguments(list, text) : [];
  const bodyNode = children.find((child) => child.name === 'Body');
  let body: Statement[] | null = null;
  return {
    kind: 'class',
    from: node.from,
    to: node.to,
    name: text.slice(nameNode.from, nameNode.to),
    args,
    decorators,
    get body() {
      body ??= convertBody(bodyNode, text);
      return body;
    },
  };
}
