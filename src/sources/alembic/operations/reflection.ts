/**
 * `Table('t', metadata, autoload_with=bind)` and `metadata.reflect(bind)`: tables as the schema replayed so far has them, with
 * their columns, constraints and indexes as SQLAlchemy's objects (sql/schema.py, engine/reflection.py).
 */
import { placeOfKey } from '../../../model/definition.ts';
import { keyOf } from '../../../model/name.ts';
import type { Constraint, Schema, Table } from '../../../model/schema.ts';
import {
  isObject,
  type Machine,
  type Made,
  type Member,
  newDict,
  newList,
  plain,
  setKey,
  textOf,
  toItems,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import type { Effects } from './effects.ts';
import { raiseNoSuchTable, typeObject } from './inspector.ts';
import { asMade, isColumn, tableNameOf } from './made.ts';
import { argument, flagOf, isAbsent, nameOf } from './read-values.ts';
import { versionTable } from './version-table.ts';

/** What the schema said when somebody asked. */
const tableByMade = new WeakMap<Made, Table>();
const schemaByMetadata = new WeakMap<Made, { schema: Schema; namespace: string; names: ReadonlySet<string> | null }>();

/** Made here, and told more of afterwards. */
type Making = Made & { named: Map<string, Value>; attributes: Map<string, Value> };

const make = (path: string, positional: Value[], attributes: [string, Value][] = []): Making => ({
  kind: 'made',
  path: `sqlalchemy.${path}`,
  receiver: null,
  positional,
  named: new Map(),
  from: 0,
  to: 0,
  file: '',
  attributes: new Map(attributes),
});

/** `sa.Table(…)` that asks the database what the table is like. */
export function reflectTable(machine: Machine, effects: Effects, made: Made): void {
  const asks =
    flagOf(made.named.get('autoload')) === true ||
    !isAbsent(made.named.get('autoload_with')) ||
    asReflected(made.positional[1]) !== undefined;
  const name = asks && !made.positional.some(isColumn) ? tableNameOf(made) : null;
  if (name === null) return;
  const { tables } = effects.sink.schema();
  const namespaces = name.schema === null ? [...effects.sink.searchPath(), 'public'] : [name.schema];
  const found = namespaces.map((namespace) => tables.get(`${namespace}.${name.name}`)).find(Boolean);
  if (found !== undefined) tableByMade.set(made, found);
  else raiseNoSuchTable(machine, name.name);
}

function asReflected(value: Value | undefined) {
  const metadata = asMade(value);
  return metadata === null ? undefined : schemaByMetadata.get(metadata);
}

export function reflectMetadata(machine: Machine, effects: Effects, made: Made, args: Parameters<typeof argument>[0]) {
  const schema = argument(args, 1, 'schema') ?? made.named.get('schema');
  const only = argument(args, 3, 'only');
  const names = isAbsent(only) ? null : toItems(machine, only as Value)?.map(textOf);
  const own = versionTable(machine, effects);
  const { tables, ...rest } = effects.sink.schema();
  const key = keyOf(own.namespace, own.name);
  schemaByMetadata.set(made, {
    schema: { ...rest, tables: tables.has(key) ? tables : new Map([...tables, [key, own]]) },
    namespace: nameOf(schema)?.name ?? effects.sink.searchPath()[0] ?? 'public',
    names: names ? new Set(names.filter((each): each is string => each !== null)) : null,
  });
}

/** `.tables` and `.sorted_tables` of a MetaData: those that were made in it and those that it has reflected. */
export function tablesOf(machine: Machine, metadata: Made, name: string): Value | undefined {
  if (name !== 'tables' && name !== 'sorted_tables') return undefined;
  const listed = metadata.attributes.get('@tables');
  const own = (listed === undefined ? [] : (toItems(machine, listed) ?? [])).flatMap((each) => asMade(each) ?? []);
  const reflected = schemaByMetadata.get(metadata);
  const known = new Map(own.map((made) => [tableNameOf(made)?.name ?? '', made]));
  for (const table of reflected?.schema.tables.values() ?? []) {
    if (table.namespace !== reflected?.namespace || known.has(table.name)) continue;
    if (reflected.names !== null && !reflected.names.has(table.name)) continue;
    const made = make('Table', [table.name, metadata]);
    tableByMade.set(made, table);
    known.set(table.name, made);
  }
  if (name === 'sorted_tables') return newList(machine, [...known.values()]);
  const dict = newDict(machine);
  for (const [table, made] of known) setKey(dict, table, made);
  return dict;
}

/** The columns that `for column in table.columns` goes through; null where they are not known. */
export function columnsOf(value: Value): Value[] | null {
  const bare = plain(value);
  if (!isObject(bare) || bare.kind !== 'member' || (bare.name !== 'c' && bare.name !== 'columns')) return null;
  const made = asMade(bare.object);
  if (made === null || canonicalPath(made.path) !== 'sa.Table') return null;
  const table = tableByMade.get(made);
  if (table !== undefined) return [...table.columns.keys()].map((name) => columnObject(table, made, name));
  const stated = made.positional.filter(isColumn);
  return stated.length === 0 ? null : stated;
}

/** `.keys()`, `.values()`, `.get(name)` and `.contains_column()` of `table.columns`. */
export function askColumns(machine: Machine, member: Member, name: string, args: Value[]): Value | undefined {
  const columns = columnsOf(member);
  const nameOfColumn = (column: Value) => nameOf(asMade(column)?.positional[0])?.name ?? '';
  if (columns === null) return undefined;
  if (name === 'keys') return newList(machine, columns.map(nameOfColumn));
  if (name === 'values') return newList(machine, columns);
  if (name === 'get') return columns.find((column) => nameOfColumn(column) === textOf(args[0] ?? null)) ?? null;
  return undefined;
}

/** `.foreign_keys`, `.constraints`, `.indexes`, `.primary_key` of a table that was reflected. */
export function reflectedAttribute(machine: Machine, made: Made, name: string): Value | undefined {
  const table = tableByMade.get(made);
  if (table === undefined) return undefined;
  const constraints = [...table.constraints.values()];
  const of = (type: Constraint['type']) => constraints.filter((each) => each.type === type);
  switch (name) {
    case 'foreign_keys':
      return newList(
        machine,
        of('f').flatMap((each) => foreignKeys(machine, table, made, each)),
      );
    case 'foreign_key_constraints':
      return newList(
        machine,
        of('f').map((each) => constraintObject(machine, table, made, each)),
      );
    case 'constraints':
      return newList(
        machine,
        constraints.map((each) => constraintObject(machine, table, made, each)),
      );
    case 'primary_key': {
      const key = of('p')[0];
      return key === undefined ? undefined : constraintObject(machine, table, made, key);
    }
    case 'indexes':
      return newList(
        machine,
        [...table.indexes.values()].map((index) =>
          make(
            'Index',
            [index.name, ...index.keys.map((key) => (key.isExpression ? make('text', [key.text]) : key.text))],
            [
              ['name', index.name],
              ['unique', index.unique],
              ['table', made],
              [
                'columns',
                newList(
                  machine,
                  index.keys.flatMap((key) => (key.isExpression ? [] : [columnObject(table, made, key.text)])),
                ),
              ],
            ],
          ),
        ),
      );
    case 'comment':
      return table.comment ?? null;
    default:
      return undefined;
  }
}

function columnObject(table: Table, owner: Made, name: string): Made {
  const column = table.columns.get(name);
  const made = make(
    'Column',
    [name, typeObject(column?.type ?? 'text')],
    [
      ['type', typeObject(column?.type ?? 'text')],
      ['nullable', column?.notNull !== true],
      ['table', owner],
    ],
  );
  if (column === undefined) return made;
  const key = [...table.constraints.values()].find((each) => each.type === 'p');
  made.named.set('nullable', !column.notNull);
  made.named.set('primary_key', key?.columns.includes(name) === true);
  made.attributes.set('primary_key', key?.columns.includes(name) === true);
  // A default that draws from a sequence is reflected as autoincrement, and SERIAL where the column is made again.
  if (column.ownedSequence !== null || /^nextval\(/.test(column.default ?? '')) made.named.set('autoincrement', true);
  else if (column.default !== null) made.named.set('server_default', make('text', [column.default]));
  if (column.identity !== null) made.named.set('server_default', identityObject(column.identity));
  if (column.generated !== null)
    made.named.set('server_default', make('Computed', [make('text', [column.generated.expression])]));
  if (column.comment) made.named.set('comment', column.comment);
  made.attributes.set(
    'server_default',
    column.identity !== null || column.generated !== null
      ? (made.named.get('server_default') ?? null)
      : column.default === null
        ? null
        : defaultClause(column.default),
  );
  return made;
}

/** `column.server_default`, whose `.arg.text` is the default as the catalogue has it, a sequence's `nextval(…)` too. */
function defaultClause(expression: string): Made {
  const text = make('text', [expression], [['text', expression]]);
  return make('DefaultClause', [text], [['arg', text]]);
}

function identityObject(kind: 'always' | 'by default'): Made {
  const made = make('Identity', []);
  made.named.set('always', kind === 'always');
  return made;
}

function foreignKeys(machine: Machine, table: Table, owner: Made, constraint: Constraint): Made[] {
  const target = constraint.references?.table ?? '';
  const { schema: namespace, name } = placeOfKey(target);
  const referred = make('Table', [name]);
  if (namespace !== 'public') referred.named.set('schema', namespace);
  const prefix = namespace === 'public' ? name : `${namespace}.${name}`;
  return constraint.columns.map((name, at) => {
    const referredColumn = constraint.references?.columns[at] ?? '';
    return make(
      'ForeignKey',
      [`${prefix}.${referredColumn}`],
      [
        ['name', constraint.name],
        ['parent', columnObject(table, owner, name)],
        ['target_fullname', `${prefix}.${referredColumn}`],
        ['column', make('Column', [referredColumn], [['table', referred]])],
        ['ondelete', rule(constraint.references?.onDelete)],
        ['onupdate', rule(constraint.references?.onUpdate)],
        ['constraint', constraintObject(machine, table, owner, constraint, false)],
      ],
    );
  });
}

const rule = (action: string | undefined): string | null =>
  action === undefined || action === 'NO ACTION' ? null : action;

const classes = {
  p: 'PrimaryKeyConstraint',
  u: 'UniqueConstraint',
  f: 'ForeignKeyConstraint',
  c: 'CheckConstraint',
  x: 'dialects.postgresql.ExcludeConstraint',
} as const;

function constraintObject(
  machine: Machine,
  table: Table,
  owner: Made,
  constraint: Constraint,
  withElements = true,
): Made {
  const columns = constraint.columns.map((name) => columnObject(table, owner, name));
  const made = make(classes[constraint.type], constraint.type === 'f' ? [] : constraint.columns, [
    ['name', constraint.name],
    ['table', owner],
    ['columns', newList(machine, columns)],
    ['column_keys', newList(machine, constraint.columns)],
  ]);
  made.named.set('name', constraint.name);
  if (constraint.type === 'c') {
    made.positional = [constraint.expression ?? ''];
    made.attributes.set('sqltext', make('text', [constraint.expression ?? '']));
  }
  if (constraint.type !== 'f' || constraint.references === null) return made;
  const elements = withElements ? foreignKeys(machine, table, owner, constraint) : [];
  const { references } = constraint;
  const target = references.table.replace(/^public\./, '');
  made.positional = [
    newList(machine, constraint.columns),
    newList(
      machine,
      references.columns.map((column) => `${target}.${column}`),
    ),
  ];
  for (const [key, action] of [
    ['ondelete', references.onDelete],
    ['onupdate', references.onUpdate],
  ] as const) {
    made.attributes.set(key, rule(action));
    if (rule(action) !== null) made.named.set(key, rule(action));
  }
  made.attributes.set('elements', newList(machine, elements));
  const { schema: namespace, name } = placeOfKey(references.table);
  const referred = make('Table', [name]);
  if (namespace !== 'public') referred.named.set('schema', namespace);
  made.attributes.set('referred_table', referred);
  return made;
}
