/**
 * `chain repair`: plan, rehearse, print; with `--apply` carry the plan out, or go on with one that was interrupted.
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Connection, DatabaseTarget, ScratchServer } from '../database/index.ts';
import { diagnose } from '../diagnose.ts';
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Hazard, Plan } from '../model/plan.ts';
import { packageVersion } from '../package.ts';
import { refuseLedOut } from '../project-folder.ts';
import {
  type Applied,
  applyPlan,
  findUnfinished,
  hazardsToAllow,
  parsePlan,
  prepareRepair,
  serializePlan,
} from '../repair/index.ts';
import { buildReport, oneLine, type ReportFormat, reaches, render } from '../report/index.ts';
import { checkExpectations, deriveExpectations } from '../seeds/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

interface RepairFlags {
  apply: boolean;
  plan?: string;
  allow?: Hazard[];
  withoutRehearsal: boolean;
  mergeDuplicates: boolean;
  seed: boolean;
  yes: boolean;
  urlFromConfig: boolean;
}

interface Job {
  settings: Settings;
  terminal: Terminal;
  flags: RepairFlags;
  allow: Hazard[];
  /** One scratch server for the diagnosis, the rehearsal, the proof of the stamp and the last look; null: none at hand. */
  scratch: ScratchServer | null;
  /** Why there is none. */
  scratchProblem: string;
}

export async function repair(settings: Settings, terminal: Terminal, own: Record<string, unknown>): Promise<ExitCode> {
  const flags = own as unknown as RepairFlags;
  if (flags.plan !== undefined && !flags.apply) {
    throw new ChainError('usage', '--plan names a reviewed plan to apply.', {
      hint: 'Add --apply, or leave --plan out.',
    });
  }
  const { scratch, problem } = await scratchFor(settings, terminal);
  try {
    return await work({ settings, terminal, flags, allow: flags.allow ?? [], scratch, scratchProblem: problem });
  } finally {
    await scratch?.stop();
  }
}

/** Only a database makes steps, and only steps need a scratch server. */
async function scratchFor(
  settings: Settings,
  terminal: Terminal,
): Promise<{ scratch: ScratchServer | null; problem: string }> {
  if (!settings.useScratch) return { scratch: null, problem: 'no scratch database (--no-scratch)' };
  if (settings.offline) return { scratch: null, problem: 'no database was given' };
  const { openScratch } = await import('../database/index.ts');
  try {
    return { scratch: await openScratch({ scratchUrl: settings.scratchUrl, signal: terminal.signal }), problem: '' };
  } catch (error) {
    if (!(error instanceof ChainError) || settings.scratchUrl !== null || terminal.signal.aborted) throw error;
    return { scratch: null, problem: error.hint === null ? error.message : `${error.message} ${error.hint}` };
  }
}

async function work(job: Job): Promise<ExitCode> {
  const { settings, terminal, flags } = job;
  const diagnosis = await diagnoseFor(job);
  const target = await targetOf(job, diagnosis);
  const unfinished = flags.apply && target !== null ? await interruptedRepair(job, target) : null;
  if (unfinished !== null) {
    terminal.say(
      `Going on with plan ${unfinished.plan.id.slice(0, 12)}, interrupted after it began at ${unfinished.startedAt}.`,
    );
    return finish(job, diagnosis, await apply(job, diagnosis, target, null));
  }
  const plan = flags.plan === undefined ? await makePlan(job, diagnosis) : await readPlan(job, diagnosis, flags.plan);
  if (settings.output !== null) await keepPlan(settings, settings.output, plan);
  const isEmpty = plan.patches.length === 0 && plan.steps.length === 0;
  const isRefused = plan.left.some((one) => one.refusal !== undefined);
  if (!flags.apply || (isEmpty && !isRefused)) return print(job, diagnosis, plan, flags.apply ? null : !isEmpty);
  await confirm(job, plan, target);
  return finish(job, diagnosis, await apply(job, diagnosis, target, plan));
}

function diagnoseFor({ settings, terminal, flags, scratch }: Job): Promise<Diagnosis> {
  return diagnose(settings, {
    ignoreConfigUrl: flags.apply && !flags.urlFromConfig,
    ...(scratch === null ? {} : { reuse: { scratch } }),
    signal: terminal.signal,
    progress: (text) => terminal.progress(text),
  });
}

