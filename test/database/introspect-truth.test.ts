/** Introspection against an independent reading of the same database, on every major at hand. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, connect, introspect } from '../../src/database/index.ts';
import type { LiveDatabase } from '../../src/model/live.ts';
import { schemaToJson } from '../../src/model/schema-json.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { availableMajors } from '../support/postgres-majors.ts';
import { truthOf } from '../support/truth.ts';

const everyKind = readFileSync(new URL('../support/data/every-kind.sql', import.meta.url), 'utf8');
/** Which part of such a name is the schema is told by nothing but the schema. */
const dotted = `create schema "a.b";
  create table "a.b"."c.d" ("e.f" integer not null, "select" integer) partition by list ("e.f");
  create table "a.b"."c.d.1" partition of "a.b"."c.d" for values in (1);
  create sequence "a.b"."s.e.q" owned by "a.b"."c.d"."select";`;
const since15 = `create table nulls (a integer, b integer, unique nulls not distinct (a)); create unique index on nulls (b) nulls not distinct;`;
const since18 = `create table virtual (a integer, b integer generated always as (a + 1) virtual, c integer constraint c_nn not null, check (a > 0) not enforced);`;

describe.each(availableMajors())('PostgreSQL %i', (major) => {
  let database: TestDatabase;
  let connection: Connection;
  let live: LiveDatabase;
  beforeAll(async () => {
    database = await testDatabase({
      sql: everyKind + dotted + (major >= 15 ? since15 : '') + (major >= 18 ? since18 : ''),
      major,
    });
    connection = await connect(database.target, { readOnly: true });
    live = await introspect(connection);
  });
  afterAll(async () => {
    await connection?.close();
    await database?.drop();
  });

  it('sees all that an independent reading sees, key by key', async () => {
    // `revisions` is a version table under a name of its own.
    const truth = await truthOf(connection, ['app.revisions']);
    expect(schemaToJson(live.schema)).toEqual(truth);
    expect([live.encoding, live.eventTriggers]).toEqual(['UTF8', ['Ev 1', 'ev_2']]);
    expect(live.serverVersionNumber).toBeGreaterThanOrEqual(major * 10_000);
  });

  it('finds the version tables of every chain, with what they hold', () => {
    expect(live.versionTables).toEqual([
      {
        key: 'app.alembic_version_other',
        namespace: 'app',
        name: 'alembic_version_other',
        owner: 'postgres',
        width: 255,
        hasPrimaryKey: false,
        rows: ['x', 'x'],
        nullRows: 0,
        isFiltered: false,
        problem: null,
        isResolved: false,
      },
      {
        key: 'app.revisions',
        namespace: 'app',
        name: 'revisions',
        owner: 'postgres',
        width: 32,
        hasPrimaryKey: false,
        rows: [],
        nullRows: 0,
        isFiltered: false,
        problem: null,
        isResolved: false,
      },
      {
        key: 'public.alembic_version',
        namespace: 'public',
        name: 'alembic_version',
        owner: 'postgres',
        width: 32,
        hasPrimaryKey: true,
        rows: ['a', 'b'],
        nullRows: 0,
        isFiltered: false,
        problem: null,
        isResolved: true,
      },
    ]);
    expect(live.schema.tables.has('app.versions')).toBe(true);
  });

  it('tells apart what text alone does not', () => {
    const reservations = live.schema.tables.get('public.reservations');
    expect(reservations?.indexes.get('reservations_lower_expr_name_during_idx')?.keys).toEqual([
      {
        text: 'lower(name)',
        isExpression: true,
        descending: true,
        nullsFirst: false,
        operatorClass: null,
        collation: null,
      },
      {
        text: '(room + 1)',
        isExpression: true,
        descending: false,
        nullsFirst: false,
        operatorClass: null,
        collation: null,
      },
      {
        text: 'name',
        isExpression: false,
        descending: false,
        nullsFirst: false,
        operatorClass: 'text_pattern_ops',
        collation: '"C"',
      },
    ]);
    expect(reservations?.constraints.get('included')?.include).toEqual(['name']);
    expect(live.schema.tables.get('public.tenants')?.policies.get('ins')).toMatchObject({
      permissive: false,
      roles: ['postgres'],
    });
    expect(live.schema.tables.get('public.Odd Name')?.triggers.get('quiet one')?.enabled).toBe(false);
    expect(live.schema.composites.get('app.pair')?.attributes).toEqual([
      { name: 'a', type: 'integer' },
      { name: 'B c', type: 'text[]' },
    ]);
    expect(live.schema.sequences.get('public.free_seq')).toMatchObject({
      type: 'smallint',
      start: '5',
      increment: '3',
      minValue: '2',
      maxValue: '90',
      cycle: true,
      ownedBy: null,
    });
    expect(live.schema.tables.get('public.tenants')?.constraints.get('tenants_price_check')?.expression).toBe(
      '(price >= (0)::numeric)',
    );
    expect(live.extensionObjects.has('public.citext')).toBe(true);
    // Up to 14 PostgreSQL calls such clones internal.
    if (major >= 15)
      expect(live.schema.tables.get('public.events_2020')?.triggers.get('each_event')?.fromPartitionParent).toBe(true);
    if (major >= 15)
      expect(live.schema.tables.get('public.nulls')?.constraints.get('nulls_a_key')?.nullsNotDistinct).toBe(true);
    if (major >= 18) expect(live.schema.tables.get('public.virtual')?.columns.get('b')?.generated?.stored).toBe(false);
    if (major >= 18)
      expect([...(live.schema.tables.get('public.virtual')?.constraints.keys() ?? [])]).toEqual(['virtual_a_check']);
  });

  it('gives the same fingerprint for the same schema, and another one after any change', async () => {
    expect((await introspect(connection)).fingerprint).toBe(live.fingerprint);
    await database.connection.query(
      `comment on column reservations.room is 'x'; comment on constraint included on reservations is 'x'; alter table reservations owner to current_user`,
    );
    expect((await introspect(connection)).fingerprint).toBe(live.fingerprint);
    await database.connection.query(`alter table reservations alter room set not null`);
    expect((await introspect(connection)).fingerprint).not.toBe(live.fingerprint);
    await database.connection.query(`alter table reservations alter room drop not null`);
    expect((await introspect(connection)).fingerprint).toBe(live.fingerprint);
    await database.connection.query(`insert into alembic_version values ('c')`);
    expect((await introspect(connection)).fingerprint).not.toBe(live.fingerprint);
  });
});
