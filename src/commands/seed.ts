/**
 * `chain seed`: the seed in one transaction, safely twice; `--check` only reads it.
 */
import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Connection } from '../database/index.ts';
import { diagnose, readProject } from '../diagnose.ts';
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import type { SeedReading } from '../model/seed.ts';
import { packageVersion } from '../package.ts';
import { buildReport, jsonText, oneLine, type ReportFormat, render } from '../report/index.ts';
import { allRules } from '../rules/index.ts';
import { lastSeedRun, openLedger, recordSeedRun, withLock } from '../run/index.ts';
import {
  checkExpectations,
  contentHashOf,
  decodeScript,
  deriveExpectations,
  type ExpectationResult,
  maxKeptRows,
  maxScriptBytes,
  projectFiles,
  type ReadScriptFile,
  readSeed,
  runSeed,
  type SeedRun,
  type SeedRunOptions,
} from '../seeds/index.ts';
import type { Settings } from '../settings.ts';
import { loadSqlParser } from '../sql/index.ts';
import type { Terminal } from '../terminal.ts';

const progressMs = 100;

interface SeedFlags {
  file?: string;
  check: boolean;
  force: boolean;
  urlFromConfig: boolean;
}

export async function seed(settings: Settings, terminal: Terminal, own: Record<string, unknown>): Promise<ExitCode> {
  const flags = own as unknown as SeedFlags;
  if (flags.check) return check(settings, terminal, flags);
  const { source, facts } = await readProject(settings, (text) => terminal.progress(text), terminal.signal);
  const files = seedFiles(settings, flags, source.findSeeds());
  const text = settings.offline ? null : (settings.url?.text ?? (flags.urlFromConfig ? facts.config.url : null));
  if (text === null) {
    throw new ChainError('no-database-url', 'Which database? No URL was given.', {
      hint: "Give one with --url, CHAIN_DATABASE_URL or DATABASE_URL; --url-from-config takes the ini's.",
    });
  }
  await loadSqlParser();
  const read = projectFiles(settings.project);
  const readings = files.map((file) => readSeed(file, textOf(settings, file, read), read));
  const { connect, parseDatabaseUrl } = await import('../database/index.ts');
  const target = parseDatabaseUrl(text);
  const open = (applicationName: string) =>
    connect(target, { readOnly: false, timeouts: settings.timeouts, applicationName, signal: terminal.signal });
  const connection = await open('chain seed');
  const outcomes: Outcome[] = [];
  try {
    await withLock(
      connection,
      () => open('chain seed (second session)'),
      async () => {
        const ledger = await openLedger(connection);
        for (const reading of readings) {
          const last = await lastSeedRun(ledger.session, reading.file);
          if (last !== null && !flags.force && last.contentHash === hashNow(reading, last.files, read)) {
            outcomes.push({ file: reading.file, unchangedSince: last.ranAt });
          } else {
            const openReader = () => open('chain seed (second session)');
            const run = await runNow(connection, reading, { readFile: read, openReader }, terminal);
            const searchPath = facts.env.searchPath ?? ['public'];
            outcomes.push({ file: reading.file, run, results: await ask(connection, reading, searchPath, settings) });
          }
        }
      },
    );
  } catch (error) {
    throw withWhatStays(error, outcomes);
  } finally {
    await connection.close();
  }
  terminal.out(settings.format === 'json' ? jsonOf(outcomes) : outcomes.map(textOfOutcome).join(''));
  const unmet = outcomes.flatMap((outcome) => ('run' in outcome ? outcome.results : [])).filter(isUnmet);
  if (unmet.some((result) => result.isMet === false)) return exitCodes.findings;
  return unmet.length > 0 && settings.strict ? exitCodes.cannotLook : exitCodes.ok;
}

type Outcome = { file: string; unchangedSince: string } | { file: string; run: SeedRun; results: ExpectationResult[] };

