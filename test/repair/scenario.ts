/**
 * One small repair to carry out, cut and take back: two file patches, a table, a key that waits for its validation, an
 * index that cannot be in a transaction, a stamp. Made by hand, so that what is tried here is the carrying out alone.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type DatabaseTarget, introspect } from '../../src/database/index.ts';
import type { Patch, Plan, Step } from '../../src/model/plan.ts';
import type { ApplyContext } from '../../src/repair/apply.ts';
import { fingerprintFiles, planId } from '../../src/repair/plan-file.ts';
import { stampStep } from '../../src/repair/stamp.ts';
import { unifiedDiff } from '../../src/repair/unified-diff.ts';
import type { Faults } from '../../src/run/index.ts';
import type { Settings } from '../../src/settings.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { settingsFor } from './settings.ts';

export const schemaBefore = `
  CREATE TABLE tenants (id varchar(36) PRIMARY KEY);
  CREATE TABLE members (id int PRIMARY KEY, role_id varchar(36));
  INSERT INTO tenants VALUES ('t1');
  INSERT INTO members VALUES (1, NULL)`;

export interface Scenario {
  project: string;
  database: TestDatabase;
  settings: Settings;
  plan: Plan;
  context: ApplyContext;
  with(more: Partial<ApplyContext>): ApplyContext;
  /** Files (but the journal) with mode and content, schema and rows. */
  state(): Promise<unknown>;
  dispose(): Promise<void>;
}

const step = (name: string, phase: Step['phase'], sql: string, down: string, more: Partial<Step> = {}): Step => ({
  name,
  phase,
  sql,
  down,
  lock: 'none',
  hazards: [],
  transactional: true,
  answers: [],
  ...more,
});

function stampAs(name: string, stamp: NonNullable<Step['stamp']>): Step {
  const { title: _title, ...made } = stampStep(stamp, false, 32, []);
  return { name, ...made };
}

export const steps: Step[] = [
  step(
    '0001_create_roles',
    'schema',
    'CREATE TABLE public.roles (id varchar(36) PRIMARY KEY, tenant_id varchar(36) REFERENCES public.tenants (id));\n',
    'DROP TABLE public.roles;\n',
  ),
  step(
    '0002_add_key',
    'schema',
    'ALTER TABLE public.members ADD CONSTRAINT members_role_id_fkey FOREIGN KEY (role_id) REFERENCES public.roles (id) NOT VALID;\n',
    'ALTER TABLE public.members DROP CONSTRAINT members_role_id_fkey;\n',
  ),
  step(
    '0003_index',
    'schema',
    'DROP INDEX CONCURRENTLY IF EXISTS public.members_role_id_idx;\n\nCREATE INDEX CONCURRENTLY members_role_id_idx ON public.members (role_id);\n',
    'DROP INDEX IF EXISTS public.members_role_id_idx;\n',
    { transactional: false, hazards: ['not-transactional'] },
  ),
  step(
    '0004_validate',
    'validate',
    'ALTER TABLE public.members VALIDATE CONSTRAINT members_role_id_fkey;\n',
    '-- goes with its constraint\n',
  ),
  stampAs('0005_stamp', {
    table: 'public.alembic_version',
    before: [],
    rows: ['abc'],
    proves: false,
  }),
];

/** Stands in a file that is patched, and is to stand nowhere else but in the journal beside it. */
export const password = 'open-sesame';

export interface Whereabouts {
  server?: DatabaseTarget;
  /** That the project's folder is made in. */
  folder?: string;
}

export function writeProject(folder = tmpdir()): string {
  const project = mkdtempSync(join(folder, 'chain-scenario-'));
  mkdirSync(join(project, 'alembic/versions'), { recursive: true });
  writeFileSync(join(project, 'alembic/versions/a.py'), "revision = 'a'\r\ndown_revision = 'ghost'\r\n");
  writeFileSync(join(project, 'seed.sh'), `#!/bin/sh\nPGPASSWORD=${password} psql -f seed.sql | tee log\n`);
  chmodSync(join(project, 'seed.sh'), 0o750);
  return project;
}

