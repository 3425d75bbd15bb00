/**
 * Finding: one instance of a Rule, about the user's project, with labelled evidence and a remedy as data.
 * Refuses to know how findings are found, printed or repaired.
 */
import { compareText } from './name.ts';
import type { RemedyAction } from './remedy.ts';
import type { Certainty } from './schema.ts';

export type Severity = 'error' | 'warning' | 'info';

export type SubjectKind =
  | 'revision'
  | 'table'
  | 'column'
  | 'constraint'
  | 'index'
  | 'enum'
  | 'domain'
  | 'sequence'
  | 'view'
  | 'function'
  | 'trigger'
  | 'policy'
  | 'extension'
  | 'schema'
  | 'stamp'
  | 'seed'
  | 'row'
  | 'file'
  | 'endpoint';

export interface Subject {
  kind: SubjectKind;
  /** `schema.table`, `schema.table.column`, a revision id, a file, … */
  name: string;
  revision?: string;
  file?: string;
  line?: number;
}

export type EvidenceOrigin = 'declared' | 'live' | 'data' | 'seed' | 'git' | 'config';

export interface Evidence {
  origin: EvidenceOrigin;
  text: string;
  file?: string;
  line?: number;
}

/** s0 report · s1 file-edit · s2 additive · s3 guarded-row · s4 locks-or-data · s5 never-automatic. */
export type Safety = 'report' | 'file-edit' | 'additive' | 'guarded-row' | 'locks-or-data' | 'never-automatic';

export interface Remedy {
  kind: 'patch' | 'step' | 'advice';
  safety: Safety;
  /** Starts with a verb, can be pasted, has the user's names in it. */
  summary: string;
  /** What the planner may carry out; empty for advice. Not part of the JSON report. */
  actions: RemedyAction[];
}

export interface Finding {
  /** `rule:subject`, unique in a report and stable between runs: no line numbers in it. */
  key: string;
  rule: string;
  severity: Severity;
  certainty: Certainty;
  subject: Subject;
  message: string;
  evidence: Evidence[];
  /** Keys of the findings that this one follows from. */
  causedBy: string[];
  remedy: Remedy | null;
}

export interface NotChecked {
  rule: string;
  reason: string;
}

export const severities: readonly Severity[] = ['error', 'warning', 'info'];

export function compareFindings(ruleOrder: ReadonlyMap<string, number>): (a: Finding, b: Finding) => number {
  return (a, b) =>
    severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
    (ruleOrder.get(a.rule) ?? 999) - (ruleOrder.get(b.rule) ?? 999) ||
    compareText(a.subject.name, b.subject.name) ||
    (a.subject.line ?? 0) - (b.subject.line ?? 0) ||
    compareText(a.key, b.key);
}
