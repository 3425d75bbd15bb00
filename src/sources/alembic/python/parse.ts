/**
 * Text of a Python module → its statements, through @lezer/python; the only file that knows Lezer's tree.
 * A top-level statement is converted when it is asked for and a function's body at its first call, so that a large module
 * of which one name is used costs little. Refuses to evaluate.
 */
import { parser } from '@lezer/python';
import type { Expression, Statement } from './ast.ts';
import { convertStatement, type Node } from './parse-statements.ts';
import { type Slice, sliceTopLevel } from './slices.ts';

export interface ParsedModule {
  text: string;
  /** Position of the first thing that is no Python, with its line; null where all was read. */
  error: { from: number; line: number } | null;
  statements: TopLevel[];
  lineAt(offset: number): number;
  docstring: string | null;
}

/** A statement at the module's top level, converted at first use, with the names it can be asked for by. */
export interface TopLevel {
  from: number;
  to: number;
  statement: Statement;
  /** What is known of it before it is parsed. */
  heading: Slice['heading'];
}

const maxDepth = 300;

export function lineTable(text: string): (offset: number) => number {
  let starts: number[] | null = null;
  return (offset) => {
    if (starts === null) {
      starts = [0];
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

/** All of a module, parsed at once: `error` is what is wrong with any of it. */
export function parsePython(text: string): ParsedModule {
  const lineAt = lineTable(text);
  const { nodes, error } = parseNodes(text, 0, text.length);
  const statements = nodes.map((node) => lazily(node, text));
  return {
    text,
    error: error === null ? null : { from: error, line: lineAt(error) },
    statements,
    lineAt,
    docstring: docstringOf(statements),
  };
}

/** A module whose functions and classes are parsed when they are asked for: `error` is the first that was met so far. */
export function parseOnDemand(text: string): ParsedModule {
  const slices = sliceTopLevel(text);
  if (slices === null) return parsePython(text);
  const lineAt = lineTable(text);
  const module: ParsedModule = { text, error: null, statements: [], lineAt, docstring: null };
  const parse = (slice: Slice): Node[] => {
    const { nodes, error } = parseNodes(text, slice.from, slice.to);
    if (error !== null) module.error ??= { from: error, line: lineAt(error) };
    return nodes;
  };
  for (const slice of slices) {
    if (slice.heading === null) {
      for (const node of parse(slice)) module.statements.push(lazily(node, text));
      continue;
    }
    let converted: Statement | null = null;
    module.statements.push({
      from: slice.from,
      to: slice.to,
      heading: slice.heading,
      get statement() {
        if (converted === null) {
          const nodes = parse(slice);
          // Two statements where one was seen: no Python that this file knows.
          if (nodes.length !== 1) module.error ??= { from: slice.from, line: lineAt(slice.from) };
          converted = nodes[0]
            ? convertStatement(nodes[0], text)
            : { kind: 'unreadable', reason: 'syntax that could not be read', from: slice.from, to: slice.to };
        }
        return converted;
      },
    });
  }
  module.docstring = docstringOf(module.statements);
  return module;
}

function lazily(node: Node, text: string): TopLevel {
  let converted: Statement | null = null;
  return {
    from: node.from,
    to: node.to,
    heading: null,
    get statement() {
      converted ??= convertStatement(node, text);
      return converted;
    },
  };
}

/** Lezer's nodes of the statements in a part of the text, at their places in all of it. */
function parseNodes(text: string, from: number, to: number): { nodes: Node[]; error: number | null } {
  const part = from === 0 && to === text.length ? text : text.slice(from, to);
  const tree = parser.parse(part.startsWith('\uFEFF') ? ` ${part.slice(1)}` : part);
  let error: number | null = null;
  const open: Node[] = [];
  let top: Node | null = null;
  const last: (Node | null)[] = [null];
  tree.cursor().iterate(
    (reference) => {
      const parent = open[open.length - 1] ?? null;
      const node: Node = {
        name: reference.name,
        isError: reference.type.isError,
        from: reference.from + from,
        to: reference.to + from,
        firstChild: null,
        nextSibling: null,
      };
      if (open.length > maxDepth || (node.isError && !isKnownQuirk(open))) error ??= node.from;
      const before = last[open.length];
      if (before) before.nextSibling = node;
      else if (parent) parent.firstChild = node;
      else top = node;
      last[open.length] = node;
      if (open.length > maxDepth) return false;
      open.push(node);
      last[open.length] = null;
      return true;
    },
    () => {
      open.pop();
    },
  );
  const nodes: Node[] = [];
  const add = (node: Node) => {
    if (node.name === 'StatementGroup') {
      for (let child = node.firstChild; child; child = child.nextSibling) if (child.name !== ';') add(child);
      return;
    }
    nodes.push(node);
  };
  for (let node = (top as Node | null)?.firstChild ?? null; node; node = node.nextSibling)
    if (node.name !== 'Comment') add(node);
  return { nodes, error };
}

/** Lezer's grammar (1.1) has no parenthesised `with (a as b):` and no bare `x = yield`; both are sound Python. */
function isKnownQuirk(open: readonly Node[]): boolean {
  for (let at = open.length - 1; at >= 0; at--) {
    const name = (open[at] as Node).name;
    if (name === 'WithStatement' || name === 'YieldExpression' || name === 'YieldStatement') return true;
    if (name === 'Body') return false;
  }
  return false;
}

function docstringOf(statements: TopLevel[]): string | null {
  const first = statements[0]?.heading == null ? statements[0]?.statement : undefined;
  if (first?.kind !== 'expression') return null;
  const value: Expression = first.value;
  return value.kind === 'constant' && value.of === 'string' ? (value.value as string) : null;
}
