/**
 * What a diagnosis carries from one of its parts to the next.
 */
import type { Connection, ScratchServer } from '../database/index.ts';
import type { DatabaseDiagnosis, DatabaseProblem, SeedsReading } from '../model/diagnosis.ts';
import type { RevisionHistory } from '../model/history.ts';
import type { ProjectFacts } from '../model/project.ts';
import type { ModelsReading, Replay } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionCode } from '../model/revision-code.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import type { Schema } from '../model/schema.ts';
import type { EndpointAnswer } from '../rules/rule.ts';
import type { Settings } from '../settings.ts';

export interface DiagnoseOptions {
  signal?: AbortSignal;
  progress?: (text: string) => void;
  /** `gate` looks before a deploy and never dials the project's own ini. */
  occasion?: 'doctor' | 'gate';
  /** gate: what the revisions are compared with, a git ref. */
  baseRef?: string | null;
  /** Never take the URL of the project's own ini. */
  ignoreConfigUrl?: boolean;
  /** What the caller has at hand already, and closes itself. */
  reuse?: { scratch?: ScratchServer; connection?: Connection; history?: RevisionHistory };
  /** Given: what was opened is put here, for another look, and left to the caller to close. */
  keep?: Kept;
  /** Version rows to take for those of the database: what a repair would write there, before it has. */
  assumedRows?: readonly RevisionId[];
  /** Also run the seeds twice, in a scratch copy of the database. */
  runsSeedsTwice?: boolean;
  /** Ranks every place, also where the database is what its stamp declares, and lists what differs at as many. */
  places?: number;
  /** ISO date that `until` of an ignored object is held against; default: today. */
  today?: string;
}

export interface Kept {
  connection?: Connection;
  scratch?: StartingScratch;
}

export interface StartingScratch {
  /** @throws ChainError what keeps it from starting */
  server: Promise<ScratchServer>;
  stop(): Promise<void>;
}

export type Endpoints = { answers: EndpointAnswer[] } | { reason: string };

export interface Project {
  settings: Settings;
  options: DiagnoseOptions;
  facts: ProjectFacts;
  graph: RevisionGraph;
  replay: Replay;
  declaredAtHeads: Schema;
  models: ModelsReading | null;
  seeds: SeedsReading;
  history: RevisionHistory;
  code: ReadonlyMap<RevisionId, RevisionCode>;
  endpoints: Endpoints;
  progress: (text: string) => void;
  readFile: (file: string) => string | null;
}

export interface Looked {
  connection: Connection | null;
  database: DatabaseDiagnosis | null;
  problem: DatabaseProblem | null;
  /** Why there is no database, where nobody asked for one. */
  reason: string;
}
