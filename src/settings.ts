/**
 * Settings: files, environment and flags made into one frozen, validated value. Refuses to read revisions or connect.
 */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ChainError } from './errors.ts';
import type { Severity } from './model/finding.ts';
import type { NamingConvention } from './model/project.ts';

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

/** What the command line gives; undefined where a flag was not used. */
export interface Flags {
  project?: string;
  config?: string;
  settings?: string;
  name?: string;
  url?: string;
  offline?: boolean;
  scratchUrl?: string;
  scratch?: boolean;
  format?: string;
  output?: string;
  failOn?: string;
  strict?: boolean;
  baseline?: string;
  only?: string[];
  skip?: string[];
  quiet?: boolean;
  verbose?: boolean;
  color?: boolean;
}

export const defaultFileSettings: FileSettings = {
  config: null,
  scriptLocation: null,
  versionLocations: null,
  namingConvention: null,
  models: null,
  seeds: null,
  stepsFolder: 'migrations',
  expectations: [],
  allowedHeads: [],
  ignore: [],
  severity: {},
  releaseTags: 'v*',
  environment: {},
  timeouts: { connectMs: 10_000, statementMs: 60_000, lockMs: 5_000 },
  maxFileBytes: 2_000_000,
};

/** What each setting does, in a sentence: the README's table and the JSON Schema for editors come from here. */
export const settingsDocs: Record<keyof FileSettings, string> = {
  config: 'the `alembic.ini` or `pyproject.toml` to read, as `--config`',
  scriptLocation: 'folder of `env.py`, where no ini says it',
  versionLocations: 'folders of revision files, where no ini says them',
  namingConvention: 'SQLAlchemy naming convention (`ix`, `uq`, `ck`, `fk`, `pk`), where `env.py` does not show it',
  models: 'files or globs of the model classes, where `target_metadata` does not lead to them',
  seeds: 'seed files',
  stepsFolder: 'where a repair keeps its reconciling steps (default `migrations`)',
  expectations: 'what must hold after the seed: `sql`, `count`, `reach`, `password`, `http`',
  allowedHeads: 'branch labels (or ids) of heads that may stand beside others',
  ignore: 'objects or rules to leave out, each with a `reason` and an optional date `until`',
  severity: 'another severity by rule',
  releaseTags: 'glob of the git tags that mark a release (default `v*`)',
  environment: 'values of environment variables that revisions branch on',
  timeouts: '`connectMs`, `statementMs`, `lockMs`',
  maxFileBytes: 'largest revision or seed that is parsed (default 2,000,000); `chain seed` takes any seed up to 256 MB',
};

const settingsFileNames = ['chain.config.json', 'chain.config.yaml', 'chain.config.yml'];

/**
 * Flags over environment over the settings file over defaults, validated and frozen.
 * @throws ChainError `usage`, `bad-settings`, `no-project`
 */
export async function loadSettings(
  flags: Flags,
  environment: NodeJS.ProcessEnv,
  terminal: { color: boolean },
): Promise<Settings> {
  const project = resolve(flags.project ?? '.');
  const isFolder = await stat(project).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new ChainError('no-project', `There is no folder ${project}.`, {
      hint: 'Name the folder that holds alembic.ini with --project DIR.',
    });
  }
  const file = await readSettingsFile(project, flags.settings ?? null);
  const failOn = flags.failOn ?? 'error';
  if (!['error', 'warning', 'info', 'never'].includes(failOn)) {
    throw new ChainError('usage', `--fail-on takes error, warning, info or never, not "${failOn}".`);
  }
  const settings: Settings = {
    ...file,
    project,
    config: flags.config ?? file.config,
    section: flags.name ?? 'alembic',
    url: findUrl(flags, environment),
    offline: flags.offline ?? false,
    scratchUrl: flags.scratchUrl ?? (environment.CHAIN_SCRATCH_URL || null),
    useScratch: flags.scratch ?? true,
    format: flags.format ?? 'text',
    output: flags.output ?? null,
    failOn: failOn as FailOn,
    strict: flags.strict ?? false,
    baseline: flags.baseline ?? null,
    only: flags.only ?? [],
    skip: flags.skip ?? [],
    quiet: flags.quiet ?? false,
    verbose: flags.verbose ?? false,
    color: (flags.color ?? true) && terminal.color && !environment.NO_COLOR,
  };
  return Object.freeze(settings);
}

