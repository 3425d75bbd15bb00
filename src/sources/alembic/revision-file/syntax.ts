/**
 * Is a file sound Python, and which plain assignments does its module level make to the header's names? A strict reader
 * of CPython's grammar (3.8 to 3.14) that builds no tree; what is nested too deeply is `Undecided`, never accepted.
 * Refuses to know what the values mean. Longer than most files here: one grammar, read from top to bottom.
 */

import { opensMatch, SyntaxFault, Undecided } from '../python/lexer.ts';
import { opensExpression, T } from '../python/tokens.ts';
import {
  assignable,
  bareName,
  ExpressionReader,
  headerNames,
  maxNesting,
  starred,
  starredTarget,
  target,
  targetList,
} from './expressions.ts';

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

const futureFeatures =
  /^(?:nested_scopes|generators|division|absolute_import|with_statement|print_function|unicode_literals|barry_as_FLUFL|generator_stop|annotations)$/;
const typeStart = /type[ \t]+[\p{L}_][\p{L}\p{N}_]*\s*[[=]/uy;

class SyntaxReader extends ExpressionReader {
  /** Collected where somebody asks: imports that loading the file runs. */
  imports: ImportedModule[] | null = null;
  readonly headers = new Map<string, { at: number; value: Span }>();
  docstring: Span | null = null;
  private accounted = 0;
  private blockDepth = 0;
  private inLoop = false;
  private futureAllowed = true;

  file(): void {
    this.next();
    if (this.tok === T.string && !this.isBytes) {
      const { start: from, stop: to } = this;
      const isFirst = this.statement();
      // Several that stand side by side, or an expression that only begins with one: for the tree to tell.
      if (isFirst && this.firstStop === to) this.docstring = { from, to };
      else this.isPlain = false;
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
        if (tok === T.name && this.word.length < 6 && this.softStatement()) return false;
        return this.simpleLine();
    }
  }

  /** `match subject:` and `type Name = …`, whose first words are names anywhere else. */
  private softStatement(): boolean {
    if (this.word === 'match') {
      if (!opensMatch(this.text, this.start)) return false;
      this.leaveFuture();
      this.matchStatement();
      return true;
    }
    if (this.word === 'type') {
      typeStart.lastIndex = this.start;
      if (!typeStart.test(this.text)) return false;
      this.leaveFuture();
      this.next();
      this.name();
      this.typeParameters();
      this.expect(61, "'='");
      this.expression();
      if (this.tok !== T.newline) this.unexpected();
      this.next();
      return true;
    }
    return false;
  }

  private matchStatement(): void {
    this.next();
    const first = this.starNamed();
    if (this.tok === 44) this.rest(first, true, 58);
    this.expect(58, "':'");
    this.expect(T.newline, 'a new line');
    if (this.tok !== T.indent) this.fail('expected an indented block');
    this.next();
    this.blockDepth++;
    while ((this.tok as number) !== T.dedent) {
      if ((this.tok as number) !== T.name || this.word !== 'case') this.unexpected();
      this.next();
      this.patterns(58);
      if ((this.tok as number) === T.if) {
        this.next();
        this.namedExpression();
      }
      this.block();
    }
    this.blockDepth--;
    this.next();
  }

  /** Patterns between commas, up to `closing`, `:` or the guard's `if`. */
  private patterns(closing: number): void {
    for (;;) {
      if (this.tok === 42) {
        this.next();
        this.name();
      } else this.pattern();
      if ((this.tok as number) !== 44) return;
      this.next();
      if ((this.tok as number) === closing || (this.tok as number) === T.if) return;
    }
  }

  private pattern(): void {
    if (++this.nesting > maxNesting) throw new Undecided();
    this.closedPattern();
    while (this.tok === 124) {
      this.next();
      this.closedPattern();
    }
    this.alias();
    this.nesting--;
  }

  private closedPattern(): void {
    switch (this.tok) {
      case T.none:
      case T.true:
      case T.false:
      case T.string:
        this.atom();
        return;
      case 45:
      case T.number:
        // `-1 + 2j` is a literal; whatever else binds as tightly is none that anybody writes here.
        this.binary(9);
        return;
      case T.name:
        this.name();
        while ((this.tok as number) === 46) {
          this.next();
          this.name();
        }
        if ((this.tok as number) === 40) this.classPattern();
        return;
      case 40:
      case 91: {
        const closing = this.tok === 40 ? 41 : 93;
        this.next();
        if ((this.tok as number) !== closing) this.patterns(closing);
        this.expect(closing, closing === 41 ? "')'" : "']'");
        return;
      }
      case 123:
        this.next();
        while ((this.tok as number) !== 125) {
          if ((this.tok as number) === T.power) {
            this.next();
            this.name();
          } else {
            this.closedPattern();
            this.expect(58, "':'");
            this.pattern();
          }
          if ((this.tok as number) !== 44) break;
          this.next();
        }
        this.expect(125, "'}'");
        return;
      default:
        this.unexpected();
    }
  }

  private classPattern(): void {
    this.next();
    while (this.tok !== 41) {
      this.pattern();
      if ((this.tok as number) === 61) {
        this.next();
        this.pattern();
      }
      if ((this.tok as number) !== 44) break;
      this.next();
    }
    this.expect(41, "')'");
  }

  /** `[T: int = str, *Ts, **P]` of a class, a function or a `type`. */
  private typeParameters(): void {
    if (this.tok !== 91) return;
    do {
      this.next();
      if ((this.tok as number) === 93) break;
      if ((this.tok as number) === 42 || (this.tok as number) === T.power) this.next();
      this.name();
      if ((this.tok as number) === 58) {
        this.next();
        this.expression();
      }
      if ((this.tok as number) === 61) {
        this.next();
        this.starExpression();
      }
    } while ((this.tok as number) === 44);
    this.expect(93, "']'");
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
        if (isFirst && isFirstOfLine) this.firstStop = this.previousStop;
        this.next();
        if ((this.tok as number) === T.newline) break;
        continue;
      }
      if (isFirst && isFirstOfLine) this.firstStop = this.previousStop;
      break;
    }
    if (this.tok !== T.newline) this.unexpected();
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
    if (this.tok === T.name && this.blockDepth === 0 && headerNames.has(this.word)) header = this.word;
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
        const first = this.expression();
        // From Python 3.14 on, several need no parentheses, unless a name follows.
        if ((this.tok as number) === 44) this.rest(first, false, 58);
        else this.alias();
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
    this.typeParameters();
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
    this.typeParameters();
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
}

/** Reads a whole file's text. Throws SyntaxFault where Python would refuse it, Undecided where it is nested too deeply. */
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
