/**
 * The stamp: which revision the healed schema will match, and the guarded statements that say so in the version table.
 * Foresees from operations alone; the proof against the catalogue is taken when the step runs.
 */
import { compareSchemas } from '../diff/index.ts';
import { leavesNoSign } from '../model/half-applied.ts';
import { compareText, nameOfKey, quoteIdentifier, quoteLiteral } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { RevisionId } from '../model/revision.ts';
import { emptySchema, type Schema, type Table } from '../model/schema.ts';
import { applyOperation } from '../replay/apply.ts';
import type { FutureChain } from './chain-edits.ts';
import { doBlock } from './do-block.ts';
import type { SettleContext } from './settle.ts';
import type { StepDraft } from './steps.ts';
import { script } from './steps.ts';

/** Revisions of the future chain, parents before children, ties by id. */
export function orderOf(chain: FutureChain): RevisionId[] {
  const ordered: RevisionId[] = [];
  const seen = new Set<RevisionId>();
  const visit = (id: RevisionId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const parent of [...(chain.parents.get(id) ?? [])].sort(compareText)) visit(parent);
    if (chain.parents.has(id)) ordered.push(id);
  };
  for (const id of [...chain.parents.keys()].sort(compareText)) visit(id);
  return ordered;
}

/** A revision of the future chain and everything before it. */
export function closureOf(chain: Pick<FutureChain, 'parents'>, id: RevisionId): Set<RevisionId> {
  const seen = new Set<RevisionId>();
  const waiting = [id];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next) || !chain.parents.has(next)) continue;
    seen.add(next);
    waiting.push(...(chain.parents.get(next) ?? []));
  }
  return seen;
}

interface Nearest {
  id: RevisionId;
  /** In words. */
  differs: string[];
}

/**
 * The revision whose schema `live` (as it will be) matches: the oldest of a tie, then forward over revisions whose effect is
 * there already. What leaves no sign (rows, privileges) is left for an upgrade to run, unless something after it is there.
 * Where none matches, the one that is nearest.
 */
export function findStampTarget(
  chain: FutureChain,
  operationsById: ReadonlyMap<RevisionId, readonly Operation[]>,
  live: Schema,
  context: SettleContext,
): { target: RevisionId } | { target: null; nearest: Nearest | null } {
  const order = orderOf(chain);
  const schemas = new Map<RevisionId, Schema>();
  for (const id of order)
    schemas.set(id, schemaOf(closureOf(chain, id), order, chain, operationsById, schemas, context));
  const everDeclared = declaredParts([...schemas.values()]);
  const fits = order.filter((id) => mismatches(schemas.get(id) as Schema, live, everDeclared).length === 0);
  const oldest = fits[0];
  if (oldest === undefined) return { target: null, nearest: nearestOf(order, schemas, live, everDeclared) };
  // Tables, columns and keys alone tell no revision from the next where it makes an index or alters a type.
  const contradictions = (id: RevisionId) =>
    compareSchemas(schemas.get(id) as Schema, live).differences.map((one) =>
      [one.direction, one.kind, one.key, ...one.aspects.map((aspect) => aspect.name)].join(' '),
    );
  let target = oldest;
  let known = fits.length > 1 ? new Set(contradictions(target)) : new Set<string>();
  for (const id of fits.slice(1)) {
    const after = closureOf(chain, id);
    if (!after.has(target)) continue;
    const done = closureOf(chain, target);
    const between = [...after].filter((other) => !done.has(other));
    const found = contradictions(id);
    if (found.some((one) => !known.has(one))) continue;
    // Where what it makes is there, all before it ran; else what leaves no sign may not have.
    const isSeen = found.length < known.size;
    if (!isSeen && between.some((other) => (operationsById.get(other) ?? []).some(leavesNoSign))) continue;
    target = id;
    known = new Set(found);
  }
  return { target };
}

/** The revision that `live` is least unlike, and in what. */
function nearestOf(
  order: readonly RevisionId[],
  schemas: ReadonlyMap<RevisionId, Schema>,
  live: Schema,
  everDeclared: ReadonlySet<string>,
): Nearest | null {
  let nearest: Nearest | null = null;
  for (const id of order) {
    const differs = mismatches(schemas.get(id) as Schema, live, everDeclared);
    if (nearest === null || differs.length <= nearest.differs.length) nearest = { id, differs };
  }
  return nearest;
}

/** One parent's schema with the revision's operations on it; of several parents, everything before in order. */
function schemaOf(
  closure: ReadonlySet<RevisionId>,
  order: readonly RevisionId[],
  chain: FutureChain,
  operationsById: ReadonlyMap<RevisionId, readonly Operation[]>,
  known: ReadonlyMap<RevisionId, Schema>,
  context: SettleContext,
): Schema {
  const ids = order.filter((id) => closure.has(id));
  const own = ids.at(-1) as RevisionId;
  const [parent, ...others] = chain.parents.get(own) ?? [];
  const apply = (schema: Schema, id: RevisionId) =>
    (operationsById.get(id) ?? []).reduce(
      (standing, operation) => applyOperation(standing, operation, context),
      schema,
    );
  const above = parent === undefined ? undefined : known.get(parent);
  if (above !== undefined && others.length === 0) return apply(above, own);
  return ids.reduce(apply, emptySchema());
}

