/**
 * What befalls a database while `doctor` reads it, at each message of its session: the connection cut, the backend
 * terminated, the server stopped, DDL of another session, Ctrl-C, no answer any more. Each ends in time, with one clear
 * message or a correct report, and nothing written. Prints the count.
 */
import { afterAll, expect, it } from 'vitest';
import { introspect, startEmbeddedServer } from '../../src/database/index.ts';
import { doctorWhile } from '../support/adverse-reading.ts';
import type { RunningChain } from '../support/chain.ts';
import { incidentErrors, incidentSql } from '../support/incident.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import type { Relay } from '../support/relay.ts';

const isFull = process.env.CHAIN_TRIALS === 'full';
let tried = 0;
afterAll(() => console.log(`${tried} adversities tried`));

interface At {
  database: TestDatabase;
  relay: Relay;
  chain: RunningChain;
}

/** `writes`: the adversity itself is DDL. */
const acts: { name: string; act(at: At): unknown; settings?: object; writes?: true }[] = [
  { name: 'the connection is cut', act: ({ relay }) => relay.cut() },
  {
    name: 'the backend is terminated',
    act: async ({ database, relay }) => {
      await database.connection.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
      relay.release();
    },
  },
  { name: 'Ctrl-C', act: ({ chain }) => chain.child.kill('SIGINT') },
  {
    name: 'another session drops, makes and renames',
    writes: true,
    act: async ({ database, relay }) => {
      await database.connection.query(
        `drop table brands cascade; create table other (id int primary key); create type mood as enum ('a');
         alter table users rename column email to mail; create index on tenants (name)`,
      );
      relay.release();
    },
  },
  {
    name: 'the server answers no more',
    act: () => {},
    settings: { timeouts: { connectMs: 300, statementMs: 100, lockMs: 100 } },
  },
];

/** The messages of a session to try, until one is held that no session sends. */
async function* sweep(step: number): AsyncGenerator<number> {
  for (let nth = 1; nth < 400; nth += isFull ? 1 : step) yield nth;
}

it.each(acts)('$name', async ({ act, settings, writes }) => {
  for await (const nth of sweep(9)) {
    await using database = await testDatabase({ sql: incidentSql });
    const before = (await introspect(database.connection)).fingerprint;
    const { run, isHeld } = await doctorWhile(
      database.target,
      (_text, at) => at === nth,
      async (relay, chain) => {
        await act({ database, relay, chain });
      },
      settings,
    );
    if (!isHeld) break;
    if (!writes) expect((await introspect(database.connection)).fingerprint).toBe(before);
    // Lost before it was looked at: what the files alone tell. Never "missing" for what was not seen.
    if (run.exitCode === 3) {
      const errors = run.json().findings.filter(({ severity }) => severity === 'error');
      expect(errors.map(({ key }) => key).filter((key) => !incidentErrors.includes(key))).toEqual([]);
    }
    tried++;
  }
});

it.each([
  ['fast', 'SIGINT'],
  ['immediate', 'SIGQUIT'],
] as const)('the server is stopped (%s)', async (_mode, signal) => {
  for await (const nth of sweep(16)) {
    const server = await startEmbeddedServer({ tcp: true, isSmall: true });
    try {
      const database = await testDatabase({ sql: incidentSql, server: server.target });
      await database.connection.close();
      const { run, isHeld } = await doctorWhile(
        database.target,
        (_text, at) => at === nth,
        (relay) => {
          process.kill(server.pid, signal);
          relay.release();
        },
      );
      if (!isHeld) break;
      expect([1, 3]).toContain(run.exitCode);
      tried++;
    } finally {
      await server.stop();
    }
  }
});
