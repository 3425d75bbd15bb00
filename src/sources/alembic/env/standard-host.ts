/**
 * What code around env.py is evaluated with: Python's standard library and nothing else, neither files nor a database.
 */
import { type Host, type Machine, newMachine, standardAttribute, standardCall, type Value } from '../python/index.ts';

/** For an expression or a small function: bounded so that nothing around env.py takes long. */
export function standardMachine(projectDir: string): Machine {
  return newMachine(standardHost(projectDir), { maxSteps: 20_000, maxDepth: 50, maxSize: 10_000 });
}

function standardHost(projectDir: string): Host {
  return {
    environment: {},
    attribute: (machine, object) =>
      typeof object === 'object' && object?.kind === 'external' ? standardAttribute(machine, object.path) : undefined,
    call: (machine, callee, args): Value | undefined => {
      if (callee.kind !== 'external') return undefined;
      return callee.path === 'os.getcwd' || callee.path === 'pathlib.Path.cwd'
        ? projectDir
        : standardCall(machine, callee.path, args);
    },
    items: () => null,
    inherited: () => undefined,
    leave: () => {},
    unreadable: () => {},
    findModule: () => null,
    isInstalled: () => ({ isThere: true, condition: null }),
    readFile: () => null,
    exists: () => null,
    list: () => null,
  };
}
