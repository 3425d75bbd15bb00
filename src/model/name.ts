/**
 * Names of PostgreSQL objects and the one codec that turns names and values into SQL.
 * Everything that writes SQL quotes through here; refuses to know what the names stand for.
 */

/** A name as somebody wrote it: `schema` is null where it hangs on the search_path. */
export interface QualifiedName {
  schema: string | null;
  name: string;
  /** The search_path in force where the name was written, where the text itself sets one. */
  searchPath?: readonly string[];
}

/** PostgreSQL's identifier limit: 63 bytes (NAMEDATALEN - 1), not characters. */
export const maxIdentifierBytes = 63;

/** Words that PostgreSQL reserves (fully or for types and functions), so that a bare one would not parse as a name. */
const reservedWords = new Set(
  `all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char
  character check coalesce collate collation column concurrently constraint create cross current_catalog current_date
  current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do
  else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike
  in initially inner inout int integer intersect interval into is isnull join lateral leading least left like limit
  localtime localtimestamp national natural nchar none normalize not notnull null nullif numeric offset on only or order
  out outer overlaps overlay placing position precision primary real references returning right row select session_user
  setof similar smallint some substring symmetric system_user table tablesample then time timestamp to trailing treat trim
  true union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement
  xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`.split(/\s+/),
);

/** `name` as an SQL identifier, quoted only where PostgreSQL itself would quote it (`quote_identifier` in ruleutils). */
export function quoteIdentifier(name: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(name) && !reservedWords.has(name)) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** `value` as an SQL string literal; backslashes go through E'' so that no setting of the session changes the meaning. */
export function quoteLiteral(value: string): string {
  const doubled = value.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** `schema.name`, each part quoted where needed. */
export function quoteQualified(name: QualifiedName): string {
  return name.schema === null
    ? quoteIdentifier(name.name)
    : `${quoteIdentifier(name.schema)}.${quoteIdentifier(name.name)}`;
}

/**
 * The key of an object in a Schema and the subject's name in a finding: `schema.name`, unquoted; a namespace that could not
 * be told from the name (it has a dot, or begins with a quote) is quoted.
 */
export function keyOf(namespace: string, name: string): string {
  return `${namespace.includes('.') || namespace.startsWith('"') ? `"${namespace.replaceAll('"', '""')}"` : namespace}.${name}`;
}

/** The same key, made by PostgreSQL: of SQL expressions for the two names. As texts, whose operators are PostgreSQL's own. */
export function keyInSql(namespace: string, name: string): string {
  const text = `${namespace}::text`;
  return `CASE WHEN ${text} ~ '^"|[.]' THEN '"' || replace(${text}, '"', '""') || '"' ELSE ${text} END || '.' || ${name}::text`;
}

/** A key apart again; `schema` is null where it has none. */
export function nameOfKey(key: string): QualifiedName {
  const quoted = key.startsWith('"') ? /^"((?:[^"]|"")*)"\.([\s\S]*)$/.exec(key) : null;
  if (quoted) return { schema: (quoted[1] as string).replaceAll('""', '"'), name: quoted[2] as string };
  const dot = key.indexOf('.');
  return dot < 0 ? { schema: null, name: key } : { schema: key.slice(0, dot), name: key.slice(dot + 1) };
}

/** Cuts a name to PostgreSQL's 63 bytes without splitting a character (`truncate_identifier`). */
export function truncateIdentifier(name: string, maxBytes: number = maxIdentifierBytes): string {
  // No character takes more than three bytes a UTF-16 unit.
  if (name.length * 3 <= maxBytes) return name;
  const bytes = Buffer.from(name, 'utf8');
  if (bytes.length <= maxBytes) return name;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString('utf8');
}

/** Total order on strings by code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
