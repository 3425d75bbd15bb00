/**
 * What is neither table nor type nor view: sequences, routines, triggers, policies, extensions, namespaces.
 * Longer than most files here: one kind after the other, each made, altered, renamed and dropped by the same pattern.
 */
import { nextvalDefault } from '../model/definition.ts';
import { compareText, keyOf, nameOfKey, type QualifiedName, quoteIdentifier } from '../model/name.ts';
import type { Operation, SequenceOptions } from '../model/operation.ts';
import type { Policy, Routine, Sequence, Trigger } from '../model/schema.ts';
import { targetTable } from './constraints.ts';
import type { SchemaDraft } from './draft.ts';
import { dropNamespace, renameNamespace } from './namespaces.ts';
import { createView, removeView, renameView } from './views.ts';

type KinKind =
  | 'createSequence'
  | 'alterSequence'
  | 'dropSequence'
  | 'createView'
  | 'dropView'
  | 'renameView'
  | 'createRoutine'
  | 'alterRoutine'
  | 'dropRoutine'
  | 'createTrigger'
  | 'dropTrigger'
  | 'renameTrigger'
  | 'enableTrigger'
  | 'createPolicy'
  | 'alterPolicy'
  | 'dropPolicy'
  | 'createExtension'
  | 'dropExtension'
  | 'createNamespace'
  | 'dropNamespace'
  | 'renameNamespace';

type Act<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

export function applyToKin(draft: SchemaDraft, operation: Act<KinKind>): void {
  switch (operation.kind) {
    case 'createSequence':
      createSequence(draft, operation);
      return;
    case 'alterSequence':
      alterSequence(draft, operation);
      return;
    case 'dropSequence': {
      const key = draft.find(operation.name, (each) => draft.map('sequences').has(each));
      if (key !== null) removeSequence(draft, key, operation.cascade ?? false);
      return;
    }
    case 'createView':
      createView(draft, operation);
      return;
    case 'dropView': {
      const key = draft.find(operation.name, (each) => draft.map('views').has(each));
      if (key !== null) removeView(draft, key, operation.cascade ?? false);
      else if (!operation.ifExists)
        draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.name), objectKind: 'view' });
      return;
    }
    case 'renameView': {
      const key = draft.find(operation.name, (each) => draft.map('views').has(each));
      if (key !== null) renameView(draft, key, operation.to);
      else
        draft.note({ kind: 'target-missing', operation, object: draft.createdKey(operation.name), objectKind: 'view' });
      return;
    }
    case 'createRoutine':
      createRoutine(draft, operation);
      return;
    case 'alterRoutine':
      alterRoutine(draft, operation);
      return;
    case 'dropRoutine':
      dropRoutine(draft, operation);
      return;
    case 'createTrigger': {
      const key = targetOf(draft, operation, operation.table);
      if (key === null) return;
      const trigger = { ...draft.stated(operation, key), name: operation.name, definition: operation.definition };
      draft.change(key, (table) => ({ ...table, triggers: new Map(table.triggers).set(trigger.name, trigger) }));
      return;
    }
    case 'dropTrigger': {
      const key = targetOf(draft, operation, operation.table, operation.ifExists);
      if (key !== null) draft.change(key, (table) => ({ ...table, triggers: without(table.triggers, operation.name) }));
      return;
    }
    case 'renameTrigger': {
      const key = targetOf(draft, operation, operation.table);
      if (key !== null) renameTrigger(draft, key, operation);
      return;
    }
    case 'enableTrigger': {
      const key = targetOf(draft, operation, operation.table);
      if (key !== null) enableTrigger(draft, key, operation);
      return;
    }
    case 'createPolicy': {
      const key = targetTable(draft, operation, operation.table);
      if (key === null) return;
      const { name, command, using, check } = operation;
      const policy = { ...draft.stated(operation, key), name, command, using, check, ...appliesTo(operation) };
      draft.change(key, (table) => ({ ...table, policies: new Map(table.policies).set(name, policy) }));
      return;
    }
    case 'alterPolicy': {
      const key = targetTable(draft, operation, operation.table);
      const standing = key === null ? undefined : draft.tables.get(key)?.policies.get(operation.name);
      if (key === null || standing === undefined) return;
      const { using = standing.using, check = standing.check, to: name = standing.name } = operation;
      const policy = { ...standing, ...draft.stated(operation, key), name, using, check };
      draft.change(key, (table) => ({
        ...table,
        policies: new Map(without(table.policies, standing.name)).set(name, policy),
      }));
      return;
    }
    case 'dropPolicy': {
      const key = targetTable(draft, operation, operation.table, operation.ifExists);
      if (key !== null) draft.change(key, (table) => ({ ...table, policies: without(table.policies, operation.name) }));
      return;
    }
    case 'createExtension':
      if (!draft.map('extensions').has(operation.name))
        draft.set('extensions', operation.name, {
          ...draft.stated(operation, operation.name),
          name: operation.name,
          namespace: operation.schema ?? (operation.name === 'plpgsql' ? 'pg_catalog' : draft.creationNamespace()),
        });
      return;
    case 'dropExtension':
      draft.delete('extensions', operation.name);
      return;
    case 'createNamespace':
      draft.addNamespace(operation.name);
      return;
    case 'dropNamespace':
      dropNamespace(draft, operation.name);
      return;
    case 'renameNamespace':
      renameNamespace(draft, operation);
      return;
  }
}

