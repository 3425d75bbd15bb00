import { beforeAll, describe, expect, it } from 'vitest';
import { describeLock, invertOperation, renderOperation } from '../../src/model/ddl.ts';
import type { Operation, SchemaOperation } from '../../src/model/operation.ts';
import type { Schema } from '../../src/model/schema.ts';
import { emptySchema } from '../../src/model/schema.ts';
import { schemaToJson } from '../../src/model/schema-json.ts';
import { applyOperation, schemaOfOperations } from '../../src/replay/index.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';

beforeAll(loadSqlParser);

const origin = { revision: 'r1', file: 'r1.py', line: 1 };
const context = { namingConvention: null };
const parse = (sql: string) => parseSql(sql, { origin }) as (SchemaOperation & Operation)[];
const schemaOf = (sql: string): Schema => schemaOfOperations(parse(sql), context);
const plain = (schema: Schema) => JSON.stringify(schemaToJson(schema));

const base = `create type mood as enum ('a'); create table p (id int primary key, code text unique);
  create table t (id serial primary key, "A b" int default 3, c varchar(10) not null, p int constraint fk references p on delete cascade, check ("A b" > 0));
  create index ix on t (c desc) where c > 'x'; create view v as select 1;`;

const acts = [
  'create table n (id int generated always as identity primary key, a numeric(10,2) check (a > 0), m mood, p int references p (code) on update set null, unique (a, m))',
  'create unlogged table n (a int, b int generated always as (a + 1) stored, exclude using gist (a with =))',
  'alter table t add column n int not null default 4 check (n > 0)',
  'alter table t rename column c to "New"',
  'alter table t rename to u',
  'create schema s; alter table t set schema s',
  'alter table t alter column c type text using c::text',
  'alter table t alter column c drop not null',
  'alter table t alter column "A b" set default 9',
  'alter table t alter column "A b" drop default',
  'alter table t add constraint k unique (c, p)',
  'alter table t add constraint n foreign key (p) references p not valid',
  'alter table t drop constraint fk',
  'alter table t rename constraint fk to fk2',
  'create unique index concurrently n on t using btree (lower(c) text_pattern_ops, p desc nulls last) include (id)',
  'drop index ix',
  'alter index ix rename to ix2',
  "create type n as enum ('x', 'it''s')",
  "alter type mood add value 'b' before 'a'",
  "alter type mood rename value 'a' to 'z'",
  'alter type mood rename to feeling',
  'create sequence n increment by 2',
  'create sequence n increment by 2; alter sequence n increment by 5 owned by t.p; alter sequence n owned by none',
  'create sequence n; alter sequence n rename to m',
  'create schema n',
  'create domain n as int not null check (value > 0)',
  'alter table t enable row level security',
  'create policy n on t for select using (p > 0)',
  'comment on table t is $$it is$$',
  "comment on column t.c is 'c'",
];

describe('renderOperation', () => {
  for (const sql of acts)
    it(sql, () => {
      const before = schemaOf(base);
      const operations = parse(sql);
      const rendered = operations.flatMap(renderOperation);
      const again = (statements: string[]) =>
        schemaOfOperations(parse(statements.join(';\n')), { ...context, onto: before });
      expect(plain(again(rendered))).toBe(plain(schemaOfOperations(operations, { ...context, onto: before })));
    });
});

describe('invertOperation', () => {
  for (const sql of acts)
    it(sql, () => {
      const before = schemaOf(base);
      let schema = before;
      const undo: Operation[] = [];
      for (const operation of parse(sql)) {
        const inverse = invertOperation(operation, schema);
        if (inverse === null) {
          // A label cannot be taken back.
          expect(sql).toContain('add value');
          return;
        }
        undo.unshift(...inverse);
        schema = applyOperation(schema, operation, context);
      }
      expect(plain(schemaOfOperations(undo, { ...context, onto: schema }))).toBe(plain(before));
    });

  it('gives a sequence back whom it was owned by, and what it counted by', () => {
    const before = schemaOf(
      `${base} create sequence n increment by 2; alter sequence n owned by t.p; create sequence f`,
    );
    const undoOf = (sql: string) =>
      invertOperation(parse(sql)[0] as SchemaOperation, before)?.flatMap((act) =>
        renderOperation(act as SchemaOperation),
      );
    expect(undoOf('alter sequence n increment by 5 owned by none')).toEqual([
      'ALTER SEQUENCE n INCREMENT BY 2',
      'ALTER SEQUENCE n OWNED BY public.t.p',
    ]);
    expect(undoOf('alter sequence f owned by t.c')).toEqual(['ALTER SEQUENCE f OWNED BY NONE']);
    expect(undoOf('alter sequence gone owned by t.c')).toBeUndefined();
  });

  it('cannot bring rows back', () => {
    const [drop] = parse('drop table t');
    expect(invertOperation(drop as SchemaOperation, schemaOf(base))).toBe(null);
    expect(invertOperation(drop as SchemaOperation, emptySchema())).toBe(null);
  });
});

describe('describeLock', () => {
  const locks: Record<string, [lock: string, hazards: string[]]> = {
    'create table n (id int)': ['none', []],
    'create table n (p int references p)': ['SHARE ROW EXCLUSIVE', []],
    'alter table t add column n int': ['ACCESS EXCLUSIVE', []],
    'alter table t add column n int default 5 not null': ['ACCESS EXCLUSIVE', []],
    'alter table t add column n uuid default gen_random_uuid()': ['ACCESS EXCLUSIVE', ['rewrites-table', 'long-lock']],
    'alter table t add constraint n foreign key (p) references p': ['SHARE ROW EXCLUSIVE', ['long-lock']],
    'alter table t add constraint n foreign key (p) references p not valid': ['SHARE ROW EXCLUSIVE', []],
    'alter table t validate constraint fk': ['SHARE UPDATE EXCLUSIVE', []],
    'alter table t add constraint n check (p > 0)': ['ACCESS EXCLUSIVE', ['long-lock']],
    'create index n on t (p)': ['SHARE', ['long-lock']],
    'create index concurrently n on t (p)': ['SHARE UPDATE EXCLUSIVE', ['not-transactional']],
    'drop table t': ['ACCESS EXCLUSIVE', ['drops']],
    'alter table t alter column p set not null': ['ACCESS EXCLUSIVE', ['long-lock']],
  };
  for (const [sql, [lock, hazards]] of Object.entries(locks))
    it(sql, () => {
      const described = describeLock(parse(sql)[0] as SchemaOperation);
      expect([described.lock, described.hazards]).toEqual([lock, hazards]);
    });
});

describe('the order of an index', () => {
  it('is written where it is not the default: gin takes none', () => {
    const written = (keys: object) => {
      const index = {
        name: 'i',
        method: 'gin',
        unique: false,
        where: null,
        keys: [{ text: 'a', isExpression: false, ...keys }],
      };
      const act = { kind: 'createIndex', table: { schema: 'public', name: 't' }, index } as unknown as SchemaOperation;
      return renderOperation(act)[0]?.replace(/^.*\(|\)$/g, '');
    };
    expect(written({})).toBe('a');
    expect(written({ descending: false, nullsFirst: false })).toBe('a');
    expect(written({ descending: true, nullsFirst: true })).toBe('a DESC');
    expect(written({ descending: true, nullsFirst: false })).toBe('a DESC NULLS LAST');
    expect(written({ descending: false, nullsFirst: true })).toBe('a NULLS FIRST');
  });
});
