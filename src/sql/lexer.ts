/**
 * PostgreSQL's lexical rules (scan.l) on UTF-16 offsets: where strings, comments, quoted names and dollar quotes begin and end.
 * What the parser's byte positions cannot tell (ends of expressions, text it refuses) is read from these tokens.
 * Total: any text gives tokens; refuses to know grammar.
 */

export type TokenKind =
  | 'word' // identifier or keyword, `text` lower-case
  | 'quoted' // "identifier"
  | 'string' // '…', E'…', B'…', U&'…'
  | 'dollar' // $tag$…$tag$
  | 'number'
  | 'parameter' // $1
  | 'mark' // ( ) [ ] , ; . :
  | 'operator'
  | 'backslash' // psql's meta-commands begin here
  | 'unterminated';

export interface Token {
  kind: TokenKind;
  /** Words in lower case; quoted names unquoted; everything else as written. */
  text: string;
  from: number;
  to: number;
}

const operatorCharacters = '~!@#^&|`?+-*/%<>=';
const wordStart = /[A-Za-z_\u0080-\uffff]/;
const wordPattern = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const numberPattern =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?)/y;
const dollarPattern = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

const blanks = ' \n\t\r\f\v\ufeff';

/** Offset behind the last character between the offsets that is no whitespace; `from` where there is none. */
export function endOfText(text: string, from: number, to: number): number {
  let at = to;
  while (at > from && blanks.includes(text[at - 1] as string)) at--;
  return at;
}

/** Offset after the whitespace and comments that begin at `from`. */
export function skipBlank(text: string, from: number, to: number = text.length): number {
  let at = from;
  while (at < to) {
    const character = text[at] as string;
    if (blanks.includes(character)) at++;
    else if (character === '-' && text[at + 1] === '-') {
      while (at < to && text[at] !== '\n' && text[at] !== '\r') at++;
    } else if (character === '/' && text[at + 1] === '*') at = endOfComment(text, at);
    else break;
  }
  return Math.min(at, to);
}

function endOfComment(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    if (text.startsWith('/*', at)) {
      depth++;
      at += 2;
    } else if (text.startsWith('*/', at)) {
      depth--;
      at += 2;
      if (depth === 0) return at;
    } else at++;
  }
  return at;
}

/** Offset after a quoted run that begins at `open` with `quote`; -1 where it never ends. */
function endOfQuoted(text: string, open: number, quote: string, hasEscapes: boolean): number {
  let at = open + 1;
  while (at < text.length) {
    const character = text[at];
    if (hasEscapes && character === '\\') at += 2;
    else if (character === quote) {
      if (text[at + 1] === quote) at += 2;
      else return at + 1;
    } else at++;
  }
  return -1;
}

/** The token that begins at or after `from`, blanks and comments skipped; null at the end. */
export function nextToken(text: string, from: number, to: number = text.length): Token | null {
  const start = skipBlank(text, from, to);
  if (start >= to) return null;
  const character = text[start] as string;
  const token = (kind: TokenKind, end: number, value: string = text.slice(start, end)): Token => ({
    kind,
    text: value,
    from: start,
    to: Math.min(end, to),
  });
  const stringFrom = (open: number, hasEscapes: boolean): Token => {
    const end = endOfQuoted(text, open, "'", hasEscapes);
    return end < 0 ? token('unterminated', to) : token('string', end);
  };

  if (character === "'") return stringFrom(start, false);
  if ((character === 'e' || character === 'E') && text[start + 1] === "'") return stringFrom(start + 1, true);
  if ('bBxXnN'.includes(character) && text[start + 1] === "'") return stringFrom(start + 1, false);
  if ((character === 'u' || character === 'U') && text[start + 1] === '&' && text[start + 2] === "'")
    return stringFrom(start + 2, false);
  if (
    character === '"' ||
    ((character === 'u' || character === 'U') && text[start + 1] === '&' && text[start + 2] === '"')
  ) {
    const open = character === '"' ? start : start + 2;
    const end = endOfQuoted(text, open, '"', false);
    return end < 0
      ? token('unterminated', to)
      : token('quoted', end, text.slice(open + 1, end - 1).replaceAll('""', '"'));
  }
  if (character === '$') {
    const tag = matchAt(dollarPattern, text, start);
    if (tag !== null) {
      const close = text.indexOf(tag, start + tag.length);
      return close < 0 ? token('unterminated', to) : token('dollar', close + tag.length);
    }
    const parameter = /\$\d+/y;
    const found = matchAt(parameter, text, start);
    return found === null ? token('operator', start + 1) : token('parameter', start + found.length);
  }
  if (wordStart.test(character)) {
    const word = matchAt(wordPattern, text, start) as string;
    return token(
      'word',
      start + word.length,
      word.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
    );
  }
  if ((character >= '0' && character <= '9') || (character === '.' && /\d/.test(text[start + 1] ?? ''))) {
    const number = matchAt(numberPattern, text, start) ?? character;
    return token('number', start + number.length);
  }
  if (character === ':' && text[start + 1] === ':') return token('operator', start + 2);
  if (character === ':' && text[start + 1] === '=') return token('operator', start + 2);
  if ('()[],;.:'.includes(character)) return token('mark', start + 1);
  if (character === '\\') return token('backslash', start + 1);
  if (operatorCharacters.includes(character)) {
    let end = start + 1;
    while (
      end < to &&
      operatorCharacters.includes(text[end] as string) &&
      !text.startsWith('--', end) &&
      !text.startsWith('/*', end)
    )
      end++;
    return token('operator', end);
  }
  return token('operator', start + 1);
}

/** All tokens of `text` between the offsets. */
export function tokensOf(text: string, from = 0, to: number = text.length): Token[] {
  const tokens: Token[] = [];
  let at = from;
  for (;;) {
    const token = nextToken(text, at, to);
    if (!token) return tokens;
    tokens.push(token);
    at = token.to;
  }
}

/** Index of the bracket that closes the one at `open`; -1 where none does. */
export function closingIndex(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    if (token.kind !== 'mark') continue;
    if (token.text === '(' || token.text === '[') depth++;
    else if (token.text === ')' || token.text === ']') {
      depth--;
      if (depth === 0) return i;
    }
  }
  return -1;
}

/** The value of a string or dollar-quoted token; null where it is another. */
export function stringValue(token: Token): string | null {
  if (token.kind === 'dollar') {
    const tag = token.text.slice(0, token.text.indexOf('$', 1) + 1);
    return token.text.slice(tag.length, -tag.length);
  }
  if (token.kind !== 'string') return null;
  const open = token.text.indexOf("'");
  const inner = token.text.slice(open + 1, -1).replaceAll("''", "'");
  if (open === 0 || !/^[eE]/.test(token.text)) return inner;
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole, hex, u4, u8, octal, other) => {
      if (hex ?? u4 ?? u8) {
        const code = Number.parseInt(hex ?? u4 ?? u8, 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      }
      if (octal) return String.fromCharCode(Number.parseInt(octal, 8));
      return { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }[other as string] ?? other;
    },
  );
}
