/**
 * One operation applied to a draft: which handler takes which kind. The effects themselves stand beside it, a file a
 * family of objects. Never throws on what a project states: what cannot be is a note.
 */
import type { Operation } from '../model/operation.ts';
import type { NamingConvention } from '../model/project.ts';
import type { ReplayNote } from '../model/replay.ts';
import type { Schema } from '../model/schema.ts';
import { addColumn, alterColumn, dropColumn, renameColumn } from './columns.ts';
import { addConstraint, alterConstraint, dropConstraint, renameConstraint, validateConstraint } from './constraints.ts';
import { type DistributiveOmit, type ReplayState, SchemaDraft } from './draft.ts';
import { attachPartition, detachPartition, inherit } from './heirs.ts';
import { createIndex, dropIndex, renameIndex } from './indexes.ts';
import { applyToKin, routinesNamed } from './kin.ts';
import { withShortColumns } from './shorten.ts';
import { alterTableOption, commentOnTable, createTable, dropTable, renameTable, setTableNamespace } from './tables.ts';
import { applyToTypes } from './types.ts';

export interface ApplyContext {
  namingConvention: NamingConvention | null;
  searchPath?: readonly string[];
  note?: (note: DistributiveOmit<ReplayNote, 'revision'>) => void;
}

/** The schema after one operation. */
export function applyOperation(schema: Schema, operation: Operation, context: ApplyContext): Schema {
  const draft = openDraft(schema, context);
  applyToDraft(draft, operation);
  return draft.schema;
}

/** The schema after several, from nothing (models) or from `context.schema`. */
export function openDraft(schema: Schema, context: ApplyContext): SchemaDraft {
  const state: ReplayState = { schema, searchPath: context.searchPath ?? ['public'], temporaries: new Set() };
  return new SchemaDraft(state, {
    namingConvention: context.namingConvention,
    ...(context.note ? { note: context.note } : {}),
  });
}

export function applyToDraft(draft: SchemaDraft, written: Operation): void {
  const operation = withShortColumns(written);
  switch (operation.kind) {
    case 'createTable':
      if (operation.namingConvention === undefined) createTable(draft, operation);
      else {
        const { options } = draft;
        draft.options = { ...options, namingConvention: operation.namingConvention };
        createTable(draft, operation);
        draft.options = options;
      }
      return;
    case 'dropTable':
      dropTable(draft, operation);
      return;
    case 'renameTable':
      renameTable(draft, operation);
      return;
    case 'setTableNamespace':
      setTableNamespace(draft, operation);
      return;
    case 'commentOnTable':
      commentOnTable(draft, operation);
      return;
    case 'alterTableOption':
      alterTableOption(draft, operation);
      return;
    case 'attachPartition':
      attachPartition(draft, operation);
      return;
    case 'detachPartition':
      detachPartition(draft, operation);
      return;
    case 'inherit':
      inherit(draft, operation);
      return;
    case 'addColumn':
      addColumn(draft, operation);
      return;
    case 'dropColumn':
      dropColumn(draft, operation);
      return;
    case 'renameColumn':
      renameColumn(draft, operation);
      return;
    case 'alterColumn':
      alterColumn(draft, operation);
      return;
    case 'addConstraint':
      addConstraint(draft, operation);
      return;
    case 'dropConstraint':
      dropConstraint(draft, operation);
      return;
    case 'renameConstraint':
      renameConstraint(draft, operation);
      return;
    case 'alterConstraint':
      alterConstraint(draft, operation);
      return;
    case 'validateConstraint':
      validateConstraint(draft, operation);
      return;
    case 'createIndex':
      createIndex(draft, operation);
      return;
    case 'dropIndex':
      dropIndex(draft, operation);
      return;
    case 'renameIndex':
      renameIndex(draft, operation);
      return;
    case 'opaque':
      draft.suspect(
        operation.objects.flatMap(
          (name) =>
            draft.findTable(name) ??
            draft.findType(name) ??
            draft.find(name, (key) => draft.map('views').has(key) || draft.map('sequences').has(key)) ?? [
              draft.createdKey(name),
              ...routinesNamed(draft, { name, identityArguments: null }).map(([key]) => key),
            ],
        ),
      );
      return;
    case 'touchRows':
    case 'ignored':
      return;
    case 'setSearchPath': {
      const schemas = operation.schemas.filter((name) => name !== '' && name !== '$user' && name !== 'pg_catalog');
      draft.searchPath = schemas.length > 0 ? schemas : draft.searchPath;
      return;
    }
    case 'createEnum':
    case 'addEnumValue':
    case 'renameEnumValue':
    case 'dropType':
    case 'renameType':
    case 'setTypeNamespace':
    case 'createDomain':
    case 'alterDomain':
    case 'createComposite':
      applyToTypes(draft, operation);
      return;
    default:
      applyToKin(draft, operation);
      return;
  }
}
