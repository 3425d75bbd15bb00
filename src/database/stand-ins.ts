/**
 * Types and collations that the scratch server lacks (pgvector's `vector`, PostGIS's `geometry`, an operating system's
 * collation): opaque stand-ins of the same name, so that all else of a table can be built and compared.
 * What hangs on a stand-in is for the caller to suspect.
 */
import { baseTypeOf, placeOfKey, sqlOfKey, typeKeyOf, unreadableType } from '../model/definition.ts';
import { compareText, quoteIdentifier, quoteLiteral } from '../model/name.ts';
import type { Column, Schema, Table } from '../model/schema.ts';
import type { Connection } from './connection.ts';
import { elevate } from './scratch.ts';
import { SqlError } from './sql-error.ts';

export interface StandIns {
  /** Type names as the columns spell them, without modifier: `vector`, `extensions.geometry`. */
  types: ReadonlySet<string>;
  collations: ReadonlySet<string>;
}

/** Lives in the namespace that introspection always leaves out. */
const unreadableStandIn = 'chain.unreadable';

/** Makes what `schema` names and the server lacks. To be called when namespaces and extensions stand. */
export async function makeStandIns(connection: Connection, schema: Schema): Promise<StandIns> {
  const own = new Set([
    ...schema.enums.keys(),
    ...schema.domains.keys(),
    ...schema.composites.keys(),
    ...schema.tables.keys(),
    ...schema.views.keys(),
  ]);
  const wanted = new Set<string>();
  const collations = new Set<string>();
  const want = (type: string) => {
    const base = baseTypeOf(type);
    if (base !== '' && base !== unreadableType && !own.has(typeKeyOf(base))) wanted.add(base);
  };
  for (const table of schema.tables.values())
    for (const column of table.columns.values()) {
      want(column.type);
      if (column.collation) collations.add(column.collation);
    }
  for (const domain of schema.domains.values()) want(domain.base);
  for (const composite of schema.composites.values())
    for (const attribute of composite.attributes) want(attribute.type);

  const missing = await lacking(connection, [...wanted], 'to_regtype');
  const missingCollations = await lacking(connection, [...collations], 'to_regcollation');
  await connection.query(`create schema if not exists chain`);
  const elevated = await elevate(connection);
  const types = new Set<string>();
  const madeCollations = new Set<string>();
  try {
    for (const type of [...missing, unreadableStandIn]) {
      if (await attempt(elevated ?? connection, typeSql(typeKeyOf(type), elevated !== null))) types.add(type);
    }
    for (const collation of missingCollations) {
      const name = collation.includes('"') || collation.includes('.') ? collation : quoteIdentifier(collation);
      if (await attempt(connection, `create collation ${name} from "C"`)) madeCollations.add(collation);
    }
  } finally {
    await elevated?.close();
  }
  types.delete(unreadableStandIn);
  return { types, collations: madeCollations };
}

/** `schema` with every column of a stand-in's type bare of its modifier, which only the real type understands. */
export function withBareTypes(schema: Schema, standIns: StandIns): Schema {
  const bare = (type: string) => {
    const base = baseTypeOf(type);
    const dimensions = /(\[\])+$/.exec(type)?.[0] ?? '';
    if (base === unreadableType) return `${unreadableStandIn}${dimensions}`;
    return standIns.types.has(base) ? `${base}${dimensions}` : type;
  };
  let isChanged = false;
  const tables = new Map<string, Table>();
  for (const [key, table] of schema.tables) {
    let columns: Map<string, Column> | null = null;
    for (const column of table.columns.values()) {
      const type = bare(column.type);
      if (type === column.type) continue;
      columns ??= new Map(table.columns);
      columns.set(column.name, { ...column, type });
      isChanged = true;
    }
    tables.set(key, columns ? { ...table, columns } : table);
  }
  return isChanged ? { ...schema, tables } : schema;
}

/** Those of `types` (as columns spell them, without modifier) that the server does not know. */
export function lackingTypes(connection: Connection, types: ReadonlySet<string>): Promise<string[]> {
  return lacking(connection, [...types], 'to_regtype');
}

async function lacking(
  connection: Connection,
  names: string[],
  resolve: 'to_regtype' | 'to_regcollation',
): Promise<string[]> {
  const asked = names.filter((name) => !/[;'\\]/.test(name)).sort(compareText);
  if (asked.length === 0) return [];
  await connection.query('set search_path to public');
  const spelled =
    resolve === 'to_regtype'
      ? asked
      : asked.map((name) => (/["]|^\w+\.\w+$/.test(name) ? name : quoteIdentifier(name)));
  try {
    const { rows } = await connection.query<{ place: number }>(
      `select place::int as place from unnest($1::text[]) with ordinality as n(name, place) where ${resolve}(name) is null`,
      [spelled],
    );
    return rows.map(({ place }) => asked[place - 1] as string);
  } catch (error) {
    // One of them does not even parse as a type: asked one by one, that one is simply not made.
    if (!(error instanceof SqlError)) throw error;
    if (asked.length === 1) return [];
    const halves = [asked.slice(0, asked.length >> 1), asked.slice(asked.length >> 1)];
    return [
      ...(await lacking(connection, halves[0] as string[], resolve)),
      ...(await lacking(connection, halves[1] as string[], resolve)),
    ];
  }
}

/** A base type over text's own functions where we may make one, so that literals deparse as they would; else a domain. */
function typeSql(key: string, isSuperuser: boolean): string {
  const type = sqlOfKey(key);
  const { schema } = placeOfKey(key);
  const namespace = `create schema if not exists ${quoteIdentifier(schema)};`;
  if (!isSuperuser) return `${namespace} create domain ${type} as text`;
  const tag = Buffer.from(key).toString('hex').slice(-40);
  return `${namespace}
    create type ${type};
    create function chain.in_${tag}(cstring) returns ${type} language internal immutable strict as ${quoteLiteral('textin')};
    create function chain.out_${tag}(${type}) returns cstring language internal immutable strict as ${quoteLiteral('textout')};
    create type ${type} (input = chain.in_${tag}, output = chain.out_${tag}, like = text);
    grant usage on schema chain, ${quoteIdentifier(schema)} to public; grant usage on type ${type} to public`;
}

async function attempt(connection: Connection, sql: string): Promise<boolean> {
  try {
    await connection.query(`set client_min_messages = error; ${sql}`);
    return true;
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
}
