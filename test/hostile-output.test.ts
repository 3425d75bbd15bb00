/**
 * Secrets and orders in whatever chain reads (ini, env.py, revisions, seeds, scripts, settings, the catalogue): in no format of
 * any command a password, a character that a terminal acts on, or a line that the log of a CI run would carry out.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withoutLogCommands } from '../src/model/safe-text.ts';
import { chain } from './support/chain.ts';
import { run } from './support/in-process.ts';
import { type TestDatabase, testDatabase } from './support/postgres.ts';

const project = mkdtempSync(join(tmpdir(), 'chain-secrets-'));
let database: TestDatabase;

/** An escape, a C1 sequence, a right-to-left override, and lines of their own that GitHub and Azure would carry out. */
const orders = '\u001b[2J\u009b31m\u202e\n::set-output name=x::y\n##vso[task.setvariable]';
const pythonOrders = orders.replaceAll(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
const long = 'x'.repeat(40);

const files: Record<string, string> = {
  'alembic.ini':
    '[alembic]\nscript_location = alembic\nsqlalchemy.url = postgresql://app:S3NTini@127.0.0.1:1/nowhere\n',
  'alembic/env.py': `URL = "postgresql://app:S3NTenvpy@h/db"\nDSN = "host=h password=S3NTdsn"\ntarget_metadata = None\n`,
  'alembic/versions/a.py': `"""${pythonOrders} postgresql://u:S3NTdoc@h/d"""
from alembic import op
import sqlalchemy as sa
revision = 'a1b2c3d4e5f6'
down_revision = None


def upgrade():
    op.create_table('users', sa.Column('id', sa.Integer, primary_key=True),
                    sa.Column('email', sa.String(50), nullable=False, unique=True),
                    sa.Column('url', sa.Text, server_default='postgresql://u:S3NTdefault@h/d'),
                    sa.Column('dsn', sa.Text, server_default="host=h password='S3NT keyword'"))
    op.execute('CREATE SCHEMA "::error file=x::${pythonOrders}"')
    op.execute('CREATE TABLE "::error file=x::${pythonOrders}"."t${pythonOrders}" ("c${pythonOrders}" int)')
    op.execute("ALTER ROLE app WITH PASSWORD 'S3NTalter'")
    op.execute("CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'u', password 'S3NTmapping')")
    op.execute("CREATE SUBSCRIPTION sub CONNECTION 'host=h password=S3NTsubscription' PUBLICATION p")
    op.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 /* password=S3NTfunction */ $$")
    op.execute("DO $$ BEGIN EXECUTE 'ALTER ROLE app PASSWORD ''S3NTdo''' || current_user; END $$")
`,
  'alembic/versions/b.py': `revision = 'b1b2c3d4e5f6'\ndown_revision = 'nowhere${pythonOrders}'\n\n\ndef upgrade():\n    pass\n`,
  'scripts/seed.sql': `ALTER ROLE app PASSWORD 'S3NTseedrole';
CREATE ROLE demo LOGIN PASSWORD 'S3NTseedcreate';
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'u', password 'S3NTseedmapping');
CREATE SUBSCRIPTION two CONNECTION 'postgresql://u:S3NTseedurl@h/d' PUBLICATION p;
INSERT INTO users (id, email, dsn) VALUES (1, '${orders}', 'host=h password=S3NTinsert');
INSERT INTO users (email, dsn) VALUES (NULL, 'host=h password=S3NTnull');
INSERT INTO "gone${orders}" (id, p) VALUES (1, 'postgres://x:S3NTgone@h');
`,
  'scripts/seed.sh': `#!/bin/sh
export PGPASSWORD=S3NTexport
PGPASSWORD='S3NT quoted' psql -h h -f scripts/seed.sql || true
psql "postgresql://u:S3NTurl@h/d" -f scripts/seed.sql || true
psql "host=h user=u password=S3NTkeywords" < scripts/seed.sql || true
psql --dbname=postgresql://${long}${long}:S3NT${long}@h/d -f scripts/seed.sql 2>/dev/null || true
`,
  'start.sh': `#!/bin/sh\nDATABASE_URL=postgresql://${long}${long}${long}:S3NT${long}@h/d alembic upgrade head || true\n`,
  'compose.yml': `services:\n  app:\n    environment:\n      POSTGRES_PASSWORD: S3NTcompose\n    command: sh -c "PGPASSWORD=S3NTcommand alembic upgrade head || true"\n`,
  'chain.config.json': JSON.stringify({
    expectations: [
      { name: `login${orders}`, kind: 'password', table: 'users', column: 'email', password: 'S3NTexpected' },
      {
        name: 'up',
        kind: 'http',
        url: 'http://u:S3NThttp@127.0.0.1:1/x',
        headers: { Authorization: 'Bearer S3NTbearer' },
      },
    ],
  }),
};

beforeAll(async () => {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), text);
  }
  const q = (name: string) => `"${name}"`;
  database = await testDatabase({
    sql: `CREATE TABLE users (id int PRIMARY KEY, email varchar(50), dsn text DEFAULT 'host=h password=S3NTlive',
            ${q(`d${orders}`)} text DEFAULT 'postgresql://u:S3NTlivedefault@h/d');
          CREATE TABLE ${q(`live${orders}`)} (id int);
          CREATE TYPE ${q(`e${orders}`)} AS ENUM ('x'); ALTER TABLE users ADD ${q(`f${orders}`)} ${q(`e${orders}`)};
          CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 2 /* password=S3NTlivefunction */ $$;
          COMMENT ON TABLE users IS 'postgresql://u:S3NTcomment@h/d';
          CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
          INSERT INTO alembic_version VALUES ('a1b2c3d4e5f6')`,
  });
});
afterAll(async () => {
  await database.drop();
  rmSync(project, { recursive: true, force: true });
});

