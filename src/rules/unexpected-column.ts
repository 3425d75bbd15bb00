/**
 * A live column that no revision declares. Pending ones are not drift.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'unexpected-column',
  title: 'a live column that no revision declares',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The live table has a column that no revision adds.',
    consequence:
      'Nobody knows whether it can go; where it is NOT NULL without a default, every INSERT that the code makes fails.',
    repair: 'Add it in a revision, or drop it once nothing uses it; chain never drops it by itself.',
  },
  *check({ declared, live, drift }) {
    for (const difference of differences({ live, drift }, 'column', 'unexpected')) {
      const column = difference.live;
      if (column === null || declared.heads.tables.get(difference.table)?.columns.has(column.name)) continue;
      const blocks = column.notNull && column.default === null && column.identity === null && column.generated === null;
      yield tell(difference, {
        ...(blocks ? { severity: 'error' as const } : {}),
        evidence: [{ origin: 'live', text: `${column.name} ${column.type}${column.notNull ? ' NOT NULL' : ''}` }],
        message: blocks
          ? `${difference.key} is in no revision and is NOT NULL without a default; every INSERT that does not know it fails.`
          : `${difference.key} is in no revision; a database that the chain builds does not have it.`,
        remedy: advice(`Add ${difference.key} in a revision, or drop it once nothing uses it`, 'never-automatic'),
      });
    }
  },
});
