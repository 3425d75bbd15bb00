/** Rules on the structure of the chain and on what its revisions do, each with an innocent twin. */
import { describe, expect, it } from 'vitest';
import type { RevisionHistory } from '../../src/model/history.ts';
import type { Origin } from '../../src/model/schema.ts';
import { findingsOf, type RevisionText } from './inputs.ts';

const a = { id: 'aaaa1111bbbb', sql: 'CREATE TABLE t (id int PRIMARY KEY)', createDate: '2025-01-01 00:00:00' };
const b = { id: 'bbbb2222cccc', after: 'aaaa1111bbbb', createDate: '2025-02-01 00:00:00' };

describe('missing-parent-revision', () => {
  it('re-links to the head of the time, by date, and shows the placeholder as the other answer', async () => {
    const late = { id: 'late3333late', after: b.id, createDate: '2025-06-01 00:00:00' };
    const lost = {
      id: 'dddd4444eeee',
      after: 'ai_setup_001',
      createDate: '2025-03-01 00:00:00',
      sql: 'ALTER TABLE t ADD c int',
    };
    const [finding, ...others] = await findingsOf('missing-parent-revision', { revisions: [a, b, late, lost] });
    expect(others).toEqual([]);
    expect(finding?.key).toBe('missing-parent-revision:dddd4444eeee');
    expect(finding?.message).toContain('names parent ai_setup_001, which no file defines');
    expect(finding?.remedy?.actions).toEqual([
      {
        action: 'set-down-revision',
        revision: lost.id,
        file: 'versions/dddd4444eeee.py',
        from: 'ai_setup_001',
        to: [b.id],
      },
    ]);
    expect(finding?.evidence.map((each) => each.text).join('\n')).toContain(
      'not taken: Add a marked, empty revision ai_setup_001',
    );
  });

  it('takes the id of the file that bears the name', async () => {
    const merge = { id: '7bcf07ee658e', after: a.id, file: 'versions/20260621_merge_041_064.py' };
    const child = { id: 'eeee5555ffff', after: '20260621_merge_041_064' };
    const [finding] = await findingsOf('missing-parent-revision', { revisions: [a, merge, child] });
    expect(finding?.remedy?.summary).toContain('did you mean 7bcf07ee658e');
    expect(finding?.remedy?.actions[0]).toMatchObject({ action: 'set-down-revision', to: ['7bcf07ee658e'] });
  });

  it('restores what git has, verbatim', async () => {
    const deleted = {
      path: 'versions/x.py',
      commit: '0123456789abcdef',
      date: '2025-01-02',
      author: 'A',
      subject: 'clean up',
      content: 'revision = "gone"',
    };
    const history = { deletedById: new Map([['gone', deleted]]) };
    const [finding] = await findingsOf('missing-parent-revision', {
      revisions: [a, { id: 'child1', after: 'gone' }],
      history,
    });
    expect(finding?.remedy?.actions).toEqual([
      { action: 'restore-file', file: 'versions/x.py', content: deleted.content, commit: deleted.commit },
    ]);
  });

  it('never re-parents what the database carries: a placeholder takes the lost place', async () => {
    const project = {
      revisions: [a, { id: 'child1', after: 'gone' }],
      live: 'CREATE TABLE t (id int PRIMARY KEY)',
      rows: ['gone'],
    };
    const [finding] = await findingsOf('missing-parent-revision', project);
    expect(finding?.remedy?.actions[0]).toMatchObject({
      action: 'placeholder-revision',
      revision: 'gone',
      downRevisions: [a.id],
    });
  });

  it('is silent on a whole chain', async () => {
    expect(await findingsOf('missing-parent-revision', { revisions: [a, b] })).toEqual([]);
  });
});

