/**
 * The Host of a revision: what Alembic, SQLAlchemy and their companions mean when the evaluator meets them. Everything it
 * does not know stays symbolic; what may have had an effect nobody can know becomes an opaque operation. It is long because
 * it is the one place where each of these things is told from the others.
 */
import { quoteIdentifier } from '../../../model/name.ts';
import {
  type Arguments,
  assumed,
  callValue,
  describe,
  type External,
  external,
  type Host,
  isHarmless,
  isObject,
  type Machine,
  type Made,
  type Member,
  makeSymbolic,
  newDict,
  newList,
  plain,
  settingValue,
  standardAttribute,
  standardCall,
  standardSubscript,
  textOf,
  tuple,
  unknown,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { callConnection, callContext, callQuery } from './connection-calls.ts';
import { callMadeMethod, isEffectful, makeTable, touchesDatabase, typeMethod } from './construct-calls.ts';
import { callModels } from './create-all.ts';
import { hasInheritedTable } from './declarative.ts';
import { composedText } from './driver-sql.ts';
import { type Effects, opaque } from './effects.ts';
import { configuredOption, versionTableSchema } from './env-options.ts';
import { runStatement } from './execute.ts';
import { flaskAttribute, flaskObject, isFlaskMaker } from './flask.ts';
import { bind, context, dialect, handle, inspector, session } from './handles.ts';
import { inspect } from './inspector.ts';
import { invokeOperation } from './invoke.ts';
import { listen } from './listeners.ts';
import { asMade, tableNameOf } from './made.ts';
import { baseOfClass } from './metadata.ts';
import { type Batch, isOperation, qualified, runOperation } from './op.ts';
import { callRegistered, moduleOfRevision } from './plugins.ts';
import { known, resultMethod } from './queries.ts';
import { argument, flagOf, nameOf } from './read-values.ts';
import { askColumns, columnsOf, reflectedAttribute, tablesOf } from './reflection.ts';
import { isInStar } from './star-names.ts';
import { readType } from './types.ts';

export interface Files {
  findModule: Host['findModule'];
  isInstalled: Host['isInstalled'];
  readFile: Host['readFile'];
  exists: Host['exists'];
  list: Host['list'];
  /** Absolute paths of the project's Python files whose text holds this. */
  modulesWith(text: string): string[];
}

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
      return handle('@preparer');
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
    case '@context.config':
      return handle('@config');
    case '@context.impl':
      return context;
    case '@context.script':
      return handle('@script');
    case '@context.opts':
      return handle('@options');
    case '@bind.url':
      return handle('@url');
    case '@url.drivername':
    case '@url.name':
      return 'postgresql';
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
        if (name.startsWith('*')) return isInStar(bare.path, name.slice(1)) ? external(path) : undefined;
        const standard = standardAttribute(machine, path);
        if (standard !== undefined) return standard;
        if (path === 'sqlalchemy.__version__') return '2.0.36';
        if (path === 'alembic.context.config') return handle('@config');
        if (bare.path === '@dialect') return constant(`@dialect.${name}`) ?? handle(`@dialect.${name}`);
        return undefined;
      }
      if (bare.kind === 'made') {
        if (isFlaskMaker(bare.path)) return flaskAttribute(bare, name);
        const value = constant(`${bare.path}.${name}`);
        if (value !== undefined) return value;
        if (bare.path === '@context' && name === 'version_table_schema') return versionTableSchema(machine, effects);
        if ((bare.path === '@rows' || bare.path === '@changed') && name === 'rowcount')
          return bare.path === '@rows' ? bare.positional.length : assumed(0, 'no row is touched');
        if (bare.path === 'alembic.operations.Operations' || bare.path === '@op') return external(`alembic.op.${name}`);
        const reflected =
          canonicalPath(bare.path) === 'sa.MetaData'
            ? tablesOf(machine, bare, name)
            : reflectedAttribute(machine, bare, name);
        if (reflected !== undefined) return reflected;
        if (name === 'name' && tableNameOf(bare)) return tableNameOf(bare)?.name;
        if (name === 'schema' && tableNameOf(bare)) return tableNameOf(bare)?.schema;
        if (name === 'name' && /^sa\.(Column|Enum)|ENUM$/.test(canonicalPath(bare.path) ?? ''))
          return bare.named.get('name') ?? bare.positional[0];
        if (name === 'schema' && /^(?:sa\.Enum|postgresql\.ENUM)$/.test(canonicalPath(bare.path) ?? ''))
          return bare.named.get('schema') ?? null;
        if (name === 'enums' && /Enum$|ENUM$/.test(bare.path)) {
          const read = readType(machine, bare);
          return read.enum?.labels ? newList(machine, read.enum.labels) : undefined;
        }
        if (name === 'impl') {
          if (bare.path === '@context') return context;
          const { type } = readType(machine, bare);
          return type === null ? undefined : { ...handle('@type'), positional: [type] };
        }
        return undefined;
      }
      if (bare.kind === 'member' && bare.name === 'impl') return constant(`@context.${name}`);
      if (bare.kind === 'operated' && bare.operator === '[]' && name === '') {
        const [base, key] = bare.operands;
        if (base !== undefined && isObject(base) && base.kind === 'external')
          return standardSubscript(machine, base.path, key ?? null);
        const option = textOf(key ?? null);
        if (base !== undefined && isObject(base) && base.kind === 'made' && base.path === '@options' && option !== null)
          return configuredOption(machine, effects, option);
        return undefined;
      }
      return undefined;
    },
    call(machine, callee, args, site) {
      if (callee.kind === 'external') return callExternal(machine, effects, callee, args, site);
      return callMember(machine, effects, callee, args);
    },
    items: columnsOf,
    inherited(machine, self, name) {
      const db = flaskObject(self);
      if (db !== null)
        return db.attributes.get(name) ?? flaskAttribute(db, name) ?? { kind: 'member', object: db, name };
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
      const frame = machine.frames.at(-1);
      // Importing a module of the application changes no schema, whatever its syntax.
      if (involved.length === 0 && frame?.isTopLevel && frame.module.file !== effects.file) return;
      if (involved.length === 0 || involved.some((value) => touchesDatabase(value)))
        opaque(machine, effects, reason, []);
    },
  };
  return host;
}

