/**
 * SQL expressions built of SQLAlchemy's constructs → SQL text, as its PostgreSQL compiler prints them with literal values.
 * Null where a part is not known.
 */
import { quoteIdentifier, quoteLiteral } from '../../../model/name.ts';
import { floatText } from '../python/formatting.ts';
import { isObject, isUnknown, type Machine, type Made, plain, textOf, toItems, type Value } from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { asMade } from './made.ts';
import { nameOf } from './read-values.ts';
import { compiledText, readType } from './types.ts';

/** Functions that SQLAlchemy prints without parentheses (sql/functions.py, AnsiFunction). */
const ansiFunctions = new Set([
  'current_date',
  'current_time',
  'current_timestamp',
  'current_user',
  'localtime',
  'localtimestamp',
  'session_user',
  'sysdate',
  'user',
]);

/** `\:` of a text() is a colon (SQLAlchemy's BIND_PARAMS_ESC), but not before another one. */
export function textBody(text: string): string {
  return text.replace(/\\(:[\p{L}\p{N}_$]*)(?![:\p{L}\p{N}_$])/gu, '$1');
}

/** The text of `text('…')` or `literal_column('…')`; null for anything else. */
export function rawText(value: Value | undefined): string | null {
  if (value === undefined) return null;
  const bare = plain(value);
  if (!isObject(bare) || bare.kind !== 'made') return null;
  const path = canonicalPath(bare.path);
  if (path === 'sa.text' || path === 'sa.TextClause' || path === 'sa.literal_column' || path === 'sa.DDL') {
    const text = textOf(bare.positional[0] ?? bare.named.get('text') ?? null);
    return text === null ? null : path === 'sa.literal_column' ? text : textBody(text);
  }
  if (
    bare.receiver !== null &&
    ['.bindparams', '.execution_options', '.columns', '.self_group', '.op'].includes(bare.path)
  )
    return rawText(bare.receiver);
  return null;
}

export function literalText(value: Value): string | null {
  const bare = plain(value);
  const text = textOf(bare);
  if (text !== null) return quoteLiteral(text);
  if (bare === null) return 'NULL';
  if (typeof bare === 'boolean') return bare ? 'true' : 'false';
  if (typeof bare === 'number' || typeof bare === 'bigint') return String(bare);
  if (isObject(bare) && bare.kind === 'float') return floatText(bare.value);
  return null;
}

const postfix: Record<string, string> = {
  is_: 'IS',
  isnot: 'IS NOT',
  is_not: 'IS NOT',
  like: 'LIKE',
  ilike: 'ILIKE',
  notlike: 'NOT LIKE',
  not_like: 'NOT LIKE',
  is_distinct_from: 'IS DISTINCT FROM',
  is_not_distinct_from: 'IS NOT DISTINCT FROM',
  op: '',
};

export function sqlText(machine: Machine, value: Value | undefined, asLiteral = true): string | null {
  if (value === undefined) return null;
  const bare = plain(value);
  const raw = rawText(bare);
  if (raw !== null) return raw;
  if (!isObject(bare)) return asLiteral || typeof bare !== 'string' ? literalText(bare) : quoteIdentifier(bare);
  if (isUnknown(bare)) return null;
  switch (bare.kind) {
    case 'external':
      return externalText(bare.path);
    case 'made':
      return madeText(machine, bare);
    case 'member': {
      const element = plain(bare.object);
      // `column['key'].astext`
      if (isObject(element) && element.kind === 'operated' && element.operator === '[]') {
        const text = bare.name === 'astext' ? operatedText(machine, '[]', element.operands) : null;
        return text?.replace(/ -> (?!.* -> )/, ' ->> ') ?? null;
      }
      // `table.c.name`, `Model.name`: inside a table's own expression the column alone is printed.
      return isObject(element) ? quoteIdentifier(bare.name) : null;
    }
    case 'operated':
      return operatedText(machine, bare.operator, bare.operands);
    case 'instance': {
      const compiled = compiledText(machine, bare.class, bare);
      return compiled ?? literalText(bare);
    }
    default:
      return literalText(bare);
  }
}

function externalText(path: string): string | null {
  const canonical = canonicalPath(path);
  if (canonical?.startsWith('func.')) return canonical.slice(5);
  return null;
}

/** SQLAlchemy's `_PRECEDENCE` (sql/operators.py); what is not in it binds as tightly as a name. */
const levels: Record<string, number> = {
  '[]': 15,
  '*': 8,
  '/': 8,
  '%': 8,
  'unary -': 8,
  '+': 7,
  '-': 7,
  compare: 5,
  not: 4,
  and: 3,
  or: 2,
  op: 0,
};
const associative = new Set(['[]', '+', '*', 'and', 'or']);
const comparisons = new Set(['==', '!=', '<', '>', '<=', '>=']);
const comparing = new Set('in_ not_in notin_ between is_ isnot is_not like ilike notlike not_like'.split(' '));
comparing.add('is_distinct_from').add('is_not_distinct_from');

