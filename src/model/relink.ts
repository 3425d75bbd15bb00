/**
 * Where a revision whose parent no file defines could hang instead: chosen by evidence among the revisions that exist.
 * Pure; refuses to decide whether re-linking is right at all.
 */
import { ancestorsOf, descendantsOf } from './ancestry.ts';
import { nameOfKey, type QualifiedName } from './name.ts';
import type { Operation } from './operation.ts';
import type { Replay } from './replay.ts';
import type { RevisionId } from './revision.ts';
import type { RevisionGraph } from './revision-graph.ts';

export interface Relink {
  revision: RevisionId;
  missing: string;
  /** Null: nothing is left to hang on, it becomes a base. */
  parent: RevisionId | null;
  /** Why this one, in words. */
  reasons: string[];
  /** Tables that the detached revisions alter or refer to and that nothing before them creates. */
  needs: string[];
}

/** The best existing parent for `revision` in place of `missing`; never one that makes a cycle. */
export function chooseParent(
  graph: RevisionGraph,
  replay: Replay | null,
  revision: RevisionId,
  missing: string,
): Relink {
  const behind = descendantsOf(graph, [revision]);
  const own = graph.revisions.get(revision);
  const candidates = graph.order.filter((id) => !behind.has(id));
  const segment = graph.order.filter((id) => behind.has(id));
  const needs = replay === null ? [] : tablesNeededBy(segment, replay);
  const date = sortableDate(own?.createDate ?? null);
  const scored = candidates.map((id, index) => {
    const standing = replay === null || needs.length === 0 ? null : replay.schemaAfter(id);
    const unmet = standing === null ? 0 : needs.filter((name) => !hasTable(standing.tables, name)).length;
    const candidateDate = sortableDate(graph.revisions.get(id)?.createDate ?? null);
    const isLater = date !== null && candidateDate !== null && candidateDate > date;
    // A head of the time: all that follows it is younger than the revision that lost its parent.
    const younger = (child: RevisionId) => {
      const childDate = sortableDate(graph.revisions.get(child)?.createDate ?? null);
      return date !== null && childDate !== null && childDate > date;
    };
    const wasHead = (graph.childrenById.get(id) ?? []).every((child) => behind.has(child) || younger(child));
    return { id, index, unmet, isLater, wasHead, date: candidateDate };
  });
  scored.sort(
    (a, b) =>
      Number(a.isLater) - Number(b.isLater) ||
      a.unmet - b.unmet ||
      Number(b.wasHead) - Number(a.wasHead) ||
      compareDates(b.date, a.date) ||
      b.index - a.index,
  );
  const best = scored[0];
  if (best === undefined) return { revision, missing, parent: null, reasons: ['no other revision is left'], needs };
  const reasons: string[] = [];
  if (best.wasHead) reasons.push(`it was a head when ${revision} was written`);
  if (date !== null && best.date !== null && !best.isLater) reasons.push('its Create Date is the last one before');
  if (needs.length > 0 && best.unmet === 0) reasons.push(`it has the tables that follow need: ${needs.join(', ')}`);
  return { revision, missing, parent: best.id, reasons, needs };
}

/** The choice for every missing parent, in graph order. Two segments never end in a circle of each other. */
export function chooseParents(graph: RevisionGraph, replay: Replay | null): Relink[] {
  const links: Relink[] = [];
  for (const fault of graph.faults) {
    const revision = fault.revisions[0];
    if (fault.rule !== 'missing-parent-revision' || fault.missing === undefined || revision === undefined) continue;
    if (links.some((link) => link.revision === revision && link.missing === fault.missing)) continue;
    const link = chooseParent(graph, replay, revision, fault.missing);
    const wouldCircle =
      link.parent !== null &&
      links.some(
        (other) =>
          other.parent !== null &&
          descendantsOf(graph, [revision]).has(other.parent) &&
          ancestorsOf(graph, [link.parent as RevisionId]).has(other.revision),
      );
    links.push(wouldCircle ? { ...link, parent: null, reasons: ['any other parent would make a circle'] } : link);
  }
  return links;
}

/** Heads as they would be once the links stand. */
export function headsAfter(graph: RevisionGraph, links: readonly Relink[]): RevisionId[] {
  const taken = new Set(links.map((link) => link.parent));
  return graph.heads.filter((head) => !taken.has(head));
}

function tablesNeededBy(segment: readonly RevisionId[], replay: Replay): string[] {
  const created = new Set<string>();
  const needed = new Set<string>();
  const need = (name: QualifiedName) => {
    if (!created.has(name.name)) needed.add(name.schema === null ? name.name : `${name.schema}.${name.name}`);
  };
  for (const id of segment) {
    for (const operation of replay.operationsById.get(id) ?? []) {
      for (const name of tablesReadBy(operation)) need(name);
      if (operation.kind === 'createTable') created.add(operation.table.name.name);
      if (operation.kind === 'renameTable') created.add(operation.to);
      if (operation.kind === 'createView') created.add(operation.name.name);
    }
  }
  return [...needed].sort();
}

function tablesReadBy(operation: Operation): QualifiedName[] {
  switch (operation.kind) {
    case 'createTable':
      return [
        ...operation.table.constraints,
        ...operation.table.columns.flatMap((column) => column.constraints ?? []),
      ].flatMap((constraint) =>
        constraint.references && constraint.references.table.name !== operation.table.name.name
          ? [constraint.references.table]
          : [],
      );
    case 'addConstraint':
      return [operation.table, ...(operation.constraint.references ? [operation.constraint.references.table] : [])];
    case 'dropTable':
    case 'dropColumn':
    case 'dropConstraint':
      return operation.ifExists ? [] : [operation.table];
    case 'addColumn':
    case 'renameColumn':
    case 'alterColumn':
    case 'createIndex':
    case 'renameTable':
    case 'createTrigger':
    case 'createPolicy':
    case 'alterPolicy':
    case 'enableTrigger':
      return [operation.table];
    default:
      return [];
  }
}

function hasTable(tables: ReadonlyMap<string, unknown>, name: string): boolean {
  if (name.includes('.')) return tables.has(name);
  for (const key of tables.keys()) if (nameOfKey(key).name === name) return true;
  return false;
}

/** `Create Date:` as Alembic writes it sorts as text; anything else does not count. */
function sortableDate(text: string | null): string | null {
  return text !== null && /^\d{4}-\d\d-\d\d/.test(text) ? text : null;
}

function compareDates(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}
