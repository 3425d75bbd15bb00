import { describe, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import { compareSchemas } from '../../src/diff/index.ts';
import { schemaFromJson, schemaToJson } from '../../src/model/schema-json.ts';
import { testDatabase } from '../support/postgres.ts';

const sql = `
  create schema s; create schema chain; create table chain.ledger (id int);
  create type mood as enum ('sad', 'so ''so'); create domain d as int not null check (value > 0);
  create table "Q t" (id serial primary key, "A b" text collate "C" default 'x', g int generated always as (1 + 1) stored, i bigint generated always as identity);
  create table s.t (q int references "Q t" on delete cascade deferrable, m mood not null default 'sad', r int4range, v varchar, exclude using gist (r with &&));
  create unique index ix on s.t (q desc, lower(v) text_pattern_ops) include (r) where q > 0;
  create index ix2 on "Q t" ("A b" collate "POSIX" desc nulls last, id);
  create table alembic_version (version_num varchar(32) primary key); create sequence free;
  create view v as select q from s.t; create function f(a int) returns int language sql as 'select 1';
  comment on table s.t is 'a table'; comment on column s.t.q is 'a column';
  create table pt (a int not null, primary key (a)) partition by range (a); create table pt_1 partition of pt for values from (0) to (10);
`;

describe('schemaToJson', () => {
  it('leaves out version tables and the schema of chain', async () => {
    await using database = await testDatabase({ sql });
    const json = schemaToJson((await introspect(database.connection)).schema);
    expect(Object.keys(json.tables)).toEqual(['public.Q t', 'public.pt', 'public.pt_1', 's.t']);
    expect(json.schemas).toEqual(['public', 's']);
    expect(json.sequences).toEqual(['public.free']);
    expect(json.tables['s.t']?.indexes.ix).toEqual({
      def: 'CREATE UNIQUE INDEX ix ON s.t USING btree (q DESC, lower((v)::text) text_pattern_ops) INCLUDE (r) WHERE (q > 0)',
      unique: true,
      method: 'btree',
      keys: ['q', 'lower(v::text)'],
      where: '(q > 0)',
      include: ['r'],
    });
    expect(json.tables['public.Q t']?.columns['A b']).toEqual({
      pos: 2,
      type: 'text',
      notnull: false,
      default: "'x'::text",
      identity: null,
      generated: null,
      collation: '"C"',
    });
    expect(json.tables['s.t']?.constraints.t_q_fkey).toEqual({
      type: 'f',
      def: 'FOREIGN KEY (q) REFERENCES "Q t"(id) ON DELETE CASCADE DEFERRABLE',
      columns: ['q'],
      ref_table: 'public.Q t',
      ref_columns: ['id'],
      on_delete: 'CASCADE',
      on_update: 'NO ACTION',
      deferrable: 'initially immediate',
    });
  });

  it('is read back without a difference', async () => {
    await using database = await testDatabase({ sql });
    const { schema } = await introspect(database.connection);
    const json = schemaToJson(schema);
    const again = schemaFromJson(JSON.parse(JSON.stringify(json)));
    expect(schemaToJson(again)).toEqual(json);
    expect(compareSchemas(again, schema, { elaborated: true }).differences).toEqual([]);
  });
});
