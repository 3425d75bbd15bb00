/**
 * The main job, end to end, on the real incident: the command line as its users run it, a real PostgreSQL, and a real
 * Alembic where there is one.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alembic, alembicHeads, alembicOk, requireInterop, truthOf } from './support/alembic.ts';
import { type ChainRun, chain, type FindingJson, type ReportJson } from './support/chain.ts';
import { type SchemaJson, schemaDisagreements } from './support/compare.ts';
import { copyFixture } from './support/fixture.ts';
import {
  foreignOperators,
  type Incident,
  incidentErrors,
  incidentHead,
  incidentSql,
  incidentWarnings,
  openIncident,
  repairByHand,
  seedCounts,
  seedCountsHealed,
  sevenColumns,
  verificationRows,
  verify,
} from './support/incident.ts';
import { testDatabase, testServer } from './support/postgres.ts';
import { lostRows, type Rows, rowsOf } from './support/rows.ts';

const hasAlembic = requireInterop();

/** Scratch databases on the tests' own server: what starting one of its own takes is tried elsewhere. */
const on = async (incident: Incident, command: string, ...args: string[]) => {
  const scratch = ['doctor', 'repair'].includes(command) ? ['--scratch-url', (await testServer()).url] : [];
  return chain([command, ...args, '--project', incident.project.dir, '--url', incident.database.url, ...scratch]);
};

/** The live schema as `chain` reads it. */
async function schemaOf(incident: Incident): Promise<SchemaJson> {
  const run = await chain([
    'schema',
    'live',
    '--format',
    'json',
    '--project',
    incident.project.dir,
    '--url',
    incident.database.url,
  ]);
  return run.json<SchemaJson>();
}

const withoutLedger = (schema: SchemaJson): SchemaJson => {
  const tables = Object.entries(schema.tables).filter(([key]) => !key.startsWith('chain.'));
  return { ...schema, tables: Object.fromEntries(tables) };
};

const keys = (report: ReportJson, severity: FindingJson['severity']) =>
  report.findings.filter((finding) => finding.severity === severity).map(({ key }) => key);

const find = (report: ReportJson, key: string): FindingJson => {
  const finding = report.findings.find((candidate) => candidate.key === key);
  if (finding === undefined) throw new Error(`no finding ${key} among ${report.findings.map((f) => f.key).join(', ')}`);
  return finding;
};

const whole = (finding: FindingJson) =>
  [finding.message, ...finding.evidence.map(({ text }) => text), finding.remedy?.summary ?? ''].join('\n');

describe.skipIf(!hasAlembic)('the fixture, by a real Alembic', () => {
  it('cannot be loaded, for the missing parent', () => {
    using project = copyFixture('incident');
    const run = alembic(project.dir, null, ['heads']);
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr.trimEnd().split('\n').at(-1)).toBe("KeyError: 'ai_setup_assistant_001'");
  });

  it('has the faults that its README tells and no others', async () => {
    using project = copyFixture('incident');
    repairByHand(project);
    await using built = await testDatabase();
    await using live = await testDatabase({ sql: incidentSql });
    expect(alembicHeads(project.dir)).toEqual(['20251103_tenant_roles']);
    alembicOk(project.dir, built.url, ['upgrade', 'head']);
    const missing = ['column', 'expression'].flatMap((kind) =>
      sevenColumns.map((column) => `${kind} missing public.brand_onboarding.${column}`),
    );
    expect(schemaDisagreements(truthOf(built.url), truthOf(live.url))).toEqual(
      [
        ...missing,
        'table missing public.tenant_roles',
        'constraint missing public.tenant_users ["f",["role_id"],"public.tenant_roles",["id"],"NO ACTION","NO ACTION"]',
        'constraint name missing public.tenant_users.tenant_users_role_id_fkey',
      ].sort(),
    );
  });
});

