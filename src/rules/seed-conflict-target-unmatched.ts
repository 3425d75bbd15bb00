/**
 * ON CONFLICT names columns that no unique key covers: PostgreSQL refuses the statement when it plans it (42P10).
 */
import type { Evidence } from '../model/finding.ts';
import { isSameSet, plainSearchPath, uniqueColumnsOf } from '../model/lookup.ts';
import type { Table } from '../model/schema.ts';
import { insertsOf } from '../model/seed-view.ts';
import { plannedStatements } from './planned-statements.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'seed-conflict-target-unmatched',
  title: 'ON CONFLICT names columns that no unique key covers',
  severity: 'error',
  needs: ['declared', 'seeds', 'config'],
  wants: ['live', 'answers'],
  docs: {
    problem:
      'The conflict target of a seed has no unique key of exactly these columns; often the key became a partial index.',
    consequence:
      'PostgreSQL refuses the statement before it reads a row: "no unique or exclusion constraint matching the ON CONFLICT specification".',
    repair:
      'Add the predicate of the partial index to the target, name the columns of a key that exists, or add the key.',
  },
  *probe({ live, seeds }) {
    if (live === undefined) return;
    for (const { probe, statement } of plannedStatements(seeds.readings)) if (statement.onConflict) yield probe;
  },
  *check({ declared, seeds, config, live, answers }) {
    const schema = live?.schema ?? declared.heads;
    const searchPath = plainSearchPath(live?.searchPath ?? config.env.searchPath);
    for (const insert of insertsOf(seeds.readings, schema, searchPath)) {
      const conflict = insert.statement.onConflict;
      const table = live?.schema.tables.get(insert.table) ?? declared.heads.tables.get(insert.table);
      const isLive = live?.schema.tables.has(insert.table) === true;
      if (!conflict || !table || table.kind === 'foreign') continue;
      const key = `${insert.reading.file}:${insert.statement.span.from}`;
      // PostgreSQL planned it: the target has its key.
      if (isLive && answers?.rows(key)) continue;
      const isRefused = isLive && answers?.refusal(key)?.sqlState === '42P10';
      const columns = conflict.columns;
      if (columns === null) {
        if (conflict.constraint === null || table.constraints.has(conflict.constraint)) continue;
        yield draft(
          insert.reading.file,
          insert.statement.line,
          insert.table,
          `the constraint ${conflict.constraint}`,
          conflict.constraint,
          table,
          isLive,
          [],
        );
        continue;
      }
      // Expressions in the target are PostgreSQL's to match.
      if (!isRefused && !columns.every((column) => table.columns.has(column))) continue;
      if (!isRefused && uniqueColumnsOf(table).some((list) => isSameSet(list, columns))) continue;
      const partial = [...table.indexes.values()].filter(
        (index) =>
          index.unique &&
          index.where !== null &&
          isSameSet(
            index.keys.map((key) => key.text),
            columns,
          ),
      );
      if (!isRefused && conflict.where !== null && partial.length > 0) continue;
      const exclusions = [...table.constraints.values()].some((constraint) => constraint.type === 'x');
      if (!isRefused && exclusions && conflict.action === 'nothing') continue;
      const evidence: Evidence[] = partial.map((index) => ({
        origin: isLive ? 'live' : 'declared',
        text: `${index.name} covers them only WHERE ${index.where}`,
      }));
      yield draft(
        insert.reading.file,
        insert.statement.line,
        insert.table,
        `(${columns.join(', ')})`,
        columns.join(','),
        table,
        isLive,
        evidence,
        partial[0]?.where ?? null,
      );
    }
  },
});

function draft(
  file: string,
  line: number,
  key: string,
  target: string,
  detail: string,
  table: Table,
  isLive: boolean,
  evidence: Evidence[],
  where: string | null = null,
) {
  const isSuspected = !isLive && table.certainty === 'suspected';
  const keys = uniqueColumnsOf(table).map((columns) => `(${columns.join(', ')})`);
  return {
    subject: { kind: 'table' as const, name: key, file, line },
    detail,
    severity: isSuspected ? ('warning' as const) : ('error' as const),
    certainty: isSuspected ? ('suspected' as const) : ('proven' as const),
    message: `${file}:${line} says ON CONFLICT ${target} on ${key}, and no unique key is exactly that; PostgreSQL refuses the statement.`,
    evidence: [
      {
        origin: isLive ? ('live' as const) : ('declared' as const),
        text: `unique keys of ${key}: ${keys.join(', ') || 'none'}`,
      },
      ...evidence,
    ],
    causedBy: [`constraint-missing`, `index-missing`].filter(() => isLive).map((rule) => `${rule}:${key}`),
    remedy: advice(
      where !== null
        ? `Write ON CONFLICT ${target} WHERE ${where} in ${file}:${line}`
        : `Name a key that exists in ${file}:${line}${keys.length > 0 ? `: ${keys.join(' or ')}` : ''}, or add a unique constraint on ${target}`,
      'file-edit',
    ),
  };
}
