/**
 * The ledger: what was applied to this database, when, by whom and from which plan, in schema `chain`.
 * Owns every statement on those tables but the seeds' own; refuses to know how a plan is made or what a step means.
 */
import { readdir, readFile } from 'node:fs/promises';
import { ChainError } from '../errors.ts';
import { compareText } from '../model/name.ts';
import type { Plan, Step } from '../model/plan.ts';
import { packagePath } from '../package.ts';
import { runUnits, type Unit, type UnitStorage } from './runner.ts';
import { type Limits, type Session, sqlStateOf } from './session.ts';

/** `running` begun, not finished · `undoing` the database is back, the files may still have to follow. */
export type RepairState = 'running' | 'applied' | 'undoing' | 'undone' | 'abandoned';

export interface RepairRow {
  id: string;
  planId: string;
  plan: Plan;
  state: RepairState;
  project: string;
  appliedBy: string;
  toolVersion: string;
  startedAt: string;
  finishedAt: string | null;
  fingerprintBefore: string;
  fingerprintAfter: string | null;
}

export interface StepRow {
  name: string;
  state: 'started' | 'finished' | 'undone';
  transactional: boolean;
  startedAt: string;
  finishedAt: string | null;
  fingerprintBefore: string | null;
  fingerprintAfter: string | null;
}

export interface FileRow {
  file: string;
  hashBefore: string | null;
  hashAfter: string | null;
  journal: string;
}

const repairColumns = `id::text AS id, plan_id AS "planId", plan, state, project, applied_by AS "appliedBy",
  tool_version AS "toolVersion", started_at::text AS "startedAt", finished_at::text AS "finishedAt",
  fingerprint_before AS "fingerprintBefore", fingerprint_after AS "fingerprintAfter"`;

const ownLimits: Limits = { lockMs: 5_000, statementMs: 30_000 };

/** Whether the database has a ledger at all. */
export async function hasLedger(session: Session): Promise<boolean> {
  const { rows } = await session.query<{ there: boolean }>(`SELECT to_regclass('chain.repair') IS NOT NULL AS there`);
  return rows[0]?.there === true;
}

/**
 * What stands in the ledger is carried out and taken back: whoever may create a schema could have laid one there, for whoever
 * comes with more rights. Ours, a superuser's and the owner's of the database are as good as the database itself.
 * @throws ChainError `unowned-object`
 */
async function refuseForeignLedger(session: Session): Promise<void> {
  const { rows } = await session.query<{ owner: string }>(
    `SELECT DISTINCT o.rolname::text AS owner
       FROM (SELECT nspowner FROM pg_namespace WHERE nspname = 'chain'
             UNION SELECT relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'chain') x (id)
       JOIN pg_roles o ON o.oid = x.id
       JOIN pg_roles me ON me.rolname = current_user
       JOIN pg_database d ON d.datname = current_database()
      WHERE NOT o.rolsuper AND o.oid <> me.oid AND o.oid <> d.datdba
        AND (me.rolsuper OR NOT pg_has_role(o.oid, 'USAGE'))
      ORDER BY 1`,
  );
  const [foreign] = rows;
  if (foreign === undefined) return;
  throw new ChainError(
    'unowned-object',
    `The schema "chain", or a table in it, belongs to role "${foreign.owner}": what that role wrote into the ledger would be done with the rights of this one. Nothing was changed.`,
    {
      hint: `Connect as ${foreign.owner} if that is who repairs this database; else look into the schema "chain" and drop it, or give it and its tables another owner.`,
    },
  );
}

/**
 * Brings the ledger's own tables up to date, through the same runner as everything else. To be called under the lock.
 * @throws ChainError `insufficient-privileges`, `unowned-object`
 */
export async function openLedger(session: Session): Promise<Ledger> {
  await refuseForeignLedger(session);
  try {
    await runUnits(await ownUnits(), { session, storage: ownStorage(session), limits: ownLimits });
  } catch (fault) {
    const cause = (fault as Error).cause ?? fault;
    if (sqlStateOf(cause) !== '42501') throw cause;
    throw new ChainError('insufficient-privileges', `The ledger cannot be made: ${(cause as Error).message}`, {
      hint: 'Grant CREATE on the database to this role, or connect as its owner; chain keeps its ledger in schema "chain".',
      cause,
    });
  }
  return new Ledger(session);
}

/** The ledger as it stands, for reading; null where the database has none. @throws ChainError `unowned-object` */
export async function readLedger(session: Session): Promise<Ledger | null> {
  if (!(await hasLedger(session))) return null;
  await refuseForeignLedger(session);
  return new Ledger(session);
}

/** The `.sql` files of `migrations/`. */
async function ownUnits(): Promise<Unit[]> {
  const folder = packagePath('migrations/');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort(compareText);
  return files.map((file) => ({
    name: file.slice(0, -'.sql'.length),
    path: folder + file,
    transactional: true,
    up: async (session) => {
      await session.query(await readFile(folder + file, 'utf8'));
    },
    down: null,
  }));
}

function ownStorage(session: Session): UnitStorage {
  return {
    executed: async () => {
      const { rows } = await session.query<{ there: boolean }>(
        `SELECT to_regclass('chain.own_migration') IS NOT NULL AS there`,
      );
      if (rows[0]?.there !== true) return [];
      const found = await session.query<{ name: string }>('SELECT name FROM chain.own_migration ORDER BY name');
      return found.rows.map((row) => row.name);
    },
    started: async () => undefined,
    finished: async (unit) => {
      await session.query('INSERT INTO chain.own_migration (name) VALUES ($1)', [unit.name]);
    },
    reverted: async (unit) => {
      await session.query('DELETE FROM chain.own_migration WHERE name = $1', [unit.name]);
    },
  };
}

