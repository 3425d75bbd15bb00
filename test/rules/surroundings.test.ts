/** Rules on code and configuration around the chain. */
import { describe, expect, it } from 'vitest';
import type { LiveDatabase } from '../../src/model/live.ts';
import { findingsOf } from './inputs.ts';

const shell = (text: string) => ({ surroundings: [{ file: 'entrypoint.sh', kind: 'shell' as const, text }] });

const python = (file: string, text: string) => ({ surroundings: [{ file, kind: 'python' as const, text }] });
const ci = (text: string) => ({ surroundings: [{ file: '.github/workflows/ci.yml', kind: 'ci' as const, text }] });
const step = (run: string) =>
  ci(`jobs:\n  test:\n    steps:\n      - run: |\n          ${run.replaceAll('\n', '\n          ')}\n`);

describe('migration-failure-swallowed', () => {
  const rule = 'migration-failure-swallowed';

  it('names the place, says how, and tells a stamp from going on', async () => {
    const [stamps] = await findingsOf(rule, shell('#!/bin/sh\nalembic upgrade head \\\n  || alembic stamp head\n'));
    expect([stamps?.subject.line, stamps?.severity]).toEqual([2, 'error']);
    expect(stamps?.message).toContain('stamps the database');
    const [goesOn] = await findingsOf(rule, shell('#!/bin/sh\nalembic upgrade head\nexec gunicorn app\n'));
    expect(goesOn?.message).toContain('no `set -e`');
    expect(goesOn?.severity).toBe('error');
    for (const sound of ['alembic upgrade head', 'alembic upgrade head || exit 1', '# alembic upgrade head || true'])
      expect(await findingsOf(rule, shell(sound)), sound).toEqual([]);
  });

  it('leaves alone a helper that somebody watches, unless it means to go on', async () => {
    const helper = (text: string) => ({ surroundings: [{ file: 'tools/reset.sh', kind: 'shell' as const, text }] });
    expect(await findingsOf(rule, helper('alembic upgrade head\necho done\n'))).toEqual([]);
    expect((await findingsOf(rule, helper('alembic upgrade head || true\n')))[0]?.severity).toBe('warning');
  });

  it('sees it in Python, and not in tests', async () => {
    const text = 'from alembic import command\ntry:\n    command.upgrade(cfg, "head")\nexcept Exception:\n    pass\n';
    expect((await findingsOf(rule, python('app/main.py', text)))[0]?.subject).toMatchObject({ line: 3 });
    expect(await findingsOf(rule, python('tests/test_x.py', text))).toEqual([]);
  });
});

describe('create-all-bypass', () => {
  const rule = 'create-all-bypass';

  it('weighs by when it runs', async () => {
    const severity = async (project: Parameters<typeof findingsOf>[1]) =>
      (await findingsOf(rule, project))[0]?.severity;
    expect(await severity(shell('python -c "Base.metadata.create_all(engine)"\nexec gunicorn app'))).toBe('error');
    expect(await severity(python('app/main.py', 'Base.metadata.create_all(engine)\n'))).toBe('error');
    expect(await severity(python('app/db.py', 'def init():\n    Base.metadata.create_all(engine)\n'))).toBe('warning');
    expect(await findingsOf(rule, shell('alembic upgrade head'))).toEqual([]);
  });

  it('knows the recipe that stamps what it makes', async () => {
    const [found] = await findingsOf(
      rule,
      python(
        'app/main.py',
        'from alembic import command\nBase.metadata.create_all(engine)\ncommand.stamp(config, "head")\n',
      ),
    );
    expect(found?.severity).toBe('warning');
    expect(found?.message).toContain('and stamps the database');
  });

  it('says it of all tests at once', async () => {
    const text = 'def db():\n    Base.metadata.create_all(engine)\n';
    const surroundings = ['tests/conftest.py', 'tests/test_a.py', 'tests/test_b.py'].map((file) => ({
      file,
      kind: 'python' as const,
      text: text + text,
    }));
    const found = await findingsOf(rule, { surroundings });
    expect(found.map(({ severity, subject }) => [severity, subject.file])).toEqual([['warning', 'tests/conftest.py']]);
    expect(found[0]?.message).toContain('and 2 more files');
  });
});

