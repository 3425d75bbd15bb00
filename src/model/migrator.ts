/**
 * Migrator: a place around the chain that runs Alembic or makes tables past it, as its text says. Facts for rules.
 */
import type { TextEdit } from './remedy.ts';

export interface Migrator {
  /** Relative to the project. */
  file: string;
  line: number;
  /** The command or call, in one line. */
  text: string;
  /** `create-all`: `metadata.create_all()` and its kin; `check`: `alembic check` or a comparison of the metadata. */
  act: 'upgrade' | 'stamp' | 'check' | 'create-all';
  /** What it is part of: the application's (or container's) start, a pipeline, tests; `unknown` where nothing says. */
  occasion: 'start-up' | 'pipeline' | 'test' | 'unknown';
  /** What becomes of its failure. */
  failure: MigratorFailure;
  /** How many of these are started at once, where the file says it. */
  replicas: number | null;
  /** An advisory lock is taken in the same file. */
  takesLock: boolean;
  /** Connection URL that the file itself gives it, as written. */
  url: string | null;
}

export type MigratorFailure =
  /** It ends what runs it, or nothing says otherwise. */
  | { kind: 'told' }
  /** What runs it goes on; `how` in words, `remedy` an order. `mend`: the edit of the file that does it, where it is plain. */
  | { kind: 'ignored'; how: string; remedy: string; isDeliberate: boolean; mend?: TextEdit }
  /** The database is stamped instead. */
  | { kind: 'stamped'; how: string; remedy: string; mend?: TextEdit };

export const told: MigratorFailure = { kind: 'told' };
