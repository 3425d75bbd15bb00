/**
 * pyproject.toml and the table `[tool.alembic]` in it, the only home of smol-toml. Refuses to know what the options mean.
 */
import { createRequire } from 'node:module';

export type TomlTable = Record<string, unknown>;

const parse = (text: string): TomlTable =>
  (createRequire(import.meta.url)('smol-toml') as typeof import('smol-toml')).parse(text);

/** Null where the text is no TOML. */
export function parseToml(text: string): TomlTable | null {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

/** The table, null where the file has none. Throws where the text is no TOML. */
export function alembicTable(text: string): TomlTable | null {
  // Most projects have no such table: the parser is loaded only where the text may hold one.
  if (!/alembic/.test(text)) return null;
  const tool = parse(text).tool as TomlTable | undefined;
  const table = tool?.alembic;
  return typeof table === 'object' && table !== null && !Array.isArray(table) ? (table as TomlTable) : null;
}

/** Python's `%` formatting with a mapping, as Alembic applies it to texts of the table. */
export function formatTomlText(text: string, given: ReadonlyMap<string, string>): string {
  return text.replace(/%(?:%|\(([^)]*)\)s)/g, (whole, name: string | undefined) =>
    name === undefined ? '%' : (given.get(name) ?? whole),
  );
}

export const asTable = (value: unknown): TomlTable | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as TomlTable) : null;

export function tableAt(table: TomlTable | null, ...path: string[]): TomlTable | null {
  return path.reduce<TomlTable | null>((at, name) => asTable(at?.[name]), table);
}

export function listAt(table: TomlTable | null, name: string): unknown[] {
  const list = table?.[name];
  return Array.isArray(list) ? list : [];
}
