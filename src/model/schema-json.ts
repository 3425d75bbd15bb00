/**
 * Schema ↔ JSON: the one shape that `chain schema` prints for declared, live and models, in a stable order, so that two
 * files can be compared. Names are `schema.name`; version tables and chain's own schema are left out.
 * Longer than most files here: one shape, written and read back, which must be seen together.
 */
import { displayOf, displayOfKey, placeOfKey } from './definition.ts';
import { compareText, keyOf, nameOfKey, quoteIdentifier } from './name.ts';
import type { Column, Constraint, Index, Schema, Table, View } from './schema.ts';

export interface JsonColumn {
  pos: number;
  type: string;
  notnull: boolean;
  default: string | null;
  identity: string | null;
  generated: string | null;
  collation?: string;
  owned_sequence?: string;
  comment?: string;
  certainty?: string;
}

export interface JsonConstraint {
  type: string;
  def: string;
  columns: string[];
  ref_table?: string;
  ref_columns?: string[];
  on_delete?: string;
  on_update?: string;
  deferrable?: string;
  not_valid?: true;
  from_partition_parent?: true;
  certainty?: string;
}

export interface JsonIndex {
  def: string;
  unique: boolean;
  method: string;
  keys: string[];
  where: string | null;
  include?: string[];
  invalid?: true;
  from_partition_parent?: true;
  certainty?: string;
}

export interface JsonTable {
  kind: string;
  columns: Record<string, JsonColumn>;
  constraints: Record<string, JsonConstraint>;
  indexes: Record<string, JsonIndex>;
  persistence?: string;
  partition_key?: string;
  partition_bound?: string;
  parents?: string[];
  row_security?: true;
  force_row_security?: true;
  reloptions?: string[];
  comment?: string;
  triggers?: Record<string, string>;
  policies?: Record<string, { cmd: string; using: string | null; check: string | null }>;
  certainty?: string;
}

export interface JsonSchema {
  schemas: string[];
  tables: Record<string, JsonTable>;
  enums: Record<string, string[]>;
  domains: Record<string, { base: string; notnull: boolean; default: string | null; checks: string[] }>;
  composites: string[];
  views: Record<string, { kind: string; columns: string[]; def: string; indexes?: string[] }>;
  sequences: string[];
  functions: string[];
  function_signatures: Record<string, { arguments: string; result: string | null; kind: string; volatility: string }>;
  extensions: Record<string, string | null>;
  counts: Record<string, number>;
}

export interface JsonOptions {
  /** Keys of version tables beside those named `alembic_version…`. */
  versionTables?: Iterable<string>;
}

const ownNamespace = 'chain';

/** The JSON value of a schema: the same schema gives the same bytes. */
export function schemaToJson(schema: Schema, options: JsonOptions = {}): JsonSchema {
  const versionTables = new Set(options.versionTables ?? []);
  const counts = (key: string) => !key.startsWith(`${ownNamespace}.`);
  const tables = sorted(schema.tables).filter(
    ([key, table]) => counts(key) && !versionTables.has(key) && !table.name.startsWith('alembic_version'),
  );
  const jsonTables = record(tables.map(([key, table]) => [key, tableToJson(table, schema)]));
  const routines = sorted(schema.routines).filter(([key]) => counts(key));
  const views = sorted(schema.views).filter(([key]) => counts(key));
  const enums = sorted(schema.enums).filter(([key]) => counts(key));
  const sequences = sorted(schema.sequences)
    .filter(([key, sequence]) => counts(key) && sequence.ownedBy === null)
    .map(([key]) => key);
  const sum = (of: (table: JsonTable) => object | undefined) =>
    Object.values(jsonTables).reduce((total, table) => total + Object.keys(of(table) ?? {}).length, 0);
  return {
    schemas: [...schema.namespaces].filter((name) => name !== ownNamespace).sort(compareText),
    tables: jsonTables,
    enums: record(enums.map(([key, type]) => [key, [...type.labels]])),
    domains: record(
      sorted(schema.domains)
        .filter(([key]) => counts(key))
        .map(([key, domain]) => [
          key,
          { base: domain.base, notnull: domain.notNull, default: domain.default, checks: [...domain.checks] },
        ]),
    ),
    composites: sorted(schema.composites)
      .map(([key]) => key)
      .filter(counts),
    views: record(views.map(([key, view]) => [key, viewToJson(view)])),
    sequences,
    functions: routines.map(([key]) => key),
    function_signatures: record(
      routines.map(([key, routine]) => [
        key,
        {
          arguments: routine.arguments,
          result: routine.result,
          kind: routine.kind,
          volatility: routine.volatility,
        },
      ]),
    ),
    extensions: record(sorted(schema.extensions).map(([name, extension]) => [name, extension.namespace])),
    counts: {
      tables: tables.length,
      columns: sum((table) => table.columns),
      constraints: sum((table) => table.constraints),
      indexes: sum((table) => table.indexes),
      enums: enums.length,
      views: views.length,
      functions: routines.length,
      sequences: sequences.length,
      triggers: sum((table) => table.triggers),
    },
  };
}

