/**
 * Text of SQL → Operations, by PostgreSQL's own parser. Total: a statement that it refuses becomes one opaque operation with
 * PostgreSQL's message, and the others are still read. Refuses to know files and connections.
 */
import type { Operation, Stated } from '../model/operation.ts';
import type { Origin } from '../model/schema.ts';
import type { Catalogue } from './catalogue-query.ts';
import { changesSchema, readBlock } from './do-block.ts';
import { parseStatements, type Statement } from './pg-parser.ts';
import { lineCounter } from './positions.ts';
import { needsNoTransaction, objectsIn, readStatement } from './statements.ts';
import { opaque, type PlacedPart } from './tables.ts';
import { as } from './tree.ts';

export interface SqlContext {
  /** Line is that of the text's first line. */
  origin: Origin;
  revision?: string | null;
  /** The schema so far, for what a DO block asks the catalogue. */
  catalogue?: () => Catalogue;
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
  // What stands before in the same text is not in the schema yet.
  const seenFrom = (before: readonly Operation[]) => {
    const catalogue = context.catalogue?.();
    return before.some(changesSchema) ? catalogue?.after?.(before) : catalogue;
  };
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
      operations.push(...readBlockSafely(statement, stated, seenFrom(operations)));
      continue;
    }
    const catalogue = hangsOnTables(statement) ? seenFrom(operations) : undefined;
    for (const part of readSafely(statement, catalogue)) {
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

/** Its columns are those of other tables. */
function hangsOnTables({ node }: Statement): boolean {
  return (
    as(node, 'CreateTableAsStmt') !== undefined ||
    as(node, 'SelectStmt')?.intoClause !== undefined ||
    (as(node, 'CreateStmt')?.tableElts ?? []).some((element) => as(element, 'TableLikeClause') !== undefined)
  );
}

/** An expression of thousands of terms is deeper than the stack: then the statement is opaque, and the run goes on. */
function orTooDeep<T>(read: () => T, otherwise: (reason: string) => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return otherwise('nested too deeply to be read');
  }
}

function readSafely(statement: Statement, catalogue: Catalogue | undefined): PlacedPart[] {
  const text = statement.source.slice(statement.from, statement.to);
  return orTooDeep(
    () => readStatement(statement, catalogue),
    (reason) => [{ operation: opaque(reason, ...objectsIn(text)) }],
  );
}

function readBlockSafely(statement: Statement, stated: Stated, catalogue?: Catalogue): Operation[] {
  return orTooDeep(
    () => readBlock(statement, stated, catalogue),
    (reason) => [{ ...opaque(reason, ...objectsIn(stated.sql ?? '')), ...stated }],
  );
}
