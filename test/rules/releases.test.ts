/** What rules make of releases, the base ref and chain.lock; each broken project with its innocent twin. */
import { describe, expect, it } from 'vitest';
import type { KnownVersion, RevisionHistory } from '../../src/model/history.ts';
import type { UnreadableFile } from '../../src/model/revision.ts';
import { findingsOf, type Project, resultsOf } from './inputs.ts';

const hash = (upgrade: string, downgrade = 'd') => ({ upgrade, downgrade });

function version(id: string, given: Partial<KnownVersion> = {}): KnownVersion {
  return {
    ref: 'v1',
    path: `versions/${id}.py`,
    content: '',
    downRevisions: [],
    message: '',
    createDate: null,
    hash: hash('u'),
    ...given,
  };
}

const onMain = { ref: 'main', commit: 'c0ffee' };
const lock = (
  hashes: Record<string, ReturnType<typeof hash>>,
  fault: { line: number; reason: string } | null = null,
) => ({
  file: 'chain.lock',
  hashById: new Map(Object.entries(hashes)),
  fault,
});

const linear = (history: Partial<RevisionHistory>, code: Project['code'] = {}): Project => ({
  revisions: [{ id: 'a' }, { id: 'b', after: 'a' }, { id: 'c', after: 'b' }],
  history,
  code,
});

describe('unreadable-revision', () => {
  const conflict = {
    file: 'versions/b.py',
    line: 9,
    kind: 'unreadable' as const,
    reason: 'an unresolved merge marker',
  };
  const remedyOf = async (versions: KnownVersion[], fault: Partial<UnreadableFile> = {}) => {
    const [finding] = await findingsOf('unreadable-revision', {
      revisions: [{ id: 'a' }],
      unreadable: [{ ...conflict, id: null, ...fault }],
      history: { releasedVersionsById: new Map(versions.map((each) => [each.message, [each]])) },
    });
    return finding?.remedy?.actions.map((each) => ('content' in each ? each.content : each.action)) ?? null;
  };

  it('is put back as its release has it, and left to people where none tells', async () => {
    const whole = version('b', { content: 'whole', message: 'b' });
    expect(await remedyOf([version('a', { message: 'a' }), whole])).toEqual(['whole']);
    expect(await remedyOf([])).toEqual([]);
    expect(await remedyOf([{ ...whole, hash: null }])).toEqual([]);
    expect(await remedyOf([{ ...whole, path: 'versions/c.py' }])).toEqual([]);
    expect(await remedyOf([whole, { ...whole, message: 'other' }])).toEqual([]);
    // Alembic may load what only running it could tell.
    expect(await remedyOf([whole], { needsRunning: true })).toEqual([]);
  });
});

describe('revision-cycle', () => {
  const circle = (history: Partial<RevisionHistory>): Project => ({
    revisions: [
      { id: 'a', sql: 'CREATE TABLE a (id int)' },
      { id: 'b', after: 'd', sql: 'CREATE TABLE b (id int)' },
      { id: 'c', after: 'b', sql: 'CREATE TABLE c (id int)' },
      { id: 'd', after: 'c', sql: 'CREATE TABLE d (id int)' },
      { id: '0', after: 'd', sql: 'ALTER TABLE c ADD x int' },
    ],
    history,
    live: 'CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int, x int); CREATE TABLE d (id int)',
    rows: ['0'],
  });
  const released = (parentsById: Record<string, string[]>) => ({
    releasedById: new Map(Object.keys(parentsById).map((id) => [id, 'v1'])),
    releasedVersionsById: new Map(
      Object.entries(parentsById).map(([id, downRevisions]) => [id, [version(id, { downRevisions })]]),
    ),
  });

  it('is broken where a release had another parent, and is the cause of all that it brings', async () => {
    const project = circle(released({ a: [], b: ['a'], c: ['b'], d: ['c'], '0': ['d'] }));
    const rules = [
      'revision-cycle',
      'multiple-heads',
      'revision-inserted-behind',
      'unexpected-column',
      'orphan-live-table',
    ];
    const { findings } = await resultsOf(rules, project);
    expect(findings.map(({ key }) => key)).toEqual(['revision-cycle:b']);
    expect(findings[0]?.remedy?.actions).toEqual([
      { action: 'set-down-revision', revision: 'b', file: 'versions/b.py', from: 'd', to: ['a'] },
    ]);
  });

  it.each([
    ['no release knows it', {}],
    ['the releases disagree with nothing', released({ c: ['b'], d: ['c'] })],
    ['the parent it had stands behind it', released({ b: ['c'] })],
    ['the parent it had is gone', released({ b: ['gone'] })],
    ['two members had others', released({ b: ['a'], c: ['a'] })],
  ])('is left to people where %s', async (_, history) => {
    const [finding] = await findingsOf('revision-cycle', circle(history));
    expect(finding?.remedy?.kind).toBe('advice');
  });
});

