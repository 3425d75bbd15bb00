/**
 * The order in which objects can be made: types before tables, tables after those they reference, foreign keys and
 * triggers last, and what calls a function or reads a view after it. Refuses to know how they are made.
 */
import { keyOf, type QualifiedName } from '../model/name.ts';
import type { ConstraintDefinition, SchemaOperation } from '../model/operation.ts';
import type { Schema } from '../model/schema.ts';

export interface Wanted {
  operations: SchemaOperation[];
  answers: string[];
}

export function keyOfName(name: QualifiedName): string {
  return keyOf(name.schema ?? 'public', name.name);
}

const ranks: Partial<Record<SchemaOperation['kind'], number>> = {
  createNamespace: 0,
  createExtension: 1,
  createEnum: 2,
  addEnumValue: 2,
  createDomain: 2,
  createComposite: 2,
  createSequence: 3,
  createTable: 4,
  attachPartition: 5,
  addColumn: 5,
  alterColumn: 6,
  createIndex: 8,
  createRoutine: 10,
  createView: 11,
  createTrigger: 12,
  alterTableOption: 13,
  createPolicy: 13,
};

/**
 * Groups in the order they can run. A foreign key of a new table to one that comes later becomes a group of its own.
 */
export function wantedInOrder(wanted: readonly Wanted[], live: Schema): Wanted[] {
  const groups = wanted.flatMap(withoutTriggers);
  const creators = new Map<string, Wanted>();
  for (const group of groups) for (const key of tablesMadeBy(group)) creators.set(key, group);
  const named = namedBy(groups);
  const sorted = groups
    .map((group, index) => ({ group, index, rank: rankOf(group) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ group }) => group);
  const ordered: Wanted[] = [];
  const postponed: Wanted[] = [];
  const visiting = new Set<Wanted>();
  const done = new Set<Wanted>();
  const made = new Set(live.tables.keys());
  const visit = (group: Wanted): void => {
    if (done.has(group) || visiting.has(group)) return;
    visiting.add(group);
    for (const word of wordsIn(group)) {
      for (const other of named.get(word) ?? []) if (other !== group && mayNeed(group, other)) visit(other);
    }
    if (tablesMadeBy(group).length > 0) {
      for (const key of group.operations.flatMap(needsOf)) {
        const creator = creators.get(key);
        if (creator && creator !== group) visit(creator);
      }
    }
    done.add(group);
    const own = new Set(tablesMadeBy(group));
    const [now, later] = splitKeys(group, (key) => made.has(key) || own.has(key));
    for (const key of own) made.add(key);
    if (now.operations.length > 0) ordered.push(now);
    if (later.operations.length > 0) postponed.push(later);
  };
  for (const group of sorted) visit(group);
  const lastStructure = ordered.findLastIndex((group) => rankOf(group) < 9) + 1;
  ordered.splice(lastStructure, 0, ...postponed);
  return ordered;
}

/** A new table's triggers call functions that may read the table: they come after both. */
function withoutTriggers(group: Wanted): Wanted[] {
  if (tablesMadeBy(group).length === 0) return [group];
  const isLate = ({ kind }: SchemaOperation) => kind === 'createTrigger' || kind === 'createPolicy';
  const [now, later] = [group.operations.filter((one) => !isLate(one)), group.operations.filter(isLate)];
  if (later.length === 0) return [group];
  return [
    { ...group, operations: now },
    { ...group, operations: later },
  ];
}

/** Groups that make a function or a view, by its bare name: only such names are looked for in the texts of others. */
function namedBy(groups: readonly Wanted[]): Map<string, Wanted[]> {
  const named = new Map<string, Wanted[]>();
  for (const group of groups) {
    for (const operation of group.operations) {
      if (operation.kind !== 'createRoutine' && operation.kind !== 'createView') continue;
      named.set(operation.name.name, [...(named.get(operation.name.name) ?? []), group]);
    }
  }
  return named;
}

function wordsIn(group: Wanted): Set<string> {
  return new Set(JSON.stringify(group.operations).match(/[\p{L}_][\p{L}\p{N}_$]*/gu));
}

/** Text that names it is no proof, so this only orders: a view comes before nothing but views and functions that read it. */
function mayNeed(group: Wanted, other: Wanted): boolean {
  const isView = other.operations.some(({ kind }) => kind === 'createView');
  return !isView || rankOf(group) >= (ranks.createRoutine ?? 0);
}

/** Tables that an operation's foreign keys reference. */
export function referencesOf(operation: SchemaOperation): string[] {
  return keysIn(operation).flatMap((constraint) =>
    constraint.references ? [keyOfName(constraint.references.table)] : [],
  );
}

function needsOf(operation: SchemaOperation): string[] {
  if (operation.kind !== 'createTable') return referencesOf(operation);
  const { partitionOf, inherits } = operation.table;
  return [
    ...referencesOf(operation),
    ...(partitionOf ? [keyOfName(partitionOf.parent)] : []),
    ...(inherits ?? []).map(keyOfName),
  ];
}

function keysIn(operation: SchemaOperation): ConstraintDefinition[] {
  switch (operation.kind) {
    case 'createTable':
      return [
        ...operation.table.constraints,
        ...operation.table.columns.flatMap((column) => column.constraints ?? []),
      ].filter((constraint) => constraint.type === 'f');
    case 'addColumn':
      return (operation.column.constraints ?? []).filter((constraint) => constraint.type === 'f');
    case 'addConstraint':
      return operation.constraint.type === 'f' ? [operation.constraint] : [];
    default:
      return [];
  }
}

function tablesMadeBy(group: Wanted): string[] {
  return group.operations.flatMap((operation) =>
    operation.kind === 'createTable' ? [keyOfName(operation.table.name)] : [],
  );
}

function rankOf(group: Wanted): number {
  if (group.operations.some((operation) => operation.kind === 'createTable')) return 4;
  return Math.max(...group.operations.map(rankOfOperation), 0);
}

function rankOfOperation(operation: SchemaOperation): number {
  if (operation.kind !== 'addConstraint') return ranks[operation.kind] ?? 7;
  return operation.constraint.type === 'f' || operation.constraint.type === 'c' ? 9 : 7;
}

/** A new table's keys to tables that are there, and its keys to those that are not there yet. */
function splitKeys(group: Wanted, isThere: (key: string) => boolean): [Wanted, Wanted] {
  const now: SchemaOperation[] = [];
  const later: SchemaOperation[] = [];
  for (const operation of group.operations) {
    if (operation.kind !== 'createTable') {
      now.push(operation);
      continue;
    }
    const waits = (constraint: ConstraintDefinition) =>
      constraint.references !== undefined && !isThere(keyOfName(constraint.references.table));
    const { table } = operation;
    now.push({ ...operation, table: { ...table, constraints: table.constraints.filter((c) => !waits(c)) } });
    for (const constraint of table.constraints.filter(waits)) {
      later.push({ kind: 'addConstraint', table: table.name, constraint });
    }
  }
  return [
    { operations: now, answers: group.answers },
    { operations: later, answers: group.answers },
  ];
}
