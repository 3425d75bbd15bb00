/**
 * `DO $$…$$`: the DDL it is sure to run, as Operations. Existence probes and handlers for duplicates become the guards that
 * they are; other conditions are told; text that only running could know is opaque. Refuses to guess a branch.
 * Longer than most files here: one statement of PL/pgSQL after the other.
 */
import { quoteLiteral } from '../model/name.ts';
import type { Operation, Stated, UnplacedOperation } from '../model/operation.ts';
import { askCatalogue, type Catalogue } from './catalogue-query.ts';
import { constantElements, constantText, expressionTree, unknown } from './constant-text.ts';
import { type Guard, guarded } from './do-guards.ts';
import { stringValue, tokensOf } from './lexer.ts';
import { parseBlock, parseStatements, type Statement } from './pg-parser.ts';
import { type BlockStatement, bodyRange, maskBlock, type PlBlock, readPlBlock } from './plpgsql.ts';
import { lineCounter } from './positions.ts';
import { readProbe } from './seed-guards.ts';
import { objectsIn, readStatement } from './statements.ts';
import { opaque } from './tables.ts';
import { as, stringsOf } from './tree.ts';

interface Run {
  source: string;
  /** The block as plain SQL. */
  text: string;
  place(offset: number): Stated;
  known: Map<string, string | null>;
  /** Conditions that variables stand for, from `SELECT EXISTS (…) INTO v` and the like. */
  probes: Map<string, string>;
  /** Variables of `SELECT … INTO v` (and `found`) that the catalogue has answered: whether there was a row. */
  answered: Map<string, boolean>;
  /** Of the schema as the statements read so far leave it; undefined where that is not known. */
  catalogue: Catalogue | undefined;
}

const maxRounds = 200;

