/**
 * Keeps `chain.lock` true to what a repair edits: an entry whose revision it changes or renames gets the new hash, so that
 * nobody is accused of it afterwards; a released revision that loses what can never have run gets an entry. An edit that
 * somebody else made, and did not have accepted, stays accused.
 */
import { lockFileOf, writeLock } from '../model/chain-lock.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { RevisionId } from '../model/revision.ts';
import type { ContentHash } from '../model/revision-code.ts';
import { loadRevisionCodeReader } from '../sources/alembic/index.ts';
import type { FileEdits } from './chain-edits.ts';

/** @param idle files of which only what can never have run is taken out */
export async function recordInLock(
  files: FileEdits,
  { graph, history, facts, code, readFile }: Diagnosis,
  renames: ReadonlyMap<RevisionId, RevisionId>,
  idle: ReadonlySet<string>,
): Promise<void> {
  const { lock } = history;
  if (lock?.fault) return;
  const readCode = await loadRevisionCodeReader();
  const isReleased = (id: RevisionId, hash: ContentHash) =>
    history.releasedVersionsById?.get(id)?.some((version) => version.hash !== null && sameHash(version.hash, hash));
  const idByFile = new Map([...graph.revisions.values()].map(({ id, file }) => [file, id]));
  const hashById = new Map(lock?.hashById);
  const answers = new Set<string>();
  for (const patch of files.patches()) {
    const id = idByFile.get(patch.file);
    if (id === undefined || graph.duplicates.has(id)) continue;
    const read = readFile(patch.file);
    if (patch.before === null || patch.after === null || read === null) continue;
    // As the lock knows it: with what an earlier look has already patched.
    const before = readCode(read).hash;
    const after = readCode(patch.after).hash;
    if (before === null || after === null) continue;
    const locked = lock?.hashById.get(id);
    if (locked === undefined ? !idle.has(patch.file) || !isReleased(id, before) : !sameHash(before, locked)) continue;
    const newId = renames.get(id) ?? id;
    if (newId === id && sameHash(after, before)) continue;
    hashById.delete(id);
    hashById.set(newId, after);
    for (const key of patch.answers) answers.add(key);
  }
  if (answers.size === 0) return;
  // A lock that begins now holds what was released and is as it was then.
  if (!lock) {
    for (const [id, { hash }] of code ?? []) {
      if (hash !== null && !hashById.has(id) && isReleased(id, hash)) hashById.set(id, hash);
    }
  }
  files.put(lock?.file ?? lockFileOf(facts.config.section), writeLock(hashById), [...answers]);
}

function sameHash(a: ContentHash, b: ContentHash): boolean {
  return a.upgrade === b.upgrade && a.downgrade === b.downgrade;
}
