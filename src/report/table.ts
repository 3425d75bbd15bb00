/**
 * Findings as a table; the one home of cli-table3. Its own colours stay off: ours are applied to the cells.
 */
import Table from 'cli-table3';
import { paintFor } from './colour.ts';
import { oneLine, shortened } from './plain.ts';
import type { Report } from './report.ts';

const shownCharacters = 1000;

export function renderTable(report: Report, options: { color: boolean; width: number }): string {
  const paint = paintFor(options.color);
  const { error, warning, info, accepted } = report.summary;
  const summary = `${error} error, ${warning} warning, ${info} info${accepted > 0 ? `, ${accepted} accepted` : ''}; ${report.notChecked.length} not checked`;
  const problem = report.problem ? `database not looked at: ${oneLine(report.problem.message)}\n` : '';
  if (report.findings.length === 0) return `${problem}${summary}\n`;
  const width = Math.max(120, Math.min(options.width, 180));
  const columns = [10, 30, 32];
  const table = new Table({
    head: ['severity', 'rule', 'where', 'what'].map((text) => paint.bold(text)),
    colWidths: [...columns, Math.max(20, width - columns.reduce((sum, column) => sum + column, 0) - 5)],
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [] },
  });
  for (const finding of report.findings) {
    const { file, line, name } = finding.subject;
    table.push([
      paint.severity(finding.severity, finding.accepted ? 'accepted' : finding.severity),
      oneLine(finding.rule),
      oneLine(file === undefined ? name : `${name} ${file}${line === undefined ? '' : `:${line}`}`),
      oneLine(shortened(finding.message, shownCharacters)),
    ]);
  }
  return `${problem}${table.toString()}\n${summary}\n`;
}
