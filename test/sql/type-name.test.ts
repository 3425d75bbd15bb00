import { describe, expect, it } from 'vitest';
import { canonicalType } from '../../src/model/type-name.ts';
import { testDatabase } from '../support/postgres.ts';

/** Spellings and what `format_type` of PostgreSQL 15 prints for them under search_path public. */
const cases: [string, string][] = [
  ['varchar(36)', 'character varying(36)'],
  ['VARCHAR', 'character varying'],
  ['character varying ( 36 )', 'character varying(36)'],
  ['national character varying(5)', 'character varying(5)'],
  ['char', 'character(1)'],
  ['CHAR(3)', 'character(3)'],
  ['nchar(5)', 'character(5)'],
  ['"char"', '"char"'],
  ['bpchar', 'bpchar'],
  ['bpchar(4)', 'character(4)'],
  ['int', 'integer'],
  ['int4', 'integer'],
  ['INT8', 'bigint'],
  ['smallint', 'smallint'],
  ['serial', 'integer'],
  ['bigserial', 'bigint'],
  ['bool', 'boolean'],
  ['decimal', 'numeric'],
  ['numeric(10)', 'numeric(10,0)'],
  ['NUMERIC( 10 , 2 )', 'numeric(10,2)'],
  ['dec(4,-2)', 'numeric(4,-2)'],
  ['float', 'double precision'],
  ['float(24)', 'real'],
  ['float(53)', 'double precision'],
  ['double precision', 'double precision'],
  ['real', 'real'],
  ['timestamp', 'timestamp without time zone'],
  ['timestamptz(3)', 'timestamp(3) with time zone'],
  ['timestamp(3) with time zone', 'timestamp(3) with time zone'],
  ['TIME WITHOUT TIME ZONE', 'time without time zone'],
  ['timetz', 'time with time zone'],
  ['interval', 'interval'],
  ['interval(3)', 'interval(3)'],
  ['interval day to second', 'interval day to second'],
  ['interval second(3)', 'interval second(3)'],
  ['bit', 'bit(1)'],
  ['bit(8)', 'bit(8)'],
  ['bit varying(8)', 'bit varying(8)'],
  ['varbit', 'bit varying'],
  ['text[]', 'text[]'],
  ['int[3][]', 'integer[]'],
  ['varchar(36) array', 'character varying(36)[]'],
  ['integer ARRAY[4]', 'integer[]'],
  ['timestamptz[]', 'timestamp with time zone[]'],
  ['pg_catalog.int4', 'integer'],
  ['pg_catalog."varchar"(3)', 'character varying(3)'],
  ['public.mood', 'mood'],
  ['other.mood', 'other.mood'],
  ['"Mood"', '"Mood"'],
  ['public."Mood"[]', '"Mood"[]'],
  ['Mood', 'mood'],
  ['"other schema".x', '"other schema".x'],
  ['vector(1536)', 'vector(1536)'],
  ['geometry(point,4326)', 'geometry(Point,4326)'],
  ['geography(MULTIPOLYGON, 4326)', 'geography(MultiPolygon,4326)'],
  ['jsonb', 'jsonb'],
  ['uuid', 'uuid'],
  ['"user"', '"user"'],
  ['constructor', 'constructor'],
  ['größe', '"größe"'],
];

describe('canonicalType', () => {
  it.each(cases)('%s → %s', (text, expected) => {
    expect(canonicalType(text)).toBe(expected);
    expect(canonicalType(expected)).toBe(expected);
  });

  it('leaves what is no type as it is', () => {
    for (const text of ['', 'a b c', 'int (', '{', 'x.', 'numeric(1', 'a + b'])
      expect(canonicalType(text)).toBe(text.trim());
  });

  it('says what PostgreSQL says', async () => {
    const known = cases.filter(([text]) => !/vector|geo|größe|constructor|"user"/.test(text));
    await using db = await testDatabase({
      sql: 'CREATE TYPE mood AS ENUM (); CREATE TYPE "Mood" AS ENUM (); CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM (); CREATE SCHEMA "other schema"; CREATE TYPE "other schema".x AS ENUM ();',
    });
    for (const [text, expected] of known) {
      await db.connection.query(`CREATE TABLE pg_temp.probe (a ${text})`);
      const { rows } = await db.connection.query<{ type: string }>(
        "SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'pg_temp.probe'::regclass AND attname = 'a'",
      );
      expect([text, rows[0]?.type]).toEqual([text, expected]);
      await db.connection.query('DROP TABLE pg_temp.probe');
    }
  });
});
