/**
 * Modules of the project and the names in them; imports stay inside the project, all else is External.
 */
import type { ImportedName, Statement } from './ast.ts';
import { builtin } from './builtins.ts';
import { importError } from './calls.ts';
import { toItems } from './containers.ts';
import type { Machine } from './machine.ts';
import { type ParsedModule, parseOnDemand, type TopLevel } from './parse.ts';
import { indexModule, type LazyNames, newScope, type Scope } from './scope.ts';
import { execute } from './statements.ts';
import {
  DepthReached,
  externalMember,
  externalModule,
  ImportFailure,
  type PyModule,
  PyRaise,
  textOf,
  unknown,
  type Value,
} from './values.ts';

const parsedByText = new Map<string, { text: string; parsed: ParsedModule }>();

/** Parsed modules are kept by file, as long as the text stays the same. */
export function parseCached(file: string, text: string): ParsedModule {
  const known = parsedByText.get(file);
  if (known && known.text === text) return known.parsed;
  const parsed = parseOnDemand(text);
  parsedByText.set(file, { text, parsed });
  return parsed;
}

const namesByModule = new WeakMap<ParsedModule, LazyNames>();

function namesOf(parsed: ParsedModule): LazyNames {
  const known = namesByModule.get(parsed);
  if (known) return known;
  const names = indexModule(parsed);
  namesByModule.set(parsed, names);
  return names;
}

export function makeModule(name: string, file: string, parsed: ParsedModule): PyModule {
  const module: PyModule = { kind: 'module', name, file, scope: null as unknown as Scope };
  module.scope = newScope('module', null, module);
  module.scope.lazy = { ...namesOf(parsed), done: new Set(), at: null };
  module.scope.names.set('__file__', file);
  module.scope.names.set('__name__', name);
  module.scope.names.set('__doc__', parsed.docstring);
  return module;
}

export function loadModule(machine: Machine, name: string, from: PyModule | null): PyModule | null {
  const known = machine.modules.get(name);
  if (known) return known;
  const found = machine.host.findModule(name, from);
  if (!found) return null;
  for (const module of machine.modules.values()) if (module.file === found.file && module.file !== '') return module;
  let module = machine.imports.modules.get(found.file);
  if (module === undefined) {
    module = makeModule(name, found.file, parseCached(found.file, found.text));
    module.scope.names.set('__package__', found.isPackage ? name : name.split('.').slice(0, -1).join('.'));
    machine.imports.modules.set(found.file, module);
  }
  machine.modules.set(name, module);
  return module;
}

/** Resolves a name of a module, running the statements that bind it, and no others. */
export function moduleName(machine: Machine, module: PyModule, name: string): Value | undefined {
  const scope = module.scope;
  const lazy = scope.lazy;
  const pending = lazy?.statementsByName.get(name);
  if (lazy && pending) {
    const { at } = lazy;
    // Seen from a statement at the top level, only what stands above it has run; from a function called later, all has.
    // A call below, which changes what it is given, binds nothing that could be missing here.
    const isAbove = at !== null && pending.some((top) => top.from < at);
    for (const top of pending) {
      const isBelow = at !== null && top.from >= at;
      if (lazy.done.has(top) || (isBelow && (isAbove || top.statement.kind === 'expression'))) continue;
      lazy.done.add(top);
      runTopLevel(machine, module, top);
    }
  }
  const found = scope.names.get(name);
  if (found !== undefined) return found;
  if (lazy) {
    // Of two that bring the name, the later one stays.
    for (const top of lazy.stars.toReversed()) {
      if (top.statement.kind !== 'importFrom') continue;
      const source = moduleOfFrom(machine, top.statement, scope);
      if (typeof source === 'string') {
        // A star import from outside could bring any name: only what such libraries are known to export is believed, and
        // none of them exports a name that Python itself has.
        const outside = externalModule(source);
        if (builtin(machine, name) === undefined && machine.host.attribute(machine, outside, `*${name}`) !== undefined)
          return externalMember(outside, name);
        continue;
      }
      if (source === module) continue;
      const value = isHandedOut(machine, source, name) ? moduleName(machine, source, name) : undefined;
      if (value !== undefined) return value;
    }
  }
  return undefined;
}

/** Whether `from … import *` brings the name: what `__all__` lists, or, without one, whatever has no underscore before it. */
function isHandedOut(machine: Machine, source: PyModule, name: string): boolean {
  if (name === '__all__') return false;
  const listed = moduleName(machine, source, '__all__');
  const names = listed === undefined ? null : toItems(machine, listed);
  return names === null ? !name.startsWith('_') : names.some((item) => textOf(item) === name);
}

function runTopLevel(machine: Machine, module: PyModule, top: TopLevel): void {
  const { statement } = top;
  const { lazy } = module.scope;
  const before = lazy?.at ?? null;
  if (lazy) lazy.at = top.from;
  // Another module's top level runs once, whatever branch first asked for it.
  const { shadows, shadowsByAssumption, conditions, importGuards } = machine;
  machine.importGuards = [];
  machine.shadows = [];
  machine.shadowsByAssumption = [];
  machine.conditions = [];
  machine.frames.push({ module, statement, onYield: null, pushed: 0, mayLeaveLoop: null, isTopLevel: true });
  machine.depth++;
  try {
    // Modules that import each other without end in sight: what is out of reach stays unbound, and so unknown.
    if (machine.depth > machine.bounds.maxDepth) machine.isCut = true;
    else execute(machine, [statement], module.scope);
  } catch (error) {
    const isReachedThroughAnother = error instanceof DepthReached && machine.frames.length > 1;
    machine.isCut ||= error instanceof DepthReached;
    if (!(error instanceof PyRaise || isReachedThroughAnother)) throw error;
  } finally {
    if (lazy) lazy.at = before;
    machine.depth--;
    machine.frames.pop();
    machine.shadows = shadows;
    machine.shadowsByAssumption = shadowsByAssumption;
    machine.conditions = conditions;
    machine.importGuards = importGuards;
  }
}

