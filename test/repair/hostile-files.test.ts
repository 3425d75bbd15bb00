/**
 * What a project of anybody's brings along to be written through, or to be taken back from: links under the names that chain
 * writes, journals that name other files. Nothing outside of the project changes, and nothing in it but what was shown.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/model/plan.ts';
import { type ApplyContext, applyPlan } from '../../src/repair/apply.ts';
import { type Journal, journalFolder } from '../../src/repair/journal.ts';
import { hashOf, planId } from '../../src/repair/plan-file.ts';
import { undo } from '../../src/repair/undo.ts';
import { chain } from '../support/chain.ts';
import { run } from '../support/in-process.ts';
import { revisionText } from '../support/revision-files.ts';
import { filesOf, makePlan, writeProject } from './scenario.ts';
import { settingsFor } from './settings.ts';

let project: string;
let outside: string;
let plan: Plan;
let context: ApplyContext;
const kept = 'not yours\n';

beforeEach(async () => {
  outside = mkdtempSync(join(tmpdir(), 'chain-outside-'));
  writeFileSync(join(outside, 'kept'), kept);
  project = writeProject();
  plan = { ...(await makePlan(project, null)), steps: [] };
  plan.id = planId(plan);
  const env = { versionTable: 'alembic_version', versionTableSchema: null };
  const settings = settingsFor(project);
  context = { settings, env, target: null, allow: [], withoutRehearsal: false, toolVersion: '0' };
});
afterEach(() => {
  expect(readdirSync(outside)).toEqual(['kept']);
  expect(readFileSync(join(outside, 'kept'), 'utf8')).toBe(kept);
  for (const folder of [project, outside]) rmSync(folder, { recursive: true, force: true });
});

describe('a link in the project', () => {
  it('under the name of a file on its way is not written through', async () => {
    for (const { file } of plan.patches) {
      mkdirSync(join(project, file, '..'), { recursive: true });
      symlinkSync(join(outside, 'kept'), join(project, `${file}.chain.tmp`));
    }
    await applyPlan(plan, context);
    for (const { file, after } of plan.patches) expect(readFileSync(join(project, file), 'utf8')).toBe(after);
  });

  it.each(['.chain', '.chain/repairs', '.chain/repairs/ID'])('in the place of %s is refused', async (place) => {
    const link = join(project, place.replace('ID', plan.id));
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(outside, link);
    const before = filesOf(project);
    await expect(applyPlan(plan, context)).rejects.toMatchObject({ code: 'cannot-write', exitCode: 4 });
    expect(filesOf(project)).toEqual(before);
  });

  it('that leads nowhere yet is refused', async () => {
    rmSync(join(project, 'alembic'), { recursive: true, force: true });
    symlinkSync(join(outside, 'new'), join(project, 'alembic'));
    const patches = [{ file: 'alembic/versions/x.py', before: null, after: 'x\n', diff: '', answers: [] }];
    const made = { ...plan, patches, inputs: undefined };
    made.id = planId(made);
    await expect(applyPlan(made, context)).rejects.toMatchObject({ code: 'cannot-write' });
  });

  it('that was put in the place of a folder since is not restored through', async () => {
    await applyPlan(plan, context);
    const [patch] = plan.patches;
    const folder = patch?.file.split('/')[0] as string;
    expect(patch?.file).toContain('/');
    rmSync(join(project, folder), { recursive: true });
    symlinkSync(outside, join(project, folder));
    await expect(undo(context)).rejects.toMatchObject({ exitCode: 4 });
  });

  it('is not followed by what a command is told to write there', async () => {
    writeFileSync(join(project, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    mkdirSync(join(project, 'alembic/versions'), { recursive: true });
    writeFileSync(join(project, 'alembic/versions/a.py'), revisionText('a1b2c3d4e5f6', null));
    for (const name of ['chain.lock', 'baseline.json', 'out.json', 'plan.json'])
      symlinkSync(join(outside, 'kept'), join(project, name));
    const offline = { project, offline: true, format: 'text' };
    const runs = await Promise.all([
      run('gate', { ...offline, writeLock: true }),
      run('gate', { ...offline, writeBaseline: 'baseline.json' }),
      run('repair', { ...offline, apply: false, output: join(project, 'plan.json') }),
    ]);
    expect(runs.map(({ error }) => error?.code)).toEqual(['cannot-write', 'cannot-write', 'cannot-write']);
    const { exitCode, stderr } = await chain([
      'doctor',
      '--project',
      project,
      '--offline',
      '--output',
      join(project, 'out.json'),
    ]);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('out.json leads outside the project')]);
  });
});

describe('a journal that no repair wrote', () => {
  const id = '0123456789abcdef';
  const entry = { file: 'seed.sh', hashBefore: null, hashAfter: null, mode: null, image: null };
  const journal: Journal = { planId: id, state: 'written', hasLedger: false, entries: [entry] };
  const image = { hashBefore: hashOf('evil\n'), image: '0.before', mode: 0o755 };

  const put = (content: unknown) => {
    const folder = join(project, '.chain/repairs', id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'journal.json'), typeof content === 'string' ? content : JSON.stringify(content));
    writeFileSync(join(folder, '0.before'), 'evil\n');
  };

  it.each<[string, unknown]>([
    ['names a file above', { ...journal, entries: [{ ...entry, ...image, file: '../evil' }] }],
    ['names an absolute file', { ...journal, entries: [{ ...entry, ...image, file: '/tmp/evil' }] }],
    ['names an image elsewhere', { ...journal, entries: [{ ...entry, ...image, image: '../../../seed.sh' }] }],
    ['names an image without its hash', { ...journal, entries: [{ ...entry, image: '0.before' }] }],
    ['names another plan', { ...journal, planId: '../../../..' }],
    ['is none', '{'],
    ['is nothing', 'null'],
    ['has no entries', { ...journal, entries: null }],
    ['has an unknown state', { ...journal, state: 'begun' }],
  ])('and %s takes nothing back', async (_, content) => {
    put(content);
    const before = filesOf(project);
    await expect(undo(context)).rejects.toMatchObject({ code: expect.stringMatching(/cannot-read|usage/) });
    await expect(applyPlan(plan, context)).rejects.toMatchObject({ code: expect.stringMatching(/cannot-read|usage/) });
    expect(filesOf(project)).toEqual(before);
    expect(existsSync(join(project, '../evil'))).toBe(false);
  });

  it('takes back no file that somebody has written to since', async () => {
    put({ ...journal, entries: [{ ...entry, hashAfter: hashOf('another\n') }] });
    const before = filesOf(project);
    await expect(undo(context)).rejects.toMatchObject({ code: 'undo-would-lose' });
    expect(filesOf(project)).toEqual(before);
  });
});

it('restores nothing from a before-image that is not the one it kept', async () => {
  await applyPlan(plan, context);
  const changed = plan.patches.findIndex(({ before }) => before !== null);
  writeFileSync(join(project, journalFolder(plan.id), `${changed}.before`), 'evil\n');
  await expect(undo(context)).rejects.toMatchObject({ code: 'stopped-part-way' });
  expect(readFileSync(join(project, plan.patches[changed]?.file as string), 'utf8')).toBe(plan.patches[changed]?.after);
});

it.each(['../../x', '', '0123456789abcdeg'])('makes no folder of %j for the id of a plan', async (id) => {
  await expect(applyPlan({ ...plan, id }, context)).rejects.toMatchObject({ code: 'usage' });
});
