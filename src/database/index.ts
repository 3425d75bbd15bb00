/**
 * The database layer's door: connections, introspection, scratch servers, building and copying. The one home of pg.
 */

export { type BuildFailure, type BuildResult, buildSchema } from './build.ts';
export {
  type Connection,
  type ConnectOptions,
  connect,
  defaultTimeouts,
  type Notice,
  type QueryResult,
  type ScriptResult,
  type TransactionOptions,
} from './connection.ts';
export { type CopyRequest, copyDatabase, type DatabaseCopy, searchPathOf } from './copy-database.ts';
export { type CopyBound, type CopyResult, copyRows } from './copy-rows.ts';
export { type ElaboratedPair, type ElaborateOptions, type Elaboration, elaborate, elaborateBoth } from './elaborate.ts';
export {
  defaultCacheDir,
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from './embedded-server.ts';
export { fingerprintOf } from './fingerprint.ts';
export { identifyDatabase } from './identity.ts';
export { type IntrospectOptions, introspect } from './introspect.ts';
export { detectPooling, type Pooling } from './pooler.ts';
export { redact } from './redact.ts';
export { openScratch, type ScratchOptions, type ScratchServer } from './scratch.ts';
export { SqlError } from './sql-error.ts';
export { type DatabaseTarget, hasLibpqEnvironment, parseDatabaseUrl, retarget, urlOf } from './target.ts';
