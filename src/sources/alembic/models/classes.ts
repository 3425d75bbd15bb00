/**
 * From a module to its mapped classes and Tables, and from each of them to its table. Nothing of the application runs: classes
 * are evaluated as revisions are. Which of them belong to the project's chain is told elsewhere.
 */
import type { ConstraintDefinition, IndexDefinition } from '../../../model/operation.ts';
import {
  asMade,
  assembleTable,
  canonicalPath,
  type Effects,
  nameOf,
  type ReadColumn,
  type ReadTable,
  readConstraint,
  readIndex,
  readTable,
  tableNameOf,
} from '../operations/index.ts';
import {
  classAttribute,
  type Expression,
  findInClass,
  isObject,
  type Machine,
  type PyClass,
  type PyModule,
  PyRaise,
  plain,
  reasonOf,
  runWhole,
  type Scope,
  textOf,
  toItems,
  unknown,
  type Value,
} from '../python/index.ts';
import { type Annotated, readAnnotation, readMappedColumn } from './columns.ts';
import { bringsNoColumns, companionMixin, mixinColumns } from './companion-mixins.ts';

export interface Found {
  table: ReadTable;
  /** The declarative base, and so the metadata, that the class hangs on; null where none is known. */
  root: Value | null;
  /** The metadata that its table is in, by what stands for it: the MetaData, or a base that makes its own; null: not known. */
  metadata: Value | null;
  /** Flask-SQLAlchemy's `__bind_key__`: the name of the other database that it is in. */
  bind: string | null;
  file: string;
  line: number;
  name: string;
}

/** Tells what could not be read. */
export type Lost = (file: string, line: number, reason: string, objects?: string[]) => void;

export function readModule(
  machine: Machine,
  module: PyModule,
  file: string,
  found: Found[],
  lost: Lost,
  unplaced: Set<string>,
): void {
  runWhole(machine, module);
  const lineAt = module.scope.lazy?.parsed.lineAt ?? (() => 1);
  const seen = new Set<Value>();
  for (const value of [...module.scope.names.values()]) {
    const bare = plain(value);
    if (!isObject(bare) || seen.has(bare)) continue;
    seen.add(bare);
    if (bare.kind === 'class' && bare.module === module) {
      const table = readClass(machine, bare, unplaced);
      if (typeof table === 'string') lost(file, lineAt(bare.from), table);
      else if (table) {
        const bind = textOf(findInClass(bare, '__bind_key__') ?? null);
        const placed = { root: rootOf(bare), metadata: metadataOf(bare), bind, file, line: lineAt(bare.from) };
        found.push({ table, ...placed, name: bare.name });
      }
    } else if (bare.kind === 'made' && bare.file === module.file && canonicalPath(bare.path) === 'sa.Table') {
      const name = tableNameOf(bare);
      const items = bare.positional
        .slice(1)
        .filter((item) => canonicalPath(asMade(item)?.path ?? '') !== 'sa.MetaData' && !isMetadata(item));
      if (name)
        found.push({
          table: readTable(machine, name, items, bare.named),
          root: null,
          metadata: metadataOf(bare.positional[1] ?? null),
          bind: null,
          file,
          line: lineAt(bare.from),
          name: name.name,
        });
      else lost(file, lineAt(bare.from), 'a Table whose name is not known');
    }
  }
}

/** `Base.metadata` and whatever else stands second in `Table(name, metadata, …)`. */
function isMetadata(value: Value): boolean {
  const bare = plain(value);
  if (!isObject(bare)) return false;
  if (bare.kind === 'external') return bare.path.endsWith('.metadata');
  return (bare.kind === 'member' && bare.name === 'metadata') || bare.kind === 'unknown';
}

