/** One change to a healthy database, one finding, named to the object: every drift rule, and silence on the healthy one. */
import { describe, expect, it } from 'vitest';
import { allRules } from '../../src/rules/index.ts';
import { findingsOf, type Project, resultsOf } from './inputs.ts';

const declared = `
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE SEQUENCE ticket;
CREATE TABLE team (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE person (
  id bigint PRIMARY KEY,
  email varchar(100) NOT NULL,
  team_id int,
  feeling mood,
  age int DEFAULT 18,
  CONSTRAINT person_email_key UNIQUE (email),
  CONSTRAINT person_team_fk FOREIGN KEY (team_id) REFERENCES team (id) ON DELETE CASCADE
);
CREATE INDEX person_team_ix ON person (team_id);
CREATE VIEW adults AS SELECT id FROM person WHERE age >= 18;
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE MATERIALIZED VIEW grown AS SELECT id FROM person;
CREATE INDEX grown_ix ON grown (id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touching BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON person USING (age > 1);
`;

const cases: [rule: string, subject: string, from: string, to: string][] = [
  [
    'declared-table-missing',
    'public.team',
    declared.slice(declared.indexOf('CREATE TABLE team'), declared.indexOf('CREATE TABLE person')),
    '',
  ],
  ['declared-column-missing', 'public.person.age', '  age int DEFAULT 18,\n', ''],
  ['column-type-altered', 'public.person.email', 'varchar(100)', 'varchar(50)'],
  ['column-nullability-altered', 'public.team.name', 'name text NOT NULL', 'name text'],
  ['column-default-altered', 'public.person.age', 'DEFAULT 18', ''],
  ['unexpected-column', 'public.team.extra', 'name text NOT NULL', 'name text NOT NULL, extra int'],
  ['constraint-missing', 'public.person.person_email_key', '  CONSTRAINT person_email_key UNIQUE (email),\n', ''],
  ['constraint-altered', 'public.person.person_team_fk', ' ON DELETE CASCADE', ''],
  ['index-missing', 'public.person.person_team_ix', 'CREATE INDEX person_team_ix ON person (team_id);', ''],
  ['index-altered', 'public.person.person_team_ix', 'ON person (team_id)', 'ON person (team_id, age)'],
  ['enum-value-missing', 'public.mood', "'sad', 'ok', 'happy'", "'sad', 'ok'"],
  ['enum-altered', 'public.mood', "'sad', 'ok', 'happy'", "'ok', 'sad', 'happy'"],
  ['sequence-missing', 'public.ticket', 'CREATE SEQUENCE ticket;', ''],
  ['view-missing', 'public.adults', 'CREATE VIEW adults AS SELECT id FROM person WHERE age >= 18;', ''],
  ['name-differs', 'public.person.person_email_key', 'CONSTRAINT person_email_key', 'CONSTRAINT other_key'],
  [
    'orphan-live-table',
    'public.leftover',
    'CREATE SEQUENCE ticket;',
    'CREATE SEQUENCE ticket; CREATE TABLE leftover (x int);',
  ],
  ['index-missing', 'public.grown.grown_ix', 'CREATE INDEX grown_ix ON grown (id);', ''],
  [
    'unexpected-object',
    'public.grown.more',
    'ON grown (id);',
    'ON grown (id); CREATE UNIQUE INDEX more ON grown (id);',
  ],
  ['found-in-other-schema', 'public.code', 'CREATE DOMAIN code', 'CREATE SCHEMA s; CREATE DOMAIN s.code'],
  ['found-in-other-schema', 'public.adults', 'CREATE VIEW adults', 'CREATE SCHEMA s; CREATE VIEW s.adults'],
  ['name-differs', 'public.person.touching', 'CREATE TRIGGER touching', 'CREATE TRIGGER touched'],
  ['name-differs', 'public.person.own', 'CREATE POLICY own', 'CREATE POLICY mine'],
  [
    'trigger-altered',
    'public.person.touching',
    'CREATE POLICY own',
    'ALTER TABLE person DISABLE TRIGGER touching; CREATE POLICY own',
  ],
  ['function-altered', 'public.touch()', 'CREATE POLICY own', 'ALTER FUNCTION touch() STABLE; CREATE POLICY own'],
  ['constraint-altered', 'public.person.person_team_fk', 'ON DELETE CASCADE', 'ON DELETE CASCADE NOT ENFORCED'],
];

const driftRules = allRules.filter((rule) => rule.needs.includes('drift')).map((rule) => rule.id);
const stamped = (live: string): Project => ({ revisions: [{ id: 'head1', sql: declared }], live, rows: ['head1'] });

