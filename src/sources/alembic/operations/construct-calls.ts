/**
 * Methods of what SQLAlchemy's constructors made: enum types, tables, metadata, sequences, indexes; and what may reach the
 * database at all.
 */
import {
  type Arguments,
  declare,
  describe,
  type External,
  isObject,
  type Machine,
  type Made,
  newList,
  noNames,
  plain,
  remember,
  toItems,
  unknown,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { createFromTable, inOrderOfReferences, sequenceOptions, tableOfIndex } from './ddl-constructs.ts';
import { type Effects, emit, opaque } from './effects.ts';
import { runStatement } from './execute.ts';
import { readIndex } from './indexes.ts';
import { inspect } from './inspector.ts';
import { tell } from './listeners.ts';
import { asMade, tableNameOf } from './made.ts';
import { qualified } from './op.ts';
import { flagOf, isAbsent, nameOf, textList } from './read-values.ts';
import { reflectMetadata, reflectTable } from './reflection.ts';
import { readType } from './types.ts';

/** Whether something that was handed to a call nobody can read could reach the database. */
export function touchesDatabase(value: Value, depth = 0): boolean {
  const bare = plain(value);
  if (!isObject(bare) || depth > 4) return false;
  if (bare.kind === 'external') return bare.path === 'alembic.op' || bare.path.startsWith('alembic.op.');
  if (bare.kind === 'made')
    return (
      /^@(bind|context|session|op|batch|inspector)/.test(bare.path) || bare.path === 'alembic.op.batch_alter_table'
    );
  if (bare.kind === 'member') return touchesDatabase(bare.object, depth + 1);
  if (bare.kind === 'bound') return touchesDatabase(bare.self, depth + 1);
  return false;
}

export function isEffectful(args: Arguments): boolean {
  return [...args.positional, ...args.named.values()].some((value) => touchesDatabase(value));
}

/** A Table lives in its MetaData, so that `metadata.create_all(bind)` finds it. */
export function makeTable(
  machine: Machine,
  effects: Effects,
  callee: External,
  args: Arguments,
  site: { from: number; to: number },
): Value {
  const frame = machine.frames[machine.frames.length - 1];
  const made: Made = {
    kind: 'made',
    path: callee.path,
    receiver: null,
    positional: args.positional,
    named: args.named,
    from: site.from,
    to: site.to,
    file: frame?.module.file ?? '',
    attributes: noNames,
  };
  const metadata = asMade(args.positional[1] ?? args.named.get('metadata'));
  if (metadata) {
    const known = metadata.attributes.get('@tables');
    if (known !== undefined && isObject(known) && known.kind === 'list') known.items.push(made);
    else remember(metadata, '@tables', newList(machine, [made]));
  }
  reflectTable(machine, effects, made);
  declare(machine, made);
  return made;
}

/** Methods of what SQLAlchemy's constructors made: enum types, tables, metadata, sequences, indexes. */
export function callMadeMethod(
  machine: Machine,
  effects: Effects,
  made: Made,
  name: string,
  args: Arguments,
): Value | undefined {
  const path = canonicalPath(made.path) ?? '';
  const type = typeMethod(machine, effects, made, name, args);
  if (type !== undefined) return type;
  // Statements of SQLAlchemy 1 run by themselves: `DDL(…).execute(bind)`.
  if (name === 'execute' && /^sa\.(?:DDL|text|(?:Create|Drop|Add)[A-Z]\w+)$/.test(path))
    return runStatement(machine, effects, { positional: [made], named: new Map() }, false);
  const checkFirst = flagOf(args.named.get('checkfirst') ?? args.positional[1]);
  if (path === 'sa.Table' || path === 'op.create_table') {
    if (name === 'create') {
      createFromTable(
        machine,
        effects,
        made,
        flagOf(args.named.get('checkfirst') ?? args.positional[1]) === true,
        null,
      );
      return null;
    }
    const table = tableNameOf(made);
    if (name === 'drop' && table) {
      emit(machine, effects, { kind: 'dropTable', table, ...(checkFirst ? { ifExists: true } : {}) });
      return null;
    }
    if (name === 'append_column' || name === 'append_constraint') {
      made.positional.push(...args.positional);
      return null;
    }
    if (name === 'exists')
      return inspect(machine, effects, 'has_table', { positional: [made.positional[0] ?? null], named: new Map() });
    return undefined;
  }
  if (path === 'sa.MetaData') {
    const tables = made.attributes.get('@tables');
    const list = tables !== undefined && isObject(tables) && tables.kind === 'list' ? tables.items : [];
    if (name === 'create_all' || name === 'drop_all') {
      const wanted = args.named.get('tables') ?? args.positional[1];
      const chosen = isAbsent(wanted) ? list : (toItems(machine, wanted as Value) ?? []);
      tell(machine, effects, made, name === 'create_all' ? 'before_create' : 'before_drop');
      if (chosen.length === 0) opaque(machine, effects, `metadata.${name}() of tables that are not known`, []);
      const tables = chosen.flatMap((item) => asMade(item) ?? []);
      if (tables.length < chosen.length)
        opaque(machine, effects, `metadata.${name}() of a table that is not known`, []);
      for (const table of inOrderOfReferences(machine, tables)) {
        const tableName = tableNameOf(table);
        if (!tableName) opaque(machine, effects, `metadata.${name}() of a table that is not known`, []);
        else if (name === 'create_all') createFromTable(machine, effects, table, true, null);
        else emit(machine, effects, { kind: 'dropTable', table: tableName, ifExists: true });
      }
      tell(machine, effects, made, name === 'create_all' ? 'after_create' : 'after_drop');
      return null;
    }
    if (name === 'reflect') {
      reflectMetadata(machine, effects, made, args);
      return null;
    }
    return undefined;
  }
  // What a dialect makes of a type is read as the type.
  if (name === 'dialect_impl' || name === 'load_dialect_impl') return made;
  // A copy that no table has yet (sql/schema.py, Column._copy).
  if (/^sa\.(Column|\w+Constraint|ForeignKey)$/.test(path) && /^_?copy$/.test(name))
    return { ...made, named: new Map(made.named), attributes: new Map(made.attributes) };
  if (name === 'ddl_if' && /^(?:sa\.(?:Index|\w+Constraint)|postgresql\.ExcludeConstraint)$/.test(path)) {
    // One that a function decides on is not known.
    const dialects = textList(machine, args.named.get('dialect') ?? args.positional[0]);
    if (dialects === null || dialects.length === 0) return undefined;
    if (!dialects.includes('postgresql')) remember(made, '@elsewhere', true);
    return made;
  }
  if (path === 'sa.Sequence' && (name === 'create' || name === 'drop')) {
    const sequence = qualified(made.positional[0] ?? made.named.get('name'), made.named.get('schema'));
    if (!sequence) opaque(machine, effects, 'a sequence whose name is not known', []);
    else if (name === 'create')
      emit(machine, effects, {
        kind: 'createSequence',
        name: sequence,
        ...sequenceOptions(made),
        ...(checkFirst === true || args.named.get('checkfirst') === undefined ? { ifNotExists: true } : {}),
      });
    else emit(machine, effects, { kind: 'dropSequence', name: sequence, ifExists: true });
    return null;
  }
  if (path === 'sa.Index' && (name === 'create' || name === 'drop')) {
    const index = readIndex(machine, nameOf(made.positional[0]), made.positional.slice(1), made.named);
    const table = tableOfIndex(made);
    if (typeof index === 'string' || !table)
      opaque(machine, effects, typeof index === 'string' ? index : 'an index whose table is not known', []);
    else if (name === 'create') emit(machine, effects, { kind: 'createIndex', table, index });
    else emit(machine, effects, { kind: 'dropIndex', index: { schema: table.schema, name: index.name ?? '' }, table });
    return null;
  }
  if (isEffectful(args)) {
    opaque(machine, effects, `${describe(made)}.${name}() may change the database`, []);
    return unknown(`what ${describe(made)}.${name}() gives`);
  }
  return undefined;
}

/** `.create(bind, checkfirst=…)` and `.drop(…)` of an enum type. */
export function typeMethod(
  machine: Machine,
  effects: Effects,
  value: Value,
  name: string,
  args: Arguments,
): Value | undefined {
  if (name !== 'create' && name !== 'drop') return undefined;
  const read = readType(machine, value);
  const use = read.enum;
  // Without a type of its own in the database there is nothing to make (sqltypes.SchemaType.create).
  if (use?.isNative === false) return null;
  if (use === undefined || use.name === null) return undefined;
  const checkFirst =
    flagOf(
      args.named.get('checkfirst') ??
        args.positional[1] ??
        (name === 'create' || name === 'drop' ? defaultCheckFirst(value) : false),
    ) === true;
  const typeName = { schema: use.schema, name: use.name };
  if (name === 'create') {
    if (use.labels === null)
      opaque(machine, effects, `the labels of the enum type ${use.name} are not known`, [typeName]);
    else
      emit(machine, effects, {
        kind: 'createEnum',
        name: typeName,
        labels: use.labels,
        ...(checkFirst ? { checkFirst: true } : {}),
      });
  } else emit(machine, effects, { kind: 'dropType', name: typeName, ...(checkFirst ? { checkFirst: true } : {}) });
  return null;
}

/** postgresql.ENUM asks first unless told not to; sa.Enum does not (sqltypes.SchemaType.create, checkfirst=False; 2.0: True for ENUM). */
function defaultCheckFirst(value: Value): Value {
  const made = asMade(value);
  return made !== null && (canonicalPath(made.path) ?? '').startsWith('postgresql.');
}
