/**
 * SQLAlchemy's declarative models, association tables and SQLModel classes, read statically → ModelsReading. Nothing of the
 * application runs: classes are evaluated as revisions are. What could not be read of a table is a blind spot about it.
 */
import { join } from 'node:path';
import { keyOf } from '../../../model/name.ts';
import type { BlindSpot, Operation } from '../../../model/operation.ts';
import type { ModelFiles, ModelsReading } from '../../../model/replay.ts';
import { emptySchema, type Origin, type Schema } from '../../../model/schema.ts';
import { type Effects, metadataOf, newHost } from '../operations/index.ts';
import type { ProjectFiles } from '../project-files.ts';
import {
  isObject,
  LimitReached,
  loadModule,
  type Machine,
  makeModule,
  moduleName,
  newMachine,
  type PyModule,
  PyRaise,
  parseCached,
  runWhole,
  type Value,
} from '../python/index.ts';
import { assemble } from './assemble.ts';
import { type Found, heirsOf, type Lost, type Place, readDeclared } from './classes.ts';
import { addLoose } from './loose.ts';

export interface ModelsRequest {
  projectDir: string;
  files: ProjectFiles;
  environment: Readonly<Record<string, string>>;
  models: Pick<ModelFiles, 'files' | 'bases'>;
  /** Of tables that name none. */
  defaultNamespace?: string;
  parseSql(text: string, context: { origin: Origin; revision: string }): Operation[];
  /** Puts the operations together; without it the schema stays empty and only the operations are read. */
  schemaOf?: (operations: readonly Operation[]) => Schema;
}

export function readModels(request: ModelsRequest): ModelsReading {
  const { files } = request;
  const blindSpots: BlindSpot[] = [];
  const effects = quietEffects(request);
  const machine = newMachine(newHost(effects, files, request.environment), {
    maxSteps: 5_000_000,
    maxDepth: 100,
    maxSize: 1_000_000,
  });
  machine.declared = [];
  const found: Found[] = [];
  /** Names of tables whose `__table_args__` are not known, and so their schema neither. */
  const unplaced = new Set<string>();
  const lost: Lost = (file, line, reason, objects = []) =>
    blindSpots.push({ revision: null, file, line, reason, objects });
  const modules = new Map<string, PyModule>();
  const guarded = (file: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      if (error instanceof LimitReached || error instanceof RangeError || error instanceof PyRaise)
        lost(file, 1, error instanceof PyRaise ? 'it raises an error while it is read' : error.message);
      else throw error;
    }
  };
  for (const file of request.models.files)
    guarded(file, () => {
      const module = openModule(machine, request, file);
      if (!module) lost(file, 1, 'the file could not be read');
      else {
        modules.set(file, module);
        runWhole(machine, module);
      }
    });
  const place: Place = (value) => {
    const file = value.kind === 'class' ? (value.module?.file ?? '') : value.file;
    const module = [...machine.modules.values()].find((each) => each.file === file);
    return { file: files.relative(file), line: module?.scope.lazy?.parsed.lineAt(value.from) ?? 1 };
  };
  let heirs: ReturnType<typeof heirsOf> = new Map();
  guarded(request.models.files[0] ?? '', () => {
    heirs = heirsOf(machine);
  });
  // Reading a class may make others: what its mixins' `declared_attr`s give.
  const done = new Set<Value>();
  for (let size = -1; done.size > size; ) {
    size = done.size;
    for (const [file, module] of modules)
      guarded(file, () => readDeclared(machine, module, heirs, done, found, place, lost, unplaced));
  }
  addLoose(machine, effects, found, request.models.files, lost);
  // Where other models name a schema, those of which it is not known could be in any.
  const areSpread = found.some(({ table }) => table.table.name.schema !== null);
  const placed = onTarget(machine, request, onDefaultBind(found, lost), lost).filter(({ table, file, line, name }) => {
    const isLost = areSpread && table.table.name.schema === null && unplaced.has(table.table.name.name);
    if (isLost) lost(file, line, `${name}: the schema of its table ${table.table.name.name} is not known`);
    return !isLost;
  });
  return assemble(request, placed, blindSpots);
}

/** Without the models of other databases, where there are any of the one without a name. */
function onDefaultBind(found: Found[], lost: Lost): Found[] {
  const others = new Map<string, Found[]>();
  for (const each of found) if (each.bind !== null) others.set(each.bind, [...(others.get(each.bind) ?? []), each]);
  if (others.size === 0 || found.every(({ bind }) => bind !== null)) return found;
  for (const [bind, models] of others)
    lost(
      models[0]?.file ?? '',
      models[0]?.line ?? 1,
      `models of another database, bound as ${bind}`,
      models.map(keyOfTable),
    );
  return found.filter(({ bind }) => bind === null);
}

const keyOfTable = ({ table: { table } }: Found): string => keyOf(table.name.schema ?? 'public', table.name.name);

/** Without the models in another metadata than that of `target_metadata`: another chain's, or made by no chain at all. */
function onTarget(machine: Machine, request: ModelsRequest, found: Found[], lost: Lost): Found[] {
  const targets = (request.models.bases ?? []).map(({ file, name }) => {
    const module = openModule(machine, request, file);
    return metadataOf(module === null ? null : (moduleName(machine, module, name) ?? null));
  });
  if (targets.length === 0 || targets.includes(null)) return found;
  const others = new Map<Value, Found[]>();
  for (const each of found)
    if (each.metadata !== null && !targets.includes(each.metadata))
      others.set(each.metadata, [...(others.get(each.metadata) ?? []), each]);
  for (const models of others.values()) {
    const [first] = models as [Found];
    const name = isObject(first.root) && first.root.kind === 'class' ? first.root.name : 'their base';
    lost(
      first.file,
      first.line,
      `models on ${name}, whose metadata target_metadata leaves out`,
      models.map(keyOfTable),
    );
  }
  return found.filter(({ metadata }) => metadata === null || !others.has(metadata));
}

function quietEffects(request: ModelsRequest): Effects {
  return {
    sink: { apply: () => {}, schema: () => emptySchema(), searchPath: () => ['public'] },
    revision: '',
    file: '',
    relative: request.files.relative,
    lineAt: () => 1,
    autocommitDepth: 0,
    namespace: null,
    parseSql: request.parseSql,
    envFile: null,
    fileOfRevision: () => null,
    modulesWith: () => [],
    told: new Set(),
    madeTypes: new Set(),
    loose: [],
  };
}

/** The module under the name that the project imports it by, so that it is one with what other models import. */
function openModule(machine: Machine, request: ModelsRequest, file: string): PyModule | null {
  const path = join(request.projectDir, file);
  const text = request.files.readFile(path);
  if (text === null) return null;
  for (const module of machine.modules.values()) if (module.file === path) return module;
  const parts = file.replace(/(\/__init__)?\.py$/, '').split('/');
  for (let at = 0; at < parts.length; at++) {
    const name = parts.slice(at).join('.');
    const place = request.files.findModule(name, null);
    if (place && place.file === path) return loadModule(machine, name, null);
  }
  const module = makeModule(parts.join('.'), path, parseCached(path, text));
  machine.modules.set(parts.join('.'), module);
  return module;
}
