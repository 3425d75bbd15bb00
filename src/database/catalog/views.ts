/**
 * Views and materialized views. pg_get_viewdef keeps a lock on every relation a view reads until its transaction ends, so
 * that thousands of views are read in portions, each in a savepoint that is rolled back.
 */
import { keyOf } from '../../model/name.ts';
import type { Index, View } from '../../model/schema.ts';
import {
  asInPublic,
  belongsToNoExtension,
  type CatalogReading,
  type ColumnNames,
  countsNamespace,
  once,
  present,
  readResolved,
  readRows,
} from './reading.ts';

export interface OpenView extends View {
  indexes: Map<string, Index>;
}

const viewsAPortion = 1000;

export async function readViews(reading: CatalogReading, names: ColumnNames): Promise<Map<number, OpenView>> {
  const rows = await readRows<[number, string, string, string, string, string | null, string[], string[], string[]]>(
    reading,
    `select c.oid, n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), d.description,
            array(select a.attname::text from pg_attribute a
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
            array(select quote_ident(a.attname) from pg_attribute a
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
            array(select format_type(a.atttypid, a.atttypmod) from pg_attribute a
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
      where c.relkind in ('v', 'm') and ${countsNamespace} and ${belongsToNoExtension('pg_class', 'c.oid')}
      order by n.nspname, c.relname`,
  );
  const definitions = await readDefinitions(
    reading,
    rows.map(([oid]) => oid),
  );
  const views = new Map<number, OpenView>();
  for (const [oid, namespace, name, kind, owner, comment, columns, quoted, types] of rows) {
    // Columns of views are never dropped: their numbers are their places.
    columns.forEach((column, place) => {
      names.add(oid, place + 1, column);
      names.addQuoted(oid, place + 1, quoted[place] ?? column);
    });
    views.set(oid, {
      namespace,
      name,
      kind: kind === 'v' ? 'view' : 'materialized view',
      owner: once(owner),
      comment,
      columns: columns.map((column, place) => `${column} ${asInPublic(reading, types[place] ?? '')}`),
      definition: present(definitions.get(oid) ?? null, keyOf(namespace, name)),
      indexes: new Map(),
    });
  }
  return views;
}

async function readDefinitions(reading: CatalogReading, oids: number[]): Promise<Map<number, string | null>> {
  const { connection } = reading;
  const definitions = new Map<number, string | null>();
  for (let from = 0; from < oids.length; from += viewsAPortion) {
    await connection.query('savepoint portion');
    const portion = oids.slice(from, from + viewsAPortion);
    const select = `select v, pg_get_viewdef(v) from unnest('{${portion.join(',')}}'::oid[]) v`;
    const rows = await readResolved<[number, string | null]>(connection, select);
    await connection.query('rollback to savepoint portion');
    for (const [oid, definition] of rows) definitions.set(oid, definition);
  }
  return definitions;
}
