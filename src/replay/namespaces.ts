/** PostgreSQL schemas: dropped with all that stands in them, renamed with all that names them. */
import { keyOf, quoteIdentifier } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import { withDefinition } from './constraints.ts';
import type { SchemaDraft } from './draft.ts';
import { withIndexDefinition } from './indexes.ts';
import { moveSequence } from './kin.ts';
import { removeTable, setTableNamespace } from './tables.ts';
import { applyToTypes } from './types.ts';
import { moveViewsOver } from './views.ts';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

export function dropNamespace(draft: SchemaDraft, name: string): void {
  for (const [key, table] of [...draft.tables]) if (table.namespace === name) removeTable(draft, key, true);
  for (const map of ['views', 'enums', 'domains', 'composites', 'sequences', 'routines'] as const)
    for (const [key, value] of [...draft.map(map)]) if (value.namespace === name) draft.delete(map, key);
  draft.deleteNamespace(name);
}

export function renameNamespace(draft: SchemaDraft, operation: Act<'renameNamespace'>): void {
  const { name: from, to } = operation;
  draft.addNamespace(to);
  for (const { namespace, name } of [...draft.tables.values()])
    if (namespace === from)
      setTableNamespace(draft, { ...operation, kind: 'setTableNamespace', table: { schema: from, name }, to });
  for (const map of ['enums', 'domains', 'composites'] as const)
    for (const { namespace, name } of [...draft.map(map).values()])
      if (namespace === from)
        applyToTypes(draft, { ...operation, kind: 'setTypeNamespace', name: { schema: from, name }, to });
  for (const [key, { namespace, name }] of [...draft.map('sequences')])
    if (namespace === from) moveSequence(draft, key, { namespace: to, name });
  for (const [key, view] of [...draft.map('views')]) {
    if (view.namespace !== from) continue;
    const moved = keyOf(to, view.name);
    draft.delete('views', key);
    draft.set('views', moved, { ...view, namespace: to });
    moveViewsOver(draft, key, moved);
  }
  for (const [key, routine] of [...draft.map('routines')]) {
    if (routine.namespace !== from) continue;
    draft.delete('routines', key);
    // What its text names by the old schema is not found any more, or is another's.
    draft.set('routines', keyOf(to, '') + key.slice(keyOf(from, '').length), {
      ...routine,
      namespace: to,
      certainty: 'suspected',
    });
  }
  followInTexts(draft, from, to);
  draft.deleteNamespace(from);
}

/** Texts name what they call, and the types they cast to, by the schema. */
function followInTexts(draft: SchemaDraft, from: string, to: string): void {
  const before = quoteIdentifier(from).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const qualified = new RegExp(`(?<![\\w."])${before}\\.(?=[\\w"])`, 'g');
  const follow = (text: string) => text.replace(qualified, `${quoteIdentifier(to)}.`);
  const followIn = <T>(map: ReadonlyMap<string, T>, change: (value: T) => T): Map<string, T> =>
    new Map([...map].map(([name, value]) => [name, change(value)]));
  const orNull = (text: string | null) => (text === null ? null : follow(text));
  for (const key of [...draft.tables.keys()])
    draft.change(key, (table) => ({
      ...table,
      columns: followIn(table.columns, (column) => ({
        ...column,
        default: orNull(column.default),
        generated: column.generated && { ...column.generated, expression: follow(column.generated.expression) },
      })),
      constraints: followIn(table.constraints, (constraint) =>
        constraint.expression === null && constraint.type !== 'x'
          ? constraint
          : withDefinition({
              ...constraint,
              expression: orNull(constraint.expression),
              definition: follow(constraint.definition),
            }),
      ),
      indexes: followIn(table.indexes, (index) =>
        withIndexDefinition(key, {
          ...index,
          where: orNull(index.where),
          keys: index.keys.map((each) => (each.isExpression ? { ...each, text: follow(each.text) } : each)),
        }),
      ),
      triggers: followIn(table.triggers, (trigger) => ({ ...trigger, definition: follow(trigger.definition) })),
      policies: followIn(table.policies, (policy) => ({
        ...policy,
        using: orNull(policy.using),
        check: orNull(policy.check),
      })),
    }));
}