function isSqlModel(cls: PyClass): boolean {
  return cls.order.some((base) => isObject(base) && base.kind === 'external' && base.path === 'sqlmodel.SQLModel');
}
/** The base that the models derive from: never mapped itself, though its `__tablename__` names theirs. */
function isDeclarativeBase(cls: PyClass): boolean {
  return cls.bases.some(
    (base) =>
      isObject(base) && base.kind === 'external' && /^sqlalchemy\.orm\.DeclarativeBase(?:NoMeta)?$/.test(base.path),
  );
}
function rootOf(cls: PyClass): Value | null {
  for (const base of [...cls.order].reverse()) {
    if (isObject(base) && base.kind === 'class' && isDeclarativeBase(base)) return base;
    if (asMade(base) !== null && /(?:declarative_base|generate_base)$/.test(asMade(base)?.path ?? ''))
      return plain(base);
  }
  return null;
}
/** The metadata behind a class, a base or a MetaData; null where others may share it. */
export function metadataOf(value: Value): Value | null {
  const bare = plain(value);
  if (!isObject(bare)) return null;
  if (bare.kind === 'class') {
    const stated = findInClass(bare, 'metadata');
    if (stated !== undefined) return metadataOf(asMade(stated));
    const root = rootOf(bare);
    if (root !== bare) return root === null ? null : metadataOf(root);
    const isGiven =
      findInClass(bare, 'registry') !== undefined || ['metadata', 'registry'].some((name) => bare.keywords.has(name));
    return isGiven ? null : bare;
  }
  const made = asMade(bare);
  if (made === null) return null;
  if (canonicalPath(made.path) === 'sa.MetaData') return made;
  if (!/(?:^|\.)declarative_base$/.test(made.path) || made.positional.length > 0) return null;
  const given = made.named.get('metadata');
  if (given !== undefined) return metadataOf(asMade(given));
  return [...made.named.keys()].every((name) => name === 'name' || name === 'class_registry') ? made : null;
}
function isFlaskModel(cls: PyClass): boolean {
  return cls.order.some((base) => isObject(base) && base.kind === 'external' && base.path === 'flask_sqlalchemy.Model');
}

function attributeOf(machine: Machine, cls: PyClass, name: string): Value | undefined {
  if (findInClass(cls, name) === undefined) return undefined;
  try {
    return classAttribute(machine, cls, name);
  } catch (error) {
    if (error instanceof PyRaise) return unknown(`${cls.name}.${name}`);
    throw error;
  }
}

/** The table's name: stated, or derived as SQLModel and Flask-SQLAlchemy derive it; null where the class has no table. */
function nameOfClass(machine: Machine, cls: PyClass): string | null {
  if (cls.attributes.get('__abstract__') === true || isDeclarativeBase(cls)) return null;
  if (isSqlModel(cls) && cls.keywords.get('table') !== true) return null;
  const stated = attributeOf(machine, cls, '__tablename__');
  if (stated !== undefined) return textOf(stated);
  for (const base of cls.order)
    if (isObject(base) && base.kind === 'external') {
      const named = companionMixin(base.path)?.tableName;
      if (named !== undefined) return named;
    }
  if (isSqlModel(cls)) return cls.name.toLowerCase();
  if (isFlaskModel(cls))
    return cls.name
      .replace(/((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))/g, '_$1')
      .toLowerCase()
      .replace(/^_+/, '');
  return null;
}

function readClass(machine: Machine, cls: PyClass, unplaced: Set<string>): ReadTable | string | null {
  // A mixin that derives the names of the classes it goes into has no table itself.
  if (isMixinName(cls) && !hasDeclarativeBase(cls)) return null;
  const own = asMade(cls.attributes.get('__table__'));
  if (own) {
    const name = tableNameOf(own);
    return name
      ? readTable(machine, name, own.positional.slice(2), own.named)
      : `${cls.name} has a table that could not be read`;
  }
  const tableName = nameOfClass(machine, cls);
  if (tableName === null) return null;
  const classes = [...cls.order].reverse().filter((base): base is PyClass => isObject(base) && base.kind === 'class');
  // Single-table inheritance: a subclass without a table of its own adds its columns to its parent's.
  if (
    cls.attributes.get('__tablename__') === undefined &&
    classes.some(
      (base) =>
        base !== cls &&
        base.attributes.has('__tablename__') &&
        !(base.attributes.get('__abstract__') === true) &&
        isMapped(machine, base),
    )
  )
    return null;
  const columns = new Map<string, ReadColumn>();
  const problems: string[] = [];
  for (const base of [...cls.order].reverse()) {
    if (isObject(base) && base.kind === 'external') {
      const mixin = companionMixin(base.path);
      for (const [name, column] of mixin === null ? [] : mixinColumns(machine, mixin)) columns.set(name, column);
      if (mixin === null && !bringsNoColumns(base.path))
        problems.push(`what columns ${base.path}, outside the project, brings is not known`);
    }
    if (!isObject(base) || base.kind !== 'class') continue;
    const isInherited = base !== cls && isMapped(machine, base);
    if (isInherited) continue;
    for (const name of namesInOrder(base)) {
      if (name.startsWith('__') || name.startsWith('@')) continue;
      const noted = base.annotations.get(name) ?? returnOf(base.attributes.get(name));
      const annotation: Annotated | null = noted ? readAnnotation(machine, noted.annotation, noted.scope) : null;
      const value = base.attributes.has(name) ? declaredValue(machine, cls, base, name) : undefined;
      const read = readMappedColumn(machine, cls, name, value, annotation, isSqlModel(cls));
      if (read === null) continue;
      if (typeof read === 'string') problems.push(`${name}: ${read}`);
      else {
        columns.set(name, read);
        problems.push(...read.problems);
      }
    }
  }
  return withArguments(machine, cls, tableName, inOrderMade(cls, columns), problems, unplaced);
}

