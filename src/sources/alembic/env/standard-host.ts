/**
 * What code around env.py is evaluated with: Python's standard library and nothing else, neither files nor a database.
 */
import { type Host, standardAttribute, standardCall, type Value } from '../python/index.ts';

export function standardHost(projectDir: string): Host {
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
