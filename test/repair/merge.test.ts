/** Merging duplicates: every key re-pointed, nothing deleted for good, undo brings all back. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import { applyPlan } from '../../src/repair/apply.ts';
import { mergeStep } from '../../src/repair/merge.ts';
import { planId } from '../../src/repair/plan-file.ts';
import { undo } from '../../src/repair/undo.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { openScenario, type Scenario } from './scenario.ts';

const sql = `
  CREATE TABLE "Brand's" (id text PRIMARY KEY, owner text NOT NULL, name text NOT NULL, UNIQUE (owner, name));
  CREATE TABLE brand_members (id int PRIMARY KEY, brand_id text NOT NULL REFERENCES "Brand's" (id) ON DELETE CASCADE,
    user_id int NOT NULL, note json, size int GENERATED ALWAYS AS (user_id * 2) STORED, UNIQUE (brand_id, user_id));
  CREATE TABLE assets (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, brand_id text REFERENCES "Brand's" (id), parent_id text REFERENCES "Brand's" (id));
  INSERT INTO "Brand's" VALUES ('old', 'default', 'Demo'), ('new', 'main', 'Demo'), ('other', 'main', 'Other');
  INSERT INTO brand_members (id, brand_id, user_id, note) VALUES (1, 'old', 7, '{"a": 1}'), (2, 'old', 8, NULL), (3, 'new', 7, NULL), (4, 'other', 7, NULL);
  INSERT INTO assets (brand_id, parent_id) VALUES ('old', 'old'), ('new', 'old'), ('other', NULL);`;

let scenario: Scenario;
let plan: Plan;
beforeAll(() => loadSqlParser());
beforeEach(async () => {
  scenario = await openScenario([]);
  await scenario.database.connection.query(sql);
  const live = await introspect(scenario.database.connection);
  const action = {
    action: 'merge-duplicates' as const,
    table: "public.Brand's",
    columns: ['name'],
    groups: [{ survivor: { id: 'new' }, removed: [{ id: 'old' }] }],
  };
  const { title, ...draft } = mergeStep(action, [], live.schema);
  const step: Step = { name: '0001_merge', ...draft };
  const patches = ['', 'down/'].map((folder) => ({
    file: `migrations/${folder}0001_merge.sql`,
    before: null,
    after: folder === '' ? step.sql : (step.down as string),
    diff: '',
    answers: [],
  }));
  plan = { ...scenario.plan, patches, steps: [step], liveFingerprint: live.fingerprint, inputs: undefined };
  plan.id = planId(plan);
  expect(title).toBe("merge_duplicates_of_Brand's");
});
afterEach(() => scenario.dispose());

const rows = async (query: string) => (await scenario.database.connection.query(query)).rows;

describe('merge-duplicates', () => {
  it('points everything to the survivor, keeps what made way, and undo brings it all back', async () => {
    const before = await scenario.state();
    await applyPlan(plan, scenario.context);
    expect(await rows(`SELECT id FROM "Brand's" ORDER BY 1`)).toEqual([{ id: 'new' }, { id: 'other' }]);
    expect(await rows('SELECT id, brand_id FROM brand_members ORDER BY 1')).toEqual([
      { id: 2, brand_id: 'new' },
      { id: 3, brand_id: 'new' },
      { id: 4, brand_id: 'other' },
    ]);
    expect(await rows('SELECT brand_id, parent_id FROM assets ORDER BY id')).toEqual([
      { brand_id: 'new', parent_id: 'new' },
      { brand_id: 'new', parent_id: 'new' },
      { brand_id: 'other', parent_id: null },
    ]);
    expect(await rows('SELECT table_name, row_data FROM chain.quarantine ORDER BY id')).toEqual([
      {
        table_name: 'public.brand_members',
        row_data: { id: 1, brand_id: 'old', user_id: 7, note: { a: 1 }, size: 14 },
      },
      { table_name: "public.Brand's", row_data: { id: 'old', owner: 'default', name: 'Demo' } },
    ]);
    await undo(scenario.context);
    expect(await scenario.state()).toEqual(before);
  });
});
