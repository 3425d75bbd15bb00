/**
 * SQLAlchemy's declarative models, association tables and SQLModel classes, read statically → ModelsReading. Nothing of the
 * application runs: classes are evaluated as revisions are. What could not be read of a table is a blind spot about it.
 * Longer than most files here: from a module to its classes, from a class to its table, then all of them put together.
 */
import { join } from 'node:path';
import { keyOf } from '../../../model/name.ts';
import type { BlindSpot, ConstraintDefinition, IndexDefinition, Operation } from '../../../model/operation.ts';
import type { ModelFiles, ModelsReading } from '../../../model/replay.ts';
import { emptySchema, type Origin, type Schema } from '../../../model/schema.ts';
import {
  asMade,
  assembleTable,
  canonicalPath,
  type Effects,
  nameOf,
  newHost,
  type ReadColumn,
  type ReadTable,
  readConstraint,
  readIndex,
  readTable,
  tableNameOf,
} from '../operations/index.ts';
import type { ProjectFiles } from '../project-files.ts';
import {
  classAttribute,
  findInClass,
  identity,
  isObject,
  LimitReached,
  loadModule,
  type Machine,
  makeModule,
  moduleName,
  newMachine,
  type PyClass,
  type PyModule,
  PyRaise,
  parseCached,
  plain,
  reasonOf,
  runWhole,
  textOf,
  toItems,
  unknown,
  type Value,
} from '../python/index.ts';
import { type Annotated, readAnnotation, readMappedColumn } from './columns.ts';

export interface ModelsRequest {
  projectDir: string;
  files: ProjectFiles;
  environment: Readonly<Record<string, string>>;
  models: Pick<ModelFiles, 'files' | 'bases'>;
  /** Of tables that name none. */
  defaultNamespace?: string;
  parseSql(text: string, context: { origin: Origin; revision: string }): Operation[];
  /** Puts the operations together; without it the schema stays empty and only the operations are read. */
  schemaOf?: (operations: readonly Operation[]) => Schema;
}

interface Found {
  table: ReadTable;
  /** The declarative base, and so the metadata, that the class hangs on; null where none is known. */
  root: Value | null;
  file: string;
  line: number;
  name: string;
}

export function readModels(request: ModelsRequest): ModelsReading {
  const { files } = request;
  const blindSpots: BlindSpot[] = [];
  const effects = quietEffects(request);
  const machine = newMachine(newHost(effects, files, request.environment), {
    maxSteps: 5_000_000,
    maxDepth: 100,
    maxSize: 1_000_000,
  });
  const found: Found[] = [];
  /** Names of tables whose `__table_args__` are not known, and so their schema neither. */
  const unplaced = new Set<string>();
  const lost = (file: string, line: number, reason: string, objects: string[] = []) =>
    blindSpots.push({ revision: null, file, line, reason, objects });
  for (const file of request.models.files) {
    try {
      const module = openModule(machine, request, file);
      if (!module) lost(file, 1, 'the file could not be read');
      else readModule(machine, module, file, found, lost, unplaced);
    } catch (error) {
      if (error instanceof LimitReached || error instanceof RangeError || error instanceof PyRaise)
        lost(file, 1, error instanceof PyRaise ? 'it raises an error while it is read' : error.message);
      else throw error;
    }
  }
  addLooseIndexes(machine, effects, found);
  // Where other models name a schema, those of which it is not known could be in any.
  const areSpread = found.some(({ table }) => table.table.name.schema !== null);
  const placed = onTarget(machine, request, found, lost).filter(({ table, file, line, name }) => {
    const isLost = areSpread && table.table.name.schema === null && unplaced.has(table.table.name.name);
    if (isLost) lost(file, line, `${name}: the schema of its table ${table.table.name.name} is not known`);
    return !isLost;
  });
  return assemble(request, placed, blindSpots);
}

