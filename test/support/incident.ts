/**
 * The incident: what its README says of it, as data, and the hand-made repair that shows the fixture has these faults and no
 * others. Knows nothing of how `chain` repairs it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from '../../src/database/index.ts';
import { copyFixture, fixturesDir, type ProjectCopy } from './fixture.ts';
import { type TestDatabase, testDatabase } from './postgres.ts';

export const incidentSql = readFileSync(join(fixturesDir, 'incident', 'database.sql'), 'utf8');

/**
 * Operators for the very types that PostgreSQL compares by coercing, in a schema on the search_path: each refuses whoever
 * calls it but the project's own statements, whose path it is.
 */
export const foreignOperators = `
create schema others;
do $do$
declare made text[];
begin
  foreach made slice 1 in array array[
    ['=', 'varchar', 'varchar'], ['<>', 'varchar', 'varchar'], ['=', 'oid', 'regclass'], ['=', 'regclass', 'oid'], ['>=', 'oid', 'int4'],
    ['~', 'name', 'name'], ['||', 'name', 'name'], ['||', 'name', 'text'], ['||', 'text', 'name'], ['<>', 'text[]', 'text[]'],
    ['=', 'varchar[]', 'varchar[]'], ['=', 'name', 'varchar'], ['=', 'int2', 'oid']] loop
    execute format($f$
      create function others.%1$I(%2$s, %3$s) returns %4$s language plpgsql as $body$ begin
        if current_setting('application_name') like 'chain%%' and current_query() !~ '^[[:space:]]*DO|^SELECT count[(][*][)] AS count' then raise exception 'an operator of others was called by %%', current_query(); end if;
        return $1 operator(pg_catalog.%5$s) $2;
      end $body$;
      create operator others.%5$s (leftarg = %2$s, rightarg = %3$s, function = others.%1$I)
    $f$, md5(made::text), made[2], made[3], case made[1] when '||' then 'text' else 'boolean' end, made[1]);
  end loop;
  execute format('alter database %I set search_path = "$user", public, others', current_database());
end $do$;`;

export const incidentHead = '6d70f3b9a2e8';

/** What one run of `doctor` with the database must say, by key. */
export const incidentErrors = [
  'missing-parent-revision:8d15c2b7f3a4',
  `multiple-heads:20251103_tenant_roles, ${incidentHead}`,
  'revision-id-too-long:20251006_add_campaign_performance_metrics',
  'object-created-twice:public.tenant_roles',
  'enum-created-twice:public.asset_kind',
  'table-never-migrated:public.platform_connections',
  'unstamped-database:public.alembic_version',
  'declared-table-missing:public.tenant_roles',
  'if-not-exists-shape-mismatch:public.brand_onboarding',
  'constraint-missing:public.tenant_users.tenant_users_role_id_fkey',
  'seed-missing-relation:public.tenant_roles',
  'seed-natural-key-id-mismatch:public.users(email=demo@engarde.com)',
  'seed-not-null-unfilled:public.brand_members.id',
  'seed-runner-hides-errors:scripts/seed-database.sh',
];

export const incidentWarnings = [
  'seed-silent-skip:scripts/seed_demo_data.sql:public.platform_connections',
  'seed-version-inconsistent:scripts/seed_demo_data.sql',
  'missing-membership:public.brand_members',
  'duplicate-across-tenants:public.brands',
];

export const sevenColumns = [
  'completed_steps',
  'setup_method',
  'brand_voice',
  'target_audience',
  'goals',
  'skipped_at',
  'completed_at',
];

