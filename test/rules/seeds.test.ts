/** Rules on seeds and the scripts that run them, with line numbers of the original file. */
import { describe, expect, it } from 'vitest';
import { findingsOf, type Project, resultsOf } from './inputs.ts';

const sql =
  'CREATE TABLE item (id int PRIMARY KEY, slug text NOT NULL UNIQUE, note text); CREATE TABLE soft (id int PRIMARY KEY, code text, gone date); CREATE UNIQUE INDEX soft_code ON soft (code) WHERE gone IS NULL';
const chain = { revisions: [{ id: 'r1', sql }] };

it('seed-missing-relation: once a table, unless the seed makes it or asks for it', async () => {
  const seed =
    "INSERT INTO nowhere (a) VALUES (1);\nINSERT INTO nowhere (a) VALUES (2);\nCREATE TABLE mine (a int);\nINSERT INTO mine (a) VALUES (1);\nINSERT INTO item (id, slug) VALUES (1, 'x');";
  const findings = await findingsOf('seed-missing-relation', { ...chain, seed });
  expect(findings.map((finding) => [finding.key, finding.subject.line])).toEqual([
    ['seed-missing-relation:public.nowhere', 1],
  ]);
});

it('seed-missing-relation: follows from the absent table', async () => {
  const project = {
    ...chain,
    seed: "INSERT INTO item (id, slug) VALUES (1, 'x');",
    live: 'CREATE TABLE soft (id int PRIMARY KEY, code text, gone date)',
    rows: ['r1'],
  };
  const { findings } = await resultsOf(['declared-table-missing', 'seed-missing-relation'], project);
  expect(findings.find((finding) => finding.rule === 'seed-missing-relation')?.causedBy).toEqual([
    'declared-table-missing:public.item',
  ]);
});

it('seed-not-null-unfilled: names the column', async () => {
  const [finding, ...others] = await findingsOf('seed-not-null-unfilled', {
    ...chain,
    seed: 'SELECT 1;\nINSERT INTO item (id, note) VALUES (1, null);',
  });
  expect(others).toEqual([]);
  expect(finding?.subject).toMatchObject({ name: 'public.item.slug', line: 2 });
  expect(
    await findingsOf('seed-not-null-unfilled', { ...chain, seed: "INSERT INTO item (id, slug) VALUES (1, 'x');" }),
  ).toEqual([]);
});

it('seed-conflict-target-unmatched: names the partial index', async () => {
  const [finding] = await findingsOf('seed-conflict-target-unmatched', {
    ...chain,
    seed: "INSERT INTO soft (id, code) VALUES (1, 'x') ON CONFLICT (code) DO NOTHING;",
  });
  expect(finding?.remedy?.summary).toContain('WHERE');
  expect(
    await findingsOf('seed-conflict-target-unmatched', {
      ...chain,
      seed: "INSERT INTO soft (id, code) VALUES (1, 'x') ON CONFLICT (code) WHERE gone IS NULL DO NOTHING;\nINSERT INTO item (id, slug) VALUES (1, 'x') ON CONFLICT (slug) DO NOTHING;",
    }),
  ).toEqual([]);
});

it('seed-not-rerunnable: no conflict clause, a key twice, a key at random', async () => {
  const bare = await findingsOf('seed-not-rerunnable', {
    ...chain,
    seed: "INSERT INTO item (id, slug) VALUES (1, 'x');",
  });
  expect(bare.map((finding) => finding.severity)).toEqual(['warning']);
  const twice = await findingsOf('seed-not-rerunnable', {
    ...chain,
    seed: "INSERT INTO item (id, slug) VALUES\n(1, 'x'),\n(1, 'y')\nON CONFLICT (id) DO UPDATE SET slug = EXCLUDED.slug;",
  });
  expect(twice.map((finding) => finding.subject.line)).toEqual([3]);
  expect(
    await findingsOf('seed-not-rerunnable', {
      ...chain,
      seed: "INSERT INTO item (id, slug) VALUES (1, 'x'), (2, 'y') ON CONFLICT (id) DO NOTHING;",
    }),
  ).toEqual([]);
});

const guarded = `DO $$
BEGIN
  IF EXISTS (SELECT FROM information_schema.tables WHERE table_name = 'extra') THEN
    INSERT INTO extra (a) VALUES (1);
  ELSE
    RAISE NOTICE 'skipped';
  END IF;
END $$;
`;

it('seed-silent-skip: asks with the schema and raises, in the given layout', async () => {
  const [finding] = await findingsOf('seed-silent-skip', { ...chain, seed: guarded });
  expect(finding?.subject.line).toBe(3);
  const action = finding?.remedy?.actions[0];
  expect(action?.action).toBe('edit-file');
  if (action?.action !== 'edit-file') return;
  let text = guarded;
  for (const edit of [...action.edits].sort((a, b) => b.from - a.from))
    text = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  expect(text).toContain("table_name = 'extra' AND table_schema = 'public')");
  expect(text).toContain("RAISE EXCEPTION 'skipped'");
  expect(await findingsOf('seed-silent-skip', { ...chain, seed: text })).toEqual([]);
});

