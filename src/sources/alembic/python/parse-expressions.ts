/**
 * Lezer's nodes of expressions → the syntax of `ast.ts`, string literals decoded as Python decodes them.
 */
import type { Argument, Clause, Expression, FormatPart } from './ast.ts';
import { childrenOf, convertParameters, type Node } from './parse-statements.ts';

type Place = { from: number; to: number };

export function convertExpression(node: Node | undefined, text: string): Expression {
  if (!node) return { kind: 'unreadable', reason: 'syntax that could not be read', from: 0, to: 0 };
  const place: Place = { from: node.from, to: node.to };
  const raw = () => text.slice(node.from, node.to);
  const convert = (child: Node | undefined) => convertExpression(child, text);
  switch (node.name) {
    case 'VariableName':
      return { ...place, kind: 'name', name: raw() };
    case 'String': {
      const literal = splitLiteral(raw());
      return {
        ...place,
        kind: 'constant',
        of: literal.isBytes ? 'bytes' : 'string',
        value: decode(literal.body, literal.isRaw),
      };
    }
    case 'Number':
      return convertNumber(raw(), place);
    case 'Boolean':
      return { ...place, kind: 'constant', of: 'bool', value: raw() === 'True' };
    case 'None':
      return { ...place, kind: 'constant', of: 'none', value: null };
    case 'Ellipsis':
      return { ...place, kind: 'constant', of: 'ellipsis', value: 'ellipsis' };
    case 'FormatString':
      return { ...place, kind: 'format', parts: convertFormat(node, text) };
    case 'ContinuedString':
      return convertContinued(node, text);
  }
  const children = childrenOf(node);
  if (children.some((child) => child.isError) && !node.name.startsWith('Yield')) {
    return { ...place, kind: 'unreadable', reason: 'syntax that could not be read' };
  }
  switch (node.name) {
    case 'ParenthesizedExpression': {
      const inner = children.filter((child) => child.name !== '(' && child.name !== ')');
      if (inner[0]?.name === '*') return { ...place, kind: 'star', value: convert(inner[1]) };
      return convert(inner[0]);
    }
    case 'TupleExpression':
    case 'ArrayExpression':
    case 'SetExpression': {
      const kind = node.name === 'TupleExpression' ? 'tuple' : node.name === 'ArrayExpression' ? 'list' : 'set';
      return { ...place, kind, items: convertItems(children.slice(1, -1), text) };
    }
    case 'DictionaryExpression': {
      const items: { key: Expression | null; value: Expression }[] = [];
      const parts = children.slice(1, -1).filter((child) => child.name !== ',' && child.name !== ':');
      for (let at = 0; at < parts.length; at += 2) {
        if (parts[at]?.name === '**') items.push({ key: null, value: convert(parts[at + 1]) });
        else items.push({ key: convert(parts[at]), value: convert(parts[at + 1]) });
      }
      return { ...place, kind: 'dict', items };
    }
    case 'ArrayComprehensionExpression':
    case 'SetComprehensionExpression':
    case 'ComprehensionExpression':
    case 'DictionaryComprehensionExpression': {
      const inner = children.slice(1, -1);
      const makes = (
        {
          ArrayComprehensionExpression: 'list',
          SetComprehensionExpression: 'set',
          ComprehensionExpression: 'generator',
          DictionaryComprehensionExpression: 'dict',
        } as const
      )[node.name];
      const forAt = inner.findIndex((child) => child.name === 'for' || child.name === 'async');
      const head = inner.slice(0, forAt);
      const clauses = convertClauses(inner.slice(forAt), text);
      if (makes === 'dict')
        return { ...place, kind: 'comprehension', makes, key: convert(head[0]), element: convert(head[2]), clauses };
      return { ...place, kind: 'comprehension', makes, key: null, element: convert(head[0]), clauses };
    }
    case 'MemberExpression':
      return convertMember(children, text, place);
    case 'CallExpression':
      return {
        ...place,
        kind: 'call',
        callee: convert(children[0]),
        args: children[1] ? convertArguments(children[1], text) : [],
      };
    case 'UnaryExpression':
      return {
        ...place,
        kind: 'unary',
        operator: text.slice(children[0]!.from, children[0]!.to),
        operand: convert(children[1]),
      };
    case 'BinaryExpression':
      return convertBinary(children, text, place);
    case 'ConditionalExpression':
      return {
        ...place,
        kind: 'conditional',
        whenTrue: convert(children[0]),
        test: convert(children[2]),
        otherwise: convert(children[4]),
      };
    case 'LambdaExpression': {
      const list = children.find((child) => child.name === 'ParamList');
      return {
        ...place,
        kind: 'lambda',
        parameters: convertParameters(list, text),
        body: convert(children[children.length - 1]),
      };
    }
    case 'NamedExpression':
      return {
        ...place,
        kind: 'assignment',
        name: text.slice(children[0]!.from, children[0]!.to),
        value: convert(children[2]),
      };
    case 'AwaitExpression':
      return { ...place, kind: 'await', value: convert(children[1]) };
    case 'YieldExpression':
    case 'YieldStatement': {
      const isFrom = children[1]?.name === 'from';
      const inner = children.slice(isFrom ? 2 : 1).filter((child) => !child.isError);
      return { ...place, kind: 'yield', isFrom, value: inner.length > 0 ? convertSequence(inner, text, place) : null };
    }
    case 'AttributePattern': {
      let value = convert(children[0]);
      for (const part of children.slice(1))
        if (part.name === 'PropertyName')
          value = { ...place, kind: 'attribute', object: value, name: text.slice(part.from, part.to) };
      return value;
    }
    default:
      return { ...place, kind: 'unreadable', reason: `syntax that could not be read: ${node.name}` };
  }
}

