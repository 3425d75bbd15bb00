/** Which seeds a plan runs: those whose tables and columns will stand. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import { FileEdits } from '../../src/repair/chain-edits.ts';
import { planSeeds } from '../../src/repair/seed-plan.ts';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { loadSqlParser, parseSql, readSeedSql } from '../../src/sql/index.ts';

beforeAll(loadSqlParser);

function planned(seed: string) {
  const origin = { file: 'a.py', line: 1, revision: 'a' };
  const made = parseSql('CREATE SCHEMA port; CREATE TABLE port.boats (id int); CREATE TABLE crew (id int)', { origin });
  const schema = schemaOfOperations(made, { namingConvention: null, searchPath: ['public'] });
  const diagnosis = { seeds: { readings: [readSeedSql('seed.sql', seed)], runners: [] } } as unknown as Diagnosis;
  const actions = [{ action: { action: 'run-seed' as const, file: 'seed.sql' }, answers: ['key'] }];
  const { steps, left } = planSeeds(actions, diagnosis, new FileEdits(() => seed), {
    schemas: [schema],
    searchPath: ['public'],
  });
  return { tables: steps.map((step) => step.tables), left: left.map(({ reason }) => reason) };
}

describe('planSeeds', () => {
  it('looks names up where the seed sets its search_path', () => {
    expect(planned('SET search_path TO port; INSERT INTO boats (id) VALUES (1);')).toEqual({
      tables: [['port.boats']],
      left: [],
    });
    expect(planned('INSERT INTO boats (id) VALUES (1);').left).toEqual([
      'seed.sql writes to boats, which nothing plans to create',
    ]);
  });

  it('leaves a seed that fills a column of a later revision', () => {
    expect(planned('INSERT INTO crew (id, rank) VALUES (1, 2);')).toEqual({
      tables: [],
      left: ['seed.sql writes to crew.rank, which nothing plans to create'],
    });
    expect(planned('ALTER TABLE crew ADD rank int; INSERT INTO crew (id, rank) VALUES (1, 2);').left).toEqual([]);
  });
});
