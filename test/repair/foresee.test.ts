/** What one fault hides is in the same plan: behind a deleted file, a parent that names nothing, a version row that lies. */
import { execFileSync } from 'node:child_process';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openScratch } from '../../src/database/index.ts';
import { diagnose } from '../../src/diagnose.ts';
import { type Foreseen, foresee, parsePlan, prepareRepair, rehearse, serializePlan } from '../../src/repair/index.ts';
import { gitEnvironment, hasGit } from '../support/fixture.ts';
import { testDatabase } from '../support/postgres.ts';
import { makeProject } from '../support/revision-files.ts';
import { settingsFor } from './settings.ts';

const revision = (id: string, parent: string | null, body: string) =>
  `from alembic import op\n\nrevision = "${id}"\ndown_revision = ${parent === null ? 'None' : `"${parent}"`}\n\n\ndef upgrade():\n    op.execute("${body}")\n\n\ndef downgrade():\n    pass\n`;
const table = (name: string, more = '') => `CREATE TABLE ${name} (id int PRIMARY KEY${more})`;

const versionRow = (id: string) =>
  `CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('${id}')`;

/** The names of the plan's steps and its stamps, and whether its rehearsal clears everything. */
async function planOf(files: Record<string, string>, sql: string, prepare = (_dir: string) => {}) {
  const project = makeProject(files);
  prepare(project.dir);
  await using database = await testDatabase({ sql });
  const settings = { ...settingsFor(project.dir), url: { text: database.url, from: '--url' as const } };
  const scratch = await openScratch({ scratchUrl: database.url });
  const live = database.connection;
  let foreseen: Foreseen | null = null;
  try {
    const options = { stepsFolder: 'migrations', allow: [], mergeDuplicates: false, seed: true };
    foreseen = await foresee(await diagnose(settings), options, { settings, scratch, live });
    const { plan, diagnosis } = foreseen;
    const rehearsal = await rehearse(plan, { settings, diagnosis, scratch, live, toolVersion: '0' });
    const head = plan.patches.find(({ file }) => file.includes('reconcile'))?.after ?? '';
    return {
      steps: plan.steps.map(({ name }) => name.replace(/^\d+_/, '').replace(/stamp_.*/, 'stamp')),
      stamps: plan.steps.flatMap(({ stamp }) => (stamp ? [[stamp.before, stamp.rows, stamp.proves]] : [])),
      head: /^revision = '(\w+)'/m.exec(head)?.[1] ?? null,
      rehearsal: [rehearsal.verdict, rehearsal.failure],
    };
  } finally {
    await foreseen?.close();
    await scratch.stop();
    project.remove();
  }
}

