/**
 * Sessions that keep others waiting, in words for a person who must decide what to do about them.
 */
import { ChainError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { SqlError } from './sql-error.ts';

export interface Blocker {
  pid: number;
  user: string | null;
  application: string | null;
  state: string | null;
  /** Seconds that its transaction has been open. */
  openForSeconds: number | null;
  query: string | null;
}

/** A Blocker's columns, of `pg_stat_activity a`. */
export const blockerColumns = `a.pid, a.usename::text AS user, a.application_name AS application, a.state,
            extract(epoch FROM clock_timestamp() - a.xact_start)::int AS "openForSeconds",
            left(regexp_replace(a.query, '\\\\s+', ' ', 'g'), 200) AS query`;

export function describeBlocker(blocker: Blocker): string {
  const who = [
    blocker.user && `role ${blocker.user}`,
    blocker.application && `"${blocker.application}"`,
    blocker.state,
  ];
  const open = blocker.openForSeconds === null ? '' : `, transaction open for ${blocker.openForSeconds} s`;
  const query = blocker.query ? `: ${blocker.query}` : '';
  return `process ${blocker.pid} (${who.filter(Boolean).join(', ')}${open})${query}`;
}

/** The error of a reading that met a lock, with those who hold one that no reading gets past, as long as they do. */
export async function withHolders(error: SqlError, connection: Connection): Promise<ChainError> {
  const holders = await connection
    .query<Blocker>(
      `SELECT DISTINCT ${blockerColumns}
         FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY a.pid`,
    )
    .then(
      ({ rows }) => rows,
      () => [],
    );
  if (holders.length === 0) return error;
  return new ChainError(error.code, `${error.message}; it is held by ${holders.map(describeBlocker).join('; ')}`, {
    hint: error.hint ?? undefined,
    cause: error,
  });
}
