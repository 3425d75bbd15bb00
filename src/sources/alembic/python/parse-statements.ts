/**
 * Python's statements (3.8 to 3.14), from tokens straight to the syntax of `ast.ts`. Declines by throwing what is no sound
 * Python and what it does not know.
 * Longer than most files here: one grammar, read from top to bottom.
 */
import type { Argument, Expression, FunctionSyntax, Handler, ImportedName, Pattern, Statement } from './ast.ts';
import { opensMatch, SyntaxFault, Undecided } from './lexer.ts';
import { ExpressionParser, isTarget, type WithItem } from './parse-expressions.ts';
import { opensExpression, T } from './tokens.ts';

const typeStart = /type[ \t]+[\p{L}_][\p{L}\p{N}_]*\s*[[=]/uy;

class StatementParser extends ExpressionParser {
  /** Where the simple statement that was read last ended: what encloses it ends there too. */
  private lastStop = 0;

  /** Where the statement at the top level that is being read began. */
  begun = 0;

  /** Reads the statements that begin before `to`. */
  until(to: number, into: Statement[]): void {
    this.begun = this.pos;
    this.next();
    while (this.tok !== T.end && this.start < to) {
      this.begun = this.start;
      this.statement(into);
    }
  }

  private statement(into: Statement[]): void {
    const { tok, start: from } = this;
    switch (tok) {
      case T.if:
        into.push(this.ifStatement(from));
        return;
      case T.while: {
        this.next();
        const test = this.namedExpression();
        const body = this.block();
        const otherwise = this.elseBlock();
        into.push({ kind: 'while', from, to: this.lastStop, test, body, otherwise });
        return;
      }
      case T.for:
        into.push(this.forStatement(from));
        return;
      case T.try:
        into.push(this.tryStatement(from));
        return;
      case T.with:
        into.push(this.withStatement(from));
        return;
      case T.def:
        into.push(this.functionStatement(from, []));
        return;
      case T.class:
        into.push(this.classStatement(from, []));
        return;
      case 64:
        into.push(this.decorated(from));
        return;
      case T.async:
        into.push(this.asyncStatement(from));
        return;
      case T.newline:
        this.next();
        return;
      default:
        if (tok === T.name && this.word === 'match' && opensMatch(this.text, from))
          into.push(this.matchStatement(from));
        else this.simpleLine(into);
    }
  }

  private block(): Statement[] {
    const body: Statement[] = [];
    this.expect(58);
    if (this.tok === T.newline) {
      this.next();
      this.expect(T.indent);
      while ((this.tok as number) !== T.dedent) this.statement(body);
      this.next();
    } else this.simpleLine(body);
    return body;
  }

  private elseBlock(): Statement[] {
    if (this.tok !== T.else) return [];
    this.next();
    return this.block();
  }

  // Simple statements.

  private simpleLine(into: Statement[]): void {
    for (;;) {
      into.push(this.simpleStatement());
      this.lastStop = this.previousStop;
      if (this.tok !== 59) break;
      this.next();
      if ((this.tok as number) === T.newline) break;
    }
    if (this.tok !== T.newline) this.unexpected();
    this.next();
  }

  private simpleStatement(): Statement {
    const { tok, start: from } = this;
    switch (tok) {
      case T.pass:
      case T.break:
      case T.continue: {
        const kind = tok === T.pass ? 'pass' : tok === T.break ? 'break' : 'continue';
        this.next();
        return { kind, from, to: this.previousStop };
      }
      case T.return: {
        this.next();
        const value = opensExpression[this.tok] === 1 ? this.sequence() : null;
        return { kind: 'return', from, to: this.previousStop, value };
      }
      case T.raise: {
        this.next();
        let value: Expression | null = null;
        if (opensExpression[this.tok] === 1) {
          value = this.expression();
          if ((this.tok as number) === T.from) {
            this.next();
            this.expression();
          }
        }
        return { kind: 'raise', from, to: this.previousStop, value };
      }
      case T.import:
        return this.importStatement(from);
      case T.from:
        return this.importFrom(from);
      case T.global:
      case T.nonlocal: {
        const names: string[] = [];
        do {
          this.next();
          names.push(this.name());
        } while ((this.tok as number) === 44);
        return { kind: 'scope', from, to: this.previousStop, names, isGlobal: tok === T.global };
      }
      case T.del: {
        this.next();
        const targets: Expression[] = [];
        for (;;) {
          const target = this.expression();
          if (!isTarget(target)) this.unexpected();
          targets.push(target);
          if ((this.tok as number) !== 44) break;
          this.next();
          if (opensExpression[this.tok] === 0) break;
        }
        return { kind: 'delete', from, to: this.previousStop, targets };
      }
      case T.assert: {
        this.next();
        const test = this.expression();
        if ((this.tok as number) === 44) {
          this.next();
          this.expression();
        }
        return { kind: 'assert', from, to: this.previousStop, test };
      }
      default:
        if (tok === T.name && this.word === 'type') {
          typeStart.lastIndex = from;
          if (typeStart.test(this.text)) return this.typeStatement(from);
        }
        return this.expressionStatement(from);
    }
  }

  private expressionStatement(from: number): Statement {
    const first = this.sequenceOrYield();
    switch (this.tok) {
      case 61: {
        const targets = [first];
        let value = first;
        while (this.tok === 61) {
          if (value !== first) targets.push(value);
          if (!isTarget(value)) this.unexpected();
          this.next();
          value = this.sequenceOrYield();
        }
        return { kind: 'assign', from, to: this.previousStop, targets, value };
      }
      case 58: {
        if (!isTarget(first) || first.kind === 'tuple' || first.kind === 'list') this.unexpected();
        this.next();
        const annotation = this.expression();
        let value: Expression | null = null;
        if ((this.tok as number) === 61) {
          this.next();
          value = this.sequenceOrYield();
        }
        return { kind: 'annotated', from, to: this.previousStop, target: first, annotation, value };
      }
      case T.augmented: {
        if (!isTarget(first) || first.kind === 'tuple' || first.kind === 'list') this.unexpected();
        const operator = this.text.slice(this.start, this.stop - 1);
        this.next();
        const value = this.sequenceOrYield();
        return { kind: 'augmented', from, to: this.previousStop, target: first, operator, value };
      }
      default:
        return { kind: 'expression', from, to: this.previousStop, value: first };
    }
  }

  /** `type Name[T] = …`: a name for what stands behind it, which nobody looks at before it is asked for. */
  private typeStatement(from: number): Statement {
    this.next();
    const at = this.start;
    const target: Expression = { kind: 'name', name: this.name(), from: at, to: this.previousStop };
    this.typeParameters();
    this.expect(61);
    const value = this.expression();
    return { kind: 'assign', from, to: this.previousStop, targets: [target], value };
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
        this.element();
      }
    } while ((this.tok as number) === 44);
    this.expect(93);
  }

  private dottedName(): string {
    let name = this.name();
    while (this.tok === 46) {
      this.next();
      name += `.${this.name()}`;
    }
    return name;
  }

  private alias(): string | null {
    if (this.tok !== T.as) return null;
    this.next();
    return this.name();
  }

  private importStatement(from: number): Statement {
    const names: ImportedName[] = [];
    do {
      this.next();
      names.push({ name: this.dottedName(), as: this.alias() });
    } while (this.tok === 44);
    return { kind: 'import', from, to: this.previousStop, names };
  }

  private importFrom(from: number): Statement {
    this.next();
    let level = 0;
    while (this.tok === 46 || this.tok === T.ellipsis) {
      level += this.tok === 46 ? 1 : 3;
      this.next();
    }
    const module = level > 0 && this.tok === T.import ? '' : this.dottedName();
    this.expect(T.import);
    if (this.tok === 42) {
      this.next();
      return { kind: 'importFrom', from, to: this.previousStop, level, module, names: '*' };
    }
    const isGrouped = this.tok === 40;
    if (isGrouped) this.next();
    const names: ImportedName[] = [];
    for (;;) {
      names.push({ name: this.name(), as: this.alias() });
      if (this.tok !== 44) break;
      this.next();
      if (isGrouped && (this.tok as number) === 41) break;
    }
    if (isGrouped) this.expect(41);
    return { kind: 'importFrom', from, to: this.previousStop, level, module, names };
  }

  // Compound statements.

  private ifStatement(from: number): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    do {
      this.next();
      branches.push({ test: this.namedExpression(), body: this.block() });
    } while (this.tok === T.elif);
    const otherwise = this.elseBlock();
    return { kind: 'if', from, to: this.lastStop, branches, otherwise };
  }

  private forStatement(from: number): Statement {
    this.next();
    const target = this.forTargets();
    this.expect(T.in);
    const iterable = this.sequence();
    const body = this.block();
    const otherwise = this.elseBlock();
    return { kind: 'for', from, to: this.lastStop, target, iterable, body, otherwise };
  }

  private tryStatement(from: number): Statement {
    this.next();
    const body = this.block();
    const handlers: Handler[] = [];
    while (this.tok === T.except) {
      this.next();
      if ((this.tok as number) === 42) this.next();
      let types: Expression | null = null;
      let name: string | null = null;
      if ((this.tok as number) !== 58) {
        const at = this.start;
        types = this.expression();
        // From Python 3.14 on, several need no parentheses, unless a name follows.
        if ((this.tok as number) === 44)
          types = { kind: 'tuple', from: at, to: this.previousStop, items: this.rest(types, false, 58) };
        else name = this.alias();
      }
      handlers.push({ types, name, body: this.block() });
    }
    const otherwise = handlers.length > 0 ? this.elseBlock() : [];
    let last: Statement[] = [];
    if ((this.tok as number) === T.finally) {
      this.next();
      last = this.block();
    } else if (handlers.length === 0) this.unexpected();
    return { kind: 'try', from, to: this.lastStop, body, handlers, otherwise, finally: last };
  }

  private withStatement(from: number): Statement {
    this.next();
    const open = this.tok === 40 ? this.start : -1;
    this.withParenthesis = open;
    this.withItems = null;
    let items: WithItem[] = [];
    for (;;) {
      const value = this.expression();
      this.withParenthesis = -1;
      const grouped = this.withItems as { items: WithItem[]; to: number } | null;
      if (grouped !== null) {
        if (grouped.to !== this.previousStop || this.tok !== 58) this.unexpected();
        items = grouped.items;
        this.withItems = null;
        break;
      }
      // `with (a, b):` holds two items, not a tuple.
      if (value.kind === 'tuple' && value.from === open && value.items.length > 0 && this.tok === 58) {
        items = value.items.map((item) => ({ value: item, target: null }));
        break;
      }
      const item: WithItem = { value, target: null };
      if ((this.tok as number) === T.as) {
        this.next();
        item.target = this.target();
      }
      items.push(item);
      if ((this.tok as number) !== 44) break;
      this.next();
    }
    const body = this.block();
    return { kind: 'with', from, to: this.lastStop, items, body };
  }

  private asyncStatement(from: number): Statement {
    this.next();
    if (this.tok === T.def) return this.functionStatement(from, [], true);
    if (this.tok === T.for) return this.forStatement(from);
    if (this.tok === T.with) return this.withStatement(from);
    return this.unexpected();
  }

  private decorated(from: number): Statement {
    const decorators: Expression[] = [];
    while (this.tok === 64) {
      this.next();
      decorators.push(this.namedExpression());
      this.expect(T.newline);
    }
    const at = this.start;
    let made: Statement;
    if (this.tok === T.class) made = this.classStatement(at, decorators);
    else {
      const isAsync = this.tok === T.async;
      if (isAsync) this.next();
      made = this.functionStatement(at, decorators, isAsync);
    }
    made.from = from;
    return made;
  }

  private functionStatement(from: number, decorators: Expression[], isAsync = false): Statement {
    const outer = this.sawYield;
    this.expect(T.def);
    const name = this.name();
    this.typeParameters();
    this.expect(40);
    const parameters = this.parameters(41, true);
    this.expect(41);
    let returns: Expression | null = null;
    if (this.tok === T.arrow) {
      this.next();
      returns = this.expression();
    }
    this.sawYield = false;
    const body = this.block();
    const made: FunctionSyntax = {
      from,
      to: this.lastStop,
      name,
      parameters,
      isAsync,
      isGenerator: this.sawYield,
      decorators,
      ...(returns === null ? {} : { returns }),
      body,
    };
    this.sawYield = outer;
    return { kind: 'function', from, to: this.lastStop, function: made };
  }

  private classStatement(from: number, decorators: Expression[]): Statement {
    const outer = this.sawYield;
    this.next();
    const name = this.name();
    this.typeParameters();
    const args: Argument[] = this.tok === 40 ? this.callArguments() : [];
    const body = this.block();
    this.sawYield = outer;
    return { kind: 'class', from, to: this.lastStop, name, args, decorators, body };
  }

  // `match`. Of its patterns, only those that compare with a value or take it whole are kept.

  private matchStatement(from: number): Statement {
    this.next();
    const subject = this.sequence();
    this.expect(58);
    this.expect(T.newline);
    this.expect(T.indent);
    const cases: { pattern: Pattern; guard: Expression | null; body: Statement[] }[] = [];
    while (this.tok !== T.dedent) {
      if (this.tok !== T.name || this.word !== 'case') this.unexpected();
      this.next();
      const pattern = this.openPattern(58);
      let guard: Expression | null = null;
      if ((this.tok as number) === T.if) {
        this.next();
        guard = this.namedExpression();
      }
      cases.push({ pattern, guard, body: this.block() });
    }
    this.next();
    return { kind: 'match', from, to: this.lastStop, subject, cases };
  }

  /** Patterns between commas, up to `closing`, `:` or the guard's `if`; one alone is itself. */
  private openPattern(closing: number): Pattern {
    let only: Pattern | null = null;
    for (let count = 0; ; count++) {
      const isStarred = this.tok === 42;
      if (isStarred) this.next();
      const pattern: Pattern = isStarred ? this.capture() : this.pattern();
      only = count === 0 && !isStarred ? pattern : null;
      if ((this.tok as number) !== 44) return only ?? { kind: 'unreadable' };
      this.next();
      if ((this.tok as number) === closing || (this.tok as number) === T.if) return { kind: 'unreadable' };
    }
  }

  private capture(): Pattern {
    const name = this.name();
    return { kind: 'capture', name: name === '_' ? null : name };
  }

  private pattern(): Pattern {
    const patterns = [this.closedPattern()];
    while (this.tok === 124) {
      this.next();
      patterns.push(this.closedPattern());
    }
    if (this.alias() !== null) return { kind: 'unreadable' };
    return patterns.length === 1 ? (patterns[0] as Pattern) : { kind: 'or', patterns };
  }

  private closedPattern(): Pattern {
    switch (this.tok) {
      case T.none:
      case T.true:
      case T.false:
      case T.string:
      case T.number:
      case 45:
        // `-1 + 2j` is a literal; whatever else binds as tightly is none that anybody writes here.
        return { kind: 'value', value: this.binary(9) };
      case T.name:
        return this.namedPattern();
      case 40:
      case 91: {
        const closing = this.tok === 40 ? 41 : 93;
        this.next();
        let inner: Pattern = { kind: 'unreadable' };
        if ((this.tok as number) !== closing) inner = this.nested(() => this.openPattern(closing));
        this.expect(closing);
        return closing === 41 ? inner : { kind: 'unreadable' };
      }
      case 123:
        this.next();
        while ((this.tok as number) !== 125) {
          if ((this.tok as number) === T.power) {
            this.next();
            this.name();
          } else {
            this.closedPattern();
            this.expect(58);
            this.nested(() => this.pattern());
          }
          if ((this.tok as number) !== 44) break;
          this.next();
        }
        this.expect(125);
        return { kind: 'unreadable' };
      default:
        return this.unexpected();
    }
  }

  /** A capture, a dotted name to compare with, or a class pattern. */
  private namedPattern(): Pattern {
    const { start: from, word: first } = this;
    this.next();
    let value: Expression = { kind: 'name', from, to: this.previousStop, name: first };
    while (this.tok === 46) {
      this.next();
      const name = this.name();
      this.wrap();
      value = { kind: 'attribute', from, to: this.previousStop, object: value, name };
    }
    if (this.tok === 40) {
      this.next();
      while ((this.tok as number) !== 41) {
        this.nested(() => this.pattern());
        if ((this.tok as number) === 61) {
          this.next();
          this.nested(() => this.pattern());
        }
        if ((this.tok as number) !== 44) break;
        this.next();
      }
      this.expect(41);
      return { kind: 'unreadable' };
    }
    if (value.kind === 'attribute') return { kind: 'value', value };
    return { kind: 'capture', name: first === '_' ? null : first };
  }
}

