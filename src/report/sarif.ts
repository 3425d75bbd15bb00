/**
 * SARIF 2.1.0 for code scanning. Findings are told apart between runs by their key, never by a line.
 */
import { createHash } from 'node:crypto';
import type { RuleFacts } from '../model/diagnosis.ts';
import { fileInRepository, jsonText, shortened } from './plain.ts';
import type { Report, ReportFinding } from './report.ts';

const shownCharacters = 10_000;
const levels = { error: 'error', warning: 'warning', info: 'note' } as const;

export function renderSarif(report: Report, rules: readonly RuleFacts[], prefix: string): string {
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
        results: report.findings.map((finding) => result(finding, shown, prefix, fallback)),
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

function result(finding: ReportFinding, shown: readonly RuleFacts[], prefix: string, fallback: string) {
  const { file, line, name, kind } = finding.subject;
  const ruleIndex = shown.findIndex((rule) => rule.id === finding.rule);
  const said = `${finding.message}${finding.remedy === null ? '' : ` ${finding.remedy.summary}`}`;
  const uri = fileInRepository(prefix, file ?? fallback);
  return {
    ruleId: finding.rule,
    ...(ruleIndex < 0 ? {} : { ruleIndex }),
    level: levels[finding.severity],
    message: { text: withoutLinks(shortened(said, shownCharacters)) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uri.split('/').map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' },
          // Code scanning shows nothing without a line.
          region: { startLine: line ?? 1 },
        },
        logicalLocations: [{ fullyQualifiedName: name, kind }],
      },
    ],
    partialFingerprints: {
      // The one that code scanning tells alerts apart by; it would take the line's text, which many findings share.
      primaryLocationLineHash: `${createHash('sha256').update(finding.key).digest('hex').slice(0, 16)}:1`,
      'chainKey/v1': finding.key,
    },
    ...(finding.accepted ? { suppressions: [{ kind: 'external', justification: 'accepted in the baseline' }] } : {}),
  };
}
