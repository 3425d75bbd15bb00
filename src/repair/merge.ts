/**
 * Merging duplicates, only when asked: every foreign key re-pointed to the survivor, removed rows kept whole in the
 * ledger's quarantine, each change with its before-image. Refuses to decide which rows are duplicates.
 */
import { placeOfKey, sqlOfKey } from '../model/definition.ts';
import { quoteIdentifier as q, quoteLiteral } from '../model/name.ts';
import type { RemedyAction } from '../model/remedy.ts';
import type { Constraint, Schema, Table } from '../model/schema.ts';
import { imagesAreBack, keepImages, primaryKey, repairId, stepName } from './row-images.ts';
import { type StepDraft, script } from './steps.ts';

type Merge = Extract<RemedyAction, { action: 'merge-duplicates' }>;

interface Referrer {
  key: string;
  table: Table;
  constraint: Constraint;
}

export function mergeStep(action: Merge, answers: string[], live: Schema): StepDraft {
  const table = live.tables.get(action.table);
  const referrers = referrersOf(action.table, live);
  const sql: string[] = [];
  for (const group of action.groups) {
    for (const removed of group.removed) {
      for (const referrer of referrers) sql.push(...repoint(referrer, group.survivor, removed));
      sql.push(quarantine(action.table, matches(removed), group.survivor));
    }
  }
  const touched = [action.table, ...new Set(referrers.map((referrer) => referrer.key))];
  return {
    title: `merge_duplicates_of_${placeOfKey(action.table).name}`,
    phase: 'validate',
    sql: script(sql),
    down: script(table === undefined ? [] : undo(action.table, referrers, live)),
    lock: `ROW EXCLUSIVE on ${touched.map(sqlOfKey).join(', ')}`,
    hazards: ['merges-rows'],
    transactional: true,
    answers,
    tables: touched,
  };
}

function referrersOf(key: string, live: Schema): Referrer[] {
  const found: Referrer[] = [];
  for (const [other, table] of live.tables) {
    for (const constraint of table.constraints.values()) {
      if (constraint.type === 'f' && constraint.references?.table === key && !constraint.fromPartitionParent) {
        found.push({ key: other, table, constraint });
      }
    }
  }
  return found;
}

type Key = Record<string, string | null>;

/** Rows that would collide with one of the survivor's own go to the quarantine; all others point to the survivor. */
function repoint(referrer: Referrer, survivor: Key, removed: Key): string[] {
  const { constraint, table, key } = referrer;
  const pairs = constraint.columns.map(
    (column, index) => [column, constraint.references?.columns[index] as string] as const,
  );
  if (pairs.some(([, referenced]) => !(referenced in removed) || !(referenced in survivor))) return [];
  const isRemoved = pairs
    .map(([column, referenced]) => equals(`c.${q(column)}`, removed[referenced] as string | null))
    .join(' AND ');
  const moves = new Set(pairs.map(([column]) => column));
  const collides = [...uniqueKeys(table)]
    .filter((columns) => columns.some((column) => moves.has(column)))
    .map((columns) => {
      const same = columns.map((column) => {
        const pair = pairs.find(([own]) => own === column);
        return pair ? equals(`k.${q(column)}`, survivor[pair[1]] as string | null) : `k.${q(column)} = c.${q(column)}`;
      });
      return `EXISTS (SELECT FROM ${sqlOfKey(key)} k WHERE ${same.join(' AND ')})`;
    });
  const statements: string[] = [];
  if (collides.length > 0) statements.push(quarantine(key, `${isRemoved} AND (${collides.join(' OR ')})`, survivor));
  const before = pairs.map(
    ([column, referenced]) => `${quoteLiteral(column)}, ${literal(removed[referenced] as string | null)}`,
  );
  statements.push(
    `WITH moved AS (\n  UPDATE ${sqlOfKey(key)} c SET ${pairs.map(([column, referenced]) => `${q(column)} = ${literal(survivor[referenced] as string | null)}`).join(', ')}\n   WHERE ${isRemoved} RETURNING c.*\n)\n` +
      keepImages(key, table, 'moved', before),
  );
  return statements;
}

