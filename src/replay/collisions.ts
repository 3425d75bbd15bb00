/**
 * What two branches both create. Each revision is replayed on its own ancestors, so that neither side sees the other; where
 * they meet (a merge, several heads) a database that has one side runs the other, and "already exists" ends it. Told once a
 * pair (of many sides, against the first that has it), with both statements; a revision that asks first (`has_table`, a guarded DO block) is asked again where they meet.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Operation } from '../model/operation.ts';
import type { ReplayNote } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { applyToDraft } from './apply.ts';
import { type DraftOptions, type ReplayState, SchemaDraft } from './draft.ts';
import type { RevisionEvaluator } from './replay.ts';

type Twice = Extract<ReplayNote, { kind: 'created-twice' }>;

export interface Replayed {
  source: RevisionEvaluator;
  /** Revisions in the order they were replayed. */
  order: readonly RevisionId[];
  /** Behind a missing parent, or on a cycle: where it will stand is not known. */
  isDetached(revision: RevisionId): boolean;
  operationsById: ReadonlyMap<RevisionId, readonly Operation[]>;
  stateAfter(revision: RevisionId): ReplayState;
  optionsFor(revision: RevisionId): DraftOptions;
}

export function collisionsOf(replayed: Replayed): Twice[] {
  const { graph } = replayed.source;
  const position = new Map(replayed.order.map((revision, at) => [revision, at]));
  const found = new Map<string, Twice>();
  for (const sides of meetingsOf(graph, replayed)) {
    const before = sides.map((side) => ancestorsOf(graph, [side]));
    for (const [one, other] of pairsOf(before, replayed.operationsById)) {
      for (const [at, beside] of [
        [one, other],
        [other, one],
      ] as const) {
        const mine = before[at] as Set<RevisionId>;
        const others = [...(before[beside] as Set<RevisionId>)].filter((revision) => !mine.has(revision));
        others.sort((a, b) => (position.get(a) as number) - (position.get(b) as number));
        for (const note of runOn(sides[at] as RevisionId, others, replayed)) {
          const first = note.first?.revision ?? null;
          if (first === null || !mine.has(first) || ancestorsOf(graph, [note.revision]).has(first)) continue;
          keep(found, note, first, position);
        }
      }
    }
  }
  return [...found.values()];
}

/** One note a pair: on the later revision, with the other one's statement where that fails too. */
function keep(
  found: Map<string, Twice>,
  note: Twice,
  first: RevisionId,
  position: ReadonlyMap<RevisionId, number>,
): void {
  const { revision, operation } = note;
  const key = [note.objectKind, note.object, ...[revision, first].sort()].join('\n');
  const known = found.get(key);
  if (known === undefined) found.set(key, { ...note, across: { other: null } });
  else if (known.revision === first && !known.across?.other) {
    const isLater = (position.get(revision) ?? 0) > (position.get(first) ?? 0);
    const [last, other] = isLater ? [note, known] : [known, note];
    found.set(key, { ...last, across: { other: { revision: other.revision, operation: other.operation } } });
  } else if (known.revision === revision && known.across?.other === undefined) found.set(key, { ...known, operation });
}

/** What meets: the predecessors of each merge, and the heads. */
function meetingsOf(graph: RevisionGraph, { order, isDetached }: Replayed): RevisionId[][] {
  const sound = order.filter((revision) => !isDetached(revision));
  const meetings = [...sound.map((revision) => graph.predecessorsById.get(revision) ?? []), graph.heads].map((sides) =>
    [...new Set(sides)].filter((side) => !isDetached(side)),
  );
  return meetings.filter((sides) => sides.length > 1);
}

/** Sides that both give a name to something which is not on all of them; of many with one name, the first with each. */
function pairsOf(
  before: readonly ReadonlySet<RevisionId>[],
  operationsById: Replayed['operationsById'],
): [one: number, other: number][] {
  const counts = new Map<RevisionId, number>();
  for (const side of before) for (const revision of side) counts.set(revision, (counts.get(revision) ?? 0) + 1);
  const firstByName = new Map<string, number>();
  const pairs = new Map<string, [number, number]>();
  for (const [at, side] of before.entries()) {
    const alone = [...side].filter((revision) => (counts.get(revision) as number) < before.length);
    for (const name of namesMadeBy(alone, operationsById)) {
      const first = firstByName.get(name);
      if (first === undefined) firstByName.set(name, at);
      else pairs.set(`${first} ${at}`, [first, at]);
    }
  }
  return [...pairs.values()];
}

/** Runs the revisions on the state of a side, in order, and notes what stands already. */
function runOn(side: RevisionId, revisions: readonly RevisionId[], replayed: Replayed): Twice[] {
  const notes: Twice[] = [];
  let state = replayed.stateAfter(side);
  for (const revision of revisions) {
    const run = (act: (draft: SchemaDraft) => void) => {
      const own: Twice[] = [];
      const note: DraftOptions['note'] = (each) => {
        if (each.kind === 'created-twice') own.push({ ...each, revision } as Twice);
      };
      const draft = new SchemaDraft(state, { ...replayed.optionsFor(revision), note });
      act(draft);
      return { own, state: draft.state };
    };
    let ran = run((draft) => {
      for (const operation of replayed.operationsById.get(revision) ?? []) applyToDraft(draft, operation);
    });
    if (ran.own.length > 0) {
      ran = run((draft) =>
        replayed.source.evaluate(revision, 'upgrade', {
          apply: (operation) => applyToDraft(draft, operation),
          schema: () => draft.schema,
          searchPath: () => draft.searchPath,
        }),
      );
    }
    notes.push(...ran.own);
    state = ran.state;
  }
  return notes;
}

/** Last parts of the names that the revisions give to anything: no collision without one in common. */
function namesMadeBy(
  revisions: readonly RevisionId[],
  operationsById: ReadonlyMap<RevisionId, readonly Operation[]>,
): Set<string> {
  const names = new Set<string>();
  for (const revision of revisions) {
    for (const operation of operationsById.get(revision) ?? []) {
      for (const name of namesOf(operation)) names.add(name);
    }
  }
  return names;
}

function namesOf(operation: Operation): string[] {
  switch (operation.kind) {
    case 'createTable':
      return [operation.table.name.name];
    case 'addColumn':
      return [operation.column.name];
    // Without a name of its own it is named by what it stands on.
    case 'addConstraint':
      return [operation.constraint.name ?? operation.table.name];
    case 'createIndex':
      return [operation.index.name ?? operation.table.name];
    case 'renameTable':
    case 'renameColumn':
    case 'renameIndex':
    case 'renameConstraint':
    case 'renameType':
    case 'renameView':
      return [operation.to];
    case 'createEnum':
    case 'createDomain':
    case 'createComposite':
    case 'createSequence':
    case 'createView':
      return [operation.name.name];
    default:
      return [];
  }
}
