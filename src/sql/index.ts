/** The door of `sql`: PostgreSQL's own reading of SQL text. */
export { isSqlParserLoaded, loadSqlParser } from './pg-parser.ts';
export { parseSql, type SqlContext } from './read.ts';
export { readSeedSql } from './seed.ts';
export { type StatementSlice, splitStatements } from './split.ts';
