/**
 * Kills `repair --apply` of the incident wherever it can be seen to be, runs it again, and asks for the same end. A place is
 * "after the n-th line on stderr" or "once the ledger holds n rows".
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chain, type RunningChain, startChain } from '../support/chain.ts';
import { type SchemaJson, schemaDisagreements } from '../support/compare.ts';
import {
  type Incident,
  openIncident,
  seedCounts,
  seedCountsHealed,
  verificationRows,
  verify,
} from '../support/incident.ts';
import { testServer } from '../support/postgres.ts';

const isFull = process.env.CHAIN_TRIALS === 'full';

let scratch: string[];
let reference: Incident;
let lines: number;
let schema: SchemaJson;
let files: string[];

const start = (incident: Incident): RunningChain =>
  startChain([
    ...['repair', '--apply', '--yes', '--project', incident.project.dir, '--url', incident.database.url],
    ...scratch,
  ]);

const schemaOf = async (incident: Incident): Promise<SchemaJson> => {
  const where = ['--project', incident.project.dir, '--url', incident.database.url];
  return (await chain(['schema', 'live', '--format', 'json', ...where])).json<SchemaJson>();
};

beforeAll(async () => {
  scratch = ['--scratch-url', (await testServer()).url];
  reference = await openIncident();
  const smooth = await start(reference).finished;
  expect([smooth.exitCode, smooth.stderr]).toEqual([0, expect.any(String)]);
  lines = smooth.stderr.trimEnd().split('\n').length;
  schema = await schemaOf(reference);
  files = Object.keys(reference.project.snapshot());
}, 120_000);
afterAll(() => reference[Symbol.asyncDispose]());

async function killAndResume(kill: (running: RunningChain, incident: Incident) => Promise<void>, label: string) {
  await using incident = await openIncident();
  const running = start(incident);
  await kill(running, incident);
  const killed = await running.finished;
  const wasKilled = killed.signal === 'SIGKILL';
  const resumed = await start(incident).finished;
  expect([label, resumed.exitCode, resumed.stderr]).toEqual([label, 0, expect.any(String)]);
  expect(await seedCounts(incident.database.connection), label).toEqual(seedCountsHealed);
  expect(await verify(incident.database.connection), label).toEqual(verificationRows);
  expect(schemaDisagreements(schema, await schemaOf(incident)), label).toEqual([]);
  expect(Object.keys(incident.project.snapshot()), label).toEqual(files);
  const settled = await start(incident).finished;
  expect([label, settled.exitCode], label).toEqual([label, 0]);
  return wasKilled;
}

it('ends the same, killed after any line', async () => {
  const step = isFull ? 1 : Math.max(1, Math.floor(lines / 4));
  let kills = 0;
  for (let at = 1; at <= lines; at += step) {
    const wasKilled = await killAndResume(async (running) => {
      running.child.stderr?.on('data', () => {
        if (running.stderr().split('\n').length > at) running.child.kill('SIGKILL');
      });
    }, `line ${at} of ${lines}`);
    if (wasKilled) kills++;
  }
  expect(kills).toBeGreaterThan(0);
});

it('ends the same, killed once the ledger holds any number of rows', async () => {
  const count = `select coalesce(sum((xpath('/row/n/text()',
      query_to_xml(format('select count(*) as n from chain.%I', c.relname), false, true, '')))[1]::text::int), 0)::int as n
    from pg_class c where c.relnamespace = to_regnamespace('chain') and c.relkind = 'r'`;
  const rowsIn = async (incident: Incident) =>
    (await incident.database.connection.query<{ n: number }>(count)).rows[0]?.n ?? 0;
  const total = await rowsIn(reference);
  const step = isFull ? 1 : Math.max(1, Math.floor(total / 3));
  for (let at = 1; at < total; at += step) {
    await killAndResume(async (running, incident) => {
      while (running.child.exitCode === null && (await rowsIn(incident)) < at);
      running.child.kill('SIGKILL');
    }, `${at} of ${total} ledger rows`);
  }
});
