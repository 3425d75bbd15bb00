/**
 * Diagnosis: all that one reading of a project (and, with a URL, of its database) found out; what the report prints and
 * the planner works from. Plain data beside `readFile`; refuses to know how any of it was read.
 */
import type { Difference, Drift } from './drift.ts';
import type { Finding, NotChecked, Severity } from './finding.ts';
import type { RevisionHistory } from './history.ts';
import type { LiveDatabase, VersionTable } from './live.ts';
import type { BlindSpot } from './operation.ts';
import type { ProjectFacts } from './project.ts';
import type { ModelsReading, Replay } from './replay.ts';
import type { RevisionId } from './revision.ts';
import type { RevisionCode } from './revision-code.ts';
import type { RevisionGraph } from './revision-graph.ts';
import type { Schema } from './schema.ts';
import type { SeedReading, SeedRunner } from './seed.ts';

/** What the version table says, and what the graph knows of it. */
export interface Stamp {
  /** The version table of this chain; null where there is none. */
  table: VersionTable | null;
  /** Version tables of other chains (or unreachable ones) in the same database. */
  others: VersionTable[];
  /**
   * `absent` no table · `empty` no row · `unreadable` the role may not read it · `placed` every row is a known revision ·
   * `unplaced` at least one row is not · `unusable` what bears its name holds no ids.
   */
  state: 'absent' | 'empty' | 'unreadable' | 'unusable' | 'placed' | 'unplaced';
  /** As stored, sorted, duplicates kept. */
  rows: string[];
  /** Rows that are revisions of the graph, once each. */
  known: RevisionId[];
  unknown: string[];
}

/** One place that the live schema may stand at. Several revisions: several branches at once; none: before the first. */
export interface LooksLike {
  revisions: RevisionId[];
  /** 0…1. */
  score: number;
  missing: number;
  unexpected: number;
  /** Of the best few; empty beyond. */
  differences: Difference[];
}

export interface DatabaseDiagnosis {
  live: LiveDatabase;
  /** Where the chain's unqualified names are, the first for what it makes; the session's own may begin elsewhere. */
  searchPath: readonly string[];
  stamp: Stamp;
  /** Best first. */
  looksLike: LooksLike[];
  comparedAt: RevisionId[];
  /** Why there: the stamp said so, or the live schema looked like it; `nothing`: an empty database or an empty graph. */
  comparedBy: 'stamp' | 'looks-like' | 'nothing';
  /** Declared schema at `comparedAt`, elaborated where a scratch database was at hand. */
  declared: Schema;
  isElaborated: boolean;
  /** Why it was not elaborated. */
  elaborationProblem: string | null;
  drift: Drift;
}

/** A database was asked for and could not be looked at: the report is still printed, the exit code is 3. */
export interface DatabaseProblem {
  code: string;
  /** Free of any password. */
  message: string;
  hint: string | null;
}

export interface SeedsReading {
  readings: SeedReading[];
  /** Seeds that are there and were not read, with why. */
  unread?: { file: string; reason: string }[];
  runners: SeedRunner[];
}

/** What a report tells of a rule beside its findings: the same words as `chain explain`. */
export interface RuleFacts {
  id: string;
  title: string;
  severity: Severity;
  docs: { problem: string; consequence: string; repair: string };
}

export interface Diagnosis {
  /** Absolute path. */
  projectDir: string;
  facts: ProjectFacts;
  graph: RevisionGraph;
  replay: Replay;
  /** Declared schema at all heads, statically. */
  declaredAtHeads: Schema;
  models: ModelsReading | null;
  history: RevisionHistory;
  /** What the code of each revision says beside its operations. */
  code?: ReadonlyMap<RevisionId, RevisionCode>;
  seeds: SeedsReading;
  database: DatabaseDiagnosis | null;
  databaseProblem: DatabaseProblem | null;
  /** All rules in the order a person should fix them, those that were left out included. */
  rules: readonly RuleFacts[];
  findings: Finding[];
  notChecked: NotChecked[];
  blindSpots: BlindSpot[];
  /** A privilege kept chain from proving something (exit code 3). */
  isBlocked: boolean;
  /** Text of a project file as it was read; null where it cannot be read. */
  readFile(file: string): string | null;
}
