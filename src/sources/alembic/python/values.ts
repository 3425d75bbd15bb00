/**
 * The values of the evaluator: Python's own as far as migrations use them, and three that Python does not have:
 * Unknown (with its reason), Assumed (a value that hangs on rows or the environment, with the condition), and the symbolic
 * ones that stand for what libraries outside the project would make (`External`, `Made`, `Member`, `Operated`).
 * int is number (bigint beyond 2^53), str is string, None is null; everything else is an object with a `kind`.
 */
import type { Expression, FunctionSyntax, Parameter } from './ast.ts';
import type { Scope } from './scope.ts';

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyFloat
  | PyBytes
  | PyList
  | PyTuple
  | PySet
  | PyDict
  | PyRange
  | PyFunction
  | PyBuiltin
  | PyBound
  | PyClass
  | PyInstance
  | PyModule
  | PyPath
  | PyEllipsis
  | PyProperty
  | PySuper
  | External
  | Made
  | Member
  | Operated
  | Unknown
  | Assumed;

export interface PyFloat {
  kind: 'float';
  value: number;
}
export interface PyBytes {
  kind: 'bytes';
  text: string;
}
/** `frozenAt`: how many undecided branches enclosed its making; a change deeper in makes its content unknown. */
interface Container {
  madeAt: number;
  unknown: Unknown | null;
  /** Under another assumption it would hold something else. */
  condition?: string;
}
export interface PyList extends Container {
  kind: 'list';
  items: Value[];
}
export interface PyTuple {
  kind: 'tuple';
  items: Value[];
  /** namedtuple: names of the fields. */
  fields?: string[];
}
export interface PySet extends Container {
  kind: 'set';
  map: Map<string, Value>;
}
export interface PyDict extends Container {
  kind: 'dict';
  map: Map<string, [Value, Value]>;
  /** defaultdict. */
  factory?: Value;
}
export interface PyRange {
  kind: 'range';
  start: number;
  stop: number;
  step: number;
}
export interface PyFunction {
  kind: 'function';
  name: string;
  syntax: FunctionSyntax | { parameters: Parameter[]; expression: Expression; from: number; to: number };
  scope: Scope;
  defaults: Map<string, Value>;
  /** The class it was defined in, for `super()`. */
  owner: PyClass | null;
  attributes: Map<string, Value>;
  isContextManager?: boolean;
}
export interface Arguments {
  positional: Value[];
  named: ReadonlyMap<string, Value>;
}
export interface PyBuiltin {
  kind: 'builtin';
  name: string;
  call: (args: Arguments) => Value;
}
export interface PyBound {
  kind: 'bound';
  self: Value;
  function: PyFunction;
}
export interface PyClass {
  kind: 'class';
  name: string;
  module: PyModule | null;
  bases: Value[];
  /** Linearised: itself first; project classes and externals. */
  order: (PyClass | External | PyBuiltin | Value)[];
  attributes: Map<string, Value>;
  /** Annotated names of the body, in order, unevaluated. */
  annotations: Map<string, { annotation: Expression; scope: Scope; hasValue: boolean; from: number }>;
  keywords: Map<string, Value>;
  members: PyInstance[] | null;
  fields: string[] | null;
  from: number;
  to: number;
}
export interface PyInstance {
  kind: 'instance';
  class: PyClass;
  attributes: Map<string, Value>;
  /** Arguments that a base outside the project was made with. */
  made: Arguments | null;
}
export interface PyModule {
  kind: 'module';
  name: string;
  /** Absolute path. */
  file: string;
  scope: Scope;
}
export interface PyPath {
  kind: 'path';
  path: string;
}
export interface PyEllipsis {
  kind: 'ellipsis';
}
export interface PyProperty {
  kind: 'property';
  how: 'property' | 'static' | 'class' | 'declared';
  function: Value;
}
export interface PySuper {
  kind: 'super';
  class: PyClass;
  self: Value;
}
/** A module, class or function outside the project, by its dotted path. */
export interface External {
  kind: 'external';
  path: string;
  /** Its attributes that were asked for, each one value however often it is asked for. */
  members?: Map<string, External>;
}
/** What calling something outside the project gives. */
export interface Made {
  kind: 'made';
  /** Canonical path of what was called: `sqlalchemy.Column`; methods of made objects: `….method`. */
  path: string;
  /** The object whose method was called. */
  receiver: Value | null;
  positional: Value[];
  named: ReadonlyMap<string, Value>;
  from: number;
  to: number;
  file: string;
  /** Set afterwards, by `remember`: attributes assigned to it, and what the reader of operations remembers of it. */
  attributes: ReadonlyMap<string, Value>;
  /** Its place among all that calls have made. */
  serial?: number;
}
/** An attribute of a made object that nobody computed. */
export interface Member {
  kind: 'member';
  object: Value;
  name: string;
}
/** An operator over symbolic values: `table.c.x == 5`, `Optional[int]` (operator `[]`). */
export interface Operated {
  kind: 'operated';
  operator: string;
  operands: Value[];
}
export interface Unknown {
  kind: 'unknown';
  reason: string;
  /** A text of which only parts are known, with `hole` for the rest. */
  partial?: string;
  /** A setting that has no default, such as an environment variable, by its name for the reader. */
  setting?: string;
  /** One of the project's functions, and nobody knows which: a call of it may do anything. */
  isCode?: true;
}
/** Stands in a partial text for what is not known. */
export const hole = '\uE000';
export interface Assumed {
  kind: 'assumed';
  value: Value;
  condition: string;
}

