/**
 * The project's Python as a web of modules: where an import leads, what a name is bound to, constants folded.
 * Reads files inside the project alone; refuses to know env.py, SQLAlchemy or Alembic.
 * Longer than most files here: one class that follows names, and what a module binds, which it alone asks.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Expression, parseOnDemand, type Statement, type TopLevel } from '../python/index.ts';
import { decodePython } from '../revision-file/text.ts';

export type NameBinding =
  | { kind: 'value'; expression: Expression }
  | {
      kind: 'class';
      name: string;
      args: Extract<Expression, { kind: 'call' }>['args'];
      decorators: Expression[];
      body: Statement[];
    }
  | { kind: 'function' }
  | { kind: 'import'; level: number; module: string; name: string | null };

export interface CodeModule {
  /** Relative to the project. */
  file: string;
  text: string;
  readonly statements: Statement[];
  /** Those that are no function and no class: at hand without parsing more. */
  plainStatements: Statement[];
  bindings: Map<string, NameBinding>;
  /** Every module-level import, star imports too. */
  imports: { level: number; module: string; names: string[] | '*' | null }[];
  lineAt(offset: number): number;
}

export interface Definition {
  module: CodeModule;
  name: string;
  binding: NameBinding;
}

const maxModuleBytes = 2_000_000;
const maxHops = 40;

export class ProjectCode {
  readonly projectDir: string;
  private readonly roots: string[];
  /** What the project itself is imported by where it is a package: `c`, `b.c`, … as far up as packages go. */
  private readonly ownNames: string[] = [];
  private readonly modules = new Map<string, CodeModule | null>();
  private readonly texts = new Map<string, string | null>();
  private readonly filesByFolder = new Map<string, Set<string>>();

  /** `importRoots` relative to the project, in Python's order. */
  constructor(projectDir: string, importRoots: readonly string[]) {
    this.projectDir = projectDir;
    this.roots = [...importRoots];
    for (let at = projectDir; existsSync(join(at, '__init__.py')); at = dirname(at))
      this.ownNames.push([basename(at), ...this.ownNames.slice(-1)].join('.'));
  }

  /** Null: not there, not sound, or out of the project. */
  module(file: string): CodeModule | null {
    const known = this.modules.get(file);
    if (known !== undefined) return known;
    const text = this.text(file);
    let module: CodeModule | null = null;
    if (text !== null) {
      const parsed = parseOnDemand(text);
      let statements: Statement[] | null = null;
      module = {
        file,
        text,
        get statements() {
          statements ??= parsed.statements.map(({ statement }) => statement);
          return statements;
        },
        plainStatements: parsed.statements.filter((top) => top.heading === null).map(({ statement }) => statement),
        bindings: new Map(),
        imports: [],
        lineAt: parsed.lineAt,
      };
      for (const top of parsed.statements) {
        if (top.heading === null) collect([top.statement], module);
        else module.bindings.set(top.heading.name, bindingOf(top, top.heading));
      }
    }
    this.modules.set(file, module);
    return module;
  }

  text(file: string): string | null {
    const known = this.texts.get(file);
    if (known !== undefined) return known;
    const text = this.readText(file);
    this.texts.set(file, text);
    return text;
  }

  private readText(file: string): string | null {
    if (file.startsWith('..')) return null;
    try {
      const path = join(this.projectDir, file);
      if (statSync(path).size > maxModuleBytes) return null;
      const decoded = decodePython(readFileSync(path));
      return 'text' in decoded ? decoded.text : null;
    } catch {
      return null;
    }
  }

  /** Where a module may stand, without what ends its file's name, in Python's order. */
  private placesOf(module: string, level: number, from: string): string[] {
    const parts = module.split('.').filter((part) => part !== '');
    const up = Array.from({ length: Math.max(0, level - 1) }, () => '..');
    const places = (level > 0 ? [join(dirname(from), ...up)] : this.rootsFor(from)).map((root) => join(root, ...parts));
    const own = this.ownNames.find((name) => level === 0 && `${module}.`.startsWith(`${name}.`));
    if (own !== undefined) places.push(join('.', ...module.slice(own.length + 1).split('.')));
    return places.map((place) => place.replaceAll('\\', '/')).filter((place) => !place.startsWith('..'));
  }

