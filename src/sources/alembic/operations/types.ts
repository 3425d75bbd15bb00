/**
 * SQLAlchemy's types → PostgreSQL's, as SQLAlchemy's PostgreSQL compiler spells them (dialects/postgresql/base.py), and those
 * of its common companions. What cannot be known is a null type with the reason.
 * Longer than most files here: one type after the other.
 */
import type { QualifiedName } from '../../../model/name.ts';
import { canonicalType } from '../../../model/type-name.ts';
import {
  type Arguments,
  callMethod,
  callValue,
  describe,
  findInClass,
  integerOf,
  isEnumClass,
  isObject,
  isUnknown,
  type Machine,
  type PyClass,
  plain,
  reasonOf,
  textOf,
  toItems,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { companionType } from './companion-types.ts';
import { dialect, handle } from './handles.ts';
import { schemaOfMetadata } from './metadata.ts';
import { argument, flagOf, isAbsent, nameOf } from './read-values.ts';

export interface EnumUse {
  name: string | null;
  schema: string | null;
  labels: string[] | null;
  /** Made with the table; false for `postgresql.ENUM(…, create_type=False)` and for an Enum bound to a metadata. */
  createsType: boolean;
  /** `create_type=False` of a plain `sa.Enum`, which SQLAlchemy reads from 2.1 on. */
  wantsNoType: boolean;
  /** It takes the schema of its table. */
  inheritsSchema: boolean;
  isNative: boolean;
  createsCheck: boolean;
}

export interface ReadType {
  /** PostgreSQL's spelling; null where it could not be read, with the reason. */
  type: string | null;
  reason: string | null;
  typeName?: QualifiedName;
  enum?: EnumUse;
  /** `integer`, `smallint`, `bigint`, `numeric`: what SERIAL may come of. */
  integral?: 'integer' | 'smallint' | 'bigint' | 'numeric';
  collation?: string | null;
  isText?: boolean;
  /** A type of GeoAlchemy2 that gives its column an index: plain, over all dimensions, of a raster's hull. */
  spatial?: 'plane' | 'dimensions' | 'raster';
}

export const readable = (sql: string, more: Partial<ReadType> = {}): ReadType => ({
  type: canonicalType(sql),
  reason: null,
  ...more,
});
export const unreadableType = (reason: string): ReadType => ({ type: null, reason });

const plainTypes: Record<string, string> = {
  Text: 'text',
  UnicodeText: 'text',
  TEXT: 'text',
  Date: 'date',
  DATE: 'date',
  LargeBinary: 'bytea',
  BLOB: 'bytea',
  Binary: 'bytea',
  BYTEA: 'bytea',
  PickleType: 'bytea',
  Boolean: 'boolean',
  BOOLEAN: 'boolean',
  JSON: 'json',
  JSONB: 'jsonb',
  UUID: 'uuid',
  INET: 'inet',
  CIDR: 'cidr',
  MACADDR: 'macaddr',
  MACADDR8: 'macaddr8',
  MONEY: 'money',
  HSTORE: 'hstore',
  TSVECTOR: 'tsvector',
  TSQUERY: 'tsquery',
  INT4RANGE: 'int4range',
  INT8RANGE: 'int8range',
  NUMRANGE: 'numrange',
  DATERANGE: 'daterange',
  TSRANGE: 'tsrange',
  TSTZRANGE: 'tstzrange',
  INT4MULTIRANGE: 'int4multirange',
  INT8MULTIRANGE: 'int8multirange',
  NUMMULTIRANGE: 'nummultirange',
  DATEMULTIRANGE: 'datemultirange',
  TSMULTIRANGE: 'tsmultirange',
  TSTZMULTIRANGE: 'tstzmultirange',
  OID: 'oid',
  REGCLASS: 'regclass',
  REGCONFIG: 'regconfig',
  JSONPATH: 'jsonpath',
  CITEXT: 'citext',
  DOUBLE_PRECISION: 'double precision',
  Double: 'double precision',
  DOUBLE: 'double precision',
  REAL: 'real',
  MatchType: 'boolean',
  MATCHTYPE: 'boolean',
  BOOLEANTYPE: 'boolean',
  DATETIME_TIMEZONE: 'timestamp with time zone',
  TIME_TIMEZONE: 'time with time zone',
  XML: 'xml',
};

const integralTypes: Record<string, 'integer' | 'smallint' | 'bigint'> = {
  Integer: 'integer',
  INTEGER: 'integer',
  INT: 'integer',
  SmallInteger: 'smallint',
  SMALLINT: 'smallint',
  BigInteger: 'bigint',
  BIGINT: 'bigint',
  INTEGERTYPE: 'integer',
};

const textTypes: Record<string, string> = {
  String: 'character varying',
  VARCHAR: 'character varying',
  Unicode: 'character varying',
  NVARCHAR: 'character varying',
  CHAR: 'character',
  NCHAR: 'character',
  AutoString: 'character varying',
  STRINGTYPE: 'character varying',
};

const noArguments: Arguments = { positional: [], named: new Map() };

/** Reads a type given as class, as instance, as a project's decorator, or by name. */
export function readType(machine: Machine, value: Value | undefined, depth = 0): ReadType {
  if (value === undefined) return unreadableType('no type is given');
  if (depth > 12) return unreadableType('a type nested too deep');
  const bare = plain(value);
  if (bare === null) return unreadableType('no type is given');
  if (!isObject(bare) || isUnknown(bare))
    return unreadableType(isUnknown(bare) ? `its type is not known: ${bare.reason}` : 'its type is not known');
  switch (bare.kind) {
    case 'external':
      return readNamed(machine, bare.path, noArguments, depth);
    case 'made': {
      // As the schema has it, where a revision asked.
      if (bare.path === '@type') return readable(textOf(bare.positional[0] ?? null) ?? '');
      if (bare.receiver !== null) return readMethod(machine, bare.path, bare.receiver, bare.positional, depth);
      return readNamed(machine, bare.path, { positional: bare.positional, named: bare.named }, depth);
    }
    case 'class':
      return readProjectType(machine, bare, noArguments, null, depth);
    case 'instance':
      return readProjectType(machine, bare.class, bare.made ?? noArguments, bare, depth);
    case 'operated':
      return unreadableType(`its type is not known: ${describe(bare)}`);
    default:
      return unreadableType(`its type is not known: ${reasonOf(bare)}`);
  }
}

function readMethod(machine: Machine, path: string, receiver: Value, positional: Value[], depth: number): ReadType {
  if (path === '.with_variant') {
    const dialects = positional.slice(1).map((dialect) => textOf(dialect));
    if (dialects.includes('postgresql')) return readType(machine, positional[0], depth + 1);
    return readType(machine, receiver, depth + 1);
  }
  if (['.copy', '.adapt', '.as_mutable', '.evaluates_none', '.as_generic', '.as_comparison'].includes(path))
    return readType(machine, path === '.as_mutable' ? positional[0] : receiver, depth + 1);
  return unreadableType(`its type is not known: what ${path.slice(1)}() gives`);
}

function readNamed(machine: Machine, path: string, args: Arguments, depth: number): ReadType {
  if (/\.(as_mutable|associate_with)$/.test(path)) return readType(machine, args.positional[0], depth + 1);
  const canonical = canonicalPath(path);
  if (canonical === null)
    return (
      companionType(machine, path, args, (value) => readType(machine, value, depth + 1)) ??
      unreadableType(`the type ${path} belongs to a library that is not known`)
    );
  const name = canonical.slice(canonical.indexOf('.') + 1);
  if (name === 'Enum' || name === 'ENUM') return readEnum(machine, args, canonical === 'postgresql.ENUM');
  if (Object.hasOwn(integralTypes, name))
    return readable(integralTypes[name] as string, { integral: integralTypes[name] as 'integer' });
  if (Object.hasOwn(textTypes, name)) {
    const length = argument(args, 0, 'length');
    const size = isAbsent(length) ? null : integerOf(length as Value);
    if (!isAbsent(length) && size === null)
      return unreadableType(`the length of its type is not known: ${reasonOf(length as Value)}`);
    const collation = nameOf(argument(args, 1, 'collation'));
    return readable(`${textTypes[name]}${size === null ? '' : `(${size})`}`, {
      collation: collation?.name ?? null,
      isText: true,
    });
  }
  if (name === 'Uuid')
    return flagOf(args.named.get('native_uuid') ?? true) === false ? readable('character(32)') : readable('uuid');
  if (Object.hasOwn(plainTypes, name)) {
    const collation = /Text|TEXT/.test(name) ? nameOf(argument(args, 1, 'collation')) : null;
    return readable(plainTypes[name] as string, {
      collation: collation?.name ?? null,
      isText: plainTypes[name] === 'text',
    });
  }
  return (
    readParametric(machine, name, args, depth) ??
    companionType(machine, path, args, (value) => readType(machine, value, depth + 1)) ??
    unreadableType(`the type ${path} is not known`)
  );
}

function readParametric(machine: Machine, name: string, args: Arguments, depth: number): ReadType | null {
  const number = (index: number, ...names: string[]) => integerOf(argument(args, index, ...names) ?? null);
  switch (name) {
    case 'DateTime':
    case 'DATETIME':
    case 'TIMESTAMP':
    case 'Time':
    case 'TIME': {
      const base = name.toLowerCase().startsWith('time') && name !== 'TIMESTAMP' ? 'time' : 'timestamp';
      const zone = flagOf(argument(args, 0, 'timezone'));
      if (zone === null) return unreadableType('whether it has a time zone is not known');
      const precision = number(1, 'precision');
      return readable(`${base}${precision === null ? '' : `(${precision})`} ${zone ? 'with' : 'without'} time zone`);
    }
    case 'Numeric':
    case 'NUMERIC':
    case 'DECIMAL':
    case 'Float':
    case 'FLOAT': {
      const isFloat = name.toLowerCase() === 'float';
      const precision = number(0, 'precision');
      if (isFloat)
        return readable(precision === null ? 'double precision' : precision <= 24 ? 'real' : 'double precision', {
          integral: 'numeric',
        });
      const scale = number(1, 'scale');
      return readable(precision === null ? 'numeric' : `numeric(${precision},${scale ?? 0})`, { integral: 'numeric' });
    }
    case 'Interval':
      return readable(
        number(-1, 'second_precision') === null ? 'interval' : `interval(${number(-1, 'second_precision')})`,
      );
    case 'INTERVAL': {
      const precision = number(0, 'precision');
      const fields = textOf(argument(args, 1, 'fields') ?? null);
      return readable(`interval${fields ? ` ${fields}` : ''}${precision === null ? '' : `(${precision})`}`);
    }
    case 'BIT': {
      const varying = flagOf(argument(args, 1, 'varying'));
      const length = number(0, 'length');
      return readable(varying ? `bit varying${length === null ? '' : `(${length})`}` : `bit(${length ?? 1})`);
    }
    case 'BINARY':
    case 'VARBINARY':
      return readable('bytea');
    case 'ARRAY': {
      const item = readType(machine, argument(args, 0, 'item_type'), depth + 1);
      if (item.type === null) return item;
      return { ...item, type: `${item.type}[]`, integral: undefined, isText: false };
    }
    case 'DOMAIN': {
      const domain = nameOf(argument(args, 0, 'name'));
      const schema = nameOf(args.named.get('schema'));
      return domain
        ? readable(domain.name, { typeName: { schema: schema?.name ?? null, name: domain.name } })
        : unreadableType('a domain whose name is not known');
    }
    case 'Variant':
      return readType(machine, argument(args, 0, 'base'), depth + 1);
    case 'NullType':
    case 'NULLTYPE':
      return unreadableType('NullType: SQLAlchemy itself cannot say what type this is');
    default:
      return null;
  }
}

function readEnum(machine: Machine, args: Arguments, isPostgres: boolean): ReadType {
  const named = (name: string) => args.named.get(name);
  let name = nameOf(named('name'))?.name ?? null;
  let labels: string[] | null = [];
  const first = plain(args.positional[0] ?? null);
  const cls = isObject(first) && first.kind === 'class' ? first : null;
  if (cls && isEnumClass(cls) && cls.members) {
    labels = cls.members.map((member) => String(member.attributes.get('_name_')));
    name ??= cls.name.toLowerCase();
    const callable = named('values_callable');
    if (!isAbsent(callable)) {
      const values = toItems(machine, callValueOf(machine, callable as Value, cls));
      labels = values === null ? null : textsOf(values);
    }
  } else if (isObject(first) && first.kind === 'external' && first.path === 'enum.Enum') {
    // A class without members: no labels.
    name ??= 'enum';
  } else if (isObject(first) && first.kind === 'operated' && first.operator === '[]') {
    // Literal['a', 'b'] as SQLAlchemy 2 takes it.
    const inner = plain(first.operands[1] ?? null);
    labels = textsOf(isObject(inner) && inner.kind === 'tuple' ? inner.items : [inner]);
  } else {
    labels = textsOf(args.positional);
    if (labels === null && args.positional.length === 1) name ??= nameOfOutsideClass(first);
  }
  if (name === null && isAbsent(named('name')) === false) return unreadableType('an enum whose name is not known');
  const native = flagOf(named('native_enum') ?? true);
  // One that a metadata holds is in its schema (sqltypes.py, SchemaType._set_table).
  const schema = nameOf(named('schema'))?.name ?? schemaOfMetadata(named('metadata') ?? null) ?? null;
  const use: EnumUse = {
    name,
    schema,
    labels,
    createsType: (!isPostgres || flagOf(named('create_type') ?? true) !== false) && isAbsent(named('metadata')),
    wantsNoType: !isPostgres && flagOf(named('create_type') ?? true) === false,
    inheritsSchema: flagOf(named('inherit_schema')) === true,
    isNative: native !== false || isPostgres,
    createsCheck: flagOf(named('create_constraint')) === true,
  };
  if (!use.isNative) {
    const given = integerOf(named('length') ?? null);
    if (labels === null && given === null && !args.named.has('length'))
      return unreadableType('the length of an enum whose labels are not known');
    // Without labels, or with `length=None`, SQLAlchemy names no length.
    const longest = args.named.has('length') ? 0 : Math.max(0, ...(labels ?? []).map((label) => [...label].length));
    const length = given ?? longest;
    return readable(`character varying${length > 0 ? `(${length})` : ''}`, { enum: use, isText: true });
  }
  if (name === null) return unreadableType('an enum type without a name, which PostgreSQL refuses');
  return {
    type: schema && schema !== 'public' ? canonicalType(`${quote(schema)}.${quote(name)}`) : canonicalType(quote(name)),
    reason: null,
    typeName: { schema, name },
    enum: use,
  };
}

/** An enum class that is not read: SQLAlchemy names the type by it all the same. */
function nameOfOutsideClass(value: Value): string | null {
  if (!isObject(value) || value.kind !== 'external') return null;
  const name = value.path.slice(value.path.lastIndexOf('.') + 1);
  return /^_*[A-Z][A-Za-z0-9_]*[a-z]/.test(name) ? name.toLowerCase() : null;
}

const quote = (name: string): string => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

function textsOf(values: Value[]): string[] | null {
  const texts = values.map(textOf);
  return texts.some((text) => text === null) ? null : (texts as string[]);
}

function callValueOf(machine: Machine, callable: Value, cls: PyClass): Value {
  return callValue(machine, callable, { positional: [cls], named: new Map() }, { from: 0, to: 0 });
}

/** A TypeDecorator, UserDefinedType or subclass of a type that the project defines. */
function readProjectType(machine: Machine, cls: PyClass, args: Arguments, instance: Value, depth: number): ReadType {
  const self = isObject(instance) && instance.kind === 'instance' ? instance : null;
  if (self) {
    const column = callMethod(machine, self, 'get_col_spec', []);
    if (column !== undefined) {
      const text = textOf(column);
      return text === null ? unreadableType(`what get_col_spec of ${cls.name} gives is not known`) : readable(text);
    }
    const loaded = callMethod(machine, self, 'load_dialect_impl', [dialect]);
    if (loaded !== undefined) {
      const read = readType(machine, loaded, depth + 1);
      if (read.type !== null) return read;
    }
  } else if (['get_col_spec', 'load_dialect_impl', '__init__'].some((name) => findInClass(cls, name) !== undefined)) {
    return readType(machine, callValue(machine, cls, args, { from: 0, to: 0 }), depth + 1);
  }
  const compiled = compiledText(machine, cls, self);
  if (compiled !== null) return readable(compiled);
  const own = self?.attributes.get('impl') ?? findInClass(cls, 'impl');
  if (own !== undefined) {
    const impl = plain(own);
    const isHandedOn = self === null || self.made !== null || self.attributes.has('impl');
    if (!isHandedOn && findInClass(cls, '__init__') !== undefined)
      return unreadableType(`what ${cls.name}() hands on to its type is not known`);
    // TypeDecorator.__init__ hands its arguments to the class it decorates (types.py, to_instance).
    if (isObject(impl) && impl.kind === 'external') return readNamed(machine, impl.path, args, depth + 1);
    if (isObject(impl) && impl.kind === 'class') return readProjectType(machine, impl, args, null, depth + 1);
    return readType(machine, impl, depth + 1);
  }
  if (isEnumClass(cls)) return unreadableType(`${cls.name} is an enum class, no type`);
  for (const base of cls.order.slice(1)) {
    if (
      isObject(base) &&
      base.kind === 'external' &&
      !/UserDefinedType|TypeEngine|TypeDecorator|object$/.test(base.path)
    ) {
      const read = readNamed(machine, base.path, args, depth + 1);
      if (read.type !== null) return read;
    }
  }
  return unreadableType(`the type ${cls.name} is not known`);
}

/** What a function registered with `@compiles(Class, 'postgresql')` gives for it. */
export function compiledText(machine: Machine, cls: PyClass, self: Value): string | null {
  const compiled = findInClass(cls, '@compiled');
  if (compiled === undefined) return null;
  const text = callValue(
    machine,
    compiled,
    { positional: [self, handle('@compiler')], named: new Map() },
    { from: 0, to: 0 },
  );
  return textOf(text);
}
