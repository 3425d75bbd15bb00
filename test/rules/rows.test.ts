/** Rules that look at rows: what they ask, and how they judge the answers. */
import { expect, it } from 'vitest';
import { findingsOf, resultsOf } from './inputs.ts';

const tables =
  'CREATE TABLE role (id text PRIMARY KEY, name text); CREATE TABLE member (id int PRIMARY KEY, role_id text, email text)';
const key = 'ALTER TABLE member ADD CONSTRAINT member_role_fk FOREIGN KEY (role_id) REFERENCES role (id)';
const base = { revisions: [{ id: 'r1', sql: `${tables}; ${key}` }], rows: ['r1'] };

it('orphan-rows-block-fk: the values, and whether the seed brings them', async () => {
  const answers: [string, Record<string, unknown>[]][] = [['NOT EXISTS', [{ value: 'admin', rows: '2' }]]];
  const [finding] = await findingsOf('orphan-rows-block-fk', { ...base, live: tables, answers });
  expect(finding).toMatchObject({ severity: 'error', subject: { name: 'public.member.member_role_fk' } });
  expect(finding?.message).toContain('admin');
  const seed = "INSERT INTO role (id, name) VALUES ('admin', 'Admin') ON CONFLICT (id) DO NOTHING;";
  expect((await findingsOf('orphan-rows-block-fk', { ...base, live: tables, answers, seed }))[0]?.severity).toBe(
    'warning',
  );
  expect(await findingsOf('orphan-rows-block-fk', { ...base, live: tables })).toEqual([]);
});

it('duplicates-block-unique lists the groups and offers nothing by itself', async () => {
  const project = {
    revisions: [{ id: 'r1', sql: `${tables}; ALTER TABLE member ADD CONSTRAINT member_email_key UNIQUE (email)` }],
    rows: ['r1'],
    live: tables,
  };
  const answers: [string, Record<string, unknown>[]][] = [['HAVING count(*) > 1', [{ value: 'x@y', rows: '3' }]]];
  const [finding] = await findingsOf('duplicates-block-unique', { ...project, answers });
  expect(finding?.remedy).toMatchObject({ safety: 'never-automatic', actions: [] });
  expect(await findingsOf('duplicates-block-unique', project)).toEqual([]);
});

it('not-null-on-populated: a bare column to add, rows there', async () => {
  const project = {
    revisions: [{ id: 'r1', sql: `${tables}; ALTER TABLE member ADD since date NOT NULL` }],
    rows: ['r1'],
    live: tables,
  };
  const some: [string, Record<string, unknown>[]][] = [['public.member', [{ rows: '5' }]]];
  expect((await findingsOf('not-null-on-populated', { ...project, answers: some }))[0]?.subject.name).toBe(
    'public.member.since',
  );
  expect(
    await findingsOf('not-null-on-populated', { ...project, answers: [['public.member', [{ rows: '0' }]]] }),
  ).toEqual([]);
});

it('sequence-behind-max', async () => {
  const sql = 'CREATE TABLE item (id serial PRIMARY KEY)';
  const project = { revisions: [{ id: 'r1', sql }], rows: ['r1'], live: sql };
  const answer = (last: string | null) =>
    [['pg_sequences', [{ key: 'public.item.id', highest: '7', last, start: '1', step: '1', readable: true }]]] as [
      string,
      Record<string, unknown>[],
    ][];
  const [finding] = await findingsOf('sequence-behind-max', { ...project, answers: answer('3') });
  expect(finding?.message).toContain('gives 4 next');
  expect(finding?.remedy?.actions[0]).toMatchObject({ action: 'run-sql' });
  expect(await findingsOf('sequence-behind-max', { ...project, answers: answer('7') })).toEqual([]);
  expect(await findingsOf('sequence-behind-max', { ...project, answers: answer(null) })).toHaveLength(1);
  // A table without a page is not asked, unless its rows may be its heirs'.
  const empty = { sizesByTable: new Map([['public.item', { rows: 0, bytes: 0 }]]) };
  const asked = (live: string) =>
    findingsOf('sequence-behind-max', { ...project, live, liveFacts: () => empty, answers: answer(null) });
  expect(await asked(sql)).toEqual([]);
  expect(await asked(`${sql}; CREATE TABLE heir () INHERITS (item)`)).toHaveLength(1);
});

