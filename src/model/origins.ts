/**
 * Puts what a reading knew of each object (where it was stated, how certain it is) onto the same schema as PostgreSQL
 * gave it back from a scratch database, which knows nothing of files. Objects pair by key and name.
 */
import type { CarriesText, Declared, Schema, Table, View } from './schema.ts';

/** `elaborated` with the origins and certainties of `stated`. */
export function withOrigins(elaborated: Schema, stated: Schema): Schema {
  return {
    ...elaborated,
    tables: carry(
      elaborated.tables,
      stated.tables,
      (table, from): Table => ({
        ...table,
        columns: carry(table.columns, from.columns),
        constraints: carry(table.constraints, from.constraints),
        indexes: carry(table.indexes, from.indexes),
        triggers: carry(table.triggers, from.triggers),
        policies: carry(table.policies, from.policies),
      }),
    ),
    enums: carry(elaborated.enums, stated.enums),
    domains: carry(elaborated.domains, stated.domains),
    composites: carry(elaborated.composites, stated.composites),
    sequences: carry(elaborated.sequences, stated.sequences),
    views: carry(
      elaborated.views,
      stated.views,
      (view, from): View => ({
        ...view,
        indexes: carry(view.indexes, from.indexes),
        ...(from.reads ? { reads: from.reads } : {}),
      }),
    ),
    routines: carry(elaborated.routines, stated.routines),
    extensions: carry(elaborated.extensions, stated.extensions),
    ...(stated.suspected ? { suspected: stated.suspected } : {}),
  };
}

function carry<V extends Declared & CarriesText>(
  to: ReadonlyMap<string, V>,
  from: ReadonlyMap<string, V>,
  inside: (value: V, source: V) => V = (value) => value,
): ReadonlyMap<string, V> {
  return new Map(
    [...to].map(([key, value]) => {
      const source = from.get(key);
      if (source === undefined) return [key, value];
      return [
        key,
        inside(
          {
            ...value,
            ...(source.origin ? { origin: source.origin } : {}),
            ...(source.certainty ? { certainty: source.certainty } : {}),
            ...(source.textCertainty ? { textCertainty: source.textCertainty } : {}),
          },
          source,
        ),
      ];
    }),
  );
}
