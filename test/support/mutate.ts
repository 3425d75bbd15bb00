/**
 * Single changes to a live database, of every kind that a comparison must tell: SQL that makes one to a random object, and
 * the keys under which a difference on it may be told. After them those of which nothing is to be said. Long: a list.
 */
import { placeOfKey, sqlOfKey } from '../../src/model/definition.ts';
import { quoteIdentifier, quoteLiteral } from '../../src/model/name.ts';
import type { Column, Constraint, Index, Schema, Table } from '../../src/model/schema.ts';

export interface Mutation {
  sql: string;
  /** A difference (or finding) is about the change when its key is one of these. */
  keys: string[];
  /** Nothing that a revision declares: nothing is to be said. */
  isSilent?: true;
}

export type Random = () => number;

/** The mutation of one kind to a random object of `schema`; null where it has none to apply it to. */
export type Mutator = (schema: Schema, random: Random) => Mutation | null;

const q = quoteIdentifier;

function pick<Item>(items: readonly Item[], random: Random): Item | null {
  return items[Math.floor(random() * items.length)] ?? null;
}

function tablesOf(schema: Schema): [string, Table][] {
  return [...schema.tables].filter(([, table]) => table.kind === 'table' && table.parents.length === 0);
}

interface On<Part> {
  key: string;
  sql: string;
  table: Table;
  part: Part;
  partKey: string;
}

function onPart<Part extends { name: string }>(
  partsOf: (table: Table) => ReadonlyMap<string, Part>,
  test: (part: Part, table: Table) => boolean,
  make: (on: On<Part>, schema: Schema, random: Random) => Mutation | null,
): Mutator {
  return (schema, random) => {
    const candidates = tablesOf(schema).flatMap(([key, table]) =>
      [...partsOf(table).values()]
        .filter((part) => test(part, table))
        .map((part) => ({ key, sql: sqlOfKey(key), table, part, partKey: `${key}.${part.name}` })),
    );
    const on = pick(candidates, random);
    return on === null ? null : make(on, schema, random);
  };
}

const onColumn = (test: (column: Column, table: Table) => boolean, change: (on: On<Column>, name: string) => string) =>
  onPart<Column>(
    (table) => table.columns,
    test,
    (on) => ({ sql: `ALTER TABLE ${on.sql} ${change(on, q(on.part.name))}`, keys: [on.partKey] }),
  );

const onConstraint = (
  test: (constraint: Constraint) => boolean,
  make: (on: On<Constraint>, schema: Schema, random: Random) => Mutation | null,
) => onPart<Constraint>((table) => table.constraints, test, make);

const again = ({ sql, part, partKey }: On<Constraint>, definition: string): Mutation => ({
  sql: `ALTER TABLE ${sql} DROP CONSTRAINT ${q(part.name)}, ADD CONSTRAINT ${q(part.name)} ${definition}`,
  keys: [partKey],
});

/** Not one that a constraint owns. */
const isOwn = (index: Index, table: Table) => !table.constraints.has(index.name);

const onIndex = (
  test: (index: Index, table: Table) => boolean,
  change: (definition: string, on: On<Index>) => string | null,
) =>
  onPart<Index>(
    (table) => table.indexes,
    (index, table) => isOwn(index, table) && test(index, table),
    (on) => {
      const definition = change(on.part.definition, on);
      return definition === null || definition === on.part.definition
        ? null
        : {
            sql: `DROP INDEX ${q(on.table.namespace)}.${q(on.part.name)}; ${definition}`,
            keys: [on.partKey],
          };
    },
  );

const isPlain = (column: Column, table: Table) =>
  column.default === null &&
  column.generated === null &&
  column.identity === null &&
  ![...table.constraints.values()].some(
    (each) => each.columns.includes(column.name) || each.definition.includes(column.name),
  ) &&
  ![...table.indexes.values()].some((each) => each.definition.includes(column.name)) &&
  ![...table.triggers.values()].some((each) => each.definition.includes(column.name));

const isKey = (column: Column, table: Table) =>
  [...table.constraints.values()].some((each) => each.type === 'p' && each.columns.includes(column.name));

/** One that nobody's foreign key leans on. */
const isReferenced = (schema: Schema, key: string, constraint: Constraint) =>
  [...schema.tables.values()].some((table) =>
    [...table.constraints.values()].some(
      (each) =>
        each.references?.table === key &&
        [...each.references.columns].sort().join() === [...constraint.columns].sort().join(),
    ),
  );