/** Without the models on another base than those of `target_metadata`: another chain's, or made by no chain at all. */
function onTarget(
  machine: Machine,
  request: ModelsRequest,
  found: Found[],
  lost: (file: string, line: number, reason: string, objects?: string[]) => void,
): Found[] {
  const roots = (request.models.bases ?? []).map(({ file, name }) => {
    const module = openModule(machine, request, file);
    const base = module === null ? undefined : plain(moduleName(machine, module, name) ?? null);
    if (base === undefined || !isObject(base)) return null;
    return base.kind === 'class' ? rootOf(base) : base;
  });
  if (roots.length === 0 || roots.includes(null)) return found;
  const others = new Map<Value, Found[]>();
  for (const each of found)
    if (each.root !== null && !roots.includes(each.root) && hasMetadataOfItsOwn(each.root))
      others.set(each.root, [...(others.get(each.root) ?? []), each]);
  for (const [root, models] of others) {
    const [first] = models as [Found];
    const name = isObject(root) && root.kind === 'class' ? root.name : 'their base';
    const keys = models.map(({ table: { table } }) => keyOf(table.name.schema ?? 'public', table.name.name));
    lost(first.file, first.line, `models on ${name}, whose metadata target_metadata leaves out`, keys);
  }
  return found.filter(({ root }) => root === null || !others.has(root));
}

/** A base that is given no `metadata` and no `registry` makes its own. */
function hasMetadataOfItsOwn(root: Value): boolean {
  if (!isObject(root)) return false;
  if (root.kind === 'class')
    return ['metadata', 'registry'].every((name) => findInClass(root, name) === undefined && !root.keywords.has(name));
  const made = asMade(root);
  return (
    made !== null &&
    /(?:^|\.)declarative_base$/.test(made.path) &&
    made.positional.length === 0 &&
    made.named.size === 0
  );
}

function quietEffects(request: ModelsRequest): Effects {
  return {
    sink: { apply: () => {}, schema: () => emptySchema(), searchPath: () => ['public'] },
    revision: '',
    file: '',
    relative: request.files.relative,
    lineAt: () => 1,
    autocommitDepth: 0,
    namespace: null,
    parseSql: request.parseSql,
    envFile: null,
    fileOfRevision: () => null,
    modulesWith: () => [],
    told: new Set(),
    madeTypes: new Set(),
    indexes: [],
  };
}

/** The module under the name that the project imports it by, so that it is one with what other models import. */
function openModule(machine: Machine, request: ModelsRequest, file: string): PyModule | null {
  const path = join(request.projectDir, file);
  const text = request.files.readFile(path);
  if (text === null) return null;
  for (const module of machine.modules.values()) if (module.file === path) return module;
  const parts = file.replace(/(\/__init__)?\.py$/, '').split('/');
  for (let at = 0; at < parts.length; at++) {
    const name = parts.slice(at).join('.');
    const place = request.files.findModule(name, null);
    if (place && place.file === path) return loadModule(machine, name, null);
  }
  const module = makeModule(parts.join('.'), path, parseCached(path, text));
  machine.modules.set(parts.join('.'), module);
  return module;
}

