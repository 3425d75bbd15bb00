/** One value, many formats: the contract's JSON, exit codes, the baseline, and nothing hostile getting through. */
import { describe, expect, it } from 'vitest';
import { buildRevisionGraph } from '../../src/model/build-revision-graph.ts';
import type { Diagnosis } from '../../src/model/diagnosis.ts';
import type { Finding } from '../../src/model/finding.ts';
import { emptySchema } from '../../src/model/schema.ts';
import { buildReport, explainRule, readBaseline, render, writeBaseline } from '../../src/report/index.ts';

function finding(key: string, more: Partial<Finding> = {}): Finding {
  const [rule = '', name = ''] = key.split(/:(.*)/s);
  return {
    key,
    rule,
    severity: 'error',
    certainty: 'proven',
    subject: { kind: 'table', name, file: 'versions/a.py', line: 3 },
    message: `${name} is absent`,
    evidence: [{ origin: 'declared', text: 'stated', file: 'versions/a.py', line: 3 }],
    causedBy: [],
    remedy: { kind: 'step', safety: 'additive', summary: `Create ${name}`, actions: [{ action: 'stamp-proven' }] },
    ...more,
  };
}

function diagnosis(more: Partial<Diagnosis> = {}): Diagnosis {
  return {
    projectDir: '/p',
    facts: {
      config: {
        file: 'alembic.ini',
        section: 'alembic',
        scriptLocation: 'alembic',
        versionLocations: ['versions'],
        recursive: false,
        sourceless: false,
        fileTemplate: null,
        url: null,
      },
      env: {
        file: null,
        versionTable: 'alembic_version',
        versionTableSchema: null,
        versionWidth: null,
        includeSchemas: false,
        filtersObjects: false,
        searchPath: null,
        namingConvention: null,
        targetMetadata: null,
        transactionPerMigration: false,
      },
      modelFiles: [],
      seedFiles: [],
      surroundings: [],
      migrators: [],
      notes: [],
    },
    graph: buildRevisionGraph([]),
    replay: {} as Diagnosis['replay'],
    declaredAtHeads: emptySchema(),
    models: null,
    history: {} as Diagnosis['history'],
    seeds: { readings: [], runners: [] },
    database: null,
    databaseProblem: null,
    rules: [
      {
        id: 'declared-table-missing',
        title: 'a table is absent',
        severity: 'error',
        docs: { problem: 'P.', consequence: 'C.', repair: 'R.' },
      },
    ],
    findings: [],
    notChecked: [],
    blindSpots: [],
    isBlocked: false,
    readFile: () => null,
    ...more,
  };
}

const verdict = { failOn: 'error' as const, strict: false };
const reportOf = (more: Partial<Diagnosis> = {}, options: Partial<Parameters<typeof buildReport>[1]> = {}) =>
  buildReport(diagnosis(more), { version: '1.2.3', verdict, ...options });
const plain = { color: false, width: 100 };
const cause = finding('declared-table-missing:public.t');
const effect = finding('seed-missing-relation:public.t', { causedBy: [cause.key], severity: 'error' });

describe('exit code', () => {
  it('0 clean, 1 from fail-on, 3 before 1', () => {
    expect(reportOf().summary.exitCode).toBe(0);
    expect(reportOf({ findings: [cause] }).summary.exitCode).toBe(1);
    expect(reportOf({ findings: [{ ...cause, severity: 'warning' }] }).summary.exitCode).toBe(0);
    expect(
      reportOf({ findings: [{ ...cause, severity: 'warning' }] }, { verdict: { failOn: 'info', strict: false } })
        .summary.exitCode,
    ).toBe(1);
    expect(reportOf({ findings: [cause] }, { verdict: { failOn: 'never', strict: false } }).summary.exitCode).toBe(0);
    expect(
      reportOf({ findings: [cause], databaseProblem: { code: 'connection-failed', message: 'refused', hint: null } })
        .summary.exitCode,
    ).toBe(3);
    expect(reportOf({ isBlocked: true }).summary.exitCode).toBe(3);
    expect(reportOf({ notChecked: [{ rule: 'x', reason: 'y' }] }).summary.exitCode).toBe(0);
    expect(
      reportOf({ notChecked: [{ rule: 'x', reason: 'y' }] }, { verdict: { failOn: 'error', strict: true } }).summary
        .exitCode,
    ).toBe(3);
  });
});

describe('baseline', () => {
  it('softens what it knows, by key, and still shows it', async () => {
    const before = reportOf({ findings: [cause, effect] });
    const baseline = readBaseline(writeBaseline(before), 'b.json');
    const after = reportOf({ findings: [cause, effect, finding('declared-table-missing:public.new')] }, { baseline });
    expect(after.summary).toEqual({ error: 1, warning: 0, info: 0, accepted: 2, exitCode: 1 });
    expect(after.findings[0]).toMatchObject({ severity: 'info', accepted: true, acceptedSeverity: 'error' });
    expect(await render(after, 'text', plain)).toContain('accepted error declared-table-missing');
  });
  it.each(['', '[]', '{"version":2,"findings":[]}', '{"version":1,"findings":[{}]}'])('refuses %j', (text) => {
    expect(() => readBaseline(text, 'b.json')).toThrow(/b\.json/);
  });
});

