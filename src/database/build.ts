/**
 * Builds a Schema in an empty database from its rendered statements: portions in one round trip, each statement in a
 * subtransaction of its own, what fails tried again until nothing more succeeds. Failures are values.
 */
import { type DdlStatement, renderSchema } from '../model/ddl.ts';
import { sqlOfKey } from '../model/definition.ts';
import { quoteIdentifier } from '../model/name.ts';
import { type Column, emptySchema, type Schema, type Table } from '../model/schema.ts';
import type { Connection } from './connection.ts';
import { installExtension } from './scratch.ts';
import { SqlError } from './sql-error.ts';
import { makeStandIns, type StandIns, withBareTypes } from './stand-ins.ts';

export interface BuildFailure {
  /** Key of the object: `schema.table`, `schema.table.name`, an extension's name. */
  object: string;
  kind: DdlStatement['kind'];
  sql: string;
  /** PostgreSQL's own message. */
  message: string;
  sqlState: string;
}

export interface BuildResult {
  failures: BuildFailure[];
  standIns: StandIns;
}

/** Statements in one transaction: each holds a few locks. */
const portionSize = 400;

/** Throws only when the connection is lost. */
export async function buildSchema(connection: Connection, schema: Schema): Promise<BuildResult> {
  await connection.query(`set client_min_messages = error; set timezone = 'UTC'; set check_function_bodies = off`);
  const failures: BuildFailure[] = [];
  const first = renderSchema({ ...emptySchema(schema.namespaces), extensions: schema.extensions });
  for (const statement of first) {
    if (statement.kind === 'schema') failures.push(...(await execute(connection, [statement])));
    if (statement.kind === 'extension') {
      const failure = await makeExtension(connection, statement, schema);
      if (failure) failures.push(failure);
    }
  }
  const standIns = await makeStandIns(connection, schema);
  await connection.query(`set search_path to ${searchPathOf(schema)}`);
  const bare = withBareTypes(schema, standIns);
  const statements = renderSchema({ ...bare, extensions: new Map() }).filter(
    ({ kind }) => kind !== 'setting' && kind !== 'schema',
  );

  const tried = new Set<string>();
  const make = async (wanted: DdlStatement[]) => {
    let failed = await insist(connection, wanted);
    while (await installWanted(connection, failed, tried)) failed = await insist(connection, failed);
    return failed;
  };
  let failed = await make(statements);
  const failedTables = failed.filter(({ kind }) => kind === 'table').map(({ object }) => object);
  if (failedTables.length > 0) {
    // One expression that cannot be built shall not take its whole table with it.
    const replaced = new Set(failedTables);
    const others = failed.filter(({ kind, object }) => !(kind === 'table' && replaced.has(object)));
    failed = await make([...plainTables(bare, replaced), ...others]);
  }
  return { failures: [...failures, ...failed], standIns };
}

