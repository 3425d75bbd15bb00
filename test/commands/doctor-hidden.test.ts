/**
 * What one fault keeps from being seen (a deleted file, a version row that names nothing) is told by doctor as its consequence,
 * with what is assumed, and only where it is true then.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { gitEnvironment, hasGit } from '../support/fixture.ts';
import { run } from '../support/in-process.ts';
import { testDatabase } from '../support/postgres.ts';
import { makeProject } from '../support/revision-files.ts';

const revision = (id: string, parent: string | null, body: string) =>
  `from alembic import op\n\nrevision = "${id}"\ndown_revision = ${parent === null ? 'None' : `"${parent}"`}\n\n\ndef upgrade():\n    op.execute("${body}")\n\n\ndef downgrade():\n    pass\n`;
const table = (name: string, more = '') => `CREATE TABLE ${name} (id int PRIMARY KEY${more})`;
const stamped = (id: string) =>
  `CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('${id}')`;

const files = {
  'a.py': revision('aaaa11112222', null, table('boats')),
  'b.py': revision('bbbb11112222', 'aaaa11112222', table('berths')),
  'c.py': revision('cccc11112222', 'bbbb11112222', table('moorings', ', berth_id int')),
  'd.py': revision('dddd11112222', 'cccc11112222', 'ALTER TABLE boats ADD color text'),
};
const boats = table('boats', ', color text');
const berths = table('berths');
const moorings = table('moorings', ', berth_id int');

interface World {
  removed?: string[];
  /** Where temporary folders would be made. */
  temporary?: string;
  /** Revisions that lie beside the project. */
  beside?: Record<string, string>;
  isAbsolute?: boolean;
  sql: string;
}

async function doctor(
  made: Record<string, string>,
  { removed = [], sql, temporary, beside = {}, isAbsolute = false }: World,
) {
  const project = makeProject(made);
  const shared = `${project.dir}-shared`;
  try {
    mkdirSync(shared);
    for (const [file, text] of Object.entries(beside)) writeFileSync(join(shared, file), text);
    const locations =
      Object.keys(beside).length === 0
        ? ''
        : `version_locations = alembic/versions ${isAbsolute ? shared : `../${basename(shared)}`}\n`;
    writeFileSync(join(project.dir, 'alembic.ini'), `[alembic]\nscript_location = alembic\n${locations}`);
    if (removed.length > 0) {
      const git = (...words: string[]) =>
        execFileSync('git', words, { cwd: project.dir, env: gitEnvironment, stdio: 'ignore' });
      git('init', '-q', '-b', 'main');
      git('add', '.');
      git('commit', '-q', '-m', 'one');
      for (const file of removed) unlinkSync(join(project.dir, 'alembic/versions', file));
      git('commit', '-q', '-a', '-m', 'two');
    }
    await using database = await testDatabase({ sql });
    if (temporary !== undefined) vi.stubEnv('TMPDIR', temporary);
    const { report } = await run('doctor', { project: project.dir, url: database.url, format: 'json', scratch: false });
    return report();
  } finally {
    vi.unstubAllEnvs();
    project.remove();
    rmSync(shared, { recursive: true });
  }
}

/** The findings but infos, with what each follows from. */
async function findingsOf(made: Record<string, string>, world: World) {
  const { findings } = await doctor(made, world);
  return findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ key, certainty, causedBy }) => [key, certainty, ...causedBy]);
}

const lost = (id: string) => `missing-parent-revision:${id}`;

describe.skipIf(!hasGit())('a deleted revision', () => {
  const removed = ['b.py', 'c.py'];

  it('hides what it declares, and the one that is missing behind it', async () => {
    const { findings, summary } = await doctor(files, { removed, sql: `${boats}; ${stamped('dddd11112222')}` });
    const told = findings.filter(({ severity }) => severity !== 'info');
    expect(told.map(({ key, certainty, causedBy }) => [key, certainty, ...causedBy])).toEqual([
      [lost('cccc11112222'), 'suspected', lost('dddd11112222')],
      [lost('dddd11112222'), 'proven'],
      ['declared-table-missing:public.berths', 'suspected', lost('cccc11112222'), lost('dddd11112222')],
      ['declared-table-missing:public.moorings', 'suspected', lost('cccc11112222'), lost('dddd11112222')],
    ]);
    expect(told.map(({ message }) => /^Once \S+ (?:and 1 more are|is) put right: /.test(message))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(summary).toMatchObject({ error: 4, exitCode: 1 });
  });

  it('hides nothing where the database has it all, and takes along what is no fault once it is back', async () => {
    const sql = `${boats}; ${berths}; ${moorings}; ${stamped('dddd11112222')}`;
    expect(await findingsOf(files, { removed, sql })).toEqual([
      [lost('cccc11112222'), 'suspected', lost('dddd11112222')],
      [lost('dddd11112222'), 'proven'],
      ['orphan-live-table:public.berths', 'suspected', lost('cccc11112222'), lost('dddd11112222')],
      ['orphan-live-table:public.moorings', 'suspected', lost('dddd11112222')],
    ]);
  });
});

it('a version row that names nothing hides what lies behind it', async () => {
  const found = await findingsOf(files, { sql: `${boats}; ${stamped('dddd1111')}` });
  const cut = 'version-not-in-graph:public.alembic_version:dddd1111';
  expect(found).toEqual([
    [cut, 'proven'],
    ['declared-table-missing:public.berths', 'suspected', cut],
    ['declared-table-missing:public.moorings', 'suspected', cut],
  ]);
});

it('a revision that nobody has any more hides nothing that could be told', async () => {
  const { 'b.py': _, ...made } = files;
  const found = await findingsOf(made, { sql: `${boats}; ${moorings}; ${stamped('dddd11112222')}` });
  expect(found).toEqual([[lost('cccc11112222'), 'proven']]);
});

it('where no other look can be taken, what is hidden is not checked', async () => {
  const world = { sql: `${boats}; ${stamped('dddd1111')}`, temporary: '/nonexistent' };
  const { findings, notChecked } = await doctor(files, world);
  expect(findings.filter(({ severity }) => severity === 'error')).toHaveLength(1);
  const reason = expect.stringContaining('could not be looked for');
  expect(notChecked).toContainEqual({ rule: 'version-not-in-graph', reason });
});

it('a chain that lies outside of the project in part is looked at once, unless its copy leads there too', async () => {
  const { 'd.py': last, ...made } = files;
  const beside = { 'd.py': last, 'e.py': revision('eeee11112222', 'dddd11112222', table('oars')) };
  const world = { beside, sql: `${boats}; ${stamped('eeee1111')}` };
  const suspected = async (more: Partial<World>) =>
    (await findingsOf(made, { ...world, ...more })).flatMap(([key, certainty]) =>
      certainty === 'suspected' ? [key] : [],
    );
  expect(await suspected({})).toEqual([]);
  expect(await suspected({ isAbsolute: true })).toEqual(
    ['berths', 'moorings', 'oars'].map((name) => `declared-table-missing:public.${name}`),
  );
});
