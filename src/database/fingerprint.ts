/**
 * SchemaFingerprint: a hash over the canonical text of a live schema and its version rows. Owners and comments, which no
 * repair depends on, are left out; so is the order in which the catalogue gave the objects.
 */
import { createHash } from 'node:crypto';
import type { VersionTable } from '../model/live.ts';
import { compareText } from '../model/name.ts';
import type { Declared, Schema } from '../model/schema.ts';

export function fingerprintOf(schema: Schema, versionTables: readonly VersionTable[]): string {
  const hash = createHash('sha256');
  const digest = (kind: string, map: ReadonlyMap<string, Declared>) => {
    for (const key of [...map.keys()].sort(compareText))
      hash.update(`${kind} ${canonicalText([key, plain(map.get(key) as Declared)])}\n`);
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
  return JSON.stringify(value);
}

/** `item` ready for JSON: without what does not count, its maps as lists. Copied only where it must be: columns are many. */
function plain(item: Declared): object {
  const copy: Record<string, unknown> = { ...item, owner: undefined, comment: undefined };
  for (const key in copy) {
    const inner = copy[key];
    if (!(inner instanceof Map)) continue;
    const parts = [...(inner.values() as Iterable<Declared & { name: string }>)];
    // Columns stay in position order: PostgreSQL's own is part of the shape.
    copy[key] = (key === 'columns' ? parts : parts.sort((a, b) => compareText(a.name, b.name))).map((part) =>
      part.comment === undefined && part.owner === undefined ? part : { ...part, owner: undefined, comment: undefined },
    );
  }
  return copy;
}
