/**
 * What a rule means, what it costs, how it is repaired: from the rule's own words.
 */
import type { RuleFacts } from '../model/diagnosis.ts';
import { paintFor, wrapText } from './colour.ts';

export function explainRule(rule: RuleFacts, options: { color: boolean; width: number }): string {
  const paint = paintFor(options.color);
  const width = Math.max(60, Math.min(options.width, 100));
  const part = (title: string, text: string) => `${paint.bold(title)}\n${wrapText(text, width, '  ')}`;
  return `${[
    `${paint.bold(rule.id)} (${paint.severity(rule.severity, rule.severity)}): ${rule.title}`,
    part('What is wrong', rule.docs.problem),
    part('What it costs', rule.docs.consequence),
    part('How it is repaired', rule.docs.repair),
  ].join('\n\n')}\n`;
}

export function listRules(rules: readonly RuleFacts[]): string {
  const idWidth = Math.max(...rules.map((rule) => rule.id.length));
  return rules.map((rule) => `${rule.id.padEnd(idWidth)}  ${rule.severity.padEnd(7)}  ${rule.title}\n`).join('');
}
