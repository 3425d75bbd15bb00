/**
 * readSeedSql: a seed file → what it writes, reads, guards and calls its version, every position that of the original file.
 * Total: what cannot be read is in `errors` with PostgreSQL's message. Refuses to run anything.
 */
import { createHash } from 'node:crypto';
import type {
  PsqlDirective,
  SeedBlock,
  SeedGuard,
  SeedInclusion,
  SeedReading,
  SeedStatement,
  Span,
} from '../model/seed.ts';
import { copyRows } from './copy-data.ts';
import { nextToken } from './lexer.ts';
import { parseBlock, parseStatements } from './pg-parser.ts';
import { type BlockStatement, bodyRange, maskBlock, type PlBlock, readPlBlock } from './plpgsql.ts';
import { readSeedFile, type SeedFile, type SeedPiece } from './seed-file.ts';
import { earlyReturnGuard, guardOf } from './seed-guards.ts';
import { pathAfter, type SearchPath, unsetPath, writeUnder } from './seed-path.ts';
import { readSeedStatement, type SeedScope } from './seed-statements.ts';
import { readVersions } from './seed-version.ts';
import { as, constantOf } from './tree.ts';

interface Reading {
  file: SeedFile;
  /** Of the block being read: the masked text as plain SQL. */
  blockText: string;
  statements: SeedStatement[];
  blocks: SeedBlock[];
  errors: { line: number; message: string }[];
  /** What the seed itself set the search_path to: for the session, and until the transaction ends. */
  path: SearchPath;
}

/** What `\i` or `\ir` of a file names: the file; why it cannot be read; null: nobody can tell before it runs. */
export type ReadIncluded = (
  command: PsqlDirective,
  asker: string,
) => { file: string; text: string } | { problem: string } | null;

export interface SeedReadOptions {
  /** Without it a seed is its one file. */
  include?: ReadIncluded;
}

/** What the files of one seed share. */
interface Seed {
  include: ReadIncluded;
  /** Files that were read, each once. */
  seen: Set<string>;
  order: { reading: SeedReading; statement: SeedStatement }[];
}

const includes = new Set(['\\i', '\\ir', '\\include', '\\include_relative']);
const maxDepth = 20;

/** Reads a seed. `loadSqlParser()` must have been awaited. Never throws. */
export function readSeedSql(file: string, text: string, options: SeedReadOptions = {}): SeedReading {
  const seed: Seed = { include: options.include ?? (() => null), seen: new Set([file]), order: [] };
  const { reading } = readOneFile(seed, file, text, null, unsetPath, 0);
  if (reading.included.length === 0) return reading;
  const files = (one: SeedReading): SeedReading[] => [one, ...one.included.flatMap(files)];
  for (const one of files(reading)) one.order = seed.order;
  return reading;
}

function readOneFile(
  seed: Seed,
  file: string,
  text: string,
  inclusion: SeedInclusion | null,
  path: SearchPath,
  depth: number,
): { reading: SeedReading; path: SearchPath } {
  const seedFile = readSeedFile(text);
  const reading: Reading = {
    file: seedFile,
    blockText: seedFile.masked,
    statements: [],
    blocks: [],
    errors: [],
    path,
  };
  const directives = [...seedFile.directives].sort((a, b) => a.span.from - b.span.from);
  const result: SeedReading = {
    file,
    inclusion,
    included: [],
    order: null,
    text,
    contentHash: createHash('sha256').update(text, 'utf8').digest('hex'),
    version: [],
    statements: reading.statements,
    blocks: reading.blocks,
    directives,
    errors: reading.errors,
  };
  let conditions = inclusion?.isConditional ? 1 : 0;
  let next = 0;
  const readIncludesBefore = (offset: number): void => {
    for (; next < directives.length; next++) {
      const command = directives[next] as PsqlDirective;
      if (command.span.from >= offset) return;
      if (command.command === '\\if') conditions++;
      else if (command.command === '\\endif') conditions--;
      if (!includes.has(command.command)) continue;
      const found = seed.include(command, file);
      if (found === null) continue;
      if ('problem' in found) {
        reading.errors.push({ line: command.line, message: found.problem });
        continue;
      }
      if (seed.seen.has(found.file) || depth >= maxDepth) continue;
      seed.seen.add(found.file);
      const at = { root: inclusion?.root ?? file, file, line: command.line, isConditional: conditions > 0 };
      const included = readOneFile(seed, found.file, found.text, at, reading.path, depth + 1);
      reading.path = included.path;
      result.included.push(included.reading);
    }
  };
  for (const piece of seedFile.pieces) {
    readIncludesBefore(piece.from);
    const before = reading.statements.length;
    try {
      readPiece(reading, piece);
    } catch (error) {
      // An expression of thousands of terms is deeper than the stack.
      if (!(error instanceof RangeError)) throw error;
      reading.errors.push({ line: seedFile.lineAt(piece.from), message: 'nested too deeply to be read' });
    }
    for (const statement of reading.statements.slice(before)) seed.order.push({ reading: result, statement });
  }
  readIncludesBefore(Number.POSITIVE_INFINITY);
  result.version = readVersions(seedFile, reading.statements, reading.blocks);
  return { reading: result, path: reading.path };
}

