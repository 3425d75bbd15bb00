/** Rules on seeds and the scripts that run them, with line numbers of the original file. */
import { describe, expect, it } from 'vitest';
import { findingsOf, type Project, resultsOf } from './inputs.ts';

const sql =
  'CREATE TABLE item (id int PRIMARY KEY, slug text NOT NULL UNIQUE, note text); CREATE TABLE soft (id int PRIMARY KEY, code text, gone date); CREATE UNIQUE INDEX soft_code ON soft (code) WHERE gone IS NULL';
const chain = { revisions: [{ id: 'r1', sql }] };

it('seed-missing-relation: once a table, unless the seed makes it or asks for it', async () => {
  const seed =
    "INSERT INTO nowhere (a) VALUES (1);\nINSERT INTO nowhere (a) VALUES (2);\nCREATE TABLE mine (a int);\nINSERT INTO mine (a) VALUES (1);\nINSERT INTO item (id, slug) VALUES (1, 'x');";
  const findings = await findingsOf('seed-missing-relation', { ...chain, seed });
  expect(findings.map((finding) => [finding.key, finding.subject.line])).toEqual([
    ['seed-missing-relation:public.nowhere', 1],
  ]);
});

it('seed-missing-relation: follows from the absent table', async () => {
  const project = {
    ...chain,
    seed: "INSERT INTO item (id, slug) VALUES (1, 'x');",
    live: 'CREATE TABLE soft (id int PRIMARY KEY, code text, gone date)',
    rows: ['r1'],
  };
  const { findings } = await resultsOf(['declared-table-missing', 'seed-missing-relation'], project);
  expect(findings.find((finding) => finding.rule === 'seed-missing-relation')?.causedBy).toEqual([
    'declared-table-missing:public.item',
  ]);
});

it('seed-not-null-unfilled: names the column', async () => {
  const [finding, ...others] = await findingsOf('seed-not-null-unfilled', {
    ...chain,
    seed: 'SELECT 1;\nINSERT INTO item (id, note) VALUES (1, null);',
  });
  expect(others).toEqual([]);
  expect(finding?.subject).toMatchObject({ name: 'public.item.slug', line: 2 });
  expect(
    await findingsOf('seed-not-null-unfilled', { ...chain, seed: "INSERT INTO item (id, slug) VALUES (1, 'x');" }),
  ).toEqual([]);
});

it('seed-conflict-target-unmatched: names the partial index', async () => {
  const [finding] = await findingsOf('seed-conflict-target-unmatched', {
    ...chain,
    seed: "INSERT INTO soft (id, code) VALUES (1, 'x') ON CONFLICT (code) DO NOTHING;",
  });
  expect(finding?.remedy?.summary).toContain('WHERE');
  expect(
    await findingsOf('seed-conflict-target-unmatched', {
      ...chain,
      seed: "INSERT INTO soft (id, code) VALUES (1, 'x') ON CONFLICT (code) WHERE gone IS NULL DO NOTHING;\nINSERT INTO item (id, slug) VALUES (1, 'x') ON CONFLICT (slug) DO NOTHING;",
    }),
  ).toEqual([]);
});

it('seed-not-rerunnable: no conflict clause, a key twice, a key at random', async () => {
  const bare = await findingsOf('seed-not-rerunnable', {
    ...chain,
    seed: "INSERT INTO item (id, slug) VALUES (1, 'x');",
  });
  expect(bare.map((finding) => finding.severity)).toEqual(['warning']);
  const twice = await findingsOf('seed-not-rerunnable', {
    ...chain,
    seed: "INSERT INTO item (id, slug) VALUES\n(1, 'x'),\n(1, 'y')\nON CONFLICT (id) DO UPDATE SET slug = EXCLUDED.slug;",
  });
  expect(twice.map((finding) => finding.subject.line)).toEqual([3]);
  expect(
    await findingsOf('seed-not-rerunnable', {
      ...chain,
      seed: "INSERT INTO item (id, slug) VALUES (1, 'x'), (2, 'y') ON CONFLICT (id) DO NOTHING;",
    }),
  ).toEqual([]);
});

const guarded = `DO $$
BEGIN
  IF EXISTS (SELECT FROM information_schema.tables WHERE table_name = 'extra') THEN
    INSERT INTO extra (a) VALUES (1);
  ELSE
    RAISE NOTICE 'skipped';
  END IF;
END $$;
`;

