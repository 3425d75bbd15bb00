/**
 * Python's expressions, read strictly and without a tree: each says what it may stand for (a name, a target, a starred
 * one). Counts what could bind the names of a revision's header. Refuses to know statements.
 * Longer than most files here: one grammar, read from top to bottom.
 */
import { closesTriple, PythonLexer, Undecided } from '../python/lexer.ts';
import { bitwiseOr, opensExpression, precedence, T } from '../python/tokens.ts';

export const headerNames: ReadonlySet<string> = new Set(['revision', 'down_revision', 'branch_labels', 'depends_on']);

// What an expression may stand for.
export const bareName = 1;
export const target = 2;
export const targetList = 4;
export const starred = 8;
export const starredTarget = 16;
export const assignable = target | targetList | starredTarget;

/** Beyond it a file is no revision that a person wrote, and the call stack is not endless. */
export const maxNesting = 900;

export class ExpressionReader extends PythonLexer {
  isPlain = true;
  protected mentions = 0;
  protected inFunction = false;
  protected inAsync = false;
  protected nesting = 0;
  /** Where a `with` opens a parenthesis that may hold its items. */
  protected withParenthesis = -1;
  protected sawWithAs = false;
  protected isFormatted = false;

  protected unexpected(): never {
    if (this.tok === T.indent) this.fail('unexpected indent');
    if (this.tok === T.end) this.fail('unexpected end of file');
    this.fail('invalid syntax');
  }

  protected expect(token: number, shown: string): void {
    if (this.tok !== token) this.fail(`expected ${shown}`);
    this.next();
  }

  /** Counts what could bind or read a header's name outside of functions; such a file is worked out step by step. */
  protected mention(word: string): void {
    switch (word.length) {
      case 4:
        if (word === 'exec' || (!this.inFunction && word === 'vars')) this.isPlain = false;
        return;
      case 6:
        if (!this.inFunction && word === 'locals') this.isPlain = false;
        return;
      case 7:
        if (word === 'globals' || (!this.inFunction && word === 'setattr')) this.isPlain = false;
        return;
      case 8:
      case 10:
      case 13:
        if (!this.inFunction) {
          if (headerNames.has(word)) this.mentions++;
          else if (word === '__dict__') this.isPlain = false;
        }
    }
  }

  protected name(): void {
    if (this.tok !== T.name) this.fail('expected a name');
    this.mention(this.word);
    this.next();
  }

  protected alias(): void {
    if (this.tok === T.as) {
      this.next();
      this.name();
    }
  }

  protected parameters(closing: number, isAnnotated: boolean): void {
    const names: string[] = [];
    let sawDefault = false;
    let sawStar = false;
    let sawSlash = false;
    while (this.tok !== closing) {
      if (this.tok === 47) {
        if (sawSlash || sawStar || names.length === 0) this.fail("invalid '/' among the parameters");
        sawSlash = true;
        this.next();
      } else if (this.tok === 42) {
        if (sawStar) this.fail("'*' may appear only once");
        sawStar = true;
        this.next();
        if ((this.tok as number) === T.name) {
          this.parameter(names);
          if (isAnnotated && (this.tok as number) === 58) {
            this.next();
            this.starExpression();
          }
        } else {
          if ((this.tok as number) !== 44) this.fail("named arguments must follow bare '*'");
          this.next();
          if ((this.tok as number) !== T.name) this.fail("named arguments must follow bare '*'");
          continue;
        }
      } else if (this.tok === T.power) {
        this.next();
        this.parameter(names);
        if (isAnnotated && (this.tok as number) === 58) {
          this.next();
          this.expression();
        }
        if ((this.tok as number) === 44) this.next();
        break;
      } else {
        this.parameter(names);
        if (isAnnotated && (this.tok as number) === 58) {
          this.next();
          this.expression();
        }
        if ((this.tok as number) === 61) {
          this.next();
          this.expression();
          sawDefault = true;
        } else if (sawDefault && !sawStar) this.fail('parameter without a default follows parameter with a default');
      }
      if ((this.tok as number) !== 44) break;
      this.next();
    }
  }

  protected parameter(names: string[]): void {
    if (this.tok !== T.name) this.fail('expected a parameter');
    if (names.includes(this.word)) this.fail(`duplicate argument '${this.word}' in function definition`);
    names.push(this.word);
    this.next();
  }

  // Expressions. Each returns what it may stand for.

  protected starExpressions(): number {
    const first = this.starExpression();
    if (this.tok !== 44) return first;
    return this.rest(first, false, -1);
  }

