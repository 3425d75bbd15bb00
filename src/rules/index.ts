/**
 * The contents page: every rule by one explicit line of `allRules`, in the order a person should fix them, causes first.
 */
import { editDistance } from '../model/edit-distance.ts';
import appliedRevisionEdited from './applied-revision-edited.ts';
import chainNotSelfContained from './chain-not-self-contained.ts';
import columnDefaultAltered from './column-default-altered.ts';
import columnGeneratedAltered from './column-generated-altered.ts';
import columnIdentityAltered from './column-identity-altered.ts';
import columnNullabilityAltered from './column-nullability-altered.ts';
import columnTypeAltered from './column-type-altered.ts';
import concurrentMigrators from './concurrent-migrators.ts';
import constraintAltered from './constraint-altered.ts';
import constraintMissing from './constraint-missing.ts';
import constraintNotValidated from './constraint-not-validated.ts';
import createAllBypass from './create-all-bypass.ts';
import danglingDependsOn from './dangling-depends-on.ts';
import databaseAheadOfCode from './database-ahead-of-code.ts';
import declaredColumnMissing from './declared-column-missing.ts';
import declaredTableMissing from './declared-table-missing.ts';
import domainAltered from './domain-altered.ts';
import domainMissing from './domain-missing.ts';
import dropOfUnownedTable from './drop-of-unowned-table.ts';
import duplicateAcrossTenants from './duplicate-across-tenants.ts';
import duplicateRevisionId from './duplicate-revision-id.ts';
import duplicatesBlockUnique from './duplicates-block-unique.ts';
import endpointFailing from './endpoint-failing.ts';
import enumAltered from './enum-altered.ts';
import enumCreatedTwice from './enum-created-twice.ts';
import enumMissing from './enum-missing.ts';
import enumValueMissing from './enum-value-missing.ts';
import envScopeTooWide from './env-scope-too-wide.ts';
import extensionMissing from './extension-missing.ts';
import foreignKeyWithoutIndex from './foreign-key-without-index.ts';
import foreignVersionRow from './foreign-version-row.ts';
import foundInOtherSchema from './found-in-other-schema.ts';
import functionAltered from './function-altered.ts';
import functionMissing from './function-missing.ts';
import halfAppliedRevision from './half-applied-revision.ts';
import identifierTooLong from './identifier-too-long.ts';
import ifNotExistsShapeMismatch from './if-not-exists-shape-mismatch.ts';
import importsAppCode from './imports-app-code.ts';
import indexAltered from './index-altered.ts';
import indexMissing from './index-missing.ts';
import insufficientPrivileges from './insufficient-privileges.ts';
import invalidIndex from './invalid-index.ts';
import irreversibleDowngrade from './irreversible-downgrade.ts';
import migrationFailureSwallowed from './migration-failure-swallowed.ts';
import missingMembership from './missing-membership.ts';
import missingParentRevision from './missing-parent-revision.ts';
import modelDefinedTwice from './model-defined-twice.ts';
import multipleHeads from './multiple-heads.ts';
import nameDiffers from './name-differs.ts';
import nonTransactionalInTransaction from './non-transactional-in-transaction.ts';
import notNullOnPopulated from './not-null-on-populated.ts';
import objectCreatedTwice from './object-created-twice.ts';
import objectRenamed from './object-renamed.ts';
import orphanLiveTable from './orphan-live-table.ts';
import orphanRowsBlockFk from './orphan-rows-block-fk.ts';
import pendingRevisions from './pending-revisions.ts';
import placeholderRevisionId from './placeholder-revision-id.ts';
import policyAltered from './policy-altered.ts';
import policyMissing from './policy-missing.ts';
import releasedRevisionRemoved from './released-revision-removed.ts';
import revisionCycle from './revision-cycle.ts';
import revisionIdReused from './revision-id-reused.ts';
import revisionIdTooLong from './revision-id-too-long.ts';
import revisionInsertedBehind from './revision-inserted-behind.ts';
import type { Rule } from './rule.ts';
import seedConflictTargetUnmatched from './seed-conflict-target-unmatched.ts';
import seedForeignKeysOff from './seed-foreign-keys-off.ts';
import seedMissingRelation from './seed-missing-relation.ts';
import seedNaturalKeyIdMismatch from './seed-natural-key-id-mismatch.ts';
import seedNotNullUnfilled from './seed-not-null-unfilled.ts';
import seedNotRerunnable from './seed-not-rerunnable.ts';
import seedPsqlOnlySyntax from './seed-psql-only-syntax.ts';
import seedRunnerHidesErrors from './seed-runner-hides-errors.ts';
import seedSilentSkip from './seed-silent-skip.ts';
import seedStatementRefused from './seed-statement-refused.ts';
import seedTriggerDuplicates from './seed-trigger-duplicates.ts';
import seedUnreadable from './seed-unreadable.ts';
import seedVersionInconsistent from './seed-version-inconsistent.ts';
import sequenceAltered from './sequence-altered.ts';
import sequenceBehindMax from './sequence-behind-max.ts';
import sequenceMissing from './sequence-missing.ts';
import strayFileInVersions from './stray-file-in-versions.ts';
import tableAltered from './table-altered.ts';
import tableNeverMigrated from './table-never-migrated.ts';
import triggerAltered from './trigger-altered.ts';
import triggerMissing from './trigger-missing.ts';
import unconstrainedEnumeration from './unconstrained-enumeration.ts';
import unexpectedColumn from './unexpected-column.ts';
import unexpectedObject from './unexpected-object.ts';
import unreadableRevision from './unreadable-revision.ts';
import unsafeLock from './unsafe-lock.ts';
import unstampedDatabase from './unstamped-database.ts';
import vacuousDriftCheck from './vacuous-drift-check.ts';
import versionNotInGraph from './version-not-in-graph.ts';
import versionRowsOverlap from './version-rows-overlap.ts';
import versionTableUnusable from './version-table-unusable.ts';
import viewAltered from './view-altered.ts';
import viewMissing from './view-missing.ts';

