/**
 * The contents page: every rule by one explicit line, in the order a person should fix them, causes first.
 */
import { editDistance } from '../model/edit-distance.ts';
import type { Rule } from './rule.ts';

const modules = await Promise.all([
  // The graph: nothing can be applied while one of these stands.
  import('./unreadable-revision.ts'),
  import('./stray-file-in-versions.ts'),
  import('./duplicate-revision-id.ts'),
  import('./missing-parent-revision.ts'),
  import('./dangling-depends-on.ts'),
  import('./revision-cycle.ts'),
  import('./multiple-heads.ts'),
  import('./released-revision-removed.ts'),
  import('./revision-inserted-behind.ts'),
  import('./revision-id-reused.ts'),
  import('./applied-revision-edited.ts'),
  import('./revision-id-too-long.ts'),
  import('./placeholder-revision-id.ts'),
  // What the revisions do, run from an empty database.
  import('./chain-not-self-contained.ts'),
  import('./drop-of-unowned-table.ts'),
  import('./object-created-twice.ts'),
  import('./enum-created-twice.ts'),
  import('./identifier-too-long.ts'),
  import('./non-transactional-in-transaction.ts'),
  import('./table-never-migrated.ts'),
  import('./model-defined-twice.ts'),
  // Where the database stands, and who may look.
  import('./insufficient-privileges.ts'),
  import('./version-table-unusable.ts'),
  import('./foreign-version-row.ts'),
  import('./database-ahead-of-code.ts'),
  import('./version-not-in-graph.ts'),
  import('./version-rows-overlap.ts'),
  import('./unstamped-database.ts'),
  import('./half-applied-revision.ts'),
  // What is not there, or not as declared.
  import('./found-in-other-schema.ts'),
  import('./object-renamed.ts'),
  import('./extension-missing.ts'),
  import('./enum-missing.ts'),
  import('./domain-missing.ts'),
  import('./sequence-missing.ts'),
  import('./declared-table-missing.ts'),
  import('./if-not-exists-shape-mismatch.ts'),
  import('./declared-column-missing.ts'),
  import('./column-type-altered.ts'),
  import('./column-nullability-altered.ts'),
  import('./column-default-altered.ts'),
  import('./column-identity-altered.ts'),
  import('./column-generated-altered.ts'),
  import('./table-altered.ts'),
  import('./unexpected-column.ts'),
  import('./constraint-missing.ts'),
  import('./constraint-altered.ts'),
  import('./constraint-not-validated.ts'),
  import('./index-missing.ts'),
  import('./index-altered.ts'),
  import('./enum-value-missing.ts'),
  import('./enum-altered.ts'),
  import('./domain-altered.ts'),
  import('./sequence-altered.ts'),
  import('./view-missing.ts'),
  import('./view-altered.ts'),
  import('./function-missing.ts'),
  import('./function-altered.ts'),
  import('./trigger-missing.ts'),
  import('./trigger-altered.ts'),
  import('./policy-missing.ts'),
  import('./policy-altered.ts'),
  import('./orphan-live-table.ts'),
  import('./unexpected-object.ts'),
  import('./name-differs.ts'),
  import('./invalid-index.ts'),
  // Rows that stand in the way.
  import('./orphan-rows-block-fk.ts'),
  import('./not-null-on-populated.ts'),
  import('./duplicates-block-unique.ts'),
  import('./sequence-behind-max.ts'),
  // Seeds and the scripts that run them.
  import('./seed-unreadable.ts'),
  import('./seed-missing-relation.ts'),
  import('./seed-natural-key-id-mismatch.ts'),
  import('./seed-conflict-target-unmatched.ts'),
  import('./seed-statement-refused.ts'),
  import('./seed-not-null-unfilled.ts'),
  import('./seed-not-rerunnable.ts'),
  import('./seed-trigger-duplicates.ts'),
  import('./seed-psql-only-syntax.ts'),
  import('./seed-foreign-keys-off.ts'),
  import('./seed-silent-skip.ts'),
  import('./seed-runner-hides-errors.ts'),
  import('./seed-version-inconsistent.ts'),
  // Rows that an application misses or sees twice.
  import('./missing-membership.ts'),
  import('./duplicate-across-tenants.ts'),
  // Code and configuration around the chain.
  import('./migration-failure-swallowed.ts'),
  import('./create-all-bypass.ts'),
  import('./concurrent-migrators.ts'),
  import('./env-scope-too-wide.ts'),
  import('./vacuous-drift-check.ts'),
  import('./imports-app-code.ts'),
  import('./endpoint-failing.ts'),
  // Good to know.
  import('./unsafe-lock.ts'),
  import('./unconstrained-enumeration.ts'),
  import('./irreversible-downgrade.ts'),
  import('./foreign-key-without-index.ts'),
  import('./pending-revisions.ts'),
]);

export const allRules: readonly Rule[] = modules.map((module) => module.default);

export const ruleOrder: ReadonlyMap<string, number> = new Map(allRules.map((rule, index) => [rule.id, index]));

/** The one whose name is nearest, for "did you mean"; null where none is near. */
export function closestRule(id: string): string | null {
  const limit = Math.max(2, Math.floor(id.length / 4));
  const ranked = allRules
    .map((rule) => ({ id: rule.id, distance: editDistance(rule.id, id, limit) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.id ?? allRules.find((rule) => id.length >= 5 && rule.id.includes(id))?.id ?? null;
}

export function findRule(id: string): Rule | null {
  return allRules.find((rule) => rule.id === id) ?? null;
}

export type { IgnoreChoice, ProbePort, RuleResults, RunOptions } from './engine.ts';
export { runRules } from './engine.ts';
export type { Policy, Rule, RuleInputs } from './rule.ts';
