/**
 * The next revisions of a stamped database that make something, where it stands in part or whole: an autocommit block
 * committed what came before a failure, somebody ran statements by hand, or the version row was set back. Pure.
 */
import { ancestorsOf } from './ancestry.ts';
import { sqlOfKey } from './definition.ts';
import { quoteIdentifier } from './name.ts';
import type { Operation } from './operation.ts';
import type { Replay } from './replay.ts';
import type { RevisionId } from './revision.ts';
import type { RevisionGraph } from './revision-graph.ts';
import type { Declared, EnumType, Origin, Schema, Table } from './schema.ts';

export interface HalfApplied {
  revision: RevisionId;
  /** The declared schema with it applied. */
  after: Schema;
  standing: Made[];
  open: Made[];
}

/** `comparedAt`: the revisions of the stamp. */
export function halfAppliedRevisions(
  graph: RevisionGraph,
  replay: Pick<Replay, 'operationsById' | 'schemaAt'>,
  comparedAt: readonly RevisionId[],
  live: Schema,
): HalfApplied[] {
  const applied = ancestorsOf(graph, comparedAt);
  // An upgrade comes past what makes nothing.
  const passed = new Set(applied);
  return graph.order.flatMap((revision) => {
    const before = graph.predecessorsById.get(revision) ?? [];
    const isNext = !applied.has(revision) && before.length > 0 && before.every((each) => passed.has(each));
    if (!isNext || !graph.revisions.has(revision)) return [];
    const after = replay.schemaAt([...comparedAt, revision]);
    const made = [...madeBetween(replay.schemaAt(comparedAt), after)];
    if (made.length === 0) passed.add(revision);
    const standing = made.filter((each) => each.isIn(live));
    const guarded = guardedOf(replay.operationsById.get(revision) ?? []);
    // What only guarded statements make stands in nobody's way.
    if (standing.every(guarded)) return [];
    return [{ revision, after, standing, open: made.filter((each) => !standing.includes(each)) }];
  });
}

/** What leaves nothing in a schema that would tell whether it ran, or changes values as it goes. */
export function untold(operations: readonly Operation[]): Operation[] {
  return operations.filter((each) => leavesNoSign(each) || (each.kind === 'alterColumn' && Boolean(each.using)));
}

