/**
 * Python's expressions, from tokens straight to the syntax of `ast.ts`. Declines by throwing (SyntaxFault, Undecided) what is
 * no sound Python and what it does not know; never guesses. Refuses to know statements.
 * Longer than most files here: one grammar, read from top to bottom.
 */
import type { Argument, Clause, Expression, FormatPart, Parameter } from './ast.ts';
import { closesTriple, PythonLexer, Undecided } from './lexer.ts';
import { decode, decodeLiteral, numberOf } from './literals.ts';
import { bitwiseOr, comparison, opensExpression, precedence, T } from './tokens.ts';

/** Of calls and of the tree they make: who walks a tree does so on a call stack that is not endless. */
const maxDepth = 300;

export interface WithItem {
  value: Expression;
  target: Expression | null;
}

export class ExpressionParser extends PythonLexer {
  /** Whether a `yield` was read in the function around. */
  protected sawYield = false;
  private nesting = 0;
  /** How deep the trees read so far in the expression at hand are, at most. */
  private height = 0;
  /** Of the f-string that is the current token. */
  private formatParts: FormatPart[] | null = null;
  /** Where a `with` opens a parenthesis that may hold its items, and those it held, where an `as` is among them. */
  protected withParenthesis = -1;
  protected withItems: { items: WithItem[]; to: number } | null = null;

  protected unexpected(): never {
    this.fail('invalid syntax');
  }

  protected expect(token: number): void {
    if (this.tok !== token) this.unexpected();
    this.next();
  }

  protected name(): string {
    if (this.tok !== T.name) this.unexpected();
    const { word } = this;
    this.next();
    return word;
  }

  private enter(): void {
    if (++this.nesting > maxDepth) throw new Undecided();
  }

  protected nested<Made>(read: () => Made): Made {
    this.enter();
    const made = read();
    this.nesting--;
    return made;
  }

  /** One more node around all that was read of the expression at hand. */
  protected wrap(): void {
    if (++this.height > maxDepth) throw new Undecided();
  }

  // Sequences.

  /** `a, *b` without parentheses is a tuple; one expression is itself. */
  protected sequence(): Expression {
    const from = this.start;
    const first = this.element();
    if (this.tok !== 44) {
      if (first.kind === 'star') this.unexpected();
      return first;
    }
    const items = this.rest(first, false, -1);
    return { kind: 'tuple', from, to: this.previousStop, items };
  }

  protected sequenceOrYield(): Expression {
    return this.tok === T.yield ? this.yieldExpression() : this.sequence();
  }

  protected element(): Expression {
    if (this.tok !== 42) return this.expression();
    const from = this.start;
    this.next();
    const value = this.binary(bitwiseOr);
    this.wrap();
    return { kind: 'star', from, to: this.previousStop, value };
  }

  private namedElement(): Expression {
    return this.tok === 42 ? this.element() : this.namedExpression();
  }

  /** All elements of a tuple, list or set, at the first comma; stops at `closing` or where no expression can start. */
  protected rest(first: Expression, isNamed: boolean, closing: number): Expression[] {
    const items = [first];
    while (this.tok === 44) {
      this.next();
      if ((this.tok as number) === closing || opensExpression[this.tok] === 0) break;
      items.push(isNamed ? this.namedElement() : this.element());
    }
    return items;
  }

