/**
 * What every fixture owes (fixtures/README.md): exactly its findings, the same in whatever order files are read, the
 * report as printed, a repair that clears it and is empty the second time, and rows that survive.
 * `CHAIN_GENERATE=1` writes the reports.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { findRule } from '../src/rules/index.ts';
import { copyFixture, type Fixture, fixtureNames, hasGit, type ProjectCopy, readFixture } from './support/fixture.ts';
import { run } from './support/in-process.ts';
import { type TestDatabase, testDatabase, testServer } from './support/postgres.ts';
import { lostRows, rowsOf } from './support/rows.ts';

const order = vi.hoisted(() => ({ isReversed: false }));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>();
  const readdirSync = ((...args: Parameters<typeof fs.readdirSync>) => {
    const entries = fs.readdirSync(...args);
    return order.isReversed ? entries.reverse() : entries;
  }) as typeof fs.readdirSync;
  return { ...fs, readdirSync, default: { ...fs, readdirSync } };
});

vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs/promises')>();
  const readdir = (async (...args: Parameters<typeof fs.readdir>) => {
    const entries = await fs.readdir(...args);
    return order.isReversed ? entries.reverse() : entries;
  }) as typeof fs.readdir;
  return { ...fs, readdir, default: { ...fs, readdir } };
});

const isWriting = process.env.CHAIN_GENERATE === '1';
const names = fixtureNames();
/** A rule's fixtures are asserted from the day the rule is there. */
const known = names.filter((name) => {
  const { rule, expected } = readFixture(name);
  return expected !== null && (rule === null || findRule(rule) !== null);
});

const severities = (findings: { key: string; severity: string }[]) =>
  Object.fromEntries(findings.map(({ key, severity }) => [key, severity]));

async function databaseOf(fixture: Fixture): Promise<TestDatabase | null> {
  if (fixture.databaseSql === null) return null;
  const database = await testDatabase({ sql: `${fixture.databaseSql}\n${fixture.rowsSql ?? ''}` });
  // A dump may leave the session's search_path empty; ours is of no use any more.
  return database;
}

/** The report without what differs from machine to machine. */
function steady(text: string, directory: string, database: TestDatabase | null): string {
  const shown = text
    .replaceAll(directory, '.')
    .replace(/PostgreSQL \d+(\.\d+)?/g, 'PostgreSQL N')
    .replace(/\b[0-9a-f]{10}\b/g, 'COMMIT');
  return database === null ? shown : shown.replaceAll(database.name, 'app');
}

it('every fixture folder says what it expects', () => {
  expect(names.filter((name) => readFixture(name).expected === null)).toEqual([]);
});

describe.each(known)('%s', (name) => {
  const fixture = readFixture(name);
  const expected = fixture.expected;
  if (expected === null) return;
  const needsGit = existsSync(join(fixture.dir, 'git.sh'));
  const flags = (project: string, database: TestDatabase | null) => ({
    project,
    format: 'json',
    ...(database === null ? { offline: true } : { url: database.url }),
  });

  describe.skipIf(needsGit && !hasGit())('is diagnosed', () => {
    let project: ProjectCopy;
    let database: TestDatabase | null;
    let scratchUrl: string;

    beforeAll(async () => {
      project = copyFixture(name);
      database = await databaseOf(fixture);
      scratchUrl = (await testServer()).url;
    });
    afterAll(async () => {
      project.remove();
      await database?.drop();
    });
    afterEach(() => {
      order.isReversed = false;
    });

    it('finds exactly what it should', async () => {
      const { exitCode, report } = await run('doctor', { ...flags(project.dir, database), scratchUrl });
      expect(severities(report().findings)).toEqual(expected.findings);
      expect(exitCode).toBe(Object.values(expected.findings).includes('error') ? 1 : 0);
      const notChecked = report().notChecked.map(({ rule }) => rule);
      expect(notChecked).toEqual(expect.arrayContaining(expected.notChecked ?? []));
      if (database !== null && expected.offline !== undefined) {
        const offline = await run('doctor', flags(project.dir, null));
        expect(severities(offline.report().findings)).toEqual(expected.offline);
      }
    });

    it('prints its report, in whatever order files are read', async () => {
      const all = { ...flags(project.dir, database), scratchUrl, format: 'text' };
      const path = join(fixture.dir, 'report.txt');
      if (isWriting) writeFileSync(path, steady((await run('doctor', all)).out, project.dir, database));
      order.isReversed = true;
      const { out } = await run('doctor', all);
      expect(steady(out, project.dir, database)).toBe(readFileSync(path, 'utf8'));
    });
  });

  it.skipIf(needsGit && !hasGit())('is repaired, and a second repair is empty', async () => {
    using project = copyFixture(name);
    await using database = await databaseOf(fixture);
    const scratchUrl = (await testServer()).url;
    const all = { ...flags(project.dir, database), scratchUrl, ...expected.flags };
    const before = project.snapshot();
    const rowsBefore = database === null ? {} : await rowsOf(database.target);
    const planned = await run('repair', all);
    expect(project.snapshot()).toEqual(before);
    const plan = planned.report().plan;
    const leaves = typeof expected.repair === 'object' ? expected.repair.leaves : [];
    if (expected.repair === 'none') {
      const code = Object.values(expected.findings).includes('error') ? 1 : 0;
      expect([planned.exitCode, plan?.patches ?? [], plan?.steps ?? []]).toEqual([code, [], []]);
      const applied = await run('repair', { ...all, apply: true });
      expect([applied.exitCode, project.snapshot()]).toEqual([code, before]);
      return;
    }
    expect(plan?.rehearsal).toMatchObject({ verdict: leaves.length === 0 ? 'clears' : 'leaves', remaining: leaves });
    const applied = await run('repair', { ...all, apply: true });
    expect(
      applied
        .report()
        .findings.filter(({ severity }) => severity === 'error')
        .map(({ key }) => key),
    ).toEqual(leaves);
    const brought = applied
      .report()
      .findings.filter(({ key, severity }) => !(key in expected.findings) && severity !== 'info');
    expect(severities(brought)).toEqual(expected.afterwards ?? {});
    if (database !== null) expect(lostRows(rowsBefore, await rowsOf(database.target))).toEqual(expected.moves ?? []);
    const settled = project.snapshot();
    const again = await run('repair', { ...all, apply: true });
    expect(again.exitCode).toBe(leaves.length === 0 ? 0 : 1);
    expect(project.snapshot()).toEqual(settled);
  });
});
