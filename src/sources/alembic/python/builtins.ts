/**
 * Python's builtins: functions, types and the exceptions with their order.
 * Longer than most files here: one entry for each builtin.
 */
import { getAttribute, setAttribute } from './attributes.ts';
import { callMethod, callValue, raiseBuiltin } from './calls.ts';
import { classOfParts } from './classes.ts';
import { newDict, newList, newSet, setKey, toItems } from './containers.ts';
import { describe, reasonOf } from './expressions.ts';
import { formatValue, reprOf, textForm } from './formatting.ts';
import type { Machine } from './machine.ts';
import { sortItems } from './methods.ts';
import { binary, isTrue, ordered } from './operators.ts';
import { openAt, pathText } from './paths.ts';
import {
  type Arguments,
  assumed,
  conditionOf,
  ellipsis,
  float,
  integerOf,
  isObject,
  isUnknown,
  type PyClass,
  plain,
  textOf,
  tuple,
  unknown,
  type Value,
} from './values.ts';

const exceptionParents: Record<string, string | null> = {
  BaseException: null,
  Exception: 'BaseException',
  SystemExit: 'BaseException',
  KeyboardInterrupt: 'BaseException',
  ArithmeticError: 'Exception',
  ZeroDivisionError: 'ArithmeticError',
  AssertionError: 'Exception',
  AttributeError: 'Exception',
  LookupError: 'Exception',
  IndexError: 'LookupError',
  KeyError: 'LookupError',
  NameError: 'Exception',
  NotImplementedError: 'RuntimeError',
  OSError: 'Exception',
  FileNotFoundError: 'OSError',
  IOError: 'OSError',
  ImportError: 'Exception',
  ModuleNotFoundError: 'ImportError',
  RuntimeError: 'Exception',
  StopIteration: 'Exception',
  TypeError: 'Exception',
  ValueError: 'Exception',
  UnicodeDecodeError: 'ValueError',
  Warning: 'Exception',
  UserWarning: 'Warning',
  DeprecationWarning: 'Warning',
};
const exceptionClasses = new Map<string, PyClass>();

export function builtinException(name: string): PyClass {
  const known = exceptionClasses.get(name);
  if (known) return known;
  const parentName = name in exceptionParents ? exceptionParents[name] : 'Exception';
  const parent = parentName ? builtinException(parentName) : null;
  const cls: PyClass = {
    kind: 'class',
    name,
    module: null,
    bases: parent ? [parent] : [],
    order: [],
    attributes: new Map(),
    annotations: new Map(),
    keywords: new Map(),
    members: null,
    fields: null,
    from: 0,
    to: 0,
  };
  cls.order = [cls, ...(parent?.order ?? [])];
  exceptionClasses.set(name, cls);
  return cls;
}

type Builtin = (machine: Machine, args: Value[], named: ReadonlyMap<string, Value>) => Value;

const first = (args: Value[]): Value => args[0] ?? null;
const lostItems = (value: Value): Value => unknown(reasonOf(value));

function withItems(build: (machine: Machine, items: Value[], named: ReadonlyMap<string, Value>) => Value): Builtin {
  return (machine, args, named) => {
    const items = toItems(machine, first(args));
    if (items === null) return lostItems(first(args));
    const condition = conditionOf(first(args));
    const result = build(machine, items, named);
    return condition === null ? result : assumed(result, condition);
  };
}

function extreme(sign: number): Builtin {
  return (machine, args, named) => {
    const items = args.length === 1 ? toItems(machine, first(args)) : args;
    if (items === null) return lostItems(first(args));
    if (items.length === 0) return named.get('default') ?? raiseBuiltin('ValueError', ['empty sequence']);
    const key = plain(named.get('key') ?? null);
    const by = (item: Value) =>
      key === null ? item : callValue(machine, key, { positional: [item], named: new Map() }, { from: 0, to: 0 });
    let best = items[0] as Value;
    for (const item of items.slice(1)) {
      const order = ordered(by(item), by(best));
      if (order === null) return unknown('an order that is not known');
      if (order * sign > 0) best = item;
    }
    return best;
  };
}

