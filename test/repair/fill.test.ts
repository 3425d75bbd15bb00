/** NULLs filled under a NOT NULL: every row's image is kept, and undo leaves alone what others changed since. */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { Table } from '../../src/model/schema.ts';
import { applyPlan } from '../../src/repair/apply.ts';
import { fillStep } from '../../src/repair/fill.ts';
import { planId } from '../../src/repair/plan-file.ts';
import { undo } from '../../src/repair/undo.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { openScenario, type Scenario } from './scenario.ts';

const sql = `
  CREATE TABLE "Sail's" (yard int, no int, owner int REFERENCES "Sail's owners" DEFERRABLE INITIALLY DEFERRED, "rig's" json, PRIMARY KEY (yard, no));
  INSERT INTO "Sail's owners" VALUES (1);
  INSERT INTO "Sail's" VALUES (1, 1, 1, NULL), (1, 2, 1, '{"a": 1}'), (2, 1, 1, NULL), (2, 2, NULL, NULL)`;

let scenario: Scenario;
let plan: Plan;
beforeAll(() => loadSqlParser());
beforeEach(async () => {
  scenario = await openScenario([]);
  await scenario.database.connection.query(`CREATE TABLE "Sail's owners" (id int PRIMARY KEY)`);
  await scenario.database.connection.query(sql);
  const live = await introspect(scenario.database.connection);
  const key = "public.Sail's";
  const table = live.schema.tables.get(key) as Table;
  const fill = { value: `'{"it''s": 0}'`, answers: [] };
  const { title, ...draft } = fillStep(fill, { key, column: "rig's", table, isSmall: true });
  const step: Step = { name: '0001_fill', ...draft };
  const patches = ['', 'down/'].map((folder) => ({
    file: `migrations/${folder}0001_fill.sql`,
    before: null,
    after: folder === '' ? step.sql : (step.down as string),
    diff: '',
    answers: [],
  }));
  plan = { ...scenario.plan, patches, steps: [step], liveFingerprint: live.fingerprint, inputs: undefined };
  plan.id = planId(plan);
  expect(title).toBe("fill_Sail's_rig's");
});
afterEach(() => scenario.dispose());

const values = async () =>
  (
    await scenario.database.connection.query<{ value: string }>(
      `SELECT coalesce("rig's"::text, 'NULL') AS value FROM "Sail's" ORDER BY yard, no`,
    )
  ).rows.map(({ value }) => value);

it('fills, and undo makes NULL again what still has the value', async () => {
  const before = await scenario.state();
  const context = scenario.with({ allow: ['changes-rows'] });
  await expect(applyPlan(plan, scenario.context)).rejects.toMatchObject({ code: 'hazard-not-allowed' });
  await applyPlan(plan, context);
  const filled = `{"it's": 0}`;
  expect(await values()).toEqual([filled, '{"a": 1}', filled, filled]);
  await undo(context);
  expect(await scenario.state()).toEqual(before);

  await applyPlan(plan, context);
  await scenario.database.connection.query(`UPDATE "Sail's" SET "rig's" = '[]' WHERE yard = 2 AND no = 1`);
  await undo(context);
  expect(await values()).toEqual(['NULL', '{"a": 1}', '[]', 'NULL']);
});
