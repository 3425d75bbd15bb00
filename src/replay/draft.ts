/**
 * SchemaDraft: a Schema being changed by the operations of one revision. Each map is copied at its first change, so that
 * schemas before and after share all else. Owns how names are looked up (search_path) and what is suspected.
 * Refuses to know what operations mean.
 */
import { displayOfKey, typeDisplay, typeKeyOf, unreadableType } from '../model/definition.ts';
import { keyOf, type QualifiedName, truncateIdentifier } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { NamingConvention } from '../model/project.ts';
import type { Change, ReplayNote, SchemaChanges, SchemaMap } from '../model/replay.ts';
import { type Declared, isInDoubt, type Schema, type Sequence, type Suspected, type Table } from '../model/schema.ts';
import type { StateFrame } from './steps.ts';
import { handOn, type TableIndex, takeOver } from './table-index.ts';

/** What lasts from one revision to the next. */
export interface ReplayState {
  schema: Schema;
  /** Of the session: `SET search_path` outlives its revision in an `upgrade heads` of one connection. */
  searchPath: readonly string[];
  /** Temporary tables, by name: they are no part of a Schema, and operations on them are no mistake. */
  temporaries: ReadonlySet<string>;
}

export interface DraftOptions {
  namingConvention: NamingConvention | null;
  /** Receives what the replay meets; the revision is filled in by the replay. */
  note?: (note: DistributiveOmit<ReplayNote, 'revision'>) => void;
  /** All that is made here is suspected (behind a missing parent). */
  isSuspected?: boolean;
}

export type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

type ValueOf<N extends SchemaMap> = Schema[N] extends ReadonlyMap<string, infer V> ? V : never;

export class SchemaDraft {
  /** Of the revision at hand. */
  options: DraftOptions;
  searchPath: readonly string[];
  private current: Schema;
  private readonly owned = new Set<keyof Schema>();
  private temporaryNames: ReadonlySet<string>;
  private standing: TableIndex | null = null;
  private changed: { [N in SchemaMap]?: Map<string, Change<unknown>> } = {};

  constructor(state: ReplayState, options: DraftOptions) {
    this.current = state.schema;
    this.searchPath = state.searchPath;
    this.temporaryNames = state.temporaries;
    this.options = options;
  }

  /** The schema so far. Later changes are made to copies. */
  get schema(): Schema {
    this.owned.clear();
    return this.current;
  }

  get state(): ReplayState {
    if (this.standing !== null) handOn(this.current.tables, this.standing);
    this.standing = null;
    return { schema: this.schema, searchPath: this.searchPath, temporaries: this.temporaryNames };
  }

  /** The state without its maps. */
  get frame(): StateFrame {
    const { namespaces, suspected } = this.current;
    return { namespaces, suspected, searchPath: this.searchPath, temporaries: this.temporaryNames };
  }

  /** Read access without giving the maps away. */
  get tables(): ReadonlyMap<string, Table> {
    return this.current.tables;
  }

  map<N extends SchemaMap>(name: N): Schema[N] {
    return this.current[name];
  }

  set<N extends SchemaMap>(name: N, key: string, value: ValueOf<N>): void {
    const before = this.current[name].get(key);
    if (name === 'tables') this.standing?.replace(before as Table | undefined, value as Table);
    (this.own(name) as Map<string, ValueOf<N>>).set(key, value);
    this.record(name, key, before, value);
  }

  delete(name: SchemaMap, key: string): void {
    const before = this.current[name].get(key);
    if (before === undefined) return;
    if (name === 'tables') this.standing?.replace(before as Table, undefined);
    (this.own(name) as Map<string, unknown>).delete(key);
    this.record(name, key, before, undefined);
  }

  /** What was set and deleted since this was asked last. */
  takeChanges(): SchemaChanges {
    const changes = this.changed;
    this.changed = {};
    return changes as SchemaChanges;
  }

