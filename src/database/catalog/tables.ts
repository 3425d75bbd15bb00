/**
 * Tables of every kind (ordinary, partitioned, foreign) with their columns, comments, sizes and what the role may do there.
 */
import { keyOf } from '../../model/name.ts';
import type { Column, Constraint, Index, Policy, Table, Trigger } from '../../model/schema.ts';
import {
  asInPublic,
  belongsToNoExtension,
  type CatalogReading,
  type ColumnNames,
  countsNamespace,
  once,
  type RelationNames,
  readRows,
} from './reading.ts';

/** A Table whose maps are still being filled. */
export interface OpenTable extends Table {
  columns: Map<string, Column>;
  constraints: Map<string, Constraint>;
  indexes: Map<string, Index>;
  triggers: Map<string, Trigger>;
  policies: Map<string, Policy>;
}

export interface TablesReading {
  byOid: Map<number, OpenTable>;
  unreadable: Set<string>;
  unowned: Set<string>;
  sizes: Map<string, { rows: number; bytes: number }>;
}

const kinds = { r: 'table', p: 'partitioned', f: 'foreign' } as const;

/** Also fills `relations` with every relation of the counted namespaces. */
export async function readTables(reading: CatalogReading, relations: RelationNames): Promise<TablesReading> {
  const rows = await readRows<
    [
      number,
      string,
      string,
      keyof typeof kinds,
      'p' | 'u' | 't',
      boolean,
      boolean,
      string[] | null,
      string | null,
      string | null,
      string | null,
      string,
      boolean,
      boolean,
      number,
      string,
    ]
  >(
    reading,
    `select c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
            case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
            case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end,
            d.description, pg_get_userbyid(c.relowner),
            has_table_privilege(c.oid, 'select'), pg_has_role(c.relowner, 'member'),
            c.reltuples, case when c.relkind = 'r' then pg_relation_size(c.oid) else 0 end
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
      where c.relkind in ('r', 'p', 'f') and ${countsNamespace} and ${belongsToNoExtension('pg_class', 'c.oid')}
      order by n.nspname, c.relname`,
  );
  const byOid = new Map<number, OpenTable>();
  const unreadable = new Set<string>();
  const unowned = new Set<string>();
  const sizes = new Map<string, { rows: number; bytes: number }>();
  for (const [
    oid,
    namespace,
    name,
    kind,
    persistence,
    rowSecurity,
    forceRowSecurity,
    options,
    partitionKey,
    partitionBound,
    comment,
    owner,
    isReadable,
    isOwned,
    tuples,
    bytes,
  ] of rows) {
    const key = keyOf(namespace, name);
    relations.add(oid, namespace, name);
    byOid.set(oid, {
      namespace: once(namespace),
      name,
      kind: kinds[kind],
      columns: new Map(),
      constraints: new Map(),
      indexes: new Map(),
      triggers: new Map(),
      policies: new Map(),
      persistence,
      partitionKey,
      partitionBound,
      parents: [],
      rowSecurity,
      forceRowSecurity,
      options: (options ?? []).sort(),
      owner: once(owner),
      comment,
    });
    if (!isReadable) unreadable.add(key);
    if (!isOwned) unowned.add(key);
    // PostgreSQL 13 says 0 for "never analysed".
    const isUnknown = tuples < 0 || (tuples === 0 && reading.version < 140_000 && Number(bytes) > 0);
    sizes.set(key, { rows: isUnknown ? -1 : tuples, bytes: Number(bytes ?? 0) });
  }
  await readParents(reading, byOid);
  return { byOid, unreadable, unowned, sizes };
}

/** Parents by name, so that one outside the counted namespaces is named too. */
async function readParents(reading: CatalogReading, tables: ReadonlyMap<number, OpenTable>): Promise<void> {
  const rows = await readRows<[number, string, string]>(
    reading,
    `select i.inhrelid, n.nspname, p.relname
       from pg_inherits i join pg_class p on p.oid = i.inhparent join pg_namespace n on n.oid = p.relnamespace
      where p.relkind in ('r', 'p', 'f') order by i.inhrelid, i.inhseqno`,
  );
  for (const [child, namespace, parent] of rows) tables.get(child)?.parents.push(keyOf(namespace, parent));
}

export async function readColumns(
  reading: CatalogReading,
  tables: ReadonlyMap<number, OpenTable>,
  names: ColumnNames,
): Promise<void> {
  const rows = await readRows<
    [
      number,
      number,
      string,
      string,
      boolean,
      string,
      string,
      string | null,
      string | null,
      string | null,
      string | null,
    ]
  >(
    reading,
    `select a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
            pg_get_expr(d.adbin, d.adrelid),
            case when a.attcollation <> 0 and a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
            m.description, case when quote_ident(a.attname) <> a.attname then quote_ident(a.attname) end
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid
       join pg_type t on t.oid = a.atttypid
       left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
       left join pg_description m on m.classoid = 'pg_class'::regclass and m.objoid = a.attrelid and m.objsubid = a.attnum
      where c.relkind in ('r', 'p', 'f') and a.attnum > 0 and not a.attisdropped and ${countsNamespace}
      order by a.attrelid, a.attnum`,
  );
  for (const [
    table,
    number,
    name,
    type,
    notNull,
    identity,
    generated,
    expression,
    collation,
    comment,
    quoted,
  ] of rows) {
    const text = once(name);
    names.add(table, number, text);
    if (quoted !== null) names.addQuoted(table, number, quoted);
    const column: Column = {
      name: text,
      type: once(asInPublic(reading, type)),
      notNull,
      default: generated === '' ? expression : null,
      identity: identity === '' ? null : identity === 'a' ? 'always' : 'by default',
      generated: generated === '' || expression === null ? null : { expression, stored: generated === 's' },
      collation,
      ownedSequence: null,
    };
    if (comment !== null) column.comment = comment;
    tables.get(table)?.columns.set(text, column);
  }
}
