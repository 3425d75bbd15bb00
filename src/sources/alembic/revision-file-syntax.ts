/**
 * Is a file sound Python, and which plain assignments does its module level make to the header's names? A strict reader
 * of CPython's grammar (3.8 to 3.14) that builds no tree; a form it does not know is `Undecided`, never accepted.
 * Refuses to know what the values mean. Longer than most files here: one grammar, read from top to bottom.
 */
import { PythonLexer, SyntaxFault, T, Undecided } from './revision-file-lexer.ts';

export interface Span {
  from: number;
  to: number;
}

export interface ImportedModule {
  level: number;
  module: string;
  /** `*` for a star, null for `import module`. */
  names: string[] | '*' | null;
}

export interface Outline {
  /** The first statement, where it is a string. */
  docstring: Span | null;
  /** Plain module-level assignments to the header's names, the last of each: where the name and the value stand. */
  headers: Map<string, { at: number; value: Span }>;
  /** Nothing else in the file can bind these names; false: the values must be worked out statement by statement. */
  isPlain: boolean;
}

export const headerNames: ReadonlySet<string> = new Set(['revision', 'down_revision', 'branch_labels', 'depends_on']);

// What an expression may stand for.
const bareName = 1;
const target = 2;
const targetList = 4;
const starred = 8;
const starredTarget = 16;
const assignable = target | targetList | starredTarget;

const comparison = 4;
const bitwiseOr = 5;
const precedence = new Uint8Array(512);
for (const [level, tokens] of [
  [1, [T.or]],
  [2, [T.and]],
  [comparison, [60, 62, T.equal, T.notEqual, T.lessEqual, T.greaterEqual, T.in, T.is, T.not]],
  [bitwiseOr, [124]],
  [6, [94]],
  [7, [38]],
  [8, [T.shiftLeft, T.shiftRight]],
  [9, [43, 45]],
  [10, [42, 47, T.floorDivide, 37, 64]],
] as const)
  for (const token of tokens) precedence[token] = level;

const opensExpression = new Uint8Array(512);
for (const token of [T.name, T.number, T.string, 40, 91, 123, 43, 45, 126, 42, T.not, T.lambda, T.await, T.ellipsis])
  opensExpression[token] = 1;
for (const token of [T.none, T.true, T.false]) opensExpression[token] = 1;

const futureFeatures =
  /^(?:nested_scopes|generators|division|absolute_import|with_statement|print_function|unicode_literals|barry_as_FLUFL|generator_stop|annotations)$/;
const maxNesting = 900;

class SyntaxReader extends PythonLexer {
  /** Collected where somebody asks: imports that loading the file runs. */
  imports: ImportedModule[] | null = null;
  readonly headers = new Map<string, { at: number; value: Span }>();
  docstring: Span | null = null;
  isPlain = true;
  private mentions = 0;
  private accounted = 0;
  private blockDepth = 0;
  private inFunction = false;
  private inAsync = false;
  private inLoop = false;
  private nesting = 0;
  private futureAllowed = true;
  /** A statement that starts with a soft keyword may be one of its forms, which this reader does not know. */
  private mayBeSoft = false;
  private withParenthesis = -1;
  private sawWithAs = false;
  private isFormatted = false;

  override fail(reason: string, at: number = this.start): never {
    if (this.mayBeSoft) throw new Undecided();
    throw new SyntaxFault(at, reason);
  }

  private unexpected(): never {
    if (this.tok === T.indent) this.fail('unexpected indent');
    if (this.tok === T.end) this.fail('unexpected end of file');
    this.fail('invalid syntax');
  }

  private expect(token: number, shown: string): void {
    if (this.tok !== token) this.fail(`expected ${shown}`);
    this.next();
  }

  file(): void {
    this.next();
    if (this.tok === T.string && !this.isBytes) {
      const from = this.start;
      const isAlone = this.statement();
      if (isAlone) this.docstring = { from, to: this.firstStop };
    }
    while (this.tok !== T.end) this.statement();
    if (this.mentions !== this.accounted) this.isPlain = false;
  }

  private firstStop = 0;

