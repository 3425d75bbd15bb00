/** sa.Column → ColumnDefinition, with what it brings to its table: keys, checks, enum types, sequences. */
import type { QualifiedName } from '../../../model/name.ts';
import type { ColumnDefinition, ConstraintDefinition } from '../../../model/operation.ts';
import { type Machine, type Made, plain, reasonOf, textOf, type Value } from '../python/index.ts';
import { checkOfType, readConstraint, readReference } from './constraints.ts';
import { type DefaultReading, readDefault, sequenceOf } from './defaults.ts';
import { asMade, madePath } from './made.ts';
import { flagOf, isAbsent, nameOf } from './read-values.ts';
import { type EnumUse, type ReadType, readType, unreadableType } from './types.ts';

export interface ReadColumn {
  definition: ColumnDefinition;
  type: ReadType;
  enums: EnumUse[];
  isPrimaryKey: boolean;
  unique: boolean;
  autoincrement: boolean | 'auto' | 'ignore_fk';
  hasServerDefault: boolean;
  hasDefault: boolean;
  index: boolean;
  /** What its table's keys and indexes call it, where that is not its name. */
  key?: string;
  /** One that the metadata makes and that fills the column, though not by a default of the database. */
  sequence?: QualifiedName;
  /** What could not be read of it. */
  problems: string[];
}

/** A column; a string where it is none that could be read. */
export function readColumn(
  machine: Machine,
  value: Value,
  given: { name?: string; type?: ReadType; notNull?: boolean } = {},
): ReadColumn | string {
  const made = asMade(value);
  if (!made) return `a column that could not be read: ${reasonOf(value)}`;
  let rest = [...made.positional];
  let name = nameOf(made.named.get('name'))?.name ?? null;
  if (name === null && rest.length > 0 && nameOf(rest[0])) name = nameOf(rest.shift())?.name ?? null;
  else if (rest.length > 0 && plain(rest[0] as Value) === null) rest = rest.slice(1);
  name ??= given.name ?? null;
  if (name === null) return 'a column whose name is not known';
  let typeValue = made.named.get('type_') ?? made.named.get('sa_type');
  const parts: Value[] = [];
  for (const item of rest) {
    const path = madePath(item);
    if (
      path !== null &&
      /^sa\.(ForeignKey|CheckConstraint|UniqueConstraint|PrimaryKeyConstraint|Identity|Computed|Sequence|FetchedValue|DefaultClause|ColumnDefault)$/.test(
        path,
      )
    )
      parts.push(item);
    else if (typeValue === undefined && plain(item) !== null) typeValue = item;
  }
  const problems: string[] = [];
  const type =
    typeValue === undefined
      ? (given.type ??
        (parts.some((part) => madePath(part) === 'sa.ForeignKey')
          ? unreadableType('its type is that of the column it references')
          : unreadableType('it has no type')))
      : readType(machine, typeValue);
  if (type.reason !== null) problems.push(`${name}: ${type.reason}`);
  const isPrimaryKey = flagOf(made.named.get('primary_key')) === true;
  const nullable = made.named.get('nullable');
  const isNullable = isAbsent(nullable)
    ? given.notNull !== undefined
      ? !given.notNull
      : !isPrimaryKey
    : flagOf(nullable);
  if (isNullable === null) problems.push(`${name}: whether it may be null is not known`);
  const definition: ColumnDefinition = {
    name,
    type: type.type,
    notNull: isNullable === false || isPrimaryKey,
    default: null,
    identity: null,
    generated: null,
  };
  if (type.typeName) definition.typeName = type.typeName;
  if (type.collation) definition.collation = type.collation;
  const comment = made.named.get('comment');
  if (!isAbsent(comment)) definition.comment = textOf(comment as Value);
  const constraints: ConstraintDefinition[] = [];
  const defaults: DefaultReading[] = [readDefault(machine, made.named.get('server_default'))];
  for (const part of parts) {
    const piece = part as Made;
    const path = madePath(part);
    if (path === 'sa.ForeignKey') {
      const reference = readReference(machine, asMade(piece) as Made, name);
      if (typeof reference === 'string') problems.push(`${name}: ${reference}`);
      else constraints.push(reference);
    } else if (path === 'sa.Identity' || path === 'sa.Computed' || path === 'sa.DefaultClause')
      defaults.push(readDefault(machine, part));
    else if (path === 'sa.CheckConstraint' || path === 'sa.UniqueConstraint') {
      const constraint = readConstraint(machine, part, [name]);
      if (typeof constraint === 'string') problems.push(constraint);
      else if (constraint) constraints.push(constraint);
    }
  }
  for (const reading of defaults) {
    if (reading.state === 'text') definition.default = reading.text;
    else if (reading.state === 'identity') {
      definition.identity = reading.identity;
      if (Object.keys(reading.sequence).length > 0) definition.sequence = reading.sequence;
      definition.notNull = isNullable !== true || isAbsent(nullable);
    } else if (reading.state === 'computed')
      definition.generated = { expression: reading.expression, stored: reading.stored };
    else if (reading.state === 'unknown') problems.push(`${name}: ${reading.reason}`);
  }
  const use = type.enum;
  const check = checkOfType(name, type);
  if (check !== null) constraints.push(check);
  const key = textOf(made.named.get('key') ?? null);
  const unique = flagOf(made.named.get('unique')) === true;
  const index = flagOf(made.named.get('index')) === true;
  if (constraints.length > 0) definition.constraints = constraints;
  // PostgreSQL does without a Sequence that is `optional`; any other takes the place of SERIAL (ddl_compiler, base.py).
  const drawn = [...parts, made.named.get('default') ?? null].find((part) => madePath(part) === 'sa.Sequence');
  const sequence = drawn === undefined ? null : sequenceOf(asMade(drawn) as Made);
  const isOptional = sequence?.isOptional === true;
  const autoincrement = made.named.get('autoincrement');
  const auto = autoincrement === undefined ? 'auto' : (textOf(autoincrement) ?? flagOf(autoincrement) ?? 'auto');
  return {
    definition,
    type,
    enums: use?.isNative ? [use] : [],
    isPrimaryKey,
    unique,
    autoincrement: auto as ReadColumn['autoincrement'],
    hasServerDefault: definition.default !== null || definition.generated !== null,
    hasDefault: sequence === null ? !isAbsent(made.named.get('default')) : !isOptional,
    ...(sequence === null || isOptional ? {} : { sequence: sequence.name }),
    index,
    ...(key === null ? {} : { key }),
    problems,
  };
}
