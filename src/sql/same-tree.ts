/**
 * Whether two texts are one to PostgreSQL's parser but for the form in which a function is called. Since 14 a server prints
 * what was written in SQL's own form so (`x AT TIME ZONE y`, `EXTRACT(f FROM x)`, `TRIM`, `SUBSTRING … FROM`, `POSITION`;
 * ruleutils.c, get_func_sql_syntax), before it the function: `timezone(y, x)`, `date_part('f'::text, x)`.
 */
import { parseStatements } from './pg-parser.ts';

/** Expressions, partition keys or queries, as the catalogue prints them. False where one cannot be parsed. */
export function isSameButForCallForm(a: string, b: string): boolean {
  return ['SELECT ', '', 'CREATE TABLE t (c int) PARTITION BY '].some((before) => {
    const left = treeOf(`${before}${a}`);
    return left !== null && left === treeOf(`${before}${b}`);
  });
}

function treeOf(text: string): string | null {
  const [piece, ...others] = parseStatements(text);
  if (piece === undefined || others.length > 0 || !('statement' in piece)) return null;
  const isOfDateParts = /\b(?:extract|date_part)\b/i.test(text);
  return JSON.stringify(piece.statement.node, (key, value) =>
    places.has(key) ? undefined : plain(value, isOfDateParts),
  );
}

const places = new Set(['location', 'funcformat', 'stmt_location', 'stmt_len', 'list_start', 'list_end']);

interface Tree {
  FuncCall?: { funcname: { String: { sval: string } }[] };
  TypeCast?: {
    arg: { A_Const?: { sval?: object; ival?: object; fval?: object } };
    typeName: { names: { String: { sval: string } }[] };
  };
}

function plain(value: unknown, isOfDateParts: boolean): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { FuncCall: call, TypeCast: cast } = value as Tree;
  if (call) {
    const name = call.funcname.at(-1)?.String.sval ?? '';
    const isBuiltIn = call.funcname.length === 1 || call.funcname[0]?.String.sval === 'pg_catalog';
    // Before 14 EXTRACT was date_part.
    if (isBuiltIn) return { FuncCall: { ...call, funcname: [name === 'extract' ? 'date_part' : name] } };
  }
  const constant = cast?.arg.A_Const;
  const type = cast?.typeName.names.at(-1)?.String.sval ?? '';
  if (constant?.sval && type === 'text') return cast?.arg;
  // Numbers beside them were of its type then, and are numeric now.
  if (isOfDateParts && (constant?.ival || constant?.fval) && /^(?:float8|numeric)$/.test(type)) return cast?.arg;
  return value;
}
