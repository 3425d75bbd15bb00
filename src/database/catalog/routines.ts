/**
 * Functions, procedures, aggregates and window functions.
 */
import { keyOf } from '../../model/name.ts';
import type { Routine } from '../../model/schema.ts';
import { asInPublic, belongsToNoExtension, type CatalogReading, countsNamespace, once, readRows } from './reading.ts';

export async function readRoutines(reading: CatalogReading): Promise<Map<string, Routine>> {
  const rows = await readRows<[string, string, string, string, string | null, string, string, string, string | null]>(
    reading,
    `select n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_arguments(p.oid),
            pg_get_function_result(p.oid), p.prokind, p.provolatile, pg_get_userbyid(p.proowner),
            case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where ${countsNamespace} and ${belongsToNoExtension('pg_proc', 'p.oid')}
      order by 1, 2, 3`,
  );
  return new Map(
    rows.map(([namespace, name, identity, args, returned, kind, volatility, owner, definition]) => {
      const identityArguments = asInPublic(reading, identity);
      const [all, result] = [asInPublic(reading, args), returned === null ? null : asInPublic(reading, returned)];
      return [
        `${keyOf(namespace, name)}(${identityArguments})`,
        {
          namespace,
          name,
          identityArguments,
          arguments: all,
          result,
          kind,
          volatility,
          definition,
          owner: once(owner),
        },
      ];
    }),
  );
}
