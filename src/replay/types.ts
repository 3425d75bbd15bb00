/**
 * Enums, domains and composites, and the columns and texts that follow their names.
 */
import { displayOfKey, typeKeyOf } from '../model/definition.ts';
import { columnsIn, renameLabelIn, renameTypeIn } from '../model/expression.ts';
import { keyOf, nameOfKey } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { Column, EnumType, Table } from '../model/schema.ts';
import { removeColumn } from './columns.ts';
import { withDefinition } from './constraints.ts';
import type { SchemaDraft } from './draft.ts';
import { withIndexDefinition } from './indexes.ts';

type TypeKind =
  | 'createEnum'
  | 'addEnumValue'
  | 'renameEnumValue'
  | 'dropType'
  | 'renameType'
  | 'setTypeNamespace'
  | 'createDomain'
  | 'alterDomain'
  | 'createComposite';

type TypeOperation = Extract<Operation, { kind: TypeKind }>;

export function applyToTypes(draft: SchemaDraft, operation: TypeOperation): void {
  switch (operation.kind) {
    case 'createEnum':
    case 'createDomain':
    case 'createComposite':
      createType(draft, operation);
      return;
    case 'alterDomain':
      alterDomain(draft, operation);
      return;
    case 'addEnumValue':
      changeLabels(draft, operation, (type) => {
        if (type.labels.includes(operation.label)) {
          if (!operation.ifNotExists)
            noteTwice(draft, operation, `${keyOf(type.namespace, type.name)}.${operation.label}`, type);
          return type.labels;
        }
        const at =
          operation.before !== undefined
            ? type.labels.indexOf(operation.before)
            : operation.after !== undefined
              ? type.labels.indexOf(operation.after) + 1
              : type.labels.length;
        return at < 0 ? [...type.labels, operation.label] : type.labels.toSpliced(at, 0, operation.label);
      });
      return;
    case 'renameEnumValue':
      changeLabels(draft, operation, (type) => {
        followLabel(draft, type, operation);
        return type.labels.map((label) => (label === operation.label ? operation.to : label));
      });
      return;
    case 'dropType':
      dropType(draft, operation);
      return;
    case 'renameType':
    case 'setTypeNamespace':
      moveType(draft, operation);
      return;
  }
}

function noteTwice(
  draft: SchemaDraft,
  operation: TypeOperation,
  object: string,
  standing: Pick<EnumType, 'origin' | 'isImplicit'>,
): void {
  draft.note({
    kind: 'created-twice',
    operation,
    object,
    objectKind: operation.kind === 'createEnum' ? 'enum' : 'type',
    first: standing.origin ?? null,
    ...(operation.kind === 'createEnum' && operation.implicit && standing.isImplicit ? { isRemembered: true } : {}),
  });
}

function createType(
  draft: SchemaDraft,
  operation: Extract<TypeOperation, { kind: 'createEnum' | 'createDomain' | 'createComposite' }>,
): void {
  const key = draft.createdKey(operation.name);
  const standing = draft.map('enums').get(key) ?? draft.map('domains').get(key) ?? draft.map('composites').get(key);
  if (standing !== undefined) {
    const asksFirst = operation.ifNotExists || (operation.kind === 'createEnum' && operation.checkFirst);
    if (!asksFirst) noteTwice(draft, operation, key, standing);
    return;
  }
  // SQLAlchemy's question whether a type is there sees the whole search_path.
  if (operation.kind === 'createEnum' && operation.checkFirst && draft.findType(operation.name) !== null) return;
  const namespace = nameOfKey(key).schema ?? 'public';
  draft.addNamespace(namespace);
  if (!operation.ifNotExists && !(operation.kind === 'createEnum' && operation.checkFirst))
    draft.clearSuspicion(operation, key);
  const base = { ...draft.stated(operation, key), namespace, name: operation.name.name };
  if (operation.kind === 'createEnum')
    draft.set('enums', key, {
      ...base,
      labels: [...operation.labels],
      ...(operation.implicit ? { isImplicit: true } : {}),
    });
  else if (operation.kind === 'createComposite')
    draft.set('composites', key, { ...base, attributes: operation.attributes });
  else
    draft.set('domains', key, {
      ...base,
      base: operation.base,
      notNull: operation.notNull,
      default: operation.default,
      checks: operation.checks,
    });
}

function alterDomain(draft: SchemaDraft, operation: Extract<TypeOperation, { kind: 'alterDomain' }>): void {
  const key = draft.find(operation.name, (each) => draft.map('domains').has(each));
  const domain = key === null ? undefined : draft.map('domains').get(key);
  if (key === null || domain === undefined) {
    draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.name), objectKind: 'type' });
    return;
  }
  draft.set('domains', key, {
    ...domain,
    ...draft.stated(operation, key),
    ...(operation.default === undefined ? {} : { default: operation.default }),
    ...(operation.notNull === undefined ? {} : { notNull: operation.notNull }),
    ...(operation.check === undefined ? {} : { checks: [...domain.checks, operation.check] }),
  });
}

