/**
 * Fills a column that a seed's INSERT leaves out although it must have a value: named in the list, a value in every row.
 */

import { quoteIdentifier } from '../model/name.ts';
import type { SeedReading, SeedStatement } from '../model/seed.ts';
import { type SeedWorld, tableOf } from './identities.ts';
import type { SeedPatch } from './patch.ts';

/** A value of its own for every row; null where chain cannot invent one. */
export function generatedValue(type: string): string | null {
  if (type === 'uuid') return 'gen_random_uuid()';
  if (type === 'text' || type === 'character varying' || type === 'citext') return 'gen_random_uuid()::text';
  const width = /^character(?: varying)?\((\d+)\)$/.exec(type)?.[1];
  return width !== undefined && Number(width) >= 36 ? 'gen_random_uuid()::text' : null;
}

export function fillColumn(
  reading: SeedReading,
  world: SeedWorld,
  key: string,
  column: string,
  patch: SeedPatch,
): void {
  for (const statement of reading.statements) {
    if (statement.verb !== 'insert' && statement.verb !== 'copy') continue;
    const target = tableOf(world, statement);
    if (target?.key !== key || statement.columns?.includes(column)) continue;
    const definition = target.table.columns.get(column);
    const refusal = refusalOf(statement, key, column, definition?.type);
    if (refusal !== null) {
      patch.refused.push({ line: statement.line, reason: refusal });
      continue;
    }
    const value = generatedValue(definition?.type as string) as string;
    const list = (statement.columnsSpan?.from as number) + 1;
    patch.edits.push({ from: list, to: list, text: `${quoteIdentifier(column)}, ` });
    const isSelect = statement.targets !== undefined;
    const places = isSelect
      ? [statement.targets?.[0]?.span.from as number]
      : (statement.rows ?? []).map((row) => row.span.from + 1);
    for (const at of places) patch.edits.push({ from: at, to: at, text: `${value}, ` });
  }
}

function refusalOf(statement: SeedStatement, key: string, column: string, type: string | undefined): string | null {
  const name = `${key}.${column}`;
  if (type === undefined) return `${name} is not known`;
  if (generatedValue(type) === null) return `${name} is ${type}: which value each row gets is for a person to say`;
  if (statement.verb === 'copy') return `${name} is left out by a COPY: add it to the list and to every line of data`;
  if (statement.columns === null || statement.columnsSpan === null)
    return `${name} is left out by an INSERT without a column list`;
  if (statement.rows === null && !statement.targets?.length)
    return `${name} is left out by an INSERT … SELECT whose columns could not be told apart`;
  if (statement.targets && /\bselect\s+(?:distinct|all)\b|\bgroup\s+by\b/i.test(statement.sql)) {
    return `${name} is left out by an INSERT … SELECT DISTINCT or GROUP BY, where a value of its own would change the rows`;
  }
  return null;
}
