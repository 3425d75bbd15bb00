/** A repair that edits a locked revision records it; what somebody else edited stays accused. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { copyFixture, gitEnvironment, hasGit, type ProjectCopy } from '../support/fixture.ts';
import { run } from '../support/in-process.ts';

const copies: ProjectCopy[] = [];
afterEach(() => {
  for (const copy of copies.splice(0)) copy.remove();
});

it('records the edit, so that nobody is accused of it', async () => {
  const project = copyFixture('enum-created-twice');
  copies.push(project);
  const flags = { project: project.dir, format: 'json', offline: true };
  await run('gate', { ...flags, writeLock: true });
  const before = project.read('chain.lock');
  const applied = await run('repair', { ...flags, apply: true });
  expect(applied.report().findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const after = project.read('chain.lock');
  expect(after).not.toBe(before);
  expect(after.split('\n')).toHaveLength(before.split('\n').length);
  const { findings } = (await run('gate', flags)).report();
  expect(findings.map(({ rule }) => rule)).not.toContain('applied-revision-edited');
});

it.skipIf(!hasGit())('begins a lock where a released revision loses what can never have run', async () => {
  const project = copyFixture('enum-created-twice');
  copies.push(project);
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: project.dir, env: gitEnvironment, stdio: 'ignore' });
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  git('tag', 'v1.0.0');
  const flags = { project: project.dir, format: 'json', offline: true };
  const applied = await run('repair', { ...flags, apply: true });
  expect([applied.exitCode, applied.report().findings.filter(({ severity }) => severity === 'error')]).toEqual([0, []]);
  const lock = project.read('chain.lock');
  expect(lock.split('\n').filter((line) => /^[0-9a-f]{32} /.test(line))).toHaveLength(2);
  expect(project.read('alembic/versions/8a4e6d0c1f92_create_books.py')).toContain(
    "\n    op.execute('DROP TYPE book_format')",
  );
  const edited = 'alembic/versions/3f1c9a7d2b50_create_authors.py';
  writeFileSync(project.path(edited), project.read(edited).replace('sa.Text()', 'sa.String(9)'));
  const { findings } = (await run('gate', flags)).report();
  expect(findings.map(({ key }) => key)).toContain('applied-revision-edited:3f1c9a7d2b50');
});