describe('multiple-heads', () => {
  const c = { id: 'cccc3333dddd', after: a.id };
  it('proposes a merge of two unreleased heads', async () => {
    const [finding] = await findingsOf('multiple-heads', { revisions: [a, b, c] });
    expect(finding?.remedy?.actions).toEqual([{ action: 'merge-heads', heads: [b.id, c.id] }]);
  });
  it('re-parents the one unreleased side', async () => {
    const history = {
      releasedById: new Map([
        [a.id, 'v1'],
        [b.id, 'v1'],
      ]),
    };
    const [finding] = await findingsOf('multiple-heads', { revisions: [a, b, c], history });
    expect(finding?.remedy?.actions).toEqual([
      { action: 'set-down-revision', revision: c.id, file: 'versions/cccc3333dddd.py', from: a.id, to: [b.id] },
    ]);
  });
  it('leaves heads under labels of their own, allowed heads, and a segment that waits for its parent', async () => {
    expect(await findingsOf('multiple-heads', { revisions: [a, b, { ...c, branchLabels: ['feature'] }] })).toEqual([]);
    expect(await findingsOf('multiple-heads', { revisions: [a, b, c], allowedHeads: [c.id] })).toEqual([]);
    expect(await findingsOf('multiple-heads', { revisions: [a, { ...b, after: 'lost' }] })).toEqual([]);
  });
});

it('duplicate-revision-id: the file that closes the circle gets the new id', async () => {
  const revisions = [a, b, { ...a, file: 'versions/second.py', after: b.id }];
  const [finding, ...others] = await findingsOf('duplicate-revision-id', { revisions });
  expect(others).toEqual([]);
  expect(finding?.message).toContain('versions/aaaa1111bbbb.py');
  expect(finding?.remedy?.actions[0]).toMatchObject({ action: 'rename-revision', file: 'versions/second.py' });
  expect(await findingsOf('duplicate-revision-id', { revisions: [a, b] })).toEqual([]);
});

it('revision-cycle: prints the path, beside a healthy chain too', async () => {
  const revisions = [a, { id: 'b', after: 'c' }, { id: 'c', after: 'b' }];
  const [finding] = await findingsOf('revision-cycle', { revisions });
  expect(finding?.message).toMatch(/b → c → b|c → b → c/);
  expect(await findingsOf('revision-cycle', { revisions: [a, b] })).toEqual([]);
});

it('dangling-depends-on', async () => {
  const [finding] = await findingsOf('dangling-depends-on', { revisions: [a, { ...b, dependsOn: ['nobody'] }] });
  expect(finding?.message).toContain('depends on nobody');
  expect(await findingsOf('dangling-depends-on', { revisions: [a, { ...b, dependsOn: [a.id] }] })).toEqual([]);
});

it('unreadable-revision: a merge marker, and a parent that is the text None', async () => {
  const file = { file: 'versions/x.py', line: 3, kind: 'unreadable' as const, reason: 'an unresolved merge', id: null };
  const [finding] = await findingsOf('unreadable-revision', { revisions: [a], unreadable: [file] });
  expect(finding).toMatchObject({ subject: { kind: 'file', name: 'versions/x.py', line: 3 } });
  const [none] = await findingsOf('unreadable-revision', { revisions: [{ ...a, after: 'None' }] });
  expect(none?.remedy?.actions).toEqual([
    { action: 'set-down-revision', revision: a.id, file: 'versions/aaaa1111bbbb.py', from: 'None', to: [] },
  ]);
  expect(await findingsOf('unreadable-revision', { revisions: [a, b] })).toEqual([]);
});

it('stray-file-in-versions', async () => {
  const file = {
    file: 'versions/helpers.py',
    line: 1,
    kind: 'stray' as const,
    reason: 'it defines no revision',
    id: null,
  };
  const [finding] = await findingsOf('stray-file-in-versions', { revisions: [a], unreadable: [file] });
  expect(finding?.remedy?.actions).toEqual([
    { action: 'move-file', file: 'versions/helpers.py', to: 'alembic/helpers.py' },
  ]);
  expect(await findingsOf('stray-file-in-versions', { revisions: [a] })).toEqual([]);
});