/** `AS RESTRICTIVE` and `TO role, …`, from the statement where the reader did not say. */
function appliesTo(operation: Act<'createPolicy'>): Pick<Policy, 'permissive' | 'roles' | 'certainty'> {
  const head =
    /\son\s.+?(?:\sas\s+(permissive|restrictive))?(?:\s+for\s+\w+)?(?:\s+to\s+(.+?))?(?:\s+using\b|\s+with\s+check\b|\s*;?\s*$)/is.exec(
      operation.sql ?? '',
    );
  const permissive = operation.permissive ?? head?.[1]?.toLowerCase() !== 'restrictive';
  const roles = operation.roles ?? head?.[2]?.split(',').map((role) => role.trim()) ?? [];
  const named = roles.map((role) => (role.startsWith('"') ? role : role.toLowerCase()));
  // Who `current_user` was is known to the database alone.
  if (named.some((role) => /^(current_user|current_role|session_user)$/.test(role))) return { certainty: 'suspected' };
  return {
    ...(permissive ? {} : { permissive }),
    ...(named.length === 0 || named.includes('public') ? {} : { roles: named.sort(compareText) }),
  };
}

/** Triggers may stand on views too, which the model does not hold. */
function targetOf(draft: SchemaDraft, operation: Operation, name: QualifiedName, quietly = false): string | null {
  if (draft.find(name, (each) => draft.map('views').has(each)) !== null) return null;
  return targetTable(draft, operation, name, quietly);
}

function without<V>(map: ReadonlyMap<string, V>, name: string): ReadonlyMap<string, V> {
  const copy = new Map(map);
  copy.delete(name);
  return copy;
}

function createSequence(draft: SchemaDraft, operation: Act<'createSequence'>): void {
  const key = draft.createdKey(operation.name);
  const standing = draft.map('sequences').get(key);
  if (standing !== undefined) {
    if (!operation.ifNotExists)
      draft.note({
        kind: 'created-twice',
        operation,
        object: key,
        objectKind: 'sequence',
        first: standing.origin ?? null,
      });
    return;
  }
  const namespace = nameOfKey(key).schema ?? 'public';
  draft.addNamespace(namespace);
  draft.setSequence({
    ...draft.stated(operation, key),
    namespace,
    name: operation.name.name,
    ownedBy: null,
    ...optionsOf(operation),
  });
  if (operation.ownedBy) own(draft, key, operation.ownedBy);
}

function optionsOf({ type, start, increment, minValue, maxValue, cycle }: SequenceOptions): SequenceOptions {
  return {
    ...(type === undefined ? {} : { type }),
    ...(start === undefined ? {} : { start }),
    ...(increment === undefined ? {} : { increment }),
    ...(minValue === undefined ? {} : { minValue }),
    ...(maxValue === undefined ? {} : { maxValue }),
    ...(cycle === undefined ? {} : { cycle }),
  };
}

