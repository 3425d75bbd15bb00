/**
 * The names inside an SQL expression, by its tokens alone: which columns it reads, and the same text with one renamed.
 * Refuses to understand the expression; strings, numbers, casts and functions are told from columns, no more.
 */
import { quoteIdentifier, quoteLiteral } from './name.ts';

interface NameToken {
  name: string;
  from: number;
  to: number;
  /** Follows `::`. */
  isType: boolean;
  /** Stands before `(`. */
  isCall: boolean;
  /** Stands before `.`. */
  isQualifier: boolean;
}

const tokenPattern =
  /(?<string>[eE]'(?:[^'\\]|''|\\.)*'|[bBxXnN]?'(?:[^']|'')*'|\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$)|(?<quoted>"(?:[^"]|"")*")|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<number>\d[\w.]*)|::|[^\s]/gu;

const cache = new Map<string, NameToken[]>();

export function namesIn(text: string): NameToken[] {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const tokens: NameToken[] = [];
  let previous = '';
  for (const match of text.matchAll(tokenPattern)) {
    const { quoted, word } = match.groups as Record<string, string | undefined>;
    if (quoted !== undefined || word !== undefined) {
      const to = match.index + match[0].length;
      const next = /^\s*(.)/.exec(text.slice(to, to + 20))?.[1];
      tokens.push({
        name: quoted === undefined ? (word as string).toLowerCase() : quoted.slice(1, -1).replaceAll('""', '"'),
        from: match.index,
        to,
        isType: previous === '::',
        isCall: next === '(',
        isQualifier: next === '.',
      });
    }
    previous = match[0];
  }
  if (cache.size > 5000) cache.clear();
  cache.set(text, tokens);
  return tokens;
}

/** A constant with its casts, as PostgreSQL prints one (NULL is none): the same for every row and at any time. */
export function isConstant(expression: string): boolean {
  const bare = expression.trim().replace(/::(?:"[^"]*"|[\w .]+|\([\d, ]+\)|\[\])+/g, '');
  const one = String.raw`(?:-?\d+(?:\.\d+)?|true|false|'(?:[^']|'')*')`;
  return new RegExp(`^(?:${one}|ARRAY\\[(?:${one}(?:,\\s*${one})*)?\\])$`, 'i').test(bare);
}

/** Those of `columns` that the expression names, in the table's order. */
export function columnsIn(expression: string, columns: Iterable<string>): string[] {
  const named = new Set(
    namesIn(expression)
      .filter((token) => !token.isType && !token.isCall && !token.isQualifier)
      .map((token) => token.name),
  );
  return [...columns].filter((column) => named.has(column));
}

/** The expression with a column renamed. */
export function renameColumnIn(expression: string, from: string, to: string): string {
  return replaceTokens(
    expression,
    to,
    (token) => token.name === from && !token.isType && !token.isCall && !token.isQualifier,
  );
}

/** The expression with a type renamed where it is cast to; `to` is SQL. */
export function renameTypeIn(expression: string, from: string, to: string): string {
  let result = '';
  let end = 0;
  for (const token of namesIn(expression)) {
    if (!token.isType || token.name !== from || token.isQualifier) continue;
    result += expression.slice(end, token.from) + to;
    end = token.to;
  }
  return result + expression.slice(end);
}

/** The expression with a constant of an enum type renamed: where it is cast to `type`, and where nothing is said, if `isBareMeant`. */
export function renameLabelIn(
  expression: string,
  rename: { from: string; to: string; type: string },
  isBareMeant: boolean,
): string {
  const constant = quoteLiteral(rename.from);
  const casts = new Set(
    namesIn(expression)
      .filter((token) => token.isType && token.name === rename.type)
      .map((token) => token.from),
  );
  let result = '';
  let end = 0;
  for (const { 0: token, index } of expression.matchAll(tokenPattern)) {
    if (token !== constant) continue;
    const after = index + token.length;
    const cast = /^\s*::\s*(?:(?:"[^"]*"|\w+)\s*\.\s*)?/.exec(expression.slice(after));
    if (cast === null ? !isBareMeant : !casts.has(after + cast[0].length)) continue;
    result += expression.slice(end, index) + quoteLiteral(rename.to);
    end = after;
  }
  return result + expression.slice(end);
}

function replaceTokens(text: string, to: string, isMeant: (token: NameToken) => boolean): string {
  let result = '';
  let end = 0;
  for (const token of namesIn(text)) {
    if (!isMeant(token)) continue;
    result += text.slice(end, token.from) + quoteIdentifier(to);
    end = token.to;
  }
  return result + text.slice(end);
}
