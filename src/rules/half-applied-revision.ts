/**
 * The next revision of a database, part of which stands already: an autocommit block committed what came before a failure.
 */
import { halfAppliedRevisions, type Made } from '../model/half-applied.ts';
import type { Revision } from '../model/revision.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'half-applied-revision',
  title: 'a pending revision stands in the database in part',
  severity: 'error',
  needs: ['graph', 'declared', 'live', 'stamp', 'drift'],
  docs: {
    problem:
      'What the next revision makes is there already, in part or whole, while the version row says that it has not run: a statement after an autocommit block failed, or somebody ran its statements by hand.',
    consequence: 'The next `alembic upgrade` fails on the first thing that already exists.',
    repair:
      'Take back what stands and run the upgrade again; or make the rest by hand, compare, and move the version row to the revision.',
  },
  *check({ graph, declared, live, drift }) {
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
        ],
        remedy: advice(
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
