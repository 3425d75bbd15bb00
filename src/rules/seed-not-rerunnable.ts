/**
 * A seed that a second run duplicates or breaks: no conflict clause, random ids, a key twice in one VALUES list, or a row
 * that lives under another unique key than the one it is arbitrated on.
 */
import { isSameSet, plainSearchPath, primaryKeyOf, uniqueColumnsOf } from '../model/lookup.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { Schema, Table } from '../model/schema.ts';
import { insertsOf, literalIn, type SeedInsert, valueIn } from '../model/seed-view.ts';
import { advice, defineRule, type FindingDraft, type RuleInputs } from './rule.ts';

export default defineRule({
  id: 'seed-not-rerunnable',
  title: 'a seed cannot be run twice',
  severity: 'warning',
  needs: ['declared', 'seeds', 'config'],
  wants: ['live', 'answers'],
  docs: {
    problem:
      'An INSERT of the seed has no ON CONFLICT, makes its key at random, names a key twice in one VALUES list, or is arbitrated on one key while a row with another of its keys lives.',
    consequence: 'The second run fails on a duplicate key or adds the rows again.',
    repair: 'Give each row a key that stays, and ON CONFLICT on that key.',
  },
  *probe({ live, seeds }) {
    for (const { insert, table, primary, other, rows, key } of otherKeys(live, seeds)) {
      const columns = other.map(quoteIdentifier);
      yield {
        key,
        about: `rows of ${insert.table} by ${other.join(', ')}`,
        sql: `SELECT ${primary.map((column, index) => `${quoteIdentifier(column)}::text AS p${index}`).join(', ')}, ${columns.map((column, index) => `${column}::text AS k${index}`).join(', ')} FROM ${quoteQualified({ schema: table.namespace, name: table.name })} WHERE (${columns.join(', ')}) IN (${rows.map((row) => `(${row.values.map(quoteLiteral).join(', ')})`).join(', ')}) ORDER BY 1`,
      };
    }
  },
  *check({ declared, seeds, config, live, answers }) {
    const schema = live?.schema ?? declared.heads;
    const searchPath = plainSearchPath(live?.searchPath ?? config.env.searchPath);
    for (const insert of insertsOf(seeds.readings, schema, searchPath)) {
      const table = live?.schema.tables.get(insert.table) ?? declared.heads.tables.get(insert.table);
      if (table === undefined) continue;
      yield* withoutConflict(insert, table);
      yield* keyTwice(insert, table);
      yield* randomKey(insert);
    }
    for (const { insert, primary, other, rows, key } of otherKeys(live, seeds)) {
      for (const answer of answers?.rows(key) ?? []) {
        const values = other.map((_, index) => String(answer[`k${index}`]));
        const row = rows.find((candidate) => candidate.values.join('\0') === values.join('\0'));
        const livingId = primary.map((_, index) => String(answer[`p${index}`])).join(', ');
        if (row === undefined || row.id === livingId) continue;
        const { file } = insert.reading;
        yield {
          subject: {
            kind: 'row',
            name: `${insert.table}(${other.map((column, index) => `${column}=${values[index]}`).join(', ')})`,
            file,
            line: row.line,
          },
          severity: 'error',
          message: `${file}:${row.line} inserts ${other.join(', ')} ${values.join(', ')} as ${primary.join(', ')} ${row.id} with ON CONFLICT on (${primary.join(', ')}), and it lives as ${livingId}; the INSERT fails on the other unique key.`,
          evidence: [
            { origin: 'data', text: `${insert.table} has ${other.join(', ')} = ${values.join(', ')} as ${livingId}` },
            { origin: 'seed', text: `ON CONFLICT (${primary.join(', ')})`, file, line: insert.statement.line },
          ],
          remedy: advice(
            `Arbitrate on (${other.join(', ')}) in ${file}:${insert.statement.line}, and look the id up by it`,
            'file-edit',
          ),
        };
      }
    }
  },
});

function* withoutConflict(insert: SeedInsert, table: Table): Generator<FindingDraft> {
  const { statement, reading } = insert;
  if (statement.onConflict !== null || statement.guards.length > 0) return;
  const clears = reading.statements.some(
    (other) =>
      (other.verb === 'truncate' || other.verb === 'delete') &&
      other.table?.name === statement.table?.name &&
      other.span.from < statement.span.from,
  );
  if (clears || statement.insideBlock || table.persistence === 't') return;
  const keys = uniqueColumnsOf(table).filter((columns) => columns.every((column) => insert.columns.includes(column)));
  yield {
    subject: { kind: 'seed', name: reading.file, file: reading.file, line: statement.line },
    detail: `${insert.table}:no-conflict`,
    message: `${reading.file}:${statement.line} inserts into ${insert.table} without ON CONFLICT; a second run ${keys.length > 0 ? 'fails on a duplicate key' : 'adds the rows again'}.`,
    evidence: [
      {
        origin: 'seed',
        text: `INSERT INTO ${insert.table} of ${insert.rows.length} rows`,
        file: reading.file,
        line: statement.line,
      },
    ],
    remedy: advice(
      `Add ON CONFLICT (${(keys[0] ?? primaryKeyOf(table)).join(', ') || 'key'}) DO NOTHING or DO UPDATE in ${reading.file}:${statement.line}`,
      'file-edit',
    ),
  };
}

