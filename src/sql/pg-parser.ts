/**
 * The one home of libpg-query: PostgreSQL 18's own parser as WebAssembly. Gives statements with offsets in the given text.
 * Never throws for the text's sake: what PostgreSQL refuses is an error with its message. Refuses to know what a tree means.
 */
import type { Node, ParseResult } from 'libpg-query';
import { endOfText, nextToken, skipBlank, type Token, tokensOf } from './lexer.ts';
import { byteOffsets, characterOffset } from './positions.ts';
import { splitStatements } from './split.ts';

type Library = typeof import('libpg-query');

let library: Library | null = null;

/** Loads the WebAssembly (about 25 ms); everything else here is synchronous after it. */
export async function loadSqlParser(): Promise<void> {
  if (library) return;
  const loaded = await import('libpg-query');
  await loaded.loadModule();
  library = loaded;
}

export function isSqlParserLoaded(): boolean {
  return library !== null;
}

/** One statement of a text, with its tree. */
export interface Statement {
  node: Node;
  /** The whole text that it stands in. */
  source: string;
  from: number;
  to: number;
  /** Offset in `source` of a byte position of the tree. */
  offsetOf(location: number | undefined): number;
  /** Tokens of the statement, offsets in `source`. */
  readonly tokens: readonly Token[];
}

export interface ParseFailure {
  message: string;
  /** Offset in the text. */
  at: number;
}

/** Longest run of brackets PostgreSQL's recursive walkers take without trouble in WebAssembly's stack. */
const maxDepth = 800;

function tooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '(' || character === '[') {
      if (++depth > maxDepth) return true;
    } else if (character === ')' || character === ']') depth--;
  }
  return false;
}

/** Same length, nothing that C strings or UTF-8 cannot hold. */
function sound(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd').replaceAll('\0', ' ');
}

/** `:name`, `%(name)s` and `%s` of drivers stand as parameters of the same length, so that offsets stay. */
function withParameters(text: string): string | null {
  const replaced = text
    .replace(/(?<![:\w'"])(?::[A-Za-z_]\w*)(?!:)/g, (name) => '$1'.padEnd(name.length))
    .replace(/%\([^)\n]*\)s/g, (name) => '$1'.padEnd(name.length))
    .replace(/%s/g, '$1')
    .replaceAll('%%', '% ');
  return replaced === text ? null : replaced;
}

function parseTree(text: string): ParseResult | ParseFailure {
  if (!library) throw new Error('loadSqlParser() has not been awaited');
  if (tooDeep(text)) return { message: 'brackets nested too deeply to be read', at: 0 };
  try {
    return library.parseSync(text);
  } catch (error) {
    const details = error instanceof library.SqlError ? error.sqlDetails : undefined;
    const message = details?.message ?? (error instanceof Error ? error.message : String(error));
    return { message, at: details ? characterOffset(text, details.cursorPosition) : 0 };
  }
}

const isFailure = (result: ParseResult | ParseFailure): result is ParseFailure => 'message' in result;

function statementsOf(tree: ParseResult, parsed: string, source: string, base: number): Statement[] {
  const offsetIn = byteOffsets(parsed);
  const offsetOf = (location: number | undefined): number => base + offsetIn(Math.max(location ?? 0, 0));
  return (tree.stmts ?? []).flatMap((raw) => {
    if (!raw.stmt) return [];
    const start = raw.stmt_location ?? 0;
    const end = raw.stmt_len ? offsetOf(start + raw.stmt_len) : base + parsed.length;
    const from = skipBlank(source, offsetOf(start), end);
    return [statement(raw.stmt, source, from, end, offsetOf)];
  });
}

function statement(node: Node, source: string, from: number, end: number, offsetOf: Statement['offsetOf']): Statement {
  let tokens: Token[] | null = null;
  const read = (): Token[] => {
    tokens ??= tokensOf(source, from, end);
    return tokens;
  };
  const last = (): number => {
    // Only where a comment may end it does it take tokens to know where it ends.
    const text = source.slice(from, end);
    if (tokens !== null || text.includes('--') || text.includes('/*')) return read().at(-1)?.to ?? end;
    return from + endOfText(text, 0, text.length);
  };
  let to: number | null = null;
  return {
    node,
    source,
    from,
    get to() {
      to ??= last();
      return to;
    },
    offsetOf,
    get tokens() {
      return read();
    },
  };
}

export type ParsedPiece = { statement: Statement } | { failure: ParseFailure; from: number; to: number };

/**
 * All statements of `source` between the offsets, in order. Where the whole does not parse, each statement is tried by
 * itself, so that one broken statement costs only itself. Failures carry PostgreSQL's message and an offset in `source`.
 */
export function parseStatements(source: string, from = 0, to: number = source.length): ParsedPiece[] {
  const text = sound(source.slice(from, to));
  if (nextToken(text, 0) === null) return [];
  const whole = parseTree(text);
  if (!isFailure(whole)) return statementsOf(whole, text, source, from).map((each) => ({ statement: each }));
  return splitStatements(text).flatMap((slice) => {
    const own = parseSlice(slice.text, source, from + slice.from);
    if (!own.some((piece) => 'failure' in piece) || !slice.text.includes(';')) return own;
    // A bracket too many or too few swallows what follows: the first `;` that lets statements be read again is believed.
    const cut = splitStatements(slice.text, 0, slice.text.length, false);
    const again = cut.flatMap((each) => parseSlice(each.text, source, from + slice.from + each.from));
    if (cut.length < 2 || !again.some((piece) => 'statement' in piece)) return own;
    // What PostgreSQL says of the whole is the true message: the cut piece alone merely ends too early.
    const told = own.find((piece) => 'failure' in piece);
    return again.map((piece) =>
      'failure' in piece &&
      told &&
      'failure' in told &&
      told.failure.at >= piece.from &&
      told.failure.at <= piece.to + 1
        ? { ...piece, failure: told.failure }
        : piece,
    );
  });
}

function parseSlice(text: string, source: string, base: number): ParsedPiece[] {
  let tree = parseTree(text);
  if (isFailure(tree)) {
    const again = withParameters(text);
    const second = again === null ? tree : parseTree(again);
    if (!isFailure(second)) tree = second;
  }
  if (isFailure(tree))
    return [{ failure: { message: tree.message, at: base + tree.at }, from: base, to: base + text.length }];
  return statementsOf(tree, text, source, base).map((each) => ({ statement: each }));
}

/** PL/pgSQL's own reading of a `DO` or `CREATE FUNCTION` statement; the message where it refuses. */
export function parseBlock(statementText: string): { tree: unknown } | { message: string } {
  if (!library) throw new Error('loadSqlParser() has not been awaited');
  if (tooDeep(statementText)) return { message: 'brackets nested too deeply to be read' };
  try {
    return { tree: library.parsePlPgSQLSync(sound(statementText)) };
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error) };
  }
}
