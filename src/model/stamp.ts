/**
 * Version rows that overlap, settled by the catalogue: of an ancestor and its descendant, the one stays that the live
 * schema bears out. Pure.
 */
import { ancestorsOf } from './ancestry.ts';
import type { Replay } from './replay.ts';
import type { RevisionId } from './revision.ts';
import type { RevisionGraph } from './revision-graph.ts';
import type { Schema } from './schema.ts';

export interface Overlap {
  ancestor: RevisionId;
  descendant: RevisionId;
  /** What only the descendant declares and live lacks: `schema.table`, `schema.table.column`. */
  absent: string[];
  /** What only the descendant declares, at all. Empty: the catalogue cannot tell. */
  expected: string[];
}

/**
 * Nothing of what only the descendant declares is there. Where a part is, it did run: what it lacks can be brought, while
 * an upgrade from the ancestor would fail on the part that stands.
 */
export function isContradicted({ absent, expected }: Overlap): boolean {
  return absent.length > 0 && absent.length === expected.length;
}

/** Every pair of rows of which one comes before the other. */
export function overlapsOf(graph: RevisionGraph, replay: Replay, live: Schema, rows: readonly RevisionId[]): Overlap[] {
  const overlaps: Overlap[] = [];
  for (const descendant of rows) {
    const before = ancestorsOf(graph, [descendant]);
    for (const ancestor of rows) {
      if (ancestor === descendant || !before.has(ancestor)) continue;
      const expected = addedBetween(replay.schemaAfter(ancestor), replay.schemaAfter(descendant));
      overlaps.push({ ancestor, descendant, expected, absent: expected.filter((key) => !isThere(live, key)) });
    }
  }
  return overlaps;
}

/** The rows that are left: without the descendants that the catalogue contradicts, then without all ancestors. */
export function settleOverlap(
  graph: RevisionGraph,
  replay: Replay,
  live: Schema,
  rows: readonly RevisionId[],
): RevisionId[] {
  let left = [...rows];
  for (;;) {
    const contradicted = overlapsOf(graph, replay, live, left).find(isContradicted);
    if (contradicted === undefined) break;
    left = left.filter((id) => id !== contradicted.descendant);
  }
  const ancestors = new Set(overlapsOf(graph, replay, live, left).map((overlap) => overlap.ancestor));
  return left.filter((id) => !ancestors.has(id));
}

/** Tables and columns that `after` has and `before` had not. */
function addedBetween(before: Schema, after: Schema): string[] {
  const added: string[] = [];
  for (const [key, table] of after.tables) {
    const standing = before.tables.get(key);
    if (standing === undefined) added.push(key);
    else for (const column of table.columns.keys()) if (!standing.columns.has(column)) added.push(`${key}.${column}`);
  }
  return added;
}

function isThere(live: Schema, key: string): boolean {
  if (live.tables.has(key)) return true;
  const dot = key.lastIndexOf('.');
  return live.tables.get(key.slice(0, dot))?.columns.has(key.slice(dot + 1)) === true;
}
