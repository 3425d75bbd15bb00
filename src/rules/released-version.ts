/**
 * What several rules ask of a released revision: whether a version is the same migration at all, and what a broken lock costs.
 */
import type { ChainLock, KnownVersion, RevisionHistory } from '../model/history.ts';
import type { Revision, RevisionId } from '../model/revision.ts';
import type { RevisionCode } from '../model/revision-code.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';

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

/** Ids under which a release or another branch has another migration. */
export function idsOfTwoMigrations(
  graph: Pick<RevisionGraph, 'revisions' | 'duplicates'>,
  code: ReadonlyMap<RevisionId, RevisionCode>,
  history: RevisionHistory,
): Set<RevisionId> {
  const found = new Set<RevisionId>();
  for (const revision of graph.revisions.values())
    if (otherMigrationsOf(revision, graph, code, history)) found.add(revision.id);
  return found;
}

/** Another migration of that id: in releases, and on other refs; null where there is none. */
export function otherMigrationsOf(
  revision: Revision,
  graph: Pick<RevisionGraph, 'duplicates'>,
  code: ReadonlyMap<RevisionId, RevisionCode>,
  history: RevisionHistory,
): { released: KnownVersion[]; elsewhere: KnownVersion[] } | null {
  const own = code.get(revision.id);
  if (own === undefined || graph.duplicates.has(revision.id)) return null;
  // A lock that holds this very text has settled which of the two is meant.
  const locked = history.lock?.hashById.get(revision.id);
  if (locked && locked.upgrade === own.hash?.upgrade) return null;
  const isOther = (version: KnownVersion) => isAnotherMigration(revision, own, version);
  const released = (history.releasedVersionsById?.get(revision.id) ?? []).filter(isOther);
  const elsewhere = (history.elsewhereVersionsById?.get(revision.id) ?? []).filter(isOther);
  return released.length + elsewhere.length === 0 ? null : { released, elsewhere };
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}