it('revision-id-too-long: shortens, unless something made the column wider', async () => {
  const long = { id: '20251006_add_campaign_performance_metrics', after: a.id };
  const [finding] = await findingsOf('revision-id-too-long', { revisions: [a, long] });
  const [action] = finding?.remedy?.actions ?? [];
  expect(action).toMatchObject({ action: 'rename-revision', revision: long.id });
  expect(action?.action === 'rename-revision' && action.to.length <= 32).toBe(true);
  expect(await findingsOf('revision-id-too-long', { revisions: [a, long], env: { versionWidth: 64 } })).toEqual([]);
  const widening = { ...b, sql: 'ALTER TABLE alembic_version ALTER COLUMN version_num TYPE varchar(128)' };
  expect(await findingsOf('revision-id-too-long', { revisions: [a, widening, { ...long, after: b.id }] })).toEqual([]);
});

it('revision-id-too-long: a released one keeps its id, and the column becomes wider, here and for new databases', async () => {
  const long = { id: '20251006_add_campaign_performance_metrics', after: a.id };
  const history = { releasedById: new Map([[long.id, 'v1']]) };
  const actions = async (more: object = {}) => {
    const [finding] = await findingsOf('revision-id-too-long', { revisions: [a, long], history, ...more });
    return finding?.remedy?.actions.map((action) => action.action);
  };
  const env = { file: 'alembic/env.py' };
  const live = { live: a.sql, rows: [a.id] };
  expect(await actions({ env })).toEqual(['widen-version-table']);
  expect(await actions({ env, ...live })).toEqual(['widen-version-table', 'run-sql']);
  expect(await actions({ env: { ...env, versionWidth: 64 }, ...live })).toEqual(['run-sql']);
  expect(await actions({ env: { file: null } })).toEqual([]);
});

it('placeholder-revision-id: typed patterns alone', async () => {
  for (const id of ['a1b2c3d4e5f6', 'b2c3d4e5f6a7', '123456789abc', 'abcdef123456', '000000000000']) {
    expect(await findingsOf('placeholder-revision-id', { revisions: [{ ...a, id }] }), id).toHaveLength(1);
  }
  for (const id of ['2e9a5d41c7b3', '0001', '20251103_roles', 'e63b90d5f7a1', 'f2a86b0c4d97']) {
    expect(await findingsOf('placeholder-revision-id', { revisions: [{ ...a, id }] }), id).toEqual([]);
  }
});

it('placeholder-revision-id: ids counted by hand, once a chain', async () => {
  const chain = (ids: string[]) => ({
    revisions: ids.map((id, at) => ({ id, after: at === 0 ? [] : (ids[at - 1] as string) })),
  });
  const found = await findingsOf('placeholder-revision-id', chain(['001', '002_add_users', '003']));
  expect(found.map(({ key }) => key)).toEqual(['placeholder-revision-id:001:numbered']);
  expect(found[0]?.message).toContain('will both take 004');
  expect(await findingsOf('placeholder-revision-id', chain(['001', '002', 'e63b90d5f7a1']))).toEqual([]);
  expect(await findingsOf('placeholder-revision-id', chain(['20250101', '20250102', '20250103']))).toEqual([]);
});

it('placeholder-revision-id: a file name or a docstring that says otherwise is told, as an info', async () => {
  const keys = async (revision: Partial<RevisionText>) =>
    (await findingsOf('placeholder-revision-id', { revisions: [a, { ...b, ...revision }] })).map(
      ({ key, severity }) => `${key} ${severity}`,
    );
  expect(await keys({ file: 'versions/0f3c9a7d2b50_x.py' })).toEqual([
    `placeholder-revision-id:${b.id}:file-name info`,
  ]);
  expect(await keys({ file: `versions/${b.id}_x.py` })).toEqual([]);
  expect(await keys({ docstringRevises: '0f3c9a7d2b50' })).toEqual([`placeholder-revision-id:${b.id}:docstring info`]);
  for (const docstringRevises of [a.id, null, `'${a.id}'`, 'what came before, see above!'])
    expect(await keys({ docstringRevises })).toEqual([]);
});

