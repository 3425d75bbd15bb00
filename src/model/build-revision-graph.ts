/**
 * Readings of revision files → RevisionGraph. Total and linear: every set of readings gives a graph, its defects are
 * faults. What Alembic means by heads, bases, branch and merge points is its `RevisionMap` (alembic/script/revision.py).
 */
import { Digraph } from './digraph.ts';
import { findLikelyId } from './likely-id.ts';
import { compareText } from './name.ts';
import type { Revision, RevisionId, RevisionReading, UnreadableFile } from './revision.ts';
import type { Fault, FaultRule, RevisionGraph } from './revision-graph.ts';

/** `readings` in the order Alembic loads them: by location, folder and name. */
export function buildRevisionGraph(readings: Iterable<RevisionReading>): RevisionGraph {
  return new GraphBuilder(readings).build();
}

/** Characters that Alembic's command line keeps for itself (`_revision_illegal_chars`; `:` since 1.16). */
const illegalCharacters = /[@\-+:]/g;

const faultOrder: FaultRule[] = [
  'unreadable-revision',
  'stray-file-in-versions',
  'duplicate-revision-id',
  'missing-parent-revision',
  'dangling-depends-on',
  'revision-cycle',
];

class GraphBuilder {
  private readonly all: Revision[] = [];
  private readonly unreadable: UnreadableFile[] = [];
  private readonly kept = new Map<RevisionId, Revision>();
  private readonly byId = new Map<RevisionId, Revision[]>();
  private readonly byLabel = new Map<string, Revision>();
  private readonly hintedIds = new Set<RevisionId>();
  private readonly faults: Fault[] = [];
  private readonly missing = new Map<RevisionId, Set<RevisionId>>();

  constructor(readings: Iterable<RevisionReading>) {
    for (const reading of readings) {
      if ('revision' in reading) this.all.push(reading.revision);
      else this.unreadable.push(reading.unreadable);
    }
    for (const revision of this.all) {
      const same = this.byId.get(revision.id);
      if (same === undefined) this.byId.set(revision.id, [revision]);
      else same.push(revision);
      this.kept.set(revision.id, revision);
    }
    for (const file of this.unreadable) {
      if (file.id !== null) this.hintedIds.add(file.id);
      for (const id of file.hints?.ids ?? []) this.hintedIds.add(id);
    }
  }

  build(): RevisionGraph {
    this.unreadable.sort((a, b) => compareText(a.file, b.file));
    for (const file of this.unreadable) this.faultOfFile(file);
    const ids = [...this.kept.keys()].sort(compareText);
    this.mapLabels();
    for (const revision of this.all) this.faultsOfHeader(revision);
    this.faultsOfDuplicates();

    const down = new Digraph();
    const whole = new Digraph();
    for (const id of ids) {
      down.addNode(id);
      whole.addNode(id);
    }
    const parentsById = new Map<RevisionId, RevisionId[]>();
    const predecessorsById = new Map<RevisionId, RevisionId[]>();
    const children = new Map<RevisionId, RevisionId[]>(ids.map((id) => [id, []]));
    const dependedOn = new Set<RevisionId>();
    for (const id of ids) {
      const revision = this.kept.get(id) as Revision;
      const parents = unique(revision.downRevisions).filter((parent) => this.kept.has(parent));
      const dependencies = this.dependenciesOf(revision);
      parentsById.set(id, parents);
      predecessorsById.set(id, unique([...parents, ...dependencies]));
      for (const parent of parents) {
        down.addEdge(parent, id);
        whole.addEdge(parent, id);
        children.get(parent)?.push(id);
      }
      for (const dependency of dependencies) {
        whole.addEdge(dependency, id);
        dependedOn.add(dependency);
      }
    }
    this.faultsOfParents(ids);
    this.faultsOfCycles(down, whole);

    const order = whole.topologicalOrder();
    const shadowed = this.shadowedRevisions();
    const shadowedIds = new Set(shadowed.map((revision) => revision.id));
    const childless = ids.filter((id) => shadowedIds.has(id) || children.get(id)?.length === 0);
    const isCertain = this.certainty(whole);
    const heads = childless.filter(isCertain);
    const bases = new Set(
      [...this.kept.values(), ...shadowed]
        .filter((revision) => revision.downRevisions.length === 0)
        .map(({ id }) => id),
    );
    return {
      revisions: new Map(order.map((id) => [id, this.kept.get(id) as Revision])),
      duplicates: new Map([...this.byId].filter(([, same]) => same.length > 1).sort(([a], [b]) => compareText(a, b))),
      unreadable: this.unreadable,
      heads,
      possibleHeads: childless.filter((id) => !isCertain(id)),
      effectiveHeads: heads.filter((id) => shadowedIds.has(id) || !dependedOn.has(id)),
      bases: [...bases].sort(compareText),
      branchPoints: ids.filter((id) => (children.get(id)?.length ?? 0) > 1),
      mergePoints: ids.filter((id) => (this.kept.get(id) as Revision).downRevisions.length > 1),
      order,
      faults: this.sortedFaults(),
      parentsById,
      predecessorsById,
      childrenById: children,
      missingById: new Map(
        [...this.missing].sort(([a], [b]) => compareText(a, b)).map(([id, by]) => [id, [...by].sort(compareText)]),
      ),
    };
  }

