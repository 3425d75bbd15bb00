/**
 * What a rule is: its words, the inputs it needs, the rows it asks for and the pure check that yields findings.
 * Refuses to know where inputs come from and how findings are printed or repaired.
 */

import type { LooksLike, SeedsReading, Stamp } from '../model/diagnosis.ts';
import type { Drift } from '../model/drift.ts';
import type { Evidence, Remedy, Severity, Subject } from '../model/finding.ts';
import type { RevisionHistory } from '../model/history.ts';
import type { LiveDatabase } from '../model/live.ts';
import type { ProjectFacts } from '../model/project.ts';
import type { ModelsReading, Replay } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionCode } from '../model/revision-code.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import type { Certainty, Schema } from '../model/schema.ts';
import type { SeedRerun } from '../model/seed.ts';

/** What the revisions say. */
export interface DeclaredInput {
  replay: Replay;
  /** Declared schema at all heads, statically. */
  heads: Schema;
  /** Declared schema at `comparedAt`; equals `heads` without a database. */
  schema: Schema;
  comparedAt: RevisionId[];
  comparedBy: 'stamp' | 'looks-like' | 'nothing';
  isElaborated: boolean;
}

export interface StampInput extends Stamp {
  looksLike: LooksLike[];
  /** Unknown rows that a file of the project defines, outside its version locations: id → file. */
  strayFileById: ReadonlyMap<RevisionId, string>;
  /** Configured folders of revisions that are not there. */
  absentLocations: readonly string[];
}

export interface ModelsInput {
  reading: ModelsReading;
  /** Models (as declared) against the declared schema at the heads (as live). */
  drift: Drift;
}

/** An expectation of the kind `http`, asked. */
export interface EndpointAnswer {
  name: string;
  url: string;
  /** Null: it could not be asked at all (no connection, no answer in time). */
  isMet: boolean | null;
  expected: string;
  actual: string;
  message: string;
}

/** Rows that a rule asked for, by the key of its probe. */
export interface ProbeAnswers {
  /** Null: it was not asked or could not be answered (the engine has told so in `notChecked`). */
  rows(key: string): readonly Readonly<Record<string, unknown>>[] | null;
  /** PostgreSQL's refusal, where the probe allows one. */
  refusal(key: string): ProbeRefusal | null;
}

export interface ProbeRefusal {
  sqlState: string;
  message: string;
  /** From 1, in characters of the query; null where PostgreSQL gives none. */
  position: number | null;
}

/** The seeds run twice in a scratch copy of the live database. */
export interface SeedReruns {
  /** The server, for people; null where none was run. */
  on: string | null;
  /** What the copy lacks, in words. */
  lacks: string | null;
  runs: readonly SeedRerun[];
  /** Why none was run. */
  reason: string | null;
}

export interface RuleInputs {
  graph: RevisionGraph;
  declared: DeclaredInput;
  live: LiveDatabase;
  drift: Drift;
  stamp: StampInput;
  seeds: SeedsReading;
  models: ModelsInput;
  history: RevisionHistory;
  /** What the code of each revision says beside its operations. */
  code: ReadonlyMap<RevisionId, RevisionCode>;
  /** What the project's endpoints answered; empty where the settings name none. */
  endpoints: readonly EndpointAnswer[];
  /** Where somebody asked for it. */
  reruns: SeedReruns;
  config: ProjectFacts;
  answers: ProbeAnswers;
}

export type InputName = keyof RuleInputs;

/** What the project's settings decide for rules. */
export interface Policy {
  /** Branch labels (or ids) of heads that may stand beside others. */
  allowedHeads: readonly string[];
  /** `gate` looks before a deploy, `doctor` after: a few severities differ. */
  occasion: 'doctor' | 'gate';
}

/** A read-only query. `key` names the answer; `about` says in words what it looks at, for `notChecked`. */
export interface Probe {
  key: string;
  sql: string;
  about: string;
  /** A refusal for what the query says (not for a missing right or a timeout) is an answer too. */
  mayBeRefused?: boolean;
}

/** A finding before the engine has given it its key. */
export interface FindingDraft {
  subject: Subject;
  message: string;
  /** Default: the rule's. */
  severity?: Severity;
  /** Default: proven. */
  certainty?: Certainty;
  evidence?: Evidence[];
  /** Keys (`rule:subject`) or rule ids (all of that rule's findings); what does not exist is dropped. */
  causedBy?: string[];
  remedy?: Remedy | null;
  /** Tells apart several findings on one subject in the key. */
  detail?: string;
}

/** Something that this rule could not look at; goes to `notChecked`. */
export interface NotLookedAt {
  notChecked: string;
}

export interface RuleDocs {
  /** What is wrong, in general. */
  problem: string;
  /** What it costs. */
  consequence: string;
  /** How it is repaired. */
  repair: string;
}

type Seen<Need extends InputName, Want extends InputName> = Pick<RuleInputs, Need> &
  Partial<Pick<RuleInputs, Want>> & { policy: Policy };

export interface RuleDefinition<Need extends InputName, Want extends InputName> {
  /** The file's name. */
  id: string;
  /** Short, lower case after the first word, no full stop. */
  title: string;
  severity: Severity;
  needs: readonly Need[];
  /** Inputs that sharpen the check where they are there; it runs without them. */
  wants?: readonly Want[];
  docs: RuleDocs;
  /** Asked before `check`, under a timeout; `answers` must be among needs or wants. */
  probe?(inputs: Omit<Seen<Need, Want>, 'answers'>): Iterable<Probe>;
  check(inputs: Seen<Need, Want>): Iterable<FindingDraft | NotLookedAt>;
}

/** A rule as the engine holds it: inputs checked at run time against `needs`. */
export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly needs: readonly InputName[];
  readonly wants: readonly InputName[];
  readonly docs: RuleDocs;
  readonly probe: ((inputs: Partial<RuleInputs> & { policy: Policy }) => Iterable<Probe>) | null;
  readonly check: (inputs: Partial<RuleInputs> & { policy: Policy }) => Iterable<FindingDraft | NotLookedAt>;
}

export function defineRule<const Need extends InputName, const Want extends InputName = never>(
  definition: RuleDefinition<Need, Want>,
): Rule {
  // The engine calls a rule only when every input of `needs` is there, which is what the narrower type says.
  const rule = definition as unknown as Omit<Rule, 'wants' | 'probe'> & Partial<Pick<Rule, 'wants' | 'probe'>>;
  return Object.freeze({ ...rule, wants: rule.wants ?? [], probe: rule.probe ?? null });
}

/** Advice: nothing that a plan carries out. */
export function advice(summary: string, safety: Remedy['safety'] = 'report'): Remedy {
  return { kind: 'advice', safety, summary, actions: [] };
}

export function patch(summary: string, actions: Remedy['actions']): Remedy {
  return { kind: 'patch', safety: 'file-edit', summary, actions };
}

export function step(summary: string, safety: Remedy['safety'], actions: Remedy['actions']): Remedy {
  return { kind: 'step', safety, summary, actions };
}
