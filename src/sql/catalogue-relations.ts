/**
 * The relations of PostgreSQL's catalogue and of the information schema that a revision may ask, each as the rows that the
 * schema replayed so far would give it. What a row does not state is not known of it.
 * Longer than most files here: one relation after the other.
 */
import { keyOf } from '../model/name.ts';
import type { Reference, Schema, Table } from '../model/schema.ts';

export type Value = string | number | boolean | null | readonly Value[];
export type Row = Readonly<Record<string, Value>>;

function sequenceDefault(sequence: string | null): string | null {
  return sequence === null ? null : `nextval('${sequence.replace(/^public\./, '')}'::regclass)`;
}

export const oidOf = (key: string) => `relation ${key}`;
const namespaceOid = (name: string) => `namespace ${name}`;
const constraintKinds = { p: 'PRIMARY KEY', u: 'UNIQUE', f: 'FOREIGN KEY', c: 'CHECK', x: null } as const;

function* eachTable(schema: Schema): Iterable<[key: string, table: Table, place: ReadonlyMap<string, number>]> {
  for (const [key, table] of schema.tables)
    yield [key, table, new Map([...table.columns.keys()].map((name, at) => [name, at + 1]))];
}

/** The catalogue's relations that are known, each as its rows. */
export const relations: Record<string, (schema: Schema) => Iterable<Row>> = {
  *pg_namespace(schema) {
    for (const name of schema.namespaces) yield { oid: namespaceOid(name), nspname: name };
  },
  *pg_class(schema) {
    const row = (key: string, namespace: string, name: string, kind: string): Row => ({
      oid: oidOf(key),
      relname: name,
      relnamespace: namespaceOid(namespace),
      relkind: kind,
    });
    for (const [key, { namespace, name, kind }] of schema.tables)
      yield row(key, namespace, name, { table: 'r', partitioned: 'p', foreign: 'f' }[kind]);
    for (const [key, { namespace, name, kind }] of schema.views)
      yield row(key, namespace, name, kind === 'view' ? 'v' : 'm');
    for (const { key, namespace, index, table } of eachIndex(schema))
      yield row(key, namespace, index, table?.kind === 'partitioned' ? 'I' : 'i');
    for (const [key, { namespace, name }] of schema.sequences) yield row(key, namespace, name, 'S');
    for (const [key, { namespace, name }] of schema.composites) yield row(key, namespace, name, 'c');
  },
  *pg_index(schema) {
    const placesByTable = new Map<string, Map<string, number>>();
    for (const { key, of, table, columns, isUnique, isPrimary } of eachIndex(schema)) {
      let places = placesByTable.get(of);
      if (places === undefined) {
        places = new Map([...(table?.columns.keys() ?? [])].map((column, at) => [column, at + 1]));
        placesByTable.set(of, places);
      }
      yield {
        indexrelid: oidOf(key),
        indrelid: oidOf(of),
        indisunique: isUnique,
        indisprimary: isPrimary,
        indisvalid: true,
        indkey: columns().map((each) => (each === null ? 0 : (places.get(each) ?? 0))),
      };
    }
  },
  *pg_trigger(schema) {
    for (const [key, { triggers }] of schema.tables)
      for (const { name } of triggers.values()) yield { tgname: name, tgrelid: oidOf(key), tgisinternal: false };
    // Foreign keys are kept by triggers of their own, on either side.
    for (const [key, { constraints }] of schema.tables)
      for (const { references } of constraints.values())
        for (const side of references ? [key, references.table] : [])
          yield { tgname: 'RI_ConstraintTrigger', tgrelid: oidOf(side), tgisinternal: true };
  },
  *pg_extension(schema) {
    for (const name of new Set(['plpgsql', ...[...schema.extensions.values()].map((each) => each.name)]))
      yield { extname: name };
  },
  *pg_views(schema) {
    for (const { namespace, name, kind } of schema.views.values())
      if (kind === 'view') yield { schemaname: namespace, viewname: name };
  },
  *pg_matviews(schema) {
    for (const { namespace, name, kind } of schema.views.values())
      if (kind !== 'view') yield { schemaname: namespace, matviewname: name };
  },
  *pg_sequences(schema) {
    for (const { namespace, name } of schema.sequences.values()) yield { schemaname: namespace, sequencename: name };
  },
  *pg_policies(schema) {
    for (const { namespace, name, policies } of schema.tables.values())
      for (const policy of policies.keys()) yield { schemaname: namespace, tablename: name, policyname: policy };
  },
  *pg_attribute(schema) {
    for (const [key, table] of eachTable(schema))
      for (const [at, { name, notNull }] of [...table.columns.values()].entries())
        yield { attrelid: oidOf(key), attname: name, attnum: at + 1, attnotnull: notNull, attisdropped: false };
  },
  *pg_constraint(schema) {
    for (const [key, table, place] of eachTable(schema))
      for (const { name, type, columns, references, validated } of table.constraints.values()) {
        const target = references && schema.tables.get(references.table);
        const names = target ? [...target.columns.keys()] : [];
        yield {
          oid: `constraint ${key}.${name}`,
          conname: name,
          contype: type,
          conrelid: oidOf(key),
          connamespace: namespaceOid(table.namespace),
          confrelid: references ? oidOf(references.table) : 0,
          conkey: columns.map((each) => place.get(each) ?? 0),
          confkey: references ? references.columns.map((each) => names.indexOf(each) + 1) : null,
          convalidated: validated,
        };
      }
  },
  *pg_type(schema) {
    const row = (namespace: string, name: string, typtype: string): Row => ({
      oid: `type ${namespace}.${name}`,
      typname: name,
      typnamespace: namespaceOid(namespace),
      typtype,
    });
    for (const { namespace, name } of schema.enums.values()) yield row(namespace, name, 'e');
    for (const { namespace, name } of schema.domains.values()) yield row(namespace, name, 'd');
    for (const { namespace, name } of schema.composites.values()) yield row(namespace, name, 'c');
    for (const { namespace, name } of schema.tables.values()) yield row(namespace, name, 'c');
  },
  *pg_enum(schema) {
    for (const { namespace, name, labels } of schema.enums.values())
      for (const [at, label] of labels.entries())
        yield { enumtypid: `type ${namespace}.${name}`, enumlabel: label, enumsortorder: at + 1 };
  },
  *pg_tables(schema) {
    for (const { namespace, name } of schema.tables.values()) yield { schemaname: namespace, tablename: name };
  },
  *pg_indexes(schema) {
    for (const { namespace, index, relation } of eachIndex(schema))
      yield { schemaname: namespace, tablename: relation, indexname: index };
  },
  *'information_schema.tables'(schema) {
    for (const { namespace, name } of schema.tables.values())
      yield { table_schema: namespace, table_name: name, table_type: 'BASE TABLE' };
    for (const { namespace, name, kind } of schema.views.values())
      if (kind === 'view') yield { table_schema: namespace, table_name: name, table_type: 'VIEW' };
  },
  *'information_schema.views'(schema) {
    for (const { namespace, name, kind } of schema.views.values())
      if (kind === 'view') yield { table_schema: namespace, table_name: name };
  },
  *'information_schema.schemata'(schema) {
    for (const name of schema.namespaces) yield { schema_name: name };
  },
  *'information_schema.columns'(schema) {
    for (const { namespace, name, columns } of schema.tables.values())
      for (const [at, column] of [...columns.values()].entries())
        yield {
          table_schema: namespace,
          table_name: name,
          column_name: column.name,
          ordinal_position: at + 1,
          is_nullable: column.notNull ? 'NO' : 'YES',
          ...typeColumns(column.type),
          column_default: column.default ?? sequenceDefault(column.ownedSequence),
        };
  },
  *'information_schema.table_constraints'(schema) {
    for (const { namespace, name, constraints } of schema.tables.values())
      for (const constraint of constraints.values()) {
        const kind = constraintKinds[constraint.type];
        if (kind !== null)
          yield {
            constraint_schema: namespace,
            constraint_name: constraint.name,
            table_schema: namespace,
            table_name: name,
            constraint_type: kind,
          };
      }
  },
  *'information_schema.key_column_usage'(schema) {
    for (const { namespace, name, constraints } of schema.tables.values())
      for (const constraint of constraints.values())
        if ('puf'.includes(constraint.type))
          for (const [at, column] of constraint.columns.entries())
            yield {
              constraint_schema: namespace,
              constraint_name: constraint.name,
              table_schema: namespace,
              table_name: name,
              column_name: column,
              ordinal_position: at + 1,
            };
  },
  *'information_schema.constraint_column_usage'(schema) {
    // Of a foreign key the columns that it refers to (manual 37.15).
    for (const [key, { constraints, namespace }] of schema.tables)
      for (const { name, type, columns, references } of constraints.values()) {
        if (!'puf'.includes(type)) continue;
        const used = references ?? { table: key, columns };
        const table = schema.tables.get(used.table);
        for (const column of used.columns)
          yield {
            constraint_schema: namespace,
            constraint_name: name,
            table_schema: table?.namespace ?? namespace,
            table_name: table?.name ?? '',
            column_name: column,
          };
      }
  },
  *'information_schema.referential_constraints'(schema) {
    for (const { constraints, namespace } of schema.tables.values())
      for (const { name, references } of constraints.values())
        if (references)
          yield {
            constraint_schema: namespace,
            constraint_name: name,
            update_rule: references.onUpdate,
            delete_rule: references.onDelete,
            ...keyBehind(schema, references),
          };
  },
};

