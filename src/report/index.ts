/**
 * The door of the reports: one value, many formats.
 */
import type { RuleFacts } from '../model/diagnosis.ts';
import { renderGithub } from './github.ts';
import { renderMarkdown } from './markdown.ts';
import { jsonText } from './plain.ts';
import type { Report } from './report.ts';
import { renderSarif } from './sarif.ts';
import { renderText } from './text.ts';

export type ReportFormat = 'text' | 'json' | 'github' | 'sarif' | 'markdown' | 'table';

export interface RenderOptions {
  color: boolean;
  width: number;
  verbose?: boolean;
  /** The words of the rules, for SARIF. */
  rules?: readonly RuleFacts[];
  /** The project's folder in its repository: what a host shows beside lines is named from there. */
  prefix?: string;
}

/** cli-table3 is loaded for the one format that needs it. */
export async function render(report: Report, format: ReportFormat, options: RenderOptions): Promise<string> {
  switch (format) {
    case 'json':
      return jsonText(report);
    case 'github':
      return renderGithub(report, options.prefix ?? '');
    case 'sarif':
      return renderSarif(report, options.rules ?? [], options.prefix ?? '');
    case 'markdown':
      return renderMarkdown(report);
    case 'table':
      return (await import('./table.ts')).renderTable(report, options);
    case 'text':
      return renderText(report, options);
  }
}

export { type Baseline, readBaseline, writeBaseline } from './baseline.ts';
export { loadBaseline } from './baseline-file.ts';
export { exitCodeOf, reaches, type Verdict } from './exit-code.ts';
export { explainRule, listRules } from './explain.ts';
export { jsonText, oneLine, visible } from './plain.ts';
export { buildReport, type Report, type ReportFinding, type ReportOptions } from './report.ts';
