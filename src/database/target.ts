/**
 * Where a database is: one URL, libpq keyword string or libpq environment read into a DatabaseTarget.
 * Owns every accepted spelling (SQLAlchemy's driver names, `?host=/socket`, PGSERVICE, PGPASSFILE) and how a password is
 * kept out of texts; refuses to connect.
 */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { ChainError } from '../errors.ts';
import { passwordFromFile, readService } from './libpq-files.ts';
import { redact } from './redact.ts';

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** What libpq reads from its surroundings; `process.env` has this shape. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface DatabaseTarget {
  /** Tried in this order; a host that starts with `/` is a socket's folder. */
  hosts: { host: string; port: number }[];
  /** The first of `hosts`. */
  host: string;
  port: number;
  database: string;
  user: string;
  password: string | null;
  ssl: { mode: SslMode; rootCertificate: string | null; certificate: string | null; key: string | null };
  /** `options`: command-line options for the backend, such as `-csearch_path=app`. */
  options: string | null;
  applicationName: string | null;
  connectTimeoutMs: number | null;
  requiresPrimary: boolean;
  /** Safe to print: never holds the password. */
  redacted: string;
}

const dialects = new Set(['postgresql', 'postgres', 'psql', 'postgis', 'pgsql', 'cockroachdb']);

/** Keys of a query string or keyword string whose libpq name differs (asyncpg, psycopg, JDBC spellings). */
const aliases: Readonly<Record<string, string>> = {
  username: 'user',
  database: 'dbname',
  ssl: 'sslmode',
  timeout: 'connect_timeout',
  applicationname: 'application_name',
};

/** libpq's environment variables (manual, "Environment Variables"). */
const environmentKeys: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  service: 'PGSERVICE',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
};

/** libpq's keywords that have no bearing here (manual, "Parameter Key Words"). */
const otherKeywords = new Set(
  `channel_binding client_encoding fallback_application_name gssdelegation gssencmode gsslib keepalives keepalives_count
   keepalives_idle keepalives_interval krbsrvname load_balance_hosts max_protocol_version min_protocol_version replication
   require_auth requirepeer requiressl scram_client_key scram_server_key ssl_max_protocol_version ssl_min_protocol_version
   sslcertmode sslcompression sslcrl sslcrldir sslkeylogfile sslnegotiation sslpassword sslsni tcp_user_timeout`.split(
    /\s+/,
  ),
);

/**
 * Reads a URL (`postgresql+asyncpg://…`), a keyword string (`host=… dbname=…`), or, for an empty text, libpq's
 * environment alone. What the text leaves open comes from a service file, then from the environment, as in libpq.
 * Throws ChainError('bad-database-url').
 */
export function parseDatabaseUrl(text: string, environment: Environment = process.env): DatabaseTarget {
  const trimmed = text.trim();
  const given = trimmed.includes('://') ? readUrl(trimmed) : readKeywords(trimmed);
  return completeTarget(given, environment);
}

/** Whether libpq's variables name a database at all. */
export function hasLibpqEnvironment(environment: Environment = process.env): boolean {
  return Boolean(environment.PGHOST || environment.PGSERVICE || environment.PGDATABASE);
}

/** The same server, another database or role. */
export function retarget(
  target: DatabaseTarget,
  change: Partial<Pick<DatabaseTarget, 'database' | 'user' | 'password'>>,
): DatabaseTarget {
  const changed = { ...target, ...change };
  return { ...changed, redacted: redactedText(changed) };
}

/** A URL that libpq and SQLAlchemy take, **with** the password: for a child process's environment, never for a text. */
export function urlOf(target: DatabaseTarget): string {
  const password = target.password === null ? '' : `:${encodeURIComponent(target.password)}`;
  const user = `${encodeURIComponent(target.user)}${password}@`;
  const database = encodeURIComponent(target.database);
  const query = new URLSearchParams();
  if (target.ssl.mode !== 'prefer') query.set('sslmode', target.ssl.mode);
  if (target.options !== null) query.set('options', target.options);
  if (target.host.startsWith('/')) {
    query.set('host', target.host);
    query.set('port', String(target.port));
    return `postgresql://${user}/${database}?${query}`;
  }
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const tail = query.size > 0 ? `?${query}` : '';
  return `postgresql://${user}${host}:${target.port}/${database}${tail}`;
}

