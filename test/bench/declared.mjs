/**
 * How long the static reading of the declared schema takes beside `alembic heads`, on generated files of the size of real
 * ones and in the same run, process start included, with the most memory it took.
 * `npm run build && node test/bench/declared.mjs [COUNT] [PROJECT]`; with PROJECT, that project is read instead, and
 * alembic on as many generated files.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = process.env.CHAIN_CLI ?? fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const rounds = 5;
const count = Number(process.argv[2] ?? 437);
const dir = mkdtempSync(join(tmpdir(), 'chain-bench-'));
try {
  generate(dir, count);
  const project = process.argv[3] ?? dir;
  const chain = [];
  const alembic = [];
  for (let round = 0; round < rounds; round++) {
    // In turns, so that what else the machine does falls on both.
    chain.push(run(process.execPath, [cli, 'schema', 'declared', '--no-scratch', '--project', project], dir));
    alembic.push(run('alembic', ['heads'], dir));
  }
  const ours = { cpu: median(chain.map(({ cpu }) => cpu)), wall: median(chain.map(({ wall }) => wall)) };
  const memory = Math.round(Math.max(...chain.map(({ kilobytes }) => kilobytes)) / 1024);
  console.log(
    `${count} revisions: chain schema declared ${ours.wall} ms, ${ours.cpu} ms of CPU, at most ${memory} MB (medians of ${rounds})`,
  );
  if (alembic.every((one) => one !== null)) {
    const theirs = { cpu: median(alembic.map(({ cpu }) => cpu)), wall: median(alembic.map(({ wall }) => wall)) };
    const times = (of) => (ours[of] / theirs[of]).toFixed(2);
    console.log(
      `alembic heads ${theirs.wall} ms, ${theirs.cpu} ms of CPU: chain takes ${times('wall')} times as long, ${times('cpu')} times the CPU`,
    );
  } else console.log('alembic is not here');
} finally {
  rmSync(dir, { recursive: true, force: true });
}

/** Milliseconds by the clock and of CPU and the most memory of a child, by a process of its own that asks what its child used. */
function run(program, args, cwd) {
  const asker = `
    const { spawnSync } = require('node:child_process');
    const started = performance.now();
    const { status, error } = spawnSync(${JSON.stringify(program)}, ${JSON.stringify(args)}, { stdio: 'ignore' });
    if (error || status !== 0) process.exit(error ? 3 : 4);
    const wall = performance.now() - started;
    const { readFileSync } = require('node:fs');
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
    console.log(JSON.stringify({ wall, cpu: (Number(fields[13]) + Number(fields[14])) * 10 }));
  `;
  const { status, stdout } = spawnSync(process.execPath, ['-e', asker], { cwd, encoding: 'utf8' });
  if (status === 3) return null;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`);
  return { ...JSON.parse(stdout), kilobytes: peakOf(program, args, cwd) };
}

/** Where `/usr/bin/time` is not, 0. */
function peakOf(program, args, cwd) {
  if (program !== process.execPath) return 0;
  const { stderr, error } = spawnSync('/usr/bin/time', ['-f', '%M', program, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return error ? 0 : Number(stderr.trim().split('\n').pop());
}

function median(values) {
  return Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]);
}

function generate(folder, files) {
  const versions = join(folder, 'alembic/versions');
  mkdirSync(versions, { recursive: true });
  writeFileSync(join(folder, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
  writeFileSync(join(folder, 'alembic/env.py'), '');
  let down = null;
  for (let index = 0; index < files; index++) {
    const id = createHash('md5').update(String(index)).digest('hex').slice(0, 12);
    const table = `table_${index}`;
    const columns = Array.from({ length: 10 }, (_, n) => `column_${n}`);
    const added = columns.map(
      (column) =>
        `    op.add_column(\n        "${table}",\n        sa.Column("${column}", sa.String(length=255), nullable=True),\n    )\n`,
    );
    const dropped = columns.map((column) => `    op.drop_column("${table}", "${column}")\n`).reverse();
    writeFileSync(
      join(versions, `${id}_step_${index}.py`),
      `"""step ${index}

Revision ID: ${id}
Revises: ${down ?? ''}
Create Date: 2024-01-01 00:00:00

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = "${id}"
down_revision = ${down === null ? 'None' : `"${down}"`}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "${table}",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
${added.join('')}

def downgrade() -> None:
${dropped.join('')}    op.drop_table("${table}")
`,
    );
    down = id;
  }
}
