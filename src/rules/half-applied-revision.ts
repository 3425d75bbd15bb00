/**
 * The next revision of a database, part of which stands already: an autocommit block committed what came before a failure.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import { sqlOfKey } from '../model/definition.ts';
import { quoteIdentifier } from '../model/name.ts';
import type { Declared, Origin, Schema, Table } from '../model/schema.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'half-applied-revision',
  title: 'a pending revision stands in the database in part',
  severity: 'error',
  needs: ['graph', 'declared', 'live', 'stamp'],
  docs: {
    problem:
      'What the next revision makes is there already, in part or whole, while the version row says that it has not run: a statement after an autocommit block failed, or somebody ran its statements by hand.',
    consequence: 'The next `alembic upgrade` fails on the first thing that already exists.',
    repair:
      'Take back what stands and run the upgrade again; or make the rest by hand, compare, and move the version row to the revision.',
  },
  *check({ graph, declared, live }) {
    if (declared.comparedBy !== 'stamp') return;
    const applied = ancestorsOf(graph, declared.comparedAt);
    for (const id of graph.order) {
      const revision = graph.revisions.get(id);
      const before = graph.predecessorsById.get(id) ?? [];
      if (!revision || applied.has(id) || before.length === 0 || !before.every((each) => applied.has(each))) continue;
      const { replay, comparedAt } = declared;
      const guardedLines = new Set(
        (replay.operationsById.get(id) ?? [])
          .filter((each) => 'ifNotExists' in each && each.ifNotExists)
          .map(({ origin }) => origin.line),
      );
      const made = [...madeBetween(replay.schemaAt(comparedAt), replay.schemaAt([...comparedAt, id]))];
      const standing = made.filter((each) => each.isIn(live.schema));
      // What only guarded statements make stands in nobody's way.
      if (!standing.some(({ origin }) => origin === undefined || !guardedLines.has(origin.line))) continue;
      const open = made.filter((each) => !standing.includes(each));
      const tell = (origin: 'live' | 'declared', what: string) => (each: Made) => ({
        origin,
        text: `${what}: ${each.kind} ${each.key}`,
        ...(each.origin ? { file: each.origin.file, line: each.origin.line } : {}),
      });
      yield {
        subject: { kind: 'revision', name: id, revision: id, file: revision.file, line: revision.line },
        message:
          open.length === 0
            ? `All that ${id} makes is in the database, but the version row is before it; the next upgrade fails on what already exists.`
            : `${id} is applied in part: ${standing.length} of the ${made.length} things that it makes are in the database, and the version row is before it; the next upgrade fails on what already exists.`,
        evidence: [...standing.map(tell('live', 'stands')), ...open.map(tell('declared', 'not there'))],
        remedy: advice(
          open.length === 0
            ? `Compare it with the revision; where all is as it states, move the version row to ${id}`
            : `Where no row is lost by it, take back what stands and run the upgrade again: ${standing
                .map(({ undo }) => undo)
                .reverse()
                .join('; ')}`,
          'never-automatic',
        ),
      };
    }
  },
});

/** Something that a revision makes. */
interface Made {
  kind: string;
  key: string;
  origin: Origin | undefined;
  isIn(live: Schema): boolean;
  undo: string;
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
    if (type.certainty === 'suspected' || earlier !== undefined) continue;
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
