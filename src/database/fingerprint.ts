/**
 * SchemaFingerprint: a hash over the canonical text of a live schema and its version rows. Owners and comments, which no
 * repair depends on, are left out; so is the order in which the catalogue gave the objects.
 */
import { createHash } from 'node:crypto';
import type { VersionTable } from '../model/live.ts';
import { compareText } from '../model/name.ts';
import type { Schema } from '../model/schema.ts';

export function fingerprintOf(schema: Schema, versionTables: readonly VersionTable[]): string {
  const hash = createHash('sha256');
  const digest = (kind: string, map: ReadonlyMap<string, unknown>) => {
    for (const key of [...map.keys()].sort(compareText)) hash.update(`${kind} ${canonicalText([key, map.get(key)])}\n`);
  };
  hash.update(canonicalText([...schema.namespaces].sort(compareText)));
  digest('table', schema.tables);
  digest('enum', schema.enums);
  digest('domain', schema.domains);
  digest('composite', schema.composites);
  digest('sequence', schema.sequences);
  digest('view', schema.views);
  digest('routine', schema.routines);
  digest('extension', schema.extensions);
  for (const { key, rows } of [...versionTables].sort((a, b) => compareText(a.key, b.key))) {
    hash.update(`version ${canonicalText([key, rows])}\n`);
  }
  return hash.digest('hex');
}

function canonicalText(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'owner' || key === 'comment') return undefined;
    if (!(inner instanceof Map)) return inner;
    // Columns stay in position order: PostgreSQL's own is part of the shape.
    const entries = [...inner.values()];
    return key === 'columns' ? entries : entries.sort((a, b) => compareText(a.name, b.name));
  });
}
