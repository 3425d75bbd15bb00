/** The reconciling revision's SQL: the same end from every start, by shape and not by name alone. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import { emptySchema, type Schema } from '../../src/model/schema.ts';
import { reconcilingStatements } from '../../src/repair/reconcile-sql.ts';
import { settle } from '../../src/repair/settle.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

const origin = { revision: null, file: 'x.sql', line: 1 };
const context = { namingConvention: null, searchPath: ['public'] };
const read = (sql: string) => parseSql(sql, { origin });

const standing = `
  CREATE TABLE tenants (id varchar(36) PRIMARY KEY);
  CREATE TABLE users (id int PRIMARY KEY, role_id varchar(36));`;
const wanted = `
  CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE TABLE roles (
    id varchar(36) PRIMARY KEY,
    tenant_id varchar(36) REFERENCES tenants (id) ON DELETE CASCADE,
    name varchar(100) NOT NULL,
    mood mood NOT NULL DEFAULT 'good',
    rank integer NOT NULL DEFAULT 0 CHECK (rank >= 0),
    made timestamp with time zone DEFAULT now(),
    UNIQUE (tenant_id, name)
  );
  CREATE INDEX roles_name_idx ON roles (name, rank DESC);
  CREATE UNIQUE INDEX roles_lower_idx ON roles (lower(name)) WHERE rank > 0;
  ALTER TABLE users ADD CONSTRAINT users_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id);`;

function statements(): string[] {
  const before = read(standing).length;
  const all = settle(read(standing + wanted), emptySchema(), context).operations;
  expect(before).toBe(2);
  return reconcilingStatements(all.slice(2)).flatMap(({ sql }) => sql);
}

let database: TestDatabase;
const notices: string[] = [];
beforeAll(() => loadSqlParser());
beforeEach(async () => {
  database = await testDatabase({ sql: standing });
  notices.length = 0;
  database.connection.onNotice((notice) => {
    // PostgreSQL's own "already exists, skipping" is no news.
    if (!/already exists, skipping/.test(notice.message)) notices.push(notice.message);
  });
});
afterEach(() => database.drop());

async function reconcile(): Promise<void> {
  await database.connection.transaction(async () => {
    for (const sql of statements()) await database.connection.query(sql);
  });
}

/** Names and meaning, columns in no order. */
async function shape(): Promise<unknown> {
  const { schema } = await introspect(database.connection);
  return describeSchema(schema);
}

function describeSchema(schema: Schema): unknown {
  const sorted = <Value>(map: ReadonlyMap<string, Value>, show: (value: Value) => unknown) =>
    Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, show(value)]));
  return {
    enums: sorted(schema.enums, (type) => type.labels),
    tables: sorted(schema.tables, (table) => ({
      columns: sorted(table.columns, ({ type, notNull, default: fallback }) => [type, notNull, fallback]),
      constraints: [...table.constraints.values()].map((one) => `${one.definition} ${one.validated}`).sort(),
      indexes: [...table.indexes.values()].map((one) => one.definition.replace(/INDEX \S+/, 'INDEX')).sort(),
    })),
  };
}

async function wantedShape(): Promise<unknown> {
  await using fresh = await testDatabase({ sql: standing + wanted });
  return describeSchema((await introspect(fresh.connection)).schema);
}

describe('reconcilingSql', () => {
  it.each([
    ['nothing of it is there', ''],
    ['all of it is there', wanted],
    ['under other names', wanted.replace('users_role_id_fkey', 'other_key').replace('roles_name_idx', 'other_idx')],
    ['the type alone is there', `CREATE TYPE mood AS ENUM ('good', 'bad')`],
    [
      'half a table, with a row',
      `CREATE TABLE roles (id varchar(36) PRIMARY KEY, name varchar(100) NOT NULL); INSERT INTO roles VALUES ('r', 'n')`,
    ],
    [
      'a table without any of its keys',
      `CREATE TABLE roles (id varchar(36), tenant_id varchar(36), name varchar(100))`,
    ],
    ['a key that was never validated', `${wanted.trimEnd().slice(0, -1)} NOT VALID;`],
  ])('ends alike when %s, twice over', async (_words, start) => {
    if (start !== '') await database.connection.query(start);
    await reconcile();
    const once = await shape();
    expect(once).toEqual(await wantedShape());
    await reconcile();
    expect(await shape()).toEqual(once);
    expect(notices).toEqual([]);
  });

  it('raises with the difference when a column stands with another type, and changes nothing', async () => {
    await database.connection.query('CREATE TABLE roles (id integer PRIMARY KEY, name text)');
    const before = await shape();
    await expect(reconcile()).rejects.toThrow(
      /roles stands with another shape.*id is integer, not character varying\(36\); name is text, not character varying\(100\)/,
    );
    expect(await shape()).toEqual(before);
  });

  it('raises when a type stands without a label', async () => {
    await database.connection.query(`CREATE TYPE mood AS ENUM ('good')`);
    await expect(reconcile()).rejects.toThrow(/mood stands without the labels bad/);
  });

  it('raises when another index bears the name', async () => {
    await database.connection.query('CREATE TABLE other (id int); CREATE INDEX roles_name_idx ON other (id)');
    await expect(reconcile()).rejects.toThrow(/roles_name_idx/);
  });

  it('leaves a key NOT VALID with a notice where rows contradict it, and validates it later', async () => {
    await database.connection.query(`INSERT INTO users VALUES (1, 'gone')`);
    await reconcile();
    expect(notices).toEqual([expect.stringMatching(/users_role_id_fkey stays NOT VALID.*users/)]);
    const { schema } = await introspect(database.connection);
    expect(schema.tables.get('public.users')?.constraints.get('users_role_id_fkey')?.validated).toBe(false);
    await database.connection.query(`INSERT INTO roles (id, name) VALUES ('gone', 'n')`);
    await reconcile();
    expect(await shape()).toEqual(await wantedShape());
  });

  it('leaves a column nullable with a notice where rows have no value', async () => {
    await database.connection.query(`CREATE TABLE roles (id varchar(36) PRIMARY KEY); INSERT INTO roles VALUES ('r')`);
    await reconcile();
    expect(notices).toEqual([expect.stringContaining('roles.name stays nullable')]);
    await database.connection.query(`UPDATE roles SET name = 'n'`);
    await reconcile();
    expect(await shape()).toEqual(await wantedShape());
  });

  it('is read back statically: a replay of it declares what it makes', () => {
    const text = statements().join(';\n');
    const base = settle(read(standing), emptySchema(), context).schema;
    const replayed = settle(read(`${text};`), base, context).schema;
    const direct = settle(read(wanted), base, context).schema;
    expect(describeSchema(replayed)).toEqual(describeSchema(direct));
    const again = settle(read(`${text};`), replayed, context).schema;
    expect(describeSchema(again)).toEqual(describeSchema(direct));
  });
});
