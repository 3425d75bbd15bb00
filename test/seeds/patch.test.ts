import { describe, expect, it } from 'vitest';
import { resolveSeedIdentities, seedIdentities } from '../../src/seeds/index.ts';
import { patched, read, worldOf } from './support.ts';

const world = worldOf(`
  CREATE TABLE users (id varchar(36) PRIMARY KEY, email text NOT NULL UNIQUE, name text, manager_id varchar(36) REFERENCES users (id));
  CREATE TABLE tasks (id uuid PRIMARY KEY, user_id varchar(36) REFERENCES users (id), title text);
  CREATE TABLE members (id varchar(36) NOT NULL, user_id varchar(36) REFERENCES users, n int NOT NULL);
`);
const users = "INSERT INTO users (id, email) VALUES ('u-ann', 'ann@example.org') ON CONFLICT (email) DO NOTHING;";

describe('ids by natural key', () => {
  const resolve = (text: string) => {
    const once = patched(text, world, { resolveIds: true });
    expect(read(once.text).errors).toEqual([]);
    expect(patched(once.text, world, { resolveIds: true }).edits).toEqual([]);
    return once;
  };

  it('become sub-selects outside a block', () => {
    const { text } = resolve(
      `${users}\n-- tasks\nINSERT INTO tasks (user_id, title) VALUES\n  ('u-ann', 'read'), -- first\n  ('u-bo', 'u-ann');\nUPDATE users SET manager_id = 'u-ann' WHERE id = 'u-ann';`,
    );
    const lookup = "(SELECT id FROM users WHERE email = 'ann@example.org')";
    expect(text).toBe(
      `${users}\n-- tasks\nINSERT INTO tasks (user_id, title) VALUES\n  (${lookup}, 'read'), -- first\n  ('u-bo', 'u-ann');\nUPDATE users SET manager_id = ${lookup} WHERE id = ${lookup};`,
    );
  });

  it('become variables inside a block, in a DECLARE section made for them', () => {
    const { text } = resolve(
      `DO $$\nBEGIN\n    ${users}\n    INSERT INTO tasks (user_id) VALUES ('u-ann');\nEND $$;\n`,
    );
    expect(text).toBe(
      `DO $$\nDECLARE\n    v_u_ann_id character varying(36);\nBEGIN\n    ${users}\n    SELECT id INTO STRICT v_u_ann_id FROM users WHERE email = 'ann@example.org';\n    INSERT INTO tasks (user_id) VALUES (v_u_ann_id);\nEND $$;\n`,
    );
  });

  it('join a DECLARE section that is there, and clash with no name', () => {
    const { text } = resolve(
      `DO $$\nDECLARE\n  v_u_ann_id int;\nBEGIN\n  ${users}\n  INSERT INTO tasks (user_id) VALUES ('u-ann');\nEND $$;`,
    );
    expect(text).toContain('  v_u_ann_id int;\n  v_u_ann_id_2 character varying(36);\nBEGIN');
    expect(text).toContain('VALUES (v_u_ann_id_2)');
  });

  it('are looked up in place where the upsert is conditional', () => {
    const { text } = resolve(
      `DO $$ BEGIN\nIF random() > 0 THEN\n  ${users}\nEND IF;\nINSERT INTO tasks (user_id) VALUES ('u-ann');\nEND $$;`,
    );
    expect(text).toContain("VALUES ((SELECT id FROM users WHERE email = 'ann@example.org'))");
    expect(text).not.toContain('DECLARE');
  });

  it('keep the predicate of a partial index, and the line ends of the file', () => {
    const { text } = resolve(
      "DO $$\r\nBEGIN\r\n  INSERT INTO users (id, email) VALUES ('u-ann', 'a') ON CONFLICT (email) WHERE name IS NULL DO NOTHING;\r\n  INSERT INTO tasks (user_id) VALUES ('u-ann');\r\nEND $$;",
    );
    expect(text).toContain("FROM users WHERE email = 'a' AND name IS NULL;\r\n");
    expect(text.replaceAll('\r\n', '')).not.toContain('\n');
  });

  it('fall back to the id of the seed where one statement makes and uses the row', () => {
    const self = (id: string) =>
      `INSERT INTO users (id, email, manager_id) VALUES ('u-ann', 'a', NULL), ('u-bo', 'b', ${id}) ON CONFLICT (email) DO NOTHING;`;
    expect(resolve(self("'u-ann'")).text).toBe(self("COALESCE((SELECT id FROM users WHERE email = 'a'), 'u-ann')"));
  });

  it('go into the variable that the seed has them in, unless something else sets it', () => {
    const block = (declared: string, insert: string, more = '') =>
      `DO $$\nDECLARE\n  v_ann ${declared};\nBEGIN\n  ${insert}\n${more}  INSERT INTO tasks (user_id) VALUES (v_ann);\nEND $$;`;
    const insert = users.replace("'u-ann'", 'v_ann');
    const lookup = "  SELECT id INTO STRICT v_ann FROM users WHERE email = 'ann@example.org';\n";
    expect(resolve(block("text := 'u-ann'", insert)).text).toBe(block("text := 'u-ann'", insert, lookup));
    for (const more of ["  v_ann := 'u-bo';\n", "  SELECT 'x' INTO v_ann;\n", '  GET DIAGNOSTICS v_ann = ROW_COUNT;\n'])
      expect(patched(block("text := 'u-ann'", insert, more), world, { resolveIds: true }).edits).toEqual([]);
    expect(patched(block('text := gen_random_uuid()', insert), world, { resolveIds: true }).edits).toEqual([]);
    const constant = patched(block("CONSTANT text := 'u-ann'", insert), world, { resolveIds: true });
    expect(constant).toMatchObject({ edits: [], refused: [{ line: 5 }] });
  });

  it('are refused where COPY gives them', () => {
    expect(
      patched(`${users}\nCOPY tasks (user_id) FROM stdin;\nu-ann\n\\.\n`, world, { resolveIds: true }),
    ).toMatchObject({ edits: [], refused: [{ line: 3 }] });
  });

  it('are left alone where nothing depends on them or the primary key arbitrates', () => {
    expect(seedIdentities(read(users), world)).toEqual([]);
    expect(
      seedIdentities(
        read(`${users.replace('(email) DO', '(id) DO')} INSERT INTO tasks (user_id) VALUES ('u-ann');`),
        world,
      ),
    ).toEqual([]);
  });

  it('are compared with what lives', async () => {
    const identities = seedIdentities(read(`${users} INSERT INTO tasks (user_id) VALUES ('u-ann');`), world);
    const asked: string[] = [];
    const found = await resolveSeedIdentities(identities, async (sql) => {
      asked.push(sql);
      return [{ id: 'old' }];
    });
    expect(asked).toEqual(["SELECT id::text AS id FROM public.users WHERE email = 'ann@example.org' LIMIT 2"]);
    expect(found).toMatchObject([
      { id: 'u-ann', liveId: 'old', dependents: [{ table: 'public.tasks', column: 'user_id', line: 1 }] },
    ]);
    expect(await resolveSeedIdentities(identities, async () => [{ id: 'u-ann' }])).toEqual([]);
    expect(await resolveSeedIdentities(identities, async () => [])).toEqual([]);
  });
});

