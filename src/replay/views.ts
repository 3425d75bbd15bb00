/**
 * Views, and what becomes of them when what they read changes. PostgreSQL keeps the columns that a query meant when the view was
 * made, under whatever names they come to have; the stated text knows nothing of that.
 */
import { columnsIn, namesIn } from '../model/expression.ts';
import { keyOf, nameOfKey } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { View } from '../model/schema.ts';
import { withoutStars } from '../sql/index.ts';
import type { SchemaDraft } from './draft.ts';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

export function createView(draft: SchemaDraft, operation: Act<'createView'>): void {
  const key = draft.createdKey(operation.name);
  const standing = draft.map('views').get(key);
  if (standing !== undefined && !operation.orReplace) {
    if (!operation.ifNotExists)
      draft.note({ kind: 'created-twice', operation, object: key, objectKind: 'view', first: standing.origin ?? null });
    return;
  }
  const namespace = nameOfKey(key).schema ?? 'public';
  draft.addNamespace(namespace);
  const reads = operation.reads.map(
    (name) =>
      draft.find(name, (each) => draft.tables.has(each) || draft.map('views').has(each)) ?? draft.createdKey(name),
  );
  const view: View = {
    ...draft.stated(operation, key),
    namespace,
    name: operation.name.name,
    kind: operation.materialized ? 'materialized view' : 'view',
    columns: operation.columns ?? [],
    ...(operation.columns ? { columnNames: operation.columns } : {}),
    definition: operation.query,
    indexes: standing?.indexes ?? new Map(),
    reads,
  };
  draft.set('views', key, view);
}

export function removeView(draft: SchemaDraft, key: string, cascade: boolean): void {
  draft.delete('views', key);
  if (cascade) removeViewsOver(draft, key);
}

export function renameView(draft: SchemaDraft, key: string, to: string): void {
  const view = draft.map('views').get(key);
  if (view === undefined) return;
  const renamed = keyOf(view.namespace, to);
  draft.delete('views', key);
  draft.set('views', renamed, { ...view, name: to });
  moveViewsOver(draft, key, renamed);
}

function* viewsOver(draft: SchemaDraft, key: string): Iterable<[key: string, view: View]> {
  for (const entry of [...draft.map('views')]) if (entry[1].reads?.includes(key)) yield entry;
}

/** Those that read what is dropped with CASCADE. */
export function removeViewsOver(draft: SchemaDraft, key: string): void {
  for (const [viewKey] of viewsOver(draft, key)) removeView(draft, viewKey, true);
}

/** What they read has another name: their text no longer says what stands. */
export function moveViewsOver(draft: SchemaDraft, from: string, to: string): void {
  for (const [viewKey, view] of viewsOver(draft, from))
    draft.set('views', viewKey, {
      ...view,
      reads: (view.reads ?? []).map((each) => (each === from ? to : each)),
      textCertainty: 'suspected',
    });
}

/** A column is about to come, to go or to be renamed: what `*` stood for so far stays. */
export function settleStarsOver(draft: SchemaDraft, key: string): void {
  for (const [viewKey, view] of viewsOver(draft, key)) {
    if (!view.definition.includes('*')) continue;
    const settled = withoutStars(view.definition, (name) =>
      draft.findTable(name) === key ? [...(draft.tables.get(key)?.columns.keys() ?? [])] : null,
    );
    if (settled === null) draft.set('views', viewKey, { ...view, certainty: 'suspected' });
    else if (settled !== view.definition) draft.set('views', viewKey, { ...view, definition: settled });
  }
}

/** A column has another name. */
export function doubtViewsOver(draft: SchemaDraft, key: string, column: string): void {
  for (const [viewKey, view] of viewsOver(draft, key))
    if (namesIn(view.definition).some((token) => token.name === column))
      draft.set('views', viewKey, { ...view, textCertainty: 'suspected' });
}

/** A column is dropped with CASCADE: views that read it go with it, and which do cannot be told where they read other tables too. */
export function removeViewsOfColumn(draft: SchemaDraft, key: string, column: string): void {
  for (const [viewKey, view] of viewsOver(draft, key)) {
    if (columnsIn(view.definition, [column]).length === 0) continue;
    if (view.reads?.length === 1) removeView(draft, viewKey, true);
    else draft.set('views', viewKey, { ...view, certainty: 'suspected' });
  }
}
