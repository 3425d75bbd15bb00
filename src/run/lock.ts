/**
 * The one lock: a session-level advisory lock on a direct connection, held for a whole repair, seed or undo.
 * Owns its key, who holds it, whether it is still held, and the refusal of poolers, behind which it means nothing.
 */

import { type Blocker, blockerColumns } from '../database/blockers.ts';
import type { Connection } from '../database/connection.ts';
import { ChainError } from '../errors.ts';
import type { Session } from './session.ts';

/** `classid` and `objid` in pg_locks: "chai", "n" in ASCII; the lock is per database. */
const lockKey = { class: 0x63686169, object: 0x6e };

export interface LockHolder {
  pid: number;
  user: string | null;
  application: string | null;
  client: string | null;
  since: string | null;
}

/** Asks for a second session to the same database, to tell a pooler from a direct connection. */
export type OpenSecond = () => Promise<Pick<Connection, 'query' | 'transaction' | 'close'>>;

/**
 * Runs `body` under the lock. @throws ChainError `lock-held`, `pooler-connection`
 */
export async function withLock<Value>(
  connection: Connection,
  openSecond: OpenSecond | null,
  body: (lock: { guard: () => Promise<void> }) => Promise<Value>,
): Promise<Value> {
  await refusePooler(connection, openSecond);
  const { rows } = await connection.query<{ held: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1, $2) AS held', [
    lockKey.class,
    lockKey.object,
  ]);
  if (rows[0]?.held !== true) throw lockHeld(await findLockHolder(connection));
  try {
    return await body({ guard: () => guardLock(connection) });
  } finally {
    // A lost connection has given the lock back by itself.
    await connection
      .query('SELECT pg_catalog.pg_advisory_unlock($1, $2)', [lockKey.class, lockKey.object])
      .catch(() => undefined);
  }
}

/** Who holds the lock now; null where nobody does. */
export async function findLockHolder(session: Session): Promise<LockHolder | null> {
  const { rows } = await session.query<LockHolder>(
    `SELECT l.pid, a.usename::text AS user, a.application_name AS application,
            coalesce(a.client_hostname, host(a.client_addr)) AS client,
            to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS since
       FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid = $1::bigint::oid AND l.objid = $2::bigint::oid`,
    [lockKey.class, lockKey.object],
  );
  return rows[0] ?? null;
}

function lockHeld(holder: LockHolder | null): ChainError {
  if (holder === null) {
    return new ChainError('lock-held', 'Another run of chain held the lock of this database a moment ago.', {
      hint: 'Run the same command again.',
    });
  }
  const who = [
    holder.user && `role ${holder.user}`,
    holder.application && `application "${holder.application}"`,
    holder.client && `from ${holder.client}`,
    holder.since && `connected since ${holder.since}`,
  ].filter(Boolean);
  return new ChainError(
    'lock-held',
    `Another run of chain is at work on this database: process ${holder.pid} of the server${who.length > 0 ? ` (${who.join(', ')})` : ''} holds its lock.`,
    {
      hint: `Wait for it, or, when it is known to be dead, end its session: SELECT pg_terminate_backend(${holder.pid});`,
    },
  );
}

/** In a unit's transaction: the lock must be held by the very backend that runs it. @throws ChainError */
async function guardLock(session: Session): Promise<void> {
  const { rows } = await session.query<{ held: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() AND objsubid = 2
                    AND classid = $1::bigint::oid AND objid = $2::bigint::oid) AS held`,
    [lockKey.class, lockKey.object],
  );
  if (rows[0]?.held === true) return;
  throw poolerConnection('The lock is not held by the backend that would run the next step');
}

/**
 * A pooler in transaction mode gives the backend away after each transaction: a second session then meets the backend
 * that the first one thought its own. In session mode, and without a pooler, it never does.
 */
async function refusePooler(connection: Connection, openSecond: OpenSecond | null): Promise<void> {
  if (!connection.isPooled || openSecond === null) {
    if (!connection.isPooled) return;
    throw poolerConnection('A pooler stands between chain and the server');
  }
  const pidOf = async (session: Session) =>
    (await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  const second = await openSecond();
  try {
    const first = await pidOf(connection);
    const met = await second.transaction(async () => [await pidOf(second), await pidOf(connection)]);
    if (met[0] === first || met[1] !== first) {
      throw poolerConnection('A pooler in transaction mode stands between chain and the server');
    }
  } finally {
    await second.close();
  }
}

function poolerConnection(why: string): ChainError {
  return new ChainError('pooler-connection', `${why}; a session lock means nothing there.`, {
    hint: 'Name the server itself in the URL (PgBouncer often listens on 6432, PostgreSQL on 5432), or a pool in session mode.',
  });
}

/** Sessions that `pid` waits for, asked on another session. */
export async function findBlockers(session: Session, pid: number): Promise<Blocker[]> {
  const { rows } = await session.query<Blocker>(
    `SELECT ${blockerColumns}
       FROM pg_stat_activity a WHERE a.pid = ANY (pg_catalog.pg_blocking_pids($1)) ORDER BY a.pid`,
    [pid],
  );
  return rows;
}