it('foreign-key-without-index', async () => {
  const live = `${tables}; ${key}`;
  expect(await findingsOf('foreign-key-without-index', { ...base, live })).toHaveLength(1);
  expect(
    await findingsOf('foreign-key-without-index', { ...base, live: `${live}; CREATE INDEX i ON member (role_id, id)` }),
  ).toEqual([]);
  // Where the revisions state one that is gone, that is the cause.
  const revisions = [{ id: 'r1', sql: `${live}; CREATE INDEX i ON member (role_id)` }];
  const rules = ['index-missing', 'foreign-key-without-index'];
  const { findings } = await resultsOf(rules, { ...base, revisions, live });
  expect(findings.map(({ rule, causedBy }) => [rule, causedBy])).toEqual([
    ['index-missing', []],
    ['foreign-key-without-index', ['index-missing:public.member.i']],
  ]);
});

const incident = `
CREATE TABLE tenant (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (id text PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE brand (id text PRIMARY KEY, tenant_id text REFERENCES tenant (id), name text);
CREATE TABLE brand_member (brand_id text REFERENCES brand (id), user_id text REFERENCES users (id), PRIMARY KEY (brand_id, user_id));
`;
const seed = `
INSERT INTO users (id, email) VALUES ('user-demo', 'demo@x.y'), ('user-2', 'two@x.y') ON CONFLICT (email) DO UPDATE SET email = EXCLUDED.email;
INSERT INTO brand (id, tenant_id, name) VALUES ('b1', 't1', 'Demo') ON CONFLICT (id) DO NOTHING;
INSERT INTO brand_member (brand_id, user_id) VALUES ('b1', 'user-demo') ON CONFLICT (brand_id, user_id) DO NOTHING;
`;
const seeded = { revisions: [{ id: 'r1', sql: incident }], rows: ['r1'], live: incident, seed };

it('seed-natural-key-id-mismatch: both ids and the rows that depend on it', async () => {
  const [finding, ...others] = await findingsOf('seed-natural-key-id-mismatch', {
    ...seeded,
    answers: [
      [
        'public.users',
        [
          { id: 'demo-user-id', k0: 'demo@x.y' },
          { id: 'user-2', k0: 'two@x.y' },
        ],
      ],
    ],
  });
  expect(others).toEqual([]);
  expect(finding?.subject).toMatchObject({ kind: 'row', name: 'public.users(email=demo@x.y)', line: 2 });
  expect(finding?.message).toContain("'demo-user-id'");
  expect(finding?.remedy?.actions).toEqual([{ action: 'resolve-seed-ids', file: 'scripts/seed.sql' }]);
  // Nobody names user-2 further down: another id does no harm.
  expect(
    await findingsOf('seed-natural-key-id-mismatch', {
      ...seeded,
      answers: [
        [
          'public.users',
          [
            { id: 'user-demo', k0: 'demo@x.y' },
            { id: 'else', k0: 'two@x.y' },
          ],
        ],
      ],
    }),
  ).toEqual([]);
});

it('missing-membership: one finding a junction table', async () => {
  const [finding] = await findingsOf('missing-membership', {
    ...seeded,
    answers: [['public.users', [{ key: 'demo@x.y' }]]],
  });
  expect(finding?.key).toBe('missing-membership:public.brand_member');
  expect(await findingsOf('missing-membership', seeded)).toEqual([]);
});

it('duplicate-across-tenants: only keys that the seed gives to one owner', async () => {
  const twice = [
    { id: 'b1', key: 'Demo', owner: 't1' },
    { id: 'old', key: 'Demo', owner: 'default' },
  ];
  const [finding] = await findingsOf('duplicate-across-tenants', { ...seeded, answers: [['public.brand', twice]] });
  expect(finding?.remedy?.actions).toEqual([
    {
      action: 'merge-duplicates',
      table: 'public.brand',
      columns: ['name'],
      groups: [{ survivor: { id: 'b1' }, removed: [{ id: 'old' }] }],
    },
  ]);
  const roles = seed.replace("('b1', 't1', 'Demo')", "('b1', 't1', 'Demo'), ('b2', 't2', 'Demo')");
  expect(
    await findingsOf('duplicate-across-tenants', { ...seeded, seed: roles, answers: [['public.brand', twice]] }),
  ).toEqual([]);
});
