/**
 * `Base.metadata.create_all(bind)` and `Model.__table__.create(bind)`: a revision that makes what the models declare, which is
 * what they declare now, whenever it was written. Models are read elsewhere; here their operations become the revision's.
 */
import { keyOf, type QualifiedName } from '../../../model/name.ts';
import type { Operation } from '../../../model/operation.ts';
import type { ModelsReading } from '../../../model/replay.ts';
import {
  type Arguments,
  isObject,
  type Machine,
  type Member,
  type PyClass,
  plain,
  runWhole,
  toItems,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { isEffectful } from './construct-calls.ts';
import { type Effects, emit, opaque } from './effects.ts';
import { asMade } from './made.ts';
import { argument, flagOf, isAbsent } from './read-values.ts';

/** Where a base or a MetaData is made, and its name there; null: all models of the project. */
export type ModelsBase = { file: string; name: string } | null;

/** Carries the call out; undefined where it is none of these, or of models that nobody can find. */
export function callModels(machine: Machine, effects: Effects, callee: Member, args: Arguments): Value | undefined {
  const all = /^(create|drop)_all$/.exec(callee.name);
  const one = /^(?:create|drop)$/.test(callee.name) ? classOfTable(callee.object) : null;
  if ((all === null && one === null) || !isEffectful(args)) return undefined;
  const base = all === null ? baseOf(machine, effects, one) : baseOfMetadata(machine, effects, plain(callee.object));
  const reading = base === undefined ? null : (effects.modelsIn?.(base) ?? null);
  if (reading === null || reading.operationsByTable.size === 0) return undefined;
  const given = argument(args, 1, 'tables');
  const chosen = all === null ? [callee.object] : isAbsent(given) ? null : toItems(machine, given as Value);
  const wanted =
    chosen === null ? [...reading.operationsByTable.keys()] : chosen.map((each) => keyIn(effects, reading, each));
  const checks = argument(args, all === null ? 1 : 2, 'checkfirst');
  const checkFirst = checks === undefined ? all !== null : flagOf(checks) !== false;
  if (wanted.includes(null)) opaque(machine, effects, `${callee.name}() of a table that is not known`, []);
  const known = wanted.filter((key) => key !== null);
  if (callee.name.startsWith('drop')) drop(machine, effects, reading, known, checkFirst);
  else create(machine, effects, reading, known, checkFirst);
  return null;
}

function create(
  machine: Machine,
  effects: Effects,
  reading: ModelsReading,
  wanted: string[],
  checkFirst: boolean,
): void {
  const { tables } = effects.sink.schema();
  const made = new Set(wanted.filter((key) => !(checkFirst && tables.has(key))));
  const types = new Set(
    [...made].flatMap((key) => (reading.operationsByTable.get(key) ?? []).flatMap((each) => typeOf(each) ?? [])),
  );
  for (const { origin: _origin, ...operation } of reading.creation) {
    const type = typeOf(operation as Operation);
    const table = tableOf(operation as Operation);
    if (type !== null ? !types.has(type) : table === null || !made.has(keyHere(effects, table))) continue;
    emit(
      machine,
      effects,
      operation.kind === 'createTable' && checkFirst ? { ...operation, ifNotExists: true } : operation,
    );
  }
  for (const { reason, objects, file, line } of reading.blindSpots) {
    const about = objects.filter((key) => made.has(key)).map(nameOfKey);
    if (objects.length === 0 || about.length > 0) opaque(machine, effects, `${file}:${line}: ${reason}`, about);
  }
}

function drop(machine: Machine, effects: Effects, reading: ModelsReading, wanted: string[], checkFirst: boolean): void {
  for (const operation of [...reading.creation].reverse()) {
    const table = operation.kind === 'createTable' ? operation.table.name : null;
    if (table !== null && wanted.includes(keyHere(effects, table)))
      emit(machine, effects, { kind: 'dropTable', table, ...(checkFirst ? { ifExists: true } : {}) });
  }
}

const typeOf = (operation: Operation): string | null =>
  operation.kind === 'createEnum' || operation.kind === 'createSequence'
    ? keyOf(operation.name.schema ?? '', operation.name.name)
    : null;

function tableOf(operation: Operation): QualifiedName | null {
  if (operation.kind === 'createTable') return operation.table.name;
  return operation.kind === 'createIndex' || operation.kind === 'addConstraint' ? operation.table : null;
}

const keyHere = (effects: Effects, name: QualifiedName): string =>
  keyOf(name.schema ?? effects.sink.searchPath()[0] ?? 'public', name.name);

function nameOfKey(key: string): QualifiedName {
  const dot = key.indexOf('.');
  return { schema: key.slice(0, dot), name: key.slice(dot + 1) };
}

/** The class behind `Model.__table__`. */
function classOfTable(value: Value): PyClass | null {
  const bare = plain(value);
  const owner = isObject(bare) && bare.kind === 'member' && bare.name === '__table__' ? plain(bare.object) : null;
  return isObject(owner) && owner.kind === 'class' ? owner : null;
}

/** Which of the models' tables `Model.__table__` is. */
function keyIn(effects: Effects, reading: ModelsReading, value: Value): string | null {
  const cls = classOfTable(value);
  const file = cls?.module ? effects.relative(cls.module.file) : null;
  for (const [key, definitions] of reading.definitionsByTable)
    if (definitions.some((each) => each.file === file && each.name === cls?.name)) return key;
  return null;
}

function baseOfMetadata(machine: Machine, effects: Effects, metadata: Value): ModelsBase | undefined {
  if (!isObject(metadata)) return undefined;
  if (metadata.kind === 'external') return /^sqlmodel\b.*\.metadata$/.test(metadata.path) ? null : undefined;
  if (metadata.kind === 'member')
    return metadata.name === 'metadata' ? baseOf(machine, effects, plain(metadata.object)) : undefined;
  const made = asMade(metadata);
  if (made === null || canonicalPath(made.path) !== 'sa.MetaData') return undefined;
  if (made.file === effects.file) {
    // The Tables of a revision's own MetaData are known once all of its file has run.
    for (const module of [...machine.modules.values()]) if (module.file === effects.file) runWhole(machine, module);
    if (made.attributes.has('@tables')) return undefined;
  }
  return baseOf(machine, effects, made);
}

/** A class by its module; what a call made by the name it is bound to, or by the class whose `metadata` it is. */
function baseOf(machine: Machine, effects: Effects, owner: Value): ModelsBase | undefined {
  if (!isObject(owner)) return undefined;
  if (owner.kind === 'external') return /^sqlmodel\b/.test(owner.path) ? null : undefined;
  const isMadeByCall = owner.kind === 'class' && owner.module === null;
  if (owner.kind === 'class' && !isMadeByCall)
    return owner.module ? { file: effects.relative(owner.module.file), name: owner.name } : undefined;
  const made = isMadeByCall ? asMade(owner.attributes.get('@base')) : asMade(owner);
  if (made === null || made.path.startsWith('@')) return undefined;
  const holders: ModelsBase[] = [];
  for (const module of machine.modules.values())
    for (const [name, value] of module.scope.names) {
      const bare = plain(value);
      const place = { file: effects.relative(module.file), name };
      if (bare === owner && module.file === made.file) return place;
      if (
        isObject(bare) &&
        bare.kind === 'class' &&
        bare.module === module &&
        bare.attributes.get('metadata') === owner
      )
        holders.push(place);
    }
  return holders[0];
}