it('seed-silent-skip: a branch that only stops the run skips nothing', async () => {
  const stops = `DO $$ BEGIN
  IF EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'item' AND column_name = 'old') THEN
    RAISE EXCEPTION 'run the migrations first';
  END IF;
END $$;`;
  expect(await findingsOf('seed-silent-skip', { ...chain, seed: stops })).toEqual([]);
});

it('seed-not-rerunnable: advises no conflict target that the statement does not fill', async () => {
  const posts = 'CREATE TABLE post (id serial PRIMARY KEY, slug text UNIQUE, note text)';
  const seed = "INSERT INTO post (note) VALUES ('x');\nINSERT INTO post (slug) VALUES ('x');";
  const findings = await findingsOf('seed-not-rerunnable', { revisions: [{ id: 'r1', sql: posts }], seed });
  expect(findings.map(({ remedy }) => remedy?.summary)).toEqual([
    'Name a key that stays (id or slug) in scripts/seed.sql:1 and add ON CONFLICT on it, or insert only rows that are not there',
    'Add ON CONFLICT (slug) DO NOTHING or DO UPDATE in scripts/seed.sql:2',
  ]);
});

it('seed-not-rerunnable: a condition of psql is one up to its end', async () => {
  const seed = String.raw`\if :fresh
INSERT INTO item (id, slug) VALUES (1, 'x');
\endif
INSERT INTO item (id, slug) VALUES (2, 'y');`;
  const findings = await findingsOf('seed-not-rerunnable', { ...chain, seed });
  expect(findings.map(({ subject }) => subject.line)).toEqual([4]);
});

it('seed-not-rerunnable: COPY knows no ON CONFLICT', async () => {
  const copy = 'COPY item (id, slug) FROM stdin;\n1\tx\n\\.\n';
  const [finding, ...others] = await findingsOf('seed-not-rerunnable', { ...chain, seed: copy });
  expect(others).toEqual([]);
  expect(finding?.message).toBe(
    'scripts/seed.sql:1 copies into public.item and empties nothing before; a second run fails on a duplicate key.',
  );
  for (const before of [
    'TRUNCATE item;',
    'DELETE FROM item;',
    'DROP TABLE item; CREATE TABLE item (id int, slug text);',
  ])
    expect(await findingsOf('seed-not-rerunnable', { ...chain, seed: `${before}\n${copy}` })).toEqual([]);
  const guarded = `CREATE TABLE IF NOT EXISTS item (id int, slug text);\n${copy}`;
  expect(await findingsOf('seed-not-rerunnable', { ...chain, seed: guarded })).toHaveLength(1);
});

it('seed-statement-refused: a table that is only read and is not there', async () => {
  const findings = await findingsOf('seed-statement-refused', {
    ...chain,
    live: sql,
    rows: ['r1'],
    seed: 'INSERT INTO item (id, slug) SELECT id, name FROM nowhere ON CONFLICT DO NOTHING;',
    refusals: [['nowhere', { sqlState: '42P01', message: 'relation "nowhere" does not exist' }]],
  });
  expect(findings.map(({ message }) => message)).toEqual([
    'scripts/seed.sql:1 is refused by PostgreSQL: relation "nowhere" does not exist.',
  ]);
});

it('seed-statement-refused: tells what stopped the first run in a copy, once', async () => {
  const failure = {
    file: 'scripts/seed.sql',
    line: 2,
    message: 'violates foreign key constraint',
    sqlState: '23503',
    isOfTheSeed: true,
  };
  const run = { file: failure.file, outcome: 'unknown' as const, changes: [], doubled: [] };
  const tell = (seed: string, of: object = {}, lacks: string | null = null) =>
    findingsOf('seed-statement-refused', {
      ...chain,
      seed,
      reruns: { on: 'a server', lacks, reason: null, runs: [{ ...run, failure: { ...failure, ...of } }] },
    });
  const seed = "INSERT INTO item (id, slug) VALUES\n(1, 'x')\nON CONFLICT DO NOTHING;";
  const [finding] = await tell(seed);
  expect(finding).toMatchObject({ certainty: 'proven', severity: 'error', subject: { line: 2 } });
  expect((await tell(seed, {}, 'its rows'))[0]).toMatchObject({ certainty: 'suspected', severity: 'warning' });
  expect(await tell(seed, { isOfTheSeed: false })).toEqual([]);
  // Rules of their own tell of these.
  expect(await tell('INSERT INTO item (id)\nVALUES (1);', { sqlState: '23502' })).toEqual([]);
  const absent = { sqlState: '42P01', message: 'relation "nowhere" does not exist' };
  expect(await tell('INSERT INTO nowhere\nVALUES (1);', absent)).toEqual([]);
});

const script = `#!/bin/bash
set -e
SEED_VERSION="1.0.0"
psql "$DATABASE_URL" -f scripts/seed.sql 2>&1 | tee log
echo "seeded successfully"
`;
const runner = (text: string) => [{ file: 'scripts/seed.sh', kind: 'shell' as const, text }];
const sound = "-- Version: 1.1.0\nINSERT INTO item (id, slug) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING;\n";

