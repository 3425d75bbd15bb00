/**
 * The door of the Alembic source: which project this is, its revision graph, and the source with everything behind it.
 */
export { type ConfigRequest, findAlembicConfig } from './config.ts';
export { type GraphRequest, readRevisionGraph } from './graph.ts';
