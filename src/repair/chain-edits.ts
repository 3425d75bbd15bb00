/**
 * Remedy actions on files → patches. Edits of one file are taken on its text as read and composed; the parents of every
 * revision are worked out first, so that renames, re-links and merges agree. Refuses to write files.
 */
import { compareText } from '../model/name.ts';
import type { Patch } from '../model/plan.ts';
import type { RemedyAction, TextEdit } from '../model/remedy.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import {
  disableOperation,
  reuseEnum,
  setDependsOn,
  setDownRevision,
  setRevisionId,
  widenVersionTable,
} from '../sources/alembic/edits.ts';
import { unifiedDiff } from './unified-diff.ts';

export interface Answered<Action = RemedyAction> {
  action: Action;
  answers: string[];
}

/** The chain as it will be once the patches stand. */
export interface FutureChain {
  /** New id by old id, where it changes. */
  renames: ReadonlyMap<RevisionId, RevisionId>;
  /** Parents by (new) id. */
  parents: ReadonlyMap<RevisionId, readonly RevisionId[]>;
  heads: RevisionId[];
}

/** Files that an earlier look has patched already: what the project holds, and the findings that the patch answers. */
export type AssumedFiles = ReadonlyMap<
  string,
  { before: string | null; answers: readonly string[] } & Pick<Patch, 'takenFrom'>
>;

type Origin = Pick<Patch, 'step' | 'takenFrom'>;

/** Texts as they become, file by file; several actions on one file compose. */
export class FileEdits {
  readonly #read: (file: string) => string | null;
  readonly #edits = new Map<string, { edits: TextEdit[]; answers: Set<string> }>();
  /** Files that appear or go, with their whole text. */
  readonly #whole = new Map<string, { after: string | null; answers: Set<string> } & Origin>();
  readonly #patched: AssumedFiles;
  readonly failures: { key: string; reason: string }[] = [];

  /** `patched`: files that `read` gives as they will be, with what the project itself holds. */
  constructor(read: (file: string) => string | null, patched: AssumedFiles = new Map()) {
    this.#read = read;
    this.#patched = patched;
  }

  /** Takes edits on the file's text as read; a file that cannot be edited leaves its findings unanswered. */
  edit(file: string, answers: readonly string[], make: (text: string) => TextEdit[]): void {
    const text = this.#read(file);
    let edits: TextEdit[];
    try {
      if (text === null) throw new Error(`${file} cannot be read`);
      edits = make(text);
    } catch (fault) {
      for (const key of answers) this.failures.push({ key, reason: (fault as Error).message });
      return;
    }
    const entry = this.#edits.get(file) ?? { edits: [], answers: new Set() };
    const fresh = edits.filter((edit) => !entry.edits.some((other) => isSame(edit, other)));
    const clash = fresh.find((edit) => entry.edits.some((other) => overlaps(edit, other)));
    if (clash) {
      for (const key of answers) {
        this.failures.push({
          key,
          reason: `another repair changes the same place of ${file}: repair again afterwards`,
        });
      }
      return;
    }
    entry.edits.push(...fresh);
    for (const key of answers) entry.answers.add(key);
    this.#edits.set(file, entry);
  }

  put(file: string, after: string | null, answers: readonly string[], origin: Origin = {}): void {
    this.#whole.set(file, { after, answers: new Set(answers), ...origin });
  }

  /** The text that a file will have. */
  textAfter(file: string): string | null {
    const whole = this.#whole.get(file);
    if (whole) return whole.after;
    const text = this.#read(file);
    const entry = this.#edits.get(file);
    return text === null || entry === undefined ? text : withBodies(applyEdits(text, entry.edits));
  }

  patches(): Patch[] {
    const named = [...this.#edits.keys(), ...this.#whole.keys(), ...this.#patched.keys()];
    const files = [...new Set(named)].sort(compareText);
    return files.flatMap((file) => {
      const patched = this.#patched.get(file);
      const before = patched ? patched.before : this.#read(file);
      const after = this.textAfter(file);
      if (before === after) return [];
      const whole = this.#whole.get(file);
      const asked = [patched?.answers, this.#edits.get(file)?.answers, whole?.answers].flatMap((some) => [
        ...(some ?? []),
      ]);
      const answers = [...new Set(asked)];
      const patch: Patch = { file, before, after, diff: unifiedDiff(file, before, after), answers };
      const step = whole?.step;
      const takenFrom = before === null ? (whole?.takenFrom ?? patched?.takenFrom) : undefined;
      return [{ ...patch, ...(step === undefined ? {} : { step }), ...(takenFrom === undefined ? {} : { takenFrom }) }];
    });
  }
}

