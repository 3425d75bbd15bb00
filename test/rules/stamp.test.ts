/** Rules on where the database stands: each cause has its own answer. */
import { describe, expect, it } from 'vitest';
import type { LiveDatabase } from '../../src/model/live.ts';
import { findingsOf, resultsOf } from './inputs.ts';

const a = { id: 'aaaa1111bbbb', sql: 'CREATE TABLE a (id int PRIMARY KEY)' };
const b = { id: 'bbbb2222cccc', after: a.id, sql: 'CREATE TABLE b (id int PRIMARY KEY)' };
const c = { id: 'cccc3333dddd', after: b.id, sql: 'CREATE TABLE c (id int PRIMARY KEY)' };
const chain = { revisions: [a, b, c] };
const ab = `${a.sql}; ${b.sql}`;
const abc = `${ab}; ${c.sql}`;

it('unstamped-database: says what it looks like, and is silent on an empty database', async () => {
  const [finding] = await findingsOf('unstamped-database', { ...chain, live: ab });
  expect(finding?.key).toBe('unstamped-database:public.alembic_version');
  expect(finding?.message).toContain('it looks like revision bbbb2222cccc (100 %)');
  expect(finding?.remedy?.actions).toEqual([{ action: 'stamp-proven' }]);
  expect(await findingsOf('unstamped-database', { ...chain, live: '' })).toEqual([]);
  expect(await findingsOf('unstamped-database', { ...chain, live: ab, rows: [b.id] })).toEqual([]);
});

describe('version-rows-overlap', () => {
  it('deletes the descendant that the catalogue contradicts', async () => {
    const [finding] = await findingsOf('version-rows-overlap', { ...chain, live: ab, rows: [b.id, c.id] });
    expect(finding?.remedy?.actions).toEqual([
      { action: 'set-stamp', before: [b.id, c.id], rows: [b.id], table: 'public.alembic_version' },
    ]);
  });
  it('deletes the ancestor where the descendant ran', async () => {
    const [finding] = await findingsOf('version-rows-overlap', { ...chain, live: abc, rows: [b.id, c.id] });
    expect(finding?.remedy?.actions[0]).toMatchObject({ rows: [c.id] });
  });
  it('then compares where the rows that stay put it', async () => {
    const { findings } = await resultsOf(['declared-table-missing'], { ...chain, live: ab, rows: [b.id, c.id] });
    expect(findings).toEqual([]);
  });
  it('tells repeated rows, and nothing of a sound one', async () => {
    expect(await findingsOf('version-rows-overlap', { ...chain, live: ab, rows: [b.id, b.id] })).toHaveLength(1);
    expect(await findingsOf('version-rows-overlap', { ...chain, live: ab, rows: [b.id] })).toEqual([]);
  });
});

