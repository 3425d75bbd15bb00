/**
 * The incident from broken to healed and back on every PostgreSQL major that is here.
 */
import { expect, it } from 'vitest';
import { chain } from '../support/chain.ts';
import { type SchemaJson, schemaDisagreements } from '../support/compare.ts';
import {
  incidentErrors,
  openIncident,
  seedCounts,
  seedCountsHealed,
  verificationRows,
  verify,
} from '../support/incident.ts';
import { availableMajors } from '../support/postgres-majors.ts';
import { rowsOf } from '../support/rows.ts';

it.each(availableMajors())('PostgreSQL %i', async (major) => {
  await using incident = await openIncident({ major });
  const on = (...args: string[]) => chain([...args, '--project', incident.project.dir, '--url', incident.database.url]);
  const [files, rows] = [incident.project.snapshot(), await rowsOf(incident.database.target)];
  const schema = (await on('schema', 'live', '--format', 'json')).json<SchemaJson>();
  const report = (await on('doctor', '--format', 'json')).json();
  const errors = report.findings.filter(({ severity }) => severity === 'error').map(({ key }) => key);
  expect(errors.sort()).toEqual([...incidentErrors].sort());
  const applied = await on('repair', '--apply', '--yes');
  expect([applied.exitCode, applied.stderr]).toEqual([0, expect.any(String)]);
  expect(await seedCounts(incident.database.connection)).toEqual(seedCountsHealed);
  expect(await verify(incident.database.connection)).toEqual(verificationRows);
  const undone = await on('undo', '--yes');
  expect([undone.exitCode, undone.stderr]).toEqual([0, expect.any(String)]);
  expect(incident.project.snapshot()).toEqual(files);
  expect(await rowsOf(incident.database.target)).toEqual(rows);
  expect(schemaDisagreements(schema, (await on('schema', 'live', '--format', 'json')).json<SchemaJson>())).toEqual([]);
});
