/**
 * Runs one command in this process: the same settings and the same code as the command line, without its start-up.
 * For the many small runs; what concerns exit by signal, streams and flags themselves belongs to `chain.ts`.
 */
import { ChainError } from '../../src/errors.ts';
import { type Flags, loadSettings, type Settings } from '../../src/settings.ts';
import type { Terminal } from '../../src/terminal.ts';
import type { ReportJson } from './chain.ts';

export interface CommandRun {
  exitCode: number;
  /** The error that ended it, where one did. */
  error: ChainError | null;
  out: string;
  said: string;
  report(): ReportJson;
}

type Command = (settings: Settings, terminal: Terminal, own: Record<string, unknown>) => Promise<number>;

/** `run('doctor', { project, url, format: 'json' })`. No environment variable is looked at. */
export async function run(command: string, flags: Flags & Record<string, unknown>): Promise<CommandRun> {
  const module = (await import(`../../src/commands/${command}.ts`)) as Record<string, Command>;
  let out = '';
  let said = '';
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    say: (text) => {
      said += `${text}\n`;
    },
    progress: () => {},
    isInteractive: false,
    width: 100,
    signal: new AbortController().signal,
  };
  const settings = await loadSettings(flags, {}, { color: false });
  let exitCode: number;
  let error: ChainError | null = null;
  try {
    exitCode = await (module[command] as Command)(settings, terminal, { allow: [], seed: true, yes: true, ...flags });
  } catch (thrown) {
    if (!(thrown instanceof ChainError)) throw thrown;
    error = thrown;
    exitCode = thrown.exitCode;
  }
  const report = () => {
    if (error !== null && out === '') throw error;
    return JSON.parse(out) as ReportJson;
  };
  return { exitCode, error, out, said, report };
}
