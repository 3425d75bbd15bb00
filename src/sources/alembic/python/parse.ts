/**
 * Text of a Python module → its statements, through @lezer/python; the only file that knows Lezer's tree.
 * A top-level statement is converted when it is asked for and a function's body at its first call, so that a large module
 * of which one name is used costs little. Refuses to evaluate.
 */
import { parser } from '@lezer/python';
import type { Expression, Statement } from './ast.ts';
import { convertStatement, type Node } from './parse-statements.ts';

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

export function parsePython(text: string): ParsedModule {
  const lineAt = lineTable(text);
  const tree = parser.parse(text.startsWith('\uFEFF') ? ` ${text.slice(1)}` : text);
  const statements: TopLevel[] = [];
  let error: ParsedModule['error'] = null;
  const open: Node[] = [];
  let top: Node | null = null;
  const last: (Node | null)[] = [null];
  tree.cursor().iterate(
    (reference) => {
      const parent = open[open.length - 1] ?? null;
      const node: Node = {
        name: reference.name,
        isError: reference.type.isError,
        from: reference.from,
        to: reference.to,
        firstChild: null,
        nextSibling: null,
      };
      if (open.length > maxDepth || (node.isError && !isKnownQuirk(open)))
        error ??= { from: node.from, line: lineAt(node.from) };
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
  const add = (node: Node) => {
    if (node.name === 'StatementGroup') {
      for (let child = node.firstChild; child; child = child.nextSibling) if (child.name !== ';') add(child);
      return;
    }
    let converted: Statement | null = null;
    statements.push({
      from: node.from,
      to: node.to,
      get statement() {
        converted ??= convertStatement(node, text);
        return converted;
      },
    });
  };
  for (let node = (top as Node | null)?.firstChild ?? null; node; node = node.nextSibling)
    if (node.name !== 'Comment') add(node);
  return { text, error, statements, lineAt, docstring: docstringOf(statements) };
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
  const first = statements[0]?.statement;
  if (first?.kind !== 'expression') return null;
  const value: Expression = first.value;
  return value.kind === 'constant' && value.of === 'string' ? (value.value as string) : null;
}