/** `a, b` without parentheses is a tuple; one expression is itself. */
export function convertSequence(nodes: Node[], text: string, place: Place): Expression {
  const hasComma = nodes.some((node) => node.name === ',');
  const items = convertItems(nodes, text);
  if (!hasComma && items.length === 1) return items[0] as Expression;
  return { kind: 'tuple', items, from: nodes[0]?.from ?? place.from, to: nodes[nodes.length - 1]?.to ?? place.to };
}

function convertItems(nodes: Node[], text: string): Expression[] {
  const items: Expression[] = [];
  for (let at = 0; at < nodes.length; at++) {
    const node = nodes[at] as Node;
    if (node.name === ',') continue;
    if (node.name === '*') {
      at++;
      items.push({
        kind: 'star',
        value: convertExpression(nodes[at], text),
        from: node.from,
        to: nodes[at]?.to ?? node.to,
      });
    } else items.push(convertExpression(node, text));
  }
  return items;
}

export function convertArguments(list: Node, text: string): Argument[] {
  const args: Argument[] = [];
  const nodes = childrenOf(list).slice(1, -1);
  let group: Node[] = [];
  const flush = () => {
    const [first, second, third] = group;
    if (!first) return;
    const forAt = group.findIndex((node) => node.name === 'for' || node.name === 'async');
    if (first.name === '*') args.push({ kind: 'star', name: null, value: convertExpression(second, text) });
    else if (first.name === '**') args.push({ kind: 'doubleStar', name: null, value: convertExpression(second, text) });
    else if (second?.name === 'AssignOp' && text.slice(second.from, second.to) === '=') {
      args.push({ kind: 'named', name: text.slice(first.from, first.to), value: convertExpression(third, text) });
    } else if (second?.name === 'AssignOp') {
      const value: Expression = {
        kind: 'assignment',
        name: text.slice(first.from, first.to),
        value: convertExpression(third, text),
        from: first.from,
        to: third?.to ?? second.to,
      };
      args.push({ kind: 'positional', name: null, value });
    } else if (forAt > 0) {
      const value: Expression = {
        kind: 'comprehension',
        makes: 'generator',
        key: null,
        element: convertExpression(first, text),
        clauses: convertClauses(group.slice(forAt), text),
        from: first.from,
        to: (group[group.length - 1] as Node).to,
      };
      args.push({ kind: 'positional', name: null, value });
    } else args.push({ kind: 'positional', name: null, value: convertExpression(first, text) });
    group = [];
  };
  // A comma inside `for a, b in …` of a bare generator belongs to the generator.
  let awaitsIn = false;
  for (const node of nodes) {
    if (node.name === 'for') awaitsIn = true;
    if (node.name === 'in') awaitsIn = false;
    if (node.name === ',' && !awaitsIn) flush();
    else group.push(node);
  }
  flush();
  return args;
}

