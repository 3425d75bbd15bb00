/**
 * The search_path that a seed sets for itself (`SET`, `SET LOCAL`, `set_config`), and the names written under it.
 * Refuses to know which schemas there are: a bare name keeps its path, and whoever resolves it looks there.
 */
import type { Node } from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import type { SeedStatement, SeedValue } from '../model/seed.ts';
import { setVariable } from './objects.ts';
import { touchRows } from './rows.ts';
import { as } from './tree.ts';

/** Null: what the connection came with. */
export interface SearchPath {
  session: readonly string[] | null;
  local: readonly string[] | null;
}

export const unsetPath: SearchPath = { session: null, local: null };

export function pathAfter(node: Node, path: SearchPath): SearchPath {
  const ended = as(node, 'TransactionStmt');
  if (ended) {
    const isEnd = ended.kind === 'TRANS_STMT_COMMIT' || ended.kind === 'TRANS_STMT_ROLLBACK';
    return isEnd ? { ...path, local: null } : path;
  }
  const set = as(node, 'VariableSetStmt');
  if (set && set.kind !== 'VAR_SET_VALUE') {
    const isReset = set.kind === 'VAR_RESET_ALL' || set.name === 'search_path';
    return isReset ? unsetPath : path;
  }
  const operation = set ? setVariable(set) : as(node, 'SelectStmt') ? touchRows(node) : null;
  if (operation?.kind !== 'setSearchPath') return path;
  const schemas = operation.schemas.filter((name) => name !== '$user' && !name.startsWith('pg_'));
  if (schemas.length === 0) return path;
  return operation.local ? { ...path, local: schemas } : { session: schemas, local: null };
}

/** Gives every bare name of the statement the path that it is looked up in. */
export function writeUnder(statement: SeedStatement, path: SearchPath): void {
  const searchPath = path.local ?? path.session;
  if (searchPath === null) return;
  const under = (name: QualifiedName | null | undefined) => {
    if (name && name.schema === null) name.searchPath = searchPath;
  };
  const inValue = (value: SeedValue) => {
    if (value.kind === 'expression') value.reads.forEach(under);
  };
  under(statement.table);
  statement.reads.forEach(under);
  for (const row of statement.rows ?? []) row.values.forEach(inValue);
  statement.targets?.forEach(inValue);
  for (const { value } of statement.sets ?? []) inValue(value);
  for (const { table, value } of statement.comparisons ?? []) {
    under(table);
    inValue(value);
  }
  for (const { table } of statement.guards) under(table);
}