  /** Those that a later file with the same id hides. To Alembic each stays a head, and a base where it names no parent. */
  private shadowedRevisions(): Revision[] {
    return this.all.filter((revision) => this.kept.get(revision.id) !== revision);
  }

  private mapLabels(): void {
    for (const revision of this.all) {
      for (const label of revision.branchLabels) {
        const other = this.byLabel.get(label);
        const owner = other ?? this.kept.get(label);
        if (owner === undefined) {
          this.byLabel.set(label, revision);
          continue;
        }
        if (
          owner === revision &&
          other !== undefined &&
          this.shadowedRevisions().length === 0 &&
          countOf(revision.branchLabels, label) < 2
        )
          continue;
        this.faults.push({
          rule: 'dangling-depends-on',
          revisions: [revision.id],
          files: unique([revision.file, owner.file]),
          line: revision.line,
          message:
            other === undefined
              ? `The branch label '${label}' of revision ${revision.id} is the id of a revision too: Alembic refuses it.`
              : `The branch label '${label}' of revision ${revision.id} is already that of revision ${owner.id}: Alembic refuses it.`,
        });
      }
    }
  }

  /** As `_add_depends_on` resolves them: whole ids and labels, never a partial id. */
  private dependenciesOf(revision: Revision): RevisionId[] {
    const resolved: RevisionId[] = [];
    for (const name of revision.dependsOn) {
      const id = this.byLabel.get(name)?.id ?? (this.kept.has(name) ? name : undefined);
      if (id !== undefined) resolved.push(id);
    }
    return unique(resolved);
  }

  private faultOfFile(file: UnreadableFile): void {
    this.faults.push({
      rule: file.kind === 'stray' ? 'stray-file-in-versions' : 'unreadable-revision',
      revisions: file.id === null ? [] : [file.id],
      files: [file.file],
      line: file.line,
      reason: file.reason,
      ...(file.needsRunning ? { needsRunning: true as const } : {}),
      message:
        file.kind === 'stray'
          ? `${file.file} is no revision: ${file.reason}.`
          : `${file.file} cannot be read as a revision: ${file.reason}.`,
    });
  }

  private faultsOfHeader(revision: Revision): void {
    const illegal = unique(revision.id.match(illegalCharacters) ?? []);
    if (illegal.length > 0) {
      this.headerFault(
        revision,
        revision.line,
        `the characters '${illegal.sort().join(' ')}' are not allowed in a revision id`,
      );
    }
    for (const parent of unique(revision.downRevisions)) {
      if ((parent !== '' && parent !== 'None') || this.kept.has(parent)) continue;
      this.headerFault(
        revision,
        revision.downRevisionLine,
        `\`down_revision\` is the text '${parent}', which Alembic takes for an id; a first revision has None without quotes`,
      );
    }
  }

  private headerFault(revision: Revision, line: number, reason: string): void {
    this.faults.push({
      rule: 'unreadable-revision',
      revisions: [revision.id],
      files: [revision.file],
      line,
      reason,
      message: `Revision ${revision.id} (${revision.file}): ${reason}.`,
    });
  }

  private faultsOfDuplicates(): void {
    for (const [id, same] of this.byId) {
      if (same.length < 2) continue;
      const files = same.map((revision) => revision.file).sort(compareText);
      const closes = same.find((revision) => revision.downRevisions.some((parent) => this.descendsFrom(parent, id)));
      this.faults.push({
        rule: 'duplicate-revision-id',
        revisions: [id],
        files,
        line: same.find((revision) => revision.file === files[0])?.line ?? 1,
        message:
          `Revision id ${id} is defined by ${same.length} files: ${files.join(', ')}. Alembic keeps ${this.kept.get(id)?.file}` +
          (closes === undefined
            ? '.'
            : `, and reports a cycle, because ${closes.file} stands behind a revision that follows ${id}.`),
      });
    }
  }

