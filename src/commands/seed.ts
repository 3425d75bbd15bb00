/**
 * `chain seed`: the seed in one transaction, safely twice; `--check` only reads it.
 */
import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Connection } from '../database/index.ts';
import { diagnose, readProject } from '../diagnose.ts';
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import type { SeedReading } from '../model/seed.ts';
import { buildReport, oneLine, type ReportFormat, render } from '../report/index.ts';
import { allRules } from '../rules/index.ts';
import { lastSeedRun, openLedger, recordSeedRun, withLock } from '../run/index.ts';
import { checkExpectations, deriveExpectations, runSeed, type SeedRun } from '../seeds/index.ts';
import type { Settings } from '../settings.ts';
import { loadSqlParser, readSeedSql } from '../sql/index.ts';
import type { Terminal } from '../terminal.ts';
import { packageVersion } from '../version.ts';

interface SeedFlags {
  file?: string;
  check: boolean;
  force: boolean;
  urlFromConfig: boolean;
}

export async function seed(settings: Settings, terminal: Terminal, own: Record<string, unknown>): Promise<ExitCode> {
  const flags = own as unknown as SeedFlags;
  if (flags.check) return check(settings, terminal, flags);
  const { facts } = await readProject(settings, (text) => terminal.progress(text));
  const file = seedFile(settings, flags, facts.seedFiles);
  const text = settings.offline ? null : (settings.url?.text ?? (flags.urlFromConfig ? facts.config.url : null));
  if (text === null) {
    throw new ChainError('no-database-url', 'Which database? No URL was given.', {
      hint: "Give one with --url, CHAIN_DATABASE_URL or DATABASE_URL; --url-from-config takes the ini's.",
    });
  }
  await loadSqlParser();
  const reading = readSeedSql(file, readText(settings.project, file));
  const { connect, parseDatabaseUrl } = await import('../database/index.ts');
  const target = parseDatabaseUrl(text);
  const open = (applicationName: string) =>
    connect(target, { readOnly: false, timeouts: settings.timeouts, applicationName, signal: terminal.signal });
  const connection = await open('chain seed');
  try {
    return await withLock(
      connection,
      () => open('chain seed (second session)'),
      async () => {
        const ledger = await openLedger(connection);
        const last = await lastSeedRun(ledger.session, file);
        if (last?.contentHash === reading.contentHash && !flags.force) {
          terminal.out(unchanged(file, last.ranAt, settings.format));
          return exitCodes.ok;
        }
        const run = await runNow(connection, reading, settings, terminal);
        return await judge(connection, reading, run, facts.env.searchPath ?? ['public'], settings, terminal);
      },
    );
  } finally {
    await connection.close();
  }
}

/** The findings about seeds alone, with what the database adds to them. */
async function check(settings: Settings, terminal: Terminal, flags: SeedFlags): Promise<ExitCode> {
  const only =
    settings.only.length > 0 ? settings.only : allRules.map((rule) => rule.id).filter((id) => id.startsWith('seed-'));
  const seeds = flags.file === undefined ? settings.seeds : [projectPath(settings, flags.file)];
  const progress = (text: string) => terminal.progress(text);
  const diagnosis = await diagnose({ ...settings, only, seeds }, { signal: terminal.signal, progress });
  const { failOn, strict, color, verbose } = settings;
  const report = buildReport(diagnosis, { version: packageVersion(), verdict: { failOn, strict } });
  const options = { color, verbose, width: terminal.width, rules: diagnosis.rules };
  terminal.out(await render(report, settings.format as ReportFormat, options));
  return report.summary.exitCode as ExitCode;
}

function seedFile(settings: Settings, flags: SeedFlags, found: readonly string[]): string {
  if (flags.file !== undefined) return projectPath(settings, flags.file);
  const [only, ...others] = found;
  if (only === undefined) {
    throw new ChainError('usage', 'No seed was found in scripts/, seeds/, db/ or sql/.', {
      hint: 'Name one: chain seed FILE, or `seeds` in the settings file.',
    });
  }
  if (others.length > 0) {
    throw new ChainError('usage', `There are several seeds: ${found.join(', ')}.`, {
      hint: 'Name one: chain seed FILE.',
    });
  }
  return only;
}

/** As the user names it: relative to where they stand, or to the project. */
function projectPath(settings: Settings, file: string): string {
  const inProject = relative(settings.project, resolve(file)).replaceAll('\\', '/');
  return inProject.startsWith('../') ? file : inProject;
}

function readText(project: string, file: string): string {
  try {
    return readFileSync(resolve(project, file), 'utf8');
  } catch (cause) {
    throw new ChainError('usage', `The seed ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function runNow(
  connection: Connection,
  reading: SeedReading,
  settings: Settings,
  terminal: Terminal,
): Promise<SeedRun> {
  const { file } = reading;
  return connection.transaction(async () => {
    const run = await runSeed(connection, reading, {
      insideTransaction: true,
      readFile: (name) => (name.startsWith('../') || name.startsWith('/') ? null : readText(settings.project, name)),
      onNotice: ({ message }) => terminal.say(`  ${oneLine(message)}`),
    });
    const { contentHash, version, summary, images } = run;
    await recordSeedRun(connection, { repairId: null, step: null, file, contentHash, version, summary, images });
    return run;
  });
}

/** What the seed promises is asked of the database, with the expectations of the settings. */
async function judge(
  connection: Connection,
  reading: SeedReading,
  run: SeedRun,
  searchPath: readonly string[],
  settings: Settings,
  terminal: Terminal,
): Promise<ExitCode> {
  const { introspect } = await import('../database/index.ts');
  const live = await introspect(connection, { versionTable: 'alembic_version', versionTableSchema: null });
  const derived = deriveExpectations(reading, { schemas: [live.schema], searchPath });
  const results = await checkExpectations(connection, [...derived, ...settings.expectations]);
  const unmet = results.filter((result) => result.isMet !== true);
  if (settings.format === 'json') {
    const { contentHash, version, summary } = run;
    const document = { version: 1, file: reading.file, seed: { contentHash, version, summary }, expectations: results };
    terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    const rows = run.summary.map(
      ({ table, inserted, updated, unchanged: same, deleted }) =>
        `  ${oneLine(table)}: ${inserted} inserted, ${updated} updated, ${same} unchanged${deleted > 0 ? `, ${deleted} deleted` : ''}\n`,
    );
    const wrong = unmet.map((result) => `  not met: ${oneLine(result.message)}\n`);
    terminal.out(
      `${reading.file} ran in one transaction.\n${rows.join('')}${results.length - unmet.length} of ${results.length} expectations met.\n${wrong.join('')}`,
    );
  }
  if (unmet.some((result) => result.isMet === false)) return exitCodes.findings;
  return unmet.length > 0 && settings.strict ? exitCodes.cannotLook : exitCodes.ok;
}

function unchanged(file: string, ranAt: string, format: string): string {
  if (format === 'json') return `${JSON.stringify({ version: 1, file, unchanged: true, ranAt }, null, 2)}\n`;
  return `${file} is unchanged since it ran at ${ranAt}; --force runs it again.\n`;
}