export interface Incident {
  project: ProjectCopy;
  database: TestDatabase;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The project in a folder of its own and its live database. */
export async function openIncident(options: { major?: number } = {}): Promise<Incident> {
  const project = copyFixture('incident');
  const database = await testDatabase({ sql: incidentSql, ...options });
  return {
    project,
    database,
    async [Symbol.asyncDispose]() {
      project.remove();
      await database.drop();
    },
  };
}

/** Rows with the seed's keys. */
export async function seedCounts(connection: Connection): Promise<Record<string, number>> {
  const tenants = `'tenant-demo-main', 'tenant-techflow', 'tenant-ecostyle', 'tenant-globaleats', 'tenant-shared'`;
  const brands = `'brand-demo-main', 'brand-demo-main-retail', 'brand-demo-main-tech', 'brand-demo-main-health',
    'brand-techflow', 'brand-ecostyle', 'brand-globaleats', 'brand-shared'`;
  const { rows } = await connection.query<Record<string, number>>(`select
    (select count(*)::int from tenants where id in (${tenants})) as tenants,
    (select count(*)::int from users where email in
      ('demo@engarde.com', 'demo1@engarde.local', 'demo2@engarde.local', 'demo3@engarde.local')) as users,
    (select count(*)::int from tenant_roles where id like 'role-%-admin') as roles,
    (select count(*)::int from tenant_users where tenant_id in (${tenants})) as links,
    (select count(*)::int from brands where id in (${brands})) as brands,
    (select count(*)::int from brand_members where brand_id in (${brands})) as members,
    (select count(*)::int from platform_connections) as connections`);
  return rows[0] as Record<string, number>;
}

export const seedCountsHealed = { tenants: 5, users: 4, roles: 5, links: 8, brands: 8, members: 11, connections: 4 };

/** The incident's own verification query. */
export const verificationQuery = `
SELECT b.name as brand_name, u.email, bm.role, t.name as tenant_name
FROM brand_members bm
JOIN brands b ON bm.brand_id = b.id
JOIN users u ON bm.user_id = u.id
JOIN tenants t ON bm.tenant_id = t.id
ORDER BY u.email, b.name
LIMIT 15`;

/** Its rows, sorted by code unit so that no collation matters. */
export const verificationRows = [
  'demo1@engarde.local member Team Testing Brand',
  'demo1@engarde.local owner TechFlow Solutions',
  'demo2@engarde.local member Team Testing Brand',
  'demo2@engarde.local owner EcoStyle Fashion',
  'demo3@engarde.local member Team Testing Brand',
  'demo3@engarde.local owner GlobalEats Delivery',
  'demo@engarde.com admin Team Testing Brand',
  'demo@engarde.com owner Demo Health',
  'demo@engarde.com owner Demo Retail',
  'demo@engarde.com owner Demo Tech',
  'demo@engarde.com owner EnGarde Demo Brand',
];

export async function verify(connection: Connection): Promise<string[]> {
  const { rows } = await connection.query<{ brand_name: string; email: string; role: string }>(verificationQuery);
  return rows.map(({ brand_name, email, role }) => `${email} ${role} ${brand_name}`).sort();
}

/** Mends the revisions as a person would, platform_connections aside. */
export function repairByHand(project: ProjectCopy): void {
  const edit = (file: string, from: string, to: string) => {
    const path = project.path(`alembic/versions/${file}`);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
    writeFileSync(path, text.replace(from, to));
  };
  edit('8d15c2b7f3a4_add_setup_conversations.py', `= 'ai_setup_assistant_001'`, `= 'seed_versions_001'`);
  const roles = '20251103_add_tenant_roles_table.py';
  edit(roles, `= 'seed_versions_001'`, `= '${incidentHead}'`);
  edit(roles, '    op.create_table(', '    return\n    op.create_table(');
  const enumAgain = `    op.execute("CREATE TYPE asset_kind AS ENUM ('image', 'video', 'copy', 'template')")\n`;
  edit('f2a86b0c4d97_add_content_assets.py', enumAgain, '');
  const long = `'20251006_add_campaign_performance_metrics'`;
  edit('20251006_add_campaign_performance_metrics.py', `revision = ${long}`, `revision = '20251006_campaign_metrics'`);
  edit('3ac9e5170b6d_archive_campaigns.py', `down_revision = ${long}`, `down_revision = '20251006_campaign_metrics'`);
  const columns = [
    "completed_steps JSONB DEFAULT '[]'",
    "setup_method VARCHAR(50) NOT NULL DEFAULT 'manual'",
    'brand_voice TEXT',
    "target_audience JSONB DEFAULT '{}'",
    "goals JSONB DEFAULT '[]'",
    'skipped_at TIMESTAMP',
    'completed_at TIMESTAMP',
  ].map((column) => `ADD COLUMN IF NOT EXISTS ${column}`);
  const index = '    op.execute("CREATE INDEX IF NOT EXISTS ix_brand_onboarding_brand_id';
  const alter = `    op.execute("ALTER TABLE brand_onboarding ${columns.join(', ')}")\n`;
  edit('20251013_expand_brand_onboarding.py', index, `${alter}${index}`);
}
