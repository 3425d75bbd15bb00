/**
 * A seed that a second run duplicates or breaks: no conflict clause, random ids, a key twice in one VALUES list, or a row
 * that lives under another unique key than the one it is arbitrated on.
 */
import { isOneOf } from '../model/equality.ts';
import { isSameSet, plainSearchPath, primaryKeyOf, resolveTable, uniqueColumnsOf } from '../model/lookup.ts';
import { quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { Schema, Table } from '../model/schema.ts';
import type { SeedChange, SeedReading, SeedRerun, SeedValue } from '../model/seed.ts';
import {
  type ForeignKey,
  fillsByTrigger,
  foreignKeysOf,
  insertsOf,
  literalIn,
  ranBefore,
  type SeedInsert,
  unfilledColumns,
  valueIn,
} from '../model/seed-view.ts';
import { advice, defineRule, type FindingDraft, type RuleInputs } from './rule.ts';
import { asSeen, seenAlone } from './seen-reruns.ts';

export default defineRule({
  id: 'seed-not-rerunnable',
  title: 'a seed cannot be run twice',
  severity: 'warning',
  needs: ['declared', 'seeds', 'config'],
  wants: ['live', 'answers', 'reruns'],
  docs: {
    problem:
      'An INSERT of the seed has no ON CONFLICT, makes its key at random, names a key twice in one VALUES list, or is arbitrated on one key while a row with another of its keys lives. `chain seed --check` with a database runs the seed twice in a scratch copy of it, and says what the second run does.',
    consequence: 'The second run fails on a duplicate key or adds the rows again.',
    repair: 'Give each row a key that stays, and ON CONFLICT on that key.',
  },
  *probe({ live, seeds }) {
    for (const { insert, table, primary, other, named, key } of otherKeys(live, seeds)) {
      const columns = other.map(quoteIdentifier);
      yield {
        key,
        about: `rows of ${insert.table} by ${other.join(', ')}`,
        sql: `SELECT ${primary.map((column, index) => `${quoteIdentifier(column)}::text AS p${index}`).join(', ')}, ${columns.map((column, index) => `${column}::text AS k${index}`).join(', ')} FROM ${quoteQualified({ schema: table.namespace, name: table.name })} WHERE ${named} ORDER BY 1`,
      };
    }
  },
  *check({ declared, seeds, config, live, answers, reruns }) {
    if (seeds.readings.length === 0) return;
    const schema = live?.schema ?? declared.heads;
    const searchPath = plainSearchPath(live?.searchPath ?? config.env.searchPath);
    const keys = foreignKeysOf(live?.schema, declared.heads);
    const told = new Set<SeedChange | SeedRerun>();
    for (const insert of [
      ...insertsOf(seeds.readings, schema, searchPath),
      ...selectsOf(seeds.readings, schema, searchPath),
      ...copiesOf(seeds.readings, schema, searchPath),
    ]) {
      const table = live?.schema.tables.get(insert.table) ?? declared.heads.tables.get(insert.table);
      if (table === undefined) continue;
      // One that never succeeds has a finding of its own.
      const fails = !fillsByTrigger(table) && unfilledColumns(table, insert.columns, insert.rows).length > 0;
      const twice = [...keyTwice(insert, table)];
      yield* twice;
      if (twice.length === 0 && !fails) {
        for (const draft of [...withoutConflict(insert, table, keys), ...neverConflicts(insert, table)])
          yield* asSeen(draft, insert, reruns, told);
      }
    }
    if (reruns) yield* seenAlone(reruns, told);
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

/** INSERT … SELECT from tables, with a column list. */
function selectsOf(readings: readonly SeedReading[], schema: Schema, searchPath: readonly string[]): SeedInsert[] {
  return readings.flatMap((reading) =>
    reading.statements.flatMap((statement): SeedInsert[] => {
      const { verb, table: name, rows, columns } = statement;
      const table =
        verb === 'insert' && name && rows === null && columns ? resolveTable(schema, name, searchPath) : null;
      return table === null || !columns ? [] : [{ reading, statement, table, columns, rows: [] }];
    }),
  );
}

/** COPY … FROM, which knows no ON CONFLICT. */
function copiesOf(readings: readonly SeedReading[], schema: Schema, searchPath: readonly string[]): SeedInsert[] {
  return readings.flatMap((reading) =>
    reading.statements.flatMap((statement): SeedInsert[] => {
      const { verb, table: name, rows, columns } = statement;
      const table = verb === 'copy' && name ? resolveTable(schema, name, searchPath) : null;
      if (table === null || rows?.length === 0) return [];
      const all = [...(schema.tables.get(table)?.columns.keys() ?? [])];
      return [{ reading, statement, table, columns: columns ?? all, rows: [] }];
    }),
  );
}

/** The statement asks first: behind a condition, in a block that takes the fault, or by a look at its own table. */
function asksFirst({ statement, reading }: SeedInsert): boolean {
  const { guards, isHandled, reads, table, span } = statement;
  if (guards.length > 0 || isHandled || reads.some((name) => name.name === table?.name)) return true;
  if (reading.inclusion?.isConditional) return true;
  const before = reading.directives.filter(({ span: at }) => at.from < span.from);
  const count = (word: string) => before.filter(({ command }) => command === word).length;
  return count('\\if') > count('\\endif');
}

/** TRUNCATE, a table made anew, or a DELETE of all rows or of those that are inserted, stands before it. */
function isCleared(insert: SeedInsert, keys: readonly ForeignKey[]): boolean {
  const { statement, reading } = insert;
  return ranBefore(reading, statement, ['truncate', 'delete', 'ddl']).some((other) => {
    if (!other.table) return false;
    const isSame = other.table.name === statement.table?.name;
    if (other.verb === 'ddl') return isSame && makesAnew.test(other.sql);
    if (other.verb === 'truncate')
      return isSame || (/\bcascade\b/i.test(other.sql) && isReached(other.table.name, insert.table, keys));
    if (other.verb !== 'delete' || !isSame) return false;
    const conditions = other.comparisons ?? [];
    const isPlain = conditions.length > 0 && conditions.every(({ value }) => value.kind === 'literal');
    if (!isPlain) return true;
    const deleted = (column: string) =>
      conditions.flatMap((each) => (each.column === column && each.value.kind === 'literal' ? [each.value.value] : []));
    return insert.rows.every((row) =>
      conditions.every(({ column }) => {
        const value = literalIn(insert, row, column);
        return value === undefined || deleted(column).includes(value);
      }),
    );
  });
}

const makesAnew = /^\s*(?:drop\s+table\b|create\s+(?:\w+\s+)?table\s+(?!if\s+not\s))/i;

/** Whether TRUNCATE … CASCADE of the one empties the other. */
function isReached(from: string, table: string, keys: readonly ForeignKey[]): boolean {
  const reached = new Set<string>();
  const waiting = keys.flatMap(({ target }) => (target.endsWith(`.${from}`) ? [target] : []));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...keys.filter(({ target }) => target === next).map((key) => key.table));
  }
  return reached.has(table);
}

function* withoutConflict(
  insert: SeedInsert,
  table: Table,
  references: readonly ForeignKey[],
): Generator<FindingDraft> {
  const { statement, reading } = insert;
  if (statement.onConflict !== null || asksFirst(insert) || isCleared(insert, references)) return;
  if (table.persistence === 't') return;
  const keys = uniqueColumnsOf(table).filter((columns) => columns.every((column) => insert.columns.includes(column)));
  const isCopy = statement.verb === 'copy';
  const at = `${reading.file}:${statement.line}`;
  yield {
    subject: { kind: 'seed', name: reading.file, file: reading.file, line: statement.line },
    detail: `${insert.table}:no-conflict`,
    message: `${at} ${isCopy ? 'copies into' : 'inserts into'} ${insert.table} ${isCopy ? 'and empties nothing before' : 'without ON CONFLICT'}; a second run ${keys.length > 0 ? 'fails on a duplicate key' : 'adds the rows again'}.`,
    evidence: [
      {
        origin: 'seed',
        text: isCopy
          ? `COPY ${insert.table}${statement.rows ? ` of ${statement.rows.length} ${statement.rows.length === 1 ? 'row' : 'rows'}` : ''}`
          : insert.rows.length > 0
            ? `INSERT INTO ${insert.table} of ${insert.rows.length} ${insert.rows.length === 1 ? 'row' : 'rows'}`
            : `INSERT INTO ${insert.table} … SELECT`,
        file: reading.file,
        line: statement.line,
      },
    ],
    remedy: advice(
      isCopy
        ? `Copy into a temporary table at ${at} and INSERT … SELECT … ON CONFLICT from it, or TRUNCATE ${insert.table} first`
        : keys[0]
          ? `Add ON CONFLICT (${keys[0].join(', ')}) DO NOTHING or DO UPDATE in ${reading.file}:${statement.line}`
          : `Name a key that stays (${keysOf(table)}) in ${reading.file}:${statement.line} and add ON CONFLICT on it, or insert only rows that are not there`,
      'file-edit',
    ),
  };
}

function keysOf(table: Table): string {
  return (
    uniqueColumnsOf(table)
      .map((columns) => columns.join(', '))
      .join(' or ') || `${table.name} has none`
  );
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

/** A key that is made anew on every run never meets the row of the last one. */
function* neverConflicts(insert: SeedInsert, table: Table): Generator<FindingDraft> {
  const conflict = insert.statement.onConflict;
  if (!conflict || asksFirst(insert)) return;
  const target = conflict.columns ?? (conflict.constraint ? table.constraints.get(conflict.constraint)?.columns : null);
  if (target?.includes('(expression)')) return;
  const hasOthers = [...table.indexes.values()].some(
    (index) => index.unique && (index.where !== null || index.keys.some((key) => key.isExpression)),
  );
  if (!target && (hasOthers || [...table.constraints.values()].some(({ type }) => type === 'x'))) return;
  const candidates = target ? [target] : uniqueColumnsOf(table);
  const renewed = candidates.map((columns) => columns.find((column) => isRenewed(insert, table, column)));
  if (renewed.some((column) => column === undefined)) return;
  const [column] = renewed;
  const row = insert.rows.find((candidate) => column && isRandom(valueIn(insert, candidate, column)));
  const { file } = insert.reading;
  const line = row?.line ?? insert.statement.line;
  const name = column === undefined ? insert.table : `${insert.table}.${column}`;
  const how = column === undefined ? `${insert.table} has no unique key` : `${name} is made anew on every run`;
  yield {
    subject: { kind: 'seed', name: file, file, line },
    detail: `${name}:random`,
    message: `${file}:${line}: ${how}, and ON CONFLICT waits for it to repeat; every run adds the rows again.`,
    evidence: [
      {
        origin: 'seed',
        text: `ON CONFLICT ${target ? `(${target.join(', ')})` : 'on any key'}`,
        file,
        line: insert.statement.line,
      },
    ],
    remedy: advice(
      `Write a fixed ${column ?? 'key'}, or arbitrate on a natural key, in ${file}:${insert.statement.line}`,
      'file-edit',
    ),
  };
}

const makesRandom = /\b(?:gen_random_uuid|uuidv[47]|uuid_generate_v\d\w*|random|nextval|clock_timestamp)\s*\(/i;

function isRandom(value: SeedValue | undefined): boolean {
  return value?.kind === 'expression' && makesRandom.test(value.sql);
}

/** The statement writes it at random, or leaves it to an identity, a sequence or a random default. */
function isRenewed(insert: SeedInsert, table: Table, name: string): boolean {
  if (insert.columns.includes(name)) {
    return insert.rows.length > 0
      ? insert.rows.some((row) => isRandom(valueIn(insert, row, name)))
      : isRandom(insert.statement.targets?.[insert.columns.indexOf(name)]);
  }
  const column = table.columns.get(name);
  if (!column || fillsByTrigger(table)) return false;
  return column.identity !== null || column.ownedSequence !== null || makesRandom.test(column.default ?? '');
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
    /** The condition that asks for the rows. */
    named: string;
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
      const asked = other.map((name) => ({ sql: quoteIdentifier(name), type: table.columns.get(name)?.type }));
      const values = rows.map((row) => row.values);
      if (rows.length > 0)
        found.push({
          named: isOneOf(asked, values, schema),
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