export function unreadable(from: number, to: number): Statement {
  return { kind: 'unreadable', from, to, reason: 'syntax that could not be read' };
}

/** Beyond it a text is no Python at all: what is never closed is looked for up to the end, each time. */
const maxFaults = 50;
/** A line that no indented, continued or empty one can be: the next statement at the top level begins there. */
const nextStart = /^[^\s#)\]}]/u;

/**
 * The statements of a text that begin between two offsets, the first at a line's start. One that is no Python, or none that
 * is known, is unreadable as a whole, and the rest still reads; `fault` is the first place where that was met.
 */
export function parseStatements(
  text: string,
  from: number,
  to: number,
): { statements: Statement[]; fault: number | null } {
  const statements: Statement[] = [];
  let fault: number | null = null;
  for (let at = from, faults = 0; at < to; ) {
    const parser = new StatementParser(text, at);
    try {
      parser.until(to, statements);
      break;
    } catch (error) {
      if (!(error instanceof SyntaxFault || error instanceof Undecided)) throw error;
      const begun = Math.max(at, parser.begun);
      fault ??= error instanceof SyntaxFault ? error.at : begun;
      at = ++faults > maxFaults ? to : nextLine(text, begun, to);
      statements.push(unreadable(begun, at));
    }
  }
  return { statements, fault };
}

/** Where the next statement at the top level may begin. */
function nextLine(text: string, from: number, to: number): number {
  for (let at = text.indexOf('\n', from) + 1; at > 0 && at < to; at = text.indexOf('\n', at) + 1)
    if (nextStart.test(text.slice(at, at + 2))) return at;
  return to;
}