it.each([
  [
    'if psql -v ON_ERROR_STOP=1 -f scripts/seed.sql; then\n  echo ok\nelse\n  echo no\nfi\necho go\n',
    'if psql -v ON_ERROR_STOP=1 -f scripts/seed.sql; then\n  echo ok\nelse\n  echo no\n  exit 1\nfi\necho go\n',
  ],
  [
    'if psql -v ON_ERROR_STOP=1 -f scripts/seed.sql; then\n  echo ok\nfi\necho go\n',
    'if psql -v ON_ERROR_STOP=1 -f scripts/seed.sql; then\n  echo ok\nelse\n  exit 1\nfi\necho go\n',
  ],
  [
    'if ! psql -v ON_ERROR_STOP=1 -f scripts/seed.sql; then\n  echo no\nfi\necho go\n',
    'if ! psql -v ON_ERROR_STOP=1 -f scripts/seed.sql; then\n  echo no\n  exit 1\nfi\necho go\n',
  ],
  [
    'psql -v ON_ERROR_STOP=1 -f scripts/seed.sql\nif [ $? -ne 0 ]; then\n  echo no\nfi\n',
    'psql -v ON_ERROR_STOP=1 -f scripts/seed.sql\nif [ $? -ne 0 ]; then\n  echo no\n  exit 1\nfi\n',
  ],
  ['set -e\npsql -v ON_ERROR_STOP=0 -f scripts/seed.sql\n', 'set -e\npsql -v ON_ERROR_STOP=1 -f scripts/seed.sql\n'],
])('seed-runner-hides-errors: edits the branch, and the value, that let a failure go: %s', async (body, wanted) => {
  const head = '#!/bin/bash\n';
  const [finding] = await findingsOf('seed-runner-hides-errors', {
    ...chain,
    seed: sound,
    surroundings: runner(head + body),
  });
  const action = finding?.remedy?.actions[0];
  if (action?.action !== 'edit-file') throw new Error('no edit');
  let text = head + body;
  for (const edit of [...action.edits].sort((a, b) => b.from - a.from))
    text = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  expect(text).toBe(head + wanted);
  const after = { ...chain, seed: sound, surroundings: runner(text) };
  expect(await findingsOf('seed-runner-hides-errors', after)).toEqual([]);
});

it('seed-runner-hides-errors: one finding a script, and the edit clears it', async () => {
  const [finding, ...others] = await findingsOf('seed-runner-hides-errors', {
    ...chain,
    seed: sound,
    surroundings: runner(script),
  });
  expect(others).toEqual([]);
  const action = finding?.remedy?.actions[0];
  if (action?.action !== 'edit-file') throw new Error('no edit');
  let text = script;
  for (const edit of [...action.edits].sort((a, b) => b.from - a.from))
    text = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  expect(text).toContain('psql -v ON_ERROR_STOP=1');
  expect(text).toContain('pipefail');
  expect(await findingsOf('seed-runner-hides-errors', { ...chain, seed: sound, surroundings: runner(text) })).toEqual(
    [],
  );
});

it("seed-version-inconsistent: the seed's own word counts", async () => {
  const [finding] = await findingsOf('seed-version-inconsistent', {
    ...chain,
    seed: sound,
    surroundings: runner(script),
  });
  expect(finding?.remedy?.summary).toBe('Write 1.1.0 in scripts/seed.sh');
  expect(
    await findingsOf('seed-version-inconsistent', {
      ...chain,
      seed: sound,
      surroundings: runner(script.replace('1.0.0', '1.1.0')),
    }),
  ).toEqual([]);
});

it('seed-psql-only-syntax and seed-unreadable', async () => {
  const [finding] = await findingsOf('seed-psql-only-syntax', { ...chain, seed: `\\set x 1\n${sound}` });
  expect(finding).toMatchObject({ severity: 'warning', subject: { line: 1 } });
  expect(
    await findingsOf('seed-psql-only-syntax', { ...chain, seed: `\\set x 1\n${sound}`, surroundings: runner(script) }),
  ).toEqual([]);
  expect((await findingsOf('seed-unreadable', { ...chain, seed: 'INSERT INTO item VALUES;' }))[0]?.subject.line).toBe(
    1,
  );
  expect(await findingsOf('seed-unreadable', { ...chain, seed: sound })).toEqual([]);
});

describe('seed-version-inconsistent', () => {
  it('compares the seed with the rows of the table where it keeps its version', async () => {
    const table = 'CREATE TABLE seed_versions (name text, version text, PRIMARY KEY (name))';
    const holding = (...versions: string[]): Project => ({
      revisions: [{ id: 'a', sql: table }],
      live: table,
      rows: ['a'],
      seed: "INSERT INTO seed_versions (name, version) VALUES ('demo', '1.2.0') ON CONFLICT (name) DO UPDATE SET version = excluded.version;",
      answers: [["name::text = 'demo'", versions.map((version) => ({ version }))]],
    });
    const rule = 'seed-version-inconsistent';
    const [newer] = await findingsOf(rule, holding('1.10.0'));
    expect([newer?.severity, newer?.message]).toEqual([
      'warning',
      expect.stringContaining('1.10.0 of the seed ran here'),
    ]);
    for (const versions of [['1.2.0'], ['1.1.0'], [], ['demo']])
      expect(await findingsOf(rule, holding(...versions))).toEqual([]);
  });
});