describe('version-not-in-graph', () => {
  const one = async (project: object) =>
    (await findingsOf('version-not-in-graph', { ...chain, live: ab, ...project }))[0];
  it('a cut id becomes the whole one', async () => {
    expect((await one({ rows: ['bbbb22'] }))?.remedy?.actions).toEqual([
      { action: 'set-stamp', before: ['bbbb22'], rows: [b.id], table: 'public.alembic_version' },
    ]);
  });
  it('cut ids that exclude each other become one row, told as an overlap too', async () => {
    const project = { ...chain, live: ab, rows: [a.id, 'bbbb22'] };
    const { findings } = await resultsOf(['version-not-in-graph', 'version-rows-overlap'], project);
    const action = { action: 'set-stamp', before: project.rows, rows: [b.id], table: 'public.alembic_version' };
    expect(findings.map(({ rule, remedy }) => [rule, remedy?.actions])).toEqual([
      ['version-not-in-graph', [action]],
      ['version-rows-overlap', [action]],
    ]);
    expect(await findingsOf('version-rows-overlap', { ...project, rows: [a.id, 'zzzz'] })).toEqual([]);
    expect(await findingsOf('version-rows-overlap', { ...project, rows: ['bbbb22'] })).toEqual([]);
  });
  it.each(['BBBB2222CCCC', ' bbbb2222cccc', 'bbbb2222cccc\n'])('%j was typed', async (row) => {
    const finding = await one({ rows: [row], history: {} });
    expect(finding?.message).toContain('the row was typed');
    expect(finding?.remedy?.actions[0]).toMatchObject({ before: [row], rows: [b.id] });
    expect(
      await findingsOf('foreign-version-row', { ...chain, live: 'CREATE TABLE flows (id int)', rows: [row] }),
    ).toEqual([]);
  });
  it('an empty row is named, and replaced where the catalogue proves what it should be', async () => {
    const finding = await one({ rows: [''] });
    expect(finding?.message).toContain('an empty row');
    expect(finding?.remedy?.actions[0]).toMatchObject({ action: 'set-stamp', rows: [b.id] });
    const unsure = await one({ rows: [''], live: `${ab}; ALTER TABLE b ADD extra int` });
    expect(unsure?.remedy).toMatchObject({ kind: 'advice', summary: expect.stringContaining('delete the empty row') });
  });
  it('a beginning of few letters is written out only where the catalogue agrees', async () => {
    expect((await one({ rows: ['bb'] }))?.remedy?.actions).toHaveLength(1);
    expect((await one({ rows: ['cc'] }))?.remedy?.actions).toEqual([]);
  });
  const deleted = {
    path: 'versions/x.py',
    commit: '0123456789abcdef',
    date: '2025-01-02',
    author: 'A',
    subject: 'clean up',
    content: '"""x"""\nrevision = "gone"',
  };
  it('a deleted file is restored', async () => {
    const finding = await one({ rows: ['gone'], history: { deletedById: new Map([['gone', deleted]]) } });
    expect(finding?.remedy?.actions[0]).toMatchObject({ action: 'restore-file', content: deleted.content });
  });
  it('a renamed id is kept', async () => {
    const content = '"""add b\n\nCreate Date: 2025-02-01 10:00:00\n"""\nrevision = "gone"';
    const renamed = { ...b, message: 'add b', createDate: '2025-02-01 10:00:00' };
    const finding = await one({
      revisions: [a, renamed, c],
      rows: ['gone'],
      history: { deletedById: new Map([['gone', { ...deleted, content }]]) },
    });
    expect(finding?.remedy?.actions).toEqual([
      { action: 'rename-revision', revision: b.id, file: 'versions/bbbb2222cccc.py', to: 'gone' },
    ]);
  });
  it('a revision that does the same and came in its place is the renamed one', async () => {
    const hash = { upgrade: 'same', downgrade: 'd' };
    const lost = { ...deleted, hash };
    const project = (commit: string) => ({
      rows: ['gone'],
      code: { [b.id]: { hash } },
      history: {
        deletedById: new Map([['gone', lost]]),
        addedByFile: new Map([a, b, c].map(({ id }) => [`versions/${id}.py`, { ...deleted, commit }])),
      },
    });
    expect((await one(project(deleted.commit)))?.remedy?.actions[0]).toMatchObject({ revision: b.id, to: 'gone' });
    expect((await one(project('another')))?.remedy?.actions[0]).toMatchObject({ action: 'restore-file' });
  });
  it('a deletion that is not committed is restored from where git has it', async () => {
    const history = { deletedById: new Map([['gone', { ...deleted, isBefore: false }]]) };
    expect((await one({ rows: ['gone'], history }))?.remedy?.summary).toContain('`git show 0123456789:versions/x.py`');
  });
  describe('squashed into a baseline', () => {
    const at = (path: string, date: string) => ({ ...deleted, path, date });
    const old = (path: string, downRevisions: string[]) => ({ ...at(path, '2025-05-02'), downRevisions });
    const squash = (rows: string[]) => ({
      revisions: [a],
      live: a.sql,
      rows,
      history: {
        releasedById: new Map([
          ['old1', 'v1'],
          ['old2', 'v1'],
        ]),
        deletedById: new Map([
          ['old1', old('versions/1.py', [])],
          ['old2', old('versions/2.py', ['old1'])],
        ]),
        // The baseline came first, and a later commit took the old files away.
        addedByFile: new Map([
          ['versions/1.py', at('versions/1.py', '2025-01-01')],
          ['versions/2.py', at('versions/2.py', '2025-01-02')],
          [`versions/${a.id}.py`, at('', '2025-05-01')],
        ]),
      },
    });
    it('the last id becomes the baseline’s', async () => {
      const { findings } = await resultsOf(['released-revision-removed', 'version-not-in-graph'], squash(['old2']));
      const action = { action: 'rename-revision', revision: a.id, file: `versions/${a.id}.py`, to: 'old2' };
      expect(
        findings.map(({ rule, subject, severity, remedy }) => [rule, subject.revision, severity, remedy?.actions]),
      ).toEqual([
        ['released-revision-removed', 'old2', 'error', [action]],
        ['version-not-in-graph', undefined, 'error', [action]],
        ['released-revision-removed', 'old1', 'info', undefined],
      ]);
    });
    it('a database between goes to the last one first', async () => {
      const finding = (await findingsOf('version-not-in-graph', squash(['old1'])))[0];
      expect(finding?.remedy).toMatchObject({ actions: [], summary: expect.stringContaining('to old2 first') });
    });
  });
  it('a file outside the version locations is named, whatever git says', async () => {
    const history = { deletedById: new Map([['gone', deleted]]) };
    const strayFileById = new Map([['gone', 'plugin/versions/gone.py']]);
    const finding = await one({ rows: ['gone'], history, stamp: { strayFileById } });
    expect(finding?.remedy).toMatchObject({
      actions: [],
      summary: expect.stringContaining('Add plugin/versions to version_locations'),
    });
  });
  it('where a version location is not there, nothing is stamped by likeness', async () => {
    const finding = await one({ rows: ['zzzz'], history: {}, stamp: { absentLocations: ['lost/versions'] } });
    expect(finding?.remedy?.actions).toEqual([]);
    expect(finding?.evidence.map(({ text }) => text).join()).toContain('lost/versions');
  });
  it('a newer ref has it: nothing is done', async () => {
    const project = { ...chain, live: ab, rows: ['new1'], history: { elsewhereById: new Map([['new1', ['v2']]]) } };
    const { findings } = await resultsOf(['database-ahead-of-code', 'version-not-in-graph'], project);
    expect(findings.map((finding) => [finding.rule, finding.remedy?.actions])).toEqual([
      ['database-ahead-of-code', []],
      ['version-not-in-graph', []],
    ]);
    expect(findings[1]?.causedBy).toEqual(['database-ahead-of-code:public.alembic_version:new1']);
  });
  it('nothing fits: the exact likeness is stamped, a partial one only told', async () => {
    expect((await one({ rows: ['zzzz'], history: {} }))?.remedy?.actions[0]).toMatchObject({
      action: 'set-stamp',
      rows: [b.id],
    });
    expect(
      (await one({ rows: ['zzzz'], history: {}, live: `${ab}; ALTER TABLE b ADD extra int` }))?.remedy?.actions,
    ).toEqual([]);
  });
});

