/**
 * Elaboration: a Schema as PostgreSQL itself spells it. Built in a scratch database, introspected, built again from that
 * text, until the text stops changing (a CHECK's text is not a fixed point: it differs after a dump and restore).
 * Both sides of a comparison go through here, so that only texts of one major meet.
 */
import { baseTypeOf, unreadableType } from '../model/definition.ts';
import { truncateIdentifier } from '../model/name.ts';
import type { CarriesText, Column, Constraint, Declared, Index, Schema, Table } from '../model/schema.ts';
import { type BuildFailure, type BuildResult, buildSchema } from './build.ts';
import { fingerprintOf } from './fingerprint.ts';
import { introspect } from './introspect.ts';
import { partOfSchema, withPart } from './part-of-schema.ts';
import type { ScratchServer } from './scratch.ts';
import { openSpeller } from './speller.ts';

export interface Elaboration {
  /** With the given origins and certainties; what could not be built is as given, and suspected. */
  schema: Schema;
  failures: BuildFailure[];
  /** Types that the server lacks and an opaque one stood in for. */
  standIns: ReadonlySet<string>;
  /** Whether the text stopped changing. */
  isFixedPoint: boolean;
}

const mostRounds = 4;

export interface ElaborateOptions {
  /** Only these tables (by key) are in doubt: all else stays as given. */
  tables?: ReadonlySet<string>;
  /** Parsed once, as a fresh upgrade leaves it; else until another parse says the same again. */
  isFresh?: boolean;
}

/** Throws ChainErrors of the scratch server alone. */
export async function elaborate(
  scratch: ScratchServer,
  schema: Schema,
  options: ElaborateOptions = {},
): Promise<Elaboration> {
  const { tables, isFresh = false } = options;
  const rounds = isFresh ? 1 : mostRounds;
  if (tables === undefined) return elaborateWhole(scratch, schema, rounds);
  const part = await elaborateWhole(scratch, partOfSchema(schema, tables), rounds);
  return { ...part, schema: withPart(schema, part.schema, tables) };
}

async function elaborateWhole(scratch: ScratchServer, schema: Schema, rounds: number): Promise<Elaboration> {
  let current = schema;
  let last = fingerprintOf(schema, []);
  let failures: BuildFailure[] = [];
  let standIns: ReadonlySet<string> = new Set();
  for (let round = 1; round <= rounds; round++) {
    const result = await buildOnce(scratch, current);
    if (round === 1) {
      failures = result.failures;
      standIns = result.standIns.types;
    }
    current = result.schema;
    const text = fingerprintOf(current, []);
    if (text === last) return { schema: current, failures, standIns, isFixedPoint: true };
    last = text;
  }
  return { schema: current, failures, standIns, isFixedPoint: false };
}

/** `schema` in the words of PostgreSQL after one more parse. */
async function buildOnce(scratch: ScratchServer, schema: Schema): Promise<BuildResult & { schema: Schema }> {
  const connection = await scratch.createDatabase();
  try {
    const result = await buildSchema(connection, schema);
    const built = (await introspect(connection)).schema;
    return { ...result, schema: mergeBuilt(built, schema, result.failures) };
  } finally {
    await scratch.dropDatabase(connection);
  }
}

export interface ElaboratedPair {
  declared: Schema;
  live: Schema;
  /** Keys of what could not be built on either side. */
  unbuilt: Set<string>;
}

/**
 * Both sides of a comparison, spelled by PostgreSQL as far as their difference hangs on it. `doubtsOf` names the objects
 * that may differ in spelling alone (`inDoubt`: those at first); each round parses those once more, until they agree (texts
 * that once meet are of one meaning) or neither side changes. Texts are asked about by themselves first, what differs still
 * is built. Throws ChainErrors of the scratch server alone.
 */
