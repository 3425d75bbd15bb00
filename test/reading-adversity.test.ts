/** Ctrl-C and lost connections while a command reads a real server. The sweep over every message is a trial. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { doctorWhile } from './support/adverse-reading.ts';
import { incidentErrors, incidentSql } from './support/incident.ts';
import { type TestDatabase, testDatabase } from './support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({ sql: incidentSql });
});
afterAll(() => database.drop());

it.each([
  ['it connects', (_text: string, nth: number) => nth === 1],
  ['a query runs', (text: string) => text.includes('pg_catalog.pg_constraint') || text.includes('from pg_constraint')],
])('ends at once and with 130 when Ctrl-C comes while %s', async (_when, holds) => {
  const started = Date.now();
  const { run, isHeld } = await doctorWhile(database.target, holds, (_relay, { child }) => void child.kill('SIGINT'));
  expect(isHeld).toBe(true);
  expect([run.exitCode, run.stdout]).toEqual([130, '']);
  expect(run.stderr).toMatch(/^chain: interrupted/i);
  // Less than the ten seconds that a connection may take.
  expect(Date.now() - started).toBeLessThan(9_000);
});

it('says so, ends with 3 and tells what it knows when the connection is lost while rows are asked for', async () => {
  const { run, isHeld } = await doctorWhile(
    database.target,
    (text) => /tenant_users/.test(text) && !/pg_/.test(text),
    (relay) => relay.cut(),
  );
  expect(isHeld).toBe(true);
  expect(run.exitCode).toBe(3);
  expect(run.stderr).toContain('was lost');
  const { findings, notChecked, database: looked } = run.json();
  expect(looked).not.toBeNull();
  const keys = findings.filter(({ severity }) => severity === 'error').map(({ key }) => key);
  expect(keys).toContain('declared-table-missing:public.tenant_roles');
  expect(keys.filter((key) => !incidentErrors.includes(key))).toEqual([]);
  expect(notChecked.some(({ reason }) => /lost/.test(reason))).toBe(true);
});
