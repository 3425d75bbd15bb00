/**
 * One session with one database: query, transaction, notices, close. The only importer of pg.
 * Owns session settings (read-only, timeouts, spelling of values) and that nothing waits for ever. Behind a pooler no
 * setting is made on the session, since it would leak to the pooler's other clients: it goes into each transaction.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Client, ClientConfig, CustomTypesConfig } from 'pg';
import { ChainError } from '../errors.ts';
import { type CancelRequest, requestCancel } from './cancel.ts';
import { sendScript, sendTogether } from './script-query.ts';
import { connectError, type ServerError, statementError } from './sql-error.ts';
import { type DatabaseTarget, retarget, type SslMode } from './target.ts';

export interface QueryResult<Row> {
  rows: Row[];
  rowCount: number;
}

export interface ScriptResult {
  columns: string[];
  rows: (string | null)[][];
  rowCount: number;
}

export interface Notice {
  severity: string;
  message: string;
  sqlState: string | null;
}

export interface TransactionOptions {
  isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readOnly?: boolean;
}

export interface Connection {
  readonly target: DatabaseTarget;
  /** `15.18` */
  readonly serverVersion: string;
  /** `150018` */
  readonly serverVersionNumber: number;
  readonly backendPid: number;
  /** The session's backend is not the one that greeted us: a pooler stands between. */
  readonly isPooled: boolean;
  /**
   * One statement with parameters, or several without (the rows are the last one's).
   * Booleans, integers up to 32 bits, floats, arrays and JSON come as JavaScript values, all else as PostgreSQL's text.
   * Throws SqlError (with `sqlState`) for a refused statement, ChainError('connection-lost').
   */
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<QueryResult<Row>>;
  /** The same, each row an array: half the memory for large answers. */
  queryArrays(sql: string, params?: readonly unknown[]): Promise<unknown[][]>;
  /**
   * One statement as psql sends it, every value as PostgreSQL's text. `copyData` answers COPY … FROM STDIN.
   * Throws as `query` does.
   */
  script(sql: string, copyData?: Uint8Array): Promise<ScriptResult>;
  /**
   * Statements of a transaction, each one command, sent without waiting for answers. `onRan` is told the rows of each as
   * it is done. Throws as `query` does for the first that is refused; those after it are not carried out.
   */
  scripts(statements: readonly string[], onRan: (rowCount: number) => void): Promise<void>;
  /** Commits what `body` did, or rolls it back when it throws. Not to be nested. */
  transaction<T>(body: () => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Returns the function that ends listening. */
  onNotice(listener: (notice: Notice) => void): () => void;
  /** Never throws, never waits longer than a second. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  readOnly: boolean;
  timeouts?: { connectMs: number; statementMs: number; lockMs: number };
  applicationName?: string;
  /** When aborted ends the session, and asks the server to end what runs in it. */
  signal?: AbortSignal;
}

export const defaultTimeouts = { connectMs: 10_000, statementMs: 60_000, lockMs: 5_000 } as const;

/** How much longer than statement_timeout the client waits before it calls the server dead. */
const graceMs = 5_000;
/** What an ended session gives its server to take the request to stop, and to say that it has. */
const cancelMs = 1_000;

/** Connects, trying each host in turn. Throws ChainError('connection-failed') with PostgreSQL's own message and a hint. */
export async function connect(target: DatabaseTarget, options: ConnectOptions): Promise<Connection> {
  const timeouts = options.timeouts ?? defaultTimeouts;
  let failure: ChainError | null = null;
  for (const at of target.hosts) {
    try {
      const opened = await openClient(target, at, timeouts, options);
      const session = await openSession(opened, retarget({ ...target, ...at }, {}), options, timeouts);
      if (!target.requiresPrimary) return session;
      const { rows } = await session.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
      if (rows[0]?.standby !== true) return session;
      await session.close();
      failure = new ChainError(
        'connection-failed',
        `${at.host}:${at.port} is a standby, and the URL asks for the primary.`,
      );
    } catch (error) {
      if (!(error instanceof ChainError) || error.code === 'interrupted') throw error;
      failure = error;
    }
  }
  throw failure as ChainError;
}

