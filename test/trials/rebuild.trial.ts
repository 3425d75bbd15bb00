/**
 * Recorded schemas of real histories (files of `chain schema` in the folder that CHAIN_CORPUS names) read back, written as
 * SQL, built and introspected: the same schema again, and none of the two differs from its elaboration.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildSchema, elaborate, introspect, openScratch } from '../../src/database/index.ts';
import { compareSchemas } from '../../src/diff/index.ts';
import type { Difference } from '../../src/model/drift.ts';
import { type JsonSchema, schemaFromJson } from '../../src/model/schema-json.ts';
import { testDatabase, testServer } from '../support/postgres.ts';

const folder = process.env.CHAIN_CORPUS;

const say = (each: Difference) =>
  `${each.kind} ${each.direction} ${each.key} ${each.aspects.map((part) => `${part.name}: ${part.declared} / ${part.live}`).join('; ')}`;

describe.skipIf(!folder)('recorded schemas', () => {
  for (const file of folder ? readdirSync(folder).filter((each) => each.endsWith('.json')) : [])
    it(file, async () => {
      const recorded = schemaFromJson(JSON.parse(readFileSync(join(folder as string, file), 'utf8')) as JsonSchema);
      expect(compareSchemas(recorded, structuredClone(recorded), { elaborated: true }).differences.map(say)).toEqual(
        [],
      );
      await using database = await testDatabase();
      const { failures } = await buildSchema(database.connection, recorded);
      const live = (await introspect(database.connection)).schema;
      const built = compareSchemas(recorded, live).differences.filter((each) => each.certainty === 'proven');
      const scratch = await openScratch({ scratchUrl: (await testServer()).url });
      try {
        const [ours, theirs] = [await elaborate(scratch, recorded), await elaborate(scratch, live)];
        const after = compareSchemas(ours.schema, theirs.schema, { elaborated: true }).differences;
        // What the server cannot build (extensions it lacks, functions whose bodies are not recorded) is told, not judged.
        const failed = new Set(failures.map((each) => each.object));
        if (failed.size > 0)
          console.log(
            file,
            failures.map((each) => `${each.kind} ${each.object}: ${each.message}`),
          );
        const expected = (each: Difference) =>
          !['function', 'trigger', 'extension', 'domain'].includes(each.kind) &&
          !failed.has(each.key) &&
          !failures.some(
            (one) => one.kind === 'extension' && each.aspects.some((part) => part.declared?.includes(one.object)),
          );
        expect(built.filter(expected).map(say)).toEqual([]);
        expect(after.filter(expected).map(say)).toEqual([]);
      } finally {
        await scratch.stop();
      }
    });
});
