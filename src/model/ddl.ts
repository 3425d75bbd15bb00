/**
 * Schema → SQL: the statements that rebuild a Schema in an empty database, in an order that PostgreSQL takes.
 * The texts of a Schema are relative to `search_path = public`; the first statements set that. The door of the writers
 * of SQL beside it. Refuses to know connections; what fails on first sight (views of views) the builder tries again.
 */

import { domainCheck, isNotValid, policySql, withoutSemicolon } from './ddl-operation.ts';
import { columnSql, constraintDefinition, indexDefinition, sqlOfKey } from './definition.ts';
import { compareText, keyOf, quoteIdentifier, quoteLiteral } from './name.ts';
import type { Column, Constraint, Schema, Table, View } from './schema.ts';

export { invertOperation } from './ddl-invert.ts';
export { describeLock, type LockDescription } from './ddl-lock.ts';
export { catchUpSql, renderOperation, statementOf } from './ddl-operation.ts';

export interface DdlStatement {
  sql: string;
  /** Key of the object: `schema.table`, `schema.table.name`, … ; empty for a setting of the session. */
  object: string;
  kind:
    | 'setting'
    | 'schema'
    | 'extension'
    | 'enum'
    | 'domain'
    | 'composite'
    | 'sequence'
    | 'function'
    | 'table'
    | 'column'
    | 'constraint'
    | 'index'
    | 'view'
    | 'trigger'
    | 'policy'
    | 'comment';
}

const q = quoteIdentifier;

/** The statements that rebuild `schema`, in dependency order as far as names tell it. */
export function renderSchema(schema: Schema): DdlStatement[] {
  const tables = orderTables(schema);
  const children = new Set(
    tables.filter((table) => table.partitionBound !== null).map((table) => keyOf(table.namespace, table.name)),
  );
  return [
    { sql: `SET check_function_bodies = off`, object: '', kind: 'setting' },
    { sql: `SET search_path TO public`, object: '', kind: 'setting' },
    ...renderNamespaces(schema),
    ...renderTypes(schema),
    ...renderSequences(schema),
    ...[...schema.routines].flatMap(([object, routine]): DdlStatement[] =>
      routine.definition === null ? [] : [{ sql: withoutSemicolon(routine.definition), object, kind: 'function' }],
    ),
    ...tables.flatMap((table) => renderTable(schema, table)),
    ...renderOwnership(schema),
    ...tables.flatMap((table) => renderConstraints(schema, table, (constraint) => constraint.type !== 'f')),
    ...tables.flatMap((table) => renderIndexes(keyOf(table.namespace, table.name), table)),
    ...tables.flatMap((table) => renderConstraints(schema, table, (constraint) => constraint.type === 'f')),
    ...renderViews(schema),
    ...tables.flatMap((table) => renderAttachments(table, children)),
    ...renderComments(schema),
  ];
}

function renderNamespaces(schema: Schema): DdlStatement[] {
  return [
    ...[...schema.namespaces]
      .sort(compareText)
      .map((name): DdlStatement => ({ sql: `CREATE SCHEMA IF NOT EXISTS ${q(name)}`, object: name, kind: 'schema' })),
    ...[...schema.extensions.values()].map(
      (extension): DdlStatement => ({
        sql: `CREATE EXTENSION IF NOT EXISTS ${q(extension.name)}${extension.namespace === null ? '' : ` SCHEMA ${q(extension.namespace)}`}`,
        object: extension.name,
        kind: 'extension',
      }),
    ),
  ];
}

function renderTypes(schema: Schema): DdlStatement[] {
  return [
    ...[...schema.enums].map(
      ([object, type]): DdlStatement => ({
        sql: `CREATE TYPE ${sqlOfKey(object)} AS ENUM (${type.labels.map(quoteLiteral).join(', ')})`,
        object,
        kind: 'enum',
      }),
    ),
    ...[...schema.domains].map(
      ([object, domain]): DdlStatement => ({
        sql: [
          `CREATE DOMAIN ${sqlOfKey(object)} AS ${domain.base}`,
          domain.default === null ? '' : `DEFAULT ${domain.default}`,
          domain.notNull ? 'NOT NULL' : '',
          ...domain.checks.filter((check) => !isNotValid(check)).map(domainCheck),
        ]
          .filter((part) => part !== '')
          .join(' '),
        object,
        kind: 'domain',
      }),
    ),
    // CREATE DOMAIN knows no such checks.
    ...[...schema.domains].flatMap(([object, domain]) =>
      domain.checks.filter(isNotValid).map((check): DdlStatement => {
        return { sql: `ALTER DOMAIN ${sqlOfKey(object)} ADD ${domainCheck(check)}`, object, kind: 'domain' };
      }),
    ),
    ...[...schema.composites].map(
      ([object, composite]): DdlStatement => ({
        sql: `CREATE TYPE ${sqlOfKey(object)} AS (${composite.attributes.map((a) => `${q(a.name)} ${a.type}`).join(', ')})`,
        object,
        kind: 'composite',
      }),
    ),
  ];
}

