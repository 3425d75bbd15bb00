/**
 * One parsed statement of a seed → what it writes and reads, CTEs that write first.
 */
import type { InsertStmt, Node } from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import type { SeedGuard, SeedStatement, Span } from '../model/seed.ts';
import { closingIndex, type Token } from './lexer.ts';
import type { Statement } from './pg-parser.ts';
import { comparisonsOf, readValue, sourceOf, tablesInSight, targetsOf, type ValueScope } from './seed-values.ts';
import { findWordOutside, indexAt, isMark, isWord } from './slices.ts';
import { as, kindOf, qualifiedOf, relationOf, relationsIn, sameName, stringsOf, walk } from './tree.ts';

export interface SeedScope extends ValueScope {
  guards: SeedGuard[];
  insideBlock: boolean;
}

function bodyOf(node: Node): Record<string, unknown> {
  return (node as unknown as Record<string, Record<string, unknown>>)[kindOf(node)] ?? {};
}

/** What RETURNING names. */
function returnedBy(body: { returningClause?: unknown; returningList?: unknown }): Node[] {
  return (
    (body.returningClause as { exprs?: Node[] } | undefined)?.exprs ?? (body.returningList as Node[] | undefined) ?? []
  );
}

type Written = 'InsertStmt' | 'UpdateStmt' | 'DeleteStmt' | 'MergeStmt';
const verbs: Record<Written, SeedStatement['verb']> = {
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'update',
};

function emptyStatement(span: Span, scope: SeedScope, verb: SeedStatement['verb']): SeedStatement {
  return {
    line: scope.lineAt(span.from),
    span,
    verb,
    table: null,
    reads: [],
    columns: null,
    columnsSpan: null,
    rows: null,
    onConflict: null,
    returningInto: [],
    hasReturning: false,
    guards: scope.guards,
    insideBlock: scope.insideBlock,
    sql: scope.original.slice(span.from, span.to),
  };
}

/** Brackets' depth at each token, so that words of an inner query are told from the statement's own. */
function depthAt(tokens: readonly Token[], index: number): number {
  let depth = 0;
  for (let i = 0; i < index; i++) {
    if (isMark(tokens[i], '(')) depth++;
    else if (isMark(tokens[i], ')')) depth--;
  }
  return depth;
}

/** First and last token of the INSERT, UPDATE or DELETE whose table stands at the token. */
function rangeOfWrite(statement: Statement, tableIndex: number): [number, number] {
  const { tokens } = statement;
  let first = tableIndex;
  while (first > 0 && !isWord(tokens[first], 'insert', 'update', 'delete', 'merge')) first--;
  const depth = depthAt(tokens, first);
  if (depth === 0) return [first, tokens.length - 1];
  let open = first;
  for (let current = 0; open >= 0; open--) {
    if (isMark(tokens[open], ')')) current++;
    else if (isMark(tokens[open], '(') && current-- === 0) break;
  }
  const close = closingIndex(tokens, open);
  return [first, close < 0 ? tokens.length - 1 : close - 1];
}

function conflictOf(
  statement: Statement,
  insert: InsertStmt,
  range: [number, number],
  scope: SeedScope,
): SeedStatement['onConflict'] {
  const clause = insert.onConflictClause;
  if (!clause) return null;
  const { tokens } = statement;
  let at = findWordOutside(statement, range[0], 'on');
  while (at >= 0 && !isWord(tokens[at + 1], 'conflict')) at = findWordOutside(statement, at + 1, 'on');
  const returning = findWordOutside(statement, Math.max(at, 0), 'returning');
  const last = returning >= 0 && returning <= range[1] ? returning - 1 : range[1];
  const inference = clause.infer;
  let where: string | null = null;
  if (inference?.whereClause) {
    const from = findWordOutside(statement, at, 'where');
    let to = from;
    while (to < last && !isWord(tokens[to + 1], 'do')) to++;
    where = scope.original.slice(tokens[from + 1]?.from ?? 0, tokens[to]?.to ?? 0);
  }
  const elements = (inference?.indexElems ?? []).flatMap((each) => as(each, 'IndexElem') ?? []);
  return {
    action: clause.action === 'ONCONFLICT_UPDATE' ? 'update' : 'nothing',
    columns: elements.length > 0 ? elements.map((element) => element.name ?? '(expression)') : null,
    constraint: inference?.conname ?? null,
    where,
    setsColumns: (clause.targetList ?? []).flatMap((each) => as(each, 'ResTarget')?.name ?? []),
    span: { from: tokens[Math.max(at, 0)]?.from ?? 0, to: tokens[last]?.to ?? 0 },
  };
}

