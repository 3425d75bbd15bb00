/**
 * The report for people: causes first, their consequences under them, what was not checked, and one next action.
 */
import type { Evidence } from '../model/finding.ts';
import { type Paint, paintFor, wrapText } from './colour.ts';
import { oneLine, shortened } from './plain.ts';
import { planText } from './plan-text.ts';
import type { Report, ReportFinding } from './report.ts';

export interface TextOptions {
  color: boolean;
  width: number;
  verbose?: boolean;
}

const shownEvidence = 6;
/** Of a message, a line of evidence, a remedy. */
const shownCharacters = 2000;

export function renderText(report: Report, options: TextOptions): string {
  const paint = paintFor(options.color);
  const width = Math.max(60, Math.min(options.width, 120));
  const blocks = [header(report, paint, options.verbose ?? false)];
  const drawing = { ...options, paint, width };
  const folded = options.verbose ? new Map<string, ReportFinding[]>() : foldable(report.findings);
  if (report.plan && !options.verbose) blocks.push(...briefly(report.findings, paint));
  else
    for (const root of rootsOf(report.findings)) {
      const same = folded.get(groupOf(root));
      if (same === undefined || !same.includes(root)) blocks.push(tree(root, report.findings, drawing));
      else if (same[0] !== root) continue;
      else if (root.severity === 'info') blocks.push(foldedBlock(same, drawing));
      else blocks.push(`${tree(root, report.findings, drawing)}\n${othersLike(same, drawing)}`);
    }
  if (report.plan) blocks.push(planText(report.plan, paint, report.project.scriptLocation));
  const unseen = notSeen(report, paint, width, options.verbose ?? false);
  if (unseen !== '') blocks.push(unseen);
  blocks.push(footer(report, paint, width));
  return `${blocks.join('\n\n')}\n`;
}

function header(report: Report, paint: Paint, isVerbose: boolean): string {
  const { project, graph, database } = report;
  const where = oneLine(project.versionLocations.join(', ') || project.scriptLocation || '');
  const lines = [
    `${paint.bold(where)}${project.config === null ? '' : ` (${oneLine(project.config)})`}: ${count(graph.revisions, 'revision')}, ${
      graph.heads.length === 1 ? `head ${oneLine(graph.heads[0] as string)}` : `${count(graph.heads.length, 'head')}`
    }`,
  ];
  if (project.models.length > 0) lines.push(`models: ${fewOf(project.models, isVerbose)}`);
  if (project.seeds.length > 0) lines.push(`seeds: ${fewOf(project.seeds, isVerbose)}`);
  if (database !== null) {
    const { stamp, comparedAt, looksLike } = database;
    const stamped =
      stamp.table === null
        ? 'no version table'
        : `${stamp.table}: ${stamp.rows.length === 0 ? 'no row' : stamp.rows.join(', ')}`;
    lines.push(
      oneLine(
        `database ${database.name}, PostgreSQL ${database.serverVersion}; ${stamped}; compared at ${comparedAt.length === 0 ? 'nothing' : comparedAt.join(' + ')}`,
      ),
    );
    const best = looksLike[0];
    if (best && database.comparedBy === 'looks-like')
      lines.push(oneLine(`it looks like ${best.revisions.join(' + ')} (${percent(best.score)})`));
  }
  if (report.problem) {
    const what = database === null ? 'database not looked at: ' : 'database looked at in part: ';
    lines.push(paint.severity('error', what) + oneLine(report.problem.message));
    if (report.problem.hint !== null) lines.push(`  ${oneLine(report.problem.hint)}`);
  }
  return lines.join('\n');
}

/** Files of a list that may be long. */
function fewOf(files: readonly string[], isVerbose: boolean): string {
  const shown = isVerbose || files.length <= 5 ? files : files.slice(0, 4);
  const more = files.length - shown.length;
  return oneLine(`${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`);
}

interface Drawing {
  paint: Paint;
  width: number;
  verbose?: boolean;
}

function rootsOf(findings: readonly ReportFinding[]): ReportFinding[] {
  const keys = new Set(findings.map((finding) => finding.key));
  return findings.filter((finding) => !finding.causedBy.some((cause) => keys.has(cause)));
}

