/**
 * The things of Alembic that a revision holds: the connection, the migration context, the dialect, the inspector, a session.
 * One value each, told apart by path.
 */
import { type Made, newMade } from '../python/index.ts';

export const handle = (path: string): Made => newMade(path);

export const bind: Made = handle('@bind');
export const context: Made = handle('@context');
export const dialect: Made = handle('@dialect');
export const inspector: Made = handle('@inspector');
export const session: Made = handle('@session');
