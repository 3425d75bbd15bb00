/**
 * The live schema in the words of the declared one, wherever PostgreSQL has said that both mean the same. For a ranking,
 * which compares texts by likeness: the same words stand in the revisions before.
 */
import { unreadableType } from '../model/definition.ts';
import type { Drift } from '../model/drift.ts';
import type { Column, Constraint, Index, Schema, Table } from '../model/schema.ts';

/** `drift`: of the two, elaborated. What differs, and what bears another name, is left as it is. */
export function spelledAs(live: Schema, declared: Schema, drift: Drift): Schema {
  const differing = new Set(drift.differences.map(({ key }) => key));
  const alteredTables = new Set(drift.differences.map((each) => ('table' in each ? each.table : each.key)));
  const tables = new Map<string, Table>();
  for (const [key, table] of live.tables) {
    const other = declared.tables.get(key);
    // Alike in everything: then it is the declared one, known again by itself in every revision that shares it.
    if (other === undefined) tables.set(key, table);
    else if (!alteredTables.has(key)) tables.set(key, other);
    else tables.set(key, spelledTable(table, other, key, differing));
  }
  return { ...live, tables };
}

function spelledTable(live: Table, declared: Table, key: string, differing: ReadonlySet<string>): Table {
  const each = <Part extends { name: string }>(
    theirs: ReadonlyMap<string, Part>,
    ours: ReadonlyMap<string, Part>,
    spell: (part: Part, as: Part) => Part,
  ): ReadonlyMap<string, Part> =>
    new Map(
      [...theirs].map(([name, part]) => {
        const as = ours.get(name);
        return [name, as === undefined || differing.has(`${key}.${name}`) ? part : spell(part, as)];
      }),
    );
  return {
    ...live,
    columns: each(live.columns, declared.columns, spelledColumn),
    constraints: each(live.constraints, declared.constraints, spelledConstraint),
    indexes: each(live.indexes, declared.indexes, spelledIndex),
  };
}

function spelledColumn(live: Column, declared: Column): Column {
  // A type that nobody could read is no reason to doubt the revision that states it.
  const type = declared.type === unreadableType ? unreadableType : live.type;
  if (type === live.type && live.default === declared.default && live.generated === declared.generated) return live;
  return { ...live, type, default: declared.default, generated: declared.generated };
}

function spelledConstraint(live: Constraint, declared: Constraint): Constraint {
  if (live.type !== declared.type || (live.type !== 'c' && live.type !== 'x')) return live;
  return { ...live, expression: declared.expression, definition: declared.definition };
}

function spelledIndex(live: Index, declared: Index): Index {
  return { ...live, keys: declared.keys, keyTexts: declared.keyTexts, where: declared.where };
}
