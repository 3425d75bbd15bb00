/**
 * What git, tags and `chain.lock` tell of the revision files: which ids are released, what was deleted, where an id lives.
 */
import type { RevisionId } from './revision.ts';
import type { ContentHash } from './revision-code.ts';

export interface FileInHistory {
  path: string;
  commit: string;
  /** ISO date of the commit. */
  date: string;
  author: string;
  subject: string;
}

/** The last version of a file that the work tree has no more. */
export interface LostFile extends FileInHistory {
  content: string;
  /** The commit that took it away stands above; false: it has it still, and what came after is not committed. */
  isBefore?: boolean;
  downRevisions?: RevisionId[];
  hash?: ContentHash | null;
}

/** Where git has that version: `0123456789^`. */
export function placeOf(file: LostFile): string {
  return `${file.commit.slice(0, 10)}${file.isBefore === false ? '' : '^'}`;
}

/** A version of a revision's file that a ref carries in its tree. */
export interface KnownVersion {
  /** A tag, a branch. */
  ref: string;
  /** Relative to the project. */
  path: string;
  content: string;
  downRevisions: RevisionId[];
  message: string;
  createDate: string | null;
  /** Null where it is no readable Python. */
  hash: ContentHash | null;
}

/** `chain.lock` as it was read. */
export interface ChainLock {
  /** Relative to the project. */
  file: string;
  hashById: ReadonlyMap<RevisionId, ContentHash>;
  /** The first line that is no entry (a merge conflict, an id twice); then nothing of the file is believed. */
  fault: { line: number; reason: string } | null;
}

export interface RevisionHistory {
  /** False: no git here, or git is not installed; then nothing below is known. */
  isAvailable: boolean;
  reason: string | null;
  /** The project's folder in its repository, '' or with a slash at its end. */
  prefix?: string;
  /** Ids in the trees of release tags (never by ancestry: squash merges), with the oldest such tag. */
  releasedById: ReadonlyMap<RevisionId, string>;
  /** Ids that some commit's file defined and the work tree does not, with the last version of the file. */
  deletedById: ReadonlyMap<RevisionId, LostFile>;
  /** Ids on other refs: id → ref names. */
  elsewhereById: ReadonlyMap<RevisionId, string[]>;
  /** First commit of each file of the work tree, relative path. */
  addedByFile: ReadonlyMap<string, FileInHistory>;
  /** Ids in the trees of release tags and of the base ref → each version of the file, oldest ref first. */
  releasedVersionsById?: ReadonlyMap<RevisionId, KnownVersion[]>;
  /** Ids in the trees of release tags → the newest tag that has the id. */
  lastReleaseById?: ReadonlyMap<RevisionId, string>;
  /** The newest release tag that has any revision; null: there is none. */
  newestRelease?: string | null;
  /** Ids on other refs → each version of the file, newest ref first. */
  elsewhereVersionsById?: ReadonlyMap<RevisionId, KnownVersion[]>;
  /** What a gate compares with; its revisions count as released, under this name. */
  base?: { ref: string; commit: string } | null;
  /** The clone ends somewhere: what is older, and tags that were not fetched, are not known. */
  isShallow?: boolean;
  lock?: ChainLock | null;
}

/** `was released with v1.0`, `is on main`: how an id counts as released. */
export function releasedHow(history: RevisionHistory, id: RevisionId): string {
  const ref = history.releasedById.get(id);
  return ref !== undefined && ref === history.base?.ref ? `is on ${ref}` : `was released with ${ref}`;
}

/** Why nothing can be said of releases, with how to learn of them; null where something can. */
export function unknownReleases(history: RevisionHistory): string | null {
  if (!history.isShallow || history.base || history.releasedById.size > 0) return null;
  return 'the clone is shallow and has no release tag: `git fetch --unshallow --tags` (actions/checkout: `fetch-depth: 0`), or name what to compare with by `chain gate --base REF`';
}