describe('foresee', () => {
  const boats = revision('aaaa11112222', null, table('boats'));
  const berths = revision('bbbb11112222', 'aaaa11112222', table('berths'));
  const color = revision('cccc11112222', 'bbbb11112222', 'ALTER TABLE boats ADD color text');

  it('corrects a cut version row and brings what was hidden behind it', async () => {
    const files = { 'a.py': boats, 'b.py': berths, 'c.py': color };
    const found = await planOf(files, `${table('boats')}; ${versionRow('cccc1111')}`);
    expect(found).toEqual({
      steps: ['create_berths', 'add_column_boats_color', 'stamp', 'stamp'],
      stamps: [
        [['cccc1111'], ['cccc11112222'], false],
        [['cccc11112222'], [found.head], true],
      ],
      head: expect.any(String),
      rehearsal: ['clears', null],
    });
  });

  it('settles rows that overlap, and stamps the reconciling revision once nothing is pending', async () => {
    const found = await planOf(
      { 'a.py': boats, 'b.py': berths, 'c.py': color },
      `${table('boats', ', color text')}; ${versionRow('cccc11112222')}; INSERT INTO alembic_version VALUES ('aaaa11112222')`,
    );
    expect([found.steps, found.stamps, found.rehearsal]).toEqual([
      ['create_berths', 'stamp', 'stamp'],
      [
        [['aaaa11112222', 'cccc11112222'], ['cccc11112222'], false],
        [['cccc11112222'], [found.head], true],
      ],
      ['clears', null],
    ]);
  });

  it('stamps the reconciling revision of a chain that is whole only once a parent is put right', async () => {
    const files = {
      'a.py': boats,
      '20250101_berths.py': berths,
      'c.py': revision('cccc11112222', '20250101_berths', 'ALTER TABLE boats ADD color text'),
    };
    const found = await planOf(files, `${table('boats', ', color text')}; ${versionRow('cccc11112222')}`);
    expect(found).toMatchObject({
      steps: ['create_berths', 'stamp'],
      stamps: [[['cccc11112222'], [found.head], true]],
      rehearsal: ['clears', null],
    });
  });

  it('finishes what stands of a pending revision, and moves the version row past it', async () => {
    const jetties = `${table('jetties', ', name text NOT NULL, length int')}; CREATE INDEX jetties_name ON jetties (name)`;
    const files = { 'a.py': boats, 'b.py': revision('bbbb11112222', 'aaaa11112222', jetties) };
    const half = `${table('boats')}; ${table('jetties', ', name text NOT NULL')}; ${versionRow('aaaa11112222')}`;
    const found = await planOf(files, half);
    expect(found).toEqual({
      steps: ['add_column_jetties_length', 'create_jetties_name', 'stamp', 'stamp'],
      stamps: [
        [['aaaa11112222'], ['bbbb11112222'], false],
        [['bbbb11112222'], [found.head], true],
      ],
      head: expect.any(String),
      rehearsal: ['clears', null],
    });
    const whole = await planOf(files, `${table('boats')}; ${jetties}; ${versionRow('aaaa11112222')}`);
    expect([whole.steps, whole.stamps, whole.rehearsal]).toEqual([
      ['stamp'],
      [[['aaaa11112222'], ['bbbb11112222'], false]],
      ['clears', null],
    ]);
  });

  it('moves no version row past a revision that rows keep from being made', async () => {
    const project = makeProject({
      'a.py': boats,
      'b.py': revision('bbbb11112222', 'aaaa11112222', `${table('jetties', ', name text NOT NULL, length int')}`),
    });
    await using database = await testDatabase({
      sql: `${table('boats')}; ${table('jetties', ', name text')}; INSERT INTO jetties VALUES (1, NULL); ${versionRow('aaaa11112222')}`,
    });
    const settings = { ...settingsFor(project.dir), url: { text: database.url, from: '--url' as const } };
    const scratch = await openScratch({ scratchUrl: database.url });
    try {
      const options = { stepsFolder: 'migrations', allow: [], mergeDuplicates: false, seed: true };
      const plan = await prepareRepair(await diagnose(settings), options, {
        settings,
        scratch,
        live: database.connection,
        reason: '',
        toolVersion: '0',
        progress: () => {},
      });
      expect(plan.steps).toEqual([]);
      expect(plan.left).toContainEqual({
        key: 'half-applied-revision:bbbb11112222',
        reason: expect.stringMatching(/^public\.jetties\.name would not be as bbbb11112222 states: rows contradict it/),
      });
    } finally {
      await scratch.stop();
      project.remove();
    }
  });

  it('stamps an unstamped database no further than what stands in it', async () => {
    const files = {
      'a.py': boats,
      'b.py': revision('bbbb11112222', 'aaaa11112222', 'ALTER TABLE boats ALTER id TYPE bigint'),
      'c.py': revision('cccc11112222', 'bbbb11112222', 'CREATE INDEX boats_id_desc ON boats (id DESC)'),
    };
    const before = await planOf(files, table('boats'));
    expect([before.stamps, before.rehearsal]).toEqual([[[[], ['aaaa11112222'], true]], ['clears', null]]);
    const between = await planOf(files, 'CREATE TABLE boats (id bigint PRIMARY KEY)');
    expect(between.stamps).toEqual([[[], ['bbbb11112222'], true]]);
    const after = await planOf(
      files,
      'CREATE TABLE boats (id bigint PRIMARY KEY); CREATE INDEX boats_id_desc ON boats (id DESC)',
    );
    expect(after.stamps).toEqual([[[], ['cccc11112222'], true]]);
  });

  it('moves no version row past a half-applied revision that does what leaves no sign in a schema', async () => {
    const half = {
      'a.py': boats,
      'b.py': revision('bbbb11112222', 'aaaa11112222', `${table('jetties')}; GRANT SELECT ON jetties TO PUBLIC`),
    };
    const left = await planOf(half, `${table('boats')}; ${table('jetties')}; ${versionRow('aaaa11112222')}`);
    expect([left.steps, left.rehearsal]).toEqual([[], ['leaves', null]]);
  });
});

const git = (dir: string, ...words: string[]) =>
  execFileSync('git', words, { cwd: dir, env: gitEnvironment, stdio: 'ignore' });
