/**
 * Tells a direct session from one through a pooler, and whether that pooler gives each transaction another backend: there
 * a session lock means nothing. Works without the pooler's console and without privileges.
 */
import type { ChainError } from '../errors.ts';
import { type Connection, type ConnectOptions, connect } from './connection.ts';

export type Pooling = 'none' | 'session' | 'transaction';

const rounds = 4;

/**
 * A second session that answers with the backend of an idle first one shares it: transaction (or statement) pooling.
 * In session pooling every session has its own backend.
 */
export async function detectPooling(
  connection: Connection,
  options: Pick<ConnectOptions, 'timeouts'> = {},
): Promise<Pooling> {
  if (!connection.isPooled) return 'none';
  const pidOf = async (one: Connection) => Number((await one.queryArrays('select pg_backend_pid()'))[0]?.[0]);
  let second: Connection;
  try {
    second = await connect(connection.target, { readOnly: true, applicationName: 'chain', ...options });
  } catch (error) {
    // A session pooler with one backend lets nobody else in while we are.
    if ((error as ChainError).code === 'connection-failed') return 'session';
    throw error;
  }
  try {
    const seen = new Map<number, Connection>();
    for (let round = 0; round < rounds; round++) {
      for (const one of [connection, second]) {
        const pid = await pidOf(one);
        const owner = seen.get(pid);
        if (owner !== undefined && owner !== one) return 'transaction';
        seen.set(pid, one);
      }
    }
    // One session on several backends is transaction pooling too.
    return seen.size > 2 ? 'transaction' : 'session';
  } finally {
    await second.close();
  }
}
