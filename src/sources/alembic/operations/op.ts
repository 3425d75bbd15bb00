/**
 * `op.*` and `batch_op.*` → Operations, as alembic/operations/ops.py and toimpl.py would carry them out on PostgreSQL.
 * Longer than most files here: one entry for each function of `op`.
 */
import type { QualifiedName } from '../../../model/name.ts';
import type { ConstraintDefinition, UnplacedOperation } from '../../../model/operation.ts';
import {
  type Arguments,
  describe,
  isObject,
  type Machine,
  plain,
  reasonOf,
  textOf,
  toItems,
  type Value,
} from '../python/index.ts';
import { readColumn } from './columns.ts';
import { checkOfType, isLeftOut, readAction, readExclude } from './constraints.ts';
import { rowsGiven } from './core-rows.ts';
import { readDefault } from './defaults.ts';
import { type Effects, emit, opaque } from './effects.ts';
import { runSql } from './execute.ts';
import { readIndex, spatialIndex } from './indexes.ts';
import { asMade, tableNameOf } from './made.ts';
import { argument, conditionAmong, flagOf, isAbsent, nameOf, textList } from './read-values.ts';
import { sqlText, textBody } from './sql-text.ts';
import { readTable } from './tables.ts';
import { type EnumUse, readType } from './types.ts';

/** What a `batch_alter_table` block fixes for the calls in it. */
export interface Batch {
  table: Value;
  schema: Value | undefined;
}

interface Call {
  machine: Machine;
  effects: Effects;
  args: Arguments;
  batch: Batch | null;
  /** The column comes without the index that its type would bring. */
  isBare?: boolean;
}

type Handler = (call: Call) => Value | undefined;

const say = (call: Call, operation: UnplacedOperation): void =>
  emit(call.machine, call.effects, operation, {
    condition: conditionAmong([...call.args.positional, ...call.args.named.values()]),
  });
const lose = (call: Call, reason: string, table: QualifiedName | null): void =>
  opaque(call.machine, call.effects, reason, table ? [table] : []);

/** The table an operation is about: the batch's, or the argument at `index`. */
function tableOf(call: Call, index: number, ...names: string[]): QualifiedName | null {
  const value = call.batch ? call.batch.table : argument(call.args, index, ...names);
  const schema = call.args.named.get('schema') ?? call.args.named.get('source_schema') ?? call.batch?.schema;
  return qualified(value, schema);
}

export function qualified(value: Value | undefined, schema: Value | undefined): QualifiedName | null {
  const name = nameOf(value);
  if (!name) {
    const table = asMade(value);
    const own = table ? tableNameOf(table) : null;
    return own;
  }
  const schemaName = isAbsent(schema) ? null : (nameOf(schema)?.name ?? undefined);
  if (schemaName === undefined) return null;
  return { schema: schemaName, name: name.name };
}

/** In a batch the table argument is not given: positions move up by one. */
function at(call: Call, index: number): number {
  return call.batch ? index - 1 : index;
}

export function emitEnums(
  machine: Machine,
  effects: Effects,
  enums: EnumUse[],
  table: QualifiedName,
  condition: string | null,
): void {
  for (const use of enums) {
    if (!use.createsType || use.name === null) continue;
    const name = { schema: use.schema ?? (use.inheritsSchema ? table.schema : null), name: use.name };
    if (use.labels === null) opaque(machine, effects, `the labels of the enum type ${use.name} are not known`, [name]);
    else {
      // SQLAlchemy remembers the types it made in one run (dialects/postgresql/base.py, _check_for_name_in_memos).
      const key = `${name.schema}.${name.name}`;
      if (effects.madeTypes.has(key)) continue;
      effects.madeTypes.add(key);
      const isThere = [...effects.sink.schema().enums.values()].some(
        (type) => type.name === name.name && (name.schema === null || type.namespace === name.schema),
      );
      const unsure =
        use.wantsNoType && isThere ? 'SQLAlchemy is older than 2.1, where sa.Enum has no create_type' : null;
      emit(
        machine,
        effects,
        { kind: 'createEnum', name, labels: use.labels, implicit: true },
        {
          condition: condition ?? unsure,
        },
      );
    }
  }
}

