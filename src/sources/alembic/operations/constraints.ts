/** Keys, references, checks and exclusions as SQLAlchemy's objects state them → ConstraintDefinition. */
import { type QualifiedName, quoteIdentifier, quoteLiteral } from '../../../model/name.ts';
import type { ConstraintDefinition } from '../../../model/operation.ts';
import type { ReferentialAction } from '../../../model/schema.ts';
import {
  type Arguments,
  classAttribute,
  isObject,
  type Machine,
  type Made,
  plain,
  reasonOf,
  textOf,
  toItems,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { nameOfTable, tableOfClass } from './declarative.ts';
import { argsOf, asMade, columnName, columnNames } from './made.ts';
import { argument, flagOf, isAbsent, nameOf, textList } from './read-values.ts';
import { rawText, sqlText } from './sql-text.ts';
import type { ReadType } from './types.ts';

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
    const known = tableOfClass(machine, cls);
    const text = known === null ? textOf(classAttribute(machine, cls, '__tablename__')) : null;
    const table = known ?? (text === null ? null : { schema: null, name: text });
    const stated = column ? nameOf(column.positional[0] ?? column.named.get('name'))?.name : undefined;
    const name = stated ?? member?.name ?? textOf(column?.attributes.get('@name') ?? null);
    if (table !== null && name !== null && name !== undefined) return { table, column: name };
  }
  if (isObject(bare) && bare.kind === 'member') {
    // table.c.column
    const owner = plain(bare.object);
    const holder =
      isObject(owner) && owner.kind === 'member' && (owner.name === 'c' || owner.name === 'columns')
        ? plain(owner.object)
        : null;
    const made = asMade(holder);
    const model =
      isObject(holder) && holder.kind === 'member' && holder.name === '__table__' ? plain(holder.object) : null;
    const name = made
      ? nameOfTable(made)
      : isObject(model) && model.kind === 'class'
        ? tableOfClass(machine, model)
        : null;
    if (name) return { table: name, column: bare.name };
  }
  return null;
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

export function readReference(machine: Machine, made: Made, column: string): ConstraintDefinition | string {
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

/** The CHECK that an Enum without a type of its own brings to its column, where it is asked for one. */
export function checkOfType(column: string, { enum: use }: ReadType): ConstraintDefinition | null {
  if (!use || use.isNative || !use.createsCheck || !use.labels) return null;
  const expression = `${quoteIdentifier(column)} IN (${use.labels.map(quoteLiteral).join(', ')})`;
  return { name: use.name, type: 'c', columns: [column], expression };
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
      const columns = columnNames(args.positional);
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
      const columns = textList(machine, given) ?? columnNames(toItems(machine, given ?? null) ?? [null]);
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

export function readExclude(machine: Machine, args: Arguments): ConstraintDefinition | string {
  const elements: string[] = [];
  const columns: string[] = [];
  for (const element of args.positional) {
    const pair = toItems(machine, element);
    const operator = pair ? textOf(pair[1] ?? null) : null;
    const head = pair?.[0];
    if (head === undefined || operator === null) return 'an exclusion whose elements are not known';
    const name = nameOf(head)?.name ?? columnName(head);
    const text = name === null ? sqlText(machine, head) : quoteIdentifier(name);
    if (text === null) return 'an exclusion whose elements are not known';
    if (name !== null) columns.push(name);
    elements.push(`${text} WITH ${operator}`);
  }
  const using = textOf(args.named.get('using') ?? null) ?? 'gist';
  const where = args.named.get('where');
  const condition = isAbsent(where) ? null : (rawText(where) ?? textOf(where as Value) ?? sqlText(machine, where));
  const deferrable = deferrableOf(args);
  // Its text is all that is kept of it.
  const ending =
    deferrable === null ? '' : ` DEFERRABLE${deferrable === 'initially deferred' ? ' INITIALLY DEFERRED' : ''}`;
  const definition: ConstraintDefinition = {
    name: null,
    type: 'x',
    columns,
    definition: `EXCLUDE USING ${using} (${elements.join(', ')})${condition === null ? '' : ` WHERE (${condition})`}${ending}`,
    deferrable,
  };
  return named(definition, nameOf(args.named.get('name')));
}
