/**
 * An independent reading of a live schema as canonical JSON (psycopg2-style queries, one a kind, sub-selects a row): the
 * oracle that introspection is held against. Slow and plain on purpose; shares no code with src/database/catalog.
 * Left out: extension-owned objects, system schemas, version tables, the schema `chain`.
 */
import type { Connection } from '../../src/database/index.ts';

type Row = Record<string, unknown>;
type Json = Record<string, unknown>;

const countedNamespace = `n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'chain')`;
const notOfExtension = (catalog: string, oid: string) =>
  `not exists (select 1 from pg_depend e where e.classid='${catalog}'::regclass and e.objid=${oid} and e.deptype='e')`;
const actions: Record<string, string> = {
  a: 'NO ACTION',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
  d: 'SET DEFAULT',
};

/** `versionTables`: those under a name of their own, which nothing tells. */
export async function truthOf(connection: Connection, versionTables: string[] = []): Promise<Json> {
  return connection.transaction(
    async () => {
      await connection.query(`set local search_path = public`);
      return readTruth(async (sql) => (await connection.query<Row>(sql)).rows, versionTables);
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}

async function readTruth(q: (sql: string) => Promise<Row[]>, versionTables: string[]): Promise<Json> {
  const relation = `${countedNamespace} and c.relname !~ '^alembic_version' and ${notOfExtension('pg_class', 'c.oid')}`;
  const tables: Record<string, Json> = {};
  const byOid = new Map<number, Record<string, Json>>();
  for (const r of await q(`select c.oid, n.nspname||'.'||c.relname as k, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
      c.reloptions, pg_get_partkeydef(c.oid) as partkey, pg_get_expr(c.relpartbound,c.oid) as partbound, obj_description(c.oid,'pg_class') as comment,
      (select array_agg(i.inhparent::regclass::text order by i.inhseqno) from pg_inherits i where i.inhrelid=c.oid) as parents
      from pg_class c join pg_namespace n on n.oid=c.relnamespace where c.relkind in ('r','p','f') and ${relation} order by 2`)) {
    const t: Json = {
      kind: { r: 'table', p: 'partitioned', f: 'foreign' }[r.relkind as string],
      columns: {},
      constraints: {},
      indexes: {},
    };
    if (r.relpersistence !== 'p') t.persistence = r.relpersistence;
    if (r.partkey) t.partition_key = r.partkey;
    if (r.partbound) t.partition_bound = r.partbound;
    if (r.parents) t.parents = r.parents;
    if (r.relrowsecurity) t.row_security = true;
    if (r.relforcerowsecurity) t.force_row_security = true;
    if (r.reloptions) t.reloptions = (r.reloptions as string[]).sort();
    if (r.comment !== null) t.comment = r.comment;
    tables[r.k as string] = t;
    byOid.set(r.oid as number, t as Record<string, Json>);
  }
  for (const r of await q(`select c.oid, a.attname, format_type(a.atttypid,a.atttypmod) as type, a.attnotnull, a.attidentity, a.attgenerated,
      pg_get_expr(d.adbin,d.adrelid) as expr, col_description(c.oid,a.attnum) as comment,
      case when a.attcollation<>0 and a.attcollation<>t.typcollation then a.attcollation::regcollation::text end as coll,
      (select s.oid::regclass::text from pg_depend dp join pg_class s on s.oid=dp.objid and s.relkind='S'
        where dp.classid='pg_class'::regclass and dp.refclassid='pg_class'::regclass and dp.refobjid=c.oid and dp.refobjsubid=a.attnum and dp.deptype in ('a','i') limit 1) as ownedseq
      from pg_attribute a join pg_class c on c.oid=a.attrelid join pg_namespace n on n.oid=c.relnamespace join pg_type t on t.oid=a.atttypid
      left join pg_attrdef d on d.adrelid=a.attrelid and d.adnum=a.attnum
      where a.attnum>0 and not a.attisdropped and c.relkind in ('r','p','f') and ${relation} order by c.oid, a.attnum`)) {
    const columns = byOid.get(r.oid as number)?.columns as Json;
    const generated = r.attgenerated !== '';
    const c: Json = {
      pos: Object.keys(columns).length + 1,
      type: r.type,
      notnull: r.attnotnull,
      default: generated ? null : r.expr,
      identity: { '': null, a: 'always', d: 'by default' }[r.attidentity as string],
      generated: generated ? r.expr : null,
    };
    if (r.coll) c.collation = r.coll;
    if (r.ownedseq) c.owned_sequence = r.ownedseq;
    if (r.comment !== null) c.comment = r.comment;
    columns[r.attname as string] = c;
  }
  for (const r of await q(`select co.conrelid, co.conname, co.contype, pg_get_constraintdef(co.oid) as def, co.condeferrable, co.condeferred, co.convalidated,
      co.confdeltype, co.confupdtype, co.conparentid<>0 as inherited_part,
      (select array_agg(at.attname order by k.o) from unnest(co.conkey) with ordinality k(n,o) join pg_attribute at on at.attrelid=co.conrelid and at.attnum=k.n) as cols,
      (select array_agg(at.attname order by k.o) from unnest(co.confkey) with ordinality k(n,o) join pg_attribute at on at.attrelid=co.confrelid and at.attnum=k.n) as refcols,
      (select n2.nspname||'.'||c2.relname from pg_class c2 join pg_namespace n2 on n2.oid=c2.relnamespace where c2.oid=co.confrelid) as reftable
      from pg_constraint co join pg_class c on c.oid=co.conrelid join pg_namespace n on n.oid=c.relnamespace
      where co.contype in ('p','u','f','c','x') and ${relation} order by 1,2`)) {
    const k: Json = { type: r.contype, def: r.def, columns: r.cols ?? [] };
    if (r.contype === 'f')
      Object.assign(k, {
        ref_table: r.reftable,
        ref_columns: r.refcols,
        on_delete: actions[r.confdeltype as string],
        on_update: actions[r.confupdtype as string],
      });
    if (r.condeferrable) k.deferrable = r.condeferred ? 'initially deferred' : 'initially immediate';
    if (!r.convalidated) k.not_valid = true;
    if (r.inherited_part) k.from_partition_parent = true;
    (byOid.get(r.conrelid as number)?.constraints as Json)[r.conname as string] = k;
  }
  for (const r of await q(`select i.indrelid, ic.relname, pg_get_indexdef(i.indexrelid) as def, i.indisunique, am.amname, i.indisvalid,
      pg_get_expr(i.indpred,i.indrelid) as pred, ic.relispartition,
      (select array_agg(pg_get_indexdef(i.indexrelid, g, true) order by g) from generate_series(1,i.indnkeyatts) g) as keys,
      (select array_agg(pg_get_indexdef(i.indexrelid, g, true) order by g) from generate_series(i.indnkeyatts+1,i.indnatts) g) as incl
      from pg_index i join pg_class ic on ic.oid=i.indexrelid join pg_am am on am.oid=ic.relam
      join pg_class c on c.oid=i.indrelid join pg_namespace n on n.oid=c.relnamespace where c.relkind in ('r','p','f') and ${relation}
      and not exists (select 1 from pg_constraint co where co.conindid=i.indexrelid and co.conrelid=i.indrelid and co.contype in ('p','u','x')) order by 1,2`)) {
    const x: Json = { def: r.def, unique: r.indisunique, method: r.amname, keys: r.keys, where: r.pred };
    if (r.incl) x.include = r.incl;
    if (!r.indisvalid) x.invalid = true;
    if (r.relispartition) x.from_partition_parent = true;
    (byOid.get(r.indrelid as number)?.indexes as Json)[r.relname as string] = x;
  }
  for (const r of await q(`select t.tgrelid, t.tgname, pg_get_triggerdef(t.oid) as def from pg_trigger t join pg_class c on c.oid=t.tgrelid
      join pg_namespace n on n.oid=c.relnamespace where not t.tgisinternal and c.relkind in ('r','p','f') and ${relation} order by 1,2`)) {
    const t = byOid.get(r.tgrelid as number) as Json;
    t.triggers = { ...(t.triggers as Json), [r.tgname as string]: r.def };
  }
  for (const r of await q(`select p.polrelid, p.polname, p.polcmd, pg_get_expr(p.polqual,p.polrelid) as qual, pg_get_expr(p.polwithcheck,p.polrelid) as chk
      from pg_policy p join pg_class c on c.oid=p.polrelid join pg_namespace n on n.oid=c.relnamespace where ${relation} order by 1,2`)) {
    const t = byOid.get(r.polrelid as number) as Json;
    t.policies = { ...(t.policies as Json), [r.polname as string]: { cmd: r.polcmd, using: r.qual, check: r.chk } };
  }
  for (const key of versionTables) delete tables[key];
  const type = `${countedNamespace} and ${notOfExtension('pg_type', 't.oid')}`;
  const named = async (sql: string, value: (row: Row) => unknown) =>
    Object.fromEntries((await q(sql)).map((row) => [row.k as string, value(row)]));
  const routine = `from pg_proc p join pg_namespace n on n.oid=p.pronamespace where ${countedNamespace} and ${notOfExtension('pg_proc', 'p.oid')}`;
  const routineKey = `n.nspname||'.'||p.proname||'('||pg_get_function_identity_arguments(p.oid)||')' as k`;
  const truth = {
    schemas: (
      await q(
        `select n.nspname from pg_namespace n where ${countedNamespace} and ${notOfExtension('pg_namespace', 'n.oid')}`,
      )
    )
      .map((r) => r.nspname as string)
      .sort(),
    tables,
    enums: await named(
      `select n.nspname||'.'||t.typname as k, (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid=t.oid) as labels
      from pg_type t join pg_namespace n on n.oid=t.typnamespace where t.typtype='e' and ${type} order by 1`,
      (r) => r.labels ?? [],
    ),
    domains: await named(
      `select n.nspname||'.'||t.typname as k, format_type(t.typbasetype,t.typtypmod) as base, t.typnotnull, t.typdefault,
      (select array_agg(pg_get_constraintdef(co.oid) order by co.conname) from pg_constraint co where co.contypid=t.oid and co.contype='c') as checks
      from pg_type t join pg_namespace n on n.oid=t.typnamespace where t.typtype='d' and ${type} order by 1`,
      (r) => ({ base: r.base, notnull: r.typnotnull, default: r.typdefault, checks: r.checks ?? [] }),
    ),
    composites: (
      await q(`select n.nspname||'.'||t.typname as k from pg_type t join pg_namespace n on n.oid=t.typnamespace join pg_class c on c.oid=t.typrelid
      where t.typtype='c' and c.relkind='c' and ${type}`)
    )
      .map((r) => r.k as string)
      .sort(),
    views: await named(
      `select n.nspname||'.'||c.relname as k, c.relkind, pg_get_viewdef(c.oid) as def,
      (select array_agg(a.attname||' '||format_type(a.atttypid,a.atttypmod) order by a.attnum) from pg_attribute a where a.attrelid=c.oid and a.attnum>0 and not a.attisdropped) as cols,
      (select array_agg(pg_get_indexdef(i.indexrelid) order by 1) from pg_index i where i.indrelid=c.oid) as idx
      from pg_class c join pg_namespace n on n.oid=c.relnamespace where c.relkind in ('v','m') and ${relation} order by 2`,
      (r) => ({
        kind: r.relkind === 'v' ? 'view' : 'materialized view',
        columns: r.cols,
        def: r.def,
        ...(r.idx ? { indexes: (r.idx as string[]).sort() } : {}),
      }),
    ),
    sequences: (
      await q(`select n.nspname||'.'||c.relname as k from pg_class c join pg_namespace n on n.oid=c.relnamespace where c.relkind='S' and ${relation}
      and not exists (select 1 from pg_depend d where d.classid='pg_class'::regclass and d.objid=c.oid and d.refclassid='pg_class'::regclass and d.deptype in ('a','i') and d.refobjsubid>0)`)
    )
      .map((r) => r.k as string)
      .sort(),
    function_signatures: await named(
      `select ${routineKey}, pg_get_function_arguments(p.oid) as a, pg_get_function_result(p.oid) as r, p.prokind::text as kind, p.provolatile::text as v ${routine}`,
      (r) => ({ arguments: r.a, result: r.r, kind: r.kind, volatility: r.v }),
    ),
    extensions: await named(
      `select e.extname as k, n.nspname from pg_extension e join pg_namespace n on n.oid=e.extnamespace`,
      (r) => r.nspname,
    ),
  };
  const count = (part: string) =>
    Object.values(tables).reduce((total, table) => total + Object.keys((table[part] as Json) ?? {}).length, 0);
  const functions = Object.keys(truth.function_signatures).sort();
  return {
    ...truth,
    functions,
    counts: {
      tables: Object.keys(tables).length,
      columns: count('columns'),
      constraints: count('constraints'),
      indexes: count('indexes'),
      enums: Object.keys(truth.enums).length,
      views: Object.keys(truth.views).length,
      functions: functions.length,
      sequences: truth.sequences.length,
      triggers: count('triggers'),
    },
  };
}