function quarantine(key: string, condition: string, survivor: Key): string {
  return (
    `WITH removed AS (\n  DELETE FROM ${sqlOfKey(key)} c WHERE ${condition} RETURNING c.*\n)\n` +
    `INSERT INTO chain.quarantine (repair_id, step, table_name, row_data, survivor_key)\n` +
    `SELECT ${repairId}, ${stepName}, ${quoteLiteral(key)}, to_jsonb(removed), ${quoteLiteral(JSON.stringify(survivor))}::jsonb FROM removed`
  );
}

/** The removed rows first, then the rows that pointed to them, then those that made way. */
function undo(key: string, referrers: readonly Referrer[], live: Schema): string[] {
  const tables = [...new Set(referrers.map((referrer) => referrer.key))];
  return [
    restore(key, live.tables.get(key) as Table),
    ...referrers.map((referrer) => {
      const columns = referrer.constraint.columns;
      const record = `jsonb_populate_record(NULL::${sqlOfKey(referrer.key)}, b.before)`;
      // A row may have been moved by several keys: each takes back what it moved.
      const isMoved = columns.map(
        (column) => `b.before -> ${quoteLiteral(column)} <> b.after -> ${quoteLiteral(column)}`,
      );
      const isSame = primaryKey(referrer.table).map((column) => `c.${q(column)} = (${record}).${q(column)}`);
      return (
        `UPDATE ${sqlOfKey(referrer.key)} c SET ${columns.map((column) => `${q(column)} = (${record}).${q(column)}`).join(', ')}\n` +
        `  FROM chain.row_before_image b\n WHERE b.repair_id = ${repairId} AND b.step = ${stepName} AND b.table_name = ${quoteLiteral(referrer.key)}` +
        ` AND b.undone_at IS NULL AND (${isMoved.join(' OR ')}) AND ${isSame.join(' AND ')}`
      );
    }),
    imagesAreBack,
    ...tables.filter((other) => other !== key).map((other) => restore(other, live.tables.get(other) as Table)),
    `UPDATE chain.quarantine SET restored_at = clock_timestamp() WHERE repair_id = ${repairId} AND step = ${stepName} AND restored_at IS NULL`,
  ];
}

function restore(key: string, table: Table): string {
  const columns = [...table.columns.values()]
    .filter((column) => column.generated === null)
    .map((column) => column.name);
  return (
    `INSERT INTO ${sqlOfKey(key)} (${columns.map(q).join(', ')}) OVERRIDING SYSTEM VALUE\n` +
    `SELECT ${columns.map((column) => `r.${q(column)}`).join(', ')} FROM chain.quarantine x, jsonb_populate_record(NULL::${sqlOfKey(key)}, x.row_data) r\n` +
    ` WHERE x.repair_id = ${repairId} AND x.step = ${stepName} AND x.table_name = ${quoteLiteral(key)} AND x.restored_at IS NULL ORDER BY x.id`
  );
}

function uniqueKeys(table: Table): string[][] {
  return [
    ...[...table.constraints.values()].filter((one) => one.type === 'p' || one.type === 'u').map((one) => one.columns),
    ...[...table.indexes.values()]
      .filter((index) => index.unique && index.keys.every((key) => !key.isExpression))
      .map((index) => index.keys.map((key) => key.text)),
  ];
}

function matches(row: Key): string {
  return Object.entries(row)
    .map(([column, value]) => equals(`c.${q(column)}`, value))
    .join(' AND ');
}

function equals(left: string, value: string | null): string {
  return value === null ? `${left} IS NULL` : `${left} = ${quoteLiteral(value)}`;
}

function literal(value: string | null): string {
  return value === null ? 'NULL' : quoteLiteral(value);
}
