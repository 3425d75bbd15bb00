/**
 * Operations without revisions → Schema: what models declare, and what a plan would leave.
 */
import type { Operation } from '../model/operation.ts';
import { emptySchema, type Schema } from '../model/schema.ts';
import { type ApplyContext, applyToDraft, openDraft } from './apply.ts';

/** The schema that the operations make, from nothing or on top of `onto`. */
export function schemaOfOperations(operations: Iterable<Operation>, context: ApplyContext & { onto?: Schema }): Schema {
  const draft = openDraft(context.onto ?? emptySchema(['public', ...(context.searchPath ?? [])]), context);
  for (const operation of operations) applyToDraft(draft, operation);
  return draft.schema;
}
