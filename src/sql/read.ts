/**
 * Text of SQL → Operations, by PostgreSQL's own parser. Total: a statement that it refuses becomes one opaque operation with
 * PostgreSQL's message, and the others are still read. Refuses to know files and connections.
 */
import type { Operation, Stated } from '../model/operation.ts';
import type { Origin } from '../model/schema.ts';
import { readBlock } from './do-block.ts';
import { parseStatements } from './pg-parser.ts';
import { lineCounter } from './positions.ts';
import { needsNoTransaction, objectsIn, readStatement } from './statements.ts';
import { opaque } from './tables.ts';
import { as } from './tree.ts';

export interface SqlContext {
  /** Line is that of the text's first line. */
  origin: Origin;
  revision?: string | null;
}

/** Operations of `text` in order, each with its own line and exact SQL. `loadSqlParser()` must have been awaited. Never throws. */
export function parseSql(text: string, context: SqlContext): Operation[] {
  const lineAt = lineCounter(text);
  const place = (offset: number): Origin => ({
    ...context.origin,
    revision: context.revision ?? context.origin.revision,
    line: context.origin.line + lineAt(offset) - 1,
  });
  const operations: Operation[] = [];
  for (const piece of parseStatements(text)) {
    if ('failure' in piece) {
      const sql = text.slice(piece.from, piece.to);
      const stated: Stated = { origin: place(piece.failure.at), sql };
      operations.push({ ...opaque(piece.failure.message, ...objectsIn(sql)), ...stated });
      continue;
    }
    const { statement } = piece;
    const sql = text.slice(statement.from, statement.to);
    const stated: Stated = {
      origin: place(statement.from),
      sql,
      ...(needsNoTransaction(statement) ? { outsideTransaction: true } : {}),
    };
    if (as(statement.node, 'DoStmt')) {
      operations.push(...readBlock(statement, stated));
      continue;
    }
    for (const part of readStatement(statement)) {
      operations.push({
        ...part.operation,
        ...stated,
        ...(part.sql === undefined ? {} : { sql: part.sql }),
        ...(part.ifTargetExists ? { ifTargetExists: true } : {}),
      });
    }
  }
  return operations;
}