  /** True: a line with nothing but one string. */
  private statement(): boolean {
    const tok = this.tok;
    switch (tok) {
      case T.if:
        this.leaveFuture();
        this.next();
        this.namedExpression();
        this.block();
        while ((this.tok as number) === T.elif) {
          this.next();
          this.namedExpression();
          this.block();
        }
        this.elseBlock();
        return false;
      case T.while:
        this.leaveFuture();
        this.next();
        this.namedExpression();
        this.loopBlock();
        return false;
      case T.for:
        this.leaveFuture();
        this.forStatement();
        return false;
      case T.try:
        this.leaveFuture();
        this.tryStatement();
        return false;
      case T.with:
        this.leaveFuture();
        this.withStatement();
        return false;
      case T.def:
        this.leaveFuture();
        this.functionDefinition(false);
        return false;
      case T.class:
        this.leaveFuture();
        this.classDefinition();
        return false;
      case 64:
        this.leaveFuture();
        this.decorated();
        return false;
      case T.async:
        this.leaveFuture();
        this.asyncStatement();
        return false;
      case T.newline:
        this.next();
        return false;
      default:
        return this.simpleLine();
    }
  }

  private leaveFuture(): void {
    this.futureAllowed = false;
  }

  private simpleLine(): boolean {
    const startsWithString = this.tok === T.string && !this.isFormatted && !this.isBytes;
    const isFirst = this.futureAllowed && startsWithString && this.docstring === null;
    for (let isFirstOfLine = true; ; isFirstOfLine = false) {
      this.simpleStatement();
      if (this.tok === 59) {
        this.mayBeSoft = false;
        if (isFirst && isFirstOfLine) this.firstStop = this.previousStop;
        this.next();
        if ((this.tok as number) === T.newline) break;
        continue;
      }
      if (isFirst && isFirstOfLine) this.firstStop = this.previousStop;
      break;
    }
    if (this.tok !== T.newline) this.unexpected();
    this.mayBeSoft = false;
    this.next();
    return isFirst;
  }

  private simpleStatement(): void {
    const tok = this.tok;
    const mayStayFuture = this.futureAllowed && (tok === T.from || tok === T.string);
    if (!mayStayFuture) this.futureAllowed = false;
    switch (tok) {
      case T.pass:
        this.next();
        return;
      case T.break:
      case T.continue:
        if (!this.inLoop) this.fail(tok === T.break ? "'break' outside loop" : "'continue' not properly in loop");
        this.next();
        return;
      case T.return:
        if (!this.inFunction) this.fail("'return' outside function");
        this.next();
        if (opensExpression[this.tok]) this.starExpressions();
        return;
      case T.raise:
        this.next();
        if (opensExpression[this.tok]) {
          this.expression();
          if ((this.tok as number) === T.from) {
            this.next();
            this.expression();
          }
        }
        return;
      case T.import:
        this.importStatement();
        return;
      case T.from:
        this.fromStatement();
        return;
      case T.global:
      case T.nonlocal:
        if (tok === T.nonlocal && !this.inFunction) this.fail('nonlocal declaration not allowed at module level');
        do {
          this.next();
          if (headerNames.has(this.word)) this.isPlain = false;
          this.expect(T.name, 'a name');
        } while ((this.tok as number) === 44);
        return;
      case T.del: {
        this.next();
        const from = this.start;
        const kind = this.starExpressions();
        if ((kind & (target | targetList)) === 0) this.fail('cannot delete this', from);
        return;
      }
      case T.assert:
        this.next();
        this.expression();
        if ((this.tok as number) === 44) {
          this.next();
          this.expression();
        }
        return;
      default:
        this.expressionStatement();
    }
  }

