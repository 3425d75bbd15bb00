/**
 * Objects that must come to exist → database steps in an order PostgreSQL takes, each with its lock, hazards and way back.
 * Owns the safe forms: foreign keys and checks NOT VALID and validated after the seed, NOT NULL after it, indexes of large
 * tables CONCURRENTLY. Refuses to know why an object is wanted.
 * Longer than most files here: the safe forms one after the other, each with its lock, hazards and way back in sight.
 */
import { catchUpSql, describeLock, renderOperation } from '../model/ddl.ts';
import { keyOf, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { Operation, SchemaOperation } from '../model/operation.ts';
import type { Hazard, Step } from '../model/plan.ts';
import type { Schema } from '../model/schema.ts';
import { keepsValues } from '../model/type-change.ts';
import { type Converted, keepingValues } from './convert.ts';
import { doBlock, doBlockWithHandler } from './do-block.ts';
import { type Fill, fillStep } from './fill.ts';
import { keyOfName, referencesOf, type Wanted, wantedInOrder } from './order.ts';
import { objectOf, type SettleContext, settle } from './settle.ts';
import { wayBack } from './way-back.ts';

/** A step before it has its number. */
export type StepDraft = Omit<Step, 'name'> & { title: string };

export interface StepInputs {
  wanted: readonly { operations: readonly Operation[]; answers: readonly string[] }[];
  live: Schema;
  /** Bytes on disk, by table key; absent counts as large. */
  bytesByTable: ReadonlyMap<string, { bytes: number }>;
  context: SettleContext;
  /** Keys of constraints that rows are known to contradict for good (`duplicates-block-unique`), with why. */
  contradicted: ReadonlyMap<string, string>;
  /** Columns, by `schema.table.column`, whose NULLs are to be filled before they are NOT NULL. */
  fills?: ReadonlyMap<string, Fill>;
  /** Why a step is not to be planned; null: plan it. */
  holdBack?: (step: StepDraft) => string | null;
}

export interface StepResult {
  steps: StepDraft[];
  /** What the reconciling revision repeats, settled, in order. */
  operations: SchemaOperation[];
  /** The live schema as it will be; constraints that wait for their validation count as valid. */
  schema: Schema;
  left: { key: string; reason: string }[];
}

/** Scanning or rewriting this much takes about a second; below it the lock is no hazard. */
const smallBytes = 32 * 1024 * 1024;

const acts: Partial<Record<SchemaOperation['kind'], string>> = {
  createTable: 'create',
  addColumn: 'add_column',
  addConstraint: 'add',
  createIndex: 'create',
  alterColumn: 'alter',
  createEnum: 'create_type',
  addEnumValue: 'add_value_to',
  createView: 'create_view',
  createRoutine: 'create_function',
  createTrigger: 'create_trigger',
  createPolicy: 'create_policy',
  createSequence: 'create_sequence',
  createExtension: 'create_extension',
  createNamespace: 'create_schema',
  createDomain: 'create_domain',
};

export function stepsFor(inputs: StepInputs): StepResult {
  const result: StepResult = { steps: [], operations: [], schema: inputs.live, left: [] };
  const stepByObject = new Map<string, StepDraft>();
  const wanted: Wanted[] = [];
  let foreseen = inputs.live;
  for (const { operations: asked, answers } of inputs.wanted) {
    const operations = [...namespacesFor(asked, inputs.live), ...asked];
    // Two findings may ask for one table: each is settled as if it were the first.
    const settled = settle(operations, withoutTablesOf(operations, foreseen, inputs), inputs.context);
    foreseen = settle(operations, foreseen, inputs.context).schema;
    wanted.push({ operations: settled.operations, answers: [...answers] });
  }
  for (const group of wantedInOrder(wanted, inputs.live)) {
    const fresh: SchemaOperation[] = [];
    for (const operation of group.operations) {
      const key = objectOf(operation);
      const reason = reasonToLeave(operation, result.schema, inputs);
      const already = stepByObject.get(key);
      if (reason !== null) for (const answer of group.answers) result.left.push({ key: answer, reason });
      else if (already) already.answers = union(already.answers, group.answers);
      else fresh.push(operation);
    }
    if (fresh.length === 0) continue;
    const { operations, schema } = result;
    result.operations = [...operations];
    const drafts = draftSteps(fresh, group.answers, result, inputs);
    const held = drafts.map((draft) => inputs.holdBack?.(draft) ?? null).find((reason) => reason !== null);
    if (held !== undefined) {
      Object.assign(result, { operations, schema });
      for (const key of group.answers) result.left.push({ key, reason: held as string });
      continue;
    }
    for (const draft of drafts) {
      for (const operation of fresh) stepByObject.set(objectOf(operation), draft);
      result.steps.push(draft);
    }
  }
  return result;
}

/** Namespaces that the operations create in and that are not there. */
function namespacesFor(operations: readonly Operation[], live: Schema): Operation[] {
  const names = operations.flatMap((operation) => {
    if (operation.kind === 'createTable') return [operation.table.name.schema];
    return operation.kind === 'createEnum' || operation.kind === 'createSequence' || operation.kind === 'createView'
      ? [operation.name.schema]
      : [];
  });
  const absent = [...new Set(names)].filter((name) => name !== null && !live.namespaces.has(name)) as string[];
  return absent.map((name) => place({ kind: 'createNamespace', name, ifNotExists: true }));
}

function withoutTablesOf(operations: readonly Operation[], foreseen: Schema, { live, context }: StepInputs): Schema {
  const tables = new Map(foreseen.tables);
  for (const operation of operations) {
    if (operation.kind !== 'createTable') continue;
    const { schema, name } = operation.table.name;
    for (const namespace of schema === null ? context.searchPath : [schema]) {
      const key = keyOf(namespace, name);
      if (!live.tables.has(key)) tables.delete(key);
    }
  }
  return { ...foreseen, tables };
}

function reasonToLeave(operation: SchemaOperation, schema: Schema, inputs: StepInputs): string | null {
  if (operation.kind === 'alterColumn' && operation.notNull === true)
    return inputs.contradicted.get(`${keyOfName(operation.table)}.${operation.column}`) ?? null;
  if (operation.kind === 'createIndex')
    return inputs.contradicted.get(`${keyOfName(operation.table)}.${operation.index.name}`) ?? null;
  if (operation.kind !== 'addConstraint') return null;
  const { constraint } = operation;
  const known = inputs.contradicted.get(`${keyOfName(operation.table)}.${constraint.name}`);
  if (known !== undefined) return known;
  const target = constraint.references && keyOfName(constraint.references.table);
  if (target && !schema.tables.has(target))
    return `${target}, which the key references, is not there and nothing plans it`;
  return null;
}

/** The steps of one group: what can be in the one transaction together, and what must wait or stand alone. */
function draftSteps(
  operations: readonly SchemaOperation[],
  answers: string[],
  result: StepResult,
  inputs: StepInputs,
): StepDraft[] {
  const together: SchemaOperation[] = [];
  const alone: StepDraft[] = [];
  const later: StepDraft[] = [];
  const before = result.schema;
  for (const operation of operations) {
    result.operations.push(operation);
    const table = tableOf(operation);
    const isStanding = table !== null && inputs.live.tables.has(table);
    const isSmall = table !== null && (inputs.bytesByTable.get(table)?.bytes ?? Number.POSITIVE_INFINITY) <= smallBytes;
    const fill = filling(operation, inputs, isSmall);
    if (fill !== null) {
      later.push({ ...fill, answers: union(answers, fill.answers) });
      result.schema = settle([place(operation)], result.schema, inputs.context).schema;
      continue;
    }
    const safe = isStanding ? safeForm(operation, isSmall, answers) : { now: operation, later: [] };
    if (operation.kind === 'createIndex' && isStanding && !isSmall) {
      alone.push(concurrentIndex(operation, answers));
    } else if (isUniqueKey(operation) && isStanding && !isSmall) {
      const { index, key } = concurrentKey(operation);
      alone.push(concurrentIndex(index, answers), draft([key], answers, before, inputs));
    } else {
      together.push(safe.now);
    }
    later.push(...safe.later);
    result.schema = settle([place(operation)], result.schema, inputs.context).schema;
  }
  const drafts: StepDraft[] = [];
  if (together.length > 0) drafts.push(draft(together, answers, before, inputs));
  return [...drafts, ...alone, ...later];
}

/** NOT NULL of a column that has NULLs to fill first. */
function filling(operation: SchemaOperation, { fills, live }: StepInputs, isSmall: boolean): StepDraft | null {
  if (operation.kind !== 'alterColumn' || operation.notNull !== true) return null;
  const key = keyOfName(operation.table);
  const fill = fills?.get(`${key}.${operation.column}`);
  const table = live.tables.get(key);
  return fill === undefined || table === undefined
    ? null
    : fillStep(fill, { key, column: operation.column, table, isSmall });
}

/** What is done now and what once rows are known to agree. */
function safeForm(
  operation: SchemaOperation,
  isSmall: boolean,
  answers: string[],
): { now: SchemaOperation; later: StepDraft[] } {
  if (operation.kind === 'addConstraint' && (operation.constraint.type === 'f' || operation.constraint.type === 'c')) {
    return {
      now: { ...operation, constraint: { ...operation.constraint, notValid: true } },
      later: operation.constraint.notValid ? [] : [validation(operation, answers)],
    };
  }
  const isBareNotNull =
    operation.kind === 'addColumn' &&
    operation.column.notNull &&
    operation.column.default === null &&
    operation.column.identity === null &&
    operation.column.generated === null &&
    !operation.column.serial;
  if (isBareNotNull) {
    return {
      now: { ...operation, column: { ...operation.column, notNull: false } },
      later: [notNull(operation.table, operation.column.name, answers)],
    };
  }
  if (operation.kind === 'alterColumn' && operation.notNull === true) {
    const { notNull: _later, ...rest } = operation;
    const isOnlyNotNull = Object.keys(rest).every((field) => ['kind', 'table', 'column'].includes(field));
    // A change of type with it must stay one act; NOT NULL alone waits for the seed.
    if (isOnlyNotNull && isSmall) return { now: operation, later: [] };
  }
  return { now: operation, later: [] };
}

function draft(
  operations: readonly SchemaOperation[],
  answers: string[],
  before: Schema,
  inputs: StepInputs,
): StepDraft {
  const sql: string[] = [];
  const downs: string[][] = [];
  const locks = new Map<string, Set<string>>();
  const hazards = new Set<Hazard>();
  let isReversible = true;
  let standing = before;
  const made = new Set<string>();
  const kept = new Set<string>();
  for (const operation of operations) {
    const table = tableOf(operation);
    const size = table === null ? undefined : inputs.bytesByTable.get(table)?.bytes;
    const isStanding = table !== null && inputs.live.tables.has(table);
    const converts = isStanding ? convertsValues(operation, standing, size) : null;
    if (converts !== null) hazards.add('changes-rows');
    // Images are told apart by step and row, so that one column of a table can have them.
    const canKeep = (size ?? Number.POSITIVE_INFINITY) <= smallBytes && !kept.has(table as string);
    const images = canKeep ? (converts?.kept ?? null) : null;
    if (images !== null) kept.add(table as string);
    if (converts !== null && images === null) hazards.add('irreversible');
    sql.push(...(images?.before ?? []), ...renderOperation(operation), ...catchUp(operation), ...(images?.after ?? []));
    // What goes with its table needs no way back of its own.
    if (table === null || operation.kind === 'createTable' || !made.has(table)) {
      const back = wayBack(operation, standing);
      if (back === null) isReversible = false;
      else downs.unshift([...(images?.undoBefore ?? []), ...back, ...(images?.undoAfter ?? [])]);
    }
    if (operation.kind === 'createTable' && table !== null) made.add(table);
    const { lock, on, hazards: named } = describeLock(operation);
    const isNew = table !== null && (made.has(table) || !inputs.live.tables.has(table));
    const isSmall = table !== null && (inputs.bytesByTable.get(table)?.bytes ?? Number.POSITIVE_INFINITY) <= smallBytes;
    for (const hazard of named) {
      if ((isNew || isSmall) && (hazard === 'long-lock' || hazard === 'rewrites-table')) continue;
      hazards.add(hazard);
    }
    if (lock !== 'none' && !(isNew && operation.kind !== 'createTable')) {
      for (const name of on) locks.set(name, (locks.get(name) ?? new Set()).add(lock));
    }
    standing = settle([place(operation)], standing, inputs.context).schema;
  }
  const down = downs.flat();
  return {
    title: titleOf(operations),
    phase: 'schema',
    sql: script(sql),
    down: isReversible ? script(down) : null,
    lock: describeLocks(locks),
    hazards: [...hazards],
    transactional: true,
    answers: [...answers],
    tables: tablesTouched(operations),
  };
}

/** A change of type under which rows may get other values; `kept`: the statements that keep the ones they have. */
function convertsValues(
  operation: SchemaOperation,
  standing: Schema,
  bytes: number | undefined,
): { kept: Converted | null } | null {
  if (operation.kind !== 'alterColumn' || (operation.type === undefined && operation.typeName === undefined))
    return null;
  const key = keyOfName(operation.table);
  const table = standing.tables.get(key);
  const from = table?.columns.get(operation.column)?.type;
  if (table === undefined || from === undefined) return null;
  if (bytes === 0 && table.kind !== 'partitioned') return null;
  return operation.type != null && keepsValues(from, operation.type)
    ? null
    : { kept: keepingValues(key, operation.column, table) };
}

type AddConstraint = Extract<SchemaOperation, { kind: 'addConstraint' }>;

function isUniqueKey(operation: SchemaOperation): operation is AddConstraint {
  return operation.kind === 'addConstraint' && operation.constraint.type === 'u' && !operation.constraint.usingIndex;
}

/** The index that a unique key is made of, built while others write, and the key that then takes it over at once. */
function concurrentKey({ table, constraint }: AddConstraint) {
  const { columns, include, nullsNotDistinct, ...rest } = constraint;
  const name = constraint.name as string;
  const keys = columns.map((column) => ({ text: column, isExpression: false }));
  const index = { name, unique: true, method: 'btree', keys, ...(include ? { include } : {}) };
  return {
    index: { kind: 'createIndex', table, index: nullsNotDistinct ? { ...index, nullsNotDistinct } : index },
    key: { kind: 'addConstraint', table, constraint: { ...rest, columns, usingIndex: name } },
  } as const satisfies { index: SchemaOperation; key: SchemaOperation };
}

/** A sequence that a column with rows gets begins behind their values. */
function catchUp(operation: SchemaOperation): string[] {
  if (operation.kind === 'alterColumn' && operation.identity && !operation.hasIdentity)
    return [catchUpSql(operation.table, operation.column)];
  if (operation.kind === 'createSequence' && operation.ownedBy)
    return [catchUpSql(operation.ownedBy.table, operation.ownedBy.column)];
  return [];
}

function concurrentIndex(operation: Extract<SchemaOperation, { kind: 'createIndex' }>, answers: string[]): StepDraft {
  const name = operation.index.name as string;
  const qualified = quoteQualified({ schema: operation.table.schema, name });
  const create = renderOperation({ ...operation, index: { ...operation.index, concurrently: true } });
  return {
    title: `create_${name}`,
    phase: 'schema',
    // An attempt that was cut leaves an invalid index behind, which must go before the next.
    sql: script([`DROP INDEX CONCURRENTLY IF EXISTS ${qualified}`, ...create]),
    down: script([`DROP INDEX IF EXISTS ${qualified}`]),
    lock: `SHARE UPDATE EXCLUSIVE on ${quoteQualified(operation.table)}`,
    hazards: ['not-transactional'],
    transactional: false,
    answers: [...answers],
    tables: [keyOfName(operation.table)],
  };
}

/** VALIDATE in a block of its own: rows that contradict leave the constraint NOT VALID, with a notice, and lose nothing. */
function validation(operation: AddConstraint, answers: string[]): StepDraft {
  const name = operation.constraint.name as string;
  const table = quoteQualified(operation.table);
  const fault = operation.constraint.type === 'f' ? 'foreign_key_violation' : 'check_violation';
  return {
    title: `validate_${name}`,
    phase: 'validate',
    sql: script([
      doBlockWithHandler(
        [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${quoteIdentifier(name)};`],
        [
          `EXCEPTION WHEN ${fault} THEN`,
          `  RAISE NOTICE USING MESSAGE = ${quoteLiteral(`${name} stays NOT VALID: rows of ${keyOfName(operation.table)} contradict it. `)} || SQLERRM;`,
        ],
      ),
    ]),
    down: '-- The constraint goes with the step that added it.\n',
    lock: `SHARE UPDATE EXCLUSIVE on ${table}`,
    hazards: [],
    transactional: true,
    answers: [...answers],
    tables: [keyOfName(operation.table), ...referencesOf(operation)],
  };
}

function notNull(table: { schema: string | null; name: string }, column: string, answers: string[]): StepDraft {
  const sql = quoteQualified(table);
  const name = quoteIdentifier(column);
  return {
    title: `require_${table.name}_${column}`,
    phase: 'validate',
    sql: script([
      doBlock([
        `IF EXISTS (SELECT FROM ${sql} WHERE ${name} IS NULL) THEN`,
        `  RAISE NOTICE USING MESSAGE = ${quoteLiteral(`${keyOfName(table)}.${column} stays nullable: there are rows without a value.`)};`,
        'ELSE',
        `  ALTER TABLE ${sql} ALTER COLUMN ${name} SET NOT NULL;`,
        'END IF;',
      ]),
    ]),
    down: '-- The column goes with the step that added it.\n',
    lock: `ACCESS EXCLUSIVE on ${sql}`,
    hazards: [],
    transactional: true,
    answers: [...answers],
    tables: [keyOfName(table)],
  };
}

/** Statements as a file: one after the other, each with its semicolon. */
export function script(statements: readonly string[]): string {
  return statements.map((statement) => `${statement};\n`).join('\n');
}

/** The table that an operation is about, by key. */
function tableOf(operation: SchemaOperation): string | null {
  if (operation.kind === 'createTable') return keyOfName(operation.table.name);
  return 'table' in operation && operation.table ? keyOfName(operation.table) : null;
}

function tablesTouched(operations: readonly SchemaOperation[]): string[] {
  const keys = operations.flatMap((operation) => [tableOf(operation), ...referencesOf(operation)]);
  return [...new Set(keys.filter((key) => key !== null))];
}

/** An operation that a plan makes has no place in a file. */
export function place(operation: SchemaOperation): Operation {
  return { ...operation, origin: { revision: null, file: '', line: 0 } };
}

const lockOrder = [
  'ACCESS EXCLUSIVE',
  'EXCLUSIVE',
  'SHARE ROW EXCLUSIVE',
  'SHARE',
  'SHARE UPDATE EXCLUSIVE',
  'ROW EXCLUSIVE',
];

function describeLocks(locks: ReadonlyMap<string, ReadonlySet<string>>): string {
  const tablesByLock = new Map<string, string[]>();
  for (const [table, taken] of locks) {
    const strongest = lockOrder.find((lock) => taken.has(lock));
    if (strongest) tablesByLock.set(strongest, [...(tablesByLock.get(strongest) ?? []), table]);
  }
  const parts = lockOrder.flatMap((lock) => {
    const tables = tablesByLock.get(lock);
    return tables ? [`${lock} on ${tables.join(', ')}`] : [];
  });
  return parts.length === 0 ? 'none' : parts.join('; ');
}

function titleOf(operations: readonly SchemaOperation[]): string {
  const main = operations.find((operation) => operation.kind === 'createTable') ?? (operations[0] as SchemaOperation);
  const columns = operations.filter((operation) => operation.kind === 'addColumn');
  if (main.kind === 'addColumn' && columns.length > 1) return `add_columns_to_${main.table.name}`;
  const act = acts[main.kind] ?? main.kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  switch (main.kind) {
    case 'createTable':
      return `${act}_${main.table.name.name}`;
    case 'addColumn':
      return `${act}_${main.table.name}_${main.column.name}`;
    case 'addConstraint':
      return `${act}_${main.constraint.name}`;
    case 'createIndex':
      return `${act}_${main.index.name}`;
    case 'alterColumn':
      return `${act}_${main.table.name}_${main.column}`;
    default: {
      const name = 'name' in main ? main.name : 'table' in main ? main.table : '';
      return `${act}_${typeof name === 'object' && name !== null ? String(name.name) : name}`;
    }
  }
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
