/**
 * The door of the replay: revisions → declared Schema, and single operations applied to a Schema.
 */
export { type ApplyContext, applyOperation } from './apply.ts';
export { schemaOfOperations } from './models.ts';
export { conventionalName } from './naming-convention.ts';
export { type ReplayOptions, type RevisionEvaluator, replay, replayInTurns, snapshotOf } from './replay.ts';