describe('drift', () => {
  it('is silent on the healthy database', async () => {
    expect((await resultsOf(driftRules, stamped(declared))).findings).toEqual([]);
  });
  it.each(cases)('%s: %s', async (rule, subject, from, to) => {
    expect(declared).toContain(from);
    const project = stamped(declared.replace(from, to));
    const { findings } = await resultsOf(driftRules, project);
    const roots = findings.filter((finding) => finding.causedBy.length === 0);
    expect(roots.map((finding) => `${finding.rule}:${finding.subject.name}`)).toEqual([`${rule}:${subject}`]);
    expect(roots[0]?.subject).toMatchObject({ name: subject });
  });
  it('an absent table causes what hangs on it', async () => {
    const [, , from, to] = cases[0] as [string, string, string, string];
    const { findings } = await resultsOf(driftRules, stamped(declared.replace(from, to)));
    const key = findings.find((finding) => finding.rule === 'constraint-missing');
    // A key to a missing table cannot exist, so the live text has none either way.
    if (key) expect(key.causedBy).toContain('declared-table-missing:public.team');
  });
  it('a table of several revisions is written anew, one of a single revision by its own statement', async () => {
    const own = await resultsOf(['declared-table-missing'], stamped(''));
    const action = own.findings.find((finding) => finding.subject.name === 'public.team')?.remedy?.actions[0];
    expect(action?.action === 'declare' && action.operations[0]).toMatchObject({
      kind: 'createTable',
      sql: expect.stringContaining('CREATE TABLE team'),
    });
    const later = await resultsOf(['declared-table-missing'], {
      revisions: [
        { id: 'r1', sql: 'CREATE TABLE keep (id int); CREATE TABLE x (id int)' },
        { id: 'r2', after: 'r1', sql: 'ALTER TABLE x ADD y text' },
      ],
      live: 'CREATE TABLE keep (id int)',
      rows: ['r2'],
    });
    const anew = later.findings[0]?.remedy?.actions[0];
    expect(
      anew?.action === 'declare' &&
        anew.operations[0]?.kind === 'createTable' &&
        anew.operations[0].table.columns.map((column) => column.name),
    ).toEqual(['id', 'y']);
  });
  it('found-in-other-schema: no create', async () => {
    const live =
      'CREATE SCHEMA langflow; CREATE TABLE langflow.roles (id int PRIMARY KEY, name text, made date); CREATE TABLE t (id int)';
    const revisions = [
      { id: 'r1', sql: 'CREATE TABLE roles (id int PRIMARY KEY, name text, made date); CREATE TABLE t (id int)' },
    ];
    const { findings } = await resultsOf(['found-in-other-schema', 'declared-table-missing'], {
      revisions,
      live,
      rows: ['r1'],
    });
    expect(findings.map((finding) => finding.key)).toEqual(['found-in-other-schema:public.roles']);
    expect(findings[0]?.remedy?.actions).toEqual([]);
  });
  it('object-renamed: said once', async () => {
    const revisions = [
      { id: 'r1', sql: 'CREATE TABLE roles (id int PRIMARY KEY, name text NOT NULL, made date, note text)' },
    ];
    const live = 'CREATE TABLE roles_old (id int PRIMARY KEY, name text NOT NULL, made date, note text)';
    const { findings } = await resultsOf(driftRules, { revisions, live, rows: ['r1'] });
    expect(findings.filter((finding) => finding.severity !== 'info').map((finding) => finding.rule)).toEqual([
      'object-renamed',
    ]);
  });
  it('invalid-index', async () => {
    const project = stamped(declared);
    const broken: Project = {
      ...project,
      liveFacts: (live) => {
        const person = live.schema.tables.get('public.person')!;
        const index = person.indexes.get('person_team_ix')!;
        const indexes = new Map(person.indexes).set('person_team_ix', { ...index, valid: false });
        return {
          schema: { ...live.schema, tables: new Map(live.schema.tables).set('public.person', { ...person, indexes }) },
        };
      },
    };
    const { findings } = await resultsOf(['invalid-index'], broken);
    expect(findings[0]?.remedy?.actions[0]).toMatchObject({
      action: 'run-sql',
      sql: ['REINDEX INDEX CONCURRENTLY public.person_team_ix'],
      transactional: false,
    });
    expect((await resultsOf(['invalid-index'], project)).findings).toEqual([]);
  });
});

it("declared-table-missing: Alembic's own table in a base that was made from a dump is nobody's", async () => {
  const base = 'CREATE TABLE t (id int)';
  const dump = `${base}; CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)`;
  const project = { revisions: [{ id: 'r1', sql: dump }], rows: ['r1'], live: base };
  expect(await findingsOf('declared-table-missing', project)).toEqual([]);
  expect(await findingsOf('declared-table-missing', { ...project, live: 'SELECT 1' })).toHaveLength(1);
});
