/** Rules on code and configuration around the chain. */
import { expect, it } from 'vitest';
import { findingsOf } from './inputs.ts';

const shell = (text: string) => ({ surroundings: [{ file: 'entrypoint.sh', kind: 'shell' as const, text }] });

it('migration-failure-swallowed: continuations joined, an exit is no swallowing', async () => {
  const [finding] = await findingsOf(
    'migration-failure-swallowed',
    shell('#!/bin/sh\nalembic upgrade head \\\n  || alembic stamp head\n'),
  );
  expect(finding?.subject.line).toBe(2);
  expect(finding?.message).toContain('stamps the database');
  expect(await findingsOf('migration-failure-swallowed', shell('alembic upgrade head || true'))).toHaveLength(1);
  for (const sound of [
    'alembic upgrade head',
    'alembic upgrade head || exit 1',
    '# alembic upgrade head || true',
    'alembic upgrade head || { echo failed; exit 1; }',
  ]) {
    expect(await findingsOf('migration-failure-swallowed', shell(sound)), sound).toEqual([]);
  }
});

it('create-all-bypass', async () => {
  expect(
    (await findingsOf('create-all-bypass', shell('python -c "Base.metadata.create_all(engine)"')))[0]?.severity,
  ).toBe('error');
  expect(await findingsOf('create-all-bypass', shell('alembic upgrade head'))).toEqual([]);
});

it('vacuous-drift-check', async () => {
  const ci = (run: string) => ({
    surroundings: [{ file: '.github/workflows/ci.yml', kind: 'ci' as const, text: `      - run: ${run}\n` }],
  });
  expect(await findingsOf('vacuous-drift-check', ci('alembic check || true'))).toHaveLength(1);
  expect(await findingsOf('vacuous-drift-check', ci('alembic check'))).toEqual([]);
});

it('concurrent-migrators', async () => {
  const compose = (replicas: number) => ({
    surroundings: [
      {
        file: 'compose.yml',
        kind: 'container' as const,
        text: `services:\n  app:\n    image: x\n    command: sh -c "alembic upgrade head && serve"\n    deploy:\n      replicas: ${replicas}\n`,
      },
    ],
  });
  expect(await findingsOf('concurrent-migrators', compose(3))).toHaveLength(1);
  expect(await findingsOf('concurrent-migrators', compose(1))).toEqual([]);
});

it('env-scope-too-wide', async () => {
  const project = {
    revisions: [{ id: 'r1', sql: 'CREATE TABLE t (id int)' }],
    rows: ['r1'],
    live: 'CREATE TABLE t (id int); CREATE SCHEMA other; CREATE TABLE other.x (id int)',
  };
  expect(await findingsOf('env-scope-too-wide', { ...project, env: { includeSchemas: true } })).toHaveLength(1);
  expect(
    await findingsOf('env-scope-too-wide', { ...project, env: { includeSchemas: true, filtersObjects: true } }),
  ).toEqual([]);
  expect(await findingsOf('env-scope-too-wide', project)).toEqual([]);
});

it('model-defined-twice needs two places', async () => {
  expect(await findingsOf('model-defined-twice', { revisions: [], models: 'CREATE TABLE t (id int)' })).toEqual([]);
});