/** A function all of whose statements were disabled, each by itself, still needs one. */
function withBodies(text: string): string {
  return text.replace(
    /^(def (?:up|down)grade\w*\([^)]*\)[^:\n]*:[ \t]*(?:#[^\n]*)?(\r?\n))((?:[ \t]+#[^\n]*\n|[ \t]*\r?\n)*)(?=\S|(?![\s\S]))/gm,
    (whole, head: string, lineEnd: string, comments: string) => {
      const kept = comments.replace(/(?:[ \t]*\r?\n)+$/, '');
      return comments.includes('#') ? `${head}${kept}    pass${lineEnd}${comments.slice(kept.length)}` : whole;
    },
  );
}

/** Insertions at one place stand in the order they came. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = text;
  for (const edit of [...edits].reverse().sort((a, b) => b.from - a.from || b.to - a.to)) {
    result = result.slice(0, edit.from) + edit.text + result.slice(edit.to);
  }
  return result;
}

function isSame(a: TextEdit, b: TextEdit): boolean {
  return a.from === b.from && a.to === b.to && a.text === b.text;
}

function overlaps(a: TextEdit, b: TextEdit): boolean {
  return a.from < b.to && b.from < a.to;
}

/** What the actions on revision files come to: the chain's future shape, and the edits that make it. */
export function editChain(
  actions: readonly Answered[],
  graph: RevisionGraph,
  files: FileEdits,
  placeholder: (id: RevisionId, parents: RevisionId[]) => { file: string; text: string },
): FutureChain {
  const renames = new Map<RevisionId, RevisionId>();
  const parents = new Map<RevisionId, RevisionId[]>();
  const dependencies = new Map<RevisionId, string[]>();
  const answersById = new Map<RevisionId, Set<string>>();
  const because = (id: RevisionId, answers: readonly string[]) => {
    const known = answersById.get(id) ?? new Set<string>();
    for (const key of answers) known.add(key);
    answersById.set(id, known);
  };
  for (const [id, revision] of graph.revisions) {
    parents.set(id, [...revision.downRevisions]);
    dependencies.set(id, [...revision.dependsOn]);
  }
  const restored = new Map<RevisionId, RevisionId[]>();
  const separated = new Map<RevisionId, { to: RevisionId; file: string; answers: string[] }>();
  for (const { action, answers } of actions) {
    switch (action.action) {
      case 'set-down-revision': {
        const original = graph.revisions.get(action.revision)?.downRevisions ?? [];
        parents.set(action.revision, replaced(parents.get(action.revision) ?? [], original, action.to));
        because(action.revision, answers);
        break;
      }
      case 'set-depends-on': {
        const original = graph.revisions.get(action.revision)?.dependsOn ?? [];
        dependencies.set(action.revision, replaced(dependencies.get(action.revision) ?? [], original, action.to));
        because(action.revision, answers);
        break;
      }
      case 'rename-revision': {
        const twins = graph.duplicates.get(action.revision) ?? [];
        const twin = twins.find((one) => one.file === action.file);
        if (twin === undefined || twins.length < 2) {
          renames.set(action.revision, action.to);
          because(action.revision, answers);
          break;
        }
        // The other file keeps the id, and whoever names it as a parent means that one.
        files.edit(action.file, answers, (text) => setRevisionId(text, action.to));
        restored.set(action.to, [...twin.downRevisions]);
        const kept = twins.find((one) => one !== twin);
        if (kept) parents.set(action.revision, [...kept.downRevisions]);
        separated.set(action.revision, { to: action.to, file: action.file, answers });
        break;
      }
      case 'placeholder-revision': {
        const made = placeholder(action.revision, action.downRevisions);
        files.put(made.file, made.text, answers);
        restored.set(action.revision, [...action.downRevisions]);
        break;
      }
      case 'restore-file':
        files.put(action.file, action.content, answers, { takenFrom: action.file });
        for (const id of idsIn(action.content, 'revision')) restored.set(id, idsIn(action.content, 'down_revision'));
        break;
      case 'move-file': {
        const text = files.textAfter(action.file);
        if (text !== null) {
          files.put(action.file, null, answers);
          files.put(action.to, text, answers, { takenFrom: action.file });
        }
        break;
      }
      case 'disable-operation':
        files.edit(action.operation.origin.file, answers, (text) =>
          disableOperation(text, action.operation, action.reason),
        );
        break;
      case 'reuse-enum':
        files.edit(action.operation.origin.file, answers, (text) => reuseEnum(text, action.operation, action.enumName));
        break;
      case 'widen-version-table':
        files.edit(action.file, answers, (text) => widenVersionTable(text, action.versionTable, action.width));
        break;
      case 'edit-file':
        files.edit(action.file, answers, () => action.edits);
        break;
    }
  }
  const renamed = (id: string) => renames.get(id) ?? id;
  for (const [id, revision] of graph.revisions) {
    // Which of two files this is, is settled above.
    if (separated.has(id)) continue;
    const own = [...(answersById.get(id) ?? [])];
    const wanted = (parents.get(id) ?? []).map(renamed);
    // Where another repair puts the two on one line, that is their order.
    const isOnLine = (other: RevisionId) => isBefore(parents, other, id) || isBefore(parents, id, other);
    const needed = (dependencies.get(id) ?? [])
      .filter((other) => revision.dependsOn.includes(other) || !isOnLine(other))
      .map(renamed);
    const touching = [...revision.downRevisions, ...revision.dependsOn].filter((other) => renames.has(other));
    const answers = [...new Set([...own, ...touching.flatMap((other) => [...(answersById.get(other) ?? [])])])];
    if (renames.has(id)) files.edit(revision.file, answers, (text) => setRevisionId(text, renamed(id)));
    if (!sameList(wanted, revision.downRevisions)) {
      files.edit(revision.file, answers, (text) => setDownRevision(text, wanted));
    }
    if (!sameList(needed, revision.dependsOn)) files.edit(revision.file, answers, (text) => setDependsOn(text, needed));
  }
  const future = new Map<RevisionId, RevisionId[]>();
  for (const [id, own] of [...parents, ...restored]) future.set(renamed(id), own.map(renamed));
  for (const twin of separated.values()) {
    // With an id of its own it is a second head, which follows the other one rather than being merged with it.
    const other = headsOf(future).filter((head) => head !== twin.to);
    const base = future.get(twin.to) ?? [];
    if (!headsOf(future).includes(twin.to) || other.length !== 1) continue;
    if (!base.every((parent) => isBefore(future, parent, other[0] as RevisionId))) continue;
    future.set(twin.to, other);
    files.edit(twin.file, twin.answers, (text) => setDownRevision(text, other));
  }
  return { renames, parents: future, heads: headsOf(future) };
}

function headsOf(parents: ReadonlyMap<RevisionId, readonly RevisionId[]>): RevisionId[] {
  const named = new Set([...parents.values()].flat());
  return [...parents.keys()].filter((id) => !named.has(id)).sort(compareText);
}

function isBefore(parents: ReadonlyMap<RevisionId, readonly RevisionId[]>, id: RevisionId, later: RevisionId): boolean {
  const seen = new Set<RevisionId>();
  const waiting = [later];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next === id) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    waiting.push(...(parents.get(next) ?? []));
  }
  return false;
}

/** `current` with the change from `original` to `wanted` made, so that two actions on one revision add up. */
function replaced(current: readonly string[], original: readonly string[], wanted: readonly string[]): string[] {
  const gone = original.filter((id) => !wanted.includes(id));
  const fresh = wanted.filter((id) => !original.includes(id) && !current.includes(id));
  const place = current.findIndex((id) => gone.includes(id));
  const kept = current.filter((id) => !gone.includes(id));
  kept.splice(place < 0 ? kept.length : Math.min(place, kept.length), 0, ...fresh);
  return kept;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** What a restored file assigns to a header name, as far as it says so plainly; the rehearsal reads it in full. */
function idsIn(content: string, name: 'revision' | 'down_revision'): RevisionId[] {
  const line = new RegExp(`^${name}\\b[^=\\n]*=\\s*(.+)$`, 'm').exec(content)?.[1] ?? '';
  return [...line.matchAll(/['"]([^'"]+)['"]/g)].map((match) => match[1] as string);
}