const namesSchemaAct =
  /\.(?:\w+_)?(?:create|drop|alter|add|rename|remove|replace)_(?:\w+_)?(?:table|column|index|view|function|trigger|type|enum|schema|policy|extension|constraint|sequence)s?$/;

function callExternal(
  machine: Machine,
  effects: Effects,
  callee: External,
  args: Arguments,
  site: { from: number; to: number },
): Value | undefined {
  // `String.__init__(self, 20)`: a class of the project hands its base what that is made with.
  const self = callee.path.endsWith('.__init__') ? plain(args.positional[0] ?? null) : null;
  if (isObject(self) && self.kind === 'instance') {
    self.made ??= { positional: args.positional.slice(1), named: args.named };
    return null;
  }
  const path = canonicalPath(callee.path);
  if (path === null) {
    const standard = standardCall(machine, callee.path, args);
    if (standard !== undefined) return standard;
    if (isHarmless(callee.path)) return undefined;
    if (callee.path === 'sqlalchemy_utils.functions.has_index') return undefined;
    if (/^(psycopg2?|asyncpg)\./.test(callee.path) && callee.path.endsWith('.connect')) return bind;
    const driverSql = driverStatement(callee.path, args);
    if (driverSql !== null) return runStatement(machine, effects, driverSql, true);
    if (isEffectful(args)) {
      opaque(machine, effects, `${callee.path}() is outside the project and may change the database`, []);
      return unknown(`what ${callee.path}() gives`);
    }
    // It may find Alembic's operations by itself.
    if (namesSchemaAct.test(callee.path) && machine.frames.at(-1)?.isTopLevel !== true)
      opaque(machine, effects, `${callee.path}() is outside the project and by its name changes the schema`, []);
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
    case 'sa.make_url':
      // Whatever it says, this history is read as PostgreSQL's.
      return handle('@url');
    case 'sa.IdentifierPreparer':
    case 'postgresql.PGIdentifierPreparer':
      return handle('@preparer');
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
      listen(args);
      return null;
    case 'event.listens_for':
      return undefined;
    case 'orm.declarative_base':
    case 'orm.automap_base': {
      const made = makeSymbolic(machine, callee, args, site);
      return baseOfClass(made) ?? made;
    }
    case 'orm.has_inherited_table': {
      const cls = plain(args.positional[0] ?? null);
      return isObject(cls) && cls.kind === 'class' ? hasInheritedTable(machine, cls) : undefined;
    }
    case 'sa.Table':
      return makeTable(machine, effects, callee, args, site);
    case 'sa.Index':
    case 'sa.UniqueConstraint':
    case 'sa.CheckConstraint': {
      const made = makeSymbolic(machine, callee, args, site);
      effects.loose?.push(made);
      return made;
    }
    default:
      return undefined;
  }
}