function convertClauses(nodes: Node[], text: string): Clause[] {
  const clauses: Clause[] = [];
  let at = 0;
  while (at < nodes.length) {
    const node = nodes[at] as Node;
    if (node.name === 'for') {
      let inAt = at + 1;
      while (inAt < nodes.length && nodes[inAt]?.name !== 'in') inAt++;
      clauses.push({
        target: convertSequence(nodes.slice(at + 1, inAt), text, node),
        iterable: convertExpression(nodes[inAt + 1], text),
        conditions: [],
      });
      at = inAt + 2;
    } else if (node.name === 'if') {
      clauses[clauses.length - 1]?.conditions.push(convertExpression(nodes[at + 1], text));
      at += 2;
    } else at++;
  }
  return clauses;
}

function convertMember(children: Node[], text: string, place: Place): Expression {
  const object = convertExpression(children[0], text);
  if (children[1]?.name === '.') {
    const property = children[2];
    return { ...place, kind: 'attribute', object, name: property ? text.slice(property.from, property.to) : '' };
  }
  const inner = children.slice(2, -1);
  const parts: Expression[] = [];
  let group: Node[] = [];
  const flush = () => {
    if (group.some((node) => node.name === ':')) {
      const slots: (Expression | null)[] = [null, null, null];
      let slot = 0;
      for (const node of group) {
        if (node.name === ':') slot++;
        else slots[slot] = convertExpression(node, text);
      }
      parts.push({ ...place, kind: 'slice', lower: slots[0] ?? null, upper: slots[1] ?? null, step: slots[2] ?? null });
    } else if (group[0]) parts.push(convertExpression(group[0], text));
    group = [];
  };
  for (const node of inner) {
    if (node.name === ',') flush();
    else group.push(node);
  }
  flush();
  const index: Expression =
    parts.length === 1 && !inner.some((node) => node.name === ',')
      ? (parts[0] as Expression)
      : { ...place, kind: 'tuple', items: parts };
  return { ...place, kind: 'subscript', object, index };
}

function convertBinary(children: Node[], text: string, place: Place): Expression {
  const left = children[0] as Node;
  const right = convertExpression(children[children.length - 1], text);
  const operator = children
    .slice(1, -1)
    .map((node) => text.slice(node.from, node.to))
    .join(' ');
  if (operator === 'and' || operator === 'or')
    return { ...place, kind: 'logical', operator, left: convertExpression(left, text), right };
  const isComparison = children[1]?.name === 'CompareOp' || ['in', 'not', 'is'].includes(children[1]?.name ?? '');
  if (!isComparison) return { ...place, kind: 'binary', operator, left: convertExpression(left, text), right };
  const first = convertExpression(left, text);
  // A comparison in parentheses is a node of its own and no part of the chain around it.
  if (first.kind === 'compare' && left.name === 'BinaryExpression')
    return { ...first, ...place, rest: [...first.rest, { operator, right }] };
  return { ...place, kind: 'compare', first, rest: [{ operator, right }] };
}

function convertNumber(raw: string, place: Place): Expression {
  const plain = raw.replaceAll('_', '');
  if (/^0[xobXOB]/.test(plain) || /^\d+$/.test(plain)) {
    const value = Number(plain);
    if (Number.isSafeInteger(value)) return { ...place, kind: 'constant', of: 'int', value };
    return { ...place, kind: 'constant', of: 'int', value: plain.length < 400 ? BigInt(plain) : 0n };
  }
  if (/[jJ]$/.test(plain)) return { ...place, kind: 'unreadable', reason: 'a complex number' };
  return { ...place, kind: 'constant', of: 'float', value: Number(plain) };
}

