/**
 * Takes a seed's rows back by their images: inserted ones removed, updated ones restored, deleted ones put in again; only
 * where a row still is as the seed left it. What would be lost is reported and nothing is changed. Refuses to know the ledger.
 */
import { keyOf, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { type RowImage, type RowValues, rowText, shapeOf, type TableShape, tableText } from './images.ts';
import { keyParts } from './orphans.ts';
import type { SeedSession } from './session.ts';

export interface UndoConflict {
  table: string;
  key: RowValues;
  reason: string;
}

export interface RowsUndone {
  removed: number;
  restored: number;
  reinserted: number;
  /** Not empty: nothing was changed. */
  conflicts: UndoConflict[];
}

/** To be called inside a transaction. */
export async function undoRows(session: SeedSession, images: readonly RowImage[]): Promise<RowsUndone> {
  const result: RowsUndone = { removed: 0, restored: 0, reinserted: 0, conflicts: [] };
  await session.query('SAVEPOINT chain_undo_rows');
  const shapes = new Map<string, TableShape>();
  for (const { table } of images) {
    if (shapes.has(table)) continue;
    const shape = await shapeOf(session, table);
    if (shape) shapes.set(table, shape);
    else result.conflicts.push({ table, key: {}, reason: 'the table is gone' });
  }
  if (result.conflicts.length > 0) return result;
  const quiet = await silenceTriggers(session, [...shapes.keys()]);
  await session.query('SET CONSTRAINTS ALL DEFERRED');
  const acts: [keyof Pick<RowsUndone, 'reinserted' | 'restored' | 'removed'>, RowImage[]][] = [
    ['reinserted', images.filter(({ after }) => after === null)],
    ['restored', images.filter(({ before, after }) => before !== null && after !== null)],
    ['removed', images.filter(({ before }) => before === null)],
  ];
  for (const [kind, own] of acts) {
    const outcome = await inPasses(session, [...own].reverse(), (image) =>
      undoOne(session, shapes.get(image.table) as TableShape, image),
    );
    result[kind] = outcome.done;
    result.conflicts.push(...outcome.conflicts);
  }
  if (result.conflicts.length > 0) {
    await session.query('ROLLBACK TO SAVEPOINT chain_undo_rows');
    return { removed: 0, restored: 0, reinserted: 0, conflicts: result.conflicts };
  }
  await session.query('SET CONSTRAINTS ALL IMMEDIATE');
  await quiet();
  await session.query('RELEASE SAVEPOINT chain_undo_rows');
  return result;
}

/** `waits`: another row must go or come first. */
type Outcome = 'done' | { conflict: string } | { waits: string };

/** Rows depend on each other: what must wait is tried again as long as others succeed. */
async function inPasses(
  session: SeedSession,
  images: readonly RowImage[],
  act: (image: RowImage) => Promise<Outcome>,
): Promise<{ done: number; conflicts: UndoConflict[] }> {
  const conflicts: UndoConflict[] = [];
  let done = 0;
  let left = [...images];
  for (;;) {
    const waiting: [RowImage, string][] = [];
    const before = done;
    for (const image of left) {
      await session.query('SAVEPOINT chain_undo_row');
      let outcome: Outcome;
      try {
        outcome = await act(image);
        await session.query('RELEASE SAVEPOINT chain_undo_row');
      } catch (error) {
        await session.query('ROLLBACK TO SAVEPOINT chain_undo_row');
        const state = (error as { sqlState?: string }).sqlState ?? '';
        if (!state.startsWith('23')) throw error;
        outcome = { waits: (error as { serverMessage?: string }).serverMessage ?? (error as Error).message };
      }
      if (outcome === 'done') done++;
      else if ('conflict' in outcome) conflicts.push({ table: image.table, key: image.key, reason: outcome.conflict });
      else waiting.push([image, outcome.waits]);
    }
    if (waiting.length === 0) return { done, conflicts };
    if (done === before) {
      for (const [image, reason] of waiting) conflicts.push({ table: image.table, key: image.key, reason });
      return { done, conflicts };
    }
    left = waiting.map(([image]) => image);
  }
}

async function undoOne(session: SeedSession, shape: TableShape, image: RowImage): Promise<Outcome> {
  const { before, after } = image;
  const table = tableText(image.table);
  const gone = Object.keys(before ?? after ?? {}).filter(
    (name) => !shape.columns.some((column) => column.name === name),
  );
  if (gone.length > 0) return { conflict: `its column ${gone.join(', ')} is gone` };
  if (after === null) return reinsert(session, shape, before as RowValues);
  // The key as the seed left it: an update may have changed it.
  const key = Object.fromEntries(Object.keys(image.key).map((name) => [name, after[name] ?? null]));
  const names = Object.keys(after);
  const isSame = `${rowText(shape, 't', names)} = $2::jsonb`;
  const { condition, values } = keyCondition(shape, key);
  const { rows } = await session.query<{ place: string; part: string; same: boolean }>(
    `SELECT t.ctid::text AS place, t.tableoid::text AS part, ${isSame} AS same FROM ${table} t WHERE ${condition} ORDER BY 3 DESC LIMIT 1 FOR UPDATE`,
    [JSON.stringify(key), JSON.stringify(after), ...values],
  );
  const [found] = rows;
  if (before === null) {
    if (!found) return 'done';
    if (!found.same) return { conflict: 'it was changed since the seed inserted it' };
    const referring = await rowsReferringTo(session, image.table, found);
    if (referring !== null) return { waits: referring };
    await session.query(`DELETE FROM ${table} WHERE ctid = $1::tid AND tableoid = $2::oid`, [found.place, found.part]);
    return 'done';
  }
  if (!found) return { conflict: 'it was deleted since the seed changed it' };
  if (!found.same) return { conflict: 'it was changed since the seed changed it' };
  const changed = shape.columns.filter(
    ({ name, isGenerated }) => !isGenerated && name in before && before[name] !== after[name],
  );
  if (changed.length === 0) return 'done';
  const sets = changed.map(({ name, type }, i) => `${quoteIdentifier(name)} = $${i + 3}::text::${type}`);
  await session.query(`UPDATE ${table} SET ${sets.join(', ')} WHERE ctid = $1::tid AND tableoid = $2::oid`, [
    found.place,
    found.part,
    ...changed.map(({ name }) => before[name]),
  ]);
  return 'done';
}

/** By the text of every value, `$1`; of a unique key also by its values from `$3` on, so that its index is used. */
function keyCondition(shape: TableShape, key: RowValues): { condition: string; values: (string | null)[] } {
  const names = Object.keys(key);
  const condition = `${rowText(shape, 't', names)} = $1::jsonb`;
  const isUnique = names.length === shape.key.length && shape.key.every((name) => typeof key[name] === 'string');
  if (!isUnique || names.length === 0) return { condition, values: [] };
  const typed = names.map((name, i) => {
    const { type, equals } = shape.columns.find((column) => column.name === name) ?? { type: 'text', equals: '=' };
    return `t.${quoteIdentifier(name)} ${equals} $${i + 3}::text::${type}`;
  });
  return { condition: [...typed, condition].join(' AND '), values: names.map((name) => key[name] ?? null) };
}

async function reinsert(session: SeedSession, shape: TableShape, before: RowValues): Promise<Outcome> {
  const columns = shape.columns.filter(({ name, isGenerated }) => !isGenerated && name in before);
  await session.query(
    `INSERT INTO ${tableText(shape.table)} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${columns.map(({ type }, i) => `$${i + 1}::text::${type}`).join(', ')})`,
    columns.map(({ name }) => before[name]),
  );
  return 'done';
}

/** What refers to the row and would go with it, or lose its reference; null where nothing does. */
async function rowsReferringTo(
  session: SeedSession,
  table: string,
  at: { place: string; part: string },
): Promise<string | null> {
  const { rows: keys } = await session.query<{
    schema: string;
    name: string;
    columns: string[];
    targets: string[];
    equals: string[];
  }>(
    `SELECT n.nspname AS schema, c.relname AS name,
            ${keyParts}
       FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE f.contype = 'f' AND f.confrelid = pg_catalog.to_regclass($1)::oid AND f.conparentid = 0 ORDER BY 1, 2, f.conname`,
    [tableText(table)],
  );
  for (const key of keys) {
    const join = key.columns
      .map(
        (column, i) => `p.${quoteIdentifier(key.targets[i] as string)} ${key.equals[i]} c.${quoteIdentifier(column)}`,
      )
      .join(' AND ');
    const self = keyOf(key.schema, key.name) === table ? ' AND (c.ctid <> p.ctid OR c.tableoid <> p.tableoid)' : '';
    const { rows } = await session.query<{ count: string }>(
      `SELECT count(*)::text AS count FROM ${quoteQualified(key)} c JOIN ${tableText(table)} p ON ${join} WHERE p.ctid = $1::tid AND p.tableoid = $2::oid${self}`,
      [at.place, at.part],
    );
    const count = Number(rows[0]?.count ?? 0);
    if (count > 0)
      return `${count} ${count === 1 ? 'row' : 'rows'} of ${key.schema}.${key.name} ${count === 1 ? 'refers' : 'refer'} to it`;
  }
  return null;
}

/** Triggers of users would write anew (`updated_at`, audit rows); they are off while rows go back, where the role may do that. */
async function silenceTriggers(session: SeedSession, tables: readonly string[]): Promise<() => Promise<void>> {
  const silenced: { table: string; name: string; enabled: string }[] = [];
  for (const table of tables) {
    const { rows } = await session.query<{ name: string; enabled: string }>(
      `SELECT tgname AS name, tgenabled::text AS enabled FROM pg_catalog.pg_trigger
        WHERE tgrelid = pg_catalog.to_regclass($1)::oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgparentid = 0 ORDER BY 1`,
      [tableText(table)],
    );
    for (const { name, enabled } of rows) {
      await session.query('SAVEPOINT chain_trigger');
      try {
        await session.query(`ALTER TABLE ${tableText(table)} DISABLE TRIGGER ${quoteIdentifier(name)}`);
        silenced.push({ table, name, enabled });
      } catch (error) {
        await session.query('ROLLBACK TO SAVEPOINT chain_trigger');
        if ((error as { sqlState?: string }).sqlState !== '42501') throw error;
      }
      await session.query('RELEASE SAVEPOINT chain_trigger');
    }
  }
  const words: Record<string, string> = { O: 'ENABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' };
  return async () => {
    for (const { table, name, enabled } of silenced)
      await session.query(
        `ALTER TABLE ${tableText(table)} ${words[enabled] ?? 'ENABLE'} TRIGGER ${quoteIdentifier(name)}`,
      );
  };
}