function readInsert(statement: Statement, insert: InsertStmt, scope: SeedScope): SeedStatement {
  const { tokens } = statement;
  const tableIndex = indexAt(statement, statement.offsetOf(insert.relation?.location));
  const range = rangeOfWrite(statement, tableIndex);
  const read = emptyStatement(
    { from: tokens[range[0]]?.from as number, to: tokens[range[1]]?.to as number },
    scope,
    'insert',
  );
  read.table = relationOf(insert.relation);
  read.reads = relationsIn({
    select: insert.selectStmt ?? {},
    conflict: insert.onConflictClause ?? {},
    with: insert.withClause ?? {},
  });
  let after = tableIndex + 1;
  while (isMark(tokens[after], '.')) after += 2;
  if (isWord(tokens[after], 'as')) after += 2;
  if ((insert.cols ?? []).length > 0 && isMark(tokens[after], '(')) {
    const close = closingIndex(tokens, after);
    read.columns = (insert.cols ?? []).flatMap((each) => as(each, 'ResTarget')?.name ?? []);
    read.columnsSpan = { from: tokens[after]?.from as number, to: tokens[close]?.to as number };
    after = close + 1;
  }
  const source = sourceOf(statement, insert, after, scope);
  read.rows = source.rows;
  if (source.targets) read.targets = source.targets;
  read.onConflict = conflictOf(statement, insert, range, scope);
  read.hasReturning = returnedBy(insert).length > 0;
  const comparisons = comparisonsOf(
    statement,
    [insert.selectStmt, insert.onConflictClause?.whereClause],
    tablesInSight(insert.selectStmt),
    scope,
  );
  if (comparisons.length > 0) read.comparisons = comparisons;
  return read;
}

/** UPDATE's `SET a = 1, b = 'x'`: each value with its span. */
function setsOf(
  statement: Statement,
  targets: readonly Node[] | undefined,
  from: number,
  scope: SeedScope,
): NonNullable<SeedStatement['sets']> {
  const { tokens } = statement;
  const set = findWordOutside(statement, from, 'set');
  const found: NonNullable<SeedStatement['sets']> = [];
  for (const node of targets ?? []) {
    const target = as(node, 'ResTarget');
    if (!target?.name || as(target.val, 'MultiAssignRef')) continue;
    let index = indexAt(statement, statement.offsetOf(target.location));
    if (index <= set) continue;
    while (index < tokens.length && tokens[index]?.text !== '=') index++;
    const first = index + 1;
    let last = first;
    for (let i = first; i < tokens.length; i++) {
      if (isMark(tokens[i], '(') || isMark(tokens[i], '[')) i = Math.max(closingIndex(tokens, i), i);
      else if (isMark(tokens[i], ',') || isMark(tokens[i], ')') || isWord(tokens[i], 'from', 'where', 'returning'))
        break;
      last = i;
    }
    found.push({
      column: target.name,
      value: readValue(target.val, { from: tokens[first]?.from ?? 0, to: tokens[last]?.to ?? 0 }, scope),
    });
  }
  return found;
}

function readWrite(
  statement: Statement,
  kind: Written,
  body: Record<string, unknown>,
  scope: SeedScope,
): SeedStatement {
  if (kind === 'InsertStmt') return readInsert(statement, body as InsertStmt, scope);
  const relation = body.relation as Parameters<typeof relationOf>[0];
  const tableIndex = indexAt(statement, statement.offsetOf(relation?.location));
  const range = rangeOfWrite(statement, tableIndex);
  const span = { from: statement.tokens[range[0]]?.from as number, to: statement.tokens[range[1]]?.to as number };
  const read = emptyStatement(span, scope, verbs[kind]);
  read.table = relationOf(relation);
  const { relation: _, ...rest } = body;
  read.reads = relationsIn(rest);
  if (kind === 'UpdateStmt') read.sets = setsOf(statement, body.targetList as Node[], range[0], scope);
  const comparisons = comparisonsOf(statement, body.whereClause, tablesInSight(body), scope);
  if (comparisons.length > 0) read.comparisons = comparisons;
  read.hasReturning = returnedBy(body).length > 0;
  return read;
}

const settingStatements = new Set(['VariableSetStmt', 'VariableShowStmt', 'DiscardStmt']);
const otherStatements = new Set([
  'LockStmt',
  'VacuumStmt',
  'ExplainStmt',
  'CallStmt',
  'NotifyStmt',
  'PrepareStmt',
  'ExecuteStmt',
  'DeallocateStmt',
  'CheckPointStmt',
  'ConstraintsSetStmt',
  'DoStmt',
  'RefreshMatViewStmt',
]);

/** `SET session_replication_role = replica` and `DISABLE TRIGGER ALL` switch foreign keys off. */
function disablesForeignKeys(node: Node): boolean {
  const set = as(node, 'VariableSetStmt');
  if (set)
    return (
      set.name === 'session_replication_role' &&
      set.kind === 'VAR_SET_VALUE' &&
      JSON.stringify(set.args ?? []).includes('"replica"')
    );
  const alter = as(node, 'AlterTableStmt');
  return (alter?.cmds ?? []).some((each) =>
    ['AT_DisableTrigAll', 'AT_DisableTrigUser'].includes(as(each, 'AlterTableCmd')?.subtype ?? ''),
  );
}

