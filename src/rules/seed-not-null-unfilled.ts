/**
 * A seed leaves out a column that must have a value and has no default.
 */
import type { Evidence } from '../model/finding.ts';
import { plainSearchPath, resolveTable } from '../model/lookup.ts';
import type { Schema } from '../model/schema.ts';
import type { SeedReading, SeedRow } from '../model/seed.ts';
import { fillsByTrigger, insertsOf, type SeedInsert, unfilledColumns } from '../model/seed-view.ts';
import { defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'seed-not-null-unfilled',
  title: 'a seed leaves a required column without a value',
  severity: 'error',
  needs: ['declared', 'seeds', 'config'],
  wants: ['live'],
  docs: {
    problem: 'An INSERT of a seed does not name a column that is NOT NULL and has no default, or writes NULL into it.',
    consequence:
      'The statement fails with "null value in column … violates not-null constraint", and the seed with it.',
    repair: 'Name the column and give it a value that is the same on every run.',
  },
  *check({ declared, seeds, config, live }) {
    const schema = live?.schema ?? declared.heads;
    const searchPath = plainSearchPath(live?.searchPath ?? config.env.searchPath);
    const told = new Set<string>();
    const domains = [...schema.domains.values()].filter(({ default: own }) => own !== null).map(({ name }) => name);
    for (const insert of [
      ...insertsOf(seeds.readings, schema, searchPath),
      ...withoutRows(seeds.readings, schema, searchPath),
    ]) {
      const isLive = live?.schema.tables.has(insert.table) === true;
      const table = isLive ? live?.schema.tables.get(insert.table) : declared.heads.tables.get(insert.table);
      if (!table || fillsByTrigger(table) || table.kind === 'foreign') continue;
      for (const { column, row: nullRow } of unfilledColumns(table, insert.columns, insert.rows, domains)) {
        const isNamed = nullRow !== null;
        const detail = `${insert.reading.file}:${insert.table}.${column.name}`;
        if (told.has(detail)) continue;
        told.add(detail);
        const line = nullRow?.line ?? insert.statement.line;
        // Without rows of its own the statement may insert none.
        const isSuspected =
          insert.rows.length === 0 ||
          (!isLive && (column.certainty === 'suspected' || table.certainty === 'suspected'));
        const evidence: Evidence[] = [
          {
            origin: 'seed',
            text: isNamed
              ? `writes NULL or DEFAULT into ${column.name}`
              : `INSERT INTO ${insert.table} (${insert.columns.join(', ')}) leaves out ${column.name}`,
            file: insert.reading.file,
            line,
          },
          isLive
            ? { origin: 'live', text: `${insert.table}.${column.name} is ${column.type} NOT NULL without a default` }
            : {
                origin: 'declared',
                text: `${insert.table}.${column.name} is ${column.type} NOT NULL without a default`,
                ...(column.origin ? { file: column.origin.file, line: column.origin.line } : {}),
              },
        ];
        yield {
          subject: { kind: 'column', name: `${insert.table}.${column.name}`, file: insert.reading.file, line },
          severity: isSuspected ? 'warning' : 'error',
          certainty: isSuspected ? 'suspected' : 'proven',
          message: `${insert.reading.file}:${line} gives ${insert.table}.${column.name} no value; it is NOT NULL without a default, so the INSERT and the seed fail.`,
          evidence,
          remedy: isNamed
            ? {
                kind: 'advice',
                safety: 'file-edit',
                summary: `Give ${column.name} a value in ${insert.reading.file}:${line}`,
                actions: [],
              }
            : patch(
                `Name ${column.name} in the INSERT at ${insert.reading.file}:${line} and fill it with a value that is the same on every run`,
                [{ action: 'fill-seed-column', file: insert.reading.file, table: insert.table, column: column.name }],
              ),
        };
      }
    }
  },
});

/** INSERT … SELECT from tables, with a column list; DEFAULT VALUES, which names none. */
function withoutRows(readings: readonly SeedReading[], schema: Schema, searchPath: readonly string[]): SeedInsert[] {
  return readings.flatMap((reading) =>
    reading.statements.flatMap((statement): SeedInsert[] => {
      const { verb, table: name, rows, columns, sql } = statement;
      if (verb !== 'insert' || !name || rows !== null) return [];
      const isDefault = /\bdefault\s+values\b/i.test(sql);
      if (columns === null && !isDefault) return [];
      const table = resolveTable(schema, name, searchPath);
      const one: SeedRow[] = isDefault ? [{ values: [], span: statement.span, line: statement.line }] : [];
      return table === null ? [] : [{ reading, statement, table, columns: columns ?? [], rows: one }];
    }),
  );
}
