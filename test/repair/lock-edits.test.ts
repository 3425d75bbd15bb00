/** A repair that edits a locked revision records it; what somebody else edited stays accused. */
import { afterEach, expect, it } from 'vitest';
import { copyFixture, type ProjectCopy } from '../support/fixture.ts';
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
