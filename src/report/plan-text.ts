/**
 * A plan as people read it: patches as unified diffs, steps as SQL with lock, hazards and undo, the rehearsal's verdict.
 */
import type { SeedRerun } from '../model/seed.ts';
import { changeText } from '../model/seed-view.ts';
import type { Paint } from './colour.ts';
import { oneLine, visible } from './plain.ts';
import type { Report } from './report.ts';

/** @param scriptLocation Alembic's own folder, relative to the project */
export function planText(
  plan: NonNullable<Report['plan']>,
  paint: Paint,
  scriptLocation: string | null = null,
): string {
  if (plan.patches.length === 0 && plan.steps.length === 0) {
    return [`${paint.bold('Plan')}: nothing to do.`, ...leftText(plan)].join('\n');
  }
  const lines = [
    `${paint.bold(`Plan ${plan.id.slice(0, 12)}`)}: ${plan.patches.length} ${plan.patches.length === 1 ? 'file' : 'files'}, ${plan.steps.length} ${plan.steps.length === 1 ? 'step' : 'steps'}`,
  ];
  const stepOfFile = (file: string) => plan.steps.find((step) => file.endsWith(`/${step.name}.sql`));
  const kept = plan.patches.filter((patch) => stepOfFile(patch.file) !== undefined);
  if (kept.length > 0) lines.push('', 'New files, each with the SQL of its step below (up, and its undo in down/):');
  for (const patch of kept) lines.push(paint.added(`  ${oneLine(patch.file)}`));
  const beside = kept.find(({ file }) => scriptLocation !== null && file.startsWith(`${scriptLocation}/`));
  if (beside !== undefined)
    lines.push(
      `  ${oneLine(scriptLocation as string)}/ is Alembic's own folder too, which reads no .sql; stepsFolder in chain.config.json names another.`,
    );
  for (const patch of plan.patches.filter((one) => !kept.includes(one))) {
    lines.push(
      '',
      ...patch.diff
        .trimEnd()
        .split('\n')
        .map((line) => paintDiffLine(visible(line), paint)),
    );
  }
  plan.steps.forEach((step, index) => {
    const facts = [
      `lock: ${step.lock}`,
      step.hazards.length > 0 ? `hazards: ${step.hazards.join(', ')}` : 'no hazard',
      step.transactional ? 'one transaction' : 'outside a transaction',
    ];
    lines.push(
      '',
      paint.bold(`step ${index + 1} of ${plan.steps.length}: ${oneLine(step.name)}`),
      paint.dim(`  ${oneLine(facts.join(' · '))}`),
    );
    lines.push(...indented(step.sql, '  '));
    lines.push(paint.dim('  undo:'), ...(step.down === null ? [`    ${undoneBy(step)}`] : indented(step.down, '    ')));
  });
  if (plan.rehearsal !== null) lines.push('', rehearsalText(plan.rehearsal, paint));
  lines.push(...leftText(plan));
  return lines.join('\n');
}

function rehearsalText(rehearsal: NonNullable<NonNullable<Report['plan']>['rehearsal']>, paint: Paint): string {
  if (!rehearsal.ran) return `${paint.bold('Rehearsal')}: not run (${oneLine(rehearsal.on)})`;
  const verdict = {
    clears: paint.added('clears every error'),
    leaves: paint.severity('warning', `leaves ${rehearsal.remaining.map(oneLine).join(', ')}`),
    fails: paint.severity('error', `fails${rehearsal.failure === null ? '' : `: ${oneLine(rehearsal.failure)}`}`),
  }[rehearsal.verdict as 'clears' | 'leaves' | 'fails'];
  const said = `${paint.bold('Rehearsal')} on ${oneLine(rehearsal.on)}: ${verdict ?? oneLine(rehearsal.verdict)}`;
  return [said, ...(rehearsal.seedReruns ?? []).map((run) => `  ${oneLine(rerunText(run))}`)].join('\n');
}

function rerunText({ file, outcome, changes, failure }: SeedRerun): string {
  const where = failure
    ? `${failure.file}:${failure.line}, ${failure.message}`
    : 'it writes more rows than are compared';
  if (outcome === 'unchanged') return `${file}: a second run changes nothing`;
  if (outcome === 'changed')
    return `${file}: a second run ${changes.map((change) => `${changeText(change)} (${change.file}:${change.line})`).join('; ')}`;
  return `${file}: ${outcome === 'refused' ? 'a second run is refused' : 'a second run could not be tried'}: ${where}`;
}

function leftText(plan: NonNullable<Report['plan']>): string[] {
  if (plan.left.length === 0) return [];
  return ['', 'Left to you:', ...plan.left.map(({ key, reason }) => `  ${oneLine(key)}: ${oneLine(reason)}`)];
}

function indented(text: string, indent: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => visible(indent + line).trimEnd());
}

function paintDiffLine(line: string, paint: Paint): string {
  if (line.startsWith('+++') || line.startsWith('---')) return paint.bold(line);
  if (line.startsWith('+')) return paint.added(line);
  if (line.startsWith('-')) return paint.removed(line);
  return line;
}

/** How a step without SQL of its own to take it back goes. */
function undoneBy({ phase }: { phase: string }): string {
  return phase === 'seed' ? 'by the before-images that are kept' : 'nothing: what it made stays';
}
