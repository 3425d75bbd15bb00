import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Digraph } from '../../src/model/digraph.ts';

const names = ['a', 'b', 'c', 'd', 'constructor', '__proto__', '7', 'a\x01b'];
const edges = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), { maxLength: 20 });

function graphOf(pairs: readonly (readonly [string, string])[]): Digraph {
  const graph = new Digraph();
  for (const name of names) graph.addNode(name);
  for (const [from, to] of pairs) graph.addEdge(from, to);
  return graph;
}

describe('Digraph', () => {
  it('makes no node of an edge', () => {
    const graph = new Digraph();
    graph.addNode('a');
    expect(graph.addEdge('a', 'ghost')).toBe(false);
    expect(graph.nodes()).toEqual(['a']);
    expect(graph.successors('a')).toEqual([]);
  });

  it('keeps apart names that an object would mix up', () => {
    const graph = graphOf([['constructor', '__proto__']]);
    expect(graph.nodes()).toHaveLength(names.length);
    expect(graph.successors('constructor')).toEqual(['__proto__']);
    expect(graph.predecessors('a\x01b')).toEqual([]);
  });

  it('orders every node once, sources first, and does not hang on the order of edges', () => {
    fc.assert(
      fc.property(edges, (pairs) => {
        const order = graphOf(pairs).topologicalOrder();
        expect([...order].sort()).toEqual([...names].sort());
        expect(graphOf([...pairs].reverse()).topologicalOrder()).toEqual(order);
        const cyclic = new Set(
          graphOf(pairs)
            .nodes()
            .filter((name) => reaches(pairs, name, name)),
        );
        for (const [from, to] of pairs) {
          if (cyclic.has(from) || cyclic.has(to)) continue;
          expect(order.indexOf(from)).toBeLessThan(order.indexOf(to));
        }
        const tail = order.slice(order.length - cyclic.size);
        expect(tail).toEqual([...cyclic].sort());
      }),
    );
  });

  it('gives each cycle as a path along edges', () => {
    fc.assert(
      fc.property(edges, (pairs) => {
        const isEdge = (from: string, to: string) => pairs.some(([a, b]) => a === from && b === to);
        const cycles = graphOf(pairs).cycles();
        for (const path of cycles) {
          for (const [index, name] of path.entries()) expect(isEdge(name, path[(index + 1) % path.length]!)).toBe(true);
          expect(new Set(path).size).toBe(path.length);
        }
        const someNodeIsCyclic = names.some((name) => reaches(pairs, name, name));
        expect(cycles.length > 0).toBe(someNodeIsCyclic);
      }),
    );
  });

  it('walks a chain of 20,000 without overflowing', () => {
    const graph = new Digraph();
    for (let i = 0; i < 20_000; i++) graph.addNode(`n${i}`);
    for (let i = 1; i < 20_000; i++) graph.addEdge(`n${i - 1}`, `n${i}`);
    expect(graph.cycles()).toEqual([]);
    expect(graph.topologicalOrder()[19_999]).toBe('n19999');
    expect(graph.reachableFrom(['n19000']).size).toBe(1000);
  });
});

function reaches(pairs: readonly (readonly [string, string])[], from: string, to: string): boolean {
  const seen = new Set<string>();
  const stack = [from];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const [a, b] of pairs) {
      if (a !== at) continue;
      if (b === to) return true;
      if (!seen.has(b)) {
        seen.add(b);
        stack.push(b);
      }
    }
  }
  return false;
}
