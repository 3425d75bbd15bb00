/**
 * sa.Column, constraints, Index and Table → definitions, with SQLAlchemy's rules for what nobody wrote: NOT NULL of keys,
 * SERIAL of a single integer key (sql/schema.py, PrimaryKeyConstraint._autoincrement_column), enum types of columns.
 * Longer than most files here: what a table is made of refers to its other parts, and is read in one pass over them.
 */
import { type QualifiedName, quoteIdentifier, quoteLiteral } from '../../../model/name.ts';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  IndexDefinition,
  IndexKeyDefinition,
  SequenceOptions,
  TableDefinition,
} from '../../../model/operation.ts';
import type { ReferentialAction } from '../../../model/schema.ts';
import {
  type Arguments,
  classAttribute,
  describe,
  integerOf,
  isObject,
  isUnknown,
  type Machine,
  type Made,
  plain,
  reasonOf,
  textOf,
  toItems,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { argument, flagOf, isAbsent, nameOf, textList } from './read-values.ts';
import { rawText, sqlText } from './sql-text.ts';
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
  /** One that the metadata makes and that fills the column, though not by a default of the database. */
  sequence?: QualifiedName;
  /** What could not be read of it. */
  problems: string[];
}

export function asMade(value: Value | undefined): Made | null {
  if (value === undefined) return null;
  const bare = plain(value);
  return isObject(bare) && bare.kind === 'made' ? bare : null;
}
export function madePath(value: Value | undefined): string | null {
  const made = asMade(value);
  return made && made.receiver === null ? canonicalPath(made.path) : null;
}
const argsOf = (made: Made): Arguments => ({ positional: made.positional, named: made.named });

export type DefaultReading =
  | { state: 'none' }
  | { state: 'text'; text: string }
  | { state: 'identity'; identity: 'always' | 'by default'; sequence: SequenceOptions }
  | { state: 'computed'; expression: string; stored: boolean }
  | { state: 'unknown'; reason: string };

/** `server_default=…` as SQLAlchemy renders it. */
export function readDefault(machine: Machine, value: Value | undefined): DefaultReading {
  if (value === undefined) return { state: 'none' };
  const bare = plain(value);
  if (bare === null) return { state: 'none' };
  const text = textOf(bare);
  if (text !== null) return { state: 'text', text: quoteLiteral(text) };
  const made = asMade(bare);
  if (made) {
    const path = canonicalPath(made.path);
    if (path === 'sa.Identity')
      return {
        state: 'identity',
        identity: flagOf(argument(argsOf(made), 0, 'always')) ? 'always' : 'by default',
        sequence: readSequenceOptions(argsOf(made), 2),
      };
    if (path === 'sa.Computed') {
      const expression =
        textOf(made.positional[0] ?? made.named.get('sqltext') ?? null) ??
        sqlText(machine, made.positional[0] ?? made.named.get('sqltext'));
      if (expression === null) return { state: 'unknown', reason: 'a generated column whose expression is not known' };
      return { state: 'computed', expression, stored: flagOf(made.named.get('persisted') ?? true) !== false };
    }
    if (path === 'sa.FetchedValue') return { state: 'none' };
    if (path === 'sa.DefaultClause') return readDefault(machine, made.positional[0]);
  }
  if (isObject(bare) && bare.kind === 'external' && /FetchedValue$/.test(bare.path)) return { state: 'none' };
  const expression = sqlText(machine, bare);
  return expression === null
    ? { state: 'unknown', reason: `its default is not known: ${isUnknown(bare) ? bare.reason : describe(bare)}` }
    : { state: 'text', text: expression };
}

/** Of `sa.Identity`, whose options stand from the place `first` on: start, increment, minvalue, maxvalue, …, cycle. */
function readSequenceOptions(args: Arguments, first: number): SequenceOptions {
  const number = (place: number, name: string) => {
    const value = argument(args, first + place, name);
    const read = value === undefined ? null : integerOf(value);
    return read === null ? undefined : String(read);
  };
  const start = number(0, 'start');
  const increment = number(1, 'increment');
  const minValue = number(2, 'minvalue');
  const maxValue = number(3, 'maxvalue');
  const cycle = flagOf(argument(args, first + 6, 'cycle'));
  return {
    ...(start === undefined ? {} : { start }),
    ...(increment === undefined ? {} : { increment }),
    ...(minValue === undefined ? {} : { minValue }),
    ...(maxValue === undefined ? {} : { maxValue }),
    ...(cycle ? { cycle } : {}),
  };
}

