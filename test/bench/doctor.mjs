/**
 * `chain doctor` on 10,000 tables with 100,000 columns that revisions declare, beside `pg_dump --schema-only` of the same
 * server. First as projects are: each default, check and index expression spelt otherwise than PostgreSQL does, the same few
 * all over; then with texts of its own in every table, so that nothing asked once answers for another.
 * Run: npm run build && node test/bench/doctor.mjs [tables] [rounds]. Wants a PostgreSQL installation that has pg_dump: the
 * newest of Debian's, or the folder in PG_BIN.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, retarget, startEmbeddedServer, urlOf } from '../../dist/database.js';

const count = Number(process.argv[2] ?? 10_000);
const rounds = Number(process.argv[3] ?? 3);
const tablesARevision = 50;
const debian = '/usr/lib/postgresql';
const installed = existsSync(debian)
  ? readdirSync(debian)
      .sort()
      .map((major) => join(debian, major, 'bin'))
  : [];
const folder = process.env.PG_BIN ?? installed.findLast((bin) => existsSync(join(bin, 'pg_dump')));
if (!folder) throw new Error('No PostgreSQL installation with pg_dump: set PG_BIN.');

/** `own`: what is in the table's texts alone. */
const sqlOf = (n, own) => `
  create table t${n} (id serial primary key, parent integer, a varchar(40) not null default 'x${own}',
    b numeric(10, 2) default 0, c timestamptz default now(), d text, e jsonb default '{}', f boolean not null default false, g integer, h text,
    constraint t${n}_parent_fkey foreign key (parent) references t${Math.max(0, n - 1)} (id),
    constraint t${n}_role check (a in ('x${own}', 'y', 'z')));
  create index ix_t${n}_a on t${n} (lower(a || '${own}'));
  create index ix_t${n}_g on t${n} (g, h desc) where f = true and d != '${own}'`;
const pythonOf = (n, own) => `
    op.create_table(
        "t${n}",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("a", sa.String(length=40), server_default="x${own}", nullable=False),
        sa.Column("b", sa.Numeric(precision=10, scale=2), server_default=sa.text("0"), nullable=True),
        sa.Column("c", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        sa.Column("d", sa.Text(), nullable=True),
        sa.Column("e", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=True),
        sa.Column("f", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("g", sa.Integer(), nullable=True),
        sa.Column("h", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["parent"], ["t${Math.max(0, n - 1)}.id"], name="t${n}_parent_fkey"),
        sa.CheckConstraint("a in ('x${own}', 'y', 'z')", name="t${n}_role"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_t${n}_a", "t${n}", [sa.text("lower(a || '${own}')")])
    op.create_index("ix_t${n}_g", "t${n}", ["g", sa.text("h DESC")], postgresql_where=sa.text("f = true and d != '${own}'"))
`;
const revisionOf = (place, own) => `"""generated"""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "${idOf(place)}"
down_revision = ${place === 0 ? 'None' : `"${idOf(place - 1)}"`}
branch_labels = None
depends_on = None


def upgrade():
${Array.from(
  { length: Math.min(tablesARevision, count - place * tablesARevision) },
  (_, each) => place * tablesARevision + each,
)
  .map((n) => pythonOf(n, own(n)))
  .join('')}

def downgrade():
    pass
`;
const idOf = (place) => `b${String(place).padStart(11, '0')}`;
const revisions = Math.ceil(count / tablesARevision);
const timeouts = { connectMs: 10_000, statementMs: 0, lockMs: 0 };

const work = mkdtempSync(join(tmpdir(), 'chain-bench-'));
const server = await startEmbeddedServer({
  binaries: { folder, key: `bench-${folder.replace(/\W+/g, '-')}` },
  tcp: true,
});
try {
  for (const [name, own] of [
    ['the same texts all over', () => ''],
    ['texts of its own in each table', (n) => `-${n}`],
  ]) {
    const versions = join(work, name, 'alembic', 'versions');
    mkdirSync(versions, { recursive: true });
    writeFileSync(join(work, name, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    writeFileSync(join(work, name, 'alembic', 'env.py'), '');
    for (let place = 0; place < revisions; place++)
      writeFileSync(join(versions, `${idOf(place)}.py`), revisionOf(place, own));
    const database = `bench_${name.length}`;
    const admin = await connect(server.target, { readOnly: false, timeouts });
    await admin.query(`create database ${database} template template0`);
    await admin.close();
    const target = retarget(server.target, { database });
    const writer = await connect(target, { readOnly: false, timeouts });
    for (let from = 0; from < count; from += 100)
      await writer.query(
        Array.from({ length: Math.min(100, count - from) }, (_, place) => sqlOf(from + place, own(from + place))).join(
          ';',
        ),
      );
    await writer.query(
      `create table alembic_version (version_num varchar(32) primary key); insert into alembic_version values ('${idOf(revisions - 1)}')`,
    );
    await writer.query('vacuum analyze');
    await writer.close();
    const results = [];
    for (let round = 0; round < rounds; round++) {
      let started = performance.now();
      execFileSync(join(folder, 'pg_dump'), ['--schema-only', '-f', '/dev/null', urlOf(target)]);
      const dumpMs = performance.now() - started;
      started = performance.now();
      const doctor = spawnSync(
        process.execPath,
        [
          join(import.meta.dirname, '../../dist/cli.js'),
          ...['doctor', '--url', urlOf(target), '--project', join(work, name), '--format', 'json'],
        ],
        { encoding: 'utf8', maxBuffer: 1 << 30, env: { ...process.env, NODE_OPTIONS: '' } },
      );
      const doctorMs = performance.now() - started;
      if (doctor.status !== 0) throw new Error(`doctor ended with ${doctor.status}: ${doctor.stderr}`);
      const { summary, findings } = JSON.parse(doctor.stdout);
      const drift = findings.filter(({ severity }) => severity !== 'info');
      if (summary.error + summary.warning > 0) throw new Error(`a false alarm: ${JSON.stringify(drift[0])}`);
      results.push({
        'pg_dump ms': Math.round(dumpMs),
        'doctor ms': Math.round(doctorMs),
        ratio: Number((doctorMs / dumpMs).toFixed(2)),
      });
    }
    console.log(`${count} tables, ${name}`);
    console.table(results);
  }
} finally {
  await server.stop();
  rmSync(work, { recursive: true, force: true });
}
