/**
 * Reads a revision file for what its code says beside its operations: which imports it uses, what its downgrade amounts to,
 * and a hash of what Python makes of it. Refuses to evaluate.
 */
import { createHash } from 'node:crypto';
import type { CodeImport, ContentHash, RevisionCode } from '../../../model/revision-code.ts';
import { childStatements, ownExpressions, parsePython, type Statement, walkExpression } from '../python/index.ts';

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

export function readRevisionCode(text: string): RevisionCode {
  const parsed = parsePython(text);
  let hash: ContentHash | null | undefined;
  const code: RevisionCode = {
    isSound: parsed.error === null,
    get hash() {
      // Few are asked for theirs, and the syntax of all of them would have to be kept: it is read again.
      if (hash === undefined) hash = this.isSound ? contentHash(text) : null;
      return hash;
    },
    imports: [],
    downgrade: 'absent',
    downgradeLine: 1,
    setsLockTimeout: /\block_timeout\b/i.test(text),
    managesTransaction: managesTransaction.test(text),
    downgradeTexts: [],
    downgradeCallsDrop: false,
  };
  const imports: ImportStatement[] = [];
  const found = newFindings();
  try {
    for (const { statement } of parsed.statements) {
      if (isImport(statement)) imports.push(statement);
      else if (isDowngrade(statement)) {
        const inside = newFindings();
        lookThrough(statement, inside);
        for (const name of inside.names) found.names.add(name);
        found.imports.push(...inside.imports);
        code.downgradeTexts = inside.texts;
        code.downgradeCallsDrop = inside.attributes.has('drop');
        code.downgrade = amountOf(statement.function.body);
        code.downgradeLine = parsed.lineAt(statement.from);
      } else if (!isHeader(statement)) lookThrough(statement, found);
    }
  } catch (error) {
    // Nested deeper than the stack: no person wrote it.
    if (!(error instanceof RangeError)) throw error;
    code.isSound = false;
    return code;
  }
  const all = found.imports.flatMap((statement) => importedNames(statement));
  const used = imports.flatMap((statement) => importedNames(statement, found.names));
  code.imports = [...all, ...used]
    .map(({ told: { from, ...told } }) => ({ ...told, line: parsed.lineAt(from) }))
    .sort((a, b) => a.line - b.line);
  return code;
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
  const statements = parsePython(text).statements.map(({ statement }) => statement);
  const reader = new CanonicalReader(text);
  const upgrade: unknown[] = [];
  let downgrade: unknown = null;
  try {
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
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return null;
  }
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