describe('the zoo of seeds', () => {
  const schema = `
    CREATE TABLE tenants (id text PRIMARY KEY, slug text UNIQUE, name text);
    CREATE TABLE users (id varchar(36) PRIMARY KEY, email text NOT NULL UNIQUE, tenant_id text REFERENCES tenants (id));
    CREATE TABLE pages (id int PRIMARY KEY, slug text UNIQUE, title text);
    CREATE TABLE bare (id uuid PRIMARY KEY, v text NOT NULL);
    CREATE TABLE counted (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text NOT NULL);
    CREATE TABLE filled (id text PRIMARY KEY, v text NOT NULL UNIQUE);
    CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.v; RETURN NEW; END $$;
    CREATE TRIGGER fill BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION fill();
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE typed (id int PRIMARY KEY, u uuid, m mood, v varchar(5));`;
  const rules = [
    'seed-missing-relation',
    'seed-unreadable',
    'seed-conflict-target-unmatched',
    'seed-statement-refused',
    'seed-not-null-unfilled',
    'seed-not-rerunnable',
    'seed-foreign-keys-off',
  ];
  const told = async (seed: string) => {
    const { findings } = await resultsOf(rules, { revisions: [{ id: 'r1', sql: schema }], seed });
    return findings.map(({ rule, subject, severity }) => `${rule.slice(5)}:${subject.line}:${severity[0]}`).sort();
  };

  it.each<[seed: string, expected: string[]]>([
    // A required column, in every way of leaving it out.
    ["INSERT INTO bare (v) VALUES ('x');", ['not-null-unfilled:1:e']],
    ['INSERT INTO bare VALUES (gen_random_uuid());', ['not-null-unfilled:1:e']],
    ["INSERT INTO bare (id, v) VALUES (DEFAULT, 'x') ON CONFLICT DO NOTHING;", ['not-null-unfilled:1:e']],
    ["INSERT INTO bare (v)\nSELECT 'x' UNION ALL SELECT 'y' ON CONFLICT DO NOTHING;", ['not-null-unfilled:1:e']],
    ['INSERT INTO bare (v) SELECT name FROM tenants ON CONFLICT DO NOTHING;', ['not-null-unfilled:1:w']],
    ["INSERT INTO filled (v) VALUES ('x') ON CONFLICT (v) DO NOTHING;", []],
    ["INSERT INTO counted (id, v) VALUES (DEFAULT, 'x') ON CONFLICT (id) DO UPDATE SET v = 'x';", []],
    // Twice: in one list, in every form of a list.
    ['INSERT INTO pages (id) VALUES (1),\n(1);', ['not-rerunnable:2:e']],
    [
      "INSERT INTO pages (id, slug)\nSELECT 1, 'a'\nUNION ALL\nSELECT 1, 'b' ON CONFLICT (id) DO UPDATE SET slug = EXCLUDED.slug;",
      ['not-rerunnable:4:e'],
    ],
    [
      "INSERT INTO pages (id, slug)\nSELECT * FROM (VALUES (1, 'a'),\n(1, 'b')) v (i, s) ON CONFLICT (id) DO UPDATE SET slug = EXCLUDED.slug;",
      ['not-rerunnable:3:e'],
    ],
    ['INSERT INTO pages (id) SELECT 1 UNION SELECT 1 ON CONFLICT (id) DO NOTHING;', []],
    // Run again.
    ['INSERT INTO pages (id) SELECT 1 WHERE NOT EXISTS (SELECT FROM pages WHERE id = 1);', []],
    ['INSERT INTO pages (id) SELECT length(slug) FROM tenants;', ['not-rerunnable:1:w']],
    ['DO $$ BEGIN\nINSERT INTO pages (id) VALUES (1);\nEND $$;', ['not-rerunnable:2:w']],
    ['DO $$ BEGIN\nINSERT INTO pages (id) VALUES (1);\nEXCEPTION WHEN unique_violation THEN NULL; END $$;', []],
    [
      'DO $$ BEGIN\nIF EXISTS (SELECT FROM pages) THEN RETURN; END IF;\nINSERT INTO pages (id) VALUES (1);\nEND $$;',
      [],
    ],
    ['DO $$ BEGIN IF NOT EXISTS (SELECT FROM pages) THEN INSERT INTO pages (id) VALUES (1); END IF; END $$;', []],
    ['DELETE FROM pages WHERE id IN (1, 2); INSERT INTO pages (id) VALUES (1), (2);', []],
    ['DELETE FROM pages WHERE id = 1;\nINSERT INTO pages (id) VALUES (2);', ['not-rerunnable:2:w']],
    ["TRUNCATE tenants CASCADE; INSERT INTO users (id, email) VALUES ('u', 'e');", []],
    ["TRUNCATE tenants;\nINSERT INTO users (id, email) VALUES ('u', 'e');", ['not-rerunnable:2:w']],
    ["INSERT INTO bare (id, v) VALUES (gen_random_uuid(), 'x') ON CONFLICT DO NOTHING;", ['not-rerunnable:1:w']],
    ["INSERT INTO filled (id, v) VALUES (gen_random_uuid()::text, 'x') ON CONFLICT (v) DO NOTHING;", []],
    ["INSERT INTO counted (v) VALUES ('x') ON CONFLICT (id) DO NOTHING;", ['not-rerunnable:1:w']],
    // Types and names.
    ["INSERT INTO bare (id, v) VALUES\n('demo-1', 'x') ON CONFLICT (id) DO NOTHING;", ['statement-refused:2:e']],
    ["INSERT INTO bare (id, v) VALUES\n('demo-1'::uuid, 'x') ON CONFLICT (id) DO NOTHING;", ['statement-refused:2:e']],
    [
      "INSERT INTO bare (id, v) VALUES ('{A0eeBC99-9c0b-4ef8-bb6d-6bb9bd380a11}', 'x') ON CONFLICT (id) DO NOTHING;",
      [],
    ],
    [
      "INSERT INTO typed (id, m) VALUES (1, 'ok'),\n(2, 'great') ON CONFLICT (id) DO NOTHING;",
      ['statement-refused:2:e'],
    ],
    ["INSERT INTO typed (id, v) VALUES (1, 'abcdef') ON CONFLICT (id) DO NOTHING;", ['statement-refused:1:e']],
    ["INSERT INTO typed (id, v) VALUES (1, 'abcde  ') ON CONFLICT (id) DO NOTHING;", []],
    ["INSERT INTO typed (id) VALUES ('one') ON CONFLICT (id) DO NOTHING;", ['statement-refused:1:e']],
    ['INSERT INTO pages (id, slugs) VALUES (1, 2) ON CONFLICT (id) DO NOTHING;', ['statement-refused:1:e']],
    ['ALTER TABLE pages ADD slugs int; INSERT INTO pages (id, slugs) VALUES (1, 2) ON CONFLICT (id) DO NOTHING;', []],
    // Tables of the seed's own.
    ['SELECT 1 AS id INTO TEMP stage; INSERT INTO stage VALUES (2);', []],
    ['CREATE TEMP TABLE stage (id int); DROP TABLE stage;\nINSERT INTO stage VALUES (2);', ['missing-relation:2:e']],
    // psql's variables as names.
    ['\\set s public\nINSERT INTO :s.pages (id) VALUES (1) ON CONFLICT DO NOTHING;', []],
    ['INSERT INTO :unknown VALUES (1);', []],
    ['\\set s public\nINSERT INTO :s.pages (id VALUES (1);', ['unreadable:2:w']],
    ['SET session_replication_role = replica;\nSET session_replication_role = DEFAULT;', ['foreign-keys-off:1:w']],
    ['SELECT 1;\nALTER TABLE users DISABLE TRIGGER ALL;', ['foreign-keys-off:2:w']],
  ])('%s', async (seed, expected) => {
    expect(await told(seed)).toEqual(expected);
  });
});

