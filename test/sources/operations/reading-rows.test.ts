/** What a revision asks of rows that the revisions wrote themselves. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { read } from './reading.ts';

beforeAll(loadSqlParser);

const condition = 'kinds holds what the revisions write and nothing else';
const kinds = `kinds = op.create_table('kinds', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)), sa.Column('part', sa.Boolean()))
conn = op.get_bind()
`;

/** Names of the tables that it creates from what it asks, and under which conditions. */
function tablesOf(body: string): (string | undefined)[][] {
  return read(`${kinds}${body}`)
    .operations.slice(1)
    .flatMap((operation) =>
      operation.kind === 'createTable'
        ? [[operation.table.name.name, operation.condition]]
        : operation.kind === 'opaque'
          ? [['opaque', operation.condition]]
          : [],
    );
}

const loop = (rows: string) =>
  `for row in ${rows}:\n    op.create_table(f'{row.name}_items', sa.Column('id', sa.Integer))\n`;
const made = [
  ['red_items', condition],
  ['blue_items', condition],
];

const written: [string, string][] = [
  ['op.bulk_insert', `op.bulk_insert(kinds, [{'name': 'red'}, {'name': 'blue'}])\n`],
  ['insert().values() each', `for name in ('red', 'blue'):\n    conn.execute(kinds.insert().values(name=name))\n`],
  ['insert() and rows', `conn.execute(sa.insert(kinds), [{'name': 'red'}, {'name': 'blue'}])\n`],
  ['insert().values() of a list', `conn.execute(kinds.insert().values([{'name': 'red'}, {'name': 'blue'}]))\n`],
  ['SQL', `op.execute("INSERT INTO kinds (name, part) VALUES ('red', true), ('blue', false)")\n`],
  ['SQL without columns', `op.execute("INSERT INTO kinds VALUES (1, 'red'), (2, 'blue')")\n`],
  [
    'SQL with parameters',
    `conn.execute(sa.text('INSERT INTO kinds (name) VALUES (:n)'), [{'n': 'red'}, {'n': 'blue'}])\n`,
  ],
  [
    'SQL and what came after',
    `op.execute("INSERT INTO kinds (name) VALUES ('gone')")\nop.execute('TRUNCATE kinds')\nop.execute("INSERT INTO kinds (name) VALUES ('red'), ('blue')")\n`,
  ],
];
describe('rows are known that are written by', () => {
  for (const [name, body] of written)
    it(name, () => {
      expect(tablesOf(body + loop(`conn.execute(sa.text('SELECT id, name FROM kinds ORDER BY id'))`))).toEqual(made);
    });
});

const both = `op.bulk_insert(kinds, [{'id': 1, 'name': 'red', 'part': True}, {'id': 2, 'name': 'blue', 'part': False}, {'id': 3, 'name': 'grey', 'part': None}])\n`;
const asked: [string, string, (string | undefined)[][]][] = [
  [
    'select()',
    loop(`conn.execute(sa.select(kinds.c.name).where(kinds.c.part == sa.true()))`),
    [['red_items', condition]],
  ],
  ['select([…])', loop(`conn.execute(sa.select([kinds.c.id, kinds.c.name]).where(kinds.c.id < 3)).fetchall()`), []],
  ['the whole table', loop(`conn.execute(kinds.select().where(kinds.c.name.in_(['red', 'blue'])))`), made],
  ['*', loop(`conn.execute(sa.text("SELECT * FROM kinds WHERE id <> 3")).all()`), made],
  [
    'another construct of the table',
    `t = sa.table('kinds', sa.column('name'), sa.column('id'))\n${loop('conn.execute(sa.select(t).where(t.c.id == 2)).mappings()')}`.replace(
      'row.name',
      "row['name']",
    ),
    [['blue_items', condition]],
  ],
  [
    'a count',
    `if conn.execute(sa.text('SELECT count(*) FROM kinds')).scalar() == 3:\n    op.create_table('three', sa.Column('id', sa.Integer))\n`,
    [['three', condition]],
  ],
  [
    'whether there is one',
    `if not conn.scalar(sa.text("SELECT EXISTS (SELECT 1 FROM kinds WHERE name = 'red')")):\n    op.create_table('never', sa.Column('id', sa.Integer))\n`,
    [['opaque', condition]],
  ],
];
describe('is asked by', () => {
  for (const [name, body, expected] of asked)
    it(name, () => {
      expect(tablesOf(both + body).filter(([table]) => expected.length > 0 || table !== 'opaque')).toEqual(expected);
    });
});

const lost: [string, string][] = [
  ['an UPDATE', `op.execute("UPDATE kinds SET name = upper(name)")\n`],
  ['an INSERT of a query', `op.execute("INSERT INTO kinds (name) SELECT relname FROM pg_class")\n`],
  ['ON CONFLICT', `op.execute("INSERT INTO kinds (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING")\n`],
  [
    'a branch nobody can decide',
    `import random\nif random.random() > 0.5:\n    op.bulk_insert(kinds, [{'name': 'x'}])\n`,
  ],
  ['lines that could not be read', `op.execute(input())\n`],
  ['a trigger', `op.execute("CREATE TRIGGER t BEFORE INSERT ON kinds FOR EACH ROW EXECUTE FUNCTION f()")\n`],
];
it('counts them, and takes the greatest and the least', () => {
  const answers = [
    'conn.execute(sa.select(sa.func.count()).select_from(kinds)).scalar()',
    'conn.scalar(sa.select(sa.func.max(kinds.c.id)))',
    "conn.execute(sa.text('SELECT min(id) FROM kinds WHERE id > 1')).scalar()",
  ];
  const body = answers
    .map((answer, at) => `op.create_table(f't{${at}}_{${answer}}', sa.Column('id', sa.Integer))`)
    .join('\n');
  expect(tablesOf(`${both}${body}`)).toEqual([
    ['t0_3', condition],
    ['t1_3', condition],
    ['t2_2', condition],
  ]);
});

it('is not taken for empty where a question is too hard', () => {
  expect(
    tablesOf(`${both}${loop(`conn.execute(sa.text('SELECT upper(name) AS name FROM kinds GROUP BY 1'))`)}`),
  ).toEqual([['opaque', undefined]]);
});

describe('is not known any more after', () => {
  for (const [name, body] of lost)
    it(name, () => {
      const tables = tablesOf(both + body + loop(`conn.execute(sa.text('SELECT name FROM kinds'))`));
      expect(tables.filter(([table]) => table?.endsWith('_items'))).toEqual([]);
      expect(tables.at(-1)).toEqual(['opaque', 'there are no rows in kinds']);
    });
});

it('does not know what the database gives', () => {
  const [table] = read(
    `${kinds}op.bulk_insert(kinds, [{'name': 'red'}])\nfor row in conn.execute(sa.text('SELECT id, name FROM kinds')):\n    op.create_table(f't_{row.id}', sa.Column('id', sa.Integer))`,
  ).operations.slice(-1);
  expect(table).toMatchObject({ kind: 'opaque', reason: expect.stringContaining('a value that the database gives') });
});

it('asks nothing of what a downgrade writes', () => {
  const { operations } = read(
    `op.bulk_insert(sa.table('t'), [{'a': 'b'}])\nfor row in op.get_bind().execute(sa.text('SELECT a FROM t')):\n    op.drop_table(row.a)`,
    { direction: 'downgrade' },
  );
  expect(operations.at(-1)).toMatchObject({ kind: 'opaque', condition: 'there are no rows in t' });
});
