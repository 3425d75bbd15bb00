/**
 * From the classes and Tables that modules made to their tables. Nothing of the application runs: classes are evaluated as
 * revisions are. Which of them belong to the project's chain is told elsewhere.
 */
import type { QualifiedName } from '../../../model/name.ts';
import type { ConstraintDefinition, IndexDefinition } from '../../../model/operation.ts';
import {
  asMade,
  assembleTable,
  bindOf,
  bringsNoColumns,
  canonicalPath,
  companionMixin,
  isAbsent,
  isColumn,
  isSqlModel,
  type Mapping,
  madePath,
  mappingOf,
  metadataOf,
  mixinColumns,
  nameOf,
  nameOfTable,
  ownBases,
  type ReadColumn,
  type ReadTable,
  readConstraint,
  readIndex,
  readTable,
  rootOf,
  schemaOfMetadata,
} from '../operations/index.ts';
import {
  callValue,
  classAttribute,
  type Expression,
  findInClass,
  getText,
  integerOf,
  isObject,
  type Machine,
  type Made,
  type PyClass,
  type PyModule,
  PyRaise,
  plain,
  type Scope,
  textOf,
  unknown,
  type Value,
} from '../python/index.ts';
import { type Annotated, columnsOfComposite, readAnnotation, readMappedColumn } from './columns.ts';

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

/** Where something was made. */
export type Place = (value: PyClass | Made) => { file: string; line: number };

/** What running the top level of `module` made, in that order, but for what is `done`. */
export function readDeclared(
  machine: Machine,
  module: PyModule,
  heirs: ReadonlyMap<PyClass, PyClass[]>,
  done: Set<Value>,
  found: Found[],
  place: Place,
  lost: Lost,
  unplaced: Set<string>,
): void {
  for (const { file: owner, value } of machine.declared ?? []) {
    if (owner !== module.file || done.has(value)) continue;
    done.add(value);
    const { file, line } = place(value);
    if (value.kind === 'class') {
      const mapping = mappingOf(machine, value);
      if (mapping.kind === 'table' && isMore(mapping.arguments.options) && isFound(mapping.name, found)) continue;
      const table = readClass(machine, value, heirs.get(value) ?? [], unplaced);
      if (typeof table === 'string') lost(file, line, table);
      else if (table)
        found.push({
          table,
          root: rootOf(value),
          metadata: metadataOf(value),
          bind: bindOf(value),
          file,
          line,
          name: value.name,
        });
      continue;
    }
    const name = nameOfTable(value);
    if (name === null) lost(file, line, 'a Table whose name is not known');
    else if (isAnother(machine, value, name, found)) {
      const table = readTable(machine, name, elementsOf(value), value.named);
      const schema = schemaOfMetadata(metadataGiven(value));
      if (schema === undefined && name.schema === null) unplaced.add(name.name);
      placeReferences(table, schema ?? null);
      found.push({
        table,
        root: null,
        metadata: metadataOf(metadataGiven(value)),
        bind: null,
        file,
        line,
        name: name.name,
      });
    }
  }
}

/** The classes whose columns are in another's table (single-table inheritance), by that class. */
export function heirsOf(machine: Machine): Map<PyClass, PyClass[]> {
  const heirs = new Map<PyClass, PyClass[]>();
  for (const { value } of machine.declared ?? []) {
    if (value.kind !== 'class') continue;
    let owner = value;
    for (let mapping = mappingOf(machine, value); mapping.kind === 'heir'; mapping = mappingOf(machine, owner))
      owner = mapping.of;
    if (owner !== value) heirs.set(owner, [...(heirs.get(owner) ?? []), value]);
  }
  return heirs;
}

const metadataGiven = (table: Made): Value => table.positional[1] ?? table.named.get('metadata') ?? null;

/** The columns and constraints among a Table's arguments: Flask-SQLAlchemy's has no metadata before them. */
function elementsOf(table: Made): Value[] {
  const isElement = /(?:\.Column|mapped_column|Constraint|Index)$/.test(asMade(table.positional[1])?.path ?? '');
  return table.positional.slice(isElement ? 1 : 2);
}

