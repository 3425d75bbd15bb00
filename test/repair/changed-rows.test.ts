/** Rows that a step changes (NULLs filled, a type that rounds): every image is kept, and undo leaves alone what others changed since. */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { Table } from '../../src/model/schema.ts';
import { applyPlan } from '../../src/repair/apply.ts';
import { fillStep } from '../../src/repair/fill.ts';
import { planId } from '../../src/repair/plan-file.ts';
import { type StepDraft, stepsFor } from '../../src/repair/steps.ts';
import { undo } from '../../src/repair/undo.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';
import { openScenario, type Scenario } from './scenario.ts';

const sql = `
  CREATE TABLE "Sail's" (yard int, no int, owner int REFERENCES "Sail's owners" DEFERRABLE INITIALLY DEFERRED, "rig's" json, PRIMARY KEY (yard, no));
  INSERT INTO "Sail's owners" VALUES (1);
  INSERT INTO "Sail's" VALUES (1, 1, 1, NULL), (1, 2, 1, '{"a": 1}'), (2, 1, 1, NULL), (2, 2, NULL, NULL)`;

function planOf(step: Step, liveFingerprint: string): Plan {
  const patches = ['', 'down/'].map((folder) => ({
    file: `migrations/${folder}${step.name}.sql`,
    before: null,
    after: folder === '' ? step.sql : (step.down as string),
    diff: '',
    answers: [],
  }));
  const made = { ...scenario.plan, patches, steps: [step], liveFingerprint, inputs: undefined };
  return { ...made, id: planId(made) };
}

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
  plan = planOf({ name: '0001_fill', ...draft }, live.fingerprint);
  expect(title).toBe("fill_Sail's_rig's");
});
afterEach(() => scenario.dispose());

const values = async () =>
  (
    await scenario.database.connection.query<{ value: string }>(
      `SELECT coalesce("rig's"::text, 'NULL') AS value FROM "Sail's" ORDER BY yard, no`,
    )
  ).rows.map(({ value }) => value);

it('changes a type that rounds, and undo gives back what the rows held', async () => {
  const { connection } = scenario.database;
  await connection.query(`CREATE TABLE prices (id text PRIMARY KEY, amount numeric(10,2), at timestamptz);
    INSERT INTO prices VALUES ('a', 1.25, '2024-01-01 00:00+05'), ('b', 2.00, NULL), ('c', NULL, NULL), ('d', 9.99, NULL)`);
  const live = await introspect(connection);
  const change = 'ALTER TABLE public.prices ALTER COLUMN amount TYPE numeric(10,1)';
  const draftFor = (bytes: number, sql = change) => {
    const { steps } = stepsFor({
      wanted: [{ operations: parseSql(sql, { origin: { revision: null, file: '', line: 1 } }), answers: [] }],
      live: live.schema,
      bytesByTable: new Map([['public.prices', { bytes }]]),
      context: { namingConvention: null, searchPath: ['public'] },
      contradicted: new Map(),
    });
    return steps[0] as StepDraft;
  };
  expect(draftFor(0).hazards).toEqual([]);
  expect(draftFor(1).hazards).toEqual(['changes-rows']);
  expect(draftFor(1e9).hazards).toEqual(expect.arrayContaining(['changes-rows', 'irreversible']));
  expect(draftFor(1, change.replace('10,1', '12,2')).hazards).toEqual([]);
  expect(draftFor(1, 'ALTER TABLE public.prices ALTER COLUMN id TYPE date USING id::date').hazards).toEqual([
    ...['changes-rows', 'irreversible'],
  ]);
  const { title: _, ...draft } = draftFor(1);
  const rounding = planOf({ name: '0001_round', ...draft }, live.fingerprint);
  const context = scenario.with({ allow: ['changes-rows'] });
  const amounts = async () =>
    (await connection.query<{ a: string | null }>('SELECT amount::text AS a FROM prices ORDER BY id')).rows.map(
      (row) => row.a,
    );
  const before = await scenario.state();
  await applyPlan(rounding, context);
  expect(await amounts()).toEqual(['1.3', '2.0', null, '10.0']);
  await undo(context);
  expect(await scenario.state()).toEqual(before);
  await applyPlan(rounding, context);
  await connection.query(`UPDATE prices SET amount = 7 WHERE id = 'd'`);
  await undo(context);
  expect(await amounts()).toEqual(['1.25', '2.00', null, '7.00']);
});

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
