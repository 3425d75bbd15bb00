/**
 * Types of libraries beside SQLAlchemy: sqlalchemy_utils, pgvector, geoalchemy2, citext, fastapi-users and the like, as
 * their PostgreSQL implementations compile.
 */
import { type Arguments, integerOf, type Machine, textOf, type Value } from '../python/index.ts';
import { argument, flagOf, isAbsent } from './read-values.ts';
import { type ReadType, readable, unreadableType } from './types.ts';

const fixed: Record<string, string> = {
  ArrowType: 'timestamp without time zone',
  EnrichedDateTimeType: 'timestamp without time zone',
  TSVectorType: 'tsvector',
  LtreeType: 'ltree',
  URLType: 'text',
  JSONType: 'json',
  CountryType: 'character varying(2)',
  CurrencyType: 'character varying(3)',
  LocaleType: 'character varying(10)',
  TimezoneType: 'character varying(50)',
  PasswordType: 'bytea',
  WeekDaysType: 'bit(7)',
  StringEncryptedType: 'character varying',
  CITEXT: 'citext',
  CIText: 'citext',
  citext: 'citext',
  GUID: 'uuid',
  TIMESTAMPAware: 'timestamp with time zone',
  IntRangeType: 'int4range',
  Int8RangeType: 'int8range',
  NumericRangeType: 'numrange',
  DateRangeType: 'daterange',
  DateTimeRangeType: 'tsrange',
  AutoString: 'character varying',
  UtcDateTime: 'timestamp with time zone',
  UUID7: 'uuid',
  ULID: 'uuid',
};

export function companionType(
  _machine: Machine,
  path: string,
  args: Arguments,
  inner: (value: Value | undefined) => ReadType,
): ReadType | null {
  const parts = path.split('.');
  const name = parts[parts.length - 1] as string;
  const number = (index: number, ...names: string[]) => integerOf(argument(args, index, ...names) ?? null);
  switch (parts[0]) {
    case 'pgvector':
      return vectorType(name, number(0, 'dim', 'length'));
    case 'geoalchemy2':
      return geometryType(name, args);
    case 'sqlalchemy_utils':
      switch (name) {
        case 'UUIDType':
          return flagOf(argument(args, 1, 'native') ?? true) === false
            ? flagOf(argument(args, 0, 'binary') ?? true) === false
              ? readable('character(32)')
              : readable('bytea')
            : readable('uuid');
        case 'ChoiceType':
          return isAbsent(argument(args, 1, 'impl'))
            ? readable('character varying(255)')
            : inner(argument(args, 1, 'impl'));
        case 'EncryptedType':
          return readable('bytea');
        case 'ScalarListType':
          return readable('text');
        case 'EmailType':
          return readable(`character varying(${number(0, 'length') ?? 255})`);
        case 'IPAddressType':
          return readable(`character varying(${number(0, 'max_length') ?? 50})`);
        case 'ColorType':
          return readable(`character varying(${number(0, 'max_length') ?? 20})`);
        case 'PhoneNumberType':
          return readable(`character varying(${number(1, 'max_length') ?? 20})`);
        case 'StringEncryptedType': {
          const length = number(-1, 'length');
          return readable(length === null ? 'character varying' : `character varying(${length})`);
        }
      }
      break;
    case 'sqlalchemy_json':
      return readable(/Mutable|Nested/.test(name) ? 'json' : 'json');
    case 'sqlalchemy_utc':
      return readable('timestamp with time zone');
    case 'oslo_db':
      return /^JsonEncoded(Dict|List)$/.test(name)
        ? readable('text', { isText: true })
        : name === 'SoftDeleteInteger'
          ? readable('integer', { integral: 'integer' })
          : name === 'String'
            ? inner({
                kind: 'made',
                path: 'sqlalchemy.String',
                receiver: null,
                from: 0,
                to: 0,
                file: '',
                attributes: new Map(),
                positional: args.positional.slice(0, 1),
                named: args.named,
              })
            : null;
    case 'healpix_alchemy':
      return name === 'Point' ? readable('bigint') : name === 'Tile' ? readable('int8range') : null;
    case 'snowflake':
      return null;
  }
  if (
    [
      'sqlalchemy_utils',
      'citext',
      'fastapi_users_db_sqlalchemy',
      'advanced_alchemy',
      'sqlalchemy_citext',
      'sqlmodel',
    ].includes(parts[0] as string)
  ) {
    if (name === 'DateTimeUTC') return readable('timestamp with time zone');
    if (name === 'BigIntIdentity') return readable('bigint', { integral: 'bigint' });
    if (name === 'JsonB') return readable('jsonb');
    const known = fixed[name];
    if (known !== undefined) return readable(known);
  }
  void textOf;
  return null;
}

function vectorType(name: string, dimensions: number | null): ReadType | null {
  const base = {
    VECTOR: 'vector',
    Vector: 'vector',
    HALFVEC: 'halfvec',
    HalfVector: 'halfvec',
    SPARSEVEC: 'sparsevec',
    SparseVector: 'sparsevec',
    BIT: 'bit',
  }[name];
  if (base === undefined) return null;
  return readable(dimensions === null ? base : `${base}(${dimensions})`);
}

/** `geometry(POINT,4326)`, as geoalchemy2's get_col_spec has it (types.py); PostGIS prints the shape in its own case. */
function geometryType(name: string, args: Arguments): ReadType | null {
  if (name !== 'Raster' && name !== 'Geometry' && name !== 'Geography') return null;
  const isIndexed = flagOf(argument(args, name === 'Raster' ? 0 : 3, 'spatial_index') ?? true) !== false;
  const overAll = flagOf(args.named.get('use_N_D_index')) === true;
  const spatial = name === 'Raster' ? 'raster' : overAll ? 'dimensions' : 'plane';
  const more: Partial<ReadType> = isIndexed ? { spatial } : {};
  if (name === 'Raster') return readable('raster', more);
  const base = name.toLowerCase();
  const given = argument(args, 0, 'geometry_type');
  if (given !== undefined && isAbsent(given)) return readable(base, more);
  const shape = given === undefined ? 'GEOMETRY' : textOf(given);
  if (shape === null) return unreadableType('a geometry whose shape is not known');
  const srid = integerOf(argument(args, 1, 'srid') ?? -1) ?? -1;
  const dimension = integerOf(argument(args, 2, 'dimension') ?? 2) ?? 2;
  const suffix = dimension === 3 && !/[ZM]$/.test(shape) ? 'Z' : '';
  return readable(`${base}(${shape}${suffix},${srid})`, more);
}