describe('chain doctor', () => {
  let incident: Incident;
  let run: ChainRun;
  let report: ReportJson;

  beforeAll(async () => {
    incident = await openIncident();
    const before = incident.project.snapshot();
    run = await on(incident, 'doctor', '--format', 'json');
    report = run.json();
    expect(incident.project.snapshot()).toEqual(before);
  });
  afterAll(() => incident[Symbol.asyncDispose]());

  it('says all of it in one run', () => {
    expect(run.exitCode).toBe(1);
    expect(keys(report, 'error').sort()).toEqual([...incidentErrors].sort());
    expect(keys(report, 'warning')).toEqual(expect.arrayContaining(incidentWarnings));
    expect(report.summary).toMatchObject({ error: incidentErrors.length, exitCode: 1 });
  });

  it('says which revision the database looks like', () => {
    expect(report.database?.looksLike[0]?.revisions).toEqual([incidentHead]);
    expect(report.database?.stamp).toEqual({ table: null, rows: [] });
    expect(whole(find(report, 'unstamped-database:public.alembic_version'))).toContain(incidentHead);
  });

  it('names the seven columns in one finding', () => {
    const text = whole(find(report, 'if-not-exists-shape-mismatch:public.brand_onboarding'));
    for (const column of sevenColumns) expect(text).toContain(column);
    expect(
      report.findings.filter(
        ({ severity, subject }) => severity !== 'info' && subject.name.startsWith('public.brand_onboarding'),
      ),
    ).toHaveLength(1);
  });

  it('names the key, both ids and the eight rows that depend on them', () => {
    const text = whole(find(report, 'seed-natural-key-id-mismatch:public.users(email=demo@engarde.com)'));
    for (const part of ['demo@engarde.com', 'user-demo-main', 'demo-user-id', '8 later rows'])
      expect(text).toContain(part);
  });

  it('puts causes before consequences', () => {
    const causes = (key: string) => find(report, key).causedBy;
    expect(causes('constraint-missing:public.tenant_users.tenant_users_role_id_fkey')).toContain(
      'declared-table-missing:public.tenant_roles',
    );
    expect(causes('seed-missing-relation:public.tenant_roles')).toContain('declared-table-missing:public.tenant_roles');
    expect(causes('seed-silent-skip:scripts/seed_demo_data.sql:public.platform_connections')).toContain(
      'table-never-migrated:public.platform_connections',
    );
  });

  it('ends with one next action', async () => {
    const { stdout, exitCode } = await on(incident, 'doctor');
    expect(exitCode).toBe(1);
    const lines = stdout.trimEnd().split('\n').slice(-4).join('\n');
    expect(lines.match(/chain repair/g)).toHaveLength(1);
  });

  it('writes nothing: it works where nothing can be written, and twice gives the same bytes', async () => {
    const url = `${incident.database.url}${incident.database.url.includes('?') ? '&' : '?'}options=-c%20default_transaction_read_only%3Don`;
    const again = await chain(['doctor', '--format', 'json', '--project', incident.project.dir, '--url', url]);
    expect([again.stderr, again.stdout]).toEqual([expect.any(String), run.stdout]);
  });

  it('without a database says what needs none, and what was not checked', async () => {
    const offline = (
      await chain(['doctor', '--offline', '--format', 'json', '--project', incident.project.dir])
    ).json();
    expect(keys(offline, 'error')).toEqual(
      expect.arrayContaining([
        'missing-parent-revision:8d15c2b7f3a4',
        'object-created-twice:public.tenant_roles',
        'enum-created-twice:public.asset_kind',
        'revision-id-too-long:20251006_add_campaign_performance_metrics',
        'table-never-migrated:public.platform_connections',
        'seed-not-null-unfilled:public.brand_members.id',
        'seed-runner-hides-errors:scripts/seed-database.sh',
      ]),
    );
    const unchecked = offline.notChecked.map(({ rule }) => rule);
    expect(unchecked).toEqual(
      expect.arrayContaining([
        'unstamped-database',
        'declared-table-missing',
        'constraint-missing',
        'missing-membership',
      ]),
    );
    expect(offline.database).toBeNull();
  });

  it('never shows the password', async () => {
    const password = decodeURIComponent(new URL(incident.database.url).password);
    const runs = [run, await on(incident, 'doctor', '--verbose'), await on(incident, 'repair', '--verbose')];
    for (const { stdout, stderr } of runs) expect(stdout + stderr).not.toContain(password);
  });
});

describe('chain gate and chain graph', () => {
  it('gate says what doctor --offline says, with the same exit code in every format', async () => {
    using project = copyFixture('incident');
    const offline = (await chain(['doctor', '--offline', '--format', 'json', '--project', project.dir])).json();
    const gate = (format: string) => chain(['gate', '--format', format, '--project', project.dir]);
    const json = await gate('json');
    expect(json.json().findings.map(({ key }) => key)).toEqual(offline.findings.map(({ key }) => key));
    const [github, table] = [await gate('github'), await gate('table')];
    expect([json.exitCode, github.exitCode, table.exitCode]).toEqual([1, 1, 1]);
    expect(github.stdout).toMatch(/^::error file=alembic\/versions\/8d15c2b7f3a4_add_setup_conversations\.py,line=14/m);
    expect(table.stdout).toContain('missing-parent-revision');
  });

  it('graph shows the ghost of the missing revision', async () => {
    using project = copyFixture('incident');
    const text = await chain(['graph', '--project', project.dir]);
    expect(text.exitCode).toBe(1);
    expect(text.stdout).toContain('ai_setup_assistant_001');
    const json = await chain(['graph', '--format', 'json', '--project', project.dir]);
    const graph = json.json<{
      revisions: { id: string }[];
      heads: string[];
      faults: { rule: string; revisions: string[] }[];
    }>();
    expect(graph.revisions).toHaveLength(16);
    expect(graph.heads).toEqual(['20251103_tenant_roles', incidentHead]);
    expect(graph.faults.map(({ rule, revisions }) => [rule, ...revisions])).toEqual([
      ['missing-parent-revision', '8d15c2b7f3a4'],
    ]);
  });
});