const isUnmet = (result: ExpectationResult): boolean => result.isMet !== true;

/** Each file has a transaction of its own: what was committed before a later one failed is said. */
function withWhatStays(error: unknown, outcomes: readonly Outcome[]): unknown {
  if (!(error instanceof ChainError)) return error;
  const ran = outcomes.flatMap((outcome) => ('run' in outcome ? [outcome.file] : []));
  if (ran.length > 0) {
    return new ChainError('stopped-part-way', error.message, {
      hint: `${ran.join(', ')} ran before it and stays; ${error.hint ?? 'run the same command again.'}`,
      cause: error,
    });
  }
  if (error.code === 'interrupted')
    return new ChainError('interrupted', error.message, { hint: 'Nothing of the seed was kept.', cause: error });
  if (error.code === 'connection-lost') {
    return new ChainError('connection-lost', error.message, {
      hint: 'A seed is committed whole or not at all. Run the same command again: the ledger knows which it was.',
      cause: error,
    });
  }
  return error;
}

/** Null where a file that it was made of cannot be read any more. */
function hashNow(reading: SeedReading, files: readonly string[], read: ReadScriptFile): string | null {
  const now = files.map((file) => ({ file, bytes: read(file, reading.file) }));
  if (now.some(({ bytes }) => bytes === null)) return null;
  return contentHashOf(reading.contentHash, now as { file: string; bytes: Uint8Array }[]);
}

/** The findings about seeds alone, with what the database adds to them. */
async function check(settings: Settings, terminal: Terminal, flags: SeedFlags): Promise<ExitCode> {
  const only =
    settings.only.length > 0 ? settings.only : allRules.map((rule) => rule.id).filter((id) => id.startsWith('seed-'));
  const seeds = flags.file === undefined ? settings.seeds : [projectPath(settings, flags.file)];
  if (flags.file !== undefined) bytesOf(settings, seeds?.[0] as string, projectFiles(settings.project));
  const progress = (text: string) => terminal.progress(text);
  const maxFileBytes = Math.max(settings.maxFileBytes, maxScriptBytes);
  const diagnosis = await diagnose(
    { ...settings, only, seeds, maxFileBytes },
    { signal: terminal.signal, progress, runsSeedsTwice: true },
  );
  const { failOn, strict, color, verbose } = settings;
  const report = buildReport(diagnosis, { version: packageVersion(), verdict: { failOn, strict } });
  const options = { color, verbose, width: terminal.width, rules: diagnosis.rules, prefix: diagnosis.history.prefix };
  terminal.out(await render(report, settings.format as ReportFormat, options));
  return report.summary.exitCode as ExitCode;
}

/** In the settings' order; several that were only found by their names have none. */
function seedFiles(settings: Settings, flags: SeedFlags, found: readonly string[]): readonly string[] {
  if (flags.file !== undefined) return [projectPath(settings, flags.file)];
  const missing = (settings.seeds ?? []).filter((file) => !found.includes(file));
  if (missing.length > 0) {
    throw new ChainError('usage', `The settings name a seed that is not there: ${missing.join(', ')}.`, {
      hint: 'Correct `seeds` in the settings file.',
    });
  }
  if (found.length === 0) {
    throw new ChainError('usage', 'No seed was found in scripts/, seeds/, db/ or sql/.', {
      hint: 'Name one: chain seed FILE, or `seeds` in the settings file.',
    });
  }
  if (found.length > 1 && settings.seeds === null) {
    throw new ChainError('usage', `There are several seeds: ${found.join(', ')}.`, {
      hint: 'Name one: chain seed FILE; or list them in their order as `seeds` in the settings file.',
    });
  }
  return found;
}

/** As the user names it: relative to where they stand, or to the project. */
function projectPath(settings: Settings, file: string): string {
  const inProject = relative(settings.project, resolve(file)).replaceAll('\\', '/');
  return inProject.startsWith('../') ? file : inProject;
}

