/**
 * Rows that an `INSERT … VALUES` states: constants alone are known. One that hangs on rows already there (`ON CONFLICT`, a
 * query, a CTE) has no answer.
 */
import type { Node } from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import { notKnown, type Value } from './catalogue-query.ts';
import { parseStatements } from './pg-parser.ts';
import { as, relationOf } from './tree.ts';

export interface InsertedRows {
  table: QualifiedName;
  /** Null: all of the table's, in its order. */
  columns: string[] | null;
  rows: Value[][];
}

export function insertedRows(sql: string): InsertedRows | null {
  const pieces = parseStatements(sql);
  const [piece] = pieces;
  const insert =
    pieces.length === 1 && piece && 'statement' in piece ? as(piece.statement.node, 'InsertStmt') : undefined;
  const select = as(insert?.selectStmt, 'SelectStmt');
  if (
    !insert?.relation ||
    !select?.valuesLists?.length ||
    insert.onConflictClause ||
    insert.withClause ||
    select.withClause
  )
    return null;
  const rows = select.valuesLists.map((list) => (as(list, 'List')?.items ?? []).map(constantIn));
  const columns = (insert.cols ?? []).map((each) => as(each, 'ResTarget')?.name ?? '');
  return { table: relationOf(insert.relation), columns: columns.length === 0 ? null : columns, rows };
}

/** A NULL may stand for a parameter that is not known. */
function constantIn(node: Node): Value {
  const constant = as(as(node, 'TypeCast')?.arg ?? node, 'A_Const');
  if (constant?.sval) return constant.sval.sval ?? '';
  if (constant?.ival) return constant.ival.ival ?? 0;
  if (constant?.boolval) return constant.boolval.boolval ?? false;
  return notKnown;
}
