/**
 * RemedyAction: what a remedy would have the planner do, as data, so that rules need not know the planner.
 */
import type { Operation } from './operation.ts';
import type { RevisionId } from './revision.ts';

/** Replace `from`…`to` (offsets in the file as read) by `text`. */
export interface TextEdit {
  from: number;
  to: number;
  text: string;
}

export type RemedyAction =
  | { action: 'set-down-revision'; revision: RevisionId; file: string; from: string; to: RevisionId[] }
  | { action: 'set-depends-on'; revision: RevisionId; file: string; from: string; to: string[] }
  | { action: 'merge-heads'; heads: RevisionId[] }
  | { action: 'rename-revision'; revision: RevisionId; file: string; to: RevisionId }
  | { action: 'restore-file'; file: string; content: string; commit: string }
  | { action: 'placeholder-revision'; revision: RevisionId; downRevisions: RevisionId[] }
  /**
   * Take a call or statement out of a revision (commented out, told why); both directions. `madeBy`: the revision that has
   * made the thing before, so that this one can only have failed and also a released revision may lose it.
   */
  | { action: 'disable-operation'; operation: Operation; reason: string; madeBy?: RevisionId }
  /** Make an `sa.Enum` use an existing type (`postgresql.ENUM(…, create_type=False)`). */
  | { action: 'reuse-enum'; operation: Operation; enumName: string; madeBy?: RevisionId }
  /** Objects that must come to exist: a step on the database and the reconciling revision at the head. */
  | { action: 'declare'; operations: Operation[] }
  /** The same, of a constraint that rows may contradict: NOT VALID, then VALIDATE once nothing contradicts. */
  | { action: 'declare-constraint'; operation: Operation; table: string; constraint: string }
  /** Only a step on the database; the chain declares it already or does not own it. */
  | {
      action: 'run-sql';
      name: string;
      sql: string[];
      down: string[];
      hazards: string[];
      transactional: boolean;
      lock: string;
    }
  /** NULLs that keep a declared NOT NULL from its column become `value`, a constant; only when asked. */
  | { action: 'fill-nulls'; table: string; column: string; value: string }
  /** The version rows become `rows`; guarded by exactly `before`; only where the catalogue proves it. */
  | { action: 'set-stamp'; before: string[]; rows: RevisionId[]; table: string }
  /** Stamp at what the healed catalogue provably matches. */
  | { action: 'stamp-proven' }
  /** New version tables hold ids of `width` characters: a setting in env.py. */
  | { action: 'widen-version-table'; file: string; versionTable: string; width: number }
  | { action: 'edit-file'; file: string; edits: TextEdit[] }
  | { action: 'move-file'; file: string; to: string }
  /** Rewrite of a seed by the seeds layer. */
  | { action: 'resolve-seed-ids'; file: string }
  | { action: 'fill-seed-column'; file: string; table: string; column: string }
  | { action: 'run-seed'; file: string }
  | {
      action: 'merge-duplicates';
      table: string;
      /** Natural key columns. */
      columns: string[];
      groups: { survivor: Record<string, string | null>; removed: Record<string, string | null>[] }[];
    };

/** Actions after which the chain is another one: what lies behind a revision can be told only then. */
export const reshapingActions: ReadonlySet<RemedyAction['action']> = new Set([
  'set-down-revision',
  'set-depends-on',
  'rename-revision',
  'restore-file',
  'placeholder-revision',
]);

/** Whether what the remedy puts right may keep other faults from being seen: the chain, or where the database stands in it. */
export function mayHideOthers(actions: readonly RemedyAction[]): boolean {
  return actions.some(({ action }) => reshapingActions.has(action) || action === 'set-stamp');
}