const table: Record<string, Builtin> = {
  len: (machine, args) => {
    const value = first(args);
    const bare = plain(value);
    if (isObject(bare) && bare.kind === 'instance') {
      const own = callMethod(machine, bare, '__len__', []);
      if (own !== undefined) return own;
    }
    const items = toItems(machine, value);
    if (items === null) return lostItems(value);
    const condition = conditionOf(value);
    return condition === null ? items.length : assumed(items.length, condition);
  },
  str: (machine, args) => {
    if (args.length === 0) return '';
    const text = textForm(machine, first(args));
    const condition = conditionOf(first(args));
    if (text === null) return unknown(`the text of ${describe(first(args))}`);
    return condition === null ? text : assumed(text, condition);
  },
  repr: (_machine, args) => reprOf(first(args)) ?? unknown('a repr that is not known'),
  int: (_machine, args) => {
    const bare = plain(first(args));
    const condition = conditionOf(first(args));
    let result: Value = unknown('an int of something that is not known');
    if (args.length === 0) result = 0;
    else if (isUnknown(bare)) return bare;
    else if (typeof bare === 'number' || typeof bare === 'bigint') result = bare;
    else if (typeof bare === 'boolean') result = Number(bare);
    else if (isObject(bare) && bare.kind === 'float') result = Math.trunc(bare.value);
    else {
      const text = textOf(bare);
      const base = integerOf(args[1] ?? 10) ?? 10;
      if (text !== null) {
        const clean = text.trim().replaceAll('_', '');
        const parsed = Number.parseInt(clean, base === 0 ? 10 : base);
        if (!/^[-+]?[0-9a-zA-Z]+$/.test(clean) || Number.isNaN(parsed)) raiseBuiltin('ValueError', [text]);
        result = parsed;
      }
    }
    return condition === null ? result : assumed(result, condition);
  },
  float: (_machine, args) => {
    const bare = plain(first(args));
    if (typeof bare === 'number') return float(bare);
    if (isObject(bare) && bare.kind === 'float') return bare;
    const text = textOf(bare);
    return text !== null && !Number.isNaN(Number(text))
      ? float(Number(text))
      : unknown('a float of something that is not known');
  },
  bool: (machine, args) => {
    const truth = isTrue(machine, first(args));
    const condition = conditionOf(first(args));
    if (truth === null) return lostItems(first(args));
    return condition === null ? truth : assumed(truth, condition);
  },
  list: (machine, args) =>
    args.length === 0 ? newList(machine) : withItems((m, items) => newList(m, [...items]))(machine, args, new Map()),
  tuple: (machine, args) =>
    args.length === 0 ? tuple([]) : withItems((_m, items) => tuple([...items]))(machine, args, new Map()),
  set: (machine, args) =>
    args.length === 0 ? newSet(machine) : withItems((m, items) => newSet(m, items))(machine, args, new Map()),
  frozenset: (machine, args) =>
    args.length === 0 ? newSet(machine) : withItems((m, items) => newSet(m, items))(machine, args, new Map()),
  dict: (machine, args, named) => {
    const dict = newDict(machine);
    const source = plain(first(args));
    if (isObject(source) && source.kind === 'dict') {
      for (const [key, pair] of source.map) dict.map.set(key, pair);
      dict.unknown = source.unknown;
    } else if (source !== null) {
      const items = toItems(machine, source);
      if (items === null) return lostItems(source);
      for (const item of items) {
        const pair = toItems(machine, item);
        if (pair?.length === 2) setKey(dict, pair[0] as Value, pair[1] as Value);
      }
    }
    for (const [key, value] of named) setKey(dict, key, value);
    return dict;
  },
  range: (_machine, args) => {
    const numbers = args.map(integerOf);
    if (numbers.some((number) => number === null)) return unknown('a range with bounds that are not known');
    const [a = 0, b, c] = numbers as number[];
    if (c === 0) raiseBuiltin('ValueError', ['range() arg 3 must not be zero']);
    return b === undefined
      ? { kind: 'range', start: 0, stop: a, step: 1 }
      : { kind: 'range', start: a, stop: b, step: c ?? 1 };
  },
  enumerate: (machine, args, named) => {
    const from = integerOf(args[1] ?? named.get('start') ?? 0) ?? 0;
    return withItems((m, items) =>
      newList(
        m,
        items.map((item, at) => tuple([at + from, item])),
      ),
    )(machine, args, named);
  },
  zip: (machine, args) => {
    const lists = args.map((arg) => toItems(machine, arg));
    if (lists.some((list) => list === null)) return unknown('a zip of what is not known');
    const size = lists.length === 0 ? 0 : Math.min(...lists.map((list) => (list as Value[]).length));
    return newList(
      machine,
      Array.from({ length: size }, (_, at) => tuple(lists.map((list) => (list as Value[])[at] as Value))),
    );
  },
  sorted: (machine, args, named) =>
    withItems((m, items) => {
      const sorted = sortItems(m, items, named);
      return sorted === null ? unknown('an order that is not known') : newList(m, sorted);
    })(machine, args, named),
  reversed: withItems((machine, items) => newList(machine, [...items].reverse())),
  map: (machine, args) => {
    const lists = args.slice(1).map((arg) => toItems(machine, arg));
    if (lists.length === 0 || lists.some((list) => list === null)) return unknown('a map over what is not known');
    const size = Math.min(...lists.map((list) => (list as Value[]).length));
    return newList(
      machine,
      Array.from({ length: size }, (_, at) =>
        callValue(
          machine,
          first(args),
          { positional: lists.map((list) => (list as Value[])[at] as Value), named: new Map() },
          { from: 0, to: 0 },
        ),
      ),
    );
  },
  filter: (machine, args) => {
    const items = toItems(machine, args[1] ?? null);
    if (items === null) return lostItems(args[1] ?? null);
    const kept: Value[] = [];
    for (const item of items) {
      const truth = isTrue(
        machine,
        plain(first(args)) === null
          ? item
          : callValue(machine, first(args), { positional: [item], named: new Map() }, { from: 0, to: 0 }),
      );
      if (truth === null) return unknown('a filter that nobody can decide');
      if (truth) kept.push(item);
    }
    return newList(machine, kept);
  },
  any: (machine, args) => quantify(machine, args, true),
  all: (machine, args) => quantify(machine, args, false),
  sum: (machine, args) =>
    withItems((m, items) => items.reduce((total: Value, item) => binary(m, '+', total, item), args[1] ?? 0))(
      machine,
      args,
      new Map(),
    ),
  min: extreme(-1),
  max: extreme(1),
  abs: (_machine, args) => {
    const number = integerOf(first(args));
    return number === null ? lostItems(first(args)) : Math.abs(number);
  },
  round: (_machine, args) => {
    const bare = plain(first(args));
    return isObject(bare) && bare.kind === 'float' ? Math.round(bare.value) : bare;
  },
  divmod: (machine, args) =>
    tuple([binary(machine, '//', first(args), args[1] ?? null), binary(machine, '%', first(args), args[1] ?? null)]),
  chr: (_machine, args) => String.fromCodePoint(Math.min(Math.max(integerOf(first(args)) ?? 0, 0), 0x10ffff)),
  ord: (_machine, args) => (textOf(first(args)) ?? ' ').codePointAt(0) ?? 0,
  hex: (_machine, args) => `0x${(integerOf(first(args)) ?? 0).toString(16)}`,
  format: (machine, args) =>
    formatValue(machine, first(args), null, textOf(args[1] ?? '') ?? '') ?? unknown('a text that is not known'),
  iter: (_machine, args) => first(args),
  next: (machine, args) => {
    const items = toItems(machine, first(args));
    if (items === null) return lostItems(first(args));
    const bare = plain(first(args));
    if (items.length === 0) return args.length > 1 ? (args[1] as Value) : raiseBuiltin('StopIteration', []);
    if (isObject(bare) && bare.kind === 'list') bare.items.shift();
    return items[0] as Value;
  },
  getattr: (machine, args) => {
    const name = textOf(args[1] ?? null);
    if (name === null) return unknown('an attribute whose name is not known');
    if (args.length < 3) return getAttribute(machine, first(args), name, null);
    try {
      const found = getAttribute(machine, first(args), name, null);
      return isUnknown(plain(found)) && !isUnknown(plain(first(args))) ? (args[2] as Value) : found;
    } catch {
      return args[2] as Value;
    }
  },
  hasattr: (machine, args) => {
    const name = textOf(args[1] ?? null);
    const bare = plain(first(args));
    if (name === null || isUnknown(bare)) return unknown('an attribute that is not known');
    try {
      const found = plain(getAttribute(machine, first(args), name, null));
      if (isObject(found) && found.kind === 'member') return unknown(`whether ${describe(bare)} has ${name}`);
      return !isUnknown(found);
    } catch {
      return false;
    }
  },
  setattr: (machine, args) => {
    const name = textOf(args[1] ?? null);
    if (name !== null) setAttribute(machine, first(args), name, args[2] ?? null);
    return null;
  },
  super: (_machine, args) => {
    const [cls, self] = [first(args), args[1] ?? null].map(plain) as [Value, Value];
    return isObject(cls) && cls.kind === 'class' && self !== null
      ? { kind: 'super', class: cls, self }
      : unknown('super() of a class that is not known');
  },
  isinstance: (machine, args) => isInstance(machine, first(args), args[1] ?? null),
  issubclass: (_machine, args) => {
    const cls = plain(first(args));
    const wanted = plain(args[1] ?? null);
    const options = isObject(wanted) && wanted.kind === 'tuple' ? wanted.items.map(plain) : [wanted];
    if (!isObject(cls) || cls.kind !== 'class') return unknown('whether something is a subclass');
    return options.some(
      (option) =>
        cls.order.includes(option) ||
        (isObject(option) &&
          option.kind === 'external' &&
          cls.order.some((base) => isObject(base) && base.kind === 'external' && base.path === option.path)),
    );
  },
  callable: (_machine, args) => {
    const bare = plain(first(args));
    return isObject(bare) && ['function', 'builtin', 'bound', 'class'].includes(bare.kind);
  },
  type: (machine, args) => {
    if (args.length === 3) return classOfParts(machine, args) ?? unknown('a class whose parts are not known');
    const bare = plain(first(args));
    if (isObject(bare) && bare.kind === 'instance') return bare.class;
    return unknown('a type');
  },
  id: () => unknown('an id'),
  hash: () => unknown('a hash'),
  print: () => null,
  input: () => unknown('what somebody types'),
  open: (machine, args) => {
    const path = pathText(first(args));
    return path === null ? unknown('a file whose name is not known') : openAt(machine, path);
  },
  exec: (machine) => {
    machine.host.unreadable(machine, 'exec() of a text', []);
    return null;
  },
  eval: () => unknown('eval() of a text'),
  object: () => unknown('an object'),
  bytes: (_machine, args) => ({ kind: 'bytes', text: textOf(first(args)) ?? '' }),
  globals: () => unknown('globals()'),
  __import__: (machine) => {
    machine.host.unreadable(machine, '__import__() of a name', []);
    return unknown('__import__()');
  },
  slice: (_machine, args) => ({
    kind: 'operated',
    operator: 'slice',
    operands: args.length === 1 ? [null, first(args), null] : [first(args), args[1] ?? null, args[2] ?? null],
  }),
};

