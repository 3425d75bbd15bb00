/**
 * Existence probes around a seed's statements: which table they ask for, and whether the other branch stays silent.
 */
import type { Node } from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import type { SeedGuard, Span } from '../model/seed.ts';
import { parseStatements } from './pg-parser.ts';
import type { BlockStatement, TextRange } from './plpgsql.ts';
import { as, constantOf, relationOf, stringsOf, walk } from './tree.ts';

const tableProbes: Record<string, { name: string; schema: string | null }> = {
  tables: { name: 'table_name', schema: 'table_schema' },
  columns: { name: 'table_name', schema: 'table_schema' },
  pg_tables: { name: 'tablename', schema: 'schemaname' },
  pg_class: { name: 'relname', schema: 'nspname' },
  pg_stat_user_tables: { name: 'relname', schema: 'schemaname' },
};

export interface Probe {
  table: QualifiedName | null;
  isUnqualified: boolean;
  /** True: asks that it is there; false: that it is not. */
  wants: boolean;
  /** Reads the catalogue alone, so that only objects and no rows decide. */
  isOfCatalogue: boolean;
  /** Every string it compares with. */
  names: string[];
}

/** The name in the text of a regclass, `'app."Order.Line"'`. */
function relationIn(text: string): QualifiedName {
  const parts = [...text.matchAll(/"((?:[^"]|"")*)"|([^".\s]+)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? (bare as string).toLowerCase(),
  );
  return { schema: parts.length > 1 ? (parts[0] as string) : null, name: parts.at(-1) ?? text };
}

