/**
 * What a condition or a handler around an operation means for it: IF NOT EXISTS, IF EXISTS, or a condition that is told.
 */
import type { Operation } from '../model/operation.ts';
import type { Probe } from './seed-guards.ts';

export type Guard =
  | {
      kind: 'condition';
      text: string;
      probe: Probe /** False: the statements run where it does not hold. */;
      holds: boolean;
    }
  /** An exception's name, `others`, or a quoted SQLSTATE. */
  | { kind: 'handler'; condition: string };

const creating = new Set([
  'createTable',
  'addColumn',
  'addConstraint',
  'createIndex',
  'createEnum',
  'addEnumValue',
  'createDomain',
  'createComposite',
  'createSequence',
  'createView',
  'createExtension',
  'createNamespace',
]);
const dropping = new Set([
  'dropTable',
  'dropColumn',
  'dropConstraint',
  'dropIndex',
  'dropType',
  'dropSequence',
  'dropView',
  'dropRoutine',
  'dropTrigger',
  'dropPolicy',
  'dropExtension',
  'dropNamespace',
  'renameTable',
  'renameIndex',
]);
const withoutEffect = new Set(['touchRows', 'ignored', 'opaque']);

const duplicateStates = new Set(["'42710'", "'42P07'", "'42701'", "'42P06'", "'42P16'"]);
const undefinedStates = new Set(["'42704'", "'42P01'", "'42703'", "'42883'", "'3F000'"]);

/** Names that the operation makes, alters or drops. */
export function namesOf(operation: Operation): string[] {
  const names: string[] = [];
  const add = (value: unknown): void => {
    if (typeof value === 'string') names.push(value);
    else if (value !== null && typeof value === 'object' && 'name' in value) add((value as { name: unknown }).name);
  };
  const fields = operation as unknown as Record<string, unknown>;
  for (const key of ['name', 'table', 'column', 'constraint', 'index', 'label', 'to', 'partition']) add(fields[key]);
  return names;
}

const asDone = (operation: Operation): Operation =>
  creating.has(operation.kind) ? ({ ...operation, ifNotExists: true } as Operation) : operation;
const whereThere = (operation: Operation): Operation =>
  dropping.has(operation.kind)
    ? ({ ...operation, ifExists: true } as Operation)
    : { ...operation, ifTargetExists: true };
const onCondition = (operation: Operation, condition: string): Operation => ({
  ...operation,
  condition: operation.condition ? `${operation.condition} and ${condition}` : condition,
});

/** The operations as they are under the guard. */
export function guarded(operations: readonly Operation[], guard: Guard): Operation[] {
  if (guard.kind === 'handler') return operations.map((operation) => handled(operation, guard.condition));
  const { probe } = guard;
  const text = guard.holds ? guard.text.trim() : `NOT (${guard.text.trim()})`;
  const wants = guard.holds === probe.wants;
  const asked = new Set(probe.names);
  const isAsked = (operation: Operation): boolean => namesOf(operation).some((name) => asked.has(name));
  // A branch that makes what the probe misses is entered by every database that does not have it: its other acts belong to it.
  const makesIt =
    probe.isOfCatalogue &&
    !wants &&
    operations.some(
      (operation) => (creating.has(operation.kind) || operation.kind.startsWith('create')) && isAsked(operation),
    );
  const hasIt = probe.isOfCatalogue && wants;
  return operations.map((operation) => {
    if (withoutEffect.has(operation.kind)) return operation;
    if (makesIt) return asDone(operation);
    if (hasIt && isAsked(operation)) return whereThere(operation);
    return onCondition(operation, text);
  });
}

function handled(operation: Operation, condition: string): Operation {
  if (withoutEffect.has(operation.kind)) return operation;
  if (condition.startsWith('duplicate_') || duplicateStates.has(condition)) return asDone(operation);
  if (condition.startsWith('undefined_') || condition === 'invalid_schema_name' || undefinedStates.has(condition))
    return whereThere(operation);
  if (condition === 'others') return onCondition(asDone(operation), 'its failure is swallowed (WHEN OTHERS)');
  return operation;
}
