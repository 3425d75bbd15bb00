/** Rules that look at the code of revisions, at locks and at endpoints; each broken project with its innocent twin. */
import { describe, expect, it } from 'vitest';
import { findingsOf, type Project, resultsOf } from './inputs.ts';

describe('non-transactional-in-transaction', () => {
  const concurrently = (given: Partial<Project> = {}): Project => ({
    revisions: [
      { id: 'a', sql: 'CREATE TABLE t (id integer)' },
      { id: 'b', after: 'a', sql: 'CREATE INDEX CONCURRENTLY i ON t (id)' },
    ],
    env: { makesEngine: true },
    ...given,
  });

  it('sees CREATE INDEX CONCURRENTLY, VACUUM in the transaction of the upgrade', async () => {
    const [finding] = await findingsOf('non-transactional-in-transaction', concurrently());
    expect([finding?.key, finding?.severity]).toEqual(['non-transactional-in-transaction:b', 'error']);
    expect(finding?.message).toContain('CREATE INDEX CONCURRENTLY i');
    const vacuum = { revisions: [{ id: 'a', sql: 'VACUUM' }], env: { makesEngine: true } };
    expect(await findingsOf('non-transactional-in-transaction', vacuum)).toHaveLength(1);
  });

  it('leaves alone who sees to transactions himself, and only suspects an engine made elsewhere', async () => {
    const rule = 'non-transactional-in-transaction';
    expect(await findingsOf(rule, concurrently({ env: { autocommits: true } }))).toEqual([]);
    expect(await findingsOf(rule, concurrently({ code: { b: { managesTransaction: true } } }))).toEqual([]);
    const inBlock = concurrently({
      revisions: [
        {
          id: 'a',
          operations: ({ origin }) => [
            {
              kind: 'dropIndex',
              index: { schema: null, name: 'i' },
              concurrently: true,
              outsideTransaction: true,
              inAutocommitBlock: true,
              origin,
            },
          ],
        },
      ],
    });
    expect(await findingsOf(rule, inBlock)).toEqual([]);
    const [finding] = await findingsOf(rule, concurrently({ env: {} }));
    expect([finding?.severity, finding?.certainty]).toEqual(['warning', 'suspected']);
  });

  it('sees an enum value used in the transaction that adds it', async () => {
    const using = (sql: string): Project => ({
      revisions: [
        { id: 'a', sql: "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (m mood)" },
        { id: 'b', after: 'a', sql },
      ],
      env: { makesEngine: true },
    });
    const rule = 'non-transactional-in-transaction';
    expect(await findingsOf(rule, using("ALTER TYPE mood ADD VALUE 'glad'; UPDATE t SET m = 'glad'"))).toHaveLength(1);
    expect(await findingsOf(rule, using("ALTER TYPE mood ADD VALUE 'glad'; UPDATE t SET m = 'sad'"))).toEqual([]);
    const fresh = "CREATE TYPE m2 AS ENUM ('x'); ALTER TYPE m2 ADD VALUE 'y'; UPDATE t SET m = 'y'";
    expect(await findingsOf(rule, using(fresh))).toEqual([]);
  });
});

describe('unsafe-lock', () => {
  const pending = (sql: string, rows: number, given: Partial<Project> = {}): Project => ({
    revisions: [
      { id: 'a', sql: 'CREATE TABLE t (id integer, name text)' },
      { id: 'b', after: 'a', sql },
    ],
    live: 'CREATE TABLE t (id integer, name text)',
    rows: ['a'],
    liveFacts: () => ({ sizesByTable: new Map([['public.t', { rows, bytes: 1 }]]) }),
    ...given,
  });

  it('sees a pending revision that rewrites or reads through a large table', async () => {
    const [finding] = await findingsOf('unsafe-lock', pending('ALTER TABLE t ALTER name TYPE varchar(9)', 2e6));
    expect([finding?.key, finding?.severity]).toEqual(['unsafe-lock:public.t:b', 'warning']);
    expect(finding?.message).toContain('about 2,000,000 rows');
    const [index] = await findingsOf('unsafe-lock', pending('CREATE INDEX i ON t (id)', 2e6));
    expect(index?.remedy?.summary).toContain('CONCURRENTLY');
  });

  it('says nothing of small tables, quick acts, what ran already, or a lock_timeout', async () => {
    const index = 'CREATE INDEX i ON t (id)';
    expect(await findingsOf('unsafe-lock', pending(index, 1000))).toEqual([]);
    expect(await findingsOf('unsafe-lock', pending('ALTER TABLE t ADD z integer', 2e6))).toEqual([]);
    expect(await findingsOf('unsafe-lock', pending('CREATE INDEX CONCURRENTLY i ON t (id)', 2e6))).toEqual([]);
    expect(await findingsOf('unsafe-lock', pending(index, 2e6, { rows: ['b'] }))).toEqual([]);
    expect(await findingsOf('unsafe-lock', pending(index, 2e6, { code: { b: { setsLockTimeout: true } } }))).toEqual(
      [],
    );
    expect(await findingsOf('unsafe-lock', pending(index, 2e6, { env: { setsLockTimeout: true } }))).toEqual([]);
  });
});

