/**
 * A constant that a header takes from another module of the project (`branch_labels = (branches.EXPAND,)`): that module is
 * read as a header is, no further than its plain assignments. Stays inside the project; refuses to know what is installed.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { type ParsedModule, parsePython } from '../python/parse.ts';
import { type HeaderValue, type ImportedConstant, moduleBindings } from './header.ts';
import { decodePython } from './text.ts';

/** A constant may come through a few modules that hand it on. */
const maxHops = 8;

export interface ConstantsRequest {
  projectDir: string;
  /** Relative to the project, in Python's order. */
  importRoots: readonly string[];
  maxFileBytes: number;
}

/** Reads the constant that `from`, an absolute path, imports; null: not one of the project's, or none that reading tells. */
export type ConstantReader = (imported: ImportedConstant, from: string) => HeaderValue | null;

export function openConstants({ projectDir, importRoots, maxFileBytes }: ConstantsRequest): ConstantReader {
  const modules = new Map<string, ParsedModule | null>();
  const moduleAt = (path: string): ParsedModule | null => {
    const known = modules.get(path);
    if (known !== undefined) return known;
    let module: ParsedModule | null = null;
    try {
      const home = realpathSync(projectDir);
      const stat = statSync(path);
      if (stat.isFile() && stat.size <= maxFileBytes && realpathSync(path).startsWith(home + sep)) {
        const decoded = decodePython(readFileSync(path));
        module = 'text' in decoded ? parsePython(decoded.text) : null;
      }
    } catch {
      module = null;
    }
    modules.set(path, module);
    return module;
  };
  const fileOf = (module: string, level: number, from: string): string | null => {
    const parts = module === '' ? [] : module.split('.');
    let roots = [...importRoots.map((root) => join(projectDir, root)), projectDir];
    if (level > 0) {
      let folder = dirname(from);
      for (let up = 1; up < level; up++) folder = dirname(folder);
      roots = [folder];
    }
    for (const root of roots) {
      const base = join(root, ...parts);
      for (const path of [join(base, '__init__.py'), `${base}.py`]) if (moduleAt(path) !== null) return path;
    }
    return null;
  };
  const constant = (imported: ImportedConstant, from: string, hops: number): HeaderValue | null => {
    const { module, level, name, attributes } = imported;
    if (hops > maxHops) return null;
    // `from a import b`, then `b.C`: b may be a module of the package a, or a name in it.
    const path = name === null ? [...attributes] : [name, ...attributes];
    for (let taken = path.length - 1; taken >= 0; taken--) {
      const dotted = [module, ...path.slice(0, taken)].filter((part) => part !== '').join('.');
      const file = fileOf(dotted, level, from);
      if (file === null) continue;
      if (path.length - taken !== 1) return null;
      const wanted = path[taken] as string;
      const bindings = moduleBindings(moduleAt(file) as ParsedModule, (next) => constant(next, file, hops + 1));
      const binding = bindings.get(wanted);
      if (binding?.imported === undefined) return binding?.value ?? null;
      return constant({ ...binding.imported, attributes: [] }, file, hops + 1);
    }
    return null;
  };
  return (imported, from) => constant(imported, from, 0);
}
