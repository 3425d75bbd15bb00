/**
 * psql's own language in a run: the rows that come of a script, beside what a real psql makes of the same files where there
 * is one; and what is refused, each with its line and what to do.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectFiles, runSeed } from '../../src/seeds/index.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { read } from './support.ts';

const schema = `CREATE TABLE t (a text, b text, n numeric); CREATE TABLE "Mixed Case" ("Col" int, at timestamptz DEFAULT '2020-01-01+00');`;
const psql = findPsql();

function findPsql(): { path: string; major: number } | null {
  const folders = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  try {
    folders.push(...readdirSync('/usr/lib/postgresql').map((major) => `/usr/lib/postgresql/${major}/bin`));
  } catch {
    // Debian's folder is nowhere else.
  }
  for (const folder of folders) {
    try {
      const path = join(folder, 'psql');
      const major = Number(/\d+/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[0]);
      return { path, major };
    } catch {
      // Not here.
    }
  }
  return null;
}

const lines = (...each: string[]) => `${each.join('\n')}\n`;
/** Script, other files, rows of t as `a|b|n`. */
interface Case {
  text: string;
  files?: Record<string, string>;
  rows: string[];
  /** An older psql sends `\\.` after CSV, which a server of 18 takes for a line of data (release notes of 18). */
  psqlFrom?: number;
}
const cases: Record<string, Case> = {
  'COPY in the text format, with escapes, NULL and CRLF': {
    text: `COPY t FROM stdin;\r\n1\\tx\ty\\\\z\t\\N\r\n\\x41\\101\té😀\t2.50\r\n\\.\r\nINSERT INTO t VALUES ('after');\r\n`,
    rows: ['1\tx|y\\z|', 'AA|é😀|2.50', 'after||'],
  },
  'COPY in the old words': {
    text: lines(
      "COPY t (a, b) FROM STDIN WITH DELIMITER ';' NULL 'nil' CSV HEADER QUOTE '~' ESCAPE '^';",
      'one;two',
      '~a;b~;nil',
      '~a^~c~;~nil~',
      '\\.',
    ),
    rows: ['a;b||', 'a~c|nil|'],
    psqlFrom: 18,
  },
  'COPY in the new words, a value of two lines, FORCE_NULL': {
    text: lines(
      'COPY t (a, b) FROM STDIN (FORMAT csv, HEADER, FORCE_NULL (b));',
      'a,b',
      '"two',
      'lines",""',
      '"say ""hi""",x',
      '\\.',
    ),
    rows: ['two\nlines||', 'say "hi"|x|'],
    psqlFrom: 18,
  },
  'COPY whose lines look like psql and SQL': {
    text: lines('COPY t (a) FROM stdin;', ':a ; $$ BEGIN', "it's -- /*", '\\.', "INSERT INTO t VALUES ('x');"),
    rows: [':a ; $$ BEGIN||', "it's -- /*||", 'x||'],
  },
  '\\copy from files, with and without quotes, and from the script': {
    text: lines(
      "\\copy t (a, b) from 'data/it''s.csv' with (format csv, header)",
      '\\copy t(a) FROM data/plain.txt',
      "\\copy t (a, n) from stdin delimiter ','",
      'inline,7',
      '\\.',
      '\\copy "Mixed Case" ("Col") from data/ints.txt',
      `INSERT INTO t (a, n) SELECT 'mixed', sum("Col") FROM "Mixed Case";`,
    ),
    files: { "data/it's.csv": 'a,b\nq,"r,s"\n', 'data/plain.txt': ':not a variable\n', 'data/ints.txt': '1\n2\n' },
    rows: ['q|r,s|', ':not a variable||', 'inline||7', 'mixed||3'],
  },
  'variables in their three quotings': {
    text: lines(
      "\\set who 'O''Brien' -x",
      '\\set tab Mixed" "Case',
      '\\set plain t',
      '\\set n 40',
      '\\set both :n :who',
      "INSERT INTO :plain (a, b, n) VALUES (:'who', 'not :who', :n + 2);",
      "INSERT INTO public.:plain VALUES (:'both', :{?who}, 1), (':n', :{?nobody}, 2);",
      '\\unset who',
      "INSERT INTO :\"plain\" VALUES ('slice', (ARRAY['p','q','r'])[2:3]::text, 3);",
    ),
    rows: ["O'Brien-x|not :who|42", "40O'Brien-x|true|1", ':n|false|2', 'slice|{q,r}|3'],
  },
  '\\gset takes PostgreSQL\u2019s own text, \\gexec runs what comes': {
    text: lines(
      'SELECT true AS yes, 1.50::numeric AS n, NULL AS nothing, now() IS NULL AS no \\gset p_',
      "INSERT INTO t VALUES (:'p_yes', :'p_no', :p_n);",
      '\\if :{?p_nothing}',
      "INSERT INTO t VALUES ('not this');",
      '\\elif :p_yes',
      "SELECT format('INSERT INTO t (a) VALUES (%L)', x), NULL FROM unnest(ARRAY['g1', 'g2']) x \\gexec",
      '\\endif',
      'UPDATE t SET b = b;',
      "INSERT INTO t VALUES ('rows', :'ROW_COUNT', :SERVER_VERSION_NUM / :SERVER_VERSION_NUM);",
    ),
    rows: ['t|f|1.50', 'g1||', 'g2||', 'rows|3|1'],
  },
  'conditions within conditions, on one line, with \\q': {
    text: lines(
      '\\set yes on',
      '\\if :yes \\if off \\echo never \\else \\set seen 1 \\endif',
      "INSERT INTO t VALUES ('in', :'seen');",
      '\\else',
      '\\q',
      '\\endif',
      "\\if 0 \\! echo 'never run' \\endif is its argument",
      '\\endif',
      "INSERT INTO t VALUES ('out');",
      '\\q',
      'this is never read',
    ),
    rows: ['in|1|', 'out||'],
  },
  'included files, relative to the project and to themselves': {
    text: lines('\\set k 5', '\\i parts/one.sql', "\\ir 'parts/two words.sql'", "INSERT INTO t VALUES (:'k');"),
    files: {
      'parts/one.sql': "\\ir deeper/leaf.sql\nINSERT INTO t VALUES ('one', :'k');\n\\q\nnever read\n",
      'parts/two words.sql': "\ufeffINSERT INTO t VALUES ('two'); \\set k 6\n",
      'parts/deeper/leaf.sql': "INSERT INTO t VALUES ('leaf'); -- no line end",
    },
    rows: ['leaf||', 'one|5|', 'two||', '6||'],
  },
  'statements that end in other ways': {
    text: lines(
      "INSERT INTO t VALUES ('g') \\g",
      "INSERT INTO t VALUES ('gx') \\gx \\\\ INSERT INTO t VALUES ('same line');",
      "INSERT INTO t VALUES ('one') \\; INSERT INTO t VALUES ('buffer');",
      '\\timing \\pset format aligned',
      "DO $x$ BEGIN INSERT INTO t VALUES (':k;'); END $x$;",
      "INSERT INTO t VALUES ('no end')",
    ),
    rows: ['g||', 'gx||', 'same line||', 'one||', 'buffer||', ':k;||', 'no end||'],
  },
};

