/**
 * A table, column, index or constraint that stands already is created again: by a later revision, or by one on another branch.
 */
import { blindSpotOver, blindSpotsBefore } from '../model/blind-spots.ts';
import type { Evidence, Remedy, SubjectKind } from '../model/finding.ts';
import type { Operation } from '../model/operation.ts';
import type { RemedyAction } from '../model/remedy.ts';
import type { Schema } from '../model/schema.ts';
import { branchEvidence, onBothSides, orderAfter, type Second, secondOf, type Twice } from './created-twice.ts';
import { advice, defineRule, patch } from './rule.ts';

const subjectKinds: Record<Twice['objectKind'], SubjectKind> = {
  table: 'table',
  column: 'column',
  enum: 'enum',
  index: 'index',
  constraint: 'constraint',
  sequence: 'sequence',
  view: 'view',
  type: 'domain',
};

/** The operation whose whole sense is to make that object. */
const ownOperation: Partial<Record<Operation['kind'], Twice['objectKind']>> = {
  createTable: 'table',
  addColumn: 'column',
  createIndex: 'index',
  addConstraint: 'constraint',
  createSequence: 'sequence',
  createView: 'view',
  createDomain: 'type',
  createComposite: 'type',
};

export default defineRule({
  id: 'object-created-twice',
  title: 'two revisions create the same object',
  severity: 'error',
  needs: ['graph', 'declared'],
  wants: ['history', 'stamp', 'config'],
  docs: {
    problem:
      'A revision creates a table, column, index or constraint that an earlier one, or one on another branch, has created and none dropped.',
    consequence:
      'On a database that the chain builds from the beginning, or that has the one branch and runs the other, the upgrade dies there with "already exists" and is rolled back.',
    repair:
      'Take the later creation out of its revision; what it states beyond the first one goes into a revision at the head. On two branches the one that nobody has run goes, and depends on the other.',
  },
  *check({ graph, declared, history, stamp, config }) {
    const isConventionUnknown =
      config !== undefined && config.env.targetMetadata === null && config.env.namingConvention === null;
    const isConventionGuessed = config?.env.isNamingGuessed === true;
    const seen = { graph, declared, ...(history ? { history } : {}), ...(stamp ? { stamp } : {}) };
    for (const note of declared.replay.notes) {
      if (note.kind !== 'created-twice' || note.objectKind === 'enum') continue;
      const spot = blindSpotOver(blindSpotsBefore(declared.replay.blindSpots, graph, note.revision), note.object);
      const isOneWay = note.across !== undefined && note.across.other === null;
      const isNameUnsure =
        (note.isNameImplied === true && isConventionUnknown) ||
        (isConventionGuessed && (note.objectKind === 'constraint' || note.objectKind === 'index'));
      const isUnsure = spot !== null || note.operation.condition !== undefined || isOneWay || isNameUnsure;
      const { file, line } = note.operation.origin;
      const evidence: Evidence[] = [];
      if (note.first)
        evidence.push({
          origin: 'declared',
          text: `first created by ${note.first.revision ?? 'a revision'}`,
          file: note.first.file,
          line: note.first.line,
        });
      evidence.push({ origin: 'declared', text: `created again by ${note.revision}`, file, line });
      evidence.push(...branchEvidence(note));
      if (isNameUnsure)
        evidence.push({
          origin: 'declared',
          text: 'nobody wrote the name, and the naming convention of target_metadata could not be read',
          file,
          line,
        });
      if (note.operation.condition)
        evidence.push({ origin: 'declared', text: `only where ${note.operation.condition}`, file, line });
      if (spot !== null)
        evidence.push({
          origin: 'declared',
          text: `not read, may drop it in between: ${spot.reason}`,
          file: spot.file,
          line: spot.line,
        });
      const tag = history?.releasedById.get(note.revision);
      if (tag && note.across === undefined)
        evidence.push({
          origin: 'git',
          text: `${note.revision} was released with ${tag}; no database that the chain built can have run it`,
        });
      const name = graph.revisions.get(note.revision)?.file ?? file;
      yield {
        subject: { kind: subjectKinds[note.objectKind], name: note.object, revision: note.revision, file, line },
        severity: isUnsure ? 'warning' : 'error',
        certainty: isUnsure ? 'suspected' : 'proven',
        message: `${note.object} is created by ${note.first?.revision ?? 'an earlier revision'} and again by ${note.revision} (${name}:${line}); ${costOf(note)} "already exists".`,
        evidence,
        remedy: remedyFor(note, secondOf(note, seen), seen, isUnsure),
      };
    }
  },
});

function costOf({ across, first }: Twice): string {
  return across === undefined
    ? 'an upgrade of an empty database stops there with'
    : `the two are on branches that meet, and a database that has run ${first?.revision} stops there with`;
}

function remedyFor(
  note: Twice,
  second: Second,
  seen: Parameters<typeof secondOf>[1] & { declared: { heads: Schema } },
  isUnsure: boolean,
): Remedy {
  if (second.isOnBothSides) return advice(onBothSides(note, note.object), 'file-edit');
  const summary = `Take the second creation of ${note.object} out of ${second.revision}${note.across ? ` and let it depend on ${second.stays}` : ''}`;
  const { operation } = second;
  if (isUnsure || operation.span === undefined || ownOperation[operation.kind] !== note.objectKind)
    return advice(summary, 'file-edit');
  const actions: RemedyAction[] = [
    {
      action: 'disable-operation',
      operation,
      reason: `${note.object} is created by ${second.stays ?? 'an earlier revision'}`,
      ...(second.stays === null ? {} : { madeBy: second.stays }),
    },
    ...orderAfter(second, note, seen),
  ];
  const more =
    operation.kind === 'createTable' ? columnsBeyond(operation, seen.declared.heads.tables.get(note.object)) : [];
  if (more.length > 0) actions.push({ action: 'declare', operations: more });
  return patch(
    more.length > 0 ? `${summary}, and add the ${more.length} columns that only it states at the head` : summary,
    actions,
  );
}

/** Columns that the second CREATE states and the table does not end up with. */
function columnsBeyond(
  operation: Extract<Operation, { kind: 'createTable' }>,
  table: { columns: ReadonlyMap<string, unknown> } | undefined,
): Operation[] {
  if (table === undefined) return [];
  return operation.table.columns
    .filter((column) => !table.columns.has(column.name))
    .map((column) => ({ kind: 'addColumn', table: operation.table.name, column, origin: operation.origin }));
}
