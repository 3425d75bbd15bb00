/**
 * A seed and the scripts that run it call themselves by different versions.
 */
import type { Evidence } from '../model/finding.ts';
import type { RemedyAction, TextEdit } from '../model/remedy.ts';
import type { SeedReading, SeedRunner, Span } from '../model/seed.ts';
import { advice, defineRule, patch } from './rule.ts';

interface Mark {
  file: string;
  value: string;
  line: number;
  span: Span;
  text: string;
}

export default defineRule({
  id: 'seed-version-inconsistent',
  title: 'a seed and its runner disagree on the version',
  severity: 'warning',
  needs: ['seeds'],
  docs: {
    problem: 'The seed file and the scripts that run it state different versions of it.',
    consequence:
      'A database that was marked by one is taken for up to date by the other, and a changed seed never runs.',
    repair: 'Write one version everywhere; better, let the content decide: `chain seed` records a hash.',
  },
  *check({ seeds }) {
    for (const reading of seeds.readings) {
      const runners = seeds.runners.filter((runner) => runner.runs.some((run) => run.resolved === reading.file));
      const marks = [...marksOf(reading), ...runners.flatMap(marksOf)];
      const values = [...new Set(marks.map((mark) => mark.value))].sort(compareVersions);
      if (values.length < 2) continue;
      const own = [...new Set(reading.version.map((version) => version.value))];
      // The seed's own word counts; where it disagrees with itself, the newest.
      const right = (own.length === 1 ? own[0] : values[values.length - 1]) as string;
      const wrong = marks.filter((mark) => mark.value !== right);
      const first = wrong[0];
      if (first === undefined) continue;
      const evidence: Evidence[] = marks.map((mark) => ({
        origin: 'seed',
        text: `says ${mark.value}`,
        file: mark.file,
        line: mark.line,
      }));
      const summary = `Write ${right} in ${[...new Set(wrong.map((mark) => mark.file))].join(' and ')}`;
      const actions = actionsFor(wrong, right);
      yield {
        subject: { kind: 'seed', name: reading.file, file: first.file, line: first.line },
        message: `${reading.file} is version ${own.join(' and ') || 'unnamed'}, and ${[...new Set(wrong.map((mark) => `${mark.file}:${mark.line} says ${mark.value}`))].join(', ')}; a database marked by one is taken for up to date by the other, and a changed seed never runs.`,
        evidence,
        remedy: actions.length > 0 ? patch(summary, actions) : advice(summary, 'file-edit'),
      };
    }
  },
});

function marksOf(
  source: Pick<SeedReading, 'file' | 'version' | 'text'> | Pick<SeedRunner, 'file' | 'version' | 'text'>,
): Mark[] {
  return source.version.map((version) => ({ file: source.file, text: source.text, ...version }));
}

function actionsFor(marks: readonly Mark[], right: string): RemedyAction[] {
  const editsByFile = new Map<string, TextEdit[]>();
  for (const mark of marks) {
    const inside = mark.text.slice(mark.span.from, mark.span.to).indexOf(mark.value);
    if (inside < 0) continue;
    const from = mark.span.from + inside;
    editsByFile.set(mark.file, [
      ...(editsByFile.get(mark.file) ?? []),
      { from, to: from + mark.value.length, text: right },
    ]);
  }
  return [...editsByFile].map(([file, edits]) => ({ action: 'edit-file', file, edits }));
}

function compareVersions(a: string, b: string): number {
  const left = a.split(/[.-]/).map(Number);
  const right = b.split(/[.-]/).map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] || 0) - (right[index] || 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
