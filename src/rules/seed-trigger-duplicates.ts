/**
 * A seed states rows that a trigger of another of its tables writes as well. Running it shows that; reading tells it where the
 * trigger's function writes the one row that the key allows.
 */
import { isSameSet, plainSearchPath, primaryKeyOf, uniqueColumnsOf } from '../model/lookup.ts';
import { keyOf } from '../model/name.ts';
import type { Routine, Schema, Table } from '../model/schema.ts';
import { insertsOf, literalIn, type SeedInsert } from '../model/seed-view.ts';
import { advice, defineRule, type FindingDraft } from './rule.ts';

export default defineRule({
  id: 'seed-trigger-duplicates',
  title: 'a trigger writes what the seed writes too',
  severity: 'warning',
  needs: ['declared', 'seeds', 'config'],
  wants: ['live', 'reruns'],
  docs: {
    problem:
      'The seed inserts into a table for which a trigger of another of its tables has inserted a row already. `chain seed --check` with a database sees it by running the seed in a scratch copy.',
    consequence: 'The seed stops on a duplicate key, or the row is there twice, and nothing in the seed shows why.',
    repair: 'Leave the row to the trigger and UPDATE it, or insert it with ON CONFLICT on its key.',
  },
  *check({ declared, seeds, config, live, reruns }) {
    const told = new Set<string>();
    for (const run of reruns?.runs ?? []) {
      for (const { table, file, line, byFile, byLine, rows, isRefused } of run.doubled) {
        told.add(`${file}:${line}`);
        const by = byFile === file ? `line ${byLine}` : `${byFile}:${byLine}`;
        yield {
          subject: { kind: 'seed', name: run.file, file, line },
          detail: table,
          severity: isRefused ? 'error' : 'warning',
          message: isRefused
            ? `${file}:${line} and a trigger of what ${by} inserts write the same row of ${table}; the seed stops on its key.`
            : `${file}:${line} inserts ${rows} ${rows === 1 ? 'row' : 'rows'} into ${table} that a trigger of what ${by} inserts has written as well; ${rows === 1 ? 'it is' : 'they are'} there twice.`,
          evidence: [
            { origin: 'data', text: `seen on ${reruns?.on}` },
            { origin: 'seed', text: 'whose trigger writes there', file: byFile, line: byLine },
          ],
          remedy: advice(
            `Leave the row to the trigger, or insert it with ON CONFLICT, in ${file}:${line}`,
            'file-edit',
          ),
        };
      }
    }
    const schema = live?.schema ?? declared.heads;
    const inserts = insertsOf(seeds.readings, schema, plainSearchPath(live?.searchPath ?? config.env.searchPath));
    for (const insert of inserts) {
      const { file } = insert.reading;
      // A run that went past the statement without a word has the last one.
      const hasRun = reruns?.runs.some(
        (run) =>
          run.outcome !== 'unknown' && !run.failure?.metRow && run.file === (insert.reading.inclusion?.root ?? file),
      );
      if (!hasRun && !told.has(`${file}:${insert.statement.line}`)) yield* suspected(insert, inserts, schema);
    }
  },
});

/** One row of the table for one row of the other, by a key that refers to it; both are stated, and its function writes it too. */
function* suspected(insert: SeedInsert, all: readonly SeedInsert[], schema: Schema): Generator<FindingDraft> {
  const { statement, reading } = insert;
  const table = schema.tables.get(insert.table);
  if (!table || statement.onConflict !== null || statement.guards.length > 0 || statement.isHandled) return;
  for (const { columns, references } of table.constraints.values()) {
    const isOneToOne = references && uniqueColumnsOf(table).some((key) => isSameSet(key, columns));
    const parent = isOneToOne ? schema.tables.get(references.table) : undefined;
    const [column] = columns;
    if (!references || !parent || columns.length !== 1 || column === undefined) continue;
    const [target = primaryKeyOf(parent)[0] ?? ''] = references.columns;
    const trigger = writingTrigger(parent, insert.table, schema);
    if (trigger === null) continue;
    for (const row of insert.rows) {
      const value = literalIn(insert, row, column);
      const cause = all.find(
        (other) =>
          other.table === references.table &&
          other.statement !== statement &&
          other.rows.some((each) => typeof value === 'string' && literalIn(other, each, target) === value),
      );
      if (!cause) continue;
      yield {
        subject: { kind: 'seed', name: reading.file, file: reading.file, line: row.line },
        detail: insert.table,
        certainty: 'suspected',
        message: `${reading.file}:${row.line} inserts ${column} ${value} into ${insert.table}, for which trigger ${trigger} of ${references.table} seems to insert a row too; the second of the two stops on the key.`,
        evidence: [
          { origin: 'seed', text: `${target} = ${value}`, file: cause.reading.file, line: cause.statement.line },
          {
            origin: schema.tables.get(references.table)?.origin ? 'declared' : 'live',
            text: `trigger ${trigger} inserts into ${insert.table}`,
          },
        ],
        remedy: advice(
          `Leave the row to the trigger, or insert it with ON CONFLICT (${column}), in ${reading.file}:${row.line}`,
          'file-edit',
        ),
      };
      return;
    }
  }
}

/** Name of a trigger on INSERT whose function inserts into the table, without looking whether a row is there. */
function writingTrigger(parent: Table, into: string, schema: Schema): string | null {
  for (const { name, definition, enabled } of parent.triggers.values()) {
    const calls = /\bEXECUTE\s+(?:FUNCTION|PROCEDURE)\s+(?:"?(\w+)"?\.)?"?(\w+)"?\s*\(/i.exec(definition);
    if (!calls || enabled === false || !/\bINSERT\b[\s\S]*\bON\b/i.test(definition)) continue;
    const isCalled = (one: Routine) => one.name === calls[2] && (calls[1] === undefined || one.namespace === calls[1]);
    for (const routine of [...schema.routines.values()].filter(isCalled)) {
      const text = routine.definition ?? '';
      if (/\bon\s+conflict\b|\bexists\b|\bexception\b|\bif\b/i.test(text)) continue;
      for (const [, namespace, table] of text.matchAll(/\binsert\s+into\s+(?:"?(\w+)"?\.)?"?(\w+)"?/gi)) {
        if (into === keyOf(namespace ?? into.split('.')[0] ?? 'public', table as string)) return name;
      }
    }
  }
  return null;
}
