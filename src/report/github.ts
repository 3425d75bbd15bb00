/**
 * Annotations that GitHub Actions reads from a job's output. Commands cannot be smuggled in: data and properties are
 * escaped as actions/toolkit does it.
 */
import { fileInRepository, shortened, visible } from './plain.ts';
import type { Report, ReportFinding } from './report.ts';

const levels = { error: 'error', warning: 'warning', info: 'notice' } as const;

/** GitHub takes 64 kB of an annotation. */
const shownCharacters = 4000;

export function renderGithub(report: Report, prefix: string): string {
  const lines = report.findings.map((finding) => annotation(finding, prefix));
  if (report.problem)
    lines.push(`::error title=${property('database not looked at')}::${data(report.problem.message)}`);
  if (report.notChecked.length > 0) {
    const rules = [...new Set(report.notChecked.map(({ rule }) => rule))];
    lines.push(
      `::notice title=${property('chain: not checked')}::${data(`${rules.length} rules: ${[...new Set(report.notChecked.map(({ reason }) => reason))].join('; ')}`)}`,
    );
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function annotation(finding: ReportFinding, prefix: string): string {
  const { file, line } = finding.subject;
  const where =
    file === undefined
      ? ''
      : `file=${property(fileInRepository(prefix, file))},${line === undefined ? '' : `line=${line},`}`;
  const remedy = finding.remedy === null ? '' : ` ${finding.remedy.summary}`;
  return `::${levels[finding.severity]} ${where}title=${property(`chain: ${finding.rule}`)}::${data(shortened(`${finding.message}${remedy}`, shownCharacters))}`;
}

function data(text: string): string {
  return visible(text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A'));
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