export const ellipsis: PyEllipsis = { kind: 'ellipsis' };
export const unknown = (reason: string): Unknown => ({ kind: 'unknown', reason });
export const float = (value: number): PyFloat => ({ kind: 'float', value });
export const tuple = (items: Value[]): PyTuple => ({ kind: 'tuple', items });
export const external = (path: string): External => ({ kind: 'external', path });

/** What stands for an object of a library that no call in the file made. */
export const newMade = (path: string, attributes: ReadonlyMap<string, Value> = new Map()): Made => ({
  kind: 'made',
  path,
  receiver: null,
  positional: [],
  named: new Map(),
  from: 0,
  to: 0,
  file: '',
  attributes,
});

export function externalMember(owner: External, name: string): External {
  owner.members ??= new Map();
  let member = owner.members.get(name);
  if (member === undefined) {
    member = external(`${owner.path}.${name}`);
    owner.members.set(name, member);
  }
  return member;
}

const roots = new Map<string, External>();

/** A package or module outside the project: one value, however many files import it. */
export function externalModule(path: string): External {
  let root = roots.get(path);
  if (root === undefined) {
    root = external(path);
    roots.set(path, root);
  }
  return root;
}

/** Of calls without keywords, and of things that nothing is remembered of. */
export const noNames: ReadonlyMap<string, Value> = new Map();

export function remember(made: Made, name: string, value: Value): void {
  if (made.attributes === noNames) made.attributes = new Map();
  (made.attributes as Map<string, Value>).set(name, value);
}
export const assumed = (value: Value, condition: string): Assumed =>
  isObject(value) && value.kind === 'assumed' ? value : { kind: 'assumed', value, condition };

export function isObject(value: Value): value is Exclude<Value, null | boolean | number | bigint | string> {
  return typeof value === 'object' && value !== null;
}
export function kindOf(value: Value): string {
  if (value === null) return 'none';
  return typeof value === 'object' ? value.kind : typeof value;
}
export function isUnknown(value: Value): value is Unknown {
  return isObject(value) && value.kind === 'unknown';
}
export function isSymbolic(value: Value): value is External | Made | Member | Operated {
  return (
    isObject(value) &&
    (value.kind === 'external' || value.kind === 'made' || value.kind === 'member' || value.kind === 'operated')
  );
}
/** The value itself, without the mark of an assumption. */
export function plain(value: Value): Exclude<Value, Assumed> {
  let at = value;
  while (isObject(at) && at.kind === 'assumed') at = at.value;
  return at as Exclude<Value, Assumed>;
}
export function conditionOf(value: Value): string | null {
  if (!isObject(value)) return null;
  if (value.kind === 'assumed') return value.condition;
  return value.kind === 'list' || value.kind === 'dict' || value.kind === 'set' ? (value.condition ?? null) : null;
}

