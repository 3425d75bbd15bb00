/**
 * Which classes SQLAlchemy maps, and to which table: its own rules (orm/decl_base.py, _scan_attributes and _setup_table), those
 * of Flask-SQLAlchemy (model.py, should_set_tablename and __table_cls__) and of SQLModel (main.py, SQLModelMetaclass).
 */
import type { QualifiedName } from '../../../model/name.ts';
import {
  classAttribute,
  findInClass,
  isObject,
  type Machine,
  type Made,
  type PyClass,
  PyRaise,
  plain,
  reasonOf,
  textOf,
  toItems,
  unknown,
  type Value,
} from '../python/index.ts';
import { companionMixin } from './companion-mixins.ts';
import { asMade, isColumn, isElsewhere, madePath, tableNameOf } from './made.ts';
import { schemaOfMetadata } from './metadata.ts';
import { flagOf } from './read-values.ts';

export type Mapping =
  | { kind: 'none' }
  /** `isPlaced`: whether its schema is known, by `__table_args__` or by the metadata. */
  | { kind: 'table'; name: QualifiedName; arguments: TableArguments; isPlaced: boolean }
  /** `__table__ = Table(…)` */
  | { kind: 'made'; name: QualifiedName; table: Made }
  /** Single-table inheritance: its columns are of that class's table. */
  | { kind: 'heir'; of: PyClass }
  /** It has a table that is not known. */
  | { kind: 'lost'; reason: string };

/** `__table_args__` taken apart. */
export interface TableArguments {
  items: Value[];
  options: Map<string, Value>;
  /** Why they are not known. */
  reason: string | null;
}

const known = new WeakMap<PyClass, Mapping>();

export function mappingOf(machine: Machine, cls: PyClass): Mapping {
  const found = known.get(cls);
  if (found !== undefined) return found;
  // What asks for itself on the way is not mapped yet.
  known.set(cls, { kind: 'none' });
  try {
    const mapping = findMapping(machine, cls);
    known.set(cls, mapping);
    return mapping;
  } catch (error) {
    known.delete(cls);
    throw error;
  }
}

/** A `Table(…)` by its name, in the schema of its metadata where it states none. */
export function nameOfTable(made: Made): QualifiedName | null {
  const name = tableNameOf(made);
  return name === null ? null : { ...name, schema: name.schema ?? schemaOfTable(made) };
}

const isMapped = (machine: Machine, cls: PyClass): boolean => mappingOf(machine, cls).kind !== 'none';

export const hasInheritedTable = (machine: Machine, cls: PyClass): boolean =>
  cls.order.slice(1).some((base) => isClass(base) && isMapped(machine, base));

/** The table that a mapped class's columns are in. */
export function tableOfClass(machine: Machine, cls: PyClass): QualifiedName | null {
  const mapping = mappingOf(machine, cls);
  if (mapping.kind === 'heir') return tableOfClass(machine, mapping.of);
  return mapping.kind === 'table' || mapping.kind === 'made' ? mapping.name : null;
}

/** What a class brings to its own table, the nearest first: without what its mapped parents have already. */
export function ownBases(machine: Machine, cls: PyClass): Value[] {
  const parents = cls.order.slice(1).filter((base) => isClass(base) && isMapped(machine, base)) as PyClass[];
  const theirs = new Set(parents.flatMap((parent) => parent.order));
  return cls.order.filter((base) => base === cls || !theirs.has(base));
}

/** The base that the models derive from: never mapped itself, though its `__tablename__` names theirs. */
export function isDeclarativeBase(cls: PyClass): boolean {
  return (
    cls.attributes.has('@base') ||
    cls.attributes.has('@mixin') ||
    cls.bases.some((base) => isOutside(base, /^sqlalchemy\.orm\.DeclarativeBase(?:NoMeta)?$/))
  );
}

export const isSqlModel = (cls: PyClass): boolean =>
  cls.order.some((base) => isOutside(base, /^sqlmodel\.(?:\w+\.)*SQLModel$/));

const isFlaskModel = (cls: PyClass): boolean =>
  cls.order.some((base) => isOutside(base, /^flask_sqlalchemy\.(?:\w+\.)*Model$/));

function isOutside(base: Value, path: RegExp): boolean {
  return isObject(base) && base.kind === 'external' && path.test(base.path);
}

function isClass(value: Value): value is PyClass {
  return isObject(value) && value.kind === 'class';
}

/** Bases outside the project by which no class is mapped: of Python, of Pydantic, SQLAlchemy's mixins. */
const notDeclarative =
  /^(?:typing|typing_extensions|abc|enum|pydantic|dataclasses|collections|builtins|flask_login)\.|^sqlalchemy\.(?:orm\.MappedAsDataclass$|ext\.(?!automap\.))/;

/** Some other base that is no plain class of the project may be declarative. */
function canBeMapped(cls: PyClass): boolean {
  if (cls.attributes.has('@mapped')) return true;
  return cls.order
    .slice(1)
    .some((base) =>
      isClass(base)
        ? base.attributes.has('@base')
        : !isOutside(base, notDeclarative) &&
          !(
            isObject(base) &&
            base.kind === 'builtin' &&
            /^(?:object|dict|list|tuple|set|str|int|type)$/.test(base.name)
          ),
    );
}

