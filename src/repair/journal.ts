/**
 * The journal of file patches: before-images under `.chain/` in the project, written and synced before the first edit.
 * Every write is whole or not there (temporary file, fsync, rename), keeps the file's mode, and never leaves the project.
 * Refuses to know what a patch is for.
 * Longer than most files here: whatever reaches a file of the project goes through it, so that no write misses a guard.
 */
import {
  access,
  constants,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ChainError } from '../errors.ts';
import { compareText } from '../model/name.ts';
import type { Patch, Plan } from '../model/plan.ts';
import { leadsOutOf, ledOut } from '../project-folder.ts';
import { type Faults, noFaults } from '../run/faults.ts';
import {
  hashOf,
  isPlanId,
  parsePlan,
  planId,
  refuseForeignId,
  refuseOutside,
  serializeWholePlan,
} from './plan-file.ts';
import { hasPlaces, withPasswords } from './plan-secrets.ts';

/** Where one repair's before-images are, relative to the project. @throws ChainError `usage` for what is no id of a plan */
export function journalFolder(planId: string): string {
  refuseForeignId(planId);
  return `.chain/repairs/${planId}`;
}

export interface JournalEntry {
  file: string;
  hashBefore: string | null;
  hashAfter: string | null;
  /** Permission bits, null where there was no file. */
  mode: number | null;
  /** File of the journal's folder that holds the bytes before; null where there were none. */
  image: string | null;
}

export interface Journal {
  planId: string;
  /** `writing` begun · `written` every file is as after · `undone` every file is as before. */
  state: 'writing' | 'written' | 'undone';
  /** False: no database, so this journal alone says what was applied. */
  hasLedger: boolean;
  entries: JournalEntry[];
}

/** Looks whether the patches can be written at all, before anything is. @throws ChainError `cannot-write` */
export async function checkWritable(projectDir: string, patches: readonly Pick<Patch, 'file'>[]): Promise<void> {
  await refuseLinks(
    projectDir,
    patches.map((patch) => patch.file),
  );
  for (const folder of new Set(['.chain', ...patches.map((patch) => dirname(patch.file))])) {
    let existing = join(projectDir, folder);
    while (!(await exists(existing))) existing = dirname(existing);
    await access(existing, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
      throw cannotWrite(folder, cause);
    });
  }
  for (const patch of patches) {
    const found = await lstat(join(projectDir, patch.file)).catch(() => null);
    if (found?.isFile()) {
      await access(join(projectDir, patch.file), constants.W_OK).catch((cause: unknown) => {
        throw cannotWrite(patch.file, cause);
      });
    }
  }
}

/** Neither a name nor a link on the way may lead out of the project. @throws ChainError `cannot-write`, `usage` */
async function refuseLinks(projectDir: string, files: readonly string[]): Promise<void> {
  for (const file of files) refuseOutside(file);
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    const real = await leadsOutOf(projectDir, folder);
    if (real !== null) throw ledOut(folder, real);
  }
  for (const file of files) {
    const found = await lstat(join(projectDir, file)).catch(() => null);
    if (!found?.isSymbolicLink()) continue;
    throw new ChainError('cannot-write', `${file} is a symbolic link; its target is not patched through it.`, {
      hint: 'Replace the link by the file, or repair in the folder that it points to. Nothing was changed.',
    });
  }
}

/** What the entries of a plan will be; reads the files as they are. */
export async function journalEntries(projectDir: string, patches: readonly Patch[]): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (const [index, patch] of patches.entries()) {
    const path = join(projectDir, patch.file);
    const bytes = await readFile(path).catch(() => null);
    const mode = bytes === null ? null : (await stat(path)).mode & 0o7777;
    entries.push({
      file: patch.file,
      hashBefore: bytes === null ? null : hashOf(bytes),
      hashAfter: patch.after === null ? null : hashOf(patch.after),
      mode,
      image: bytes === null ? null : `${index}.before`,
    });
  }
  return entries;
}

