/**
 * What git knows of the revision files: ids that release tags carry in their trees, ids that were deleted, ids on other
 * refs, and when each file came. Tells nothing where there is no git; bounded in time. Refuses to judge.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ChainError } from '../errors.ts';
import type { FileInHistory, KnownVersion, LostFile, RevisionHistory } from '../model/history.ts';
import { compareText } from '../model/name.ts';
import { Git, GitUnavailable } from './git.ts';
import { revisionIdOf } from './revision-id.ts';

export interface HistoryRequest {
  projectDir: string;
  /** Relative to the project. */
  versionLocations: readonly string[];
  /** A glob of tag names. */
  releaseTags: string;
  /** A ref whose tree's revisions count as released too. */
  baseRef?: string | null;
  /** Reads the text of a revision file; without it nothing is told of versions. */
  readVersion?: VersionReader;
  timeLimitMs?: number;
}

/** Null: the text is no revision. */
export type VersionReader = (
  path: string,
  text: string,
) => Pick<KnownVersion, 'downRevisions' | 'message' | 'createDate' | 'hash'> | null;

const defaultTimeLimitMs = 20_000;
const maxBlobBytes = 2_000_000;
const maxRefs = 400;

/** @throws ChainError `usage` where `baseRef` names nothing */
export async function readHistory(request: HistoryRequest): Promise<RevisionHistory> {
  try {
    const git = await Git.open(request.projectDir, request.timeLimitMs ?? defaultTimeLimitMs);
    return await new HistoryReader(git, request).read();
  } catch (error) {
    if (!(error instanceof GitUnavailable)) throw error;
    if (request.baseRef)
      throw new ChainError('usage', `--base ${request.baseRef} cannot be looked at: ${error.message}.`);
    return unavailable(error.message);
  }
}

function unavailable(reason: string): RevisionHistory {
  return {
    isAvailable: false,
    reason,
    releasedById: new Map(),
    deletedById: new Map(),
    elsewhereById: new Map(),
    addedByFile: new Map(),
  };
}

/** A Python file in the tree of a ref. */
interface RefFile {
  ref: string;
  /** Relative to the project. */
  path: string;
  blob: string;
}

interface Version {
  path: string;
  blob: string;
  commit: FileInHistory;
  /** The commit took the file away. */
  isBefore: boolean;
}

class HistoryReader {
  private readonly git: Git;
  private readonly locations: string[];
  private readonly request: HistoryRequest;

  constructor(git: Git, request: HistoryRequest) {
    this.git = git;
    this.request = request;
    // Locations out of the project, or that do not exist, are nothing that this repository can tell of.
    this.locations = request.versionLocations.filter(
      (location) => !location.startsWith('..') && !location.startsWith('/'),
    );
  }

  async read(): Promise<RevisionHistory> {
    if (this.locations.length === 0) throw new GitUnavailable('the revisions are not in the project');
    // An outer repository that does not track the project says nothing of it.
    const tracked = (await this.git.run(['ls-files', '-z', '--', ...this.pathspecs()])).toString('utf8').split('\0');
    const hasHead = await this.hasCommits();
    const base = await this.base();
    if (!hasHead) throw new GitUnavailable('the repository has no commit yet');
    const versions = await this.log();
    if (tracked.every((path) => path === '') && versions.all.length === 0)
      throw new GitUnavailable('the repository does not track the revision files');
    const current = this.currentIds();
    const onBase = base === null ? [] : await this.filesOf([{ name: base.ref, ref: base.commit }]);
    // A branch that is behind the base has not edited what the base has edited since.
    const onMergeBase = base === null ? [] : await this.filesAtMergeBase(base);
    const tagged = await this.releasedFiles();
    const released = [...tagged, ...onBase];
    const elsewhere = await this.otherFiles();
    const blobs = await this.git.blobs(
      [
        ...versions.all.map((version) => version.blob),
        ...released.map((file) => file.blob),
        ...onMergeBase.map((file) => file.blob),
        ...elsewhere.map((file) => file.blob),
      ],
      maxBlobBytes,
    );
    const ids = new Map<string, string | null>();
    for (const [blob, text] of blobs) ids.set(blob, revisionIdOf(text));
    const shallow = (await this.git.run(['rev-parse', '--is-shallow-repository'])).toString('utf8').trim();
    const versionsOf = this.versionReader(ids, blobs);
    const releasedById = this.releasedById(released, ids);
    const isReleased = (file: RefFile) => releasedById.has(ids.get(file.blob) ?? '');
    return {
      isAvailable: true,
      reason: null,
      prefix: this.git.prefix,
      base,
      isShallow: shallow === 'true',
      releasedVersionsById: versionsOf([...tagged, ...onMergeBase.filter(isReleased), ...onBase]),
      lastReleaseById: new Map(
        tagged.flatMap(({ ref, blob }) => (ids.get(blob) ? [[ids.get(blob) as string, ref]] : [])),
      ),
      newestRelease: tagged[tagged.length - 1]?.ref ?? null,
      elsewhereVersionsById: versionsOf(elsewhere),
      releasedById,
      deletedById: this.deletedById(versions.all, ids, blobs, current),
      elsewhereById: this.elsewhereById(elsewhere, ids),
      addedByFile: versions.addedByFile,
    };
  }