/** It changes something (rows, privileges, roles, settings of a table, what lies beyond a Schema), and no Schema tells. */
export function leavesNoSign(operation: Operation): boolean {
  switch (operation.kind) {
    case 'opaque':
      return true;
    case 'touchRows':
      return operation.verb !== 'select';
    case 'ignored':
      return (
        !passing.has(operation.what) && !/^(?:BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b/.test(operation.what)
      );
    default:
      return false;
  }
}

/** What is over with its session, or may as well never have run. */
const passing = new Set([
  ...['SET', 'RESET', 'SHOW', 'DISCARD', 'LOCK', 'LOCK TABLE', 'NOTIFY', 'LISTEN', 'UNLISTEN', 'CHECKPOINT', 'EXPLAIN'],
  ...['VACUUM', 'ANALYZE', 'REINDEX', 'CLUSTER', 'REFRESH', 'REFRESH MATERIALIZED VIEW', 'COMMENT'],
]);

/**
 * How far the version row may be moved on once what is lacking is made: to the revision, or along its line to the one that
 * the database looks like best. Not past what the catalogue cannot tell, nor past what takes something away, or names it
 * anew, that stands still: only the revision itself does that. Null: not even past the revision.
 */
export function reachOf(
  graph: RevisionGraph,
  replay: Pick<Replay, 'operationsById' | 'schemaAt'>,
  comparedAt: readonly RevisionId[],
  revision: RevisionId,
  live: Schema,
  looksLike: readonly { revisions: readonly RevisionId[] }[],
): RevisionId | null {
  const applied = ancestorsOf(graph, comparedAt);
  const before = replay.schemaAt(comparedAt);
  const mayBeReached = (id: RevisionId) =>
    [...ancestorsOf(graph, [id])].every(
      (each) => applied.has(each) || untold(replay.operationsById.get(each) ?? []).length === 0,
    ) && !leavesBehind(before, replay.schemaAt([...comparedAt, id]), live);
  if (!mayBeReached(revision)) return null;
  for (const { revisions } of comparedAt.length > 1 ? [] : looksLike) {
    const [id, ...others] = revisions;
    if (id === revision) break;
    if (id === undefined || others.length > 0 || !graph.revisions.has(id)) continue;
    if (ancestorsOf(graph, [id]).has(revision) && mayBeReached(id)) return id;
  }
  return revision;
}

/** Something that was declared and is no more, and is live. */
function leavesBehind(before: Schema, after: Schema, live: Schema): boolean {
  for (const kind of ['tables', 'views', 'enums', 'domains', 'routines', 'sequences'] as const) {
    const [was, is, stands] = [before[kind], after[kind], live[kind]] as ReadonlyMap<string, unknown>[];
    for (const key of was?.keys() ?? []) if (!is?.has(key) && stands?.has(key)) return true;
  }
  for (const [key, table] of before.tables) {
    const [is, stands] = [after.tables.get(key), live.tables.get(key)];
    if (is === undefined || is === table || stands === undefined) continue;
    for (const [, map] of parts)
      for (const name of table[map].keys()) if (!is[map].has(name) && stands[map].has(name)) return true;
  }
  return false;
}

function guardedOf(operations: readonly Operation[]): (made: Made) => boolean {
  const guarded = operations.filter((each) => 'ifNotExists' in each && each.ifNotExists);
  const lines = new Set(guarded.map(({ origin }) => origin.line));
  const labels = new Set(guarded.flatMap((each) => (each.kind === 'addEnumValue' ? [each.label] : [])));
  return ({ kind, key, origin }) =>
    kind === 'value'
      ? labels.has(key.slice(key.indexOf('.', key.indexOf('.') + 1) + 1))
      : origin !== undefined && lines.has(origin.line);
}

/** Something that a revision makes. */
export interface Made {
  kind: string;
  key: string;
  origin: Origin | undefined;
  isIn(live: Schema): boolean;
  /** The statement that takes it away again; null: none does. */
  undo: string | null;
}

/** In the order of tables, what stands in them, and their kin; without what is in doubt, or can be made over again. */
function* madeBetween(before: Schema, after: Schema): Iterable<Made> {
  for (const [key, table] of after.tables) {
    const earlier = before.tables.get(key);
    if (earlier === table || table.certainty === 'suspected') continue;
    if (earlier === undefined)
      yield {
        kind: 'table',
        key,
        origin: table.origin,
        isIn: ({ tables }) => tables.has(key),
        undo: `DROP TABLE ${sqlOfKey(key)}`,
      };
    else yield* partsMade(key, earlier, table);
  }
  for (const [key, type] of after.enums) {
    const earlier = before.enums.get(key);
    if (type.certainty === 'suspected' || earlier === type) continue;
    if (earlier !== undefined) {
      yield* labelsMade(key, earlier, type);
      continue;
    }
    yield {
      kind: 'enum',
      key,
      origin: type.origin,
      isIn: ({ enums }) => enums.has(key),
      undo: `DROP TYPE ${sqlOfKey(key)}`,
    };
  }
}

const parts = [
  ['column', 'columns'],
  ['constraint', 'constraints'],
  ['index', 'indexes'],
] as const;

function* partsMade(key: string, before: Table, after: Table): Iterable<Made> {
  for (const [kind, map] of parts)
    for (const [name, part] of after[map] as ReadonlyMap<string, Declared>) {
      if (before[map].has(name) || part.certainty === 'suspected') continue;
      const named = quoteIdentifier(name);
      yield {
        kind,
        key: `${key}.${name}`,
        origin: part.origin,
        isIn: ({ tables }) => tables.get(key)?.[map].has(name) ?? false,
        undo:
          kind === 'index'
            ? `DROP INDEX ${quoteIdentifier(after.namespace)}.${named}`
            : `ALTER TABLE ${sqlOfKey(key)} DROP ${kind.toUpperCase()} ${named}`,
      };
    }
}

function* labelsMade(key: string, before: EnumType, after: EnumType): Iterable<Made> {
  // With another taken away or renamed it is no longer the type to which something was added.
  if (!before.labels.every((label) => after.labels.includes(label))) return;
  for (const label of after.labels) {
    if (before.labels.includes(label)) continue;
    yield {
      kind: 'value',
      key: `${key}.${label}`,
      origin: undefined,
      isIn: ({ enums }) => enums.get(key)?.labels.includes(label) ?? false,
      undo: null,
    };
  }
}
