/**
 * Databases for tests: one server for the whole run, one fresh database a test. The server starts at the first call.
 */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import {
  type Connection,
  connect,
  type DatabaseTarget,
  parseDatabaseUrl,
  retarget,
  urlOf,
} from '../../src/database/index.ts';

export interface TestDatabase {
  /** With a password, over loopback; as superuser. */
  url: string;
  name: string;
  target: DatabaseTarget;
  /** A session as superuser, closed by `drop`. */
  connection: Connection;
  /** A URL of a new role without rights; `grants` are run as superuser with `ROLE` standing for its name. */
  urlOfNewRole(grants?: string): Promise<string>;
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Run in the new database, as superuser. */
  sql?: string;
  major?: number;
  name?: string;
  /** Another server than the run's own. */
  server?: DatabaseTarget;
}

/** The run's server: its superuser's URL. */
export async function testServer(
  major = 18,
): Promise<{ url: string; target: DatabaseTarget; socket: string; pid: number }> {
  const answer = await fetch(`${inject('postgresControl')}/?major=${major}`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  const { url, socket, pid } = JSON.parse(text) as { url: string; socket: string; pid: number };
  return { url, socket, pid, target: parseDatabaseUrl(url, {}) };
}

export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = options.server ? { target: options.server } : await testServer(options.major);
  const name = options.name ?? `t_${randomBytes(6).toString('hex')}`;
  const asAdmin = async (sql: string) => {
    const admin = await connect(server.target, { readOnly: false });
    try {
      await admin.query(sql);
    } finally {
      await admin.close();
    }
  };
  const strategy = (options.major ?? 18) >= 15 ? ' strategy file_copy' : '';
  await asAdmin(`create database "${name}" template template0${strategy}`);
  const target = retarget(server.target, { database: name });
  const connection = await connect(target, { readOnly: false });
  const roles: string[] = [];
  const drop = async () => {
    await connection.close();
    await asAdmin(`drop database if exists "${name}" with (force)`);
    for (const role of roles) await asAdmin(`drop role if exists ${role}`);
  };
  try {
    if (options.sql) await connection.query(options.sql);
  } catch (error) {
    await drop();
    throw error;
  }
  return {
    url: urlOf(target),
    name,
    target,
    connection,
    async urlOfNewRole(grants = '') {
      const role = `r_${randomBytes(6).toString('hex')}`;
      roles.push(role);
      await connection.query(`create role ${role} login password 'sesame-${role}'; ${grants.replaceAll('ROLE', role)}`);
      return urlOf(retarget(target, { user: role, password: `sesame-${role}` }));
    },
    drop,
    [Symbol.asyncDispose]: drop,
  };
}
