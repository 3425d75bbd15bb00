/**
 * Objects that stand by themselves: enums, domains, sequences, views, functions, extensions. Refuses to weigh.
 */
import { nameOfKey } from '../model/name.ts';
import type { Schema } from '../model/schema.ts';
import type { Comparison, Found } from './found.ts';
import { type Aspect, sequenceAspects } from './parts.ts';

/** By key, then by what renames say. */
export function compareKin<V>(
  comparison: Comparison,
  kind: Found['kind'],
  declared: ReadonlyMap<string, V>,
  live: ReadonlyMap<string, V>,
  renamed: ReadonlyMap<string, string>,
  aspectsOf: (declared: V, live: V) => Aspect[],
): Found[] {
  const found: Found[] = [];
  const taken = new Set(renamed.values());
  for (const [key, value] of declared) {
    const other = live.get(key);
    if (other !== undefined) {
      const aspects = other === value ? [] : aspectsOf(value, other);
      if (aspects.length > 0) found.push({ kind, direction: 'altered', key, declared: value, live: other, aspects });
      continue;
    }
    const to = renamed.get(key);
    if (to !== undefined)
      found.push({ kind, ...relocated(key, to), key, declared: value, live: live.get(to) ?? null, aspects: [] });
    else if (!comparison.options.extensionObjects?.has(key))
      found.push({ kind, direction: 'missing', key, declared: value, live: null, aspects: [] });
  }
  for (const [key, value] of live)
    if (!declared.has(key) && !taken.has(key) && comparison.isManaged(key))
      found.push({ kind, direction: 'unexpected', key, declared: null, live: value, aspects: [] });
  return found;
}

/** Under another name (the bare one) or in another namespace (the whole key). */
export function relocated(from: string, to: string): { direction: 'renamed' | 'elsewhere'; liveName: string } {
  const namespace = (key: string) => nameOfKey(key).schema ?? '';
  return namespace(from) === namespace(to)
    ? { direction: 'renamed', liveName: nameOfKey(to).name }
    : { direction: 'elsewhere', liveName: to };
}

export function freeSequences(schema: Schema): Schema['sequences'] {
  return new Map([...schema.sequences].filter(([, sequence]) => sequence.ownedBy === null));
}

/** A free sequence that a declared column owns is the column's difference. */
export function liveSequences(declared: Schema, live: Schema): Schema['sequences'] {
  return new Map(
    [...live.sequences].filter(
      ([key, sequence]) =>
        (sequence.ownedBy === null && !declared.sequences.get(key)?.ownedBy) || isFree(declared, key),
    ),
  );
}

/** Of serial and identity columns only what a revision says of their numbers. */
export function compareOwnedSequences({ declared, live }: Comparison): Found[] {
  const found: Found[] = [];
  for (const [key, sequence] of declared.sequences) {
    const other = live.sequences.get(key);
    if (sequence.ownedBy === null || other === undefined || other === sequence || other.ownedBy !== sequence.ownedBy)
      continue;
    const aspects = sequenceAspects(sequence, other);
    if (aspects.length > 0)
      found.push({ kind: 'sequence', direction: 'altered', key, declared: sequence, live: other, aspects });
  }
  return found;
}

function isFree(schema: Schema, key: string): boolean {
  return schema.sequences.get(key)?.ownedBy === null;
}

export function compareExtensions(declared: Schema, live: Schema): Found[] {
  const found: Found[] = [];
  const at = (name: string) => ({ kind: 'extension' as const, key: name, aspects: [] });
  for (const [name, extension] of declared.extensions)
    if (!live.extensions.has(name)) found.push({ ...at(name), direction: 'missing', declared: extension, live: null });
  for (const [name, extension] of live.extensions)
    if (!declared.extensions.has(name) && name !== 'plpgsql')
      found.push({ ...at(name), direction: 'unexpected', declared: null, live: extension });
  return found;
}