function targetOfDdl(node: Node): QualifiedName | null {
  const body = bodyOf(node);
  const relation = (body.relation ??
    body.view ??
    body.sequence ??
    (body.into as Record<string, unknown> | undefined)?.rel) as Parameters<typeof relationOf>[0];
  if (relation?.relname) return relationOf(relation);
  const dropped = as(node, 'DropStmt');
  return dropped ? qualifiedOf(stringsOf(as(dropped.objects?.[0], 'List')?.items)) : null;
}

function columnNames(targets: readonly Node[] | undefined): (string | null)[] {
  return (targets ?? []).map(
    (each) =>
      as(each, 'ResTarget')?.name ?? stringsOf(as(as(each, 'ResTarget')?.val, 'ColumnRef')?.fields).at(-1) ?? null,
  );
}

/** `into`: variables that the outermost query's columns go to. */
export function readSeedStatement(
  statement: Statement,
  scope: SeedScope,
  into: readonly string[] = [],
): SeedStatement[] {
  const { node } = statement;
  const kind = kindOf(node);
  const found: SeedStatement[] = [];
  const writes: [Written, Record<string, unknown>][] = [];
  walk(node, (each, body) => {
    if (each in verbs) writes.push([each as Written, body]);
  });
  // An outer write is met before those of its CTEs, which run as part of it; the file's order is that of their text.
  const read = writes
    .map(([each, body]) => readWrite(statement, each, body, scope))
    .sort((a, b) => a.span.from - b.span.from);
  const made = new Set<string>();
  walk(node, (each, body) => {
    if (each === 'CommonTableExpr' && typeof body.ctename === 'string') made.add(body.ctename);
  });
  for (const each of read) each.reads = each.reads.filter((name) => !(name.schema === null && made.has(name.name)));
  found.push(...read);
  const last = read.at(-1);
  if (kind in verbs) {
    const outermost = relationOf(bodyOf(node).relation as Parameters<typeof relationOf>[0]);
    const own = read.findLast((each) => each.table && sameName(each.table, outermost)) ?? last;
    if (own) own.returningInto = pairs(columnNames(returnedBy(bodyOf(node))), into);
    return found;
  }

  const span = { from: statement.from, to: statement.to };
  const select = as(node, 'SelectStmt');
  if (select) {
    const outer = emptyStatement(span, scope, 'select');
    if (select.intoClause?.rel && into.length === 0) {
      outer.verb = 'ddl';
      outer.table = relationOf(select.intoClause.rel);
    }
    outer.reads = relationsIn(node).filter(
      (name) => !read.some((each) => each.table && sameName(each.table, name)) || (select.fromClause ?? []).length > 0,
    );
    outer.returningInto = pairs(columnNames(select.targetList), into);
    const comparisons = comparisonsOf(
      statement,
      [select.whereClause, select.fromClause],
      tablesInSight(select.fromClause),
      scope,
    );
    if (comparisons.length > 0) outer.comparisons = comparisons;
    const targets = into.length > 0 ? targetsOf(statement, select, 0, scope) : null;
    if (targets) outer.targets = targets;
    if (/\bset_config\s*\(\s*'session_replication_role'\s*,\s*'replica'/i.test(outer.sql))
      outer.disablesForeignKeys = true;
    found.push(outer);
    return found;
  }

  const own = emptyStatement(span, scope, 'other');
  const truncate = as(node, 'TruncateStmt');
  const copy = as(node, 'CopyStmt');
  if (truncate) {
    for (const each of truncate.relations ?? [])
      found.push({ ...emptyStatement(span, scope, 'truncate'), table: relationOf(as(each, 'RangeVar')) });
    return found;
  }
  if (copy) {
    own.verb = copy.is_from ? 'copy' : 'select';
    if (copy.is_from) own.table = relationOf(copy.relation);
    else own.reads = copy.relation ? [relationOf(copy.relation)] : relationsIn(copy.query);
    if (copy.attlist?.length) {
      own.columns = stringsOf(copy.attlist);
      const open = statement.tokens.findIndex((token) => isMark(token, '('));
      const close = closingIndex(statement.tokens, open);
      own.columnsSpan = { from: statement.tokens[open]?.from as number, to: statement.tokens[close]?.to as number };
    }
  } else if (as(node, 'TransactionStmt')) own.verb = 'transaction';
  else if (settingStatements.has(kind)) own.verb = 'set';
  else if (!otherStatements.has(kind)) {
    own.verb = 'ddl';
    own.table = targetOfDdl(node);
  }
  if (disablesForeignKeys(node)) own.disablesForeignKeys = true;
  found.push(own);
  return found;
}

function pairs(columns: readonly (string | null)[], into: readonly string[]): { column: string; variable: string }[] {
  return into.flatMap((variable, i) => (columns[i] ? [{ column: columns[i] as string, variable }] : []));
}
