/**
 * Triggers and row-level security policies of tables.
 */
import { belongsToNoExtension, type CatalogReading, countsNamespace, present, readRows } from './reading.ts';
import type { OpenTable } from './tables.ts';

export async function readTriggers(reading: CatalogReading, tables: ReadonlyMap<number, OpenTable>): Promise<void> {
  const rows = await readRows<[number, string, string | null, boolean, boolean]>(
    reading,
    `select t.tgrelid, t.tgname, pg_get_triggerdef(t.oid), t.tgenabled in ('O', 'A'), t.tgparentid <> 0
       from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
      where not t.tgisinternal and c.relkind in ('r', 'p', 'f') and ${countsNamespace}
      order by t.tgrelid, t.tgname`.replace(
      't.tgparentid <> 0',
      reading.version >= 130_000 ? 't.tgparentid <> 0' : 'false',
    ),
  );
  for (const [table, name, definition, enabled, isClone] of rows) {
    tables.get(table)?.triggers.set(name, {
      name,
      definition: present(definition, name),
      ...(enabled ? {} : { enabled }),
      ...(isClone ? { fromPartitionParent: true } : {}),
    });
  }
}

export async function readPolicies(reading: CatalogReading, tables: ReadonlyMap<number, OpenTable>): Promise<void> {
  const rows = await readRows<[number, string, string, string | null, string | null, boolean, string[]]>(
    reading,
    `select p.polrelid, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
            p.polpermissive,
            array(select case when r = 0 then 'public' else quote_ident(pg_get_userbyid(r)) end from unnest(p.polroles) r order by 1)
       from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
      where ${countsNamespace} and ${belongsToNoExtension('pg_policy', 'p.oid')}
      order by p.polrelid, p.polname`,
  );
  for (const [table, name, command, using, check, permissive, roles] of rows) {
    tables.get(table)?.policies.set(name, {
      name,
      command,
      using,
      check,
      ...(permissive ? {} : { permissive }),
      ...(roles.length === 1 && roles[0] === 'public' ? {} : { roles }),
    });
  }
}
