/**
 * Enums, domains and composite types.
 */
import { compareText, keyOf } from '../../model/name.ts';
import type { Composite, Domain, EnumType } from '../../model/schema.ts';
import {
  asInPublic,
  belongsToNoExtension,
  type CatalogReading,
  countsNamespace,
  once,
  present,
  readRows,
} from './reading.ts';

const typeCounts = `${countsNamespace} and ${belongsToNoExtension('pg_type', 't.oid')}`;

export async function readEnums(reading: CatalogReading): Promise<Map<string, EnumType>> {
  const rows = await readRows<[string, string, string[], string]>(
    reading,
    `select n.nspname, t.typname,
            array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder),
            pg_get_userbyid(t.typowner)
       from pg_type t join pg_namespace n on n.oid = t.typnamespace
      where t.typtype = 'e' and ${typeCounts} order by 1, 2`,
  );
  return new Map(
    rows.map(([namespace, name, labels, owner]) => [
      keyOf(namespace, name),
      { namespace, name, labels, owner: once(owner) },
    ]),
  );
}

export async function readDomains(reading: CatalogReading): Promise<Map<string, Domain>> {
  // contype 'n' (since 17) says again what typnotnull says.
  const rows = await readRows<[string, string, string, boolean, string | null, (string | null)[], string]>(
    reading,
    `select n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
            array(select pg_get_constraintdef(o.oid) from pg_constraint o
                   where o.contypid = t.oid and o.contype = 'c' order by o.conname),
            pg_get_userbyid(t.typowner)
       from pg_type t join pg_namespace n on n.oid = t.typnamespace
      where t.typtype = 'd' and ${typeCounts} order by 1, 2`,
  );
  return new Map(
    rows.map(([namespace, name, base, notNull, text, checks, owner]) => [
      keyOf(namespace, name),
      {
        namespace,
        name,
        base: asInPublic(reading, base),
        notNull,
        default: text,
        owner: once(owner),
        checks: checks.map((check) => present(check, name)),
      },
    ]),
  );
}

export async function readComposites(reading: CatalogReading): Promise<Map<string, Composite>> {
  const rows = await readRows<[string, string, string, string | null, string | null]>(
    reading,
    `select n.nspname, t.typname, pg_get_userbyid(t.typowner), a.attname, format_type(a.atttypid, a.atttypmod)
       from pg_type t
       join pg_namespace n on n.oid = t.typnamespace
       join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
       left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where t.typtype = 'c' and ${typeCounts} order by 1, 2, a.attnum`,
  );
  const composites = new Map<string, Composite>();
  for (const [namespace, name, owner, attribute, type] of rows) {
    const key = keyOf(namespace, name);
    const composite = composites.get(key) ?? { namespace, name, attributes: [], owner: once(owner) };
    composites.set(key, composite);
    if (attribute !== null && type !== null)
      composite.attributes.push({ name: attribute, type: asInPublic(reading, type) });
  }
  return new Map([...composites].sort(([a], [b]) => compareText(a, b)));
}
