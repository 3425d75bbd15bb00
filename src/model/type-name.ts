/**
 * Names of types as PostgreSQL's `format_type` spells them, with `public` on the search_path.
 * Pure text work: refuses to know whether a type exists. Sources: format_type.c, gram.y (Typename), manual chapter 8.
 */
import { quoteIdentifier } from './name.ts';

/** A type's name taken apart: `varchar(36)[]` is `{ name: 'varchar', modifiers: ['36'], isArray: true }`. */
export interface TypeParts {
  /** Null, or as written; `pg_catalog` and `public` are not printed. */
  schema: string | null;
  /** PostgreSQL's internal name (`int4`, `bpchar`, `timestamptz`) or a user's, unquoted. */
  name: string;
  modifiers: string[];
  isArray: boolean;
  /** Interval: `day to second`. */
  fields?: string;
}

const displayByInternalName: Record<string, string> = {
  bool: 'boolean',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  varchar: 'character varying',
  varbit: 'bit varying',
  numeric: 'numeric',
  smallserial: 'smallint',
  serial2: 'smallint',
  serial: 'integer',
  serial4: 'integer',
  bigserial: 'bigint',
  serial8: 'bigint',
  char: '"char"',
};

const zoned: Record<string, [string, string]> = {
  timestamp: ['timestamp', 'without time zone'],
  timestamptz: ['timestamp', 'with time zone'],
  time: ['time', 'without time zone'],
  timetz: ['time', 'with time zone'],
};

/** Names that make a column own a sequence; they are no types. */
export const serialTypeNames: ReadonlySet<string> = new Set([
  'smallserial',
  'serial2',
  'serial',
  'serial4',
  'bigserial',
  'serial8',
]);

/** Shapes that PostGIS prints in its own case (`geometry(Point,4326)`), by lower-case name. */
const postgisShapes = new Map(
  `Geometry Point LineString Polygon MultiPoint MultiLineString MultiPolygon GeometryCollection CircularString CompoundCurve
  CurvePolygon MultiCurve MultiSurface PolyhedralSurface Triangle Tin`
    .split(/\s+/)
    .flatMap((shape) =>
      ['', 'Z', 'M', 'ZM'].map((suffix) => [`${shape}${suffix}`.toLowerCase(), `${shape}${suffix}`] as const),
    ),
);

/** `format_type`'s spelling. */
export function formatType(parts: TypeParts): string {
  return `${formatElement(parts)}${parts.isArray ? '[]' : ''}`;
}

