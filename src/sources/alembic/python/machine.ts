/**
 * Machine: the state of one evaluation and its bounds; and Host, what the evaluator asks of whoever runs it: what a call
 * outside the project means, where modules and files are. Nothing of a user's project is ever run.
 */
import {
  type Arguments,
  type External,
  LimitReached,
  type Made,
  type Member,
  type PyClass,
  type PyInstance,
  type PyModule,
  type Value,
} from './values.ts';

export interface Bounds {
  maxSteps: number;
  maxDepth: number;
  /** Longest string and largest container. */
  maxSize: number;
}

export const defaultBounds: Bounds = { maxSteps: 500_000, maxDepth: 120, maxSize: 1_000_000 };

export interface Frame {
  module: PyModule;
  /** Innermost statement being run. */
  statement: { from: number; to: number };
  /** Receives what a generator yields; `with` over a @contextmanager runs its body here. */
  onYield: ((value: Value) => Value) | null;
  /** The function whose body runs. */
  entered?: { from: number; to: number };
  /** A statement of a module's own level, not of a function. */
  isTopLevel?: boolean;
  /** Conditions that an undecided early return put on the rest of this function. */
  pushed: number;
  /** A branch nobody could decide may have left the loop around it. */
  mayLeaveLoop: string | null;
}

export interface Site {
  from: number;
  to: number;
}

export interface Host {
  /** An attribute of something outside the project; undefined leaves it symbolic. */
  attribute(machine: Machine, object: Value, name: string): Value | undefined;
  /** A call of something outside the project; undefined makes a `Made`. */
  call(machine: Machine, callee: External | Member, args: Arguments, site: Site): Value | undefined;
  /** What a loop over an attribute of something outside the project goes through; null where nobody knows. */
  items(member: Member): Value[] | null;
  /** A base outside the project whose method a project instance is asked for. */
  inherited(machine: Machine, self: PyInstance, name: string): Value | undefined;
  leave(machine: Machine, entered: Value): void;
  /** Something the evaluator met that may have had an effect nobody can know. */
  unreadable(machine: Machine, reason: string, involved: Value[]): void;
  environment: Readonly<Record<string, string>>;
  findModule(name: string, from: PyModule | null): { file: string; text: string; isPackage: boolean } | null;
  /** Of a module that `findModule` does not find; `condition`: what was assumed, where nothing proves it. */
  isInstalled(name: string): { isThere: boolean; condition: string | null };
  readFile(path: string): string | null;
  exists(path: string): 'file' | 'folder' | null;
  list(path: string): string[] | null;
}

export interface Machine {
  host: Host;
  bounds: Bounds;
  steps: number;
  depth: number;
  frames: Frame[];
  /** Undecided branches around the statement that runs: nothing in them is known to run. */
  shadows: string[];
  /** For each of them: whether an assumption tells that it does not run, or nobody can tell. */
  shadowsByAssumption: boolean[];
  /** Assumptions that led here: what runs under them runs by the code's defaults. */
  conditions: string[];
  /** `try` statements with handlers around what runs. */
  guards: number;
  /** Those of them that are asked about an import that fails or a table that is not there, and what was assumed in them. */
  importGuards: ImportGuard[];
  modules: Map<string, PyModule>;
  imports: Imports;
  /** As `Imports.graftedByPath`, with those of the revision itself: another revision may be read without it. */
  graftedByPath: Map<string, Value>;
  /** Where models are read: every class and Table as it was made, and the file whose top level was running. */
  declared: { value: PyClass | Made; file: string }[] | null;
  /** Something was left unread for its depth: what is kept of modules may lack it. */
  isCut: boolean;
}

export interface ImportGuard {
  /** It has an `except` for what is raised, or a wider one. */
  catches(raised: Value): boolean;
  condition: string | null;
}

/** What imports leave to whoever imports next: as in Python, a module runs once however many revisions import it. */
export interface Imports {
  /** The project's modules, by absolute path. */
  modules: Map<string, PyModule>;
  /** What they registered with Alembic (`Operations.register_operation`, `.implementation_for`). */
  registered: Registered;
  /** Names that env.py puts into modules of others (`sa.GUID = GUID`), by their path; null: it was not read for them yet. */
  graftedByPath: ReadonlyMap<string, Value> | null;
}

export function newImports(): Imports {
  return {
    modules: new Map(),
    registered: { operations: new Map(), implementations: new Map(), compiled: new Map() },
    graftedByPath: null,
  };
}

export interface Registered {
  /** By the name of the operation: its class, and the method of it that is called. */
  operations: Map<string, { class: PyClass; method: string }>;
  implementations: Map<PyClass, Value>;
  /** By the path of a construct outside the project: the function that writes it for PostgreSQL. */
  compiled: Map<string, Value>;
}

export function newMachine(host: Host, bounds: Bounds = defaultBounds, imports = newImports()): Machine {
  return {
    host,
    bounds,
    steps: 0,
    depth: 0,
    frames: [],
    shadows: [],
    shadowsByAssumption: [],
    conditions: [],
    guards: 0,
    importGuards: [],
    modules: new Map(),
    imports,
    graftedByPath: new Map(imports.graftedByPath ?? []),
    declared: null,
    isCut: false,
  };
}

export function step(machine: Machine): void {
  if (++machine.steps > machine.bounds.maxSteps) {
    throw new LimitReached(
      `more than ${machine.bounds.maxSteps} steps: a loop that does not end, or one too long to follow`,
    );
  }
}

/** Keeps what models are made of; not what stands in a branch that nobody can decide. */
export function declare(machine: Machine, value: PyClass | Made): void {
  if (machine.declared === null || machine.shadows.length > 0) return;
  // What a `declared_attr` makes is made while models are read, when no module runs.
  const frame = machine.frames.findLast(({ isTopLevel }) => isTopLevel) ?? machine.frames.at(-1);
  const file = frame?.module.file;
  if (file !== undefined) machine.declared.push({ value, file });
}

export function checkSize(machine: Machine, size: number): void {
  if (size > machine.bounds.maxSize) throw new LimitReached(`a value of more than ${machine.bounds.maxSize} elements`);
}

/** Runs `body` as one of several branches nobody can decide between. */
export function inShadow<Result>(machine: Machine, reason: string, body: () => Result, byAssumption = false): Result {
  machine.shadows.push(reason);
  machine.shadowsByAssumption.push(byAssumption);
  try {
    return body();
  } finally {
    machine.shadows.pop();
    machine.shadowsByAssumption.pop();
  }
}

export function underCondition<Result>(machine: Machine, condition: string | null, body: () => Result): Result {
  if (condition === null) return body();
  machine.conditions.push(condition);
  try {
    return body();
  } finally {
    machine.conditions.pop();
  }
}

export function isMade(value: Value): value is Made {
  return typeof value === 'object' && value !== null && value.kind === 'made';
}