/** The unique key that a foreign key leans on. */
function keyBehind(schema: Schema, { table: key, columns }: Reference): Row {
  const table = schema.tables.get(key);
  const wanted = [...columns].sort().join();
  const found = [...(table?.constraints.values() ?? [])].find(
    (one) => 'pu'.includes(one.type) && [...one.columns].sort().join() === wanted,
  );
  return table && found ? { unique_constraint_schema: table.namespace, unique_constraint_name: found.name } : {};
}

interface IndexRow {
  key: string;
  namespace: string;
  index: string;
  /** Key and name of what it is on. */
  of: string;
  relation: string;
  table: Table | undefined;
  /** Null: an expression. */
  columns(): readonly (string | null)[];
  isUnique: boolean;
  isPrimary: boolean;
}

/** Indexes, and those that keys bring with them. */
function* eachIndex(schema: Schema): Iterable<IndexRow> {
  for (const [of, relation] of [...schema.tables, ...schema.views]) {
    const table = schema.tables.get(of);
    const { namespace, name } = relation;
    for (const index of relation.indexes.values())
      yield {
        key: keyOf(namespace, index.name),
        namespace,
        index: index.name,
        of,
        relation: name,
        table,
        columns: () => index.keys.map((key) => (key.isExpression ? null : key.text)),
        isUnique: index.unique,
        isPrimary: false,
      };
    for (const constraint of table?.constraints.values() ?? [])
      if ('pux'.includes(constraint.type))
        yield {
          key: keyOf(namespace, constraint.name),
          namespace,
          index: constraint.name,
          of,
          relation: name,
          table,
          columns: () => constraint.columns,
          isUnique: constraint.type !== 'x',
          isPrimary: constraint.type === 'p',
        };
  }
}