  protected starExpression(): number {
    if (this.tok !== 42) return this.expression();
    this.next();
    const kind = this.binary(bitwiseOr);
    return starred | (kind & (target | targetList) ? starredTarget : 0);
  }

  protected starNamed(): number {
    return this.tok === 42 ? this.starExpression() : this.namedExpression();
  }

  /** The further elements of a tuple or list, at the first comma; stops at `closing` or where no expression can start. */
  protected rest(first: number, isNamed: boolean, closing: number): number {
    let stars = first & starred ? 1 : 0;
    let all = first & assignable;
    while (this.tok === 44) {
      this.next();
      if ((this.tok as number) === closing || opensExpression[this.tok] === 0) break;
      const kind = isNamed ? this.starNamed() : this.starExpression();
      if (kind & starred) stars++;
      if ((kind & assignable) === 0) all = 0;
    }
    return all !== 0 && stars < 2 ? targetList : 0;
  }

  protected yieldExpression(): number {
    if (!this.inFunction) this.fail("'yield' outside function");
    this.next();
    if (this.tok === T.from) {
      this.next();
      this.expression();
    } else if (opensExpression[this.tok]) this.starExpressions();
    return 0;
  }

  protected namedExpression(): number {
    const kind = this.expression();
    if (this.tok !== T.walrus) return kind;
    if ((kind & bareName) === 0) this.fail('cannot use an assignment expression here');
    this.next();
    this.expression();
    return 0;
  }

  protected expression(): number {
    if (++this.nesting > maxNesting) throw new Undecided();
    let kind = 0;
    if (this.tok === T.lambda) this.lambda();
    else {
      kind = this.binary(1);
      if (this.tok === T.if) {
        this.next();
        this.binary(1);
        this.expect(T.else, "'else'");
        this.expression();
        kind = 0;
      }
    }
    this.nesting--;
    return kind;
  }

  protected lambda(): void {
    this.next();
    this.parameters(58, false);
    this.expect(58, "':'");
    const outer = this.inFunction;
    const wasAsync = this.inAsync;
    this.inFunction = true;
    this.inAsync = false;
    this.expression();
    this.inFunction = outer;
    this.inAsync = wasAsync;
  }

  protected binary(least: number): number {
    let kind = 0;
    if (this.tok === T.not) {
      if (least > 3) this.unexpected();
      if (++this.nesting > maxNesting) throw new Undecided();
      this.next();
      this.binary(3);
      this.nesting--;
    } else kind = this.unary();
    for (;;) {
      const tok = this.tok;
      const level = precedence[tok] as number;
      if (level === 0 || level < least) return kind;
      this.next();
      if (tok === T.not) {
        if (this.tok !== T.in) this.unexpected();
        this.next();
      } else if (tok === T.is && this.tok === T.not) this.next();
      this.binary(level + 1);
      kind = 0;
    }
  }

  protected unary(): number {
    const tok = this.tok;
    if (tok === 43 || tok === 45 || tok === 126) {
      if (++this.nesting > maxNesting) throw new Undecided();
      this.next();
      this.unary();
      this.nesting--;
      return 0;
    }
    let kind: number;
    if (tok === T.await) {
      if (!this.inAsync) this.fail("'await' outside async function");
      this.next();
      this.primary();
      kind = 0;
    } else kind = this.primary();
    if (this.tok === T.power) {
      this.next();
      this.unary();
      return 0;
    }
    return kind;
  }

  protected primary(): number {
    let kind = this.atom();
    for (;;) {
      switch (this.tok) {
        case 46:
          this.next();
          this.name();
          kind = target;
          break;
        case 40:
          this.callArguments();
          kind = 0;
          break;
        case 91:
          this.subscript();
          kind = target;
          break;
        default:
          return kind;
      }
    }
  }

  protected atom(): number {
    switch (this.tok) {
      case T.name:
        this.mention(this.word);
        this.next();
        return bareName | target;
      case T.none:
      case T.true:
      case T.false:
      case T.ellipsis:
      case T.number:
        this.next();
        return 0;
      case T.string: {
        const isBytes = this.isBytes;
        this.next();
        while (this.tok === T.string) {
          if (this.isBytes !== isBytes) this.fail('cannot mix bytes and nonbytes literals');
          this.next();
        }
        return 0;
      }
      case 40:
        return this.group();
      case 91:
        return this.list();
      case 123:
        this.dictionaryOrSet();
        return 0;
      default:
        return this.unexpected();
    }
  }

