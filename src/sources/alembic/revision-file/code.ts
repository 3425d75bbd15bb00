/**
 * Reads a revision file for what its code says beside its operations: which imports it uses, what its downgrade amounts to,
 * and a hash of what Python makes of it. Refuses to evaluate.
 */
import { createHash } from 'node:crypto';
import type { CodeImport, ContentHash, RevisionCode } from '../../../model/revision-code.ts';
import {
  childStatements,
  ownExpressions,
  parseOnDemand,
  parsePython,
  type Statement,
  type TopLevel,
  walkExpression,
} from '../python/index.ts';

const headerNames = new Set([
  'revision',
  '__revision__',
  'down_revision',
  '__down_revision__',
  'depends_on',
  'branch_labels',
]);

/** `autocommit_block` is read as such; all else that leaves or ends a transaction is left to whoever wrote it. */
const managesTransaction =
  /isolation_level|\bautocommit\b(?!_block)|\bcommit\b|^\w*(?:transaction|autocommit)\w*\s*(?::[^=\n]+)?=/im;

/** Nothing is parsed before it is asked for, and the syntax is not kept: of most files few things are asked. */
export function readRevisionCode(text: string): RevisionCode {
  let hash: ContentHash | null | undefined;
  let downgrade: Downgrade | undefined;
  const wayBack = () => {
    downgrade ??= orUnsound(() => readDowngrade(text), absent);
    return downgrade;
  };
  return {
    get isSound() {
      return wayBack().isSound;
    },
    get hash() {
      if (hash === undefined) hash = orUnsound(() => contentHash(text), null);
      return hash;
    },
    get downgrade() {
      return wayBack().amount;
    },
    get downgradeLine() {
      return wayBack().line;
    },
    get downgradeTexts() {
      return wayBack().texts;
    },
    get downgradeCallsDrop() {
      return wayBack().callsDrop;
    },
    readImports: (isWanted) => orUnsound(() => readImports(text, isWanted), []),
    setsLockTimeout: /\block_timeout\b/i.test(text),
    managesTransaction: managesTransaction.test(text),
  };
}

/** Nested deeper than the stack: no person wrote it. */
function orUnsound<Result>(read: () => Result, unsound: Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return unsound;
  }
}

interface Downgrade {
  isSound: boolean;
  amount: RevisionCode['downgrade'];
  line: number;
  texts: string[];
  callsDrop: boolean;
}

const absent: Downgrade = { isSound: false, amount: 'absent', line: 1, texts: [], callsDrop: false };

/** Reads the top level and of the functions `downgrade` alone. */
function readDowngrade(text: string): Downgrade {
  const parsed = parseOnDemand(text);
  const found = newFindings();
  let read = absent;
  for (const top of parsed.statements) {
    if (top.heading !== null && top.heading.name !== 'downgrade') continue;
    const { statement } = top;
    if (!isDowngrade(statement)) continue;
    lookThrough(statement, found);
    const line = parsed.lineAt(statement.from);
    read = { ...read, amount: amountOf(statement.function.body), line, texts: found.texts };
  }
  return { ...read, isSound: parsed.error === null, callsDrop: found.attributes.has('drop') };
}

function readImports(text: string, isWanted: (one: CodeImport) => boolean): CodeImport[] {
  const parsed = parseOnDemand(text);
  const take = (statements: readonly ImportStatement[], names?: ReadonlySet<string>): CodeImport[] =>
    statements
      .flatMap((statement) => importedNames(statement, names))
      .map(({ told: { from, ...told } }) => ({ ...told, line: parsed.lineAt(from) }))
      .filter(isWanted);
  const imports: ImportStatement[] = [];
  const others: TopLevel[] = [];
  for (const top of parsed.statements) {
    if (top.heading === null && isImport(top.statement)) imports.push(top.statement);
    else others.push(top);
  }
  const found = newFindings();
  const mayImport = ({ from, to }: TopLevel) =>
    /^[ \t]+(?:from|import)\b|[:;][ \t]*(?:from|import)\b/m.test(text.slice(from, to));
  const isEachRead = take(imports).length > 0;
  for (const top of others) {
    if ((isEachRead || mayImport(top)) && !isHeader(top.statement)) lookThrough(top.statement, found);
  }
  return [...take(found.imports), ...take(imports, found.names)].sort((a, b) => a.line - b.line);
}

type ImportStatement = Extract<Statement, { kind: 'import' | 'importFrom' }>;
type FunctionStatement = Extract<Statement, { kind: 'function' }>;

function isImport(statement: Statement): statement is ImportStatement {
  return statement.kind === 'import' || statement.kind === 'importFrom';
}

function isDowngrade(statement: Statement): statement is FunctionStatement {
  return statement.kind === 'function' && statement.function.name === 'downgrade';
}

interface Findings {
  /** Every name that is read or written. */
  names: Set<string>;
  attributes: Set<string>;
  texts: string[];
  /** Inside functions and blocks. */
  imports: ImportStatement[];
}

function newFindings(): Findings {
  return { names: new Set(), attributes: new Set(), texts: [], imports: [] };
}

