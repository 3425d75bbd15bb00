/**
 * The door of the Alembic source: which project this is, its revision graph, and the source with everything behind it.
 * `chain graph` comes through here too: what loads a parser of Python or SQL is imported when it is called, never above.
 */
import type { Migrator } from '../../model/migrator.ts';
import type { SurroundingFile } from '../../model/project.ts';
import type { RevisionCode } from '../../model/revision-code.ts';
import type { MigrationSource } from '../source.ts';
import type { SourceRequest } from './open-source.ts';

export { type ConfigRequest, findAlembicConfig } from './config/read.ts';
export type { EnvReading, EnvRequest } from './env/read.ts';
export { type GraphRequest, readRevisionGraph } from './graph.ts';
export type { SourceRequest } from './open-source.ts';
export { type FactsRequest, readProjectFacts } from './project-facts.ts';
export { readRevisionText } from './revision-file/read.ts';
export { findSeedFiles } from './seed-files.ts';
export { findStrayRevisions } from './stray-revisions.ts';

/** The whole source; what parses Python and SQL is loaded here, so that the graph alone does not pay for it. */
export async function openAlembicSource(request: SourceRequest): Promise<MigrationSource> {
  const { openSource } = await import('./open-source.ts');
  return openSource(request);
}

/** Who runs Alembic from Python; loaded here for the same reason. */
export async function loadMigratorCodeReader(): Promise<
  (file: Pick<SurroundingFile, 'file' | 'text'>, isEnv: boolean) => Migrator[]
> {
  return (await import('./migrator-code.ts')).readMigratorCode;
}

/** What a revision's code says beside its operations; loaded here for the same reason. */
export async function loadRevisionCodeReader(): Promise<(text: string) => RevisionCode> {
  return (await import('./revision-file/code.ts')).readRevisionCode;
}