  protected group(): number {
    const mayHaveAs = this.start === this.withParenthesis;
    this.withParenthesis = -1;
    this.next();
    if (this.tok === 41) {
      this.next();
      return targetList;
    }
    if (this.tok === T.yield) {
      this.yieldExpression();
      this.expect(41, "')'");
      return 0;
    }
    const at = this.start;
    const first = this.starNamed();
    if (this.isComprehension()) {
      if (first & starred) this.fail('iterable unpacking cannot be used in comprehension', at);
      this.comprehension();
      this.expect(41, "')'");
      return 0;
    }
    if (mayHaveAs && this.tok === T.as) return this.withItems();
    if (this.tok === 44) {
      const kind = this.rest(first, true, 41);
      if (mayHaveAs && (this.tok as number) === T.as) return this.withItems();
      this.expect(41, "')'");
      return kind;
    }
    if (first & starred) this.fail("can't use starred expression here", at);
    this.expect(41, "')'");
    return first & (target | targetList);
  }

  /** `with (a as b, c as d):`, at the first `as`. */
  protected withItems(): number {
    while (this.tok !== 41) {
      if (this.tok === T.as) {
        this.next();
        if ((this.starExpression() & (target | targetList)) === 0) this.fail('cannot assign to this');
      }
      if ((this.tok as number) === 44) {
        this.next();
        if ((this.tok as number) !== 41) this.expression();
      } else if ((this.tok as number) !== 41) this.unexpected();
    }
    this.next();
    this.sawWithAs = true;
    return 0;
  }

  protected list(): number {
    this.next();
    if (this.tok === 93) {
      this.next();
      return targetList;
    }
    const at = this.start;
    const first = this.starNamed();
    let kind = first & assignable ? targetList : 0;
    if (this.isComprehension()) {
      if (first & starred) this.fail('iterable unpacking cannot be used in comprehension', at);
      this.comprehension();
      kind = 0;
    } else if (this.tok === 44) kind = this.rest(first, true, 93);
    this.expect(93, "']'");
    return kind;
  }

  protected dictionaryOrSet(): void {
    this.next();
    if (this.tok === 125) {
      this.next();
      return;
    }
    if (this.tok !== T.power) {
      const at = this.start;
      const first = this.starNamed();
      if ((this.tok as number) !== 58) {
        if (this.isComprehension()) {
          if (first & starred) this.fail('iterable unpacking cannot be used in comprehension', at);
          this.comprehension();
        } else if ((this.tok as number) === 44) this.rest(first, true, 125);
        this.expect(125, "'}'");
        return;
      }
      if (first & starred) this.unexpected();
      this.next();
      this.expression();
      if (this.isComprehension()) {
        this.comprehension();
        this.expect(125, "'}'");
        return;
      }
    } else {
      this.next();
      this.binary(bitwiseOr);
    }
    while ((this.tok as number) === 44) {
      this.next();
      if ((this.tok as number) === 125) break;
      if (this.tok === T.power) {
        this.next();
        this.binary(bitwiseOr);
        continue;
      }
      this.expression();
      this.expect(58, "':'");
      this.expression();
    }
    this.expect(125, "'}'");
  }

  protected isComprehension(): boolean {
    return this.tok === T.for || this.tok === T.async;
  }

  protected comprehension(): void {
    while (this.isComprehension()) {
      if (this.tok === T.async) this.next();
      if (this.tok !== T.for) this.unexpected();
      this.next();
      this.targets();
      this.expect(T.in, "'in'");
      this.binary(1);
      while (this.tok === (T.if as number)) {
        this.next();
        const kind = this.binary(1);
        if ((this.tok as number) === T.walrus && kind & bareName) {
          this.next();
          this.binary(1);
        }
      }
    }
  }

  /** Targets of `for`: they end at `in`, which an expression would swallow. */
  protected targets(): void {
    let stars = 0;
    for (;;) {
      const at = this.start;
      const isStarred = this.tok === 42;
      if (isStarred) {
        stars++;
        this.next();
      }
      if ((this.unary() & (target | targetList)) === 0) this.fail('cannot assign to this', at);
      if ((this.tok as number) !== 44) {
        if (isStarred && stars === 1 && (this.tok as number) === T.in) this.onlyStarred(at);
        break;
      }
      this.next();
      if ((this.tok as number) === T.in) break;
    }
    if (stars > 1) this.fail('multiple starred expressions in assignment');
  }

  protected onlyStarred(at: number): void {
    // `for *a in b` is no list; `for x, *a in b` is. The comma before `*` tells.
    if (!/,\s*$/.test(this.text.slice(Math.max(0, at - 200), at)))
      this.fail('starred target must be in a list or tuple', at);
  }

