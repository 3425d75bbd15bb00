/**
 * Indexes: on tables and materialized views, their names, their copies in partitions.
 */
import { indexDefinition, indexKeyText } from '../model/definition.ts';
import { keyOf, nameOfKey, type QualifiedName, truncateIdentifier } from '../model/name.ts';
import type { IndexDefinition, Operation } from '../model/operation.ts';
import type { Index, IndexKey, Table } from '../model/schema.ts';
import { childrenOf, namespaceOf, statedName } from './constraints.ts';
import type { SchemaDraft } from './draft.ts';
import { chooseName, indexColumnNames, joinedColumns } from './implied-names.ts';
import { conventionalName } from './naming-convention.ts';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

export function createIndex(draft: SchemaDraft, operation: Act<'createIndex'>): void {
  const key = draft.findTable(operation.table);
  if (key !== null) placeIndex(draft, operation, key, operation.index, operation.table, operation.ifNotExists ?? false);
  else {
    const view = draft.find(operation.table, (each) => draft.map('views').has(each));
    if (view !== null) placeViewIndex(draft, operation, view, operation.index, operation.ifNotExists ?? false);
    else if (!draft.isTemporary(operation.table))
      draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.table), objectKind: 'table' });
  }
}

/** Applies one stated index to a table that stands in the draft. */
export function placeIndex(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  definition: IndexDefinition,
  tableName: QualifiedName,
  guarded: boolean,
): void {
  const table = draft.tables.get(key);
  if (table === undefined) return;
  const index = indexOf(draft, operation, key, definition, tableName);
  const standing = table.indexes.get(index.name);
  if (standing !== undefined || draft.isRelation(table.namespace, index.name)) {
    if (!guarded)
      draft.note({
        kind: 'created-twice',
        operation,
        object: `${key}.${index.name}`,
        objectKind: 'index',
        first: standing?.origin ?? null,
        isNameImplied: definition.name === null,
      });
    return;
  }
  for (const each of index.keys)
    if (!each.isExpression && !table.columns.has(each.text))
      draft.note({ kind: 'target-missing', operation, object: `${key}.${each.text}`, objectKind: 'column' });
  draft.change(key, (each) => ({ ...each, indexes: new Map(each.indexes).set(index.name, index) }));
  inheritIndex(draft, key, index);
}

export function inheritIndex(
  draft: SchemaDraft,
  key: string,
  index: Index,
  children: readonly Table[] = childrenOf(draft, key),
): void {
  for (const child of children) {
    if (child.partitionBound === null) continue;
    const childKey = keyOf(child.namespace, child.name);
    const name = impliedIndexName(draft, childKey, index);
    const own = withIndexDefinition(childKey, { ...index, name, fromPartitionParent: true });
    draft.change(childKey, (each) => ({ ...each, indexes: new Map(each.indexes).set(name, own) }));
    inheritIndex(draft, childKey, own);
  }
}

function placeViewIndex(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  definition: IndexDefinition,
  guarded: boolean,
): void {
  const view = draft.map('views').get(key);
  if (view === undefined) return;
  const index = indexOf(draft, operation, key, definition, { schema: null, name: view.name });
  if (view.indexes.has(index.name)) {
    if (!guarded)
      draft.note({
        kind: 'created-twice',
        operation,
        object: `${key}.${index.name}`,
        objectKind: 'index',
        first: view.indexes.get(index.name)?.origin ?? null,
      });
    return;
  }
  draft.set('views', key, { ...view, indexes: new Map(view.indexes).set(index.name, index) });
}

function indexOf(
  draft: SchemaDraft,
  operation: Operation,
  key: string,
  definition: IndexDefinition,
  tableName: QualifiedName,
): Index {
  const keys = definition.keys.map(
    (each): IndexKey => ({
      text: each.text,
      isExpression: each.isExpression,
      descending: each.descending ?? false,
      nullsFirst: each.nullsFirst ?? each.descending ?? false,
      operatorClass: each.operatorClass ?? null,
      collation: each.collation ?? null,
    }),
  );
  const name =
    statedName(draft, operation, definition, () =>
      conventionalName(draft.options.namingConvention, {
        kind: 'ix',
        table: tableName.name,
        namespace: tableName.schema,
        // A `text()` among the keys is a column of that name to Alembic (operations/ops.py, `_textual_index_column`).
        columns: definition.keys.map((each) => each.text),
        unique: definition.unique,
        name: definition.name,
      }),
    ) ?? impliedIndexName(draft, key, { keys, include: definition.include ?? [] });
  const index: Index = {
    origin: operation.origin,
    name,
    unique: definition.unique,
    method: definition.method === '' ? 'btree' : definition.method.toLowerCase(),
    keys,
    keyTexts: keys.map(indexKeyText),
    include: definition.include ?? [],
    where: definition.where ?? null,
    valid: true,
    definition: '',
  };
  if (draft.isSuspected(operation, key)) index.certainty = 'suspected';
  if (definition.nullsNotDistinct) index.nullsNotDistinct = true;
  index.definition = indexDefinition(key, index);
  return index;
}

