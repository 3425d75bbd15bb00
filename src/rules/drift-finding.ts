/**
 * From a Difference to the words, evidence and certainty of a finding, so that a drift rule says only what is its own.
 * A difference that PostgreSQL has not proved is a warning at most.
 */
import type { Difference } from '../model/drift.ts';
import type { Evidence, Remedy, Severity, SubjectKind } from '../model/finding.ts';
import type { Operation } from '../model/operation.ts';
import type { RemedyAction } from '../model/remedy.ts';
import type { Schema } from '../model/schema.ts';
import type { FindingDraft, RuleInputs } from './rule.ts';

type Of<Kind extends Difference['kind']> = Extract<Difference, { kind: Kind }>;

/** Differences of one kind and direction, parts of absent tables left to the finding on the table. */
export function* differences<Kind extends Difference['kind']>(
  inputs: Pick<RuleInputs, 'drift' | 'live'>,
  kind: Kind,
  direction: Difference['direction'],
): Generator<Of<Kind>> {
  for (const difference of inputs.drift.differences) {
    if (difference.kind !== kind || difference.direction !== direction) continue;
    if ('table' in difference && !stands(inputs.live.schema, difference.table)) continue;
    yield difference as Of<Kind>;
  }
}

/** Materialized views have indexes too. */
export function stands({ tables, views }: Schema, key: string): boolean {
  return tables.has(key) || views.has(key);
}

/** Whether the difference is about one of these aspects. */
export function isAbout(difference: Difference, ...aspects: string[]): boolean {
  return difference.aspects.some((aspect) => aspects.includes(aspect.name));
}

export interface Telling {
  kind?: SubjectKind;
  message: string;
  /** Where PostgreSQL has proved it. */
  severity?: Severity;
  causedBy?: string[];
  evidence?: Evidence[];
  remedy?: Remedy | null;
  /** Only these aspects are evidence; default: all. */
  aspects?: string[];
}

export function tell(difference: Difference, telling: Telling): FindingDraft {
  const origin = difference.origin ?? (difference.declared as { origin?: Difference['origin'] } | null)?.origin ?? null;
  const evidence: Evidence[] = [];
  if (origin !== null && difference.direction !== 'unexpected') {
    evidence.push({
      origin: 'declared',
      text: `stated by ${origin.revision ?? 'the revisions'}`,
      ...(origin.file === '' ? {} : { file: origin.file, line: origin.line }),
    });
  }
  for (const aspect of difference.aspects) {
    if (telling.aspects !== undefined && !telling.aspects.includes(aspect.name)) continue;
    evidence.push({ origin: 'declared', text: `${aspect.name}: ${aspect.declared ?? 'none'}` });
    evidence.push({ origin: 'live', text: `${aspect.name}: ${aspect.live ?? 'none'}` });
  }
  evidence.push(...(telling.evidence ?? []));
  return {
    subject: {
      kind: telling.kind ?? difference.kind,
      name: difference.key,
      ...(origin?.revision ? { revision: origin.revision } : {}),
      ...(origin && origin.file !== '' ? { file: origin.file, line: origin.line } : {}),
    },
    ...(difference.certainty === 'suspected'
      ? { severity: telling.severity === 'info' ? ('info' as const) : ('warning' as const) }
      : telling.severity === undefined
        ? {}
        : { severity: telling.severity }),
    certainty: difference.certainty,
    message:
      difference.certainty === 'suspected'
        ? `${telling.message} (Not proven: ${whySuspected(difference)}.)`
        : telling.message,
    evidence,
    causedBy: [...(telling.causedBy ?? []), ...causesOf(difference)],
    ...(telling.remedy === undefined ? {} : { remedy: remedyOf(difference, telling.remedy) }),
  };
}

/** What a lost revision may have done is not undone by a step: its author may have wanted it so. */
function remedyOf(difference: Difference, remedy: Remedy | null): Remedy | null {
  if (difference.mayBeBy === undefined || remedy?.kind !== 'step' || isAbout(difference, 'validated')) return remedy;
  const summary = `Look what ${difference.mayBeBy} did; where it was not this: ${remedy.summary}`;
  return { kind: 'advice', safety: 'never-automatic', summary, actions: [] };
}

/** Keys that the finding on the difference this one follows from may have. */
export function causesOf(difference: Difference): string[] {
  const cause = difference.causedBy;
  if (cause === undefined) return [];
  const table = cause.slice(0, cause.lastIndexOf('.'));
  return [...causingRules.map((rule) => `${rule}:${cause}`), `if-not-exists-shape-mismatch:${table}`];
}

const causingRules = [
  'found-in-other-schema',
  'object-renamed',
  'declared-table-missing',
  'declared-column-missing',
  'column-type-altered',
  'enum-missing',
  'enum-altered',
  'enum-value-missing',
  'function-missing',
  'sequence-missing',
  'unexpected-column',
  'column-default-altered',
  'column-nullability-altered',
  'constraint-missing',
  'constraint-altered',
  'constraint-not-validated',
  'orphan-live-table',
];

function whySuspected(difference: Difference): string {
  if (difference.mayBeBy !== undefined) return `${difference.mayBeBy} is lost or unreadable, and may have made it so`;
  return difference.direction === 'altered'
    ? 'no scratch database was asked what both sides mean, or lines that were not read may touch it'
    : 'it hangs on lines that were not read, or on a revision behind a missing parent';
}

/** A step that brings the object to what the revisions state, and a revision at the head that repeats it. */
export function declareStep(summary: string, operations: Operation[], safety: Remedy['safety'] = 'additive'): Remedy {
  const actions: RemedyAction[] = [{ action: 'declare', operations }];
  return { kind: 'step', safety, summary, actions };
}

/** What an aspect is on either side, for a message: `integer, not bigint`. */
export function aspectOf(difference: Difference, name: string): { declared: string; live: string } {
  const aspect = difference.aspects.find((candidate) => candidate.name === name);
  return { declared: aspect?.declared ?? 'none', live: aspect?.live ?? 'none' };
}
