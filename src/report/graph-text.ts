/**
 * The revision graph as text, like `git log --graph --oneline`: newest first, ghosts as `x`, faults below.
 */
import type { Revision } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { paintFor } from './colour.ts';
import { type GraphNode, type GraphRow, layoutGraph, marksOf } from './graph-layout.ts';
import { oneLine, visible } from './plain.ts';

/** Beyond this many lanes a drawing says nothing any more: then each line names its parents instead. */
const widestDrawing = 40;

export function graphToText(graph: RevisionGraph, options: { color: boolean }): string {
  const paint = paintFor(options.color);
  const layout = layoutGraph(graph);
  const isDrawn = layout.width <= widestDrawing;
  const marks = marksOf(graph);
  const lines: string[] = [];
  for (const row of layout.rows) {
    const words = wordsOf(row.node, marks, paint);
    if (!isDrawn) {
      const from = row.node.parents.length === 0 ? '' : ` <- ${row.node.parents.map(shown).join(', ')}`;
      lines.push(`${symbolOf(row.node)} ${words}${from}`);
      continue;
    }
    lines.push(...joiningLines(row));
    lines.push(`${nodeLine(row)}  ${words}`);
    lines.push(...openingLines(row));
  }
  lines.push(...duplicateLines(graph));
  if (layout.rows.length > 0) lines.push('');
  lines.push(summaryOf(graph));
  if (graph.faults.length > 0) {
    lines.push('', paint.bold(graph.faults.length === 1 ? '1 fault:' : `${graph.faults.length} faults:`));
    for (const fault of graph.faults) {
      lines.push(`  ${paint.severity('error', fault.rule)}  ${oneLine(fault.message)}`);
      lines.push(paint.dim(`    ${oneLine(fault.files[0] ?? '')}:${fault.line}`));
    }
  }
  return `${lines.join('\n')}\n`;
}

function symbolOf(node: GraphNode): string {
  return node.kind === 'revision' ? '*' : node.kind === 'missing' ? 'x' : '?';
}

function wordsOf(node: GraphNode, marks: (id: string) => string[], paint: ReturnType<typeof paintFor>): string {
  if (node.kind !== 'revision')
    return `${paint.removed(shown(node.id))} ${paint.dim(node.kind === 'missing' ? `(missing: ${node.reason})` : `(unreadable: ${oneLine(node.reason)})`)}`;
  const revision = node.revision as Revision;
  const notes = [...marks(node.id), ...revision.branchLabels.map((label) => `label ${shown(label)}`)];
  if (revision.dependsOn.length > 0) notes.push(`depends on ${revision.dependsOn.map(shown).join(', ')}`);
  if (node.backTo.length > 0) notes.push(`follows ${node.backTo.map(shown).join(', ')}: a cycle`);
  const message = oneLine(revision.message);
  return [paint.bold(shown(node.id)), notes.length > 0 ? paint.added(`(${notes.join(', ')})`) : '', message]
    .filter((part) => part !== '')
    .join(' ');
}

function shown(id: string): string {
  return id === '' || /\s/.test(id) ? visible(JSON.stringify(id)) : oneLine(id);
}

function nodeLine(row: GraphRow): string {
  return Array.from({ length: row.width }, (_, lane) => (lane === row.lane ? symbolOf(row.node) : '|')).join(' ');
}

/** Lanes that bend into the node's, the outermost first: `|_|/`. */
function joiningLines(row: GraphRow): string[] {
  const lines: string[] = [];
  let width = row.width + row.joining.length;
  for (const lane of [...row.joining].reverse()) {
    const cells: string[] = Array.from({ length: width * 2 - 1 }, (_, column) => (column % 2 === 0 ? '|' : ' '));
    for (let column = row.lane * 2 + 1; column < lane * 2 - 1; column += 2) cells[column] = '_';
    cells[lane * 2 - 1] = '/';
    cells[lane * 2] = ' ';
    // Lanes to the right move one to the left.
    for (let right = lane + 1; right < width; right++) {
      cells[right * 2 - 1] = '/';
      cells[right * 2] = ' ';
    }
    lines.push(cells.join('').trimEnd());
    width--;
  }
  return lines;
}

/** A lane to the right of the node's for each further parent: `|\`. */
function openingLines(row: GraphRow): string[] {
  const lines: string[] = [];
  if (!row.goesOn) {
    // The lane ends: those to the right move one to the left.
    if (row.lane < row.width - 1) {
      const cells: string[] = Array.from({ length: row.width * 2 - 1 }, (_, column) =>
        column % 2 === 0 && column / 2 < row.lane ? '|' : ' ',
      );
      for (let right = row.lane + 1; right < row.width; right++) cells[right * 2 - 1] = '/';
      lines.push(cells.join('').trimEnd());
    }
    return lines;
  }
  for (let opened = 0; opened < row.opening; opened++) {
    const width = row.width + opened;
    const cells: string[] = Array.from({ length: width * 2 }, (_, column) =>
      column % 2 === 0 && column / 2 <= row.lane ? '|' : ' ',
    );
    for (let lane = row.lane; lane < width; lane++) cells[lane * 2 + 1] = '\\';
    lines.push(cells.join('').trimEnd());
  }
  return lines;
}

function duplicateLines(graph: RevisionGraph): string[] {
  const lines: string[] = [];
  for (const [id, same] of graph.duplicates) {
    for (const revision of same) {
      const isKept = graph.revisions.get(id) === revision;
      lines.push(
        `=  ${shown(id)} in ${oneLine(revision.file)}${isKept ? ' (the one drawn, and kept by Alembic)' : ` (follows ${revision.downRevisions.map(shown).join(', ') || 'nothing'})`}`,
      );
    }
  }
  return lines;
}

function summaryOf(graph: RevisionGraph): string {
  const count = graph.revisions.size;
  const parts = [`${count} ${count === 1 ? 'revision' : 'revisions'}`];
  const list = (words: string, ids: string[]): void => {
    if (ids.length > 0)
      parts.push(`${words} ${ids.slice(0, 10).map(shown).join(', ')}${ids.length > 10 ? `, … (${ids.length})` : ''}`);
  };
  list(graph.heads.length === 1 ? 'head' : `${graph.heads.length} heads`, graph.heads);
  list('possibly heads', graph.possibleHeads);
  list(graph.bases.length === 1 ? 'base' : `${graph.bases.length} bases`, graph.bases);
  return parts.join(' · ');
}