function scopeOf(
  file: SeedFile,
  guards: SeedGuard[],
  insideBlock: boolean,
  variables: ReadonlyMap<string, string | null>,
): SeedScope {
  return {
    variables,
    variableAt: insideBlock ? new Map() : file.variableAt,
    lineAt: file.lineAt,
    original: file.text,
    guards,
    insideBlock,
  };
}

function readPiece(reading: Reading, piece: SeedPiece): void {
  const { file } = reading;
  for (const parsed of parseStatements(file.masked, piece.from, piece.to)) {
    if ('failure' in parsed) {
      if (!readsOtherwise(file, piece))
        reading.errors.push({ line: file.lineAt(parsed.failure.at), message: parsed.failure.message });
      continue;
    }
    const { statement } = parsed;
    const before = reading.statements.length;
    if (as(statement.node, 'DoStmt')) {
      readDo(reading, statement.from, statement.to);
      for (const each of reading.statements.slice(before)) writeUnder(each, reading.path);
      continue;
    }
    reading.path = pathAfter(statement.node, reading.path);
    const read = readSeedStatement(statement, scopeOf(file, [], false, new Map()));
    const copy = as(statement.node, 'CopyStmt');
    const [first] = read;
    if (copy && first?.verb === 'copy' && piece.data) first.rows = copyRows(file.text, piece.data, copy, file.lineAt);
    for (const each of read) writeUnder(each, reading.path);
    reading.statements.push(...read);
  }
}

/** A psql variable may stand for a name or any text: with its value, or where it has none in the file, nothing is told. */
function readsOtherwise(file: SeedFile, piece: SeedPiece): boolean {
  let text = '';
  let at = piece.from;
  let isUnknown = false;
  for (const [offset, { value, quoting, to }] of [...file.variableAt].sort(([a], [b]) => a - b)) {
    if (offset < piece.from || offset >= piece.to) continue;
    if (value === null) isUnknown = true;
    text += file.masked.slice(at, offset) + (quoting === '' ? (value ?? '') : file.masked.slice(offset, to));
    at = to;
  }
  if (at === piece.from) return false;
  if (isUnknown) return true;
  text += file.masked.slice(at, piece.to);
  return parseStatements(text).every((each) => 'statement' in each);
}

