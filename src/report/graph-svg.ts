/**
 * The revision graph as one SVG picture: a row a revision, newest first, lanes as in the text.
 */
import type { Revision } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { layoutGraph, marksOf } from './graph-layout.ts';
import { oneLine } from './plain.ts';

const rowHeight = 24;
const laneWidth = 18;
const margin = 16;

export function graphToSvg(graph: RevisionGraph): string {
  const { rows, width } = layoutGraph(graph);
  const marks = marksOf(graph);
  const place = new Map(
    rows.map((row, index) => [row.node.id, { x: margin + row.lane * laneWidth, y: margin + index * rowHeight }]),
  );
  const textX = margin + Math.max(1, width) * laneWidth;
  const edges: string[] = [];
  const nodes: string[] = [];
  let longest = 0;
  for (const { node } of rows) {
    const from = place.get(node.id) as { x: number; y: number };
    for (const parent of node.parents) {
      const to = place.get(parent);
      if (to !== undefined) edges.push(edge(from, to, node.backTo.includes(parent) ? 'cycle' : 'edge'));
    }
    for (const dependency of graph.predecessorsById.get(node.id) ?? []) {
      const to = place.get(dependency);
      if (to !== undefined && !node.parents.includes(dependency)) edges.push(edge(from, to, 'depends'));
    }
    const notes = node.kind === 'revision' ? marks(node.id).join(', ') : node.kind;
    const message = node.kind === 'revision' ? oneLine((node.revision as Revision).message) : oneLine(node.reason);
    const label = `${oneLine(node.id)}${notes === '' ? '' : ` (${notes})`} ${message}`.trimEnd();
    longest = Math.max(longest, label.length);
    const isGhost = node.kind !== 'revision';
    nodes.push(
      `<circle cx="${from.x}" cy="${from.y}" r="5" class="${isGhost ? 'ghost' : 'node'}"/><text x="${textX}" y="${from.y + 4}"${isGhost ? ' class="lost"' : ''}>${escapeXml(label)}</text>`,
    );
  }
  const size = {
    x: Math.ceil(textX + longest * 7.3 + margin),
    y: margin * 2 + Math.max(0, rows.length - 1) * rowHeight,
  };
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.x}" height="${size.y}" viewBox="0 0 ${size.x} ${size.y}" role="img">`,
    '<title>Revision graph</title>',
    '<style>text{font:12px ui-monospace,monospace;fill:#222}.lost{fill:#b00}.node{fill:#2563eb}.ghost{fill:#fff;stroke:#b00;stroke-dasharray:2 2}.edge,.depends,.cycle{fill:none;stroke:#94a3b8;stroke-width:1.5}.depends{stroke-dasharray:3 3}.cycle{stroke:#b00}</style>',
    `<rect width="${size.x}" height="${size.y}" fill="#fff"/>`,
    ...edges,
    ...nodes,
    '</svg>',
  ].join('\n')}\n`;
}

function edge(from: { x: number; y: number }, to: { x: number; y: number }, kind: string): string {
  if (from.x === to.x && kind === 'edge') return `<path class="${kind}" d="M${from.x} ${from.y}V${to.y}"/>`;
  const middle = (from.y + to.y) / 2;
  return `<path class="${kind}" d="M${from.x} ${from.y}C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${to.y}"/>`;
}

function escapeXml(text: string): string {
  return text.replace(
    /[&<>"]/g,
    (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] as string,
  );
}