  /** The ref as named, or the one of that name that `origin` has: a CI clone has often no other. */
  private async base(): Promise<(RevisionHistory['base'] & object) | null> {
    const wanted = this.request.baseRef;
    if (!wanted) return null;
    // Git would take a leading dash for one of its own flags.
    const candidates = /^-|\n/.test(wanted) ? [] : [wanted, `origin/${wanted}`];
    for (const ref of candidates) {
      const [commit] = await this.git.objectIds([`${ref}^{commit}`]);
      if (commit) return { ref, commit };
    }
    throw new ChainError('usage', `--base: this repository has no ref "${wanted}".`, {
      hint: `In CI a clone often has only one: git fetch --depth=1 origin ${wanted}, then --base FETCH_HEAD.`,
    });
  }

  private async filesAtMergeBase(base: { ref: string; commit: string }): Promise<RefFile[]> {
    try {
      const commit = (await this.git.run(['merge-base', 'HEAD', base.commit])).toString('utf8').trim();
      return await this.filesOf([{ name: base.ref, ref: commit }]);
    } catch (error) {
      // None is known in a shallow clone.
      if (error instanceof GitUnavailable && !/too long/.test(error.message)) return [];
      throw error;
    }
  }

  /** Versions by id, each content once, read only where it is asked for. */
  private versionReader(ids: Map<string, string | null>, blobs: Map<string, string>) {
    const read = this.request.readVersion;
    const known = new Map<string, ReturnType<VersionReader>>();
    return (files: readonly RefFile[]): Map<string, KnownVersion[]> => {
      const versions = new Map<string, KnownVersion[]>();
      const seen = new Set<string>();
      for (const { ref, path, blob } of files) {
        const id = ids.get(blob);
        const content = blobs.get(blob);
        if (!id || content === undefined || read === undefined || seen.has(`${id}\0${blob}`)) continue;
        seen.add(`${id}\0${blob}`);
        let facts = known.get(blob);
        if (facts === undefined) {
          facts = read(path, content);
          known.set(blob, facts);
        }
        if (facts === null) continue;
        versions.set(id, [...(versions.get(id) ?? []), { ref, path, content, ...facts }]);
      }
      return sorted(versions);
    };
  }

  private pathspecs(): string[] {
    return this.locations.map((location) =>
      `:(top,literal)${this.git.prefix}${location === '.' ? '' : location}`.replace(/\/$/, ''),
    );
  }

  private async hasCommits(): Promise<boolean> {
    try {
      await this.git.run(['rev-parse', '--verify', '-q', 'HEAD']);
      return true;
    } catch (error) {
      if (error instanceof GitUnavailable && /too long|not installed/.test(error.message)) throw error;
      return false;
    }
  }

  /** Every version of every revision file that HEAD's history has, newest first. */
  private async log(): Promise<{ all: Version[]; addedByFile: Map<string, FileInHistory> }> {
    const output = await this.git.run([
      'log',
      '--full-history',
      '--raw',
      '-z',
      '--no-renames',
      '--abbrev=40',
      '--diff-filter=AMD',
      '--format=%x01%H%x00%aI%x00%an%x00%s%x00',
      'HEAD',
      '--',
      ...this.pathspecs(),
    ]);
    const all: Version[] = [];
    const addedByFile = new Map<string, FileInHistory>();
    for (const record of output.toString('utf8').split('\x01').slice(1)) {
      const fields = record.split('\0');
      const [commit, date, author, subject] = fields as [string, string, string, string];
      const rest = fields
        .slice(4)
        .map((field) => field.replace(/^\n+/, ''))
        .filter((field) => field !== '');
      for (let at = 0; at + 1 < rest.length; at += 2) {
        const [, , before, after, status] = (rest[at] as string).split(' ') as [string, string, string, string, string];
        const path = this.ownPath(rest[at + 1] as string);
        if (path === null || !path.endsWith('.py')) continue;
        const told: FileInHistory = { path, commit, date, author, subject };
        // A deletion names what was there before; its commit is the one that shows where it went.
        all.push({ path, blob: status === 'D' ? before : after, commit: told, isBefore: status === 'D' });
        if (status === 'A') addedByFile.set(path, told);
      }
    }
    return { all, addedByFile };
  }