  /** Targets of `for`: they end at `in`, which an expression would swallow. */
  protected forTargets(): Expression {
    const from = this.start;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      const at = this.start;
      if (this.tok === 42) {
        this.next();
        const value = this.unary();
        items.push({ kind: 'star', from: at, to: this.previousStop, value });
      } else items.push(this.unary());
      if ((this.tok as number) !== 44) break;
      isTuple = true;
      this.next();
      if ((this.tok as number) === T.in) break;
    }
    const made: Expression = isTuple ? { kind: 'tuple', from, to: this.previousStop, items } : (items[0] as Expression);
    if (!isTarget(made)) this.unexpected();
    return made;
  }

  // Expressions, loosest first.

  protected yieldExpression(): Expression {
    this.enter();
    const from = this.start;
    this.sawYield = true;
    this.next();
    const isFrom = this.tok === T.from;
    let value: Expression | null = null;
    if (isFrom) {
      this.next();
      value = this.expression();
    } else if (opensExpression[this.tok] === 1) value = this.sequence();
    this.nesting--;
    this.wrap();
    return { kind: 'yield', from, to: this.previousStop, value, isFrom };
  }

  protected namedExpression(): Expression {
    const from = this.start;
    const left = this.expression();
    return this.tok === T.walrus ? this.assignment(left, from) : left;
  }

  private assignment(left: Expression, from: number): Expression {
    if (left.kind !== 'name' || left.from !== from || left.to !== this.previousStop) this.unexpected();
    this.next();
    const value = this.expression();
    this.wrap();
    return { kind: 'assignment', from, to: this.previousStop, name: left.name, value };
  }

  protected expression(): Expression {
    this.enter();
    const outer = this.height;
    this.height = 0;
    let made: Expression;
    if (this.tok === T.lambda) made = this.lambda();
    else {
      const from = this.start;
      made = this.binary(1);
      if (this.tok === T.if) {
        this.next();
        const test = this.binary(1);
        this.expect(T.else);
        const otherwise = this.expression();
        made = { kind: 'conditional', from, to: this.previousStop, whenTrue: made, test, otherwise };
      }
    }
    this.wrap();
    if (outer > this.height) this.height = outer;
    this.nesting--;
    return made;
  }

  private lambda(): Expression {
    const from = this.start;
    const outer = this.sawYield;
    this.next();
    const parameters = this.parameters(58, false);
    this.expect(58);
    const body = this.expression();
    this.sawYield = outer;
    return { kind: 'lambda', from, to: this.previousStop, parameters, body };
  }

  protected parameters(closing: number, isAnnotated: boolean): Parameter[] {
    const parameters: Parameter[] = [];
    let isKeywordOnly = false;
    while (this.tok !== closing) {
      if (this.tok === 47) {
        if (parameters.length === 0) this.unexpected();
        this.next();
      } else {
        let kind: Parameter['kind'] = isKeywordOnly ? 'keywordOnly' : 'plain';
        if (this.tok === 42) {
          if (isKeywordOnly) this.unexpected();
          isKeywordOnly = true;
          kind = 'star';
          this.next();
          if ((this.tok as number) === 44) {
            this.next();
            continue;
          }
        } else if (this.tok === T.power) {
          kind = 'doubleStar';
          this.next();
        }
        const parameter: Parameter = { kind, name: this.name(), fallback: null };
        parameters.push(parameter);
        if (isAnnotated && (this.tok as number) === 58) {
          this.next();
          this.element();
        }
        if ((this.tok as number) === 61) {
          if (kind === 'star' || kind === 'doubleStar') this.unexpected();
          this.next();
          parameter.fallback = this.expression();
        }
      }
      if ((this.tok as number) !== 44) break;
      this.next();
    }
    return parameters;
  }

  protected binary(least: number): Expression {
    const from = this.start;
    let left: Expression;
    if (this.tok === T.not) {
      if (least > 3) this.unexpected();
      this.enter();
      this.next();
      const operand = this.binary(3);
      this.nesting--;
      this.wrap();
      left = { kind: 'unary', from, to: this.previousStop, operator: 'not', operand };
    } else left = this.unary();
    let chain: (Expression & { kind: 'compare' }) | null = null;
    for (;;) {
      const { tok } = this;
      const level = precedence[tok] as number;
      if (level === 0 || level < least) return left;
      let operator = this.text.slice(this.start, this.stop);
      this.next();
      if (tok === T.not) {
        this.expect(T.in);
        operator = 'not in';
      } else if (tok === T.is && this.tok === T.not) {
        this.next();
        operator = 'is not';
      }
      const right = this.binary(level + 1);
      this.wrap();
      const to = this.previousStop;
      if (level === comparison) {
        if (chain === null) {
          chain = { kind: 'compare', from, to, first: left, rest: [] };
          left = chain;
        }
        chain.rest.push({ operator, right });
        chain.to = to;
        continue;
      }
      chain = null;
      if (tok === T.or || tok === T.and)
        left = { kind: 'logical', from, to, operator: operator as 'or' | 'and', left, right };
      else left = { kind: 'binary', from, to, operator, left, right };
    }
  }

  protected unary(): Expression {
    const { tok, start: from } = this;
    if (tok === 43 || tok === 45 || tok === 126) {
      this.enter();
      this.next();
      const operand = this.unary();
      this.nesting--;
      this.wrap();
      return { kind: 'unary', from, to: this.previousStop, operator: String.fromCharCode(tok), operand };
    }
    let left: Expression;
    if (tok === T.await) {
      this.next();
      const value = this.primary();
      this.wrap();
      left = { kind: 'await', from, to: this.previousStop, value };
    } else left = this.primary();
    if (this.tok !== T.power) return left;
    this.next();
    this.enter();
    const right = this.unary();
    this.nesting--;
    this.wrap();
    return { kind: 'binary', from, to: this.previousStop, operator: '**', left, right };
  }

  private primary(): Expression {
    const from = this.start;
    let made = this.atom();
    for (;;) {
      switch (this.tok) {
        case 46: {
          this.next();
          const name = this.name();
          made = { kind: 'attribute', from, to: this.previousStop, object: made, name };
          break;
        }
        case 40: {
          const args = this.callArguments();
          made = { kind: 'call', from, to: this.previousStop, callee: made, args };
          break;
        }
        case 91:
          made = this.subscript(made, from);
          break;
        default:
          return made;
      }
      this.wrap();
    }
  }

  private atom(): Expression {
    const { tok, start: from, stop: to } = this;
    switch (tok) {
      case T.name: {
        const { word: name } = this;
        this.next();
        return { kind: 'name', from, to, name };
      }
      case T.none:
        this.next();
        return { kind: 'constant', from, to, of: 'none', value: null };
      case T.true:
      case T.false:
        this.next();
        return { kind: 'constant', from, to, of: 'bool', value: tok === T.true };
      case T.ellipsis:
        this.next();
        return { kind: 'constant', from, to, of: 'ellipsis', value: 'ellipsis' };
      case T.number: {
        const number = numberOf(this.text.slice(from, to));
        this.next();
        return number === null
          ? { kind: 'unreadable', from, to, reason: 'a complex number' }
          : { kind: 'constant', from, to, of: number.of, value: number.value };
      }
      case T.string:
        return this.strings();
      case 40:
        return this.group();
      case 91:
        return this.list();
      case 123:
        return this.dictionaryOrSet();
      default:
        return this.unexpected();
    }
  }

  /** One literal or several that stand side by side. */
  private strings(): Expression {
    const from = this.start;
    const { isBytes } = this;
    const parts: FormatPart[] = [];
    let isFormat = false;
    let isTemplate = false;
    do {
      if (this.isBytes !== isBytes) this.fail('cannot mix bytes and nonbytes literals');
      if (this.formatParts === null) {
        const value = decodeLiteral(this.text, this.start, this.stop);
        if (value === null) isFormat = true;
        parts.push(value ?? namedCharacter(this.start, this.stop));
      } else {
        isFormat = true;
        isTemplate ||= /^r?t/i.test(this.text.slice(this.start, this.start + 2));
        for (const part of this.formatParts) parts.push(part);
        this.formatParts = null;
      }
      this.next();
    } while (this.tok === T.string);
    const to = this.previousStop;
    if (isTemplate) return { kind: 'unreadable', from, to, reason: 'a template string' };
    if (isFormat) return { kind: 'format', from, to, parts };
    const value = parts.length === 1 ? (parts[0] as string) : parts.join('');
    return { kind: 'constant', from, to, of: isBytes ? 'bytes' : 'string', value };
  }

  private group(): Expression {
    const from = this.start;
    const mayHoldItems = from === this.withParenthesis;
    this.withParenthesis = -1;
    this.next();
    if (this.tok === 41) {
      this.next();
      return { kind: 'tuple', from, to: this.previousStop, items: [] };
    }
    let made: Expression;
    if (this.tok === T.yield) made = this.yieldExpression();
    else {
      made = this.namedElement();
      if (this.isComprehension()) {
        const clauses = this.clauses();
        this.expect(41);
        return this.comprehension('generator', null, made, clauses, from);
      }
      if (mayHoldItems && this.tok === T.as) return this.itemsFrom([made]);
      if (this.tok === 44) {
        const items = this.rest(made, true, 41);
        if (mayHoldItems && (this.tok as number) === T.as) return this.itemsFrom(items);
        this.expect(41);
        return { kind: 'tuple', from, to: this.previousStop, items };
      }
      if (made.kind === 'star') this.unexpected();
    }
    this.expect(41);
    return made;
  }

  /** `with (a as b, c as d):`, at the first `as`; the last of `before` is what it names. */
  private itemsFrom(before: Expression[]): Expression {
    const items: WithItem[] = before.map((value) => ({ value, target: null }));
    while (this.tok !== 41) {
      if (this.tok === T.as) {
        this.next();
        (items[items.length - 1] as WithItem).target = this.target();
      }
      if ((this.tok as number) === 44) {
        this.next();
        if ((this.tok as number) !== 41) items.push({ value: this.expression(), target: null });
      } else if ((this.tok as number) !== 41) this.unexpected();
    }
    this.next();
    this.withItems = { items, to: this.previousStop };
    return before[0] as Expression;
  }

  /** What stands behind an `as` of a `with`. */
  protected target(): Expression {
    const made = this.element();
    if (!isTarget(made)) this.unexpected();
    return made;
  }

  private list(): Expression {
    const from = this.start;
    this.next();
    let items: Expression[] = [];
    if (this.tok !== 93) {
      const first = this.namedElement();
      if (this.isComprehension()) {
        const clauses = this.clauses();
        this.expect(93);
        return this.comprehension('list', null, first, clauses, from);
      }
      items = this.rest(first, true, 93);
    }
    this.expect(93);
    return { kind: 'list', from, to: this.previousStop, items };
  }

  private dictionaryOrSet(): Expression {
    const from = this.start;
    const items: { key: Expression | null; value: Expression }[] = [];
    this.next();
    if (this.tok !== 125 && this.tok !== T.power) {
      const first = this.namedElement();
      if ((this.tok as number) !== 58) {
        if (this.isComprehension()) {
          const clauses = this.clauses();
          this.expect(125);
          return this.comprehension('set', null, first, clauses, from);
        }
        const elements = this.rest(first, true, 125);
        this.expect(125);
        return { kind: 'set', from, to: this.previousStop, items: elements };
      }
      if (first.kind === 'star' || first.kind === 'assignment') this.unexpected();
      this.next();
      const value = this.expression();
      if (this.isComprehension()) {
        const clauses = this.clauses();
        this.expect(125);
        return this.comprehension('dict', first, value, clauses, from);
      }
      items.push({ key: first, value });
      if ((this.tok as number) !== 125) this.expect(44);
    }
    while (this.tok !== 125) {
      if (this.tok === T.power) {
        this.next();
        items.push({ key: null, value: this.binary(bitwiseOr) });
      } else {
        const key = this.expression();
        this.expect(58);
        items.push({ key, value: this.expression() });
      }
      if ((this.tok as number) !== 125) this.expect(44);
    }
    this.next();
    return { kind: 'dict', from, to: this.previousStop, items };
  }

  private isComprehension(): boolean {
    return this.tok === T.for || this.tok === T.async;
  }

  private comprehension(
    makes: 'list' | 'set' | 'dict' | 'generator',
    key: Expression | null,
    element: Expression,
    clauses: Clause[],
    from: number,
  ): Expression {
    if (element.kind === 'star') this.unexpected();
    return { kind: 'comprehension', from, to: this.previousStop, makes, key, element, clauses };
  }

  private clauses(): Clause[] {
    const clauses: Clause[] = [];
    while (this.isComprehension()) {
      if (this.tok === T.async) this.next();
      this.expect(T.for);
      const target = this.forTargets();
      this.expect(T.in);
      const clause: Clause = { target, iterable: this.binary(1), conditions: [] };
      while (this.tok === (T.if as number)) {
        this.next();
        clause.conditions.push(this.binary(1));
      }
      clauses.push(clause);
    }
    return clauses;
  }

  protected callArguments(): Argument[] {
    const args: Argument[] = [];
    this.next();
    while (this.tok !== 41) {
      if (this.tok === 42) {
        this.next();
        args.push({ kind: 'star', name: null, value: this.expression() });
      } else if (this.tok === T.power) {
        this.next();
        args.push({ kind: 'doubleStar', name: null, value: this.expression() });
      } else {
        const from = this.start;
        let value = this.namedExpression();
        if ((this.tok as number) === 61) {
          if (value.kind !== 'name' || value.from !== from || value.to !== this.previousStop) this.unexpected();
          this.next();
          args.push({ kind: 'named', name: value.name, value: this.expression() });
        } else {
          if (this.isComprehension()) {
            const clauses = this.clauses();
            if (args.length > 0 || (this.tok as number) !== 41) this.unexpected();
            value = this.comprehension('generator', null, value, clauses, from);
          }
          args.push({ kind: 'positional', name: null, value });
        }
      }
      if ((this.tok as number) !== 44) break;
      this.next();
    }
    this.expect(41);
    return args;
  }

  private subscript(object: Expression, from: number): Expression {
    const parts: Expression[] = [];
    let isTuple = false;
    this.next();
    const first = this.start;
    for (;;) {
      if (this.tok === 42) isTuple = true;
      parts.push(this.tok === 42 ? this.element() : this.sliceOrIndex());
      if (this.tok !== 44) break;
      isTuple = true;
      this.next();
      if ((this.tok as number) === 93) break;
    }
    const index: Expression = isTuple
      ? { kind: 'tuple', from: first, to: this.previousStop, items: parts }
      : (parts[0] as Expression);
    this.expect(93);
    return { kind: 'subscript', from, to: this.previousStop, object, index };
  }

  private sliceOrIndex(): Expression {
    const from = this.start;
    const bound = () => (this.tok === 58 || this.tok === 44 || this.tok === 93 ? null : this.expression());
    const lower = this.tok === 58 ? null : this.namedExpression();
    if (this.tok !== 58) return lower as Expression;
    this.next();
    const upper = bound();
    let step: Expression | null = null;
    if (this.tok === 58) {
      this.next();
      step = bound();
    }
    return { kind: 'slice', from, to: this.previousStop, lower, upper, step };
  }

  // f-strings: the lexer hands them over, because their fields are expressions.

  protected override formatted(at: number, quote: number, isRaw: boolean): void {
    const { start, previousStop, text } = this;
    const isTriple = text.charCodeAt(at + 1) === quote && text.charCodeAt(at + 2) === quote;
    const parts: FormatPart[] = [];
    let pos = isTriple ? at + 3 : at + 1;
    let from = pos;
    const literal = () => {
      if (pos === from) return;
      const body = text.slice(from, pos).replaceAll('{{', '{').replaceAll('}}', '}');
      parts.push(decode(body, isRaw, false) ?? namedCharacter(from, pos));
    };
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === quote) {
        if (!isTriple || (text.charCodeAt(pos + 1) === quote && text.charCodeAt(pos + 2) === quote)) break;
        pos++;
      } else if (c === 92) pos = this.formatEscape(pos, isRaw);
      else if (c === 123) {
        if (text.charCodeAt(pos + 1) === 123) pos += 2;
        else {
          literal();
          pos = this.field(pos + 1, quote, isTriple, isRaw, parts);
          from = pos;
        }
      } else if (c === 125) {
        if (text.charCodeAt(pos + 1) !== 125) this.fail("f-string: single '}' is not allowed", pos);
        pos += 2;
      } else if (Number.isNaN(c) || ((c === 10 || c === 13) && !isTriple)) this.fail('unterminated f-string', at);
      else pos++;
    }
    literal();
    pos += isTriple ? 3 : 1;
    this.start = start;
    this.previousStop = previousStop;
    this.stop = pos;
    this.pos = pos;
    this.isBytes = false;
    this.formatParts = parts;
    this.tok = T.string;
  }

  /** A replacement field from behind its `{`; returns where the text goes on. */
  private field(from: number, quote: number, isTriple: boolean, isRaw: boolean, into: FormatPart[]): number {
    let after = 0;
    this.enter();
    this.inField(from, () => {
      const value = this.sequenceOrYield();
      let selfText: string | null = null;
      if (this.tok === 61) {
        this.next();
        selfText = this.text.slice(from, this.start);
      }
      let conversion: string | null = null;
      if (this.tok === 33) {
        this.next();
        conversion = this.word;
        if ((this.tok as number) !== T.name || !/^[sra]$/.test(conversion)) this.unexpected();
        this.next();
      }
      let spec: FormatPart[] | null = null;
      if (this.tok === 58) {
        spec = [];
        after = this.formatSpec(this.pos, quote, isTriple, isRaw, spec);
      } else {
        if ((this.tok as number) !== 125) this.unexpected();
        after = this.pos;
      }
      into.push({ value, conversion, spec, selfText });
    });
    this.nesting--;
    return after;
  }

  private formatSpec(from: number, quote: number, isTriple: boolean, isRaw: boolean, into: FormatPart[]): number {
    const { text } = this;
    let pos = from;
    let literalFrom = from;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === 125 || c === 123) {
        if (pos > literalFrom)
          into.push(decode(text.slice(literalFrom, pos), isRaw, false) ?? namedCharacter(literalFrom, pos));
        if (c === 125) return pos + 1;
        pos = this.field(pos + 1, quote, isTriple, isRaw, into);
        literalFrom = pos;
      } else if (c === 92) pos = this.formatEscape(pos, isRaw);
      else if (c === quote && isTriple && !closesTriple(text, pos)) pos++;
      else if (Number.isNaN(c) || c === quote || ((c === 10 || c === 13) && !isTriple)) this.unexpected();
      else pos++;
    }
  }
}

function namedCharacter(from: number, to: number): FormatPart {
  const value: Expression = { kind: 'unreadable', from, to, reason: 'a character by its name' };
  return { value, conversion: null, spec: null, selfText: null };
}

/** What can stand on the left of an assignment. */
export function isTarget(expression: Expression): boolean {
  switch (expression.kind) {
    case 'name':
    case 'attribute':
    case 'subscript':
      return true;
    case 'tuple':
    case 'list':
      return expression.items.every((item) => isTarget(item.kind === 'star' ? item.value : item));
    default:
      return false;
  }
}
