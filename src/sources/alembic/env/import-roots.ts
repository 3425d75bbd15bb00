/**
 * The folders in which Python finds modules of the project, in its order: what env.py puts first on `sys.path`, what the
 * configuration says, what the project's packaging says, what env.py puts last. Runs nothing.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { AlembicConfig } from '../../../model/project.ts';
import { findPackages } from '../config/packages.ts';
import {
  type Expression,
  evaluate,
  LimitReached,
  makeModule,
  PyRaise,
  parseCached,
  pathText,
  toItems,
} from '../python/index.ts';
import { decodePython } from '../revision-file/text.ts';
import { dottedName } from './code.ts';
import { standardMachine } from './standard-host.ts';
import { everyExpression } from './walk.ts';

/** Relative to the project. */
export function importRoots(projectDir: string, config: AlembicConfig): string[] {
  const configured = (config.importRoots ?? ['.']).map((root) => join(projectDir, root));
  const { first, last } = searched(projectDir, config);
  const beside = config.scriptLocation === null ? [] : [join(projectDir, dirname(config.scriptLocation))];
  const roots = [
    ...first,
    ...configured,
    projectDir,
    join(projectDir, 'src'),
    ...beside.flatMap((folder) => [folder, join(folder, 'src')]),
    ...findPackages(projectDir, config).roots,
    ...last,
  ];
  return [...new Set(roots.map((path) => relative(projectDir, path).replaceAll('\\', '/') || '.'))].filter(
    (path) => path !== '..' && !path.startsWith('../'),
  );
}

const searchPathCall = /^(?:sys\.path\.(insert|append|extend)|path\.(insert|append)|site\.(addsitedir))$/;

/** `sys.path.insert(0, …)` and `sys.path.append(…)` of env.py: what they put before and behind what is there. */
function searched(projectDir: string, { scriptLocation }: AlembicConfig): { first: string[]; last: string[] } {
  const first: string[] = [];
  const last: string[] = [];
  const file = join(projectDir, scriptLocation ?? '.', 'env.py');
  const text = scriptLocation === null ? null : textAt(file);
  if (text === null || !/\bsys\b|\bsite\b/.test(text)) return { first, last };
  const parsed = parseCached(file, text);
  const machine = standardMachine(projectDir);
  const { scope } = makeModule('env', file, parsed);
  const pathsOf = (expression: Expression): string[] => {
    try {
      const value = evaluate(machine, expression, scope);
      return (pathText(value) === null ? (toItems(machine, value) ?? []) : [value]).flatMap((one) => {
        const path = pathText(one);
        return path === null ? [] : [resolve(projectDir, path)];
      });
    } catch (error) {
      if (error instanceof LimitReached || error instanceof PyRaise || error instanceof RangeError) return [];
      throw error;
    }
  };
  const ownLevel = parsed.statements.filter((top) => top.heading === null).map(({ statement }) => statement);
  for (const { expression } of everyExpression(ownLevel)) {
    if (expression.kind !== 'call') continue;
    const called = searchPathCall.exec(dottedName(expression.callee) ?? '');
    if (called === null) continue;
    const method = called[1] ?? called[2] ?? called[3];
    const argument = expression.args[method === 'insert' ? 1 : 0];
    if (argument === undefined) continue;
    const paths = pathsOf(argument.value);
    if (method === 'insert') first.unshift(...paths);
    else last.push(...paths);
  }
  return { first, last };
}

function textAt(file: string): string | null {
  try {
    const decoded = decodePython(readFileSync(file));
    return 'text' in decoded ? decoded.text : null;
  } catch {
    return null;
  }
}