describe('revision-inserted-behind', () => {
  it('judges against the base ref, and says which parents to set', async () => {
    const [finding, ...others] = await findingsOf(
      'revision-inserted-behind',
      linear({
        releasedById: new Map([
          ['a', 'main'],
          ['c', 'main'],
        ]),
        base: onMain,
      }),
    );
    expect(others).toEqual([]);
    expect(finding?.key).toBe('revision-inserted-behind:b');
    expect(finding?.message).toContain('c, which is on main');
    expect(finding?.remedy?.summary).toBe("Set b's parent to c, and c's parent back to a");
    expect(
      await findingsOf('revision-inserted-behind', linear({ releasedById: new Map([['a', 'main']]), base: onMain })),
    ).toEqual([]);
  });

  it('sees a released revision that moved behind another released one', async () => {
    const released = new Map(['a', 'b', 'c'].map((id) => [id, 'v1'] as const));
    const versions = (parent: string) => new Map([['c', [version('c', { downRevisions: [parent] })]]]);
    const moved = linear({ releasedById: released, releasedVersionsById: versions('a') });
    expect((await findingsOf('revision-inserted-behind', moved)).map(({ key, severity }) => [key, severity])).toEqual([
      ['revision-inserted-behind:c', 'warning'],
    ]);
    for (const parent of ['b', 'gone'])
      expect(
        await findingsOf(
          'revision-inserted-behind',
          linear({ releasedById: released, releasedVersionsById: versions(parent) }),
        ),
      ).toEqual([]);
  });

  it('tells a shallow clone how to learn of releases', async () => {
    const { findings, notChecked } = await resultsOf(
      ['revision-inserted-behind', 'applied-revision-edited', 'released-revision-removed', 'revision-id-reused'],
      linear({ isShallow: true }),
    );
    expect(findings).toEqual([]);
    expect(notChecked).toHaveLength(4);
    for (const { reason } of notChecked) expect(reason).toContain('git fetch --unshallow --tags');
    const based = await resultsOf(['revision-inserted-behind'], linear({ isShallow: true, base: onMain }));
    expect(based.notChecked).toEqual([]);
  });
});

describe('applied-revision-edited', () => {
  const released = (...versions: KnownVersion[]): Partial<RevisionHistory> => ({
    releasedById: new Map([['b', 'v1']]),
    releasedVersionsById: new Map([['b', versions]]),
  });

  it('sees an edit that no release has', async () => {
    const edited = linear(released(version('b')), { b: { hash: hash('other') } });
    const [finding] = await findingsOf('applied-revision-edited', edited);
    expect([finding?.key, finding?.severity]).toEqual(['applied-revision-edited:b', 'error']);
    expect(finding?.remedy?.summary).toContain('git checkout v1 -- versions/b.py');
    expect(await findingsOf('applied-revision-edited', linear(released(version('b'))))).toEqual([]);
    // A backport's tag is the newest, and carries the older text.
    const both = released(version('b', { ref: 'v2', hash: hash('other') }), version('b', { ref: 'v1.9' }));
    expect(await findingsOf('applied-revision-edited', linear(both, { b: { hash: hash('other') } }))).toEqual([]);
  });

  it('takes another way back for worth knowing only', async () => {
    const [finding] = await findingsOf(
      'applied-revision-edited',
      linear(released(version('b')), { b: { hash: hash('u', 'other') } }),
    );
    expect([finding?.severity, finding?.subject.line]).toEqual(['info', 20]);
  });

  it('believes the lock before the tags', async () => {
    const code = { b: { hash: hash('other') } };
    const accepted = { ...released(version('b')), lock: lock({ b: hash('other') }) };
    expect(await findingsOf('applied-revision-edited', linear(accepted, code))).toEqual([]);
    const [finding] = await findingsOf('applied-revision-edited', linear({ lock: lock({ b: hash('u') }) }, code));
    expect(finding?.message).toContain('is locked in chain.lock');
    const broken = await resultsOf(
      ['applied-revision-edited'],
      linear({ lock: lock({}, { line: 3, reason: 'an unresolved merge conflict' }) }),
    );
    expect(broken.notChecked[0]?.reason).toMatch(/^chain\.lock:3 cannot be read \(an unresolved merge conflict\)/);
  });
});