export async function elaborateBoth(
  scratch: ScratchServer,
  declared: Schema,
  live: Schema,
  doubtsOf: (declared: Schema, live: Schema, round: number) => ReadonlySet<string>,
  inDoubt: ReadonlySet<string> = doubtsOf(declared, live, 0),
): Promise<ElaboratedPair> {
  const spelt = await spellBoth(scratch, declared, live, doubtsOf, inDoubt);
  const ours: Side = { schema: spelt.declared, isBuilt: false, isSettled: false };
  const theirs: Side = { schema: spelt.live, isBuilt: false, isSettled: false };
  const unbuilt = new Set<string>();
  let { keys } = spelt;
  for (let round = 1; round <= mostRounds && keys.size > 0; round++) {
    const asked = keys;
    const take = async (side: Side): Promise<void> => {
      if (side.isSettled) return;
      const part = partOfSchema(side.schema, asked);
      const built = await buildOnce(scratch, part);
      if (!side.isBuilt) for (const { object } of built.failures) unbuilt.add(object);
      side.isBuilt = true;
      side.isSettled = fingerprintOf(built.schema, []) === fingerprintOf(part, []);
      side.schema = withPart(side.schema, built.schema, asked);
    };
    // The live texts are PostgreSQL's own already: mostly what is declared, once parsed, is the same.
    await Promise.all((round === 1 ? [ours] : [ours, theirs]).map(take));
    if (ours.isSettled && theirs.isSettled) break;
    const left = doubtsOf(ours.schema, theirs.schema, round);
    keys = new Set([...keys].filter((key) => left.has(key)));
  }
  return { declared: ours.schema, live: theirs.schema, unbuilt };
}

/** The two sides with the expressions that meet once parsed, and the keys of what is in doubt still. */
async function spellBoth(
  scratch: ScratchServer,
  declared: Schema,
  live: Schema,
  doubtsOf: (declared: Schema, live: Schema, round: number) => ReadonlySet<string>,
  inDoubt: ReadonlySet<string>,
): Promise<{ declared: Schema; live: Schema; keys: ReadonlySet<string> }> {
  const [ourSpeller, theirSpeller] = [openSpeller(scratch, declared), openSpeller(scratch, live)];
  let [ours, theirs] = [declared, live];
  let keys = inDoubt;
  try {
    for (let round = 1; round <= mostRounds && keys.size > 0; round++) {
      const [before, beforeTheirs]: [Schema, Schema] = [ours, theirs];
      // The live texts are PostgreSQL's own already: mostly what is declared, once parsed, is the same.
      ours = await ourSpeller.spell(before, keys, beforeTheirs);
      if (round > 1) theirs = await theirSpeller.spell(beforeTheirs, keys, before);
      if (round > 1 && ours === before && theirs === beforeTheirs) break;
      keys = doubtsOf(ours, theirs, 0);
    }
  } finally {
    await Promise.all([ourSpeller.close(), theirSpeller.close()]);
  }
  return { declared: ours, live: theirs, keys };
}

interface Side {
  schema: Schema;
  isBuilt: boolean;
  /** Another parse says the same again. */
  isSettled: boolean;
}

/** What was built, with what only the given side knows; what failed, as it was given. */
function mergeBuilt(built: Schema, given: Schema, failures: readonly BuildFailure[]): Schema {
  const failed = new Set(failures.map(({ object }) => object));
  const merge = <Item extends Declared & CarriesText>(
    builtItems: ReadonlyMap<string, Item>,
    givenItems: ReadonlyMap<string, Item>,
    combine: (built: Item, given: Item, key: string) => Item = carry,
  ): Map<string, Item> => {
    const merged = new Map<string, Item>();
    for (const [key, item] of givenItems) {
      const found = failed.has(key) ? undefined : builtItems.get(key);
      if (found) merged.set(key, combine(found, item, key));
      else merged.set(key, { ...item, certainty: 'suspected' });
    }
    return merged;
  };
  const { suspected } = given;
  return {
    namespaces: given.namespaces,
    tables: merge(built.tables, given.tables, (table, from, key) => mergeTable(table, from, key, failed)),
    enums: merge(built.enums, given.enums),
    domains: merge(built.domains, given.domains),
    composites: merge(built.composites, given.composites),
    // Nothing of a sequence is text; what the given side says of it stands.
    sequences: merge(built.sequences, given.sequences, (item, from) => ({ ...item, ...definedOf(from) })),
    views: merge(built.views, given.views, (view, from, key) => ({
      ...carry(view, from),
      indexes: mergeParts(view.indexes, from.indexes, key, failed, carryIndex),
    })),
    routines: merge(built.routines, given.routines, (item, from) =>
      from.definition === null ? from : carry(item, from),
    ),
    extensions: given.extensions,
    ...(suspected === undefined ? {} : { suspected }),
  };
}

