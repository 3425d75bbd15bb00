/**
 * Statements that touch rows: which tables they write (in CTEs too), which settings a SELECT changes on the way.
 */
import type { Node, SelectStmt } from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import type { RowsOperation, UnplacedOperation } from '../model/operation.ts';
import { opaque } from './tables.ts';
import { as, constantOf, distinctNames, kindOf, relationOf, relationsIn, stringsOf, walk } from './tree.ts';

const verbByKind: Record<string, RowsOperation['verb']> = {
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'update',
};

/** Tables written by INSERT, UPDATE, DELETE and MERGE anywhere in the tree. */
export function writtenTables(tree: unknown): QualifiedName[] {
  const tables: QualifiedName[] = [];
  walk(tree, (kind, body) => {
    if (kind in verbByKind) tables.push(relationOf(body.relation as Parameters<typeof relationOf>[0]));
  });
  return distinctNames(tables);
}

export function touchRows(node: Node): UnplacedOperation | null {
  const kind = kindOf(node);
  const verb = verbByKind[kind];
  if (verb) return { kind: 'touchRows', verb, tables: writtenTables(node) };
  const truncate = as(node, 'TruncateStmt');
  if (truncate) {
    return {
      kind: 'touchRows',
      verb: 'truncate',
      tables: (truncate.relations ?? []).map((each) => relationOf(as(each, 'RangeVar'))),
    };
  }
  const copy = as(node, 'CopyStmt');
  if (copy)
    return {
      kind: 'touchRows',
      verb: copy.is_from ? 'copy' : 'select',
      tables: copy.relation ? [relationOf(copy.relation)] : relationsIn(copy.query),
    };
  const select = as(node, 'SelectStmt');
  return select ? readSelect(select, node) : null;
}

/** `SELECT set_config('search_path', …, is_local)`, as pg_dump writes it. */
function searchPathOf(select: SelectStmt): UnplacedOperation | null {
  for (const target of select.targetList ?? []) {
    const call = as(as(target, 'ResTarget')?.val, 'FuncCall');
    if (!call || stringsOf(call.funcname).at(-1) !== 'set_config') continue;
    const [name, value, local] = (call.args ?? []).map(constantOf);
    if (name?.toLowerCase() !== 'search_path') continue;
    if (value === null || value === undefined)
      return opaque('the search_path is set to a value that only running could tell');
    const schemas = value
      .split(',')
      .map((each) => each.trim().replace(/^"(.*)"$/, '$1'))
      .filter((each) => each !== '');
    return { kind: 'setSearchPath', schemas, local: local === 'true' || local === 't' };
  }
  return null;
}

function readSelect(select: SelectStmt, node: Node): UnplacedOperation {
  // INTO any other than a temporary table is told before.
  if (select.intoClause) {
    const name = relationOf(select.intoClause.rel);
    return { kind: 'createTable', table: { name, columns: [], constraints: [], indexes: [], temporary: true } };
  }
  const path = searchPathOf(select);
  if (path) return path;
  const written = writtenTables(node);
  if (written.length > 0) {
    let verb: RowsOperation['verb'] = 'update';
    walk(node, (kind) => {
      if (kind === 'InsertStmt') verb = 'insert';
    });
    return { kind: 'touchRows', verb, tables: written };
  }
  return { kind: 'touchRows', verb: 'select', tables: relationsIn(node) };
}