/** Tables, columns and enums that some revision declares: only those can contradict a stamp by being there. */
function declaredParts(schemas: readonly Schema[]): Set<string> {
  return new Set(schemas.flatMap((schema) => [...partsOf(schema)]));
}

function partsOf(schema: Schema): Set<string> {
  const parts = new Set<string>();
  for (const [key, table] of schema.tables) {
    parts.add(`table ${key}`);
    for (const column of table.columns.keys()) parts.add(`column ${key}.${column}`);
    for (const constraint of keysOf(table)) parts.add(`key ${key} ${constraint}`);
  }
  for (const key of schema.enums.keys()) parts.add(`enum ${key}`);
  return parts;
}

/** Keys and foreign keys by structure; checks have no comparable text here. */
function keysOf(table: Table): string[] {
  return [...table.constraints.values()]
    .filter((constraint) => constraint.type !== 'c' && constraint.type !== 'x')
    .map((constraint) => `${constraint.type}(${constraint.columns.join(',')})${constraint.references?.table ?? ''}`);
}

function mismatches(declared: Schema, live: Schema, everDeclared: ReadonlySet<string>): string[] {
  const [wanted, found] = [partsOf(declared), partsOf(live)];
  if (wanted.size === 0) return ['no table at all'];
  return [
    ...[...wanted].filter((part) => !found.has(part)).map((part) => `${part} is missing`),
    ...[...found].filter((part) => everDeclared.has(part) && !wanted.has(part)).map((part) => `${part} is there`),
  ];
}

/** The operations as they will be once the patches stand: what is disabled is gone, an enum that is reused not made. */
export function futureOperations(
  operationsById: ReadonlyMap<RevisionId, readonly Operation[]>,
  disabled: readonly Operation[],
  reused: readonly { operation: Operation; enumName: string }[],
  renames: ReadonlyMap<RevisionId, RevisionId>,
): Map<RevisionId, Operation[]> {
  const at = (operation: Operation) =>
    `${operation.origin.file}:${operation.origin.line}:${operation.span?.from ?? ''}:${operation.kind}`;
  const gone = new Set(disabled.map(at));
  const future = new Map<RevisionId, Operation[]>();
  for (const [id, operations] of operationsById) {
    const kept = operations.filter((operation) => {
      if (gone.has(at(operation))) return false;
      if (operation.kind !== 'createEnum') return true;
      return !reused.some(
        (one) => one.operation.origin.file === operation.origin.file && one.enumName === operation.name.name,
      );
    });
    future.set(renames.get(id) ?? id, kept);
  }
  return future;
}

/** The version table and rows, from exactly `before` to exactly `rows`. */
export function stampStep(
  stamp: { table: string; before: string[]; rows: string[]; proves: boolean },
  hasTable: boolean,
  width: number,
  answers: string[],
): StepDraft {
  const [schema, name] = splitKey(stamp.table);
  const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
  const insert = (rows: readonly string[]) =>
    rows.length === 0
      ? []
      : [`INSERT INTO ${table} (version_num) VALUES ${rows.map((row) => `(${quoteLiteral(row)})`).join(', ')}`];
  const rewrite = (from: readonly string[], to: readonly string[]) =>
    script([
      doBlock([
        `LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE;`,
        ...guardRows(table, from),
        ...(from.length > 0 ? [`DELETE FROM ${table} WHERE version_num IS NOT NULL;`] : []),
        ...insert(to).map((statement) => `${statement};`),
      ]),
    ]);
  const sql = hasTable
    ? rewrite(stamp.before, stamp.rows)
    : script([
        `CREATE TABLE ${table} (\n    version_num character varying(${width}) NOT NULL,\n    CONSTRAINT ${quoteIdentifier(`${name}_pkc`)} PRIMARY KEY (version_num)\n)`,
        ...insert(stamp.rows),
      ]);
  const down = hasTable
    ? rewrite(stamp.rows, stamp.before)
    : script([
        doBlock([
          `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE;`,
          ...guardRows(table, stamp.rows),
          `DROP TABLE ${table};`,
        ]),
      ]);
  return {
    title: `stamp_${stamp.rows.join('_') || 'nothing'}`,
    phase: 'stamp',
    sql,
    down,
    lock: hasTable ? `SHARE ROW EXCLUSIVE on ${table}` : 'none',
    hazards: [],
    transactional: true,
    answers,
    stamp,
  };
}

function guardRows(table: string, rows: readonly string[]): string[] {
  const expected = `ARRAY[${[...rows].sort(compareText).map(quoteLiteral).join(', ')}]::text[]`;
  return [
    `IF ARRAY(SELECT version_num::text FROM ${table} WHERE version_num IS NOT NULL ORDER BY version_num COLLATE "C") OPERATOR(pg_catalog.<>) ${expected} THEN`,
    `  RAISE EXCEPTION USING MESSAGE = ${quoteLiteral(`${table} no longer holds exactly ${rows.join(', ') || 'no row'}: somebody else changed it`)};`,
    'END IF;',
  ];
}

function splitKey(key: string): [string, string] {
  const { schema, name } = nameOfKey(key);
  return [schema ?? 'public', name];
}
