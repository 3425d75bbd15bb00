/**
 * Digraph: a directed graph of texts, the only home of graphlib. Never makes a node by itself, keeps a stable order,
 * and gives a cycle as a path. Everything here is linear in nodes and edges (but for the sorting of names).
 */
import { Graph } from 'graphlib';
import { compareText } from './name.ts';

export class Digraph {
  /** Its nodes are our numbers: graphlib keeps names in plain objects, where one called `constructor` is already there. */
  private readonly graph = new Graph({ directed: true });
  private readonly keys = new Map<string, string>();
  private readonly names: string[] = [];
  /** Until an edge is added: graphlib lists them anew for whoever asks. */
  private readonly successorsById = new Map<string, readonly string[]>();

  addNode(id: string): void {
    if (this.keys.has(id)) return;
    const key = String(this.names.length);
    this.keys.set(id, key);
    this.names.push(id);
    this.graph.setNode(key);
  }

  /** False, and nothing added, where one of the two is no node: graphlib itself would make it one. */
  addEdge(from: string, to: string): boolean {
    const fromKey = this.keys.get(from);
    const toKey = this.keys.get(to);
    if (fromKey === undefined || toKey === undefined) return false;
    this.graph.setEdge(fromKey, toKey);
    this.successorsById.delete(from);
    return true;
  }

  has(id: string): boolean {
    return this.keys.has(id);
  }

  nodes(): string[] {
    return [...this.names].sort(compareText);
  }

  successors(id: string): string[] {
    return [...this.after(id)].sort(compareText);
  }

  predecessors(id: string): string[] {
    return this.named(this.graph.predecessors(this.keys.get(id) ?? '')).sort(compareText);
  }

  private named(keys: string[] | undefined): string[] {
    return keys === undefined ? [] : keys.map((key) => this.names[Number(key)] as string);
  }

  private after(id: string): readonly string[] {
    let known = this.successorsById.get(id);
    if (known === undefined) {
      known = this.named(this.graph.successors(this.keys.get(id) ?? ''));
      this.successorsById.set(id, known);
    }
    return known;
  }

  /** Sources first, ties by name (Kahn's algorithm on a heap); what lies on a cycle comes last, by name. */
  topologicalOrder(): string[] {
    const onCycle = new Set(
      this.components()
        .filter((members) => this.isCyclic(members))
        .flat(),
    );
    const waiting = new Map<string, number>();
    const ready = new NameHeap();
    for (const id of this.names) {
      if (onCycle.has(id)) continue;
      let count = 0;
      for (const predecessor of this.predecessors(id)) if (!onCycle.has(predecessor)) count++;
      if (count === 0) ready.push(id);
      else waiting.set(id, count);
    }
    const order: string[] = [];
    for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
      order.push(id);
      for (const successor of this.after(id)) {
        const count = waiting.get(successor);
        if (count === undefined) continue;
        if (count > 1) waiting.set(successor, count - 1);
        else {
          waiting.delete(successor);
          ready.push(successor);
        }
      }
    }
    return [...order, ...[...onCycle].sort(compareText)];
  }

  /**
   * One cycle of each strongly connected component, as the path along its edges from its least name; a self-loop is a
   * path of one. Components in the order of their paths' first names.
   */
  cycles(): string[][] {
    const paths: string[][] = [];
    for (const members of this.components()) if (this.isCyclic(members)) paths.push(this.cycleIn(members));
    return paths.sort((a, b) => compareText(a[0] as string, b[0] as string));
  }

  private isCyclic(members: string[]): boolean {
    return members.length > 1 || this.after(members[0] as string).includes(members[0] as string);
  }

  /** A shortest cycle through the least member, by breadth-first search inside the component. */
  private cycleIn(component: string[]): string[] {
    const members = new Set(component);
    const start = [...component].sort(compareText)[0] as string;
    const cameFrom = new Map<string, string>();
    let frontier = [start];
    while (frontier.length > 0) {
      const next: string[] = [];
      for (const id of frontier) {
        for (const successor of this.successors(id)) {
          if (successor === start) {
            const path = [id];
            for (let at = id; at !== start; ) {
              at = cameFrom.get(at) as string;
              path.push(at);
            }
            return path.reverse();
          }
          if (!members.has(successor) || cameFrom.has(successor)) continue;
          cameFrom.set(successor, id);
          next.push(successor);
        }
      }
      frontier = next;
    }
    return [start];
  }

  /** Tarjan's components, with a stack of its own: a chain of 10,000 revisions must not overflow the call stack. */
  private components(): string[][] {
    const index = new Map<string, number>();
    const low = new Map<string, number>();
    const onStack = new Set<string>();
    const stack: string[] = [];
    const found: string[][] = [];
    for (const root of this.names) {
      if (index.has(root)) continue;
      const work: { id: string; successors: readonly string[]; at: number }[] = [];
      const enter = (id: string): void => {
        index.set(id, index.size);
        low.set(id, index.get(id) as number);
        stack.push(id);
        onStack.add(id);
        work.push({ id, successors: this.after(id), at: 0 });
      };
      enter(root);
      while (work.length > 0) {
        const frame = work[work.length - 1]!;
        const successor = frame.successors[frame.at++];
        if (successor !== undefined) {
          if (!index.has(successor)) enter(successor);
          else if (onStack.has(successor))
            low.set(frame.id, Math.min(low.get(frame.id) as number, index.get(successor) as number));
          continue;
        }
        work.pop();
        const parent = work[work.length - 1];
        if (parent !== undefined)
          low.set(parent.id, Math.min(low.get(parent.id) as number, low.get(frame.id) as number));
        if (low.get(frame.id) !== index.get(frame.id)) continue;
        const component: string[] = [];
        for (;;) {
          const id = stack.pop() as string;
          onStack.delete(id);
          component.push(id);
          if (id === frame.id) break;
        }
        found.push(component);
      }
    }
    return found;
  }

  /** Everything reachable from `starts` along the edges, the starts included where they are nodes. */
  reachableFrom(starts: Iterable<string>): Set<string> {
    const seen = new Set<string>();
    const stack: string[] = [];
    for (const start of starts) {
      if (!this.has(start) || seen.has(start)) continue;
      seen.add(start);
      stack.push(start);
    }
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      for (const successor of this.after(id)) {
        if (seen.has(successor)) continue;
        seen.add(successor);
        stack.push(successor);
      }
    }
    return seen;
  }
}

/** A binary heap of names, the least first. */
class NameHeap {
  private readonly items: string[] = [];

  push(item: string): void {
    const items = this.items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compareText(items[parent] as string, item) <= 0) break;
      items[at] = items[parent] as string;
      at = parent;
    }
    items[at] = item;
  }

  pop(): string | undefined {
    const items = this.items;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && compareText(items[child + 1] as string, items[child] as string) < 0) child++;
      if (compareText(last, items[child] as string) <= 0) break;
      items[at] = items[child] as string;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
