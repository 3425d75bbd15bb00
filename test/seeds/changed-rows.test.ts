/** Before-images without a copy: the same as by copies, on the same seed, whatever it does to rows. */
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/database/index.ts';
import { type RowImage, runSeed, undoRows } from '../../src/seeds/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/rows.ts';
import { read } from './support.ts';

const schema = `
  CREATE TABLE parents (id int PRIMARY KEY, doc json, at timestamptz DEFAULT '2020-01-01', n numeric);
  CREATE TABLE children (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES parents ON DELETE CASCADE);
  CREATE TABLE loose (a text, b bytea);
  CREATE TABLE audit (what text, of int);
  CREATE TABLE parts (id int, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_OP, NEW.id); RETURN NEW; END $$;
  CREATE TRIGGER note AFTER UPDATE ON parents FOR EACH ROW EXECUTE FUNCTION note();
  INSERT INTO parents VALUES (1, '{"b": 1,  "a":2}', '2020-01-01 00:00:00.123456+00', 1.50), (2, NULL, 'infinity', 'NaN'), (3, NULL, NULL, NULL), (4, NULL, NULL, NULL);
  INSERT INTO children VALUES (1, 1), (2, 2), (3, 2);
  INSERT INTO loose VALUES ('x', '\\x00ff'), ('x', '\\x00ff'), ('z', NULL);
  INSERT INTO parts VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c');
`;

const openReader = (db: TestDatabase) => () => connect(db.target, { readOnly: true });