function createTable(call: Call): Value | undefined {
  const table = tableOf(call, 0, 'table_name', 'name');
  if (!table) {
    lose(call, `a table whose name is not known: ${reasonOf(argument(call.args, 0, 'table_name') ?? null)}`, null);
    return undefined;
  }
  const read = readTable(call.machine, table, call.args.positional.slice(1), call.args.named);
  read.table.constraints = read.table.constraints.filter((constraint) => !isLeftOut(constraint));
  const condition = conditionAmong([...call.args.positional, ...call.args.named.values()]);
  emitEnums(call.machine, call.effects, read.enums, table, condition);
  const ifNotExists = flagOf(call.args.named.get('if_not_exists')) === true;
  emit(
    call.machine,
    call.effects,
    { kind: 'createTable', table: read.table, ...(ifNotExists ? { ifNotExists } : {}) },
    { condition },
  );
  tell(call, read.problems, table);
  return undefined;
}

function tell(call: Call, problems: string[], table: QualifiedName): void {
  for (const problem of problems) lose(call, problem, table);
}

function addColumn(call: Call): undefined {
  const table = tableOf(call, 0, 'table_name');
  const value = argument(call.args, at(call, 1), 'column');
  const column = value === undefined ? 'a column that is not given' : readColumn(call.machine, value);
  if (!table || typeof column === 'string') {
    lose(call, table ? (column as string) : 'a column of a table whose name is not known', table);
    return undefined;
  }
  const { definition } = column;
  const constraints = definition.constraints ?? [];
  delete definition.constraints;
  if (
    column.isPrimaryKey &&
    column.autoincrement !== false &&
    column.type.integral &&
    !column.hasServerDefault &&
    !column.hasDefault &&
    definition.identity === null &&
    !constraints.some((one) => one.type === 'f')
  )
    definition.serial = true;
  const ifNotExists = flagOf(call.args.named.get('if_not_exists')) === true;
  say(call, { kind: 'addColumn', table, column: definition, ...(ifNotExists ? { ifNotExists } : {}) });
  if (column.unique && !column.index) constraints.push({ name: null, type: 'u', columns: [definition.name] });
  for (const constraint of constraints) say(call, { kind: 'addConstraint', table, constraint });
  if (column.index)
    say(call, {
      kind: 'createIndex',
      table,
      index: {
        name: null,
        unique: column.unique,
        method: 'btree',
        keys: [{ text: definition.name, isExpression: false }],
      },
    });
  const spatial = call.isBare ? null : spatialIndex(table, column);
  if (spatial !== null) say(call, { kind: 'createIndex', table, index: spatial });
  tell(call, column.problems, table);
  return undefined;
}

const changeArguments = ['nullable', 'comment', 'server_default', 'new_column_name', 'name', 'type_', 'autoincrement'];

