/**
 * The revision graph as a result: JSON by the contract, and the choice of a drawing. Refuses to judge it.
 */
import type { RevisionGraph } from '../model/revision-graph.ts';
import { graphToDot, graphToMermaid } from './graph-diagram.ts';
import { graphToSvg } from './graph-svg.ts';
import { graphToText } from './graph-text.ts';
import { jsonText } from './plain.ts';

export type GraphFormat = 'text' | 'json' | 'mermaid' | 'dot' | 'svg';

export function renderGraph(graph: RevisionGraph, format: GraphFormat, options: { color: boolean }): string {
  switch (format) {
    case 'json':
      return jsonText(graphToJson(graph));
    case 'mermaid':
      return graphToMermaid(graph);
    case 'dot':
      return graphToDot(graph);
    case 'svg':
      return graphToSvg(graph);
    case 'text':
      return graphToText(graph, options);
  }
}

/** The contract's shape; `possibleHeads`, `unreadable` and more of each fault come on top. */
export function graphToJson(graph: RevisionGraph): Record<string, unknown> {
  return {
    revisions: [...graph.revisions.values()].map((revision) => ({
      id: revision.id,
      downRevisions: revision.downRevisions,
      dependsOn: revision.dependsOn,
      branchLabels: revision.branchLabels,
      file: revision.file,
      line: revision.line,
      message: revision.message,
    })),
    heads: graph.heads,
    possibleHeads: graph.possibleHeads,
    effectiveHeads: graph.effectiveHeads,
    bases: graph.bases,
    branchPoints: graph.branchPoints,
    mergePoints: graph.mergePoints,
    order: graph.order,
    unreadable: graph.unreadable.map(({ file, line, kind, reason, id }) => ({ file, line, kind, reason, id })),
    faults: graph.faults.map((fault) => ({
      rule: fault.rule,
      revisions: fault.revisions,
      files: fault.files,
      line: fault.line,
      message: fault.message,
      ...(fault.missing === undefined ? {} : { missing: fault.missing }),
      ...(fault.isSuspected ? { certainty: 'suspected' } : {}),
    })),
  };
}