/** Both ways on the same database, one after the other, each rolled back. */
async function bothWays(db: TestDatabase, sql: string): Promise<{ read: RowImage[]; copied: RowImage[] }> {
  const images = async (reader: { openReader?: ReturnType<typeof openReader> }): Promise<RowImage[]> => {
    let found: RowImage[] = [];
    const rolledBack = db.connection.transaction(async () => {
      found = (await runSeed(db.connection, read(sql), { ...reader, insideTransaction: true })).images;
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    return found;
  };
  return { copied: await images({}), read: await images({ openReader: openReader(db) }) };
}

const inOrder = (images: readonly RowImage[]) => images.map((image) => JSON.stringify(image)).sort();

describe('changed rows', () => {
  it('are those that copies tell, and go back by them', async () => {
    await using db = await testDatabase({ sql: schema });
    const seeds: Record<string, [sql: string, count: number]> = {
      'insert, update, delete': [
        `UPDATE parents SET doc = '{"a": 3}', n = 2 WHERE id = 1; INSERT INTO parents (id) VALUES (9); DELETE FROM parents WHERE id = 2;
         INSERT INTO children VALUES (4, 9), (5, 1);`,
        8,
      ],
      'again and again': [
        `INSERT INTO parents (id) VALUES (9); UPDATE parents SET n = 1 WHERE id = 9; DELETE FROM parents WHERE id = 9;
         UPDATE parents SET n = 5 WHERE id = 3; UPDATE parents SET n = NULL WHERE id = 3; DELETE FROM parents WHERE id = 4; INSERT INTO parents (id) VALUES (4);
         DELETE FROM parents WHERE id = 3; INSERT INTO parents (id, n) VALUES (3, 7);`,
        5,
      ],
      'a key that moves': ['UPDATE parents SET id = 40 WHERE id = 4', 3],
      'what a block takes back': [
        `DO $$ BEGIN UPDATE parents SET n = 3 WHERE id = 3;
           BEGIN UPDATE parents SET n = 4; DELETE FROM loose; RAISE EXCEPTION 'x'; EXCEPTION WHEN OTHERS THEN NULL; END;
         END $$; SAVEPOINT s; DELETE FROM children; ROLLBACK TO s; RELEASE s; UPDATE parents SET n = 8 WHERE id = 1;`,
        4,
      ],
      'rows without a key, some of them equal': [
        "DELETE FROM loose WHERE ctid = (SELECT min(ctid) FROM loose); INSERT INTO loose VALUES ('y', NULL), ('y', NULL), ('z', NULL); DELETE FROM loose WHERE a = 'z' AND ctid = (SELECT max(ctid) FROM loose)",
        3,
      ],
      'partitions, also from one to the other': [
        "UPDATE parts SET part = 2 WHERE id = 1; INSERT INTO parts VALUES (7, 2, 'n'); DELETE FROM parts_2 WHERE id = 3; UPDATE parts_1 SET v = 'B' WHERE id = 2",
        5,
      ],
      'rows that are only locked': [
        'SELECT * FROM parents FOR UPDATE; INSERT INTO children VALUES (4, 3); UPDATE parents SET n = n WHERE id = 2',
        2,
      ],
      'emptied, altered and filled anew': [
        "TRUNCATE parts; INSERT INTO parts VALUES (1, 1, 'a'), (8, 1, 'q'); ALTER TABLE loose ADD c int DEFAULT 1; UPDATE loose SET b = NULL WHERE a = 'z'; CREATE TABLE own (a int); INSERT INTO own VALUES (1)",
        9,
      ],
      'emptied where no statement says so': [
        "DO $$ BEGIN EXECUTE 'TRUNCATE loose'; END $$; UPDATE parents SET n = 1 WHERE id = 1",
        5,
      ],
    };
    const before = await rowsOf(db.target);
    for (const [name, [sql, count]] of Object.entries(seeds)) {
      const images = await bothWays(db, sql);
      expect(inOrder(images.read), name).toEqual(inOrder(images.copied));
      expect([name, images.read.length]).toEqual([name, count]);
      expect(await rowsOf(db.target)).toEqual(before);
      if (name === 'emptied, altered and filled anew') continue;
      await db.connection.transaction(async () => {
        const options = { insideTransaction: true, openReader: openReader(db) };
        const run = await runSeed(db.connection, read(sql), options);
        expect(await undoRows(db.connection, run.images), name).toMatchObject({ conflicts: [] });
      });
      expect(await rowsOf(db.target), name).toEqual(before);
    }
  });

  it('are none that another session writes meanwhile to a table that only a trigger of the seed writes to', async () => {
    await using db = await testDatabase({
      sql: `${schema} CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE loose SET b = '\\x01' WHERE a = 'z'; RETURN NEW; END $$;
        CREATE TRIGGER touch AFTER UPDATE ON parents FOR EACH ROW EXECUTE FUNCTION touch()`,
    });
    const other = await connect(db.target, { readOnly: false });
    try {
      const script: TestDatabase['connection']['script'] = async (sql, data) => {
        if (sql.includes('n = 2'))
          await other.query("INSERT INTO loose VALUES ('other', NULL); DELETE FROM loose WHERE a = 'x'");
        return db.connection.script(sql, data);
      };
      const seed = read('UPDATE parents SET n = 1 WHERE id = 1;UPDATE parents SET n = 2 WHERE id = 1;');
      const run = await runSeed({ ...db.connection, script }, seed, { openReader: openReader(db) });
      expect(run.images.map(({ table, key, after }) => [table, key, after !== null])).toEqual([
        ['public.audit', { of: '1', what: 'UPDATE' }, true],
        ['public.audit', { of: '1', what: 'UPDATE' }, true],
        ['public.loose', { a: 'z', b: '\\x01' }, true],
        ['public.loose', { a: 'z', b: null }, false],
        ['public.parents', { id: '1' }, true],
      ]);
    } finally {
      await other.close();
    }
  });
});

describe('a seed that switches triggers off', () => {
  const off = 'SET session_replication_role = replica;\n';

  it.each([
    ['rows without a parent', `${off}INSERT INTO children VALUES (9, 77);`, /1 row of public\.children/],
    ['parents gone', `${off}DELETE FROM parents WHERE id = 2;`, /2 rows of public\.children/],
    [
      'one table',
      'ALTER TABLE children DISABLE TRIGGER ALL; INSERT INTO children VALUES (9, 77); ALTER TABLE children ENABLE TRIGGER ALL;',
      /1 row of public\.children/,
    ],
    [
      'out of sight',
      "DO $$ BEGIN PERFORM set_config('session_replication_role', 'replica', false); INSERT INTO children VALUES (9, 77); END $$;",
      /1 row of public\.children then refer to nothing \(foreign key children_parent_id_fkey\)/,
    ],
  ])('and leaves orphans is refused: %s', async (_, sql, message) => {
    await using db = await testDatabase({ sql: schema });
    const before = await rowsOf(db.target);
    for (const options of [{}, { openReader: openReader(db) }])
      if (!sql.includes('set_config') || 'openReader' in options)
        await expect(runSeed(db.connection, read(sql), options)).rejects.toMatchObject({
          code: 'seed-failed',
          message: expect.stringMatching(message),
        });
    expect(await rowsOf(db.target)).toEqual(before);
  });

  it('and leaves none is run, older orphans beside', async () => {
    await using db = await testDatabase({
      sql: `${schema} SET session_replication_role = replica; INSERT INTO children VALUES (9, 66); RESET session_replication_role;`,
    });
    const run = await runSeed(db.connection, read(`${off}INSERT INTO children VALUES (8, 1);`), {
      openReader: openReader(db),
    });
    expect(run.images).toHaveLength(1);
    expect((await db.connection.query('SHOW session_replication_role')).rows).toEqual([
      { session_replication_role: 'origin' },
    ]);
  });
});
