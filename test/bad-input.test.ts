/**
 * What the incident's team might do to us: half-written files, merge markers, a role without rights, a seed that fails, a lock
 * that somebody holds. Each gives one clear message, the exit code of the contract, and changes nothing.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChainRun, chain, startChain } from './support/chain.ts';
import { type Incident, openIncident } from './support/incident.ts';
import { testServer } from './support/postgres.ts';
import { type Rows, rowsOf } from './support/rows.ts';

let incident: Incident;
let rows: Rows;
beforeEach(async () => {
  incident = await openIncident();
  rows = await rowsOf(incident.database.target);
});
afterEach(() => incident[Symbol.asyncDispose]());

const project = () => ['--project', incident.project.dir];
const scratch = async () => ['--scratch-url', (await testServer()).url];
const repair = async (...args: string[]) =>
  chain(['repair', '--apply', '--yes', ...project(), ...(await scratch()), ...args]);
const doctor = async (...args: string[]) =>
  chain(['doctor', '--format', 'json', ...project(), ...(await scratch()), ...args]);

function expectOneMessage(run: ChainRun) {
  expect(run.stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
  expect(run.stderr.match(/^chain: /gm)).toHaveLength(1);
}

describe('a revision file', () => {
  const file = 'alembic/versions/b8e4f1a20c95_soft_delete_brands.py';

  it.each([
    ['half-written', (text: string) => text.slice(0, text.indexOf('batch_op.alter_column') + 30)],
    [
      'with a merge marker',
      (text: string) => text.replace(/^(revision = .*)$/m, '<<<<<<< HEAD\n$1\n=======\n$1\n>>>>>>> b'),
    ],
    ['empty', () => ''],
    ['of bytes that are no text', () => '\u0000\u0001\ufffd'],
  ])('%s is a finding, and the rest is still read', async (_, change) => {
    writeFileSync(incident.project.path(file), change(incident.project.read(file)));
    const run = await chain(['doctor', '--format', 'json', ...project(), '--offline', '--no-scratch']);
    expect(run.exitCode).toBe(1);
    const found = run.json().findings;
    expect(
      found.some(
        ({ rule, subject }) => /^(unreadable-revision|stray-file-in-versions)$/.test(rule) && subject.file === file,
      ),
    ).toBe(true);
    expect(found.map(({ key }) => key)).toContain('missing-parent-revision:8d15c2b7f3a4');
  });

  it('that cannot be read is never patched around: apply invents no head', async () => {
    writeFileSync(incident.project.path(file), '<<<<<<< HEAD\n');
    const before = incident.project.snapshot();
    const run = await repair('--url', incident.database.url);
    expect([1, 4]).toContain(run.exitCode);
    if (run.exitCode === 4) {
      expect(incident.project.snapshot()).toEqual(before);
      expect(await rowsOf(incident.database.target)).toEqual(rows);
    }
    expect(incident.project.read(file)).toBe('<<<<<<< HEAD\n');
  });
});

describe('a role without rights', () => {
  it('is told what it may not see, and nothing is called missing', async () => {
    const url = await incident.database.urlOfNewRole();
    const run = await doctor('--url', url);
    expect(run.exitCode).toBe(3);
    const missing = run.json().findings.filter(({ rule }) => rule === 'declared-table-missing');
    expect(missing.map(({ subject }) => subject.name)).toEqual(['public.tenant_roles']);
    expect(run.json().notChecked.map(({ rule }) => rule)).toContain('seed-natural-key-id-mismatch');
  });

  it('cannot apply, and nothing is changed', async () => {
    const url = await incident.database.urlOfNewRole('grant select on all tables in schema public to ROLE');
    const before = incident.project.snapshot();
    const run = await repair('--url', url);
    expect([3, 4]).toContain(run.exitCode);
    expectOneMessage(run);
    expect(incident.project.snapshot()).toEqual(before);
    expect(await rowsOf(incident.database.target)).toEqual(rows);
  });
});

describe('a seed that fails at its third statement', () => {
  const seed = `INSERT INTO seed_versions (version) VALUES ('a');
INSERT INTO seed_versions (version) VALUES ('b');
INSERT INTO seed_versions (version) VALUES (repeat('c', 40));
`;

  it('changes nothing, and says which line and why', async () => {
    rmSync(incident.project.path('scripts/seed_demo_data.sql'));
    writeFileSync(incident.project.path('scripts/seed.sql'), seed);
    const run = await chain(['seed', 'scripts/seed.sql', ...project(), '--url', incident.database.url]);
    expect(run.exitCode).toBe(4);
    expectOneMessage(run);
    expect(run.stderr).toMatch(/seed\.sql:3/);
    expect(run.stderr).toContain('value too long for type character varying(20)');
    expect(await rowsOf(incident.database.target)).toEqual(rows);
  });
});

it('two repairs at once: one works, the other is told that somebody holds the lock or that nothing is left', async () => {
  const args = ['repair', '--apply', '--yes', ...project(), '--url', incident.database.url, ...(await scratch())];
  const both = await Promise.all([startChain(args).finished, startChain(args).finished]);
  const codes = both.map(({ exitCode }) => exitCode).sort();
  expect(codes[0]).toBe(0);
  expect([0, 4]).toContain(codes[1]);
  const after = await doctor('--url', incident.database.url);
  expect(after.json().summary.error).toBe(0);
}, 120_000);
