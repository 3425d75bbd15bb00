/** What the engine owes every rule: keys, causes, choices of the project, and honesty about what was not looked at. */
import { describe, expect, it } from 'vitest';
import { runRules } from '../../src/rules/engine.ts';
import { defineRule, type FindingDraft } from '../../src/rules/rule.ts';

const docs = { problem: 'p', consequence: 'c', repair: 'r' };
const options = {
  policy: { allowedHeads: [], occasion: 'doctor' as const },
  reasons: {},
  only: [],
  skip: [],
  ignore: [],
  severity: {},
  today: '2026-01-01',
  ask: null,
};
const draft = (name: string, more: Partial<FindingDraft> = {}): FindingDraft => ({
  subject: { kind: 'table', name },
  message: name,
  ...more,
});
const rule = (id: string, drafts: FindingDraft[]) =>
  defineRule({
    id,
    title: id,
    severity: 'error',
    needs: [],
    docs,
    *check() {
      yield* drafts;
    },
  });

describe('runRules', () => {
  it('gives unique, stable keys', async () => {
    const { findings } = await runRules(
      [rule('one', [draft('a'), draft('a'), draft('a', { detail: 'x' })])],
      {},
      options,
    );
    expect(findings.map((finding) => finding.key).sort()).toEqual(['one:a', 'one:a#2', 'one:a:x']);
  });
  it('resolves causes by key and by rule, drops unknown ones and circles', async () => {
    const rules = [
      rule('cause', [draft('a'), draft('b', { causedBy: ['effect'] })]),
      rule('effect', [draft('c', { causedBy: ['cause', 'nobody', 'effect:c'] })]),
    ];
    const { findings } = await runRules(rules, {}, options);
    const effect = findings.find((finding) => finding.rule === 'effect');
    expect(effect?.causedBy).toContain('cause:a');
    const b = findings.find((finding) => finding.key === 'cause:b');
    expect(effect?.causedBy.includes('cause:b') && b?.causedBy.includes('effect:c')).toBe(false);
  });
  it('says why a rule was not run', async () => {
    const needy = defineRule({ id: 'needy', title: 'n', severity: 'error', needs: ['live'], docs, *check() {} });
    const { notChecked } = await runRules([needy], {}, { ...options, reasons: { live: 'no database was given' } });
    expect(notChecked).toEqual([{ rule: 'needy', reason: 'no database was given' }]);
  });
  it('ignores by object (with what hangs on it), rule and date; takes only and skip; overrides severities', async () => {
    const rules = [rule('one', [draft('public.t'), draft('public.t.c'), draft('public.tt')])];
    const names = async (more: object) =>
      (await runRules(rules, {}, { ...options, ...more })).findings.map((finding) => finding.subject.name);
    expect(await names({ ignore: [{ object: 'public.t', reason: 'x' }] })).toEqual(['public.tt']);
    expect(await names({ ignore: [{ object: 'public.*', reason: 'x', until: '2025-12-31' }] })).toHaveLength(3);
    expect(await names({ ignore: [{ rule: 'one', reason: 'x' }] })).toEqual([]);
    expect(await names({ skip: ['one'] })).toEqual([]);
    expect(await names({ only: ['other'] })).toEqual([]);
    const { findings } = await runRules(rules, {}, { ...options, severity: { one: 'info' } });
    expect(new Set(findings.map((finding) => finding.severity))).toEqual(new Set(['info']));
  });
  it('a probe that fails is not checked, the others are judged', async () => {
    const asking = defineRule({
      id: 'asking',
      title: 'a',
      severity: 'error',
      needs: ['answers'],
      docs,
      *probe() {
        yield { key: 'bad', sql: 'bad', about: 'rows of bad' };
        yield { key: 'good', sql: 'good', about: 'rows of good' };
      },
      *check({ answers }) {
        if (answers.rows('bad') === null && answers.rows('good')?.length === 1) yield draft('good');
      },
    });
    const ask = async (sql: string) => {
      if (sql === 'bad') throw new Error('permission denied');
      return [{ x: 1 }];
    };
    const results = await runRules([asking], {}, { ...options, ask });
    expect(results.findings.map((finding) => finding.key)).toEqual(['asking:good']);
    expect(results.notChecked).toEqual([{ rule: 'asking', reason: 'rows of bad: permission denied' }]);
  });
});
