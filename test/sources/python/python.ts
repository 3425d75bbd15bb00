/**
 * Python text → the repr of a name in it, by our evaluator and by a real Python where this machine has one.
 */
import { spawnSync } from 'node:child_process';
import { reprOf } from '../../../src/sources/alembic/python/formatting.ts';
import {
  type Bounds,
  defaultBounds,
  type Host,
  isObject,
  LimitReached,
  makeModule,
  moduleName,
  newMachine,
  PyRaise,
  parsePython,
  plain,
  standardAttribute,
  standardCall,
  type Value,
} from '../../../src/sources/alembic/python/index.ts';

const host: Host = {
  environment: {},
  attribute: (machine, object, name) => {
    const value = plain(object);
    return isObject(value) && value.kind === 'external'
      ? standardAttribute(machine, `${value.path}.${name}`)
      : undefined;
  },
  call: (machine, callee, args) => (callee.kind === 'external' ? standardCall(machine, callee.path, args) : undefined),
  inherited: () => undefined,
  leave: () => {},
  unreadable: () => {},
  findModule: () => null,
  isInstalled: () => ({ isThere: true, condition: null }),
  readFile: () => null,
  exists: () => null,
  list: () => null,
  items: () => null,
};

export function evaluateName(text: string, name = 'result', bounds: Bounds = defaultBounds): Value | undefined {
  const machine = newMachine(host, bounds);
  const module = makeModule('m', '/m.py', parsePython(text));
  machine.modules.set('m', module);
  return moduleName(machine, module, name);
}

/** The repr, or `unknown: reason`, or `limit: reason`. */
export function ours(text: string, bounds?: Bounds): string {
  try {
    const value = evaluateName(text, 'result', bounds);
    if (value === undefined) return 'unbound';
    const bare = plain(value);
    if (isObject(bare) && bare.kind === 'unknown') return `unknown: ${bare.reason}`;
    return reprOf(bare) ?? `a ${isObject(bare) ? bare.kind : typeof bare}`;
  } catch (error) {
    if (error instanceof LimitReached) return `limit: ${error.message}`;
    if (error instanceof PyRaise) return 'raises';
    throw error;
  }
}

/** What a real Python says of the same texts; null where there is none. */
export function theirs(texts: readonly string[]): string[] | null {
  const program =
    'import json,sys\nout=[]\nfor t in json.load(sys.stdin):\n    g={}\n    exec(t,g)\n    out.append(repr(g["result"]))\nprint(json.dumps(out))';
  const run = spawnSync('python3', ['-c', program], { input: JSON.stringify(texts), encoding: 'utf8' });
  if (run.error || run.status !== 0) {
    if (process.env.CI) throw new Error(`No Python 3 on this CI machine: ${run.stderr}`);
    return null;
  }
  return JSON.parse(run.stdout) as string[];
}