function mergeTable(built: Table, given: Table, key: string, failed: ReadonlySet<string>): Table {
  return {
    ...carry(built, given),
    // Foreign tables are built as ordinary ones.
    kind: given.kind,
    columns: mergeParts(built.columns, given.columns, key, failed, carryColumn, withGivenText),
    constraints: mergeParts(built.constraints, given.constraints, key, failed, carryConstraint),
    indexes: mergeParts(built.indexes, given.indexes, key, failed, carryIndex),
    triggers: mergeParts(built.triggers, given.triggers, key, failed, carry),
    policies: mergeParts(built.policies, given.policies, key, failed, carryPolicy),
  };
}

/** Parts of a table in the given order, then those that PostgreSQL made beside. */
function mergeParts<Part extends Declared & { name: string }>(
  built: ReadonlyMap<string, Part>,
  given: ReadonlyMap<string, Part>,
  table: string,
  failed: ReadonlySet<string>,
  combine: (built: Part, given: Part) => Part,
  onFailure: (built: Part | undefined, given: Part) => Part = (_, from) => ({ ...from, certainty: 'suspected' }),
): Map<string, Part> {
  const merged = new Map<string, Part>();
  for (const part of given.values()) {
    // PostgreSQL cuts names that are too long.
    const name = built.has(part.name) ? part.name : truncateIdentifier(part.name);
    const found = built.get(name);
    if (failed.has(`${table}.${part.name}`)) merged.set(part.name, onFailure(found, part));
    else if (found) merged.set(name, combine(found, part));
    else if (isClone(part)) merged.set(part.name, part);
    else merged.set(part.name, { ...part, certainty: 'suspected' });
  }
  // PostgreSQL names the clones of a partitioned parent's parts itself; where the given side has its own, those stand.
  const hasClones = [...given.values()].some(isClone);
  for (const [name, part] of built) if (!merged.has(name) && !(hasClones && isClone(part))) merged.set(name, part);
  return merged;
}

function isClone(part: object): boolean {
  return 'fromPartitionParent' in part && part.fromPartitionParent === true;
}

/** What the catalogue of a scratch database cannot know, from the given side. */
function carry<Item extends Declared & CarriesText>(built: Item, given: Item): Item {
  const { origin, certainty, owner, comment, textCertainty } = given;
  return { ...built, ...definedOf({ origin, certainty, comment, textCertainty }), owner };
}

function carryColumn(built: Column, given: Column): Column {
  // A stand-in knows no modifier.
  const isStandIn =
    built.type !== given.type &&
    (baseTypeOf(given.type) === baseTypeOf(built.type) || baseTypeOf(given.type) === unreadableType);
  const isBare = isStandIn && !built.type.includes('(');
  return {
    ...carry(built, given),
    ...(isBare ? { type: given.type } : {}),
    ...definedOf({ ownedSequence: given.ownedSequence ?? undefined }),
  };
}

/** The column stands, its default or expression could not be built. */
function withGivenText(built: Column | undefined, given: Column): Column {
  return {
    ...(built ? carryColumn(built, given) : given),
    default: given.default,
    generated: given.generated,
    certainty: 'suspected',
  };
}

/** A foreign key stands there with its triggers on. */
function carryConstraint(built: Constraint, given: Constraint): Constraint {
  return { ...carry(built, given), ...definedOf({ enforced: given.enforced }) };
}

function carryIndex(built: Index, given: Index): Index {
  return { ...carry(built, given), valid: given.valid };
}

function carryPolicy<Part extends Declared & { roles?: string[] }>(built: Part, given: Part): Part {
  return { ...carry(built, given), ...definedOf({ roles: given.roles }) };
}

function definedOf<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}