/** `-> Mapped[int]` of a `declared_attr`: what an annotated attribute would say. */
function returnOf(value: Value | undefined): { annotation: Expression; scope: Scope } | null {
  if (value === undefined || !isObject(value) || value.kind !== 'property' || value.how !== 'declared') return null;
  const { function: declared } = value;
  if (!isObject(declared) || declared.kind !== 'function' || !('returns' in declared.syntax)) return null;
  const { returns } = declared.syntax;
  return returns === undefined ? null : { annotation: returns, scope: declared.scope };
}

/** Attributes as they stand in the class's text, annotated or assigned. */
function namesInOrder(cls: PyClass): string[] {
  const placed = (name: string): number => {
    const noted = cls.annotations.get(name);
    const value = cls.attributes.get(name);
    return noted
      ? noted.from
      : value !== undefined && isObject(value) && value.kind === 'made'
        ? value.from
        : Number.MAX_SAFE_INTEGER;
  };
  const names = [...new Set([...cls.attributes.keys(), ...cls.annotations.keys()])];
  return names
    .map((name) => ({ name, from: placed(name) }))
    .sort((a, b) => a.from - b.from)
    .map((one) => one.name);
}

/** Columns by when they were made, where each is an object of its own; those of a `declared_attr` come last. */
function inOrderMade(cls: PyClass, columns: ReadonlyMap<string, ReadColumn>): ReadColumn[] {
  const rank = (name: string): number => {
    const value = findInClass(cls, name);
    if (value === undefined || !isObject(value)) return -1;
    return (value.kind === 'made' ? value.serial : undefined) ?? Number.MAX_SAFE_INTEGER;
  };
  const entries = [...columns].map(([name, column]) => ({ column, rank: rank(name) }));
  if (!entries.some((entry) => entry.rank < 0)) entries.sort((a, b) => a.rank - b.rank);
  return entries.map((entry) => entry.column);
}

/** `Index('ix', Model.column)` beside the class: it belongs to the table of its first column. */
export function addLooseIndexes(
  machine: Machine,
  effects: Effects,
  found: readonly Found[],
  files: readonly string[],
  lost: Lost,
): void {
  for (const made of effects.indexes ?? []) {
    const table = made.positional
      .slice(1)
      .map((key) => ownerOf(machine, key))
      .find((name) => name !== null);
    const target = table === undefined ? undefined : found.find((one) => one.table.table.name.name === table);
    const name = nameOf(made.positional[0] ?? made.named.get('name'));
    const isInArguments = found.some(
      ({ table }) => name && table.table.indexes.some((index) => index.name === name.name),
    );
    const file = effects.relative(made.file);
    if (!target && !isInArguments && name !== null && files.includes(file))
      lost(file, 1, `the table of the index ${name.name} is not known`);
    if (!target || (name && target.table.table.indexes.some((index) => index.name === name.name))) continue;
    const index = readIndex(machine, name, made.positional.slice(1), made.named);
    if (typeof index === 'string') target.table.problems.push(index);
    else target.table.table.indexes.push(index);
  }
}