it('placeholder-revision-id: what a database has passed keeps its id', async () => {
  const typed = { ...a, id: 'abcdef123456' };
  const child = { ...b, after: typed.id };
  const given = { revisions: [typed, child], live: a.sql, history: {} };
  const [passed] = await findingsOf('placeholder-revision-id', { ...given, rows: [child.id] });
  expect(passed?.remedy?.actions).toEqual([]);
  const [ahead] = await findingsOf('placeholder-revision-id', { ...given, rows: [] });
  expect(ahead?.remedy?.actions).toMatchObject([{ action: 'rename-revision', revision: typed.id }]);
});

it('pending-revisions: what stands before a lost parent is not said to wait', async () => {
  const lost = { ...b, id: 'dddd4444eeee', after: 'gone00000000' };
  const next = { id: 'eeee5555ffff', after: lost.id };
  const [finding] = await findingsOf('pending-revisions', { revisions: [a, lost, next], live: a.sql, rows: [lost.id] });
  expect(finding?.message).toBe('1 revision is not applied yet: eeee5555ffff.');
});

it('released-revision-removed', async () => {
  const a = { id: 'a' };
  const releasedById = new Map([
    ['a', 'v1'],
    ['gone', 'v1'],
  ]);
  const file = { path: 'versions/gone.py', commit: 'c0ffee', date: '', author: '', subject: '', content: '' };
  const deletedById = new Map([['gone', file]]);
  const removed = (history: Partial<RevisionHistory>) =>
    findingsOf('released-revision-removed', { revisions: [a], history: { releasedById, ...history } });
  const [finding] = await removed({ deletedById });
  expect([finding?.subject.name, finding?.severity, finding?.remedy?.actions[0]?.action]).toEqual([
    'gone',
    'error',
    'restore-file',
  ]);
  // This line of commits never had it: another line of releases, or a newer one.
  expect(await removed({})).toEqual([]);
  // Released without it: whoever followed the releases is past it.
  const [old] = await removed({ deletedById, lastReleaseById: new Map([['gone', 'v1']]), newestRelease: 'v2' });
  expect([old?.severity, old?.evidence.some(({ text }) => text === 'v2 was released without it')]).toEqual([
    'warning',
    true,
  ]);
});

it('revision-inserted-behind: gives the released one its parent back', async () => {
  const c = { id: 'cccc3333dddd', after: b.id };
  const history = {
    releasedById: new Map([
      [a.id, 'v1'],
      [c.id, 'v1'],
    ]),
  };
  const [finding] = await findingsOf('revision-inserted-behind', { revisions: [a, b, c], history });
  expect(finding?.remedy?.actions).toMatchObject([
    { revision: c.id, from: b.id, to: [a.id] },
    { revision: b.id, from: a.id, to: [c.id] },
  ]);
  const all = {
    releasedById: new Map([
      [a.id, 'v1'],
      [b.id, 'v1'],
    ]),
  };
  expect(await findingsOf('revision-inserted-behind', { revisions: [a, b, c], history: all })).toEqual([]);
});

it('object-created-twice: the later one goes, and its extra columns are declared', async () => {
  const twice = { ...b, sql: 'CREATE TABLE t (id int PRIMARY KEY, more text)' };
  const [finding] = await findingsOf('object-created-twice', { revisions: [a, twice] });
  expect(finding?.key).toBe('object-created-twice:public.t');
  expect(finding?.remedy?.actions.map((action) => action.action)).toEqual(['disable-operation', 'declare']);
  const dropped = { ...b, sql: 'DROP TABLE t; CREATE TABLE t (id int)' };
  expect(await findingsOf('object-created-twice', { revisions: [a, dropped] })).toEqual([]);
});