  /** The file of a module as Python would find it; null where it is not the project's. */
  fileOfModule(module: string, level: number, from: string): string | null {
    for (const base of this.placesOf(module, level, from)) {
      for (const file of module === '' ? [`${base}/__init__.py`] : [`${base}/__init__.py`, `${base}.py`]) {
        const clean = file.replace(/^\.\//, '');
        if (this.isFile(clean)) return clean;
      }
    }
    return null;
  }

  /** One listing a folder: imports ask for hundreds of files that are not there. */
  private isFile(file: string): boolean {
    const slash = file.lastIndexOf('/');
    const folder = slash < 0 ? '' : file.slice(0, slash);
    let names = this.filesByFolder.get(folder);
    if (names === undefined) {
      names = new Set();
      try {
        for (const entry of readdirSync(join(this.projectDir, folder), { withFileTypes: true }))
          if (!entry.isDirectory()) names.add(entry.name);
      } catch {}
      this.filesByFolder.set(folder, names);
    }
    return names.has(file.slice(slash + 1));
  }

  /** A package without an `__init__.py`. */
  folderOfModule(module: string, level: number, from: string): string | null {
    return this.placesOf(module, level, from).find((folder) => isFolder(join(this.projectDir, folder))) ?? null;
  }

  /** Import roots, then the folder of the file that asks and those above it: code is often run from one of them. */
  private rootsFor(from: string): string[] {
    const roots = [...this.roots];
    for (let folder = dirname(from); ; folder = dirname(folder)) {
      roots.push(folder);
      if (folder === '.' || folder === '/') break;
    }
    return roots;
  }

  /** Dotted name of a file, from the first import root that holds it and is no package itself. */
  moduleName(file: string): string {
    const path = file.replace(/(?:\/__init__)?\.py$/, '');
    const root = this.roots.find(
      (folder) => folder !== '.' && path.startsWith(`${folder}/`) && !this.isFile(`${folder}/__init__.py`),
    );
    return (root === undefined ? path : path.slice(root.length + 1)).replaceAll('/', '.');
  }

  /** Follows imports to where a name is made. */
  define(module: CodeModule, name: string, hops = 0): Definition | null {
    if (hops > maxHops) return null;
    const binding = module.bindings.get(name);
    if (binding === undefined) {
      for (const item of [...module.imports].reverse()) {
        if (item.names !== '*') continue;
        const file = this.fileOfModule(item.module, item.level, module.file);
        const other = file === null ? null : this.module(file);
        const found = other === null || other === module ? null : this.define(other, name, hops + 1);
        if (found !== null) return found;
      }
      return null;
    }
    if (binding.kind === 'value' && binding.expression.kind === 'name' && binding.expression.name !== name)
      return this.define(module, binding.expression.name, hops + 1) ?? { module, name, binding };
    if (binding.kind !== 'import' || binding.name === null) return { module, name, binding };
    const file = this.fileOfModule(binding.module, binding.level, module.file);
    const other = file === null ? null : this.module(file);
    const found = other === null || other === module ? null : this.define(other, binding.name, hops + 1);
    return found ?? { module, name, binding };
  }

  /** The module that an expression names: `models`, `app.models`. */
  moduleOf(module: CodeModule, expression: Expression): CodeModule | null {
    if (expression.kind === 'name') {
      const found = this.define(module, expression.name);
      if (found?.binding.kind !== 'import') return null;
      const { level, module: path, name } = found.binding;
      const dotted = name === null ? path : path === '' ? name : `${path}.${name}`;
      const file = this.fileOfModule(dotted, level, found.module.file);
      return file === null ? null : this.module(file);
    }
    const dotted = dottedName(expression);
    if (dotted === null) return null;
    const file = this.fileOfModule(dotted, 0, module.file);
    return file === null ? null : this.module(file);
  }

  /** What an attribute chain is made of in the end: `models.Base`, `db`, `app.db.metadata`. */
  defineExpression(module: CodeModule, expression: Expression): Definition | null {
    if (expression.kind === 'name') return this.define(module, expression.name);
    if (expression.kind !== 'attribute') return null;
    const owner = this.moduleOf(module, expression.object);
    return owner === null ? null : this.define(owner, expression.name);
  }

  /** A text that reading works out; undefined where not. `locals`: names bound in the function around. */
  fold(module: CodeModule, expression: Expression, context: FoldContext = {}, hops = 0): FoldedValue {
    if (hops > maxHops) return undefined;
    const again = (inner: Expression): FoldedValue => this.fold(module, inner, context, hops + 1);
    switch (expression.kind) {
      case 'constant':
        return expression.of === 'bytes' || expression.value === 'ellipsis' || typeof expression.value === 'bigint'
          ? undefined
          : expression.value;
      case 'name': {
        const local = context.locals?.get(expression.name);
        if (local !== undefined)
          return local === expression
            ? undefined
            : this.fold(
                module,
                local,
                {
                  ...context,
                  locals: new Map([...(context.locals ?? [])].filter(([name]) => name !== expression.name)),
                },
                hops + 1,
              );
        const found = this.define(module, expression.name);
        return found?.binding.kind === 'value'
          ? this.fold(found.module, found.binding.expression, { option: context.option }, hops + 1)
          : undefined;
      }
      case 'attribute': {
        const found = this.defineExpression(module, expression);
        return found?.binding.kind === 'value'
          ? this.fold(found.module, found.binding.expression, { option: context.option }, hops + 1)
          : undefined;
      }
      case 'format': {
        let text = '';
        for (const part of expression.parts) {
          const value = typeof part === 'string' ? part : part.spec === null ? again(part.value) : undefined;
          if (typeof value !== 'string' && typeof value !== 'number') return undefined;
          text += String(value);
        }
        return text;
      }
      case 'binary': {
        const left = again(expression.left);
        const right = again(expression.right);
        return expression.operator === '+' && typeof left === 'string' && typeof right === 'string'
          ? left + right
          : undefined;
      }
      case 'logical': {
        const left = again(expression.left);
        if (left === undefined) return undefined;
        return (expression.operator === 'or') === Boolean(left) ? left : again(expression.right);
      }
      case 'call':
        return this.foldCall(expression, again, context);
      default:
        return undefined;
    }
  }

  private foldCall(
    call: Extract<Expression, { kind: 'call' }>,
    again: (inner: Expression) => FoldedValue,
    context: FoldContext,
  ): FoldedValue {
    const name = dottedName(call.callee) ?? (call.callee.kind === 'attribute' ? call.callee.name : '');
    const [first, second] = call.args.map((argument) => argument.value);
    if (first === undefined) return undefined;
    if (/(?:^|\.)(?:get_main_option|get_section_option)$/.test(name)) {
      const option = again(first);
      const found = typeof option === 'string' ? context.option?.(option) : null;
      return found ?? (second === undefined ? undefined : again(second));
    }
    // Without the setting, the program itself takes the default.
    if (/(?:^|\.)(?:getenv|environ\.get)$/.test(name)) return second === undefined ? undefined : again(second);
    if (/(?:^|\.)(?:text|str|quoted_name)$/.test(name)) return again(first);
    return undefined;
  }
}

export type FoldedValue = string | number | boolean | null | undefined;

export interface FoldContext {
  locals?: ReadonlyMap<string, Expression>;
  /** An option of the main section of the ini. */
  option?: ((name: string) => string | null) | undefined;
}

export function dottedName(expression: Expression): string | null {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind !== 'attribute') return null;
  const owner = dottedName(expression.object);
  return owner === null ? null : `${owner}.${expression.name}`;
}