function formatElement({ schema, name, modifiers, fields }: TypeParts): string {
  const list = modifiers.length > 0 ? `(${modifiers.join(',')})` : '';
  if (schema !== null && schema !== 'pg_catalog' && schema !== 'public') {
    return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}${list}`;
  }
  if (schema !== 'public') {
    const zone = Object.hasOwn(zoned, name) ? zoned[name] : undefined;
    if (zone) return `${zone[0]}${list} ${zone[1]}`;
    if (name === 'interval') return `interval${fields ? ` ${fields}` : ''}${list}`;
    if (name === 'bpchar') return list ? `character${list}` : 'bpchar';
    if (name === 'bit') return list ? `bit${list}` : '"bit"';
    if (name === 'numeric' && modifiers.length === 1) return `numeric(${modifiers[0]},0)`;
    if (name === 'float8' || name === 'float4') return displayByInternalName[name] as string;
    const display = Object.hasOwn(displayByInternalName, name) ? displayByInternalName[name] : undefined;
    if (display !== undefined) return `${display}${list}`;
  }
  if (name === 'geometry' || name === 'geography') {
    const shaped = modifiers.map((modifier) => postgisShapes.get(modifier.toLowerCase()) ?? modifier);
    return `${name}${shaped.length > 0 ? `(${shaped.join(',')})` : ''}`;
  }
  return `${quoteIdentifier(name)}${list}`;
}

/** Types of PostgreSQL and its usual extensions that no project makes: a name outside may be an enum or a domain of its own. */
const builtinNames = new Set(
  `bool int2 int4 int8 float4 float8 numeric varchar bpchar char text name bytea bit varbit date time timetz timestamp timestamptz interval uuid json jsonb
  jsonpath xml money inet cidr macaddr macaddr8 point line lseg box path polygon circle tsvector tsquery oid xid xid8 cid tid pg_lsn regclass regproc
  regprocedure regtype regrole regnamespace regconfig regdictionary regoper regoperator regcollation int4range int8range numrange tsrange tstzrange daterange
  int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange record trigger void anyelement anyarray refcursor
  smallserial serial bigserial serial2 serial4 serial8 integer smallint bigint real boolean decimal timestamp timestamptz`.split(
    /\s+/,
  ),
);

export function isBuiltinType(name: string): boolean {
  return builtinNames.has(name);
}

type Token = { kind: 'word' | 'quoted' | 'value' | 'mark'; text: string };

function tokensOf(text: string): Token[] | null {
  const tokens: Token[] = [];
  const pattern =
    /\s+|"((?:[^"]|"")*)"|('(?:[^']|'')*')|([\p{L}_\u0080-\uffff][\p{L}\p{N}_$\u0080-\uffff]*)|(-?\d+)|([().,[\]])/uy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (!match) return null;
    if (match[1] !== undefined) tokens.push({ kind: 'quoted', text: match[1].replaceAll('""', '"') });
    else if (match[2] !== undefined) tokens.push({ kind: 'value', text: match[2] });
    else if (match[3] !== undefined) tokens.push({ kind: 'word', text: match[3].toLowerCase() });
    else if (match[4] !== undefined) tokens.push({ kind: 'value', text: match[4] });
    else if (match[5] !== undefined) tokens.push({ kind: 'mark', text: match[5] });
  }
  return tokens;
}

const internalByWord: Record<string, string> = {
  int: 'int4',
  integer: 'int4',
  smallint: 'int2',
  bigint: 'int8',
  real: 'float4',
  boolean: 'bool',
  decimal: 'numeric',
  dec: 'numeric',
};

const intervalFields = new Set(['year', 'month', 'day', 'hour', 'minute', 'second', 'to']);

/** `text` taken apart, or null where it is no type's name. */
export function parseTypeName(text: string): TypeParts | null {
  const tokens = tokensOf(text.trim());
  if (!tokens) return null;
  let at = 0;
  const takeWord = (...words: string[]): boolean => {
    const matches = words.every((word, i) => tokens[at + i]?.kind === 'word' && tokens[at + i]?.text === word);
    if (matches) at += words.length;
    return matches;
  };
  const takeMark = (mark: string): boolean => {
    const matches = tokens[at]?.kind === 'mark' && tokens[at]?.text === mark;
    if (matches) at++;
    return matches;
  };
  const takeModifiers = (): string[] | null => {
    if (!takeMark('(')) return [];
    const modifiers: string[] = [];
    while (!takeMark(')')) {
      const token = tokens[at++];
      if (!token) return null;
      if (token.kind === 'mark') {
        if (token.text !== ',') return null;
      } else modifiers.push(token.kind === 'quoted' ? quoteIdentifier(token.text) : token.text);
    }
    return modifiers;
  };

  const first = tokens[at];
  if (!first || (first.kind !== 'word' && first.kind !== 'quoted')) return null;
  at++;
  let schema: string | null = null;
  let name = first.text;
  let isQuoted = first.kind === 'quoted';
  while (takeMark('.')) {
    const next = tokens[at++];
    if (!next || (next.kind !== 'word' && next.kind !== 'quoted')) return null;
    schema = name;
    name = next.text;
    isQuoted = next.kind === 'quoted';
  }

  let modifiers: string[] | null;
  let fields: string | undefined;
  if (schema !== null || isQuoted) {
    modifiers = takeModifiers();
  } else if (name === 'double' && takeWord('precision')) {
    name = 'float8';
    modifiers = [];
  } else if (['character', 'char', 'nchar', 'national', 'varchar'].includes(name)) {
    if (name === 'national' && !takeWord('character') && !takeWord('char')) return null;
    const varying = name === 'varchar' || takeWord('varying');
    modifiers = takeModifiers();
    if (!varying && modifiers?.length === 0) modifiers = ['1'];
    name = varying ? 'varchar' : 'bpchar';
  } else if (name === 'bit') {
    const varying = takeWord('varying');
    modifiers = takeModifiers();
    if (!varying && modifiers?.length === 0) modifiers = ['1'];
    name = varying ? 'varbit' : 'bit';
  } else if (name === 'float') {
    modifiers = takeModifiers();
    name = modifiers?.length === 1 && Number(modifiers[0]) < 25 ? 'float4' : 'float8';
    if (modifiers) modifiers = [];
  } else if (name === 'timestamp' || name === 'time') {
    modifiers = takeModifiers();
    if (takeWord('with', 'time', 'zone')) name += 'tz';
    else takeWord('without', 'time', 'zone');
  } else if (name === 'interval') {
    const words: string[] = [];
    while (tokens[at]?.kind === 'word' && intervalFields.has(tokens[at]?.text as string))
      words.push(tokens[at++]?.text as string);
    if (words.length > 0) fields = words.join(' ');
    modifiers = takeModifiers();
  } else {
    name = (Object.hasOwn(internalByWord, name) ? internalByWord[name] : undefined) ?? name;
    modifiers = takeModifiers();
  }
  if (!modifiers) return null;

  let isArray = false;
  if (takeWord('array')) isArray = true;
  while (takeMark('[')) {
    if (tokens[at]?.kind === 'value') at++;
    if (!takeMark(']')) return null;
    isArray = true;
  }
  if (at !== tokens.length) return null;
  return { schema, name, modifiers, isArray, ...(fields ? { fields } : {}) };
}

/**
 * PostgreSQL's own spelling of the type named by `text`: `varchar(36)` → `character varying(36)`, `public.mood` → `mood`.
 * Text that is no type's name comes back trimmed and otherwise as it is.
 */
export function canonicalType(text: string): string {
  let known = canonicalByText.get(text);
  if (known === undefined) {
    const parts = parseTypeName(text);
    known = parts ? formatType(parts) : text.trim();
    if (canonicalByText.size < 10_000) canonicalByText.set(text, known);
  }
  return known;
}

/** A schema states few types, each many times. */
const canonicalByText = new Map<string, string>();