function readDo(reading: Reading, from: number, to: number): void {
  const { file } = reading;
  const line = file.lineAt(from);
  const language = /\blanguage\s+'?"?(\w+)/i.exec(file.masked.slice(from, Math.min(from + 60, to)))?.[1]?.toLowerCase();
  if (language !== undefined && language !== 'plpgsql') {
    reading.errors.push({ line, message: `a DO block in ${language} cannot be read` });
    return;
  }
  const judged = parseBlock(file.masked.slice(from, to));
  const errorsBefore = reading.errors.length;
  const body = bodyRange(file.masked, from, to);
  if (!body) {
    if ('message' in judged) reading.errors.push({ line, message: judged.message });
    else
      reading.errors.push({ line, message: 'a DO block between single quotes is read without positions only; use $$' });
    return;
  }
  const block = readPlBlock(file.masked, body.from, body.to);
  reading.blocks.push({
    line,
    span: { from, to },
    bodySpan: body,
    declareSpan: block.declare,
    beginSpan: block.begin,
    variables: block.declarations.map(({ name, type, isConstant, from: at }) => ({
      name,
      type,
      isConstant,
      line: file.lineAt(at),
    })),
  });
  reading.blockText = maskBlock(file.masked, block);
  readBody(reading, block, [], new Map());
  if (!('message' in judged)) return;
  // One fault, one error: the statement within that PostgreSQL refuses has the better place.
  const [first] = reading.errors.splice(errorsBefore);
  reading.errors.push(first ?? { line: lineOfBlockError(file, from, to, judged.message), message: judged.message });
}

/** PL/pgSQL's parser says `syntax error at or near "x"` and no position: the first such word in the body is the best place. */
function lineOfBlockError(file: SeedFile, from: number, to: number, message: string): number {
  const near = /at or near "(.+)"/s.exec(message)?.[1];
  if (near) {
    for (let token = nextToken(file.masked, from, to); token; token = nextToken(file.masked, token.to, to)) {
      if (token.kind !== 'dollar') continue;
      const inner = token.from + token.text.indexOf('$', 1) + 1;
      const places: number[] = [];
      for (let each = nextToken(file.masked, inner, token.to); each; each = nextToken(file.masked, each.to, token.to)) {
        if (file.masked.startsWith(near, each.from)) places.push(each.from);
      }
      if (places.length === 1) return file.lineAt(places[0] as number);
    }
  }
  return file.lineAt(from);
}

function readBody(
  reading: Reading,
  block: PlBlock,
  guards: SeedGuard[],
  outer: ReadonlyMap<string, string | null>,
): void {
  const given = assignedIn(block);
  const variables = new Map([
    ...outer,
    ...block.declarations.map(
      ({ name, value }) => [name, value && !given.has(name) ? constantIn(reading.file.masked, value) : null] as const,
    ),
  ]);
  for (const { value } of block.declarations) if (value) readExpression(reading, value, guards, variables);
  const before = reading.statements.length;
  readStatements(reading, block.body, guards, variables);
  if (block.handlers.length > 0) for (const each of reading.statements.slice(before)) each.isHandled = true;
  for (const handler of block.handlers) readStatements(reading, handler.body, guards, variables);
}

/** Variables that something in the block gives a value, also those that it may only name where it does. */
function assignedIn(block: PlBlock): ReadonlySet<string> {
  const given = new Set<string>();
  const look = (statements: readonly BlockStatement[]): void => {
    for (const each of statements) {
      if (each.kind === 'assign') given.add(each.target);
      else if (each.kind === 'sql' || each.kind === 'execute') for (const name of each.into) given.add(name);
      else if (each.kind === 'other')
        for (const [word] of each.text.matchAll(/[A-Za-z_]\w*/g)) given.add(word.toLowerCase());
      else if (each.kind === 'if' || each.kind === 'case') for (const { body } of each.branches) look(body);
      else if (each.kind === 'loop') look(each.body);
      else if (each.kind === 'block') lookIn(each.block);
      if (each.kind === 'sql' && /^\s*call\b/i.test(each.text))
        for (const [word] of each.text.matchAll(/[A-Za-z_]\w*/g)) given.add(word.toLowerCase());
    }
  };
  const lookIn = ({ body, handlers }: PlBlock): void => {
    look(body);
    for (const handler of handlers) look(handler.body);
  };
  lookIn(block);
  return given;
}

function constantIn(masked: string, { from, to }: Span): string | null {
  const parsed = parseStatements(`SELECT (${masked.slice(from, to)})`)[0];
  if (!parsed || 'failure' in parsed) return null;
  let value = as(as(parsed.statement.node, 'SelectStmt')?.targetList?.[0], 'ResTarget')?.val;
  for (let cast = as(value, 'TypeCast'); cast; cast = as(value, 'TypeCast')) value = cast.arg;
  return constantOf(value);
}

