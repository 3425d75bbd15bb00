/** The door of `seeds`: ids by natural key, rewrites, runs with before-images, undo, expectations. */

export { type CheckOptions, checkExpectations, type ExpectationResult, type StatedExpectation } from './check.ts';
export type { SeedNotice } from './execute.ts';
export { deriveExpectations, type SeedExpectation } from './expectation.ts';
export {
  resolveSeedIdentities,
  type SeedDependent,
  type SeedIdentity,
  type SeedQuery,
  type SeedWorld,
  seedIdentities,
} from './identities.ts';
export type { RowImage, RowValues } from './images.ts';
export { patchSeed, type SeedPatch, type SeedPatchRequest } from './patch.ts';
export { readSeed } from './reading.ts';
export { maxKeptRows, runSeed, type SeedRun, type SeedRunOptions } from './run.ts';
export {
  contentHashOf,
  decodeScript,
  faultOfBytes,
  maxScriptBytes,
  projectFiles,
  type ReadScriptFile,
} from './script-files.ts';
export { type RerunOptions, runAgain, runTwice } from './second-run.ts';
export type { SeedSession } from './session.ts';
export type { SeedTableSummary } from './summary.ts';
export { type RowsUndone, type UndoConflict, undoRows } from './undo.ts';
