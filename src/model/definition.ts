/**
 * The texts of a Schema's parts as PostgreSQL's catalogue functions print them (pg_get_constraintdef, pg_get_indexdef,
 * ruleutils.c), with names in `public` unqualified, and the pieces of DDL that several writers share.
 * Refuses to normalise expressions: they stand as they were given.
 */
import { keyOf, nameOfKey, type QualifiedName, quoteIdentifier, quoteLiteral } from './name.ts';
import type { Column, Constraint, Index, IndexKey } from './schema.ts';

/** Stands for a type that could not be read; PostgreSQL refuses it, so that nothing is built on a guess. */
export const unreadableType = 'unknown';

/** A key apart; in `public` where it has no schema. */
export function placeOfKey(key: string): { schema: string; name: string } {
  const { schema, name } = nameOfKey(key);
  return { schema: schema ?? 'public', name };
}

/** A key as SQL, always with its schema. */
export function sqlOfKey(key: string): string {
  const { schema, name } = placeOfKey(key);
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A key as the catalogue's functions print it under `search_path = public`. */
export function displayOfKey(key: string): string {
  const { schema, name } = placeOfKey(key);
  return displayOf(schema, name);
}

/** A name as PostgreSQL prints it under `search_path = public`. */
export function displayOf(namespace: string, name: string): string {
  return namespace === 'public' ? quoteIdentifier(name) : `${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`;
}

export function columnList(columns: readonly string[]): string {
  return columns.map(quoteIdentifier).join(', ');
}

/** `(a > 0)` for `a > 0`; text that already is one pair of parentheses stays as it is. */
export function parenthesised(expression: string): string {
  return isOneParenthesis(expression) ? expression : `(${expression})`;
}

/** The first character's parenthesis closes at the last one, outside strings and quoted names. */
export function isOneParenthesis(text: string): boolean {
  if (!text.startsWith('(') || !text.endsWith(')')) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "'" || c === '"') {
      const end = text.indexOf(c, i + 1);
      if (end < 0) return false;
      i = end;
    } else if (c === '(') depth++;
    else if (c === ')' && --depth === 0 && i < text.length - 1) return false;
  }
  return depth === 0;
}

