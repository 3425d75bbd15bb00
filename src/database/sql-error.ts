/**
 * What PostgreSQL answers when it refuses a statement or a connection, as ChainErrors with its own message and a hint.
 * Owns the mapping from SQLSTATE and socket errors to error codes; passwords are masked here, once for all.
 */
import { ChainError, type ErrorCode } from '../errors.ts';
import { redact } from './redact.ts';
import type { DatabaseTarget } from './target.ts';

/** A statement that PostgreSQL refused. Callers that can go on look at `sqlState`; uncaught it ends the run as a ChainError. */
export class SqlError extends ChainError {
  override name = 'SqlError';
  readonly sqlState: string;
  /** PostgreSQL's message alone. */
  readonly serverMessage: string;
  readonly detail: string | null;
  readonly serverHint: string | null;
  /** Where in the statement, from 1, in characters; null where PostgreSQL does not say. */
  readonly position: number | null;
  readonly where: string | null;
  readonly schema: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly constraint: string | null;

  constructor(code: ErrorCode, message: string, hint: string | null, fields: ServerError, password: string | null) {
    // Whoever raises it may write lines of its own, which a CI log would take for commands.
    const oneLine = (text: string) => text.replace(/\s*[\r\n]+\s*/g, ' ');
    super(code, oneLine(message), hint === null ? {} : { hint: oneLine(hint) });
    const clean = (text: string | undefined) => (text === undefined ? null : redact(text, password));
    this.sqlState = fields.code ?? 'XX000';
    this.serverMessage = redact(fields.message, password);
    this.detail = clean(fields.detail);
    this.serverHint = clean(fields.hint);
    this.position = fields.position === undefined ? null : Number(fields.position);
    this.where = clean(fields.where);
    this.schema = fields.schema ?? null;
    this.table = fields.table ?? null;
    this.column = fields.column ?? null;
    this.constraint = fields.constraint ?? null;
  }
}

/** What pg throws, as far as it is looked at. */
export interface ServerError {
  message: string;
  code?: string;
  severity?: string;
  detail?: string;
  hint?: string;
  position?: string;
  where?: string;
  schema?: string;
  table?: string;
  column?: string;
  constraint?: string;
  address?: string;
  port?: number;
  errors?: ServerError[];
}

/** Whether the connection itself is gone: class 08, the server going down, a socket that ended. */
export function isConnectionLoss(error: ServerError): boolean {
  const code = error.code ?? '';
  return (
    code.startsWith('08') ||
    /^57P0[1235]$/.test(code) ||
    // As the server ends a session, whatever for: a standby that gives way to its primary does it with 40001.
    error.severity === 'FATAL' ||
    error.severity === 'PANIC' ||
    ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNREFUSED', 'ECONNABORTED', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
      code,
    ) ||
    (error.severity === undefined &&
      /Connection terminated|Client was closed|not queryable|Query read timeout|socket/i.test(error.message))
  );
}

const recoveryHint =
  'The standby gives way to its primary: run the command again, switch hot_standby_feedback on, or look at the primary.';

/** A refused statement, or the loss of the connection during it. */
export function statementError(error: ServerError, target: DatabaseTarget, isReadOnly = true): ChainError {
  const text = redact(error.message, target.password);
  if (/statement pooling mode/.test(error.message)) {
    return new ChainError('connection-failed', `The pooler at ${target.redacted} says: ${text}.`, {
      hint: 'In statement mode it lets no transaction through, and so no snapshot: name the server itself in the URL, or a pool in session or transaction mode.',
    });
  }
  // What only reads meets a conflict with nobody but the replay of a standby.
  const isRecoveryConflict = isReadOnly && error.code === '40001';
  if (isConnectionLoss(error)) {
    const why = /Query read timeout/.test(error.message) ? 'the server stopped answering' : text;
    return new ChainError(
      'connection-lost',
      `The connection to ${target.redacted} was lost: ${why}.`.replace('..', '.'),
      {
        hint: isRecoveryConflict
          ? recoveryHint
          : error.code === '57P05' || error.code?.startsWith('25P0')
            ? 'The server ends sessions that wait: raise the timeout that it names, for this role or this database.'
            : 'Look whether the server restarted or the network dropped the session, then run the same command again.',
      },
    );
  }
  const state = error.code ?? '';
  const said = `PostgreSQL: ${text}`;
  if (state === '42501') {
    return make('insufficient-privileges', said, `Connect as a role with that right, or grant it to "${target.user}".`);
  }
  if (state === '57014' && /statement timeout/.test(text)) {
    return make('cannot-read', said, 'Raise timeouts.statementMs in the settings, or look what keeps the server busy.');
  }
  if (state === '55P03') {
    return make(
      'lock-held',
      said,
      'Another session holds the lock: wait for it, or raise timeouts.lockMs in the settings.',
    );
  }
  if (state === '22021' || state === '22P05') {
    return make(
      'cannot-read',
      said,
      'The database holds a name or a text that is not in its encoding (SQL_ASCII holds any bytes): rename or convert it.',
    );
  }
  if (state === '25006') {
    return isReadOnly
      ? make('cannot-read', said, 'This session is read-only, as every command that only looks must be.')
      : make(
          'cannot-write',
          said,
          'The server lets nothing be written: connect to the primary where it is a standby, or look at default_transaction_read_only.',
        );
  }
  if (isRecoveryConflict) return make('cannot-read', said, recoveryHint);
  return make('cannot-read', said, error.hint === undefined ? null : redact(error.hint, target.password));

  function make(code: ErrorCode, message: string, hint: string | null): SqlError {
    return new SqlError(code, message, hint, error, target.password);
  }
}

