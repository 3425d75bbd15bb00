import { beforeAll, describe, expect, it } from 'vitest';
import type { SeedStatement, SeedValue } from '../../src/model/seed.ts';
import { loadSqlParser, readSeedSql } from '../../src/sql/index.ts';

beforeAll(loadSqlParser);

const read = (text: string) => readSeedSql('scripts/seed.sql', text);
const inserts = (text: string) => read(text).statements.filter(({ verb }) => verb === 'insert');
const short = (value: SeedValue) =>
  value.kind === 'literal'
    ? value.value
    : value.kind === 'variable'
      ? `$${value.name}`
      : value.kind === 'default'
        ? 'DEFAULT'
        : `{${value.sql}}`;
const rowsOf = (statement: SeedStatement | undefined) => statement?.rows?.map((row) => row.values.map(short));

describe('the seed zoo', () => {
  const zoo = `-- 🌱 data
\\set ON_ERROR_STOP on
\\set admin 'user-1'
INSERT INTO users (id, email) VALUES ('é😀', 'a;b'), ('b', $tag$c;'d$tag$) ON CONFLICT (email) WHERE deleted_at IS NULL DO NOTHING;
DO $$
DECLARE v_id varchar(36);
BEGIN
  INSERT INTO users (id, email) VALUES ('u2', 'x') ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING id INTO v_id;
  INSERT INTO links VALUES (v_id, 'u2', DEFAULT, -5, now(), gen_random_uuid()::text, '[]'::jsonb);
END $$;
COPY t (a, b) FROM stdin;
1\tx\\ty
\\N\té😀
\\.
\\i other.sql
INSERT INTO v VALUES (:'admin', :n);
\\copy t from 'x.csv' csv
`;

  it('gives every row with the line of the original file', () => {
    const { statements, errors } = read(zoo);
    expect(errors).toEqual([]);
    expect(
      statements.map(({ verb, line, table, rows }) => [verb, line, table?.name, rows?.map((row) => row.line)]),
    ).toEqual([
      ['insert', 4, 'users', [4, 4]],
      ['insert', 8, 'users', [8]],
      ['insert', 9, 'links', [9]],
      ['copy', 11, 't', [12, 13]],
      ['insert', 16, 'v', [16]],
      ['copy', 17, 't', undefined],
    ]);
    expect(statements.map(rowsOf)).toEqual([
      [
        ['é😀', 'a;b'],
        ['b', "c;'d"],
      ],
      [['u2', 'x']],
      [['$v_id', 'u2', 'DEFAULT', '-5', '{now()}', '{gen_random_uuid()::text}', '[]']],
      [
        ['1', 'x\ty'],
        [null, 'é😀'],
      ],
      [['user-1', '$n']],
      undefined,
    ]);
  });

  it('names what needs psql, each once', () => {
    expect(read(zoo).directives.map(({ command, line }) => [command, line])).toEqual([
      ['\\set', 2],
      ['\\set', 3],
      ['copy-data', 12],
      ['\\i', 15],
      ['variable', 16],
      ['variable', 16],
      ['\\copy', 17],
    ]);
  });

  it('slices to what it claims', () => {
    const { statements, blocks } = read(zoo);
    const slice = ({ from, to }: { from: number; to: number }) => zoo.slice(from, to);
    expect(slice(statements[0]?.onConflict?.span as never)).toBe(
      'ON CONFLICT (email) WHERE deleted_at IS NULL DO NOTHING',
    );
    expect(statements[0]?.onConflict).toMatchObject({
      columns: ['email'],
      where: 'deleted_at IS NULL',
      action: 'nothing',
    });
    expect(slice(statements[0]?.columnsSpan as never)).toBe('(id, email)');
    expect(statements[0]?.rows?.[1]?.values.map(({ span }) => slice(span))).toEqual(["'b'", "$tag$c;'d$tag$"]);
    expect(slice(statements[2]?.rows?.[0]?.values[5]?.span as never)).toBe('gen_random_uuid()::text');
    expect(statements[2]?.rows?.[0]?.values[5]).toMatchObject({ volatile: true });
    expect(slice(statements[4]?.rows?.[0]?.values[0]?.span as never)).toBe(":'admin'");
    expect(statements[1]).toMatchObject({
      hasReturning: true,
      returningInto: [{ column: 'id', variable: 'v_id' }],
      insideBlock: true,
    });
    expect(slice(blocks[0]?.declareSpan as never)).toBe('DECLARE v_id varchar(36);');
    expect(slice(blocks[0]?.beginSpan as never)).toBe('BEGIN');
  });
});