function quantify(machine: Machine, args: Value[], wanted: boolean): Value {
  const items = toItems(machine, first(args));
  if (items === null) return lostItems(first(args));
  let condition = conditionOf(first(args));
  let undecided: Value | null = null;
  let result = !wanted;
  for (const item of items) {
    const truth = isTrue(machine, item);
    condition ??= conditionOf(item);
    if (truth === null) undecided ??= item;
    else if (truth === wanted) {
      result = wanted;
      undecided = null;
      break;
    }
  }
  if (undecided !== null) return lostItems(undecided);
  return condition === null ? result : assumed(result, condition);
}

const isConstraint = /^(PrimaryKey|ForeignKey|Unique|Check|Exclude)Constraint$/;
const apart = /^((PrimaryKey|ForeignKey|Unique|Check|Exclude)Constraint|Index|Column|Table|ForeignKey)$/;

/** Type classes of SQLAlchemy, each with those that it is one of (sql/sqltypes.py, dialects/postgresql). */
const typeParents: Record<string, string> = Object.fromEntries(
  Object.entries({
    String: 'VARCHAR CHAR NCHAR NVARCHAR Text Unicode Enum AutoString',
    Text: 'TEXT CLOB UnicodeText',
    Enum: 'ENUM',
    Integer: 'INTEGER BigInteger SmallInteger',
    BigInteger: 'BIGINT',
    SmallInteger: 'SMALLINT',
    Numeric: 'NUMERIC DECIMAL Float',
    Float: 'FLOAT REAL Double',
    Double: 'DOUBLE DOUBLE_PRECISION',
    DateTime: 'DATETIME TIMESTAMP',
    Date: 'DATE',
    Time: 'TIME',
    Boolean: 'BOOLEAN',
    JSON: 'JSONB',
    LargeBinary: 'BLOB BYTEA',
    Uuid: 'UUID',
    TypeEngine:
      'String Integer Numeric DateTime Date Time Boolean JSON LargeBinary Uuid ARRAY INTERVAL Interval TSVECTOR INET',
  }).flatMap(([parent, children]) => children.split(' ').map((child) => [child, parent])),
);