const withKeys = (definition: string, change: (keys: string) => string): string =>
  definition.replace(
    /(USING \w+ )\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/,
    (_whole, head, keys) => `${head}(${change(keys)})`,
  );

/** A thing of `map` under another name, told under the old or the new one. */
function renamed(of: (schema: Schema) => ReadonlyMap<string, unknown>, kind: string): Mutator {
  return (schema, random) => {
    const key = pick([...of(schema).keys()], random);
    if (key === null) return null;
    const { schema: namespace, name } = placeOfKey(key);
    return {
      sql: `ALTER ${kind} ${sqlOfKey(key)} RENAME TO ${q(`${name.slice(0, 50)}_mutant`)}`,
      keys: [key, `${namespace}.${name.slice(0, 50)}_mutant`],
    };
  };
}

function moved(of: (schema: Schema) => ReadonlyMap<string, unknown>, kind: string): Mutator {
  return (schema, random) => {
    const key = pick([...of(schema).keys()], random);
    if (key === null) return null;
    return {
      sql: `CREATE SCHEMA mutant; ALTER ${kind} ${sqlOfKey(key)} SET SCHEMA mutant`,
      keys: [key, `mutant.${placeOfKey(key).name}`],
    };
  };
}

const silently = (change: (on: On<Column>) => string) =>
  onPart<Column>(
    (table) => table.columns,
    () => true,
    (on) => ({ sql: change(on), keys: [], isSilent: true }),
  );

const plainTables = (schema: Schema) => new Map(tablesOf(schema));
const freeSequences = (schema: Schema) => new Map([...schema.sequences].filter(([, each]) => each.ownedBy === null));

const routineSql = (key: string, schema: Schema): string => {
  const routine = schema.routines.get(key);
  return routine ? `${q(routine.namespace)}.${q(routine.name)}(${routine.identityArguments})` : '';
};

/** Of a random table that has two columns of one type. */
const twoPlainColumns: Mutator = (schema, random) => {
  const found = pick(
    tablesOf(schema).filter(([, table]) => table.columns.size > 2),
    random,
  );
  const column = found && [...found[1].columns.values()].find((each) => /^(integer|bigint|text|uuid)/.test(each.type));
  if (!found || !column) return null;
  const [key] = found;
  return {
    sql: `ALTER TABLE ${sqlOfKey(key)} ADD CONSTRAINT mutant_uq UNIQUE (${q(column.name)})`,
    keys: [`${key}.mutant_uq`],
  };
};

