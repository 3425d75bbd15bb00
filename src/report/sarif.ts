/**
 * SARIF 2.1.0 for code scanning. Findings are told apart between runs by their key, never by a line.
 */
import type { RuleFacts } from '../model/diagnosis.ts';
import { jsonText } from './plain.ts';
import type { Report, ReportFinding } from './report.ts';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const;

export function renderSarif(report: Report, rules: readonly RuleFacts[]): string {
  const used = new Set(report.findings.map((finding) => finding.rule));
  const shown = rules.filter((rule) => used.has(rule.id));
  const fallback = report.project.config ?? report.project.versionLocations[0] ?? '.';
  return jsonText({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'chain',
            version: report.tool.version,
            rules: shown.map((rule) => ({
              id: rule.id,
              shortDescription: { text: rule.title },
              fullDescription: { text: `${rule.docs.problem} ${rule.docs.consequence}` },
              help: { text: `${rule.docs.problem}\n\n${rule.docs.consequence}\n\n${rule.docs.repair}` },
              defaultConfiguration: { level: levels[rule.severity] },
            })),
          },
        },
        results: report.findings.map((finding) => result(finding, shown, fallback)),
        invocations: [
          {
            executionSuccessful: report.problem === undefined,
            toolExecutionNotifications: [
              ...(report.problem ? [{ level: 'error', message: { text: report.problem.message } }] : []),
              ...report.notChecked.map(({ rule, reason }) => ({
                level: 'note',
                message: { text: `${rule} not checked: ${reason}` },
              })),
            ],
          },
        ],
      },
    ],
  });
}

/** A message may hold links in Markdown's form (SARIF 2.1.0, 3.11.6); of a name none is to be made. */
function withoutLinks(text: string): string {
  return text.replaceAll('](', '] (');
}

function result(finding: ReportFinding, shown: readonly RuleFacts[], fallback: string) {
  const { file, line, name } = finding.subject;
  return {
    ruleId: finding.rule,
    ruleIndex: shown.findIndex((rule) => rule.id === finding.rule),
    level: levels[finding.severity],
    message: { text: withoutLinks(`${finding.message}${finding.remedy === null ? '' : ` ${finding.remedy.summary}`}`) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: (file ?? fallback).split('/').map(encodeURIComponent).join('/') },
          ...(line === undefined ? {} : { region: { startLine: line } }),
        },
        logicalLocations: [{ fullyQualifiedName: name, kind: finding.subject.kind }],
      },
    ],
    partialFingerprints: { 'chainKey/v1': finding.key },
    ...(finding.accepted ? { suppressions: [{ kind: 'external', justification: 'accepted in the baseline' }] } : {}),
  };
}