function findMapping(machine: Machine, cls: PyClass): Mapping {
  if (isDeclarativeBase(cls) || !canBeMapped(cls)) return { kind: 'none' };
  if (plain(cls.attributes.get('__abstract__') ?? null) === true) return { kind: 'none' };
  const parent = cls.order.slice(1).find((base): base is PyClass => isClass(base) && isMapped(machine, base));
  // SQLModel makes a table of a class that says so, and none of those that derive from it.
  if (isSqlModel(cls) && (parent !== undefined || cls.keywords.get('table') !== true)) return { kind: 'none' };
  const made = asMade(cls.attributes.get('__table__'));
  if (made !== null) {
    const name = nameOfTable(made);
    return name === null
      ? { kind: 'lost', reason: `${cls.name} has a table that could not be read` }
      : { kind: 'made', name, table: made };
  }
  const name = tableNameOfClass(machine, cls);
  const inherited: Mapping = parent === undefined ? { kind: 'none' } : { kind: 'heir', of: parent };
  if (name === null) return inherited;
  const text = textOf(name);
  if (text === null)
    return { kind: 'lost', reason: `the name of the table of ${cls.name} is not known: ${reasonOf(name)}` };
  const given = tableArguments(machine, cls);
  if (parent !== undefined && isFlaskModel(cls) && !hasOwnKey(machine, cls, given)) return inherited;
  const stated = plain(given.options.get('schema') ?? null);
  if (stated === null) {
    const schema = schemaOfMetadata(cls);
    const isPlaced = schema !== undefined && (schema !== null || given.reason === null);
    return { kind: 'table', name: { schema: schema ?? null, name: text }, arguments: given, isPlaced };
  }
  const schema = textOf(stated);
  if (schema === null && !isOutside(stated, /\.BLANK_SCHEMA$/))
    return { kind: 'lost', reason: `${cls.name}: the schema of its table ${text} is not known` };
  return { kind: 'table', name: { schema, name: text }, arguments: given, isPlaced: true };
}

/** Of a Table that states none. */
function schemaOfTable(made: Made): string | null {
  return schemaOfMetadata(made.positional[1] ?? made.named.get('metadata') ?? null) ?? null;
}

/** Stated by it, by a mixin or an abstract base, or derived as SQLModel and Flask-SQLAlchemy derive it; null: it has none. */
function tableNameOfClass(machine: Machine, cls: PyClass): Value {
  for (const base of cls.order) {
    if (!isClass(base)) {
      const ofMixin = isObject(base) && base.kind === 'external' ? companionMixin(base.path)?.tableName : undefined;
      if (ofMixin !== undefined) return ofMixin;
    } else if (isOwn(machine, cls, base, '__tablename__')) return attributeOf(machine, cls, '__tablename__');
  }
  if (isSqlModel(cls)) return cls.name.toLowerCase();
  if (!isFlaskModel(cls)) return null;
  return cls.name
    .replace(/((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))/g, '_$1')
    .toLowerCase()
    .replace(/^_+/, '');
}

/** What a mapped class states is its own alone, unless a `declared_attr` states it for each that derives from it. */
function isOwn(machine: Machine, cls: PyClass, base: PyClass, name: string): boolean {
  const stated = base.attributes.get(name);
  if (stated === undefined) return false;
  return base === cls || (isObject(stated) && stated.kind === 'property') || !isMapped(machine, base);
}

function attributeOf(machine: Machine, cls: PyClass, name: string): Value {
  try {
    return plain(classAttribute(machine, cls, name));
  } catch (error) {
    if (error instanceof PyRaise) return unknown(`${cls.name}.${name}`);
    throw error;
  }
}

function tableArguments(machine: Machine, cls: PyClass): TableArguments {
  const result: TableArguments = { items: [], options: new Map(), reason: null };
  if (!cls.order.some((base) => isClass(base) && isOwn(machine, cls, base, '__table_args__'))) return result;
  const stated = attributeOf(machine, cls, '__table_args__');
  if (stated === null) return result;
  const isDictionary = isObject(stated) && stated.kind === 'dict';
  const items = isDictionary ? [stated] : toItems(machine, stated);
  if (items === null) return { ...result, reason: reasonOf(stated) };
  for (const item of items) {
    const part = plain(item);
    if (isObject(part) && part.kind === 'dict') {
      for (const [key, value] of part.map.values()) if (typeof key === 'string') result.options.set(key, value);
    } else if (!isElsewhere(asMade(item))) result.items.push(item);
  }
  return result;
}

/** Flask-SQLAlchemy gives a class a table beside its parent's where it has a key of its own. */
function hasOwnKey(machine: Machine, cls: PyClass, given: TableArguments): boolean {
  return (
    given.items.some((item) => madePath(item) === 'sa.PrimaryKeyConstraint') ||
    ownBases(machine, cls).some(
      (base) =>
        isClass(base) &&
        [...base.attributes].some(([name, value]) => {
          const isDeclared = isObject(value) && value.kind === 'property' && value.how === 'declared';
          const column = isDeclared && !name.startsWith('__') ? attributeOf(machine, cls, name) : value;
          return isColumn(column) && flagOf(asMade(column)?.named.get('primary_key')) === true;
        }),
    )
  );
}

/** Flask-SQLAlchemy's `__bind_key__`: the name of the other database that a class is in. */
export function bindOf(cls: PyClass): string | null {
  return textOf(findInClass(cls, '__bind_key__') ?? null);
}