/** OWNED BY: the sequence then goes with the column. */
function own(draft: SchemaDraft, key: string, owner: { table: QualifiedName; column: string } | null): void {
  const sequence = draft.map('sequences').get(key);
  if (sequence === undefined) return;
  disown(draft, sequence);
  const table = owner === null ? null : draft.findTable(owner.table);
  const ownedBy = table === null || owner === null ? null : `${table}.${owner.column}`;
  draft.setSequence({ ...sequence, ownedBy });
  if (table !== null && owner !== null) setOwned(draft, table, owner.column, key);
}

function setOwned(draft: SchemaDraft, table: string, name: string, sequence: string | null): void {
  const column = draft.tables.get(table)?.columns.get(name);
  if (column !== undefined)
    draft.change(table, (each) => ({
      ...each,
      columns: new Map(each.columns).set(name, { ...column, ownedSequence: sequence }),
    }));
}

function disown(draft: SchemaDraft, sequence: Sequence): void {
  if (sequence.ownedBy === null) return;
  const dot = sequence.ownedBy.lastIndexOf('.');
  setOwned(draft, sequence.ownedBy.slice(0, dot), sequence.ownedBy.slice(dot + 1), null);
}

function alterSequence(draft: SchemaDraft, operation: Act<'alterSequence'>): void {
  const key = draft.find(operation.name, (each) => draft.map('sequences').has(each));
  if (key === null) return;
  if (operation.ownedBy !== undefined) own(draft, key, operation.ownedBy);
  const sequence = draft.map('sequences').get(key);
  if (sequence !== undefined) draft.setSequence({ ...sequence, ...optionsOf(operation) });
  if (operation.to !== undefined) renameSequence(draft, key, operation.to);
}

/** Defaults that draw from the sequence follow its name. */
export function renameSequence(draft: SchemaDraft, key: string, to: string): void {
  const sequence = draft.map('sequences').get(key);
  if (sequence !== undefined) moveSequence(draft, key, { namespace: sequence.namespace, name: to });
}

export function moveSequence(draft: SchemaDraft, key: string, place: { namespace: string; name: string }): void {
  const sequence = draft.map('sequences').get(key);
  if (sequence === undefined) return;
  const renamed = keyOf(place.namespace, place.name);
  draft.delete('sequences', key);
  draft.setSequence({ ...sequence, ...place });
  changeDefaults(draft, key, nextvalDefault(renamed), renamed);
}

function changeDefaults(draft: SchemaDraft, sequence: string, text: string | null, owned: string | null): void {
  const before = nextvalDefault(sequence);
  for (const [tableKey, table] of draft.tables) {
    if (![...table.columns.values()].some((column) => column.default === before || column.ownedSequence === sequence))
      continue;
    draft.set('tables', tableKey, {
      ...table,
      columns: new Map(
        [...table.columns].map(([name, column]) => [
          name,
          {
            ...column,
            default: column.default === before ? text : column.default,
            ownedSequence: column.ownedSequence === sequence ? owned : column.ownedSequence,
          },
        ]),
      ),
    });
  }
}

function removeSequence(draft: SchemaDraft, key: string, cascade: boolean): void {
  draft.delete('sequences', key);
  if (cascade) changeDefaults(draft, key, null, null);
}

function createRoutine(draft: SchemaDraft, operation: Act<'createRoutine'>): void {
  const key = `${draft.createdKey(operation.name)}(${operation.identityArguments})`;
  const namespace = operation.name.schema ?? draft.creationNamespace();
  draft.addNamespace(namespace);
  draft.set('routines', key, {
    ...draft.stated(operation, key),
    namespace,
    name: operation.name.name,
    identityArguments: operation.identityArguments,
    arguments: operation.arguments,
    result: operation.result,
    kind: operation.routine,
    volatility: operation.volatility,
    definition: operation.definition,
  });
}

