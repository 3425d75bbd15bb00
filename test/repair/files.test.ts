/** A repair of files alone: journal instead of ledger, cut anywhere and gone on with, undone byte for byte. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import { type ApplyContext, applyPlan } from '../../src/repair/apply.ts';
import { parsePlan, planId, serializePlan } from '../../src/repair/plan-file.ts';
import { copyProject, rehearse } from '../../src/repair/rehearse.ts';
import { undo } from '../../src/repair/undo.ts';
import { revisionText } from '../support/revision-files.ts';
import { filesOf, makePlan, password, recorder, steps, writeProject } from './scenario.ts';
import { settingsFor } from './settings.ts';

let project: string;
let plan: Plan;
let context: ApplyContext;

beforeEach(async () => {
  project = writeProject();
  plan = { ...(await makePlan(project, null)), steps: [] };
  plan.id = planId(plan);
  context = {
    settings: settingsFor(project),
    env: { versionTable: 'alembic_version', versionTableSchema: null },
    target: null,
    allow: [],
    withoutRehearsal: false,
    toolVersion: '0',
  };
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

describe('files alone', () => {
  it('are written, and undone byte for byte', async () => {
    const before = filesOf(project);
    await applyPlan(plan, context);
    const after = filesOf(project);
    expect(after[`migrations/${steps[0]?.name}.sql`]).toBeDefined();
    expect(await undo(context)).toMatchObject({ planId: plan.id, steps: [] });
    expect(filesOf(project)).toEqual(before);
    expect(await undo(context)).toBeNull();
  });

  it('are not undone under a revision that somebody has put behind one of them', async () => {
    writeFileSync(join(project, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    const head = { file: 'alembic/versions/h.py', before: null, after: revisionText('h', 'a'), diff: '', answers: [] };
    const made = { ...plan, patches: [...plan.patches, head] };
    made.id = planId(made);
    await applyPlan(made, context);
    const later = join(project, 'alembic/versions/later.py');
    writeFileSync(later, revisionText('later', 'h'));
    const before = filesOf(project);
    await expect(undo(context)).rejects.toMatchObject({
      code: 'undo-would-lose',
      message: expect.stringContaining('alembic/versions/later.py follows h'),
    });
    expect(filesOf(project)).toEqual(before);
    writeFileSync(later, revisionText('later', 'a'));
    expect(await undo(context)).toMatchObject({ planId: made.id });
  });

  it('stopped at any point, are gone on with whatever plan is given next', async () => {
    const passed = recorder();
    const before = filesOf(project);
    await applyPlan(plan, { ...context, faults: passed });
    const wanted = filesOf(project);
    await undo(context);
    expect(passed.points.length).toBeGreaterThan(20);
    for (const point of passed.points) {
      const reached = new Promise<void>((resolve) => {
        const at = (name: string) => {
          if (name !== point) return undefined;
          resolve();
          return new Promise<never>(() => undefined);
        };
        void applyPlan(plan, { ...context, faults: { at } });
      });
      await reached;
      // Before the journal stands nothing is begun, and the plan itself is what goes on.
      const next = point === 'journal:images' ? plan : { ...plan, patches: [], left: [] };
      const applied = await applyPlan(next, context);
      expect(applied?.plan.id, point).toBe(plan.id);
      expect(filesOf(project), point).toEqual(wanted);
      await undo(context);
      expect(filesOf(project), point).toEqual(before);
    }
  });

  it('are not written through a symbolic link, nor outside the project', async () => {
    const outside = join(project, '..', 'outside.sh');
    writeFileSync(outside, readFileSync(join(project, 'seed.sh')));
    rmSync(join(project, 'seed.sh'));
    symlinkSync(outside, join(project, 'seed.sh'));
    const before = readFileSync(outside, 'utf8');
    await expect(applyPlan(plan, context)).rejects.toMatchObject({ code: 'cannot-write', exitCode: 4 });
    expect(readFileSync(outside, 'utf8')).toBe(before);
    rmSync(outside);
  });

  it('are not rehearsed through a link that leads out of the project', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'chain-outside-'));
    symlinkSync(outside, join(project, 'scripts'));
    writeFileSync(join(project, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    writeFileSync(join(project, 'alembic/env.py'), '');
    const patch = { file: 'scripts/seed.sh', before: null, after: 'true\n', diff: '', answers: [] };
    const diagnosis = await diagnose({ ...context.settings, offline: true });
    const { settings } = context;
    const rehearsal = await rehearse(
      { ...plan, patches: [patch] },
      { settings, diagnosis, scratch: null, live: null, toolVersion: '0' },
    );
    expect(rehearsal).toMatchObject({ verdict: 'fails', failure: expect.stringContaining('outside the project') });
    expect(readdirSync(outside)).toEqual([]);
    rmSync(outside, { recursive: true });
  });

  it('are copied for a rehearsal without what is no file, a pipe in the project say', async () => {
    execFileSync('mkfifo', [join(project, 'alembic/pipe')]);
    const copy = mkdtempSync(join(tmpdir(), 'chain-copy-'));
    await copyProject(project, join(copy, 'project'));
    expect(readdirSync(join(copy, 'project/alembic'))).toEqual(['versions']);
    rmSync(copy, { recursive: true });
  });

  it('are left alone where their rehearsal failed', async () => {
    const before = filesOf(project);
    const rehearsal = {
      ran: true,
      on: 'a copy',
      verdict: 'fails' as const,
      remaining: [],
      failure: 'it would not help',
    };
    await expect(applyPlan({ ...plan, rehearsal }, context)).rejects.toMatchObject({ code: 'rehearsal-failed' });
    expect(filesOf(project)).toEqual(before);
  });

  it('that are no UTF-8 are left alone', async () => {
    writeFileSync(join(project, 'seed.sh'), Buffer.from([0x23, 0xe9, 0x0a]));
    await expect(applyPlan(plan, context)).rejects.toMatchObject({ code: 'plan-stale' });
    expect(readFileSync(join(project, 'seed.sh'))).toEqual(Buffer.from([0x23, 0xe9, 0x0a]));
  });
});

describe('a plan file', () => {
  const refused = [{ key: 'a:b', reason: 'no', refusal: 'unowned-object' }];

  const textOf = (file: string) => readFileSync(join(project, file), 'utf8');

  it('comes back as it was, with the passwords of its files out of these', () => {
    expect(JSON.stringify(plan)).toContain(password);
    expect(serializePlan(plan)).not.toContain(password);
    expect(parsePlan(serializePlan(plan), 'plan.json', textOf)).toEqual(plan);
    writeFileSync(join(project, 'seed.sh'), textOf('seed.sh').replace(password, 'another-one'));
    const stale = expect.objectContaining({ code: 'plan-stale', exitCode: 4 });
    expect(() => parsePlan(serializePlan(plan), 'plan.json', textOf)).toThrowError(stale);
  });

  it.each([
    ['several, one within the other', `PGPASSWORD=abcdef psql "host=h password=abcdefgh"`],
    ['one that is part of the text around it', `PGPASSWORD=PASSWORD psql`],
    ['one with signs of a replacement', `PGPASSWORD='$&$1$$' psql`],
    ['what looks like a place', `PGPASSWORD=abcdef psql # ⟦0⟧`],
  ])('gives back %s', (_, line) => {
    writeFileSync(join(project, 'seed.sh'), line);
    const patches = [
      { file: 'seed.sh', before: line, after: `set -e\n${line}`, diff: `+set -e\n ${line}`, answers: [] },
    ];
    const made = { ...plan, patches, id: planId({ ...plan, patches }) };
    expect(parsePlan(serializePlan(made), 'plan.json', textOf)).toEqual(made);
  });

  it.each([
    ['no JSON', () => 'nothing'],
    ['no plan', () => '{"version": 1}'],
    ['another content than its id names', () => serializePlan(plan).replace('migrations/0001', 'migrations/0009')],
    ['another verdict than its rehearsal came to', () => serializePlan(plan).replace('"clears"', '"leaves"')],
    [
      'a refusal taken out',
      () => serializePlan({ ...plan, left: refused }).replace(/"refusal": "\S+"/, '"reason": ""'),
    ],
    ['its binding to the files taken out', () => serializePlan(plan).replace('"inputs"', '"outputs"')],
    ['no seal', () => serializePlan(plan).replace('"seal"', '"zeal"')],
    ['a step that names a path', () => withStep('../../0001_x')],
    ['nothing but null', () => 'null'],
    ['a file outside the project', () => withFile('../../etc/cron.d/x')],
    ['an absolute file', () => withFile('/etc/cron.d/x')],
  ])('is refused with %s', (_words, text) => {
    expect(() => parsePlan(text(), 'plan.json', textOf)).toThrowError(
      expect.objectContaining({ code: expect.stringMatching(/^(?:usage|plan-stale)$/) }),
    );
  });

  function withStep(name: string): string {
    const its = [{ ...(steps[0] as Step), name }];
    return serializePlan({ ...plan, steps: its, id: planId({ ...plan, steps: its }) });
  }

  function withFile(file: string): string {
    const patches = [{ file, before: null, after: 'x', diff: '', answers: [] }];
    return serializePlan({ ...plan, patches, id: planId({ ...plan, patches }) });
  }
});