describe('imports-app-code', () => {
  const importing = (module: string, names: string[] | null): Project => ({
    revisions: [{ id: 'a' }],
    models: 'CREATE TABLE users (id integer)',
    code: { a: { readImports: (isWanted) => [{ module, names, line: 7 }].filter(isWanted) } },
  });

  it('sees a model class, and nothing else of the application', async () => {
    // The models' table key stands for the class name here.
    const [finding] = await findingsOf('imports-app-code', importing('app', ['public.users']));
    expect([finding?.key, finding?.subject.line]).toEqual(['imports-app-code:a', 7]);
    expect(await findingsOf('imports-app-code', importing('app', ['GUID']))).toEqual([]);
    expect(await findingsOf('imports-app-code', importing('sqlalchemy', ['public.users']))).toEqual([]);
    expect(await findingsOf('imports-app-code', importing('app', null))).toEqual([]);
  });
});

describe('irreversible-downgrade', () => {
  const project = (sql: string, code: NonNullable<Project['code']>[string]): Project => ({
    revisions: [{ id: 'a', sql }],
    code: { a: code },
  });

  it('sees a way back that does nothing', async () => {
    const rule = 'irreversible-downgrade';
    const [finding] = await findingsOf(rule, project('CREATE TABLE t (id integer)', { downgrade: 'empty' }));
    expect([finding?.key, finding?.severity]).toEqual(['irreversible-downgrade:a', 'info']);
    for (const downgrade of ['raises', 'absent', 'stated'] as const)
      expect(await findingsOf(rule, project('CREATE TABLE t (id integer)', { downgrade }))).toEqual([]);
    for (const sql of ['UPDATE t SET a = 1', 'DROP TABLE IF EXISTS t', ''])
      expect(await findingsOf(rule, project(sql, { downgrade: 'empty' }))).toEqual([]);
  });

  it('asks no way back of what repeats what stands', async () => {
    const first = 'CREATE TABLE t (id integer PRIMARY KEY, a text UNIQUE)';
    const again = (sql: string): Project => ({
      revisions: [
        { id: 'a', sql: first },
        { id: 'b', after: 'a', sql },
      ],
      code: { a: { downgrade: 'raises' }, b: { downgrade: 'empty' } },
    });
    const repeated = 'ALTER TABLE t DROP CONSTRAINT t_a_key; ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a)';
    expect(await findingsOf('irreversible-downgrade', again(repeated))).toEqual([]);
    const [finding] = await findingsOf('irreversible-downgrade', again('ALTER TABLE t ADD COLUMN b text'));
    expect(finding?.evidence[0]?.text).toBe('ALTER TABLE t ADD COLUMN b text');
    const narrower = 'ALTER TABLE t DROP CONSTRAINT t_a_key; ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a, id)';
    expect(await findingsOf('irreversible-downgrade', again(narrower))).toHaveLength(1);
  });

  it('sees an enum left behind', async () => {
    const sql = "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (m mood)";
    const rule = 'irreversible-downgrade';
    expect((await findingsOf(rule, project(sql, { downgradeTexts: ['t'] })))[0]?.remedy?.summary).toContain(
      'DROP TYPE mood',
    );
    expect(await findingsOf(rule, project(sql, { downgradeTexts: ['DROP TYPE mood'] }))).toEqual([]);
    expect(await findingsOf(rule, project(sql, { downgradeCallsDrop: true }))).toEqual([]);
  });
});

describe('unconstrained-enumeration', () => {
  const holding = (column: string, values: Record<string, number>): Project => ({
    revisions: [{ id: 'a', sql: `CREATE TABLE t (id integer PRIMARY KEY, ${column})` }],
    live: `CREATE TABLE t (id integer PRIMARY KEY, ${column})`,
    rows: ['a'],
    answers: [
      ['FROM "t"', rowsOf(values)],
      ['FROM t', rowsOf(values)],
      ['public', rowsOf(values)],
    ],
  });
  const rowsOf = (values: Record<string, number>) =>
    Object.entries(values).map(([value, rows]) => ({ value, rows: String(rows) }));

  it('sees a few words in many rows', async () => {
    const rule = 'unconstrained-enumeration';
    const [finding] = await findingsOf(rule, holding('role text', { admin: 4, user: 400 }));
    expect([finding?.key, finding?.severity]).toEqual(['unconstrained-enumeration:public.t.role', 'info']);
    expect(finding?.remedy?.summary).toContain("CHECK (role IN ('admin', 'user')) NOT VALID");
    expect(await findingsOf(rule, holding('role text', { admin: 1, user: 4 }))).toEqual([]);
    expect(await findingsOf(rule, holding('role text', { admin: 1, '17': 400 }))).toEqual([]);
    expect(await findingsOf(rule, holding('city text', { Rome: 100, Oslo: 100 }))).toEqual([]);
    const checked = holding("role text CHECK (role IN ('admin', 'user'))", { admin: 4, user: 400 });
    expect(await findingsOf(rule, checked)).toEqual([]);
  });
});

describe('endpoint-failing', () => {
  const answered = (isMet: boolean | null): Project => ({
    endpoints: [
      {
        name: 'health',
        url: 'http://u:secret@h/x?token=secret',
        isMet,
        expected: '200',
        actual: '500',
        message: 'health could not be asked',
      },
    ],
  });

  it('says what was answered, without what is secret of the URL', async () => {
    const [finding] = await findingsOf('endpoint-failing', answered(false));
    expect([finding?.key, finding?.subject.kind]).toEqual(['endpoint-failing:health', 'endpoint']);
    expect(JSON.stringify(finding)).not.toContain('secret');
    expect(await findingsOf('endpoint-failing', answered(true))).toEqual([]);
    const unasked = await resultsOf(['endpoint-failing'], answered(null));
    expect([unasked.findings, unasked.notChecked[0]?.reason]).toEqual([[], 'health could not be asked']);
  });
});