function alterColumn(call: Call): undefined {
  const { args, machine } = call;
  const table = tableOf(call, 0, 'table_name');
  const column = nameOf(argument(args, at(call, 1), 'column_name'))?.name ?? null;
  // Without a change Alembic writes no statement, whatever stands for the column's name.
  if (table && !changeArguments.some((name) => args.named.has(name))) return undefined;
  if (!table || column === null) {
    lose(call, 'a change of a column whose name is not known', table);
    return undefined;
  }
  const problems: string[] = [];
  const change: UnplacedOperation & { kind: 'alterColumn' } = { kind: 'alterColumn', table, column };
  let changes = false;
  let check: ConstraintDefinition | null = null;
  const nullable = args.named.get('nullable');
  if (nullable !== undefined && plain(nullable) !== null) {
    const flag = flagOf(nullable);
    if (flag === null) problems.push(`whether ${column} may be null is not known`);
    else {
      change.notNull = !flag;
      changes = true;
    }
  }
  const type = args.named.get('type_');
  if (!isAbsent(type)) {
    const read = readType(machine, type);
    // Alembic takes the old type's CHECK away and adds the new one's (operations/toimpl.py, alter_column).
    const existing = args.named.get('existing_type');
    const before = isAbsent(existing) ? null : checkOfType(column, readType(machine, existing));
    if (before?.name) say(call, { kind: 'dropConstraint', table, constraint: before.name, type: 'c' });
    check = checkOfType(column, read);
    if (read.type === null) problems.push(`${column}: ${read.reason}`);
    change.type = read.type;
    if (read.typeName) change.typeName = read.typeName;
    if (read.collation) change.collation = read.collation;
    const using = args.named.get('postgresql_using');
    if (!isAbsent(using)) change.using = textOf(using as Value) ?? sqlText(machine, using);
    changes = true;
  }
  const fallback = args.named.get('server_default');
  if (fallback !== undefined && plain(fallback) !== false) {
    const read = readDefault(machine, fallback);
    if (read.state === 'unknown') problems.push(`${column}: ${read.reason}`);
    else if (read.state === 'identity') change.identity = read.identity;
    else if (read.state === 'text') change.default = read.text;
    else if (read.state === 'none') {
      const existing = asMade(args.named.get('existing_server_default'));
      if (existing && /Identity$/.test(existing.path)) change.identity = null;
      else change.default = null;
    }
    changes = true;
  }
  const comment = args.named.get('comment');
  if (comment !== undefined && plain(comment) !== false) {
    change.comment = isAbsent(comment) ? null : textOf(comment);
    changes = true;
  }
  if (changes) say(call, change);
  if (check !== null) say(call, { kind: 'addConstraint', table, constraint: check });
  const renamed = argument(args, -1, 'new_column_name', 'name');
  if (!isAbsent(renamed)) {
    const to = nameOf(renamed);
    if (to) say(call, { kind: 'renameColumn', table, column, to: to.name });
    else problems.push(`the new name of ${column} is not known`);
  }
  tell(call, problems, table);
  return undefined;
}

function dropColumn(call: Call): undefined {
  const table = tableOf(call, 0, 'table_name');
  const given = argument(call.args, at(call, 1), 'column_name');
  const made = asMade(given);
  const column = nameOf(given)?.name ?? (made ? nameOf(made.positional[0])?.name : null) ?? null;
  if (!table || column === null) lose(call, 'a drop of a column whose name is not known', table);
  else
    say(call, {
      kind: 'dropColumn',
      table,
      column,
      ...(flagOf(call.args.named.get('if_exists')) ? { ifExists: true } : {}),
    });
  return undefined;
}

function addConstraint(
  call: Call,
  table: QualifiedName | null,
  constraint: ConstraintDefinition | string,
  value: Value | undefined,
): undefined {
  if (!table || typeof constraint === 'string') {
    lose(call, typeof constraint === 'string' ? constraint : 'a constraint of a table whose name is not known', table);
    return undefined;
  }
  const name = nameOf(value);
  if (!name && !isAbsent(value)) {
    lose(call, `a constraint whose name is not known: ${reasonOf(value as Value)}`, table);
    return undefined;
  }
  constraint.name = name?.name ?? null;
  if (name?.isFinal) constraint.nameIsFinal = true;
  if (flagOf(call.args.named.get('postgresql_not_valid'))) constraint.notValid = true;
  say(call, { kind: 'addConstraint', table, constraint });
  return undefined;
}

function deferrable(args: Arguments): ConstraintDefinition['deferrable'] {
  const initially = textOf(args.named.get('initially') ?? null)?.toUpperCase();
  if (!flagOf(args.named.get('deferrable')) && initially === undefined) return null;
  return initially === 'DEFERRED' ? 'initially deferred' : 'initially immediate';
}

