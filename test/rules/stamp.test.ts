/** Rules on where the database stands: each cause has its own answer. */
import { describe, expect, it } from 'vitest';
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

it("foreign-version-row: another application's row is never touched", async () => {
  const project = { ...chain, live: 'CREATE TABLE flows (id int)', rows: ['7903a818df74'], history: {} };
  const [finding] = await findingsOf('foreign-version-row', project);
  expect(finding?.remedy).toMatchObject({ safety: 'never-automatic', actions: [] });
  expect(await findingsOf('foreign-version-row', { ...project, live: ab })).toEqual([]);
});

it('pending-revisions: after the stamp alone', async () => {
  const [finding] = await findingsOf('pending-revisions', { ...chain, live: ab, rows: [b.id] });
  expect(finding).toMatchObject({ severity: 'info' });
  expect(finding?.message).toContain(c.id);
  expect(await findingsOf('pending-revisions', { ...chain, live: abc, rows: [c.id] })).toEqual([]);
});

it('insufficient-privileges: never "missing"', async () => {
  const project = { ...chain, live: ab, rows: [b.id], liveFacts: () => ({ unreadableTables: new Set(['public.a']) }) };
  const { findings } = await resultsOf(['insufficient-privileges', 'declared-table-missing'], project);
  expect(findings.map((finding) => finding.key)).toEqual(['insufficient-privileges:public.a']);
  expect(await findingsOf('insufficient-privileges', { ...chain, live: ab, rows: [b.id] })).toEqual([]);
});