let db: TestDatabase;
const folder = mkdtempSync(join(tmpdir(), 'chain-psql-'));
beforeAll(async () => {
  db = await testDatabase({ sql: schema });
});
afterAll(async () => {
  await db.drop();
  rmSync(folder, { recursive: true, force: true });
});

let made = 0;
function project(files: Record<string, string | Buffer>): string {
  const dir = join(folder, String(made++));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}

async function takeRows(): Promise<string[]> {
  const { rows } = await db.connection.query<{ row: string }>(
    `SELECT concat_ws('|', coalesce(a, ''), coalesce(b, ''), coalesce(n::text, '')) AS row FROM t ORDER BY ctid`,
  );
  await db.connection.query('TRUNCATE t, "Mixed Case"');
  return rows.map(({ row }) => row);
}

const seedFile = 'seed.sql';

describe.each(Object.entries(cases))('%s', (_, { text, files = {}, rows, psqlFrom = 0 }) => {
  it('is carried out', async () => {
    const dir = project({ ...files, [seedFile]: text });
    await runSeed(db.connection, { ...read(text), file: seedFile }, { readFile: projectFiles(dir) });
    expect(await takeRows()).toEqual(rows);
  });

  it.runIf(psql !== null && psql.major >= psqlFrom)('is so for psql too', async () => {
    const dir = project({ ...files, [seedFile]: text });
    execFileSync(psql?.path as string, ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', db.url, '-f', seedFile], {
      cwd: dir,
    });
    expect(await takeRows()).toEqual(rows);
  });
});

