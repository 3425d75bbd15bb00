/**
 * MigrationSource: what every place that revisions come from must be able to tell. Reads files, never writes or connects.
 */
import type { ProjectFacts } from '../model/project.ts';
import type { ModelFiles, ModelsReading, OperationSink } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';

export interface MigrationSource {
  readonly kind: 'alembic';
  readonly facts: ProjectFacts;
  readonly graph: RevisionGraph;
  /** Text of a project file as read, so that edits and evidence agree; null where it cannot be read. */
  readFile(file: string): string | null;
  /** Hands over the operations of one revision in the order they would run. Never throws: what it cannot read is opaque. */
  evaluate(revision: RevisionId, direction: 'upgrade' | 'downgrade', sink: OperationSink): void;
  /** Which files define the models: a walk over all that env.py loads, so only for those who ask. */
  findModels(): ModelFiles;
  readModels(): ModelsReading;
  /** Seed files, relative to the project: a walk over its folders, so only for those who ask. */
  findSeeds(): string[];
}