it('object-created-twice: a name that nobody wrote is sure only where its convention is known', async () => {
  const twice: RevisionText = {
    ...b,
    operations: ({ origin }) =>
      [false, true].map((unique) => ({
        kind: 'createIndex',
        table: { schema: null, name: 't' },
        index: { name: null, unique, method: 'btree', keys: [{ text: 'id', isExpression: false }] },
        origin,
      })),
  };
  const severity = async (targetMetadata: string | null) => {
    const found = await findingsOf('object-created-twice', { revisions: [a, twice], env: { targetMetadata } });
    return found.map((finding) => [finding.severity, finding.subject.name]);
  };
  expect(await severity('app:Base.metadata')).toEqual([['error', 'public.t.ix_t_id']]);
  expect(await severity(null)).toEqual([['warning', 'public.t.ix_t_id']]);
  // One that nothing leads to may have named the first, whoever wrote the second.
  const constraint = {
    ...b,
    sql: 'ALTER TABLE t ADD CONSTRAINT k UNIQUE (id); ALTER TABLE t ADD CONSTRAINT k UNIQUE (id)',
  };
  const guessed = { revisions: [a, constraint], env: { targetMetadata: null, isNamingGuessed: true } };
  expect(await findingsOf('object-created-twice', guessed)).toMatchObject([{ certainty: 'suspected' }]);
});

describe('object-created-twice on two branches', () => {
  const [x, y] = ['x', 'y'].map((id) => ({ id, after: a.id, sql: 'ALTER TABLE t ADD c int' })) as [
    RevisionText,
    RevisionText,
  ];
  const revisions = [a, x, y];
  const told = async (more: object = {}) => {
    const [finding, ...others] = await findingsOf('object-created-twice', { revisions, ...more });
    expect(others).toEqual([]);
    return finding;
  };
  const released = (...ids: string[]) => ({ history: { releasedById: new Map(ids.map((id) => [id, 'v1'])) } });

  it('takes the later one out and lets it follow the other', async () => {
    const finding = await told();
    expect([finding?.key, finding?.severity]).toEqual(['object-created-twice:public.t.c', 'error']);
    expect(finding?.remedy?.actions).toMatchObject([
      { action: 'disable-operation', operation: { origin: { revision: 'y' } } },
      { action: 'set-depends-on', revision: 'y', to: ['x'] },
    ]);
  });

  it('takes out the one that was not released', async () => {
    expect((await told(released('y')))?.remedy?.actions).toMatchObject([
      { action: 'disable-operation', operation: { origin: { revision: 'x' } } },
      { action: 'set-depends-on', revision: 'x', to: ['y'] },
    ]);
    expect((await told(released('x')))?.remedy?.actions[0]).toMatchObject({ operation: { origin: { revision: 'y' } } });
  });

  it('takes out neither where databases may stand on both sides', async () => {
    const finding = await told(released('x', 'y'));
    expect([finding?.severity, finding?.remedy?.actions]).toEqual(['error', []]);
  });

  it('only suspects it where one order works', async () => {
    const guarded = { ...x, sql: 'ALTER TABLE t ADD IF NOT EXISTS c int' };
    const [finding] = await findingsOf('object-created-twice', { revisions: [a, guarded, y] });
    expect([finding?.severity, finding?.certainty, finding?.remedy?.actions]).toEqual(['warning', 'suspected', []]);
  });
});

it('object-created-twice: only suspected where unread lines may have dropped it', async () => {
  const opaque = {
    ...b,
    operations: (at: object) => [{ kind: 'opaque', reason: 'built at run time', objects: [], ...at } as never],
  };
  const [finding] = await findingsOf('object-created-twice', {
    revisions: [a, opaque, { id: 'c', after: b.id, sql: 'CREATE TABLE t (id int)' }],
  });
  expect(finding ?? { certainty: 'suspected' }).toMatchObject({ certainty: 'suspected' });
});