/** Keys as the contract has them, `schema.name` without quotes; only where two would be one are they told apart. */
function sorted<V>(map: ReadonlyMap<string, V>): [string, V][] {
  const plain = [...map].map(([key, value]): [string, V] => {
    const { schema, name } = nameOfKey(key);
    const bare = schema === null ? name : `${schema}.${name}`;
    return [bare === key || map.has(bare) ? key : bare, value];
  });
  return plain.sort(([a], [b]) => compareText(a, b));
}

/** An object without a prototype's names in the way (`__proto__` may be a column). */
function record<V>(entries: [string, V][]): Record<string, V> {
  const result: Record<string, V> = {};
  for (const [key, value] of entries)
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  return result;
}

function tableToJson(table: Table, schema: Schema): JsonTable {
  let pos = 0;
  return {
    kind: table.kind,
    columns: record([...table.columns.values()].map((column) => [column.name, columnToJson(column, ++pos, schema)])),
    constraints: record(sorted(table.constraints).map(([name, each]) => [name, constraintToJson(each)])),
    indexes: record(sorted(table.indexes).map(([name, each]) => [name, indexToJson(each)])),
    ...(table.persistence === 'p' ? {} : { persistence: table.persistence }),
    ...(table.partitionKey === null ? {} : { partition_key: table.partitionKey }),
    ...(table.partitionBound === null ? {} : { partition_bound: table.partitionBound }),
    ...(table.parents.length === 0 ? {} : { parents: table.parents.map((key) => shown(schema.tables, key)) }),
    ...(table.rowSecurity ? { row_security: true as const } : {}),
    ...(table.forceRowSecurity ? { force_row_security: true as const } : {}),
    ...(table.options.length === 0 ? {} : { reloptions: [...table.options].sort(compareText) }),
    ...(table.comment == null ? {} : { comment: table.comment }),
    ...(table.triggers.size === 0
      ? {}
      : { triggers: record(sorted(table.triggers).map(([name, each]) => [name, each.definition])) }),
    ...(table.policies.size === 0
      ? {}
      : {
          policies: record(
            sorted(table.policies).map(([name, each]) => [
              name,
              { cmd: each.command, using: each.using, check: each.check },
            ]),
          ),
        }),
    ...doubt(table),
  };
}

/** By the object's own parts where it is known: a dot may stand in the name of its schema. */
function shown(objects: ReadonlyMap<string, { namespace: string; name: string }>, key: string): string {
  const known = objects.get(key);
  return known === undefined ? displayOfKey(key) : displayOf(known.namespace, known.name);
}

function doubt(value: { certainty?: string }): { certainty?: string } {
  return value.certainty === 'suspected' ? { certainty: 'suspected' } : {};
}

function columnToJson(column: Column, pos: number, schema: Schema): JsonColumn {
  return {
    pos,
    type: column.type,
    notnull: column.notNull,
    default: column.default,
    identity: column.identity,
    generated: column.generated?.expression ?? null,
    ...(column.collation ? { collation: column.collation } : {}),
    ...(column.ownedSequence === null ? {} : { owned_sequence: shown(schema.sequences, column.ownedSequence) }),
    ...(column.comment == null ? {} : { comment: column.comment }),
    ...doubt(column),
  };
}

function constraintToJson(constraint: Constraint): JsonConstraint {
  return {
    type: constraint.type,
    def: constraint.definition,
    columns: [...constraint.columns],
    ...(constraint.references === null
      ? {}
      : {
          ref_table: constraint.references.table,
          ref_columns: [...constraint.references.columns],
          on_delete: constraint.references.onDelete,
          on_update: constraint.references.onUpdate,
        }),
    ...(constraint.deferrable === null ? {} : { deferrable: constraint.deferrable }),
    ...(constraint.validated ? {} : { not_valid: true as const }),
    ...(constraint.fromPartitionParent ? { from_partition_parent: true as const } : {}),
    ...doubt(constraint),
  };
}