/** Where steps would run; null where the files alone are repaired. */
async function targetOf({ settings, flags }: Job, diagnosis: Diagnosis): Promise<DatabaseTarget | null> {
  const { databaseProblem: problem } = diagnosis;
  if (problem !== null && flags.apply) {
    throw new ChainError('connection-failed', problem.message, { hint: problem.hint ?? undefined });
  }
  if (diagnosis.database === null) return null;
  const { parseDatabaseUrl } = await import('../database/index.ts');
  return parseDatabaseUrl(settings.url?.text ?? diagnosis.facts.config.url ?? '');
}

async function interruptedRepair({ settings }: Job, target: DatabaseTarget) {
  const connection = await openForReading(settings, target);
  try {
    return await findUnfinished(connection);
  } finally {
    await connection.close();
  }
}

async function openForReading(settings: Settings, target: DatabaseTarget): Promise<Connection> {
  const { connect } = await import('../database/index.ts');
  return connect(target, { readOnly: true, timeouts: settings.timeouts, applicationName: 'chain repair' });
}

async function makePlan(job: Job, diagnosis: Diagnosis): Promise<Plan> {
  const { settings, terminal, flags, allow } = job;
  const { stepsFolder } = settings;
  const options = { stepsFolder, allow, mergeDuplicates: flags.mergeDuplicates, seed: flags.seed };
  const { parseDatabaseUrl } = await import('../database/index.ts');
  const url = settings.url?.text ?? diagnosis.facts.config.url ?? '';
  const live = diagnosis.database === null ? null : await openForReading(settings, parseDatabaseUrl(url));
  try {
    return await prepareRepair(diagnosis, options, {
      settings,
      scratch: job.scratch,
      reason: job.scratchProblem,
      live,
      toolVersion: packageVersion(),
      keepsWhatFails: flags.withoutRehearsal,
      signal: terminal.signal,
      progress: (text) => terminal.progress(text),
    });
  } finally {
    await live?.close();
  }
}

async function readPlan({ settings }: Job, { history }: Diagnosis, file: string): Promise<Plan> {
  const path = resolve(file);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ChainError('usage', `The plan ${file} cannot be read: ${(cause as Error).message}`, {
      hint: `Make one with \`chain repair --output ${file}\` in ${settings.project}.`,
      cause,
    });
  }
  return parsePlan(text, file, (name) => {
    try {
      return readFileSync(join(settings.project, name), 'utf8');
    } catch {
      // Of a file that the plan restores.
      const versions = [...(history.elsewhereVersionsById?.values() ?? [])].flat();
      return [...history.deletedById.values(), ...versions].find(({ path }) => path === name)?.content ?? null;
    }
  });
}

