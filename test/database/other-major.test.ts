/** A server whose major prints expressions otherwise than the scratch server's: what was written alike is no drift. */
import { describe, expect, it } from 'vitest';
import { run } from '../support/in-process.ts';
import { testDatabase, testServer } from '../support/postgres.ts';
import { availableMajors } from '../support/postgres-majors.ts';
import { sqlProject } from '../support/sql-project.ts';

const sql = `CREATE TABLE t (id int PRIMARY KEY, at timestamp DEFAULT (now() AT TIME ZONE 'utc'), d date, s text,
    y int GENERATED ALWAYS AS (extract(year FROM d)::int) STORED,
    CHECK (trim(both FROM s) <> '' AND substring(s FROM 1 FOR 2) <> 'xx'), CHECK (position('a' IN s) > 0));
  CREATE INDEX ti ON t ((at AT TIME ZONE 'utc')) WHERE extract(year FROM d) > 2000;
  CREATE TABLE pt (id int, ts timestamptz) PARTITION BY RANGE ((ts AT TIME ZONE 'UTC'));
  CREATE DOMAIN word AS text CONSTRAINT z CHECK (value <> '') CONSTRAINT a CHECK (length(value) < 9);
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE AGGREGATE everything (*) (sfunc = int8inc, stype = int8, initcond = '0');
  CREATE PROCEDURE work(INOUT a int, b text) LANGUAGE plpgsql AS $$ BEGIN a := 1; END $$`;

describe.each(availableMajors().filter((major) => major === 13 || major === 18))('PostgreSQL %i', (major) => {
  it('has what the revision made, and nothing is said', async () => {
    const project = sqlProject({ a1a1c0ffee01: { sql } });
    await using database = await testDatabase({
      major,
      sql: `${sql}; CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('a1a1c0ffee01')`,
    });
    const flags = { project: project.dir, url: database.url, format: 'json', scratchUrl: (await testServer()).url };
    const said = (await run('doctor', flags)).report().findings.map(({ key }) => key);
    expect(said).toEqual([]);
    await database.connection.query(`ALTER TABLE t ALTER at SET DEFAULT (now() AT TIME ZONE 'cet')`);
    const then = (await run('doctor', flags)).report().findings.map(({ key }) => key);
    expect(then).toEqual(['column-default-altered:public.t.at']);
    project.remove();
  });
});
