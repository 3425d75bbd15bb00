/**
 * The one serialisable result of doctor, gate and repair: the JSON of the contract, sorted, the same bytes for the same
 * input. Every other format is a rendering of this value.
 */

import type { Diagnosis, RuleFacts } from '../model/diagnosis.ts';
import type { Evidence, Finding, NotChecked, Remedy } from '../model/finding.ts';
import { compareText } from '../model/name.ts';
import type { BlindSpot } from '../model/operation.ts';
import type { Plan } from '../model/plan.ts';
import { withoutPasswords } from '../model/secrets.ts';
import type { SeedRerun } from '../model/seed.ts';
import type { Baseline } from './baseline.ts';
import { exitCodeOf, type Verdict } from './exit-code.ts';
import { mapStrings, shortened } from './plain.ts';

export interface ReportFinding extends Omit<Finding, 'remedy'> {
  remedy: Omit<Remedy, 'actions'> | null;
  /** In the baseline: shown as info, and no reason to fail. Its own severity stays in `acceptedSeverity`. */
  accepted?: true;
  acceptedSeverity?: Finding['severity'];
}

export interface Report {
  version: 1;
  tool: { name: 'chain'; version: string };
  project: {
    source: 'alembic';
    config: string | null;
    scriptLocation: string | null;
    versionLocations: string[];
    models: readonly string[];
    seeds: string[];
    notes: string[];
  };
  graph: {
    revisions: number;
    heads: string[];
    effectiveHeads: string[];
    bases: string[];
    branchPoints: string[];
    mergePoints: string[];
  };
  database: null | {
    serverVersion: string;
    name: string;
    stamp: { table: string | null; rows: string[] };
    comparedAt: string[];
    comparedBy: string;
    /** Whether PostgreSQL itself was asked what both sides mean. */
    elaborated: boolean;
    looksLike: { revisions: string[]; score: number; missing: number; unexpected: number }[];
  };
  /** A database was asked for and could not be looked at. */
  problem?: { code: string; message: string; hint: string | null };
  findings: ReportFinding[];
  notChecked: NotChecked[];
  blindSpots: BlindSpot[];
  plan?: {
    id: string;
    patches: { file: string; diff: string; answers: string[] }[];
    steps: {
      name: string;
      phase: string;
      sql: string;
      down: string | null;
      lock: string;
      hazards: string[];
      transactional: boolean;
      answers: string[];
    }[];
    rehearsal: {
      ran: boolean;
      on: string;
      verdict: string;
      remaining: string[];
      failure: string | null;
      seedReruns?: SeedRerun[];
    } | null;
    left: { key: string; reason: string }[];
  };
  summary: { error: number; warning: number; info: number; accepted: number; exitCode: number };
}

export interface ReportOptions {
  version: string;
  verdict: Verdict;
  baseline?: Baseline | null;
  /** repair only. */
  plan?: Plan | null;
  /** Where the command knows better (repair, undo): overrides what the findings say. */
  exitCode?: number;
}

export function buildReport(diagnosis: Diagnosis, options: ReportOptions): Report {
  const { graph, facts, database } = diagnosis;
  const findings = diagnosis.findings.map((finding) => toReport(finding, options.baseline ?? null));
  const counted = findings.filter((finding) => !finding.accepted);
  const count = (severity: Finding['severity']) => counted.filter((finding) => finding.severity === severity).length;
  const report: Report = {
    version: 1,
    tool: { name: 'chain', version: options.version },
    project: {
      source: 'alembic',
      config: facts.config.file,
      scriptLocation: facts.config.scriptLocation,
      versionLocations: facts.config.versionLocations,
      models: facts.modelFiles,
      seeds: facts.seedFiles,
      notes: facts.notes,
    },
    graph: {
      revisions: graph.revisions.size,
      heads: graph.heads,
      effectiveHeads: graph.effectiveHeads,
      bases: graph.bases,
      branchPoints: graph.branchPoints,
      mergePoints: graph.mergePoints,
    },
    database:
      database === null
        ? null
        : {
            serverVersion: database.live.serverVersion,
            name: database.live.name,
            stamp: { table: database.stamp.table?.key ?? null, rows: database.stamp.rows },
            comparedAt: database.comparedAt,
            comparedBy: database.comparedBy,
            elaborated: database.isElaborated,
            looksLike: database.looksLike.slice(0, 5).map(({ revisions, score, missing, unexpected }) => ({
              revisions,
              score: Math.round(score * 10_000) / 10_000,
              missing,
              unexpected,
            })),
          },
    ...(diagnosis.databaseProblem === null ? {} : { problem: diagnosis.databaseProblem }),
    findings,
    notChecked: diagnosis.notChecked,
    blindSpots: [...diagnosis.blindSpots].sort(compareBlindSpots),
    ...(options.plan ? { plan: planOf(options.plan) } : {}),
    summary: {
      error: count('error'),
      warning: count('warning'),
      info: count('info'),
      accepted: findings.length - counted.length,
      exitCode: 0,
    },
  };
  report.summary.exitCode = options.exitCode ?? exitCodeOf(report, diagnosis.isBlocked, options.verdict);
  return mapStrings(report, withoutPasswords);
}