describe('chain repair', () => {
  it('prints patches, steps and the verdict, and writes nothing', async () => {
    await using incident = await openIncident();
    const files = incident.project.snapshot();
    const schema = await schemaOf(incident);
    const rows = await rowsOf(incident.database.target);
    const run = await on(incident, 'repair', '--format', 'json');
    const { plan } = run.json();
    expect(run.exitCode).toBe(1);
    expect(plan?.rehearsal).toMatchObject({ ran: true, verdict: 'clears', remaining: [] });
    expect(plan?.rehearsal?.seedReruns).toMatchObject([{ file: 'scripts/seed_demo_data.sql', outcome: 'unchanged' }]);
    for (const patch of plan?.patches ?? []) expect(patch.diff).toMatch(/^--- .*\n\+\+\+ .*\n@@ /);
    const patched = plan?.patches.map(({ file }) => file) ?? [];
    expect(patched).toEqual(
      expect.arrayContaining([
        'alembic/versions/8d15c2b7f3a4_add_setup_conversations.py',
        'alembic/versions/f2a86b0c4d97_add_content_assets.py',
        'scripts/seed-database.sh',
        'scripts/seed_demo_data.sql',
      ]),
    );
    expect(plan?.steps.length).toBeGreaterThan(3);
    for (const step of plan?.steps ?? []) expect(step.lock).not.toBe('');
    const foreignKey = plan?.steps.find(({ sql }) => /ADD CONSTRAINT tenant_users_role_id_fkey/i.test(sql));
    expect(foreignKey?.sql).toMatch(/NOT VALID/i);
    const text = await on(incident, 'repair');
    expect(text.stdout).toContain('+++ ');
    expect(text.exitCode).toBe(1);
    expect(incident.project.snapshot()).toEqual(files);
    expect(await schemaOf(incident)).toEqual(schema);
    expect(await rowsOf(incident.database.target)).toEqual(rows);
  });
});