function alterRoutine(draft: SchemaDraft, operation: Act<'alterRoutine'>): void {
  const [found, another] = routinesNamed(draft, operation);
  if (found === undefined || another !== undefined) return;
  const [key, routine] = found;
  const { definition } = routine;
  const name = operation.to ?? routine.name;
  if (operation.to !== undefined) {
    draft.delete('routines', key);
    callRoutineBy(draft, routine.name, name);
  }
  const newKey = `${keyOf(routine.namespace, name)}(${routine.identityArguments})`;
  draft.set('routines', newKey, {
    ...routine,
    ...draft.stated(operation, newKey),
    name,
    ...(operation.volatility === undefined ? {} : { volatility: operation.volatility }),
    definition: definition === null ? null : `${definition.replace(/;\s*$/, '')};\n${operation.statement}`,
  });
}

export function routinesNamed(
  draft: SchemaDraft,
  { name, identityArguments }: Pick<Act<'dropRoutine'>, 'name' | 'identityArguments'>,
): [string, Routine][] {
  const wanted = identityArguments === null ? null : argumentTypes(identityArguments);
  const namespaces = name.schema === null ? draft.searchPath : [name.schema];
  return [...draft.map('routines')].filter(
    ([, routine]) =>
      routine.name === name.name &&
      namespaces.includes(routine.namespace) &&
      (wanted === null || wanted === argumentTypes(routine.identityArguments)),
  );
}

function enableTrigger(draft: SchemaDraft, key: string, { trigger, fires }: Act<'enableTrigger'>): void {
  draft.change(key, (table) => ({
    ...table,
    triggers: new Map(
      [...table.triggers].map(([name, each]): [string, Trigger] => {
        const { enabled: _, ...rest } = each;
        return [name, trigger !== null && trigger !== name ? each : fires ? rest : { ...rest, enabled: false }];
      }),
    ),
  }));
}

function dropRoutine(draft: SchemaDraft, operation: Act<'dropRoutine'>): void {
  for (const [key, routine] of routinesNamed(draft, operation)) {
    draft.delete('routines', key);
    if (operation.cascade) removeTriggersOf(draft, routine.name);
  }
}

/** Argument types without the arguments' names and modes, as far as the text tells: what a DROP may leave out. */
function argumentTypes(text: string): string {
  return text
    .split(',')
    .map((each) => each.trim().replace(/^(in|out|inout|variadic)\s+/i, ''))
    .map((each) => each.replace(/^\w+\s+(?=\w)(?!precision\b|varying\b|with\b|without\b|zone\b)/i, ''))
    .join(',')
    .toLowerCase();
}

/** What stands before the routine's name in the definition of a trigger that calls it, and what after. */
function callsOf(routine: string): RegExp {
  const name = routine.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(EXECUTE\\s+(?:FUNCTION|PROCEDURE)\\s+(?:[\\w"]+\\.)?)"?${name}"?(\\s*\\()`, 'i');
}

/** Triggers hold their function by its identity, whatever it is called. */
function callRoutineBy(draft: SchemaDraft, from: string, to: string): void {
  const calls = callsOf(from);
  for (const [key, table] of draft.tables)
    for (const trigger of table.triggers.values())
      if (calls.test(trigger.definition)) {
        const definition = trigger.definition.replace(calls, `$1${quoteIdentifier(to)}$2`);
        draft.change(key, (each) => ({
          ...each,
          triggers: new Map(each.triggers).set(trigger.name, { ...trigger, definition }),
        }));
      }
}

function renameTrigger(draft: SchemaDraft, key: string, { name, to }: Act<'renameTrigger'>): void {
  draft.change(key, (table) => ({
    ...table,
    triggers: new Map(
      [...table.triggers].map(([each, trigger]): [string, Trigger] => {
        if (each !== name) return [each, trigger];
        const definition = trigger.definition.replace(
          /(\bTRIGGER\s+)(?:"(?:[^"]|"")*"|[\w$]+)/i,
          `$1${quoteIdentifier(to)}`,
        );
        return [to, { ...trigger, name: to, definition }];
      }),
    ),
  }));
}

function removeTriggersOf(draft: SchemaDraft, routine: string): void {
  const executes = callsOf(routine);
  for (const [key, table] of draft.tables)
    for (const trigger of table.triggers.values())
      if (executes.test(trigger.definition))
        draft.change(key, (each) => ({ ...each, triggers: without(each.triggers, trigger.name) }));
}
