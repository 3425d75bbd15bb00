/**
 * The structure of a PL/pgSQL block with exact offsets in the original text (pl_gram.y): declarations, nested statements,
 * conditions, handlers. PostgreSQL's own PL/pgSQL parser judges whether the block is sound; it keeps no offsets, this does.
 * Total: odd text gives statements of kind `other`. Longer than most files: one scanner whose parts make no sense alone.
 */
import { nextToken, type Token, tokensOf } from './lexer.ts';
import { isMark, isWord } from './slices.ts';

export interface TextRange {
  from: number;
  to: number;
}

export interface Declaration extends TextRange {
  name: string;
  type: string;
  isConstant: boolean;
  /** The expression after `:=`, `=` or DEFAULT. */
  value: TextRange | null;
}

interface Base extends TextRange {
  /** SQL: the statement's text with `INTO target` blanked, as long as the source; conditions and expressions as written. */
  text: string;
}

export type BlockStatement =
  | (Base & { kind: 'sql'; into: string[]; intoRange: TextRange | null })
  | (Base & { kind: 'perform' })
  | (Base & { kind: 'execute'; expression: TextRange; into: string[]; hasUsing: boolean })
  | (Base & { kind: 'raise'; level: string; format: string | null })
  | (Base & { kind: 'assign'; target: string; expression: TextRange })
  | (Base & { kind: 'if'; branches: { condition: TextRange | null; body: BlockStatement[]; range: TextRange }[] })
  | (Base & { kind: 'case'; branches: { condition: TextRange | null; body: BlockStatement[]; range: TextRange }[] })
  | (Base & {
      kind: 'loop';
      loop: 'loop' | 'while' | 'for' | 'foreach';
      variable: string | null;
      header: TextRange;
      body: BlockStatement[];
    })
  | (Base & { kind: 'block'; block: PlBlock })
  | (Base & { kind: 'other' });

export interface PlBlock extends TextRange {
  /** From DECLARE to the last declaration's `;`. */
  declare: TextRange | null;
  declarations: Declaration[];
  /** The word BEGIN. */
  begin: TextRange | null;
  body: BlockStatement[];
  handlers: { conditions: string[]; body: BlockStatement[]; range: TextRange }[];
  /** The word END. */
  end: TextRange | null;
}

const levels = new Set(['debug', 'log', 'info', 'notice', 'warning', 'exception']);
const maxNesting = 200;

class Scanner {
  private at = 0;
  private depth = 0;
  private readonly source: string;
  private readonly tokens: Token[];
  private readonly to: number;

  constructor(source: string, from: number, to: number) {
    this.source = source;
    this.tokens = tokensOf(source, from, to);
    this.to = to;
  }

  block(): PlBlock {
    const from = this.peek()?.from ?? this.to;
    this.label();
    const block: PlBlock = {
      from,
      to: from,
      declare: null,
      declarations: [],
      begin: null,
      body: [],
      handlers: [],
      end: null,
    };
    while (isWord(this.peek(), 'declare')) {
      const start = this.next() as Token;
      block.declare ??= { from: start.from, to: start.to };
      while (this.peek() && !isWord(this.peek(), 'begin', 'declare')) {
        const declaration = this.declaration();
        block.declare.to = declaration.to;
        if (declaration.name !== '') block.declarations.push(declaration);
      }
    }
    const begin = this.peek();
    if (isWord(begin, 'begin')) {
      this.next();
      block.begin = { from: begin?.from as number, to: begin?.to as number };
    }
    block.body = this.statements('exception', 'end');
    if (isWord(this.peek(), 'exception')) {
      this.next();
      while (isWord(this.peek(), 'when')) {
        const start = this.next() as Token;
        const condition = this.until('then');
        const body = this.statements('when', 'end');
        block.handlers.push({
          conditions: this.wordsIn(condition),
          body,
          range: { from: start.from, to: this.lastEnd() },
        });
      }
    }
    const end = this.peek();
    if (isWord(end, 'end')) {
      this.next();
      block.end = { from: end?.from as number, to: end?.to as number };
      if (this.peek()?.kind === 'word') this.next();
    }
    block.to = this.lastEnd();
    return block;
  }