describe('version-table-unusable', () => {
  const found = (versionTable: object, rows: string[] = []) =>
    findingsOf('version-table-unusable', { ...chain, live: ab, rows, versionTable });
  it('says why, and what would make it one', async () => {
    const [other] = await found({ rows: null, problem: 'its version_num is integer, and an id is text' });
    expect(other?.remedy?.summary).toContain('ALTER COLUMN version_num TYPE varchar(32)');
    const [none] = await found({ rows: null, problem: 'it has no column version_num' });
    expect(none?.remedy?.summary).toContain('RENAME TO alembic_version_old');
  });
  it('tells rows that are NULL: an error where there is no other row', async () => {
    expect((await found({ nullRows: 1 }))[0]).toMatchObject({ severity: 'error' });
    expect((await found({ nullRows: 2 }, [b.id]))[0]).toMatchObject({ severity: 'warning' });
  });
  it('is silent on a sound one', async () => {
    expect(await found({}, [b.id])).toEqual([]);
  });
});

describe('unstamped-database, where another schema has the row', () => {
  const other = (live: LiveDatabase, rows: string[]): Partial<LiveDatabase> => ({
    versionTables: [
      { ...versionTable, key: 'tenant.alembic_version', namespace: 'tenant', rows, isResolved: false },
      ...live.versionTables,
    ],
  });
  const versionTable: LiveDatabase['versionTables'][number] = {
    ...{ key: '', namespace: '', name: 'alembic_version', owner: 'app', width: 32, hasPrimaryKey: true, nullRows: 0 },
    ...{ rows: [], isFiltered: false, problem: null, isResolved: false },
  };
  const summary = async (live: string, rows: string[]) =>
    (await findingsOf('unstamped-database', { ...chain, live, liveFacts: (facts) => other(facts, rows) }))[0]?.remedy;
  it('leads there and stamps nothing', async () => {
    expect(await summary(ab, [b.id])).toMatchObject({
      actions: [],
      summary: expect.stringContaining("version_table_schema='tenant'"),
    });
  });
  it('leads to where the tables themselves are', async () => {
    const moved = (facts: LiveDatabase): Partial<LiveDatabase> => ({
      versionTables: [{ ...versionTable, key: 'public.alembic_version', namespace: 'public', rows: [b.id] }],
      schema: facts.schema,
    });
    const project = { ...chain, live: ab, liveFacts: moved, env: { versionTableSchema: 'svc' } };
    const [finding] = await findingsOf('unstamped-database', project);
    expect(finding?.message).toContain('its version row is in public.alembic_version');
    expect(finding?.remedy).toMatchObject({ actions: [], summary: expect.stringContaining("='public'") });
  });
  it('keeps away from another chain, and from a copy of this one', async () => {
    const stamps = [{ action: 'stamp-proven' }];
    expect((await summary(ab, ['ffff']))?.actions).toEqual(stamps);
    expect((await summary(`${ab}; CREATE TABLE tenant.a (id int PRIMARY KEY)`, [b.id]))?.actions).toEqual(stamps);
  });
});

