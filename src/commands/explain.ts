/**
 * `chain explain RULE`: what a rule means, what it costs, how it is repaired.
 */
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import { explainRule, listRules } from '../report/index.ts';
import { allRules, closestRule, findRule } from '../rules/index.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export async function explain(settings: Settings, terminal: Terminal, own: { rule?: string }): Promise<ExitCode> {
  if (own.rule === undefined) {
    terminal.out(settings.format === 'json' ? json(allRules) : listRules(allRules));
    return exitCodes.ok;
  }
  const rule = findRule(own.rule);
  if (rule === null) {
    const close = closestRule(own.rule);
    throw new ChainError('usage', `There is no rule "${own.rule}".`, {
      hint: `${close === null ? '' : `Did you mean ${close}? `}\`chain explain\` lists all of them.`,
    });
  }
  terminal.out(
    settings.format === 'json' ? json(rule) : explainRule(rule, { color: settings.color, width: terminal.width }),
  );
  return exitCodes.ok;
}

type Told = { id: string; title: string; severity: string; docs: object };

function json(rules: Told | readonly Told[]): string {
  const told = (rule: Told) => ({ id: rule.id, title: rule.title, severity: rule.severity, ...rule.docs });
  return `${JSON.stringify('id' in rules ? told(rules) : rules.map(told), null, 2)}\n`;
}