/** The table of the column that an index key is made of. */
function ownerOf(machine: Machine, value: Value, depth = 0): string | null {
  const bare = plain(value);
  if (!isObject(bare) || depth > 6) return null;
  if (bare.kind === 'class') return nameOfClass(machine, bare);
  if (bare.kind === 'member') return ownerOf(machine, bare.object, depth + 1);
  if (bare.kind === 'operated') return ownerOf(machine, bare.operands[0] ?? null, depth + 1);
  if (bare.kind !== 'made') return null;
  const table = tableNameOf(bare);
  if (table) return table.name;
  const owner = plain(bare.attributes.get('@class') ?? null);
  if (isObject(owner) && owner.kind === 'class') return nameOfClass(machine, owner);
  for (const part of [bare.receiver, ...bare.positional]) {
    const found = part === null ? null : ownerOf(machine, part, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function isMapped(machine: Machine, cls: PyClass): boolean {
  return (
    cls.attributes.has('__tablename__') &&
    nameOfClass(machine, cls) !== null &&
    ![...cls.attributes.keys()].every((name) => name.startsWith('__')) &&
    hasDeclarativeBase(cls) &&
    !isMixinName(cls)
  );
}
function hasDeclarativeBase(cls: PyClass): boolean {
  return cls.order
    .slice(1)
    .some((base) => isObject(base) && base.kind !== 'class' && !(base.kind === 'builtin' && base.name === 'object'));
}
function isMixinName(cls: PyClass): boolean {
  const stated = cls.attributes.get('__tablename__');
  return isObject(stated as Value) && (stated as { kind: string }).kind === 'property';
}

/** The value of an attribute for the class that is mapped: a `declared_attr` is called with it. */
function declaredValue(machine: Machine, cls: PyClass, base: PyClass, name: string): Value | undefined {
  const raw = base.attributes.get(name);
  if (raw !== undefined && isObject(raw) && raw.kind === 'property')
    return raw.how === 'declared' ? attributeOf(machine, cls, name) : null;
  if (raw !== undefined && isObject(raw) && raw.kind === 'function') return null;
  return raw;
}

/** The schema of `MetaData(schema=…)` that the class's base was made with. */
function metadataSchema(cls: PyClass): string | null {
  const candidates = [findInClass(cls, 'metadata') ?? null];
  for (const base of cls.order) {
    const made = asMade(base);
    if (made !== null && /(?:declarative_base|generate_base)$/.test(made.path))
      candidates.push(made.named.get('metadata') ?? made.positional[1] ?? null);
  }
  for (const candidate of candidates) {
    const made = asMade(candidate);
    const schema = made === null ? null : textOf(made.named.get('schema') ?? null);
    if (schema !== null) return schema;
  }
  return null;
}

function withArguments(
  machine: Machine,
  cls: PyClass,
  tableName: string,
  columns: ReadColumn[],
  problems: string[],
  unplaced: Set<string>,
): ReadTable | string {
  const constraints: ConstraintDefinition[] = [];
  const indexes: IndexDefinition[] = [];
  const options = new Map<string, Value>();
  const stated = attributeOf(machine, cls, '__table_args__');
  const bare = stated === undefined ? null : plain(stated);
  const items = isObject(bare) && bare.kind === 'dict' ? [bare] : (toItems(machine, bare) ?? []);
  const isKnown = bare === null || (isObject(bare) && bare.kind === 'dict') || toItems(machine, bare) !== null;
  if (!isKnown) problems.push(`__table_args__: ${reasonOf(bare)}`);
  for (const item of items) {
    const part = plain(item);
    if (isObject(part) && part.kind === 'dict') {
      for (const [key, value] of part.map.values()) if (typeof key === 'string') options.set(key, value);
      continue;
    }
    const made = asMade(part);
    if (made && canonicalPath(made.path) === 'sa.Index') {
      const index = readIndex(
        machine,
        nameOf(made.positional[0] ?? made.named.get('name')),
        made.positional.slice(1),
        made.named,
      );
      if (typeof index === 'string') problems.push(index);
      else indexes.push(index);
      continue;
    }
    const constraint = readConstraint(machine, item);
    if (typeof constraint === 'string') problems.push(constraint);
    else if (constraint) constraints.push(constraint);
  }
  const given = options.get('schema');
  const schema = given === undefined ? metadataSchema(cls) : textOf(given);
  if (schema === null && given !== undefined && plain(given) !== null)
    return `${cls.name}: the schema of its table ${tableName} is not known`;
  if (!isKnown && schema === null) unplaced.add(tableName);
  return assembleTable(machine, { schema, name: tableName }, columns, constraints, indexes, options, problems);
}
