/**
 * Questions to `sa.inspect(connection)`, answered from the schema replayed so far (the port `OperationSink.schema`).
 */
import { placeOfKey } from '../../../model/definition.ts';
import { keyOf } from '../../../model/name.ts';
import type { Table } from '../../../model/schema.ts';
import {
  type Arguments,
  builtinException,
  external,
  instanceOf,
  type Machine,
  type Made,
  newDict,
  newList,
  type PyClass,
  PyRaise,
  plain,
  setKey,
  unknown,
  type Value,
} from '../python/index.ts';
import type { Effects } from './effects.ts';
import { handle } from './handles.ts';
import { argument, isAbsent, nameOf } from './read-values.ts';
import { versionTable } from './version-table.ts';

export function inspect(machine: Machine, effects: Effects, name: string, args: Arguments): Value | undefined {
  const schema = effects.sink.schema();
  const list = (items: Value[]) => newList(machine, items);
  const record = (entries: [string, Value][]) => {
    const dict = newDict(machine);
    for (const [key, value] of entries) setKey(dict, key, value);
    return dict;
  };
  const given = argument(args, name === 'has_table' || name.startsWith('get_') ? 1 : -1, 'schema');
  const namespaceOf = (value: Value | undefined): string | null =>
    isAbsent(value) ? null : (nameOf(value)?.name ?? null);
  const home = (): string => namespaceOf(argument(args, 0, 'schema')) ?? effects.sink.searchPath()[0] ?? 'public';
  const find = (): Table | undefined | null => {
    const table = nameOf(argument(args, 0, 'table_name', 'table'))?.name;
    if (table === undefined) return null;
    const wanted = namespaceOf(given);
    for (const folder of wanted === null ? [...effects.sink.searchPath(), 'public'] : [wanted]) {
      const found = schema.tables.get(keyOf(folder, table));
      if (found) return found;
    }
    const own = versionTable(machine, effects);
    return own.name === table && (wanted === null || wanted === own.namespace) ? own : undefined;
  };
  switch (name) {
    case 'get_table_names':
    case 'get_sorted_table_and_fkc_names':
    case 'table_names': {
      const namespace = home();
      const names = [...schema.tables.values()]
        .filter((table) => table.namespace === namespace)
        .map((table) => table.name);
      const own = versionTable(machine, effects);
      return list([...names, ...(namespace === own.namespace && !names.includes(own.name) ? [own.name] : [])]);
    }
    case 'get_view_names':
      return list(
        [...schema.views.values()]
          .filter((view) => view.namespace === home() && view.kind === 'view')
          .map((view) => view.name),
      );
    case 'get_materialized_view_names':
      return list(
        [...schema.views.values()]
          .filter((view) => view.namespace === home() && view.kind !== 'view')
          .map((view) => view.name),
      );
    case 'get_schema_names':
      return list([...schema.namespaces, 'information_schema']);
    case 'get_sequence_names':
      return list([...schema.sequences.values()].filter((one) => one.namespace === home()).map((one) => one.name));
    case 'get_enums': {
      const namespace = namespaceOf(argument(args, 0, 'schema'));
      return list(
        [...schema.enums.values()]
          .filter((one) => namespace === '*' || one.namespace === (namespace ?? 'public'))
          .map((one) =>
            record([
              ['name', one.name],
              ['schema', one.namespace],
              ['labels', list(one.labels)],
              ['visible', true],
            ]),
          ),
      );
    }
    case 'has_table': {
      const table = find();
      return table === null ? unknown('whether a table is there whose name is not known') : table !== undefined;
    }
    case 'has_schema':
      return schema.namespaces.has(nameOf(argument(args, 0, 'schema_name'))?.name ?? '');
    case 'has_type': {
      // Of the dialect alone: `dialect.has_type(connection, name, schema=None)`.
      const type = nameOf(argument(args, 0, 'type_name'))?.name;
      const within = namespaceOf(argument(args, 1, 'schema'));
      const folders = within === null ? [...effects.sink.searchPath(), 'public'] : [within];
      const { enums, domains, composites } = schema;
      return type === undefined
        ? unknown('whether a type is there whose name is not known')
        : folders.some((folder) => [enums, domains, composites].some((kind) => kind.has(keyOf(folder, type))));
    }
    case 'has_sequence':
      return [...schema.sequences.values()].some(
        (one) => one.name === nameOf(argument(args, 0, 'sequence_name'))?.name,
      );
    case 'has_index': {
      const table = find();
      const index = nameOf(argument(args, 1, 'index_name'))?.name;
      return table && index !== undefined ? table.indexes.has(index) : false;
    }
    case 'default_schema_name':
      return 'public';
  }
  if (!name.startsWith('get_')) return undefined;
  const table = find();
  if (table === null) return unknown('what the inspector says of a table whose name is not known');
  if (table === undefined) {
    raiseNoSuchTable(machine, nameOf(argument(args, 0, 'table_name', 'table'))?.name ?? '');
    if (name === 'get_pk_constraint')
      return record([
        ['constrained_columns', list([])],
        ['name', null],
      ]);
    return unknown('what the inspector says of a table that is not there');
  }
  switch (name) {
    case 'get_columns':
      return list(
        [...table.columns.values()].map((column) =>
          record([
            ['name', column.name],
            ['nullable', !column.notNull],
            ['default', column.default],
            ['comment', column.comment ?? null],
            ['autoincrement', column.ownedSequence !== null],
            ['type', typeObject(column.type)],
          ]),
        ),
      );
    case 'get_indexes':
      return list([
        ...[...table.indexes.values()].map((index) =>
          record([
            ['name', index.name],
            ['unique', index.unique],
            ['column_names', list(index.keys.map((key) => (key.isExpression ? null : key.text)))],
            ['include_columns', list(index.include)],
          ]),
        ),
        ...[...table.constraints.values()]
          .filter((one) => one.type === 'u')
          .map((one) =>
            record([
              ['name', one.name],
              ['unique', true],
              ['column_names', list(one.columns)],
              ['duplicates_constraint', one.name],
            ]),
          ),
      ]);
    case 'get_unique_constraints':
      return list(
        [...table.constraints.values()]
          .filter((one) => one.type === 'u')
          .map((one) =>
            record([
              ['name', one.name],
              ['column_names', list(one.columns)],
            ]),
          ),
      );
    case 'get_check_constraints':
      return list(
        [...table.constraints.values()]
          .filter((one) => one.type === 'c')
          .map((one) =>
            record([
              ['name', one.name],
              ['sqltext', one.expression ?? ''],
            ]),
          ),
      );
    case 'get_foreign_keys':
      return list(
        [...table.constraints.values()]
          .filter((one) => one.type === 'f')
          .map((one) => {
            const { schema, name: referred } = placeOfKey(one.references?.table ?? '');
            const options: [string, Value][] = [];
            if (one.references && one.references.onDelete !== 'NO ACTION')
              options.push(['ondelete', one.references.onDelete]);
            if (one.references && one.references.onUpdate !== 'NO ACTION')
              options.push(['onupdate', one.references.onUpdate]);
            return record([
              ['name', one.name],
              ['constrained_columns', list(one.columns)],
              ['referred_schema', schema === 'public' ? null : schema],
              ['referred_table', referred],
              ['referred_columns', list(one.references?.columns ?? [])],
              ['options', record(options)],
            ]);
          }),
      );
    case 'get_pk_constraint': {
      const key = [...table.constraints.values()].find((one) => one.type === 'p');
      return record([
        ['name', key?.name ?? null],
        ['constrained_columns', list(key?.columns ?? [])],
      ]);
    }
    case 'get_table_comment':
      return record([['text', table.comment ?? null]]);
    default:
      void plain;
      return undefined;
  }
}