export function readBlock(statement: Statement, stated: Stated, catalogue?: Catalogue): Operation[] {
  const whole = statement.source.slice(statement.from, statement.to);
  const judged = parseBlock(whole);
  const fail = (reason: string): Operation[] => [{ ...opaque(reason, ...objectsIn(whole)), ...stated }];
  if (/^\s*do\s+language\s+(?!'?plpgsql\b)/i.test(whole)) return fail('a DO block in another language than PL/pgSQL');
  if ('message' in judged) return fail(judged.message);
  let { source, from, to } = { source: statement.source, from: statement.from, to: statement.to };
  let range = bodyRange(source, from, to);
  let lineOffset = 0;
  if (!range) {
    const body = tokensOf(source, from, to).find((token) => token.kind === 'string');
    const text = body ? stringValue(body) : null;
    if (text === null || !body) return fail('the body of a DO block could not be read');
    lineOffset = lineCounter(source)(body.from) - 1;
    source = text;
    from = 0;
    to = text.length;
    range = { from, to };
  }
  const block = readPlBlock(source, range.from, range.to);
  const lineAt = lineCounter(source);
  const first = lineCounter(statement.source)(statement.from);
  const run: Run = {
    source,
    text: maskBlock(source, block),
    place: (offset) => ({
      ...stated,
      origin: { ...stated.origin, line: stated.origin.line + lineOffset + lineAt(offset) - first },
    }),
    known: new Map(),
    probes: new Map(),
    answered: new Map(),
    catalogue,
  };
  return readBlockBody(run, block);
}

function readBlockBody(run: Run, block: PlBlock): Operation[] {
  for (const { name, value } of block.declarations) {
    if (value) assign(run, name, value);
    else run.known.set(name, null);
  }
  let operations = readAll(run, block.body);
  for (const handler of block.handlers) {
    const isLoud = handler.body.some(
      (each) => each.kind === 'raise' && (each.level === 'exception' || each.level === 'rethrow'),
    );
    if (isLoud) continue;
    for (const condition of handler.conditions) operations = guarded(operations, { kind: 'handler', condition });
    // What the handler itself does happens only after a failure.
    operations.push(
      ...readAll(run, handler.body).map(
        (each): Operation => ({ ...each, condition: `only after ${handler.conditions.join(' or ')}` }),
      ),
    );
  }
  return operations;
}

/** `v := 'text' || other`, and `v := (SELECT conname FROM pg_constraint …)` where the catalogue can be asked. */
function assign(run: Run, name: string, { from, to }: { from: number; to: number }): void {
  const asked = run.source.slice(from, to).trim();
  const query = /^\(\s*(select\b[\s\S]*)\)$/i.exec(asked)?.[1];
  if (query !== undefined && run.catalogue !== undefined) {
    const answer = askCatalogue(query, run.catalogue, run.known);
    if (answer?.isCertain && answer.rows.length < 2) {
      const value = [...(answer.rows[0]?.values() ?? [])][0] ?? null;
      run.known.set(name, value === null ? null : String(value));
      run.answered.set(name, value !== null);
      return;
    }
  }
  const text = constantText(expressionTree(asked) ?? undefined, run.known);
  if (text === null || !text.includes(unknown)) run.known.set(name, text);
  else run.known.delete(name);
  run.answered.delete(name);
}

function readAll(run: Run, statements: readonly BlockStatement[]): Operation[] {
  const operations: Operation[] = [];
  const inForce: Guard[] = [];
  let { catalogue } = run;
  const add = (found: Operation[]): void => {
    let made = found;
    for (const guard of inForce) made = guarded(made, guard);
    operations.push(...made);
    if (made.some(changesSchema)) catalogue = catalogue?.after?.(made);
    // What a branch left for its own statements counts outside it as far as the branch is sure to run.
    run.catalogue = catalogue;
  };
  for (const statement of statements) {
    switch (statement.kind) {
      case 'sql':
      case 'perform':
        noteProbe(run, statement);
        add(readSql(run, statement.from, statement.to));
        if (statement.kind === 'sql') {
          for (const name of statement.into) run.known.delete(name);
          noteAnswer(run, statement);
        }
        break;
      case 'execute':
        add(readExecute(run, statement));
        for (const name of statement.into) run.known.delete(name);
        break;
      case 'assign': {
        assign(run, statement.target, statement.expression);
        const asked = run.source.slice(statement.expression.from, statement.expression.to);
        if (/\bexists\b/i.test(asked)) run.probes.set(statement.target, asked);
        break;
      }
      case 'if': {
        const guards: Guard[] = [];
        statement.branches.forEach((branch) => {
          const isSettled = settledBy(run, branch.condition);
          if (isSettled === false) return;
          if (isSettled === true && guards.length === 0) {
            add(readAll(run, branch.body));
            guards.push(never);
            return;
          }
          if (guards.includes(never)) return;
          const guard: Guard | null = branch.condition
            ? {
                kind: 'condition',
                ...conditionOf(run, run.source.slice(branch.condition.from, branch.condition.to)),
                holds: true,
              }
            : null;
          const before = new Map(run.known);
          let made = readAll(run, branch.body);
          if (guard) made = guarded(made, guard);
          for (const earlier of guards) made = guarded(made, earlier);
          add(made);
          for (const [name, value] of run.known) if (before.get(name) !== value) run.known.delete(name);
          if (guard?.kind === 'condition') guards.push({ ...guard, holds: false });
        });
        const only = statement.branches[0];
        if (
          statement.branches.length === 1 &&
          guards[0] &&
          only?.body.some((each) => each.kind === 'other' && /^return\b/i.test(each.text))
        )
          inForce.push(guards[0]);
        break;
      }
      case 'case':
        for (const branch of statement.branches) {
          const text = branch.condition ? run.source.slice(branch.condition.from, branch.condition.to) : 'ELSE';
          add(readAll(run, branch.body).map((each): Operation => ({ ...each, condition: `CASE … ${text}` })));
        }
        break;
      case 'loop':
        add(readLoop(run, statement));
        break;
      case 'block':
        add(readBlockBody(run, statement.block));
        break;
      case 'raise':
        break;
      case 'other':
        if (/^call\b/i.test(statement.text))
          add([{ ...opaque('what a procedure does is not known'), ...run.place(statement.from), sql: statement.text }]);
        break;
    }
  }
  return operations;
}

/** Stands for a condition that held: no later branch is entered. */
const never: Guard = { kind: 'handler', condition: 'never' };

export function changesSchema({ kind }: Operation): boolean {
  return kind !== 'touchRows' && kind !== 'ignored';
}

/** `SELECT conname INTO v FROM pg_constraint …`: the name, or NULL where there is none. */
function noteAnswer(run: Run, { into, from, to }: Extract<BlockStatement, { kind: 'sql' }>): void {
  for (const name of [...into, 'found']) run.answered.delete(name);
  if (into.length === 0 || run.catalogue === undefined) return;
  const answer = askCatalogue(run.text.slice(from, to), run.catalogue, run.known);
  if (answer === null || !answer.isCertain || answer.rows.length > 1) return;
  const { rows } = answer;
  const values = [...(rows[0]?.values() ?? [])];
  for (const [place, name] of into.entries()) {
    const value = values[place] ?? null;
    run.known.set(name, value === null ? null : String(value));
    run.answered.set(name, value !== null);
  }
  run.answered.set('found', rows.length > 0);
}

/** Whether `v IS NOT NULL`, `FOUND` and the like hold, where the catalogue has answered; null where it has not. */
function settledBy(run: Run, condition: { from: number; to: number } | null): boolean | null {
  if (condition === null) return null;
  const text = run.source.slice(condition.from, condition.to).trim();
  const [, not, bare, isNot] = /^(not\s+)?(\w+)(?:\s+is\s+(not\s+)?null)?$/i.exec(text) ?? [];
  const answer = bare === undefined ? undefined : run.answered.get(bare.toLowerCase());
  const isTest = /\snull$/i.test(text);
  if (answer === undefined || (!isTest && bare?.toLowerCase() !== 'found')) return null;
  const holds = isTest && isNot === undefined ? !answer : answer;
  return not === undefined ? holds : !holds;
}

function readSql(run: Run, from: number, to: number): Operation[] {
  return parseStatements(run.text, from, to).flatMap((piece): Operation[] => {
    if ('failure' in piece)
      return [
        {
          ...opaque(piece.failure.message, ...objectsIn(run.text.slice(from, to))),
          ...run.place(piece.failure.at),
          sql: run.source.slice(from, to),
        },
      ];
    const sql = run.text.slice(piece.statement.from, piece.statement.to);
    return readStatement(piece.statement).map((part) => ({
      ...part.operation,
      ...run.place(piece.statement.from),
      sql: part.sql ?? sql,
      ...(part.ifTargetExists ? { ifTargetExists: true } : {}),
    }));
  });
}

const rowVerbs: Record<string, 'insert' | 'update' | 'delete' | 'truncate' | 'copy' | 'select'> = {
  insert: 'insert',
  update: 'update',
  delete: 'delete',
  truncate: 'truncate',
  copy: 'copy',
  select: 'select',
};
const harmlessVerbs = new Set([
  'grant',
  'revoke',
  'comment',
  'set',
  'reset',
  'analyze',
  'lock',
  'refresh',
  'notify',
  'vacuum',
  'reindex',
]);

/** EXECUTE: read where its text is known; else opaque, with the objects that its known parts name. */
function readExecute(run: Run, statement: Extract<BlockStatement, { kind: 'execute' }>): Operation[] {
  const { from, to } = statement.expression;
  const tree = expressionTree(run.source.slice(from, to));
  const text = tree ? constantText(tree, run.known) : unknown;
  const stated = run.place(statement.from);
  if (text !== null && !text.includes(unknown)) {
    return parseStatements(text).flatMap((piece): Operation[] => {
      if ('failure' in piece) return [{ ...opaque(piece.failure.message, ...objectsIn(text)), ...stated, sql: text }];
      const sql = text.slice(piece.statement.from, piece.statement.to);
      return readStatement(piece.statement).map((part) => ({
        ...part.operation,
        ...stated,
        sql: part.sql ?? sql,
        ...(part.ifTargetExists ? { ifTargetExists: true } : {}),
      }));
    });
  }
  const known = text ?? unknown;
  const verb = /^\s*([a-z]+)\b/i.exec(known)?.[1]?.toLowerCase() ?? '';
  const made: UnplacedOperation = Object.hasOwn(rowVerbs, verb)
    ? { kind: 'touchRows', verb: rowVerbs[verb] as 'insert', tables: namedIn(known) }
    : harmlessVerbs.has(verb)
      ? { kind: 'ignored', what: verb.toUpperCase() }
      : opaque('EXECUTE of text that only running could tell', ...namedIn(known));
  return [{ ...made, ...stated, sql: statement.text }];
}

/** Names in the known parts; none at all where an unknown one may be the object itself. */
function namedIn(text: string): ReturnType<typeof objectsIn> {
  const names = objectsIn(text.replaceAll(unknown, ' unknown_part '));
  return names.some((name) => name.name === 'unknown_part' || name.schema === 'unknown_part') ? [] : names;
}

/** FOREACH over a known array, FOR over known values or numbers: each round is read; any other loop once, on condition. */
function readLoop(run: Run, loop: Extract<BlockStatement, { kind: 'loop' }>): Operation[] {
  const answer = catalogueRows(run, loop);
  if (answer !== null && answer.rows.length <= maxRounds) {
    const made = answer.rows.flatMap((row) => {
      for (const [name, value] of row) run.known.set(name, value);
      return readAll(run, loop.body);
    });
    if (answer.isCertain) return made;
    const condition = 'the catalogue has what the lines that were read left in it';
    return made.map((each): Operation => (changesSchema(each) ? { ...each, condition } : each));
  }
  const values = loop.variable === null ? null : loopValues(run, loop);
  if (!values || values.length > maxRounds) {
    if (loop.variable) run.known.delete(loop.variable);
    const header = run.source.slice(loop.header.from, loop.header.to).trim();
    return readAll(run, loop.body).map(
      (each): Operation =>
        each.kind === 'opaque' || each.kind === 'touchRows' || each.kind === 'ignored'
          ? each
          : { ...each, condition: each.condition ?? `in a loop: ${header}` },
    );
  }
  return values.flatMap((value) => {
    run.known.set(loop.variable as string, value);
    return readAll(run, loop.body);
  });
}

/** `FOR r IN SELECT conname FROM pg_constraint …`: what the variable and its fields are in each round. */
function catalogueRows(
  run: Run,
  loop: Extract<BlockStatement, { kind: 'loop' }>,
): { rows: (readonly [string, string | null])[][]; isCertain: boolean } | null {
  if (loop.loop !== 'for' || loop.variable === null || run.catalogue === undefined) return null;
  const header = run.source.slice(loop.header.from, loop.header.to);
  const query = /^\s*\w+\s+in\s+(\(?\s*select\b[\s\S]+)$/i.exec(header)?.[1];
  const answer = query === undefined ? null : askCatalogue(query, run.catalogue, run.known);
  if (answer === null) return null;
  const variable = loop.variable;
  const rows = answer.rows.map((row) =>
    [...row].flatMap(([name, value]) => {
      const text = value === null ? null : String(value);
      const field = [`${variable}.${name}`, text] as const;
      return row.size === 1 ? [field, [variable, text] as const] : [field];
    }),
  );
  return { rows, isCertain: answer.isCertain };
}

function loopValues(run: Run, loop: Extract<BlockStatement, { kind: 'loop' }>): string[] | null {
  const header = run.source.slice(loop.header.from, loop.header.to);
  if (loop.loop === 'foreach') {
    const array = /^[\s\S]*?\barray\b(?!\s*\[)\s*([\s\S]+)$/i.exec(header)?.[1];
    return array ? constantElements(expressionTree(array) ?? undefined, run.known) : null;
  }
  const range = /\bin\s+(\d+)\s*\.\.\s*(\d+)\s*$/i.exec(header);
  if (range) {
    const [low, high] = [Number(range[1]), Number(range[2])];
    return high - low < maxRounds
      ? Array.from({ length: Math.max(high - low + 1, 0) }, (_, i) => String(low + i))
      : null;
  }
  const query = /\bin\s+([\s\S]+)$/i.exec(header)?.[1];
  const piece = query && /^\(?\s*(select|values)\b/i.test(query) ? parseStatements(query)[0] : undefined;
  const select = piece && 'statement' in piece ? as(piece.statement.node, 'SelectStmt') : undefined;
  if (select?.valuesLists?.length) {
    const rows = select.valuesLists.map((row) => constantText(as(row, 'List')?.items?.[0], run.known));
    return rows.every((each): each is string => each !== null && !each.includes(unknown)) ? rows : null;
  }
  if (!select || select.fromClause?.length || select.targetList?.length !== 1) return null;
  const call = as(as(select.targetList[0], 'ResTarget')?.val, 'FuncCall');
  return stringsOf(call?.funcname).at(-1) === 'unnest' ? constantElements(call?.args?.[0], run.known) : null;
}

/** Remembers `SELECT EXISTS (…) INTO v`, `SELECT count(*) INTO n FROM pg_…`, `SELECT conname INTO v FROM pg_…`, `PERFORM 1 FROM …`. */
function noteProbe(run: Run, statement: Extract<BlockStatement, { kind: 'sql' | 'perform' }>): void {
  const text = run.text.slice(statement.from, statement.to);
  if (!/^\s*(select|with)\b/i.test(text)) return;
  const variable = statement.kind === 'perform' ? 'found' : statement.into[0];
  if (statement.kind === 'sql') run.probes.set('found', `EXISTS (${text})`);
  if (variable === undefined) return;
  const inner = /^\s*select\s+((?:not\s+)?exists\s*\([\s\S]*\))\s*$/i.exec(text)?.[1];
  run.probes.set(variable, inner ?? `EXISTS (${text})`);
}

/** A condition in words of the catalogue where its variable was filled from one. */
function conditionOf(run: Run, condition: string): { text: string; probe: ReturnType<typeof readProbe> } {
  const trimmed = condition
    .trim()
    .replace(/^\(([^()]*)\)$/, '$1')
    .trim();
  const positive = /^(\w+)(?:\s+is\s+(?:true|not\s+null)|\s*(?:>|<>|!=)\s*0|\s*>=\s*1|\s*=\s*true)?$/i.exec(trimmed);
  const negative = /^(?:not\s+(\w+)|(\w+)\s*(?:is\s+(?:false|null|not\s+true)|=\s*0|<\s*1|=\s*false))$/i.exec(trimmed);
  const name = (positive?.[1] ?? negative?.[1] ?? negative?.[2])?.toLowerCase();
  const asked = name === undefined ? undefined : run.probes.get(name);
  const text = asked === undefined ? condition : negative ? `NOT (${asked})` : asked;
  return { text: withKnown(run, text), probe: readProbe(withKnown(run, text)) };
}

/** Variables with a known text stand as literals, so that a probe names what it asks for. */
function withKnown(run: Run, text: string): string {
  let replaced = '';
  let last = 0;
  for (const token of tokensOf(text)) {
    const value = token.kind === 'word' ? run.known.get(token.text) : undefined;
    if (typeof value !== 'string' || text[token.from - 1] === '.') continue;
    replaced += text.slice(last, token.from) + quoteLiteral(value);
    last = token.to;
  }
  return replaced + text.slice(last);
}