it('enum-created-twice: sa.Enum beside CREATE TYPE', async () => {
  const first = { ...a, sql: "CREATE TYPE mood AS ENUM ('sad', 'ok')" };
  const implicit = {
    ...b,
    operations: ({ origin }: { origin: never }) => [
      {
        kind: 'createEnum' as const,
        name: { schema: null, name: 'mood' },
        labels: ['sad', 'ok'],
        implicit: true,
        origin,
        span: { from: 0, to: 9 },
      },
    ],
  };
  const [finding] = await findingsOf('enum-created-twice', { revisions: [first, implicit as never] });
  expect(finding?.remedy?.actions[0]).toMatchObject({ action: 'reuse-enum', enumName: 'mood' });
  expect(await findingsOf('enum-created-twice', { revisions: [first, b] })).toEqual([]);
});

it('enum-created-twice: sa.Enum both times fails only where the first ran before', async () => {
  const makes = (id: string, after: string | null) => ({
    id,
    ...(after === null ? {} : { after }),
    operations: ({ origin }: { origin: Origin }) => [
      { kind: 'createEnum' as const, name: { schema: null, name: 'mood' }, labels: ['ok'], implicit: true, origin },
    ],
  });
  const twice = [makes('a', null), makes('b', 'a')];
  const [last] = await findingsOf('enum-created-twice', { revisions: twice });
  expect(last).toMatchObject({ severity: 'error', certainty: 'proven' });
  expect(last?.message).toContain('a database that has run a before stops');
  const [passed] = await findingsOf('enum-created-twice', { revisions: [...twice, { id: 'c', after: 'b' }] });
  expect(passed).toMatchObject({ severity: 'warning', certainty: 'proven' });
});

it('if-not-exists-shape-mismatch: one finding, all columns', async () => {
  const guarded = { ...b, sql: 'CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, x int, y text)' };
  const [finding, ...others] = await findingsOf('if-not-exists-shape-mismatch', { revisions: [a, guarded] });
  expect(others).toEqual([]);
  expect(finding?.message).toContain('2 columns');
  const healed = { id: 'c', after: b.id, sql: 'ALTER TABLE t ADD x int; ALTER TABLE t ADD y text' };
  expect(await findingsOf('if-not-exists-shape-mismatch', { revisions: [a, guarded, healed] })).toEqual([]);
  const same = { ...b, sql: 'CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY)' };
  expect(await findingsOf('if-not-exists-shape-mismatch', { revisions: [a, same] })).toEqual([]);
});

it('table-never-migrated: models without any revision are told once', async () => {
  const models = [1, 2, 3, 4, 5].map((n) => `CREATE TABLE t${n} (id int PRIMARY KEY);`).join(' ');
  const [finding, ...others] = await findingsOf('table-never-migrated', { revisions: [], models });
  expect(others).toEqual([]);
  expect(finding?.message).toContain('public.t1 and 4 more tables');
  expect(finding?.evidence).toHaveLength(5);
  expect(finding?.remedy?.actions.map(({ action }) => action)).toEqual(Array(5).fill('declare'));
  expect(await findingsOf('table-never-migrated', { revisions: [], models: models.slice(0, 75) })).toHaveLength(2);
});

