/** Building, and building again until the text stands still. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildSchema,
  elaborate,
  elaborateBoth,
  introspect,
  openScratch,
  type ScratchServer,
} from '../../src/database/index.ts';
import { columnDefinition } from '../../src/model/declare.ts';
import type { Column, Constraint, Schema, Table } from '../../src/model/schema.ts';
import { emptySchema } from '../../src/model/schema.ts';
import { schemaToJson } from '../../src/model/schema-json.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let scratch: ScratchServer;
const databases: TestDatabase[] = [];

beforeAll(async () => {
  scratch = await openScratch();
});
afterAll(async () => {
  await scratch.stop();
  for (const database of databases) await database.drop();
});

async function liveSchema(sql: string): Promise<Schema> {
  const database = await testDatabase({ sql });
  databases.push(database);
  return (await introspect(database.connection)).schema;
}

function column(name: string, type: string, more: Partial<Column> = {}): Column {
  return {
    name,
    type,
    notNull: false,
    default: null,
    identity: null,
    generated: null,
    collation: null,
    ownedSequence: null,
    ...more,
  };
}

function table(name: string, columns: Column[], more: Partial<Table> = {}): Table {
  return {
    namespace: 'public',
    name,
    kind: 'table',
    columns: new Map(columns.map((one) => [one.name, one])),
    constraints: new Map(),
    indexes: new Map(),
    triggers: new Map(),
    policies: new Map(),
    persistence: 'p',
    partitionKey: null,
    partitionBound: null,
    parents: [],
    rowSecurity: false,
    forceRowSecurity: false,
    options: [],
    ...more,
  };
}

function schemaOf(...tables: Table[]): Schema {
  return { ...emptySchema(), tables: new Map(tables.map((one) => [`${one.namespace}.${one.name}`, one])) };
}

it('builds again every kind of object, as it was', async () => {
  const schema = await liveSchema(readFileSync(new URL('../support/data/every-kind.sql', import.meta.url), 'utf8'));
  const elaboration = await elaborate(scratch, schema);
  expect(elaboration.failures.map(({ object, message, sql }) => [object, message, sql])).toEqual([]);
  expect(elaboration.isFixedPoint).toBe(true);
  expect(schemaToJson(elaboration.schema)).toEqual(schemaToJson(schema));
  // Built, not merely passed on.
  expect([...elaboration.schema.tables.values()].some(({ certainty }) => certainty === 'suspected')).toBe(false);
});

it('takes along what a table needs of a schema whose name has a dot', async () => {
  const schema = await liveSchema(`create schema "a.b"; create type "a.b".mood as enum ('x'); create sequence "a.b".s;
    create table "a.b".t (id int default nextval('"a.b".s'), ms "a.b".mood[] default '{x}'::"a.b".mood[])`);
  const { failures } = await elaborate(scratch, schema, { tables: new Set(['"a.b".t']) });
  expect(failures).toEqual([]);
  const column = schema.tables.get('"a.b".t')?.columns.get('ms') as Column;
  expect(columnDefinition(column, schema).typeName).toEqual({ schema: 'a.b', name: 'mood' });
});

it('brings the text of a fresh database and that of a restored one to the same text', async () => {
  const fresh = await liveSchema(`create table t (role varchar(10), constraint c check (role in ('a', 'b')));
    create index i on t (role) where role in ('x', 'y')`);
  const text = (schema: Schema) => schema.tables.get('public.t')?.constraints.get('c')?.definition ?? '';
  const restored = await liveSchema(
    `create table t (role varchar(10), constraint c ${text(fresh)}); ${fresh.tables.get('public.t')?.indexes.get('i')?.definition}`,
  );
  expect(text(restored)).not.toBe(text(fresh));
  const [a, b] = [await elaborate(scratch, fresh), await elaborate(scratch, restored)];
  expect(text(a.schema)).toBe(text(b.schema));
  expect(schemaToJson(a.schema)).toEqual(schemaToJson(b.schema));
  // A text of one parse is what an upgrade of an empty database leaves.
  const check = restored.tables.get('public.t')?.constraints.get('c') as Constraint;
  const written = { ...check, definition: '', expression: "role IN ('a', 'b')" };
  const t = { ...(restored.tables.get('public.t') as Table), constraints: new Map([['c', written]]) };
  const stated = { ...restored, tables: new Map([['public.t', t]]) };
  expect(text((await elaborate(scratch, stated, { isFresh: true })).schema)).toBe(text(fresh));
  expect(text((await elaborate(scratch, stated)).schema)).toBe(text(a.schema));
});

it('spells a static reading as PostgreSQL does, and keeps where it was stated', async () => {
  const origin = { revision: 'r', file: 'f.py', line: 3 };
  const schema = schemaOf(
    table(
      't',
      [
        column('n', 'integer', { default: '(1+1)', origin, notNull: true }),
        column('s', 'text', { default: "'x'" }),
        column('at', 'timestamp without time zone', { default: 'CURRENT_TIMESTAMP' }),
      ],
      {
        origin,
        constraints: new Map([
          [
            'c',
            {
              name: 'c',
              type: 'c',
              columns: [],
              definition: '',
              references: null,
              expression: 'n>0',
              deferrable: null,
              validated: true,
              origin,
              textCertainty: 'suspected',
            },
          ],
        ]),
      },
    ),
  );
  const { schema: built, failures } = await elaborate(scratch, schema);
  expect(failures).toEqual([]);
  const t = built.tables.get('public.t');
  expect(t).toMatchObject({ origin });
  expect([...(t?.columns.values() ?? [])].map((one) => one.default)).toEqual([
    '(1 + 1)',
    "'x'::text",
    'CURRENT_TIMESTAMP',
  ]);
  expect(t?.columns.get('n')).toMatchObject({ origin, notNull: true });
  expect(t?.constraints.get('c')).toMatchObject({
    definition: 'CHECK ((n > 0))',
    expression: '(n > 0)',
    columns: ['n'],
    origin,
    textCertainty: 'suspected',
  });
});

it('has the extension that no revision creates and a default or an index leans on', async () => {
  const trigrams = {
    name: 'ix',
    unique: false,
    method: 'gin',
    keys: [{ text: 'v', isExpression: false, descending: false, nullsFirst: false, opclass: 'gin_trgm_ops' }],
    keyTexts: [],
    include: [],
    where: null,
    valid: true,
    definition: 'CREATE INDEX ix ON public.t USING gin (v gin_trgm_ops)',
  };
  const schema = schemaOf(
    table(
      't',
      [
        column('id', 'uuid', { default: 'public.uuid_generate_v4()' }),
        column('v', 'text'),
        column('w', 'text', { default: 'nobody()' }),
      ],
      { indexes: new Map([['ix', trigrams as never]]) },
    ),
  );
  const { schema: built, failures } = await elaborate(scratch, schema);
  expect(failures.map(({ object }) => object)).toEqual(['public.t.w']);
  expect(built.tables.get('public.t')?.columns.get('id')?.default).toBe('uuid_generate_v4()');
  expect(built.extensions.size).toBe(0);
});

it('builds what a view or function in doubt reads and calls', async () => {
  const schema = await liveSchema(`
    create table far (id integer primary key); create table t (id integer primary key, far_id integer references far);
    create function g() returns bigint language sql stable as 'select count(*) from public.far';
    create function f(t) returns bigint language sql stable as 'select public.g()';
    create view inner_v as select id, f(t) as n from t; create materialized view v as select id from inner_v where n > 0;
    create index on v ((id + 1));`);
  const none = { ...schema, views: new Map(schema.views) };
  const both = await elaborateBoth(scratch, schema, none, (_d, _l, round) => new Set(round < 2 ? ['public.v'] : []));
  expect(both.unbuilt).toEqual(new Set());
  expect(both.declared.views.get('public.v')).toEqual(schema.views.get('public.v'));
});

it('builds only the tables in doubt, with what they stand on', async () => {
  const schema = await liveSchema(`
    create type mood as enum ('a'); create sequence "My seq"; create function f(integer) returns boolean language sql immutable as 'select true';
    create table far (id integer primary key); create table base (b integer check (b > 0));
    create table t (id serial primary key, n integer default nextval('"My seq"'), m mood, far_id integer references far, check (f(n))) inherits (base);
    create view v as select * from t;`);
  const altered = { ...schema, tables: new Map(schema.tables) };
  const t = schema.tables.get('public.t') as Table;
  const spelt = { ...(t.constraints.get('t_n_check') as Constraint), definition: 'CHECK (F( n ))' };
  altered.tables.set('public.t', { ...t, constraints: new Map([...t.constraints, ['t_n_check', spelt]]) });
  const {
    schema: built,
    failures,
    isFixedPoint,
  } = await elaborate(scratch, altered, { tables: new Set(['public.t']) });
  expect(failures).toEqual([]);
  expect(isFixedPoint).toBe(true);
  expect(built.tables.get('public.t')?.constraints.get('t_n_check')?.definition).toBe('CHECK (f(n))');
  expect(schemaToJson(built)).toEqual(schemaToJson(schema));
  expect(built.tables.get('public.far')).toBe(schema.tables.get('public.far'));
});

describe('what a scratch server cannot build', () => {
  it('is stood in for when it is a type, with its modifier back afterwards', async () => {
    const schema = {
      ...schemaOf(
        table(
          'docs',
          [
            column('id', 'integer', { notNull: true }),
            column('embedding', 'vector(3)', { default: "'[1,2,3]'::vector" }),
            column('many', 'extensions.halfvec(2)[]'),
            column('place', 'geometry(Point,4326)'),
            column('odd', 'unknown'),
          ],
          {
            indexes: new Map([
              [
                'i',
                {
                  name: 'i',
                  unique: false,
                  method: 'hnsw',
                  keys: [
                    {
                      text: 'embedding',
                      isExpression: false,
                      descending: false,
                      nullsFirst: false,
                      operatorClass: 'vector_cosine_ops',
                      collation: null,
                    },
                  ],
                  keyTexts: ['embedding'],
                  include: [],
                  where: null,
                  valid: true,
                  definition: 'CREATE INDEX i ON public.docs USING hnsw (embedding vector_cosine_ops)',
                },
              ],
            ]),
          },
        ),
      ),
      extensions: new Map([['vector', { name: 'vector', namespace: 'public' }]]),
    };
    const { schema: built, failures, standIns, isFixedPoint } = await elaborate(scratch, schema);
    expect(isFixedPoint).toBe(true);
    expect(standIns).toEqual(new Set(['vector', 'extensions.halfvec', 'geometry']));
    expect(failures.map(({ object, kind }) => [object, kind])).toEqual([
      ['vector', 'extension'],
      ['public.docs.i', 'index'],
    ]);
    const docs = built.tables.get('public.docs');
    expect(docs?.certainty).toBeUndefined();
    expect([...(docs?.columns.values() ?? [])].map(({ type }) => type)).toEqual([
      'integer',
      'vector(3)',
      'extensions.halfvec(2)[]',
      'geometry(Point,4326)',
      'unknown',
    ]);
    expect(docs?.columns.get('embedding')?.default).toBe("'[1,2,3]'::vector");
    expect(docs?.indexes.get('i')).toMatchObject({ certainty: 'suspected', method: 'hnsw' });
    expect(built.extensions.has('vector')).toBe(true);
    expect([...built.routines.keys(), ...built.domains.keys()]).toEqual([]);
  });

  it('is suspected by itself when it is one expression of a table', async () => {
    const schema = schemaOf(
      table('t', [
        column('a', 'uuid', { default: 'nowhere_uuid()' }),
        column('b', 'integer', { default: '1+1' }),
        column('g', 'text', { generated: { expression: 'missing(b)', stored: true } }),
        column('h', 'integer', { generated: { expression: 'b * 2', stored: true }, notNull: true }),
      ]),
    );
    const { schema: built, failures } = await elaborate(scratch, schema);
    expect(failures.map(({ object, sqlState }) => [object, sqlState])).toEqual([
      ['public.t.a', '42883'],
      ['public.t.g', '42883'],
    ]);
    const columns = built.tables.get('public.t')?.columns;
    expect([...(columns?.keys() ?? [])]).toEqual(['a', 'b', 'g', 'h']);
    expect(columns?.get('a')).toMatchObject({ default: 'nowhere_uuid()', certainty: 'suspected' });
    expect(columns?.get('b')).toMatchObject({ default: '(1 + 1)' });
    expect(columns?.get('b')?.certainty).toBeUndefined();
    expect(columns?.get('g')).toMatchObject({
      generated: { expression: 'missing(b)', stored: true },
      certainty: 'suspected',
    });
    expect(columns?.get('h')).toMatchObject({ generated: { expression: '(b * 2)', stored: true }, notNull: true });
  });

  it('does not keep the rest from being built, whatever the order', async () => {
    const schema = await liveSchema(`create function f(integer) returns integer language sql immutable as 'select $1';
      create table a (x integer check (f(x) > 0)); create function g(a) returns integer language sql as 'select 1';
      create view v as select g(a) from a; create view b as select * from v;`);
    const broken = {
      ...schema,
      views: new Map([
        ...schema.views,
        [
          'public.bad',
          {
            namespace: 'public',
            name: 'bad',
            kind: 'view' as const,
            columns: [],
            definition: 'SELECT nothing FROM nowhere -- ',
            indexes: new Map(),
          },
        ],
      ]),
    };
    const connection = await scratch.createDatabase();
    const { failures } = await buildSchema(connection, broken);
    expect(failures.map(({ object, sqlState }) => [object, sqlState])).toEqual([['public.bad', '42P01']]);
    expect([...(await introspect(connection)).schema.views.keys()]).toEqual(['public.b', 'public.v']);
    await scratch.dropDatabase(connection);
  });

  it('cannot break out of its database', async () => {
    const schema = schemaOf(
      table('t', [
        column('a', 'integer', { default: `1); create role evil superuser; create table x (b int default (1` }),
      ]),
    );
    const { failures } = await elaborate(scratch, schema);
    expect(failures).toMatchObject([{ object: 'public.t.a' }]);
  });
});

describe('both sides of a comparison', () => {
  const differing = (declared: Schema, live: Schema): ReadonlySet<string> =>
    new Set(
      [...declared.tables].flatMap(([key, table]) => {
        const other = live.tables.get(key);
        const texts = (one: Table | undefined) => JSON.stringify([...(one?.constraints.values() ?? [])]);
        return texts(table) === texts(other) ? [] : [key];
      }),
    );

  it('meet where they mean the same, and only what is in doubt is built', async () => {
    const fresh = await liveSchema(`create table t (role varchar(5), check (role in ('a', 'b')));
      create table u (n integer, check (n > 0)); create table same (n integer, check (n > 0));`);
    const restored = await liveSchema(`create table t (role varchar(5), constraint t_role_check check
        (((role)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))));
      create table u (n integer, check (n > 1)); create table same (n integer, check (n > 0));`);
    const asked: string[][] = [];
    const both = await elaborateBoth(scratch, fresh, restored, (declared, live) => {
      const keys = differing(declared, live);
      asked.push([...keys]);
      return keys;
    });
    const checkOf = (schema: Schema, key: string) => [...(schema.tables.get(key)?.constraints.values() ?? [])][0];
    expect(asked[0]).toEqual(['public.t', 'public.u']);
    expect(asked.at(-1)).toEqual(['public.u']);
    expect(checkOf(both.declared, 'public.t')?.definition).toBe(checkOf(both.live, 'public.t')?.definition);
    expect(checkOf(both.declared, 'public.u')?.definition).toBe('CHECK ((n > 0))');
    expect(checkOf(both.live, 'public.u')?.definition).toBe('CHECK ((n > 1))');
    expect(both.declared.tables.get('public.same')).toBe(fresh.tables.get('public.same'));
    expect(both.unbuilt).toEqual(new Set());
  });

  it('need only the declared side built where it then says what the live one says', async () => {
    const live = await liveSchema('create table t (n integer default (1 + 1), check (n > 0))');
    const t = live.tables.get('public.t') as Table;
    const n = { ...(t.columns.get('n') as Column), default: '1+1' };
    const declared = { ...live, tables: new Map([['public.t', { ...t, columns: new Map([['n', n]]) }]]) };
    const defaultOf = (schema: Schema) => schema.tables.get('public.t')?.columns.get('n')?.default;
    const both = await elaborateBoth(
      scratch,
      declared,
      live,
      (ours, theirs) => new Set(defaultOf(ours) === defaultOf(theirs) ? [] : ['public.t']),
    );
    expect(defaultOf(both.declared)).toBe('(1 + 1)');
    expect(both.live).toBe(live);
  });
});
