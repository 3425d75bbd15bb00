/**
 * Values that a seed states: rows of VALUES, targets of a SELECT, settings of an UPDATE, with the span of each.
 */
import type { A_Expr, InsertStmt, Node, SelectStmt } from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import type { SeedComparison, SeedRow, SeedValue, Span } from '../model/seed.ts';
import { closingIndex } from './lexer.ts';
import type { Statement } from './pg-parser.ts';
import { findWordOutside, indexAt, isMark, isWord, splitByComma } from './slices.ts';
import { as, constantOf, firstLocation, relationOf, relationsIn, stringsOf, typeOf, walk } from './tree.ts';

/** What the words of a statement may stand for. */
export interface ValueScope {
  /** PL/pgSQL variables in sight, with the constant that DECLARE gives them where nothing else does. */
  variables: ReadonlyMap<string, string | null>;
  /** psql variables by offset. */
  variableAt: ReadonlyMap<number, { name: string; value: string | null; quoting: string; to: number }>;
  lineAt(offset: number): number;
  /** The original text, which `statement.source` masks. */
  original: string;
}

/** Functions whose result differs from run to run by more than the clock of the transaction. */
const randomFunctions = new Set(
  `gen_random_uuid uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 random random_normal nextval clock_timestamp timeofday
  gen_random_bytes gen_salt txid_current pg_current_xact_id`.split(/\s+/),
);

function isRandom(tree: unknown): boolean {
  let random = false;
  walk(tree, (kind, body) => {
    if (kind === 'FuncCall' && randomFunctions.has(stringsOf(body.funcname as Node[]).at(-1) ?? '')) random = true;
  });
  return random;
}

function isNumber(node: Node | undefined): boolean {
  const constant = as(node, 'A_Const');
  return constant?.ival !== undefined || constant?.fval !== undefined;
}

/** `-5` is an operator and a constant to the grammar. */
function negated(node: Node | undefined): string | null {
  const expression = as(node, 'A_Expr');
  if (!expression || expression.lexpr || stringsOf(expression.name)[0] !== '-' || !isNumber(expression.rexpr))
    return null;
  return `-${constantOf(expression.rexpr)}`;
}

export function readValue(node: Node | undefined, span: Span, scope: ValueScope): SeedValue {
  const place = { span, line: scope.lineAt(span.from) };
  const sql = scope.original.slice(span.from, span.to);
  if (as(node, 'SetToDefault')) return { kind: 'default', ...place };
  let inner = node;
  let type: string | null = null;
  for (let cast = as(inner, 'TypeCast'); cast; cast = as(inner, 'TypeCast')) {
    type ??= typeOf(cast.typeName).type;
    inner = cast.arg;
  }
  const constant = as(inner, 'A_Const');
  if (constant) return { kind: 'literal', value: constantOf(inner), type, ...place };
  const negative = negated(inner);
  if (negative !== null) return { kind: 'literal', value: negative, type, ...place };
  const names = stringsOf(as(inner, 'ColumnRef')?.fields);
  const initial = names.length === 1 ? scope.variables.get(names[0] as string) : undefined;
  if (initial !== undefined)
    return { kind: 'variable', name: names[0] as string, ...(initial === null ? {} : { initial }), ...place };
  if (as(inner, 'ParamRef')) {
    const used = [...scope.variableAt].find(([offset]) => offset >= span.from && offset < span.to)?.[1];
    const whole = { span: { from: span.from, to: Math.max(span.to, used?.to ?? 0) }, line: place.line };
    if (used?.value !== null && used?.value !== undefined)
      return { kind: 'literal', value: used.value, type, ...whole };
    return { kind: 'variable', name: used?.name ?? sql, ...whole };
  }
  return { kind: 'expression', sql, reads: relationsIn(node), volatile: isRandom(node), ...place };
}

function spanOf(statement: Statement, [first, last]: [number, number]): Span {
  return { from: statement.tokens[first]?.from ?? statement.from, to: statement.tokens[last]?.to ?? statement.from };
}

/** Rows of `VALUES (…), (…)` found from a token on. */
function rowsOf(statement: Statement, select: SelectStmt, from: number, scope: ValueScope): SeedRow[] | null {
  let index = findWordOutside(statement, from, 'values');
  if (index < 0) return null;
  const rows: SeedRow[] = [];
  for (const list of select.valuesLists ?? []) {
    const open = index + 1;
    if (!isMark(statement.tokens[open], '(')) return null;
    const close = closingIndex(statement.tokens, open);
    if (close < 0) return null;
    const nodes = as(list, 'List')?.items ?? [];
    const parts = splitByComma(statement, open + 1, close - 1);
    if (parts.length !== nodes.length) return null;
    const span = spanOf(statement, [open, close]);
    rows.push({
      values: nodes.map((node, i) => readValue(node, spanOf(statement, parts[i] as [number, number]), scope)),
      span,
      line: scope.lineAt(span.from),
    });
    index = close + 1;
  }
  return rows;
}