const actions = new Set(['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT']);
export function readAction(value: Value | undefined): ReferentialAction | undefined {
  const text = value === undefined ? null : textOf(value);
  const upper = text?.trim().toUpperCase().replace(/\s+/g, ' ');
  return upper !== undefined && actions.has(upper) ? (upper as ReferentialAction) : undefined;
}

/** `schema.table.column` or `table.column`. */
export function readTarget(
  machine: Machine,
  value: Value | undefined,
): { table: QualifiedName; column: string } | null {
  if (value === undefined) return null;
  const bare = plain(value);
  const text = textOf(bare);
  if (text !== null) {
    const parts = text.split('.');
    if (parts.length < 2) return { table: { schema: null, name: text }, column: '' };
    const column = parts.pop() as string;
    const name = parts.pop() as string;
    return { table: { schema: parts.length > 0 ? parts.join('.') : null, name }, column };
  }
  const column = asMade(bare);
  const member = isObject(bare) && bare.kind === 'member' ? bare : null;
  const cls = plain(column?.attributes.get('@class') ?? member?.object ?? null);
  if (isObject(cls) && cls.kind === 'class') {
    // Model.id, as a class of the project has it.
    const table = textOf(classAttribute(machine, cls, '__tablename__'));
    const stated = column ? nameOf(column.positional[0] ?? column.named.get('name'))?.name : undefined;
    const name = stated ?? member?.name ?? textOf(column?.attributes.get('@name') ?? null);
    if (table !== null && name !== null && name !== undefined)
      return { table: { schema: null, name: table }, column: name };
  }
  if (isObject(bare) && bare.kind === 'member') {
    // table.c.column
    const owner = plain(bare.object);
    const table =
      isObject(owner) && owner.kind === 'member' && (owner.name === 'c' || owner.name === 'columns')
        ? asMade(owner.object)
        : null;
    const name = table ? tableNameOf(table) : null;
    if (name) return { table: name, column: bare.name };
  }
  return null;
}

export function tableNameOf(made: Made): QualifiedName | null {
  const path = canonicalPath(made.path);
  if (path !== 'sa.Table' && path !== 'sa.table' && path !== 'sa.TableClause' && path !== 'op.create_table')
    return null;
  const name = nameOf(made.positional[0] ?? made.named.get('name'));
  const schema = nameOf(made.named.get('schema'));
  return name ? { schema: schema?.name ?? null, name: name.name } : null;
}

function deferrableOf(args: Arguments): ConstraintDefinition['deferrable'] {
  const initially = textOf(args.named.get('initially') ?? null)?.toUpperCase();
  const deferrable = flagOf(args.named.get('deferrable'));
  if (!deferrable && initially === undefined) return null;
  return initially === 'DEFERRED' ? 'initially deferred' : 'initially immediate';
}

function named(
  definition: ConstraintDefinition,
  name: { name: string; isFinal: boolean } | null,
): ConstraintDefinition {
  definition.name = name?.name ?? null;
  if (name?.isFinal) definition.nameIsFinal = true;
  return definition;
}

/** Keys with `use_alter=True`: CREATE TABLE leaves them out, `create_all` adds them afterwards, Alembic does not. */
const usesAlter = new WeakSet<ConstraintDefinition>();
export const isLeftOut = (constraint: ConstraintDefinition): boolean => usesAlter.has(constraint);

function readReference(machine: Machine, made: Made, column: string): ConstraintDefinition | string {
  const args = argsOf(made);
  const target = readTarget(machine, argument(args, 0, 'column'));
  if (!target) return `a foreign key whose target is not known: ${reasonOf(argument(args, 0, 'column') ?? null)}`;
  const definition: ConstraintDefinition = {
    name: null,
    type: 'f',
    columns: [column],
    references: {
      table: target.table,
      columns: target.column === '' ? [column] : [target.column],
      onDelete: readAction(args.named.get('ondelete')),
      onUpdate: readAction(args.named.get('onupdate')),
    },
    deferrable: deferrableOf(args),
  };
  if (textOf(args.named.get('match') ?? null)?.toUpperCase() === 'FULL' && definition.references)
    definition.references.match = 'FULL';
  if (flagOf(args.named.get('use_alter'))) usesAlter.add(definition);
  if (flagOf(args.named.get('postgresql_not_valid'))) definition.notValid = true;
  return named(definition, nameOf(args.named.get('name')));
}

