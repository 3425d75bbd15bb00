/**
 * What a comparison is given and what it finds, before anybody weighs how sure it is. Types alone.
 */
import type { Difference, DifferenceDirection } from '../model/drift.ts';
import type { Schema } from '../model/schema.ts';
import type { Aspect, Translation } from './parts.ts';
import type { Renames } from './renames.ts';

export interface CompareOptions {
  /** Both sides' texts are PostgreSQL's own, at a fixed point: then a difference of texts is proven. */
  elaborated?: boolean;
  /** Revisions that the declared side was taken at. */
  comparedAt?: readonly string[];
  /** Objects of extensions, `schema.name`. */
  extensionObjects?: ReadonlySet<string>;
  /** Keys of version tables of every chain. */
  versionTables?: ReadonlySet<string>;
  /** Namespaces that are another chain's: what stands there is nothing of this one, moved or not. */
  othersNamespaces?: ReadonlySet<string>;
  /** Keys (`schema.name`, `schema.table.name`) that settings ignore. */
  isIgnored?: (key: string) => boolean;
  /** Namespaces whose undeclared objects are drift; without it, those in which the declared side has objects. */
  managedNamespaces?: ReadonlySet<string>;
  /** Keys whose elaboration failed: their texts are as written. */
  unbuilt?: ReadonlySet<string>;
  /** Revisions of the declared side of which only the id is known: what stands otherwise may be their work. */
  unknownRevisions?: readonly string[];
}

/** One found difference before its certainty and key are settled. */
export interface Found {
  kind: Difference['kind'];
  direction: DifferenceDirection;
  key: string;
  table?: string;
  declared: unknown;
  live: unknown;
  aspects: Aspect[];
  liveName?: string;
  causedBy?: string;
}

export interface Comparison {
  declared: Schema;
  live: Schema;
  renames: Renames;
  isManaged: (key: string) => boolean;
  options: CompareOptions;
  /** Of every table without renamed columns. */
  translation?: Translation;
}