/** Runs the whole top level, in order: for modules whose every class counts; or only what is wanted of it. */
export function runWhole(
  machine: Machine,
  module: PyModule,
  isWanted: (statement: Statement) => boolean = () => true,
): void {
  const lazy = module.scope.lazy;
  if (!lazy) return;
  for (const top of lazy.parsed.statements) {
    if (lazy.done.has(top) || !isWanted(top.statement)) continue;
    lazy.done.add(top);
    runTopLevel(machine, module, top);
  }
}

export function moduleAttribute(machine: Machine, module: PyModule, name: string): Value {
  const found = moduleName(machine, module, name);
  if (found !== undefined) return found;
  const submodule = loadModule(machine, `${module.name}.${name}`, module);
  if (submodule) return submodule;
  return unknown(`${module.name} has no ${name} that could be found`);
}

export function lookUp(machine: Machine, scope: Scope, name: string): Value {
  for (let at: Scope | null = scope; at; at = at.parent) {
    if (at.kind === 'class' && at !== scope) continue;
    if (scope.globals?.has(name) && at.kind !== 'module') continue;
    if (at.kind === 'module') {
      const found = moduleName(machine, at.module, name);
      if (found !== undefined) return found;
    } else {
      const found = at.names.get(name);
      if (found !== undefined) return found;
    }
  }
  const outside = builtin(machine, name);
  return outside === undefined ? unknown(`the name ${name} is bound nowhere that could be read`) : outside;
}

function packageOf(module: PyModule): string {
  const text = module.scope.names.get('__package__');
  return typeof text === 'string' ? text : module.name.split('.').slice(0, -1).join('.');
}

export function bindImport(machine: Machine, names: ImportedName[], scope: Scope): void {
  for (const { name, as } of names) {
    const head = name.split('.')[0] as string;
    const wanted = as === null ? head : name;
    const module = loadModule(machine, wanted, scope.module);
    if (module === null || (as === null && name !== head && loadModule(machine, name, scope.module) === null))
      meetAbsence(machine, name);
    scope.names.set(as ?? head, module ?? externalModule(wanted));
  }
}

/** Where an `except ImportError` waits for it, importing what is not the project's fails, or is assumed not to. */
export function meetAbsence(
  machine: Machine,
  name: string,
  answer?: { isThere: boolean; condition: string | null },
): void {
  const guard = machine.importGuards.findLast((each) => each.catches(importError('')));
  if (guard === undefined) return;
  const { isThere, condition } = answer ?? machine.host.isInstalled(name);
  if (!isThere) throw new ImportFailure(importError(name), condition);
  guard.condition ??= condition;
}

/** The names that a module could hold are all in its text. */
function isClosed(module: PyModule): boolean {
  const { lazy } = module.scope;
  return lazy !== undefined && lazy !== null && lazy.stars.length === 0 && !lazy.statementsByName.has('__getattr__');
}

/** The project's module that `from … import` names, or the dotted name of an outside one. */
function moduleOfFrom(
  machine: Machine,
  statement: Statement & { kind: 'importFrom' },
  scope: Scope,
): PyModule | string {
  let name = statement.module;
  if (statement.level > 0) {
    const parts = packageOf(scope.module).split('.').filter(Boolean);
    const base = parts.slice(0, parts.length - (statement.level - 1));
    name = [...base, statement.module].filter(Boolean).join('.');
    if (name === '') name = '.';
  }
  return loadModule(machine, name, scope.module) ?? name;
}

export function bindImportFrom(machine: Machine, statement: Statement & { kind: 'importFrom' }, scope: Scope): void {
  const source = moduleOfFrom(machine, statement, scope);
  if (typeof source === 'string') meetAbsence(machine, source);
  if (statement.names === '*') {
    if (typeof source === 'string') return;
    for (const name of source.scope.lazy?.statementsByName.keys() ?? []) {
      if (name.startsWith('_')) continue;
      const value = moduleName(machine, source, name);
      if (value !== undefined) scope.names.set(name, value);
    }
    return;
  }
  for (const { name, as } of statement.names) {
    if (typeof source !== 'string') {
      if (
        machine.importGuards.length > 0 &&
        isClosed(source) &&
        moduleName(machine, source, name) === undefined &&
        loadModule(machine, `${source.name}.${name}`, source) === null
      )
        meetAbsence(machine, name, { isThere: false, condition: null });
      scope.names.set(as ?? name, moduleAttribute(machine, source, name));
      continue;
    }
    const outside = externalModule(source);
    const module = loadModule(machine, `${source}.${name}`, scope.module);
    const grafted = machine.graftedByPath.get(`${source}.${name}`);
    scope.names.set(
      as ?? name,
      module ?? grafted ?? machine.host.attribute(machine, outside, name) ?? externalMember(outside, name),
    );
  }
}
