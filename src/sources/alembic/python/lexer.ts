/**
 * Tokens of a Python file, by CPython's own rules (indentation, joined lines, literals), fast enough to read thousands
 * of whole files in a blink. Knows where a token starts and ends and whether it is sound; refuses to know grammar.
 * Everything it accepts CPython accepts; what it cannot judge it declines (`Undecided`).
 * Longer than most files here: one loop over characters, split it would be slower and no clearer.
 */
import { keywords, T } from './tokens.ts';

/** The file is no Python. `at` is an offset. */
export class SyntaxFault extends Error {
  readonly at: number;
  constructor(at: number, reason: string) {
    super(reason);
    this.at = at;
  }
}

/** Sound or not: nested deeper than a parser follows, or a form that it leaves to others. */
export class Undecided extends Error {}

const numberForm =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*)?\.\d(?:_?\d)*(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?|\d(?:_?\d)*\.?(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?)/y;
const letter = /[\p{L}\p{Nl}_\u2118\u212E\u309B\u309C]/u;
const letterOrDigit = /[\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}_\u00B7\u0387\u1369-\u1371\u19DA\u2118\u212E\u309B\u309C]/u;

const wordCharacter = new Uint8Array(128);
for (let c = 0; c < 128; c++) {
  wordCharacter[c] = (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || c === 95 || (c >= 97 && c <= 122) ? 1 : 0;
}

export class PythonLexer {
  readonly text: string;
  pos = 0;
  /** The current token. */
  tok = 0;
  start = 0;
  stop = 0;
  /** Where the token before it ended. */
  previousStop = 0;
  /** Of a string token. */
  isBytes = false;
  /** Of a name: its text, so that nobody cuts it out twice. */
  word = '';
  /** Open brackets: a line end inside is no token. */
  protected depth = 0;
  private atLineStart = true;
  private readonly indents: number[] = [0];
  private readonly tabIndents: number[] = [0];
  private pendingDedents = 0;
  private brackets: number[] = [];
  private bracketBase = 0;

  /** `from`: where a line begins. */
  constructor(text: string, from = 0) {
    this.text = text;
    this.pos = from === 0 && text.charCodeAt(0) === 0xfeff ? 1 : from;
  }

  fail(reason: string, at: number = this.start): never {
    throw new SyntaxFault(at, reason);
  }

  next(): void {
    this.previousStop = this.stop;
    const text = this.text;
    if (this.pendingDedents > 0) {
      this.pendingDedents--;
      this.tok = T.dedent;
      return;
    }
    if (this.atLineStart && this.depth === 0 && this.indentation()) return;
    let pos = this.pos;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === 32 || c === 9 || c === 12) pos++;
      else if (c === 35) pos = endOfLine(text, pos);
      else if (c === 92) pos = this.joinedLine(pos);
      else if (c === 10 || c === 13) {
        const from = pos;
        pos += c === 13 && text.charCodeAt(pos + 1) === 10 ? 2 : 1;
        if (this.depth > 0) continue;
        this.start = from;
        this.stop = from;
        this.pos = pos;
        this.atLineStart = true;
        this.tok = T.newline;
        return;
      } else if (Number.isNaN(c)) {
        // NaN: the end of the text.
        this.start = pos;
        this.stop = pos;
        this.pos = pos;
        if (this.depth > 0) this.failOpenBracket();
        if (!this.atLineStart) {
          this.atLineStart = true;
          this.tok = T.newline;
          return;
        }
        if (this.indents.length > 1) this.closeIndents();
        else this.tok = T.end;
        return;
      } else {
        this.start = pos;
        this.token(c, pos);
        return;
      }
    }
  }

  /** Behind the line end that a backslash takes away, which must follow it at once. */
  private joinedLine(at: number): number {
    const after = this.text.charCodeAt(at + 1);
    if (after !== 10 && after !== 13) this.fail('a backslash in the middle of a line', at);
    const next = at + (after === 13 && this.text.charCodeAt(at + 2) === 10 ? 3 : 2);
    if (next >= this.text.length) this.fail('unexpected end of file after a backslash', next);
    return next;
  }

  /** At a line's start: blank lines go, and an indent or dedent may come. True: it set the token. */
  private indentation(): boolean {
    const text = this.text;
    let pos = this.pos;
    for (;;) {
      let column = 0;
      let tabColumn = 0;
      let joined = 0;
      let c = text.charCodeAt(pos);
      for (; ; c = text.charCodeAt(++pos)) {
        if (c === 32) {
          column++;
          tabColumn++;
        } else if (c === 9) {
          column = (column >> 3) * 8 + 8;
          tabColumn++;
        } else if (c === 12) {
          column = 0;
          tabColumn = 0;
        } else if (c === 92) {
          // The first backslash with blanks before it says how deep the line that it joins on stands.
          joined ||= column;
          pos = this.joinedLine(pos) - 1;
        } else break;
      }
      if (joined > 0) {
        column = joined;
        tabColumn = joined;
      }
      if (c === 35) {
        pos = endOfLine(text, pos);
        c = text.charCodeAt(pos);
      }
      if (c === 10) {
        pos++;
        continue;
      }
      if (c === 13) {
        pos += text.charCodeAt(pos + 1) === 10 ? 2 : 1;
        continue;
      }
      if (Number.isNaN(c)) {
        this.pos = pos;
        return false;
      }
      this.pos = pos;
      this.atLineStart = false;
      const top = this.indents.length - 1;
      const current = this.indents[top] as number;
      if (column === current) {
        if (tabColumn !== this.tabIndents[top]) this.fail('inconsistent use of tabs and spaces', pos);
        return false;
      }
      this.start = pos;
      this.stop = pos;
      if (column > current) {
        if (tabColumn <= (this.tabIndents[top] as number)) this.fail('inconsistent use of tabs and spaces', pos);
        if (top >= 99) this.fail('too many levels of indentation', pos);
        this.indents.push(column);
        this.tabIndents.push(tabColumn);
        this.tok = T.indent;
        return true;
      }
      while (this.indents.length > 1 && column < (this.indents[this.indents.length - 1] as number)) {
        this.indents.pop();
        this.tabIndents.pop();
        this.pendingDedents++;
      }
      if (column !== this.indents[this.indents.length - 1])
        this.fail('unindent does not match any outer indentation level', pos);
      if (tabColumn !== this.tabIndents[this.tabIndents.length - 1])
        this.fail('inconsistent use of tabs and spaces', pos);
      this.pendingDedents--;
      this.tok = T.dedent;
      return true;
    }
  }

  private closeIndents(): void {
    this.pendingDedents = this.indents.length - 2;
    this.indents.length = 1;
    this.tabIndents.length = 1;
    this.tok = T.dedent;
  }

  private token(c: number, from: number): void {
    const text = this.text;
    if (c < 128 ? wordCharacter[c] === 1 && c > 57 : true) {
      let pos = from;
      let isWide = c >= 128;
      if (c < 128) {
        let d = c;
        do d = text.charCodeAt(++pos);
        while (d < 128 && wordCharacter[d] === 1);
        if (d === 34 || d === 39) {
          if (pos - from <= 2 && this.stringPrefix(text.slice(from, pos).toLowerCase(), pos)) return;
        } else if (d >= 128) {
          isWide = true;
          pos = this.wideName(pos);
        }
      } else {
        const first = text.codePointAt(from) as number;
        if (!letter.test(String.fromCodePoint(first)))
          this.fail(`invalid character U+${first.toString(16).toUpperCase().padStart(4, '0')}`, from);
        pos = this.wideName(from + (first > 0xffff ? 2 : 1));
      }
      this.stop = pos;
      this.pos = pos;
      const length = pos - from;
      this.word = text.slice(from, pos);
      this.tok = T.name;
      // Python knows a name by its compatibility form, and a keyword only as it is written.
      if (isWide) this.word = this.word.normalize('NFKC');
      else if (length < 9 && length > 1) this.tok = keywords.get(this.word) ?? T.name;
      return;
    }
    if (c === 34 || c === 39) {
      this.string(from, c, false, false);
      return;
    }
    const second = text.charCodeAt(from + 1);
    if ((c >= 48 && c <= 57) || (c === 46 && second >= 48 && second <= 57)) {
      this.number(from);
      return;
    }
    this.operator(c, second, from);
  }

  private wideName(from: number): number {
    const text = this.text;
    let pos = from;
    for (;;) {
      const point = text.codePointAt(pos);
      if (point === undefined) return pos;
      if (point < 128) {
        if (wordCharacter[point] !== 1) return pos;
        pos++;
      } else if (letterOrDigit.test(String.fromCodePoint(point))) pos += point > 0xffff ? 2 : 1;
      else return pos;
    }
  }

  private number(from: number): void {
    numberForm.lastIndex = from;
    const match = numberForm.exec(this.text);
    if (match === null) this.fail('invalid number', from);
    const form = match[0];
    const stop = from + form.length;
    if (/^0[0-9_]*[1-9][0-9_]*$/.test(form)) this.fail('leading zeros in a decimal number are not permitted', from);
    const after = this.text.charCodeAt(stop);
    if (after < 128 ? wordCharacter[after] === 1 : letter.test(this.text.charAt(stop))) {
      // `1if x else y` is deprecated and still Python; `0or 1` begins an octal number.
      const isKeyword = /^(?:and|else|for|if|in|is|or|not)\b/.test(this.text.slice(stop, stop + 5));
      if (!isKeyword || (form === '0' && after === 111)) this.fail('invalid number', from);
    }
    this.stop = stop;
    this.pos = stop;
    this.tok = T.number;
  }

  private stringPrefix(prefix: string, quoteAt: number): boolean {
    const quote = this.text.charCodeAt(quoteAt);
    switch (prefix) {
      case 'r':
        this.string(quoteAt, quote, true, false);
        return true;
      case 'u':
        this.string(quoteAt, quote, false, false);
        return true;
      case 'b':
        this.string(quoteAt, quote, false, true);
        return true;
      case 'br':
      case 'rb':
        this.string(quoteAt, quote, true, true);
        return true;
      case 'f':
      case 't':
        this.formatted(quoteAt, quote, false);
        return true;
      case 'fr':
      case 'rf':
      case 'tr':
      case 'rt':
        this.formatted(quoteAt, quote, true);
        return true;
      default:
        return false;
    }
  }

  /** `this.start` is already the prefix's; `at` the opening quote. */
  private string(at: number, quote: number, isRaw: boolean, isBytes: boolean): void {
    const text = this.text;
    const isTriple = text.charCodeAt(at + 1) === quote && text.charCodeAt(at + 2) === quote;
    let pos = isTriple ? at + 3 : at + 1;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === quote) {
        if (!isTriple) break;
        if (text.charCodeAt(pos + 1) === quote && text.charCodeAt(pos + 2) === quote) {
          pos += 2;
          break;
        }
        pos++;
      } else if (c === 92) {
        if (!isRaw) this.escape(pos, isBytes);
        pos += text.charCodeAt(pos + 1) === 13 && text.charCodeAt(pos + 2) === 10 ? 3 : 2;
        if (pos > text.length) this.fail('unterminated string', at);
      } else if (Number.isNaN(c)) this.fail('unterminated string', at);
      else if ((c === 10 || c === 13) && !isTriple) this.fail('unterminated string', at);
      else if (c >= 128 && isBytes) this.fail('bytes can only contain ASCII characters', pos);
      else pos++;
    }
    this.stop = pos + 1;
    this.pos = pos + 1;
    this.isBytes = isBytes;
    this.tok = T.string;
  }

  /** Only escapes that CPython refuses are faults; unknown ones are warnings to it. */
  protected escape(at: number, isBytes: boolean): void {
    const text = this.text;
    const c = text.charCodeAt(at + 1);
    if (c === 120) {
      if (!/^[0-9a-fA-F]{2}$/.test(text.slice(at + 2, at + 4))) this.fail('truncated \\x escape in a string', at);
    } else if (isBytes) return;
    else if (c === 117) {
      if (!/^[0-9a-fA-F]{4}$/.test(text.slice(at + 2, at + 6))) this.fail('truncated \\u escape in a string', at);
    } else if (c === 85) {
      const digits = text.slice(at + 2, at + 10);
      if (!/^[0-9a-fA-F]{8}$/.test(digits) || Number.parseInt(digits, 16) > 0x10ffff)
        this.fail('truncated \\U escape in a string', at);
    } else if (c === 78) {
      if (!/^\{[^{}\n'"]+\}/.test(text.slice(at + 2, at + 100))) this.fail('malformed \\N escape in a string', at);
    }
  }

  /** Behind the backslash at `at` in the text of an f-string and what it goes with; a brace is never that. */
  protected formatEscape(at: number, isRaw: boolean): number {
    const { text } = this;
    const after = text.charCodeAt(at + 1);
    if (!isRaw) this.escape(at, false);
    if (after === 78 && !isRaw) return text.indexOf('}', at) + 1;
    if (after === 123 || after === 125) return at + 1;
    const next = at + (after === 13 && text.charCodeAt(at + 2) === 10 ? 3 : 2);
    if (next > text.length) this.fail('unterminated f-string', at);
    return next;
  }

  /** f- and t-strings need the grammar for their fields: the parser reads them. */
  protected formatted(_at: number, _quote: number, _isRaw: boolean): void {
    throw new Undecided();
  }

  private operator(c: number, second: number, from: number): void {
    let length = 1;
    let tok = c;
    const third = this.text.charCodeAt(from + 2);
    switch (c) {
      case 40: // ( [ {
      case 91:
      case 123:
        if (this.brackets.length >= 200) this.fail('too many nested parentheses', from);
        this.brackets.push(c);
        this.depth++;
        break;
      case 41: // ) ] }
      case 93:
      case 125: {
        const open = this.brackets.length > this.bracketBase ? this.brackets.pop() : undefined;
        if (open === undefined) {
          if (c === 125 && this.bracketBase > 0) break;
          this.fail(`unmatched '${String.fromCharCode(c)}'`, from);
        }
        if ((open === 40 && c !== 41) || (open === 91 && c !== 93) || (open === 123 && c !== 125))
          this.fail(
            `closing '${String.fromCharCode(c)}' does not match '${String.fromCharCode(open as number)}'`,
            from,
          );
        this.depth--;
        break;
      }
      case 44: // , ; ~
      case 59:
      case 126:
        break;
      case 58: // :
        if (second === 61 && !(this.bracketBase > 0 && this.brackets.length === this.bracketBase)) {
          tok = T.walrus;
          length = 2;
        }
        break;
      case 46: // .
        if (second === 46 && third === 46) {
          tok = T.ellipsis;
          length = 3;
        }
        break;
      case 61: // =
        if (second === 61) {
          tok = T.equal;
          length = 2;
        }
        break;
      case 33: // !
        if (second === 61) {
          tok = T.notEqual;
          length = 2;
        } else if (this.bracketBase === 0) this.fail("invalid syntax near '!'", from);
        break;
      case 45: // -
        if (second === 62) {
          tok = T.arrow;
          length = 2;
        } else if (second === 61) {
          tok = T.augmented;
          length = 2;
        }
        break;
      case 42: // *
      case 47: // /
      case 60: // <
      case 62: // >
        if (second === c) {
          length = 2;
          tok = c === 42 ? T.power : c === 47 ? T.floorDivide : c === 60 ? T.shiftLeft : T.shiftRight;
          if (third === 61) {
            tok = T.augmented;
            length = 3;
          }
        } else if (second === 61) {
          length = 2;
          tok = c === 60 ? T.lessEqual : c === 62 ? T.greaterEqual : T.augmented;
        } else if (c === 60 && second === 62) this.fail("invalid syntax near '<>'", from);
        break;
      case 43: // + % & | ^ @
      case 37:
      case 38:
      case 124:
      case 94:
      case 64:
        if (second === 61) {
          tok = T.augmented;
          length = 2;
        }
        break;
      default:
        this.fail(`invalid character '${this.text.charAt(from)}'`, from);
    }
    this.stop = from + length;
    this.pos = from + length;
    this.tok = tok;
  }

  private failOpenBracket(): never {
    const open = this.brackets[this.brackets.length - 1];
    this.fail(`'${open === undefined ? '(' : String.fromCharCode(open)}' was never closed`, this.text.length);
  }

  /** Runs `read` on the text from `from` on as the inside of a replacement field; leaves the lexer behind it. */
  protected inField(from: number, read: () => void): void {
    const outer = { base: this.bracketBase, start: this.start };
    this.bracketBase = this.brackets.length + 1;
    this.brackets.push(123);
    this.depth++;
    this.pos = from;
    this.next();
    read();
    this.brackets.length = this.bracketBase - 1;
    this.depth--;
    this.bracketBase = outer.base;
    this.start = outer.start;
  }
}

/** Whether the quote at an offset is the first of three. */
export function closesTriple(text: string, at: number): boolean {
  const quote = text.charCodeAt(at);
  return text.charCodeAt(at + 1) === quote && text.charCodeAt(at + 2) === quote;
}

function endOfLine(text: string, from: number): number {
  let pos = from;
  for (;;) {
    const c = text.charCodeAt(pos);
    if (c === 10 || c === 13 || Number.isNaN(c)) return pos;
    pos++;
  }
}

/** A line `match …:` with an indented `case` under it. */
const matchLine =
  /match\b[^\r\n]*:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r)(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r))*[ \t]+case\b/y;

/** Whether the `match` that a statement begins with, at `from`, is no name but opens cases. */
export function opensMatch(text: string, from: number): boolean {
  matchLine.lastIndex = from;
  if (matchLine.test(text)) return true;
  // Its subject may stand on several lines, in brackets.
  const ahead = new PythonLexer(text, from);
  try {
    let before = 0;
    for (ahead.next(); ahead.tok !== T.newline && ahead.tok !== T.end; ahead.next()) before = ahead.tok;
    if (before !== 58) return false;
    ahead.next();
    if ((ahead.tok as number) !== T.indent) return false;
    ahead.next();
    return (ahead.tok as number) === T.name && ahead.word === 'case';
  } catch {
    return false;
  }
}
