/**
 * The stamp: what the version rows mean to the graph, and rows that overlap, settled by the catalogue: of an ancestor and
 * its descendant, the one stays that the live schema bears out. Pure.
 */
import { ancestorsOf } from './ancestry.ts';
import type { Stamp } from './diagnosis.ts';
import type { LiveDatabase } from './live.ts';
import { compareText } from './name.ts';
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

/** What the version table says, and what the graph knows of it. `assumed`: rows to take in place of its own. */
export function readStamp(graph: RevisionGraph, live: LiveDatabase, assumed?: readonly string[]): Stamp {
  const table = live.versionTables.find((candidate) => candidate.isResolved) ?? null;
  const others = live.versionTables.filter((candidate) => candidate !== table);
  const rows = assumed === undefined ? (table?.rows ?? []) : [...assumed].sort(compareText);
  const distinct = [...new Set(rows)];
  const known = distinct.filter((row) => graph.revisions.has(row));
  const unknown = distinct.filter((row) => !graph.revisions.has(row));
  const state =
    table === null && assumed === undefined
      ? 'absent'
      : table?.rows === null
        ? table.problem === null
          ? 'unreadable'
          : 'unusable'
        : rows.length === 0
          ? 'empty'
          : unknown.length > 0
            ? 'unplaced'
            : 'placed';
  return { table, others, state, rows, known, unknown };
}

/** The one revision whose id begins with `row`: Alembic takes a cut id for it, in the version table too. */
export function cutIdOf(graph: RevisionGraph, row: string): RevisionId | null {
  if (row === '' || graph.revisions.has(row)) return null;
  const whole = [...graph.revisions.keys()].filter((id) => id.startsWith(row));
  return whole.length === 1 ? (whole[0] ?? null) : null;
}

/** The one revision that `row` is but for white space and case. */
export function misspeltIdOf(graph: RevisionGraph, row: string): RevisionId | null {
  const bare = row.trim().toLowerCase();
  if (bare === '' || graph.revisions.has(row)) return null;
  const same = [...graph.revisions.keys()].filter((id) => id.toLowerCase() === bare);
  return same.length === 1 ? (same[0] ?? null) : null;
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
