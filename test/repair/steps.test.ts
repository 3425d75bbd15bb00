/** Steps: in an order PostgreSQL takes, in the safe form, with a way back that leaves nothing. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import type { Operation } from '../../src/model/operation.ts';
import type { Schema } from '../../src/model/schema.ts';
import { type StepDraft, type StepInputs, stepsFor } from '../../src/repair/steps.ts';
import { loadSqlParser, parseSql, splitStatements } from '../../src/sql/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

const origin = { revision: null, file: 'x.sql', line: 1 };
const read = (sql: string): Operation[] => parseSql(sql, { origin });
const phases = ['schema', 'seed', 'validate', 'stamp'];

let database: TestDatabase;
let live: Schema;
beforeAll(() => loadSqlParser());
beforeEach(async () => {
  database = await testDatabase({
    sql: `CREATE TABLE tenants (id varchar(36) PRIMARY KEY);
          CREATE TABLE users (id int PRIMARY KEY, role_id varchar(36), age int);
          INSERT INTO users VALUES (1, 'admin', 3)`,
  });
  live = (await introspect(database.connection)).schema;
});
afterEach(() => database.drop());

function plan(wanted: string[], more: Partial<StepInputs> = {}) {
  return stepsFor({
    wanted: wanted.map((sql, index) => ({ operations: read(sql), answers: [`finding-${index}`] })),
    live,
    bytesByTable: new Map([...live.tables.keys()].map((key) => [key, { bytes: 8192 }])),
    context: { namingConvention: null, searchPath: ['public'] },
    contradicted: new Map(),
    ...more,
  });
}

async function run(steps: readonly StepDraft[]): Promise<void> {
  for (const phase of phases) {
    for (const step of steps.filter((one) => one.phase === phase)) {
      const statements = step.transactional ? [step.sql] : splitStatements(step.sql).map((one) => one.text);
      for (const sql of statements) await database.connection.query(sql);
    }
  }
}

async function runBack(steps: readonly StepDraft[]): Promise<void> {
  const ordered = phases.flatMap((phase) => steps.filter((one) => one.phase === phase));
  for (const step of ordered.reverse()) if (step.down !== null) await database.connection.query(step.down);
}

const print = async () => (await introspect(database.connection)).fingerprint;
const titles = (steps: readonly StepDraft[]) => steps.map((step) => `${step.phase} ${step.title}`);

const roles = `CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE TABLE roles (id varchar(36) PRIMARY KEY, tenant_id varchar(36) REFERENCES tenants (id), mood mood, UNIQUE (tenant_id));
  CREATE INDEX ON roles (mood);`;
const key = `ALTER TABLE users ADD CONSTRAINT users_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id);`;

describe('stepsFor', () => {
  it('makes tables before the keys that need them, whatever order they are asked in, and takes all back', async () => {
    const before = await print();
    const { steps, left } = plan([key, roles]);
    expect(left).toEqual([]);
    expect(titles(steps)).toEqual([
      'schema create_roles',
      'schema add_users_role_id_fkey',
      'validate validate_users_role_id_fkey',
    ]);
    expect(steps.map((step) => step.answers)).toEqual([['finding-1'], ['finding-0'], ['finding-0']]);
    await run(steps.filter((step) => step.phase === 'schema'));
    await database.connection.query(`INSERT INTO roles VALUES ('admin')`);
    await run(steps.filter((step) => step.phase === 'validate'));
    const after = (await introspect(database.connection)).schema;
    expect(after.tables.get('public.users')?.constraints.get('users_role_id_fkey')?.validated).toBe(true);
    await database.connection.query('DELETE FROM users; DELETE FROM roles');
    await runBack(steps);
    expect(await print()).toBe(before);
  });

  it('leaves a key NOT VALID where rows contradict it, with a notice', async () => {
    const notices: string[] = [];
    database.connection.onNotice((notice) => notices.push(notice.message));
    const { steps } = plan([roles, key]);
    await run(steps);
    expect(notices).toEqual([expect.stringMatching(/users_role_id_fkey stays NOT VALID: rows of public\.users/)]);
    expect(steps.every((step) => step.hazards.length === 0)).toBe(true);
  });

  it('names what a step locks', () => {
    const { steps } = plan([roles, key]);
    expect(steps.map((step) => step.lock)).toEqual([
      'SHARE ROW EXCLUSIVE on public.tenants',
      'SHARE ROW EXCLUSIVE on public.users, public.roles',
      'SHARE UPDATE EXCLUSIVE on public.users',
    ]);
  });

  it('makes tables that reference each other, the second key apart', async () => {
    const before = await print();
    const { steps, left } = plan([
      'CREATE TABLE a (id int PRIMARY KEY, b_id int); ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b (id);',
      'CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a (id));',
    ]);
    expect(left).toEqual([]);
    await run(steps);
    const after = (await introspect(database.connection)).schema;
    expect(after.tables.get('public.a')?.constraints.get('a_b')?.validated).toBe(true);
    expect(after.tables.get('public.b')?.constraints.get('b_a_id_fkey')?.validated).toBe(true);
    await runBack(steps);
    expect(await print()).toBe(before);
  });

  it('gives what it replaces its own text back, but where somebody else has changed it since', async () => {
    const { connection } = database;
    await connection.query(`
      CREATE FUNCTION size(a int, "b's" text DEFAULT 'x') RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 'it''s \\'; END $f$;
      CREATE VIEW grown AS SELECT id, age FROM users WHERE age > 17;
      CREATE VIEW old AS SELECT id FROM users;
      CREATE VIEW older AS SELECT id FROM old`);
    live = (await introspect(connection)).schema;
    const before = await print();
    const wanted = (body: string) =>
      `CREATE OR REPLACE FUNCTION public.size(a int, "b's" text DEFAULT 'x') RETURNS int LANGUAGE plpgsql AS ${body};`;
    const replaced = plan([
      wanted("$$ BEGIN RETURN 'as it''s \\ meant'; END $$"),
      'CREATE OR REPLACE VIEW grown AS SELECT id, age, role_id FROM users WHERE age >= 18;',
      'CREATE OR REPLACE VIEW old AS SELECT id FROM users WHERE age > 65;',
    ]);
    expect(replaced.left).toEqual([]);
    await run(replaced.steps);
    expect(await print()).not.toBe(before);
    await runBack(replaced.steps);
    expect(await print()).toBe(before);

    const { steps } = plan([wanted("' BEGIN RETURN 1 + ''2''; END '")]);
    await run(steps);
    await connection.query(wanted("' BEGIN RETURN 3; END '"));
    await expect(runBack(steps)).rejects.toThrow('public.size is no longer what the repair made of it');
  });

  it('adds a column without a default as nullable, and requires it once every row has a value', async () => {
    const { steps } = plan([
      'ALTER TABLE users ADD COLUMN name text NOT NULL; ALTER TABLE users ADD COLUMN size int NOT NULL DEFAULT 0;',
    ]);
    expect(titles(steps)).toEqual(['schema add_columns_to_users', 'validate require_users_name']);
    await run(steps.filter((step) => step.phase === 'schema'));
    await database.connection.query(`UPDATE users SET name = 'x'`);
    await run(steps.filter((step) => step.phase === 'validate'));
    const columns = (await introspect(database.connection)).schema.tables.get('public.users')?.columns;
    expect([columns?.get('name')?.notNull, columns?.get('size')?.notNull]).toEqual([true, true]);
  });

  it('indexes a large table CONCURRENTLY, outside a transaction, bearing to be run again', async () => {
    const before = await print();
    const { steps } = plan(['CREATE INDEX users_age_idx ON users (age);'], { bytesByTable: new Map() });
    expect(steps).toMatchObject([{ transactional: false, hazards: ['not-transactional'] }]);
    await run(steps);
    await run(steps);
    await runBack(steps);
    expect(await print()).toBe(before);
  });

  it('a scan under a strong lock is a hazard on a large table and none on a small one', () => {
    const sql = ['ALTER TABLE users ADD CONSTRAINT users_age_ex EXCLUDE USING btree (age WITH =);'];
    expect(plan(sql).steps[0]?.hazards).toEqual([]);
    expect(plan(sql, { bytesByTable: new Map() }).steps[0]?.hazards).toEqual(['long-lock']);
  });

  it('makes a unique key of a large table from an index that is built CONCURRENTLY', async () => {
    const before = await print();
    const sql = ['ALTER TABLE users ADD CONSTRAINT users_age_key UNIQUE (age) DEFERRABLE INITIALLY DEFERRED;'];
    const { steps } = plan(sql, { bytesByTable: new Map() });
    expect(steps.map(({ transactional, hazards }) => [transactional, hazards])).toEqual([
      [false, ['not-transactional']],
      [true, []],
    ]);
    await run(steps);
    const key = (await introspect(database.connection)).schema.tables.get('public.users')?.constraints;
    expect(key?.get('users_age_key')).toMatchObject({ type: 'u', columns: ['age'], deferrable: 'initially deferred' });
    await runBack(steps);
    expect(await print()).toBe(before);
  });

  it('does what two findings ask for once, and says that both are answered', () => {
    const { steps } = plan([roles, roles, key]);
    expect(steps.map((step) => step.answers)).toEqual([['finding-0', 'finding-1'], ['finding-2'], ['finding-2']]);
  });

  it('leaves a key whose table nobody makes, and one that rows contradict for good', () => {
    const { steps, left } = plan([key, 'ALTER TABLE users ADD CONSTRAINT users_age_key UNIQUE (age);'], {
      contradicted: new Map([['public.users.users_age_key', 'rows contradict it']]),
    });
    expect(steps).toEqual([]);
    expect(left).toEqual([
      { key: 'finding-1', reason: 'rows contradict it' },
      { key: 'finding-0', reason: expect.stringContaining('public.roles') },
    ]);
  });

  it('foresees the schema that PostgreSQL then has', async () => {
    const { steps, schema } = plan([roles, key, 'ALTER TABLE users ADD COLUMN name text NOT NULL DEFAULT 0;']);
    await database.connection.query('DELETE FROM users');
    await run(steps);
    const after = (await introspect(database.connection)).schema;
    const parts = (one: Schema) =>
      [...one.tables]
        .map(([name, table]) => [name, [...table.columns.keys()].sort(), [...table.constraints.keys()].sort()])
        .sort();
    expect(parts(after)).toEqual(parts(schema));
  });
});