export function withIndexDefinition(key: string, index: Index): Index {
  return { ...index, keyTexts: index.keys.map(indexKeyText), definition: indexDefinition(key, index) };
}

function impliedIndexName(draft: SchemaDraft, key: string, index: Pick<Index, 'keys' | 'include'>): string {
  const namespace = namespaceOf(key);
  const names = indexColumnNames([...index.keys, ...index.include.map((text) => ({ text, isExpression: false }))]);
  return chooseName(nameOfKey(key).name, joinedColumns(names), 'idx', (name) => draft.isRelation(namespace, name));
}

/** Where an index stands; a constraint's own index is not one of these. */
function findIndex(
  draft: SchemaDraft,
  name: QualifiedName,
  tableName?: QualifiedName | null,
): { map: 'tables' | 'views'; key: string } | null {
  const table = tableName ? draft.findTable(tableName) : null;
  if (table !== null && draft.tables.get(table)?.indexes.has(name.name)) return { map: 'tables', key: table };
  for (const namespace of name.schema === null ? draft.searchPath : [name.schema]) {
    for (const [key, each] of draft.tables)
      if (each.namespace === namespace && each.indexes.has(name.name)) return { map: 'tables', key };
    for (const [key, each] of draft.map('views'))
      if (each.namespace === namespace && each.indexes.has(name.name)) return { map: 'views', key };
  }
  return null;
}

export function dropIndex(draft: SchemaDraft, operation: Act<'dropIndex'>): void {
  const name = { schema: operation.index.schema, name: cutName(operation, operation.index.name) };
  const found = findIndex(draft, name, operation.table);
  if (found === null) {
    const onTemporary = operation.table ? draft.isTemporary(operation.table) : false;
    if (!operation.ifExists && !onTemporary)
      draft.note({
        kind: 'target-missing',
        operation,
        object: operation.table
          ? `${draft.findTable(operation.table) ?? draft.createdKey(operation.table)}.${name.name}`
          : draft.createdKey(name),
        objectKind: 'index',
      });
    return;
  }
  replaceIndexes(draft, found, (indexes) => indexes.delete(name.name));
  if (found.map === 'tables')
    for (const child of childrenOf(draft, found.key))
      for (const own of child.indexes.values())
        if (own.fromPartitionParent && own.name.startsWith(child.name.slice(0, 8)))
          dropCopy(draft, keyOf(child.namespace, child.name), own.name, found.key);
}

/** A partition's copy goes when no index of the parent has its keys any more. */
function dropCopy(draft: SchemaDraft, key: string, name: string, parent: string): void {
  const copy = draft.tables.get(key)?.indexes.get(name);
  const stands = [...(draft.tables.get(parent)?.indexes.values() ?? [])].some(
    (index) =>
      index.keyTexts.join() === copy?.keyTexts.join() && index.where === copy?.where && index.unique === copy?.unique,
  );
  if (!stands) replaceIndexes(draft, { map: 'tables', key }, (indexes) => indexes.delete(name));
}

function replaceIndexes(
  draft: SchemaDraft,
  place: { map: 'tables' | 'views'; key: string },
  change: (indexes: Map<string, Index>) => void,
): void {
  const changed = (indexes: ReadonlyMap<string, Index>) => {
    const copy = new Map(indexes);
    change(copy);
    return copy;
  };
  if (place.map === 'tables') draft.change(place.key, (table) => ({ ...table, indexes: changed(table.indexes) }));
  else {
    const view = draft.map('views').get(place.key);
    if (view !== undefined) draft.set('views', place.key, { ...view, indexes: changed(view.indexes) });
  }
}

function cutName(operation: Operation, name: string): string {
  return operation.sql === undefined && name.length > 63 ? name : truncateIdentifier(name);
}

/** Also of a key's own index, which renames the constraint. */
export function renameIndex(draft: SchemaDraft, operation: Act<'renameIndex'>): void {
  const name = { schema: operation.index.schema, name: truncateIdentifier(operation.index.name) };
  const to = truncateIdentifier(operation.to);
  const found = findIndex(draft, name);
  if (found !== null) {
    replaceIndexes(draft, found, (indexes) => {
      const index = indexes.get(name.name) as Index;
      indexes.delete(name.name);
      indexes.set(to, withIndexDefinition(found.key, { ...index, name: to }));
    });
    return;
  }
  for (const namespace of name.schema === null ? draft.searchPath : [name.schema])
    for (const [key, table] of draft.tables) {
      const constraint = table.namespace === namespace ? table.constraints.get(name.name) : undefined;
      if (constraint === undefined || constraint.type === 'f' || constraint.type === 'c') continue;
      draft.change(key, (each) => ({
        ...each,
        constraints: new Map(
          [...each.constraints].map(([own, value]) =>
            own === name.name ? [to, { ...value, name: to }] : [own, value],
          ),
        ),
      }));
      return;
    }
  if (!operation.ifExists)
    draft.note({ kind: 'target-missing', operation, object: draft.createdKey(name), objectKind: 'index' });
}
