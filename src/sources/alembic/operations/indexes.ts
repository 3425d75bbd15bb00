/** Indexes: their keys as names, expressions or texts, their `postgresql_*` options, and the spatial ones nobody wrote. */
import { type QualifiedName, quoteIdentifier } from '../../../model/name.ts';
import type { IndexDefinition, IndexKeyDefinition } from '../../../model/operation.ts';
import { isObject, type Machine, plain, reasonOf, textOf, type Value } from '../python/index.ts';
import type { ReadColumn } from './columns.ts';
import { asMade, columnName } from './made.ts';
import { flagOf, isAbsent, nameOf, textList } from './read-values.ts';
import { rawText, sqlText } from './sql-text.ts';

/**
 * The index that GeoAlchemy2 gives a column when it joins a table (geoalchemy2, `after_parent_attach` and the table's
 * events; `idx_{table}_{column}`), unless `spatial_index=False` says not to.
 */
export function spatialIndex(table: QualifiedName, { type, definition }: ReadColumn): IndexDefinition | null {
  const { spatial } = type;
  if (spatial === undefined) return null;
  const key =
    spatial === 'raster'
      ? { text: `st_convexhull(${quoteIdentifier(definition.name)})`, isExpression: true }
      : {
          text: definition.name,
          isExpression: false,
          ...(spatial === 'dimensions' ? { operatorClass: 'gist_geometry_ops_nd' } : {}),
        };
  return { name: `idx_${table.name}_${definition.name}`, unique: false, method: 'gist', keys: [key] };
}

/** The keys and options of an index; `ops` etc. are `postgresql_*` arguments. */
export function readIndex(
  machine: Machine,
  name: { name: string; isFinal: boolean } | null,
  keys: Value[],
  options: ReadonlyMap<string, Value>,
): IndexDefinition | string {
  const operatorClasses = plain(options.get('postgresql_ops') ?? null);
  const read: IndexKeyDefinition[] = [];
  for (const key of keys) {
    const [one, ...more] = readIndexKeys(machine, key);
    if (one === undefined) return `an index whose keys are not known: ${reasonOf(key)}`;
    if (isObject(operatorClasses) && operatorClasses.kind === 'dict') {
      const column = one.isExpression ? (keyLabel(key) ?? one.text) : one.text;
      const operatorClass = operatorClasses.map.get(`s${column}`)?.[1];
      const text = operatorClass === undefined ? null : textOf(operatorClass);
      if (text !== null) one.operatorClass = text;
    }
    read.push(one, ...more);
  }
  const definition: IndexDefinition = {
    name: name?.name ?? null,
    unique: flagOf(options.get('unique')) === true,
    method: textOf(options.get('postgresql_using') ?? null)?.toLowerCase() ?? 'btree',
    keys: read,
  };
  if (name?.isFinal) definition.nameIsFinal = true;
  if (read.length === 0) return 'an index without keys';
  const include = textList(machine, options.get('postgresql_include'));
  if (include === null) return 'an index whose included columns are not known';
  if (include.length > 0) definition.include = include;
  const where = options.get('postgresql_where');
  if (!isAbsent(where)) {
    const text = rawText(where) ?? (textOf(where as Value) === null ? sqlText(machine, where) : textOf(where as Value));
    if (text === null) return `an index whose condition is not known: ${reasonOf(where as Value)}`;
    definition.where = text;
  }
  if (flagOf(options.get('postgresql_concurrently'))) definition.concurrently = true;
  if (flagOf(options.get('postgresql_nulls_not_distinct'))) definition.nullsNotDistinct = true;
  return definition;
}

function keyLabel(key: Value): string | null {
  const made = asMade(key);
  return made && made.path === '.label' ? textOf(made.positional[0] ?? null) : null;
}

const orderSuffix = /^([\s\S]*?)(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(FIRST|LAST))?$/i;

/** None: not known. A text may hold several, as SQLAlchemy puts it between the parentheses as it is. */
function readIndexKeys(machine: Machine, value: Value): IndexKeyDefinition[] {
  const direct = nameOf(value)?.name ?? columnName(value);
  if (direct !== null) return [{ text: direct, isExpression: false }];
  const text = sqlText(machine, value, false);
  if (text === null) return [];
  return (rawText(value) === null ? [text] : splitAtCommas(text)).map(parseIndexKey);
}

/** Cut at the commas outside parentheses, brackets and quotes. */
function splitAtCommas(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const [token] of text.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[\s\S]/g)) {
    if (token === '(' || token === '[') depth++;
    else if (token === ')' || token === ']') depth--;
    if (token === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += token;
  }
  return parts;
}

/** `lower(name) DESC`, `name text_pattern_ops`: an index key given as text. */
export function parseIndexKey(text: string): IndexKeyDefinition {
  const match = orderSuffix.exec(text.trim()) as RegExpExecArray;
  let body = (match[1] as string).trim();
  const key: IndexKeyDefinition = { text: body, isExpression: true };
  if (match[2]?.toUpperCase() === 'DESC') key.descending = true;
  if (match[3]) key.nullsFirst = match[3].toUpperCase() === 'FIRST';
  const withClass = /^((?:"[^"]+")|(?:[a-zA-Z_][\w$]*)|(?:[\s\S]*\)))\s+([a-z_]\w*_ops)$/.exec(body);
  if (withClass) {
    key.operatorClass = withClass[2] as string;
    body = withClass[1] as string;
  }
  if (/^[a-z_][\w$]*$/i.test(body)) {
    key.text = body.toLowerCase();
    key.isExpression = false;
  } else if (/^"(?:[^"]|"")+"$/.test(body)) {
    key.text = body.slice(1, -1).replaceAll('""', '"');
    key.isExpression = false;
  } else key.text = body;
  return key;
}
