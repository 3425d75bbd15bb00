/**
 * Two version rows of which one comes before the other, or the same row several times. The catalogue says which one lies.
 */
import type { Evidence } from '../model/finding.ts';
import { cutIdOf, isContradicted, type Overlap, overlapsOf, settleOverlap } from '../model/stamp.ts';
import { defineRule, step } from './rule.ts';

export default defineRule({
  id: 'version-rows-overlap',
  title: 'the version table holds rows that exclude each other',
  severity: 'error',
  needs: ['graph', 'declared', 'live', 'stamp'],
  docs: {
    problem:
      'The version table holds a revision and one that comes before it, or one row several times: an INSERT by hand, or a revision re-parented after it was applied.',
    consequence:
      '`alembic current` shows only the later one, and `upgrade` fails with "overlaps with other requested revisions" or "expected to match one row".',
    repair:
      'Delete the row that the catalogue contradicts: the later one where its objects are absent, else the earlier one; guarded by exactly the rows that were read.',
  },
  *check({ graph, declared, live, stamp }) {
    const table = stamp.table;
    if (table === null) return;
    // A cut id stands for its revision, as in Alembic.
    const cuts = new Map(stamp.unknown.map((row) => [row, cutIdOf(graph, row)]));
    const ids = [...new Set([...stamp.known, ...cuts.values()])].filter((id) => id !== null);
    if ([...cuts.values()].includes(null)) return;
    const overlaps = overlapsOf(graph, declared.replay, live.schema, ids);
    const isRepeated = stamp.rows.length > ids.length;
    if (overlaps.length === 0 && !isRepeated) return;
    const left = settleOverlap(graph, declared.replay, live.schema, ids);
    const evidence: Evidence[] = [{ origin: 'live', text: `${table.key} holds ${stamp.rows.join(', ')}` }];
    for (const [row, id] of cuts) evidence.push({ origin: 'declared', text: `${row} is the beginning of ${id}` });
    for (const overlap of overlaps) {
      evidence.push({ origin: 'declared', text: `${overlap.ancestor} comes before ${overlap.descendant}` });
      evidence.push({ origin: 'live', text: whetherItRan(overlap) });
    }
    for (const row of new Set(stamp.rows)) {
      const times = stamp.rows.filter((each) => each === row).length;
      if (times > 1) evidence.push({ origin: 'live', text: `it holds ${row} ${times} times` });
    }
    if (isRepeated && !table.hasPrimaryKey) evidence.push({ origin: 'live', text: `${table.key} has no primary key` });
    const gone = [...new Set(stamp.rows)].filter((row) => !left.includes(row));
    yield {
      subject: { kind: 'stamp', name: table.key },
      message:
        overlaps.length > 0
          ? `${table.key} holds ${[...new Set(stamp.rows)].join(' and ')}, of which one comes before the other; \`alembic current\` hides it, and \`upgrade\` fails with "overlaps".`
          : cuts.size > 0
            ? `${table.key} holds ${[...new Set(stamp.rows)].join(' and ')}, which are the same revision; an upgrade moves one row on and leaves the other.`
            : `${table.key} holds the same row ${stamp.rows.length} times; Alembic expects to match one and fails.`,
      evidence,
      remedy: step(
        gone.length > 0
          ? `Delete ${gone.join(', ')} from ${table.key}, so that ${left.join(', ')} stays`
          : `Keep one row ${left.join(', ')} in ${table.key}`,
        'guarded-row',
        [{ action: 'set-stamp', before: stamp.rows, rows: left, table: table.key }],
      ),
    };
  },
});

function whetherItRan(overlap: Overlap): string {
  const { descendant, expected, absent } = overlap;
  const list = (keys: readonly string[], what: string) =>
    `${keys.slice(0, 5).join(', ')} ${keys.length === 1 ? 'is' : 'are'} ${what}`;
  if (expected.length === 0) return `${descendant} makes no table or column that would tell`;
  if (isContradicted(overlap)) return `${descendant} never ran: ${list(absent, 'absent')}`;
  const there = expected.filter((key) => !absent.includes(key));
  return `${descendant} ran: ${list(there, 'there')}${absent.length > 0 ? `, though ${list(absent, 'absent')}` : ''}`;
}