/** A query inside an expression, `v := (SELECT id FROM users WHERE …)`. */
function readExpression(
  reading: Reading,
  range: Span,
  guards: SeedGuard[],
  variables: ReadonlyMap<string, string | null>,
  into: string[] = [],
): void {
  const { file } = reading;
  const text = file.masked.slice(range.from, range.to);
  if (!/\bselect\b/i.test(text)) return;
  let { from, to } = range;
  const opens = /^\s*\(/.exec(text);
  if (opens && text.trimEnd().endsWith(')')) {
    from += opens[0].length;
    to = range.from + text.trimEnd().length - 1;
  }
  const parsed = parseStatements(file.masked, from, to);
  const first = parsed[0];
  if (parsed.length !== 1 || !first || 'failure' in first) return;
  reading.statements.push(...readSeedStatement(first.statement, scopeOf(file, guards, true, variables), into));
}

function readStatements(
  reading: Reading,
  statements: readonly BlockStatement[],
  guards: SeedGuard[],
  variables: ReadonlyMap<string, string | null>,
): void {
  const { file } = reading;
  let inForce = guards;
  for (const statement of statements) {
    switch (statement.kind) {
      case 'sql':
      case 'perform': {
        const into = statement.kind === 'sql' ? statement.into : [];
        for (const parsed of parseStatements(reading.blockText, statement.from, statement.to)) {
          if ('failure' in parsed)
            reading.errors.push({ line: file.lineAt(parsed.failure.at), message: parsed.failure.message });
          else {
            const read = readSeedStatement(parsed.statement, scopeOf(file, inForce, true, variables), into);
            if (statement.kind === 'perform')
              for (const each of read) each.sql = file.text.slice(each.span.from, each.span.to);
            reading.statements.push(...read);
          }
        }
        break;
      }
      case 'raise':
        reading.statements.push(noticeOf(file, statement, inForce));
        break;
      case 'if':
      case 'case':
        statement.branches.forEach((branch, i) => {
          if (branch.condition && statement.kind === 'if')
            readExpression(reading, branch.condition, inForce, variables);
          const guard =
            statement.kind === 'if' ? [guardOf(file.masked, statement, statement.branches, i, file.lineAt)] : [];
          readStatements(reading, branch.body, [...inForce, ...guard], variables);
        });
        {
          const early = earlyReturnGuard(file.masked, statement, file.lineAt);
          if (early) inForce = [...inForce, early];
        }
        break;
      case 'loop': {
        const own = new Map([...variables, ...(statement.variable ? [[statement.variable, null] as const] : [])]);
        readLoopHeader(reading, statement, inForce, own);
        readStatements(reading, statement.body, inForce, own);
        break;
      }
      case 'block':
        readBody(reading, statement.block, inForce, variables);
        break;
      case 'assign':
        readExpression(reading, statement.expression, inForce, variables, [statement.target]);
        break;
      case 'execute':
      case 'other':
        break;
    }
  }
}

function readLoopHeader(
  reading: Reading,
  loop: Extract<BlockStatement, { kind: 'loop' }>,
  guards: SeedGuard[],
  variables: ReadonlyMap<string, string | null>,
): void {
  if (loop.loop !== 'for') return;
  const header = reading.file.masked.slice(loop.header.from, loop.header.to);
  const starts = /^[\s\S]*?\bin\s+(?=\(?\s*(?:select|with|values)\b)/i.exec(header);
  if (starts)
    readExpression(reading, { from: loop.header.from + starts[0].length, to: loop.header.to }, guards, variables);
}

function noticeOf(file: SeedFile, statement: BlockStatement, guards: SeedGuard[]): SeedStatement {
  return {
    line: file.lineAt(statement.from),
    span: { from: statement.from, to: statement.to },
    verb: 'notice',
    table: null,
    reads: [],
    columns: null,
    columnsSpan: null,
    rows: null,
    onConflict: null,
    returningInto: [],
    hasReturning: false,
    guards,
    insideBlock: true,
    sql: file.text.slice(statement.from, statement.to),
  };
}
