/**
 * RevisionGraph: total over any set of files. A defect of the structure is a Fault, a value; nothing here throws.
 * Heads, bases, branch and merge points have Alembic's meanings (alembic/script/revision.py).
 */
import type { Revision, RevisionId, UnreadableFile } from './revision.ts';

export type FaultRule =
  | 'missing-parent-revision'
  | 'dangling-depends-on'
  | 'duplicate-revision-id'
  | 'revision-cycle'
  | 'unreadable-revision'
  | 'stray-file-in-versions';

export interface Fault {
  rule: FaultRule;
  /** The revision whose file must change first; a cycle's members in path order; both of a duplicate id once. */
  revisions: RevisionId[];
  files: string[];
  /** Line in `files[0]`, from 1. */
  line: number;
  message: string;
  /** missing-parent-revision, dangling-depends-on: the id or label that nothing defines. */
  missing?: string;
  /** With `missing`: the one revision that was likely meant. A question to ask, no fact. */
  likely?: RevisionId;
  /** unreadable-revision: why. */
  reason?: string;
  /** unreadable-revision: only running the file could tell; Alembic may well load it. */
  needsRunning?: true;
  /** missing-parent-revision: a file that could not be read may define it, so it is only suspected. */
  isSuspected?: boolean;
}

export interface RevisionGraph {
  /** Sorted by `order`. Of a duplicate id, the one kept here is Alembic's choice (the file read last by name). */
  revisions: ReadonlyMap<RevisionId, Revision>;
  /** All files with a duplicate id, by id. */
  duplicates: ReadonlyMap<RevisionId, Revision[]>;
  unreadable: UnreadableFile[];
  heads: RevisionId[];
  /** Childless among the readable files, but a file that could not be read may follow them: no heads for certain. */
  possibleHeads: RevisionId[];
  /** Heads that nothing depends on. */
  effectiveHeads: RevisionId[];
  bases: RevisionId[];
  branchPoints: RevisionId[];
  mergePoints: RevisionId[];
  /** Topological, bases first, ties by id; members of a cycle last, by id. */
  order: RevisionId[];
  faults: Fault[];
  /** Resolved parents that exist, `down_revision` only. */
  parentsById: ReadonlyMap<RevisionId, RevisionId[]>;
  /** Parents plus resolved dependencies. */
  predecessorsById: ReadonlyMap<RevisionId, RevisionId[]>;
  childrenById: ReadonlyMap<RevisionId, RevisionId[]>;
  /** Named as a parent by somebody, defined by no file; with who names it. */
  missingById: ReadonlyMap<RevisionId, RevisionId[]>;
}