/** Above a plan: what it answers, a line each; `doctor` tells the rest. */
function briefly(findings: readonly ReportFinding[], paint: Paint): string[] {
  const pressing = findings.filter((finding) => finding.severity !== 'info');
  const line = (finding: ReportFinding, depth: number): string[] => [
    `${'  '.repeat(depth)}${depth > 0 ? '↳ ' : ''}${paint.severity(finding.severity, finding.severity)} ${finding.rule}${place(finding, paint)}`,
    ...(depth > 7
      ? []
      : pressing.filter((other) => other.causedBy[0] === finding.key).flatMap((other) => line(other, depth + 1))),
  ];
  const lines = rootsOf(pressing).flatMap((root) => line(root, 0));
  return lines.length === 0 ? [] : [lines.join('\n')];
}

/**
 * Three or more findings of a rule that are only good to know: told in one breath. Four or more warnings of a rule in one file:
 * the first, and where the others are.
 */
function foldable(findings: readonly ReportFinding[]): Map<string, ReportFinding[]> {
  const caused = new Set(findings.flatMap((finding) => finding.causedBy));
  const groups = new Map<string, ReportFinding[]>();
  for (const finding of rootsOf(findings)) {
    if (finding.severity === 'error' || caused.has(finding.key)) continue;
    if (finding.severity === 'warning' && finding.subject.file === undefined) continue;
    const group = groupOf(finding);
    const same = groups.get(group);
    if (same) same.push(finding);
    else groups.set(group, [finding]);
  }
  return new Map([...groups].filter(([, same]) => same.length > (same[0]?.severity === 'info' ? 2 : 3)));
}

function groupOf({ severity, rule, subject }: ReportFinding): string {
  return severity === 'info' ? rule : `${severity} ${rule} ${subject.file}`;
}

const mostLines = 20;

function othersLike([first, ...others]: readonly ReportFinding[], { width }: Drawing): string {
  const lines = [...new Set(others.flatMap(({ subject }) => subject.line ?? []))].sort((a, b) => a - b);
  const shown = lines.length > mostLines ? [...lines.slice(0, mostLines), `… ${lines.at(-1)}`] : lines;
  const where = lines.length === 0 ? '' : `, ${lines.length === 1 ? 'line' : 'lines'} ${shown.join(', ')}`;
  const file = oneLine(first?.subject.file ?? '');
  return wrapText(`and ${others.length} more like it in ${file}${where} (--verbose shows each)`, width, '  ');
}

function foldedBlock(same: readonly ReportFinding[], { paint, width }: Drawing): string {
  const first = same[0] as ReportFinding;
  const names = same.map((finding) => finding.subject.name);
  const shown = `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`;
  return [
    `${paint.severity('info', first.accepted ? 'accepted' : 'info')} ${paint.bold(first.rule)} (${same.length}, --verbose shows each)`,
    wrapText(oneLine(shown), width, '  '),
  ].join('\n');
}

/** A finding and, indented, what follows from it. Each finding is drawn once, under its first cause. */
function tree(finding: ReportFinding, all: readonly ReportFinding[], drawing: Drawing, depth = 0): string {
  const parts = [block(finding, drawing, depth)];
  for (const other of all) {
    if (other.causedBy[0] === finding.key && depth < 8) parts.push(tree(other, all, drawing, depth + 1));
  }
  return parts.join('\n\n');
}

function block(finding: ReportFinding, drawing: Drawing, depth: number): string {
  const { paint, width } = drawing;
  const indent = '  '.repeat(depth);
  const label = finding.accepted ? `accepted ${finding.acceptedSeverity}` : finding.severity;
  const lines = [
    `${indent}${depth > 0 ? '↳ ' : ''}${paint.severity(finding.severity, label)} ${paint.bold(finding.rule)}${finding.certainty === 'suspected' ? ' (suspected)' : ''}${place(finding, paint)}`,
    wrapText(brief(finding.message), width, `${indent}  `),
  ];
  const shown = drawing.verbose ? finding.evidence : finding.evidence.slice(0, shownEvidence);
  for (const evidence of shown)
    lines.push(paint.dim(wrapText(evidenceText(evidence), width, `${indent}  · `, `${indent}    `)));
  const hidden = finding.evidence.length - shown.length;
  if (hidden > 0) lines.push(paint.dim(`${indent}  · and ${hidden} more (--verbose)`));
  if (finding.remedy !== null)
    lines.push(wrapText(brief(finding.remedy.summary), width, `${indent}  → `, `${indent}    `));
  return lines.join('\n');
}