  protected callArguments(): void {
    this.next();
    let keywords: string[] | null = null;
    let sawUnpacking = false;
    let count = 0;
    while (this.tok !== 41) {
      if (this.tok === 42) {
        if (sawUnpacking) this.fail('iterable argument unpacking follows keyword argument unpacking');
        this.next();
        this.expression();
      } else if (this.tok === T.power) {
        this.next();
        this.expression();
        sawUnpacking = true;
      } else {
        const at = this.start;
        const kind = this.expression();
        if ((this.tok as number) === 61) {
          if ((kind & bareName) === 0) this.fail('expression cannot contain assignment', at);
          const keyword = this.text.slice(at, this.previousStop);
          if (keywords === null) keywords = [keyword];
          else {
            if (keywords.includes(keyword)) this.fail(`keyword argument repeated: ${keyword}`, at);
            keywords.push(keyword);
          }
          this.next();
          this.expression();
        } else {
          if ((this.tok as number) === T.walrus) {
            if ((kind & bareName) === 0) this.fail('cannot use an assignment expression here', at);
            this.next();
            this.expression();
          } else if (this.isComprehension()) {
            this.comprehension();
            if (count > 0 || (this.tok as number) !== 41) this.fail('Generator expression must be parenthesized', at);
          }
          if (sawUnpacking) this.fail('positional argument follows keyword argument unpacking', at);
          if (keywords !== null) this.fail('positional argument follows keyword argument', at);
        }
      }
      count++;
      if ((this.tok as number) !== 44) break;
      this.next();
    }
    if (this.tok !== 41) this.fail("invalid syntax (perhaps a comma is missing, or '(' was never closed)");
    this.next();
  }

  protected subscript(): void {
    this.next();
    for (;;) {
      if (this.tok === 42) this.starExpression();
      else if (this.tok !== 58) this.namedExpression();
      for (let colons = 0; this.tok === (58 as number); colons++) {
        if (colons === 2) this.unexpected();
        this.next();
        if (opensExpression[this.tok] && (this.tok as number) !== 42) this.expression();
      }
      if (this.tok !== (44 as number)) break;
      this.next();
      if ((this.tok as number) === 93) break;
    }
    this.expect(93, "']'");
  }

  /** An f- or t-string: its fields are expressions, nested as deep as Python 3.12 lets them be. */
  protected override formatted(at: number, quote: number, isRaw: boolean): void {
    const start = this.start;
    const previousStop = this.previousStop;
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
      } else if (c === 92) pos = this.formatEscape(pos, isRaw);
      else if (c === 123) {
        if (text.charCodeAt(pos + 1) === 123) pos += 2;
        else pos = this.field(pos + 1, quote, isTriple, isRaw);
      } else if (c === 125) {
        if (text.charCodeAt(pos + 1) !== 125) this.fail("f-string: single '}' is not allowed", pos);
        pos += 2;
      } else if (Number.isNaN(c) || ((c === 10 || c === 13) && !isTriple)) this.fail('unterminated f-string', at);
      else pos++;
    }
    this.start = start;
    this.previousStop = previousStop;
    this.stop = pos + 1;
    this.pos = pos + 1;
    this.isBytes = false;
    this.isFormatted = true;
    this.tok = T.string;
  }

  /** A replacement field from behind its `{`; returns where the text goes on. */
  protected field(from: number, quote: number, isTriple: boolean, isRaw: boolean): number {
    let after = 0;
    if (++this.nesting > maxNesting) throw new Undecided();
    this.inField(from, () => {
      if (this.tok === 125) this.fail("f-string: valid expression required before '}'");
      if (this.tok === T.yield) this.yieldExpression();
      else this.starExpressions();
      if (this.tok === 61) this.next();
      if (this.tok === 33) {
        this.next();
        if ((this.tok as number) !== T.name || !/^[sra]$/.test(this.word))
          this.fail('f-string: invalid conversion character');
        this.next();
      }
      if (this.tok === 58) after = this.formatSpec(this.pos, quote, isTriple, isRaw);
      else {
        if ((this.tok as number) !== 125) this.fail("f-string: expecting '}'");
        after = this.pos;
      }
    });
    this.nesting--;
    return after;
  }

  protected formatSpec(from: number, quote: number, isTriple: boolean, isRaw: boolean): number {
    const text = this.text;
    let pos = from;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === 125) return pos + 1;
      if (c === 123) pos = this.field(pos + 1, quote, isTriple, isRaw);
      else if (c === 92) pos = this.formatEscape(pos, isRaw);
      else if (c === quote && isTriple && !closesTriple(text, pos)) pos++;
      else if (Number.isNaN(c) || c === quote || ((c === 10 || c === 13) && !isTriple))
        this.fail("f-string: expecting '}'", pos);
      else pos++;
    }
  }
}