function createForeignKey(call: Call): undefined {
  const { args } = call;
  const table = call.batch
    ? qualified(call.batch.table, call.batch.schema)
    : qualified(argument(args, 1, 'source_table', 'source'), args.named.get('source_schema'));
  const target = qualified(
    argument(args, at(call, 2), 'referent_table', 'referent'),
    args.named.get('referent_schema'),
  );
  const columns = textList(call.machine, argument(args, at(call, 3), 'local_cols'));
  const targets = textList(call.machine, argument(args, at(call, 4), 'remote_cols'));
  if (!target || !columns || !targets)
    return addConstraint(call, table, 'a foreign key whose columns or target are not known', undefined);
  const constraint: ConstraintDefinition = {
    name: null,
    type: 'f',
    columns,
    references: {
      table: target,
      columns: targets,
      onDelete: readAction(argument(args, at(call, 6), 'ondelete')),
      onUpdate: readAction(argument(args, at(call, 5), 'onupdate')),
    },
    deferrable: deferrable(args),
  };
  if (textOf(args.named.get('match') ?? null)?.toUpperCase() === 'FULL' && constraint.references)
    constraint.references.match = 'FULL';
  return addConstraint(call, table, constraint, argument(args, 0, 'constraint_name', 'name'));
}

function createKey(type: 'u' | 'p'): Handler {
  return (call) => {
    const { args } = call;
    const table = tableOf(call, 1, 'table_name', 'source');
    const columns = textList(call.machine, argument(args, at(call, 2), 'columns', 'local_cols'));
    const constraint: ConstraintDefinition | string =
      columns && columns.length > 0
        ? { name: null, type, columns, deferrable: deferrable(args) }
        : 'a key whose columns are not known';
    if (typeof constraint !== 'string') {
      if (flagOf(args.named.get('postgresql_nulls_not_distinct'))) constraint.nullsNotDistinct = true;
      const include = textList(call.machine, args.named.get('postgresql_include'));
      if (include && include.length > 0) constraint.include = include;
    }
    return addConstraint(call, table, constraint, argument(args, 0, 'constraint_name', 'name'));
  };
}

function createCheck(call: Call): undefined {
  const table = tableOf(call, 1, 'table_name', 'source');
  const condition = argument(call.args, at(call, 2), 'condition');
  const expression = condition === undefined ? null : (textOf(condition) ?? sqlText(call.machine, condition));
  const constraint: ConstraintDefinition | string =
    expression === null
      ? `a check whose condition is not known: ${reasonOf(condition ?? null)}`
      : { name: null, type: 'c', columns: [], expression, deferrable: deferrable(call.args) };
  return addConstraint(call, table, constraint, argument(call.args, 0, 'constraint_name', 'name'));
}

function createExclude(call: Call): undefined {
  const skip = call.batch ? 1 : 2;
  const table = tableOf(call, 1, 'table_name');
  const constraint = readExclude(call.machine, {
    positional: call.args.positional.slice(skip),
    named: call.args.named,
  });
  return addConstraint(call, table, constraint, argument(call.args, 0, 'constraint_name'));
}

const constraintTypes: Record<string, 'p' | 'u' | 'f' | 'c' | 'x'> = {
  primary: 'p',
  unique: 'u',
  foreignkey: 'f',
  check: 'c',
  exclude: 'x',
};

function dropConstraint(call: Call): undefined {
  const { args } = call;
  const table = tableOf(call, 1, 'table_name', 'tablename');
  const given = argument(args, 0, 'constraint_name', 'name');
  const name = nameOf(given);
  if (!table || (!name && !isAbsent(given))) {
    lose(call, `a drop of a constraint whose ${table ? 'name' : 'table'} is not known`, table);
    return undefined;
  }
  const type = textOf(argument(args, at(call, 2), 'type_', 'type') ?? null);
  const operation: UnplacedOperation = { kind: 'dropConstraint', table, constraint: name?.name ?? null };
  if (type !== null && constraintTypes[type]) operation.type = constraintTypes[type];
  if (name?.isFinal) operation.nameIsFinal = true;
  if (flagOf(args.named.get('if_exists'))) operation.ifExists = true;
  say(call, operation);
  return undefined;
}