/** Where the revision waits for it, SQLAlchemy's error of a table that is not there; elsewhere the answer is not known. */
export function raiseNoSuchTable(machine: Machine, table: string): void {
  const raised = instanceOf(noSuchTableError, { positional: [table], named: new Map() });
  if (machine.importGuards.some((guard) => guard.catches(raised))) throw new PyRaise(raised);
}

const noSuchTableError: PyClass = {
  ...builtinException('Exception'),
  name: 'NoSuchTableError',
  bases: [builtinException('Exception')],
};
noSuchTableError.order = [
  noSuchTableError,
  ...['NoSuchTableError', 'InvalidRequestError', 'SQLAlchemyError'].map((name) => external(`sqlalchemy.exc.${name}`)),
  ...builtinException('Exception').order,
];

/** A reflected type: its class where it has one, and its text as SQLAlchemy prints it. */
export function typeObject(type: string): Value {
  const make = (path: string, positional: Value[], attributes: [string, Value][]): Made => ({
    ...handle(path),
    positional,
    attributes: new Map<string, Value>([['@text', sqlAlchemyText(type)], ...attributes]),
  });
  const match = /^character varying(?:\((\d+)\))?$/.exec(type);
  if (match) {
    const length = match[1] === undefined ? null : Number(match[1]);
    return make('sqlalchemy.VARCHAR', length === null ? [] : [length], [['length', length]]);
  }
  const name = directTypes[type];
  if (name === undefined) return make('@type', [type], []);
  const made = make(`sqlalchemy.dialects.postgresql.${name}`, [], []);
  return type === 'timestamp with time zone' ? { ...made, named: new Map([['timezone', true]]) } : made;
}

const directTypes: Record<string, string> = {
  integer: 'INTEGER',
  bigint: 'BIGINT',
  smallint: 'SMALLINT',
  text: 'TEXT',
  boolean: 'BOOLEAN',
  json: 'JSON',
  jsonb: 'JSONB',
  uuid: 'UUID',
  bytea: 'BYTEA',
  date: 'DATE',
  'double precision': 'DOUBLE_PRECISION',
  'timestamp without time zone': 'TIMESTAMP',
  'timestamp with time zone': 'TIMESTAMP',
};

function sqlAlchemyText(type: string): string {
  if (type.startsWith('character varying')) return type.replace('character varying', 'VARCHAR').toUpperCase();
  if (type.startsWith('timestamp') || type.startsWith('time'))
    return type.startsWith('timestamp') ? 'TIMESTAMP' : 'TIME';
  return type.toUpperCase();
}