  /** In the order in which the map has what is new. */
  private record(name: SchemaMap, key: string, before: unknown, after: unknown): void {
    let changes = this.changed[name];
    if (changes === undefined) {
      changes = new Map();
      this.changed[name] = changes;
    }
    const known = changes.get(key);
    if (known !== undefined && before !== undefined && after !== undefined) {
      known.after = after;
      return;
    }
    changes.delete(key);
    const was = known === undefined ? before : known.before;
    changes.set(key, { before: was, after, isMadeAgain: was !== undefined && before === undefined });
  }

  setTable(table: Table): void {
    this.set('tables', keyOf(table.namespace, table.name), table);
  }

  /** Changes a table where it stands. */
  change(key: string, change: (table: Table) => Table): void {
    const table = this.current.tables.get(key);
    if (table === undefined) return;
    const changed = change(table);
    if (changed !== table) this.set('tables', key, changed);
  }

  addNamespace(name: string): void {
    if (this.current.namespaces.has(name)) return;
    this.current = { ...this.current, namespaces: new Set([...this.current.namespaces, name]) };
  }

  deleteNamespace(name: string): void {
    this.current = {
      ...this.current,
      namespaces: new Set([...this.current.namespaces].filter((each) => each !== name)),
    };
  }

  addTemporary(name: string): void {
    this.temporaryNames = new Set([...this.temporaryNames, name]);
  }

  isTemporary(name: QualifiedName): boolean {
    return name.schema?.startsWith('pg_temp') === true || (name.schema === null && this.temporaryNames.has(name.name));
  }

  dropTemporary(name: string): void {
    this.temporaryNames = new Set([...this.temporaryNames].filter((each) => each !== name));
  }

  private own(name: keyof Schema): unknown {
    if (!this.owned.has(name)) {
      this.current = { ...this.current, [name]: new Map(this.current[name] as ReadonlyMap<string, unknown>) };
      this.owned.add(name);
    }
    return this.current[name];
  }

  // Names

  /** Namespace where an unqualified name is created: the first of the search_path that exists. */
  creationNamespace(): string {
    return this.searchPath.find((each) => this.current.namespaces.has(each)) ?? this.searchPath[0] ?? 'public';
  }

  /** Key that a name gets when it is created now. */
  createdKey(name: QualifiedName): string {
    return keyOf(name.schema ?? this.creationNamespace(), truncateIdentifier(name.name));
  }

  /** Key of the first object of that name on the search_path that `has` knows; null where none stands. */
  find(name: QualifiedName, has: (key: string) => boolean): string | null {
    const short = truncateIdentifier(name.name);
    if (name.schema !== null) {
      const key = keyOf(name.schema, short);
      return has(key) ? key : null;
    }
    for (const namespace of this.searchPath) {
      const key = keyOf(namespace, short);
      if (has(key)) return key;
    }
    return null;
  }

  findTable(name: QualifiedName): string | null {
    return this.find(name, (key) => this.current.tables.has(key));
  }

  findType(name: QualifiedName): string | null {
    return this.find(
      name,
      (key) => this.current.enums.has(key) || this.current.domains.has(key) || this.current.composites.has(key),
    );
  }

  /** A type as PostgreSQL would print it, its named part looked up on the search_path. */
  typeText(type: string | null | undefined, typeName?: QualifiedName): string {
    const suffixOf = () => /((?:\([^()]*\))?(?:\[\])*)$/.exec(type ?? '')?.[0] ?? '';
    if (typeName !== undefined) {
      const key = this.findType(typeName);
      const arrays = /(\[\])*$/.exec(suffixOf())?.[0] ?? '';
      return (key === null ? typeDisplay(typeName) : displayOfKey(key)) + arrays;
    }
    if (type === null || type === undefined) return unreadableType;
    if (this.searchPath.length === 1 && this.searchPath[0] === 'public') return type;
    const key = typeKeyOf(type);
    const found = key.startsWith('public.') ? this.findType({ schema: null, name: key.slice('public.'.length) }) : null;
    return found === null ? type : displayOfKey(found) + suffixOf();
  }