function createIndex(call: Call): undefined {
  const { args } = call;
  const table = tableOf(call, 1, 'table_name', 'tablename');
  const given = argument(args, 0, 'index_name', 'name');
  const name = nameOf(given);
  const keys = argument(args, at(call, 2), 'columns');
  const single = keys === undefined ? null : nameOf(keys);
  const items = single ? [keys as Value] : toItems(call.machine, keys ?? null);
  if (!table || !items || (!name && !isAbsent(given))) {
    lose(
      call,
      `an index whose ${!table ? 'table' : !items ? `columns are not known: ${reasonOf(keys ?? null)}` : 'name'} is not known`,
      table,
    );
    return undefined;
  }
  const options = new Map(args.named);
  const unique = argument(args, at(call, 4), 'unique');
  if (unique !== undefined) options.set('unique', unique);
  const index = readIndex(call.machine, name, items, options);
  if (typeof index === 'string') {
    lose(call, index, table);
    return undefined;
  }
  const ifNotExists = flagOf(args.named.get('if_not_exists')) === true;
  emit(
    call.machine,
    call.effects,
    { kind: 'createIndex', table, index, ...(ifNotExists ? { ifNotExists } : {}) },
    {
      outsideTransaction: index.concurrently === true,
      condition: conditionAmong([...args.positional, ...args.named.values()]),
    },
  );
  return undefined;
}

function dropIndex(call: Call): undefined {
  const { args } = call;
  const given = argument(args, 0, 'index_name', 'name');
  const name = nameOf(given);
  const table = call.batch
    ? qualified(call.batch.table, call.batch.schema)
    : qualified(argument(args, 1, 'table_name', 'tablename'), args.named.get('schema'));
  if (!name) {
    lose(call, `a drop of an index whose name is not known`, table);
    return undefined;
  }
  const schema = nameOf(args.named.get('schema') ?? call.batch?.schema)?.name ?? table?.schema ?? null;
  const operation: UnplacedOperation = { kind: 'dropIndex', index: { schema, name: name.name }, table };
  const concurrently = flagOf(args.named.get('postgresql_concurrently')) === true;
  if (concurrently) operation.concurrently = true;
  if (flagOf(args.named.get('if_exists'))) operation.ifExists = true;
  emit(call.machine, call.effects, operation, {
    outsideTransaction: concurrently,
    condition: conditionAmong([...args.positional, ...args.named.values()]),
  });
  return undefined;
}

function dropTable(call: Call): undefined {
  const table = tableOf(call, 0, 'table_name', 'name');
  if (!table) lose(call, 'a drop of a table whose name is not known', null);
  else say(call, { kind: 'dropTable', table, ...(flagOf(call.args.named.get('if_exists')) ? { ifExists: true } : {}) });
  return undefined;
}

function renameTable(call: Call): undefined {
  const table = tableOf(call, 0, 'old_table_name');
  const to = nameOf(argument(call.args, 1, 'new_table_name'));
  if (!table || !to) lose(call, 'a rename of a table whose name is not known', table);
  else say(call, { kind: 'renameTable', table, to: to.name });
  return undefined;
}

function tableComment(call: Call): undefined {
  const table = tableOf(call, 0, 'table_name');
  const comment = argument(call.args, at(call, 1), 'comment');
  if (table) say(call, { kind: 'commentOnTable', table, comment: isAbsent(comment) ? null : textOf(comment as Value) });
  return undefined;
}

function bulkInsert(call: Call): undefined {
  const made = asMade(argument(call.args, 0, 'table'));
  const table = made ? tableNameOf(made) : null;
  emit(
    call.machine,
    call.effects,
    { kind: 'touchRows', verb: 'insert', tables: table ? [table] : [] },
    {
      condition: conditionAmong([...call.args.positional, ...call.args.named.values()]),
      rows: rowsGiven(call.machine, argument(call.args, 1, 'rows')),
    },
  );
  return undefined;
}

