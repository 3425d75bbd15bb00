/**
 * More than one head on one line of revisions. Heads that lie under labels of their own, or that the settings allow, are
 * meant so; a head that only waits for a missing parent is that fault's business.
 */
import { ancestorsOf, descendantsOf } from '../model/ancestry.ts';
import type { Evidence, Remedy } from '../model/finding.ts';
import { releasedHow } from '../model/history.ts';
import { chooseParents, headsAfter } from '../model/relink.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { defineRule, patch, type RuleInputs } from './rule.ts';

export default defineRule({
  id: 'multiple-heads',
  title: 'the chain has more than one head',
  severity: 'error',
  needs: ['graph'],
  wants: ['declared', 'history', 'stamp'],
  docs: {
    problem:
      'Two or more revisions have no successor, so that "head" has no single meaning. Two branches that each added a revision after the same parent make it, without a conflict in git.',
    consequence:
      '`alembic upgrade head` refuses with "Multiple head revisions are present" and applies nothing at all.',
    repair:
      'Where exactly one side is unreleased, give that side the other head as its parent; else add a merge revision. Heads that are meant to stand side by side belong under branch labels or into `allowedHeads`.',
  },
  *check({ graph, declared, history, stamp, policy }) {
    const links = chooseParents(graph, declared?.replay ?? null);
    // What hangs on a circle is no head, and what it once hung on may be none.
    const inCycle = descendantsOf(graph, cycleMembers(graph));
    // A duplicate id stands in the list once a file; it is that fault's business.
    const heads = [...new Set(headsAfter(graph, links))].filter((head) => !inCycle.has(head));
    for (const group of groupsByLabel(graph, heads)) {
      const counted = group.filter((head) => !isAllowed(graph, head, policy.allowedHeads));
      if (counted.length < 2) continue;
      const common = commonAncestor(graph, counted);
      const evidence: Evidence[] = counted.map((head) => {
        const revision = graph.revisions.get(head);
        const added = revision && history?.addedByFile.get(revision.file);
        const tag = history?.releasedById.get(head);
        return {
          origin: 'declared',
          text: `${head}${revision?.message ? ` "${revision.message}"` : ''}${revision?.createDate ? `, ${revision.createDate}` : ''}${added ? `, by ${added.author}` : ''}${tag && history ? `, ${releasedHow(history, head)}` : ''}`,
          ...(revision ? { file: revision.file, line: revision.line } : {}),
        };
      });
      if (common !== null) evidence.push({ origin: 'declared', text: `they part after ${common}` });
      const shared = declared === undefined ? [] : touchedByBoth(graph, declared, counted, common);
      if (shared.length > 0)
        evidence.push({ origin: 'declared', text: `both sides touch ${shared.join(', ')}: look before merging` });
      const first = graph.revisions.get(counted[counted.length - 1] as RevisionId);
      yield {
        subject: {
          kind: 'revision',
          name: counted.join(', '),
          ...(first ? { revision: first.id, file: first.file, line: first.line } : {}),
        },
        message: `The chain has ${counted.length} heads: ${counted.join(', ')}; \`alembic upgrade head\` refuses and applies nothing.`,
        evidence,
        causedBy: [...graph.duplicates.keys()].map((id) => `duplicate-revision-id:${id}`),
        remedy: remedyFor(graph, counted, common, history, stamp),
      };
    }
  },
});

function remedyFor(
  graph: RevisionGraph,
  heads: RevisionId[],
  common: RevisionId | null,
  history: RuleInputs['history'] | undefined,
  stamp: RuleInputs['stamp'] | undefined,
): Remedy {
  const merge = patch(
    `Add a merge revision of ${heads.join(' and ')}: \`alembic merge -m "merge heads" ${heads.join(' ')}\``,
    [{ action: 'merge-heads', heads }],
  );
  if (heads.length !== 2 || common === null || !history?.isAvailable || history.releasedById.size === 0) return merge;
  const sideOf = (head: RevisionId) =>
    [...ancestorsOf(graph, [head])].filter((id) => !ancestorsOf(graph, [common]).has(id));
  const stamped = stamp === undefined ? new Set<RevisionId>() : ancestorsOf(graph, stamp.known);
  const isFree = (head: RevisionId) => sideOf(head).every((id) => !history.releasedById.has(id) && !stamped.has(id));
  const free = heads.filter(isFree);
  const moved = free[0];
  const kept = heads.find((head) => head !== moved);
  if (free.length !== 1 || moved === undefined || kept === undefined || !history.releasedById.has(kept)) return merge;
  const start = sideOf(moved).filter((id) => (graph.parentsById.get(id) ?? []).includes(common));
  const revision = graph.revisions.get(start[0] ?? '');
  if (start.length !== 1 || revision === undefined || revision.downRevisions.length !== 1) return merge;
  return patch(
    `Set down_revision of ${revision.id} to ${kept}: ${kept} ${releasedHow(history, kept)}, ${moved} is in no release`,
    [{ action: 'set-down-revision', revision: revision.id, file: revision.file, from: common, to: [kept] }],
  );
}

/** Heads by the set of branch labels over them; labels of one's own are the sign of a branch that is meant. */
function groupsByLabel(graph: RevisionGraph, heads: RevisionId[]): RevisionId[][] {
  const groups = new Map<string, RevisionId[]>();
  for (const head of heads) {
    const labels = [...labelsOver(graph, head)].sort().join('\n');
    groups.set(labels, [...(groups.get(labels) ?? []), head]);
  }
  return [...groups.values()];
}

function labelsOver(graph: RevisionGraph, head: RevisionId): Set<string> {
  const labels = new Set<string>();
  const seen = new Set<RevisionId>();
  const waiting = [head];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    for (const label of graph.revisions.get(id)?.branchLabels ?? []) labels.add(label);
    waiting.push(...(graph.parentsById.get(id) ?? []));
  }
  return labels;
}

function isAllowed(graph: RevisionGraph, head: RevisionId, allowed: readonly string[]): boolean {
  return allowed.includes(head) || [...labelsOver(graph, head)].some((label) => allowed.includes(label));
}

function cycleMembers(graph: RevisionGraph): Set<RevisionId> {
  return new Set(graph.faults.flatMap((fault) => (fault.rule === 'revision-cycle' ? fault.revisions : [])));
}

/** The last revision (in graph order) that stands before all of them. */
function commonAncestor(graph: RevisionGraph, heads: RevisionId[]): RevisionId | null {
  const sets = heads.map((head) => ancestorsOf(graph, [head]));
  return graph.order.findLast((id) => sets.every((set) => set.has(id))) ?? null;
}

function touchedByBoth(
  graph: RevisionGraph,
  declared: RuleInputs['declared'],
  heads: RevisionId[],
  common: RevisionId | null,
): string[] {
  // Without a common ancestor (a parent is missing) nobody knows what belongs to which side.
  if (common === null) return [];
  const before = ancestorsOf(graph, [common]);
  const count = new Map<string, number>();
  for (const head of heads) {
    const touched = new Set<string>();
    for (const id of ancestorsOf(graph, [head])) {
      if (before.has(id)) continue;
      for (const operation of declared.replay.operationsById.get(id) ?? []) {
        if ('table' in operation && operation.table) {
          const table = operation.kind === 'createTable' ? operation.table.name : (operation.table as { name: string });
          touched.add(table.name);
        }
      }
    }
    for (const name of touched) count.set(name, (count.get(name) ?? 0) + 1);
  }
  return [...count]
    .filter(([, times]) => times > 1)
    .map(([name]) => name)
    .sort()
    .slice(0, 5);
}
