/**
 * Which database a session is in, so that what was made for one is not done to another of the same schema.
 */
import { createHash } from 'node:crypto';
import type { Connection } from './connection.ts';

/** A hash of cluster, database and its oid; the cluster's own number where the role may read it. */
export async function identifyDatabase(connection: Connection): Promise<string> {
  const { rows } = await connection.query<{ name: string; oid: string; readable: boolean }>(
    `SELECT datname AS name, oid::text AS oid, has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS readable
     FROM pg_catalog.pg_database WHERE datname = current_database()`,
  );
  const [found] = rows as [{ name: string; oid: string; readable: boolean }];
  const cluster = found.readable
    ? await connection.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()')
    : null;
  const facts = [cluster?.rows[0]?.id ?? null, found.name, found.oid];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}
