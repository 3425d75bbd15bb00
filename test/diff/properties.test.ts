/** Any schema compared with itself has no difference; one change to it is found, and nothing beside it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSchemas } from '../../src/diff/index.ts';
import { constraintDefinition, indexDefinition } from '../../src/model/definition.ts';
import type { Column, Constraint, Index, Schema, Table } from '../../src/model/schema.ts';
import { emptySchema } from '../../src/model/schema.ts';
import { schemaFromJson, schemaToJson } from '../../src/model/schema-json.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9_ "A-Z]{0,12}$/);
const type = fc.constantFrom(
  'integer',
  'text',
  'character varying(36)',
  'timestamp with time zone',
  'numeric(10,2)',
  'uuid[]',
);

const column = (columnName: string): fc.Arbitrary<Column> =>
  fc.record({
    name: fc.constant(columnName),
    type,
    notNull: fc.boolean(),
    default: fc.option(fc.constantFrom('1', "'x'::text", 'now()')),
    identity: fc.constant(null),
    generated: fc.constant(null),
    collation: fc.constant(null),
    ownedSequence: fc.constant(null),
  });

const table = (tableName: string): fc.Arbitrary<Table> =>
  fc
    .uniqueArray(name, { minLength: 1, maxLength: 6 })
    .chain((names) =>
      fc.record({
        columns: fc.tuple(...names.map(column)),
        keys: fc.uniqueArray(fc.subarray(names, { minLength: 1 }), {
          maxLength: 3,
          selector: (each) => each.join('\n'),
        }),
        indexes: fc.uniqueArray(fc.subarray(names, { minLength: 1 }), {
          maxLength: 3,
          selector: (each) => each.join('\n'),
        }),
      }),
    )
    .map(({ columns, keys, indexes }) => ({
      namespace: 'public',
      name: tableName,
      kind: 'table',
      columns: new Map(columns.map((each) => [each.name, each])),
      constraints: new Map(keys.map((each, at) => [`k${at}`, unique(`k${at}`, each)])),
      indexes: new Map(indexes.map((each, at) => [`i${at}`, index(`public.${tableName}`, `i${at}`, each)])),
      triggers: new Map(),
      policies: new Map(),
      persistence: 'p',
      partitionKey: null,
      partitionBound: null,
      parents: [],
      rowSecurity: false,
      forceRowSecurity: false,
      options: [],
    }));

function unique(constraintName: string, columns: string[]): Constraint {
  const constraint = {
    name: constraintName,
    type: 'u' as const,
    columns,
    references: null,
    expression: null,
    deferrable: null,
    validated: true,
  };
  return { ...constraint, definition: constraintDefinition(constraint) };
}

function index(key: string, indexName: string, columns: string[]): Index {
  const made = {
    name: indexName,
    unique: false,
    method: 'btree',
    include: [],
    where: null,
    keys: columns.map((text) => ({
      text,
      isExpression: false,
      descending: false,
      nullsFirst: false,
      operatorClass: null,
      collation: null,
    })),
  };
  return { ...made, keyTexts: columns, valid: true, definition: indexDefinition(key, made) };
}

const schema: fc.Arbitrary<Schema> = fc
  .uniqueArray(name, { maxLength: 5 })
  .chain((names) => fc.tuple(...names.map(table)))
  .map((tables) => ({ ...emptySchema(), tables: new Map(tables.map((each) => [`public.${each.name}`, each])) }));

/** A change to one table, and what must be said of it. */
const changes: Record<string, (each: Table) => { table: Table; said: string } | null> = {
  'not null': (each) => alterFirst(each, (one) => ({ ...one, notNull: !one.notNull })),
  type: (each) => alterFirst(each, (one) => ({ ...one, type: 'bigint' })),
  default: (each) => alterFirst(each, (one) => ({ ...one, default: one.default === null ? '2' : null })),
  'column more': (each) => ({
    table: {
      ...each,
      columns: new Map(each.columns).set('~', { ...([...each.columns.values()][0] as Column), name: '~' }),
    },
    said: `column unexpected public.${each.name}.~`,
  }),
  'key gone': (each) => {
    const first = [...each.constraints.keys()][0];
    if (first === undefined) return null;
    return {
      table: { ...each, constraints: new Map([...each.constraints].slice(1)) },
      said: `constraint missing public.${each.name}.${first}`,
    };
  },
  'key renamed': (each) => {
    const first = [...each.constraints.values()][0];
    if (first === undefined) return null;
    const renamed = [...each.constraints.values()].map((one): [string, Constraint] =>
      one === first ? ['~', { ...one, name: '~' }] : [one.name, one],
    );
    return {
      table: { ...each, constraints: new Map(renamed) },
      said: `constraint renamed public.${each.name}.${first.name}`,
    };
  },
  'index gone': (each) => {
    const first = [...each.indexes.keys()][0];
    return first === undefined
      ? null
      : {
          table: { ...each, indexes: new Map([...each.indexes].slice(1)) },
          said: `index missing public.${each.name}.${first}`,
        };
  },
  'index unique': (each) => {
    const first = [...each.indexes.values()][0];
    return first === undefined
      ? null
      : {
          table: { ...each, indexes: new Map(each.indexes).set(first.name, { ...first, unique: true }) },
          said: `index altered public.${each.name}.${first.name}`,
        };
  },
};

function alterFirst(each: Table, change: (column: Column) => Column): { table: Table; said: string } {
  const first = [...each.columns.values()][0] as Column;
  return {
    table: { ...each, columns: new Map(each.columns).set(first.name, change(first)) },
    said: `column altered public.${each.name}.${first.name}`,
  };
}

const said = (declared: Schema, live: Schema) =>
  compareSchemas(declared, live, { elaborated: true, managedNamespaces: new Set(['public']) }).differences.map(
    (each) => `${each.kind} ${each.direction} ${each.key}`,
  );

describe('comparison', () => {
  it('finds nothing between a schema and its like', () => {
    fc.assert(
      fc.property(schema, (one) => {
        expect(said(one, structuredClone(one))).toEqual([]);
        expect(said(one, schemaFromJson(structuredClone(schemaToJson(one))))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  for (const [what, change] of Object.entries(changes))
    it(`finds one change: ${what}`, () => {
      fc.assert(
        fc.property(schema, fc.nat(), (one, at) => {
          const keys = [...one.tables.keys()];
          const key = keys[at % Math.max(1, keys.length)];
          fc.pre(key !== undefined);
          const changed = change(one.tables.get(key as string) as Table);
          fc.pre(changed !== null);
          const live = structuredClone({ ...one, tables: new Map(one.tables).set(key as string, changed!.table) });
          expect(said(one, live)).toEqual([changed!.said]);
        }),
        { numRuns: 100 },
      );
    });

  it('finds a table gone and a table more', () => {
    fc.assert(
      fc.property(schema, (one) => {
        const first = [...one.tables.keys()][0];
        fc.pre(first !== undefined);
        const less = { ...one, tables: new Map([...one.tables].slice(1)) };
        expect(said(one, less)).toEqual([`table missing ${first}`]);
        expect(said(less, one)).toEqual([`table unexpected ${first}`]);
      }),
    );
  });
});