/** psycopg2's faster `executemany`s (extras.py): the statement that they run for rows, one row standing for all. */
function driverStatement(path: string, args: Arguments): Arguments | null {
  const name = /^psycopg2\.extras\.(execute_values|execute_batch)$/.exec(path)?.[1];
  if (name === undefined) return null;
  const statement = argument(args, 1, 'sql') ?? null;
  const rows = argument(args, 2, 'argslist');
  const text = textOf(plain(statement));
  if (name === 'execute_batch' || text === null)
    return { positional: [statement, ...(rows === undefined ? [] : [rows])], named: new Map() };
  return { positional: [text.replace('%s', '(NULL)')], named: new Map() };
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
  const registered = callRegistered(machine, effects, name, args);
  if (registered !== undefined) return registered;
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
    // The dialect's own questions take the connection first (engine/interfaces.py, Dialect.get_columns and its kin).
    if (/^(get|has)_/.test(name))
      return inspect(machine, effects, name, { positional: args.positional.slice(1), named: args.named });
    return undefined;
  }
  if (path === '@config' || path === '@cursor')
    return path === '@cursor'
      ? callConnection(machine, effects, bind, name, args)
      : unknown(`what the configuration's ${name}() gives`);
  if (path === '@url') {
    if (name === 'get_dialect') return dialect;
    return name === 'get_backend_name' ? 'postgresql' : unknown(`what the URL's ${name}() gives`);
  }
  if (path === '@preparer') {
    // Quotes where a name needs it; `quote_identifier` always does (sql/compiler.py, IdentifierPreparer).
    const text = textOf(args.positional[0] ?? null);
    if (text === null || !/^quote(?:_schema|_identifier)?$/.test(name)) return undefined;
    return name === 'quote_identifier' ? `"${text.replaceAll('"', '""')}"` : quoteIdentifier(text);
  }
  if (path === '@script' && name === 'get_revision')
    return {
      ...handle('@revision'),
      attributes: new Map([['module', moduleOfRevision(machine, effects, args.positional[0] ?? null)]]),
    };
  if (path === '@options' && name === 'get') {
    const option = textOf(args.positional[0] ?? null);
    if (option === null) return unknown('what env.py configures');
    return known(configuredOption(machine, effects, option), args.positional[1] ?? null);
  }
  if (path === '@query') return callQuery(machine, effects, receiver as Made, name, args);
  if (path === '@op' && name === 'invoke') return invokeOperation(machine, effects, args);
  if (path === '@op') return callOp(machine, effects, name, args, external(`alembic.op.${name}`));
  const made = asMade(receiver);
  // `sa.inspect(x)` of whatever is asked for tables is asked of the database.
  if (made && /^(?:get|has)_/.test(name) && canonicalPath(made.path) === 'sa.inspect')
    return known(inspect(machine, effects, name, args), unknown(`what the inspector's ${name}() gives`));
  if (made?.path === 'starlette.config.Config' && name === '__call__') return settingValue(machine, args);
  if (made && canonicalPath(made.path) === 'op.batch_alter_table') return callBatch(machine, effects, made, name, args);
  if (made && name === 'generate_base') {
    const base = makeSymbolic(machine, callee, args, { from: 0, to: 0 });
    return baseOfClass(base) ?? base;
  }
  const ofModels = callModels(machine, effects, callee, args);
  if (ofModels !== undefined) return ofModels;
  if (made && made.receiver === null) {
    const own = callMadeMethod(machine, effects, made, name, args);
    if (own !== undefined) return own;
  }
  if (isObject(receiver) && receiver.kind === 'member') {
    const columns = askColumns(machine, receiver, name, args.positional);
    if (columns !== undefined) return columns;
  }
  if (isObject(receiver) && receiver.kind === 'member' && isEffectful({ positional: [receiver], named: new Map() })) {
    if (receiver.name === 'connection' || receiver.name === 'cursor')
      return callConnection(machine, effects, bind, name, args);
  }
  if (name === 'as_string') {
    const composed = composedText(machine, receiver);
    if (composed !== null) return composed;
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