type Given = Map<string, string[]>;

function readUrl(text: string): Given {
  const given: Given = new Map();
  // SQLAlchemy's own expression (engine/url.py), so that the project's URL means here what it means there.
  const match =
    /^([\w+.-]+):\/\/(?:([^:/]*)(?::([^@]*))?@)?(?:(?:\[([^/?]+)\]|([^/?]+?))?(?::([\d,]*))?)?(?:\/([^?]*))?(?:\?(.*))?$/s.exec(
      text,
    );
  const dialect = match?.[1]?.split('+')[0]?.toLowerCase();
  if (!match || dialect === undefined) throw badUrl(text, 'it does not read as scheme://user@host:port/database');
  if (!dialects.has(dialect)) throw badUrl(text, `"${match[1]}" is not PostgreSQL`);
  let [, , user, password, ipv6, host, port, database, query] = match;
  const strayAt = host?.lastIndexOf('@') ?? -1;
  if (host !== undefined && strayAt >= 0) {
    // A raw @ in the password.
    password = `${password ?? ''}@${host.slice(0, strayAt)}`;
    host = host.slice(strayAt + 1);
  }
  add(given, 'user', decode(user, text));
  add(given, 'password', decode(password, text));
  const hosts = (ipv6 ?? decode(host, text) ?? '').split(',').filter((part) => part !== '');
  for (const one of hosts) {
    const withPort = ipv6 === undefined ? /^([^:]*):(.+)$/.exec(one) : null;
    add(given, 'host', withPort?.[1] ?? one);
    if (withPort) add(given, 'port', withPort[2]);
  }
  for (const one of (port ?? '').split(',')) add(given, 'port', one);
  add(given, 'dbname', decode(database, text));
  for (const part of (query ?? '').split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = decode(equals < 0 ? part : part.slice(0, equals), text) ?? '';
    const value = decode(equals < 0 ? '' : part.slice(equals + 1).replaceAll('+', ' '), text) ?? '';
    const name = aliases[key.toLowerCase()] ?? key.toLowerCase();
    // SQLAlchemy's several hosts: ?host=a:5432&host=b:5432
    const hostAndPort = name === 'host' ? /^([^/].*):(\d+)$/.exec(value) : null;
    if (hostAndPort && !hostAndPort[1]?.includes(':')) {
      add(given, 'host', hostAndPort[1]);
      add(given, 'port', hostAndPort[2]);
    } else if (name === 'host' || name === 'port') {
      for (const one of value.split(',')) add(given, name, one);
    } else {
      given.set(name, [value]);
    }
  }
  return given;
}

function readKeywords(text: string): Given {
  const given: Given = new Map();
  const pattern = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gsy;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    end = (match.index ?? 0) + match[0].length;
    const value = (match[2] ?? match[3] ?? '').replace(/\\(.)/gs, '$1');
    const key = (match[1] ?? '').toLowerCase();
    const name = aliases[key] ?? key;
    // As libpq does: a misspelt `host` would lead to another server.
    if (!(name in environmentKeys) && !otherKeywords.has(name)) throw badUrl(text, `"${key}" is no keyword of libpq`);
    if (name === 'host' || name === 'port') for (const one of value.split(',')) add(given, name, one);
    else given.set(name, [value]);
  }
  if (text.slice(end).trim() !== '') throw badUrl(text, 'it is neither a URL nor a string of keyword=value');
  return given;
}

