/**
 * What several rules ask of a released revision: whether a version is the same migration at all, and what a broken lock costs.
 */
import type { ChainLock, KnownVersion } from '../model/history.ts';
import type { Revision } from '../model/revision.ts';
import type { RevisionCode } from '../model/revision-code.ts';

export function lockFault(lock: ChainLock): string {
  return `${lock.file}:${lock.fault?.line} cannot be read (${lock.fault?.reason}): resolve it, or write it anew with \`chain gate --write-lock\``;
}

/**
 * Another migration under the same id, not an edit of it: it does something else, is kept in a file of another name, and was
 * made at another time (or, where no date is told, for another purpose).
 */
export function isAnotherMigration(revision: Revision, code: RevisionCode, version: KnownVersion): boolean {
  if (code.hash === null || version.hash === null || code.hash.upgrade === version.hash.upgrade) return false;
  if (nameOf(revision.file) === nameOf(version.path)) return false;
  if (revision.createDate !== null && version.createDate !== null) return revision.createDate !== version.createDate;
  return revision.message !== '' && version.message !== '' && revision.message !== version.message;
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}