  private expressionStatement(): void {
    const at = this.start;
    let header = '';
    if (this.tok === T.name) {
      if (this.word === 'match' || this.word === 'type') this.mayBeSoft = true;
      else if (this.blockDepth === 0 && headerNames.has(this.word)) header = this.word;
    }
    let kind = this.tok === T.yield ? this.yieldExpression() : this.starExpressions();
    if (header !== '' && (kind & bareName) === 0) header = '';
    if (this.tok === 61) {
      let value = { from: 0, to: 0 };
      for (let isFirst = true; this.tok === 61; isFirst = false) {
        if ((kind & assignable) === 0 || kind & starredTarget) this.fail('cannot assign to this', at);
        if (!isFirst) header = '';
        this.next();
        value = { from: this.start, to: 0 };
        kind = (this.tok as number) === T.yield ? this.yieldExpression() : this.starExpressions();
      }
      if (kind & starred) this.fail("can't use starred expression here", value.from);
      value.to = this.previousStop;
      if (header !== '') this.account(header, at, value);
    } else if (this.tok === 58) {
      if ((kind & target) === 0) this.fail('only a single target can be annotated', at);
      this.next();
      this.expression();
      if ((this.tok as number) === 61) {
        this.next();
        const value = { from: this.start, to: 0 };
        kind = (this.tok as number) === T.yield ? this.yieldExpression() : this.starExpressions();
        if (kind & starred) this.fail("can't use starred expression here", value.from);
        value.to = this.previousStop;
        if (header !== '') this.account(header, at, value);
      } else if (header !== '') this.accounted++;
    } else if (this.tok === T.augmented) {
      if ((kind & target) === 0) this.fail('illegal target of an augmented assignment', at);
      this.next();
      if ((this.tok as number) === T.yield) this.yieldExpression();
      else if (this.starExpressions() & starred) this.fail("can't use starred expression here");
    } else if (kind & starred) this.fail("can't use starred expression here", at);
  }

  private account(name: string, at: number, value: Span): void {
    this.headers.set(name, { at, value });
    this.accounted++;
  }