describe('what PostgreSQL says of a plan', () => {
  const live = `${sql}; CREATE TABLE bare (id uuid PRIMARY KEY, v text)`;
  const project = (seed: string, refusals: Project['refusals'] = []): Project => ({
    revisions: [{ id: 'r1', sql: live }],
    live,
    rows: ['r1'],
    seed,
    refusals,
  });

  it('is told with the line of its position, in characters', async () => {
    const seed = "\nINSERT INTO bare (id, v)\nVALUES ('é😀', 1),\n ('demo', 'x');";
    const position = 'EXPLAIN '.length + [..."INSERT INTO bare (id, v)\nVALUES ('é😀', 1),\n ("].length + 1;
    const refusal = { sqlState: '22P02', message: 'invalid input syntax for type uuid: "demo"', position };
    const findings = await findingsOf('seed-statement-refused', project(seed, [['INSERT INTO bare', refusal]]));
    expect(findings.map(({ subject, severity, message }) => [subject.line, severity, message])).toEqual([
      [4, 'error', 'scripts/seed.sql:4 is refused by PostgreSQL: invalid input syntax for type uuid: "demo".'],
    ]);
  });

  it.each([
    ['42501', 'permission denied for table bare'],
    ['57014', 'canceling statement due to statement timeout'],
  ])('%s is not checked, and no finding', async (sqlState, message) => {
    const refused = project("INSERT INTO bare (id, v) VALUES ('demo', 'x');", [['EXPLAIN', { sqlState, message }]]);
    for (const rule of ['seed-statement-refused', 'seed-conflict-target-unmatched']) {
      const seed = rule.includes('conflict')
        ? 'INSERT INTO item (id, slug) VALUES (1, 2) ON CONFLICT (slug) DO NOTHING;'
        : refused.seed;
      const { findings, notChecked } = await resultsOf([rule], { ...refused, seed });
      expect(findings).toEqual([]);
      expect(notChecked[0]?.reason).toContain(message);
    }
  });

  it('decides on a conflict target that only PostgreSQL can match', async () => {
    const seed = "INSERT INTO soft (id, code) VALUES (1, 'x') ON CONFLICT (code) WHERE gone IS NOT NULL DO NOTHING;";
    const refusal = { sqlState: '42P10', message: 'there is no unique or exclusion constraint matching' };
    expect(await findingsOf('seed-conflict-target-unmatched', project(seed))).toEqual([]);
    const rules = ['seed-conflict-target-unmatched', 'seed-statement-refused'];
    const { findings } = await resultsOf(rules, project(seed, [['INSERT INTO soft', refusal]]));
    expect(findings.map(({ rule }) => rule)).toEqual(['seed-conflict-target-unmatched']);
  });

  it('is not asked of what hangs on the seed itself', async () => {
    const seed = `CREATE TEMP TABLE stage (a int); INSERT INTO stage VALUES (1);
      SET search_path TO other; INSERT INTO item (id) VALUES (2);
      WITH s AS (INSERT INTO item (id, slug) VALUES (1, 'x') ON CONFLICT DO NOTHING RETURNING id) SELECT id FROM s;
      DO $$ DECLARE v int := 1; BEGIN INSERT INTO item (id, slug) VALUES (v, 'x') ON CONFLICT DO NOTHING; END $$;
      \\set t item
      INSERT INTO item (id, slug) VALUES (:t, 'x') ON CONFLICT DO NOTHING;`;
    const refusal = { sqlState: '22000', message: 'asked' };
    expect(await findingsOf('seed-statement-refused', project(seed, [['EXPLAIN', refusal]]))).toEqual([]);
  });
});

