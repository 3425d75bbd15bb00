/** The door of `sql`: PostgreSQL's own reading of SQL text. */

export {
  askCatalogue,
  askRows,
  type CatalogueAnswer,
  type KnownTable,
  notKnown,
  type Row as KnownRow,
  type Value as CatalogueValue,
} from './catalogue-query.ts';
export { insertedRows } from './inserted-rows.ts';
export { nextToken, type Token, tokensOf } from './lexer.ts';
export { type MetaArguments, metaArguments, psqlBoolean, quoteIdentifierAlways } from './meta-command.ts';
export { isSqlParserLoaded, loadSqlParser, type ParsedPiece, parseStatements, type Statement } from './pg-parser.ts';
export { parseSql, type SqlContext } from './read.ts';
export { isSameButForCallForm } from './same-tree.ts';
export { type ReadIncluded, readSeedSql } from './seed.ts';
export { type CopySource, readSeedFile, type SeedFile, type SeedPiece } from './seed-file.ts';
export { type StatementSlice, splitStatements } from './split.ts';
export { withoutStars } from './stars.ts';
