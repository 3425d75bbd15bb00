/**
 * `class …:` statements: bases in Python's order, the body run, enums given their members, named tuples their fields.
 */
import type { Statement } from './ast.ts';
import { findInClass } from './attributes.ts';
import { callValue, decorate } from './calls.ts';
import { newList, toItems } from './containers.ts';
import { evaluate } from './expressions.ts';
import { declare, type Machine, type Site } from './machine.ts';
import { newScope, type Scope } from './scope.ts';
import { execute } from './statements.ts';
import {
  isObject,
  isUnknown,
  type PyClass,
  type PyInstance,
  type PyModule,
  plain,
  remember,
  textOf,
  type Value,
} from './values.ts';

export const enumBases = new Set([
  'enum.Enum',
  'enum.IntEnum',
  'enum.StrEnum',
  'enum.Flag',
  'enum.IntFlag',
  'strenum.StrEnum',
]);

export function makeClass(machine: Machine, statement: Statement & { kind: 'class' }, scope: Scope): Value {
  const bases: Value[] = [];
  const keywords = new Map<string, Value>();
  for (const arg of statement.args) {
    const value = plain(evaluate(machine, arg.value, scope));
    if (arg.kind === 'named' && arg.name) keywords.set(arg.name, value);
    else
      bases.push(
        isObject(value) && value.kind === 'operated' && value.operator === '[]' ? (value.operands[0] ?? value) : value,
      );
  }
  const cls = newClass(statement.name, bases, keywords, scope.module, statement);
  const body = newScope('class', scope, scope.module);
  body.class = cls;
  body.names = cls.attributes;
  cls.attributes.set('__name__', statement.name);
  // Members refer to each other by value while the body runs.
  execute(machine, statement.body, body);
  cls.attributes.delete('__name__');
  finishClass(machine, cls);
  let value: Value = cls;
  for (const decorator of [...statement.decorators].reverse())
    value = decorate(machine, evaluate(machine, decorator, scope), value, statement);
  return value;
}

export function newClass(
  name: string,
  bases: Value[],
  keywords: Map<string, Value>,
  module: PyModule | null,
  { from, to }: Site,
): PyClass {
  const cls: PyClass = {
    kind: 'class',
    name,
    module,
    bases,
    order: [],
    attributes: new Map(),
    annotations: new Map(),
    keywords,
    members: null,
    fields: null,
    from,
    to,
  };
  cls.order = linearise(cls);
  return cls;
}

/** `type(name, bases, attributes)`; undefined where that cannot be followed. */
export function classOfParts(machine: Machine, [name, bases, attributes]: Value[]): PyClass | undefined {
  const text = textOf(name ?? null);
  const parents = toItems(machine, bases ?? null);
  const body = plain(attributes ?? null);
  const frame = machine.frames[machine.frames.length - 1];
  if (text === null || parents === null || !frame || !isObject(body) || body.kind !== 'dict' || body.unknown) return;
  const cls = newClass(text, parents.map(plain), new Map(), frame.module, frame.statement);
  for (const [key, value] of body.map.values()) if (typeof key === 'string') cls.attributes.set(key, value);
  finishClass(machine, cls);
  return cls;
}

function finishClass(machine: Machine, cls: PyClass): void {
  if (isEnumClass(cls)) {
    const generate = findInClass(cls, '_generate_next_value_');
    makeMembers(cls, (name, count) =>
      generate === undefined
        ? undefined
        : callValue(
            machine,
            unwrapStatic(generate),
            { positional: [name, 1, count, newList(machine)], named: new Map() },
            cls,
          ),
    );
  }
  nameColumns(cls);
  const isTuple = cls.order.some(
    (base) =>
      isObject(base) &&
      base.kind === 'external' &&
      (base.path === 'typing.NamedTuple' || base.path === 'pydantic.BaseModel'),
  );
  cls.fields = isTuple ? [...cls.annotations.keys()] : inheritedFields(cls);
  tellParent(machine, cls);
  declare(machine, cls);
}

