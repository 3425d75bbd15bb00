/**
 * Evaluates one direction of one revision: its module's `upgrade()` or `downgrade()`, within bounds, into a sink.
 */
import type { Operation } from '../../../model/operation.ts';
import type { ModelsReading, OperationSink } from '../../../model/replay.ts';
import { askCatalogue, type SqlContext } from '../../../sql/index.ts';
import {
  assumed,
  type Bounds,
  callValue,
  defaultBounds,
  external,
  type Imports,
  isObject,
  LimitReached,
  makeModule,
  moduleName,
  newMachine,
  PyRaise,
  parseOnDemand,
  plain,
  strOf,
  type Value,
} from '../python/index.ts';
import type { ModelsBase } from './create-all.ts';
import { type Effects, opaque } from './effects.ts';
import { readGrafts } from './env-options.ts';
import { type Files, newHost } from './host.ts';
import type { WrittenRows } from './written-rows.ts';

export interface RevisionSource {
  revision: string;
  /** Absolute path. */
  file: string;
  text: string;
  /** Its dotted name, for relative imports. */
  module: string;
}

export interface Reading {
  files: Files;
  environment: Readonly<Record<string, string>>;
  /** Absolute path of env.py, which configures what revisions may ask for. */
  envFile?: string | null;
  fileOfRevision?(id: string): string | null;
  /** What the models on a base declare, of those that are loaded with this revision's file (relative to the project). */
  modelsIn?(revision: string, base: ModelsBase): ModelsReading | null;
  relative(path: string): string;
  parseSql(text: string, context: SqlContext): Operation[];
  bounds?: Bounds;
  /** Shared by all revisions of a project. */
  imports?: Imports;
  /** Shared by all revisions, which are read in the order in which they run. */
  writtenRows?: WrittenRows;
}

export function evaluateRevision(
  source: RevisionSource,
  direction: 'upgrade' | 'downgrade',
  sink: OperationSink,
  reading: Reading,
): void {
  const parsed = parseOnDemand(source.text);
  const effects: Effects = {
    sink,
    revision: source.revision,
    file: source.file,
    envFile: reading.envFile ?? null,
    fileOfRevision: (id) => reading.fileOfRevision?.(id) ?? null,
    modelsIn: (base) => reading.modelsIn?.(reading.relative(source.file), base) ?? null,
    modulesWith: reading.files.modulesWith,
    relative: reading.relative,
    lineAt: (file, offset) => (file === source.file ? parsed.lineAt(offset) : 1),
    autocommitDepth: 0,
    namespace: null,
    parseSql: reading.parseSql,
    askCatalogue: (query) => askCatalogue(query, { schema: sink.schema(), searchPath: sink.searchPath() }, new Map()),
    told: new Set(),
    madeTypes: new Set(),
    ...(direction === 'upgrade' && reading.writtenRows ? { writtenRows: reading.writtenRows } : {}),
  };
  effects.writtenRows?.enter(source.revision);
  const machine = newMachine(
    newHost(effects, reading.files, reading.environment),
    reading.bounds ?? defaultBounds,
    reading.imports,
  );
  const module = makeModule(source.module, source.file, parsed);
  machine.modules.set(source.module, module);
  try {
    readGrafts(machine, effects);
    const fn = moduleName(machine, module, direction);
    if (parsed.error) {
      opaque(machine, effects, `the file is no Python that could be read, from line ${parsed.error.line}`, []);
      return;
    }
    if (fn === undefined) return;
    callValue(machine, fn, argumentsFor(fn, moduleName(machine, module, `${direction}_`)), { from: 0, to: 0 });
  } catch (error) {
    machine.isCut ||= !(error instanceof PyRaise);
    if (error instanceof LimitReached) opaque(machine, effects, error.message, []);
    else if (error instanceof RangeError) opaque(machine, effects, 'nested too deep to follow', []);
    else if (error instanceof PyRaise) {
      if (!isMeantToStop(error.value, direction))
        opaque(machine, effects, `it raises ${nameOfRaised(error.value)}`, []);
    } else throw error;
  } finally {
    // Another revision, with steps of its own, may read what this one had to leave.
    if (machine.isCut) reading.imports?.modules.clear();
  }
}

/**
 * `upgrade(op, tables, tester)`: a parameter called `op` is Alembic's. Of several databases (Flask-Migrate's `engine_name`) the
 * one without a name is read where the file has something for it; any other parameter is not known.
 */
function argumentsFor(fn: Value, ofNameless: Value | undefined): { positional: Value[]; named: Map<string, Value> } {
  const named = new Map<string, Value>();
  const bare = plain(fn);
  if (isObject(bare) && bare.kind === 'function') {
    for (const parameter of bare.syntax.parameters) {
      if (parameter.name === 'op') named.set('op', external('alembic.op'));
      else if (parameter.name === 'operations') named.set('operations', external('alembic.op'));
      else if (parameter.name === 'engine_name' && !bare.defaults.has(parameter.name) && ofNameless !== undefined)
        named.set('engine_name', assumed('', 'the database is the one without a name'));
    }
  }
  return { positional: [], named };
}

function nameOfRaised(value: Value): string {
  const bare = plain(value);
  if (!isObject(bare)) return 'an error';
  if (bare.kind === 'instance') {
    const args = bare.attributes.get('args');
    const text = args === undefined ? null : strOf(args);
    return `${bare.class.name}${text ?? ''}`;
  }
  return bare.kind === 'made' || bare.kind === 'external' ? (bare.path.split('.').pop() ?? 'an error') : 'an error';
}

/** A downgrade that refuses on purpose is no blind spot. */
function isMeantToStop(value: Value, direction: string): boolean {
  return direction === 'downgrade' && !/KeyError|IndexError|AttributeError/.test(nameOfRaised(value));
}
