/**
 * Rows and lanes of a revision graph, newest first, as `git log --graph` lays them out; the ghosts of revisions that
 * nobody defines stand where they would be. Knows nothing of characters or colours.
 */
import type { Revision, RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';

export interface GraphNode {
  id: RevisionId;
  kind: 'revision' | 'missing' | 'unreadable';
  /** Null for a ghost. */
  revision: Revision | null;
  /** For a ghost: why it is one. */
  reason: string;
  /** Parents in the drawing, ghosts included. */
  parents: RevisionId[];
  /** Parents drawn above it already: it lies on a cycle. */
  backTo: RevisionId[];
}

export interface GraphRow {
  node: GraphNode;
  lane: number;
  /** Lanes that end in this node, beside its own: they bend into it above it. Lane numbers before they close. */
  joining: number[];
  /** Lanes open when the node is drawn, after the joining ones closed. */
  width: number;
  /** How many lanes open to the right of the node's own, for its further parents. */
  opening: number;
  /** Whether the node's own lane goes on below. */
  goesOn: boolean;
}

export interface GraphLayout {
  rows: GraphRow[];
  /** Most lanes beside each other. */
  width: number;
}

export function layoutGraph(graph: RevisionGraph): GraphLayout {
  const rows: GraphRow[] = [];
  const lanes: RevisionId[] = [];
  let widest = 0;
  for (const node of nodesNewestFirst(graph)) {
    const waiting = lanes.flatMap((id, lane) => (id === node.id ? [lane] : []));
    const isNew = waiting.length === 0;
    const lane = isNew ? lanes.push(node.id) - 1 : (waiting[0] as number);
    const joining = waiting.slice(1);
    for (const closed of [...joining].reverse()) lanes.splice(closed, 1);
    const width = lanes.length;
    const down = node.parents.filter((parent) => !node.backTo.includes(parent));
    const opening = Math.max(0, down.length - 1);
    if (down.length > 0) lanes.splice(lane, 1, ...down);
    else lanes.splice(lane, 1);
    rows.push({ node, lane, joining, width, opening, goesOn: down.length > 0 });
    widest = Math.max(widest, width + joining.length, lanes.length);
  }
  return { rows, width: widest };
}

/** Children before parents; a ghost right after the last that names it. */
export function nodesNewestFirst(graph: RevisionGraph): GraphNode[] {
  const nodes: GraphNode[] = [];
  const drawn = new Set<RevisionId>();
  const unreadableById = new Map(
    graph.unreadable.flatMap((file) => (file.id === null ? [] : ([[file.id, file]] as const))),
  );
  const childCount = new Map<RevisionId, number>();
  for (const revision of graph.revisions.values())
    for (const parent of new Set(revision.downRevisions))
      if (!graph.revisions.has(parent)) childCount.set(parent, (childCount.get(parent) ?? 0) + 1);
  for (const file of graph.unreadable) {
    if (file.id === null || graph.revisions.has(file.id) || childCount.has(file.id)) continue;
    nodes.push(
      ghost(
        file.id,
        `${file.file}: ${file.reason}`,
        'unreadable',
        (file.hints?.parents ?? []).filter((id) => graph.revisions.has(id)),
      ),
    );
  }
  for (const id of [...graph.order].reverse()) {
    const revision = graph.revisions.get(id) as Revision;
    drawn.add(id);
    const parents = [...new Set(revision.downRevisions)];
    nodes.push({
      id,
      kind: 'revision',
      revision,
      reason: '',
      parents,
      backTo: parents.filter((parent) => drawn.has(parent)),
    });
    for (const parent of parents) {
      if (graph.revisions.has(parent)) continue;
      const left = (childCount.get(parent) as number) - 1;
      childCount.set(parent, left);
      if (left > 0) continue;
      const file = unreadableById.get(parent);
      nodes.push(
        file === undefined
          ? ghost(parent, 'no file defines it', 'missing', [])
          : ghost(
              parent,
              `${file.file}: ${file.reason}`,
              'unreadable',
              (file.hints?.parents ?? []).filter((other) => graph.revisions.has(other) && !drawn.has(other)),
            ),
      );
    }
  }
  return nodes;
}

function ghost(id: RevisionId, reason: string, kind: 'missing' | 'unreadable', parents: RevisionId[]): GraphNode {
  return { id, kind, revision: null, reason, parents, backTo: [] };
}

/** What Alembic calls a revision beside its id. */
export function marksOf(graph: RevisionGraph): (id: RevisionId) => string[] {
  const heads = new Set(graph.heads);
  const possible = new Set(graph.possibleHeads);
  const bases = new Set(graph.bases);
  const branches = new Set(graph.branchPoints);
  const merges = new Set(graph.mergePoints);
  return (id) => {
    const marks: string[] = [];
    if (heads.has(id)) marks.push('head');
    if (possible.has(id)) marks.push('possibly head');
    if (bases.has(id)) marks.push('base');
    if (branches.has(id)) marks.push('branch point');
    if (merges.has(id)) marks.push('merge point');
    if (graph.duplicates.has(id)) marks.push('duplicate id');
    return marks;
  };
}