describe('statements', () => {
  it('tells writes in WITH from the query around them', () => {
    const { statements } = read(`DO $$ DECLARE v text; BEGIN
      WITH up AS (INSERT INTO users (id, email) VALUES ('a', 'e') ON CONFLICT (email) DO UPDATE SET x = 1 RETURNING id, email)
      SELECT id INTO v FROM up WHERE email = 'e';
    END $$`);
    expect(statements.map(({ verb, table, returningInto }) => [verb, table?.name ?? null, returningInto])).toEqual([
      ['insert', 'users', []],
      ['select', null, [{ column: 'id', variable: 'v' }]],
    ]);
  });

  it('reads INSERT … SELECT, UPDATE and comparisons', () => {
    const [insert, update, constant] =
      read(`INSERT INTO m (b, u) SELECT b.id, 'u1' AS u FROM brands b WHERE b.slug = 'z';
      UPDATE users AS x SET owner = 'u1', at = now() WHERE x.id IN ('a', 'b') AND x.tenant = 'q'::text;
      INSERT INTO a (x) SELECT 'y' WHERE NOT EXISTS (SELECT 1 FROM a WHERE x = 'y');`).statements;
    expect(insert?.rows).toBeNull();
    expect(insert?.targets?.map(short)).toEqual(['{b.id}', 'u1']);
    expect(insert?.comparisons?.map(({ table, column, value }) => [table?.name, column, short(value)])).toEqual([
      ['brands', 'slug', 'z'],
    ]);
    expect(update?.sets?.map(({ column, value }) => [column, short(value)])).toEqual([
      ['owner', 'u1'],
      ['at', '{now()}'],
    ]);
    expect(update?.comparisons?.map(({ table, column, value }) => [table?.name, column, short(value)])).toEqual([
      ['users', 'id', 'a'],
      ['users', 'id', 'b'],
      ['users', 'tenant', 'q'],
    ]);
    expect(rowsOf(constant)).toEqual([['y']]);
  });

  it('knows verbs', () => {
    const text =
      'BEGIN; SET x.y = 1; TRUNCATE a, b; ALTER TABLE t DISABLE TRIGGER ALL; CREATE TABLE q (a int); SET session_replication_role = replica; SELECT 1; COMMIT;';
    expect(
      read(text).statements.map(({ verb, table, disablesForeignKeys }) => [
        verb,
        table?.name ?? null,
        disablesForeignKeys ?? false,
      ]),
    ).toEqual([
      ['transaction', null, false],
      ['set', null, false],
      ['truncate', 'a', false],
      ['truncate', 'b', false],
      ['ddl', 't', true],
      ['ddl', 'q', false],
      ['set', null, true],
      ['select', null, false],
      ['transaction', null, false],
    ]);
  });

  it('gives one error with its line and reads the rest', () => {
    const { errors, statements } = read(
      "INSERT INTO a VALUES ('😀');\nINSERT INTO b VALUES (1,;\nINSERT INTO c VALUES (2);",
    );
    expect(errors).toEqual([{ line: 2, message: 'syntax error at or near ";"' }]);
    expect(statements.map(({ table }) => table?.name)).toEqual(['a', 'c']);
    expect(read('DO $$\nBEGIN\n  INSERT INTO a VALUES (1;\nEND $$;').errors).toHaveLength(1);
  });
});