it('seed-natural-key-id-mismatch: an UPDATE names the id too; an upsert that sets the id has no other', async () => {
  const tables =
    'CREATE TABLE owners (id text PRIMARY KEY, slug text UNIQUE); CREATE TABLE things (id int PRIMARY KEY, owner text REFERENCES owners (id))';
  const found = (action: string) =>
    findingsOf('seed-natural-key-id-mismatch', {
      revisions: [{ id: 'r1', sql: tables }],
      live: tables,
      rows: ['r1'],
      seed: `INSERT INTO owners (id, slug) VALUES ('seed', 'acme') ON CONFLICT (slug) ${action};\nUPDATE things SET owner = 'seed' WHERE id = 1;`,
      answers: [['owners', [{ id: 'live', k0: 'acme' }]]],
    });
  const [finding] = await found('DO NOTHING');
  expect(finding?.evidence.at(-1)).toMatchObject({ line: 2, text: "public.things.owner = 'seed'" });
  expect(await found('DO UPDATE SET id = EXCLUDED.id')).toEqual([]);
});

it('seed-natural-key-id-mismatch: by variables, in rows of the upsert itself, in the data of COPY', async () => {
  const tables =
    'CREATE TABLE owners (id text PRIMARY KEY, slug text UNIQUE, above text REFERENCES owners (id)); CREATE TABLE things (id int PRIMARY KEY, owner text REFERENCES owners (id))';
  const linesOf = async (seed: string) => {
    const [finding] = await findingsOf('seed-natural-key-id-mismatch', {
      revisions: [{ id: 'r1', sql: tables }],
      live: tables,
      rows: ['r1'],
      seed,
      answers: [['owners', [{ id: 'live', k0: 'acme' }]]],
    });
    return { lines: finding?.evidence.slice(2).map(({ line }) => line), kind: finding?.remedy?.kind };
  };
  const upsert = "INSERT INTO owners (id, slug) VALUES ('seed', 'acme') ON CONFLICT (slug) DO NOTHING;";
  const block = `DO $$ DECLARE o text := 'seed'; BEGIN\n${upsert.replace("'seed'", 'o')}\nINSERT INTO things VALUES (1, o);\nEND $$;`;
  expect(await linesOf(block)).toEqual({ lines: [3], kind: 'patch' });
  const own = "INSERT INTO owners VALUES ('seed', 'acme', NULL),\n('b', 'b', 'seed') ON CONFLICT (slug) DO NOTHING;";
  expect(await linesOf(own)).toEqual({ lines: [2], kind: 'patch' });
  const copy = `${upsert}\nCOPY things FROM stdin;\n1\tseed\n\\.\n`;
  expect(await linesOf(copy)).toEqual({ lines: [3], kind: 'advice' });
});

it('seed-statement-refused: asks for no plan of a statement without its WITH', async () => {
  const seed =
    'WITH made AS (INSERT INTO item (id, slug) SELECT 1, code FROM soft RETURNING id)\n  INSERT INTO soft (id) SELECT id FROM made ON CONFLICT DO NOTHING;';
  const refusals: [string, { sqlState: string; message: string }][] = [
    ['made', { sqlState: '42P01', message: 'relation "made" does not exist' }],
  ];
  expect(await findingsOf('seed-statement-refused', { ...chain, live: sql, rows: ['r1'], seed, refusals })).toEqual([]);
});

