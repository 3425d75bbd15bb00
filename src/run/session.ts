/**
 * What the runner asks of a connection, and the small SQL it needs in several places: transactions with their limits.
 * Refuses to know how a connection is made.
 */
import type { Connection } from '../database/connection.ts';

/** One connection to one backend; never a pool. */
export type Session = Pick<Connection, 'query' | 'transaction'>;

/** How long a statement may wait for a lock, and how long it may run; 0 is no limit. */
export interface Limits {
  lockMs: number;
  statementMs: number;
}

/** PostgreSQL's five-character code of a refused statement, null where the error is none of PostgreSQL's. */
export function sqlStateOf(error: unknown): string | null {
  const state = (error as { sqlState?: unknown } | null)?.sqlState;
  return typeof state === 'string' ? state : null;
}

/** Runs `body` in one transaction with the limits set for it alone; a fault rolls back and is thrown on. */
export function inTransaction<Value>(session: Session, limits: Limits, body: () => Promise<Value>): Promise<Value> {
  return session.transaction(async () => {
    await setLimits(session, limits, true);
    return body();
  });
}

/** `isLocal`: until the transaction ends; otherwise until changed. */
export async function setLimits(session: Session, limits: Limits, isLocal: boolean): Promise<void> {
  await session.query(
    `SELECT set_config('lock_timeout', $1, $3), set_config('statement_timeout', $2, $3),
            set_config('idle_in_transaction_session_timeout', '0', $3)`,
    [`${limits.lockMs}ms`, `${limits.statementMs}ms`, isLocal],
  );
}
