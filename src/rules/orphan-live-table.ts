/**
 * A live table in a schema that the chain owns, created by no revision and no model.
 */
import { differences, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'orphan-live-table',
  title: 'a live table that no revision and no model creates',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  wants: ['models'],
  docs: {
    problem:
      'A table stands in a schema of this chain, and neither a revision nor a model creates it: left by a deleted revision, made by hand, or of another application.',
    consequence: 'Nobody knows whether it can go; autogenerate would propose to drop it.',
    repair: 'Adopt it in a revision, or name it in `ignore`; chain never drops it.',
  },
  *check({ declared, live, drift, models }) {
    for (const difference of differences({ live, drift }, 'table', 'unexpected')) {
      const table = difference.live;
      if (
        table === null ||
        table.kind === 'foreign' ||
        declared.heads.tables.has(difference.key) ||
        models?.reading.schema.tables.has(difference.key)
      )
        continue;
      const rows = live.sizesByTable.get(difference.key)?.rows ?? -1;
      yield tell(difference, {
        evidence: [
          {
            origin: 'live',
            text: `${table.columns.size} columns: ${[...table.columns.keys()].slice(0, 8).join(', ')}${table.columns.size > 8 ? ', …' : ''}`,
          },
          ...(rows > 0 ? [{ origin: 'live' as const, text: `about ${rows} rows` }] : []),
        ],
        message: `${difference.key} is created by no revision and no model; autogenerate would propose to drop it${rows > 0 ? ` with its ${rows} rows` : ''}.`,
        remedy: advice(
          `Adopt ${difference.key} in a revision, or name it in \`ignore\` of chain.config.json`,
          'never-automatic',
        ),
      });
    }
  },
});