/**
 * The index that GeoAlchemy2 gives a column when it joins a table (geoalchemy2, `after_parent_attach` and the table's
 * events; `idx_{table}_{column}`), unless `spatial_index=False` says not to.
 */
export function spatialIndex(table: QualifiedName, { type, definition }: ReadColumn): IndexDefinition | null {
  const { spatial } = type;
  if (spatial === undefined) return null;
  const key =
    spatial === 'raster'
      ? { text: `st_convexhull(${quoteIdentifier(definition.name)})`, isExpression: true }
      : {
          text: definition.name,
          isExpression: false,
          ...(spatial === 'dimensions' ? { operatorClass: 'gist_geometry_ops_nd' } : {}),
        };
  return { name: `idx_${table.name}_${definition.name}`, unique: false, method: 'gist', keys: [key] };
}

export function isColumn(value: Value): boolean {
  return madePath(value) === 'sa.Column' || madePath(value) === 'orm.mapped_column';
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
    problems,
  };
}

/** The CHECK that an Enum without a type of its own brings to its column, where it is asked for one. */
export function checkOfType(column: string, { enum: use }: ReadType): ConstraintDefinition | null {
  if (!use || use.isNative || !use.createsCheck || !use.labels) return null;
  const expression = `${quoteIdentifier(column)} IN (${use.labels.map(quoteLiteral).join(', ')})`;
  return { name: use.name, type: 'c', columns: [column], expression };
}

function sequenceOf(made: Made): { name: QualifiedName; isOptional: boolean } | null {
  const name = nameOf(made.positional[0] ?? made.named.get('name'));
  const schema = nameOf(made.named.get('schema'));
  const isOptional = flagOf(made.named.get('optional')) === true;
  return name === null ? null : { name: { schema: schema?.name ?? null, name: name.name }, isOptional };
}

/** A constraint object; null where the value is none, a string where it could not be read. */
export function readConstraint(
  machine: Machine,
  value: Value,
  ownColumns: string[] = [],
): ConstraintDefinition | null | string {
  const made = asMade(value);
  const path = made ? canonicalPath(made.path) : null;
  if (!made || path === null) return null;
  const args = argsOf(made);
  const name = nameOf(args.named.get('name'));
  switch (path) {
    case 'sa.PrimaryKeyConstraint':
    case 'sa.UniqueConstraint': {
      const columns = columnNames(machine, args.positional);
      if (columns === null) return 'a key whose columns are not known';
      const definition: ConstraintDefinition = {
        name: null,
        type: path === 'sa.UniqueConstraint' ? 'u' : 'p',
        columns: columns.length > 0 ? columns : ownColumns,
        deferrable: deferrableOf(args),
      };
      if (flagOf(args.named.get('postgresql_nulls_not_distinct'))) definition.nullsNotDistinct = true;
      const include = textList(machine, args.named.get('postgresql_include'));
      if (include && include.length > 0) definition.include = include;
      return named(definition, name);
    }
    case 'sa.ForeignKeyConstraint': {
      const given = argument(args, 0, 'columns');
      const columns = textList(machine, given) ?? columnNames(machine, toItems(machine, given ?? null) ?? [null]);
      const targets = toItems(machine, argument(args, 1, 'refcolumns') ?? null)?.map((target) =>
        readTarget(machine, target),
      );
      if (columns === null || !targets || targets.length === 0 || targets.some((target) => target === null))
        return 'a foreign key whose columns are not known';
      const first = targets[0] as { table: QualifiedName; column: string };
      const definition: ConstraintDefinition = {
        name: null,
        type: 'f',
        columns,
        references: {
          table: first.table,
          columns: targets.map((target) => target?.column ?? ''),
          onDelete: readAction(argument(args, 4, 'ondelete')),
          onUpdate: readAction(argument(args, 3, 'onupdate')),
        },
        deferrable: deferrableOf(args),
      };
      if (textOf(args.named.get('match') ?? null)?.toUpperCase() === 'FULL' && definition.references)
        definition.references.match = 'FULL';
      if (flagOf(argument(args, 8, 'use_alter'))) usesAlter.add(definition);
      if (flagOf(args.named.get('postgresql_not_valid'))) definition.notValid = true;
      return named(definition, nameOf(argument(args, 2, 'name')));
    }
    case 'sa.CheckConstraint': {
      const source = argument(args, 0, 'sqltext');
      const expression =
        source === undefined ? null : textOf(source) === null ? sqlText(machine, source) : (textOf(source) as string);
      if (expression === null)
        return `a check whose condition is not known${source === undefined ? '' : `: ${reasonOf(source)}`}`;
      const definition: ConstraintDefinition = { name: null, type: 'c', columns: [], expression, deferrable: null };
      if (flagOf(args.named.get('postgresql_not_valid'))) definition.notValid = true;
      return named(definition, nameOf(argument(args, 1, 'name')));
    }
    case 'postgresql.ExcludeConstraint':
      return readExclude(machine, args);
    default:
      return null;
  }
}