describe('chain repair --apply', () => {
  let incident: Incident;
  let applied: ChainRun;
  let doctor: ChainRun;
  let files: Record<string, string>;
  let schema: SchemaJson;
  let rows: Rows;

  beforeAll(async () => {
    incident = await openIncident();
    files = incident.project.snapshot();
    schema = await schemaOf(incident);
    rows = await rowsOf(incident.database.target);
    await incident.database.connection.query(foreignOperators);
    applied = await on(incident, 'repair', '--apply', '--yes', '--format', 'json');
    doctor = await on(incident, 'doctor', '--format', 'json');
    await incident.database.connection.query('drop schema others cascade');
  }, 120_000);
  afterAll(() => incident[Symbol.asyncDispose]());

  it('leaves no error', () => {
    expect([applied.exitCode, applied.stderr]).toEqual([0, expect.any(String)]);
    expect(keys(applied.json(), 'error')).toEqual([]);
    expect(keys(doctor.json(), 'error')).toEqual([]);
    expect(doctor.exitCode).toBe(0);
  });

  it('calls no operator of others', () => {
    for (const { stdout, stderr } of [applied, doctor])
      expect(stdout + stderr).not.toMatch(/operator of others|not asked/);
  });

  it('streams the notices of the seed', () => {
    expect(applied.stderr).toContain('✓ Created 11 brand members');
    expect(applied.stderr).toContain('✅ Demo Data Seeding Completed Successfully!');
    expect(applied.stderr).not.toContain('Skipped platform connections');
  });

  it('seeds what the incident counts, and users reach their brands', async () => {
    const { connection } = incident.database;
    expect(await seedCounts(connection)).toEqual(seedCountsHealed);
    expect(await verify(connection)).toEqual(verificationRows);
    const { rows: found } = await connection.query<{ id: string }>(
      `select id from users where email = 'demo@engarde.com'`,
    );
    expect(found).toEqual([{ id: 'demo-user-id' }]);
    expect(lostRows(rows, await rowsOf(incident.database.target))).toEqual([]);
  });

  it('validates the foreign key once its rows are there', async () => {
    const { rows: found } = await incident.database.connection.query<{ convalidated: boolean }>(
      `select convalidated from pg_constraint where conname = 'tenant_users_role_id_fkey'`,
    );
    expect(found).toEqual([{ convalidated: true }]);
  });

  it('stamps the one head', async () => {
    const { rows: stamp } = await incident.database.connection.query<{ version_num: string }>(
      'select version_num from alembic_version',
    );
    const graph = (await chain(['graph', '--format', 'json', '--project', incident.project.dir])).json<{
      heads: string[];
      faults: unknown[];
    }>();
    expect(graph.faults).toEqual([]);
    expect(graph.heads).toHaveLength(1);
    expect(stamp.map(({ version_num }) => version_num)).toEqual(graph.heads);
  });

  it('leaves the steps as plain SQL in the project', () => {
    const steps = Object.keys(incident.project.snapshot()).filter((file) => /^migrations\/.*\.sql$/.test(file));
    expect(steps.length).toBeGreaterThan(1);
  });

  it('reports the duplicates and offers a merge, and merges nothing unasked', async () => {
    const report = applied.json();
    const duplicates = find(report, 'duplicate-across-tenants:public.brands');
    expect(whole(duplicates)).toContain('--merge-duplicates');
    const { rows: found } = await incident.database.connection.query<{ n: number }>(
      `select count(*)::int as n from brands where tenant_id = 'default-tenant'`,
    );
    expect(found).toEqual([{ n: 4 }]);
  });

  it.skipIf(!hasAlembic)('makes a real Alembic agree: one head, nothing to do, the same from nothing', async () => {
    const { dir } = incident.project;
    expect(alembicHeads(dir)).toHaveLength(1);
    const healed = withoutLedger(truthOf(incident.database.url));
    const healedRows = await rowsOf(incident.database.target);
    const upgrade = alembicOk(dir, incident.database.url, ['upgrade', 'head']);
    expect(upgrade.stderr).not.toContain('Running upgrade');
    expect(withoutLedger(truthOf(incident.database.url))).toEqual(healed);
    expect(await rowsOf(incident.database.target)).toEqual(healedRows);
    await using empty = await testDatabase();
    alembicOk(dir, empty.url, ['upgrade', 'head']);
    expect(schemaDisagreements(healed, withoutLedger(truthOf(empty.url)))).toEqual([]);
  });

  it.skipIf(!hasAlembic)('lets another environment converge through the chain alone', async () => {
    const { dir } = incident.project;
    const healed = withoutLedger(truthOf(incident.database.url));
    // Another live database with the same past: stamped by hand where it stands, its rows contradict the key.
    await using other = await testDatabase({ sql: incidentSql });
    alembicOk(dir, other.url, ['stamp', incidentHead]);
    alembicOk(dir, other.url, ['upgrade', 'head']);
    const { rows: found } = await other.connection.query<{ convalidated: boolean }>(
      `select convalidated from pg_constraint where conname = 'tenant_users_role_id_fkey'`,
    );
    expect(found).toEqual([{ convalidated: false }]);
    const differing = schemaDisagreements(healed, withoutLedger(truthOf(other.url)));
    expect(differing).toEqual([]);
  });

  it('does nothing the second time', async () => {
    const settled = incident.project.snapshot();
    const settledRows = await rowsOf(incident.database.target);
    const again = await on(incident, 'repair', '--apply', '--yes');
    expect([again.exitCode, again.stderr]).toEqual([0, expect.any(String)]);
    expect(incident.project.snapshot()).toEqual(settled);
    expect(await rowsOf(incident.database.target)).toEqual(settledRows);
  });

  it('is taken back by undo: files byte for byte, the schema object for object, the rows', async () => {
    await incident.database.connection.query(foreignOperators);
    const undone = await on(incident, 'undo', '--yes');
    await incident.database.connection.query('drop schema others cascade');
    expect([undone.exitCode, undone.stderr]).toEqual([0, expect.any(String)]);
    expect(incident.project.snapshot()).toEqual(files);
    expect(schemaDisagreements(schema, await schemaOf(incident))).toEqual([]);
    expect(await rowsOf(incident.database.target)).toEqual(rows);
    const { rows: found } = await incident.database.connection.query<{ stamp: string | null }>(
      `select to_regclass('public.alembic_version')::text as stamp`,
    );
    expect(found).toEqual([{ stamp: null }]);
    const again = await on(incident, 'repair', '--apply', '--yes');
    expect([again.exitCode, again.stderr]).toEqual([0, expect.any(String)]);
    expect(await seedCounts(incident.database.connection)).toEqual(seedCountsHealed);
  });
});
