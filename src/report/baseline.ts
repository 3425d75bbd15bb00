/**
 * The baseline: findings that a team has accepted, by key. They are softened to info, and still shown.
 */
import { ChainError } from '../errors.ts';
import { compareText } from '../model/name.ts';
import type { Report } from './report.ts';

export interface Baseline {
  keys: ReadonlySet<string>;
}

/** @throws ChainError `bad-settings` where the text is no baseline */
export function readBaseline(text: string, file: string): Baseline {
  const refuse = (why: string) =>
    new ChainError('bad-settings', `The baseline ${file} ${why}.`, {
      hint: 'Write one with `chain gate --write-baseline FILE`.',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('is not JSON');
  }
  const { version, findings } = (value ?? {}) as { version?: unknown; findings?: unknown };
  if (version !== 1 || !Array.isArray(findings)) throw refuse('has not the form { "version": 1, "findings": [ … ] }');
  const keys = findings.map((entry: unknown) =>
    typeof entry === 'string' ? entry : (entry as { key?: unknown } | null)?.key,
  );
  if (!keys.every((key): key is string => typeof key === 'string')) throw refuse('has a finding without a key');
  return { keys: new Set(keys) };
}

/** All findings of the report, as a file that a team commits: keys alone, so that it does not change with the wording. */
export function writeBaseline(report: Report): string {
  const findings = report.findings.map(({ key }) => ({ key })).sort((a, b) => compareText(a.key, b.key));
  return `${JSON.stringify({ version: 1, findings }, null, 2)}\n`;
}