function columnNames(machine: Machine, values: Value[]): string[] | null {
  const names: string[] = [];
  for (const value of values) {
    const name = nameOf(value)?.name ?? columnName(machine, value);
    if (name === null) return null;
    names.push(name);
  }
  return names;
}

const isColumnPath = (made: Made): boolean =>
  /^(sa\.[cC]olumn|orm\.mapped_column)$/.test(canonicalPath(made.path) ?? '');

function columnName(machine: Machine, value: Value): string | null {
  const bare = plain(value);
  if (isObject(bare) && bare.kind === 'member') return bare.name;
  const made = asMade(bare);
  if (made && isColumnPath(made)) {
    return nameOf(made.positional[0] ?? made.named.get('name'))?.name ?? textOf(made.attributes.get('@name') ?? null);
  }
  void machine;
  return null;
}

export function readExclude(machine: Machine, args: Arguments): ConstraintDefinition | string {
  const elements: string[] = [];
  const columns: string[] = [];
  for (const element of args.positional) {
    const pair = toItems(machine, element);
    const operator = pair ? textOf(pair[1] ?? null) : null;
    const head = pair?.[0];
    if (head === undefined || operator === null) return 'an exclusion whose elements are not known';
    const name = nameOf(head)?.name ?? columnName(machine, head);
    const text = name === null ? sqlText(machine, head) : quoteIdentifier(name);
    if (text === null) return 'an exclusion whose elements are not known';
    if (name !== null) columns.push(name);
    elements.push(`${text} WITH ${operator}`);
  }
  const using = textOf(args.named.get('using') ?? null) ?? 'gist';
  const where = args.named.get('where');
  const condition = isAbsent(where) ? null : (rawText(where) ?? textOf(where as Value) ?? sqlText(machine, where));
  const definition: ConstraintDefinition = {
    name: null,
    type: 'x',
    columns,
    definition: `EXCLUDE USING ${using} (${elements.join(', ')})${condition === null ? '' : ` WHERE (${condition})`}`,
    deferrable: deferrableOf(args),
  };
  return named(definition, nameOf(args.named.get('name')));
}

