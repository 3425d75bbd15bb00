/**
 * The door of the comparison: declared × live → Drift, and which revision a live schema looks like.
 */
export { compareSchemas } from './compare.ts';
export { keysInDoubt } from './doubts.ts';
export { asDeclared, toBeBuilt, withPlacedRoutines } from './extensions.ts';
export type { CompareOptions } from './found.ts';
export { setApartHalfApplied } from './half-applied.ts';
export { respelled, withArgumentModes } from './other-major.ts';
export { exactPlaces, type RankedRevisions, type RankInputs, rankRevisions } from './rank.ts';
export { spelledAs } from './spelling.ts';
export { sameText } from './text.ts';