export const allRules: readonly Rule[] = [
  // The graph: nothing can be applied while one of these stands.
  unreadableRevision,
  strayFileInVersions,
  duplicateRevisionId,
  missingParentRevision,
  danglingDependsOn,
  revisionCycle,
  multipleHeads,
  releasedRevisionRemoved,
  revisionInsertedBehind,
  revisionIdReused,
  appliedRevisionEdited,
  revisionIdTooLong,
  placeholderRevisionId,
  // What the revisions do, run from an empty database.
  chainNotSelfContained,
  dropOfUnownedTable,
  objectCreatedTwice,
  enumCreatedTwice,
  identifierTooLong,
  nonTransactionalInTransaction,
  tableNeverMigrated,
  modelDefinedTwice,
  // Where the database stands, and who may look.
  insufficientPrivileges,
  versionTableUnusable,
  foreignVersionRow,
  databaseAheadOfCode,
  versionNotInGraph,
  versionRowsOverlap,
  unstampedDatabase,
  halfAppliedRevision,
  // What is not there, or not as declared.
  foundInOtherSchema,
  objectRenamed,
  extensionMissing,
  enumMissing,
  domainMissing,
  sequenceMissing,
  declaredTableMissing,
  ifNotExistsShapeMismatch,
  declaredColumnMissing,
  columnTypeAltered,
  columnNullabilityAltered,
  columnDefaultAltered,
  columnIdentityAltered,
  columnGeneratedAltered,
  tableAltered,
  unexpectedColumn,
  constraintMissing,
  constraintAltered,
  constraintNotValidated,
  indexMissing,
  indexAltered,
  enumValueMissing,
  enumAltered,
  domainAltered,
  sequenceAltered,
  viewMissing,
  viewAltered,
  functionMissing,
  functionAltered,
  triggerMissing,
  triggerAltered,
  policyMissing,
  policyAltered,
  orphanLiveTable,
  unexpectedObject,
  nameDiffers,
  invalidIndex,
  // Rows that stand in the way.
  orphanRowsBlockFk,
  notNullOnPopulated,
  duplicatesBlockUnique,
  sequenceBehindMax,
  // Seeds and the scripts that run them.
  seedUnreadable,
  seedMissingRelation,
  seedNaturalKeyIdMismatch,
  seedConflictTargetUnmatched,
  seedStatementRefused,
  seedNotNullUnfilled,
  seedNotRerunnable,
  seedTriggerDuplicates,
  seedPsqlOnlySyntax,
  seedForeignKeysOff,
  seedSilentSkip,
  seedRunnerHidesErrors,
  seedVersionInconsistent,
  // Rows that an application misses or sees twice.
  missingMembership,
  duplicateAcrossTenants,
  // Code and configuration around the chain.
  migrationFailureSwallowed,
  createAllBypass,
  concurrentMigrators,
  envScopeTooWide,
  vacuousDriftCheck,
  importsAppCode,
  endpointFailing,
  // Good to know.
  unsafeLock,
  unconstrainedEnumeration,
  irreversibleDowngrade,
  foreignKeyWithoutIndex,
  pendingRevisions,
];

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