/** The keys and options of an index; `ops` etc. are `postgresql_*` arguments. */
export function readIndex(
  machine: Machine,
  name: { name: string; isFinal: boolean } | null,
  keys: Value[],
  options: ReadonlyMap<string, Value>,
): IndexDefinition | string {
  const operatorClasses = plain(options.get('postgresql_ops') ?? null);
  const read: IndexKeyDefinition[] = [];
  for (const key of keys) {
    const [one, ...more] = readIndexKeys(machine, key);
    if (one === undefined) return `an index whose keys are not known: ${reasonOf(key)}`;
    if (isObject(operatorClasses) && operatorClasses.kind === 'dict') {
      const column = one.isExpression ? (keyLabel(key) ?? one.text) : one.text;
      const operatorClass = operatorClasses.map.get(`s${column}`)?.[1];
      const text = operatorClass === undefined ? null : textOf(operatorClass);
      if (text !== null) one.operatorClass = text;
    }
    read.push(one, ...more);
  }
  const definition: IndexDefinition = {
    name: name?.name ?? null,
    unique: flagOf(options.get('unique')) === true,
    method: textOf(options.get('postgresql_using') ?? null)?.toLowerCase() ?? 'btree',
    keys: read,
  };
  if (name?.isFinal) definition.nameIsFinal = true;
  if (read.length === 0) return 'an index without keys';
  const include = textList(machine, options.get('postgresql_include'));
  if (include === null) return 'an index whose included columns are not known';
  if (include.length > 0) definition.include = include;
  const where = options.get('postgresql_where');
  if (!isAbsent(where)) {
    const text = rawText(where) ?? (textOf(where as Value) === null ? sqlText(machine, where) : textOf(where as Value));
    if (text === null) return `an index whose condition is not known: ${reasonOf(where as Value)}`;
    definition.where = text;
  }
  if (flagOf(options.get('postgresql_concurrently'))) definition.concurrently = true;
  if (flagOf(options.get('postgresql_nulls_not_distinct'))) definition.nullsNotDistinct = true;
  return definition;
}

function keyLabel(key: Value): string | null {
  const made = asMade(key);
  return made && made.path === '.label' ? textOf(made.positional[0] ?? null) : null;
}

const orderSuffix = /^([\s\S]*?)(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(FIRST|LAST))?$/i;

/** None: not known. A text may hold several, as SQLAlchemy puts it between the parentheses as it is. */
function readIndexKeys(machine: Machine, value: Value): IndexKeyDefinition[] {
  const direct = nameOf(value)?.name ?? columnName(machine, value);
  if (direct !== null) return [{ text: direct, isExpression: false }];
  const text = sqlText(machine, value, false);
  if (text === null) return [];
  return (rawText(value) === null ? [text] : splitAtCommas(text)).map(parseIndexKey);
}

/** Cut at the commas outside parentheses, brackets and quotes. */
function splitAtCommas(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const [token] of text.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[\s\S]/g)) {
    if (token === '(' || token === '[') depth++;
    else if (token === ')' || token === ']') depth--;
    if (token === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += token;
  }
  return parts;
}

/** `lower(name) DESC`, `name text_pattern_ops`: an index key given as text. */
export function parseIndexKey(text: string): IndexKeyDefinition {
  const match = orderSuffix.exec(text.trim()) as RegExpExecArray;
  let body = (match[1] as string).trim();
  const key: IndexKeyDefinition = { text: body, isExpression: true };
  if (match[2]?.toUpperCase() === 'DESC') key.descending = true;
  if (match[3]) key.nullsFirst = match[3].toUpperCase() === 'FIRST';
  const withClass = /^((?:"[^"]+")|(?:[a-zA-Z_][\w$]*)|(?:[\s\S]*\)))\s+([a-z_]\w*_ops)$/.exec(body);
  if (withClass) {
    key.operatorClass = withClass[2] as string;
    body = withClass[1] as string;
  }
  if (/^[a-z_][\w$]*$/i.test(body)) {
    key.text = body.toLowerCase();
    key.isExpression = false;
  } else if (/^"(?:[^"]|"")+"$/.test(body)) {
    key.text = body.slice(1, -1).replaceAll('""', '"');
    key.isExpression = false;
  } else key.text = body;
  return key;
}

export interface ReadTable {
  table: TableDefinition;
  enums: EnumUse[];
  sequences: QualifiedName[];
  problems: string[];
}