async function keepPlan({ project }: Settings, file: string, plan: Plan): Promise<void> {
  await refuseLedOut(project, resolve(file));
  try {
    await writeFile(resolve(file), serializePlan(plan));
  } catch (cause) {
    throw new ChainError('cannot-write', `The plan cannot be written to ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** In a terminal a person is asked once, with what would happen in numbers; a script says `--yes` or is no terminal. */
async function confirm({ settings, terminal, flags }: Job, plan: Plan, target: DatabaseTarget | null): Promise<void> {
  if (flags.yes || !process.stdin.isTTY || !terminal.isInteractive || settings.format === 'json') return;
  const where = target === null ? 'no database' : target.redacted;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `Edit ${plan.patches.length} files and run ${plan.steps.length} steps on ${where}? [y/N] `;
    const answer = await reader.question(question, { signal: terminal.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    reader.close();
  }
  throw new ChainError(
    'hazard-not-allowed',
    'Not applied: the question was not answered with yes. Nothing was changed.',
  );
}

async function apply(
  job: Job,
  diagnosis: Diagnosis,
  target: DatabaseTarget | null,
  plan: Plan | null,
): Promise<Applied | null> {
  const { settings, terminal, flags, allow } = job;
  return applyPlan(plan, {
    settings,
    env: diagnosis.facts.env,
    target,
    allow,
    withoutRehearsal: flags.withoutRehearsal,
    toolVersion: packageVersion(),
    scratch: job.scratch,
    signal: terminal.signal,
    onEvent: (event) => {
      if (event.event === 'ran') terminal.say(`  ran ${oneLine(event.unit)}`);
      else if (event.event === 'retrying')
        terminal.say(`  ${oneLine(event.unit)}: ${oneLine(event.reason)}; trying again`);
      else terminal.progress(`${event.event} ${oneLine(event.unit)}`);
    },
    onNotice: (_step, message) => terminal.say(`    ${oneLine(message)}`),
    onBlocked: (step, blockers) => terminal.say(`  ${oneLine(step)} waits for ${blockers.map(oneLine).join('; ')}`),
  });
}

/** After an apply: a last look, and what is expected of the rows. */
async function finish(job: Job, before: Diagnosis, applied: Applied | null): Promise<ExitCode> {
  const { settings, terminal } = job;
  for (const { step, reason } of applied?.unproven ?? []) {
    terminal.say(`  ${oneLine(step)}: left out, ${oneLine(reason)}`);
  }
  const after = applied === null ? before : await diagnoseFor(job);
  const isMet = await meetsExpectations(job, after);
  if (applied !== null && settings.format === 'text') terminal.out(appliedText(applied));
  const exitCode = await print(job, after, settings.format === 'json' ? (applied?.plan ?? null) : null, null);
  return exitCode === exitCodes.ok && !isMet ? exitCodes.findings : exitCode;
}

function appliedText({ plan, ran, resumed }: Applied): string {
  const files = plan.patches.map(({ file, before }) => `  ${before === null ? 'new' : 'edited'} ${oneLine(file)}\n`);
  const title = `${resumed ? 'Finished' : 'Applied'} plan ${plan.id.slice(0, 12)}: ${files.length} files, ${ran.length} steps.`;
  return `${title}\n${files.join('')}\`chain undo\` takes it back. What is left:\n\n`;
}

async function meetsExpectations({ settings, terminal }: Job, diagnosis: Diagnosis): Promise<boolean> {
  const { database, facts, seeds } = diagnosis;
  if (database === null) return true;
  const world = { schemas: [database.live.schema], searchPath: facts.env.searchPath ?? ['public'] };
  const derived = seeds.readings.flatMap((reading) => deriveExpectations(reading, world));
  const { parseDatabaseUrl } = await import('../database/index.ts');
  const connection = await openForReading(settings, parseDatabaseUrl(settings.url?.text ?? facts.config.url ?? ''));
  try {
    const results = await checkExpectations(connection, [...derived, ...settings.expectations]);
    const unmet = results.filter((result) => result.isMet !== true);
    if (results.length > 0) terminal.say(`${results.length - unmet.length} of ${results.length} expectations met.`);
    for (const { message } of unmet) terminal.say(`  ${oneLine(message)}`);
    return unmet.every((result) => result.isMet === null);
  } finally {
    await connection.close();
  }
}

/** `isPending`: there is something to repair, and nothing was applied; null after an apply. */
async function print(job: Job, diagnosis: Diagnosis, plan: Plan | null, isPending: boolean | null): Promise<ExitCode> {
  const { settings, terminal, allow } = job;
  const { failOn, strict, color, verbose } = settings;
  const verdict = { failOn, strict };
  const base = { version: packageVersion(), verdict };
  const judged = buildReport(diagnosis, base).summary.exitCode as ExitCode;
  const hasSome = isPending === true && diagnosis.findings.some((finding) => reaches(finding.severity, failOn));
  const exitCode = judged === exitCodes.ok && hasSome ? exitCodes.findings : judged;
  const report = buildReport(diagnosis, { ...base, plan, exitCode });
  const format = settings.format as ReportFormat;
  const { rules, history } = diagnosis;
  const options = { color, verbose, width: terminal.width, rules, prefix: history.prefix };
  terminal.out(await render(report, format, options));
  if (isPending && plan !== null) {
    const needed = hazardsToAllow(plan, allow).map(({ hazard }) => hazard);
    if (needed.length > 0) terminal.say(`--apply will want --allow ${needed.join(',')}`);
  }
  if (diagnosis.databaseProblem !== null) terminal.say(`chain: ${diagnosis.databaseProblem.message}`);
  return exitCode;
}