describe('json', () => {
  it('has the keys of the contract, and no actions', () => {
    const report = reportOf({ findings: [cause] });
    expect(Object.keys(report)).toEqual([
      'version',
      'tool',
      'project',
      'graph',
      'database',
      'findings',
      'notChecked',
      'blindSpots',
      'summary',
    ]);
    expect(report.findings[0]).toEqual({
      key: cause.key,
      rule: cause.rule,
      severity: 'error',
      certainty: 'proven',
      subject: cause.subject,
      message: cause.message,
      evidence: cause.evidence,
      causedBy: [],
      remedy: { kind: 'step', safety: 'additive', summary: 'Create public.t' },
    });
  });
  it('covers passwords everywhere, and escapes what a terminal acts on', async () => {
    const hostile = finding('declared-table-missing:x', {
      message: 'see postgresql://me:s3cret@host/db \u009b31m\u202e',
    });
    const text = await render(reportOf({ findings: [hostile] }), 'json', plain);
    expect(text).not.toContain('s3cret');
    expect(text).toContain('postgresql://me:***@host/db');
    expect(text).not.toMatch(/[\u0080-\u009f\u202e]/);
    expect((JSON.parse(text) as { findings: { message: string }[] }).findings[0]?.message).toContain('\u009b31m\u202e');
  });
});

describe('text', () => {
  it('shows a consequence under its cause, and one next action', async () => {
    const text = await render(reportOf({ findings: [effect, cause] }), 'text', plain);
    expect(text.indexOf('declared-table-missing')).toBeLessThan(text.indexOf('↳ error seed-missing-relation'));
    expect(text.match(/^Next:/gm)).toHaveLength(1);
    expect(text).toContain('Create public.t');
    expect(text.includes(String.fromCharCode(27))).toBe(false);
  });
  it('makes escapes of a hostile name visible, and colours only itself', async () => {
    const hostile = finding('declared-table-missing:\u001b]0;pwned\u0007\nx');
    const text = await render(reportOf({ findings: [hostile] }), 'text', plain);
    expect(text.includes(String.fromCharCode(27))).toBe(false);
    expect(text).toContain('\\x1b]0;pwned\\x07');
    const coloured = await render(reportOf({ findings: [hostile] }), 'text', { ...plain, color: true });
    expect(coloured).not.toContain('\u001b]0');
  });
  it.each([
    ['migrations', false],
    ['alembic', true],
  ])('says where steps stand in %s/ that it is the folder of Alembic, if so: %s', async (folder, isSaid) => {
    const file = `${folder}/0001_create_t.sql`;
    const step = { name: '0001_create_t', phase: 'schema', sql: 'SELECT 1;', down: null, lock: 'none' } as const;
    const plan = {
      ...{ version: 1 as const, id: 'a'.repeat(16), liveFingerprint: null, filesFingerprint: '', rehearsal: null },
      patches: [{ file, before: null, after: step.sql, diff: '', answers: [], step: step.name }],
      steps: [{ ...step, hazards: [], transactional: true, answers: [] }],
      left: [],
    };
    const text = await render(reportOf({}, { plan }), 'text', plain);
    expect(text).toContain(file);
    expect(text.includes(`${folder}/ is Alembic's own folder too`)).toBe(isSaid);
  });
  it('tells what was not checked, by reason', async () => {
    const text = await render(
      reportOf({
        notChecked: [
          { rule: 'a', reason: 'no database' },
          { rule: 'b', reason: 'no database' },
        ],
      }),
      'text',
      plain,
    );
    expect(text).toContain('no database: a, b');
  });
  it('says so when a database could not be looked at', async () => {
    const text = await render(
      reportOf({ databaseProblem: { code: 'connection-failed', message: 'refused', hint: 'Is it up?' } }),
      'text',
      plain,
    );
    expect(text).toContain('database not looked at: refused');
    expect(text).not.toContain('Nothing found.\n');
  });
});