/** Not one that a class has for its own, and not only asked for again under its name. */
function isAnother(machine: Machine, table: Made, name: QualifiedName, found: readonly Found[]): boolean {
  const ofClass = (machine.declared ?? []).some(({ value }) => {
    const mapping = value.kind === 'class' ? mappingOf(machine, value) : null;
    return mapping?.kind === 'made' && mapping.table === table;
  });
  if (ofClass) return false;
  return !isFound(name, found) || (!isMore(table.named) && elementsOf(table).some(isColumn));
}

const isFound = (name: QualifiedName, found: readonly Found[]): boolean =>
  found.some(({ table: { table } }) => table.name.name === name.name && table.name.schema === name.schema);

/** Another word on a table that is there, not another table. */
const isMore = (options: ReadonlyMap<string, Value>): boolean =>
  ['extend_existing', 'keep_existing'].some((option) => !isAbsent(options.get(option)));

/** `ForeignKey('users.id')` in a metadata with a schema names a table of that schema (sql/schema.py, _resolve_col_tokens). */
function placeReferences({ table }: ReadTable, schema: string | null): void {
  if (schema === null) return;
  for (const { references } of table.constraints)
    if (references && references.table.schema === null) references.table = { ...references.table, schema };
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

/** A string says why its table could not be read; null: it has none of its own. */
function readClass(machine: Machine, cls: PyClass, heirs: PyClass[], unplaced: Set<string>): ReadTable | string | null {
  const mapping = mappingOf(machine, cls);
  if (mapping.kind === 'none' || mapping.kind === 'heir') return null;
  if (mapping.kind === 'lost') return mapping.reason;
  const schema = schemaOfMetadata(cls) ?? null;
  if (mapping.kind === 'made') {
    const table = readTable(machine, mapping.name, elementsOf(mapping.table), mapping.table.named);
    placeReferences(table, schema);
    return table;
  }
  const problems: string[] = [];
  const taken = new Set<string>();
  const columns = readColumns(machine, cls, problems, taken);
  for (const heir of heirs)
    for (const column of readColumns(machine, heir, problems, taken))
      if (!columns.some(({ definition }) => definition.name === column.definition.name)) columns.push(column);
  const table = withArguments(machine, mapping, columns, problems, unplaced);
  placeReferences(table, schema);
  return table;
}

/** The columns that a class brings itself, by its mixins and by its abstract bases, but for names whose columns are there. */
function readColumns(machine: Machine, cls: PyClass, problems: string[], taken: Set<string>): ReadColumn[] {
  const groups: Entry[][] = [];
  /** Whatever stands under a name hides what the bases behind have there. */
  const settled = new Set(taken);
  const isSql = isSqlModel(cls);
  for (const base of ownBases(machine, cls)) {
    const entries: Entry[] = [];
    groups.push(entries);
    if (isObject(base) && base.kind === 'external') {
      const mixin = companionMixin(base.path);
      for (const [name, column] of mixin === null ? [] : mixinColumns(machine, mixin))
        if (!settled.has(name)) entries.push({ name, column, serial: -1, sortOrder: 0 });
      if (mixin === null && !bringsNoColumns(base.path))
        problems.push(`what columns ${base.path}, outside the project, brings is not known`);
    }
    if (!isObject(base) || base.kind !== 'class') continue;
    const ofDeclared: Entry[] = [];
    for (const name of namesInOrder(base)) {
      if (name.startsWith('__') || name.startsWith('@') || settled.has(name)) continue;
      const raw = base.attributes.get(name);
      const noted = base.annotations.get(name) ?? returnOf(raw);
      const annotation: Annotated | null = noted ? readAnnotation(machine, noted.annotation, noted.scope) : null;
      const value = raw === undefined ? undefined : declaredValue(machine, cls, base, name);
      const reads = columnsOfComposite(machine, cls, value, annotation) ?? [
        readMappedColumn(machine, cls, name, value, annotation, isSql),
      ];
      if (reads[0] !== null || value !== undefined) settled.add(name);
      for (const read of reads) {
        if (typeof read === 'string') problems.push(`${name}: ${read}`);
        if (read === null || typeof read === 'string') continue;
        problems.push(...read.problems);
        const made = asMade(value);
        const isDeclared = isObject(raw ?? null) && (raw as { kind: string }).kind === 'property';
        const ordered = [made, ...(annotation?.extras ?? []).map(asMade)].find((one) => one?.named.has('sort_order'));
        const sortOrder = integerOf(ordered?.named.get('sort_order') ?? null) ?? 0;
        const isClassic = made !== null && madePath(made) !== 'orm.mapped_column' && annotation?.isMapped !== true;
        const serial = !isClassic ? -1 : isDeclared ? Number.MAX_SAFE_INTEGER : (made.serial ?? -1);
        (isDeclared && base !== cls ? ofDeclared : entries).push({ name, column: read, serial, sortOrder });
      }
    }
    entries.push(...ofDeclared);
  }
  for (const { name } of groups.flat()) taken.add(name);
  return inOrder(groups, isSql).map(({ column }) => column);
}

interface Entry {
  name: string;
  column: ReadColumn;
  /** When its `Column` was made: the last for what a `declared_attr` makes; -1: it is no plain `Column`. */
  serial: number;
  sortOrder: number;
}

/**
 * SQLAlchemy 2 lays a class's own columns before those of its bases, the nearest first, then looks at `sort_order`; SQLAlchemy
 * 1.4, which is taken for what maps plain Columns alone, goes by when they were made. Pydantic's fields begin with the bases.
 */
function inOrder(groups: Entry[][], isSql: boolean): Entry[] {
  if (isSql) return groups.reverse().flat();
  const entries = groups.flat();
  const isClassic = entries.every(({ serial }) => serial >= 0);
  return entries.sort((a, b) => (isClassic ? a.serial - b.serial : a.sortOrder - b.sortOrder));
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

/** The value of an attribute for the class that is mapped: a `declared_attr` is called with it. */
function declaredValue(machine: Machine, cls: PyClass, base: PyClass, name: string): Value | undefined {
  const raw = base.attributes.get(name);
  if (raw !== undefined && isObject(raw) && raw.kind === 'property')
    return raw.how === 'declared' ? attributeOf(machine, cls, name) : null;
  if (raw !== undefined && isObject(raw) && raw.kind === 'function') return null;
  const field = asMade(raw);
  return field?.path === 'dataclasses.field' ? inMetadata(machine, cls, field) : raw;
}

/** `field(metadata={'sa': Column(…)})`, where `__sa_dataclass_metadata_key__` is `sa`. */
function inMetadata(machine: Machine, cls: PyClass, field: Made): Value {
  const key = textOf(findInClass(cls, '__sa_dataclass_metadata_key__') ?? null);
  const held = plain(field.named.get('metadata') ?? null);
  const value = key !== null && isObject(held) && held.kind === 'dict' ? (getText(held, key) ?? null) : null;
  const bare = plain(value);
  return isObject(bare) && bare.kind === 'function'
    ? callValue(machine, bare, { positional: [], named: new Map() }, field)
    : value;
}

function withArguments(
  machine: Machine,
  { name, arguments: given, isPlaced }: Extract<Mapping, { kind: 'table' }>,
  columns: ReadColumn[],
  problems: string[],
  unplaced: Set<string>,
): ReadTable {
  const constraints: ConstraintDefinition[] = [];
  const indexes: IndexDefinition[] = [];
  if (given.reason !== null) problems.push(`__table_args__: ${given.reason}`);
  for (const item of given.items) {
    const made = asMade(item);
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
  if (!isPlaced) unplaced.add(name.name);
  return assembleTable(machine, name, columns, constraints, indexes, given.options, problems);
}