/** Values of a SELECT's target list, each with the span of its expression. */
export function targetsOf(
  statement: Statement,
  select: SelectStmt,
  from: number,
  scope: ValueScope,
): SeedValue[] | null {
  const index = findWordOutside(statement, from, 'select');
  if (index < 0) return null;
  let first = index + 1;
  if (isWord(statement.tokens[first], 'all')) first++;
  if (isWord(statement.tokens[first], 'distinct')) {
    first++;
    if (isWord(statement.tokens[first], 'on')) first = closingIndex(statement.tokens, first + 1) + 1;
  }
  let last = first;
  const stops = [
    'from',
    'where',
    'group',
    'having',
    'window',
    'union',
    'except',
    'intersect',
    'order',
    'limit',
    'offset',
    'fetch',
    'for',
    'on',
    'returning',
  ];
  for (let i = first; i < statement.tokens.length; i++) {
    if (isMark(statement.tokens[i], '(') || isMark(statement.tokens[i], '['))
      i = Math.max(closingIndex(statement.tokens, i), i);
    else if (isMark(statement.tokens[i], ')') || isWord(statement.tokens[i], ...stops)) break;
    last = i;
  }
  const parts = splitByComma(statement, first, last);
  const targets = select.targetList ?? [];
  if (parts.length !== targets.length) return null;
  return targets.map((node, i) => {
    const target = as(node, 'ResTarget');
    const part = parts[i] as [number, number];
    if (target?.name) {
      let end = part[1];
      if (end > part[0]) end--;
      if (isWord(statement.tokens[end], 'as') && end > part[0]) end--;
      return readValue(target.val, spanOf(statement, [part[0], end]), scope);
    }
    return readValue(target?.val, spanOf(statement, part), scope);
  });
}

export interface InsertSource {
  rows: SeedRow[] | null;
  targets: SeedValue[] | null;
}

/** What an INSERT takes its rows from; `from` is the token after its table and columns. */
export function sourceOf(statement: Statement, insert: InsertStmt, from: number, scope: ValueScope): InsertSource {
  const select = as(insert.selectStmt, 'SelectStmt');
  if (!select) return { rows: null, targets: null };
  if ((select.valuesLists ?? []).length > 0) return { rows: rowsOf(statement, select, from, scope), targets: null };
  if (select.op && select.op !== 'SETOP_NONE')
    return { rows: unionRows(statement, select, from, scope), targets: null };
  const listed = rowsOfListed(statement, select, from, scope);
  if (listed) return { rows: listed, targets: null };
  const targets = targetsOf(statement, select, from, scope);
  if (!targets || (select.fromClause ?? []).length > 0 || select.withClause) return { rows: null, targets };
  const span = { from: targets[0]?.span.from ?? 0, to: targets.at(-1)?.span.to ?? 0 };
  return { rows: [{ values: targets, span, line: scope.lineAt(span.from) }], targets };
}

/** `SELECT 1, 'a' UNION ALL SELECT 2, 'b'`: each a row. UNION alone may drop some. */
function unionRows(statement: Statement, select: SelectStmt, from: number, scope: ValueScope): SeedRow[] | null {
  if (select.op !== 'SETOP_UNION' || !select.all || select.withClause || select.limitCount) return null;
  const rows: SeedRow[] = [];
  for (const part of [select.larg, select.rarg]) {
    if (!part) return null;
    const own =
      part.op && part.op !== 'SETOP_NONE'
        ? unionRows(statement, part, from, scope)
        : constantRow(statement, part, scope);
    if (!own) return null;
    rows.push(...own);
  }
  return rows;
}

function constantRow(statement: Statement, select: SelectStmt, scope: ValueScope): SeedRow[] | null {
  if ((select.fromClause ?? []).length > 0 || select.whereClause || (select.valuesLists ?? []).length > 0) return null;
  const first = as(select.targetList?.[0], 'ResTarget');
  const location = first ? (first.location ?? firstLocation(first.val)) : -1;
  if (location < 0) return null;
  let index = indexAt(statement, statement.offsetOf(location));
  while (index > 0 && !isWord(statement.tokens[index], 'select')) index--;
  const values = targetsOf(statement, select, index, scope);
  if (!values?.length) return null;
  const span = { from: values[0]?.span.from ?? 0, to: values.at(-1)?.span.to ?? 0 };
  return [{ values, span, line: scope.lineAt(span.from) }];
}

