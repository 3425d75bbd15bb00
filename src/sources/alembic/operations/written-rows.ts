/**
 * Rows that the revisions write themselves, as far as they are stated: what a later statement asks of a table that the chain
 * made and filled is answered from them. On a live database others may have come: the answer is an assumption, and told.
 */
import { keyOf, type QualifiedName } from '../../../model/name.ts';
import type { Operation } from '../../../model/operation.ts';
import type { Schema } from '../../../model/schema.ts';
import { askRows, type CatalogueValue, type KnownRow, type KnownTable, notKnown } from '../../../sql/index.ts';

/** Beyond it a table is data, not a list of names. */
export const maxRows = 1_000;

export interface WrittenAnswer {
  /** Null: there are some, and what is asked of them cannot be told. */
  rows: ReadonlyMap<string, CatalogueValue>[] | null;
  condition: string;
}

export class WrittenRows {
  /** Null: what it holds is not known. Tables that no revision made are in none. */
  private readonly tables = new Map<string, KnownRow[] | null>();
  private readonly entered = new Set<string>();
  private searchPath: readonly string[] = ['public'];

  /** A revision that is read once more begins the history anew. */
  enter(revision: string): void {
    if (this.entered.has(revision)) {
      this.entered.clear();
      this.tables.clear();
    }
    this.entered.add(revision);
  }

  /** `isSure`: it runs, as far as can be known. `rows`: what an INSERT adds, where it is stated. */
  note(operation: Operation, isSure: boolean, searchPath: readonly string[], rows: KnownRow[] | null): void {
    this.searchPath = searchPath;
    switch (operation.kind) {
      case 'createTable': {
        const key = this.keyOf(operation.table.name);
        if (operation.ifNotExists && this.tables.has(key)) return;
        const isFilled =
          operation.sql !== undefined &&
          /\b(?:select|values|table)\b/i.test(operation.sql.replace(/^\s*create\s+table/i, ''));
        this.tables.set(key, isSure && !isFilled && operation.table.partitionOf === undefined ? [] : null);
        return;
      }
      case 'dropTable':
        this.tables.delete(this.keyOf(operation.table));
        return;
      case 'renameTable': {
        const key = this.keyOf(operation.table);
        const held = this.tables.get(key);
        this.tables.delete(key);
        if (held !== undefined)
          this.tables.set(this.keyOf({ ...operation.table, name: operation.to }), isSure ? held : null);
        return;
      }
      case 'renameColumn':
      case 'dropColumn':
      case 'addColumn':
      case 'alterColumn': {
        const { table } = operation;
        const column = typeof operation.column === 'string' ? operation.column : operation.column.name;
        this.change(table, isSure, (row) => {
          const { [column]: value, ...others } = row;
          if (operation.kind === 'renameColumn') return { ...others, [operation.to]: value ?? notKnown };
          if (operation.kind === 'alterColumn' && operation.type === undefined) return row;
          return operation.kind === 'dropColumn' ? others : { ...others, [column]: notKnown };
        });
        return;
      }
      case 'touchRows':
        if (operation.verb === 'select') return;
        for (const table of operation.tables) {
          const held = this.tables.get(this.keyOf(table));
          if (held === undefined) continue;
          const isAdded = operation.verb === 'insert' && rows !== null && operation.tables.length === 1;
          const after = isAdded && held !== null ? [...held, ...rows] : operation.verb === 'truncate' ? [] : null;
          this.tables.set(this.keyOf(table), isSure && after !== null && after.length <= maxRows ? after : null);
        }
        return;
      case 'opaque':
        for (const key of operation.objects.length === 0
          ? this.tables.keys()
          : operation.objects.map((name) => this.keyOf(name)))
          if (this.tables.has(key)) this.tables.set(key, null);
        return;
      case 'attachPartition':
      case 'detachPartition':
      case 'createTrigger':
        if (this.tables.has(this.keyOf(operation.table))) this.tables.set(this.keyOf(operation.table), null);
        return;
    }
  }

  /** Whether rows written to it are of use at all. */
  follows(table: QualifiedName): boolean {
    return (this.tables.get(this.keyOf(table)) ?? null) !== null;
  }

  /** Null: the revisions wrote no rows there, or it is not known which. `query` is null where it is none that can be put. */
  answer(query: string | null, tables: readonly QualifiedName[], schema: Schema): WrittenAnswer | null {
    const held = tables.map((table) => this.tables.get(this.keyOf(table)) ?? null);
    if (held.includes(null) || held.every((rows) => rows?.length === 0)) return null;
    const tableNamed = (name: QualifiedName): KnownTable | null => {
      const key = this.keyOf(name);
      const rows = this.tables.get(key) ?? null;
      const columns = schema.tables.get(key)?.columns;
      if (rows === null || columns === undefined) return null;
      const named = [...columns.values()];
      const whole = (row: KnownRow): KnownRow =>
        Object.fromEntries(
          named.map(({ name: own, type }) => [
            own,
            asHeld(Object.hasOwn(row, own) ? (row[own] as CatalogueValue) : notKnown, type, schema),
          ]),
        );
      return { columns: named.map((column) => column.name), rows: rows.map(whole) };
    };
    const rows = query === null ? null : askRows(query, { schema, searchPath: this.searchPath }, tableNamed);
    const names = tables.map((table) => table.name).join(', ');
    return {
      rows,
      condition: `${names} ${tables.length === 1 ? 'holds' : 'hold'} what the revisions write and nothing else`,
    };
  }

  private change(table: QualifiedName, isSure: boolean, change: (row: KnownRow) => KnownRow): void {
    const key = this.keyOf(table);
    const held = this.tables.get(key);
    if (held) this.tables.set(key, isSure ? held.map(change) : null);
  }

  private keyOf({ schema, name }: QualifiedName): string {
    if (schema !== null) return keyOf(schema, name);
    const places = this.searchPath.map((folder) => keyOf(folder, name));
    return places.find((key) => this.tables.has(key)) ?? places[0] ?? keyOf('public', name);
  }
}

/** A constant as a column of the type gives it back; what it would be written otherwise is not known. */
function asHeld(value: CatalogueValue, type: string, { enums }: Schema): CatalogueValue {
  if (value === null) return null;
  if (typeof value === 'object') return notKnown;
  if (/^(?:smallint|integer|bigint)$/.test(type)) return /^-?\d{1,15}$/.test(String(value)) ? Number(value) : notKnown;
  if (type === 'boolean') return typeof value === 'boolean' ? value : notKnown;
  const isText =
    /^(?:text|citext|uuid|character varying)\b/.test(type) || enums.has(type) || enums.has(keyOf('public', type));
  return isText && typeof value === 'string' ? value : notKnown;
}