it('seed-not-rerunnable: what running it twice has shown confirms, refutes or adds to what was read', async () => {
  const run = { file: 'scripts/seed.sql', outcome: 'changed' as const, changes: [], failure: null, doubled: [] };
  const change = {
    file: run.file,
    isByTrigger: false,
    inserted: 0,
    updated: 0,
    deleted: 0,
    columns: [],
    otherStatements: 0,
  };
  const reruns = (of: object) => ({ on: 'a server', lacks: null, reason: null, runs: [{ ...run, ...of }] });
  const bare = { ...chain, seed: "INSERT INTO item (id, slug) VALUES (1, 'x');" };
  const [read] = await findingsOf('seed-not-rerunnable', bare);
  const refused = await findingsOf('seed-not-rerunnable', {
    ...bare,
    reruns: reruns({
      outcome: 'refused',
      failure: { file: run.file, line: 1, message: 'duplicate', sqlState: '23505', isOfTheSeed: true },
    }),
  });
  expect(refused.map(({ key }) => key)).toEqual([read?.key]);
  expect(refused[0]?.evidence.at(-1)).toEqual({
    origin: 'data',
    text: 'run twice on a server: the second run is refused: duplicate',
  });
  // A refusal stands at the row that it means.
  const ofRows = { ...chain, seed: "INSERT INTO item (id, slug) VALUES\n(1, 'x'),\n(2, 'y');" };
  const second = { file: run.file, line: 3, message: 'duplicate', sqlState: '23505', isOfTheSeed: true };
  const atRow = await findingsOf('seed-not-rerunnable', {
    ...ofRows,
    reruns: reruns({ outcome: 'refused', failure: second }),
  });
  expect(atRow.map(({ subject }) => subject.line)).toEqual([1]);
  const [exists] = await findingsOf('seed-not-rerunnable', {
    ...chain,
    seed: "CREATE TYPE mood AS ENUM ('ok');",
    reruns: reruns({ outcome: 'refused', failure: { ...second, line: 1, sqlState: '42710' } }),
  });
  expect(exists?.remedy?.summary).toBe('Let scripts/seed.sql:1 make it only where it is absent');
  const failure = { file: run.file, line: 1, message: 'duplicate', isOfTheSeed: true, metRow: true };
  const met = await resultsOf(['seed-not-rerunnable'], { ...bare, reruns: reruns({ outcome: 'refused', failure }) });
  expect(met.findings.map(({ key }) => key)).toEqual([read?.key]);
  expect(met.findings[0]?.evidence.at(-1)?.text).toBe('run on a server: it is refused: duplicate');
  expect(met.notChecked).toEqual([]);
  expect(await findingsOf('seed-not-rerunnable', { ...bare, reruns: reruns({ outcome: 'unchanged' }) })).toEqual([]);
  const updating = { ...chain, seed: 'UPDATE item SET note = note || 1;\nUPDATE item SET slug = slug;' };
  expect(await findingsOf('seed-not-rerunnable', updating)).toEqual([]);
  const [alone] = await findingsOf('seed-not-rerunnable', {
    ...updating,
    reruns: reruns({ outcome: 'refused', failure }),
  });
  expect(alone?.message).toBe(
    'scripts/seed.sql:1 is refused on the database as it stands, where its row is already: duplicate.',
  );
  const seen = await findingsOf('seed-not-rerunnable', {
    ...updating,
    reruns: reruns({
      changes: [
        { ...change, table: 'public.item', line: 1, updated: 2, columns: ['note'] },
        { ...change, table: 'public.log', line: 2, inserted: 1, isByTrigger: true },
      ],
    }),
  });
  expect(seen.map(({ severity, message }) => [severity, message])).toEqual([
    ['warning', 'scripts/seed.sql:1 changes note in 2 rows of public.item when the seed runs a second time.'],
    ['info', 'scripts/seed.sql:2 inserts 1 row into public.log again by a trigger when the seed runs a second time.'],
  ]);
  const { findings, notChecked } = await resultsOf(['seed-not-rerunnable'], {
    ...bare,
    reruns: reruns({
      outcome: 'unknown',
      failure: { file: run.file, line: 1, message: 'no table', isOfTheSeed: true },
    }),
  });
  expect(findings.map(({ key }) => key)).toEqual([read?.key]);
  expect(notChecked.map(({ reason }) => reason)).toEqual([
    'that a second run of scripts/seed.sql changes nothing: the first one fails at scripts/seed.sql:1, no table',
  ]);
});

