/**
 * Questions that several readers ask of a seed: which tables its statements write, with which values, by column.
 * Pure; refuses to parse.
 */
import { placeOf, resolveTable } from './lookup.ts';
import { keyOf } from './name.ts';
import type { Column, Schema, Table } from './schema.ts';
import type { SeedChange, SeedReading, SeedRow, SeedStatement, SeedValue } from './seed.ts';

export interface SeedInsert {
  reading: SeedReading;
  statement: SeedStatement;
  /** `schema.table`: as it resolves, else where the name would be looked for first. */
  table: string;
  columns: string[];
  rows: SeedRow[];
}

/** INSERTs with rows of values, in the order of the file; without a column list where the table's columns are known. */
export function insertsOf(
  readings: readonly SeedReading[],
  schema: Schema,
  searchPath: readonly string[],
): SeedInsert[] {
  const inserts: SeedInsert[] = [];
  for (const reading of readings) {
    for (const statement of reading.statements) {
      if (statement.verb !== 'insert' || !statement.table || !statement.rows) continue;
      const table = resolveTable(schema, statement.table, searchPath) ?? placeOf(statement.table, searchPath);
      const columns = statement.columns ?? positional(schema.tables.get(table), statement.rows);
      if (columns) inserts.push({ reading, statement, table, columns, rows: statement.rows });
    }
  }
  return inserts;
}

/** Without a list the values go to the table's columns in their order. */
function positional(table: Table | undefined, rows: readonly SeedRow[]): string[] | null {
  if (!table || table.certainty === 'suspected') return null;
  return [...table.columns.keys()].slice(0, Math.max(0, ...rows.map(({ values }) => values.length)));
}

/** Columns that must have a value and get none: not named, DEFAULT, or NULL in a row; with the row where it is one. */
export function unfilledColumns(
  table: Table,
  columns: readonly string[],
  rows: readonly SeedRow[],
  domainsWithDefault: readonly string[] = [],
): { column: Column; row: SeedRow | null }[] {
  return [...table.columns.values()].flatMap((column): { column: Column; row: SeedRow | null }[] => {
    const fillsItself =
      column.default !== null ||
      column.identity !== null ||
      column.generated !== null ||
      column.ownedSequence !== null ||
      domainsWithDefault.some((name) => column.type.endsWith(name));
    if (!column.notNull) return [];
    const index = columns.indexOf(column.name);
    if (index < 0) return fillsItself ? [] : [{ column, row: null }];
    const row = rows.find(({ values }) => {
      const value = values[index];
      return (
        (value?.kind === 'literal' && value.value === null && column.identity === null) ||
        (value?.kind === 'default' && !fillsItself)
      );
    });
    return row ? [{ column, row }] : [];
  });
}

/** A BEFORE INSERT trigger may fill what the statement leaves out. */
export function fillsByTrigger(table: Table): boolean {
  return [...table.triggers.values()].some((trigger) => /\bBEFORE\b[\s\S]*\bINSERT\b/i.test(trigger.definition));
}

/** The constant that a row gives a column, also by a variable; undefined where it gives none or something else. */
export function literalIn(insert: SeedInsert, row: SeedRow, column: string): string | null | undefined {
  const value = valueIn(insert, row, column);
  return value?.kind === 'literal' ? value.value : value?.kind === 'variable' ? value.initial : undefined;
}

export function valueIn(insert: SeedInsert, row: SeedRow, column: string): SeedValue | undefined {
  const index = insert.columns.indexOf(column);
  return index < 0 ? undefined : row.values[index];
}

/** A table by the live schema where it is there, else as declared. */
export function tableIn(key: string, live: Schema | undefined, declared: Schema | undefined): Table | undefined {
  return live?.tables.get(key) ?? declared?.tables.get(key);
}

export interface ForeignKey {
  table: string;
  columns: string[];
  target: string;
  targetColumns: string[];
}

/** Foreign keys of the live schema and the declared one together: a key may be declared and lost. */
export function foreignKeysOf(...schemas: (Schema | undefined)[]): ForeignKey[] {
  const keys = new Map<string, ForeignKey>();
  for (const schema of schemas) {
    for (const table of schema?.tables.values() ?? []) {
      for (const constraint of table.constraints.values()) {
        if (!constraint.references) continue;
        const key = {
          table: keyOf(table.namespace, table.name),
          columns: constraint.columns,
          target: constraint.references.table,
          targetColumns: constraint.references.columns,
        };
        keys.set(JSON.stringify(key), key);
      }
    }
  }
  return [...keys.values()];
}

/** `inserts 3 rows into public.t again`: what a second run did to a table. */
export function changeText({ table, inserted, updated, deleted, columns, isByTrigger }: SeedChange): string {
  const rows = (count: number) => `${count} ${count === 1 ? 'row' : 'rows'}`;
  const acts = [
    ...(inserted > 0 ? [`inserts ${rows(inserted)} into ${table} again`] : []),
    ...(updated > 0 ? [`changes ${columns.join(', ')} in ${rows(updated)} of ${table}`] : []),
    ...(deleted > 0 ? [`deletes ${rows(deleted)} of ${table}`] : []),
  ];
  return `${acts.join(', ')}${isByTrigger ? ' by a trigger' : ''}`;
}

/** The seed, then every file that it includes. */
export function filesOf(reading: SeedReading): SeedReading[] {
  return [reading, ...reading.included.flatMap(filesOf)];
}

/** All statements of the seed in the order in which they run, with the file that each stands in. */
export function inOrder(reading: SeedReading): readonly { reading: SeedReading; statement: SeedStatement }[] {
  return reading.order ?? reading.statements.map((statement) => ({ reading, statement }));
}

/** What has run when a statement's turn comes, in the files before it too; of some verbs, of which a seed has few. */
export function ranBefore(
  reading: SeedReading,
  statement: SeedStatement,
  verbs: readonly SeedStatement['verb'][],
): SeedStatement[] {
  const key = verbs.join();
  const known = rareByReading.get(reading) ?? new Map<string, RareStatement[]>();
  rareByReading.set(reading, known);
  let rare = known.get(key);
  if (rare === undefined) {
    rare = inOrder(reading).flatMap((each, place) => (verbs.includes(each.statement.verb) ? [{ ...each, place }] : []));
    known.set(key, rare);
  }
  if (rare.length === 0) return [];
  const isOfOne = reading.order === null;
  const place = isOfOne ? 0 : (reading.order ?? []).findIndex((each) => each.statement === statement);
  return rare
    .filter((each) => (each.reading === reading ? each.statement.span.from < statement.span.from : each.place < place))
    .map((each) => each.statement);
}

type RareStatement = ReturnType<typeof inOrder>[number] & { place: number };

const rareByReading = new WeakMap<SeedReading, Map<string, RareStatement[]>>();

/** The file that is run, where this one is only a part of it. */
export function rootOf({ file, inclusion }: SeedReading): string {
  return inclusion?.root ?? file;
}
