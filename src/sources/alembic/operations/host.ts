/**
 * The Host of a revision: what Alembic, SQLAlchemy and their companions mean when the evaluator meets them. Everything it
 * does not know stays symbolic; what may have had an effect nobody can know becomes an opaque operation.
 */
import {
  type Arguments,
  assumed,
  callValue,
  conditionOf,
  describe,
  type External,
  external,
  findInClass,
  type Host,
  isHarmless,
  isObject,
  type Machine,
  type Made,
  type Member,
  newDict,
  newList,
  plain,
  standardAttribute,
  standardCall,
  standardSubscript,
  textOf,
  toItems,
  tuple,
  unknown,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { type Effects, emit, opaque } from './effects.ts';
import { createFromTable, runStatement, sequenceOptions } from './execute.ts';
import { bind, context, dialect, handle, inspector, session } from './handles.ts';
import { inspect } from './inspector.ts';
import { type Batch, isOperation, qualified, runOperation } from './op.ts';
import { resultMethod } from './queries.ts';
import { flagOf, isAbsent, nameOf } from './read-values.ts';
import { asMade, readIndex, tableNameOf } from './tables.ts';
import { readType } from './types.ts';

export interface Files {
  findModule: Host['findModule'];
  readFile: Host['readFile'];
  exists: Host['exists'];
  list: Host['list'];
}

/** Names a star import of these may bring. */
const starNames = new Set([
  'sqlalchemy',
  'alembic',
  'sqlalchemy.dialects.postgresql',
  'sqlalchemy.orm',
  'typing',
  'enum',
  'sqlmodel',
  'sqlalchemy_utils',
  'geoalchemy2',
]);

function constant(path: string): Value | undefined {
  switch (path) {
    case '@dialect.name':
    case '@bind.name':
      return 'postgresql';
    case '@dialect.driver':
      return 'psycopg2';
    case '@dialect.default_schema_name':
      return 'public';
    case '@dialect.server_version_info':
      return assumed(tuple([16, 0]), 'the server is PostgreSQL 16');
    case '@dialect.identifier_preparer':
    case '@dialect.type_compiler':
      return undefined;
    case '@bind.dialect':
    case '@context.dialect':
    case '@session.dialect':
      return dialect;
    case '@bind.engine':
    case '@bind.connection':
    case '@bind.bind':
    case '@bind.driver_connection':
    case '@bind.sync_connection':
    case '@context.connection':
    case '@context.bind':
    case '@session.bind':
      return bind;
    case '@context.impl':
      return context;
    case '@context.as_sql':
      return false;
    case '@bind.closed':
    case '@bind.in_transaction':
      return undefined;
    case '@inspector.default_schema_name':
      return 'public';
    case '@inspector.engine':
    case '@inspector.bind':
    case '@inspector.dialect':
      return path === '@inspector.dialect' ? dialect : bind;
    default:
      return undefined;
  }
}

export function newHost(effects: Effects, files: Files, environment: Readonly<Record<string, string>>): Host {
  const host: Host = {
    environment,
    ...files,
    attribute(machine, object, name) {
      const bare = plain(object);
      if (!isObject(bare)) return undefined;
      if (bare.kind === 'external') {
        const path = `${bare.path}.${name}`;
        if (name.startsWith('*'))
          return starNames.has(bare.path) && /^\*[A-Za-z]/.test(name) ? external(path) : undefined;
        const standard = standardAttribute(machine, path);
        if (standard !== undefined) return standard;
        if (path === 'sqlalchemy.__version__') return '2.0.36';
        if (path === 'alembic.context.config') return handle('@config');
        if (bare.path === '@dialect') return constant(`@dialect.${name}`) ?? handle(`@dialect.${name}`);
        return undefined;
      }
      if (bare.kind === 'made') {
        if (bare.path === 'flask_sqlalchemy.SQLAlchemy') return flaskAttribute(name);
        const value = constant(`${bare.path}.${name}`);
        if (value !== undefined) return value;
        if ((bare.path === '@rows' || bare.path === '@changed') && name === 'rowcount')
          return bare.path === '@rows' ? bare.positional.length : assumed(0, 'no row is touched');
        if (bare.path === 'alembic.operations.Operations' || bare.path === '@op') return external(`alembic.op.${name}`);
        if (name === 'name' && tableNameOf(bare)) return tableNameOf(bare)?.name;
        if (name === 'schema' && tableNameOf(bare)) return tableNameOf(bare)?.schema;
        if (name === 'name' && /^sa\.(Column|Enum)|ENUM$/.test(canonicalPath(bare.path) ?? ''))
          return bare.named.get('name') ?? bare.positional[0];
        if (name === 'enums' && /Enum$|ENUM$/.test(bare.path)) {
          const read = readType(machine, bare);
          return read.enum?.labels ? newList(machine, read.enum.labels) : undefined;
        }
        if (name === 'impl' && bare.path === '@context') return context;
        return undefined;
      }
      if (bare.kind === 'member' && bare.name === 'impl') return constant(`@context.${name}`);
      if (bare.kind === 'operated' && bare.operator === '[]' && name === '') {
        const [base, key] = bare.operands;
        if (base !== undefined && isObject(base) && base.kind === 'external')
          return standardSubscript(machine, base.path, key ?? null);
        return undefined;
      }
      return undefined;
    },
    call(machine, callee, args, site) {
      if (callee.kind === 'external') return callExternal(machine, effects, callee, args, site);
      return callMember(machine, effects, callee, args);
    },
    inherited(machine, self, name) {
      if (['metadata', 'registry'].includes(name)) return undefined;
      // An enum or a type of the project asked for a method of its library's base.
      const method: Value = {
        kind: 'builtin',
        name,
        call: (args) => {
          const read = typeMethod(machine, effects, self, name, args);
          if (read !== undefined) return read;
          if (isEffectful(args))
            opaque(machine, effects, `${self.class.name}.${name}() of a base outside the project`, []);
          return unknown(`${self.class.name}.${name}()`);
        },
      };
      return method;
    },
    leave(_machine, entered) {
      const made = asMade(plain(entered));
      if (made?.path === '.autocommit_block' || made?.path === '@autocommit')
        effects.autocommitDepth = Math.max(0, effects.autocommitDepth - 1);
    },
    unreadable(machine, reason, involved) {
      if (involved.length === 0 || involved.some((value) => touchesDatabase(value)))
        opaque(machine, effects, reason, []);
    },
  };
  return host;
}

/** Whether something that was handed to a call nobody can read could reach the database. */
function touchesDatabase(value: Value, depth = 0): boolean {
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

function isEffectful(args: Arguments): boolean {
  return [...args.positional, ...args.named.values()].some((value) => touchesDatabase(value));
}

function callExternal(
  machine: Machine,
  effects: Effects,
  callee: External,
  args: Arguments,
  site: { from: number; to: number },
): Value | undefined {
  const standard = standardCall(machine, callee.path, args);
  if (standard !== undefined) return standard;
  const path = canonicalPath(callee.path);
  if (path === null) {
    if (isHarmless(callee.path)) return undefined;
    if (callee.path === 'sqlalchemy_utils.functions.has_index') return undefined;
    if (/^(psycopg2?|asyncpg)\./.test(callee.path) && callee.path.endsWith('.connect')) return bind;
    if (isEffectful(args)) {
      opaque(machine, effects, `${callee.path}() is outside the project and may change the database`, []);
      return unknown(`what ${callee.path}() gives`);
    }
    return undefined;
  }
  if (path.startsWith('op.')) return callOp(machine, effects, path.slice(3), args, callee);
  switch (path) {
    case 'sa.inspect':
      return touchesDatabase(args.positional[0] ?? null) ? inspector : undefined;
    case 'sa.Inspector.from_engine':
    case 'sa.Inspector':
      return inspector;
    case 'sa.create_engine':
    case 'sa.engine_from_config':
    case 'sa.create_async_engine':
      return bind;
    case 'orm.Session':
    case 'orm.scoped_session':
    case 'sa.AsyncSession':
    case 'sa.Session':
      return session;
    case 'orm.sessionmaker':
    case 'orm.async_sessionmaker':
    case 'sa.async_sessionmaker':
      return { kind: 'builtin', name: 'sessionmaker', call: () => session };
    case 'context.get_context':
    case 'alembic.migration.MigrationContext.configure':
    case 'alembic.runtime.migration.MigrationContext.configure':
      return context;
    case 'alembic.operations.Operations':
    case 'alembic.operations.base.Operations':
      return handle('@op');
    case 'context.is_offline_mode':
      return false;
    case 'context.get_bind':
      return bind;
    case 'context.get_x_argument': {
      const asDictionary = flagOf(args.named.get('as_dictionary') ?? args.positional[0]);
      return assumed(asDictionary ? newDict(machine) : newList(machine), 'no -x argument is given');
    }
    case 'context.get_tag_argument':
      return assumed(null, 'no --tag is given');
    case 'event.listen':
    case 'event.listens_for':
      return undefined;
    case 'sa.Table':
      return makeTable(machine, callee, args, site);
    default:
      return undefined;
  }
}

/** A Table lives in its MetaData, so that `metadata.create_all(bind)` finds it. */
function makeTable(machine: Machine, callee: External, args: Arguments, site: { from: number; to: number }): Value {
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
    attributes: new Map(),
  };
  const metadata = asMade(args.positional[1] ?? args.named.get('metadata'));
  if (metadata) {
    const known = metadata.attributes.get('@tables');
    if (known !== undefined && isObject(known) && known.kind === 'list') known.items.push(made);
    else metadata.attributes.set('@tables', newList(machine, [made]));
  }
  return made;
}

function callOp(
  machine: Machine,
  effects: Effects,
  name: string,
  args: Arguments,
  callee: External,
): Value | undefined {
  switch (name) {
    case 'get_bind':
      return bind;
    case 'get_context':
      return context;
    case 'execute':
      runStatement(machine, effects, args, false);
      return null;
    case 'f':
      return undefined;
    case 'batch_alter_table':
      return undefined;
    case 'run_async': {
      const [fn = null, ...rest] = args.positional;
      return runAsync(machine, fn, { positional: [bind, ...rest], named: args.named });
    }
    case 'implementation_for':
    case 'register_operation':
    case 'invoke':
      if (name === 'invoke') return invokeOperation(machine, effects, args);
      return undefined;
    case 'drop_constraint':
    case 'inline_literal':
      break;
  }
  if (isOperation(name)) return runOperation(machine, effects, name, args, null);
  const [first] = args.positional;
  const table = nameOf(first)?.name;
  opaque(
    machine,
    effects,
    `op.${name}() is an operation of a plug-in that is not known`,
    table === undefined ? [] : [{ schema: null, name: table }],
  );
  void callee;
  return unknown(`what op.${name}() gives`);
}

function runAsync(machine: Machine, fn: Value, args: Arguments): Value {
  return callValue(machine, fn, args, { from: 0, to: 0 });
}

/** `op.invoke(ops.AddColumnOp(...))`: the class's arguments are those of the operation where they are plain. */
function invokeOperation(machine: Machine, effects: Effects, args: Arguments): Value {
  const made = asMade(args.positional[0]);
  const name = made?.path.split('.').pop() ?? '';
  const known: Record<string, string> = {
    AddColumnOp: 'add_column',
    DropColumnOp: 'drop_column',
    DropTableOp: 'drop_table',
    AlterColumnOp: 'alter_column',
    ExecuteSQLOp: 'execute',
    DropIndexOp: 'drop_index',
    CreateIndexOp: 'create_index',
    DropConstraintOp: 'drop_constraint',
    RenameTableOp: 'rename_table',
    CreateUniqueConstraintOp: 'create_unique_constraint',
  };
  const target = known[name];
  if (made && target === 'execute')
    return runStatement(machine, effects, { positional: made.positional, named: made.named }, false);
  if (made && target) {
    runOperation(machine, effects, target, { positional: made.positional, named: made.named }, null);
    return null;
  }
  opaque(machine, effects, `op.invoke() of ${name === '' ? 'something that is not known' : name}`, []);
  return null;
}

/** Roots that methods are looked up by: the handle a chain of calls and attributes started from. */
function handleOf(value: Value): string | null {
  const bare = plain(value);
  if (!isObject(bare)) return null;
  if (bare.kind === 'made') return bare.path.startsWith('@') ? bare.path : null;
  if (bare.kind === 'external' && bare.path === '@dialect') return '@dialect';
  return null;
}

function callMember(machine: Machine, effects: Effects, callee: Member, args: Arguments): Value | undefined {
  const { name } = callee;
  const receiver = plain(callee.object);
  const path = handleOf(receiver);
  if (path === '@bind' || path === '@session') return callConnection(machine, effects, receiver as Made, name, args);
  if (path === '@context') return callContext(machine, effects, name, args);
  if (path === '@inspector')
    return known(inspect(machine, effects, name, args), unknown(`what the inspector's ${name}() gives`));
  if (path === '@rows' || path === '@changed')
    return known(resultMethod(machine, receiver, name, args), unknown(`the ${name}() of a result`));
  if (path === '@dialect') {
    if (name === 'type_descriptor') return args.positional[0];
    if (name === 'has_index')
      return inspect(machine, effects, 'has_index', { positional: args.positional.slice(1), named: args.named });
    if (name === 'has_table')
      return inspect(machine, effects, 'has_table', { positional: args.positional.slice(1), named: args.named });
    return undefined;
  }
  if (path === '@config' || path === '@cursor')
    return path === '@cursor'
      ? callConnection(machine, effects, bind, name, args)
      : unknown(`what the configuration's ${name}() gives`);
  if (path === '@query') return callQuery(machine, effects, receiver as Made, name, args);
  if (path === '@op') return callOp(machine, effects, name, args, external(`alembic.op.${name}`));
  const made = asMade(receiver);
  if (made && canonicalPath(made.path) === 'op.batch_alter_table') return callBatch(machine, effects, made, name, args);
  if (made && made.receiver === null) {
    const own = callMadeMethod(machine, effects, made, name, args);
    if (own !== undefined) return own;
  }
  if (isObject(receiver) && receiver.kind === 'member' && isEffectful({ positional: [receiver], named: new Map() })) {
    if (receiver.name === 'connection' || receiver.name === 'cursor')
      return callConnection(machine, effects, bind, name, args);
  }
  if (isEffectful(args)) {
    opaque(machine, effects, `${describe(callee)}() is outside the project and may change the database`, []);
    return unknown(`what ${describe(callee)}() gives`);
  }
  return undefined;
}

function callBatch(machine: Machine, effects: Effects, made: Made, name: string, args: Arguments): Value | undefined {
  if (name === 'f') return { ...made, path: 'alembic.op.f', positional: args.positional, named: args.named };
  if (name === 'get_bind') return bind;
  if (name === 'execute') {
    runStatement(machine, effects, args, false);
    return null;
  }
  const batch: Batch = {
    table: made.positional[0] ?? made.named.get('table_name') ?? null,
    schema: made.named.get('schema') ?? made.positional[1],
  };
  if (isOperation(name)) return runOperation(machine, effects, name, args, batch);
  const table = qualified(batch.table, batch.schema);
  opaque(machine, effects, `batch_op.${name}() is an operation that is not known`, table ? [table] : []);
  return null;
}

function callContext(machine: Machine, effects: Effects, name: string, args: Arguments): Value | undefined {
  switch (name) {
    case 'autocommit_block':
      effects.autocommitDepth++;
      return handle('@autocommit');
    case 'begin_transaction':
      return context;
    case 'execute':
    case '_exec':
    case 'static_output':
      return name === 'static_output' ? null : runStatement(machine, effects, args, false);
    case 'get_bind':
      return bind;
    case 'get_current_revision':
    case 'get_current_heads':
      return unknown('the revision the database stands at');
    case 'configure':
    case 'run_migrations':
      return null;
    default:
      if (isOperation(name)) return runOperation(machine, effects, name, args, null);
      return unknown(`what the migration context's ${name}() gives`);
  }
}

const quietMethods = new Set(
  'begin begin_nested begin_twophase commit rollback close flush connect execution_options get_execution_options sync_engine dispose expire_all expunge_all refresh invalidate detach autocommit set_session isolation_level set_isolation_level __enter__ expire expunge raw_connection get_bind connection __call__ remove start'.split(
    ' ',
  ),
);

function callConnection(
  machine: Machine,
  effects: Effects,
  receiver: Made,
  name: string,
  args: Arguments,
): Value | undefined {
  if (quietMethods.has(name)) return receiver;
  switch (name) {
    case 'execute':
    case 'exec':
      return runStatement(machine, effects, args, receiver.path === '@cursor');
    case 'exec_driver_sql':
      return runStatement(machine, effects, args, true);
    case 'executemany':
    case 'executescript':
      return runStatement(machine, effects, args, true);
    case 'scalar':
    case 'scalars':
    case 'stream':
    case 'stream_scalars': {
      const rows = runStatement(machine, effects, args, false);
      return name === 'scalar' ? resultOf(machine, rows, 'scalar') : rows;
    }
    case 'run_sync': {
      const [fn = null, ...rest] = args.positional;
      return callValue(machine, fn, { positional: [bind, ...rest], named: args.named }, { from: 0, to: 0 });
    }
    case 'cursor':
      return bind;
    case 'fetchall':
    case 'fetchone':
    case 'fetchmany':
      return name === 'fetchone' ? assumed(null, 'there are no rows') : assumed(newList(machine), 'there are no rows');
    case 'query':
      return queryOf(args.positional);
    case 'get':
      return assumed(null, 'there are no rows');
    case 'add':
    case 'add_all':
    case 'merge':
    case 'bulk_save_objects':
    case 'bulk_insert_mappings':
    case 'bulk_update_mappings':
    case 'delete':
      emit(machine, effects, {
        kind: 'touchRows',
        verb: name === 'delete' ? 'delete' : name.includes('update') ? 'update' : 'insert',
        tables: [],
      });
      return null;
    case 'in_transaction':
      return true;
    case 'has_table':
      return inspect(machine, effects, 'has_table', args);
    case 'get_isolation_level':
      return unknown('the isolation level');
    case '_run_ddl_visitor':
    case 'run_callable':
      opaque(machine, effects, `connection.${name}()`, []);
      return null;
    default:
      return unknown(`what the connection's ${name}() gives`);
  }
}

function resultOf(machine: Machine, rows: Value, method: string): Value {
  const condition = conditionOf(rows);
  const value = known(
    resultMethod(machine, rows, method, { positional: [], named: new Map() }),
    unknown('the result of a statement'),
  );
  return condition === null ? value : assumed(value, condition);
}

function queryOf(entities: Value[]): Made {
  return { ...handle('@query'), positional: entities };
}

/** `session.query(Model).filter(…).all()`: rows of an empty database. */
function callQuery(machine: Machine, effects: Effects, query: Made, name: string, args: Arguments): Value {
  const tables = query.positional.flatMap((entity) => {
    const bare = plain(entity);
    const table =
      isObject(bare) && bare.kind === 'class'
        ? textOf(findInClass(bare, '__tablename__') ?? null)
        : (asMade(bare) && tableNameOf(asMade(bare) as Made)?.name) || null;
    return table === null ? [] : [{ schema: null, name: table }];
  });
  const condition =
    tables.length === 0 ? 'there are no rows' : `there are no rows in ${tables.map((table) => table.name).join(', ')}`;
  switch (name) {
    case 'all':
    case 'yield_per':
    case 'fetchall':
      return assumed(newList(machine), condition);
    case 'first':
    case 'one_or_none':
    case 'scalar':
    case 'get':
    case 'one':
      return assumed(null, condition);
    case 'count':
      return assumed(0, condition);
    case 'update':
    case 'delete':
      emit(machine, effects, { kind: 'touchRows', verb: name, tables });
      return assumed(0, condition);
    case 'exists':
      return query;
    default:
      void args;
      return query;
  }
}

/** Methods of what SQLAlchemy's constructors made: enum types, tables, metadata, sequences, indexes. */
function callMadeMethod(
  machine: Machine,
  effects: Effects,
  made: Made,
  name: string,
  args: Arguments,
): Value | undefined {
  const path = canonicalPath(made.path) ?? '';
  const type = typeMethod(machine, effects, made, name, args);
  if (type !== undefined) return type;
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
      if (chosen.length === 0) opaque(machine, effects, `metadata.${name}() of tables that are not known`, []);
      for (const item of chosen) {
        const table = asMade(item);
        const tableName = table ? tableNameOf(table) : null;
        if (!table || !tableName) opaque(machine, effects, `metadata.${name}() of a table that is not known`, []);
        else if (name === 'create_all') createFromTable(machine, effects, table, true, null);
        else emit(machine, effects, { kind: 'dropTable', table: tableName, ifExists: true });
      }
      return null;
    }
    if (name === 'reflect') return null;
    return undefined;
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
    const table = indexTable(made);
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

function indexTable(made: Made): { schema: string | null; name: string } | null {
  for (const key of made.positional.slice(1)) {
    const bare = plain(key);
    const owner = isObject(bare) && bare.kind === 'member' ? plain(bare.object) : null;
    const table =
      isObject(owner as Value) && (owner as Member).kind === 'member' ? asMade((owner as Member).object) : null;
    if (table) return tableNameOf(table);
  }
  return null;
}

/** `.create(bind, checkfirst=…)` and `.drop(…)` of an enum type. */
function typeMethod(
  machine: Machine,
  effects: Effects,
  value: Value,
  name: string,
  args: Arguments,
): Value | undefined {
  if (name !== 'create' && name !== 'drop') return undefined;
  const read = readType(machine, value);
  const use = read.enum;
  if (!use?.isNative || use.name === null) return undefined;
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

/** None is an answer too. */
function known(value: Value | undefined, otherwise: Value): Value {
  return value === undefined ? otherwise : value;
}

/** `db = SQLAlchemy()`: `db.Column` is sqlalchemy's, `db.Model` the declarative base, `db.session` a session. */
function flaskAttribute(name: string): Value | undefined {
  if (name === 'Model') return external('flask_sqlalchemy.Model');
  if (name === 'session') return session;
  if (name === 'engine') return bind;
  if (name === 'metadata' || name === 'init_app' || name === 'create_all' || name === 'drop_all') return undefined;
  if (['relationship', 'backref', 'validates', 'synonym', 'deferred'].includes(name))
    return external(`sqlalchemy.orm.${name}`);
  return external(`sqlalchemy.${name}`);
}