describe('omitted columns', () => {
  const fill = (text: string, table: string, column: string) =>
    patched(text, world, { fillColumns: [{ table, column }] });

  it('get a value of their type in every row', () => {
    expect(fill("INSERT INTO tasks (title) VALUES ('a'),\n  ( 'b' );", 'public.tasks', 'id').text).toBe(
      "INSERT INTO tasks (id, title) VALUES (gen_random_uuid(), 'a'),\n  (gen_random_uuid(),  'b' );",
    );
    expect(fill('INSERT INTO members(user_id) SELECT u.id FROM users u;', 'public.members', 'id').text).toBe(
      'INSERT INTO members(id, user_id) SELECT gen_random_uuid()::text, u.id FROM users u;',
    );
    expect(fill("INSERT INTO tasks (id, title) VALUES (DEFAULT, 'a')", 'public.tasks', 'id').edits).toEqual([]);
  });

  it('are refused with the reason', () => {
    expect(fill("INSERT INTO members (id) VALUES ('a')", 'public.members', 'n').refused).toEqual([
      { line: 1, reason: 'public.members.n is integer: which value each row gets is for a person to say' },
    ]);
    expect(fill('INSERT INTO members SELECT * FROM x', 'public.members', 'id').refused).toHaveLength(1);
  });

  it('go with resolved ids in the same row', () => {
    const { text } = patched(`${users}\nINSERT INTO members (user_id, n) VALUES ('u-ann', 1);`, world, {
      resolveIds: true,
      fillColumns: [{ table: 'public.members', column: 'id' }],
    });
    expect(text).toContain(
      "INSERT INTO members (id, user_id, n) VALUES (gen_random_uuid()::text, (SELECT id FROM users WHERE email = 'ann@example.org'), 1);",
    );
  });
});

describe('silent skips', () => {
  const loud = (text: string) => {
    const { text: after } = patched(text, world, { makeSkipsLoud: true });
    expect(patched(after, world, { makeSkipsLoud: true }).edits).toEqual([]);
    expect(read(after).errors).toEqual([]);
    return after;
  };
  const block = (probe: string, rest: string) =>
    `DO $$\nBEGIN\n    IF ${probe} THEN\n        INSERT INTO tasks (title) VALUES ('a');\n${rest}END $$;`;

  it('become exceptions under a qualified probe', () => {
    const after = loud(
      block(
        "EXISTS (SELECT FROM information_schema.tables WHERE table_name = 'tasks')",
        "    ELSE\n        RAISE NOTICE 'no tasks';\n    END IF;\n",
      ),
    );
    expect(after).toContain("WHERE table_name = 'tasks' AND table_schema = 'public')");
    expect(after).toContain("RAISE EXCEPTION 'no tasks';");
  });

  it('get the branch that they lack', () => {
    const after = loud(block("to_regclass('public.tasks') IS NOT NULL", '    END IF;\n'));
    expect(after).toContain(
      "\n    ELSE\n        RAISE EXCEPTION 'table public.tasks does not exist: its rows cannot be seeded';\n    END IF;",
    );
  });

  it('of an early return raise too', () => {
    const after = loud(
      "DO $$\nBEGIN\n  IF to_regclass('tasks') IS NULL THEN\n    RETURN;\n  END IF;\n  INSERT INTO tasks (title) VALUES ('a');\nEND $$;",
    );
    expect(after).toContain('THEN\n      RAISE EXCEPTION');
  });
});
