/**
 * What two rules ask of a thing that is created twice: which of the two statements can still be changed. On one line that is
 * the later one, which no database that the chain built has run. On two branches it is the one that nobody has run yet.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Evidence } from '../model/finding.ts';
import type { Operation } from '../model/operation.ts';
import type { RemedyAction } from '../model/remedy.ts';
import type { ReplayNote } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RuleInputs } from './rule.ts';

export type Twice = Extract<ReplayNote, { kind: 'created-twice' }>;

type Seen = Pick<RuleInputs, 'graph'> & Partial<Pick<RuleInputs, 'history' | 'stamp'>>;

export interface Second {
  revision: RevisionId;
  operation: Operation;
  /** The revision whose statement stays; null where nobody knows. */
  stays: RevisionId | null;
  /** Databases stand on both sides: neither statement can go. */
  isOnBothSides: boolean;
}

export function secondOf(note: Twice, seen: Seen): Second {
  const stays = note.first?.revision ?? null;
  const own = { revision: note.revision, operation: note.operation, stays, isOnBothSides: false };
  if (note.across === undefined) return own;
  const stamped = seen.stamp === undefined ? new Set() : ancestorsOf(seen.graph, seen.stamp.known);
  const hasRun = (revision: RevisionId) => seen.history?.releasedById.has(revision) === true || stamped.has(revision);
  if (!hasRun(note.revision)) return own;
  const { other } = note.across;
  if (other === null || stays === null || hasRun(stays)) return { ...own, isOnBothSides: true };
  return { ...other, stays: note.revision, isOnBothSides: false };
}

/** On a branch of its own the statement's revision must come after the one that stays, since what follows builds on it. */
export function orderAfter({ revision, stays }: Second, note: Twice, { graph }: Seen): RemedyAction[] {
  const found = graph.revisions.get(revision);
  if (note.across === undefined || stays === null || found === undefined) return [];
  const to = [...found.dependsOn, stays];
  return [{ action: 'set-depends-on', revision, file: found.file, from: found.dependsOn.join(', '), to }];
}

export function onBothSides(note: Twice, what: string): string {
  return `${note.first?.revision} and ${note.revision} may both have run: let each of the two look for ${what} and its shape first and skip its statement where it stands, then \`chain gate --write-lock\` accepts the edit`;
}

export function branchEvidence(note: Twice): Evidence[] {
  if (note.across === undefined) return [];
  const text =
    note.across.other === null
      ? 'the two stand on branches that meet; in the other order a guard would skip it'
      : 'the two stand on branches that meet, and neither comes before the other';
  return [{ origin: 'declared', text }];
}