  private peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead];
  }

  private next(): Token | undefined {
    return this.tokens[this.at++];
  }

  private lastEnd(): number {
    return this.tokens[this.at - 1]?.to ?? this.to;
  }

  private label(): void {
    if (this.peek()?.kind === 'operator' && this.peek()?.text === '<<' && this.peek(2)?.text === '>>') this.at += 3;
  }

  private declaration(): Declaration {
    const start = this.next() as Token;
    const isConstant = isWord(this.peek(), 'constant');
    if (isConstant) this.next();
    const typeFrom = this.peek()?.from ?? start.to;
    let typeTo = typeFrom;
    let value: TextRange | null = null;
    let depth = 0;
    while (this.peek()) {
      const token = this.next() as Token;
      if (isMark(token, ';') && depth === 0) break;
      if (isMark(token, '(') || isMark(token, '[')) depth++;
      if (isMark(token, ')') || isMark(token, ']')) depth--;
      if (value) value.to = token.to;
      else if (
        depth === 0 &&
        (token.text === ':=' || (token.kind === 'operator' && token.text === '=') || isWord(token, 'default'))
      ) {
        value = { from: this.peek()?.from ?? token.to, to: this.peek()?.from ?? token.to };
      } else if (
        !(isWord(token, 'not') && isWord(this.peek(), 'null')) &&
        !(isWord(token, 'null') && isWord(this.tokens[this.at - 2], 'not'))
      )
        typeTo = token.to;
    }
    return {
      name: start.kind === 'word' || start.kind === 'quoted' ? start.text : '',
      type: this.source.slice(typeFrom, typeTo),
      isConstant,
      value,
      from: start.from,
      to: this.lastEnd(),
    };
  }

  /** Statements up to one of the words at a statement's beginning, which stays. */
  private statements(...terminators: string[]): BlockStatement[] {
    const found: BlockStatement[] = [];
    while (this.peek() && !isWord(this.peek(), ...terminators, 'end')) {
      const before = this.at;
      const statement = this.statement();
      if (statement) found.push(statement);
      if (this.at === before) this.at++;
    }
    return found;
  }

  private statement(): BlockStatement | null {
    this.label();
    const first = this.peek();
    if (!first) return null;
    if (isMark(first, ';')) {
      this.next();
      return null;
    }
    if (++this.depth > maxNesting) {
      this.depth--;
      return this.simple(first);
    }
    try {
      if (first.kind === 'word') {
        if (first.text === 'if') return this.ifStatement(first);
        if (first.text === 'case') return this.caseStatement(first);
        if (['loop', 'while', 'for', 'foreach'].includes(first.text)) return this.loopStatement(first);
        if (first.text === 'begin' || first.text === 'declare') {
          const block = this.block();
          this.semicolon();
          return { kind: 'block', block, ...this.base(first.from, block.to) };
        }
      }
      return this.simple(first);
    } finally {
      this.depth--;
    }
  }

  private base(from: number, to: number): Base {
    return { from, to, text: this.source.slice(from, to) };
  }

  private semicolon(): void {
    if (isMark(this.peek(), ';')) this.next();
  }

  /** Tokens up to one of the words outside brackets and CASE; the word is taken. */
  private until(...words: string[]): TextRange {
    const from = this.peek()?.from ?? this.to;
    let to = from;
    let brackets = 0;
    let cases = 0;
    while (this.peek()) {
      const token = this.next() as Token;
      if (brackets === 0 && cases === 0 && isWord(token, ...words)) break;
      if (isMark(token, '(') || isMark(token, '[')) brackets++;
      else if (isMark(token, ')') || isMark(token, ']')) brackets--;
      else if (isWord(token, 'case')) cases++;
      else if (isWord(token, 'end') && cases > 0) cases--;
      to = token.to;
    }
    return { from, to };
  }

  private wordsIn(range: TextRange): string[] {
    return tokensOf(this.source, range.from, range.to).flatMap((token) =>
      token.kind === 'word' && token.text !== 'or' && token.text !== 'sqlstate'
        ? [token.text]
        : token.kind === 'string'
          ? [token.text]
          : [],
    );
  }

  private ifStatement(first: Token): BlockStatement {
    const branches: { condition: TextRange | null; body: BlockStatement[]; range: TextRange }[] = [];
    while (isWord(this.peek(), 'if', 'elsif', 'elseif', 'else')) {
      const start = this.next() as Token;
      const condition = start.text === 'else' ? null : this.until('then');
      const body = this.statements('elsif', 'elseif', 'else');
      branches.push({ condition, body, range: { from: start.from, to: this.lastEnd() } });
      if (start.text === 'else') break;
    }
    this.closing('if');
    return { kind: 'if', branches, ...this.base(first.from, this.lastEnd()) };
  }

  private caseStatement(first: Token): BlockStatement {
    const branches: { condition: TextRange | null; body: BlockStatement[]; range: TextRange }[] = [];
    this.next();
    while (this.peek() && !isWord(this.peek(), 'when')) this.next();
    while (isWord(this.peek(), 'when', 'else')) {
      const start = this.next() as Token;
      const condition = start.text === 'else' ? null : this.until('then');
      branches.push({
        condition,
        body: this.statements('when', 'else'),
        range: { from: start.from, to: this.lastEnd() },
      });
    }
    this.closing('case');
    return { kind: 'case', branches, ...this.base(first.from, this.lastEnd()) };
  }

  private loopStatement(first: Token): BlockStatement {
    const loop = first.text as 'loop' | 'while' | 'for' | 'foreach';
    this.next();
    const variable = loop === 'for' || loop === 'foreach' ? (this.peek()?.text ?? null) : null;
    const header = loop === 'loop' ? { from: first.to, to: first.to } : this.until('loop');
    const body = this.statements();
    this.closing('loop');
    return { kind: 'loop', loop, variable, header, body, ...this.base(first.from, this.lastEnd()) };
  }

  private closing(word: string): void {
    if (isWord(this.peek(), 'end')) this.next();
    if (isWord(this.peek(), word)) this.next();
    if (this.peek()?.kind === 'word' && isMark(this.peek(1), ';')) this.next();
    this.semicolon();
  }

  /** A statement up to its `;`. */
  private simple(first: Token): BlockStatement {
    const start = this.at;
    let brackets = 0;
    let end = this.at;
    while (this.peek()) {
      const token = this.peek() as Token;
      if (isMark(token, ';') && brackets <= 0) break;
      if (isMark(token, '(') || isMark(token, '[')) brackets++;
      else if (isMark(token, ')') || isMark(token, ']')) brackets--;
      this.next();
      end = this.at;
    }
    const tokens = this.tokens.slice(start, end);
    this.semicolon();
    const to = tokens.at(-1)?.to ?? first.to;
    const base = this.base(first.from, to);
    const second = tokens[1];
    if (isWord(first, 'raise')) {
      const level = second?.kind === 'word' && levels.has(second.text) ? second.text : 'exception';
      const format = tokens.find((token) => token.kind === 'string' || token.kind === 'dollar');
      return { kind: 'raise', level: tokens.length === 1 ? 'rethrow' : level, format: format?.text ?? null, ...base };
    }
    if (isWord(first, 'execute')) {
      const stop = tokens.findIndex((token, i) => i > 0 && isWord(token, 'into', 'using'));
      const expression = { from: second?.from ?? to, to: stop < 0 ? to : (tokens[stop - 1]?.to ?? to) };
      const into = this.target(
        tokens,
        tokens.findIndex((token) => isWord(token, 'into')),
      );
      return {
        kind: 'execute',
        expression,
        into: into?.names ?? [],
        hasUsing: tokens.some((token) => isWord(token, 'using')),
        ...base,
      };
    }
    if (isWord(first, 'perform')) {
      // PERFORM is one letter longer than SELECT; a blank keeps the offsets.
      return { kind: 'perform', ...base, text: ` SELECT${base.text.slice(7)}` };
    }
    const assignment = this.assignment(tokens);
    if (assignment > 0) {
      const expression = { from: tokens[assignment + 1]?.from ?? to, to };
      return { kind: 'assign', target: first.text, expression, ...base };
    }
    const otherWords = [
      'return',
      'null',
      'exit',
      'continue',
      'get',
      'open',
      'fetch',
      'move',
      'close',
      'commit',
      'rollback',
      'assert',
      'call',
    ];
    if (isWord(first, ...otherWords)) return { kind: 'other', ...base };
    const intoAt = tokens.findIndex(
      (token, i) =>
        i > 0 && isWord(token, 'into') && !isWord(tokens[i - 1], 'insert', 'merge') && !isWord(first, 'import'),
    );
    const target = this.target(tokens, intoAt);
    if (!target) return { kind: 'sql', into: [], intoRange: null, ...base };
    const { range } = target;
    const text = `${base.text.slice(0, range.from - base.from)}${this.source.slice(range.from, range.to).replace(/[^\n]/g, ' ')}${base.text.slice(range.to - base.from)}`;
    return { kind: 'sql', into: target.names, intoRange: range, ...base, text };
  }

  /** Index of `:=` or `=` after a variable, a field or an element; -1. */
  private assignment(tokens: readonly Token[]): number {
    if (tokens[0]?.kind !== 'word' && tokens[0]?.kind !== 'quoted') return -1;
    let i = 1;
    let brackets = 0;
    for (; i < tokens.length; i++) {
      const token = tokens[i] as Token;
      if (isMark(token, '[')) brackets++;
      else if (isMark(token, ']')) brackets--;
      else if (brackets === 0 && (token.text === ':=' || (token.kind === 'operator' && token.text === '='))) return i;
      else if (brackets === 0 && !isMark(token, '.') && !isMark(tokens[i - 1], '.')) return -1;
    }
    return -1;
  }

  private target(tokens: readonly Token[], into: number): { names: string[]; range: TextRange } | null {
    if (into < 0) return null;
    let i = into + 1;
    if (isWord(tokens[i], 'strict')) i++;
    const names: string[] = [];
    let to = tokens[into]?.to as number;
    for (;;) {
      const token = tokens[i];
      if (token?.kind !== 'word' && token?.kind !== 'quoted') break;
      let name = token.text;
      to = token.to;
      i++;
      while (isMark(tokens[i], '.')) {
        name += `.${tokens[i + 1]?.text ?? ''}`;
        to = tokens[i + 1]?.to ?? to;
        i += 2;
      }
      names.push(name);
      if (!isMark(tokens[i], ',')) break;
      i++;
    }
    return { names, range: { from: tokens[into]?.from as number, to } };
  }
}

