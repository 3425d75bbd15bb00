/**
 * Namespaces with what the role may do in them, extensions, and the names of all that belongs to extensions.
 */
import { keyInSql } from '../../model/name.ts';
import type { Extension } from '../../model/schema.ts';
import { belongsToNoExtension, type CatalogReading, countsNamespace, readRows } from './reading.ts';

export interface NamespacesReading {
  names: Set<string>;
  unusable: Set<string>;
  uncreatable: Set<string>;
}

export async function readNamespaces(reading: CatalogReading): Promise<NamespacesReading> {
  const rows = await readRows<[string, boolean, boolean]>(
    reading,
    `select n.nspname, has_schema_privilege(n.oid, 'usage'), has_schema_privilege(n.oid, 'create')
       from pg_namespace n where ${countsNamespace} and ${belongsToNoExtension('pg_namespace', 'n.oid')} order by 1`,
  );
  const having = (wanted: (row: [string, boolean, boolean]) => boolean) =>
    new Set(rows.filter(wanted).map(([name]) => name));
  return {
    names: having(() => true),
    unusable: having(([, usable]) => !usable),
    uncreatable: having(([, , creatable]) => !creatable),
  };
}

export async function readExtensions(reading: CatalogReading): Promise<Map<string, Extension>> {
  const rows = await readRows<[string, string]>(
    reading,
    `select e.extname, n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace order by 1`,
  );
  return new Map(rows.map(([name, namespace]) => [name, { name, namespace }]));
}

/** With the constructors that a range type brings along: `schema.name` of relations and types, `schema.name(identity arguments)` of routines, names of namespaces. */
export async function readExtensionObjects(reading: CatalogReading): Promise<Set<string>> {
  const rows = await readRows<[string]>(
    reading,
    `with owned as (select classid, objid from pg_depend where deptype = 'e' and refclassid = 'pg_extension'::regclass
         or deptype = 'i' and classid = 'pg_proc'::regclass and refclassid = 'pg_type'::regclass)
     select ${keyInSql('n.nspname', 'c.relname')} from owned o join pg_class c on o.classid = 'pg_class'::regclass and c.oid = o.objid
       join pg_namespace n on n.oid = c.relnamespace
     union all
     select ${keyInSql('n.nspname', 't.typname')} from owned o join pg_type t on o.classid = 'pg_type'::regclass and t.oid = o.objid
       join pg_namespace n on n.oid = t.typnamespace
     union all
     select ${keyInSql('n.nspname', 'p.proname')} || '(' || pg_get_function_identity_arguments(p.oid) || ')'
       from owned o join pg_proc p on o.classid = 'pg_proc'::regclass and p.oid = o.objid
       join pg_namespace n on n.oid = p.pronamespace
     union all
     select n.nspname::text from owned o join pg_namespace n on o.classid = 'pg_namespace'::regclass and n.oid = o.objid`,
  );
  return new Set(rows.map(([name]) => name));
}