/** `SELECT * FROM (VALUES (…), (…)) v` and nothing else. */
function rowsOfListed(statement: Statement, select: SelectStmt, from: number, scope: ValueScope): SeedRow[] | null {
  if (select.whereClause || select.withClause || select.limitCount || (select.fromClause ?? []).length !== 1)
    return null;
  const inner = as(as(select.fromClause?.[0], 'RangeSubselect')?.subquery, 'SelectStmt');
  const target = as(select.targetList?.[0], 'ResTarget');
  const star = as(target?.val, 'ColumnRef')?.fields?.at(-1);
  if (
    !inner ||
    (inner.valuesLists ?? []).length === 0 ||
    select.targetList?.length !== 1 ||
    !star ||
    !('A_Star' in star)
  )
    return null;
  const values = statement.tokens.findIndex((token, i) => i >= from && isWord(token, 'values'));
  let index = values;
  const rows: SeedRow[] = [];
  for (const list of inner.valuesLists ?? []) {
    const open = index + 1;
    const close = isMark(statement.tokens[open], '(') ? closingIndex(statement.tokens, open) : -1;
    const nodes = as(list, 'List')?.items ?? [];
    const parts = close < 0 ? [] : splitByComma(statement, open + 1, close - 1);
    if (parts.length !== nodes.length || parts.length === 0) return null;
    const span = spanOf(statement, [open, close]);
    rows.push({
      values: nodes.map((node, i) => readValue(node, spanOf(statement, parts[i] as [number, number]), scope)),
      span,
      line: scope.lineAt(span.from),
    });
    index = close + 1;
  }
  return rows;
}

/** Span of the operand that begins at an offset: one token with its casts, or a call. */
function operandSpan(statement: Statement, offset: number): Span {
  const { tokens } = statement;
  const first = indexAt(statement, offset);
  let last = first;
  if (isMark(tokens[first + 1], '(')) last = closingIndex(tokens, first + 1);
  while (tokens[last + 1]?.text === '::') {
    last += 2;
    while (isMark(tokens[last + 1], '.')) last += 2;
    if (isMark(tokens[last + 1], '(')) last = closingIndex(tokens, last + 1);
  }
  return spanOf(statement, [first, Math.max(last, first)]);
}

/** `column = value` and `column IN (…)` anywhere in a condition; the table where only one can be meant. */
export function comparisonsOf(
  statement: Statement,
  tree: unknown,
  tables: { alias: string; table: QualifiedName }[],
  scope: ValueScope,
): SeedComparison[] {
  const found: SeedComparison[] = [];
  const add = (columnNode: Node | undefined, valueNode: Node | undefined): void => {
    const names = stringsOf(as(columnNode, 'ColumnRef')?.fields);
    if (names.length === 0 || !valueNode) return;
    const location = firstLocation(valueNode);
    if (location < 0) return;
    const offset = as(valueNode, 'TypeCast') ? firstLocation(as(valueNode, 'TypeCast')?.arg) : location;
    const value = readValue(
      valueNode,
      operandSpan(statement, statement.offsetOf(offset < 0 ? location : offset)),
      scope,
    );
    if (value.kind === 'expression') return;
    const owner =
      names.length > 1
        ? tables.find(({ alias }) => alias === names.at(-2))?.table
        : tables.length === 1
          ? tables[0]?.table
          : undefined;
    found.push({ table: owner ?? null, column: names.at(-1) as string, value });
  };
  walk(tree, (kind, body) => {
    if (kind !== 'A_Expr') return;
    const expression = body as A_Expr;
    if (stringsOf(expression.name)[0] !== '=') return;
    if (expression.kind === 'AEXPR_OP') {
      add(expression.lexpr, expression.rexpr);
      add(expression.rexpr, expression.lexpr);
    } else if (expression.kind === 'AEXPR_IN') {
      for (const item of as(expression.rexpr, 'List')?.items ?? []) add(expression.lexpr, item);
    }
  });
  return found;
}

/** Tables of a FROM clause and the target with the names they go by. */
export function tablesInSight(tree: unknown): { alias: string; table: QualifiedName }[] {
  const found: { alias: string; table: QualifiedName }[] = [];
  walk(tree, (kind, body) => {
    if (kind !== 'RangeVar' && kind !== 'relation') return;
    const table = relationOf(body as Parameters<typeof relationOf>[0]);
    const alias = (body.alias as { aliasname?: string } | undefined)?.aliasname ?? table.name;
    if (table.name && !found.some((other) => other.alias === alias)) found.push({ alias, table });
  });
  return found;
}