it("foreign-version-row: another application's row is never touched", async () => {
  const project = { ...chain, live: 'CREATE TABLE flows (id int)', rows: ['7903a818df74'], history: {} };
  const [finding] = await findingsOf('foreign-version-row', project);
  expect(finding?.remedy).toMatchObject({ safety: 'never-automatic', actions: [] });
  // It is reached in the first schema already: another one would not help.
  expect(finding?.remedy?.summary).toContain("version_table='alembic_version_own'");
  expect(await findingsOf('foreign-version-row', { ...project, live: ab })).toEqual([]);
});

it('pending-revisions: after the stamp alone', async () => {
  const [finding] = await findingsOf('pending-revisions', { ...chain, live: ab, rows: [b.id] });
  expect(finding).toMatchObject({ severity: 'info' });
  expect(finding?.message).toContain(c.id);
  expect(await findingsOf('pending-revisions', { ...chain, live: abc, rows: [c.id] })).toEqual([]);
});

it('half-applied-revision: what stands of the next one, and what does not', async () => {
  const base = { id: 'base1', sql: 'CREATE TABLE users (id int PRIMARY KEY, email text)' };
  const next = {
    id: 'next2',
    after: 'base1',
    sql: `ALTER TABLE users ADD org int;
CREATE TABLE orgs (id int);
CREATE TYPE mood AS ENUM ('ok');
CREATE INDEX ix ON users (email);
ALTER TABLE users ADD CONSTRAINT ck CHECK (org > 0)`,
  };
  const last = { id: 'last3', after: 'next2', sql: 'CREATE TABLE later (id int)' };
  const project = { revisions: [base, next, last], rows: ['base1'] };
  const asked = (live: string) => findingsOf('half-applied-revision', { ...project, live });
  expect(await asked(base.sql)).toEqual([]);
  // What another revision makes is not of the next one.
  expect(await asked(`${base.sql}; ${last.sql}`)).toEqual([]);
  const [half, ...others] = await asked(
    `${base.sql}; ALTER TABLE users ADD org int; CREATE TABLE orgs (id int); CREATE INDEX ix ON users (email)`,
  );
  expect(others).toEqual([]);
  expect(half).toMatchObject({ severity: 'error', certainty: 'proven', subject: { name: 'next2' } });
  expect(half?.message).toContain('3 of the 5');
  expect(half?.evidence.map(({ origin, text }) => [origin, text])).toEqual([
    ['live', 'stands: column public.users.org'],
    ['live', 'stands: index public.users.ix'],
    ['live', 'stands: table public.orgs'],
    ['declared', 'not there: constraint public.users.ck'],
    ['declared', 'not there: enum public.mood'],
  ]);
  expect(half?.remedy).toMatchObject({
    summary: 'Make what is lacking still, and move the version row on to next2',
    actions: [{ action: 'set-stamp', before: ['base1'], rows: ['next2'] }],
  });
  // Whether rows were touched the catalogue does not tell.
  const revisions = [base, { ...next, sql: `${next.sql};\nUPDATE users SET org = 1` }, last];
  const [told] = await findingsOf('half-applied-revision', {
    ...project,
    revisions,
    live: `${base.sql}; CREATE TABLE orgs (id int)`,
  });
  expect(told?.remedy).toMatchObject({ kind: 'advice', summary: expect.stringContaining('DROP TABLE public.orgs') });
  expect(told?.evidence.at(-1)?.text).toBe('whether this ran, the catalogue does not tell');
  const [whole] = await asked(`${base.sql}; ${next.sql}`);
  expect(whole?.message).toContain('All that next2 makes');
  // A guarded statement does not fail where its object stands.
  const guarded = { ...next, sql: 'CREATE TABLE IF NOT EXISTS orgs (id int)' };
  const live = `${base.sql}; CREATE TABLE orgs (id int)`;
  expect(await findingsOf('half-applied-revision', { ...project, revisions: [base, guarded], live })).toEqual([]);
});

