/**
 * The door of what surrounds the chain: git's memory of it, its lock, and the scripts that run it and the seeds.
 */
export { readLock } from './lock.ts';
export { readMigrators } from './migrators.ts';
export { type HistoryRequest, readHistory, type VersionReader } from './read-history.ts';
export { readSeedRunners } from './seed-runners.ts';
export { readSurroundings } from './surroundings.ts';
