/**
 * Reads a revision file for what its code says beside its operations: which imports it uses, what its downgrade amounts to,
 * and a hash of what Python makes of it. Refuses to evaluate.
 */
import { createHash } from 'node:crypto';
import type { CodeImport, RevisionCode } from '../../model/revision-code.ts';
import { parsePython, type Statement } from './python/index.ts';

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
  const statements = parsed.statements.map(({ statement }) => statement);
  const code: RevisionCode = {
    hash: null,
    imports: [],
    downgrade: 'absent',
    downgradeLine: 1,
    setsLockTimeout: /\block_timeout\b/i.test(text),
    managesTransaction: managesTransaction.test(text),
    downgradeTexts: [],
    downgradeCallsDrop: false,
  };
  const reader = new CanonicalReader(text);
  const upgrade: unknown[] = [];
  let downgrade: unknown = null;
  const imports: Extract<Statement, { kind: 'import' | 'importFrom' }>[] = [];
  try {
    for (const statement of statements) {
      if (statement.kind === 'import' || statement.kind === 'importFrom') imports.push(statement);
      else if (statement.kind === 'function' && statement.function.name === 'downgrade') {
        const inside = new CanonicalReader(text);
        downgrade = inside.of(statement);
        for (const name of inside.names) reader.names.add(name);
        reader.importsWithin.push(...inside.importsWithin);
        code.downgradeTexts = inside.texts;
        code.downgradeCallsDrop = inside.attributes.has('drop');
        code.downgrade = amountOf(statement.function.body);
        code.downgradeLine = parsed.lineAt(statement.from);
      } else if (!isHeader(statement)) upgrade.push(...reader.block([statement]));
    }
  } catch (error) {
    // Nested deeper than the stack: no person wrote it, and no hash is better than a wrong one.
    if (!(error instanceof RangeError)) throw error;
    return code;
  }
  const used = imports.flatMap((statement) => usedImports(statement, reader.names));
  code.imports = [...reader.importsWithin, ...used.map((one) => one.told)]
    .map(({ from, ...told }) => ({ ...told, line: parsed.lineAt(from) }))
    .sort((a, b) => a.line - b.line);
  if (parsed.error === null)
    code.hash = {
      upgrade: hashOf([used.map((one) => one.text).sort(), upgrade]),
      downgrade: hashOf(downgrade),
    };
  return code;
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

function usedImports(
  statement: Extract<Statement, { kind: 'import' | 'importFrom' }>,
  names: ReadonlySet<string>,
): { text: string; told: Told }[] {
  if (statement.kind === 'import') {
    return statement.names
      .filter(({ name, as }) => names.has(as ?? (name.split('.')[0] as string)))
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
    .filter(({ name, as }) => names.has(as ?? name))
    .map(({ name, as }) => ({
      text: `from ${module} import ${name} as ${as ?? name}`,
      told: { module, names: [name], from: statement.from },
    }));
}

/** Syntax as plain lists without positions, and without what changes nothing when it runs. */
class CanonicalReader {
  /** Every name that is read or written. */
  readonly names = new Set<string>();
  /** Imports inside functions. */
  readonly importsWithin: Told[] = [];
  readonly attributes = new Set<string>();
  readonly texts: string[] = [];
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
      case 'attribute':
        this.attributes.add(node.name as string);
        break;
      case 'constant':
        if (typeof node.value === 'string') this.texts.push(node.value);
        break;
      case 'format':
        for (const part of node.parts as unknown[]) if (typeof part === 'string') this.texts.push(part);
        break;
      case 'annotated':
        // An annotation alone does nothing; with a value it is an assignment.
        return node.value === null ? null : this.of({ kind: 'assign', targets: [node.target], value: node.value });
      case 'import':
      case 'importFrom': {
        const everything = { has: () => true } as unknown as ReadonlySet<string>;
        const all = usedImports(node as unknown as Extract<Statement, { kind: 'import' | 'importFrom' }>, everything);
        this.importsWithin.push(...all.map(({ told }) => told));
        return all.map(({ text }) => text).sort();
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