it('half-applied-revision: what it drops, changes and adds to a type is told with it, and not as missing', async () => {
  const base = {
    id: 'base1',
    sql: `CREATE TABLE users (id int PRIMARY KEY, email text, org int NOT NULL);
CREATE TABLE gone (id int PRIMARY KEY);
CREATE TABLE lost (id int PRIMARY KEY);
CREATE INDEX ix ON users (email);
CREATE TYPE mood AS ENUM ('ok')`,
  };
  const next = {
    id: 'next2',
    after: 'base1',
    sql: `ALTER TYPE mood ADD VALUE 'bad';
DROP TABLE gone;
DROP INDEX ix;
ALTER TABLE users DROP COLUMN email;
ALTER TABLE users ALTER COLUMN org TYPE bigint;
CREATE TABLE orgs (id int)`,
  };
  const project = { revisions: [base, next], rows: ['base1'] };
  const rules = [
    'half-applied-revision',
    'declared-table-missing',
    'declared-column-missing',
    'column-type-altered',
    'index-missing',
    'enum-altered',
  ];
  const half = `${base.sql}; ${next.sql.replace(/;\nCREATE TABLE orgs.*/, '')}; DROP TABLE lost`;
  const { findings } = await resultsOf(rules, { ...project, live: half });
  expect(findings.map(({ key }) => key)).toEqual(['half-applied-revision:next2', 'declared-table-missing:public.lost']);
  expect(findings[0]?.evidence.map(({ text }) => text)).toEqual([
    'stands: value public.mood.bad',
    'gone as it states: table public.gone',
    'gone as it states: column public.users.email',
    'changed as it states: column public.users.org',
    'gone as it states: index public.users.ix',
    'not there: table public.orgs',
  ]);
  expect(findings[0]?.remedy?.summary).toContain('move the version row on to next2');
  // What it takes away and stands still, only the revision itself takes away.
  const stands = half.replace('DROP TABLE gone;', '').replace('DROP COLUMN email', 'ALTER COLUMN email DROP NOT NULL');
  const [left] = await findingsOf('half-applied-revision', { ...project, live: stands });
  expect(left?.remedy?.kind).toBe('advice');
  expect(left?.remedy?.summary).toContain('Run the rest of next2 by hand');
  const guarded = { ...next, sql: "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'bad'" };
  const once = { revisions: [base, guarded], rows: ['base1'], live: `${base.sql}; ${guarded.sql}` };
  expect(await findingsOf('half-applied-revision', once)).toEqual([]);
});

