/**
 * Drift: what declared and live disagree on, one Difference each, direction in the word.
 */
import type { RevisionId } from './revision.ts';
import type {
  Certainty,
  Column,
  Constraint,
  Domain,
  EnumType,
  Index,
  Origin,
  Policy,
  Routine,
  Sequence,
  Table,
  Trigger,
  View,
} from './schema.ts';

export type DifferenceDirection = 'missing' | 'unexpected' | 'altered' | 'renamed' | 'elsewhere';

interface DifferenceBase {
  direction: DifferenceDirection;
  /** `schema.table`, `schema.table.name`, … */
  key: string;
  certainty: Certainty;
  /** Where the declared side states it. */
  origin: Origin | null;
  /** altered: which aspects, e.g. `type`, `notNull`, `default`, `onDelete`, `validated`, `keys`. */
  aspects: { name: string; declared: string | null; live: string | null }[];
  /** renamed: its live name; elsewhere: the live key in another namespace. */
  liveName?: string;
  /** Key of the difference that this one follows from: a missing column's index, a missing table's foreign keys. */
  causedBy?: string;
  /** A revision before it of which only the id is known: it may have made this difference. */
  mayBeBy?: RevisionId;
}

export type Difference = DifferenceBase &
  (
    | { kind: 'table'; declared: Table | null; live: Table | null }
    | { kind: 'column'; table: string; declared: Column | null; live: Column | null }
    | { kind: 'constraint'; table: string; declared: Constraint | null; live: Constraint | null }
    | { kind: 'index'; table: string; declared: Index | null; live: Index | null }
    | { kind: 'trigger'; table: string; declared: Trigger | null; live: Trigger | null }
    | { kind: 'policy'; table: string; declared: Policy | null; live: Policy | null }
    | { kind: 'enum'; declared: EnumType | null; live: EnumType | null }
    | { kind: 'domain'; declared: Domain | null; live: Domain | null }
    | { kind: 'sequence'; declared: Sequence | null; live: Sequence | null }
    | { kind: 'view'; declared: View | null; live: View | null }
    | { kind: 'function'; declared: Routine | null; live: Routine | null }
    | { kind: 'extension'; declared: { name: string } | null; live: { name: string } | null }
  );

export interface Drift {
  differences: Difference[];
  /** Revisions that the declared side was taken at. */
  comparedAt: string[];
  /** Set apart from `differences`: what a pending revision that stands in part has done already. */
  ofHalfApplied?: ReadonlyMap<RevisionId, Difference[]>;
  /** Texts that only PostgreSQL could compare, where it was not asked (no scratch database): `key aspect`. */
  notCompared?: string[];
}