/** Every sequence that no identity column makes by itself. */
function renderSequences(schema: Schema): DdlStatement[] {
  const byIdentity = new Set<string>();
  const typeByKey = new Map<string, string>();
  const owned = new Set<string>();
  for (const table of schema.tables.values())
    for (const column of table.columns.values()) {
      if (column.ownedSequence === null) continue;
      if (column.identity !== null) byIdentity.add(column.ownedSequence);
      else owned.add(column.ownedSequence);
      if (/^(integer|smallint)$/.test(column.type)) typeByKey.set(column.ownedSequence, column.type);
    }
  const keys = [...new Set([...schema.sequences.keys(), ...owned])].filter((key) => !byIdentity.has(key));
  return keys.map((object): DdlStatement => {
    const sequence = schema.sequences.get(object);
    const type = sequence?.type ?? (owned.has(object) ? typeByKey.get(object) : undefined);
    return {
      sql:
        `CREATE SEQUENCE ${sqlOfKey(object)}` +
        (type ? ` AS ${type}` : '') +
        (sequence?.increment ? ` INCREMENT BY ${sequence.increment}` : '') +
        (sequence?.minValue ? ` MINVALUE ${sequence.minValue}` : '') +
        (sequence?.maxValue ? ` MAXVALUE ${sequence.maxValue}` : '') +
        (sequence?.start ? ` START WITH ${sequence.start}` : '') +
        (sequence?.cycle ? ' CYCLE' : ''),
      object,
      kind: 'sequence',
    };
  });
}

function renderOwnership(schema: Schema): DdlStatement[] {
  const statements: DdlStatement[] = [];
  for (const [key, table] of schema.tables)
    for (const column of table.columns.values())
      if (column.ownedSequence !== null && column.identity === null && table.partitionBound === null)
        statements.push({
          sql: `ALTER SEQUENCE ${sqlOfKey(column.ownedSequence)} OWNED BY ${sqlOfKey(key)}.${q(column.name)}`,
          object: column.ownedSequence,
          kind: 'sequence',
        });
  return statements;
}

/** Parents before their partitions and heirs; otherwise as they stand. */
function orderTables(schema: Schema): Table[] {
  const ordered: Table[] = [];
  const seen = new Set<string>();
  const visit = (key: string): void => {
    const table = schema.tables.get(key);
    if (table === undefined || seen.has(key)) return;
    seen.add(key);
    for (const parent of table.parents) visit(schema.tables.has(parent) ? parent : `public.${parent}`);
    ordered.push(table);
  };
  for (const key of schema.tables.keys()) visit(key);
  return ordered;
}

function parentTables(schema: Schema, table: Table): Table[] {
  return table.parents.flatMap((key) => schema.tables.get(key) ?? schema.tables.get(`public.${key}`) ?? []);
}

function renderTable(schema: Schema, table: Table): DdlStatement[] {
  const object = keyOf(table.namespace, table.name);
  const parents = parentTables(schema, table);
  const head = `CREATE ${table.persistence === 'u' ? 'UNLOGGED ' : ''}TABLE ${sqlOfKey(object)}`;
  const options = table.options.length > 0 ? ` WITH (${table.options.join(', ')})` : '';
  const partition = table.partitionKey === null ? '' : ` PARTITION BY ${table.partitionKey}`;
  if (table.partitionBound !== null && parents.length > 0) {
    const parent = parents[0] as Table;
    return [
      {
        sql: `${head} PARTITION OF ${sqlOfKey(keyOf(parent.namespace, parent.name))} ${table.partitionBound}${partition}${options}`,
        object,
        kind: 'table',
      },
      ...differencesFromParent(object, table, parent),
    ];
  }
  const inherited = new Map(parents.flatMap((parent) => [...parent.columns]));
  const columns = [...table.columns.values()].filter((column) => !inherited.has(column.name));
  return [
    {
      sql:
        `${head} (${columns.length === 0 ? '' : `\n    ${columns.map(columnSql).join(',\n    ')}\n`})` +
        (parents.length > 0
          ? ` INHERITS (${parents.map((p) => sqlOfKey(keyOf(p.namespace, p.name))).join(', ')})`
          : '') +
        partition +
        options,
      object,
      kind: 'table',
    },
    ...parents.flatMap((parent) => differencesFromParent(object, table, parent)),
  ];
}

