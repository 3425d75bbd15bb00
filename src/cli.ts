/**
 * The command line: yargs' root, and the only place that prints an error or sets the exit code.
 */
import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import { type Command, commands, flagsOfAll, missingWord, unknownCommand, unknownWords } from './command-line.ts';
import { ChainError, exitCodes } from './errors.ts';
import { withoutControls, withoutLogCommands } from './model/safe-text.ts';
import { withoutPasswords } from './model/secrets.ts';
import { packageVersion } from './package.ts';
import { refuseLedOut } from './project-folder.ts';
import type { Flags } from './settings.ts';
import { type ProcessTerminal, processTerminal } from './terminal.ts';

async function main(args: string[]): Promise<number> {
  const { default: makeYargs } = await import('yargs');
  const interruption = interruptible();
  let exitCode: number = exitCodes.ok;
  const yargs = makeYargs(args)
    .scriptName('chain')
    .usage('$0 <command> [flags]\n\nDiagnoses and repairs broken Alembic + PostgreSQL migration chains.')
    // Ours are English: one message is not to be of two languages.
    .locale('en')
    .version(packageVersion())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .parserConfiguration({ 'duplicate-arguments-array': false, 'greedy-arrays': false })
    .demandCommand(1, 'Name a command, for instance `chain doctor`.')
    .exitProcess(false)
    .epilogue(
      'Exit codes: 0 fine · 1 findings · 2 usage · 3 could not look · 4 refused · 5 stopped part-way · 70 a bug in chain',
    )
    .fail((message, error) => {
      // What yargs itself refuses comes as an error of its own (`--url` without a value).
      if (error !== undefined && error !== null && error.name !== 'YError') throw error;
      if (message?.startsWith('Not enough non-option arguments')) throw missingWord(args);
      const why = message || (error?.message ?? 'These arguments cannot be read.');
      throw new ChainError('usage', why, { hint: '`chain --help` lists the commands and flags.' });
    });
  // In front of the command too a flag without a value must not take the command for its value.
  for (const [name, { type }] of Object.entries(flagsOfAll)) if (type === 'boolean') yargs.boolean(name);
  for (const command of commands) {
    yargs.command(
      command.usage,
      command.describe,
      (own) => {
        let built: Argv = own.options(flagsOfAll).option('format', {
          type: 'string',
          choices: command.formats,
          describe: 'Form of the result',
          default: 'text',
        });
        const { positional, flags, examples } = command;
        if (positional) built = built.positional(positional.name, { type: 'string', ...positional });
        if (flags) built = built.options(flags);
        for (const [line, meaning] of examples ?? []) built.example(line, meaning);
        // Before yargs validates, which stumbles over flags that are named as what every object has.
        return built.middleware((argv) => {
          const error = unknownWords(command, argv);
          if (error !== null) throw error;
        }, true);
      },
      (argv) => {
        throw new Chosen(command, argv as Record<string, unknown>);
      },
    );
  }
  try {
    const {
      _: words,
      help,
      version,
    } = (await yargs.parseAsync()) as { _: unknown[]; help?: boolean; version?: boolean };
    if (words.length > 0 && !help && !version) throw unknownCommand(String(words[0]));
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
  const terminal = processTerminal({
    quiet: flags.quiet ?? false,
    signal,
    outputFile,
    clean: safe,
    cleanResult: (text) => (formatsOfLines.includes(format) ? withoutLogCommands(text) : text),
  });
  try {
    const settings = await loadSettings(flags, process.env, {
      color: Boolean(process.stdout.isTTY) && outputFile === null,
    });
    if (outputFile !== null) await refuseLedOut(settings.project, outputFile);
    const run = await command.load();
    return await run(settings, terminal, argv);
  } catch (error) {
    // Only what writes can stop part-way; of what only reads, Ctrl-C wants no document any more.
    const keptNothing = /^seed\b/.test(command.usage) && error instanceof ChainError && error.code === 'interrupted';
    const writes = /^(repair|undo|seed)\b/.test(command.usage) && !keptNothing;
    const owed = signal.aborted && !writes ? 'text' : format;
    const exitCode = reportError(error, { format: owed, terminal, isVerbose: flags.verbose ?? false });
    return exitCode === exitCodes.partial && !writes ? exitCodes.cannotLook : exitCode;
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
    process.stderr.write(`chain: a bug in chain itself, please report it with the command you ran:\n${safe(shown)}\n`);
    return exitCodes.bug;
  }
  const message = safe(error.message);
  const hint = error.hint === null ? null : safe(error.hint);
  process.stderr.write(`chain: ${message}\n${hint === null ? '' : `  ${hint}\n`}`);
  if (context.isVerbose && error.cause instanceof Error) process.stderr.write(`${safe(error.cause.stack ?? '')}\n`);
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

/** The last net under every message: no password, no order to a terminal or to a CI log reaches a stream, whoever made the text. */
function safe(text: string): string {
  return withoutLogCommands(withoutControls(withoutPasswords(text)));
}

/** Formats of lines, as the log of a CI run has them; the others have escapes of their own. */
const formatsOfLines = ['text', 'table', 'markdown', 'mermaid', 'dot'];

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

// Who leaves before the end has looked at nothing.
process.exitCode = exitCodes.bug;
void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
});