function changeLabels(
  draft: SchemaDraft,
  operation: Extract<TypeOperation, { kind: 'addEnumValue' | 'renameEnumValue' }>,
  change: (type: EnumType) => string[],
): void {
  const key = draft.find(operation.name, (each) => draft.map('enums').has(each));
  const type = key === null ? undefined : draft.map('enums').get(key);
  if (key === null || type === undefined) {
    draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.name), objectKind: 'enum' });
    return;
  }
  const stated = draft.stated(operation, key);
  draft.set('enums', key, {
    ...type,
    ...(stated.certainty ? { certainty: stated.certainty } : {}),
    labels: change(type),
  });
}

function dropType(draft: SchemaDraft, operation: Extract<TypeOperation, { kind: 'dropType' }>): void {
  const key = draft.findType(operation.name);
  if (key === null) {
    if (!operation.ifExists && !operation.checkFirst)
      draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.name), objectKind: 'type' });
    return;
  }
  if (!operation.ifExists && !operation.checkFirst) draft.clearSuspicion(operation, key);
  for (const map of ['enums', 'domains', 'composites'] as const) draft.delete(map, key);
  if (!operation.cascade) return;
  for (const [tableKey, table] of [...draft.tables])
    for (const column of table.columns.values())
      if (typeKeyOf(column.type) === key) removeColumn(draft, tableKey, column.name, true);
}

function moveType(
  draft: SchemaDraft,
  operation: Extract<TypeOperation, { kind: 'renameType' | 'setTypeNamespace' }>,
): void {
  const key = draft.findType(operation.name);
  if (key === null) {
    draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.name), objectKind: 'type' });
    return;
  }
  const enumType = draft.map('enums').get(key);
  const domain = draft.map('domains').get(key);
  const composite = draft.map('composites').get(key);
  const standing = enumType ?? domain ?? composite;
  if (standing === undefined) return;
  const place =
    operation.kind === 'renameType'
      ? { namespace: standing.namespace, name: operation.to }
      : { namespace: operation.to, name: standing.name };
  const to = keyOf(place.namespace, place.name);
  if (to === key) return;
  if (draft.map('enums').has(to) || draft.map('domains').has(to) || draft.map('composites').has(to)) {
    noteTwice(draft, operation, to, standing);
    return;
  }
  draft.addNamespace(place.namespace);
  for (const map of ['enums', 'domains', 'composites'] as const) draft.delete(map, key);
  if (enumType) draft.set('enums', to, { ...enumType, ...place });
  if (domain) draft.set('domains', to, { ...domain, ...place });
  if (composite) draft.set('composites', to, { ...composite, ...place });
  followType(draft, key, standing.name, to);
}

/** Columns of the type, and the casts to it in texts, bear its new name. */
function followType(draft: SchemaDraft, from: string, name: string, to: string): void {
  const display = displayOfKey(to);
  rewriteUses(
    draft,
    from,
    (column) => display + (/(\[\])*$/.exec(column.type)?.[0] ?? ''),
    (text) => (text.includes('::') ? renameTypeIn(text, name, display) : text),
  );
}

/** PostgreSQL keeps an enum's value by its number: what names it says the new word from then on. */
function followLabel(draft: SchemaDraft, type: EnumType, { label, to }: { label: string; to: string }): void {
  const key = keyOf(type.namespace, type.name);
  const rename = { from: label, to, type: type.name };
  rewriteUses(
    draft,
    key,
    ({ type: spelled }) => spelled,
    (text, table) => {
      // Beside columns of other types a word may be theirs.
      const isBareMeant = columnsIn(text, table.columns.keys()).every(
        (column) => typeKeyOf(table.columns.get(column)?.type ?? '') === key,
      );
      return text.includes("'") ? renameLabelIn(text, rename, isBareMeant) : text;
    },
  );
}

/** Columns of a type, and the texts of their tables, said anew. */
function rewriteUses(
  draft: SchemaDraft,
  typeKey: string,
  typeOf: (column: Column) => string,
  textOf: (text: string, table: Table) => string,
): void {
  for (const [tableKey, table] of draft.tables) {
    const uses = [...table.columns.values()].some((column) => typeKeyOf(column.type) === typeKey);
    if (!uses) continue;
    const inText = (text: string) => textOf(text, table);
    draft.set('tables', tableKey, {
      ...table,
      columns: new Map(
        [...table.columns].map(([each, column]) => [
          each,
          typeKeyOf(column.type) === typeKey
            ? { ...column, type: typeOf(column), default: column.default === null ? null : inText(column.default) }
            : column,
        ]),
      ),
      constraints: new Map(
        [...table.constraints].map(([each, constraint]) => [
          each,
          constraint.expression
            ? withDefinition({ ...constraint, expression: inText(constraint.expression) })
            : constraint,
        ]),
      ),
      indexes: new Map(
        [...table.indexes].map(([each, index]) => [
          each,
          index.where !== null || index.keys.some((part) => part.isExpression)
            ? withIndexDefinition(tableKey, {
                ...index,
                where: index.where === null ? null : inText(index.where),
                keys: index.keys.map((part) => (part.isExpression ? { ...part, text: inText(part.text) } : part)),
              })
            : index,
        ]),
      ),
    });
  }
}