/** `__init_subclass__` of the nearest class behind it, which Python calls with each new class. */
function tellParent(machine: Machine, cls: PyClass): void {
  for (const base of cls.order.slice(1)) {
    const hook = isObject(base) && base.kind === 'class' ? base.attributes.get('__init_subclass__') : undefined;
    if (hook === undefined) continue;
    callValue(machine, unwrapStatic(hook), { positional: [cls], named: cls.keywords }, cls);
    return;
  }
}

const unwrapStatic = (value: Value): Value => (isObject(value) && value.kind === 'property' ? value.function : value);

/** `id = Column(…)`: the column's name is the attribute's, for whoever refers to it as `Model.id` or inside the class. */
function nameColumns(cls: PyClass): void {
  for (const [name, value] of cls.attributes) {
    if (!isObject(value) || value.kind !== 'made' || !/(^|\.)(Column|mapped_column|Field)$/.test(value.path)) continue;
    if (!value.attributes.has('@name')) remember(value, '@name', name);
    remember(value, '@class', cls);
  }
}

function inheritedFields(cls: PyClass): string[] | null {
  const isModel = cls.order.some(
    (base) => isObject(base) && base.kind === 'external' && base.path === 'pydantic.BaseModel',
  );
  return isModel ? [...cls.annotations.keys()] : null;
}

/** C3 linearisation; classes that Python would refuse are laid depth first. */
export function linearise(cls: PyClass): Value[] {
  const lists = cls.bases.map((base) => (isObject(base) && base.kind === 'class' ? [...base.order] : [base]));
  lists.push([...cls.bases]);
  const order: Value[] = [cls];
  for (;;) {
    const open = lists.filter((list) => list.length > 0);
    if (open.length === 0) return order;
    const good = open
      .map((list) => list[0] as Value)
      .find((candidate) => !open.some((list) => list.slice(1).some((one) => same(one, candidate))));
    const next = good === undefined ? (open[0]?.[0] as Value) : good;
    order.push(next);
    for (const list of lists) {
      const at = list.findIndex((one) => same(one, next));
      if (at === 0 || (good === undefined && at > 0)) list.splice(at, 1);
    }
  }
}

function same(a: Value, b: Value): boolean {
  if (a === b) return true;
  return (
    isObject(a) &&
    isObject(b) &&
    ((a.kind === 'external' && b.kind === 'external' && a.path === b.path) ||
      (a.kind === 'builtin' && b.kind === 'builtin' && a.name === b.name))
  );
}

export function isEnumClass(cls: PyClass): boolean {
  return cls.order.some((base) => isObject(base) && base.kind === 'external' && enumBases.has(base.path));
}

export function makeMembers(cls: PyClass, next?: (name: string, count: number) => Value | undefined): void {
  const members: PyInstance[] = [];
  const isText = cls.order.some((base) => isObject(base) && base.kind === 'external' && /StrEnum$/.test(base.path));
  const ownNames = [...cls.attributes.keys()];
  let last = 0;
  for (const name of ownNames) {
    let value = cls.attributes.get(name) as Value;
    if (
      name.startsWith('_') ||
      (isObject(value) && (value.kind === 'function' || value.kind === 'property' || value.kind === 'class'))
    )
      continue;
    const bare = plain(value);
    if (isObject(bare) && bare.kind === 'made' && bare.path === 'enum.auto')
      value = next?.(name, members.length) ?? (isText ? name.toLowerCase() : last + 1);
    if (typeof value === 'number') last = value;
    cls.attributes.delete(name);
    const twin = members.find((member) => !isUnknown(value) && member.attributes.get('_value_') === value);
    if (twin) {
      cls.attributes.set(name, twin);
      continue;
    }
    members.push({
      kind: 'instance',
      class: cls,
      attributes: new Map<string, Value>([
        ['_name_', name],
        ['_value_', value],
      ]),
      made: null,
    });
  }
  cls.members = members;
}
