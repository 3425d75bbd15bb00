/** What seed tests share: a Schema from SQL, a reading, and a database with the incident's missing tables made. */
import type { Schema } from '../../src/model/schema.ts';
import { applyEdits } from '../../src/repair/chain-edits.ts';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { patchSeed, type SeedPatchRequest, type SeedWorld } from '../../src/seeds/index.ts';
import { loadSqlParser, parseSql, readSeedSql } from '../../src/sql/index.ts';

await loadSqlParser();

export function schemaOf(sql: string): Schema {
  const operations = parseSql(sql, { origin: { file: 'schema.sql', line: 1, revision: null } });
  return schemaOfOperations(operations, { namingConvention: null, searchPath: ['public'] });
}

export function worldOf(...sql: string[]): SeedWorld {
  return { schemas: sql.map(schemaOf), searchPath: ['public'] };
}

export const read = (text: string) => readSeedSql('scripts/seed.sql', text);

/** The seed after its patch, and what was refused. */
export function patched(text: string, world: SeedWorld, request: SeedPatchRequest) {
  const { edits, refused } = patchSeed(read(text), world, request);
  return { text: applyEdits(text, edits), refused, edits };
}
