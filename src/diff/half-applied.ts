/**
 * Sets apart what a pending revision that stands in part has done already: differences from the schema of the stamp that
 * are none from the schema with that revision applied.
 */
import type { Difference, Drift } from '../model/drift.ts';
import type { HalfApplied } from '../model/half-applied.ts';
import type { RevisionId } from '../model/revision.ts';
import type { Schema } from '../model/schema.ts';
import { compareSchemas } from './compare.ts';
import type { CompareOptions } from './found.ts';

export function setApartHalfApplied(
  drift: Drift,
  halves: readonly HalfApplied[],
  live: Schema,
  options: CompareOptions,
): Drift {
  const ofHalfApplied = new Map<RevisionId, Difference[]>();
  let { differences } = drift;
  for (const { revision, after } of halves) {
    const left = new Set(compareSchemas(after, live, options).differences.map(nameOf));
    ofHalfApplied.set(
      revision,
      differences.filter((each) => !left.has(nameOf(each))),
    );
    differences = differences.filter((each) => left.has(nameOf(each)));
  }
  return halves.length === 0 ? drift : { ...drift, differences, ofHalfApplied };
}

const nameOf = ({ kind, direction, key }: Difference): string => `${kind} ${direction} ${key}`;
