/**
 * What the readers of pg_catalog share: one connection inside one snapshot, which namespaces count, how names become keys.
 * Definitions come as PostgreSQL prints them under `search_path = public`.
 */
import { keyOf, quoteLiteral } from '../../model/name.ts';
import type { Connection } from '../connection.ts';

/** The object went away between the snapshot and PostgreSQL's own functions, which look at the present. */
export class CatalogChanged extends Error {
  override name = 'CatalogChanged';
}

export interface CatalogReading {
  connection: Connection;
  /** `150018` */
  version: number;
  /** Namespaces left out, beside PostgreSQL's own. */
  ignoredNamespaces: readonly string[];
  /** The role may not use `public`: then PostgreSQL qualifies what is in it, as if it were not on the search_path. */
  hidesPublic?: boolean;
}

/** SQL: the namespace `n` is neither PostgreSQL's own nor ignored (`$1`). */
export const countsNamespace = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all($1::text[])`;

/** SQL: the object `oid` of the catalog `catalog` belongs to no extension. */
export function belongsToNoExtension(catalog: string, oid: string): string {
  return `not exists (select from pg_depend e where e.classid = '${catalog}'::regclass and e.objid = ${oid} and e.deptype = 'e')`;
}

export async function readRows<Row extends unknown[]>(reading: CatalogReading, sql: string): Promise<Row[]> {
  const ignored = `array[${reading.ignoredNamespaces.map(quoteLiteral).join(', ')}]`;
  return readResolved<Row>(
    reading.connection,
    sql.replaceAll('$1', () => ignored),
  );
}

let cursors = 0;

/**
 * The rows of a SELECT whose names mean PostgreSQL's own and nothing else. In `public` anybody may have laid a function or an
 * operator that fits its arguments better, which would run with our rights (CVE-2018-1058). A cursor's names are resolved
 * where it is declared; what it prints (`pg_get_constraintdef`) follows the search_path where it is fetched.
 */
export async function readResolved<Row extends unknown[]>(connection: Connection, select: string): Promise<Row[]> {
  const cursor = `chain_reading_${++cursors}`;
  return (await connection.queryArrays(
    `set local search_path = pg_catalog; set local cursor_tuple_fraction = 1;
     declare ${cursor} no scroll cursor for ${select};
     set local search_path = public; fetch all from ${cursor}`,
  )) as Row[];
}

/** A definition that PostgreSQL must be able to print while the object lives. */
export function present(definition: string | null, what: string): string {
  if (definition === null) throw new CatalogChanged(what);
  return definition;
}

/** Names of columns by table and attribute number. */
export class ColumnNames {
  private readonly byTable = new Map<number, string[]>();
  /** Only of the names that need quotes. */
  private readonly quotedByPlace = new Map<string, string>();

  add(table: number, number: number, name: string): void {
    const names = this.byTable.get(table);
    if (names) names[number] = name;
    else {
      const fresh: string[] = [];
      fresh[number] = name;
      this.byTable.set(table, fresh);
    }
  }

  /** Names of `numbers` in their order; expressions (0) are left out. */
  of(table: number, numbers: readonly number[]): string[] {
    const names = this.byTable.get(table) ?? [];
    return numbers.flatMap((number) => (number < 0 ? (systemColumns[-number] ?? []) : (names[number] ?? [])));
  }

  /** As `quote_ident` of this server spells it. */
  addQuoted(table: number, number: number, quoted: string): void {
    this.quotedByPlace.set(`${table} ${number}`, quoted);
  }

  quoted(table: number, number: number): string | null {
    return this.quotedByPlace.get(`${table} ${number}`) ?? this.one(table, number);
  }

  one(table: number, number: number): string | null {
    return this.of(table, [number])[0] ?? null;
  }
}

/** access/sysattr.h, negated. */
const systemColumns: readonly string[] = ['', 'ctid', 'xmin', 'cmin', 'xmax', 'cmax', 'tableoid'];

/** Names of relations that anything may point to, by OID. */
export class RelationNames {
  private readonly keyByOid = new Map<number, string>();

  add(oid: number, namespace: string, name: string): void {
    this.keyByOid.set(oid, keyOf(namespace, name));
  }

  get(oid: number): string | null {
    return this.keyByOid.get(oid) ?? null;
  }
}

/** A type, or a list of arguments, as it is spelt for those who may use `public`. */
export function asInPublic({ hidesPublic }: CatalogReading, text: string): string {
  return hidesPublic ? text.replace(/(?<![\w".])public\.(?=["\p{L}_])/gu, '') : text;
}

/** The numbers of an int2vector or oidvector's text. */
export function vector(text: string): number[] {
  return text === '' ? [] : text.split(' ').map(Number);
}

const shared = new Map<string, string>();

/** One copy of a text that thousands of rows repeat (type names). */
export function once(text: string): string {
  const known = shared.get(text);
  if (known !== undefined) return known;
  if (shared.size > 20_000) shared.clear();
  shared.set(text, text);
  return text;
}