/** The outermost block of the text between the offsets. */
export function readPlBlock(source: string, from: number, to: number): PlBlock {
  return new Scanner(source, from, to).block();
}

/** `source` with `INTO target` blanked and PERFORM made a SELECT in every statement of the block: plain SQL at the same offsets. */
export function maskBlock(source: string, block: PlBlock): string {
  const parts: string[] = [];
  let copied = 0;
  for (const statement of simpleStatements(block)) {
    if (statement.kind !== 'perform' && (statement.kind !== 'sql' || !statement.intoRange)) continue;
    parts.push(source.slice(copied, statement.from), statement.text);
    copied = statement.to;
  }
  parts.push(source.slice(copied));
  return parts.join('');
}

/** Every statement of the block that holds no others, in the order of the text. */
export function* simpleStatements(block: PlBlock): Generator<BlockStatement> {
  function* within(body: readonly BlockStatement[]): Generator<BlockStatement> {
    for (const statement of body) {
      if (statement.kind === 'if' || statement.kind === 'case')
        for (const branch of statement.branches) yield* within(branch.body);
      else if (statement.kind === 'loop') yield* within(statement.body);
      else if (statement.kind === 'block') yield* simpleStatements(statement.block);
      else yield statement;
    }
  }
  yield* within(block.body);
  for (const handler of block.handlers) yield* within(handler.body);
}

/** Offsets of the body between the quotes of a `DO` or `CREATE FUNCTION` statement; null where the quoting changes the text. */
export function bodyRange(source: string, from: number, to: number): TextRange | null {
  let body: Token | null = null;
  for (let token = nextToken(source, from, to); token; token = nextToken(source, token.to, to)) {
    if (token.kind === 'dollar' || (token.kind === 'string' && !body)) body = token;
  }
  if (!body) return null;
  if (body.kind === 'dollar') {
    const tag = body.text.indexOf('$', 1) + 1;
    return { from: body.from + tag, to: body.to - tag };
  }
  const inner = body.text.slice(1, -1);
  return body.text.startsWith("'") && !inner.includes("''") ? { from: body.from + 1, to: body.to - 1 } : null;
}