function expectHarmless(text: string, what: string): void {
  expect([what, text.match(/.{0,60}S3NT.{0,20}/g)]).toEqual([what, null]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect([what, text.match(/.{0,30}[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/g)]).toEqual([what, null]);
  expect([what, text.match(/^\s*(?:::.*::|##vso\[).*$/gm)]).toEqual([what, null]);
}

const report = ['text', 'json', 'table', 'github', 'markdown', 'sarif'];
const runs: [command: string, formats: string[], flags?: Record<string, unknown>][] = [
  ['gate', report, { offline: true }],
  ['repair', ['text'], { apply: false }],
  ['locate', ['text']],
  ['diff', ['text']],
  ['schema', ['text', 'json', 'sql'], { side: 'live' }],
  ['schema', ['text', 'json', 'sql'], { side: 'declared', scratch: false }],
  ['graph', ['text', 'json', 'mermaid', 'dot', 'svg']],
  ['seed', ['json'], { check: true }],
];

it.each(runs)(
  '%s in %j says none of it',
  async (command, formats, flags = {}) => {
    for (const format of formats) {
      const { out, said, error } = await run(command, {
        ...{ project, url: database.url, format, verbose: true, scratchUrl: database.url, ...flags },
      });
      // The command line's own net for formats of lines; github's commands are chain's, and SQL is for psql.
      const beside = ['github', 'sql'].includes(format)
        ? out.replaceAll(/^(?:::(?:error|warning|notice) |[ \t]*(?:::set|##))/gm, '')
        : withoutLogCommands(out);
      expect(`${out}${error?.message ?? ''}`.length).toBeGreaterThan(50);
      expectHarmless(beside, `${command} --format ${format}`);
      expectHarmless(`${said}${error?.message ?? ''}${error?.hint ?? ''}`, `said by ${command}`);
    }
  },
  60_000,
);

it('the command line passes on none of it, whoever made the text', async () => {
  const url = 'postgresql://u:S3NTargument@127.0.0.1:1/x';
  const runs = [
    ['schema', 'declared', '--no-scratch', '--project', project],
    ['doctor', '--project', project, '--url', url, '--verbose', '--format', 'json'],
    ['doctor', '--project', project, '--url', `host=127.0.0.1 port=1 user=u password='S3NT argument'`],
    ['seed', '--project', project, '--url', database.url, 'scripts/seed.sql'],
    ['explain', `a\n::error::${orders}`],
    ['doctor', '--project', `${project}/none${orders}`],
  ];
  await Promise.all(
    runs.map(async (args) => {
      const { stdout, stderr } = await chain(args, { env: { PGPASSWORD: 'S3NTenvironment' } });
      expect(`${stdout}${stderr}`.length).toBeGreaterThan(20);
      expectHarmless(stdout, `stdout of ${args[0]}`);
      expectHarmless(stderr, `stderr of ${args[0]}`);
    }),
  );
});
