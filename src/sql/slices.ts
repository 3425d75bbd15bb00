/**
 * Exact source text of parts of a statement, found by its tokens: the tree tells where an expression is, never where it ends.
 */
import { closingIndex, type Token } from './lexer.ts';
import type { Statement } from './pg-parser.ts';

export function isWord(token: Token | undefined, ...words: string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text);
}

export function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.text === mark;
}

/** Index of the token that holds or follows the offset. */
export function indexAt(statement: Statement, offset: number): number {
  const { tokens } = statement;
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle] as Token).to <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function sliceOf(statement: Statement, first: number, last: number): string {
  const from = statement.tokens[first]?.from;
  const to = statement.tokens[last]?.to;
  return from === undefined || to === undefined || to <= from ? '' : statement.source.slice(from, to);
}

/** First token from `index` on, in the same or an inner bracket, that is one of the words; -1. */
export function findWord(statement: Statement, index: number, ...words: string[]): number {
  for (let i = Math.max(index, 0); i < statement.tokens.length; i++)
    if (isWord(statement.tokens[i], ...words)) return i;
  return -1;
}

/** The same outside brackets that open after `index`. */
export function findWordOutside(statement: Statement, index: number, ...words: string[]): number {
  const { tokens } = statement;
  for (let i = Math.max(index, 0); i < tokens.length; i++) {
    if (isMark(tokens[i], '(') || isMark(tokens[i], '[')) {
      const close = closingIndex(tokens, i);
      if (close < 0) return -1;
      i = close;
    } else if (isWord(tokens[i], ...words)) return i;
  }
  return -1;
}

/** Text between the bracket at or after `index` and the one that closes it; with the index of the latter. */
export function bracketed(statement: Statement, index: number): { text: string; open: number; close: number } | null {
  const { tokens } = statement;
  for (let i = Math.max(index, 0); i < tokens.length; i++) {
    if (!isMark(tokens[i], '(')) continue;
    const close = closingIndex(tokens, i);
    if (close < 0) return null;
    return { text: sliceOf(statement, i + 1, close - 1), open: i, close };
  }
  return null;
}

/** Runs of tokens between the commas of `first`…`last`, brackets respected: first and last index of each. */
export function splitByComma(statement: Statement, first: number, last: number): [number, number][] {
  const { tokens } = statement;
  const parts: [number, number][] = [];
  let start = first;
  for (let i = first; i <= last; i++) {
    if (isMark(tokens[i], '(') || isMark(tokens[i], '[')) {
      const close = closingIndex(tokens, i);
      if (close < 0) break;
      i = close;
    } else if (isMark(tokens[i], ',')) {
      parts.push([start, i - 1]);
      start = i + 1;
    }
  }
  parts.push([start, last]);
  return parts;
}

const afterDefault = new Set([
  'constraint',
  'unique',
  'primary',
  'check',
  'default',
  'references',
  'generated',
  'collate',
  'deferrable',
  'initially',
  'enforced',
  'no',
]);

/** Last token of the expression that begins at `index`, in a column definition: up to the next constraint, comma or bracket. */
export function endOfDefault(statement: Statement, index: number): number {
  const { tokens } = statement;
  let cases = 0;
  for (let i = index; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (isMark(token, '(') || isMark(token, '[')) {
      const close = closingIndex(tokens, i);
      if (close < 0) return i;
      i = close;
      continue;
    }
    if (isMark(token, ',') || isMark(token, ')') || isMark(token, ';')) return i - 1;
    if (token.kind !== 'word') continue;
    if (token.text === 'case') cases++;
    else if (token.text === 'end' && cases > 0) cases--;
    if (cases > 0 || i === index) continue;
    if (afterDefault.has(token.text)) return i - 1;
    if (token.text === 'null' && !isWord(tokens[i - 1], 'is', 'not')) return i - 1;
    if (
      token.text === 'not' &&
      !isWord(tokens[i - 1], 'is') &&
      isWord(tokens[i + 1], 'null', 'deferrable', 'enforced', 'valid')
    )
      return i - 1;
  }
  return tokens.length - 1;
}

/** Last token before the next comma outside brackets (or the end): an element of a list, a subcommand of ALTER TABLE. */
export function endOfElement(statement: Statement, index: number): number {
  const { tokens } = statement;
  for (let i = index; i < tokens.length; i++) {
    if (isMark(tokens[i], '(') || isMark(tokens[i], '[')) {
      const close = closingIndex(tokens, i);
      if (close < 0) return tokens.length - 1;
      i = close;
    } else if (isMark(tokens[i], ',') || isMark(tokens[i], ')') || isMark(tokens[i], ';')) return i - 1;
  }
  return tokens.length - 1;
}
