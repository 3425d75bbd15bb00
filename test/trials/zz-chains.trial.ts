import { appendFileSync, writeFileSync } from 'node:fs';
import { it } from 'vitest';
import { run } from '../support/in-process.ts';
import { testDatabase } from '../support/postgres.ts';
import { sqlProject } from '../support/sql-project.ts';
const revisions = {
  a1a1c0ffee01: { sql: 'CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE)' },
  b2b2c0ffee02: { after: 'a1a1c0ffee01', sql: 'CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users)' },
  c3c3c0ffee03: { after: 'b2b2c0ffee02', sql: 'CREATE TABLE items (id int PRIMARY KEY); CREATE INDEX ix_items ON items (id)' },
};
const env = (extra: string) => ({ 'alembic/env.py': `from alembic import context\ncontext.configure(connection=None, target_metadata=None${extra})\n` });
const T = (s: string) => `create table ${s}.users (id serial primary key, email text not null unique); create table ${s}.orders (id int primary key, user_id int references ${s}.users); create table ${s}.items (id int primary key); create index ix_items on ${s}.items (id);`;
const V = (t: string, ...rows: string[]) => `create table ${t} (version_num varchar(32) not null${rows.length === new Set(rows).size ? ' primary key' : ''}); ${rows.map((r) => `insert into ${t} values ('${r}');`).join('')}`;
const H = 'c3c3c0ffee03';
const other = 'create table public.theirs (id int); create table public.jobs (id int primary key);';
const S: Record<string, { extra?: string; sql: string; path?: string; pre?: string; role?: string }> = {
  'one chain': { sql: T('public') + V('alembic_version', H) },
  'two version tables, own named': { extra: ", version_table='alembic_version_app'", sql: T('public') + other + V('alembic_version', 'fffffffffff1') + V('alembic_version_app', H) },
  'two version tables, own missing, other there': { extra: ", version_table='alembic_version_app'", sql: T('public') + other + V('alembic_version', 'fffffffffff1') },
  'version_table_schema': { extra: ", version_table_schema='svc'", pre: 'create schema svc;', sql: T('public') + V('svc.alembic_version', H) },
  'version_table_schema missing, public has other row': { extra: ", version_table_schema='svc'", pre: 'create schema svc;', sql: other + V('alembic_version', 'fffffffffff1') },
  'version_table_schema not there at all': { extra: ", version_table_schema='svc'", sql: T('public') + V('alembic_version', H) },
  'fall-through empty svc': { pre: 'create schema svc;', path: 'svc,public', sql: other + V('public.alembic_version', 'fffffffffff1') },
  'fall-through own in svc': { pre: 'create schema svc;', path: 'svc,public', sql: T('svc') + V('svc.alembic_version', H) + other + V('public.alembic_version', 'fffffffffff1') },
  'shared table names': { pre: 'create schema svc;', path: 'svc,public', sql: T('svc') + V('svc.alembic_version', H) + T('public') + V('public.alembic_version', 'fffffffffff1') },
  'shared table names, own table lacks': { pre: 'create schema svc;', path: 'svc,public', sql: T('svc').replace(/create table svc.items.*/, '') + V('svc.alembic_version', H) + T('public') + V('public.alembic_version', 'fffffffffff1') },
  'another chain row in ours': { sql: T('public') + V('alembic_version', H, 'fffffffffff1') },
  'another chain row alone, our tables': { sql: T('public') + V('alembic_version', 'fffffffffff1') },
  'another chain row alone, none of ours': { sql: other + V('alembic_version', 'fffffffffff1') },
  'duplicate rows': { sql: T('public') + V('alembic_version', H, H, H) },
  'overlapping rows': { sql: T('public') + V('alembic_version', 'b2b2c0ffee02', H) },
  'overlapping all three': { sql: T('public') + V('alembic_version', 'a1a1c0ffee01', 'b2b2c0ffee02', H) },
  'overlap + duplicates': { sql: T('public') + V('alembic_version', 'b2b2c0ffee02', H, H) },
  'truncated id': { sql: T('public') + V('alembic_version', 'c3c3c0') },
  'truncated + whole': { sql: T('public') + V('alembic_version', 'c3c3c0', H) },
  'upper case': { sql: T('public') + V('alembic_version', H.toUpperCase()) },
  'blank row': { sql: T('public') + V('alembic_version', ' ') },
  'no table': { sql: T('public') },
  'no table, empty db': { sql: 'select 1' },
  'no row': { sql: T('public') + V('alembic_version') },
  'no row, empty db': { sql: V('alembic_version') },
  'no row, empty db, another chain in other schema': { pre: 'create schema o;', sql: V('alembic_version') + other.replaceAll('public', 'o') + V('o.alembic_version', 'fffffffffff1') },
  'partition of rows': { sql: T('public') + 'create table alembic_version (version_num varchar(32) not null) partition by list (version_num); create table av1 partition of alembic_version default; ' + `insert into alembic_version values ('${H}')` },
  'quoted upper version table': { extra: ", version_table='Alembic Version'", sql: T('public') + V('"Alembic Version"', H) },
  'temp version table shadow': { sql: T('public') + V('alembic_version', H) },
  'role no select on version table': { role: 'grant usage on schema public to ROLE; grant select on users, orders, items to ROLE', sql: T('public') + V('alembic_version', H) },
  'role no usage on version_table_schema': { extra: ", version_table_schema='svc'", pre: 'create schema svc;', role: 'grant select on all tables in schema public to ROLE', sql: T('public') + V('svc.alembic_version', H) },
  'role no usage on one schema of path': { pre: 'create schema svc;', path: 'svc,public', role: 'grant usage on schema public to ROLE; grant select on all tables in schema public to ROLE', sql: T('svc') + V('svc.alembic_version', H) + other + V('public.alembic_version', 'fffffffffff1') },
  'role no usage on public at all': { role: 'grant connect on database DB to ROLE', sql: 'revoke all on schema public from public;' + T('public') + V('alembic_version', H) },
  'role sees nothing, schemas qualified': { pre: 'create schema svc;', extra: ", version_table_schema='svc'", role: 'grant connect on database DB to ROLE', sql: T('public') + V('svc.alembic_version', H) },
};
it('chains', async () => {
  const only = process.env.ONLY; const major = Number(process.env.MAJOR ?? 18);
  const file = `/tmp/scratch-live/chains.${major}.txt`;
  writeFileSync(file, '');
  for (const [name, s] of Object.entries(S)) {
    if (only && !name.includes(only)) continue;
    const project = sqlProject(revisions, s.extra === undefined ? {} : env(s.extra));
    await using database = await testDatabase({ major });
    try { await database.connection.query((s.pre ?? '') + s.sql); } catch (e) { appendFileSync(file, `${name}: FAILED ${(e as Error).message}\n`); continue; }
    let url = s.role ? await database.urlOfNewRole(s.role.replaceAll('DB', `"${database.name}"`)) : database.url;
    if (s.path) url += `&options=${encodeURIComponent(`-c search_path=${s.path}`)}`;
    const skip = /^(foreign-key-without-index|irreversible-downgrade|placeholder-revision-id)/;
    let text: string;
    try {
      const r = await run('doctor', { project: project.dir, url, format: 'json', scratch: false });
      const rep = r.report();
      text = `${r.exitCode} ${r.error?.code ?? ''} stamp ${JSON.stringify(rep.database?.stamp)} at ${rep.database?.comparedAt}; like ${JSON.stringify(rep.database?.looksLike?.slice(0, 1).map((l) => [l.revisions, l.score]))}\n` + rep.findings.filter((f) => !skip.test(f.rule)).map((f) => `   ${f.severity} ${f.certainty[0]} ${f.key} ${f.causedBy.length ? '<-' + f.causedBy : ''}: ${f.message.slice(0, 200)}${f.remedy ? ' => ' + f.remedy.summary.slice(0, 140) : ''}`).join('\n') + '\n   nc ' + rep.notChecked.filter((n) => !/git|no models/.test(n.reason)).map((n) => n.rule + ':' + n.reason.slice(0, 80)).join(' | ');
      const l = await run('locate', { project: project.dir, url, format: 'text' });
      text += `\n   locate ${l.exitCode} ${l.error?.message ?? ''} ${l.out.split('\n').slice(0, 3).join(' / ')}`;
    } catch (e) { text = `THROWN ${(e as Error).stack}`; }
    appendFileSync(file, `## ${name}: ${text}\n`);
    project.remove();
  }
});