function splitLiteral(raw: string): { body: string; isRaw: boolean; isBytes: boolean } {
  const match = /^([a-zA-Z]*)('''|"""|'|")/.exec(raw);
  if (!match) return { body: raw, isRaw: false, isBytes: false };
  const prefix = (match[1] as string).toLowerCase();
  const quote = match[2] as string;
  const body = raw.slice(match[0].length, raw.length - quote.length);
  return { body, isRaw: prefix.includes('r'), isBytes: prefix.includes('b') };
}

const simpleEscapes: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  "'": "'",
  '"': '"',
  '\\': '\\',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

/** The value of a literal's body: newlines as Python normalises them, escapes decoded unless raw. */
export function decode(body: string, isRaw: boolean): string {
  const unix = body.includes('\r') ? body.replace(/\r\n?/g, '\n') : body;
  if (isRaw || !unix.includes('\\')) return unix;
  return unix.replace(
    /\\(\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[\s\S])/g,
    (whole, code: string) => {
      if (code === '\n') return '';
      if (/^[0-7]/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8));
      if (/^[xuU]/.test(code) && code.length > 1) {
        const point = Number.parseInt(code.slice(1), 16);
        return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
      }
      return simpleEscapes[code] ?? whole;
    },
  );
}

function convertContinued(node: Node, text: string): Expression {
  const place: Place = { from: node.from, to: node.to };
  const parts: FormatPart[] = [];
  let isBytes = false;
  let isFormat = false;
  for (const child of childrenOf(node)) {
    if (child.name === 'FormatString') {
      isFormat = true;
      parts.push(...convertFormat(child, text));
    } else {
      const literal = splitLiteral(text.slice(child.from, child.to));
      isBytes ||= literal.isBytes;
      parts.push(decode(literal.body, literal.isRaw));
    }
  }
  if (isFormat) return { ...place, kind: 'format', parts };
  return { ...place, kind: 'constant', of: isBytes ? 'bytes' : 'string', value: parts.join('') };
}

function convertFormat(node: Node, text: string): FormatPart[] {
  const raw = text.slice(node.from, node.to);
  const match = /^([a-zA-Z]*)('''|"""|'|")/.exec(raw);
  const quote = match?.[2]?.length ?? 1;
  const isRaw = (match?.[1] ?? '').toLowerCase().includes('r');
  const parts: FormatPart[] = [];
  let at = node.from + (match?.[0].length ?? 2);
  const end = node.to - quote;
  const literal = (from: number, to: number) => {
    if (to > from) parts.push(decode(text.slice(from, to), isRaw).replaceAll('{{', '{').replaceAll('}}', '}'));
  };
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'FormatReplacement') continue;
    literal(at, child.from);
    parts.push(convertReplacement(child, text));
    at = child.to;
  }
  literal(at, end);
  return parts;
}

function convertReplacement(node: Node, text: string): FormatPart {
  const children = childrenOf(node);
  const values = children.filter(
    (child) => !['{', '}', 'FormatConversion', 'FormatSpec', 'FormatSelfDoc'].includes(child.name),
  );
  const conversion = children.find((child) => child.name === 'FormatConversion');
  const specNode = children.find((child) => child.name === 'FormatSpec');
  const selfDoc = children.find((child) => child.name === 'FormatSelfDoc');
  let spec: FormatPart[] | null = null;
  if (specNode) {
    spec = [];
    let at = specNode.from + 1;
    for (const child of childrenOf(specNode)) {
      if (child.name !== 'FormatReplacement') continue;
      if (child.from > at) spec.push(text.slice(at, child.from));
      spec.push(convertReplacement(child, text));
      at = child.to;
    }
    if (specNode.to > at) spec.push(text.slice(at, specNode.to));
  }
  return {
    value: convertSequence(values, text, { from: node.from, to: node.to }),
    conversion: conversion ? text.slice(conversion.from + 1, conversion.to) : null,
    spec,
    selfText: selfDoc && values[0] ? text.slice(values[0].from, selfDoc.to) : null,
  };
}