/** Defaults and NOT NULL that a child has of its own. */
function differencesFromParent(object: string, table: Table, parent: Table): DdlStatement[] {
  const statements: DdlStatement[] = [];
  const alter = (column: Column, act: string) =>
    statements.push({
      sql: `ALTER TABLE ${sqlOfKey(object)} ALTER COLUMN ${q(column.name)} ${act}`,
      object: `${object}.${column.name}`,
      kind: 'column',
    });
  for (const column of table.columns.values()) {
    const above = parent.columns.get(column.name);
    if (above === undefined || column.generated !== null) continue;
    if (column.default !== above.default)
      alter(column, column.default === null ? 'DROP DEFAULT' : `SET DEFAULT ${column.default}`);
    if (column.notNull && !above.notNull) alter(column, 'SET NOT NULL');
  }
  return statements;
}

function renderConstraints(schema: Schema, table: Table, wanted: (constraint: Constraint) => boolean): DdlStatement[] {
  const object = keyOf(table.namespace, table.name);
  const inherited = new Set(
    parentTables(schema, table).flatMap((parent) =>
      [...parent.constraints.values()].filter((c) => c.type === 'c').map((c) => c.name),
    ),
  );
  return [...table.constraints.values()]
    .filter(
      (constraint) =>
        wanted(constraint) &&
        !constraint.fromPartitionParent &&
        !(constraint.type === 'c' && inherited.has(constraint.name)),
    )
    .map((constraint) => ({
      sql: `ALTER TABLE ${sqlOfKey(object)} ADD CONSTRAINT ${q(constraint.name)} ${constraint.definition || constraintDefinition(constraint)}`,
      object: `${object}.${constraint.name}`,
      kind: 'constraint',
    }));
}

function renderIndexes(object: string, relation: Pick<Table | View, 'indexes'>): DdlStatement[] {
  return [...relation.indexes.values()]
    .filter((index) => !index.fromPartitionParent)
    .map((index) => ({
      sql: (index.definition || indexDefinition(object, index)).replace(' ON ONLY ', ' ON '),
      object: `${object}.${index.name}`,
      kind: 'index',
    }));
}

/** Views after those whose name their text holds. */
function renderViews(schema: Schema): DdlStatement[] {
  const statements: DdlStatement[] = [];
  const seen = new Set<string>();
  const visit = (object: string, view: View): void => {
    if (seen.has(object)) return;
    seen.add(object);
    for (const [other, otherView] of schema.views)
      if (other !== object && new RegExp(`(?<![\\w$])${escapeRegExp(otherView.name)}(?![\\w$])`).test(view.definition))
        visit(other, otherView);
    statements.push({
      sql: `CREATE ${view.kind.toUpperCase()} ${sqlOfKey(object)}${view.columnNames ? ` (${view.columnNames.map(q).join(', ')})` : ''} AS ${withoutSemicolon(view.definition)}`,
      object,
      kind: 'view',
    });
    statements.push(...renderIndexes(object, view));
  };
  for (const [object, view] of schema.views) visit(object, view);
  return statements;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Triggers, row security, policies. A partition takes its parent's triggers by itself. */
function renderAttachments(table: Table, children: ReadonlySet<string>): DdlStatement[] {
  const object = keyOf(table.namespace, table.name);
  const statements: DdlStatement[] = [];
  for (const trigger of table.triggers.values()) {
    if (trigger.definition === '' || (children.has(object) && trigger.fromPartitionParent)) continue;
    statements.push({
      sql: withoutSemicolon(trigger.definition),
      object: `${object}.${trigger.name}`,
      kind: 'trigger',
    });
    if (trigger.enabled === false)
      statements.push({
        sql: `ALTER TABLE ${sqlOfKey(object)} DISABLE TRIGGER ${q(trigger.name)}`,
        object: `${object}.${trigger.name}`,
        kind: 'trigger',
      });
  }
  if (table.rowSecurity)
    statements.push({ sql: `ALTER TABLE ${sqlOfKey(object)} ENABLE ROW LEVEL SECURITY`, object, kind: 'table' });
  if (table.forceRowSecurity)
    statements.push({ sql: `ALTER TABLE ${sqlOfKey(object)} FORCE ROW LEVEL SECURITY`, object, kind: 'table' });
  for (const policy of table.policies.values())
    statements.push({ sql: policySql(sqlOfKey(object), policy), object: `${object}.${policy.name}`, kind: 'policy' });
  return statements;
}

function renderComments(schema: Schema): DdlStatement[] {
  const statements: DdlStatement[] = [];
  for (const [object, table] of schema.tables) {
    if (table.comment != null)
      statements.push({
        sql: `COMMENT ON TABLE ${sqlOfKey(object)} IS ${quoteLiteral(table.comment)}`,
        object,
        kind: 'comment',
      });
    for (const column of table.columns.values())
      if (column.comment != null)
        statements.push({
          sql: `COMMENT ON COLUMN ${sqlOfKey(object)}.${q(column.name)} IS ${quoteLiteral(column.comment)}`,
          object: `${object}.${column.name}`,
          kind: 'comment',
        });
  }
  return statements;
}
