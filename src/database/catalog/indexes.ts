/**
 * Indexes of tables and materialized views, those that carry a constraint aside.
 */
import type { Index, IndexKey } from '../../model/schema.ts';
import { type CatalogReading, type ColumnNames, countsNamespace, present, readRows, vector } from './reading.ts';

/** Whatever has indexes, by OID. */
export type IndexOwners = ReadonlyMap<number, { indexes: Map<string, Index> }>;

export async function readIndexes(reading: CatalogReading, owners: IndexOwners, names: ColumnNames): Promise<void> {
  const operatorClasses = await readOperatorClasses(reading);
  const nullsNotDistinct = reading.version >= 150_000 ? 'i.indnullsnotdistinct' : 'false';
  const rows = await readRows<
    [
      number,
      string,
      string | null,
      boolean,
      string,
      boolean,
      boolean,
      boolean,
      string | null,
      string[] | null,
      string,
      string,
      string,
      number,
      string[] | null,
      string | null,
    ]
  >(
    reading,
    `select i.indrelid, x.relname, pg_get_indexdef(i.indexrelid), i.indisunique, am.amname, i.indisvalid, x.relispartition,
            ${nullsNotDistinct},
            case when i.indpred is not null then pg_get_expr(i.indpred, i.indrelid) end,
            case when i.indexprs is not null then
              array(select pg_get_indexdef(i.indexrelid, g, true) from generate_series(1, i.indnatts) g order by g) end,
            i.indkey, i.indoption, i.indclass, i.indnkeyatts,
            case when exists (select from unnest(i.indcollation) k where k not in (0, 100)) then array(
              select case when k.used not in (0, 100) and k.used is distinct from a.attcollation
                          then k.used::regcollation::text end
                from unnest(i.indcollation) with ordinality k(used, place)
                left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k.place - 1] and a.attnum <> 0
               order by k.place) end,
            d.description
       from pg_index i
       join pg_class x on x.oid = i.indexrelid
       join pg_am am on am.oid = x.relam
       join pg_class c on c.oid = i.indrelid
       join pg_namespace n on n.oid = c.relnamespace
       left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = x.oid and d.objsubid = 0
      where c.relkind in ('r', 'p', 'f', 'm') and ${countsNamespace}
        and not exists (select from pg_constraint o where o.conindid = i.indexrelid and o.conrelid = i.indrelid
                           and o.contype in ('p', 'u', 'x'))
      order by i.indrelid, x.relname`,
  );
  for (const [
    ownerOid,
    name,
    definition,
    unique,
    method,
    valid,
    fromPartitionParent,
    isNullsNotDistinct,
    where,
    expressionTexts,
    keyNumbers,
    options,
    classes,
    keyCount,
    collations,
    comment,
  ] of rows) {
    const owner = owners.get(ownerOid);
    if (!owner) continue;
    const numbers = vector(keyNumbers);
    const optionBits = vector(options);
    // Without an expression, the text of each key is its column's quoted name.
    const texts = expressionTexts ?? numbers.map((number) => names.quoted(ownerOid, number) ?? '');
    const classOids = vector(classes);
    const keys = texts.slice(0, keyCount).map((text, place): IndexKey => {
      const column = names.one(ownerOid, numbers[place] ?? 0);
      const bits = optionBits[place] ?? 0;
      return {
        text: column ?? text,
        isExpression: column === null,
        // pg_index.indoption: 1 DESC, 2 NULLS FIRST.
        descending: (bits & 1) !== 0,
        nullsFirst: (bits & 2) !== 0,
        operatorClass: operatorClasses.get(classOids[place] ?? 0) ?? null,
        collation: collations?.[place] ?? null,
      };
    });
    const index: Index = {
      name,
      unique,
      method,
      keys,
      keyTexts: texts.slice(0, keyCount).map((text) => present(text, name)),
      include: numbers
        .slice(keyCount)
        .map((number, place) => names.one(ownerOid, number) ?? texts[keyCount + place] ?? ''),
      where,
      valid,
      definition: present(definition, name),
    };
    if (isNullsNotDistinct) index.nullsNotDistinct = true;
    if (fromPartitionParent) index.fromPartitionParent = true;
    if (comment !== null) index.comment = comment;
    owner.indexes.set(name, index);
  }
}

/** Spelling of the operator classes that are not their type's default, by OID. */
async function readOperatorClasses(reading: CatalogReading): Promise<ReadonlyMap<number, string>> {
  const rows = await readRows<[number, string]>(
    reading,
    `select o.oid, case when pg_opclass_is_visible(o.oid) then quote_ident(o.opcname)
                        else quote_ident(n.nspname) || '.' || quote_ident(o.opcname) end
       from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace where not o.opcdefault`,
  );
  return new Map(rows);
}
