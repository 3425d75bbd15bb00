/**
 * What git, tags and `chain.lock` tell of the revision files: which ids are released, what was deleted, where an id lives.
 */
import type { RevisionId } from './revision.ts';

export interface FileInHistory {
  path: string;
  commit: string;
  /** ISO date of the commit. */
  date: string;
  author: string;
  subject: string;
}

export interface RevisionHistory {
  /** False: no git here, or git is not installed; then nothing below is known. */
  isAvailable: boolean;
  reason: string | null;
  /** Ids in the trees of release tags (never by ancestry: squash merges), with the oldest such tag. */
  releasedById: ReadonlyMap<RevisionId, string>;
  /** Ids that some commit's file defined and the work tree does not, with the last version of the file. */
  deletedById: ReadonlyMap<RevisionId, FileInHistory & { content: string }>;
  /** Ids on other refs: id → ref names. */
  elsewhereById: ReadonlyMap<RevisionId, string[]>;
  /** First commit of each file of the work tree, relative path. */
  addedByFile: ReadonlyMap<string, FileInHistory>;
}