it('tells four warnings of a rule in one file once, and where the others are; each of them with --verbose', async () => {
  const at = (line: number, more: object = {}) =>
    finding(`seed-not-rerunnable:t${line}`, {
      ...{
        rule: 'seed-not-rerunnable',
        severity: 'warning' as const,
        message: `the INSERT of line ${line} comes again`,
      },
      ...{
        subject: { kind: 'seed' as const, name: `t${line}`, file: 'scripts/seed.sql', line },
        remedy: null,
        causedBy: [],
      },
      ...more,
    });
  const findings = [3, 9, 6, 12].map((line) => at(line));
  const folded = await render(reportOf({ findings }), 'text', plain);
  expect(folded).toContain('the INSERT of line 3 comes again');
  expect(folded).toContain('and 3 more like it in scripts/seed.sql, lines 6, 9, 12 (--verbose shows each)');
  expect(folded).not.toContain('the INSERT of line 9');
  const many = Array.from({ length: 40 }, (_, index) => at(index + 1));
  expect((await render(reportOf({ findings: many }), 'text', plain)).replace(/\s+/g, ' ')).toContain(
    'and 39 more like it in scripts/seed.sql, lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, … 40 (--verbose shows each)',
  );
  const shown = (text: string) => [3, 9, 6, 12].filter((line) => text.includes(`the INSERT of line ${line} comes`));
  expect(shown(await render(reportOf({ findings }), 'text', { ...plain, verbose: true }))).toHaveLength(4);
  expect(shown(await render(reportOf({ findings: findings.slice(1) }), 'text', plain))).toHaveLength(3);
  const errors = findings.map((one) => ({ ...one, severity: 'error' as const }));
  expect(shown(await render(reportOf({ findings: errors }), 'text', plain))).toHaveLength(4);
  // What others follow from is told with them.
  const withEffect = [...findings, at(9), at(20, { key: 'effect', causedBy: ['seed-not-rerunnable:t6'] })];
  expect(shown(await render(reportOf({ findings: withEffect }), 'text', plain))).toContain(6);
});

it('github: a name cannot smuggle a command in', async () => {
  const hostile = finding('declared-table-missing:x', {
    message: 'a\n::set-output name=x::y',
    subject: { kind: 'table', name: 'x', file: 'a,b:c.py', line: 2 },
  });
  const text = await render(reportOf({ findings: [hostile] }), 'github', plain);
  expect(text.trim().split('\n')).toHaveLength(1);
  expect(text).toContain('file=a%2Cb%3Ac.py,line=2');
  expect(text).toContain('%0A::set-output');
});

it('sarif: one result a finding, told apart by its key', async () => {
  const report = reportOf({ findings: [cause] });
  const sarif = JSON.parse(await render(report, 'sarif', { ...plain, rules: diagnosis().rules })) as {
    runs: { results: object[]; tool: { driver: { rules: object[] } } }[];
  };
  expect(sarif.runs[0]?.results[0]).toMatchObject({
    ruleId: 'declared-table-missing',
    ruleIndex: 0,
    level: 'error',
    partialFingerprints: { 'chainKey/v1': cause.key },
  });
  expect(sarif.runs[0]?.tool.driver.rules).toHaveLength(1);
});

it('sarif: a name becomes no link', async () => {
  const hostile = finding('declared-table-missing:x', { message: 'the table [click](https://evil) is absent' });
  expect(await render(reportOf({ findings: [hostile] }), 'sarif', plain)).not.toContain('](');
});

it('markdown and table: names stay text', async () => {
  const hostile = finding('declared-table-missing:x', { message: 'a | b <img src=x> [l](javascript:1) `c`' });
  const text = await render(reportOf({ findings: [hostile] }), 'markdown', plain);
  expect(text).not.toContain('<img');
  expect(text).not.toContain(' | b ');
  expect(await render(reportOf({ findings: [hostile] }), 'table', plain)).toContain('declared-table-missing');
});

it('a text of megabytes is told in short, and in JSON as far as anybody reads', async () => {
  const long = `${'word '.repeat(400_000)}postgresql://me:sesame@host/db`;
  const cut = `${'x'.repeat(99_980)} postgresql://me:sesame@host/db`;
  const huge = finding('declared-table-missing:public.t', {
    message: long,
    evidence: [
      { origin: 'live', text: '🙂'.repeat(500_000) },
      { origin: 'live', text: cut },
    ],
    remedy: { kind: 'advice', safety: 'report', summary: long, actions: [] },
  });
  const report = reportOf({ findings: [huge, effect] });
  for (const format of ['text', 'table', 'markdown', 'github', 'sarif'] as const) {
    const text = await render(report, format, { ...plain, verbose: true, rules: diagnosis().rules });
    expect(text.length).toBeLessThan(60_000);
    expect(text.replace(/[\s│]+/g, '')).toMatch(/…\([\d,]+morecharacters;--formatjsonhasmore\)/);
    expect(text).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
  }
  const json = await render(report, 'json', plain);
  expect(json.length).toBeLessThan(1_000_000);
  expect(json).toContain('word word');
  expect(json).not.toContain('sesame');
  expect(json).not.toContain('me:se');
  expect(await render(reportOf({ findings: [cause] }), 'text', plain)).not.toContain('more characters');
});

it('explain: the four parts', () => {
  const text = explainRule(diagnosis().rules[0]!, plain);
  for (const part of ['a table is absent', 'P.', 'C.', 'R.']) expect(text).toContain(part);
});

it('the same diagnosis gives the same bytes', async () => {
  for (const format of ['text', 'json', 'github', 'sarif', 'markdown', 'table'] as const) {
    expect(await render(reportOf({ findings: [cause, effect] }), format, plain)).toBe(
      await render(reportOf({ findings: [cause, effect] }), format, plain),
    );
  }
});
