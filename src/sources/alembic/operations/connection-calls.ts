/**
 * Methods of what a revision holds of the database: the connection, a session and its queries, the migration context.
 */
import type { QualifiedName } from '../../../model/name.ts';
import {
  type Arguments,
  assumed,
  callValue,
  conditionOf,
  findInClass,
  isObject,
  type Machine,
  type Made,
  newList,
  plain,
  textOf,
  toItems,
  unknown,
  type Value,
} from '../python/index.ts';
import { type Effects, emit, opaque } from './effects.ts';
import { runStatement } from './execute.ts';
import { bind, context, handle } from './handles.ts';
import { inspect } from './inspector.ts';
import { asMade, tableNameOf } from './made.ts';
import { isOperation, runOperation } from './op.ts';
import { known, resultMethod } from './queries.ts';

export function callContext(machine: Machine, effects: Effects, name: string, args: Arguments): Value | undefined {
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

export function callConnection(
  machine: Machine,
  effects: Effects,
  receiver: Made,
  name: string,
  args: Arguments,
): Value | undefined {
  if (name === 'execution_options' && args.named.has('schema_translate_map'))
    opaque(machine, effects, 'the connection puts other schemas in the place of those that are named', []);
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
      if (name === 'scalar') return resultOf(machine, rows, 'scalar');
      return name === 'stream'
        ? rows
        : known(resultMethod(machine, rows, 'scalars', { positional: [], named: new Map() }), rows);
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
        tables: tablesOfObjects(machine, args.positional),
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

/** The tables of the objects, or of the classes, that a session is handed. */
function tablesOfObjects(machine: Machine, values: readonly Value[]): QualifiedName[] {
  const names = new Set<string>();
  const visit = (value: Value): void => {
    const bare = plain(value);
    if (!isObject(bare)) return;
    if (bare.kind === 'list' || bare.kind === 'tuple') (toItems(machine, bare) ?? []).slice(0, 100).forEach(visit);
    const cls = bare.kind === 'instance' ? bare.class : bare.kind === 'class' ? bare : null;
    const name = cls === null ? null : textOf(findInClass(cls, '__tablename__') ?? null);
    if (name !== null) names.add(name);
  };
  values.forEach(visit);
  return [...names].map((name) => ({ schema: null, name }));
}

function resultOf(machine: Machine, rows: Value, method: string): Value {
  const condition = conditionOf(rows);
  const value = known(
    resultMethod(machine, rows, method, { positional: [], named: new Map() }),
    unknown('the result of a statement'),
  );
  return condition === null ? value : assumed(value, condition);
}

/** A query is asked by going over it too: it holds no rows, by the assumption that goes with it. */
function queryOf(entities: Value[]): Value {
  const query: Made = { ...handle('@query'), positional: entities };
  return assumed(query, emptyQuery(query));
}

function tablesOf(query: Made): QualifiedName[] {
  return query.positional.flatMap((entity) => {
    const bare = plain(entity);
    const table =
      isObject(bare) && bare.kind === 'class'
        ? textOf(findInClass(bare, '__tablename__') ?? null)
        : (asMade(bare) && tableNameOf(asMade(bare) as Made)?.name) || null;
    return table === null ? [] : [{ schema: null, name: table }];
  });
}

function emptyQuery(query: Made): string {
  const names = tablesOf(query).map((table) => table.name);
  return names.length === 0 ? 'there are no rows' : `there are no rows in ${names.join(', ')}`;
}

/** `session.query(Model).filter(…).all()`: rows of an empty database. */
export function callQuery(machine: Machine, effects: Effects, query: Made, name: string, args: Arguments): Value {
  const tables = tablesOf(query);
  const condition = emptyQuery(query);
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
    default:
      void args;
      return assumed(query, condition);
  }
}