function isTypeOf(own: string, asked: string): boolean | null {
  if (!Object.hasOwn(typeParents, own) || !(Object.hasOwn(typeParents, asked) || asked === 'TypeEngine')) return null;
  for (let at: string | undefined = own; at !== undefined; at = typeParents[at]) if (at === asked) return true;
  return false;
}

function isInstance(machine: Machine, value: Value, type: Value): Value {
  const bare = plain(value);
  const wanted = plain(type);
  if (isUnknown(bare) || isUnknown(wanted)) return unknown('the type of something that is not known');
  if (isObject(wanted) && (wanted.kind === 'tuple' || (wanted.kind === 'operated' && wanted.operator === '|'))) {
    const options = wanted.kind === 'tuple' ? wanted.items : wanted.operands;
    let undecided = false;
    for (const option of options) {
      const one = isInstance(machine, value, option);
      if (one === true) return true;
      if (one !== false) undecided = true;
    }
    return undecided ? unknown('the type of something that is not known') : false;
  }
  if (!isObject(wanted)) return bare === wanted;
  if (wanted.kind === 'builtin') {
    switch (wanted.name) {
      case 'str':
        return textOf(bare) !== null;
      case 'int':
        return typeof bare === 'number' || typeof bare === 'bigint' || typeof bare === 'boolean';
      case 'bool':
        return typeof bare === 'boolean';
      case 'float':
        return isObject(bare) && bare.kind === 'float';
      case 'list':
      case 'tuple':
      case 'dict':
      case 'set':
      case 'bytes':
        return isObject(bare) && bare.kind === wanted.name;
      default:
        return unknown('the type of something that is not known');
    }
  }
  if (!isObject(bare)) return false;
  if (bare.kind === 'instance')
    return bare.class.order.some(
      (base) =>
        base === wanted ||
        (isObject(base) && wanted.kind === 'external' && base.kind === 'external' && base.path === wanted.path),
    );
  if (wanted.kind === 'external' && (bare.kind === 'made' || bare.kind === 'external')) {
    const [own, asked] = [bare.path.split('.').pop() ?? '', wanted.path.split('.').pop() ?? ''];
    if (bare.kind === 'made' && own === asked) return true;
    if (bare.kind === 'made' && isConstraint.test(own) && asked === 'Constraint') return true;
    const isType = bare.kind === 'made' ? isTypeOf(own, asked) : null;
    if (isType !== null) return isType;
    // Classes of which none is another's.
    if (
      bare.kind === 'made' &&
      (apart.test(own) || asked === 'NullType') &&
      (apart.test(asked) || asked === 'NullType')
    )
      return false;
    return unknown(`whether ${describe(bare)} is a ${wanted.path}`);
  }
  if (wanted.kind === 'class' && wanted.name === 'type') return bare.kind === 'class';
  return false;
}

const builtinsByMachine = new WeakMap<Machine, Map<string, Value>>();

/** What a name means that nothing in Python binds; undefined: nothing. */
export function builtin(machine: Machine, name: string): Value | undefined {
  let known = builtinsByMachine.get(machine);
  if (known === undefined) {
    known = new Map();
    builtinsByMachine.set(machine, known);
  }
  let value = known.get(name);
  if (value === undefined) {
    value = makeBuiltin(machine, name);
    if (value !== undefined) known.set(name, value);
  }
  return value;
}

function makeBuiltin(machine: Machine, name: string): Value | undefined {
  if (Object.hasOwn(exceptionParents, name)) return builtinException(name);
  const body = Object.hasOwn(table, name) ? table[name] : undefined;
  if (body !== undefined)
    return { kind: 'builtin', name, call: (args: Arguments) => body(machine, args.positional, args.named) };
  switch (name) {
    case 'Ellipsis':
      return ellipsis;
    case 'NotImplemented':
      return unknown('NotImplemented');
    case '__debug__':
      return true;
    case 'property':
    case 'staticmethod':
    case 'classmethod':
      return { kind: 'external', path: name };
    default:
      return undefined;
  }
}
