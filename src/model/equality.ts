/**
 * How chain's own SQL asks for rows by their values. A bare `=` is looked up along the search_path, where an operator that
 * somebody made for exactly these types comes before PostgreSQL's own for types that it only coerces (`character varying`,
 * enums, arrays), and runs with the asker's powers (manual 10.2, CVE-2018-1058). Types of extensions keep the bare `=`: what
 * equal means there is theirs. Refuses to know who asks.
 */
import { baseTypeOf, typeKeyOf } from './definition.ts';
import { quoteLiteral } from './name.ts';
import type { Schema } from './schema.ts';
import { isBuiltinType, parseTypeName } from './type-name.ts';

/** PostgreSQL's own operator, wherever the search_path leads. */
export const catalogueEquals = 'OPERATOR(pg_catalog.=)';

/** A column as SQL, and its type as the catalogue prints it; undefined where it is not known. */
export interface Asked {
  sql: string;
  type: string | undefined;
}

/** The operator for two values of `type`. */
export function equalsOperator(type: string | undefined, schema: Schema): string {
  return type !== undefined && isPostgresOwn(type, schema) ? catalogueEquals : '=';
}

/** The condition that the columns hold one of the rows, each value as text and in the columns' order. */
export function isOneOf(columns: readonly Asked[], rows: readonly (readonly string[])[], schema: Schema): string {
  const [first] = columns;
  if (first === undefined || rows.length === 0) return 'false';
  const operators = columns.map(({ type }) => equalsOperator(type, schema));
  if (columns.length === 1) {
    const values = rows.map(([value]) => value ?? '');
    // An array's text has its elements' type by the column's; an array of arrays has none.
    return operators[0] === '=' || first.type?.endsWith('[]')
      ? `${first.sql} IN (${values.map(quoteLiteral).join(', ')})`
      : `${first.sql} ${operators[0]} ANY (${quoteLiteral(arrayText(values))})`;
  }
  const same = rows.map(
    (row) =>
      `(${columns.map(({ sql }, index) => `${sql} ${operators[index]} ${quoteLiteral(row[index] ?? '')}`).join(' AND ')})`,
  );
  return `(${same.join(' OR ')})`;
}

function isPostgresOwn(type: string, schema: Schema): boolean {
  const key = typeKeyOf(type);
  if (schema.enums.has(key)) return true;
  const domain = schema.domains.get(key);
  if (domain !== undefined) return isPostgresOwn(domain.base, schema);
  const parts = parseTypeName(baseTypeOf(type));
  return parts !== null && parts.schema === null && isBuiltinType(parts.name);
}

/** PostgreSQL's text of a one-dimensional array (manual 8.15.6). */
function arrayText(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
