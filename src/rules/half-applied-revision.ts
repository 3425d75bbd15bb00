/**
 * The next revision of a database, part of which stands already: an autocommit block committed what came before a failure.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Remedy } from '../model/finding.ts';
import { halfAppliedRevisions, type Made, reachOf, untold } from '../model/half-applied.ts';
import type { Replay } from '../model/replay.ts';
import type { Revision, RevisionId } from '../model/revision.ts';
import { advice, defineRule, type RuleInputs, step } from './rule.ts';

export default defineRule({
  id: 'half-applied-revision',
  title: 'a pending revision stands in the database in part',
  severity: 'error',
  needs: ['graph', 'declared', 'live', 'stamp', 'drift'],
  docs: {
    problem:
      'What the next revision makes is there already, in part or whole, while the version row says that it has not run: a statement after an autocommit block failed, somebody ran its statements by hand, create_all() made its tables, or the row was set back.',
    consequence: 'The next `alembic upgrade` fails on the first thing that already exists.',
    repair:
      'Make what is lacking by the DDL of the revision, and move the version row on to it. Where it touches rows too, or lines of it could not be read, the catalogue cannot tell what has run: take back what stands and run the upgrade again, or finish it by hand.',
  },
  *check({ graph, declared, live, drift, stamp }) {
    if (declared.comparedBy !== 'stamp') return;
    const { replay, comparedAt } = declared;
    for (const { revision: id, standing, open } of halfAppliedRevisions(graph, replay, comparedAt, live.schema)) {
      const { file, line } = graph.revisions.get(id) as Revision;
      const tell = (origin: 'live' | 'declared', what: string) => (each: Made) => ({
        origin,
        text: `${what}: ${each.kind} ${each.key}`,
        ...(each.origin ? { file: each.origin.file, line: each.origin.line } : {}),
      });
      // What it makes is told above; here what it takes away or changes.
      const changed = (drift.ofHalfApplied?.get(id) ?? []).filter(
        ({ direction, key }) =>
          direction !== 'unexpected' &&
          !standing.some((each) => each.kind === 'value' && each.key.startsWith(`${key}.`)),
      );
      const made = standing.length + open.length;
      const undo = standing.flatMap((each) => each.undo ?? []).reverse();
      const onward = moveOn({ graph, stamp, live }, replay, id, open.length === 0);
      const unknown = onward === null ? untold(replay.operationsById.get(id) ?? []) : [];
      yield {
        subject: { kind: 'revision', name: id, revision: id, file, line },
        message:
          open.length === 0
            ? `All that ${id} makes is in the database, but the version row is before it; the next upgrade fails on what already exists.`
            : `${id} is applied in part: ${standing.length} of the ${made} things that it makes are in the database, and the version row is before it; the next upgrade fails on what already exists.`,
        evidence: [
          ...standing.map(tell('live', 'stands')),
          ...changed.map(({ kind, key, direction, liveName }) => ({
            origin: 'live' as const,
            text: `${direction === 'missing' ? 'gone' : 'changed'} as it states: ${kind} ${key}${liveName === undefined ? '' : `, now ${liveName}`}`,
          })),
          ...open.map(tell('declared', 'not there')),
          ...unknown.map(({ origin: { file, line } }) => ({
            origin: 'declared' as const,
            text: 'whether this ran, the catalogue does not tell',
            file,
            line,
          })),
        ],
        remedy:
          onward ??
          advice(
            open.length === 0
              ? `Compare it with the revision; where all is as it states, move the version row to ${id}`
              : changed.length > 0 || undo.length < standing.length
                ? `Run the rest of ${id} by hand (what is not there yet), compare, and move the version row to it: what it changed already cannot simply be taken back`
                : `Where no row is lost by it, take back what stands and run the upgrade again: ${undo.join('; ')}`,
            'never-automatic',
          ),
      };
    }
  },
});

/** Onward with the version row, where the catalogue can tell what ran. */
function moveOn(
  { graph, stamp, live }: Pick<RuleInputs, 'graph' | 'stamp' | 'live'>,
  replay: Replay,
  id: RevisionId,
  isWhole: boolean,
): Remedy | null {
  const reach = reachOf(graph, replay, stamp.known, id, live.schema, stamp.looksLike);
  if (reach === null || stamp.table === null) return null;
  const passed = ancestorsOf(graph, [reach]);
  const rows = [...stamp.known.filter((row) => !passed.has(row)), reach];
  const move = `ove the version row on to ${reach}`;
  return step(isWhole && reach === id ? `M${move}` : `Make what is lacking still, and m${move}`, 'guarded-row', [
    { action: 'set-stamp', before: stamp.rows, rows, table: stamp.table.key },
  ]);
}