function textOf(settings: Settings, file: string, read: ReadScriptFile): string {
  return decodeScript(file, bytesOf(settings, file, read));
}

function bytesOf({ project }: Settings, file: string, read: ReadScriptFile): Uint8Array {
  const bytes = read(file, file);
  if (bytes !== null) return bytes;
  const isFolder = statSync(resolve(project, file), { throwIfNoEntry: false })?.isDirectory() === true;
  throw new ChainError(
    'usage',
    `The seed ${file} cannot be read: ${isFolder ? 'it is a folder' : 'there is no such file'}.`,
    {
      hint: 'Name a file of the project: chain seed FILE.',
    },
  );
}

async function runNow(
  connection: Connection,
  reading: SeedReading,
  options: Pick<SeedRunOptions, 'readFile' | 'openReader'>,
  terminal: Terminal,
): Promise<SeedRun> {
  const { file } = reading;
  let toldAt = 0;
  return connection.transaction(async () => {
    const run = await runSeed(connection, reading, {
      ...options,
      insideTransaction: true,
      onStart: (act) => {
        if (Date.now() - toldAt < progressMs) return;
        toldAt = Date.now();
        terminal.progress(`${oneLine(act.fileName)}:${act.file.lineAt(act.from)}`);
      },
      onNotice: ({ message }) => terminal.say(`  ${oneLine(message)}`),
    });
    const { contentHash, files, version, summary, images } = run;
    await recordSeedRun(connection, { repairId: null, step: null, file, contentHash, files, version, summary, images });
    return run;
  });
}

/** What the seed promises is asked of the database, with the expectations of the settings. */
async function ask(
  connection: Connection,
  reading: SeedReading,
  searchPath: readonly string[],
  settings: Settings,
): Promise<ExpectationResult[]> {
  const { introspect } = await import('../database/index.ts');
  const live = await introspect(connection, { versionTable: 'alembic_version', versionTableSchema: null });
  const derived = deriveExpectations(reading, { schemas: [live.schema], searchPath });
  return checkExpectations(connection, [...derived, ...settings.expectations]);
}

function textOfOutcome(outcome: Outcome): string {
  const file = oneLine(outcome.file);
  if (!('run' in outcome))
    return `${file} is unchanged since it ran at ${outcome.unchangedSince}; --force runs it again.\n`;
  const rows = outcome.run.summary.map(
    ({ table, inserted, updated, unchanged, deleted }) =>
      `  ${oneLine(table)}: ${inserted} inserted, ${updated} updated, ${unchanged} unchanged${deleted > 0 ? `, ${deleted} deleted` : ''}\n`,
  );
  const { results, run } = outcome;
  const unkept = run.unkept.map(
    (table) =>
      `  the rows of ${oneLine(table)} are counted only: more than ${maxKeptRows.toLocaleString('en')} are not kept, and not to be taken back\n`,
  );
  const unmet = results.filter(isUnmet);
  const wrong = unmet.map(
    ({ isMet, message }) => `  ${isMet === null ? 'not asked' : 'not met'}: ${oneLine(message)}\n`,
  );
  const met = `${results.length - unmet.length} of ${results.length} expectations met.\n`;
  return `${file} ran in one transaction.\n${rows.join('')}${unkept.join('')}${met}${wrong.join('')}`;
}

/** One seed's document by itself, several as a list. */
function jsonOf(outcomes: readonly Outcome[]): string {
  const documents = outcomes.map((outcome) => {
    if (!('run' in outcome)) return { file: outcome.file, unchanged: true, ranAt: outcome.unchangedSince };
    const { contentHash, version, summary, unkept } = outcome.run;
    return { file: outcome.file, seed: { contentHash, version, summary, unkept }, expectations: outcome.results };
  });
  const [only, ...others] = documents;
  return jsonText(others.length === 0 ? { version: 1, ...only } : { version: 1, seeds: documents });
}