function completeTarget(given: Given, environment: Environment): DatabaseTarget {
  const serviceName = first(given, 'service') ?? environment.PGSERVICE ?? null;
  const service = serviceName ? readService(serviceName, environment) : null;
  const value = (key: string): string | null =>
    first(given, key) ?? service?.get(key) ?? (environment[environmentKeys[key] ?? ''] || null);
  const values = (key: string): string[] => {
    const own = given.get(key);
    if (own !== undefined && own.length > 0) return own;
    return (value(key) ?? '').split(',').filter((part) => part !== '');
  };

  const user = value('user') ?? userInfo().username;
  const database = value('dbname') ?? user;
  const ports = values('port').map((text) => parsePort(text));
  const names = values('host').length > 0 ? values('host') : values('hostaddr');
  const hosts = (names.length > 0 ? names : [defaultHost(ports[0] ?? 5432)]).map((host, index) => ({
    host,
    port: ports[index] ?? ports[0] ?? 5432,
  }));
  const firstHost = hosts[0] as { host: string; port: number };
  const password =
    value('password') ?? passwordFromFile({ file: value('passfile'), ...firstHost, database, user }, environment);
  const timeout = Number.parseInt(value('connect_timeout') ?? '', 10);
  const target = {
    hosts,
    ...firstHost,
    database,
    user,
    password,
    ssl: {
      mode: sslModeOf(value('sslmode')),
      rootCertificate: value('sslrootcert'),
      certificate: value('sslcert'),
      key: value('sslkey'),
    },
    options: value('options'),
    applicationName: value('application_name'),
    connectTimeoutMs: timeout > 0 ? timeout * 1000 : null,
    requiresPrimary: ['read-write', 'primary'].includes(value('target_session_attrs') ?? ''),
    redacted: '',
  };
  return { ...target, redacted: redactedText(target) };
}

function redactedText(target: Omit<DatabaseTarget, 'redacted'>): string {
  return urlOf({ ...target, redacted: '', password: target.password === null ? null : '***' });
}

function sslModeOf(text: string | null): SslMode {
  const known: Record<string, SslMode> = {
    disable: 'disable',
    allow: 'allow',
    prefer: 'prefer',
    require: 'require',
    'verify-ca': 'verify-ca',
    'verify-full': 'verify-full',
    true: 'require',
    '1': 'require',
    false: 'disable',
    '0': 'disable',
    'no-verify': 'require',
  };
  if (text === null || text === '') return 'prefer';
  const mode = known[text.toLowerCase()];
  if (mode === undefined) {
    throw new ChainError('bad-database-url', `The database URL says sslmode=${text}, which PostgreSQL does not know.`, {
      hint: 'Use one of disable, allow, prefer, require, verify-ca, verify-full.',
    });
  }
  return mode;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new ChainError('bad-database-url', `The database URL names "${text}" as the port, which is none.`, {
    hint: 'A port is a number from 1 to 65535; encode :, / and @ of a password as %3A, %2F and %40.',
  });
}

/** libpq's default: the local socket where there is one, else localhost. */
function defaultHost(port: number): string {
  const folders = ['/var/run/postgresql', '/run/postgresql', '/tmp'];
  return folders.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost';
}

function add(given: Given, key: string, value: string | undefined | null): void {
  if (value === undefined || value === null || value === '') return;
  const list = given.get(key);
  if (list) list.push(value);
  else given.set(key, [value]);
}

function first(given: Given, key: string): string | null {
  return given.get(key)?.[0] || null;
}

function decode(text: string | undefined, whole: string): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    // SQLAlchemy leaves a lone % as it is.
    if (!/%[0-9A-Fa-f]{2}/.test(text)) return text;
    throw badUrl(whole, 'a %-escape in it is not UTF-8');
  }
}

function badUrl(text: string, why: string): ChainError {
  // In a text of no known form, whatever might be a password is masked.
  const clean = redact(text)
    .replace(/:(?!\/\/)[^@]*@/gs, ':***@')
    .replace(/(pass\w*\s*=).*/gis, '$1***');
  return new ChainError('bad-database-url', `The database URL "${clean}" cannot be read: ${why}.`, {
    hint: 'Write postgresql://user@host:5432/database, the password after the user and a colon, its special characters percent-encoded.',
  });
}
