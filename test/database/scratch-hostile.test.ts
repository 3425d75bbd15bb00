/**
 * What a project's SQL cannot do in a scratch database, on a server whose superuser made it: each road out is tried, by the
 * statement itself and by functions that only run because rows are copied, checked, indexed or cast.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Connection,
  connect,
  copyDatabase,
  introspect,
  openScratch,
  parseDatabaseUrl,
  type ScratchServer,
} from '../../src/database/index.ts';
import { isAllowedExtension } from '../../src/database/scratch-extensions.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let scratch: ScratchServer;
const folder = mkdtempSync(join(tmpdir(), 'chain-hostile-'));

beforeAll(async () => {
  database = await testDatabase();
  scratch = await openScratch({ scratchUrl: database.url });
});
afterAll(async () => {
  await scratch.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const superuser = () => database.target.user;

/** By what it would reach. */
const roadsOut: Record<string, () => string[]> = {
  'files and programs of the server': () => [
    `copy (select 1) to program 'touch ${folder}/program'`,
    `copy (select 1) to '${folder}/file'`,
    `create table taken (t text); copy taken from '/etc/passwd'`,
    `create table taken_too (t text); copy taken_too from program 'id'`,
    `select pg_read_file('/etc/passwd')`,
    `select pg_read_binary_file('/etc/passwd')`,
    `select pg_ls_dir('/')`,
    `select pg_stat_file('/etc/passwd')`,
    `select lo_import('/etc/passwd')`,
    `select lo_export(lo_create(0), '${folder}/object')`,
    `create tablespace elsewhere location '${folder}'`,
    `load '${folder}/evil.so'`,
    `load 'dblink'`,
  ],
  'code that the server would run': () => [
    `create function evil() returns int language c as '${folder}/evil.so', 'evil'`,
    `create function evil(cstring) returns cstring language internal as 'textin'`,
    'create language plpython3u',
    'create extension plpython3u',
    'create extension file_fdw',
    `create function caught() returns event_trigger language plpgsql as 'begin end'; create event trigger caught on ddl_command_start execute function caught()`,
    `set session_preload_libraries = '${folder}/evil'`,
    `do $$ begin execute format('alter database %I set session_preload_libraries = %L', current_database(), '${folder}/evil'); end $$`,
    `alter role current_user set session_preload_libraries = '${folder}/evil'`,
  ],
  'other servers': () => [
    'create extension dblink',
    'create extension postgres_fdw',
    'create foreign data wrapper elsewhere',
    `create subscription taken connection 'host=127.0.0.1' publication p`,
    `select pg_create_logical_replication_slot('slot', 'pgoutput')`,
  ],
  'other roles': () => [
    `set session authorization ${superuser()}`,
    `set role ${superuser()}`,
    `alter role ${superuser()} password 'mine'`,
    'alter role current_user superuser',
    'alter role current_user createrole',
    'alter role current_user bypassrls',
    'create role friend superuser',
    'grant pg_execute_server_program to current_user',
    `grant ${superuser()} to current_user`,
    `create function rise() returns text language sql security definer as $$ select current_setting('is_superuser') $$;
     alter function rise() owner to ${superuser()}`,
    `do $$ begin execute format('set role %I', (select rolname from pg_roles where rolname like 'chain_scratch_%_loader' limit 1)); end $$`,
  ],
  'the server around it': () => [
    `alter system set work_mem = '1MB'`,
    'select pg_reload_conf()',
    'select pg_rotate_logfile()',
    'create database another',
    `alter database ${database.name} set search_path = evil`,
    `alter database ${database.name} rename to taken`,
    `drop database ${database.name}`,
    `select pg_terminate_backend(${database.connection.backendPid})`,
    'checkpoint',
    'select pg_switch_wal()',
  ],
};

describe('SQL in a scratch database does not reach', () => {
  it.each(Object.keys(roadsOut))('%s', async (where) => {
    const connection = await scratch.createDatabase();
    await connection.query('reset role; reset session authorization');
    for (const sql of roadsOut[where]?.() ?? []) {
      const outcome = await connection.query(sql).then(
        () => 'done',
        (error) => error.sqlState,
      );
      expect([sql, outcome]).toEqual([sql, '42501']);
    }
    expect((await connection.query(`select current_setting('is_superuser') as super`)).rows).toEqual([
      { super: 'off' },
    ]);
    await scratch.dropDatabase(connection);
    expect(existsSync(join(folder, 'program')) || existsSync(join(folder, 'file'))).toBe(false);
  });

  it('more by what an allowed extension brings along', () => {
    const outside = [
      'dblink',
      'postgres_fdw',
      'file_fdw',
      'adminpack',
      'plpython3u',
      'plperlu',
      'pltclu',
      'http',
      'pg_net',
    ];
    const preloaded = ['pg_cron', 'timescaledb', 'pg_background', 'aws_s3', 'plsh', 'lo_import', 'zombodb', 'pgroonga'];
    expect([...outside, ...preloaded].filter(isAllowedExtension)).toEqual([]);
  });
});