describe('refused, with its line', () => {
  it.each<[text: string, message: RegExp, hint: RegExp]>([
    ['SELECT 1;\n\\! rm -rf /', /:2: \\! runs a program/, /Take it out/],
    ['\\connect other', /:1: \\connect connects/, /--url/],
    ['\\o /tmp/x', /:1: \\o writes to a file/, /database alone/],
    ['\\copy t to /tmp/x', /:1: \\copy t to \/tmp\/x: only/, /take it out/],
    ["\\copy t from program 'id'", /:1: .*runs a program/, /Write its output/],
    ['\\copy t from pstdin', /:1: .*pstdin/, /Name a file/],
    ["\\copy t from '/etc/passwd'", /^seed\.sql:1: \/etc\/passwd lies outside/, /Copy it into the project/],
    ['\\copy t from ../secret', /^seed\.sql:1: \.\.\/secret lies outside/, /Copy it/],
    ['\\copy t from ~/secret', /^seed\.sql:1: ~\/secret lies outside/, /Copy it/],
    ['\\i link.sql', /^seed\.sql:1: link\.sql is a link that leads out/, /Copy it/],
    ['\\i away/passwd', /^seed\.sql:1: away\/passwd is a link that leads out/, /Copy it/],
    ['\\i inner.sql', /^seed\.sql:1: \\i inner\.sql: no such file/, /relative to the project/],
    ['\\i parts/asks.sql', /^parts\/asks\.sql:1: \\i leaf\.sql: no such file/, /parts\/leaf\.sql is there: write \\ir/],
    ['\\ir seed.sql', /:1: .*without end/, /Take one/],
    ['\\i latin.sql', /^latin\.sql:2: the file is not UTF-8/, /iconv/],
    ['\\set x `whoami`', /:1: .*backquotes run a program/, /Write the value/],
    ["\\set x 'open", /:1: .*unterminated/, /Close/],
    ['\\getenv home HOME', /:1: \\getenv/, /\\set/],
    ['\\prompt x', /:1: \\prompt asks a person/, /\\set/],
    ['SELECT 1 \\bind 2 \\g', /:1: \\bind sends parameters/, /into the statement/],
    ['SELECT 1 \\watch 2', /:1: \\watch/, /semicolon/],
    ['SELECT 1;\n\\g', /:2: \\g sends the last statement again/, /before it/],
    ['SELECT 1 \\g out.txt', /:1: \\g out\.txt writes outside/, /semicolon/],
    ['SELECT 1 \\g |sh', /:1: \\g \|sh writes outside/, /semicolon/],
    ['SELECT 1\n\\if true\n+ 1\n\\endif\n;', /:2: \\if true stands inside a statement/, /before the statement/],
    ['\\if 1\nSELECT 1;', /:2: \\if without/, /Close/],
    ['\\if maybe\n\\endif', /:1: .*"maybe" is no true or false/, /psql takes/],
    ['\\endif', /:1: \\endif without/, /Close/],
    ['\\frobnicate', /:1: \\frobnicate needs psql/, /psql -v/],
    ['\\encoding latin1', /:1: \\encoding latin1/, /UTF-8/],
    ["SET client_encoding TO 'LATIN1';", /:1: client_encoding LATIN1/, /UTF-8/],
    ['SELECT 1;\nROLLBACK;', /:2: ROLLBACK would undo/, /Take it out/],
    ["SELECT 1;\nPREPARE TRANSACTION 'x';", /:2: PREPARE would/, /Take it out/],
    ['DO $$ BEGIN\nCOMMIT;\nEND $$;', /:2: invalid transaction termination/, /COMMIT and ROLLBACK inside a block/],
    ['SELECT 1;\nCREATE INDEX CONCURRENTLY ON t (a);', /:2: CREATE INDEX CONCURRENTLY/, /leave CONCURRENTLY out/],
    ['SELECT 1;\nSELECT :nobody;', /:2: syntax error at or near ":"\n.*\n.*\^/, /:nobody is set nowhere/],
    ['SELECT 1 AS a WHERE false \\gset', /:1: \\gset wants one row, and there are 0/, /Nothing of the seed/],
    [
      'COPY t (a, n) FROM stdin;\nx\t1\ny\tnope\n\\.\n',
      /^seed\.sql:3: invalid input syntax for type numeric: "nope"\n {2}3 \| y nope\n {4}\| {3}\^/,
      /Nothing of the seed/,
    ],
    [
      '\\copy t (a, n) from data.csv csv header',
      /^data\.csv:4: invalid input syntax for type numeric: "bad"\n {2}4 \| z,bad/,
      /Nothing/,
    ],
    ['COPY t FROM stdin;\na\tb\t1\tmore\n\\.', /^seed\.sql:2: extra data after last expected column/, /Nothing/],
    ['\\set v nope\nSELECT 1,\n  :v;', /^seed\.sql:2: column "nope" does not exist/, /Nothing/],
  ])('%s', async (text, message, hint) => {
    const dir = project({
      'seed.sql': text,
      'parts/asks.sql': '\\i leaf.sql',
      'parts/leaf.sql': 'SELECT 1;',
      'latin.sql': Buffer.from("SELECT 1;\nSELECT 'caf\xe9';\n", 'latin1'),
      'data.csv': 'a,n\n"x\nx",1\nz,bad\n',
    });
    symlinkSync('/etc/passwd', join(dir, 'link.sql'));
    symlinkSync('/etc', join(dir, 'away'));
    const running = runSeed(db.connection, { ...read(text), file: seedFile }, { readFile: projectFiles(dir) });
    await expect(running).rejects.toMatchObject({
      code: 'seed-failed',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(await takeRows()).toEqual([]);
  });
});