describe('revision-id-reused', () => {
  const other = version('b', { path: 'versions/b_other.py', createDate: '2026-01-01', hash: hash('other') });
  const project = (given: Partial<RevisionHistory>, createDate = '2026-02-02'): Project => ({
    revisions: [{ id: 'a' }, { id: 'b', after: 'a', createDate }],
    history: { releasedById: new Map([['b', 'v1']]), ...given },
  });

  it('sees another migration under the id, and no edit of it', async () => {
    const reused = project({ releasedVersionsById: new Map([['b', [other]]]) });
    const { findings } = await resultsOf(['revision-id-reused', 'applied-revision-edited'], reused);
    expect(findings.map(({ key, severity }) => [key, severity])).toEqual([['revision-id-reused:b', 'error']]);
    for (const same of [
      { ...other, path: 'versions/b.py' },
      { ...other, hash: hash('u') },
    ])
      expect(
        await findingsOf('revision-id-reused', project({ releasedVersionsById: new Map([['b', [same]]]) })),
      ).toEqual([]);
    expect(
      await findingsOf(
        'revision-id-reused',
        project({ releasedVersionsById: new Map([['b', [other]]]) }, '2026-01-01'),
      ),
    ).toEqual([]);
  });

  it('proposes no renaming by what the other migration may have made', async () => {
    const renamed: Project = {
      revisions: [
        { id: 'a', sql: 'CREATE TABLE t (id int)' },
        { id: 'b', after: 'a', sql: 'CREATE TABLE masts (id int, height int, wood text)', createDate: '2026-02-02' },
      ],
      live: 'CREATE TABLE t (id int); CREATE TABLE poles (id int, height int, wood text)',
      rows: ['b'],
    };
    const told = async (history: Partial<RevisionHistory>) =>
      (await findingsOf('object-renamed', { ...renamed, history })).map(({ severity, remedy }) => [
        severity,
        remedy?.actions.length,
      ]);
    const releasedById = new Map([['b', 'v1']]);
    expect(await told({ releasedById })).toEqual([['error', 1]]);
    expect(await told({ releasedById, releasedVersionsById: new Map([['b', [other]]]) })).toEqual([['warning', 0]]);
  });

  it('only suspects a branch', async () => {
    const [finding] = await findingsOf(
      'revision-id-reused',
      project({ elsewhereVersionsById: new Map([['b', [{ ...other, ref: 'origin/x' }]]]) }),
    );
    expect([finding?.severity, finding?.certainty]).toEqual(['warning', 'suspected']);
  });
});

describe('released-revision-removed', () => {
  it('counts what the lock holds', async () => {
    const [finding] = await findingsOf(
      'released-revision-removed',
      linear({ lock: lock({ a: hash('u'), z: hash('u') }) }),
    );
    expect([finding?.key, finding?.severity]).toEqual(['released-revision-removed:z', 'error']);
    expect(finding?.message).toContain('z is in chain.lock');
  });
});

describe('missing-parent-revision', () => {
  const behind = (versions: [string, KnownVersion[]][]): Project => ({
    revisions: [{ id: 'a' }, { id: 'd', after: 'c' }],
    history: {
      elsewhereById: new Map([['c', ['feature']]]),
      elsewhereVersionsById: new Map(versions),
    },
  });

  it('brings the file, and what it stands on, over from the ref that has it', async () => {
    const c = version('c', { ref: 'feature', downRevisions: ['b'], content: 'C' });
    const b = version('b', { ref: 'feature', downRevisions: ['a'], content: 'B' });
    const [finding] = await findingsOf(
      'missing-parent-revision',
      behind([
        ['c', [c]],
        ['b', [b]],
      ]),
    );
    expect(finding?.remedy?.summary).toBe(
      'Bring versions/c.py and versions/b.py over from feature: `git checkout feature -- versions/c.py versions/b.py`',
    );
    expect(finding?.remedy?.actions.map((action) => action.action === 'restore-file' && action.content)).toEqual([
      'C',
      'B',
    ]);
    const [advised] = await findingsOf('missing-parent-revision', behind([['c', [c]]]));
    expect(advised?.remedy?.kind).toBe('advice');
  });
});