/**
 * Writes plan and before-images down; nothing of the project is touched yet. Done again, it keeps what it wrote first.
 * @throws ChainError `plan-stale`, `cannot-write`
 */
export async function openJournal(
  projectDir: string,
  plan: Plan,
  hasLedger: boolean,
  faults: Faults = noFaults,
): Promise<Journal> {
  const known = await readJournal(projectDir, plan.id);
  if (known !== null && known.state !== 'undone') return known;
  const folder = join(projectDir, journalFolder(plan.id));
  await refuseLinks(projectDir, ['.chain/.gitignore', `${journalFolder(plan.id)}/journal.json`]);
  try {
    await mkdir(folder, { recursive: true });
    const ignored = join(projectDir, '.chain/.gitignore');
    if (!(await exists(ignored))) await writeWhole(ignored, '*\n', null);
  } catch (cause) {
    throw cannotWrite('.chain/ (for before-images)', cause);
  }
  const journal: Journal = {
    planId: plan.id,
    state: 'writing',
    hasLedger,
    entries: await journalEntries(projectDir, plan.patches),
  };
  for (const [index, entry] of journal.entries.entries()) {
    const before = (plan.patches[index] as Patch).before;
    // Also a file whose bytes are no UTF-8: its text, written back, would be another file.
    if (entry.hashBefore !== (before === null ? null : hashOf(before))) throw changedFile(entry.file);
  }
  const write = (name: string, content: string | Buffer, mode: number | null) =>
    writeWhole(join(folder, name), content, mode).catch((cause: unknown) => {
      throw cannotWrite(`${journalFolder(plan.id)}/${name}`, cause);
    });
  for (const entry of journal.entries) {
    // A copy is no more readable than what it copies.
    if (entry.image !== null) await write(entry.image, await readFile(join(projectDir, entry.file)), 0o600);
  }
  await faults.at('journal:images');
  await write('plan.json', serializeWholePlan(plan), 0o600);
  // Last: a journal without this file was never opened.
  await write('journal.json', `${JSON.stringify(journal, null, 2)}\n`, null);
  await faults.at('journal:written');
  return journal;
}

/** @throws ChainError `cannot-read` where it is none that chain wrote */
export async function readJournal(projectDir: string, planId: string): Promise<Journal | null> {
  const file = `${journalFolder(planId)}/journal.json`;
  const text = await readFile(join(projectDir, file), 'utf8').catch(() => null);
  return text === null ? null : parseJournal(text, planId, file);
}

/** A project may bring a `.chain/` of anybody's: what it names is written to, so it must be what a repair writes down. */
function parseJournal(text: string, planId: string, file: string): Journal {
  let journal: Journal | null = null;
  try {
    journal = JSON.parse(text) as Journal | null;
  } catch {
    // Told below.
  }
  const isHash = (hash: unknown) => hash === null || (typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash));
  const isEntry = (entry: Partial<JournalEntry> | null) =>
    typeof entry?.file === 'string' &&
    isHash(entry.hashBefore) &&
    isHash(entry.hashAfter) &&
    (entry.mode === null || Number.isInteger(entry.mode)) &&
    (entry.image === null) === (entry.hashBefore === null) &&
    (entry.image === null || /^\d+\.before$/.test(String(entry.image)));
  const isJournal =
    journal?.planId === planId &&
    ['writing', 'written', 'undone'].includes(journal.state) &&
    Array.isArray(journal.entries) &&
    journal.entries.every(isEntry);
  if (!isJournal || journal === null) {
    throw new ChainError('cannot-read', `${file} is no journal that chain wrote.`, {
      hint: 'Put it back as it was, or remove its folder where no repair is to be taken back from it. Nothing was changed.',
    });
  }
  for (const entry of journal.entries) refuseOutside(entry.file);
  return journal;
}