/** Columns and constraints of `op.create_table` or `sa.Table`, put together as SQLAlchemy compiles them. */
export function readTable(
  machine: Machine,
  name: QualifiedName,
  items: Value[],
  options: ReadonlyMap<string, Value>,
): ReadTable {
  const columns: ReadColumn[] = [];
  const constraints: ConstraintDefinition[] = [];
  const indexes: IndexDefinition[] = [];
  const problems: string[] = [];
  for (const item of items) {
    const bare = plain(item);
    if (bare === null) continue;
    if (isColumn(bare)) {
      const column = readColumn(machine, bare);
      if (typeof column === 'string') problems.push(column);
      else {
        columns.push(column);
        problems.push(...column.problems);
      }
      continue;
    }
    const path = madePath(bare);
    if (path === 'sa.Index') {
      const made = asMade(bare) as Made;
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
    const constraint = readConstraint(machine, bare);
    if (typeof constraint === 'string') problems.push(constraint);
    else if (constraint) constraints.push(constraint);
    else if (!isObject(bare) || isUnknown(bare) || path === null || !path.startsWith('sa.'))
      problems.push(`an element that could not be read: ${reasonOf(bare)}`);
  }
  return assembleTable(machine, name, columns, constraints, indexes, options, problems);
}

export function assembleTable(
  machine: Machine,
  name: QualifiedName,
  columns: ReadColumn[],
  constraints: ConstraintDefinition[],
  indexes: IndexDefinition[],
  options: ReadonlyMap<string, Value>,
  problems: string[],
): ReadTable {
  const inlineKey = columns.filter((column) => column.isPrimaryKey).map((column) => column.definition.name);
  let primary = constraints.find((constraint) => constraint.type === 'p');
  if (!primary && inlineKey.length > 0) {
    primary = { name: null, type: 'p', columns: inlineKey };
    constraints.unshift(primary);
  }
  for (const column of columns) {
    if (column.unique && !column.index) constraints.push({ name: null, type: 'u', columns: [column.definition.name] });
    if (column.index)
      indexes.push({
        name: null,
        unique: column.unique,
        method: 'btree',
        keys: [{ text: column.definition.name, isExpression: false }],
      });
    const spatial = spatialIndex(name, column);
    if (spatial !== null) indexes.push(spatial);
    const inline = column.definition.constraints ?? [];
    // Only foreign keys and checks stand at the column in SQLAlchemy's DDL; their meaning is the table's all the same.
    delete column.definition.constraints;
    constraints.push(...inline);
  }
  markSerial(columns, constraints, primary ?? null);
  if (primary)
    for (const column of columns)
      if (primary.columns.includes(column.definition.name)) column.definition.notNull = true;
  const table: TableDefinition = { name, columns: columns.map((column) => column.definition), constraints, indexes };
  const comment = options.get('comment');
  if (!isAbsent(comment)) table.comment = textOf(comment as Value);
  const partition = options.get('postgresql_partition_by');
  if (!isAbsent(partition)) table.partitionKey = textOf(partition as Value);
  const inherits = options.get('postgresql_inherits');
  if (!isAbsent(inherits))
    table.inherits = (textList(machine, inherits) ?? []).map((parent) => ({ schema: null, name: parent }));
  const prefixes = textList(machine, options.get('prefixes')) ?? [];
  if (prefixes.some((prefix) => /UNLOGGED/i.test(prefix))) table.unlogged = true;
  if (prefixes.some((prefix) => /TEMP/i.test(prefix))) table.temporary = true;
  const sequences = columns.flatMap(({ sequence }) => sequence ?? []);
  return { table, enums: columns.flatMap((column) => column.enums), sequences, problems };
}

export function markSerial(
  columns: ReadColumn[],
  constraints: ConstraintDefinition[],
  primary: ConstraintDefinition | null,
): void {
  if (!primary) return;
  const keys = columns.filter((column) => primary.columns.includes(column.definition.name));
  const single = keys.length === 1 && primary.columns.length === 1 ? (keys[0] as ReadColumn) : null;
  const candidate = single ?? keys.find((column) => column.autoincrement === true) ?? null;
  if (!candidate || candidate.autoincrement === false || candidate.type.integral === undefined) return;
  const isForced = candidate.autoincrement === true;
  if (candidate.definition.identity !== null || candidate.definition.generated !== null) return;
  if (!isForced) {
    if (candidate.hasServerDefault || candidate.hasDefault) return;
    const references = constraints.some(
      (constraint) => constraint.type === 'f' && constraint.columns.includes(candidate.definition.name),
    );
    if (references && candidate.autoincrement !== 'ignore_fk') return;
  } else if (candidate.hasServerDefault) return;
  candidate.definition.serial = true;
  if (candidate.type.integral === 'numeric') candidate.definition.type = 'integer';
}
