/**
 * Tables of models put together: types that a foreign key takes from its target, one definition a table, and the operations
 * in an order in which they would run.
 */
import { keyOf } from '../../../model/name.ts';
import type { BlindSpot, Operation } from '../../../model/operation.ts';
import type { ModelsReading } from '../../../model/replay.ts';
import { emptySchema, type Origin, type Schema } from '../../../model/schema.ts';
import type { Value } from '../python/index.ts';
import type { Found } from './classes.ts';

interface AssembleRequest {
  defaultNamespace?: string;
  models: { files: readonly string[] };
  schemaOf?: (operations: readonly Operation[]) => Schema;
}

/** Types that a foreign key's column takes from what it references. */
function resolveTypes(found: Found[]): void {
  for (let round = 0; round < 3; round++) {
    for (const { table } of found) {
      for (const column of table.table.columns) {
        if (column.type !== null) continue;
        const reference = table.table.constraints.find(
          (one) => one.type === 'f' && one.columns.length === 1 && one.columns[0] === column.name,
        )?.references;
        const target = reference
          ? found.find((other) => other.table.table.name.name === reference.table.name)
          : undefined;
        const type = target?.table.table.columns.find((one) => one.name === (reference?.columns[0] ?? ''))?.type;
        if (type === undefined || type === null) continue;
        column.type = type;
        table.problems = table.problems.filter((problem) => !problem.startsWith(`${column.name}: its type is that of`));
      }
    }
  }
}

export function assemble(request: AssembleRequest, found: Found[], blindSpots: BlindSpot[]): ModelsReading {
  resolveTypes(found);
  const definitionsByTable = new Map<string, { file: string; line: number; name: string }[]>();
  const operationsByTable = new Map<string, Operation[]>();
  const made = new Set<string>();
  const rootByTable = new Map<string, Value | null>();
  for (const { table, root, file, line, name } of found) {
    const key = keyOf(table.table.name.schema ?? request.defaultNamespace ?? 'public', table.table.name.name);
    const first = rootByTable.get(key) ?? root;
    rootByTable.set(key, first);
    // A class on another base is in another metadata: a copy for another database or another time.
    if (root !== null && root !== first) continue;
    const definitions = definitionsByTable.get(key) ?? [];
    definitions.push({ file, line, name });
    definitionsByTable.set(key, definitions);
    for (const reason of table.problems) blindSpots.push({ revision: null, file, line, reason, objects: [key] });
    if (definitions.length > 1) continue;
    const origin: Origin = { revision: null, file, line };
    const operations: Operation[] = [];
    for (const use of table.enums) {
      if (use.name === null || use.labels === null) continue;
      const enumName = { schema: use.schema ?? (use.inheritsSchema ? table.table.name.schema : null), name: use.name };
      operations.push({
        kind: 'createEnum',
        name: enumName,
        labels: use.labels,
        implicit: true,
        checkFirst: true,
        origin,
      });
    }
    for (const name of table.sequences) operations.push({ kind: 'createSequence', name, ifNotExists: true, origin });
    const { indexes, ...rest } = table.table;
    operations.push({ kind: 'createTable', table: { ...rest, indexes: [] }, origin });
    for (const index of indexes) operations.push({ kind: 'createIndex', table: table.table.name, index, origin });
    operationsByTable.set(key, operations);
  }
  const all: Operation[] = [];
  for (const operations of operationsByTable.values()) {
    for (const operation of operations) {
      if (operation.kind === 'createEnum') {
        const key = keyOf(operation.name.schema ?? 'public', operation.name.name);
        if (made.has(key)) continue;
        made.add(key);
      }
      all.push(operation);
    }
  }
  const creation = inOrder(all);
  return {
    schema: request.schemaOf?.(creation) ?? emptySchema(),
    definitionsByTable,
    operationsByTable,
    creation,
    blindSpots,
    files: request.models.files,
  };
}

/** Types first, tables next, their foreign keys once every table stands, indexes last: models refer to each other freely. */
function inOrder(operations: Operation[]): Operation[] {
  const types: Operation[] = [];
  const tables: Operation[] = [];
  const keys: Operation[] = [];
  const rest: Operation[] = [];
  for (const operation of operations) {
    if (operation.kind === 'createEnum' || operation.kind === 'createSequence') types.push(operation);
    else if (operation.kind === 'createTable') {
      const own = operation.table.constraints.filter((one) => one.type !== 'f');
      tables.push({ ...operation, table: { ...operation.table, constraints: own } });
      for (const constraint of operation.table.constraints)
        if (constraint.type === 'f')
          keys.push({ kind: 'addConstraint', table: operation.table.name, constraint, origin: operation.origin });
    } else rest.push(operation);
  }
  return [...types, ...tables, ...keys, ...rest];
}
