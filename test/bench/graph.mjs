/**
 * How long `chain graph` takes beside `alembic heads`, on the same generated files and in the same run, process start
 * included. `npm run build && node test/bench/graph.mjs [COUNT…]`; without an Alembic on the PATH it times chain alone.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const rounds = 5;
const counts = process.argv
  .slice(2)
  .map(Number)
  .filter((count) => count > 0);

for (const count of counts.length > 0 ? counts : [500, 5000]) {
  const dir = mkdtempSync(join(tmpdir(), 'chain-bench-'));
  try {
    generate(dir, count);
    const chain = [];
    const alembic = [];
    for (let round = 0; round < rounds; round++) {
      // In turns, so that what else the machine does falls on both.
      chain.push(time(process.execPath, [cli, 'graph', '--project', dir, '--format', 'json'], dir));
      alembic.push(time('alembic', ['heads'], dir));
    }
    const theirs = alembic.every((ms) => ms !== null) ? `${median(alembic)} ms` : 'not here';
    console.log(`${count} revisions: chain graph ${median(chain)} ms · alembic heads ${theirs} (median of ${rounds})`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Milliseconds; null where the program is not here. */
function time(program, args, cwd) {
  const start = performance.now();
  const { status, error } = spawnSync(program, args, { cwd, stdio: 'ignore' });
  if (error) return null;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`);
  return performance.now() - start;
}

function median(values) {
  return Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]);
}

function generate(dir, count) {
  const versions = join(dir, 'alembic/versions');
  mkdirSync(versions, { recursive: true });
  writeFileSync(join(dir, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
  writeFileSync(join(dir, 'alembic/env.py'), '');
  let down = null;
  for (let index = 0; index < count; index++) {
    const id = createHash('md5').update(String(index)).digest('hex').slice(0, 12);
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
revision = '${id}'
down_revision = ${down === null ? 'None' : `'${down}'`}
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "table_${index}",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade():
    op.drop_table("table_${index}")
`,
    );
    down = id;
  }
}