/** A collation as SQL: text that is quoted already (or qualified) stays, a bare name is quoted where it must be. */
export function collationSql(collation: string): string {
  return /["]/.test(collation) || /^\w+\.\w+$/.test(collation) ? collation : quoteIdentifier(collation);
}

type ConstraintShape = Pick<
  Constraint,
  | 'type'
  | 'columns'
  | 'references'
  | 'expression'
  | 'deferrable'
  | 'validated'
  | 'enforced'
  | 'include'
  | 'nullsNotDistinct'
> & { definition?: string };

/** `pg_get_constraintdef` of a constraint, from its parts; exclusion constraints keep the text they have. */
export function constraintDefinition(constraint: ConstraintShape): string {
  const tail =
    (constraint.deferrable === 'initially deferred'
      ? ' DEFERRABLE INITIALLY DEFERRED'
      : constraint.deferrable === 'initially immediate'
        ? ' DEFERRABLE'
        : '') + (constraint.enforced === false ? ' NOT ENFORCED' : constraint.validated ? '' : ' NOT VALID');
  const include = constraint.include?.length ? ` INCLUDE (${columnList(constraint.include)})` : '';
  switch (constraint.type) {
    case 'p':
      return `PRIMARY KEY (${columnList(constraint.columns)})${include}${tail}`;
    case 'u':
      return `UNIQUE${constraint.nullsNotDistinct ? ' NULLS NOT DISTINCT' : ''} (${columnList(constraint.columns)})${include}${tail}`;
    case 'f': {
      const references = constraint.references;
      if (references === null) return constraint.definition ?? '';
      return (
        `FOREIGN KEY (${columnList(constraint.columns)}) REFERENCES ${displayOfKey(references.table)}` +
        (references.columns.length > 0 ? `(${columnList(references.columns)})` : '') +
        (references.match === 'FULL' ? ' MATCH FULL' : '') +
        (references.onUpdate === 'NO ACTION' ? '' : ` ON UPDATE ${references.onUpdate}`) +
        (references.onDelete === 'NO ACTION' ? '' : ` ON DELETE ${references.onDelete}`) +
        tail
      );
    }
    case 'c':
      return constraint.expression === null ? (constraint.definition ?? '') : `CHECK (${constraint.expression})${tail}`;
    case 'x':
      return constraint.definition ?? '';
  }
}

/** A key of an index with its collation, operator class and order, as `CREATE INDEX` takes it. */
export function indexKeySql(key: IndexKey): string {
  const text = key.isExpression
    ? isFunctionCall(key.text)
      ? key.text
      : parenthesised(key.text)
    : quoteIdentifier(key.text);
  return (
    text +
    (key.collation ? ` COLLATE ${collationSql(key.collation)}` : '') +
    (key.operatorClass ? ` ${key.operatorClass}` : '') +
    (key.descending ? ` DESC${key.nullsFirst ? '' : ' NULLS LAST'}` : key.nullsFirst ? ' NULLS FIRST' : '')
  );
}

/** `pg_get_indexdef(index, n, true)`: without collation, operator class and order. */
export function indexKeyText(key: Pick<IndexKey, 'text' | 'isExpression'>): string {
  if (!key.isExpression) return quoteIdentifier(key.text);
  return isFunctionCall(key.text) ? key.text : parenthesised(key.text);
}

/** Text that is one call `f(…)`, which PostgreSQL leaves without parentheses of its own as an index key. */
export function isFunctionCall(text: string): boolean {
  const match = /^(?:[a-z_][\w$]*\.|"[^"]+"\.)?(?:[a-z_][\w$]*|"[^"]+")\s*(\(.*\))$/is.exec(text.trim());
  return match !== null && isOneParenthesis(match[1] as string);
}

/** `pg_get_indexdef` of an index on `table` (a key), from its parts. */
export function indexDefinition(table: string, index: Omit<Index, 'definition' | 'keyTexts' | 'valid'>): string {
  return (
    `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${quoteIdentifier(index.name)} ON ${sqlOfKey(table)} USING ${index.method} ` +
    `(${index.keys.map(indexKeySql).join(', ')})` +
    (index.include.length > 0 ? ` INCLUDE (${columnList(index.include)})` : '') +
    (index.nullsNotDistinct ? ' NULLS NOT DISTINCT' : '') +
    (index.where === null ? '' : ` WHERE ${parenthesised(index.where)}`)
  );
}

/** The default of a column that draws from a sequence, as `pg_get_expr` prints it. */
export function nextvalDefault(sequenceKey: string): string {
  return `nextval(${quoteLiteral(displayOfKey(sequenceKey))}::regclass)`;
}

/** One column of a Schema as `CREATE TABLE` and `ADD COLUMN` take it. */
export function columnSql(column: Column): string {
  return (
    `${quoteIdentifier(column.name)} ${column.type}` +
    (column.collation ? ` COLLATE ${collationSql(column.collation)}` : '') +
    (column.generated
      ? ` GENERATED ALWAYS AS ${parenthesised(column.generated.expression)}${column.generated.stored ? ' STORED' : ' VIRTUAL'}`
      : column.identity
        ? ` GENERATED ${column.identity.toUpperCase()} AS IDENTITY` +
          (column.ownedSequence ? ` (SEQUENCE NAME ${sqlOfKey(column.ownedSequence)})` : '')
        : column.default !== null
          ? ` DEFAULT ${column.default}`
          : '') +
    (column.notNull ? ' NOT NULL' : '')
  );
}

/** `name` of a type as PostgreSQL displays it under `search_path = public`. */
export function typeDisplay(name: QualifiedName): string {
  return name.schema === null || name.schema === 'public'
    ? quoteIdentifier(name.name)
    : `${quoteIdentifier(name.schema)}.${quoteIdentifier(name.name)}`;
}

/** A type's text without its array brackets and modifier. */
export function baseTypeOf(type: string): string {
  return type.replace(/(\[\])+$/, '').replace(/\([^()]*\)$/, '');
}

/** Key of the named type that a column's type text stands for; names without a schema are taken from `public`. */
export function typeKeyOf(type: string): string {
  const base = baseTypeOf(type);
  const match = /^(?:("(?:[^"]|"")*"|[^."]+)\.)?("(?:[^"]|"")*"|[^."]+)$/.exec(base);
  if (match === null) return keyOf('public', base);
  const plain = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
  return keyOf(match[1] === undefined ? 'public' : plain(match[1]), plain(match[2] as string));
}
