/**
 * A seed writes to a table that is not there. Names the fault that is the cause, where one is known.
 */
import { blindSpotOver, hasUnreadRevisions } from '../model/blind-spots.ts';
import type { Evidence } from '../model/finding.ts';
import { placeOf, plainSearchPath, resolveRelation } from '../model/lookup.ts';
import type { SeedReading, SeedStatement } from '../model/seed.ts';
import { inOrder, rootOf } from '../model/seed-view.ts';
import { advice, defineRule } from './rule.ts';

const writingVerbs = new Set<SeedStatement['verb']>(['insert', 'update', 'delete', 'truncate', 'copy']);

export default defineRule({
  id: 'seed-missing-relation',
  title: 'a seed writes to a table that is not there',
  severity: 'error',
  needs: ['graph', 'declared', 'seeds', 'config'],
  wants: ['live'],
  docs: {
    problem: 'A statement of a seed writes to a table that the database does not have.',
    consequence:
      'The seed stops there with `relation "…" does not exist`; inside a DO block everything before it is rolled back too.',
    repair: 'Bring the table back first (the finding that is named as the cause says how), then run the seed.',
  },
  *check({ graph, declared, seeds, config, live }) {
    const schema = live?.schema ?? declared.heads;
    const searchPath = plainSearchPath(live?.searchPath ?? config.env.searchPath);
    const missing = new Map<string, { reading: SeedReading; statement: SeedStatement }[]>();
    for (const seed of seeds.readings.filter(({ inclusion }) => inclusion === null)) {
      const own = new Set<string>();
      for (const { reading, statement } of inOrder(seed)) {
        if (statement.verb === 'ddl' && statement.table) {
          if (/^\s*drop\b/i.test(statement.sql)) own.delete(statement.table.name);
          else own.add(statement.table.name);
        }
        if (!writingVerbs.has(statement.verb) || !statement.table || own.has(statement.table.name)) continue;
        if (statement.guards.some((guard) => guard.table?.name === statement.table?.name)) continue;
        if (resolveRelation(schema, statement.table, searchPath) !== null) continue;
        if (statement.table.schema === 'pg_temp' || statement.table.schema === 'pg_catalog') continue;
        const key = placeOf(statement.table, searchPath);
        missing.set(key, [...(missing.get(key) ?? []), { reading, statement }]);
      }
    }
    for (const [key, uses] of missing) {
      const first = uses[0];
      if (first === undefined) continue;
      const spot = live === undefined ? blindSpotOver(declared.replay.blindSpots, key) : null;
      const isUnsure = live === undefined && (spot !== null || hasUnreadRevisions(graph) || graph.revisions.size === 0);
      const evidence: Evidence[] = uses.map(({ reading, statement }) => ({
        origin: 'seed',
        text: `${statement.verb.toUpperCase()} ${key}`,
        file: reading.file,
        line: statement.line,
      }));
      const creator = declared.heads.tables.get(key)?.origin;
      if (creator)
        evidence.push({
          origin: 'declared',
          text: `${creator.revision ?? 'a revision'} creates it`,
          file: creator.file,
          line: creator.line,
        });
      else evidence.push({ origin: 'declared', text: 'no revision creates it' });
      if (live !== undefined) evidence.push({ origin: 'live', text: `the database has no ${key}` });
      if (spot !== null)
        evidence.push({
          origin: 'declared',
          text: `not read, may create it: ${spot.reason}`,
          file: spot.file,
          line: spot.line,
        });
      const isPending = live !== undefined && creator !== undefined && !declared.schema.tables.has(key);
      yield {
        subject: { kind: 'table', name: key, file: first.reading.file, line: first.statement.line },
        severity: isUnsure ? 'warning' : 'error',
        certainty: isUnsure ? 'suspected' : 'proven',
        message: `${first.reading.file}:${first.statement.line} writes to ${key}, which ${live === undefined ? 'no revision creates' : 'the database does not have'}; the seed stops there with \`relation "${asWritten(first.statement)}" does not exist\`.`,
        evidence,
        causedBy: [
          `found-in-other-schema:${key}`,
          `declared-table-missing:${key}`,
          `table-never-migrated:${key}`,
          ...(isPending ? ['pending-revisions'] : []),
        ],
        remedy: {
          ...advice(`Bring ${key} back first, then run the seed: \`chain seed ${rootOf(first.reading)}\``),
          actions: [{ action: 'run-seed', file: rootOf(first.reading) }],
        },
      };
    }
  },
});

function asWritten({ table }: SeedStatement): string {
  return [table?.schema, table?.name].filter((part) => part).join('.');
}
