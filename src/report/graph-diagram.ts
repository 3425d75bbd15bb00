/**
 * The revision graph for other tools to draw: Mermaid and Graphviz. Parents point at what follows them.
 */
import type { Revision } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { type GraphNode, marksOf, nodesNewestFirst } from './graph-layout.ts';
import { oneLine } from './plain.ts';

export function graphToMermaid(graph: RevisionGraph): string {
  const { nodes, keys } = numbered(graph);
  const marks = marksOf(graph);
  const lines = ['flowchart TD'];
  for (const node of nodes) {
    const key = keys.get(node.id) as string;
    const text = labelOf(node, marks).map(mermaidText).join('<br/>');
    const shape = node.kind === 'revision' ? [`["${text}"]`, ''] : [`{{"${text}"}}`, ':::ghost'];
    lines.push(`  ${key}${shape.join('')}`);
  }
  for (const node of nodes) {
    for (const parent of node.parents)
      lines.push(`  ${keys.get(parent)} ${node.backTo.includes(parent) ? '-. cycle .->' : '-->'} ${keys.get(node.id)}`);
    for (const dependency of dependenciesOf(graph, node))
      lines.push(`  ${keys.get(dependency)} -. depends .-> ${keys.get(node.id)}`);
  }
  lines.push('  classDef ghost fill:#fff0f0,stroke:#c00,stroke-dasharray:4 3,color:#900');
  return `${lines.join('\n')}\n`;
}

export function graphToDot(graph: RevisionGraph): string {
  const { nodes, keys } = numbered(graph);
  const marks = marksOf(graph);
  const lines = ['digraph revisions {', '  rankdir=TB;', '  node [shape=box, fontname="sans-serif"];'];
  for (const node of nodes) {
    const text = labelOf(node, marks).map(dotText).join('\\n');
    lines.push(
      `  ${keys.get(node.id)} [label="${text}"${node.kind === 'revision' ? '' : ', style=dashed, color=red, fontcolor=red'}];`,
    );
  }
  for (const node of nodes) {
    for (const parent of node.parents)
      lines.push(`  ${keys.get(parent)} -> ${keys.get(node.id)}${node.backTo.includes(parent) ? ' [color=red]' : ''};`);
    for (const dependency of dependenciesOf(graph, node))
      lines.push(`  ${keys.get(dependency)} -> ${keys.get(node.id)} [style=dotted];`);
  }
  lines.push('}');
  return `${lines.join('\n')}\n`;
}

/** Oldest first, each with a name of its own that no tool can misread. */
function numbered(graph: RevisionGraph): { nodes: GraphNode[]; keys: Map<string, string> } {
  const nodes = nodesNewestFirst(graph).reverse();
  return { nodes, keys: new Map(nodes.map((node, index) => [node.id, `r${index}`])) };
}

function dependenciesOf(graph: RevisionGraph, node: GraphNode): string[] {
  const parents = new Set(node.parents);
  return (graph.predecessorsById.get(node.id) ?? []).filter((id) => !parents.has(id));
}

function labelOf(node: GraphNode, marks: (id: string) => string[]): string[] {
  if (node.kind !== 'revision') return [oneLine(node.id), node.kind === 'missing' ? 'missing' : 'unreadable'];
  const notes = marks(node.id).join(', ');
  return [oneLine(node.id), oneLine((node.revision as Revision).message), notes].filter((line) => line !== '');
}

function mermaidText(text: string): string {
  return text.replace(/[&<>"#`{}[\]]/g, (character) => `#${character.charCodeAt(0)};`);
}

function dotText(text: string): string {
  return text.replace(/[\\"]/g, '\\$&');
}
