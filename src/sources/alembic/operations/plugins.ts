/**
 * Operations that the project itself registers with Alembic (`@Operations.register_operation`, the recipe of replaceable
 * objects): the class's method is called as Alembic calls it, and what it invokes is carried out by the implementation that
 * the project registered for its class.
 */
import {
  type Arguments,
  callValue,
  classAttribute,
  isObject,
  type Machine,
  makeModule,
  type PyClass,
  type PyInstance,
  parseCached,
  plain,
  runWhole,
  textOf,
  unknown,
  type Value,
} from '../python/index.ts';
import type { Effects } from './effects.ts';
import { handle } from './handles.ts';

const site = { from: 0, to: 0 };

/** Calls the registered operation; undefined where the project registers none of that name. */
export function callRegistered(machine: Machine, effects: Effects, name: string, args: Arguments): Value | undefined {
  const found = machine.imports.registered.operations.get(name) ?? lookFor(machine, effects, name);
  if (found === undefined) return undefined;
  const method = classAttribute(machine, found.class, found.method);
  return callValue(machine, method, { positional: [handle('@op'), ...args.positional], named: args.named }, site);
}

/** env.py or a package of it loads the module that registers; which one is told by its text. */
function lookFor(machine: Machine, effects: Effects, name: string): { class: PyClass; method: string } | undefined {
  for (const file of effects.modulesWith('register_operation')) {
    const text = machine.host.readFile(file);
    if (text === null || !(text.includes(`"${name}"`) || text.includes(`'${name}'`))) continue;
    const known = [...machine.modules.values()].find((module) => module.file === file);
    const dotted = effects
      .relative(file)
      .replace(/(?:\/__init__)?\.py$/, '')
      .split('/')
      .join('.');
    const module = known ?? makeModule(dotted, file, parseCached(file, text));
    if (!known) {
      module.scope.names.set(
        '__package__',
        file.endsWith('__init__.py') ? dotted : dotted.split('.').slice(0, -1).join('.'),
      );
      machine.modules.set(dotted, module);
    }
    runWhole(machine, module);
    const found = machine.imports.registered.operations.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What carries out an operation object, of its own class or of the nearest one above; undefined: none is registered. */
export function implementationOf(machine: Machine, operation: PyInstance): Value | undefined {
  for (const base of operation.class.order) {
    if (!isObject(base) || base.kind !== 'class') continue;
    const found = machine.imports.registered.implementations.get(base);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `context.script.get_revision('id').module`: another revision's file as a module. */
export function moduleOfRevision(machine: Machine, effects: Effects, id: Value): Value {
  const name = textOf(plain(id));
  const file = name === null ? null : effects.fileOfRevision(name);
  const text = file === null ? null : machine.host.readFile(file);
  if (file === null || text === null) return unknown('a revision that is not known');
  const key = `@revision ${file}`;
  const known = machine.modules.get(key);
  if (known) return known;
  const module = makeModule(
    effects.relative(file).replace(/\.py$/, '').split('/').join('.'),
    file,
    parseCached(file, text),
  );
  machine.modules.set(key, module);
  return module;
}
