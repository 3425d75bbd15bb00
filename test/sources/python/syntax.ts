/**
 * The syntax that our parser and Python's own make of a text, brought to one shape: order of arguments, `elif` as a nested
 * `if`, texts of an f-string joined, and no place where the two count differently.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseStatements } from '../../../src/sources/alembic/python/parse-statements.ts';

type Tree = { [key: string]: unknown };

/**
 * Decorators belong to what they decorate for us, an `elif` to its `if`, a bare generator has no parenthesis of its own, and
 * Python's `or` is of many.
 */
const unplaced = new Set(['comprehension', 'logical', 'if', 'function', 'class', 'scope']);

/** Null: declined. */
export function ourSyntax(text: string): unknown {
  const { statements, fault } = parseStatements(text, 0, text.length);
  return fault !== null ? null : normal(JSON.parse(JSON.stringify(statements, plainly)), false);
}

/** What a real Python makes of the texts, null where it takes one for none; null in all where there is no Python. */
export function theirSyntax(texts: readonly string[]): unknown[] | null {
  const run = spawnSync('python3', [fileURLToPath(new URL('syntax.py', import.meta.url))], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (run.error || run.status !== 0) {
    if (process.env.CI) throw new Error(`No Python 3 on this CI machine: ${run.stderr}`);
    return null;
  }
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => normal(JSON.parse(line), false));
}

function plainly(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value === Number.POSITIVE_INFINITY ? 'Infinity' : value;
}

function normal(value: unknown, isInFormat: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => normal(item, isInFormat));
  if (typeof value !== 'object' || value === null) return value;
  const node = value as Tree;
  const { kind } = node;
  const made = kind === 'format' ? { ...node, parts: joined(node.parts) } : normalEach(node, isInFormat);
  if (isInFormat || unplaced.has(kind as string)) {
    delete made.from;
    delete made.to;
  }
  if (Array.isArray(made.args)) {
    const isNamed = (arg: Tree) => arg.kind === 'named' || arg.kind === 'doubleStar';
    const args = made.args as Tree[];
    made.args = [...args.filter((arg) => !isNamed(arg)), ...args.filter(isNamed)];
  }
  if (kind === 'if') {
    const [first, ...rest] = made.branches as Tree[];
    made.branches = [first];
    if (rest.length > 0)
      made.otherwise = [normal({ kind: 'if', branches: rest, otherwise: made.otherwise }, isInFormat)];
  }
  if (kind === 'function') made.function = { ...(made.function as Tree), from: undefined, to: undefined };
  return made;
}

function normalEach(node: Tree, isInFormat: boolean): Tree {
  return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, normal(inner, isInFormat)]));
}

function joined(parts: unknown): unknown[] {
  const out: unknown[] = [];
  const add = (text: string) => {
    if (typeof out[out.length - 1] === 'string') out.push(`${out.pop()}${text}`);
    else if (text !== '') out.push(text);
  };
  for (const part of parts as (string | Tree)[]) {
    if (typeof part === 'string') {
      add(part);
      continue;
    }
    const { selfText, spec } = part as { selfText?: string | null; spec: unknown };
    if (typeof selfText === 'string') add(selfText);
    out.push({
      value: normal(part.value, true),
      conversion: part.conversion ?? (typeof selfText === 'string' && spec === null ? 'r' : null),
      spec: spec === null ? null : joined(spec),
    });
  }
  return out;
}
