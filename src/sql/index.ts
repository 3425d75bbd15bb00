/** The door of `sql`: PostgreSQL's own reading of SQL text. */
export { isSqlParserLoaded, loadSqlParser } from './pg-parser.ts';
export { parseSql, type SqlContext } from './read.ts';
export { splitStatements, type StatementSlice } from './split.ts';
