/**
 * Revision: one migration file of the project, with what its header says; and the files that are none.
 * Plain data; refuses to know how a file is read.
 */

export type RevisionId = string;

export interface Revision {
  id: RevisionId;
  /** The parents it names: empty for a base. */
  downRevisions: RevisionId[];
  /** As written: ids, labels. */
  dependsOn: string[];
  branchLabels: string[];
  /** Relative to the project, with `/`. */
  file: string;
  /** Line of the `revision = …` assignment, from 1. */
  line: number;
  /** Line of the `down_revision = …` assignment. */
  downRevisionLine: number;
  /** First line of the docstring, '' where there is none. */
  message: string;
  /** `Create Date:` of the docstring as written, null where there is none. */
  createDate: string | null;
  /** `Revises:` of the docstring, which may lie. */
  docstringRevises: string | null;
}

/** A file in a version location that gave no revision, and why. */
export interface UnreadableFile {
  file: string;
  line: number;
  /** `stray`: sound Python without a revision; `unreadable`: all else. */
  kind: 'unreadable' | 'stray';
  reason: string;
  /** The id, where that much could be read (a dynamic parent). */
  id: RevisionId | null;
  /** Sound Python, of which only running it could tell what the header says: Alembic may well load it. */
  needsRunning?: true;
  /** A whole location that could not be listed, not one file. */
  isFolder?: true;
  /**
   * What the text of the file suggests, only so that nothing is called missing or a head that this file may define or
   * name: ids it may define, parents it may name (null: any). Absent: nothing is known of it.
   */
  hints?: { ids: RevisionId[]; parents: RevisionId[] | null };
}

export type RevisionReading = { revision: Revision } | { unreadable: UnreadableFile };

/** First line of the docstring of a revision that stands where a lost one was: what that one did is not known. */
export function placeholderMessage(id: RevisionId): string {
  return `Placeholder for ${id}, whose file is lost`;
}

/** Ids wider than this do not fit Alembic's own `version_num VARCHAR(32)` (alembic/runtime/migration.py). */
export const defaultVersionWidth = 32;