function readModule(
  machine: Machine,
  module: PyModule,
  file: string,
  found: Found[],
  lost: (file: string, line: number, reason: string, objects?: string[]) => void,
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
      else if (table) found.push({ table, root: rootOf(bare), file, line: lineAt(bare.from), name: bare.name });
    } else if (bare.kind === 'made' && bare.file === module.file && canonicalPath(bare.path) === 'sa.Table') {
      const name = tableNameOf(bare);
      const items = bare.positional
        .slice(1)
        .filter((item) => canonicalPath(asMade(item)?.path ?? '') !== 'sa.MetaData' && !isMetadata(item));
      if (name)
        found.push({
          table: readTable(machine, name, items, bare.named),
          root: null,
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
  for (const base of classes) {
    const isInherited = base !== cls && isMapped(machine, base);
    if (isInherited) continue;
    for (const name of namesInOrder(base)) {
      if (name.startsWith('__') || name.startsWith('@')) continue;
      const noted = base.annotations.get(name);
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
    return value.kind === 'made' ? identity(value) : Number.MAX_SAFE_INTEGER;
  };
  const entries = [...columns].map(([name, column]) => ({ column, rank: rank(name) }));
  if (!entries.some((entry) => entry.rank < 0)) entries.sort((a, b) => a.rank - b.rank);
  return entries.map((entry) => entry.column);
}

/** `Index('ix', Model.column)` beside the class: it belongs to the table of its first column. */
function addLooseIndexes(machine: Machine, effects: Effects, found: readonly Found[]): void {
  for (const made of effects.indexes ?? []) {
    const table = made.positional
      .slice(1)
      .map((key) => ownerOf(machine, key))
      .find((name) => name !== null);
    const target = table === undefined ? undefined : found.find((one) => one.table.table.name.name === table);
    const name = nameOf(made.positional[0] ?? made.named.get('name'));
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

/** Types that a foreign key's column takes from what it references. */
function resolveTypes(found: Found[]): void {
  for (let round = 0; round < 3; round++) {
    for (const { table } of found) {
      for (const column of table.table.columns) {
        if (column.type !== null) continue;
        const reference = table.table.constraints.find(
          (one) => one.type === 'f' && one.columns.length === 1 && one.columns[0] === column.name,
        )?.references;
        const target = reference
          ? found.find((other) => other.table.table.name.name === reference.table.name)
          : undefined;
        const type = target?.table.table.columns.find((one) => one.name === (reference?.columns[0] ?? ''))?.type;
        if (type === undefined || type === null) continue;
        column.type = type;
        table.problems = table.problems.filter((problem) => !problem.startsWith(`${column.name}: its type is that of`));
      }
    }
  }
}

function assemble(request: ModelsRequest, found: Found[], blindSpots: BlindSpot[]): ModelsReading {
  resolveTypes(found);
  const definitionsByTable = new Map<string, { file: string; line: number; name: string }[]>();
  const operationsByTable = new Map<string, Operation[]>();
  const made = new Set<string>();
  const rootByTable = new Map<string, Value | null>();
  for (const { table, root, file, line, name } of found) {
    const key = keyOf(table.table.name.schema ?? request.defaultNamespace ?? 'public', table.table.name.name);
    const first = rootByTable.get(key) ?? root;
    rootByTable.set(key, first);
    // A class on another base is in another metadata: a copy for another database or another time.
    if (root !== null && root !== first) continue;
    const definitions = definitionsByTable.get(key) ?? [];
    definitions.push({ file, line, name });
    definitionsByTable.set(key, definitions);
    for (const reason of table.problems) blindSpots.push({ revision: null, file, line, reason, objects: [key] });
    if (definitions.length > 1) continue;
    const origin: Origin = { revision: null, file, line };
    const operations: Operation[] = [];
    for (const use of table.enums) {
      if (use.name === null || use.labels === null) continue;
      const enumName = { schema: use.schema ?? (use.inheritsSchema ? table.table.name.schema : null), name: use.name };
      operations.push({
        kind: 'createEnum',
        name: enumName,
        labels: use.labels,
        implicit: true,
        checkFirst: true,
        origin,
      });
    }
    const { indexes, ...rest } = table.table;
    operations.push({ kind: 'createTable', table: { ...rest, indexes: [] }, origin });
    for (const index of indexes) operations.push({ kind: 'createIndex', table: table.table.name, index, origin });
    operationsByTable.set(key, operations);
  }
  const all: Operation[] = [];
  for (const operations of operationsByTable.values()) {
    for (const operation of operations) {
      if (operation.kind === 'createEnum') {
        const key = keyOf(operation.name.schema ?? 'public', operation.name.name);
        if (made.has(key)) continue;
        made.add(key);
      }
      all.push(operation);
    }
  }
  return {
    schema: request.schemaOf?.(inOrder(all)) ?? emptySchema(),
    definitionsByTable,
    operationsByTable,
    blindSpots,
    files: request.models.files,
  };
}

/** Types first, tables next, their foreign keys once every table stands, indexes last: models refer to each other freely. */
function inOrder(operations: Operation[]): Operation[] {
  const types: Operation[] = [];
  const tables: Operation[] = [];
  const keys: Operation[] = [];
  const rest: Operation[] = [];
  for (const operation of operations) {
    if (operation.kind === 'createEnum') types.push(operation);
    else if (operation.kind === 'createTable') {
      const own = operation.table.constraints.filter((one) => one.type !== 'f');
      tables.push({ ...operation, table: { ...operation.table, constraints: own } });
      for (const constraint of operation.table.constraints)
        if (constraint.type === 'f')
          keys.push({ kind: 'addConstraint', table: operation.table.name, constraint, origin: operation.origin });
    } else rest.push(operation);
  }
  return [...types, ...tables, ...keys, ...rest];
}
