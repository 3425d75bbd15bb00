/**
 * The next revisions of a stamped database that stand in it in part: an autocommit block committed what came before a
 * failure, or somebody ran some statements by hand. Pure.
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
  return graph.order.flatMap((revision) => {
    const before = graph.predecessorsById.get(revision) ?? [];
    const isNext = !applied.has(revision) && before.length > 0 && before.every((each) => applied.has(each));
    if (!isNext || !graph.revisions.has(revision)) return [];
    const after = replay.schemaAt([...comparedAt, revision]);
    const made = [...madeBetween(replay.schemaAt(comparedAt), after)];
    const standing = made.filter((each) => each.isIn(live));
    const guarded = guardedOf(replay.operationsById.get(revision) ?? []);
    // What only guarded statements make stands in nobody's way.
    if (standing.every(guarded)) return [];
    return [{ revision, after, standing, open: made.filter((each) => !standing.includes(each)) }];
  });
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
