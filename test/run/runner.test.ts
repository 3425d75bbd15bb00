/** The runner: a unit and its ledger row stand or fall together, wherever the run is cut. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/database/index.ts';
import {
  findLockHolder,
  inTransaction,
  openLedger,
  type RunOptions,
  readLedger,
  revertUnits,
  runUnits,
  type Unit,
  UnitFailure,
  type UnitStorage,
  withLock,
} from '../../src/run/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

const limits = { lockMs: 200, statementMs: 5_000 };

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase({ sql: 'CREATE TABLE done (name text PRIMARY KEY, state text NOT NULL)' });
});
afterEach(() => database.drop());

function storage(): UnitStorage {
  const session = database.connection;
  const put = (state: string) => async (unit: Unit) => {
    await session.query('INSERT INTO done VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET state = EXCLUDED.state', [
      unit.name,
      state,
    ]);
  };
  return {
    executed: async () =>
      (await session.query<{ name: string }>(`SELECT name FROM done WHERE state = 'finished' ORDER BY name`)).rows.map(
        (row) => row.name,
      ),
    started: put('started'),
    finished: put('finished'),
    reverted: async (unit) => {
      await session.query('DELETE FROM done WHERE name = $1', [unit.name]);
    },
  };
}

function unit(name: string, up: string, down: string | null = null, transactional = true): Unit {
  return {
    name,
    transactional,
    up: async (session) => {
      await session.query(up);
    },
    down:
      down === null
        ? null
        : async (session) => {
            await session.query(down);
          },
  };
}

const options = (more: Partial<RunOptions> = {}): RunOptions => ({
  session: database.connection,
  storage: storage(),
  limits,
  pause: async () => undefined,
  ...more,
});

const tables = async () =>
  (
    await database.connection.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
          AND relname NOT LIKE 'done%' ORDER BY 1`,
    )
  ).rows.map((row) => row.name);

const two = () => [
  unit('1_a', 'CREATE TABLE a (id int)', 'DROP TABLE a'),
  unit('2_b', 'CREATE TABLE b (id int)', 'DROP TABLE b'),
];

describe('runUnits', () => {
  it('runs what the ledger does not hold, in order, once', async () => {
    expect(await runUnits(two(), options())).toEqual(['1_a', '2_b']);
    expect(await runUnits(two(), options())).toEqual([]);
    expect(await tables()).toEqual(['a', 'b']);
  });

  it.each(['2_b:before', '2_b:body', '2_b:ledger'])(
    'cut at %s: the first unit stands whole, the second not at all',
    async (point) => {
      const faults = {
        at: (reached: string) => {
          if (reached === point) throw new Error('cut');
        },
      };
      await expect(runUnits(two(), options({ faults }))).rejects.toThrow('cut');
      expect(await tables()).toEqual(['a']);
      expect(await storage().executed()).toEqual(['1_a']);
      expect(await runUnits(two(), options())).toEqual(['2_b']);
    },
  );

  it('leaves neither the table nor the row when a unit fails in its middle, and names the unit', async () => {
    const failing = [unit('1_a', 'CREATE TABLE a (id int); CREATE TABLE a (id int)')];
    const failure = await runUnits(failing, options()).catch((fault: unknown) => fault);
    expect(failure).toBeInstanceOf(UnitFailure);
    expect(failure).toMatchObject({ unit: '1_a', message: expect.stringContaining('already exists') });
    expect(await tables()).toEqual([]);
    expect(await storage().executed()).toEqual([]);
  });

  it('writes a row before a unit that cannot be in a transaction, and runs it again after a cut', async () => {
    await runUnits([unit('1_a', 'CREATE TABLE a (id int)')], options());
    const index = unit('2_i', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS a_i ON a (id)', 'DROP INDEX a_i', false);
    const cut = { at: (reached: string) => (reached === '2_i:body' ? Promise.reject(new Error('cut')) : undefined) };
    await expect(runUnits([index], options({ faults: cut }))).rejects.toThrow('cut');
    expect((await database.connection.query(`SELECT state FROM done WHERE name = '2_i'`)).rows).toEqual([
      { state: 'started' },
    ]);
    expect(await runUnits([index], options())).toEqual(['2_i']);
    expect(await tables()).toEqual(['a', 'a_i']);
  });

  it('tries again after a lock timeout and tells why', async () => {
    await runUnits([unit('1_a', 'CREATE TABLE a (id int)')], options());
    const other = await connect(database.target, { readOnly: false });
    await other.query('BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE');
    const events: string[] = [];
    const ran = await runUnits(
      [unit('2_c', 'ALTER TABLE a ADD COLUMN c int')],
      options({
        onEvent: (event) =>
          events.push(event.event === 'retrying' ? `retrying ${event.attempt} ${event.waitMs}` : event.event),
        pause: async () => {
          await other.query('ROLLBACK');
        },
      }),
    );
    await other.close();
    expect(ran).toEqual(['2_c']);
    expect(events).toEqual(['running', 'retrying 1 200', 'running', 'ran']);
  });

  it('gives up after its attempts, with nothing changed', async () => {
    await runUnits([unit('1_a', 'CREATE TABLE a (id int)')], options());
    const other = await connect(database.target, { readOnly: false });
    await other.query('BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE');
    const failure = runUnits([unit('2_c', 'ALTER TABLE a ADD COLUMN c int')], options({ attempts: 2 }));
    await expect(failure).rejects.toThrow(/lock timeout/);
    await other.close();
    expect(await storage().executed()).toEqual(['1_a']);
  });

  it('takes units back last first, all in the transaction of the caller', async () => {
    await runUnits(two(), options());
    const failing = [two()[0] as Unit, unit('2_b', '', 'DROP TABLE b; SELECT 1 / 0')];
    await expect(inTransaction(database.connection, limits, () => revertUnits(failing, options()))).rejects.toThrow(
      'division by zero',
    );
    expect(await tables()).toEqual(['a', 'b']);
    const reverted = await inTransaction(database.connection, limits, () => revertUnits(two(), options()));
    expect(reverted).toEqual(['2_b', '1_a']);
    expect(await tables()).toEqual([]);
    expect(await storage().executed()).toEqual([]);
  });
});

describe('withLock', () => {
  it('lets one run in, says who holds the lock, and gives it back', async () => {
    const other = await connect(database.target, { readOnly: false, applicationName: 'chain in CI' });
    const inside = await withLock(database.connection, null, async ({ guard }) => {
      await guard();
      expect(await findLockHolder(other)).toMatchObject({ pid: database.connection.backendPid });
      return withLock(other, null, async () => 'never').catch((fault: unknown) => fault);
    });
    expect(inside).toMatchObject({
      code: 'lock-held',
      exitCode: 4,
      message: expect.stringContaining(`process ${database.connection.backendPid}`),
    });
    expect(await withLock(other, null, async () => 'in')).toBe('in');
    await other.close();
  });

  it('refuses a backend that another session shares', async () => {
    // What a pooler in transaction mode looks like: both sessions meet the same backend.
    const pooled = { ...database.connection, isPooled: true };
    const second = async () => ({ ...database.connection, close: async () => undefined });
    await expect(withLock(pooled, second, async () => 'in')).rejects.toMatchObject({ code: 'pooler-connection' });
    await expect(withLock(pooled, null, async () => 'in')).rejects.toMatchObject({ code: 'pooler-connection' });
    const direct = () => connect(database.target, { readOnly: false });
    expect(await withLock(pooled, direct, async () => 'in')).toBe('in');
  });

  it('stops a run whose lock is gone', async () => {
    await withLock(database.connection, null, async ({ guard }) => {
      await database.connection.query('SELECT pg_advisory_unlock_all()');
      const failure = runUnits(two(), options({ guard }));
      await expect(failure).rejects.toMatchObject({ code: 'pooler-connection' });
    });
    expect(await tables()).toEqual([]);
  });
});

describe('openLedger', () => {
  it('makes its own tables through Umzug, once', async () => {
    expect(await readLedger(database.connection)).toBeNull();
    const ledger = await openLedger(database.connection);
    await openLedger(database.connection);
    expect(await ledger.unfinished()).toBeNull();
    const own = await database.connection.query(`SELECT name FROM chain.own_migration ORDER BY name`);
    expect(own.rows).toEqual([{ name: '0001_ledger' }, { name: '0002_rows' }, { name: '0003_seed_files' }]);
  });

  it('says what right is missing', async () => {
    const weak = await connect(
      (await import('../../src/database/index.ts')).parseDatabaseUrl(await database.urlOfNewRole(), {}),
      { readOnly: false },
    );
    await expect(openLedger(weak)).rejects.toMatchObject({ code: 'insufficient-privileges', exitCode: 3 });
    await weak.close();
  });

  it('takes none that another role laid there, and the own of each role, of the owner and of a superuser', async () => {
    const { connection } = database;
    const { parseDatabaseUrl } = await import('../../src/database/index.ts');
    const as = async (url: string) => connect(parseDatabaseUrl(url, {}), { readOnly: false });
    const maker = await as(await database.urlOfNewRole(`GRANT CREATE ON DATABASE ${database.name} TO ROLE`));
    const { user } = maker.target;
    await openLedger(maker);
    expect(await (await readLedger(maker))?.unfinished()).toBeNull();
    const foreign = { code: 'unowned-object', exitCode: 4, message: expect.stringContaining(user) };
    await expect(readLedger(connection)).rejects.toMatchObject(foreign);
    await expect(openLedger(connection)).rejects.toMatchObject(foreign);
    const member = await as(await database.urlOfNewRole(`GRANT ${user} TO ROLE`));
    expect(await readLedger(member)).not.toBeNull();
    await member.close();
    // A table alone is as telling.
    await connection.query(`ALTER SCHEMA chain OWNER TO ${database.target.user}`);
    await expect(openLedger(connection)).rejects.toMatchObject(foreign);
    await connection.query(`ALTER DATABASE ${database.name} OWNER TO ${user}`);
    expect(await readLedger(connection)).not.toBeNull();
    await connection.query(`ALTER DATABASE ${database.name} OWNER TO ${database.target.user}`);
    await connection.query(
      `REASSIGN OWNED BY ${user} TO ${database.target.user}; GRANT USAGE ON SCHEMA chain TO ${user}`,
    );
    expect(await readLedger(maker)).not.toBeNull();
    await maker.close();
    await connection.query(`DROP OWNED BY ${user}`);
  });
});