  /** Counts what could bind or read a header's name outside of functions; such a file is worked out step by step. */
  private mention(word: string): void {
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

  private name(): void {
    if (this.tok !== T.name) this.fail('expected a name');
    this.mention(this.word);
    this.next();
  }

  private importStatement(): void {
    do {
      this.next();
      const from = this.start;
      this.name();
      while ((this.tok as number) === 46) {
        this.next();
        this.name();
      }
      this.imported(0, from, null);
      this.alias();
    } while ((this.tok as number) === 44);
  }

  private imported(level: number, from: number, names: ImportedModule['names']): void {
    if (this.imports === null || this.inFunction) return;
    this.imports.push({ level, module: this.text.slice(from, this.previousStop).replace(/\s/g, ''), names });
  }

  private alias(): void {
    if (this.tok === T.as) {
      this.next();
      this.name();
    }
  }

  private fromStatement(): void {
    this.next();
    let dots = 0;
    while (this.tok === 46 || this.tok === T.ellipsis) {
      dots += this.tok === 46 ? 1 : 3;
      this.next();
    }
    let isFuture = false;
    const at = this.start;
    let module = '';
    if (dots === 0 || this.tok === T.name) {
      isFuture = dots === 0 && this.word === '__future__';
      this.name();
      while ((this.tok as number) === 46) {
        isFuture = false;
        this.next();
        this.name();
      }
      module = this.imports === null ? '' : this.text.slice(at, this.previousStop).replace(/\s/g, '');
    }
    if (isFuture && !this.futureAllowed)
      this.fail('from __future__ imports must occur at the beginning of the file', at);
    if (!isFuture) this.futureAllowed = false;
    this.expect(T.import, "'import'");
    if (this.tok === 42) {
      if (this.inFunction || isFuture) this.fail('import * only allowed at module level');
      this.isPlain = false;
      this.imports?.push({ level: dots, module, names: '*' });
      this.next();
      return;
    }
    const isGrouped = this.tok === 40;
    if (isGrouped) this.next();
    const names: string[] = [];
    for (;;) {
      if (isFuture && !futureFeatures.test(this.word)) this.fail(`future feature ${this.word} is not defined`);
      if (this.imports !== null) names.push(this.word);
      this.name();
      this.alias();
      if ((this.tok as number) !== 44) break;
      this.next();
      if (isGrouped && (this.tok as number) === 41) break;
    }
    if (isGrouped) this.expect(41, "')'");
    if (!this.inFunction) this.imports?.push({ level: dots, module, names });
  }

  private block(): void {
    if (this.tok !== 58) this.fail("expected ':'");
    this.next();
    this.blockDepth++;
    if ((this.tok as number) === T.newline) {
      this.next();
      if ((this.tok as number) !== T.indent) this.fail('expected an indented block');
      this.next();
      while ((this.tok as number) !== T.dedent) {
        if ((this.tok as number) === T.end) this.unexpected();
        this.statement();
      }
      this.next();
    } else this.simpleLine();
    this.blockDepth--;
  }

  private elseBlock(): void {
    if (this.tok === T.else) {
      this.next();
      this.block();
    }
  }

  private loopBlock(): void {
    const outer = this.inLoop;
    this.inLoop = true;
    this.block();
    this.inLoop = outer;
    this.elseBlock();
  }

  private forStatement(): void {
    this.next();
    this.targets();
    this.expect(T.in, "'in'");
    this.starExpressions();
    this.loopBlock();
  }

  /** Targets of `for`: they end at `in`, which an expression would swallow. */
  private targets(): void {
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

  private onlyStarred(at: number): void {
    // `for *a in b` is no list; `for x, *a in b` is. The comma before `*` tells.
    if (!/,\s*$/.test(this.text.slice(Math.max(0, at - 200), at)))
      this.fail('starred target must be in a list or tuple', at);
  }

  private tryStatement(): void {
    this.next();
    this.block();
    let handlers = 0;
    let sawBare = false;
    while (this.tok === T.except) {
      if (sawBare) this.fail("default 'except:' must be last");
      handlers++;
      this.next();
      if ((this.tok as number) === 42) this.next();
      if ((this.tok as number) === 58) sawBare = true;
      else {
        this.expression();
        if ((this.tok as number) === 44) throw new Undecided();
        this.alias();
      }
      this.block();
    }
    if (handlers > 0) this.elseBlock();
    if ((this.tok as number) === T.finally) {
      this.next();
      this.block();
    } else if (handlers === 0) this.fail("expected 'except' or 'finally' block");
  }

  private withStatement(): void {
    this.next();
    const outer = this.sawWithAs;
    this.sawWithAs = false;
    this.withParenthesis = this.tok === 40 ? this.start : -1;
    for (;;) {
      this.expression();
      this.withParenthesis = -1;
      if (this.sawWithAs) break;
      if ((this.tok as number) === T.as) {
        this.next();
        if ((this.starExpression() & (target | targetList)) === 0) this.fail('cannot assign to this');
      }
      if ((this.tok as number) !== 44) break;
      this.next();
    }
    this.sawWithAs = outer;
    this.block();
  }

  private decorated(): void {
    while (this.tok === 64) {
      this.next();
      this.namedExpression();
      this.expect(T.newline, 'a new line');
    }
    if (this.tok === T.def) this.functionDefinition(false);
    else if (this.tok === T.class) this.classDefinition();
    else if (this.tok === T.async) {
      this.next();
      if ((this.tok as number) !== T.def) this.unexpected();
      this.functionDefinition(true);
    } else this.fail('expected a function or class after a decorator');
  }

  private asyncStatement(): void {
    this.next();
    if (this.tok === T.def) {
      this.functionDefinition(true);
      return;
    }
    if (!this.inAsync) this.fail("'async' outside async function");
    if (this.tok === T.for) this.forStatement();
    else if (this.tok === T.with) this.withStatement();
    else this.unexpected();
  }

  private functionDefinition(isAsync: boolean): void {
    this.next();
    this.name();
    if (this.tok === 91) throw new Undecided();
    this.expect(40, "'('");
    this.parameters(41, true);
    this.expect(41, "')'");
    if (this.tok === T.arrow) {
      this.next();
      this.expression();
    }
    const outer = { inFunction: this.inFunction, inAsync: this.inAsync, inLoop: this.inLoop };
    this.inFunction = true;
    this.inAsync = isAsync;
    this.inLoop = false;
    this.block();
    Object.assign(this, outer);
  }

  private classDefinition(): void {
    this.next();
    this.name();
    if (this.tok === 91) throw new Undecided();
    if (this.tok === 40) this.callArguments();
    const outer = { inFunction: this.inFunction, inAsync: this.inAsync, inLoop: this.inLoop };
    // A class body runs where it stands; only `return` and `yield` are not for it.
    const isInFunction = this.inFunction;
    this.inFunction = false;
    this.inAsync = false;
    this.inLoop = false;
    const plainBefore = this.isPlain;
    const mentionsBefore = this.mentions;
    this.block();
    if (isInFunction) {
      this.isPlain = plainBefore;
      this.mentions = mentionsBefore;
    }
    Object.assign(this, outer);
  }

  private parameters(closing: number, isAnnotated: boolean): void {
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

  private parameter(names: string[]): void {
    if (this.tok !== T.name) this.fail('expected a parameter');
    if (names.includes(this.word)) this.fail(`duplicate argument '${this.word}' in function definition`);
    names.push(this.word);
    this.next();
  }

  // Expressions. Each returns what it may stand for.

  private starExpressions(): number {
    const first = this.starExpression();
    if (this.tok !== 44) return first;
    return this.rest(first, false, -1);
  }

  private starExpression(): number {
    if (this.tok !== 42) return this.expression();
    this.next();
    const kind = this.binary(bitwiseOr);
    return starred | (kind & (target | targetList) ? starredTarget : 0);
  }

  private starNamed(): number {
    return this.tok === 42 ? this.starExpression() : this.namedExpression();
  }

  /** The further elements of a tuple or list, at the first comma; stops at `closing` or where no expression can start. */
  private rest(first: number, isNamed: boolean, closing: number): number {
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

  private yieldExpression(): number {
    if (!this.inFunction) this.fail("'yield' outside function");
    this.next();
    if (this.tok === T.from) {
      this.next();
      this.expression();
    } else if (opensExpression[this.tok]) this.starExpressions();
    return 0;
  }

  private namedExpression(): number {
    const kind = this.expression();
    if (this.tok !== T.walrus) return kind;
    if ((kind & bareName) === 0) this.fail('cannot use an assignment expression here');
    this.next();
    this.expression();
    return 0;
  }

  private expression(): number {
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

  private lambda(): void {
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

  private binary(least: number): number {
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

  private unary(): number {
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

  private primary(): number {
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

  private atom(): number {
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

  private group(): number {
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
  private withItems(): number {
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

  private list(): number {
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

  private dictionaryOrSet(): void {
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

  private isComprehension(): boolean {
    return this.tok === T.for || this.tok === T.async;
  }

  private comprehension(): void {
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

  private callArguments(): void {
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

  private subscript(): void {
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
      } else if (c === 92) {
        const after = text.charCodeAt(pos + 1);
        if (!isRaw) this.escape(pos, false);
        if (after === 78 && !isRaw) pos = text.indexOf('}', pos) + 1;
        else if (after === 123 || after === 125) pos++;
        else pos += after === 13 && text.charCodeAt(pos + 2) === 10 ? 3 : 2;
        if (pos > text.length) this.fail('unterminated f-string', at);
      } else if (c === 123) {
        if (text.charCodeAt(pos + 1) === 123) pos += 2;
        else pos = this.field(pos + 1, quote, isTriple);
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
  private field(from: number, quote: number, isTriple: boolean): number {
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
      if (this.tok === 58) after = this.formatSpec(this.pos, quote, isTriple);
      else {
        if ((this.tok as number) !== 125) this.fail("f-string: expecting '}'");
        after = this.pos;
      }
    });
    this.nesting--;
    return after;
  }

  private formatSpec(from: number, quote: number, isTriple: boolean): number {
    const text = this.text;
    let pos = from;
    for (;;) {
      const c = text.charCodeAt(pos);
      if (c === 125) return pos + 1;
      if (c === 123) {
        if (text.charCodeAt(pos + 1) === 123) throw new Undecided();
        pos = this.field(pos + 1, quote, isTriple);
      } else if (c === 92 || (c === quote && isTriple)) throw new Undecided();
      else if (Number.isNaN(c) || c === quote || ((c === 10 || c === 13) && !isTriple))
        this.fail("f-string: expecting '}'", pos);
      else pos++;
    }
  }
}

/** Reads a whole file's text. Throws SyntaxFault where Python would refuse it, Undecided where only a real parser can say. */
export function outline(text: string): Outline {
  const reader = new SyntaxReader(text);
  const nul = text.indexOf('\0');
  if (nul >= 0) throw new SyntaxFault(nul, 'source code cannot contain null bytes');
  reader.file();
  return { docstring: reader.docstring, headers: reader.headers, isPlain: reader.isPlain };
}

/** Imports that loading a file runs, its `if` and `try` bodies included; null where it is no sound Python. */
export function importsOf(text: string): ImportedModule[] | null {
  const reader = new SyntaxReader(text);
  reader.imports = [];
  try {
    reader.file();
  } catch {
    return null;
  }
  return reader.imports;
}
