/**
 * Two files define one revision id. The one that came later, or that closes a cycle, gets a new id; its twin keeps it.
 */
import { descendantsOf } from '../model/ancestry.ts';
import type { Evidence } from '../model/finding.ts';
import type { Revision } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { defineRule, patch, type RuleInputs } from './rule.ts';

export default defineRule({
  id: 'duplicate-revision-id',
  title: 'two files define the same revision id',
  severity: 'error',
  needs: ['graph'],
  wants: ['history'],
  docs: {
    problem: 'Two or more files of the chain define the same revision id, often one that was typed by hand.',
    consequence:
      'Alembic keeps one of them and warns; the other is never applied, and what it then says ("Multiple heads", "Cycle is detected") points elsewhere.',
    repair:
      'Give the unreleased file an id of its own, and its successors with it. A merge revision is the wrong answer.',
  },
  *check({ graph, history }) {
    for (const [id, same] of graph.duplicates) {
      const children = graph.childrenById.get(id) ?? [];
      const evidence: Evidence[] = same.map((revision) => {
        const added = history?.addedByFile.get(revision.file);
        return {
          origin: added ? 'git' : 'declared',
          text: `${revision.file} defines ${id}${revision.message ? ` ("${revision.message}")` : ''}${added ? `, since ${added.commit.slice(0, 10)} (${added.date})` : ''}`,
          file: revision.file,
          line: revision.line,
        };
      });
      if (children.length > 0) evidence.push({ origin: 'declared', text: `named as parent by ${children.join(', ')}` });
      const tag = history?.releasedById.get(id);
      if (tag) evidence.push({ origin: 'git', text: `the id was released with ${tag}` });
      const moved = later(graph, id, same, history);
      const to = freshId(moved, graph);
      yield {
        subject: { kind: 'revision', name: id, revision: id, file: moved.file, line: moved.line },
        message: `${id} is defined by ${same.map((revision) => revision.file).join(' and ')}; Alembic keeps one of them, the other is never applied, and its messages point elsewhere.`,
        evidence,
        remedy: patch(`Give ${moved.file} an id of its own, ${to}; a merge revision would be the wrong answer`, [
          { action: 'rename-revision', revision: id, file: moved.file, to },
        ]),
      };
    }
  },
});

/** The file to change: the one that stands behind the id it defines, else the younger one by git, date or name. */
function later(
  graph: RevisionGraph,
  id: string,
  same: readonly Revision[],
  history: RuleInputs['history'] | undefined,
): Revision {
  const behind = descendantsOf(graph, graph.childrenById.get(id) ?? []);
  const closing = same.find((revision) => revision.downRevisions.some((parent) => parent === id || behind.has(parent)));
  if (closing !== undefined) return closing;
  const age = (revision: Revision) =>
    `${history?.addedByFile.get(revision.file)?.date ?? ''}\0${revision.createDate ?? ''}\0${revision.file}`;
  return [...same].sort((a, b) => (age(a) < age(b) ? -1 : 1)).at(-1) as Revision;
}

/** Twelve hexadecimal digits as Alembic makes them, from the file's name, so that planning twice gives the same. */
function freshId(revision: Revision, graph: RevisionGraph): string {
  for (let salt = 0; ; salt++) {
    const id = `${fnv(`${revision.file}\0${salt}`)}${fnv(`${salt}\0${revision.file}`)}`.slice(0, 12);
    if (!graph.revisions.has(id)) return id;
  }
}

/** FNV-1a, 32 bits. */
function fnv(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}