function lookThrough(statement: Statement, found: Findings): void {
  if (isImport(statement)) found.imports.push(statement);
  if (isText(statement)) return;
  for (const expression of ownExpressions(statement)) {
    // An annotation changes nothing when it runs.
    if (statement.kind === 'annotated' && (expression === statement.annotation || statement.value === null)) continue;
    walkExpression(expression, (inner) => {
      if (inner.kind === 'name') found.names.add(inner.name);
      else if (inner.kind === 'attribute') found.attributes.add(inner.name);
      else if (inner.kind === 'constant' && typeof inner.value === 'string') found.texts.push(inner.value);
      else if (inner.kind === 'format')
        for (const part of inner.parts) if (typeof part === 'string') found.texts.push(part);
    });
  }
  for (const block of childStatements(statement)) for (const inner of block) lookThrough(inner, found);
}

function contentHash(text: string): ContentHash | null {
  const parsed = parsePython(text);
  if (parsed.error !== null) return null;
  const statements = parsed.statements.map(({ statement }) => statement);
  const reader = new CanonicalReader(text);
  const upgrade: unknown[] = [];
  let downgrade: unknown = null;
  for (const statement of statements) {
    if (isImport(statement) || isHeader(statement)) continue;
    if (isDowngrade(statement)) downgrade = reader.of(statement);
    else upgrade.push(...reader.block([statement]));
  }
  const imports = statements.filter(isImport).flatMap((each) => importedNames(each, reader.names));
  return {
    upgrade: hashOf([imports.map((one) => one.text).sort(), upgrade]),
    downgrade: hashOf(downgrade),
  };
}

/** 128 bits are enough to tell revisions of one project apart, and keep a line of `chain.lock` short. */
function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}

function isHeader(statement: Statement): boolean {
  const isName = (node: { kind: string; name?: string }) => node.kind === 'name' && headerNames.has(node.name ?? '');
  if (statement.kind === 'assign') return statement.targets.every((target) => isName(target as never));
  return statement.kind === 'annotated' && isName(statement.target as never);
}

function isText(statement: Statement): boolean {
  return statement.kind === 'expression' && statement.value.kind === 'constant';
}

function amountOf(body: readonly Statement[]): RevisionCode['downgrade'] {
  const acts = body.filter(
    (statement) =>
      !isText(statement) &&
      statement.kind !== 'pass' &&
      statement.kind !== 'import' &&
      statement.kind !== 'importFrom' &&
      !(statement.kind === 'return' && (statement.value === null || statement.value.kind === 'constant')),
  );
  if (acts.length === 0) return 'empty';
  return acts[0]?.kind === 'raise' ? 'raises' : 'stated';
}

type Told = Omit<CodeImport, 'line'> & { from: number };

/** What an import binds, or of it what is in `names`. */
function importedNames(statement: ImportStatement, names?: ReadonlySet<string>): { text: string; told: Told }[] {
  const isUsed = (name: string) => names === undefined || names.has(name);
  if (statement.kind === 'import') {
    return statement.names
      .filter(({ name, as }) => isUsed(as ?? (name.split('.')[0] as string)))
      .map(({ name, as }) => ({
        text: `import ${name} as ${as ?? ''}`,
        told: { module: name, names: null, from: statement.from },
      }));
  }
  const module = `${'.'.repeat(statement.level)}${statement.module}`;
  if (module === '__future__') return [];
  if (statement.names === '*')
    return [{ text: `from ${module} import *`, told: { module, names: ['*'], from: statement.from } }];
  return statement.names
    .filter(({ name, as }) => isUsed(as ?? name))
    .map(({ name, as }) => ({
      text: `from ${module} import ${name} as ${as ?? name}`,
      told: { module, names: [name], from: statement.from },
    }));
}

/** Syntax as plain lists without positions, and without what changes nothing when it runs. */
class CanonicalReader {
  /** Every name that is read or written. */
  readonly names = new Set<string>();
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  block(statements: readonly Statement[]): unknown[] {
    return statements
      .filter((statement) => !isText(statement) && statement.kind !== 'pass')
      .map((statement) => this.of(statement));
  }

  of(value: unknown): unknown {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const isBlock = value.length > 0 && value.every(isStatement);
      return isBlock ? this.block(value as Statement[]) : value.map((item) => this.of(item));
    }
    const node = value as Record<string, unknown> & { kind?: string; from?: number; to?: number };
    switch (node.kind) {
      case 'unreadable':
        return ['unreadable', this.text.slice(node.from, node.to)];
      case 'name':
        this.names.add(node.name as string);
        break;
      case 'annotated':
        // An annotation alone does nothing; with a value it is an assignment.
        return node.value === null ? null : this.of({ kind: 'assign', targets: [node.target], value: node.value });
      case 'import':
      case 'importFrom': {
        return importedNames(node as unknown as ImportStatement)
          .map(({ text }) => text)
          .sort();
      }
      case 'function': {
        const { name, parameters, isAsync, decorators, body } = node.function as Extract<
          Statement,
          { kind: 'function' }
        >['function'];
        return ['function', name, isAsync, this.of(parameters), this.of(decorators), this.block(body)];
      }
    }
    const fields = Object.keys(node)
      .filter((key) => key !== 'from' && key !== 'to' && node[key] !== undefined)
      .sort();
    return fields.map((key) => [key, this.of(node[key])]);
  }
}

const statementKinds = new Set([
  'expression',
  'assign',
  'annotated',
  'augmented',
  'delete',
  'pass',
  'break',
  'continue',
  'return',
  'raise',
  'assert',
  'scope',
  'import',
  'importFrom',
  'if',
  'while',
  'for',
  'try',
  'with',
  'match',
  'function',
  'class',
]);

function isStatement(value: unknown): boolean {
  return typeof value === 'object' && value !== null && statementKinds.has((value as { kind?: string }).kind ?? '');
}
