/**
 * The names PostgreSQL picks where nobody wrote one: makeObjectName, ChooseRelationName, ChooseIndexNameAddition,
 * ChooseIndexColumnNames (src/backend/commands/indexcmds.c) and ChooseConstraintName (catalog/pg_constraint.c).
 * Lengths are bytes. What stands already is asked through a predicate; refuses to know schemas.
 */
import { truncateIdentifier } from '../model/name.ts';

const limit = 63;

const bytesOf = (text: string) => Buffer.byteLength(text, 'utf8');

/** `name1_name2_label`, the longer of the two names cut until all of it fits; the label is never cut. */
export function makeObjectName(name1: string, name2: string | null, label: string): string {
  let length1 = bytesOf(name1);
  let length2 = name2 === null ? 0 : bytesOf(name2);
  const available = limit - (name2 === null ? 0 : 1) - (label === '' ? 0 : bytesOf(label) + 1);
  while (length1 + length2 > available) {
    if (length1 > length2) length1--;
    else length2--;
  }
  return (
    truncateIdentifier(name1, length1) +
    (name2 === null ? '' : `_${truncateIdentifier(name2, length2)}`) +
    (label === '' ? '' : `_${label}`)
  );
}

/** The first free of `…_label`, `…_label1`, `…_label2`, … */
export function chooseName(
  name1: string,
  name2: string | null,
  label: string,
  isTaken: (name: string) => boolean,
): string {
  for (let pass = 0; ; pass++) {
    const name = makeObjectName(name1, name2, pass === 0 ? label : `${label}${pass}`);
    if (!isTaken(name)) return name;
  }
}

/** Column names joined for a unique, exclusion, foreign key or index name: no more once the buffer is full. */
export function joinedColumns(columns: readonly string[]): string {
  let joined = '';
  for (const column of columns) {
    if (joined !== '') joined += '_';
    joined += column;
    if (bytesOf(joined) > limit) break;
  }
  return joined;
}

/** Names of an index's keys for its own name: a repeated one gets a number, an expression its function's name or `expr`. */
export function indexColumnNames(keys: readonly { text: string; isExpression: boolean }[]): string[] {
  const names: string[] = [];
  for (const key of keys) {
    const original = key.isExpression ? figureColumnName(key.text) : key.text;
    let name = original;
    for (let n = 1; names.includes(name); n++) name = truncateIdentifier(original, limit - String(n).length) + n;
    names.push(name);
  }
  return names;
}

/** FigureIndexColname (parser/parse_target.c) on the text of an expression: function, cast or keyword that names it. */
export function figureColumnName(expression: string): string {
  const text = expression.trim();
  const inner = /^\((.*)\)$/s.exec(text);
  if (inner && closesAtEnd(text)) return figureColumnName(inner[1] as string);
  const call = /^(?:[\w$]+\.)*("(?:[^"]|"")+"|[\w$]+)\s*\(/s.exec(text);
  if (call && closesAtEnd(text.slice(call[0].length - 1))) {
    const name = call[1] as string;
    return name.startsWith('"') ? name.slice(1, -1) : name.toLowerCase();
  }
  const cast = /^(.*)::\s*([\w$]+)(?:\([^)]*\))?(?:\[\])*$/s.exec(text);
  if (cast) {
    const named = figureColumnName(cast[1] as string);
    return named === 'expr'
      ? (typeNameByAlias[(cast[2] as string).toLowerCase()] ?? (cast[2] as string).toLowerCase())
      : named;
  }
  if (/^[a-z_][\w$]*$/i.test(text)) return text.toLowerCase();
  if (/^case\b/i.test(text)) return 'case';
  return 'expr';
}

/** The parser's own names of types that have two. */
const typeNameByAlias: Record<string, string> = {
  integer: 'int4',
  int: 'int4',
  bigint: 'int8',
  smallint: 'int2',
  boolean: 'bool',
  real: 'float4',
};

/** `text` opens with a parenthesis that closes at its last character. */
function closesAtEnd(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "'") {
      const end = text.indexOf("'", i + 1);
      if (end < 0) return false;
      i = end;
    } else if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i === text.length - 1;
  }
  return false;
}