interface OpenClient {
  client: Client;
  tls: TlsOptions | null;
  /** What ended the session while nothing was asked of it, in PostgreSQL's own words, the first of all first. */
  losses: readonly ServerError[];
}

async function openClient(
  target: DatabaseTarget,
  at: { host: string; port: number },
  timeouts: { connectMs: number },
  options: ConnectOptions,
): Promise<OpenClient> {
  const { default: pg } = await import('pg');
  const base: ClientConfig = {
    host: at.host,
    port: at.port,
    database: target.database,
    user: target.user,
    // A function, so that pg neither looks for PGPASSWORD nor reads a password file: the target has it already.
    password: () => target.password ?? '',
    application_name: target.applicationName ?? options.applicationName ?? 'chain',
    options: target.options ?? undefined,
    connectionTimeoutMillis: target.connectTimeoutMs ?? timeouts.connectMs,
    keepAlive: true,
    types: await valueTypes(),
  };
  const modes = at.host.startsWith('/') ? [false] : tlsAttempts(target.ssl.mode);
  let failure: ServerError | null = null;
  for (const withTls of modes) {
    const tls = withTls ? tlsOptions(target, at.host) : null;
    const client = new pg.Client({ ...base, ssl: tls ?? false });
    const losses: ServerError[] = [];
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', (error) => losses.push(error as ServerError));
    const abort = () => streamOf(client).destroy(new Error('interrupted'));
    options.signal?.addEventListener('abort', abort, { once: true });
    try {
      if (options.signal?.aborted) throw new Error('interrupted');
      await client.connect();
      return { client, tls, losses };
    } catch (error) {
      if (options.signal?.aborted) throw new ChainError('interrupted', 'Interrupted while connecting to the database.');
      failure = error as ServerError;
      client.end().catch(() => {});
      // A peer that never closes its side would keep the process alive.
      streamOf(client).destroy();
      const isTlsRefusal = /does not support SSL/i.test(failure.message);
      if (!isTlsRefusal && failure.code !== '28000') break;
    } finally {
      options.signal?.removeEventListener('abort', abort);
    }
  }
  throw connectError(failure as ServerError, target, at);
}

/** The client's socket, which pg gives no other way to. */
function streamOf(client: Client): Pick<Socket, 'destroy' | 'destroyed' | 'remoteAddress'> {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/** By what a server, or the pooler before it, knows the session. */
function keyOf(client: Client): Pick<CancelRequest, 'processId' | 'secretKey'> {
  const { processID, secretKey } = client as unknown as { processID: number | null; secretKey: number | null };
  return { processId: processID ?? 0, secretKey: secretKey ?? 0 };
}

/** libpq's meaning of `prefer` and `allow`: the second way when the first is refused. */
function tlsAttempts(mode: SslMode): boolean[] {
  if (mode === 'disable') return [false];
  if (mode === 'allow') return [false, true];
  return mode === 'prefer' ? [true, false] : [true];
}

type TlsOptions = Exclude<NonNullable<ClientConfig['ssl']>, boolean>;

function tlsOptions(target: DatabaseTarget, host: string): TlsOptions {
  const { mode, rootCertificate, certificate, key } = target.ssl;
  const verifies = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && rootCertificate !== null);
  const read = (file: string) => {
    try {
      return readFileSync(file);
    } catch {
      throw new ChainError('connection-failed', `The certificate file ${file} of the database URL cannot be read.`);
    }
  };
  return {
    rejectUnauthorized: verifies,
    ...(rootCertificate !== null && rootCertificate !== 'system' ? { ca: read(rootCertificate) } : {}),
    ...(certificate === null ? {} : { cert: read(certificate) }),
    ...(key === null ? {} : { key: read(key) }),
    ...(mode === 'verify-full' || rootCertificate === 'system'
      ? { servername: /^[\d.:]+$/.test(host) ? undefined : host }
      : { checkServerIdentity: () => undefined }),
  };
}

