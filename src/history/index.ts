/**
 * The door of what surrounds the chain: git's memory of it, and the scripts that run it and the seeds.
 */
export { type HistoryRequest, readHistory } from './read-history.ts';
export { readSeedRunners } from './seed-runners.ts';
export { readSurroundings } from './surroundings.ts';