/** `op.sync_enum_values(schema, name, new_values, affected_columns)` of alembic-postgresql-enum: the type is made anew. */
function syncEnumValues(call: Call): undefined {
  const { args, machine } = call;
  const schema = nameOf(argument(args, 0, 'enum_schema', 'schema'));
  const name = nameOf(argument(args, 1, 'enum_name'));
  // Two lists of labels are the older alembic-autogenerate-enums: (schema, name, old values, new values), and the type
  // gets the labels it has not.
  const fourth = plain(argument(args, 3, 'affected_columns') ?? null);
  const isList = isObject(fourth) && (fourth.kind === 'list' || fourth.kind === 'tuple' || fourth.kind === 'set');
  const added =
    args.named.has('old_values') || (isList && args.positional.length > 3)
      ? textList(machine, argument(args, 3, 'new_values'))
      : null;
  if (added !== null && name && !(added.length === 0 && isList)) {
    const type = { schema: schema?.name ?? null, name: name.name };
    for (const label of added) say(call, { kind: 'addEnumValue', name: type, label, ifNotExists: true });
    return undefined;
  }
  const labels = textList(machine, argument(args, 2, 'new_values'));
  if (!name || !labels) {
    lose(
      call,
      'the values of an enum type are not known',
      name ? { schema: schema?.name ?? null, name: name.name } : null,
    );
    return undefined;
  }
  const old = { schema: schema?.name ?? null, name: name.name };
  const temporary = `${name.name}_old`;
  const columns = new Map<string, string | null>();
  for (const [key, table] of call.effects.sink.schema().tables) {
    for (const column of table.columns.values()) columns.set(`${key}.${column.name}`, column.default);
  }
  const indexes = (toItems(machine, argument(args, -1, 'indexes_to_recreate') ?? null) ?? []).map((item) => {
    const made = asMade(item);
    return {
      name: textOf(made?.named.get('name') ?? made?.positional[0] ?? null),
      definition: textOf(made?.named.get('definition') ?? made?.positional[1] ?? null),
    };
  });
  for (const index of indexes) if (index.name !== null) runSql(machine, call.effects, `DROP INDEX ${index.name}`, null);
  // The plug-in renames the type, creates it anew, moves each column over and drops the old one.
  say(call, { kind: 'renameType', name: old, to: temporary });
  say(call, { kind: 'createEnum', name: old, labels });
  for (const item of toItems(machine, argument(args, 3, 'affected_columns') ?? null) ?? []) {
    const made = asMade(item);
    const parts = made ? [...made.positional] : toItems(machine, item);
    const part = (index: number, key: string) => nameOf(made?.named.get(key) ?? parts?.[index])?.name ?? null;
    const hasSchema = made?.named.has('table_schema');
    const table = part(0, 'table_name');
    const column = part(1, 'column_name');
    if (table === null || column === null) continue;
    const tableSchema = hasSchema ? part(-1, 'table_schema') : (schema?.name ?? null);
    const kind = plain(made?.named.get('column_type') ?? made?.positional[3] ?? null);
    const isArray =
      isObject(kind) && (kind.kind === 'external' || kind.kind === 'member') && describe(kind).endsWith('ARRAY');
    const standing = columns.get(`${tableSchema ?? 'public'}.${table}.${column}`);
    say(call, {
      kind: 'alterColumn',
      table: { schema: tableSchema, name: table },
      column,
      type: isArray ? `${name.name}[]` : name.name,
      typeName: old,
      using: `${column}::text::${name.name}`,
      // The default is dropped before and set again after, over the new type.
      ...(standing === undefined || standing === null ? {} : { default: standing }),
    });
  }
  say(call, { kind: 'dropType', name: { schema: old.schema, name: temporary } });
  for (const index of indexes) if (index.definition !== null) runSql(machine, call.effects, index.definition, null);
  return undefined;
}

