/** Building, and building again until the text stands still. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { elaborate, introspect, openScratch, type ScratchServer } from '../../src/database/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { truthOfSchema } from '../support/truth.ts';

let scratch: ScratchServer;
const databases: TestDatabase[] = [];

beforeAll(async () => {
  scratch = await openScratch();
});
afterAll(async () => {
  await scratch.stop();
  for (const database of databases) await database.drop();
});

async function liveSchema(sql: string) {
  const database = await testDatabase({ sql });
  databases.push(database);
  return (await introspect(database.connection)).schema;
}

it('builds again every kind of object, as it was', async () => {
  const schema = await liveSchema(readFileSync(new URL('../support/data/every-kind.sql', import.meta.url), 'utf8'));
  const elaboration = await elaborate(scratch, schema);
  expect(elaboration.failures.map(({ object, message, sql }) => [object, message, sql])).toEqual([]);
  expect(elaboration.isFixedPoint).toBe(true);
  expect(truthOfSchema(elaboration.schema)).toEqual(truthOfSchema(schema));
});
