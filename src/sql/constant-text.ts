/**
 * Text that a PL/pgSQL expression is sure to give: literals, `||`, format(), quote_ident() and variables with a known value.
 * What only running could tell stands as `unknown` in the text; refuses to guess it.
 */
import type { Node } from 'libpg-query';
import { quoteIdentifier, quoteLiteral } from '../model/name.ts';
import { parseStatements } from './pg-parser.ts';
import { as, stringsOf } from './tree.ts';

/** Stands where a part is not known. */
export const unknown = '\u0001';

export type KnownValues = ReadonlyMap<string, string | null>;

/** The tree of an expression; null where it is none. */
export function expressionTree(text: string): Node | null {
  const pieces = parseStatements(`SELECT (${text}\n)`);
  const piece = pieces[0];
  if (pieces.length !== 1 || !piece || 'failure' in piece) return null;
  return as(as(piece.statement.node, 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val ?? null;
}

/** The text, with `unknown` for its unknown parts; null for SQL's NULL. */
export function constantText(node: Node | undefined, known: KnownValues): string | null {
  if (!node) return unknown;
  const constant = as(node, 'A_Const');
  if (constant) {
    if (constant.isnull) return null;
    if (constant.sval) return constant.sval.sval ?? '';
    if (constant.ival) return String(constant.ival.ival ?? 0);
    if (constant.fval) return constant.fval.fval ?? '';
    if (constant.boolval) return constant.boolval.boolval ? 'true' : 'false';
    return unknown;
  }
  const cast = as(node, 'TypeCast');
  if (cast) return constantText(cast.arg, known);
  const names = stringsOf(as(node, 'ColumnRef')?.fields);
  if (names.length > 0) {
    const name = names.join('.');
    return known.has(name) ? (known.get(name) as string | null) : unknown;
  }
  const expression = as(node, 'A_Expr');
  if (expression?.kind === 'AEXPR_OP' && stringsOf(expression.name)[0] === '||') {
    const left = constantText(expression.lexpr, known);
    const right = constantText(expression.rexpr, known);
    return left === null || right === null ? null : left + right;
  }
  const call = as(node, 'FuncCall');
  if (!call) return unknown;
  const args = (call.args ?? []).map((each) => constantText(each, known));
  switch (stringsOf(call.funcname).at(-1)) {
    case 'format':
      return formatted(args);
    case 'quote_ident':
      return typeof args[0] === 'string'
        ? args[0].includes(unknown)
          ? args[0]
          : quoteIdentifier(args[0])
        : (args[0] ?? null);
    case 'quote_literal':
      return typeof args[0] === 'string'
        ? args[0].includes(unknown)
          ? unknown
          : quoteLiteral(args[0])
        : (args[0] ?? null);
    case 'concat':
      return args.map((each) => each ?? '').join('');
    case 'lower':
      return typeof args[0] === 'string' ? args[0].toLowerCase() : null;
    case 'replace': {
      const [text, from, to] = args;
      if (args.some((each) => each === null)) return null;
      if (args.some((each) => each?.includes(unknown))) return unknown;
      return (text as string).replaceAll((from as string) || '\0', () => to as string);
    }
    case 'upper':
      return typeof args[0] === 'string' ? args[0].toUpperCase() : null;
    case 'current_schema':
      return unknown;
    default:
      return unknown;
  }
}

/** `format()`'s %s, %I, %L, %% and %n$I (manual 9.4.1). */
function formatted(args: readonly (string | null)[]): string | null {
  const pattern = args[0];
  if (pattern === null || pattern === undefined) return null;
  let next = 1;
  return pattern.replace(
    /%(?:(\d+)\$)?(-?\d*)([sIL%])/g,
    (_, position: string | undefined, _width: string, kind: string) => {
      if (kind === '%') return '%';
      const index = position ? Number(position) : next;
      next = index + 1;
      const value = index < args.length ? (args[index] as string | null) : unknown;
      if (kind === 's') return value ?? '';
      if (kind === 'L') return value === null ? 'NULL' : value.includes(unknown) ? unknown : quoteLiteral(value);
      return value === null ? unknown : value.includes(unknown) ? value : quoteIdentifier(value);
    },
  );
}

/** Elements of `ARRAY['a', 'b']` or `'{a,b}'::text[]`, where all are known. */
export function constantElements(node: Node | undefined, known: KnownValues): string[] | null {
  const cast = as(node, 'TypeCast');
  if (cast) return constantElements(cast.arg, known);
  const array = as(node, 'A_ArrayExpr');
  if (array) {
    const elements = (array.elements ?? []).map((each) => constantText(each, known));
    return elements.every((each): each is string => each !== null && !each.includes(unknown)) ? elements : null;
  }
  const name = stringsOf(as(node, 'ColumnRef')?.fields).join('.');
  const text = name !== '' ? known.get(name) : as(node, 'A_Const') ? constantText(node, known) : undefined;
  const inner = /^\{(.*)\}$/s.exec(text ?? '')?.[1];
  if (inner === undefined || /["\\{}]/.test(inner)) return null;
  return inner === '' ? [] : inner.split(',').map((each) => each.trim());
}