  /** A relation (table, view, index, sequence, composite type) of that name stands in the namespace. */
  isRelation(namespace: string, name: string): boolean {
    const key = keyOf(namespace, name);
    const { tables, views, sequences, composites } = this.current;
    if (tables.has(key) || views.has(key) || sequences.has(key) || composites.has(key)) return true;
    if (this.index().relations.has(key)) return true;
    for (const view of views.values()) if (view.namespace === namespace && view.indexes.has(name)) return true;
    return false;
  }

  /** Some table of the namespace has a constraint of that name (ConstraintNameExists). */
  isConstraint(namespace: string, name: string): boolean {
    return this.index().constraints.has(keyOf(namespace, name));
  }

  /** Keys of the tables that inherit from `key` or are partitions of it. */
  childrenOf(key: string): Iterable<string> {
    return this.index().childrenByParent.get(key) ?? [];
  }

  private index(): TableIndex {
    this.standing ??= takeOver(this.current.tables);
    return this.standing;
  }

  // What is suspected

  suspect(keys: readonly string[]): void {
    if (keys.length === 0) {
      this.suspectAll();
      return;
    }
    const { suspected } = this.current;
    this.setSuspected(
      suspected !== undefined && 'allBut' in suspected
        ? { allBut: new Set([...suspected.allBut].filter((key) => !keys.includes(key))) }
        : new Set([...(suspected ?? []), ...keys]),
    );
    for (const key of keys) this.markSuspected(key);
  }

  private setSuspected(suspected: Suspected): void {
    this.current = { ...this.current, suspected };
  }

  private suspectAll(): void {
    this.setSuspected({ allBut: new Set() });
    for (const name of ['tables', 'enums', 'domains', 'composites', 'sequences', 'views', 'routines'] as const)
      for (const [key, value] of [...this.current[name]]) this.set(name, key, { ...value, certainty: 'suspected' });
  }

  private markSuspected(key: string): void {
    for (const name of ['tables', 'enums', 'domains', 'composites', 'sequences', 'views', 'routines'] as const) {
      const value = this.current[name].get(key);
      if (value !== undefined) this.set(name, key, { ...value, certainty: 'suspected' });
    }
  }

  /** An act that succeeds only where the object stood (or did not): what was suspected of the key is known again. */
  clearSuspicion(operation: Operation, key: string): void {
    const { suspected } = this.current;
    if (suspected === undefined || operation.condition !== undefined || !isInDoubt(suspected, key)) return;
    this.setSuspected(
      'allBut' in suspected
        ? { allBut: new Set([...suspected.allBut, key]) }
        : new Set([...suspected].filter((each) => each !== key)),
    );
  }

  /** `origin` and, where it must be, `certainty` of something stated by the operation, inside the object of that key. */
  stated(operation: Operation, key: string): Declared {
    return this.isSuspected(operation, key)
      ? { origin: operation.origin, certainty: 'suspected' }
      : { origin: operation.origin };
  }

  isSuspected(operation: Operation, key: string): boolean {
    return (
      this.options.isSuspected === true || operation.condition !== undefined || isInDoubt(this.current.suspected, key)
    );
  }

  note(note: DistributiveOmit<ReplayNote, 'revision'>): void {
    if (note.kind === 'target-missing' && (note.operation.ifTargetExists || isVersionTable(note.object))) return;
    this.options.note?.(note);
  }

  /** A sequence of a serial or identity column, or a free one. */
  setSequence(sequence: Sequence): void {
    this.set('sequences', keyOf(sequence.namespace, sequence.name), sequence);
  }
}

/** Alembic makes its own table before the first revision runs. */
function isVersionTable(object: string): boolean {
  return /(?:^|\.)alembic_version(?:_\w+)?(?:\.|$)/.test(object);
}