function indexToJson(index: Index): JsonIndex {
  return {
    def: index.definition,
    unique: index.unique,
    method: index.method,
    keys: [...index.keyTexts],
    where: index.where,
    ...(index.include.length === 0 ? {} : { include: index.include.map(quoteIdentifier) }),
    ...(index.valid ? {} : { invalid: true as const }),
    ...(index.fromPartitionParent ? { from_partition_parent: true as const } : {}),
    ...doubt(index),
  };
}

function viewToJson(view: View): { kind: string; columns: string[]; def: string; indexes?: string[] } {
  return {
    kind: view.kind,
    columns: [...view.columns],
    def: view.definition,
    ...(view.indexes.size === 0
      ? {}
      : { indexes: [...view.indexes.values()].map((index) => index.definition).sort(compareText) }),
  };
}

/** The schema that such a JSON value describes, as far as it tells (routines have no bodies). */
export function schemaFromJson(json: Partial<JsonSchema>): Schema {
  const sequences = new Map((json.sequences ?? []).map((key) => [key, { ...placed(key), ownedBy: null }]));
  const tables = new Map<string, Table>();
  for (const [key, table] of Object.entries(json.tables ?? {})) {
    tables.set(key, tableFromJson(key, table));
    for (const column of (tables.get(key) as Table).columns.values())
      if (column.ownedSequence !== null)
        (sequences as Map<string, { namespace: string; name: string; ownedBy: string | null }>).set(
          column.ownedSequence,
          {
            ...placed(column.ownedSequence),
            ownedBy: `${key}.${column.name}`,
          },
        );
  }
  return {
    namespaces: new Set(json.schemas ?? ['public']),
    tables,
    enums: mapped(json.enums, (labels, key) => ({ ...placed(key), labels: labels ?? [] })),
    domains: mapped(json.domains, (domain, key) => ({
      ...placed(key),
      base: domain.base,
      notNull: domain.notnull,
      default: domain.default,
      checks: domain.checks,
    })),
    composites: new Map((json.composites ?? []).map((key) => [key, { ...placed(key), attributes: [] }])),
    sequences,
    views: mapped(json.views, (view, key) => ({
      ...placed(key),
      kind: view.kind as View['kind'],
      columns: view.columns,
      definition: view.def,
      indexes: new Map(
        (view.indexes ?? []).map((definition) => {
          const name = unquoted(/INDEX ("(?:[^"]|"")*"|\S+) ON/.exec(definition)?.[1] ?? '');
          return [name, indexFromDefinition(name, definition)];
        }),
      ),
    })),
    routines: mapped(json.function_signatures, (signature, key) => {
      const open = key.indexOf('(');
      return {
        ...placed(key.slice(0, open)),
        identityArguments: key.slice(open + 1, -1),
        ...signature,
        definition: null,
      };
    }),
    extensions: mapped(json.extensions, (namespace, name) => ({ name, namespace })),
  };
}

function mapped<J, V>(values: Record<string, J> | undefined, make: (value: J, key: string) => V): Map<string, V> {
  return new Map(Object.entries(values ?? {}).map(([key, value]) => [key, make(value, key)]));
}

function placed(key: string): { namespace: string; name: string } {
  const { schema, name } = placeOfKey(key);
  return { namespace: schema, name };
}

/** `"A".b` or `b` as a key. */
function keyOfDisplay(text: string): string {
  const match = /^(?:("(?:[^"]|"")*"|[^."]+)\.)?("(?:[^"]|"")*"|[^"]+)$/.exec(text);
  return match === null
    ? keyOf('public', text)
    : keyOf(match[1] === undefined ? 'public' : unquoted(match[1]), unquoted(match[2] as string));
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

function tableFromJson(key: string, json: JsonTable): Table {
  return {
    ...placed(key),
    kind: json.kind as Table['kind'],
    columns: new Map(
      Object.entries(json.columns)
        .sort(([, a], [, b]) => a.pos - b.pos)
        .map(([name, column]) => [
          name,
          {
            name,
            type: column.type,
            notNull: column.notnull,
            default: column.default,
            identity: column.identity as Column['identity'],
            generated: column.generated === null ? null : { expression: column.generated, stored: true },
            collation: column.collation ?? null,
            ownedSequence: column.owned_sequence === undefined ? null : keyOfDisplay(column.owned_sequence),
            ...(column.comment === undefined ? {} : { comment: column.comment }),
          },
        ]),
    ),
    constraints: mapped(json.constraints, (each, name) => constraintFromJson(name, each)),
    indexes: mapped(json.indexes, (each, name) => ({
      ...indexFromDefinition(name, each.def, each.keys),
      unique: each.unique,
      keyTexts: each.keys,
      include: (each.include ?? []).map(unquoted),
      where: each.where,
      valid: !each.invalid,
      ...(each.from_partition_parent ? { fromPartitionParent: true } : {}),
    })),
    triggers: mapped(json.triggers, (definition, name) => ({ name, definition })),
    policies: mapped(json.policies, (each, name) => ({
      name,
      command: each.cmd,
      using: each.using,
      check: each.check,
    })),
    persistence: (json.persistence ?? 'p') as Table['persistence'],
    partitionKey: json.partition_key ?? null,
    partitionBound: json.partition_bound ?? null,
    parents: (json.parents ?? []).map(keyOfDisplay),
    rowSecurity: json.row_security ?? false,
    forceRowSecurity: json.force_row_security ?? false,
    options: json.reloptions ?? [],
    ...(json.comment === undefined ? {} : { comment: json.comment }),
  };
}

