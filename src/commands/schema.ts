/**
 * `chain schema declared|live|models`: one schema, in one shape for all three, so that comparing two files means something.
 */
import { readProject } from '../diagnose/files.ts';
import { ChainError, type ExitCode, exitCodes } from '../errors.ts';
import type { BlindSpot } from '../model/operation.ts';
import type { Schema } from '../model/schema.ts';
import { type JsonSchema, schemaToJson } from '../model/schema-json.ts';
import { jsonText, oneLine, visible } from '../report/plain.ts';
import type { Settings } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

interface Shown {
  schema: Schema;
  versionTables: string[];
  blindSpots: BlindSpot[];
  notes: string[];
  /** How many operations the revisions have, and how many of them could not be read. */
  operations?: { total: number; opaque: number };
  /** What only a database can tell: printed as they are, beside the schema. */
  database?: Record<string, unknown>;
}

export async function schema(
  settings: Settings,
  terminal: Terminal,
  own: { side?: 'declared' | 'live' | 'models'; at?: string[] },
): Promise<ExitCode> {
  if (own.at !== undefined && own.side !== 'declared') {
    throw new ChainError('usage', '--at goes with `chain schema declared`.');
  }
  const project = await readProject(settings, (text) => terminal.progress(text), terminal.signal);
  const { versionTable, versionTableSchema } = project.facts.env;
  const versionTables = [`${versionTableSchema ?? 'public'}.${versionTable}`];
  const shown: Shown =
    own.side === 'live'
      ? { ...(await live(settings, terminal, project)), versionTables, blindSpots: [], notes: [] }
      : own.side === 'models'
        ? { ...project.source.readModels(), versionTables, notes: [] }
        : {
            ...(await declared(settings, terminal, project, own.at)),
            versionTables,
            operations: operationsOf(project),
          };
  for (const note of shown.notes) terminal.say(`chain: ${oneLine(note)}`);
  terminal.out(await printed(shown, settings.format));
  return exitCodes.ok;
}

type Project = Awaited<ReturnType<typeof readProject>>;

function operationsOf({ replay }: Project) {
  const all = [...replay.operationsById.values()].flat();
  return {
    total: all.length,
    opaque: all.filter(({ kind, condition }) => kind === 'opaque' && condition === undefined).length,
  };
}

async function live(settings: Settings, terminal: Terminal, { facts }: Project) {
  const text = settings.offline ? null : (settings.url?.text ?? facts.config.url);
  if (text === null) {
    throw new ChainError('no-database-url', 'Which database? No URL was given.', {
      hint: 'Give one with --url, CHAIN_DATABASE_URL or DATABASE_URL.',
    });
  }
  const { connect, introspect, parseDatabaseUrl } = await import('../database/index.ts');
  const options = {
    readOnly: true,
    timeouts: settings.timeouts,
    applicationName: 'chain schema',
    signal: terminal.signal,
  };
  const connection = await connect(parseDatabaseUrl(text), options);
  try {
    const { schema, serverVersionNumber, encoding, eventTriggers } = await introspect(connection, facts.env);
    const database = {
      server_version: serverVersionNumber,
      current_database_encoding: encoding,
      search_path: 'public',
      event_triggers: eventTriggers,
    };
    return { schema, database };
  } finally {
    await connection.close();
  }
}

/** Built in a scratch database where one is at hand, so that every text in it is PostgreSQL's own. */
async function declared(settings: Settings, terminal: Terminal, { graph, replay }: Project, at: string[] | undefined) {
  const unknown = at?.find((id) => !graph.revisions.has(id));
  if (unknown !== undefined) {
    throw new ChainError('usage', `There is no revision ${unknown}.`, { hint: '`chain graph` shows all of them.' });
  }
  const statically = replay.schemaAt(at ?? graph.heads);
  const { blindSpots } = replay;
  if (!settings.useScratch) return { schema: statically, blindSpots, notes: [] };
  const { elaborate, openScratch } = await import('../database/index.ts');
  terminal.progress('building it in a scratch database');
  let scratch: Awaited<ReturnType<typeof openScratch>>;
  try {
    scratch = await openScratch({
      scratchUrl: settings.scratchUrl,
      server: { isSmall: true },
      signal: terminal.signal,
    });
  } catch (error) {
    if (!(error instanceof ChainError) || settings.scratchUrl !== null || terminal.signal.aborted) throw error;
    return { schema: statically, blindSpots, notes: [`${error.message} So expressions stand as they are written.`] };
  }
  try {
    const { schema, failures } = await elaborate(scratch, statically, { isFresh: true });
    const notes = failures.map(
      (failure) => `${failure.object} could not be built in the scratch database: ${failure.message}`,
    );
    return { schema, blindSpots, notes };
  } finally {
    await scratch.stop();
  }
}

async function printed(
  { schema, versionTables, blindSpots, operations, database }: Shown,
  format: string,
): Promise<string> {
  if (format === 'sql') {
    const { renderSchema } = await import('../model/ddl.ts');
    const statements = renderSchema(schema).map(({ sql }) => `${sql};`);
    return visible(`${statements.join('\n')}\n`.replaceAll('\r\n', '\n'));
  }
  const json = schemaToJson(schema, { versionTables });
  if (format === 'json') return jsonText({ ...json, ...database, operations, blindSpots }, 1);
  return text(json);
}

function text(json: JsonSchema): string {
  const lines: string[] = [];
  for (const [name, table] of Object.entries(json.tables)) {
    lines.push(`${oneLine(name)}${table.kind === 'table' ? '' : ` (${table.kind})`}`);
    for (const [column, { type, notnull, default: value }] of Object.entries(table.columns)) {
      lines.push(
        `  ${oneLine(column)} ${oneLine(type)}${notnull ? ' not null' : ''}${value === null ? '' : ` default ${oneLine(value)}`}`,
      );
    }
    for (const [constraint, { def }] of Object.entries(table.constraints))
      lines.push(`  ${oneLine(constraint)}: ${oneLine(def)}`);
    for (const { def } of Object.values(table.indexes)) lines.push(`  ${oneLine(def)}`);
    lines.push('');
  }
  for (const [name, labels] of Object.entries(json.enums))
    lines.push(`enum ${oneLine(name)}: ${labels.map(oneLine).join(', ')}`);
  for (const name of Object.keys(json.views)) lines.push(`view ${oneLine(name)}`);
  for (const name of json.functions) lines.push(`function ${oneLine(name)}`);
  return `${lines.join('\n').trimEnd()}\n`;
}
