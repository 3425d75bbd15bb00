/**
 * Keeps `chain.lock` true to what a repair edits: an entry whose revision it changes or renames gets the new hash, so that
 * nobody is accused of it afterwards. An edit that somebody else made, and did not have accepted, stays accused.
 */
import { writeLock } from '../model/chain-lock.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { RevisionId } from '../model/revision.ts';
import { loadRevisionCodeReader } from '../sources/alembic/index.ts';
import type { FileEdits } from './chain-edits.ts';

export async function recordInLock(
  files: FileEdits,
  { graph, history, readFile }: Diagnosis,
  renames: ReadonlyMap<RevisionId, RevisionId>,
): Promise<void> {
  const { lock } = history;
  if (!lock || lock.fault !== null) return;
  const readCode = await loadRevisionCodeReader();
  const idByFile = new Map([...graph.revisions.values()].map(({ id, file }) => [file, id]));
  const hashById = new Map(lock.hashById);
  const answers = new Set<string>();
  for (const patch of files.patches()) {
    const id = idByFile.get(patch.file);
    const locked = id === undefined ? undefined : lock.hashById.get(id);
    if (id === undefined || locked === undefined || graph.duplicates.has(id)) continue;
    const read = readFile(patch.file);
    if (patch.before === null || patch.after === null || read === null) continue;
    // As the lock knows it: with what an earlier look has already patched.
    const before = readCode(read).hash;
    const after = readCode(patch.after).hash;
    if (before === null || after === null) continue;
    if (before.upgrade !== locked.upgrade || before.downgrade !== locked.downgrade) continue;
    const newId = renames.get(id) ?? id;
    if (newId === id && after.upgrade === locked.upgrade && after.downgrade === locked.downgrade) continue;
    hashById.delete(id);
    hashById.set(newId, after);
    for (const key of patch.answers) answers.add(key);
  }
  if (answers.size > 0) files.put(lock.file, writeLock(hashById), [...answers]);
}
