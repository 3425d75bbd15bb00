/** What no plan touches, and what apply says of it. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import type { Operation } from '../../src/model/operation.ts';
import type { RemedyAction } from '../../src/model/remedy.ts';
import { emptySchema, type Schema } from '../../src/model/schema.ts';
import { hazardsToAllow, isWanted } from '../../src/repair/consent.ts';
import { refusalFor } from '../../src/repair/refusals.ts';
import { settle } from '../../src/repair/settle.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

const origin = { revision: 'aaa', file: 'alembic/versions/a.py', line: 9 };
const context = { namingConvention: null, searchPath: ['public'] };
const read = (sql: string): Operation[] => parseSql(sql, { origin, revision: 'aaa' });
const schemaOf = (sql: string): Schema => settle(read(sql), emptySchema(), context).schema;
const declare = (sql: string): RemedyAction => ({ action: 'declare', operations: read(sql) });

beforeAll(() => loadSqlParser());

function diagnosis(more: { live?: object; blindSpots?: object[]; declared?: string } = {}): Diagnosis {
  const declared = schemaOf(more.declared ?? 'CREATE TABLE users (id int);');
  return {
    facts: { env: { searchPath: null } },
    declaredAtHeads: declared,
    models: null,
    blindSpots: more.blindSpots ?? [],
    database: {
      declared,
      live: {
        schema: schemaOf('CREATE TABLE users (id int); CREATE TABLE theirs (id int);'),
        searchPath: ['public'],
        role: 'app',
        isSuperuser: false,
        extensionObjects: new Set(['public.spatial_ref_sys']),
        unownedTables: new Set(),
        uncreatableNamespaces: new Set(),
        ...more.live,
      },
    },
  } as unknown as Diagnosis;
}

describe('refusalFor', () => {
  it('has nothing against what the chain declares', () => {
    expect(refusalFor(declare('ALTER TABLE users ADD COLUMN a int;'), diagnosis())).toBeNull();
    expect(refusalFor(declare('CREATE TABLE fresh (id int);'), diagnosis())).toBeNull();
  });

  it('refuses a table that a line nobody could read may have changed', () => {
    const spot = { revision: 'bbb', file: 'b.py', line: 4, reason: 'a loop', objects: ['public.users'] };
    const found = refusalFor(declare('ALTER TABLE users ADD COLUMN a int;'), diagnosis({ blindSpots: [spot] }));
    expect(found).toEqual({
      code: 'unknown-remains',
      reason: 'b.py:4 touches public.users and could not be read (a loop)',
    });
    // Whether rows were touched changes nothing that a step on the schema builds on.
    const rows = { ...spot, isAssumption: true as const, isOfRows: true as const };
    expect(refusalFor(declare('ALTER TABLE users ADD COLUMN a int;'), diagnosis({ blindSpots: [rows] }))).toBeNull();
    const elsewhere = { ...spot, objects: ['public.theirs'] };
    expect(
      refusalFor(declare('ALTER TABLE users ADD COLUMN a int;'), diagnosis({ blindSpots: [elsewhere] })),
    ).toBeNull();
  });

  it('refuses what nobody here declared, and what an extension owns', () => {
    const found = refusalFor(declare('ALTER TABLE theirs ADD COLUMN a int;'), diagnosis());
    expect(found).toMatchObject({ code: 'unowned-object', reason: expect.stringContaining('public.theirs') });
    const live = {
      schema: schemaOf('CREATE TABLE spatial_ref_sys (id int);'),
    };
    expect(refusalFor(declare('ALTER TABLE spatial_ref_sys ADD COLUMN a int;'), diagnosis({ live }))).toMatchObject({
      code: 'unowned-object',
      reason: expect.stringContaining('extension'),
    });
  });

  it('says which right is missing before a step would find out', () => {
    const unowned = diagnosis({ live: { unownedTables: new Set(['public.users']) } });
    expect(refusalFor(declare('ALTER TABLE users ADD COLUMN a int;'), unowned)).toMatchObject({
      code: 'insufficient-privileges',
      reason: expect.stringContaining('app does not own public.users'),
    });
    const closed = diagnosis({ live: { uncreatableNamespaces: new Set(['public']) } });
    expect(refusalFor(declare('CREATE TABLE fresh (id int);'), closed)).toMatchObject({
      reason: expect.stringContaining('GRANT CREATE ON SCHEMA public TO app'),
    });
  });
});

describe('consent', () => {
  const finding = (severity: 'error' | 'warning', safety: string) =>
    ({ severity, remedy: { kind: 'step', safety, summary: 'Do it', actions: [] } }) as never;
  const sql = (hazards: string[]): RemedyAction => ({
    action: 'run-sql',
    name: 'x',
    sql: [],
    down: [],
    hazards,
    transactional: true,
    lock: 'none',
  });
  const asked = { allow: [], mergeDuplicates: false, seed: true };

  it('plans an error with its hazards, and leaves a warning that would need leave', () => {
    expect(isWanted(finding('error', 'locks-or-data'), sql(['drops']), asked)).toBeNull();
    expect(isWanted(finding('warning', 'locks-or-data'), sql(['drops']), asked)).toBe('needs --allow drops');
    expect(isWanted(finding('warning', 'locks-or-data'), sql(['drops']), { ...asked, allow: ['drops'] })).toBeNull();
  });

  it('never does what is never automatic, merges and seeds only as asked', () => {
    expect(isWanted(finding('error', 'never-automatic'), sql([]), asked)).toMatch(/never done automatically/);
    const merge = { action: 'merge-duplicates', table: 't', columns: [], groups: [] } as RemedyAction;
    expect(isWanted(finding('warning', 'locks-or-data'), merge, asked)).toContain('--merge-duplicates');
    expect(isWanted(finding('warning', 'locks-or-data'), merge, { ...asked, mergeDuplicates: true })).toBeNull();
    const seed = { action: 'run-seed', file: 'seed.sql' } as RemedyAction;
    expect(isWanted(finding('error', 'report'), seed, { ...asked, seed: false })).toContain('--no-seed');
  });

  it('lets the seed change rows, and nothing else', () => {
    const step = (phase: string, hazards: string[]) => ({ name: phase, phase, hazards });
    const plan = {
      steps: [step('seed', ['changes-rows']), step('validate', ['changes-rows']), step('schema', ['drops'])],
    };
    expect(hazardsToAllow(plan as never, ['drops'])).toEqual([{ hazard: 'changes-rows', steps: ['validate'] }]);
  });
});
