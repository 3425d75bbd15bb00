/**
 * The names of the declared side in the words of the live one, where things stand under other names.
 */
import { displayOfKey, nextvalDefault, typeKeyOf } from '../model/definition.ts';
import { bareClass, placedFor, placedType } from './extensions.ts';
import type { Comparison } from './found.ts';
import type { Translation } from './parts.ts';

export function translationFor(comparison: Comparison, key: string): Translation {
  const { renames } = comparison;
  const own = renames.columns.get(key);
  if (own === undefined && comparison.translation !== undefined) return comparison.translation;
  const renamedColumns = own ?? new Map<string, string>();
  const types = [...renames.types];
  const placed = placedFor(comparison.options.extensionObjects, comparison.declared, comparison.live);
  const translation: Translation = {
    renamedColumns,
    isPlain:
      renamedColumns.size + renames.tables.size + renames.types.size + renames.sequences.size + renames.columns.size ===
      0,
    table: (table) => renames.tables.get(table) ?? table,
    column: (column) => renamedColumns.get(column) ?? column,
    columnOf: (table, column) => renames.columns.get(table)?.get(column) ?? column,
    type: (type) => {
      const own = types.length === 0 ? undefined : renames.types.get(typeKeyOf(type));
      if (own === undefined) return placedType(placed, type);
      return displayOfKey(own) + (/(\[\])*$/.exec(type)?.[0] ?? '');
    },
    operatorClass: (text) => (placed.size === 0 ? text : bareClass(comparison.live.extensions, text)),
    defaultText: (text) => {
      let result = text;
      for (const [from, to] of renames.sequences) if (result === nextvalDefault(from)) result = nextvalDefault(to);
      for (const [from, to] of types) result = result.replaceAll(`::${displayOfKey(from)}`, `::${displayOfKey(to)}`);
      return result;
    },
  };
  if (own === undefined) comparison.translation = translation;
  return translation;
}
