/**
 * A summary for the page of a CI run or a comment: one table, what was not checked, nothing that a name could turn into markup.
 */
import { markdownText, shortened } from './plain.ts';
import type { Report } from './report.ts';
import { nextAction } from './text.ts';

const shownCharacters = 1000;

export function renderMarkdown(report: Report): string {
  const { error, warning, info, accepted } = report.summary;
  const lines = [
    `### chain: ${error} error, ${warning} warning, ${info} info${accepted > 0 ? `, ${accepted} accepted` : ''}`,
    '',
    `${report.graph.revisions} revisions, heads: ${report.graph.heads.map(markdownText).join(', ') || 'none'}${report.database === null ? '; no database was looked at' : `; compared at ${report.database.comparedAt.map(markdownText).join(', ') || 'nothing'}`}`,
  ];
  if (report.problem) lines.push('', `**Database not looked at:** ${markdownText(report.problem.message)}`);
  if (report.findings.length > 0) lines.push('', '| | rule | what | where | what to do |', '|---|---|---|---|---|');
  for (const finding of report.findings) {
    const { file, line } = finding.subject;
    const where = file === undefined ? finding.subject.name : `${file}${line === undefined ? '' : `:${line}`}`;
    const cells = [
      finding.accepted ? 'accepted' : finding.severity,
      finding.rule,
      shortened(finding.message, shownCharacters),
      where,
      shortened(finding.remedy?.summary ?? '', shownCharacters),
    ];
    lines.push(`| ${cells.map(markdownText).join(' | ')} |`);
  }
  if (report.notChecked.length > 0) {
    const reasons = [...new Set(report.notChecked.map(({ reason }) => reason))];
    lines.push(
      '',
      `Not checked: ${new Set(report.notChecked.map(({ rule }) => rule)).size} rules (${reasons.map(markdownText).join('; ')})`,
    );
  }
  const next = nextAction(report);
  if (next !== null) lines.push('', `**Next:** ${markdownText(next)}`);
  return `${lines.join('\n')}\n`;
}
