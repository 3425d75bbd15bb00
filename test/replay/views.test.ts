/** What becomes of views when what they read changes. */
import { beforeAll, describe, expect, it } from 'vitest';
import { renderSchema } from '../../src/model/ddl.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { withoutStars } from '../../src/sql/stars.ts';
import { read } from '../sources/operations/reading.ts';

beforeAll(loadSqlParser);

/** After each of the statements, as a revision runs them. */
const schemaAfter = (...statements: string[]) =>
  read(statements.map((sql) => `op.execute(${JSON.stringify(sql)})`).join('\n')).schema;

const tables = ['CREATE TABLE t (id int, n text)', 'CREATE TABLE u (id int, "Odd" text)'];

describe('a star in the query of a view stands for the columns that were there', () => {
  const cases: [string, string, string][] = [
    ['alone', 'SELECT * FROM t', 'SELECT t.id, t.n FROM t'],
    ['of an alias', 'SELECT a.*, 1 AS one FROM public.t a', 'SELECT a.id, a.n, 1 AS one FROM public.t a'],
    [
      'beside another table',
      'SELECT * FROM u, t WHERE t.id = u.id',
      'SELECT u.*, t.id, t.n FROM u, t WHERE t.id = u.id',
    ],
    [
      'in a query inside',
      'SELECT count(*) FROM (SELECT t.* FROM t JOIN u ON true) x',
      'SELECT count(*) FROM (SELECT t.id, t.n FROM t JOIN u ON true) x',
    ],
    [
      'beside text of other alphabets',
      `SELECT 'größer' AS "ä", t.* FROM t`,
      `SELECT 'größer' AS "ä", t.id, t.n FROM t`,
    ],
    [
      'of both sides of a union',
      'SELECT * FROM t UNION SELECT * FROM t',
      'SELECT t.id, t.n FROM t UNION SELECT t.id, t.n FROM t',
    ],
    ['of another table alone', 'SELECT u.* FROM u JOIN t USING (id)', 'SELECT u.* FROM u JOIN t USING (id)'],
    [
      'of a table that WITH makes',
      'WITH t AS (SELECT 1 AS a) SELECT * FROM t',
      'WITH t AS (SELECT 1 AS a) SELECT * FROM t',
    ],
  ];
  for (const [name, query, expected] of cases)
    it(name, () => {
      const view = schemaAfter(...tables, `CREATE VIEW v AS ${query}`, 'ALTER TABLE t ADD COLUMN z int').views.get(
        'public.v',
      );
      expect(view).toMatchObject({ definition: expected });
      expect(view?.certainty).toBeUndefined();
    });

  it('and those of merged columns cannot be told', () => {
    const { views } = schemaAfter(
      ...tables,
      'CREATE VIEW v AS SELECT * FROM t JOIN u USING (id)',
      'ALTER TABLE t ADD COLUMN z int',
    );
    expect(views.get('public.v')?.certainty).toBe('suspected');
  });

  it('and under the names that they had', () => {
    const { views } = schemaAfter(
      ...tables,
      'CREATE VIEW v AS SELECT * FROM u',
      'ALTER TABLE u RENAME COLUMN "Odd" TO even',
    );
    expect(views.get('public.v')).toMatchObject({
      definition: 'SELECT u.id, u."Odd" FROM u',
      textCertainty: 'suspected',
    });
  });

  it('and what is no query has none', () => {
    expect(withoutStars('SELECT * FROM', () => ['a'])).toBeNull();
  });
});

describe('a column dropped with CASCADE takes', () => {
  it('the views that read it, and theirs, but no others', () => {
    const { views } = schemaAfter(
      ...tables,
      'CREATE VIEW v AS SELECT * FROM t',
      'CREATE VIEW w AS SELECT id FROM v',
      'CREATE VIEW other AS SELECT id FROM t',
      'ALTER TABLE t DROP COLUMN n CASCADE',
    );
    expect([...views.keys()]).toEqual(['public.other']);
  });

  it('perhaps those that read another table too', () => {
    const { views } = schemaAfter(
      ...tables,
      'CREATE VIEW v AS SELECT t.id, n FROM t, u',
      'ALTER TABLE t DROP COLUMN n CASCADE',
    );
    expect(views.get('public.v')?.certainty).toBe('suspected');
  });
});

describe('a table made of a view has the columns of its query', () => {
  it('as far as that is known', () => {
    const { tables: made } = schemaAfter(
      ...tables,
      'CREATE VIEW v (a, b) AS SELECT * FROM t',
      'ALTER TABLE t ADD COLUMN z int',
      'CREATE MATERIALIZED VIEW m AS SELECT a, count(*) FROM v GROUP BY a',
      'CREATE TABLE c AS SELECT * FROM m',
    );
    const columns = [...(made.get('public.c')?.columns.values() ?? [])].map(({ name, type }) => [name, type]);
    expect(columns).toEqual([
      ['a', 'integer'],
      ['count', 'bigint'],
    ]);
  });

  it('and is in doubt where it is not', () => {
    const { operations } = read(`op.execute('CREATE TABLE t (id int)')
op.execute('CREATE VIEW v AS SELECT id FROM t WHERE id > ' + input())
op.execute('CREATE TABLE c AS SELECT * FROM v')`);
    expect(operations.slice(1)).toMatchObject([
      { kind: 'opaque', objects: [{ name: 'v' }] },
      { kind: 'opaque', objects: [{ name: 'c' }] },
    ]);
  });
});

it('the names that a view lists for its columns are built, and what a recursive one is short for', () => {
  const schema = schemaAfter(
    ...tables,
    'CREATE VIEW v (a, "B") AS SELECT id, n FROM t WITH LOCAL CHECK OPTION',
    'CREATE RECURSIVE VIEW r (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 5',
  );
  const statements = renderSchema(schema).map(({ sql }) => sql);
  expect(statements).toContain('CREATE VIEW public.v (a, "B") AS SELECT id, n FROM t');
  expect(statements).toContain(
    'CREATE VIEW public.r AS WITH RECURSIVE r (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r',
  );
});
