/**
 * Where a command writes: results to stdout, progress and messages to stderr. Refuses to know what is written.
 */
import { writeFileSync } from 'node:fs';

export interface Terminal {
  /** The result alone. */
  out(text: string): void;
  /** Progress, notices, messages. Silent under `--quiet`. */
  say(text: string): void;
  /** A line that replaces itself in a terminal and is left out in a pipe. */
  progress(text: string): void;
  readonly isInteractive: boolean;
  /** Columns, 80 in a pipe. */
  readonly width: number;
  /** Aborted by Ctrl-C or SIGTERM; long work stops at the next safe place. */
  readonly signal: AbortSignal;
}

export interface ProcessTerminal extends Terminal {
  /** Whether anything went to stdout yet. */
  readonly hasOutput: boolean;
  /** Clears the progress line. */
  done(): void;
}

/**
 * A terminal on this process's own streams; `outputFile` takes the result instead of stdout. `clean` and
 * `cleanResult` are the last net under what is said beside the result and under the result, whoever made the text.
 */
export function processTerminal(options: {
  quiet: boolean;
  signal: AbortSignal;
  outputFile: string | null;
  clean(text: string): string;
  cleanResult(text: string): string;
}): ProcessTerminal {
  const isInteractive = Boolean(process.stderr.isTTY);
  let hasOutput = false;
  let hasProgress = false;
  let collected = '';
  const clear = () => {
    if (hasProgress) process.stderr.write('\r\u001b[K');
    hasProgress = false;
  };
  return {
    out(result) {
      clear();
      hasOutput = true;
      const text = options.cleanResult(result);
      if (options.outputFile === null) process.stdout.write(text);
      else {
        collected += text;
        writeFileSync(options.outputFile, collected);
      }
    },
    say(text) {
      if (options.quiet) return;
      clear();
      process.stderr.write(`${options.clean(text)}\n`);
    },
    progress(text) {
      if (options.quiet || !isInteractive) return;
      process.stderr.write(`\r\u001b[K${options.clean(text).replaceAll('\n', ' ')}`);
      hasProgress = true;
    },
    isInteractive,
    get width() {
      return process.stdout.columns ?? 80;
    },
    signal: options.signal,
    get hasOutput() {
      return hasOutput;
    },
    done: clear,
  };
}