/** What projects use of an extension that no revision creates, as somebody did before the first one: by PostgreSQL's message. */
const bringers: [RegExp, string][] = [
  [/^function (?:(\w+)\.)?uuid_(?:generate_v\d\w*|nil|ns_\w+)\(/, 'uuid-ossp'],
  [/^function (?:(\w+)\.)?(?:gen_random_bytes|gen_salt|crypt|digest|hmac|armor|pgp_\w+)\(/, 'pgcrypto'],
  [/^function (?:(\w+)\.)?(?:(?:\w+_)?similarity|show_trgm)\(/, 'pg_trgm'],
  [/^function (?:(\w+)\.)?unaccent\(/, 'unaccent'],
  [/^operator class "(?:(\w+)\.)?g(?:in|ist)_trgm_ops" does not exist/, 'pg_trgm'],
  [/^data type \w+ has no default operator class for access method "gist"/, 'btree_gist'],
  [/^data type \w+ has no default operator class for access method "gin"/, 'btree_gin'],
];

/** Whether an extension was installed that what failed may lean on; `tried`: not again. */
async function installWanted(
  connection: Connection,
  failed: readonly BuildFailure[],
  tried: Set<string>,
): Promise<boolean> {
  const wanted = new Map<string, string | null>();
  for (const { message } of failed)
    for (const [pattern, name] of bringers) {
      const match = pattern.exec(message);
      if (match !== null && !tried.has(name) && !wanted.get(name)) wanted.set(name, match[1] ?? null);
    }
  let hasInstalled = false;
  for (const [name, namespace] of wanted) {
    tried.add(name);
    try {
      hasInstalled = (await installExtension(connection, name, namespace)) || hasInstalled;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
    }
  }
  return hasInstalled;
}

/** What a session needs that says the names of extensions alone. */
function searchPathOf({ extensions }: Schema): string {
  const namespaces = [...extensions.values()].flatMap(({ namespace }) => namespace ?? []);
  return [...new Set(['public', ...namespaces.filter((each) => each !== 'pg_catalog')])]
    .map(quoteIdentifier)
    .join(', ');
}

async function makeExtension(
  connection: Connection,
  statement: DdlStatement,
  schema: Schema,
): Promise<BuildFailure | null> {
  const extension = schema.extensions.get(statement.object);
  if (!extension || extension.name === 'plpgsql') return null;
  try {
    const namespace = extension.namespace === 'pg_catalog' ? null : extension.namespace;
    if (await installExtension(connection, extension.name, namespace)) return null;
    return {
      ...statement,
      message: `extension "${extension.name}" is not available on the scratch server`,
      sqlState: '0A000',
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { ...statement, message: error.serverMessage, sqlState: error.sqlState };
  }
}

/** Runs `statements`, then what failed again, as long as that helps: names in texts do not tell every dependency. */
async function insist(connection: Connection, statements: DdlStatement[]): Promise<BuildFailure[]> {
  let failed = await execute(connection, statements);
  while (failed.length > 0) {
    const again = await execute(connection, failed);
    if (again.length === failed.length) return again;
    failed = again;
  }
  return failed;
}

/** The failures among `statements`, in order. */
async function execute(connection: Connection, statements: readonly DdlStatement[]): Promise<BuildFailure[]> {
  const failures: BuildFailure[] = [];
  for (let from = 0; from < statements.length; from += portionSize) {
    const portion = statements.slice(from, from + portionSize);
    for (const { place, message, state } of await executePortion(connection, portion)) {
      const { object, kind, sql } = portion[place] as DdlStatement;
      failures.push({ object, kind, sql, message, sqlState: state });
    }
  }
  return failures;
}

type Refusal = { place: number; message: string; state: string };

async function executePortion(connection: Connection, portion: readonly DdlStatement[]): Promise<Refusal[]> {
  const sql = portion.map((statement) => statement.sql).join('\n;\n');
  try {
    await connection.query(sql);
    return [];
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (portion.length === 1) return [{ place: 0, message: error.serverMessage, state: error.sqlState }];
  }
  // Something in it fails: now each in a subtransaction. The texts travel as data, so that none can end the block.
  await connection.query(`select set_config('chain.statements', $1, false)`, [
    JSON.stringify(portion.map((statement) => statement.sql)),
  ]);
  await connection.query(`do $chain$
    declare
      statements jsonb := current_setting('chain.statements')::jsonb;
      failures jsonb := '[]';
    begin
      for place in 0 .. jsonb_array_length(statements) - 1 loop
        begin
          execute statements ->> place;
        exception when others then
          failures := failures || jsonb_build_object('place', place, 'message', sqlerrm, 'state', sqlstate);
        end;
      end loop;
      perform set_config('chain.failures', failures::text, false);
    end
  $chain$`);
  const answer = await connection.query<{ failures: Refusal[] }>(
    `select current_setting('chain.failures')::jsonb as failures`,
  );
  return answer.rows[0]?.failures ?? [];
}

/** The tables without defaults and generated expressions, which then follow one by one. */
function plainTables(schema: Schema, keys: ReadonlySet<string>): DdlStatement[] {
  const plain = new Map<string, Table>();
  const later: DdlStatement[] = [];
  for (const key of keys) {
    const table = schema.tables.get(key);
    if (!table) continue;
    const columns = new Map<string, Column>();
    for (const column of table.columns.values()) {
      columns.set(column.name, { ...column, default: null, generated: null });
      const name = quoteIdentifier(column.name);
      const object = `${key}.${column.name}`;
      const alter = `ALTER TABLE ${sqlOfKey(key)}`;
      if (column.generated) {
        const stored = column.generated.stored ? 'STORED' : 'VIRTUAL';
        const notNull = column.notNull ? ' NOT NULL' : '';
        later.push({
          sql: `${alter} DROP COLUMN ${name}, ADD COLUMN ${name} ${column.type} GENERATED ALWAYS AS (${column.generated.expression}) ${stored}${notNull}`,
          object,
          kind: 'column',
        });
      } else if (column.default !== null) {
        later.push({ sql: `${alter} ALTER COLUMN ${name} SET DEFAULT ${column.default}`, object, kind: 'column' });
      }
    }
    plain.set(key, {
      ...table,
      columns,
      constraints: new Map(),
      indexes: new Map(),
      triggers: new Map(),
      policies: new Map(),
    });
  }
  // Parents stand or fail apart: only the failed tables' own statements are wanted.
  const context = new Map([...schema.tables].map(([key, table]): [string, Table] => [key, plain.get(key) ?? table]));
  const rendered = renderSchema({ ...emptySchema(), tables: context }).filter(
    ({ kind, object }) => kind === 'table' && plain.has(object),
  );
  return [...rendered, ...later];
}
