/**
 * The things of Alembic that a revision holds: the connection, the migration context, the dialect, the inspector, a session.
 * One value each, told apart by path.
 */
import type { Made } from '../python/index.ts';

export const handle = (path: string): Made => ({
  kind: 'made',
  path,
  receiver: null,
  positional: [],
  named: new Map(),
  from: 0,
  to: 0,
  file: '',
  attributes: new Map(),
});

export const bind: Made = handle('@bind');
export const context: Made = handle('@context');
export const dialect: Made = handle('@dialect');
export const inspector: Made = handle('@inspector');
export const session: Made = handle('@session');