it('table-never-migrated: a model without a revision', async () => {
  const models = 'CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)';
  const [finding, ...others] = await findingsOf('table-never-migrated', { revisions: [a], models });
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ key: 'table-never-migrated:public.u', severity: 'error', certainty: 'proven' });
  expect(finding?.remedy?.actions[0]).toMatchObject({ action: 'declare' });
  const filtered = await findingsOf('table-never-migrated', { revisions: [a], models, env: { filtersObjects: true } });
  expect(filtered[0]).toMatchObject({ severity: 'warning', certainty: 'suspected' });
  const [none] = await findingsOf('table-never-migrated', {
    revisions: [a],
    models,
    env: { hasNoTargetMetadata: true },
  });
  expect(none).toMatchObject({ severity: 'warning', certainty: 'suspected' });
  expect(none?.evidence.at(-1)?.text).toContain('target_metadata is None');
  const sql = 'CREATE TABLE u (id int PRIMARY KEY); DROP TABLE u';
  const [dropped] = await findingsOf('table-never-migrated', {
    revisions: [a, { id: 'drops', after: a.id, sql }],
    models,
  });
  expect(dropped).toMatchObject({ severity: 'warning', remedy: { kind: 'advice', actions: [] } });
});

it('table-never-migrated: only suspected in a schema in which no revision makes anything', async () => {
  const models = 'CREATE SCHEMA marts; CREATE TABLE marts.u (id int PRIMARY KEY)';
  const [finding] = await findingsOf('table-never-migrated', { revisions: [a], models });
  expect(finding).toMatchObject({ key: 'table-never-migrated:marts.u', severity: 'warning', certainty: 'suspected' });
  const made = { ...b, sql: 'CREATE SCHEMA marts' };
  const [missing] = await findingsOf('table-never-migrated', { revisions: [a, made], models });
  expect(missing).toMatchObject({ severity: 'error', certainty: 'proven' });
});

it('chain-not-self-contained and drop-of-unowned-table', async () => {
  const [finding] = await findingsOf('chain-not-self-contained', {
    revisions: [{ ...a, sql: 'ALTER TABLE elder ADD c int' }],
  });
  expect(finding?.subject.name).toBe('public.elder');
  expect(
    await findingsOf('chain-not-self-contained', { revisions: [a, { ...b, sql: 'ALTER TABLE t ADD c int' }] }),
  ).toEqual([]);
  const [drop] = await findingsOf('drop-of-unowned-table', {
    revisions: [a, { ...b, sql: 'DROP TABLE spatial_ref_sys' }],
  });
  expect(drop?.message).toContain('which this chain never created');
  expect(await findingsOf('drop-of-unowned-table', { revisions: [a, { ...b, sql: 'DROP TABLE t' }] })).toEqual([]);
});

it('chain-not-self-contained is silent of what a line that was not read names, and suspects where it names nothing', async () => {
  const unread = (objects: { schema: null; name: string }[]) => ({
    ...a,
    operations: ({ origin }: { origin: never }) => [{ kind: 'opaque' as const, reason: 'x', objects, origin }],
  });
  const alters = { ...b, sql: 'ALTER TABLE elder ADD c int' };
  const named = unread([{ schema: null, name: 'elder' }]);
  expect(await findingsOf('chain-not-self-contained', { revisions: [named as never, alters] })).toEqual([]);
  const [finding] = await findingsOf('chain-not-self-contained', { revisions: [unread([]) as never, alters] });
  expect(finding).toMatchObject({ severity: 'warning', certainty: 'suspected' });
});

it("chain-not-self-contained knows PostGIS's own tables", async () => {
  const sql = 'ALTER TABLE t ADD c int REFERENCES spatial_ref_sys (srid)';
  expect(await findingsOf('chain-not-self-contained', { revisions: [a, { ...b, sql }] })).toEqual([]);
});

it('chain-not-self-contained tells a renamed object once', async () => {
  const sql = "ALTER TYPE mood RENAME TO mood_old; CREATE TYPE mood AS ENUM ('a'); DROP TYPE mood_old";
  const found = await findingsOf('chain-not-self-contained', { revisions: [{ ...a, sql }] });
  expect(found.map((each) => each.subject.name)).toEqual(['public.mood']);
});