export async function makePlan(project: string, liveFingerprint: string | null, its: Step[] = steps): Promise<Plan> {
  const patch = (file: string, before: string | null, after: string | null): Patch => ({
    file,
    before,
    after,
    diff: unifiedDiff(file, before, after),
    answers: [],
  });
  const read = (file: string) => readFileSync(join(project, file), 'utf8');
  const files = its
    .filter((one) => one.phase === 'schema' || one.phase === 'validate')
    .flatMap((one) => [
      patch(`migrations/${one.name}.sql`, null, one.sql),
      patch(`migrations/down/${one.name}.sql`, null, one.down),
    ]);
  const patches = [
    patch(
      'alembic/versions/a.py',
      read('alembic/versions/a.py'),
      read('alembic/versions/a.py').replace("'ghost'", 'None'),
    ),
    ...files,
    patch('seed.sh', read('seed.sh'), read('seed.sh').replace('#!/bin/sh\n', '#!/bin/sh\nset -e\n')),
  ];
  const inputs = { files: patches.map((one) => one.file), folders: ['alembic/versions'] };
  const bound = { patches, steps: its, liveFingerprint, filesFingerprint: await fingerprintFiles(project, inputs) };
  const rehearsal = { ran: true, on: 'a copy', verdict: 'clears' as const, remaining: [], failure: null };
  return { version: 1, id: planId(bound), ...bound, inputs, rehearsal, left: [] };
}

export async function openScenario(its: Step[] = steps, where: Whereabouts = {}): Promise<Scenario> {
  const { server, folder } = where;
  const database = await testDatabase({ sql: schemaBefore, ...(server ? { server } : {}) });
  const project = writeProject(folder);
  const settings = settingsFor(project);
  const plan = await makePlan(project, (await introspect(database.connection)).fingerprint, its);
  const context: ApplyContext = {
    settings,
    env: { versionTable: 'alembic_version', versionTableSchema: null },
    target: database.target,
    allow: ['not-transactional'],
    withoutRehearsal: false,
    toolVersion: '0',
  };
  return {
    project,
    database,
    settings,
    plan,
    context,
    with: (more) => ({ ...context, ...more }),
    async state() {
      const { fingerprint } = await introspect(database.connection);
      const tables = await database.connection.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
      );
      const rows: Record<string, unknown> = {};
      for (const { name } of tables.rows) {
        rows[name] = (await database.connection.query(`SELECT * FROM public."${name}" ORDER BY 1`)).rows;
      }
      return { fingerprint, rows, files: filesOf(project) };
    },
    async dispose() {
      await database.drop();
      rmSync(project, { recursive: true, force: true });
    },
  };
}

/** Path → mode and bytes, the journal left out. */
export function filesOf(project: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(project, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(project, path);
    if (name.startsWith('.chain')) continue;
    if (entry.isFile()) files[name] = `${(statSync(path).mode & 0o777).toString(8)} ${readFileSync(path, 'latin1')}`;
    else files[name] = 'folder';
  }
  return files;
}

/** Notes every point that a run passes. */
export function recorder(): Faults & { points: string[] } {
  const points: string[] = [];
  return {
    points,
    at: (point) => {
      points.push(point);
    },
  };
}

/** What SIGKILL leaves: at `point` the run stands still for ever and the server loses its sessions. */
export function killAt(point: string, scenario: Scenario): { faults: Faults; killed: Promise<void> } {
  let tell: () => void = () => undefined;
  const killed = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return {
    killed,
    faults: {
      at: (reached) => {
        if (reached !== point) return undefined;
        return new Promise<never>(() => {
          endSessions(scenario).then(tell);
        });
      },
    },
  };
}

export async function endSessions({ database }: Pick<Scenario, 'database'>): Promise<void> {
  const { connection } = database;
  const others = `FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
  await connection.query(`SELECT pg_terminate_backend(pid) ${others}`);
  for (;;) {
    const { rows } = await connection.query<{ n: number }>(`SELECT count(*)::int AS n ${others}`);
    if (rows[0]?.n === 0) return;
  }
}
