/**
 * Asks expectations: those a seed implies and those of the settings (`sql`, `count`, `reach`, `password`, `http`).
 * Reads only: each in a read-only transaction, one statement. What could not be asked is `isMet: null` with the reason, never met.
 */
import { quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { SeedExpectation } from './expectation.ts';
import type { SeedSession } from './session.ts';

/** An entry of the settings: its fields hang on `kind`, see the README. */
export interface StatedExpectation {
  name: string;
  kind: string;
  [field: string]: unknown;
}

export interface ExpectationResult {
  name: string;
  kind: string;
  /** Null: it could not be asked. */
  isMet: boolean | null;
  expected: string;
  actual: string;
  /** One sentence. */
  message: string;
}

export interface CheckOptions {
  /** For `http`; null: requests are not made. */
  fetch?: typeof fetch | null;
  timeoutMs?: number;
}

interface Query extends Pick<SeedSession, 'query'> {
  transaction<T>(body: () => Promise<T>, options: { readOnly: boolean }): Promise<T>;
}

export async function checkExpectations(
  session: Query | null,
  expectations: readonly (SeedExpectation | StatedExpectation)[],
  options: CheckOptions = {},
): Promise<ExpectationResult[]> {
  const results: ExpectationResult[] = [];
  for (const expectation of expectations) {
    try {
      results.push(await ask(session, expectation as StatedExpectation, options));
    } catch (error) {
      const { name, kind } = expectation;
      const why = reasonOf(error);
      results.push({
        name,
        kind,
        isMet: null,
        expected: '',
        actual: '',
        message: `${name} could not be asked: ${why}`,
      });
    }
  }
  return results;
}

/** fetch says only that it failed; the cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const inner = cause instanceof AggregateError ? (cause.errors[0] as Error | undefined) : cause;
  return `${error.message}: ${inner?.message || (cause as NodeJS.ErrnoException).code || 'no reason given'}`;
}

async function ask(
  session: Query | null,
  expectation: StatedExpectation,
  options: CheckOptions,
): Promise<ExpectationResult> {
  if (expectation.kind === 'http') return askHttp(expectation, options);
  if (!session) throw new Error('it needs a database');
  return session.transaction(() => askDatabase(session, expectation), { readOnly: true });
}

async function askDatabase(session: Query, expectation: StatedExpectation): Promise<ExpectationResult> {
  switch (expectation.kind) {
    case 'rows':
    case 'reach':
      return typeof expectation.sql === 'string'
        ? askCount(session, expectation, expectation.sql)
        : askReach(session, expectation);
    case 'count':
      return askCount(session, expectation, countSql(expectation));
    case 'sql':
      return askSql(session, expectation);
    case 'password':
      return askPassword(session, expectation);
    default:
      throw new Error(`"${expectation.kind}" is no kind of expectation`);
  }
}

function field(expectation: StatedExpectation, name: string): string {
  const value = expectation[name];
  if (typeof value !== 'string' || value === '') throw new Error(`it has no "${name}"`);
  return value;
}

/** A table's name from the settings: `schema.table` or `table`, quoted by chain. */
function tableName(text: string): string {
  const [first, second] = text.split('.');
  return second === undefined
    ? quoteIdentifier(first as string)
    : quoteQualified({ schema: first as string, name: second });
}

/** SQL of the project's settings, which may end in a comment. */
function whereOf(expectation: StatedExpectation): string {
  return typeof expectation.where === 'string' ? ` WHERE (${expectation.where}\n)` : '';
}

function countSql(expectation: StatedExpectation): string {
  return `SELECT count(*) AS count FROM ${tableName(field(expectation, 'table'))}${whereOf(expectation)}`;
}

function result(expectation: StatedExpectation, isMet: boolean, expected: string, actual: string): ExpectationResult {
  const { name, kind } = expectation;
  return {
    name,
    kind,
    isMet,
    expected,
    actual,
    message: isMet ? `${name}: ${actual}` : `${name}: expected ${expected}, found ${actual}`,
  };
}

/** `expected` (or `equals`), `atLeast`, `atMost`. */
async function askCount(session: Query, expectation: StatedExpectation, sql: string): Promise<ExpectationResult> {
  const { rows } = await session.query<Record<string, unknown>>(sql, []);
  const actual = Number(Object.values(rows[0] ?? {})[0] ?? Number.NaN);
  const exact = expectation.expected ?? expectation.equals;
  const bounds: [string, boolean][] = [];
  if (exact !== undefined) bounds.push([String(exact), actual === Number(exact)]);
  if (expectation.atLeast !== undefined)
    bounds.push([`at least ${expectation.atLeast}`, actual >= Number(expectation.atLeast)]);
  if (expectation.atMost !== undefined)
    bounds.push([`at most ${expectation.atMost}`, actual <= Number(expectation.atMost)]);
  if (bounds.length === 0) bounds.push(['at least 1', actual >= 1]);
  return result(
    expectation,
    bounds.every(([, holds]) => holds),
    bounds.map(([text]) => text).join(', '),
    String(actual),
  );
}

/** `query` and `expected`: a value for one row of one column, or rows as lists of texts; without it, no row at all is expected to fail. */
async function askSql(session: Query, expectation: StatedExpectation): Promise<ExpectationResult> {
  const sql = typeof expectation.sql === 'string' ? expectation.sql : field(expectation, 'query');
  const { rows } = await session.query<Record<string, unknown>>(sql, []);
  const actual = rows.map((row) =>
    Object.values(row).map((value) =>
      value === null ? null : typeof value === 'object' ? JSON.stringify(value) : String(value),
    ),
  );
  const wanted = expectation.expected ?? expectation.equals;
  if (wanted === undefined) {
    const first = actual[0]?.[0];
    const holds = actual.length > 0 && first !== null && !['f', 'false', '0'].includes(first ?? '');
    return result(expectation, holds, 'a true answer', actual.length === 0 ? 'no row' : String(first));
  }
  const expected = Array.isArray(wanted)
    ? wanted.map((row) => (Array.isArray(row) ? row : [row]).map((value) => (value === null ? null : String(value))))
    : [[wanted === null ? null : String(wanted)]];
  return result(
    expectation,
    JSON.stringify(actual) === JSON.stringify(expected),
    JSON.stringify(expected),
    JSON.stringify(actual),
  );
}

/** Every row of `from` (with `where`) has a row in `through`, by the columns of `on` (`{ "through's column": "from's column" }`). */
async function askReach(session: Query, expectation: StatedExpectation): Promise<ExpectationResult> {
  const pairs = Object.entries((expectation.on ?? {}) as Record<string, unknown>);
  if (pairs.length === 0) throw new Error('it has no "on"');
  const join = pairs
    .map(([there, here]) => `j.${quoteIdentifier(there)} = t.${quoteIdentifier(String(here))}`)
    .join(' AND ');
  const from = `${tableName(field(expectation, 'from'))} t`;
  const where = whereOf(expectation);
  const sql = `SELECT count(*)::text AS count FROM ${from}${where}${where === '' ? ' WHERE' : ' AND'} NOT EXISTS (SELECT FROM ${tableName(field(expectation, 'through'))} j WHERE ${join})`;
  const { rows } = await session.query<{ count: string }>(sql, []);
  const left = Number(rows[0]?.count ?? Number.NaN);
  return result(expectation, left === 0, 'every row reached', `${left} ${left === 1 ? 'row' : 'rows'} without`);
}

/** `table`, `column` (default hashed_password), `where`, `password`: every row's bcrypt hash is that password's. */
async function askPassword(session: Query, expectation: StatedExpectation): Promise<ExpectationResult> {
  const column = typeof expectation.column === 'string' ? expectation.column : 'hashed_password';
  const password = field(expectation, 'password');
  const { rows } = await session.query<{ hash: string | null }>(
    `SELECT DISTINCT ${quoteIdentifier(column)}::text AS hash FROM ${tableName(field(expectation, 'table'))}${whereOf(expectation)}`,
    [],
  );
  const { default: bcrypt } = await import('bcryptjs');
  let wrong = 0;
  for (const { hash } of rows) {
    if (hash === null || !/^\$2[abxy]?\$/.test(hash)) throw new Error(`${column} holds no bcrypt hash`);
    // PHP and old Python write $2y$ and $2x$ for what $2b$ is.
    if (!(await bcrypt.compare(password, hash.replace(/^\$2[xy]\$/, '$2b$')))) wrong++;
  }
  const isMet = rows.length > 0 && wrong === 0;
  return result(
    expectation,
    isMet,
    'the password opens every row',
    rows.length === 0 ? 'no row' : wrong === 0 ? 'it does' : `${wrong} ${wrong === 1 ? 'hash' : 'hashes'} of another`,
  );
}

/** `url`, `method` (GET), `status` (200, or a list), `headers`, `body`, `contains`. */
async function askHttp(expectation: StatedExpectation, options: CheckOptions): Promise<ExpectationResult> {
  const request = options.fetch === undefined ? fetch : options.fetch;
  if (!request) throw new Error('requests are not made here');
  const body = expectation.body;
  const response = await request(field(expectation, 'url'), {
    method: typeof expectation.method === 'string' ? expectation.method : 'GET',
    headers: (expectation.headers ?? {}) as Record<string, string>,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(options.timeoutMs ?? 10_000),
    redirect: 'manual',
  });
  const statuses = (Array.isArray(expectation.status) ? expectation.status : [expectation.status ?? 200]).map(Number);
  const text = await response.text();
  const contains = typeof expectation.contains === 'string' ? expectation.contains : null;
  const hasText = contains === null || text.includes(contains);
  const isMet = statuses.includes(response.status) && hasText;
  return result(
    expectation,
    isMet,
    `${statuses.join(' or ')}${contains === null ? '' : ` with "${contains}"`}`,
    `${response.status}${hasText ? '' : ' without it'}`,
  );
}