const commit = (dir: string) => {
  git(dir, 'init', '-q', '-b', 'main');
  git(dir, 'add', '.');
  git(dir, 'commit', '-q', '-m', 'one');
};

describe.skipIf(!hasGit())('foresee with a git history', () => {
  it('sets a version row of nowhere to what the schema matches once its missing table is back', async () => {
    const files = {
      'a.py': revision('aaaa11112222', null, table('boats')),
      'b.py': revision('bbbb11112222', 'aaaa11112222', table('berths')),
      'c.py': revision('cccc11112222', 'bbbb11112222', table('moorings', ', name text, side text, length int')),
    };
    const lost = `${table('boats')}; ${table('moorings', ', name text, side text, length int')}; ${versionRow('deadbeef0001')}`;
    const found = await planOf(files, lost, commit);
    expect(found).toEqual({
      steps: ['create_berths', 'stamp'],
      stamps: [[['deadbeef0001'], [found.head], true]],
      head: expect.any(String),
      rehearsal: ['clears', null],
    });
    // What stands there beside may be what the row's own revision made.
    const more = await planOf(files, `${lost}; ALTER TABLE boats ADD keel text`, commit);
    expect([more.steps, more.stamps]).toEqual([['create_berths'], []]);
  });

  it('restores files one behind the other, creates what they declare, and gives no password away', async () => {
    const secret = 'c0rrect-horse';
    const remote = `CREATE FUNCTION remote() RETURNS text LANGUAGE sql AS $$ SELECT 'host=h password=${secret}'::text $$`;
    const project = makeProject({
      'a.py': revision('aaaa11112222', null, table('boats')),
      'b.py': revision('bbbb11112222', 'aaaa11112222', `${table('berths')}; ${remote}`),
      'c.py': revision('cccc11112222', 'bbbb11112222', table('moorings', ', berth_id int')),
      'd.py': revision('dddd11112222', 'cccc11112222', table('bills', ', mooring_id int REFERENCES moorings (id)')),
    });
    commit(project.dir);
    for (const file of ['b.py', 'c.py']) unlinkSync(join(project.dir, 'alembic/versions', file));
    git(project.dir, 'commit', '-q', '-a', '-m', 'two');
    await using database = await testDatabase({
      sql: `${table('boats')}; ${table('bills', ', mooring_id int')};
        ${versionRow('dddd11112222')}`,
    });
    const settings = { ...settingsFor(project.dir), url: { text: database.url, from: '--url' as const } };
    const scratch = await openScratch({ scratchUrl: database.url });
    let foreseen: Foreseen | null = null;
    try {
      const diagnosis = await diagnose(settings);
      const options = { stepsFolder: 'migrations', allow: [], mergeDuplicates: false, seed: true };
      const live = database.connection;
      foreseen = await foresee(diagnosis, options, { settings, scratch, live });
      const { plan } = foreseen;
      const restored = plan.patches.filter(({ file }) => /[bc]\.py$/.test(file));
      expect(restored.map(({ file, before }) => [file, before])).toEqual([
        ['alembic/versions/b.py', null],
        ['alembic/versions/c.py', null],
      ]);
      expect(restored.map(({ after }) => after)).toEqual([
        revision('bbbb11112222', 'aaaa11112222', `${table('berths')}; ${remote}`),
        revision('cccc11112222', 'bbbb11112222', table('moorings', ', berth_id int')),
      ]);
      expect(plan.steps.map(({ name }) => name.replace(/^\d+_/, ''))).toEqual(
        expect.arrayContaining(['create_berths', 'create_moorings', 'add_bills_mooring_id_fkey']),
      );
      expect(plan.left).toContainEqual({
        key: 'function-missing:public.remote()',
        reason:
          'its statement (alembic/versions/b.py:8) states a password, which no plan and no ledger may hold: run it by hand',
      });
      expect(JSON.stringify([plan.steps, plan.patches.filter((patch) => !restored.includes(patch))])).not.toContain(
        secret,
      );
      const written = serializePlan(plan);
      expect(written).not.toContain(secret);
      const lost = [...diagnosis.history.deletedById.values()];
      const textOf = (file: string) => lost.find(({ path }) => path === file)?.content ?? null;
      expect(parsePlan(written, 'plan.json', textOf)).toEqual(plan);
      expect(foreseen.diagnosis.graph.faults).toEqual([]);
      expect(foreseen.diagnosis.projectDir).toBe(project.dir);
    } finally {
      await foreseen?.close();
      await scratch.stop();
      project.remove();
    }
  });
});