function* keyTwice(insert: SeedInsert, table: Table): Generator<FindingDraft> {
  const conflict = insert.statement.onConflict;
  for (const columns of uniqueColumnsOf(table)) {
    if (!columns.every((column) => insert.columns.includes(column))) continue;
    const isTarget = conflict?.columns != null && isSameSet(conflict.columns, columns);
    if (conflict !== null && conflict.action === 'nothing' && (conflict.columns === null || isTarget)) continue;
    const seen = new Map<string, number>();
    for (const row of insert.rows) {
      const values = columns.map((column) => literalIn(insert, row, column));
      if (!values.every((value) => typeof value === 'string')) continue;
      const key = values.join(', ');
      const before = seen.get(key);
      seen.set(key, row.line);
      if (before === undefined) continue;
      const { file } = insert.reading;
      yield {
        subject: {
          kind: 'row',
          name: `${insert.table}(${columns.map((column, index) => `${column}=${values[index]}`).join(', ')})`,
          file,
          line: row.line,
        },
        detail: 'twice',
        severity: 'error',
        message: `${file}:${row.line} names ${columns.join(', ')} ${key} a second time in one INSERT (first at line ${before}); PostgreSQL refuses it${isTarget ? ': "ON CONFLICT DO UPDATE command cannot affect row a second time"' : ' as a duplicate key'}.`,
        evidence: [
          { origin: 'seed', text: `${columns.join(', ')} = ${key}`, file, line: before },
          { origin: 'seed', text: `${columns.join(', ')} = ${key}`, file, line: row.line },
        ],
        remedy: advice(`Keep one of the two rows in ${file}`, 'file-edit'),
      };
    }
  }
}

function* randomKey(insert: SeedInsert): Generator<FindingDraft> {
  const target = insert.statement.onConflict?.columns;
  if (!target) return;
  for (const column of target) {
    const row = insert.rows.find((candidate) => {
      const value = valueIn(insert, candidate, column);
      return value?.kind === 'expression' && /\b(gen_random_uuid|uuid_generate_v\d|random)\s*\(/i.test(value.sql);
    });
    if (row === undefined) continue;
    const { file } = insert.reading;
    yield {
      subject: { kind: 'seed', name: file, file, line: row.line },
      detail: `${insert.table}.${column}:random`,
      message: `${file}:${row.line} makes ${insert.table}.${column} at random, and ON CONFLICT waits for it to repeat; every run adds the rows again.`,
      evidence: [{ origin: 'seed', text: `ON CONFLICT (${target.join(', ')})`, file, line: insert.statement.line }],
      remedy: advice(
        `Write a fixed ${column}, or arbitrate on a natural key, in ${file}:${insert.statement.line}`,
        'file-edit',
      ),
    };
  }
}

/** Inserts arbitrated on the primary key whose rows also fill another unique key. */
function otherKeys(live: RuleInputs['live'] | undefined, seeds: RuleInputs['seeds']) {
  if (live === undefined) return [];
  const found: {
    insert: SeedInsert;
    table: Table;
    primary: string[];
    other: string[];
    rows: { values: string[]; id: string; line: number }[];
    key: string;
  }[] = [];
  const schema: Schema = live.schema;
  for (const insert of insertsOf(seeds.readings, schema, plainSearchPath(live.searchPath))) {
    const table = schema.tables.get(insert.table);
    const primary = table ? primaryKeyOf(table) : [];
    const target = insert.statement.onConflict?.columns;
    if (!table || !target || primary.length === 0 || !isSameSet(target, primary)) continue;
    for (const other of uniqueColumnsOf(table)) {
      if (isSameSet(other, primary) || !other.every((column) => insert.columns.includes(column))) continue;
      const rows = insert.rows.flatMap((row) => {
        const values = other.map((column) => literalIn(insert, row, column));
        const ids = primary.map((column) => literalIn(insert, row, column));
        return values.every((value): value is string => typeof value === 'string') &&
          ids.every((id): id is string => typeof id === 'string')
          ? [{ values, id: ids.join(', '), line: row.line }]
          : [];
      });
      if (rows.length > 0)
        found.push({
          insert,
          table,
          primary,
          other,
          rows,
          key: `${insert.reading.file}:${insert.statement.span.from}:${other.join(',')}`,
        });
    }
  }
  return found;
}
