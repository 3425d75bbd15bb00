/**
 * Text of a Python module → its statements. A function or a class at the top level is parsed when it is asked for, so that
 * a large module of which one name is used costs little. Refuses to evaluate.
 */
import type { Expression, Statement } from './ast.ts';
import { parseStatements, unreadable } from './parse-statements.ts';
import { type Slice, sliceTopLevel } from './slices.ts';

export interface ParsedModule {
  text: string;
  /** Position of the first thing that is no Python, with its line; null where all was read. */
  error: { from: number; line: number } | null;
  statements: TopLevel[];
  lineAt(offset: number): number;
  docstring: string | null;
}

/** A statement at the module's top level, parsed at first use, with the names it can be asked for by. */
export interface TopLevel {
  from: number;
  to: number;
  statement: Statement;
  /** What is known of it before it is parsed. */
  heading: Slice['heading'];
}

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
  const module = emptyModule(text);
  for (const statement of statementsOf(module, 0, text.length)) module.statements.push(topLevel(statement));
  module.docstring = docstringOf(module.statements);
  return module;
}

/** A module whose functions and classes are parsed when they are asked for: `error` is the first that was met so far. */
export function parseOnDemand(text: string): ParsedModule {
  const slices = sliceTopLevel(text);
  if (slices === null) return parsePython(text);
  const module = emptyModule(text);
  for (const slice of slices) {
    if (slice.heading === null) {
      for (const statement of statementsOf(module, slice.from, slice.to)) module.statements.push(topLevel(statement));
      continue;
    }
    let parsed: Statement | null = null;
    module.statements.push({
      from: slice.from,
      to: slice.to,
      heading: slice.heading,
      get statement() {
        if (parsed === null) {
          const [first, second] = statementsOf(module, slice.from, slice.to);
          parsed = first ?? unreadable(slice.from, slice.to);
          // Two statements where one was seen: no Python that this file knows.
          if (first === undefined || second !== undefined)
            module.error ??= { from: slice.from, line: module.lineAt(slice.from) };
        }
        return parsed;
      },
    });
  }
  module.docstring = docstringOf(module.statements);
  return module;
}

function emptyModule(text: string): ParsedModule {
  return { text, error: null, statements: [], lineAt: lineTable(text), docstring: null };
}

function topLevel(statement: Statement): TopLevel {
  return { from: statement.from, to: statement.to, statement, heading: null };
}

function statementsOf(module: ParsedModule, from: number, to: number): Statement[] {
  const { statements, fault } = parseStatements(module.text, from, to);
  if (fault !== null) module.error ??= { from: fault, line: module.lineAt(fault) };
  return statements;
}

function docstringOf(statements: TopLevel[]): string | null {
  const first = statements[0]?.heading == null ? statements[0]?.statement : undefined;
  if (first?.kind !== 'expression') return null;
  const value: Expression = first.value;
  return value.kind === 'constant' && value.of === 'string' ? (value.value as string) : null;
}
