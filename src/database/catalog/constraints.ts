/**
 * Constraints of tables. PostgreSQL 18 also keeps NOT NULL as constraints (contype 'n'); a column's `notNull` says that.
 */
import { keyInSql } from '../../model/name.ts';
import type { Constraint, ConstraintType, ReferentialAction } from '../../model/schema.ts';
import { type CatalogReading, type ColumnNames, countsNamespace, present, readRows, vector } from './reading.ts';
import type { OpenTable } from './tables.ts';

const actions: Readonly<Record<string, ReferentialAction>> = {
  a: 'NO ACTION',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
  d: 'SET DEFAULT',
};

export async function readConstraints(
  reading: CatalogReading,
  tables: ReadonlyMap<number, OpenTable>,
  names: ColumnNames,
): Promise<void> {
  // ALTER TABLE … DISABLE TRIGGER ALL switches those off too that keep a foreign key.
  const isEnforced = `${reading.version >= 180_000 ? 'o.conenforced' : 'true'} and (o.contype <> 'f' or not exists (
    select from pg_trigger t where t.tgconstraint = o.oid and t.tgisinternal and t.tgenabled in ('D', 'R')))`;
  const nullsNotDistinct = reading.version >= 150_000 ? 'i.indnullsnotdistinct' : 'false';
  const rows = await readRows<
    [
      number,
      string,
      ConstraintType,
      string | null,
      boolean,
      boolean,
      boolean,
      boolean,
      number[] | null,
      string | null,
      string | null,
      string[] | null,
      string,
      string,
      string,
      boolean | null,
      string | null,
      number | null,
      string | null,
      boolean,
    ]
  >(
    reading,
    `select o.conrelid, o.conname, o.contype, pg_get_constraintdef(o.oid), o.condeferrable, o.condeferred, o.convalidated,
            o.conparentid <> 0, o.conkey,
            case when o.contype = 'c' then pg_get_expr(o.conbin, o.conrelid) end,
            case when o.contype = 'f' then (
              select ${keyInSql('fn.nspname', 'fc.relname')} from pg_class fc join pg_namespace fn on fn.oid = fc.relnamespace
               where fc.oid = o.confrelid) end,
            case when o.contype = 'f' then (
              select array_agg(fa.attname order by k.place)
                from unnest(o.confkey) with ordinality k(number, place)
                join pg_attribute fa on fa.attrelid = o.confrelid and fa.attnum = k.number) end,
            o.confdeltype, o.confupdtype, o.confmatchtype,
            ${nullsNotDistinct}, i.indkey, i.indnkeyatts, d.description, ${isEnforced}
       from pg_constraint o
       join pg_class c on c.oid = o.conrelid
       join pg_namespace n on n.oid = c.relnamespace
       left join pg_index i on i.indexrelid = o.conindid and o.contype in ('p', 'u', 'x')
       left join pg_description d on d.classoid = 'pg_constraint'::regclass and d.objoid = o.oid and d.objsubid = 0
      where o.contype in ('p', 'u', 'f', 'c', 'x') and c.relkind in ('r', 'p', 'f') and ${countsNamespace}
      order by o.conrelid, o.conname`,
  );
  for (const [
    tableOid,
    name,
    type,
    definition,
    deferrable,
    deferred,
    validated,
    isInherited,
    key,
    expression,
    refTable,
    refColumns,
    onDelete,
    onUpdate,
    match,
    isNullsNotDistinct,
    indexKey,
    keyCount,
    comment,
    enforced,
  ] of rows) {
    const table = tables.get(tableOid);
    if (!table) continue;
    const constraint: Constraint = {
      name,
      type,
      columns: names.of(tableOid, key ?? []),
      definition: present(definition, name),
      references:
        type === 'f'
          ? {
              table: refTable ?? '',
              columns: refColumns ?? [],
              onDelete: actions[onDelete] ?? 'NO ACTION',
              onUpdate: actions[onUpdate] ?? 'NO ACTION',
              match: match === 'f' ? 'FULL' : 'SIMPLE',
            }
          : null,
      expression,
      deferrable: deferrable ? (deferred ? 'initially deferred' : 'initially immediate') : null,
      validated,
    };
    if (!enforced) constraint.enforced = false;
    if (isNullsNotDistinct) constraint.nullsNotDistinct = true;
    if (indexKey !== null && keyCount !== null) {
      const include = names.of(tableOid, vector(indexKey).slice(keyCount));
      if (include.length > 0) constraint.include = include;
    }
    if (isInherited) constraint.fromPartitionParent = true;
    if (comment !== null) constraint.comment = comment;
    table.constraints.set(name, constraint);
  }
}
