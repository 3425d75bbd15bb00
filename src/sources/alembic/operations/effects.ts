/**
 * Effects: where operations go. Gives each its origin, span and condition, and turns what stands in an undecided branch into
 * an opaque operation that names the objects it may touch.
 */
import type { QualifiedName } from '../../../model/name.ts';
import type { Operation, UnplacedOperation } from '../../../model/operation.ts';
import type { ModelsReading, OperationSink } from '../../../model/replay.ts';
import type { Origin } from '../../../model/schema.ts';
import type { CatalogueAnswer, KnownRow, SqlContext } from '../../../sql/index.ts';
import type { Machine, Made } from '../python/index.ts';
import { applyCompiled } from './compiled.ts';
import type { ModelsBase } from './create-all.ts';
import type { WrittenRows } from './written-rows.ts';

export interface Effects {
  sink: OperationSink;
  revision: string;
  /** Absolute path of the revision's file. */
  file: string;
  /** Absolute path of env.py; null where none is known. */
  envFile: string | null;
  /** Absolute path of a revision's file; null where no file defines it. */
  fileOfRevision(id: string): string | null;
  /** Files of the project whose text holds this. */
  modulesWith(text: string): string[];
  relative(path: string): string;
  lineAt(file: string, offset: number): number;
  /** Inside `autocommit_block()`. */
  autocommitDepth: number;
  namespace: string | null;
  parseSql(text: string, context: SqlContext): Operation[];
  /** What the catalogue would answer by the schema so far; null where the question is none that has an answer. */
  askCatalogue?(query: string): CatalogueAnswer | null;
  /** What the revisions before and this one wrote; undefined where that is not followed (a downgrade). */
  writtenRows?: WrittenRows;
  /** What the models on a base declare that are loaded where this revision runs; null where they are not looked for. */
  modelsIn?(base: ModelsBase): ModelsReading | null;
  /** Tables already told of, so that one reason is told once a place. */
  told: Set<string>;
  /** Enum types that tables of this revision made. */
  madeTypes: Set<string>;
  /** Indexes, keys and checks in the order they were made: a model's may stand beside its columns, or beside its class. */
  loose?: Made[];
}

/** Where the statement stands: in the revision's own file where any frame is in it. */
export function placeOf(
  machine: Machine,
  effects: Effects,
): { origin: Origin; span: { from: number; to: number } | undefined } {
  for (let at = machine.frames.length - 1; at >= 0; at--) {
    const frame = machine.frames[at];
    if (frame && frame.module.file === effects.file) {
      const { from, to } = frame.statement;
      return {
        origin: {
          revision: effects.revision,
          file: effects.relative(effects.file),
          line: effects.lineAt(effects.file, from),
        },
        span: { from, to },
      };
    }
  }
  return { origin: { revision: effects.revision, file: effects.relative(effects.file), line: 1 }, span: undefined };
}

export function objectsOf(operation: UnplacedOperation): QualifiedName[] {
  switch (operation.kind) {
    case 'createTable':
      return [operation.table.name];
    case 'opaque':
      return operation.objects;
    case 'touchRows':
      return operation.tables;
    default:
      break;
  }
  if ('table' in operation && operation.table && typeof operation.table === 'object' && 'name' in operation.table)
    return [operation.table as QualifiedName];
  if ('name' in operation && typeof operation.name === 'object') return [operation.name];
  if ('index' in operation && typeof operation.index === 'object' && 'schema' in operation.index)
    return [operation.index];
  return [];
}

export function emit(
  machine: Machine,
  effects: Effects,
  operation: UnplacedOperation,
  extra: { sql?: string; condition?: string | null; outsideTransaction?: boolean; rows?: KnownRow[] | null } = {},
): void {
  const { origin, span } = placeOf(machine, effects);
  const ownWriting = applyCompiled(machine, operation);
  const stated: Operation = { ...operation, origin };
  if (span) stated.span = span;
  if (extra.sql !== undefined) stated.sql = extra.sql;
  if (extra.outsideTransaction || effects.autocommitDepth > 0) stated.outsideTransaction = true;
  if (effects.autocommitDepth > 0) stated.inAutocommitBlock = true;
  hand(machine, effects, stated, extra.condition ?? null, extra.rows ?? null);
  if (ownWriting !== null) opaque(machine, effects, ownWriting, objectsOf(operation));
}

/** An operation that another reader placed already (SQL): its line is kept, the branch around it still counts. */
export function hand(
  machine: Machine,
  effects: Effects,
  operation: Operation,
  condition: string | null,
  rows: KnownRow[] | null = null,
): void {
  const isSure = machine.shadows.length === 0;
  effects.writtenRows?.note(operation, isSure, effects.sink.searchPath(), rows);
  const shadow = machine.shadows[machine.shadows.length - 1];
  const assumed = condition ?? machine.conditions[machine.conditions.length - 1] ?? null;
  if (shadow !== undefined) {
    if (operation.kind === 'ignored' || operation.kind === 'touchRows') {
      effects.sink.apply({ ...operation, condition: shadow });
      return;
    }
    const objects = objectsOf(operation);
    const key = `${operation.origin.file}:${operation.origin.line}:${operation.kind}:${shadow}:${objects.map((one) => `${one.schema}.${one.name}`).join()}`;
    if (effects.told.has(key)) return;
    effects.told.add(key);
    const { origin, span, sql } = operation;
    const isLeftOut = machine.shadowsByAssumption.every((byAssumption) => byAssumption);
    const why = isLeftOut ? `left out, as ${shadow}` : `whether it runs cannot be known: ${shadow}`;
    effects.sink.apply({
      kind: 'opaque',
      reason: operation.kind === 'opaque' ? operation.reason : why,
      objects,
      origin,
      ...(isLeftOut ? { condition: shadow } : {}),
      ...(span ? { span } : {}),
      ...(sql === undefined ? {} : { sql }),
    });
    return;
  }
  effects.sink.apply(assumed === null ? operation : { ...operation, condition: operation.condition ?? assumed });
}

export function opaque(
  machine: Machine,
  effects: Effects,
  reason: string,
  objects: QualifiedName[],
  sql?: string,
): void {
  emit(machine, effects, { kind: 'opaque', reason, objects }, sql === undefined ? {} : { sql });
}