function constraintFromJson(name: string, json: JsonConstraint): Constraint {
  const include = /\) INCLUDE \(([^)]*)\)/.exec(json.def)?.[1];
  return {
    name,
    type: json.type as Constraint['type'],
    columns: json.columns,
    definition: json.def,
    references:
      json.ref_table === undefined
        ? null
        : {
            table: json.ref_table,
            columns: json.ref_columns ?? [],
            onDelete: json.on_delete as NonNullable<Constraint['references']>['onDelete'],
            onUpdate: json.on_update as NonNullable<Constraint['references']>['onUpdate'],
            ...(json.def.includes(' MATCH FULL') ? { match: 'FULL' as const } : {}),
          },
    expression:
      json.type === 'c' ? (/^CHECK \((.*)\)(?: NO INHERIT)?(?: NOT VALID)?$/s.exec(json.def)?.[1] ?? json.def) : null,
    deferrable: (json.deferrable ?? null) as Constraint['deferrable'],
    validated: !json.not_valid,
    ...(json.def.startsWith('UNIQUE NULLS NOT DISTINCT') ? { nullsNotDistinct: true } : {}),
    ...(include === undefined ? {} : { include: include.split(', ').map(unquoted) }),
    ...(json.from_partition_parent ? { fromPartitionParent: true } : {}),
  };
}

/** Reads `pg_get_indexdef` back; its form is fixed, so no parser of SQL is needed. */
function indexFromDefinition(name: string, definition: string, keyTexts: readonly string[] = []): Index {
  const using = / USING (\w+) \(/.exec(definition);
  const from = using === null ? 0 : using.index + using[0].length;
  const to = closing(definition, from);
  const rest = definition.slice(to + 1);
  const include = /^ INCLUDE \(([^)]*)\)/.exec(rest)?.[1];
  const keys = topLevel(definition.slice(from, to)).map((part, at) => {
    const match =
      /^(.*?)(?: COLLATE ("(?:[^"]|"")*"(?:\."(?:[^"]|"")*")?|\S+))?(?: (?!DESC\b|NULLS\b)([a-z_][\w.]*(?:\s?\([^)]*\))?))?( DESC)?(?: NULLS (FIRST|LAST))?$/s.exec(
        part,
      );
    const text = match?.[1] ?? part;
    const isExpression = !/^(?:[a-z_][\w$]*|"(?:[^"]|"")*")$/.test(text);
    const descending = match?.[4] !== undefined;
    return {
      text: isExpression ? (keyTexts[at] ?? text) : unquoted(text),
      isExpression,
      descending,
      nullsFirst: match?.[5] === undefined ? descending : match[5] === 'FIRST',
      operatorClass: match?.[3] ?? null,
      collation: match?.[2] ?? null,
    };
  });
  return {
    name,
    unique: definition.startsWith('CREATE UNIQUE'),
    method: using?.[1] ?? 'btree',
    keys,
    keyTexts: [],
    include: include === undefined ? [] : include.split(', ').map(unquoted),
    where: / WHERE (.*)$/s.exec(rest)?.[1] ?? null,
    ...(rest.includes(' NULLS NOT DISTINCT') ? { nullsNotDistinct: true } : {}),
    valid: true,
    definition,
  };
}

/** Where the parenthesis that is open at `from` closes. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    const c = text[i] as string;
    if (c === "'" || c === '"') {
      const end = text.indexOf(c, i + 1);
      i = end < 0 ? text.length : end;
    } else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return i;
  }
  return text.length;
}

/** Parts between commas outside parentheses, strings and quoted names. */
function topLevel(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (c === "'" || c === '"') i = Math.max(i, text.indexOf(c, i + 1));
    else if (c === '(') i = closing(text, i + 1);
    else if (c === ',') {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}