it('seed-silent-skip: asks with the schema and raises, in the given layout', async () => {
  const [finding] = await findingsOf('seed-silent-skip', { ...chain, seed: guarded });
  expect(finding?.subject.line).toBe(3);
  const action = finding?.remedy?.actions[0];
  expect(action?.action).toBe('edit-file');
  if (action?.action !== 'edit-file') return;
  let text = guarded;
  for (const edit of [...action.edits].sort((a, b) => b.from - a.from))
    text = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  expect(text).toContain("table_name = 'extra' AND table_schema = 'public')");
  expect(text).toContain("RAISE EXCEPTION 'skipped'");
  expect(await findingsOf('seed-silent-skip', { ...chain, seed: text })).toEqual([]);
});

const script = `#!/bin/bash
set -e
SEED_VERSION="1.0.0"
psql "$DATABASE_URL" -f scripts/seed.sql 2>&1 | tee log
echo "seeded successfully"
`;
const runner = (text: string) => [{ file: 'scripts/seed.sh', kind: 'shell' as const, text }];
const sound = "-- Version: 1.1.0\nINSERT INTO item (id, slug) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING;\n";

it('seed-runner-hides-errors: one finding a script, and the edit clears it', async () => {
  const [finding, ...others] = await findingsOf('seed-runner-hides-errors', {
    ...chain,
    seed: sound,
    surroundings: runner(script),
  });
  expect(others).toEqual([]);
  const action = finding?.remedy?.actions[0];
  if (action?.action !== 'edit-file') throw new Error('no edit');
  let text = script;
  for (const edit of [...action.edits].sort((a, b) => b.from - a.from))
    text = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  expect(text).toContain('psql -v ON_ERROR_STOP=1');
  expect(text).toContain('pipefail');
  expect(await findingsOf('seed-runner-hides-errors', { ...chain, seed: sound, surroundings: runner(text) })).toEqual(
    [],
  );
});

it("seed-version-inconsistent: the seed's own word counts", async () => {
  const [finding] = await findingsOf('seed-version-inconsistent', {
    ...chain,
    seed: sound,
    surroundings: runner(script),
  });
  expect(finding?.remedy?.summary).toBe('Write 1.1.0 in scripts/seed.sh');
  expect(
    await findingsOf('seed-version-inconsistent', {
      ...chain,
      seed: sound,
      surroundings: runner(script.replace('1.0.0', '1.1.0')),
    }),
  ).toEqual([]);
});

it('seed-psql-only-syntax and seed-unreadable', async () => {
  const [finding] = await findingsOf('seed-psql-only-syntax', { ...chain, seed: `\\set x 1\n${sound}` });
  expect(finding).toMatchObject({ severity: 'warning', subject: { line: 1 } });
  expect(
    await findingsOf('seed-psql-only-syntax', { ...chain, seed: `\\set x 1\n${sound}`, surroundings: runner(script) }),
  ).toEqual([]);
  expect((await findingsOf('seed-unreadable', { ...chain, seed: 'INSERT INTO item VALUES;' }))[0]?.subject.line).toBe(
    1,
  );
  expect(await findingsOf('seed-unreadable', { ...chain, seed: sound })).toEqual([]);
});

describe('seed-version-inconsistent', () => {
  it('compares the seed with the rows of the table where it keeps its version', async () => {
    const table = 'CREATE TABLE seed_versions (name text, version text, PRIMARY KEY (name))';
    const holding = (...versions: string[]): Project => ({
      revisions: [{ id: 'a', sql: table }],
      live: table,
      rows: ['a'],
      seed: "INSERT INTO seed_versions (name, version) VALUES ('demo', '1.2.0') ON CONFLICT (name) DO UPDATE SET version = excluded.version;",
      answers: [["name::text = 'demo'", versions.map((version) => ({ version }))]],
    });
    const rule = 'seed-version-inconsistent';
    const [newer] = await findingsOf(rule, holding('1.10.0'));
    expect([newer?.severity, newer?.message]).toEqual([
      'warning',
      expect.stringContaining('1.10.0 of the seed ran here'),
    ]);
    for (const versions of [['1.2.0'], ['1.1.0'], [], ['demo']])
      expect(await findingsOf(rule, holding(...versions))).toEqual([]);
  });
});