export const mutators: Record<string, Mutator> = {
  'table gone': (schema, random) => {
    const key = pick(
      tablesOf(schema).map(([each]) => each),
      random,
    );
    return key === null ? null : { sql: `DROP TABLE ${sqlOfKey(key)} CASCADE`, keys: [key] };
  },
  'table more': (schema, random) => {
    const table = pick(tablesOf(schema), random)?.[1];
    return table
      ? {
          sql: `CREATE TABLE ${q(table.namespace)}.mutant (id serial PRIMARY KEY, n text CHECK (n <> ''))`,
          keys: [`${table.namespace}.mutant`],
        }
      : null;
  },
  'column gone': onColumn(
    () => true,
    (_, name) => `DROP COLUMN ${name} CASCADE`,
  ),
  'column more': (schema, random) => {
    const key = pick(tablesOf(schema), random)?.[0];
    return key
      ? { sql: `ALTER TABLE ${sqlOfKey(key)} ADD COLUMN mutant text DEFAULT 'x'`, keys: [`${key}.mutant`] }
      : null;
  },
  type: onColumn(isPlain, (on, name) => {
    const type = on.part.type === 'integer' ? 'bigint' : on.part.type === 'text' ? 'character varying' : 'text';
    return `ALTER COLUMN ${name} TYPE ${type} USING NULL`;
  }),
  length: onColumn(
    (column, table) => isPlain(column, table) && /^(character varying|numeric)\(\d+/.test(column.type),
    (on, name) => `ALTER COLUMN ${name} TYPE ${on.part.type.replace(/\d+/, (size) => String(Number(size) + 1))}`,
  ),
  'time zone': onColumn(
    (column) => /^timestamp(\(\d\))? with/.test(column.type) && column.generated === null,
    (on, name) =>
      `ALTER COLUMN ${name} TYPE ${on.part.type.includes('without') ? on.part.type.replace('without', 'with') : on.part.type.replace('with', 'without')}`,
  ),
  nullability: onColumn(
    (column, table) => !isKey(column, table) && column.identity === null,
    (on, name) => `ALTER COLUMN ${name} ${on.part.notNull ? 'DROP' : 'SET'} NOT NULL`,
  ),
  'default gone': onColumn(
    (column) => column.default !== null && !column.default.startsWith('nextval') && column.generated === null,
    (_, name) => `ALTER COLUMN ${name} DROP DEFAULT`,
  ),
  'default other': onColumn(
    (column) =>
      /^(text|character varying|integer|bigint|boolean|timestamp)/.test(column.type) &&
      column.default !== null &&
      !column.default.startsWith('nextval') &&
      column.generated === null,
    (on, name) =>
      `ALTER COLUMN ${name} SET DEFAULT ${/^(text|char)/.test(on.part.type) ? "'mutant'" : /^(integer|bigint)/.test(on.part.type) ? '4711' : /^bool/.test(on.part.type) ? `NOT (${on.part.default})` : "'2001-02-03'"}`,
  ),
  'default more': onColumn(
    (column) => column.type === 'text' && column.default === null && column.generated === null,
    (_, name) => `ALTER COLUMN ${name} SET DEFAULT 'mutant'`,
  ),
  'identity other': onColumn(
    (column) => column.identity !== null,
    (on, name) => `ALTER COLUMN ${name} SET GENERATED ${on.part.identity === 'always' ? 'BY DEFAULT' : 'ALWAYS'}`,
  ),
  'identity gone': onColumn(
    (column) => column.identity !== null,
    (_, name) => `ALTER COLUMN ${name} DROP IDENTITY`,
  ),
  'identity more': onColumn(
    (column) =>
      /^(integer|bigint|smallint)$/.test(column.type) &&
      column.notNull &&
      column.default === null &&
      column.identity === null &&
      column.generated === null,
    (_, name) => `ALTER COLUMN ${name} ADD GENERATED ALWAYS AS IDENTITY`,
  ),
  'sequence default lost': onColumn(
    (column) => column.default?.startsWith('nextval') ?? false,
    (_, name) => `ALTER COLUMN ${name} DROP DEFAULT`,
  ),
  'primary key gone': onConstraint(
    (each) => each.type === 'p',
    (on, schema) =>
      isReferenced(schema, on.key, on.part)
        ? null
        : { sql: `ALTER TABLE ${on.sql} DROP CONSTRAINT ${q(on.part.name)}`, keys: [on.partKey] },
  ),
  'unique gone': onConstraint(
    (each) => each.type === 'u',
    (on, schema) =>
      isReferenced(schema, on.key, on.part)
        ? null
        : { sql: `ALTER TABLE ${on.sql} DROP CONSTRAINT ${q(on.part.name)}`, keys: [on.partKey] },
  ),
  'unique more': twoPlainColumns,
  'foreign key gone': onConstraint(
    (each) => each.type === 'f',
    (on) => ({ sql: `ALTER TABLE ${on.sql} DROP CONSTRAINT ${q(on.part.name)}`, keys: [on.partKey] }),
  ),
  'foreign key action': onConstraint(
    (each) => each.type === 'f',
    (on) => {
      const { part } = on;
      const wanted = part.references?.onDelete === 'CASCADE' ? 'RESTRICT' : 'CASCADE';
      const bare = part.definition.replace(
        / ON DELETE (NO ACTION|RESTRICT|CASCADE|SET (NULL|DEFAULT)( \([^)]*\))?)/,
        '',
      );
      return again(on, bare.replace(/(REFERENCES [^(]*\([^)]*\))/, `$1 ON DELETE ${wanted}`));
    },
  ),
  'foreign key validity': onConstraint(
    (each) => each.type === 'f' && each.validated,
    (on) => again(on, `${on.part.definition} NOT VALID`),
  ),
  'check validity': onConstraint(
    (each) => each.type === 'c' && each.validated,
    (on) => again(on, `${on.part.definition} NOT VALID`),
  ),
  'check gone': onConstraint(
    (each) => each.type === 'c',
    (on) => ({ sql: `ALTER TABLE ${on.sql} DROP CONSTRAINT ${q(on.part.name)}`, keys: [on.partKey] }),
  ),
  'check more': onPart<Column>(
    (table) => table.columns,
    (column) => column.type === 'text',
    (on) => ({
      sql: `ALTER TABLE ${on.sql} ADD CONSTRAINT mutant_check CHECK (${q(on.part.name)} <> 'mutant')`,
      keys: [`${on.key}.mutant_check`],
    }),
  ),
  'check expression': onConstraint(
    (each) => each.type === 'c' && each.expression !== null && !/NO INHERIT|NOT VALID/.test(each.definition),
    (on) => again(on, `CHECK ((${on.part.expression}) OR current_setting('mutant') = 'x')`),
  ),
  'index gone': onIndex(
    () => true,
    () => 'SELECT 1',
  ),
  'index more': onPart<Column>(
    (table) => table.columns,
    (column) => /^(text|integer|bigint|uuid|timestamp)/.test(column.type),
    (on) => ({
      sql: `CREATE INDEX mutant_idx ON ${on.sql} (${q(on.part.name)}) WHERE ${q(on.part.name)} IS NOT NULL`,
      keys: [`${on.key}.mutant_idx`],
    }),
  ),
  'index uniqueness': onIndex(
    (index) => index.method === 'btree',
    (definition, on) =>
      on.part.unique
        ? definition.replace('CREATE UNIQUE INDEX', 'CREATE INDEX')
        : definition.replace('CREATE INDEX', 'CREATE UNIQUE INDEX'),
  ),
  'index keys': onIndex(
    (index) => index.method === 'btree' && index.keys.every((key) => !key.isExpression),
    (definition, { table, part }) => {
      const other = [...table.columns.values()].find(
        (column) =>
          /^(integer|bigint|text|uuid|timestamp|character varying)/.test(column.type) &&
          !part.keys.some((key) => key.text === column.name) &&
          !part.include.includes(column.name),
      );
      return other ? withKeys(definition, (keys) => `${keys}, ${q(other.name)}`) : null;
    },
  ),
  'index order': onIndex(
    (index) => index.method === 'btree' && !index.keys.at(-1)?.descending,
    (definition) => withKeys(definition, (keys) => `${keys} DESC`),
  ),
  'index predicate more': onIndex(
    (index) => index.where === null && index.keys.every((key) => !key.isExpression),
    (definition, { part }) => `${definition} WHERE ${q(part.keys[0]?.text ?? '')} IS NOT NULL`,
  ),
  'index predicate gone': onIndex(
    (index) => index.where !== null,
    (definition) => definition.replace(/ WHERE [\s\S]*$/, ''),
  ),
  'index predicate other': onIndex(
    (index) => index.where !== null,
    (definition) => `${definition.replace(/ WHERE ([\s\S]*)$/, " WHERE ($1) AND 'mutant' <> 'x'")}`,
  ),
  'index include': onIndex(
    (index) => index.method === 'btree' && index.include.length === 0 && index.where === null,
    (definition, { table, part }) => {
      const other = [...table.columns.keys()].find((name) => !part.keys.some((key) => key.text === name));
      return other ? `${definition} INCLUDE (${q(other)})` : null;
    },
  ),
  'index validity': onPart<Index>(
    (table) => table.indexes,
    (index, table) => isOwn(index, table) && index.valid,
    (on) => ({
      sql: `UPDATE pg_index SET indisvalid = false WHERE indexrelid = ${quoteLiteral(`${q(on.table.namespace)}.${q(on.part.name)}`)}::regclass`,
      keys: [on.partKey],
    }),
  ),
  'enum label more': (schema, random) => {
    const key = pick([...schema.enums.keys()], random);
    return key ? { sql: `ALTER TYPE ${sqlOfKey(key)} ADD VALUE 'mutant'`, keys: [key] } : null;
  },
  'enum label renamed': (schema, random) => {
    const [key, type] = pick(
      [...schema.enums].filter(([, each]) => each.labels.length > 0),
      random,
    ) ?? [null, null];
    return key
      ? {
          sql: `ALTER TYPE ${sqlOfKey(key)} RENAME VALUE ${quoteLiteral(type.labels[0] as string)} TO 'mutant'`,
          keys: [key],
        }
      : null;
  },
  'view gone': (schema, random) => {
    const [key, view] = pick([...schema.views], random) ?? [null, null];
    return key ? { sql: `DROP ${view.kind} ${sqlOfKey(key)} CASCADE`, keys: [key] } : null;
  },
  'view other': (schema, random) => {
    const [key, view] = pick(
      [...schema.views].filter(([, each]) => each.kind === 'view'),
      random,
    ) ?? [null, null];
    return key
      ? {
          sql: `CREATE OR REPLACE VIEW ${sqlOfKey(key)} AS SELECT * FROM (${view.definition.replace(/;\s*$/, '')}) AS mutant LIMIT 1`,
          keys: [key],
        }
      : null;
  },
  'function gone': (schema, random) => {
    const [key, routine] = pick(
      [...schema.routines].filter(([, each]) => each.kind === 'f'),
      random,
    ) ?? [null, null];
    return routine ? { sql: `DROP FUNCTION ${routineSql(key, schema)} CASCADE`, keys: [key] } : null;
  },
  'function other': (schema, random) => {
    const [key, routine] = pick(
      [...schema.routines].filter(([, each]) => each.kind === 'f' && /LANGUAGE plpgsql/.test(each.definition ?? '')),
      random,
    ) ?? [null, null];
    const changed = routine?.definition?.replace(/\bbegin\b/i, "begin perform 'mutant';");
    return routine && changed ? { sql: changed, keys: [key] } : null;
  },
  'trigger gone': onPart(
    (table) => table.triggers,
    () => true,
    (on) => ({ sql: `DROP TRIGGER ${q(on.part.name)} ON ${on.sql}`, keys: [on.partKey] }),
  ),
  'trigger other': onPart(
    (table) => table.triggers,
    (trigger) => /\b(BEFORE|AFTER) (INSERT|UPDATE|DELETE)\b/.test(trigger.definition),
    (on) => ({
      sql: `DROP TRIGGER ${q(on.part.name)} ON ${on.sql}; ${on.part.definition.replace(/ EXECUTE /, " WHEN ('mutant' <> 'x') EXECUTE ")}`,
      keys: [on.partKey],
    }),
  ),
  'trigger disabled': onPart(
    (table) => table.triggers,
    (trigger) => trigger.enabled !== false,
    (on) => ({ sql: `ALTER TABLE ${on.sql} DISABLE TRIGGER ${q(on.part.name)}`, keys: [on.partKey] }),
  ),
  'trigger more': (schema, random) => {
    const key = pick(tablesOf(schema), random)?.[0];
    return key
      ? {
          sql: `CREATE TRIGGER mutant BEFORE UPDATE ON ${sqlOfKey(key)} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
          keys: [`${key}.mutant`],
        }
      : null;
  },
  'generated expression': onPart<Column>(
    (table) => table.columns,
    (column) =>
      column.generated !== null &&
      /^(text|integer|bigint|numeric|boolean|character varying|tsvector)/.test(column.type),
    (on) => ({
      sql: `ALTER TABLE ${on.sql} DROP COLUMN ${q(on.part.name)} CASCADE, ADD COLUMN ${q(on.part.name)} ${on.part.type} GENERATED ALWAYS AS (COALESCE(${on.part.generated?.expression}, NULL)) STORED; ${[
        ...on.table.indexes.values(),
      ]
        .filter((each) => isOwn(each, on.table) && each.definition.includes(on.part.name))
        .map((each) => each.definition)
        .join('; ')}`,
      keys: [on.partKey],
    }),
  ),
  'generated no more': onColumn(
    (column) => column.generated !== null,
    (_, name) => `ALTER COLUMN ${name} DROP EXPRESSION`,
  ),
  'table renamed': renamed(plainTables, 'TABLE'),
  'column renamed': onPart<Column>(
    (table) => table.columns,
    () => true,
    (on) => ({
      sql: `ALTER TABLE ${on.sql} RENAME COLUMN ${q(on.part.name)} TO mutant`,
      keys: [on.partKey, `${on.key}.mutant`],
    }),
  ),
  'constraint renamed': onConstraint(
    () => true,
    (on) => ({
      sql: `ALTER TABLE ${on.sql} RENAME CONSTRAINT ${q(on.part.name)} TO mutant`,
      keys: [on.partKey, `${on.key}.mutant`],
    }),
  ),
  'index renamed': onPart<Index>(
    (table) => table.indexes,
    isOwn,
    (on) => ({
      sql: `ALTER INDEX ${q(on.table.namespace)}.${q(on.part.name)} RENAME TO mutant`,
      keys: [on.partKey, `${on.key}.mutant`],
    }),
  ),
  'enum renamed': renamed((schema) => schema.enums, 'TYPE'),
  'sequence renamed': renamed(freeSequences, 'SEQUENCE'),
  'sequence gone': (schema, random) => {
    const key = pick([...freeSequences(schema).keys()], random);
    return key ? { sql: `DROP SEQUENCE ${sqlOfKey(key)} CASCADE`, keys: [key] } : null;
  },
  'table elsewhere': moved(plainTables, 'TABLE'),
  'enum elsewhere': moved((schema) => schema.enums, 'TYPE'),
  'domain renamed': renamed((schema) => schema.domains, 'DOMAIN'),
  'domain elsewhere': moved((schema) => schema.domains, 'DOMAIN'),
  'view renamed': renamed((schema) => new Map([...schema.views].filter(([, each]) => each.kind === 'view')), 'VIEW'),
  'view elsewhere': moved((schema) => new Map([...schema.views].filter(([, each]) => each.kind === 'view')), 'VIEW'),
  collation: onColumn(
    (column, table) => isPlain(column, table) && /^(text|character varying)/.test(column.type),
    (on, name) => `ALTER COLUMN ${name} TYPE ${on.part.type} COLLATE "POSIX"`,
  ),
  unlogged: (schema, random) => {
    const isReferenced = (key: string) =>
      [...schema.tables.values()].some((table) =>
        [...table.constraints.values()].some((each) => each.references?.table === key),
      );
    const key = pick(
      tablesOf(schema).flatMap(([each, table]) => (table.persistence === 'p' && !isReferenced(each) ? [each] : [])),
      random,
    );
    return key === null ? null : { sql: `ALTER TABLE ${sqlOfKey(key)} SET UNLOGGED`, keys: [key] };
  },
  'row security': (schema, random) => {
    const [key, table] = pick(tablesOf(schema), random) ?? [null, null];
    if (key === null) return null;
    return {
      sql: `ALTER TABLE ${sqlOfKey(key)} ${table.rowSecurity ? 'DISABLE' : 'ENABLE'} ROW LEVEL SECURITY`,
      keys: [key],
    };
  },
  'policy gone': onPart(
    (table) => table.policies,
    () => true,
    (on) => ({ sql: `DROP POLICY ${q(on.part.name)} ON ${on.sql}`, keys: [on.partKey] }),
  ),
  'serial no longer owned': onPart<Column>(
    (table) => table.columns,
    (column) => column.ownedSequence !== null && column.identity === null,
    (on) => ({ sql: `ALTER SEQUENCE ${sqlOfKey(on.part.ownedSequence as string)} OWNED BY NONE`, keys: [on.partKey] }),
  ),
  'foreign key deferrable': onConstraint(
    (each) => each.type === 'f' && each.deferrable === null,
    (on) => ({ sql: `ALTER TABLE ${on.sql} ALTER CONSTRAINT ${q(on.part.name)} DEFERRABLE`, keys: [on.partKey] }),
  ),
  'foreign key not kept': onConstraint(
    (each) => each.type === 'f' && !each.fromPartitionParent,
    (on) => ({
      sql: `UPDATE pg_trigger SET tgenabled = 'D' WHERE tgconstraint = (SELECT oid FROM pg_constraint
              WHERE conrelid = ${quoteLiteral(on.sql)}::regclass AND conname = ${quoteLiteral(on.part.name)})`,
      keys: [on.partKey],
    }),
  ),
  'enum order': (schema, random) => {
    const key = pick(
      [...schema.enums].flatMap(([each, { labels }]) => (labels.length > 1 ? [each] : [])),
      random,
    );
    return key
      ? {
          sql: `UPDATE pg_enum SET enumsortorder = 1000 WHERE enumsortorder = 1 AND enumtypid = ${quoteLiteral(sqlOfKey(key))}::regtype`,
          keys: [key],
        }
      : null;
  },
  'domain check more': (schema, random) => {
    const key = pick([...schema.domains.keys()], random);
    return key
      ? { sql: `ALTER DOMAIN ${sqlOfKey(key)} ADD CONSTRAINT mutant CHECK (VALUE IS NOT NULL)`, keys: [key] }
      : null;
  },
  'view column renamed': (schema, random) => {
    const [key, view] = pick([...schema.views], random) ?? [null, null];
    if (key === null) return null;
    return {
      sql: `DO $$ BEGIN EXECUTE (SELECT format('ALTER ${view.kind} %s RENAME COLUMN %I TO mutant', attrelid::regclass, attname)
              FROM pg_attribute WHERE attrelid = ${quoteLiteral(sqlOfKey(key))}::regclass AND attnum = 1); END $$`,
      keys: [key],
    };
  },
  'index of a view gone': (schema, random) => {
    const [key, view] = pick(
      [...schema.views].filter(([, each]) => each.indexes.size > 0),
      random,
    ) ?? [null, null];
    const name = key === null ? null : pick([...view.indexes.keys()], random);
    return key === null || name === null
      ? null
      : { sql: `DROP INDEX ${q(view.namespace)}.${q(name)}`, keys: [`${key}.${name}`] };
  },
  'function volatility': (schema, random) => {
    const [key, routine] = pick(
      [...schema.routines].filter(([, each]) => each.kind === 'f'),
      random,
    ) ?? [null, null];
    return routine
      ? {
          sql: `ALTER FUNCTION ${routineSql(key, schema)} ${routine.volatility === 'i' ? 'VOLATILE' : 'IMMUTABLE'}`,
          keys: [key],
        }
      : null;
  },
  'function security': (schema, random) => {
    const [key, routine] = pick(
      [...schema.routines].filter(([, each]) => each.kind === 'f' && !/SECURITY DEFINER/.test(each.definition ?? '')),
      random,
    ) ?? [null, null];
    return routine ? { sql: `ALTER FUNCTION ${routineSql(key, schema)} SECURITY DEFINER`, keys: [key] } : null;
  },
  'trigger renamed': onPart(
    (table) => table.triggers,
    () => true,
    (on) => ({
      sql: `ALTER TRIGGER ${q(on.part.name)} ON ${on.sql} RENAME TO mutant`,
      keys: [on.partKey, `${on.key}.mutant`],
    }),
  ),
  'trigger of a replica': onPart(
    (table) => table.triggers,
    (trigger) => trigger.enabled !== false,
    (on) => ({ sql: `ALTER TABLE ${on.sql} ENABLE REPLICA TRIGGER ${q(on.part.name)}`, keys: [on.partKey] }),
  ),
  'partition detached': (schema, random) => {
    const [key, table] = pick(
      [...schema.tables].filter(([, each]) => each.partitionBound !== null),
      random,
    ) ?? [null, null];
    return key
      ? { sql: `ALTER TABLE ${sqlOfKey(table.parents[0] as string)} DETACH PARTITION ${sqlOfKey(key)}`, keys: [key] }
      : null;
  },
  'extension gone': (schema, random) => {
    const name = pick([...schema.extensions.keys()], random);
    return name === null || name === 'plpgsql' ? null : { sql: `DROP EXTENSION ${q(name)}`, keys: [name] };
  },
  'of no account: a comment': silently((on) => `COMMENT ON COLUMN ${on.sql}.${q(on.part.name)} IS 'mutant'`),
  'of no account: an owner': silently((on) => `ALTER TABLE ${on.sql} OWNER TO pg_monitor`),
  'of no account: privileges': silently(
    (on) => `GRANT ALL ON ${on.sql} TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC`,
  ),
  'of no account: storage': silently(
    (on) =>
      `ALTER TABLE ${on.sql} SET (fillfactor = 50, autovacuum_enabled = false), ALTER ${q(on.part.name)} SET STATISTICS 500`,
  ),
  'of no account: replication': silently(
    (on) => `ALTER TABLE ${on.sql} REPLICA IDENTITY FULL; CREATE PUBLICATION mutant FOR TABLE ${on.sql}`,
  ),
  'of no account: statistics': silently(
    (on) => `CREATE STATISTICS mutant ON ${[...on.table.columns.keys()].slice(0, 2).map(q).join(', ')} FROM ${on.sql}`,
  ),
  'of no account: a position': silently(
    (on) => `SELECT setval(c.oid, 1000) FROM pg_class c WHERE relkind = 'S'; ANALYZE ${on.sql}`,
  ),
};
