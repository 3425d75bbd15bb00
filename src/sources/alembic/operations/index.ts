/**
 * The door of reading operations: one revision's direction → Operations, and the pieces the reader of models shares.
 */

export { canonicalPath } from './canonical.ts';
export { type ReadColumn, readColumn } from './columns.ts';
export { bringsNoColumns, companionMixin, mixinColumns } from './companion-mixins.ts';
export { readConstraint } from './constraints.ts';
export type { ModelsBase } from './create-all.ts';
export { bindOf, isSqlModel, type Mapping, mappingOf, nameOfTable, ownBases, tableOfClass } from './declarative.ts';
export type { Effects } from './effects.ts';
export { type Files, newHost } from './host.ts';
export { readIndex } from './indexes.ts';
export { asMade, isColumn, isElsewhere, madePath, tableNameOf } from './made.ts';
export { metadataOf, registryOf, rootOf, schemaOfMetadata } from './metadata.ts';
export { flagOf, isAbsent, nameOf, textList } from './read-values.ts';
export { evaluateRevision, type Reading, type RevisionSource } from './revision.ts';
export { assembleTable, type ReadTable, readTable } from './tables.ts';
export { type EnumUse, type ReadType, readable, readType, unreadableType } from './types.ts';
export { WrittenRows } from './written-rows.ts';