describe('vacuous-drift-check', () => {
  const rule = 'vacuous-drift-check';

  it('sees the answer thrown away', async () => {
    for (const run of ['alembic check || true', 'alembic check | tee out', 'alembic check && echo fine\npytest'])
      expect(await findingsOf(rule, step(run)), run).toHaveLength(1);
    expect(await findingsOf(rule, step('alembic check\npytest'))).toEqual([]);
    const job = (more: string) => ci(`jobs:\n  test:\n    steps:\n      - run: alembic check\n${more}`);
    expect(await findingsOf(rule, job('        continue-on-error: true\n'))).toHaveLength(1);
    expect(await findingsOf(rule, job('        continue-on-error: false\n'))).toEqual([]);
  });

  it('sees tables that the models made', async () => {
    const test = (first: string) =>
      python(
        'tests/test_drift.py',
        `from alembic import command\ndef test_drift():\n    ${first}\n    assert compare_metadata(context, Base.metadata) == []\n`,
      );
    expect(await findingsOf(rule, test('Base.metadata.create_all(engine)'))).toHaveLength(1);
    expect(await findingsOf(rule, test('command.upgrade(cfg, "head")'))).toEqual([]);
    expect(await findingsOf(rule, step('alembic stamp head\nalembic check'))).toHaveLength(1);
    expect(await findingsOf(rule, step('alembic upgrade head\nalembic check'))).toEqual([]);
  });
});

describe('concurrent-migrators', () => {
  const rule = 'concurrent-migrators';
  const compose = (replicas: number, more = '') => ({
    surroundings: [
      {
        file: 'compose.yml',
        kind: 'container' as const,
        text: `services:\n  db:\n    image: postgres\n  app:\n    image: x\n    command: sh -c "alembic upgrade head && serve"\n    deploy:\n      replicas: ${replicas}\n${more}`,
      },
    ],
  });

  it('counts the replicas of the service', async () => {
    const [finding] = await findingsOf(rule, compose(3));
    expect([finding?.subject.line, finding?.certainty]).toEqual([6, 'suspected']);
    expect(await findingsOf(rule, compose(1))).toEqual([]);
  });

  it('counts workers where the program itself migrates, and takes a lock for an answer', async () => {
    const program = (lock: string) => ({
      surroundings: [
        {
          file: 'Dockerfile',
          kind: 'container' as const,
          text: 'CMD ["gunicorn", "-w", "4", "app"]\n',
        },
        {
          file: 'app/main.py',
          kind: 'python' as const,
          text: `from alembic import command\n${lock}def create_app():\n    command.upgrade(cfg, "head")\n`,
        },
      ],
    });
    expect((await findingsOf(rule, program('')))[0]?.message).toContain('4 workers');
    expect(await findingsOf(rule, program('LOCK = "SELECT pg_advisory_lock(1)"\n'))).toEqual([]);
  });

  it('sees a pooler in transaction mode, and shows no password', async () => {
    const pooled = compose(1, '    environment:\n      DATABASE_URL: postgresql://app:sesame@db.example:6543/app\n');
    const [finding] = await findingsOf(rule, pooled);
    expect(finding?.message).toContain('db.example:6543');
    expect(JSON.stringify(finding)).not.toContain('sesame');
    const direct = compose(1, '    environment:\n      DATABASE_URL: postgresql://app:sesame@db.example:5432/app\n');
    expect(await findingsOf(rule, direct)).toEqual([]);
  });
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
  const moved = {
    ...project,
    live: 'CREATE SCHEMA other; CREATE TABLE other.t (id int)',
    env: { includeSchemas: true },
  };
  expect(await findingsOf('env-scope-too-wide', moved)).toEqual([]);
});

it('env-scope-too-wide: tables of extensions and of other chains in the schema that autogenerate looks at', async () => {
  const project = {
    revisions: [{ id: 'r1', sql: 'CREATE TABLE t (id int)' }],
    rows: ['r1'],
    live: 'CREATE TABLE t (id int); CREATE TABLE spatial_ref_sys (srid int); CREATE SCHEMA tiger; CREATE TABLE tiger.county (id int)',
    liveFacts: (live: LiveDatabase) => ({
      extensionObjects: new Set(['public.spatial_ref_sys', 'tiger.county']),
      versionTables: [
        ...live.versionTables,
        { ...live.versionTables[0]!, key: 'public.other_version', name: 'other_version', isResolved: false },
      ],
    }),
  };
  const [finding, ...more] = await findingsOf('env-scope-too-wide', project);
  expect(more).toEqual([]);
  expect(finding?.evidence.map(({ text }) => text)).toEqual([
    'public.spatial_ref_sys belongs to an extension',
    "public.other_version is another chain's version table",
  ]);
  expect(await findingsOf('env-scope-too-wide', { ...project, env: { filtersObjects: true } })).toEqual([]);
  expect(await findingsOf('env-scope-too-wide', { ...project, env: { targetMetadata: null } })).toEqual([]);
  expect(await findingsOf('env-scope-too-wide', { ...project, liveFacts: () => ({}) })).toEqual([]);
});

it('model-defined-twice needs two places', async () => {
  expect(await findingsOf('model-defined-twice', { revisions: [], models: 'CREATE TABLE t (id int)' })).toEqual([]);
});