/** The operator that an expression is made of in the end; null where nothing could tear it apart. */
function outermost(value: Value): string | null {
  const bare = plain(value);
  if (!isObject(bare)) return null;
  if (bare.kind === 'operated') {
    if (comparisons.has(bare.operator)) return 'compare';
    return { '&': 'and', '|': 'or' }[bare.operator] ?? bare.operator;
  }
  if (bare.kind !== 'made') return null;
  if (bare.receiver === null)
    return { 'sa.and_': 'and', 'sa.or_': 'or', 'sa.not_': 'not' }[canonicalPath(bare.path) ?? ''] ?? null;
  const method = bare.path.slice(1);
  if (method === '__call__') return asMade(bare.receiver)?.path === '.op' ? 'op' : null;
  return comparing.has(method) ? 'compare' : null;
}

/** An operand, in parentheses where it would be torn apart without. */
function operandText(machine: Machine, value: Value, operator: string): string | null {
  const text = sqlText(machine, value);
  const inner = outermost(value);
  const binds = (name: string) => levels[name] ?? Number.POSITIVE_INFINITY;
  if (text === null || inner === null || (inner === operator && associative.has(operator))) return text;
  return binds(inner) <= binds(operator) ? `(${text})` : text;
}

function joined(machine: Machine, operator: 'and' | 'or', operands: readonly Value[]): string | null {
  const texts = operands.map((operand) => operandText(machine, operand, operator));
  return texts.includes(null) ? null : texts.join(operator === 'and' ? ' AND ' : ' OR ');
}

