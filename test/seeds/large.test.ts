/** Seeds that write more rows than can be kept, and seed files that are larger than is read. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../../src/database/index.ts';
import { projectFiles, runSeed, runTwice } from '../../src/seeds/index.ts';
import { run } from '../support/in-process.ts';
import { testDatabase } from '../support/postgres.ts';
import { read } from './support.ts';

const tables = `CREATE TABLE many (id int PRIMARY KEY, n int DEFAULT 0);
  CREATE TABLE few (id int PRIMARY KEY);
  CREATE TABLE gone (id int PRIMARY KEY);
  INSERT INTO few VALUES (1);
  INSERT INTO gone SELECT generate_series(1, 40);`;
const seed = `INSERT INTO many SELECT generate_series(1, 30);
INSERT INTO few VALUES (1), (2) ON CONFLICT DO NOTHING;
TRUNCATE gone;
UPDATE many SET n = 1 WHERE id < 6;`;

it.each([[true], [false]])(
  'keeps the rows of small tables and counts those of large ones (second session: %s)',
  async (withReader) => {
    await using db = await testDatabase({ sql: tables });
    const openReader = withReader ? { openReader: () => connect(db.target, { readOnly: true }) } : {};
    const { images, summary, unkept } = await runSeed(db.connection, read(seed), { maxKeptRows: 20, ...openReader });
    expect(unkept).toEqual(['public.gone', 'public.many']);
    expect(images.map(({ table, key }) => [table, key])).toEqual([['public.few', { id: '2' }]]);
    expect(summary).toEqual([
      { table: 'public.few', inserted: 1, updated: 0, deleted: 0, unchanged: 1 },
      { table: 'public.gone', inserted: 0, updated: 0, deleted: 40, unchanged: 0 },
      { table: 'public.many', inserted: 30, updated: 5, deleted: 0, unchanged: 0 },
    ]);
  },
);

it('carries more data than a socket takes at once, and warns of nothing', async () => {
  await using db = await testDatabase({ sql: tables });
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on('warning', hear);
  try {
    const lines = Array.from({ length: 60_000 }, (_, i) => `${i}\t${'7'.repeat(9)}${' '.repeat(30)}`).join('\n');
    const copied = await runSeed(db.connection, read(`COPY many FROM stdin;\n${lines}\n\\.\n`), { maxKeptRows: 0 });
    expect(copied.summary).toMatchObject([{ table: 'public.many', inserted: 60_000 }]);
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', hear);
  }
});

it('says what is larger than is read, and refuses to run what is larger than is held', async () => {
  const project = mkdtempSync(join(tmpdir(), 'seed-large-'));
  try {
    mkdirSync(join(project, 'alembic/versions'), { recursive: true });
    mkdirSync(join(project, 'scripts'));
    writeFileSync(join(project, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    writeFileSync(join(project, 'scripts/seed.sql'), `INSERT INTO t VALUES (1);\n--${' '.repeat(2_000_000)}\n`);
    const flags = { project, offline: true, format: 'json' };
    expect((await run('doctor', flags)).report().notChecked).toContainEqual({
      rule: 'seed-unreadable',
      reason: 'scripts/seed.sql: it cannot be read, or is larger than 2,000,000 bytes (maxFileBytes)',
    });
    const { findings } = (await run('seed', { ...flags, check: true })).report();
    expect(findings.map(({ rule }) => rule)).toContain('seed-missing-relation');
    // No other rule can be trusted with text that a run refuses, nor a file that is not there be called sound.
    for (const [bytes, line, message] of [
      [Buffer.from("SELECT 1;\nSELECT 'caf\xe9';\n", 'latin1'), 2, 'the file is not UTF-8'],
      [Buffer.from("SELECT 1;\n\nSELECT 'a\0';\n"), 3, 'the file holds a NUL byte, which no statement can'],
    ] as const) {
      writeFileSync(join(project, 'scripts/seed.sql'), bytes);
      const { findings } = (await run('seed', { ...flags, check: true })).report();
      expect(findings.map(({ rule, subject }) => [rule, subject.line])).toEqual([['seed-unreadable', line]]);
      expect(findings[0]?.message).toContain(`(${message})`);
    }
    for (const [file, why] of [
      ['scripts/none.sql', 'there is no such file'],
      ['scripts', 'it is a folder'],
    ] as const)
      expect((await run('seed', { ...flags, check: true, file })).error?.message).toContain(`cannot be read: ${why}.`);
    truncateSync(join(project, 'scripts/seed.sql'), 300_000_000);
    expect(() => projectFiles(project)('scripts/seed.sql', 'x')).toThrow('is larger than 256 MB');
  } finally {
    rmSync(project, { recursive: true });
  }
});

it('cannot say what a second run does where it writes more than is compared', async () => {
  await using db = await testDatabase({ sql: tables });
  const options = { readFile: () => null, open: () => connect(db.target, { readOnly: false }), maxKeptRows: 20 };
  const again = read(`${seed.replace('INSERT INTO many', 'DELETE FROM many; INSERT INTO many')}`);
  expect(await runTwice(again, options)).toMatchObject({ outcome: 'unknown', changes: [], failure: null });
});
