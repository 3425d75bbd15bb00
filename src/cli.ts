#!/usr/bin/env node
/**
 * The command line: yargs' root, the flags of all commands, and the only place that prints an error or sets the exit code.
 * Each command is imported when it is called, so that start-up stays thin.
 */
import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import { ChainError, type ExitCode, exitCodes } from './errors.ts';
import { packageVersion } from './package.ts';
import type { Flags, Settings } from './settings.ts';
import { type ProcessTerminal, processTerminal, type Terminal } from './terminal.ts';

/** What every command is: settings and its own flags in, exit code out. */
type Run = (settings: Settings, terminal: Terminal, own: Record<string, unknown>) => Promise<ExitCode>;

interface Command {
  usage: string;
  describe: string;
  formats: readonly string[];
  /** True: `--output` names a file of the command's own making, not where the report goes. */
  ownOutput?: boolean;
  options?: (yargs: Argv) => Argv;
  load: () => Promise<Run>;
  examples?: readonly [command: string, meaning: string][];
}

const reportFormats = ['text', 'json', 'github', 'sarif', 'markdown', 'table'] as const;

const commands: Command[] = [
  {
    usage: 'doctor',
    describe: 'Say everything that is wrong with the chain, the database and the seed. Writes nothing.',
    formats: reportFormats,
    load: async () => (await import('./commands/doctor.ts')).doctor,
    examples: [
      ['$0 doctor', 'what the files alone tell'],
      ['$0 doctor --url postgresql://me@host/db', 'with the live database'],
    ],
  },
  {
    usage: 'repair',
    describe: 'Plan the repair and rehearse it on a scratch database; with --apply, carry it out.',
    formats: ['text', 'json'],
    ownOutput: true,
    options: (yargs) =>
      yargs
        .option('apply', { type: 'boolean', default: false, describe: 'Carry the plan out: files, database, seed' })
        .option('plan', {
          type: 'string',
          requiresArg: true,
          describe: 'Apply this reviewed plan file and nothing else',
        })
        .option('allow', {
          type: 'array',
          string: true,
          requiresArg: true,
          coerce: splitList,
          describe: 'Hazards to consent to by name, e.g. changes-rows',
        })
        .option('without-rehearsal', {
          type: 'boolean',
          default: false,
          describe: 'Apply although no rehearsal passed',
        })
        .option('merge-duplicates', {
          type: 'boolean',
          default: false,
          describe: 'Merge rows that stand twice under two owners',
        })
        .option('seed', { type: 'boolean', default: true, describe: 'Run the seed (--no-seed leaves it)' })
        .option('yes', { type: 'boolean', default: false, describe: 'Ask nothing' })
        .option('url-from-config', {
          type: 'boolean',
          default: false,
          describe: "Take the URL of the project's own ini",
        }),
    load: async () => (await import('./commands/repair.ts')).repair,
    examples: [
      ['$0 repair --url $URL', 'the plan and how its rehearsal went'],
      ['$0 repair --url $URL --output plan.json', 'keep the plan for a review'],
      ['$0 repair --apply --url $URL --plan plan.json', 'apply what was reviewed'],
    ],
  },
  {
    usage: 'undo',
    describe: 'Take the last applied repair back: files, schema, version row, seeded rows.',
    formats: ['text', 'json'],
    options: (yargs) =>
      yargs.option('yes', { type: 'boolean', default: false, describe: 'Ask nothing' }).option('url-from-config', {
        type: 'boolean',
        default: false,
        describe: "Take the URL of the project's own ini",
      }),
    load: async () => (await import('./commands/undo.ts')).undo,
  },
  {
    usage: 'gate',
    describe: 'The gate before a deploy: the findings in a form for CI. Needs no Python and no database.',
    formats: reportFormats,
    options: (yargs) =>
      yargs
        .option('base', { type: 'string', requiresArg: true, describe: 'Compare with this git ref' })
        .option('write-baseline', {
          type: 'string',
          requiresArg: true,
          describe: 'Write the findings of today as accepted',
        })
        .option('write-lock', {
          type: 'boolean',
          default: false,
          describe: 'Write chain.lock: the content of every revision',
        }),
    load: async () => (await import('./commands/gate.ts')).gate,
    examples: [['$0 gate --format github', 'annotations on a pull request']],
  },
  {
    usage: 'seed [file]',
    describe: 'Run the seed in one transaction, safely twice; with --check, only read it.',
    formats: ['text', 'json'],
    options: (yargs) =>
      yargs
        .positional('file', { type: 'string', describe: 'The seed file (found by itself where there is one)' })
        .option('check', { type: 'boolean', default: false, describe: 'Say what is wrong with it and run nothing' })
        .option('force', { type: 'boolean', default: false, describe: 'Run it although it ran before unchanged' })
        .option('url-from-config', {
          type: 'boolean',
          default: false,
          describe: "Take the URL of the project's own ini",
        }),
    load: async () => (await import('./commands/seed.ts')).seed,
  },
  {
    usage: 'locate',
    describe: 'Which revision does this database look like? Ranked, with what differs.',
    formats: ['text', 'json'],
    load: async () => (await import('./commands/locate.ts')).locate,
  },
  {
    usage: 'graph',
    describe: 'The revision graph, with the ghosts of missing revisions.',
    formats: ['text', 'json', 'mermaid', 'dot', 'svg'],
    load: async () => (await import('./commands/graph.ts')).graph,
  },
  {
    usage: 'schema <side>',
    describe: 'The schema that the revisions declare, that the database has, or that the models declare.',
    formats: ['text', 'json', 'sql'],
    options: (yargs) =>
      yargs.positional('side', { choices: ['declared', 'live', 'models'] as const, demandOption: true }).option('at', {
        type: 'array',
        string: true,
        requiresArg: true,
        coerce: splitList,
        describe: 'Declared: after these revisions',
      }),
    load: async () => (await import('./commands/schema.ts')).schema,
  },
  {
    usage: 'diff',
    describe: 'Declared against live.',
    formats: ['text', 'json'],
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  {
    usage: 'explain [rule]',
    describe: 'What a rule means, what it costs, how it is repaired.',
    formats: ['text', 'json'],
    options: (yargs) => yargs.positional('rule', { type: 'string', describe: 'Its id; without one, all of them' }),
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    usage: 'demo',
    describe: 'A real incident, from broken to healed, on an embedded PostgreSQL in a temporary folder.',
    formats: ['text'],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
];

function splitList(values: string[] | undefined): string[] | undefined {
  return values
    ?.flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

function globalOptions(yargs: Argv): Argv {
  const path = { type: 'string', requiresArg: true } as const;
  return yargs
    .option('project', { ...path, describe: "Folder that stands for Alembic's working folder (default: this one)" })
    .option('config', { ...path, describe: 'An alembic.ini or pyproject.toml' })
    .option('settings', { ...path, describe: "chain's own settings file" })
    .option('name', { ...path, describe: "Section of the ini, as Alembic's -n" })
    .option('url', { ...path, describe: 'The database (else CHAIN_DATABASE_URL, DATABASE_URL, PG…, the ini)' })
    .option('offline', { type: 'boolean', describe: 'Never connect' })
    .option('scratch-url', { ...path, describe: 'Server for scratch databases (default: an embedded PostgreSQL)' })
    .option('scratch', { type: 'boolean', describe: 'Use a scratch database (--no-scratch: never)' })
    .option('output', { ...path, describe: 'Write the result to this file' })
    .option('fail-on', {
      type: 'string',
      choices: ['error', 'warning', 'info', 'never'],
      describe: 'Exit 1 from this severity on',
    })
    .option('strict', { type: 'boolean', describe: 'What could not be checked fails too' })
    .option('baseline', { ...path, describe: 'Accepted findings' })
    .option('only', { type: 'array', string: true, requiresArg: true, coerce: splitList, describe: 'Only these rules' })
    .option('skip', { type: 'array', string: true, requiresArg: true, coerce: splitList, describe: 'Not these rules' })
    .option('quiet', { type: 'boolean', describe: 'No progress, no messages' })
    .option('verbose', { type: 'boolean', describe: 'Say more' })
    .option('color', { type: 'boolean', describe: 'Colour in a terminal (--no-color: never)' });
}

async function main(args: string[]): Promise<number> {
  const { default: makeYargs } = await import('yargs');
  const interruption = interruptible();
  let exitCode: number = exitCodes.ok;
  const yargs = makeYargs(args)
    .scriptName('chain')
    .usage('$0 <command> [flags]\n\nDiagnoses and repairs broken Alembic + PostgreSQL migration chains.')
    .version(packageVersion())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .strict()
    .parserConfiguration({ 'duplicate-arguments-array': false, 'greedy-arrays': false })
    .recommendCommands()
    .demandCommand(1, 'Name a command, for instance `chain doctor`.')
    .exitProcess(false)
    .epilogue(
      'Exit codes: 0 fine · 1 findings · 2 usage · 3 could not look · 4 refused · 5 stopped part-way · 70 a bug in chain',
    )
    .fail((message, error) => {
      // What yargs itself refuses comes as an error of its own (`--url` without a value).
      if (error !== undefined && error !== null && error.name !== 'YError') throw error;
      const why = message || (error?.message ?? 'These arguments cannot be read.');
      throw new ChainError('usage', why, { hint: 'chain --help lists the commands and flags.' });
    });
  for (const command of commands) {
    yargs.command(
      command.usage,
      command.describe,
      (own) => {
        let built: Argv = globalOptions(own).option('format', {
          type: 'string',
          choices: command.formats,
          describe: 'Form of the result',
          default: 'text',
        });
        if (command.options) built = command.options(built);
        for (const [line, meaning] of command.examples ?? []) built.example(line, meaning);
        return built;
      },
      (argv) => {
        throw new Chosen(command, argv as Record<string, unknown>);
      },
    );
  }
  try {
    await yargs.parseAsync();
  } catch (error) {
    if (error instanceof Chosen) exitCode = await runCommand(error.command, error.argv, interruption.signal);
    else exitCode = reportError(error, { format: 'text', terminal: null, isVerbose: args.includes('--verbose') });
  }
  return interruption.wasInterrupted() ? interruption.end(exitCode) : exitCode;
}

/** The command that was called, thrown out of yargs: once a handler returns, yargs lays out the help text, asked for or not. */
class Chosen {
  readonly command: Command;
  readonly argv: Record<string, unknown>;

  constructor(command: Command, argv: Record<string, unknown>) {
    this.command = command;
    this.argv = argv;
  }
}

async function runCommand(command: Command, argv: Record<string, unknown>, signal: AbortSignal): Promise<number> {
  const { loadSettings } = await import('./settings.ts');
  const flags = argv as Flags;
  const format = String(argv.format ?? 'text');
  const outputFile = flags.output === undefined || command.ownOutput ? null : resolve(flags.output);
  const terminal = processTerminal({ quiet: flags.quiet ?? false, signal, outputFile });
  try {
    const settings = await loadSettings(flags, process.env, {
      color: Boolean(process.stdout.isTTY) && outputFile === null,
    });
    const run = await command.load();
    return await run(settings, terminal, argv);
  } catch (error) {
    const exitCode = reportError(error, { format, terminal, isVerbose: flags.verbose ?? false });
    // Only what writes can stop part-way.
    return exitCode === exitCodes.partial && !/^(repair|undo|seed)\b/.test(command.usage)
      ? exitCodes.cannotLook
      : exitCode;
  } finally {
    terminal.done();
  }
}

function reportError(
  error: unknown,
  context: { format: string; terminal: ProcessTerminal | null; isVerbose: boolean },
): number {
  context.terminal?.done();
  // What stops at its next safe place throws so; `main` gives the exit code of the signal.
  if (error instanceof Error && error.name === 'AbortError') {
    process.stderr.write('chain: interrupted.\n');
    return exitCodes.cannotLook;
  }
  if (!(error instanceof ChainError)) {
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(
      `chain: a bug in chain itself, please report it with the command you ran:\n${hideUrlPasswords(shown)}\n`,
    );
    return exitCodes.bug;
  }
  const message = hideUrlPasswords(error.message);
  const hint = error.hint === null ? null : hideUrlPasswords(error.hint);
  process.stderr.write(`chain: ${message}\n${hint === null ? '' : `  ${hint}\n`}`);
  if (context.isVerbose && error.cause instanceof Error)
    process.stderr.write(`${hideUrlPasswords(error.cause.stack ?? '')}\n`);
  const owesDocument = context.format === 'json' && error.exitCode !== exitCodes.usage;
  if (owesDocument && context.terminal && !context.terminal.hasOutput) {
    const document = {
      version: 1,
      tool: { name: 'chain', version: packageVersion() },
      error: { code: error.code, message, hint },
      findings: [],
      notChecked: [],
      blindSpots: [],
      summary: { error: 0, warning: 0, info: 0, exitCode: error.exitCode },
    };
    context.terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  }
  return error.exitCode;
}

/** The last net under every message: neither a URL's password nor a control character reaches a stream, whoever made the text. */
function hideUrlPasswords(text: string): string {
  return text
    .replace(controls, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s@]*@/gi, '$1:***@')
    .replace(/(password=)[^\s&'"]+/gi, '$1***');
}

// All but tab and new line; of a name in a file, a catalogue or an argument a terminal must not take orders.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** First Ctrl-C: stop at the next safe place. Second: stop now; transactions roll back by themselves. */
function interruptible(): { signal: AbortSignal; wasInterrupted(): boolean; end(code: number): number } {
  const controller = new AbortController();
  let received: NodeJS.Signals | null = null;
  const onSignal = (name: NodeJS.Signals) => {
    if (received !== null) process.exit(name === 'SIGINT' ? 130 : 143);
    received = name;
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    wasInterrupted: () => received !== null,
    end: (code) => (code === exitCodes.partial || received === null ? code : received === 'SIGINT' ? 130 : 143),
  };
}

// `chain doctor | head`: the reader has seen enough, and nobody is left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.ok);
});

process.exitCode = await main(process.argv.slice(2));