/** alembic_utils: `op.create_entity(PGFunction(schema=…, signature=…, definition=…))`. */
function entity(verb: 'create' | 'replace' | 'drop'): Handler {
  return (call) => {
    const made = asMade(call.args.positional[0]);
    const kind = made?.path.split('.').pop() ?? '';
    if (kind === 'PGGrantTable') {
      say(call, { kind: 'ignored', what: verb === 'drop' ? 'REVOKE' : 'GRANT' });
      return undefined;
    }
    const text = (key: string, index: number) => textOf(made?.named.get(key) ?? made?.positional[index] ?? null);
    const schema = text('schema', 0) ?? 'public';
    const signature = text('signature', 1);
    const definition = text('definition', 2);
    if (!made || signature === null || (definition === null && verb !== 'drop' && kind !== 'PGExtension')) {
      lose(call, `an entity of alembic_utils that could not be read`, null);
      return undefined;
    }
    const body = definition?.trim().replace(/;\s*$/, '') ?? '';
    let sql: string | null = null;
    const quotedName = signature.includes('(') ? `${schema}.${signature}` : `${schema}.${signature}`;
    const onEntity = text('on_entity', 3);
    if (kind === 'PGFunction')
      sql =
        verb === 'drop'
          ? `DROP FUNCTION ${quotedName}`
          : // Its text is escaped for a text(), and what is so already stays.
            `CREATE ${verb === 'replace' ? 'OR REPLACE ' : ''}FUNCTION ${quotedName} ${textBody(body)}`;
    else if (kind === 'PGView')
      sql =
        verb === 'drop'
          ? `DROP VIEW ${quotedName}`
          : `CREATE ${verb === 'replace' ? 'OR REPLACE ' : ''}VIEW ${quotedName} AS ${body}`;
    else if (kind === 'PGMaterializedView')
      sql =
        verb === 'drop'
          ? `DROP MATERIALIZED VIEW ${quotedName}`
          : `${verb === 'replace' ? `DROP MATERIALIZED VIEW IF EXISTS ${quotedName}; ` : ''}CREATE MATERIALIZED VIEW ${quotedName} AS ${body}`;
    else if (kind === 'PGTrigger' && onEntity)
      sql =
        verb === 'drop'
          ? `DROP TRIGGER ${signature} ON ${onEntity}`
          : `${verb === 'replace' ? `DROP TRIGGER IF EXISTS ${signature} ON ${onEntity}; ` : ''}CREATE TRIGGER ${signature} ${body}`;
    else if (kind === 'PGPolicy' && onEntity)
      sql =
        verb === 'drop'
          ? `DROP POLICY ${signature} ON ${onEntity}`
          : `${verb === 'replace' ? `DROP POLICY IF EXISTS ${signature} ON ${onEntity}; ` : ''}CREATE POLICY ${signature} ON ${onEntity} ${body}`;
    else if (kind === 'PGExtension')
      sql = verb === 'drop' ? `DROP EXTENSION "${signature}"` : `CREATE EXTENSION "${signature}" WITH SCHEMA ${schema}`;
    if (sql === null)
      lose(
        call,
        `an entity of kind ${kind} is not read`,
        [{ schema, name: signature.split('(')[0] as string }][0] ?? null,
      );
    else runSql(call.machine, call.effects, sql, null);
    return undefined;
  };
}

const handlers: Record<string, Handler> = {
  create_table: createTable,
  add_column: addColumn,
  alter_column: alterColumn,
  drop_column: dropColumn,
  create_foreign_key: createForeignKey,
  create_unique_constraint: createKey('u'),
  create_primary_key: createKey('p'),
  create_check_constraint: createCheck,
  create_exclude_constraint: createExclude,
  drop_constraint: dropConstraint,
  create_index: createIndex,
  drop_index: dropIndex,
  drop_table: dropTable,
  rename_table: renameTable,
  create_table_comment: tableComment,
  drop_table_comment: tableComment,
  bulk_insert: bulkInsert,
  sync_enum_values: syncEnumValues,
  create_entity: entity('create'),
  replace_entity: entity('replace'),
  drop_entity: entity('drop'),
  inline_literal: () => undefined,
  f: () => undefined,
  // GeoAlchemy2's own operations (geoalchemy2/alembic_helpers.py) do on PostgreSQL what Alembic's do; only the index of an
  // added column is left to an operation of its own.
  create_geospatial_table: createTable,
  drop_geospatial_table: dropTable,
  add_geospatial_column: (call) => addColumn({ ...call, isBare: true }),
  drop_geospatial_column: dropColumn,
  create_geospatial_index: createIndex,
  drop_geospatial_index: dropIndex,
  create_geospatial_constraints: () => undefined,
  drop_geospatial_constraints: () => undefined,
};

export function isOperation(name: string): boolean {
  return Object.hasOwn(handlers, name);
}

/** Carries out `op.name(...)`; undefined leaves the call symbolic (what it returns). */
export function runOperation(
  machine: Machine,
  effects: Effects,
  name: string,
  args: Arguments,
  batch: Batch | null,
): Value | undefined {
  const handler = handlers[name];
  return handler?.({ machine, effects, args, batch });
}