describe('guards', () => {
  const guardsOf = (text: string) => inserts(text).flatMap(({ guards }) => guards);
  const block = (condition: string, rest = 'END IF;') =>
    `DO $$ BEGIN\nIF ${condition} THEN\n INSERT INTO t VALUES (1);\n${rest}\nEND $$`;

  it.each([
    [
      "EXISTS (SELECT FROM information_schema.tables WHERE table_name = 't')",
      { table: { schema: null, name: 't' }, isUnqualified: true },
    ],
    [
      "EXISTS (SELECT FROM information_schema.tables WHERE table_schema = 'app' AND table_name = 't')",
      { table: { schema: 'app', name: 't' }, isUnqualified: false },
    ],
    ["to_regclass('public.t') IS NOT NULL", { table: { schema: 'public', name: 't' }, isUnqualified: false }],
    [
      "EXISTS (SELECT 1 FROM pg_tables WHERE tablename = 't')",
      { table: { schema: null, name: 't' }, isUnqualified: true },
    ],
    [
      "EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 't' AND n.nspname = 'public')",
      { table: { schema: 'public', name: 't' }, isUnqualified: false },
    ],
  ])('%s', (condition, expected) => {
    expect(guardsOf(block(condition))).toMatchObject([{ ...expected, line: 2, skipsSilently: true, elseRaise: null }]);
  });

  it('hears the other branch', () => {
    const probe = "EXISTS (SELECT FROM information_schema.tables WHERE table_name = 't')";
    expect(guardsOf(block(probe, "ELSE\n RAISE NOTICE 'skipped';\nEND IF;"))).toMatchObject([
      { skipsSilently: true, elseRaise: { line: 5, level: 'notice' } },
    ]);
    expect(guardsOf(block(probe, "ELSE RAISE EXCEPTION 'no t'; END IF;"))).toMatchObject([
      { skipsSilently: false, elseRaise: { level: 'exception' } },
    ]);
  });

  it('is none of rows', () => {
    expect(guardsOf(block("NOT EXISTS (SELECT 1 FROM t WHERE id = 'x')"))).toMatchObject([
      { table: null, skipsSilently: false },
    ]);
  });

  it('follows an early return', () => {
    const text =
      "DO $$ BEGIN\nIF to_regclass('t') IS NULL THEN RAISE NOTICE 'skip'; RETURN; END IF;\nINSERT INTO t VALUES (1);\nEND $$";
    expect(guardsOf(text)).toMatchObject([
      { table: { name: 't' }, skipsSilently: true, elseRaise: { level: 'notice' } },
    ]);
  });
});

describe('the search_path that a seed sets', () => {
  const pathsOf = (text: string) => inserts(text).map(({ table }) => table?.searchPath ?? null);
  const insert = 'INSERT INTO t VALUES (1);';

  it.each([
    [insert, [null]],
    [`SET search_path TO app, public; ${insert}`, [['app', 'public']]],
    [`SET search_path = "$user", app; ${insert} RESET search_path; ${insert}`, [['app'], null]],
    [`BEGIN; SET LOCAL search_path TO app; ${insert} COMMIT; ${insert}`, [['app'], null]],
    [`SELECT pg_catalog.set_config('search_path', 'app', false); ${insert}`, [['app']]],
    [`SET search_path TO app; DO $$ BEGIN ${insert} END $$;`, [['app']]],
    ['SET search_path TO app; INSERT INTO other.t VALUES (1);', [null]],
    [`SET timezone TO 'UTC'; ${insert}`, [null]],
  ])('%s', (text, expected) => {
    expect(pathsOf(text)).toEqual(expected);
  });
});

describe('versions', () => {
  it.each([
    ['-- Version: 1.1.0\nSELECT 1;', ['1.1.0']],
    ['-- Seed version 2.0\nSELECT 1;', ['2.0']],
    ["\\set SEED_VERSION '1.2.3'\n", ['1.2.3']],
    ["DO $$ BEGIN RAISE NOTICE 'Seeding - Version 1.1.0'; END $$", ['1.1.0']],
    ["DO $$ DECLARE seed_version CONSTANT text := '3.1.0'; BEGIN NULL; END $$", ['3.1.0']],
    ["INSERT INTO seed_versions (version, at) VALUES ('1.0.0', now());", ['1.0.0']],
    ['-- needs PostgreSQL version 15.2\nSELECT 1;', []],
    ["INSERT INTO apps (version) VALUES ('1.0.0');", []],
    ["SELECT 'Version: 1.1.0';", []],
  ])('%s', (text, expected) => {
    const { version } = read(text);
    expect(version.map(({ value }) => value)).toEqual(expected);
    for (const { value, span } of version) expect(text.slice(span.from, span.to)).toBe(value);
  });
});