export class Ledger {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  /** The repair that was begun and neither finished nor taken back; at most one. */
  async unfinished(): Promise<RepairRow | null> {
    const { rows } = await this.session.query<RepairRow>(
      `SELECT ${repairColumns} FROM chain.repair WHERE state IN ('running', 'undoing')`,
    );
    return rows[0] ?? null;
  }

  /** The repair that undo would take back: the last one applied. */
  async lastApplied(): Promise<RepairRow | null> {
    const { rows } = await this.session.query<RepairRow>(
      `SELECT ${repairColumns} FROM chain.repair WHERE state = 'applied' ORDER BY id DESC LIMIT 1`,
    );
    return rows[0] ?? null;
  }

  async repairs(): Promise<RepairRow[]> {
    return (await this.session.query<RepairRow>(`SELECT ${repairColumns} FROM chain.repair ORDER BY id`)).rows;
  }

  /** Writes down that `plan` is begun, and the files it will write; one transaction. Returns the repair's id. */
  begin(begun: {
    plan: Plan;
    project: string;
    toolVersion: string;
    fingerprint: string;
    files: FileRow[];
  }): Promise<string> {
    return this.session.transaction(async () => {
      const { rows } = await this.session.query<{ id: string }>(
        `INSERT INTO chain.repair (plan_id, plan, project, tool_version, fingerprint_before)
         VALUES ($1, $2, $3, $4, $5) RETURNING id::text AS id`,
        [begun.plan.id, JSON.stringify(begun.plan), begun.project, begun.toolVersion, begun.fingerprint],
      );
      const id = (rows[0] as { id: string }).id;
      for (const file of begun.files) {
        await this.session.query(
          `INSERT INTO chain.file_before_image (repair_id, file, hash_before, hash_after, journal)
           VALUES ($1, $2, $3, $4, $5)`,
          [id, file.file, file.hashBefore, file.hashAfter, file.journal],
        );
      }
      return id;
    });
  }

  async setState(repairId: string, state: RepairState, fingerprintAfter: string | null = null): Promise<void> {
    await this.session.query(
      `UPDATE chain.repair SET state = $2, fingerprint_after = coalesce($3, fingerprint_after),
              finished_at = CASE WHEN $2 IN ('applied', 'abandoned') THEN clock_timestamp() ELSE finished_at END,
              undone_at = CASE WHEN $2 = 'undone' THEN clock_timestamp() ELSE undone_at END
        WHERE id = $1`,
      [repairId, state, fingerprintAfter],
    );
  }

  async steps(repairId: string): Promise<StepRow[]> {
    const { rows } = await this.session.query<StepRow>(
      `SELECT name, state, transactional, started_at::text AS "startedAt", finished_at::text AS "finishedAt",
              fingerprint_before AS "fingerprintBefore", fingerprint_after AS "fingerprintAfter"
         FROM chain.step WHERE repair_id = $1 ORDER BY position`,
      [repairId],
    );
    return rows;
  }

  async files(repairId: string): Promise<FileRow[]> {
    const { rows } = await this.session.query<FileRow>(
      `SELECT file, hash_before AS "hashBefore", hash_after AS "hashAfter", journal
         FROM chain.file_before_image WHERE repair_id = $1 ORDER BY file`,
      [repairId],
    );
    return rows;
  }

  /**
   * Where the runner writes the steps of one repair. `fingerprint` is asked in the step's own transaction, so that the
   * row says what the schema is once the step is committed; `notices` are those of the step that just ran.
   */
  stepStorage(
    repairId: string,
    steps: readonly Step[],
    fingerprint: (isInTransaction: boolean) => Promise<string>,
    notices: () => string[],
  ): UnitStorage {
    const { session } = this;
    const positionByName = new Map(steps.map((step, index) => [step.name, index]));
    const insert = async (unit: Unit, state: 'started' | 'finished', before: string | null, after: string | null) => {
      const position = positionByName.get(unit.name) as number;
      const step = steps[position] as Step;
      await session.query(
        `INSERT INTO chain.step (repair_id, name, position, phase, state, sql, down, transactional, finished_at,
                                 fingerprint_before, fingerprint_after, notices)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $5 = 'finished' THEN clock_timestamp() END, $9, $10, $11)
         ON CONFLICT (repair_id, name) DO UPDATE SET state = EXCLUDED.state, finished_at = EXCLUDED.finished_at,
           fingerprint_after = EXCLUDED.fingerprint_after, notices = EXCLUDED.notices, undone_at = NULL`,
        [
          repairId,
          unit.name,
          position,
          step.phase,
          state,
          step.sql,
          step.down,
          step.transactional,
          before,
          after,
          state === 'finished' ? notices() : [],
        ],
      );
    };
    return {
      executed: async () => {
        const { rows } = await session.query<{ name: string }>(
          `SELECT name FROM chain.step WHERE repair_id = $1 AND state = 'finished' ORDER BY position`,
          [repairId],
        );
        return rows.map((row) => row.name);
      },
      started: async (unit) => insert(unit, 'started', await fingerprint(false), null),
      finished: async (unit) => insert(unit, 'finished', null, await fingerprint(unit.transactional)),
      reverted: async (unit) => {
        await session.query(
          `UPDATE chain.step SET state = 'undone', undone_at = clock_timestamp() WHERE repair_id = $1 AND name = $2`,
          [repairId, unit.name],
        );
      },
    };
  }
}