/** A Python exception on its way up. */
export class PyRaise extends Error {
  readonly value: Value;
  constructor(value: Value) {
    super('raised');
    this.value = value;
  }
}
/** `condition`: the assumption by which the import fails, where nothing proves it. */
export class ImportFailure extends PyRaise {
  readonly condition: string | null;
  constructor(value: Value, condition: string | null) {
    super(value);
    this.condition = condition;
  }
}
/** A bound was met: steps, depth, size. Nothing of the revision is read after it. */
export class LimitReached extends Error {}

/** Nested too deep: what was asked for is not known, and the steps left still count. */
export class DepthReached extends LimitReached {}

/** A key for dicts and sets; null where the value cannot be one. Equal values have equal keys (1 == 1.0 == True). */
export function hashKey(value: Value): string | null {
  if (value === null) return 'n';
  if (typeof value === 'string') return `s${value}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `i${value}`;
  if (typeof value === 'boolean') return `i${value ? 1 : 0}`;
  switch (value.kind) {
    case 'float':
      return `i${value.value}`;
    case 'bytes':
      return `b${value.text}`;
    case 'tuple': {
      let key = 't';
      for (const item of value.items) {
        const part = hashKey(item);
        if (part === null) return null;
        key += `${part.length}:${part}`;
      }
      return key;
    }
    case 'path':
      return `p${value.path}`;
    case 'external':
      return `e${value.path}`;
    case 'instance': {
      const text = value.attributes.get('_value_');
      if (text !== undefined && value.class.members !== null)
        return typeof text === 'string' && isTextual(value.class) ? `s${text}` : `o${identity(value)}`;
      return `o${identity(value)}`;
    }
    case 'operated': {
      // `dict[str, Any]` is equal to another of the same parts.
      const parts = value.operator === '[]' ? value.operands.map(hashKey) : [null];
      return parts.includes(null)
        ? `o${identity(value)}`
        : `g${parts.map((part) => `${part?.length}:${part}`).join('')}`;
    }
    case 'unknown':
    case 'assumed':
    case 'list':
    case 'dict':
    case 'set':
      return value.kind === 'assumed' ? hashKey(value.value) : null;
    case 'made': {
      const text = strOfMade(value);
      return text === null ? `o${identity(value)}` : `s${text}`;
    }
    default:
      return `o${identity(value)}`;
  }
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;
function identity(value: object): number {
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, nextIdentity);
  return nextIdentity++;
}

/** Whether a class is a `str` too (`class Mood(str, Enum)`, StrEnum). */
export function isTextual(cls: PyClass): boolean {
  return cls.order.some(
    (base) =>
      isObject(base) &&
      ((base.kind === 'builtin' && base.name === 'str') || (base.kind === 'external' && base.path === 'enum.StrEnum')),
  );
}

/** What is a `str` by inheritance: `op.f(…)`, `conv(…)`, `quoted_name(…)`. */
function strOfMade({ path, positional, named }: Made): string | null {
  if (path !== 'alembic.op.f' && !path.endsWith('.conv') && !path.endsWith('quoted_name')) return null;
  const text = plain(positional[0] ?? named.get('name') ?? named.get('value') ?? null);
  return typeof text === 'string' ? text : null;
}

/** The text of a str, of what is one by inheritance, or of a member of a textual enum; null for all else. */
export function textOf(value: Value): string | null {
  const bare = plain(value);
  if (typeof bare === 'string') return bare;
  if (isObject(bare) && bare.kind === 'made') return strOfMade(bare);
  if (isObject(bare) && bare.kind === 'instance') {
    const inner = bare.attributes.get('_value_');
    if (typeof inner === 'string' && isTextual(bare.class)) return inner;
  }
  return null;
}

export function integerOf(value: Value): number | null {
  const bare = plain(value);
  if (typeof bare === 'number') return bare;
  if (typeof bare === 'boolean') return bare ? 1 : 0;
  if (isObject(bare) && bare.kind === 'instance') {
    const inner = bare.attributes.get('_value_');
    if (typeof inner === 'number') return inner;
  }
  return null;
}