export async function readJournalPlan(projectDir: string, planId: string): Promise<Plan | null> {
  const file = `${journalFolder(planId)}/plan.json`;
  const text = await readFile(join(projectDir, file), 'utf8').catch(() => null);
  return text === null ? null : parsePlan(text, file);
}

/** A plan of the ledger with the passwords of the files that it edits. @throws ChainError `plan-stale` */
export async function wholePlan(projectDir: string, plan: Plan): Promise<Plan> {
  if (!hasPlaces(plan)) return plan;
  const kept = await readJournalPlan(projectDir, plan.id);
  if (kept !== null) return kept;
  const texts = new Map<string, string | null>();
  for (const { file } of plan.patches)
    texts.set(file, await readFile(join(projectDir, file), 'utf8').catch(() => null));
  const whole = withPasswords(plan, (file) => texts.get(file) ?? null);
  if (planId(whole) === plan.id) return whole;
  throw new ChainError('plan-stale', `The files that plan ${plan.id} edits are not here as it found them.`, {
    hint: 'Run the command in the folder that the repair was begun from, where .chain/ is. Nothing was changed.',
  });
}

/** Journals of repairs without a database, newest first. */
export async function fileJournals(projectDir: string): Promise<Journal[]> {
  const folder = join(projectDir, '.chain/repairs');
  const found: { journal: Journal; writtenAt: number }[] = [];
  for (const planId of (await readdir(folder).catch(() => [])).filter(isPlanId).sort(compareText)) {
    const journal = await readJournal(projectDir, planId);
    if (journal === null || journal.hasLedger) continue;
    found.push({ journal, writtenAt: (await stat(join(folder, planId, 'journal.json'))).mtimeMs });
  }
  return found.sort((a, b) => b.writtenAt - a.writtenAt).map((one) => one.journal);
}

async function setJournalState(projectDir: string, journal: Journal, state: Journal['state']): Promise<void> {
  journal.state = state;
  const file = `${journalFolder(journal.planId)}/journal.json`;
  await writeWhole(join(projectDir, file), `${JSON.stringify(journal, null, 2)}\n`, null).catch((cause: unknown) => {
    throw cannotWrite(file, cause);
  });
}

/**
 * Writes the files that are not yet as after. A file that is neither as before nor as after was changed by somebody else.
 * @throws ChainError `plan-stale`, `cannot-write`
 */
export async function writePatches(
  projectDir: string,
  patches: readonly Patch[],
  journal: Journal,
  faults: Faults = noFaults,
): Promise<void> {
  for (const entry of journal.entries) {
    const found = await hashFile(join(projectDir, entry.file));
    if (found !== entry.hashBefore && found !== entry.hashAfter) throw changedFile(entry.file);
  }
  for (const patch of patches) {
    const entry = journal.entries.find((one) => one.file === patch.file) as JournalEntry;
    const path = join(projectDir, patch.file);
    if ((await hashFile(path)) === entry.hashAfter) continue;
    await faults.at(`patch:${patch.file}:before`);
    let made: string | undefined;
    try {
      if (patch.after === null) await rm(path);
      else {
        made = await mkdir(dirname(path), { recursive: true });
        await writeWhole(path, patch.after, entry.mode);
      }
    } catch (cause) {
      // Folders for a file that could not be written; nothing else knows that they are of this repair.
      if (made !== undefined) await removeEmptyFolders(projectDir, dirname(patch.file), relative(projectDir, made));
      throw cannotWrite(patch.file, cause);
    }
    await faults.at(`patch:${patch.file}:after`);
  }
  await setJournalState(projectDir, journal, 'written');
}

/** Files that are neither as the repair left them nor as it found them: undo would lose what was written since. */
export async function filesChangedSince(projectDir: string, journal: Journal): Promise<string[]> {
  const changed: string[] = [];
  for (const entry of journal.entries) {
    const found = await hashFile(join(projectDir, entry.file));
    if (found !== entry.hashAfter && found !== entry.hashBefore) changed.push(entry.file);
  }
  return changed;
}