it('half-applied-revision: the version row goes as far along the line as the database looks like it, and no further', async () => {
  const line = [
    { id: 'base1', sql: 'CREATE TABLE users (id int PRIMARY KEY, name text)' },
    { id: 'next2', after: 'base1', sql: 'CREATE TABLE orgs (id int PRIMARY KEY)' },
    { id: 'silent3', after: 'next2', sql: 'ALTER TABLE users ALTER COLUMN name SET NOT NULL' },
    { id: 'more4', after: 'silent3', sql: 'CREATE TABLE teams (id int PRIMARY KEY, org int, title text)' },
    {
      id: 'rows5',
      after: 'more4',
      sql: "INSERT INTO teams VALUES (1, 1, 'x'); CREATE TABLE seats (id int PRIMARY KEY)",
    },
    { id: 'last6', after: 'rows5', sql: 'CREATE TABLE desks (id int PRIMARY KEY)' },
  ];
  const upTo = (count: number) =>
    line
      .slice(0, count)
      .map(({ sql }) => sql)
      .join(';\n');
  const rowsAt = async (live: string, rows = ['base1']) => {
    const [half] = await findingsOf('half-applied-revision', { revisions: line, rows, live });
    return (
      half?.remedy?.actions.map((act) => (act.action === 'set-stamp' ? act.rows.join() : act.action)).join() ?? null
    );
  };
  expect(await rowsAt(upTo(2))).toBe('next2');
  expect(await rowsAt(upTo(4))).toBe('more4');
  expect(await rowsAt(upTo(3).replace('ALTER COLUMN name SET NOT NULL', 'ADD x int'))).toBe('next2');
  expect(await rowsAt(upTo(6))).toBe('more4');
  expect(await rowsAt(upTo(6), ['more4'])).toBe('');
  // What makes nothing stands in nobody's way.
  expect(await rowsAt(upTo(4), ['next2'])).toBe('more4');
  // Two names of one column: nobody but the revision renames.
  const renames = [
    line[0],
    { id: 'r2', after: 'base1', sql: 'CREATE TABLE orgs (id int); ALTER TABLE users RENAME name TO title' },
  ];
  const [renamed] = await findingsOf('half-applied-revision', {
    revisions: renames as typeof line,
    rows: ['base1'],
    live: `${line[0]?.sql}; CREATE TABLE orgs (id int)`,
  });
  expect(renamed?.remedy?.kind).toBe('advice');
});

it('insufficient-privileges: never "missing"', async () => {
  const project = { ...chain, live: ab, rows: [b.id], liveFacts: () => ({ unreadableTables: new Set(['public.a']) }) };
  const { findings } = await resultsOf(['insufficient-privileges', 'declared-table-missing'], project);
  expect(findings.map((finding) => finding.key)).toEqual(['insufficient-privileges:public.a']);
  expect(await findingsOf('insufficient-privileges', { ...chain, live: ab, rows: [b.id] })).toEqual([]);
});