/** Every statement inside, bodies of `if`, `try`, `with` and loops too; functions and classes not. */
export function* moduleLevel(statements: readonly Statement[]): Generator<Statement> {
  for (const statement of statements) {
    yield statement;
    switch (statement.kind) {
      case 'if':
        for (const branch of statement.branches) if (!isTypeChecking(branch.test)) yield* moduleLevel(branch.body);
        yield* moduleLevel(statement.otherwise);
        break;
      case 'try':
        // A handler stands in for what failed: what the body binds goes before it.
        for (const handler of statement.handlers) yield* moduleLevel(handler.body);
        yield* moduleLevel(statement.body);
        yield* moduleLevel(statement.otherwise);
        yield* moduleLevel(statement.finally);
        break;
      case 'with':
      case 'for':
      case 'while':
        yield* moduleLevel(statement.body);
    }
  }
}

function isTypeChecking(test: Expression): boolean {
  return /(?:^|\.)TYPE_CHECKING$/.test(dottedName(test) ?? '');
}

/** A function or a class, whose statement is parsed once somebody asks what is in it. */
function bindingOf(top: TopLevel, heading: NonNullable<TopLevel['heading']>): NameBinding {
  if (heading.kind === 'function') return { kind: 'function' };
  const statement = () => {
    const found = top.statement;
    return found.kind === 'class' ? found : { args: [], decorators: [], body: [] };
  };
  return {
    kind: 'class',
    name: heading.name,
    get args() {
      return statement().args;
    },
    get decorators() {
      return statement().decorators;
    },
    get body() {
      return statement().body;
    },
  };
}

function collect(statements: readonly Statement[], module: CodeModule): void {
  for (const statement of moduleLevel(statements)) {
    switch (statement.kind) {
      case 'assign':
        for (const target of statement.targets)
          if (target.kind === 'name') module.bindings.set(target.name, { kind: 'value', expression: statement.value });
        break;
      case 'annotated':
        if (statement.target.kind === 'name' && statement.value !== null)
          module.bindings.set(statement.target.name, { kind: 'value', expression: statement.value });
        break;
      case 'class':
        module.bindings.set(statement.name, { ...statement, kind: 'class' });
        break;
      case 'function':
        module.bindings.set(statement.function.name, { kind: 'function' });
        break;
      case 'import':
        for (const { name, as } of statement.names) {
          module.imports.push({ level: 0, module: name, names: null });
          const bound = as ?? (name.split('.')[0] as string);
          module.bindings.set(bound, { kind: 'import', level: 0, module: as === null ? bound : name, name: null });
        }
        break;
      case 'importFrom': {
        const { level, module: path, names } = statement;
        module.imports.push({ level, module: path, names: names === '*' ? '*' : names.map(({ name }) => name) });
        if (names !== '*')
          for (const { name, as } of names)
            module.bindings.set(as ?? name, { kind: 'import', level, module: path, name });
      }
    }
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