/** Rules by id, for the formats that print their words. */
export function factsById(rules: readonly RuleFacts[]): ReadonlyMap<string, RuleFacts> {
  return new Map(rules.map((rule) => [rule.id, rule]));
}

function toReport(finding: Finding, baseline: Baseline | null): ReportFinding {
  const isAccepted = baseline?.keys.has(finding.key) === true;
  return {
    key: finding.key,
    rule: finding.rule,
    severity: isAccepted ? 'info' : finding.severity,
    certainty: finding.certainty,
    subject: subjectOf(finding),
    message: bounded(finding.message),
    evidence: finding.evidence.map(evidenceOf),
    causedBy: finding.causedBy,
    remedy:
      finding.remedy === null
        ? null
        : { kind: finding.remedy.kind, safety: finding.remedy.safety, summary: bounded(finding.remedy.summary) },
    ...(isAccepted ? { accepted: true, acceptedSeverity: finding.severity } : {}),
  };
}

/** A report is read whole: a text of megabytes is told to that length, far beyond what anybody reads. */
function bounded(text: string): string {
  // Covered first: of half a URL nobody sees that it holds a password.
  return shortened(withoutPasswords(text), 100_000, 'left out');
}

/** Keys in one order, whatever order a rule wrote them in. */
function subjectOf({ subject }: Finding): Finding['subject'] {
  return {
    kind: subject.kind,
    name: subject.name,
    ...(subject.revision === undefined ? {} : { revision: subject.revision }),
    ...(subject.file === undefined || subject.file === '' ? {} : { file: subject.file }),
    ...(subject.line === undefined || subject.line < 1 ? {} : { line: subject.line }),
  };
}

function evidenceOf(evidence: Evidence): Evidence {
  return {
    origin: evidence.origin,
    text: bounded(evidence.text),
    ...(evidence.file === undefined || evidence.file === '' ? {} : { file: evidence.file }),
    ...(evidence.line === undefined || evidence.line < 1 ? {} : { line: evidence.line }),
  };
}

function planOf(plan: Plan): NonNullable<Report['plan']> {
  return {
    id: plan.id,
    patches: plan.patches.map(({ file, diff, answers }) => ({ file, diff, answers })),
    steps: plan.steps.map(({ name, phase, sql, down, lock, hazards, transactional, answers }) => ({
      name,
      phase,
      sql,
      down,
      lock,
      hazards,
      transactional,
      answers,
    })),
    rehearsal:
      plan.rehearsal === null
        ? null
        : {
            ran: plan.rehearsal.ran,
            on: plan.rehearsal.on,
            verdict: plan.rehearsal.verdict,
            remaining: plan.rehearsal.remaining,
            failure: plan.rehearsal.failure,
            ...(plan.rehearsal.seedReruns ? { seedReruns: plan.rehearsal.seedReruns } : {}),
          },
    left: plan.left,
  };
}

function compareBlindSpots(a: BlindSpot, b: BlindSpot): number {
  return compareText(a.file, b.file) || a.line - b.line || compareText(a.reason, b.reason);
}