const shortNames: Record<string, string> = {
  integer: 'int4',
  bigint: 'int8',
  smallint: 'int2',
  boolean: 'bool',
  'character varying': 'varchar',
  character: 'bpchar',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  'time with time zone': 'timetz',
  'time without time zone': 'time',
  'double precision': 'float8',
  real: 'float4',
};
const sameNames = new Set('text uuid json jsonb bytea date numeric inet cidr interval xml tsvector money'.split(' '));

/** How the information schema names a type (manual 37.17); nothing of one whose kind is not told by its name. */
function typeColumns(type: string): Row {
  const [, base, length] = /^([^([]+?)(?:\((\d+)(?:,\d+)?\))?$/.exec(type.replace(/\((\d+)\)( with)/, '$2')) ?? [];
  if (base === undefined || (!Object.hasOwn(shortNames, base) && !sameNames.has(base))) return {};
  return {
    data_type: base,
    udt_name: shortNames[base] ?? base,
    ...(base.startsWith('character') && length !== undefined ? { character_maximum_length: Number(length) } : {}),
    ...(base.startsWith('character') && length === undefined ? { character_maximum_length: null } : {}),
  };
}

/** One of PostgreSQL's own in each: a question that meets it is about more than the schema. */
export const systemRows: Record<string, Row[]> = {
  pg_namespace: [{ oid: namespaceOid('pg_catalog'), nspname: 'pg_catalog' }],
  pg_class: ['r', 'v', 'i', 'S'].map((relkind) => ({
    oid: oidOf('pg_catalog.pg_class'),
    relname: 'pg_class',
    relnamespace: namespaceOid('pg_catalog'),
    relkind,
  })),
  pg_index: [true, false].map((indisprimary) => ({
    indexrelid: oidOf('pg_catalog.pg_class'),
    indrelid: oidOf('pg_catalog.pg_class'),
    indisunique: true,
    indisprimary,
    indisvalid: true,
    indkey: [1],
  })),
  pg_views: [{ schemaname: 'pg_catalog', viewname: 'pg_views' }],
  pg_attribute: [
    { attrelid: oidOf('pg_catalog.pg_class'), attname: 'oid', attnum: 1, attnotnull: true, attisdropped: false },
  ],
  pg_constraint: ['p', 'u', 'c'].map((contype) => ({
    oid: 'constraint pg_catalog.pg_class',
    conname: 'pg_class_oid_index',
    contype,
    conrelid: oidOf('pg_catalog.pg_class'),
    connamespace: namespaceOid('pg_catalog'),
    confrelid: 0,
    conkey: [1],
    confkey: null,
    convalidated: true,
  })),
  pg_type: ['b', 'c', 'd', 'e'].map((typtype) => ({
    oid: 'type pg_catalog.int4',
    typname: 'int4',
    typnamespace: namespaceOid('pg_catalog'),
    typtype,
  })),
  pg_tables: [{ schemaname: 'pg_catalog', tablename: 'pg_class' }],
  pg_indexes: [{ schemaname: 'pg_catalog', tablename: 'pg_class', indexname: 'pg_class_oid_index' }],
  'information_schema.tables': ['BASE TABLE', 'VIEW'].map((table_type) => ({
    table_schema: 'pg_catalog',
    table_name: 'pg_class',
    table_type,
  })),
  'information_schema.views': [{ table_schema: 'pg_catalog', table_name: 'pg_views' }],
  'information_schema.schemata': [{ schema_name: 'pg_catalog' }],
  'information_schema.columns': [
    { table_schema: 'pg_catalog', table_name: 'pg_class', column_name: 'oid', ordinal_position: 1, is_nullable: 'NO' },
  ],
  'information_schema.table_constraints': ['PRIMARY KEY', 'UNIQUE', 'CHECK'].map((constraint_type) => ({
    constraint_schema: 'pg_catalog',
    constraint_name: 'pg_class_oid_index',
    table_schema: 'pg_catalog',
    table_name: 'pg_class',
    constraint_type,
  })),
  'information_schema.constraint_column_usage': [
    {
      constraint_schema: 'pg_catalog',
      constraint_name: 'pg_class_oid_index',
      table_schema: 'pg_catalog',
      table_name: 'pg_class',
      column_name: 'oid',
    },
  ],
  'information_schema.key_column_usage': [
    {
      constraint_schema: 'pg_catalog',
      constraint_name: 'pg_class_oid_index',
      table_schema: 'pg_catalog',
      table_name: 'pg_class',
      column_name: 'oid',
      ordinal_position: 1,
    },
  ],
};
const systemRow = new Set(Object.values(systemRows).flat());
export const isSystemRow = (row: Row): boolean => systemRow.has(row) || row.tgisinternal === true;
