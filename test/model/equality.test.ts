import { describe, expect, it } from 'vitest';
import { introspect } from '../../src/database/index.ts';
import { equalsOperator, isOneOf } from '../../src/model/equality.ts';
import { emptySchema } from '../../src/model/schema.ts';
import { testDatabase } from '../support/postgres.ts';

describe('isOneOf', () => {
  it('finds what IN finds, for every kind of type, by an operator that is PostgreSQL’s own', async () => {
    await using database = await testDatabase({
      sql: `create type mood as enum ('calm', 'so "so"', 'a\\b');
            create domain label as character varying(9);
            create table t (v varchar(3), m mood, u uuid, i bigint, d label, c char(5), a text[], at timestamptz, n numeric(5,2));
            insert into t values
              ('abc', 'so "so"', '00000000-0000-0000-0000-00000000000a', 7, 'one', 'x', '{a,"b c"}', '2020-01-01 00:00+00', 1.50),
              ('ab', 'a\\b', '00000000-0000-0000-0000-00000000000b', 8, 'it''s', 'y', '{}', '2020-01-02 00:00+00', 2)`,
    });
    const { schema } = await introspect(database.connection);
    const columns = [...(schema.tables.get('public.t')?.columns.values() ?? [])];
    expect(columns).toHaveLength(9);
    const count = async (condition: string) =>
      (await database.connection.query<{ n: number }>(`select count(*)::int as n from t where ${condition}`)).rows[0]
        ?.n;
    for (const { name, type } of columns) {
      const values = (
        await database.connection.query<{ v: string }>(`select ${name}::text as v from t order by i`)
      ).rows.map(({ v }) => v);
      const asked = { sql: name, type };
      expect([type, equalsOperator(type, schema)]).toEqual([type, 'OPERATOR(pg_catalog.=)']);
      expect([
        name,
        await count(
          isOneOf(
            [asked],
            values.map((value) => [value]),
            schema,
          ),
        ),
      ]).toEqual([name, 2]);
      expect([
        name,
        await count(
          isOneOf(
            [asked],
            values.slice(0, 1).map((value) => [value]),
            schema,
          ),
        ),
      ]).toEqual([name, 1]);
      const other = { sql: 'i', type: 'bigint' };
      const rows = values.map((value, index) => [value, String(7 + index)]);
      expect([name, await count(isOneOf([asked, other], rows, schema))]).toEqual([name, 2]);
    }
    expect(await count(isOneOf([{ sql: 'v', type: 'character varying(3)' }], [['abcd']], schema))).toBe(0);
    expect(await count(isOneOf([{ sql: 'v', type: 'character varying(3)' }], [], schema))).toBe(0);
  });

  it('leaves the types of extensions to what they mean by equal', () => {
    const condition = isOneOf([{ sql: 'email', type: 'citext' }], [['A@b']], emptySchema());
    expect(condition).toBe(`email IN ('A@b')`);
    expect(equalsOperator(undefined, emptySchema())).toBe('=');
  });
});