/** What SQLAlchemy makes of `not_(a == b)`: the operator that says the contrary. */
const contraries: readonly [RegExp, string][] = [
  [/^([\w".]+) (I?LIKE) ('(?:[^']|'')*')$/, '$1 NOT $2 $3'],
  [/^([\w".]+) NOT (I?LIKE) ('(?:[^']|'')*')$/, '$1 $2 $3'],
  [/^([\w".]+) IN (\([^()]*\))$/, '$1 NOT IN $2'],
  [/^([\w".]+) IS NULL$/, '$1 IS NOT NULL'],
  [/^([\w".]+) IS NOT NULL$/, '$1 IS NULL'],
  [/^([\w".]+) = ('(?:[^']|'')*'|[\w".]+)$/, '$1 != $2'],
];

function negated(machine: Machine, operand: Value): string | null {
  const text = sqlText(machine, operand);
  if (text === null) return null;
  const contrary = outermost(operand) === 'compare' ? contraries.find(([pattern]) => pattern.test(text)) : undefined;
  return contrary === undefined ? `NOT (${text})` : text.replace(contrary[0], contrary[1]);
}

function operatedText(machine: Machine, operator: string, operands: Value[]): string | null {
  if (operator === '&' || operator === 'and' || operator === '|' || operator === 'or')
    return joined(machine, operator === '&' || operator === 'and' ? 'and' : 'or', operands);
  const [first = null, second = null] = operands;
  if (operator === 'not') return negated(machine, first);
  const name = comparisons.has(operator) ? 'compare' : operator;
  const left = operandText(machine, first, name);
  const right = operandText(machine, second, name);
  if (left === null || (operands.length > 1 && right === null)) return null;
  switch (operator) {
    case '==':
      return right === 'NULL' ? `${left} IS NULL` : `${left} = ${right}`;
    case '!=':
      return right === 'NULL' ? `${left} IS NOT NULL` : `${left} != ${right}`;
    case 'unary -':
      return `-${left}`;
    case '[]':
      // Of an array or of JSON: a number may ask either.
      return typeof plain(second) === 'string' ? `${left} -> ${right}` : null;
    case '<':
    case '>':
    case '<=':
    case '>=':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return `${left} ${operator} ${right}`;
    default:
      return null;
  }
}

function madeText(machine: Machine, made: Made): string | null {
  const args = made.positional;
  const each = (values: Value[]): string[] | null => {
    const texts = values.map((value) => sqlText(machine, value));
    return texts.some((text) => text === null) ? null : (texts as string[]);
  };
  if (made.receiver !== null) return methodText(machine, made, each);
  const path = canonicalPath(made.path) ?? '';
  if (path.startsWith('func.')) {
    const name = path.slice(5);
    if (args.length === 0 && ansiFunctions.has(name.toLowerCase())) return name.toUpperCase();
    const inner = each(args);
    return inner === null ? null : `${name}(${inner.join(', ')})`;
  }
  switch (path) {
    case 'sa.true':
      return 'true';
    case 'sa.false':
      return 'false';
    case 'sa.null':
      return 'NULL';
    case 'sa.literal':
    case 'sa.bindparam':
      return literalText(args[path === 'sa.literal' ? 0 : 1] ?? made.named.get('value') ?? null);
    case 'sa.column':
    case 'sa.Column':
    case 'orm.mapped_column': {
      const name = nameOf(args[0] ?? made.named.get('name'))?.name ?? textOf(made.attributes.get('@name') ?? null);
      return name === null ? null : quoteIdentifier(name);
    }
    case 'sa.quoted_name':
      return quoteIdentifier(textOf(args[0] ?? null) ?? '');
    case 'sa.cast':
    case 'sa.type_coerce': {
      const inner = sqlText(machine, args[0]);
      const type = readType(machine, args[1]);
      if (path === 'sa.type_coerce') return inner;
      return inner === null || type.type === null ? null : `CAST(${inner} AS ${type.type})`;
    }
    case 'sa.desc':
    case 'sa.asc': {
      const inner = sqlText(machine, args[0], false);
      return inner === null ? null : `${inner} ${path === 'sa.desc' ? 'DESC' : 'ASC'}`;
    }
    case 'sa.nullsfirst':
    case 'sa.nulls_first':
    case 'sa.nullslast':
    case 'sa.nulls_last': {
      const inner = sqlText(machine, args[0], false);
      return inner === null ? null : `${inner} NULLS ${/first/.test(path) ? 'FIRST' : 'LAST'}`;
    }
    case 'sa.and_':
      return joined(machine, 'and', args);
    case 'sa.or_':
      return joined(machine, 'or', args);
    case 'sa.not_':
      return negated(machine, args[0] ?? null);
    case 'sa.extract': {
      const field = textOf(args[0] ?? null);
      const inner = sqlText(machine, args[1]);
      return field === null || inner === null ? null : `EXTRACT(${field} FROM ${inner})`;
    }
    case 'sa.tuple_': {
      const parts = each(args);
      return parts === null ? null : `(${parts.join(', ')})`;
    }
    case 'postgresql.array': {
      const parts = each(toItems(machine, args[0] ?? null) ?? []);
      return parts === null ? null : `ARRAY[${parts.join(', ')}]`;
    }
    case 'sa.case': {
      const whens = args.flatMap((arg) =>
        isObject(plain(arg)) && (plain(arg) as { kind: string }).kind === 'list'
          ? (toItems(machine, arg) ?? [])
          : [arg],
      );
      const parts: string[] = [];
      for (const when of whens) {
        const pair = each(toItems(machine, when) ?? []);
        if (pair?.length !== 2) return null;
        parts.push(`WHEN (${pair[0]}) THEN ${pair[1]}`);
      }
      const otherwise = made.named.get('else_');
      const last = otherwise === undefined ? '' : ` ELSE ${sqlText(machine, otherwise)}`;
      return `CASE ${parts.join(' ')}${last} END`;
    }
    case 'sa.Sequence':
      return null;
    default:
      return null;
  }
}

function methodText(machine: Machine, made: Made, each: (values: Value[]) => string[] | null): string | null {
  const method = made.path.slice(1);
  if (method === 'next_value') {
    const sequence = plain(made.receiver);
    const name =
      isObject(sequence) && sequence.kind === 'made'
        ? nameOf(sequence.positional[0] ?? sequence.named.get('name'))
        : null;
    return name ? `nextval('${quoteIdentifier(name.name)}')` : null;
  }
  const left = comparing.has(method)
    ? operandText(machine, made.receiver as Value, 'compare')
    : sqlText(machine, made.receiver as Value);
  if (left === null) return null;
  const [first] = made.positional;
  switch (method) {
    case 'desc':
      return `${left} DESC`;
    case 'asc':
      return `${left} ASC`;
    case 'nullslast':
    case 'nulls_last':
      return `${left} NULLS LAST`;
    case 'nullsfirst':
    case 'nulls_first':
      return `${left} NULLS FIRST`;
    case 'in_':
    case 'not_in':
    case 'notin_': {
      const items = each(toItems(machine, first ?? null) ?? []);
      return items === null || items.length === 0
        ? null
        : `${left} ${method === 'in_' ? 'IN' : 'NOT IN'} (${items.join(', ')})`;
    }
    case 'between': {
      const bounds = each(made.positional);
      return bounds === null ? null : `${left} BETWEEN ${bounds[0]} AND ${bounds[1]}`;
    }
    case 'label':
    case 'self_group':
      return left;
    case 'collate':
      return `${left} COLLATE ${quoteIdentifier(textOf(first ?? null) ?? '')}`;
    case 'cast': {
      const type = readType(machine, first);
      return type.type === null ? null : `CAST(${left} AS ${type.type})`;
    }
    case 'has_key':
      return `${left} ? ${sqlText(machine, first)}`;
    case 'astext':
      return left;
    case '__call__': {
      // column.op('||')(other)
      const source = plain(made.receiver);
      if (isObject(source) && source.kind === 'made' && source.path === '.op') {
        const operator = textOf(source.positional[0] ?? null);
        const base = sqlText(machine, source.receiver as Value);
        const right = sqlText(machine, first);
        return operator === null || base === null || right === null ? null : `${base} ${operator} ${right}`;
      }
      const inner = each(made.positional);
      return inner === null ? null : `${left}(${inner.join(', ')})`;
    }
    default: {
      const operator = postfix[method];
      if (operator === undefined) return null;
      const right = sqlText(machine, first);
      return right === null ? null : `${left} ${operator} ${right}`;
    }
  }
}