/** Looks, in a scratch database, which powers it runs with, and tries a program. */
const tries = () => `
  create function tries(name text) returns void language plpgsql as $$
  begin
    if current_database() not like 'chain_scratch_%' then return; end if;
    if current_setting('is_superuser') = 'on' then raise exception '% runs as superuser', name; end if;
    begin
      execute format('copy (select 1) to program %L', 'touch ${folder}/' || name);
      raise exception '% runs programs', name;
    exception when insufficient_privilege then null;
    end;
  end $$;`;

/** Its author says that it is immutable, so that an index takes it. */
const trap = (name: string) => `
  create function ${name}(value text) returns boolean language plpgsql immutable as $$
  begin perform public.tries('${name}'); return true; end $$;`;

it('gives functions of a live database no powers while its rows are copied, and takes the rows all the same', async () => {
  await using live = await testDatabase();
  await live.connection.query(`
    ${tries()} ${['checks', 'indexes', 'casts'].map(trap).join('')}
    create function fire() returns trigger language plpgsql as $$ begin perform public.tries('fires'); return new; end $$;
    create domain word as text;
    create table parent (id int primary key);
    create table t (id int primary key, w word, parent int references parent,
                    g text generated always as (upper(w)) stored);
    create table secret (id int primary key, v text);
    insert into parent select generate_series(1, 30);
    insert into t select g, 'w' || g, g from generate_series(1, 30) g;
    insert into secret select g, 's' from generate_series(1, 5) g;
    alter domain word add constraint word_check check (casts(value));
    alter table t add constraint t_check check (checks(w));
    create index t_index on t (indexes(w));
    create trigger fire before insert on t for each row execute function fire();
    alter table t enable always trigger fire;
    alter table secret enable row level security;
    alter table secret force row level security;
  `);
  const from = await connect(live.target, { readOnly: true });
  const copy = await scratch.createDatabase();
  try {
    const found = await introspect(from);
    const { tables, lacks } = await copyDatabase(copy, found, { from, near: [], rowsPerTable: 20 });
    expect(lacks).toMatch(/beyond its first 20 rows/);
    expect(tables.sort()).toEqual(['public.parent', 'public.secret', 'public.t']);
    const counts = await countAll(copy, ['parent', 't']);
    expect(counts).toEqual([20, 20]);
    await copy.query('alter table secret no force row level security');
    expect(await countAll(copy, ['secret'])).toEqual([5]);
    for (const name of ['checks', 'indexes', 'fires', 'casts']) expect(existsSync(join(folder, name))).toBe(false);
  } finally {
    await from.close();
    await scratch.dropDatabase(copy);
  }
});

async function countAll(connection: Connection, tables: string[]): Promise<number[]> {
  const counts: number[] = [];
  for (const table of tables) {
    const { rows } = await connection.query<{ n: number }>(`select count(*)::int as n from ${table}`);
    counts.push(rows[0]?.n ?? -1);
  }
  return counts;
}

describe('a role of --scratch-url that is no superuser', () => {
  const refused = [
    ['may become one', `grant ${'SUPER'} to ROLE`],
    ['may run programs', 'grant pg_execute_server_program to ROLE'],
    ['may write files', 'grant pg_write_server_files to ROLE'],
    ['may read files', 'grant pg_read_server_files to ROLE'],
  ] as const;
  it.each(refused)('is refused where it %s', async (_, grant) => {
    const grants = `${grant.replace('SUPER', superuser())}; alter role ROLE createdb`;
    const scratchUrl = await database.urlOfNewRole(grants);
    const error = await openScratch({ scratchUrl }).then(
      (server) => server.stop().then(() => null),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'no-scratch-server' });
  });

  it('gives a role without any powers the project where it may create roles', async () => {
    const scratchUrl = await database.urlOfNewRole(
      'grant pg_read_server_files to ROLE; alter role ROLE createdb createrole',
    );
    const server = await openScratch({ scratchUrl });
    const connection = await server.createDatabase();
    expect(connection.target.user).not.toBe(parseDatabaseUrl(scratchUrl, {}).user);
    for (const sql of [`select pg_read_file('/etc/passwd')`, 'create role friend', 'create database another'])
      await expect(connection.query(sql), sql).rejects.toMatchObject({ sqlState: '42501' });
    const made = connection.target.user;
    await server.dropDatabase(connection);
    await server.stop();
    const { rows } = await database.connection.query('select rolname from pg_roles where rolname = $1', [made]);
    expect(rows).toEqual([]);
  });
});