/** The URL by the contract's order; the project's own ini comes last and is looked up by whoever reads the ini. */
function findUrl(flags: Flags, environment: NodeJS.ProcessEnv): Settings['url'] {
  if (flags.url !== undefined) {
    if (flags.url.trim() === '') throw new ChainError('usage', '--url was given without a URL.');
    return { text: flags.url, from: '--url' };
  }
  if (environment.CHAIN_DATABASE_URL) return { text: environment.CHAIN_DATABASE_URL, from: 'CHAIN_DATABASE_URL' };
  if (environment.DATABASE_URL) return { text: environment.DATABASE_URL, from: 'DATABASE_URL' };
  if (environment.PGHOST || environment.PGSERVICE || environment.PGDATABASE) return { text: '', from: 'libpq' };
  return null;
}

async function readSettingsFile(project: string, named: string | null): Promise<FileSettings> {
  const candidates = named === null ? settingsFileNames : [named];
  for (const candidate of candidates) {
    const path = resolve(project, candidate);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      if (isAbsent && named === null) continue;
      throw new ChainError(
        'bad-settings',
        `The settings file ${candidate} cannot be read: ${(cause as Error).message}`,
        { cause },
      );
    }
    return validateFileSettings(await parseSettingsText(candidate, text), candidate);
  }
  return defaultFileSettings;
}

async function parseSettingsText(file: string, text: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(text);
    const { parse } = await import('yaml');
    return parse(text);
  } catch (cause) {
    throw new ChainError(
      'bad-settings',
      `${file} is not valid ${file.endsWith('.json') ? 'JSON' : 'YAML'}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

type Check = (value: unknown) => string | null;

const isText: Check = (value) => (typeof value === 'string' ? null : 'a text');
const isNumber: Check = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? null : 'a number above zero';
const isTexts: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? null : 'a list of texts';
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const recordOf =
  (check: Check): Check =>
  (value) => {
    if (!isRecord(value)) return 'an object';
    const wrong = Object.values(value)
      .map(check)
      .find((found) => found !== null);
    return wrong ? `an object whose values are each ${wrong}` : null;
  };
const oneOf =
  (...allowed: string[]): Check =>
  (value) =>
    typeof value === 'string' && allowed.includes(value) ? null : `one of ${allowed.join(', ')}`;

const isExpectations: Check = (value) => {
  const kind = oneOf('sql', 'count', 'reach', 'password', 'http');
  if (!Array.isArray(value)) return 'a list of expectations';
  const isSound = value.every((item) => isRecord(item) && isText(item.name) === null && kind(item.kind) === null);
  return isSound ? null : 'a list of expectations, each with a name and a kind (sql, count, reach, password or http)';
};

const isIgnores: Check = (value) => {
  if (!Array.isArray(value)) return 'a list of what to ignore';
  const isSound = value.every(
    (item) =>
      isRecord(item) && isText(item.reason) === null && (isText(item.object) === null || isText(item.rule) === null),
  );
  return isSound ? null : 'a list, each entry with an object or a rule, and a reason';
};

/** Key of the settings file → what it must be. The JSON Schema for editors is generated from the same names. */
const fileChecks: Record<keyof FileSettings, Check> = {
  config: isText,
  scriptLocation: isText,
  versionLocations: isTexts,
  namingConvention: recordOf(isText),
  models: isTexts,
  seeds: isTexts,
  stepsFolder: isText,
  expectations: isExpectations,
  allowedHeads: isTexts,
  ignore: isIgnores,
  severity: recordOf(oneOf('error', 'warning', 'info')),
  releaseTags: isText,
  environment: recordOf(isText),
  timeouts: recordOf(isNumber),
  maxFileBytes: isNumber,
};

export function validateFileSettings(value: unknown, file: string): FileSettings {
  if (!isRecord(value)) throw new ChainError('bad-settings', `${file} must hold an object of settings.`);
  const known = Object.keys(fileChecks);
  for (const [key, given] of Object.entries(value)) {
    if (key === '$schema') continue;
    const check = fileChecks[key as keyof FileSettings];
    if (check === undefined) {
      throw new ChainError('bad-settings', `${file} has an unknown setting "${key}".`, {
        hint: `Known settings: ${known.join(', ')}.`,
      });
    }
    const wanted = check(given);
    if (wanted !== null) throw new ChainError('bad-settings', `${file}: "${key}" must be ${wanted}.`);
  }
  const { $schema: _schema, ...given } = value;
  const merged = { ...defaultFileSettings, ...(given as Partial<FileSettings>) };
  return { ...merged, timeouts: { ...defaultFileSettings.timeouts, ...merged.timeouts } };
}