/** What a condition asks the catalogue; `table` null where it asks for rows or something else. */
export function readProbe(condition: string): Probe {
  const probe: Probe = { table: null, isUnqualified: false, wants: true, isOfCatalogue: false, names: [] };
  const piece = parseStatements(`SELECT (${condition})`)[0];
  if (!piece || 'failure' in piece) return probe;
  const target = as(as(piece.statement.node, 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val;
  if (!target) return probe;
  const negated = (node: Node | undefined): boolean => as(node, 'BoolExpr')?.boolop === 'NOT_EXPR';
  probe.wants = !negated(target);

  const sources: QualifiedName[] = [];
  const equals = new Map<string, string>();
  let isVisible = false;
  let registered: string | null = null;
  let registeredType: string | null = null;
  walk(target, (kind, body) => {
    if (kind === 'RangeVar') sources.push(relationOf(body));
    if (kind === 'A_Expr') {
      const column = stringsOf(as(body.lexpr as Node, 'ColumnRef')?.fields).at(-1);
      const value = constantOf(body.rexpr as Node);
      if (value !== null) probe.names.push(value);
      const cast = as(body.rexpr as Node, 'TypeCast');
      if (value !== null && stringsOf(cast?.typeName?.names).at(-1) === 'regclass')
        probe.names.push(relationIn(value).name);
      for (const item of as(body.rexpr as Node, 'List')?.items ?? []) {
        const each = constantOf(item);
        if (each !== null) probe.names.push(each);
      }
      if (column && value !== null && stringsOf(body.name as Node[])[0] === '=') equals.set(column, value);
      if (column && stringsOf(as(body.rexpr as Node, 'FuncCall')?.funcname).at(-1) === 'current_schema')
        equals.set(column, 'current_schema()');
      if (column && as(body.rexpr as Node, 'SQLValueFunction')) equals.set(column, 'current_schema()');
    }
    if (kind === 'FuncCall') {
      const name = stringsOf(body.funcname as Node[]).at(-1);
      if (name === 'pg_table_is_visible') isVisible = true;
      if (name === 'to_regclass') registered = constantOf((body.args as Node[] | undefined)?.[0]);
      if (name === 'to_regtype') registeredType = constantOf((body.args as Node[] | undefined)?.[0]);
    }
    if (kind === 'NullTest' && as(body.arg as Node, 'FuncCall') && body.nulltesttype === 'IS_NULL')
      probe.wants = !probe.wants;
  });

  if (registered !== null) {
    probe.table = relationIn(registered);
    probe.isOfCatalogue = true;
    probe.names.push(probe.table.name);
    return probe;
  }
  if (registeredType !== null) probe.names.push(relationIn(registeredType).name);
  probe.isOfCatalogue =
    (sources.length > 0 || registeredType !== null) &&
    sources.every(
      ({ schema, name }) => schema === 'information_schema' || schema === 'pg_catalog' || name.startsWith('pg_'),
    );
  if (!probe.isOfCatalogue) return probe;
  for (const { name } of sources) {
    const columns = Object.hasOwn(tableProbes, name) ? tableProbes[name] : undefined;
    const asked = columns ? equals.get(columns.name) : undefined;
    if (!columns || asked === undefined) continue;
    const schema = columns.schema === null ? undefined : equals.get(columns.schema);
    probe.table = { schema: schema === undefined || schema === 'current_schema()' ? null : schema, name: asked };
    probe.isUnqualified = schema === undefined && !isVisible;
    break;
  }
  return probe;
}

type Branches = Extract<BlockStatement, { kind: 'if' }>['branches'];

const isLoud = (statement: BlockStatement): boolean =>
  (statement.kind === 'raise' && (statement.level === 'exception' || statement.level === 'rethrow')) ||
  (statement.kind === 'other' && /^assert\b/i.test(statement.text));

/** RAISE, RETURN, ASSERT and the like: nothing that a seed is there for. */
const onlyTells = (body: readonly BlockStatement[]): boolean =>
  body.every(({ kind }) => kind === 'raise' || kind === 'other');

function raiseIn(body: readonly BlockStatement[], lineAt: (offset: number) => number): SeedGuard['elseRaise'] {
  const raise = body.find((statement) => statement.kind === 'raise');
  return raise?.kind === 'raise'
    ? { span: { from: raise.from, to: raise.to }, line: lineAt(raise.from), level: raise.level }
    : null;
}

/** The guard that one branch of an IF is for the statements in it. */
export function guardOf(
  source: string,
  whole: Span,
  branches: Branches,
  index: number,
  lineAt: (offset: number) => number,
): SeedGuard {
  const branch = branches[index] as Branches[number];
  const asked = branch.condition ?? (branches[0]?.condition as TextRange);
  const text = source.slice(asked.from, asked.to);
  const condition = branch.condition ? text : `NOT (${text})`;
  const probe = branch.condition ? readProbe(text) : null;
  const isTableProbe = probe !== null && probe.table !== null && probe.wants;
  const other = branches.slice(index + 1);
  const isSilent = other.every(({ body }) => onlyTells(body) && !body.some(isLoud));
  return {
    line: lineAt(asked.from),
    span: { from: whole.from, to: whole.to },
    conditionSpan: { from: asked.from, to: asked.to },
    table: isTableProbe ? (probe?.table ?? null) : null,
    isUnqualified: isTableProbe && probe?.isUnqualified === true,
    // Where the branch itself only tells, or stops the run, there is nothing to skip.
    skipsSilently: isTableProbe && isSilent && !onlyTells(branch.body),
    condition,
    elseRaise: raiseIn(
      other.flatMap(({ body }) => body),
      lineAt,
    ),
  };
}

/** `IF NOT EXISTS (table) THEN RAISE NOTICE …; RETURN; END IF;`, or another condition, guards all that follows it. */
export function earlyReturnGuard(
  source: string,
  statement: BlockStatement,
  lineAt: (offset: number) => number,
): SeedGuard | null {
  if (statement.kind !== 'if') return null;
  const branch = statement.branches.find(
    ({ condition, body }) =>
      condition && body.some((each) => each.kind === 'other' && /^(?:return|exit|continue)\b/i.test(each.text)),
  );
  if (!branch?.condition) return null;
  const condition = source.slice(branch.condition.from, branch.condition.to);
  const probe = readProbe(condition);
  const asksForTable = statement.branches.length === 1 && probe.table !== null && !probe.wants;
  return {
    line: lineAt(branch.condition.from),
    span: { from: statement.from, to: statement.to },
    conditionSpan: { from: branch.condition.from, to: branch.condition.to },
    table: asksForTable ? probe.table : null,
    isUnqualified: asksForTable && probe.isUnqualified,
    skipsSilently: asksForTable && !branch.body.some(isLoud),
    condition: `NOT (${condition})`,
    elseRaise: raiseIn(branch.body, lineAt),
  };
}