describe('a chain that began on a database that was there already', () => {
  const many = ['e1', 'e2', 'e3', 'e4', 'e5'];
  const works = { ...a, sql: many.map((name) => `ALTER TABLE ${name} ADD c int;`).join(' ') };

  it('chain-not-self-contained is told once for many objects, and names each in its evidence', async () => {
    const [finding, ...others] = await findingsOf('chain-not-self-contained', { revisions: [works] });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      key: 'chain-not-self-contained:public.e1',
      severity: 'error',
      certainty: 'proven',
    });
    expect(finding?.evidence.map((item) => item.text.split(' ').pop())).toEqual(many.map((name) => `public.${name}`));
    const few = await findingsOf('chain-not-self-contained', {
      revisions: [{ ...a, sql: 'ALTER TABLE e1 ADD c int; ALTER TABLE e2 ADD c int' }],
    });
    expect(few.map((each) => each.subject.name)).toEqual(['public.e1', 'public.e2']);
  });

  it('table-never-migrated leaves out what the chain works on, and suspects the rest once', async () => {
    const models = [...many, 'm1', 'm2', 'm3', 'm4'].map((name) => `CREATE TABLE ${name} (id int);`).join(' ');
    const [finding, ...others] = await findingsOf('table-never-migrated', { revisions: [works], models });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', certainty: 'suspected' });
    expect(finding?.evidence).toHaveLength(4);
    expect(finding?.message).toContain('public.m1 and 3 more tables');
  });

  it('drop-of-unowned-table suspects many drops once', async () => {
    const drops = { ...b, sql: ['x1', 'x2', 'x3', 'x4'].map((name) => `DROP TABLE ${name};`).join(' ') };
    const [finding, ...others] = await findingsOf('drop-of-unowned-table', { revisions: [works, drops] });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: 'warning', certainty: 'suspected' });
    const owned = await findingsOf('drop-of-unowned-table', { revisions: [a, drops] });
    expect(owned).toHaveLength(4);
  });
});

it('identifier-too-long: bytes, not letters', async () => {
  const name = 'ü'.repeat(40);
  const named = (index: string) => ({
    ...b,
    operations: ({ origin }: { origin: never }) => [
      {
        kind: 'createIndex' as const,
        table: { schema: null, name: 't' },
        index: {
          name: index,
          unique: false,
          method: 'btree',
          keys: [{ text: 'id', isExpression: false }],
        },
        origin,
      },
    ],
  });
  const [finding] = await findingsOf('identifier-too-long', { revisions: [a, named(name) as never] });
  // SQLAlchemy counts 40 characters and lets it through; PostgreSQL counts 80 bytes.
  expect([finding?.severity, finding?.message.includes('80 bytes; PostgreSQL cuts it')]).toEqual(['warning', true]);
  const [refused] = await findingsOf('identifier-too-long', { revisions: [a, named('x'.repeat(64)) as never] });
  expect([refused?.severity, refused?.message.includes('SQLAlchemy refuses')]).toEqual(['error', true]);
  expect(await findingsOf('identifier-too-long', { revisions: [a, named('ü'.repeat(31)) as never] })).toEqual([]);
});

it('identifier-too-long: none where the convention makes another name of it, which SQLAlchemy cuts', async () => {
  const check = { ...b, sql: '' };
  const revisions = [
    a,
    {
      ...check,
      operations: ({ origin }: { origin: Origin }) => [
        {
          kind: 'addConstraint' as const,
          table: { schema: null, name: 't' },
          constraint: { name: 'x'.repeat(64), type: 'c' as const, columns: [], expression: 'id > 0' },
          origin,
        },
      ],
    },
  ];
  const under = (ck: string) => findingsOf('identifier-too-long', { revisions, env: { namingConvention: { ck } } });
  expect(await under('ck_%(table_name)s_%(constraint_name)s')).toEqual([]);
  expect(await under('ck_%(table_name)s_%(column_0_name)s')).toHaveLength(1);
});
