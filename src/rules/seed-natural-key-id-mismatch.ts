/**
 * A seed upserts on a natural key and names the row by its own id further down, while the row that lives has another id.
 */
import { isOneOf } from '../model/equality.ts';
import type { Evidence } from '../model/finding.ts';
import { isSameSet, placeOf, plainSearchPath, primaryKeyOf, resolveTable, uniqueColumnsOf } from '../model/lookup.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { Schema } from '../model/schema.ts';
import type { SeedReading, SeedRow } from '../model/seed.ts';
import { type ForeignKey, foreignKeysOf, insertsOf, literalIn, type SeedInsert } from '../model/seed-view.ts';
import { advice, defineRule, patch, type RuleInputs } from './rule.ts';

interface Upsert {
  insert: SeedInsert;
  idColumn: string;
  idType: string;
  keyColumns: string[];
  /** Rows whose id and key are literals. */
  rows: { row: SeedRow; id: string; key: string[] }[];
  probeKey: string;
}

export default defineRule({
  id: 'seed-natural-key-id-mismatch',
  title: 'a seeded row lives under another id than the seed names',
  severity: 'error',
  needs: ['declared', 'live', 'seeds', 'answers'],
  wants: ['models'],
  docs: {
    problem:
      'The seed upserts on a natural key, such as an email, and uses the id it would have given to the row further down; the row that lives has another id, which an upsert keeps.',
    consequence:
      "Every later row that names the seed's id fails its foreign key, or points to nothing where there is none.",
    repair: 'Look the ids up by the natural key after the upsert, and use what was found.',
  },
  *probe({ declared, live, seeds }) {
    for (const upsert of upsertsOf(declared, live, seeds)) {
      const table = live.schema.tables.get(upsert.insert.table);
      if (!table) continue;
      const columns = upsert.keyColumns.map(quoteIdentifier);
      const asked = upsert.keyColumns.map((name) => ({
        sql: quoteIdentifier(name),
        type: table.columns.get(name)?.type,
      }));
      const named = isOneOf(
        asked,
        upsert.rows.map(({ key }) => key),
        live.schema,
      );
      yield {
        key: upsert.probeKey,
        about: `ids of ${upsert.insert.table}`,
        sql: `SELECT ${quoteIdentifier(upsert.idColumn)}::text AS id, ${columns.map((column, index) => `${column}::text AS k${index}`).join(', ')} FROM ${quoteQualified({ schema: table.namespace, name: table.name })} WHERE ${named} ORDER BY 1`,
      };
    }
  },
  *check({ declared, live, seeds, answers, models }) {
    if (seeds.readings.length === 0) return;
    const keys = foreignKeysOf(live.schema, declared.schema, declared.heads, models?.reading.schema);
    const path = plainSearchPath(live.searchPath);
    const inserts = [...insertsOf(seeds.readings, live.schema, path), ...copiesOf(seeds.readings, live.schema, path)];
    const changes = valuesChanged(seeds.readings, live.schema, path);
    for (const upsert of upsertsOf(declared, live, seeds)) {
      const answer = answers.rows(upsert.probeKey);
      if (answer === null) continue;
      const liveIdByKey = new Map(
        answer.map((row) => [upsert.keyColumns.map((_, index) => String(row[`k${index}`])).join('\0'), String(row.id)]),
      );
      const { insert, idColumn, keyColumns } = upsert;
      for (const { row, id, key } of upsert.rows) {
        const liveId = liveIdByKey.get(key.join('\0'));
        if (liveId === undefined || isSameId(liveId, id, upsert.idType)) continue;
        const dependents = dependentsOf(inserts, changes, keys, insert, idColumn, id);
        if (dependents.length === 0) continue;
        const tables = [...new Set(dependents.map((dependent) => dependent.table))];
        const named = keyColumns.map((column, index) => `${column}=${key[index]}`).join(', ');
        const evidence: Evidence[] = [
          {
            origin: 'seed',
            text: `${named} with ${idColumn} ${quoteLiteral(id)}, ON CONFLICT on (${keyColumns.join(', ')})`,
            file: insert.reading.file,
            line: row.line,
          },
          { origin: 'data', text: `${insert.table} has ${named} with ${idColumn} ${quoteLiteral(liveId)}` },
          ...dependents.map(
            (dependent): Evidence => ({
              origin: 'seed',
              text: `${dependent.table}.${dependent.column} = ${quoteLiteral(id)}`,
              file: dependent.file,
              line: dependent.line,
            }),
          ),
        ];
        yield {
          subject: { kind: 'row', name: `${insert.table}(${named})`, file: insert.reading.file, line: row.line },
          message: `${named} lives in ${insert.table} as ${quoteLiteral(liveId)}, and ${insert.reading.file}:${row.line} calls it ${quoteLiteral(id)}: the upsert keeps the living id, and ${dependents.length} later ${dependents.length === 1 ? 'row' : 'rows'} of ${tables.join(' and ')} name one that does not exist.`,
          evidence,
          remedy: dependents.every(({ isCopied }) => isCopied)
            ? advice(
                `Turn the COPY into ${tables.join(' and ')} in ${insert.reading.file} into INSERTs that look ${insert.table}.${idColumn} up by ${keyColumns.join(', ')}: data of COPY takes no look-up`,
                'file-edit',
              )
            : patch(
                `Look up ${insert.table}.${idColumn} by ${keyColumns.join(', ')} in ${insert.reading.file}, and use what was found in the ${dependents.length} rows that depend on it`,
                [{ action: 'resolve-seed-ids', file: insert.reading.file }],
              ),
        };
      }
    }
  },
});

