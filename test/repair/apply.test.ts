/** Apply and undo: whole or not at all, whatever cuts them; going on ends where an uncut run ends. */
import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identifyDatabase } from '../../src/database/index.ts';
import { applyPlan, findUnfinished } from '../../src/repair/apply.ts';
import { planId } from '../../src/repair/plan-file.ts';
import { undo } from '../../src/repair/undo.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { filesOf, killAt, openScenario, password, type Scenario, steps } from './scenario.ts';
import { cutApply, cutUndo, killedProcess, severedApply, uncutApply, uncutUndo } from './sweep.ts';

let scenario: Scenario;
beforeEach(async () => {
  await loadSqlParser();
  scenario = await openScenario();
});
afterEach(() => scenario.dispose());

const apply = (more = {}) => applyPlan(scenario.plan, scenario.with(more));

describe('applyPlan', () => {
  it('writes the files, runs the steps, fills the ledger; a second time does nothing', async () => {
    const applied = await apply();
    expect(applied).toMatchObject({ resumed: false, ran: steps.map((step) => step.name), unproven: [] });
    const files = filesOf(scenario.project);
    expect(files['alembic/versions/a.py']).toBe("644 revision = 'a'\r\ndown_revision = None\r\n");
    expect(files['seed.sh']).toMatch(/^750 #!\/bin\/sh\nset -e\n/);
    const { rows } = await scenario.database.connection.query(
      `SELECT r.state, r.plan_id, count(*)::int AS steps, bool_and(s.fingerprint_after IS NOT NULL) AS prints
         FROM chain.repair r JOIN chain.step s ON s.repair_id = r.id GROUP BY r.id`,
    );
    expect(rows).toEqual([{ state: 'applied', plan_id: scenario.plan.id, steps: 5, prints: true }]);
    const empty = { ...scenario.plan, patches: [], steps: [] };
    expect(await applyPlan(empty, scenario.context)).toMatchObject({ ran: [], repairId: null });
  });

  it('keeps no password of a file in the ledger, and goes on all the same once the file is edited, here alone', async () => {
    const ledgerText = async () => {
      const { rows } = await scenario.database.connection.query(
        `SELECT concat_ws(' ', (SELECT json_agg(r)::text FROM chain.repair r), (SELECT json_agg(s)::text FROM chain.step s),
                (SELECT json_agg(f)::text FROM chain.file_before_image f)) AS text`,
      );
      return (rows[0] as { text: string }).text;
    };
    expect(JSON.stringify(scenario.plan)).toContain(password);
    const { faults, killed } = killAt('patch:seed.sh:after', scenario);
    void apply({ faults }).catch(() => undefined);
    await killed;
    expect(await ledgerText()).not.toContain(password);
    const journal = join(scenario.project, '.chain/repairs', scenario.plan.id, 'plan.json');
    const kept = readFileSync(journal, 'utf8');
    rmSync(journal);
    await expect(applyPlan(null, scenario.context)).rejects.toMatchObject({ code: 'plan-stale' });
    writeFileSync(journal, kept);
    await expect(applyPlan(null, scenario.context)).resolves.toMatchObject({ resumed: true });
    expect(filesOf(scenario.project)['seed.sh']).toContain(`set -e\nPGPASSWORD=${password} psql`);
    await undo(scenario.context);
    expect(filesOf(scenario.project)['seed.sh']).toContain(`sh\nPGPASSWORD=${password} psql`);
    expect(await ledgerText()).not.toContain(password);
  });

  it('refuses what changed since the plan: the schema, a file, a new file', async () => {
    const { connection } = scenario.database;
    const before = await scenario.state();
    await connection.query('CREATE TABLE other (id int)');
    await expect(apply()).rejects.toMatchObject({ code: 'plan-stale', exitCode: 4 });
    await connection.query('DROP TABLE other');
    const stray = join(scenario.project, 'alembic/versions/b.py');
    writeFileSync(stray, '');
    await expect(apply()).rejects.toMatchObject({ code: 'plan-stale' });
    rmSync(stray);
    expect(await scenario.state()).toEqual(before);
    expect(existsSync(join(scenario.project, '.chain'))).toBe(false);
  });

  it('applies what was planned before other rows came, and refuses what was planned for another database', async () => {
    const { connection } = scenario.database;
    scenario.plan.database = 'another';
    await expect(apply()).rejects.toMatchObject({ code: 'plan-stale', message: expect.stringContaining('another') });
    scenario.plan.database = await identifyDatabase(connection);
    await connection.query(`INSERT INTO members VALUES (2, NULL)`);
    await expect(apply()).resolves.toMatchObject({ resumed: false });
  });

  it('refuses a hazard without leave and a plan without a passing rehearsal', async () => {
    await expect(apply({ allow: [] })).rejects.toMatchObject({
      code: 'hazard-not-allowed',
      message: expect.stringContaining('0003_index'),
      hint: expect.stringContaining('--allow not-transactional'),
    });
    scenario.plan.rehearsal = null;
    await expect(apply()).rejects.toMatchObject({ code: 'rehearsal-failed' });
    await expect(apply({ withoutRehearsal: true })).resolves.toMatchObject({ resumed: false });
  });

  it('puts everything back when the first step fails', async () => {
    await scenario.dispose();
    scenario = await openScenario([
      { ...(steps[0] as (typeof steps)[0]), sql: 'CREATE TABLE public.roles (id int);\nSELECT 1 / 0;\n' },
    ]);
    const before = await scenario.state();
    await expect(apply()).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/0001_create_roles.*division by zero[\s\S]*nothing was changed/),
    });
    expect(await scenario.state()).toEqual(before);
    expect(await findUnfinished(scenario.database.connection)).toBeNull();
  });

  it('stops part-way when a later step fails: what stands is whole, undo goes back', async () => {
    await scenario.dispose();
    const [first, second] = steps as [(typeof steps)[0], (typeof steps)[0]];
    scenario = await openScenario([first, { ...second, sql: `${second.sql}SELECT 1 / 0;\n` }]);
    const before = await scenario.state();
    await expect(apply()).rejects.toMatchObject({
      code: 'stopped-part-way',
      exitCode: 5,
      message: expect.stringMatching(/finished: 0001_create_roles.*0002_add_key failed/s),
      hint: expect.stringMatching(/chain repair --apply.*chain undo/),
    });
    expect(await findUnfinished(scenario.database.connection)).toMatchObject({ plan: { id: scenario.plan.id } });
    expect(await undo(scenario.context)).toMatchObject({ steps: ['0001_create_roles'] });
    expect(await scenario.state()).toEqual(before);
  });

  it('lets one of two through and tells the other who holds the lock', async () => {
    const results = await Promise.allSettled([apply(), apply()]);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({ exitCode: 4 });
    expect(['lock-held', 'plan-stale']).toContain(refused[0]?.reason.code);
  });

  it('goes on with an interrupted plan even when another is given, and not when the schema moved', async () => {
    const { faults, killed } = killAt('0002_add_key:before', scenario);
    void apply({ faults });
    await killed;
    const { connection } = scenario.database;
    await connection.query('CREATE TABLE other (id int)');
    await expect(apply()).rejects.toMatchObject({ code: 'plan-stale', hint: expect.stringContaining('chain undo') });
    await connection.query('DROP TABLE other');
    const other = { ...scenario.plan, steps: [] };
    other.id = planId(other);
    expect(await applyPlan(other, scenario.context)).toMatchObject({ resumed: true, plan: { id: scenario.plan.id } });
  });

  it('refuses a file that is no longer what was reviewed', async () => {
    const { faults, killed } = killAt('0002_add_key:before', scenario);
    void apply({ faults });
    await killed;
    appendFileSync(join(scenario.project, 'migrations/0002_add_key.sql'), 'DROP TABLE members;\n');
    await expect(apply()).rejects.toMatchObject({ exitCode: expect.any(Number) });
    const { rows } = await scenario.database.connection.query(`SELECT to_regclass('members') IS NOT NULL AS there`);
    expect(rows).toEqual([{ there: true }]);
  });

  it('writes nothing where a folder cannot be written', async () => {
    if (process.getuid?.() === 0) {
      // Root writes anywhere; a file in the place of a folder stops it all the same.
      writeFileSync(join(scenario.project, '.chain'), '');
    } else chmodSync(scenario.project, 0o500);
    const before = filesOf(scenario.project);
    await expect(apply()).rejects.toMatchObject({ exitCode: 4 });
    if (process.getuid?.() !== 0) chmodSync(scenario.project, 0o700);
    expect(filesOf(scenario.project)).toEqual(before);
  });
});

