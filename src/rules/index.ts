/**
 * The contents page: every rule by one explicit line, in the order a person should fix them, causes first.
 */
import type { Rule } from './rule.ts';

const modules = await Promise.all([
  // The graph: nothing can be applied while one of these stands.
  import('./missing-parent-revision.ts'),
  import('./multiple-heads.ts'),
  // Where the database stands.
  import('./unstamped-database.ts'),
  // What is not there.
  import('./declared-table-missing.ts'),
  import('./constraint-missing.ts'),
]);

export const allRules: readonly Rule[] = modules.map((module) => module.default);

export const ruleOrder: ReadonlyMap<string, number> = new Map(allRules.map((rule, index) => [rule.id, index]));

export function findRule(id: string): Rule | null {
  return allRules.find((rule) => rule.id === id) ?? null;
}

export type { IgnoreChoice, ProbePort, RuleResults, RunOptions } from './engine.ts';
export { runRules } from './engine.ts';
export type { Policy, Rule, RuleInputs } from './rule.ts';