  /** Whether `id` follows `ancestor`, by any of the files of each id. */
  private descendsFrom(id: RevisionId, ancestor: RevisionId): boolean {
    const seen = new Set<RevisionId>([id]);
    const stack = [id];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (const revision of this.byId.get(at) ?? []) {
        for (const parent of revision.downRevisions) {
          if (parent === ancestor) return true;
          if (seen.has(parent)) continue;
          seen.add(parent);
          stack.push(parent);
        }
      }
    }
    return false;
  }

  private faultsOfParents(ids: RevisionId[]): void {
    const childrenByGhost = new Map<RevisionId, Revision[]>();
    for (const revision of this.all) {
      for (const parent of unique(revision.downRevisions)) {
        if (this.kept.has(parent) || this.hintedIds.has(parent) || parent === '' || parent === 'None') continue;
        const children = childrenByGhost.get(parent);
        if (children === undefined) childrenByGhost.set(parent, [revision]);
        else children.push(revision);
      }
      for (const name of unique(revision.dependsOn)) {
        if (this.kept.has(name) || this.byLabel.has(name) || this.hintedIds.has(name)) continue;
        const likely = findLikelyId(name, this.kept, ids);
        this.faults.push({
          rule: 'dangling-depends-on',
          revisions: [revision.id],
          files: [revision.file],
          line: revision.line,
          missing: name,
          message: `Revision ${revision.id} depends on '${name}', which is neither a revision nor a branch label${likely === null ? '' : `: ${likely.words}`}.`,
          ...(likely === null ? {} : { likely: likely.id }),
        });
      }
    }
    const isOpen = this.unreadable.some(
      (file) => file.kind === 'unreadable' && (file.hints?.ids.length ?? 0) === 0 && file.id === null,
    );
    for (const [ghost, children] of childrenByGhost) {
      children.sort((a, b) => compareText(a.id, b.id) || compareText(a.file, b.file));
      this.missing.set(ghost, new Set(children.map((child) => child.id)));
      const label = this.byLabel.get(ghost);
      const likely =
        label === undefined
          ? findLikelyId(ghost, this.kept, ids)
          : { id: label.id, words: `it is a branch label of ${label.id}, and only an id can be a parent` };
      const first = children[0] as Revision;
      const names = unique(children.map((child) => child.id));
      this.faults.push({
        rule: 'missing-parent-revision',
        revisions: names,
        files: unique(children.map((child) => child.file)),
        line: first.downRevisionLine,
        missing: ghost,
        message:
          `${names.length === 1 ? `Revision ${names[0]} names` : `Revisions ${names.join(', ')} name`} '${ghost}' as down_revision, which no file defines` +
          (likely === null ? '' : `: ${likely.words}`) +
          (isOpen ? '; a file that cannot be read may define it' : '') +
          '.',
        ...(likely === null ? {} : { likely: likely.id }),
        ...(isOpen ? { isSuspected: true } : {}),
      });
    }
  }

  private faultsOfCycles(down: Digraph, whole: Digraph): void {
    const seen = new Set<RevisionId>();
    const add = (path: string[], kind: string): void => {
      // A duplicate id that closes a cycle is told as the duplicate that it is.
      if (path.some((id) => seen.has(id) || (this.byId.get(id)?.length ?? 0) > 1)) return;
      for (const id of path) seen.add(id);
      const files = path.map((id) => (this.kept.get(id) as Revision).file);
      const shown = [...path, path[0]].join(' → ');
      this.faults.push({
        rule: 'revision-cycle',
        revisions: path,
        files,
        line: (this.kept.get(path[0] as string) as Revision).downRevisionLine,
        message:
          path.length === 1
            ? `Revision ${path[0]} names itself as its ${kind}.`
            : `${kind === 'down_revision' ? 'The revisions' : 'With depends_on the revisions'} ${shown} run in a circle: each follows the one before it.`,
      });
    };
    for (const path of down.cycles()) add(path, 'down_revision');
    for (const path of whole.cycles()) add(path, 'depends_on');
  }

  /** Whether a childless revision is a head for certain: no file that could not be read may name it as a parent. */
  private certainty(whole: Digraph): (id: RevisionId) => boolean {
    const named = new Set<RevisionId>();
    let isAnyOpen = false;
    const behind: Set<RevisionId>[] = [];
    for (const file of this.unreadable) {
      if (file.kind !== 'unreadable') continue;
      if (file.hints?.parents) {
        for (const parent of file.hints.parents) named.add(parent);
        continue;
      }
      const ids = new Set(file.hints?.ids ?? (file.id === null ? [] : [file.id]));
      if (ids.size === 0) isAnyOpen = true;
      else {
        // What follows such a file cannot be its parent.
        const children = this.all.filter((revision) => revision.downRevisions.some((parent) => ids.has(parent)));
        behind.push(whole.reachableFrom(children.map((child) => child.id)));
      }
    }
    return (id) => !named.has(id) && !isAnyOpen && behind.every((set) => set.has(id));
  }

  private sortedFaults(): Fault[] {
    return this.faults.sort(
      (a, b) =>
        faultOrder.indexOf(a.rule) - faultOrder.indexOf(b.rule) ||
        compareText(a.files[0] ?? '', b.files[0] ?? '') ||
        a.line - b.line ||
        compareText(a.message, b.message),
    );
  }
}

function unique<Item>(items: Iterable<Item>): Item[] {
  return [...new Set(items)];
}

function countOf(items: string[], item: string): number {
  return items.filter((other) => other === item).length;
}