describe('a seed of several files', () => {
  const seedFiles = {
    'scripts/parts/items.sql': "\n\nINSERT INTO item (id, slug) VALUES (1, 'x');\nINSERT INTO mine (a) VALUES (1);\n",
    'scripts/parts/tables.sql': 'CREATE TABLE mine (a int);\n',
  };
  const all = '\\ir parts/tables.sql\n\\ir parts/items.sql\n';

  it('is told by the file and the line in which it stands', async () => {
    const [finding, ...others] = await findingsOf('seed-not-rerunnable', { ...chain, seed: all, seedFiles });
    expect(others).toEqual([]);
    expect(finding?.subject).toMatchObject({
      name: 'scripts/parts/items.sql',
      file: 'scripts/parts/items.sql',
      line: 3,
    });
    const [absent] = await findingsOf('seed-missing-relation', { ...chain, seed: '\\ir parts/items.sql\n', seedFiles });
    expect(absent).toMatchObject({
      subject: { name: 'public.mine', file: 'scripts/parts/items.sql', line: 4 },
      remedy: { actions: [{ action: 'run-seed', file: 'scripts/seed.sql' }] },
    });
  });

  it('is judged by what ran before in the others', async () => {
    expect(await findingsOf('seed-missing-relation', { ...chain, seed: all, seedFiles })).toEqual([]);
    expect(await findingsOf('seed-not-rerunnable', { ...chain, seed: `TRUNCATE item;\n${all}`, seedFiles })).toEqual(
      [],
    );
    expect(
      await findingsOf('seed-not-rerunnable', { ...chain, seed: `\\if :fresh\n${all}\\endif\nSELECT 1;`, seedFiles }),
    ).toEqual([]);
    const elsewhere = { 'scripts/path.sql': 'SET search_path TO nowhere;' };
    const [finding] = await findingsOf('seed-missing-relation', {
      ...chain,
      seed: "\\i path.sql\nINSERT INTO item (id, slug) VALUES (1, 'x') ON CONFLICT DO NOTHING;",
      seedFiles: elsewhere,
    });
    expect(finding?.subject).toMatchObject({ name: 'nowhere.item', line: 2 });
  });

  it('is told of what is absent or outside, once, and read to its end where files include each other', async () => {
    const seed = '\\ir nothing.sql\n\\i :folder/x.sql\n\\ir seed.sql\n\\ir parts/tables.sql\n\\ir parts/tables.sql\n';
    const findings = await findingsOf('seed-unreadable', {
      ...chain,
      seed,
      seedFiles: { ...seedFiles, 'scripts/seed.sql': seed },
    });
    expect(findings.map(({ message, certainty }) => [message, certainty])).toEqual([
      ['scripts/seed.sql:1 cannot be read (\\ir nothing.sql: no such file); the seed stops there.', 'suspected'],
    ]);
  });
});

describe('seed-trigger-duplicates', () => {
  const withTrigger = (body: string) => `CREATE TABLE account (id int PRIMARY KEY);
    CREATE TABLE profile (id int PRIMARY KEY REFERENCES account (id), name text);
    CREATE FUNCTION welcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
    CREATE TRIGGER welcomes AFTER INSERT ON account FOR EACH ROW EXECUTE FUNCTION welcome();`;
  const seed = "INSERT INTO account (id) VALUES (1);\nINSERT INTO profile (id, name) VALUES\n(1, 'x');";
  const project = (sql: string, text = seed) => ({ revisions: [{ id: 'r1', sql }], seed: text });

  it('is suspected where the function writes the row that the key allows once', async () => {
    const [finding, ...others] = await findingsOf(
      'seed-trigger-duplicates',
      project(withTrigger('INSERT INTO public.profile (id) VALUES (NEW.id);')),
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ certainty: 'suspected', severity: 'warning', subject: { line: 3 } });
    expect(finding?.message).toContain('trigger welcomes of public.account');
  });

  it('is not where the function looks first, writes elsewhere, or the seed gives way or means another row', async () => {
    for (const sql of [
      withTrigger('INSERT INTO profile (id) VALUES (NEW.id) ON CONFLICT DO NOTHING;'),
      withTrigger('INSERT INTO account_log (id) VALUES (NEW.id);'),
      withTrigger('INSERT INTO profile (id) VALUES (NEW.id);').replace('AFTER INSERT', 'AFTER UPDATE'),
    ])
      expect(await findingsOf('seed-trigger-duplicates', project(sql))).toEqual([]);
    const writing = withTrigger('INSERT INTO profile (id) VALUES (NEW.id);');
    for (const text of [seed.replace(/;$/, ' ON CONFLICT DO NOTHING;'), seed.replace("(1, 'x')", "(2, 'x')")])
      expect(await findingsOf('seed-trigger-duplicates', project(writing, text))).toEqual([]);
  });

  it('is what running the seed has shown', async () => {
    const double = {
      table: 'public.profile',
      file: 'scripts/seed.sql',
      line: 2,
      byFile: 'scripts/seed.sql',
      byLine: 1,
      rows: 1,
    };
    const run = { file: 'scripts/seed.sql', outcome: 'unchanged' as const, changes: [], failure: null };
    const reruns = (isRefused: boolean) => ({
      on: 'a server',
      lacks: null,
      reason: null,
      runs: [{ ...run, doubled: [{ ...double, isRefused }] }],
    });
    const sql = withTrigger('INSERT INTO profile (id) VALUES (NEW.id);');
    const seen = await Promise.all(
      [true, false].map((is) => findingsOf('seed-trigger-duplicates', { ...project(sql), reruns: reruns(is) })),
    );
    expect(seen.flat().map(({ severity, certainty, subject }) => [severity, certainty, subject.line])).toEqual([
      ['error', 'proven', 2],
      ['warning', 'proven', 2],
    ]);
  });
});