function brief(text: string): string {
  return oneLine(shortened(text, shownCharacters));
}

function place(finding: ReportFinding, paint: Paint): string {
  const { file, line } = finding.subject;
  return paint.dim(
    ` ${oneLine(file === undefined ? finding.subject.name : `${file}${line === undefined ? '' : `:${line}`}`)}`,
  );
}

function evidenceText(evidence: Evidence): string {
  const where =
    evidence.file === undefined ? '' : `${evidence.file}${evidence.line === undefined ? '' : `:${evidence.line}`}`;
  const isSaid = where !== '' && evidence.text.includes(where);
  return oneLine(
    `${evidence.origin}: ${shortened(evidence.text, shownCharacters)}${where === '' || isSaid ? '' : ` (${where})`}`,
  );
}

function notSeen(report: Report, paint: Paint, width: number, isVerbose: boolean): string {
  const lines: string[] = [];
  const rulesByReason = new Map<string, string[]>();
  for (const { rule, reason } of report.notChecked)
    rulesByReason.set(reason, [...(rulesByReason.get(reason) ?? []), rule]);
  if (rulesByReason.size > 0) lines.push(paint.bold('Not checked'));
  for (const [reason, rules] of rulesByReason) {
    const names =
      isVerbose || rules.length <= 4
        ? rules.join(', ')
        : `${rules.slice(0, 3).join(', ')} and ${rules.length - 3} more`;
    lines.push(wrapText(`${brief(reason)}: ${names}`, width, '  ', '    '));
  }
  if (report.blindSpots.length > 0) lines.push(paint.bold(`Not read: ${count(report.blindSpots.length, 'place')}`));
  const spots = isVerbose ? report.blindSpots : report.blindSpots.slice(0, 5);
  for (const spot of spots) {
    const objects =
      spot.objects.length === 0
        ? ''
        : ` (may touch ${spot.objects.slice(0, 5).join(', ')}${spot.objects.length > 5 ? ', …' : ''})`;
    lines.push(wrapText(oneLine(`${spot.file}:${spot.line}: ${brief(spot.reason)}${objects}`), width, '  ', '    '));
  }
  if (spots.length < report.blindSpots.length)
    lines.push(`  and ${report.blindSpots.length - spots.length} more (--verbose)`);
  return lines.join('\n');
}

function footer(report: Report, paint: Paint, width: number): string {
  const { error, warning, info, accepted } = report.summary;
  const total = error + warning + info;
  const counted = [
    error > 0 ? paint.severity('error', count(error, 'error')) : '',
    warning > 0 ? paint.severity('warning', count(warning, 'warning')) : '',
    info > 0 ? `${info} info` : '',
    accepted > 0 ? `${accepted} accepted` : '',
  ].filter((part) => part !== '');
  const lines = [
    total + accepted === 0
      ? report.problem
        ? 'Nothing found in what could be looked at.'
        : 'Nothing found.'
      : counted.join(', '),
  ];
  const next = nextAction(report);
  if (next !== null) lines.push(wrapText(`${paint.bold('Next:')} ${next}`, width, '', '      '));
  return lines.join('\n');
}

/** One, and only one: what to do now. */
export function nextAction(report: Report): string | null {
  if (report.plan) return null;
  const open = report.findings.filter((finding) => !finding.accepted && finding.severity !== 'info');
  const first = rootsOf(open).find((finding) => finding.remedy !== null);
  if (first?.remedy == null) return report.problem ? oneLine(report.problem.hint ?? report.problem.message) : null;
  const summary = brief(first.remedy.summary);
  if (first.remedy.kind === 'advice') return summary;
  return `chain repair (shows the plan for all of this and writes nothing; it begins with: ${summary})`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function percent(score: number): string {
  return `${score >= 1 ? 100 : Math.min(99, Math.round(score * 100))} %`;
}