  /** Path in the repository → relative to the project. */
  private ownPath(path: string): string | null {
    return path.startsWith(this.git.prefix) ? path.slice(this.git.prefix.length) : null;
  }

  /** Ids of the work tree, uncommitted files too. */
  private currentIds(): Set<string> {
    const ids = new Set<string>();
    for (const location of this.locations) {
      let names: string[] = [];
      try {
        names = readdirSync(join(this.request.projectDir, location), { recursive: true, encoding: 'utf8' });
      } catch {
        continue;
      }
      for (const name of names) {
        const path = join(this.request.projectDir, location, name);
        try {
          if (!name.endsWith('.py') || statSync(path).size > maxBlobBytes) continue;
          const id = revisionIdOf(readFileSync(path, 'utf8'));
          if (id !== null) ids.add(id);
        } catch {}
      }
    }
    return ids;
  }

  /** Tags that match, oldest first, with the files of their trees: never by ancestry, which a squash merge breaks. */
  private async releasedFiles(): Promise<RefFile[]> {
    const output = await this.git.run([
      'for-each-ref',
      '--sort=creatordate',
      '--format=%(refname)',
      `refs/tags/${this.request.releaseTags}`,
    ]);
    const tags = output
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
    return await this.filesOf(tags.slice(-maxRefs).map((tag) => ({ name: tag.replace('refs/tags/', ''), ref: tag })));
  }

  private async otherFiles(): Promise<RefFile[]> {
    const head = (await this.git.run(['rev-parse', 'HEAD'])).toString('utf8').trim();
    const output = await this.git.run([
      'for-each-ref',
      '--sort=-committerdate',
      '--format=%(objectname) %(*objectname) %(refname)',
      'refs/heads',
      'refs/remotes',
      'refs/tags',
    ]);
    const refs: { name: string; ref: string }[] = [];
    for (const line of output.toString('utf8').split('\n')) {
      const [object, peeled, ref] = line.split(' ');
      if (!ref || (peeled || object) === head || ref.endsWith('/HEAD')) continue;
      refs.push({ name: ref.replace(/^refs\/(?:heads|remotes|tags)\//, ''), ref });
    }
    return await this.filesOf(refs.slice(0, maxRefs));
  }

  private async filesOf(refs: { name: string; ref: string }[]): Promise<RefFile[]> {
    const folders = this.locations.map((location) => (location === '.' ? '' : location.replace(/\/$/, '')));
    const asked = refs.flatMap(({ name, ref }) =>
      folders.map((folder) => ({
        name,
        folder,
        query: `${ref}:${`${this.git.prefix}${folder}`.replace(/\/$/, '')}`,
      })),
    );
    const trees = await this.git.objectIds(asked.map(({ query }) => query));
    const files = await this.git.filesOfTrees(trees.filter((tree) => tree !== null));
    return asked.flatMap(({ name, folder }, index) =>
      (files.get(trees[index] ?? '') ?? [])
        .filter((file) => file.path.endsWith('.py'))
        .map(({ path, blob }) => ({ ref: name, path: folder === '' ? path : `${folder}/${path}`, blob })),
    );
  }

  private releasedById(files: RefFile[], ids: Map<string, string | null>): Map<string, string> {
    const released = new Map<string, string>();
    for (const { ref: tag, blob } of files) {
      const id = ids.get(blob);
      if (id && !released.has(id)) released.set(id, tag);
    }
    return sorted(released);
  }

  private deletedById(
    versions: Version[],
    ids: Map<string, string | null>,
    blobs: Map<string, string>,
    current: Set<string>,
  ): RevisionHistory['deletedById'] {
    const deleted = new Map<string, LostFile>();
    // Newest first: the first version of an id is its last.
    for (const { blob, commit, isBefore, path } of versions) {
      const id = ids.get(blob);
      if (!id || current.has(id) || deleted.has(id)) continue;
      const content = blobs.get(blob) as string;
      const facts = this.request.readVersion?.(path, content);
      const told = facts ? { downRevisions: facts.downRevisions, hash: facts.hash } : {};
      deleted.set(id, { ...commit, content, isBefore, ...told });
    }
    return sorted(deleted);
  }

  private elsewhereById(files: RefFile[], ids: Map<string, string | null>): Map<string, string[]> {
    const refs = new Map<string, Set<string>>();
    for (const { ref, blob } of files) {
      const id = ids.get(blob);
      if (!id) continue;
      const known = refs.get(id);
      if (known === undefined) refs.set(id, new Set([ref]));
      else known.add(ref);
    }
    return sorted(new Map([...refs].map(([id, names]) => [id, [...names].sort(compareText)])));
  }
}

function sorted<Value>(map: Map<string, Value>): Map<string, Value> {
  return new Map([...map].sort(([a], [b]) => compareText(a, b)));
}
