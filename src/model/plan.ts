/**
 * Plan: the ordered whole of a repair, bound to the live schema and the files it was made for. Serialisable as it is.
 */
import type { SeedRerun } from './seed.ts';

export const hazards = [
  'changes-rows',
  'rewrites-table',
  'long-lock',
  'not-transactional',
  'drops',
  'irreversible',
  'merges-rows',
] as const;

export type Hazard = (typeof hazards)[number];

export interface Patch {
  file: string;
  /** Null: the file is new. */
  before: string | null;
  /** Null: the file goes. */
  after: string | null;
  /** Unified diff, as a person reads it. */
  diff: string;
  /** Finding keys. */
  answers: string[];
  /** The step whose text this file holds, or whose way back. */
  step?: string;
  /** Of a new file: where its text stood before, in the project or in its git history. */
  takenFrom?: string;
}

/** What the plan was made from, so that its fingerprint can be taken again. */
export interface PlanInputs {
  /** Relative to the project; null content counts as absent. */
  files: string[];
  /** Folders whose list of `.py` files counts, each file's content included. */
  folders: string[];
}

export interface Step {
  /** Its name in the ledger and, with `.sql`, in the steps folder: `20251103120000_create_tenant_roles`. */
  name: string;
  /** `schema` before the seed, `seed` the seed itself, `validate` after it, `stamp` last. */
  phase: 'schema' | 'seed' | 'validate' | 'stamp';
  sql: string;
  /** Null: cannot be taken back by SQL alone (the seed: by its before-images). */
  down: string | null;
  /** Strongest lock taken, as PostgreSQL names it, and on what. */
  lock: string;
  hazards: Hazard[];
  transactional: boolean;
  answers: string[];
  /** `seed`: the file it runs. */
  seedFile?: string;
  /** `stamp`: the version rows after it, and the table; proved against the catalogue before it runs. */
  stamp?: { table: string; before: string[]; rows: string[]; proves: boolean };
  /** Tables whose rows a rehearsal needs, `schema.table`. */
  tables?: string[];
}

export interface RehearsalVerdict {
  ran: boolean;
  /** Server it ran on, or why it did not run. */
  on: string;
  verdict: 'clears' | 'leaves' | 'fails';
  /** Keys of findings of severity error that are left. */
  remaining: string[];
  /** Of a failure: which step, and what PostgreSQL said. */
  failure: string | null;
  failedStep?: string;
  /** What a second run of the seeds did, right after the first. */
  seedReruns?: SeedRerun[];
}

export interface Plan {
  version: 1;
  /** Hash of what is to be done: the name of this plan in the ledger. */
  id: string;
  patches: Patch[];
  steps: Step[];
  /** Of the live schema and version rows it was made for; null without a database. */
  liveFingerprint: string | null;
  /** Which database that was; another of the same schema has other rows. */
  database?: string;
  /** Of every file it reads or edits. */
  filesFingerprint: string;
  inputs?: PlanInputs;
  rehearsal: RehearsalVerdict | null;
  /** Findings that no action answers, with why. */
  left: {
    key: string;
    reason: string /** Error code that `--apply` refuses the whole plan with. */;
    refusal?: string;
  }[];
}
