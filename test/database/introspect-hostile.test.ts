/**
 * What another user lays in `public` to be called in the place of PostgreSQL's own functions and operators, because it fits the
 * arguments better, is never called by whoever reads the catalogue, a superuser say.
 */
import { expect, it } from 'vitest';
import { buildSchema, connect, copyRows, introspect, openScratch, parseDatabaseUrl } from '../../src/database/index.ts';
import { testDatabase } from '../support/postgres.ts';

const types = [
  'name',
  'text',
  'varchar',
  'oid',
  'regclass',
  'regtype',
  '"char"',
  'int2',
  'int4',
  'oid[]',
  'name[]',
  'text[]',
];
const functions =
  `quote_ident replace unnest array_agg format_type pg_get_expr pg_get_userbyid has_schema_privilege has_table_privilege
  has_column_privilege pg_get_indexdef pg_get_constraintdef pg_get_viewdef pg_get_triggerdef pg_get_partkeydef pg_get_functiondef
  pg_get_function_identity_arguments pg_get_function_arguments pg_get_function_result pg_relation_size pg_opclass_is_visible
  pg_has_role generate_series row_security_active obj_description col_description current_setting to_regclass`.split(
    /\s+/,
  );
const operators = ['=', '<>', '!~', '~', '~~', '||', '<', '>', '<=', '>=', '-', '+'];

/** One of each name for every one and two types, where PostgreSQL has none for exactly these. */
const traps = `
  create function hijacked() returns void language plpgsql as $$ begin raise exception 'hijacked'; end $$;
  do $$
  declare types text[] := array[${types.map((type) => `'${type.replaceAll("'", "''")}'`).join(', ')}]; f text; o text; a text; b text; r text;
  begin
    foreach a in array types loop
      foreach f in array array[${functions.map((name) => `'${name}'`).join(', ')}] loop
        r := case when f like 'has%' or f like '%active' or f like '%visible' then 'boolean' else 'text' end;
        execute format('create function public.%I(%s) returns %s language plpgsql as ''begin perform public.hijacked(); return null; end''', f, a, r);
        foreach b in array types loop
          execute format('create function public.%I(%s, %s) returns %s language plpgsql as ''begin perform public.hijacked(); return null; end''', f, a, b, r);
        end loop;
      end loop;
      foreach b in array types loop
        execute format('create function public.trap(%s, %s) returns boolean language plpgsql as ''begin perform public.hijacked(); return true; end''', a, b);
        foreach o in array array[${operators.map((name) => `'${name}'`).join(', ')}] loop
          execute format('create operator public.%s (function = public.trap, leftarg = %s, rightarg = %s)', o, a, b);
        end loop;
      end loop;
    end loop;
  end $$;`;

it('reads the same with them and without', async () => {
  await using database = await testDatabase({
    sql: `create schema s; create type s.mood as enum ('a'); create domain d as text check (value <> '');
          create table t (id serial primary key, n text default 'x', m s.mood, w d, g int generated always as (1 + 1) stored, check (n <> 'y'));
          create table s.c (t int references t, u text unique); create index i on t (lower(n)) where id > 0;
          create table p (k int) partition by list (k); create table p1 partition of p for values in (1);
          create view v as select id from t; create sequence q;
          create function f() returns trigger language plpgsql as 'begin return new; end';
          create trigger r before insert on t for each row execute function f();
          alter table t enable row level security; create policy y on t using (n = current_user);
          create table alembic_version (version_num varchar(32) primary key); insert into alembic_version values ('a')`,
  });
  const before = await introspect(database.connection);
  await database.connection.query(traps);
  // They are there, and do what they are made for.
  await expect(database.connection.query(`select quote_ident(relname) from pg_class`)).rejects.toThrow('hijacked');
  await expect(database.connection.query(`select relname ~ '^pg_' from pg_class`)).rejects.toThrow('hijacked');
  const after = await introspect(database.connection);
  for (const kind of ['tables', 'views', 'enums', 'domains', 'sequences', 'extensions'] as const)
    expect([kind, ...after.schema[kind]]).toEqual([kind, ...before.schema[kind]]);
  expect(after.versionTables).toEqual(before.versionTables);

  await database.connection.query(
    `alter table t disable row level security; insert into t (n, w) values ('a', 'b'); insert into p values (1)`,
  );
  const scratch = await openScratch({ scratchUrl: database.url });
  try {
    const copy = await scratch.createDatabase();
    await buildSchema(copy, { ...before.schema, routines: new Map() });
    const { copied, failures } = await copyRows(database.connection, copy, ['public.t', 'public.p'], {
      rowsPerTable: 5,
    });
    expect([[...copied.keys()], failures]).toEqual([['public.p', 'public.t'], []]);
  } finally {
    await scratch.stop();
  }
});

it('does not read a view under the name of the version table with the rights of a superuser', async () => {
  await using database = await testDatabase({
    sql: `create function loud() returns text language plpgsql as $$ begin raise exception 'called'; end $$;
          create view alembic_version as select loud()::varchar as version_num`,
  });
  const url = await database.urlOfNewRole('alter view alembic_version owner to ROLE');
  const [table] = (await introspect(database.connection)).versionTables;
  const { user } = parseDatabaseUrl(url, {});
  expect(table).toMatchObject({ rows: null, problem: expect.stringContaining(`a view of ${user}`) });
  const own = await connect(parseDatabaseUrl(url, {}), { readOnly: true });
  expect((await introspect(own)).versionTables[0]?.problem).toContain('called');
  await own.close();
  await database.connection.query('drop view alembic_version');
});
