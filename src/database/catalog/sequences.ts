/**
 * Sequences with their settings, and which column each belongs to (serial and OWNED BY: deptype 'a'; identity: 'i').
 */
import { keyOf } from '../../model/name.ts';
import type { Sequence } from '../../model/schema.ts';
import {
  belongsToNoExtension,
  type CatalogReading,
  type ColumnNames,
  countsNamespace,
  once,
  type RelationNames,
  readRows,
} from './reading.ts';
import type { OpenTable } from './tables.ts';

export async function readSequences(
  reading: CatalogReading,
  tables: ReadonlyMap<number, OpenTable>,
  relations: RelationNames,
  names: ColumnNames,
): Promise<Map<string, Sequence>> {
  const rows = await readRows<
    [string, string, string, string, string, string, string, string, boolean, number | null, number | null]
  >(
    reading,
    `select n.nspname, c.relname, pg_get_userbyid(c.relowner), format_type(s.seqtypid, null), s.seqstart, s.seqincrement,
            s.seqmin, s.seqmax, s.seqcycle, d.refobjid, d.refobjsubid
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_sequence s on s.seqrelid = c.oid
       left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
                            and d.deptype in ('a', 'i') and d.refobjsubid > 0
      where c.relkind = 'S' and ${countsNamespace} and ${belongsToNoExtension('pg_class', 'c.oid')}
      order by 1, 2`,
  );
  const sequences = new Map<string, Sequence>();
  for (const [namespace, name, owner, type, start, increment, minValue, maxValue, cycle, tableOid, number] of rows) {
    const key = keyOf(namespace, name);
    const columnName = tableOid === null || number === null ? null : names.one(tableOid, number);
    const tableKey = tableOid === null ? null : relations.get(tableOid);
    const column = columnName === null || tableOid === null ? undefined : tables.get(tableOid)?.columns.get(columnName);
    if (column && column.ownedSequence === null) column.ownedSequence = key;
    sequences.set(key, {
      namespace,
      name,
      type: once(type),
      start,
      increment,
      minValue,
      maxValue,
      cycle,
      owner: once(owner),
      ownedBy: tableKey === null || columnName === null ? null : `${tableKey}.${columnName}`,
    });
  }
  return sequences;
}