/** Why no connection came about, in words, with what to do. */
export function connectError(
  error: ServerError,
  target: DatabaseTarget,
  at: { host: string; port: number },
): ChainError {
  const inner = error.message === '' && error.errors?.[0] ? error.errors[0] : error;
  const text = redact(inner.message, target.password);
  const place = at.host.startsWith('/') ? `${at.host}/.s.PGSQL.${at.port}` : `${at.host}:${at.port}`;
  const { why, hint } = explain(inner, text, target, at, place);
  return new ChainError('connection-failed', `Cannot connect to ${target.redacted}: ${why}`, { hint });
}

function explain(
  error: ServerError,
  text: string,
  target: DatabaseTarget,
  at: { host: string; port: number },
  place: string,
): { why: string; hint: string } {
  const code = error.code ?? '';
  const said = `PostgreSQL says: ${text}`;
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        why: `there is no host "${at.host}".`,
        hint: 'Check the host of the URL; inside containers the name differs from outside.',
      };
    case 'ECONNREFUSED':
      return { why: `nothing listens at ${place}.`, hint: 'Start the server, or correct host and port of the URL.' };
    case 'ENOENT':
      return {
        why: `there is no socket ${place}.`,
        hint: 'Start the server, or name its socket folder with ?host=/folder.',
      };
    case 'EACCES':
      return {
        why: `the socket ${place} may not be opened by this user.`,
        hint: 'Connect through a host name, or as another user.',
      };
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return {
        why: `${place} does not answer.`,
        hint: 'Check network and firewall, or raise timeouts.connectMs in the settings.',
      };
    case '28P01':
      return {
        why: said,
        hint: `Check the password of "${target.user}"; special characters in a URL are percent-encoded.`,
      };
    case '28000':
      if (/not permitted to log in/.test(text))
        return { why: said, hint: `Connect as another role, or ALTER ROLE "${target.user}" LOGIN.` };
      return { why: said, hint: 'pg_hba.conf of the server must allow this role, database, address and encryption.' };
    case '3D000':
      return { why: said, hint: `Create the database, or correct the name "${target.database}" in the URL.` };
    case '42501':
      return { why: said, hint: `Grant CONNECT on the database to "${target.user}".` };
    case '53300':
      return { why: said, hint: 'The server has no free connection slot: close sessions, or go through its pooler.' };
    case '57P03':
      return { why: said, hint: 'The server is starting up, shutting down or recovering: try again shortly.' };
  }
  if (/does not support SSL/i.test(text)) {
    return {
      why: `the server refuses TLS, and sslmode=${target.ssl.mode} insists on it.`,
      hint: 'Use sslmode=prefer, or switch TLS on at the server.',
    };
  }
  if (/altnames/i.test(text)) {
    return {
      why: `the server's TLS certificate is for another name: ${text}`,
      hint: 'Connect by a name that the certificate bears, or use sslmode=verify-ca, which does not compare names.',
    };
  }
  if (/PEM routines|no start line/i.test(text)) {
    return {
      why: `a certificate or key file of the URL is not in PEM form: ${text}`,
      hint: 'Look at the files that sslrootcert, sslcert and sslkey name.',
    };
  }
  if (/certificate|CERT_|self.signed|altname/i.test(`${code} ${text}`)) {
    return {
      why: `the server's TLS certificate does not hold: ${text}`,
      hint: 'Name its authority with sslrootcert=FILE, or use sslmode=require, which does not verify.',
    };
  }
  if (code.startsWith('ERR_SSL') || /\bssl\b|\btls\b|EPROTO/i.test(`${code} ${text}`)) {
    return { why: `TLS could not be agreed on: ${text}`, hint: 'Check sslmode of the URL and what the server offers.' };
  }
  if (/timeout expired/i.test(text)) {
    return {
      why: `${place} did not answer in time.`,
      hint: 'Check network and firewall, or raise timeouts.connectMs in the settings.',
    };
  }
  if (/SCRAM|client password must be a string|password/i.test(text) && code === '') {
    return {
      why: `the server wants a password and none is given.`,
      hint: 'Put it into the URL, PGPASSWORD or the password file.',
    };
  }
  if (/unsupported startup parameter/i.test(text)) {
    return {
      why: said,
      hint: 'A pooler stands between: drop `options` from the URL, or connect to the server directly.',
    };
  }
  if (code.startsWith('E') || code === '') {
    return {
      why: `${text}${text.endsWith('.') ? '' : '.'}`,
      hint: `Check that a PostgreSQL server answers at ${place}.`,
    };
  }
  return { why: said, hint: error.hint ?? 'The server answered; correct what it names.' };
}
