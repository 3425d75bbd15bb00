/**
 * Settings: files, environment and flags made into one frozen, validated value. Refuses to read revisions or connect.
 */
import type { NamingConvention } from './model/project.ts';
import type { Severity } from './model/finding.ts';

export type FailOn = Severity | 'never';

export interface Expectation {
  name: string;
  kind: 'sql' | 'count' | 'reach' | 'password' | 'http';
  [field: string]: unknown;
}

export interface IgnoreEntry {
  object?: string;
  rule?: string;
  reason: string;
  /** ISO date after which the entry no longer counts. */
  until?: string;
}

export interface Timeouts {
  connectMs: number;
  statementMs: number;
  lockMs: number;
}

/** What the settings file may say; every field optional there. */
export interface FileSettings {
  config: string | null;
  scriptLocation: string | null;
  versionLocations: string[] | null;
  namingConvention: NamingConvention | null;
  models: string[] | null;
  seeds: string[] | null;
  stepsFolder: string;
  expectations: Expectation[];
  allowedHeads: string[];
  ignore: IgnoreEntry[];
  severity: Record<string, Severity>;
  releaseTags: string;
  environment: Record<string, string>;
  timeouts: Timeouts;
  /** Largest revision file that is parsed. */
  maxFileBytes: number;
}

export interface Settings extends FileSettings {
  /** Absolute path. */
  project: string;
  /** Alembic's `-n`. */
  section: string;
  /** Where the URL was found; null without one. The text may hold a password: print only through `database`'s redaction. */
  url: { text: string; from: '--url' | 'CHAIN_DATABASE_URL' | 'DATABASE_URL' | 'libpq' | 'config' } | null;
  offline: boolean;
  scratchUrl: string | null;
  useScratch: boolean;
  format: string;
  output: string | null;
  failOn: FailOn;
  strict: boolean;
  baseline: string | null;
  only: string[];
  skip: string[];
  quiet: boolean;
  verbose: boolean;
  color: boolean;
}
