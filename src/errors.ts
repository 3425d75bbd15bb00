/**
 * What ends a run: an error about `chain` being unable to work, never about the user's project.
 * Owns the one table of exit codes; refuses to know commands, formats or findings.
 */

/** Exit codes of every command; no output format changes them. */
export const exitCodes = {
  ok: 0,
  findings: 1,
  usage: 2,
  cannotLook: 3,
  refused: 4,
  partial: 5,
  bug: 70,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Error codes, grouped by the exit code they end the run with. */
const exitCodeByErrorCode = {
  usage: exitCodes.usage,
  'bad-settings': exitCodes.usage,
  'no-project': exitCodes.usage,
  'no-database-url': exitCodes.usage,
  'bad-database-url': exitCodes.usage,
  'connection-failed': exitCodes.cannotLook,
  'connection-lost': exitCodes.cannotLook,
  'cannot-read': exitCodes.cannotLook,
  'no-scratch-server': exitCodes.cannotLook,
  'insufficient-privileges': exitCodes.cannotLook,
  'plan-stale': exitCodes.refused,
  'rehearsal-failed': exitCodes.refused,
  'hazard-not-allowed': exitCodes.refused,
  'unowned-object': exitCodes.refused,
  'pooler-connection': exitCodes.refused,
  'lock-held': exitCodes.refused,
  'unknown-remains': exitCodes.refused,
  'undo-would-lose': exitCodes.refused,
  'seed-failed': exitCodes.refused,
  'cannot-write': exitCodes.refused,
  interrupted: exitCodes.partial,
  'stopped-part-way': exitCodes.partial,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof exitCodeByErrorCode;

/** The one error class: thrown once, caught in `cli.ts` alone. `hint` says what the reader can do next. */
export class ChainError extends Error {
  override name = 'ChainError';
  readonly code: ErrorCode;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? null;
  }

  get exitCode(): ExitCode {
    return exitCodeByErrorCode[this.code];
  }
}