async function openSession(
  { client, tls, losses }: OpenClient,
  target: DatabaseTarget,
  options: ConnectOptions,
  timeouts: { statementMs: number; lockMs: number },
): Promise<Connection> {
  // Spelling of values, then what keeps a session from writing or waiting.
  const settings = [
    `datestyle = 'ISO, MDY'`,
    `intervalstyle = 'postgres'`,
    `bytea_output = 'hex'`,
    `extra_float_digits = 1`,
    `standard_conforming_strings = on`,
    `statement_timeout = ${timeouts.statementMs}`,
    `lock_timeout = ${timeouts.lockMs}`,
    // A session that looks for proof must be refused rows, not shown some of them.
    ...(options.readOnly ? ['row_security = off'] : []),
  ];
  const answersWithinMs = timeouts.statementMs > 0 ? timeouts.statementMs + graceMs : 0;
  let inTransaction = false;
  let isPooled = false;
  let isClosed = false;
  let working = 0;
  let whenIdle = () => {};

  const abort = () => {
    isClosed = true;
    streamOf(client).destroy();
  };
  /** The socket stays until the server has heard: a pooler forgets a session whose client is gone. */
  const interrupt = async () => {
    if (working > 0 && !isClosed && !streamOf(client).destroyed) {
      isClosed = true;
      const host = streamOf(client).remoteAddress ?? target.host;
      await requestCancel({ host, port: target.port, tls, ...keyOf(client) }, cancelMs);
      await new Promise<void>((resolve) => {
        if (working === 0) return resolve();
        whenIdle = resolve;
        setTimeout(resolve, cancelMs).unref();
      });
    }
    abort();
  };
  options.signal?.addEventListener('abort', interrupt, { once: true });

  async function send(text: string, params: readonly unknown[] | undefined, asArrays: boolean): Promise<RawResult> {
    const config = {
      text,
      // The extended protocol takes one statement and no more.
      ...(params ? { values: [...params], queryMode: 'extended' as const } : {}),
      ...(asArrays ? { rowMode: 'array' as const } : {}),
      ...(answersWithinMs > 0 ? { query_timeout: answersWithinMs } : {}),
    };
    const result = await failing(async () => (await client.query(config)) as unknown as RawResult | RawResult[]);
    return Array.isArray(result) ? (result.at(-1) as RawResult) : result;
  }

  async function failing<T>(body: () => Promise<T>): Promise<T> {
    const interrupted = () => new ChainError('interrupted', 'Interrupted while the database was working.');
    if (options.signal?.aborted) throw interrupted();
    working++;
    try {
      return await body();
    } catch (error) {
      if (options.signal?.aborted) throw interrupted();
      const own = statementError(error as ServerError, target, options.readOnly);
      const failure =
        own.code === 'connection-lost' && losses[0] !== undefined
          ? statementError(losses[0], target, options.readOnly)
          : own;
      // A server that only was too slow for us works on.
      if (failure.code === 'connection-lost') void interrupt();
      throw failure;
    } finally {
      working--;
      if (working === 0) whenIdle();
    }
  }

  /** Behind a pooler a statement of its own still needs the settings around it. */
  async function guarded(text: string, params: readonly unknown[] | undefined, asArrays: boolean): Promise<RawResult> {
    if (!isPooled || inTransaction || !options.readOnly) return send(text, params, asArrays);
    return connection.transaction(() => send(text, params, asArrays), { readOnly: true });
  }

  const greeting = await send(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number, pg_backend_pid() as pid`,
    undefined,
    false,
  );
  const { version, number, pid } = greeting.rows[0] as { version: string; number: number; pid: number };
  // A server's own limits end a session that has more to ask, or holds a repair's lock while it computes.
  settings.push(`idle_in_transaction_session_timeout = ${options.readOnly ? timeouts.statementMs : 0}`);
  if (number >= 140_000) settings.push('idle_session_timeout = 0');
  if (number >= 170_000) settings.push('transaction_timeout = 0');
  const setLocal = settings.map((setting) => `set local ${setting};`).join(' ');
  isPooled = (client as unknown as { processID: number | null }).processID !== pid;
  if (!isPooled) {
    const access = options.readOnly ? 'set default_transaction_read_only = on;' : '';
    await send(settings.map((setting) => `set ${setting};`).join(' ') + access, undefined, false);
  }

  const connection: Connection = {
    target,
    serverVersion: version.split(' ')[0] as string,
    serverVersionNumber: number,
    backendPid: pid,
    isPooled,
    async query<Row>(sql: string, params?: readonly unknown[]) {
      const result = await guarded(sql, params, false);
      return { rows: (result.rows ?? []) as Row[], rowCount: result.rowCount ?? 0 };
    },
    async queryArrays(sql, params) {
      return ((await guarded(sql, params, true)).rows ?? []) as unknown[][];
    },
    script: (sql, copyData) => failing(() => sendScript(client, sql, copyData ?? null, answersWithinMs)),
    scripts: (statements, onRan) => failing(() => sendTogether(client, statements, answersWithinMs, onRan)),
    async transaction(body, transactionOptions = {}) {
      const isolation = transactionOptions.isolation ? ` isolation level ${transactionOptions.isolation}` : '';
      const access = transactionOptions.readOnly || options.readOnly ? ' read only' : '';
      await send(`begin${isolation}${access};${isPooled ? ` ${setLocal}` : ''}`, undefined, false);
      inTransaction = true;
      try {
        const value = await body();
        await send('commit', undefined, false);
        return value;
      } catch (error) {
        if (!isClosed) await send('rollback', undefined, false).catch(() => {});
        throw error;
      } finally {
        inTransaction = false;
      }
    },
    onNotice(listener) {
      const forward = (notice: { severity?: string; message?: string; code?: string }) =>
        listener({
          severity: notice.severity ?? 'NOTICE',
          message: notice.message ?? '',
          sqlState: notice.code ?? null,
        });
      client.on('notice', forward as never);
      return () => client.off('notice', forward as never);
    },
    async close() {
      options.signal?.removeEventListener('abort', interrupt);
      if (isClosed) return;
      isClosed = true;
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, 1000);
      });
      await Promise.race([client.end().catch(() => {}), patience]);
      clearTimeout(timer);
      abort();
    },
  };
  return connection;
}

interface RawResult {
  rows: unknown[];
  rowCount: number | null;
}

let types: CustomTypesConfig | null = null;

/** pg turns dates into JavaScript dates, which lose microseconds and zones; here they stay PostgreSQL's text. */
async function valueTypes(): Promise<CustomTypesConfig> {
  if (types) return types;
  const { default: pg } = await import('pg');
  // bool, int2, int4, oid, float4, float8, json, jsonb; arrays of bool, int2, int4, oid.
  const parsed = new Set<number>([16, 21, 23, 26, 700, 701, 114, 3802, 1000, 1005, 1007, 1028]);
  // Arrays of "char", name, text, varchar, all read as text[] is (pg has no reader for name[]).
  const textArrays = new Set<number>([1002, 1003, 1009, 1015]);
  types = {
    getTypeParser: ((oid: number, format: 'text') => {
      if (textArrays.has(oid)) return pg.types.getTypeParser(1009 as number, format);
      return parsed.has(oid) ? pg.types.getTypeParser(oid, format) : (value: string) => value;
    }) as CustomTypesConfig['getTypeParser'],
  };
  return types;
}