/** Puts every file back byte for byte, and takes away folders that only the repair's files were in. */
export async function restoreFiles(projectDir: string, journal: Journal, faults: Faults = noFaults): Promise<void> {
  await refuseLinks(projectDir, [
    ...journal.entries.map((entry) => entry.file),
    `${journalFolder(journal.planId)}/journal.json`,
  ]);
  for (const entry of [...journal.entries].reverse()) {
    const path = join(projectDir, entry.file);
    await rm(path + temporarySuffix, { force: true }).catch(() => undefined);
    if ((await hashFile(path)) === entry.hashBefore) continue;
    await faults.at(`restore:${entry.file}:before`);
    try {
      if (entry.image === null) {
        await rm(path, { force: true });
        await removeEmptyFolders(projectDir, dirname(entry.file));
      } else {
        const image = await readFile(join(projectDir, journalFolder(journal.planId), entry.image));
        if (hashOf(image) !== entry.hashBefore) throw new Error(`${entry.image} of the journal is not what it was`);
        await mkdir(dirname(path), { recursive: true });
        await writeWhole(path, image, entry.mode);
      }
    } catch (cause) {
      throw cannotWrite(entry.file, cause);
    }
  }
  await setJournalState(projectDir, journal, 'undone').catch(async (fault: unknown) => {
    // On a full disk there is room for no word; a journal without this file was never opened, which is as true.
    await rm(join(projectDir, journalFolder(journal.planId), 'journal.json')).catch(() => {
      throw fault;
    });
  });
}

/** From `folder` upwards, as far as `last`. */
async function removeEmptyFolders(projectDir: string, folder: string, last = ''): Promise<void> {
  for (let at = folder; at !== '.' && at !== '' && at.startsWith(last); at = dirname(at)) {
    // Fails where something else is in it, which is the point.
    if (
      !(await rmdir(join(projectDir, at)).then(
        () => true,
        () => false,
      ))
    )
      return;
  }
}

const temporarySuffix = '.chain.tmp';

/** Temporary file in the same folder, synced, renamed over the file, folder synced. */
async function writeWhole(path: string, content: string | Buffer, mode: number | null): Promise<void> {
  // One name, so that what a killed run left goes with the next; made anew, so that no link of that name is followed.
  const temporary = path + temporarySuffix;
  let handle: FileHandle | null = null;
  try {
    await rm(temporary, { force: true });
    handle = await open(temporary, 'wx', mode ?? 0o644);
    await handle.writeFile(content);
    if (mode !== null) await handle.chmod(mode);
    await handle.sync();
    await handle.close();
    handle = null;
    await rename(temporary, path);
  } catch (fault) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fault;
  }
  const folder = await open(dirname(path), 'r');
  try {
    // Some file systems refuse to sync a folder; the rename is as safe there as it can be.
    await folder.sync().catch(() => undefined);
  } finally {
    await folder.close();
  }
}

export async function hashFile(path: string): Promise<string | null> {
  const bytes = await readFile(path).catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === 'ENOENT' || fault.code === 'ENOTDIR') return null;
    throw new ChainError('cannot-read', `${path} cannot be read: ${fault.message}`, { cause: fault });
  });
  return bytes === null ? null : hashOf(bytes);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function changedFile(file: string): ChainError {
  return new ChainError('plan-stale', `${file} changed since the plan was made.`, {
    hint: 'Make a new plan with `chain repair`.',
  });
}

function cannotWrite(file: string, cause: unknown): ChainError {
  const code = (cause as NodeJS.ErrnoException).code;
  const why =
    {
      EACCES: 'no permission',
      EPERM: 'no permission',
      EROFS: 'the file system is read-only',
      ENOSPC: 'the disk is full',
      EDQUOT: 'the disk quota is used up',
    }[code ?? ''] ?? (cause as Error).message;
  return new ChainError('cannot-write', `${file} cannot be written: ${why}.`, {
    hint: 'Make the project folder writable (or free some space), then run the same command again.',
    cause,
  });
}
