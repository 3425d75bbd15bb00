/**
 * How long `chain locate` takes beyond reading: 450 revisions over 500 tables, in a line, in two long branches, in ten; the
 * database stands somewhere in the middle, at a state of all branches. Beside it, in the same run, what only reads:
 * `schema declared --no-scratch` and `schema live`.
 * `npm run build && node test/bench/locate.mjs [REVISIONS] [TABLES]`
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, retarget, startEmbeddedServer, urlOf } from '../../dist/database.js';

const revisions = Number(process.argv[2] ?? 450);
const tables = Number(process.argv[3] ?? 500);
const rounds = 3;
const idOf = (branch, place) => `${String(branch).padStart(2, '0')}f${String(place).padStart(9, '0')}`;
const columns = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** Each branch has its share of the tables and, after its first revision, adds a column, an index or a table at a time. */
function statementsOf(branch, place, own, length) {
  const name = (n) => `t${branch}_${n}`;
  const base = own - Math.floor(length / 3);
  if (place === 0)
    return Array.from(
      { length: base },
      (_, n) => `create table ${name(n)} (id bigint primary key, ${columns.map((each) => `${each} text`).join(', ')})`,
    );
  const n = (place * 7) % base;
  if (place % 3 === 0) return [`create table ${name(base + place / 3)} (id bigint primary key, note text)`];
  return place % 3 === 1
    ? [`alter table ${name(n)} add column x${place} integer`]
    : [`create index ${name(n)}_${place} on ${name(n)} (a, b)`];
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

const work = mkdtempSync(join(tmpdir(), 'chain-bench-'));
const server = await startEmbeddedServer({ tcp: true });
const results = [];
try {
  for (const branches of [1, 2, 10]) {
    const dir = join(work, `branches-${branches}`);
    const database = `branches_${branches}`;
    const versions = join(dir, 'alembic', 'versions');
    mkdirSync(versions, { recursive: true });
    writeFileSync(join(dir, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    writeFileSync(join(dir, 'alembic', 'env.py'), '');
    const admin = await connect(server.target, { readOnly: false });
    await admin.query(`create database ${database} template template0`);
    await admin.close();
    const target = retarget(server.target, { database });
    const writer = await connect(target, { readOnly: false });
    const length = Math.floor(revisions / branches);
    const share = Math.floor(tables / branches);
    for (let branch = 0; branch < branches; branch++)
      for (let place = 0; place < length; place++) {
        const parent = place > 0 ? idOf(branch, place - 1) : branch > 0 ? idOf(0, 0) : null;
        const statements = statementsOf(branch, place, share, length);
        writeFileSync(
          join(versions, `${idOf(branch, place)}.py`),
          `from alembic import op\nrevision = '${idOf(branch, place)}'\ndown_revision = ${parent === null ? 'None' : `'${parent}'`}\n\n\ndef upgrade():\n${statements.map((sql) => `    op.execute(${JSON.stringify(sql)})`).join('\n')}\n`,
        );
        // A table taken away: nothing fits wholly, so that all is tried.
        if (place <= length * 0.6) await writer.query(statements.join(';'));
      }
    await writer.query('drop table t0_1; vacuum analyze').catch(() => writer.query('drop table t0_1'));
    await writer.close();
    const run = (...args) => {
      const started = performance.now();
      const cli = join(import.meta.dirname, '../../dist/cli.js');
      const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args, '--project', dir], {
        encoding: 'utf8',
        maxBuffer: 1 << 30,
      });
      if (status !== 0) throw new Error(`chain ${args[0]} ended with ${status}: ${stderr}`);
      return { ms: performance.now() - started, stdout };
    };
    const took = { locate: [], declared: [], live: [] };
    let best = '';
    for (let round = 0; round < rounds; round++) {
      const { ms, stdout } = run('locate', '--no-scratch', '--format', 'json', '--url', urlOf(target));
      took.locate.push(ms);
      best = JSON.parse(stdout).looksLike[0].revisions.join(' + ');
      took.declared.push(run('schema', 'declared', '--no-scratch').ms);
      took.live.push(run('schema', 'live', '--url', urlOf(target)).ms);
    }
    const wanted = Array.from({ length: branches }, (_, branch) => idOf(branch, Math.floor(length * 0.6))).join(' + ');
    if (best !== wanted) throw new Error(`located ${best}, not ${wanted}`);
    const ms = Object.fromEntries(Object.entries(took).map(([name, each]) => [name, Math.round(median(each))]));
    results.push({ branches, ...ms, 'beyond reading': ms.locate - ms.declared - ms.live });
  }
  console.log(`${revisions} revisions, ${tables} tables; milliseconds, medians of ${rounds}`);
  console.table(results);
} finally {
  await server.stop();
  rmSync(work, { recursive: true, force: true });
}