function upsertsOf(declared: RuleInputs['declared'], live: RuleInputs['live'], seeds: RuleInputs['seeds']): Upsert[] {
  const found: Upsert[] = [];
  for (const insert of insertsOf(seeds.readings, live.schema, plainSearchPath(live.searchPath))) {
    const table = live.schema.tables.get(insert.table);
    const conflict = insert.statement.onConflict;
    if (!table || !conflict) continue;
    const primary =
      primaryKeyOf(table).length > 0
        ? primaryKeyOf(table)
        : primaryKeyOf(declared.heads.tables.get(insert.table) ?? table);
    const idColumn = primary[0];
    if (primary.length !== 1 || idColumn === undefined || !insert.columns.includes(idColumn)) continue;
    // The upsert gives the living row the seed's id.
    if (conflict.setsColumns.includes(idColumn)) continue;
    for (const keyColumns of naturalKeys(insert, live.schema, conflict)) {
      if (isSameSet(keyColumns, primary) || !keyColumns.every((column) => insert.columns.includes(column))) continue;
      const rows = insert.rows.flatMap((row) => {
        const id = literalIn(insert, row, idColumn);
        const key = keyColumns.map((column) => literalIn(insert, row, column));
        return typeof id === 'string' && key.every((value): value is string => typeof value === 'string')
          ? [{ row, id, key }]
          : [];
      });
      if (rows.length === 0) continue;
      found.push({
        insert,
        idColumn,
        idType: table.columns.get(idColumn)?.type ?? 'text',
        keyColumns,
        rows,
        probeKey: `${insert.reading.file}:${insert.statement.span.from}:${keyColumns.join(',')}`,
      });
    }
  }
  return found;
}

/** The columns that the upsert arbitrates on: the target it names, or every unique key where DO NOTHING names none. */
function naturalKeys(
  insert: SeedInsert,
  schema: Schema,
  conflict: NonNullable<SeedInsert['statement']['onConflict']>,
): string[][] {
  const table = schema.tables.get(insert.table);
  if (conflict.columns !== null) return [conflict.columns];
  if (conflict.constraint !== null) {
    const constraint = table?.constraints.get(conflict.constraint);
    return constraint ? [constraint.columns] : [];
  }
  return table ? uniqueColumnsOf(table) : [];
}

/** COPY of rows that stand in the file. */
function copiesOf(readings: readonly SeedReading[], schema: Schema, path: readonly string[]): SeedInsert[] {
  return readings.flatMap((reading) =>
    reading.statements.flatMap((statement): SeedInsert[] => {
      const { verb, table: name, rows } = statement;
      if (verb !== 'copy' || !name || !rows) return [];
      const table = resolveTable(schema, name, path) ?? placeOf(name, path);
      const columns = statement.columns ?? [...(schema.tables.get(table)?.columns.keys() ?? [])];
      return [{ reading, statement, table, columns, rows }];
    }),
  );
}

interface ChangedValue {
  reading: SeedReading;
  from: number;
  table: string;
  column: string;
  value: string;
  line: number;
}

/** Literals that an UPDATE sets and an INSERT … SELECT gives. */
function valuesChanged(readings: readonly SeedReading[], schema: Schema, path: readonly string[]): ChangedValue[] {
  return readings.flatMap((reading) =>
    reading.statements.flatMap((statement) => {
      const { table: name, sets, targets, rows, columns, span } = statement;
      if (!name) return [];
      const table = resolveTable(schema, name, path) ?? placeOf(name, path);
      const given = rows === null ? (targets ?? []).map((value, i) => ({ column: columns?.[i], value })) : [];
      return [...(sets ?? []), ...given].flatMap(({ column, value }): ChangedValue[] =>
        value.kind === 'literal' && value.value !== null && column !== undefined
          ? [{ reading, from: span.from, table, column, value: value.value, line: value.line }]
          : [],
      );
    }),
  );
}

function dependentsOf(
  inserts: readonly SeedInsert[],
  changes: readonly ChangedValue[],
  keys: readonly ForeignKey[],
  upsert: SeedInsert,
  idColumn: string,
  id: string,
) {
  const found: { table: string; column: string; file: string; line: number; isCopied?: true }[] = [];
  for (const insert of inserts) {
    // Rows of the upsert itself may refer to each other.
    if (insert.reading.file === upsert.reading.file && insert.statement.span.from < upsert.statement.span.from)
      continue;
    for (const key of keys) {
      const column = key.columns[0];
      if (key.table !== insert.table || key.target !== upsert.table || key.columns.length !== 1 || column === undefined)
        continue;
      if (key.targetColumns.length > 0 && key.targetColumns[0] !== idColumn) continue;
      for (const row of insert.rows) {
        if (literalIn(insert, row, column) !== id) continue;
        if (
          found.some(
            (other) =>
              other.line === row.line &&
              other.column === column &&
              other.table === insert.table &&
              other.file === insert.reading.file,
          )
        )
          continue;
        const isCopied = insert.statement.verb === 'copy' ? { isCopied: true as const } : {};
        found.push({ table: insert.table, column, file: insert.reading.file, line: row.line, ...isCopied });
      }
    }
  }
  for (const { reading, from, table, column, value, line } of changes) {
    if (value !== id || (reading.file === upsert.reading.file && from <= upsert.statement.span.from)) continue;
    const refers = keys.some(
      (key) =>
        key.table === table &&
        key.target === upsert.table &&
        key.columns.length === 1 &&
        key.columns[0] === column &&
        (key.targetColumns.length === 0 || key.targetColumns[0] === idColumn),
    );
    if (refers) found.push({ table, column, file: reading.file, line });
  }
  return found;
}

function isSameId(a: string, b: string, type: string): boolean {
  return type === 'uuid' ? a.toLowerCase() === b.toLowerCase().replace(/[{}]/g, '') : a === b;
}