describe('undo', () => {
  it('is back byte for byte and object for object, and a second time has nothing to do', async () => {
    const before = await scenario.state();
    await apply();
    const undone = await undo(scenario.context);
    // Keys go before the rows that they would hold, and with them before other objects.
    expect(undone?.steps).toEqual(['0005_stamp', '0004_validate', '0002_add_key', '0003_index', '0001_create_roles']);
    expect(await scenario.state()).toEqual(before);
    expect(await undo(scenario.context)).toBeNull();
    expect(await apply()).toMatchObject({ resumed: false });
  });

  it('refuses rows that the repair did not make, and names them', async () => {
    await apply();
    await scenario.database.connection.query(`INSERT INTO roles VALUES ('r1', 't1'), ('r2', 't1')`);
    const before = await scenario.state();
    await expect(undo(scenario.context)).rejects.toMatchObject({
      code: 'undo-would-lose',
      exitCode: 4,
      message: expect.stringContaining('2 rows of public.roles'),
    });
    expect(await scenario.state()).toEqual(before);
  });

  it('refuses what others have built on it', async () => {
    await apply();
    await scenario.database.connection.query('CREATE VIEW shown AS SELECT id FROM roles');
    await expect(undo(scenario.context)).rejects.toMatchObject({
      code: 'undo-would-lose',
      message: expect.stringContaining('view shown'),
    });
  });

  it.each([
    ['a column', 'ALTER TABLE roles ADD COLUMN mine int', 'column mine of public.roles'],
    ['an index', 'CREATE INDEX roles_mine ON roles (tenant_id)', 'index roles_mine of public.roles'],
    ['a check', 'ALTER TABLE roles ADD CONSTRAINT short CHECK (length(id) < 9)', 'constraint short of public.roles'],
  ])('refuses a table that others gave %s', async (_words, sql, named) => {
    await apply();
    await scenario.database.connection.query(sql);
    await expect(undo(scenario.context)).rejects.toMatchObject({
      code: 'undo-would-lose',
      message: expect.stringContaining(named),
    });
  });

  it('refuses a column that has got values, or an index of others', async () => {
    await scenario.dispose();
    const sql = `ALTER TABLE public.members ADD COLUMN size int DEFAULT 0, ADD COLUMN seen timestamptz DEFAULT now();\n`;
    const down = 'ALTER TABLE public.members DROP COLUMN size;\nALTER TABLE public.members DROP COLUMN seen;\n';
    const first = steps[0] as (typeof steps)[0];
    const more = 'ALTER TABLE public.members ADD COLUMN note text;\n';
    const back = 'ALTER TABLE public.members DROP COLUMN note;\n';
    const second = { ...first, name: '0002_add_note', sql: more, down: back };
    scenario = await openScenario([{ ...first, sql, down }, second]);
    const before = await scenario.state();
    await apply();
    const { connection } = scenario.database;
    await connection.query(`UPDATE members SET size = 3, note = 'x'`);
    // All of it, whichever step would lose it.
    await expect(undo(scenario.context)).rejects.toThrow(
      '1 value of public.members.note, 1 value of public.members.size',
    );
    await connection.query('UPDATE members SET size = 0, note = NULL; CREATE INDEX mine ON members (id, size)');
    await expect(undo(scenario.context)).rejects.toThrow('index mine of public.members');
    await connection.query('DROP INDEX mine');
    await undo(scenario.context);
    expect(await scenario.state()).toEqual(before);
  });

  it('refuses a file that was changed since', async () => {
    await apply();
    appendFileSync(join(scenario.project, 'seed.sh'), '# mine\n');
    const before = await scenario.state();
    await expect(undo(scenario.context)).rejects.toMatchObject({
      code: 'undo-would-lose',
      message: expect.stringContaining('seed.sh'),
    });
    expect(await scenario.state()).toEqual(before);
  });

  it('refuses a version row that moved on', async () => {
    await scenario.dispose();
    scenario = await openScenario();
    await apply();
    await scenario.database.connection.query(`INSERT INTO alembic_version VALUES ('later')`);
    await expect(undo(scenario.context)).rejects.toMatchObject({ code: 'undo-would-lose' });
  });
});

describe('killed anywhere', () => {
  it('during apply: every step is whole, and running again ends as an uncut run', async () => {
    const { wanted, points } = await uncutApply();
    expect(points.length).toBeGreaterThan(40);
    for (const point of sample(points)) await cutApply(point, wanted);
  }, 120_000);

  it('during undo: running again ends where it began', async () => {
    for (const point of sample(await uncutUndo())) await cutUndo(point);
  }, 120_000);

  it('by the server, which drops the connection: a message that says how to go on, and running again finishes', async () => {
    const { wanted } = await uncutApply();
    for (const point of ['0001_create_roles:body', '0003_index:started']) await severedApply(point, wanted);
  }, 60_000);

  it('by a real SIGKILL in the middle of a step', async () => {
    await killedProcess('0002_add_key:body', (await uncutApply()).wanted);
  }, 60_000);
});

/** Every seventh point, and the ones around a ledger write; `test/trials/faults.ts` takes them all. */
function sample(points: readonly string[]): string[] {
  return points.filter((point, index) => index % 7 === 0 || /:ledger$|:started$|undo:database/.test(point));
}
