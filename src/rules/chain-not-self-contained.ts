/**
 * A revision alters or references a table that no revision before it creates: the chain cannot build an empty database.
 */

import { ancestorsOf, behindMissingParents } from '../model/ancestry.ts';
import { blindSpotOver, hasUnreadRevisions } from '../model/blind-spots.ts';
import type { Evidence, SubjectKind } from '../model/finding.ts';
import { keyOf, nameOfKey } from '../model/name.ts';
import type { ReplayNote } from '../model/replay.ts';
import { asOneWhereMany } from './outside-base.ts';
import { advice, defineRule, type FindingDraft } from './rule.ts';

type Missing = Extract<ReplayNote, { kind: 'target-missing' }>;

export default defineRule({
  id: 'chain-not-self-contained',
  title: 'a revision works on what no revision creates',
  severity: 'error',
  needs: ['graph', 'declared'],
  wants: ['live'],
  docs: {
    problem:
      'A revision alters, references or indexes a table (or column) that no revision before it creates: the chain began on a database that was there already.',
    consequence:
      'An upgrade of an empty database stops there; new environments and disaster recovery depend on a dump.',
    repair: 'Add a baseline revision before it that creates what was there, guarded where it stands already.',
  },
  *check({ graph, declared, live }) {
    const behind = behindMissingParents(graph);
    const told = new Set<string>();
    const sound: FindingDraft[] = [];
    const behindMissing: FindingDraft[] = [];
    for (const note of declared.replay.notes) {
      if (note.kind !== 'target-missing' || note.operation.kind === 'dropTable') continue;
      // Names of constraints and indexes may be implied by a convention that only running the code knows.
      if (note.objectKind === 'constraint' || note.objectKind === 'index') continue;
      // Two tables of one revision that reference each other: `use_alter` leaves the key for later.
      if (note.operation.kind === 'createTable' && declared.replay.schemaAfter(note.revision).tables.has(note.object))
        continue;
      if (ofExtensions.has(nameOfKey(note.object).name)) continue;
      // Under its new name a missing object is as missing as under the old one.
      const { operation } = note;
      if (operation.kind === 'renameTable' || operation.kind === 'renameType' || operation.kind === 'renameView')
        told.add(keyOf(nameOfKey(note.object).schema ?? 'public', operation.to));
      if (told.has(note.object)) continue;
      const before = ancestorsOf(graph, [note.revision]);
      // The file of the same id that was not taken may create it.
      if ([...before].some((id) => graph.duplicates.has(id))) continue;
      told.add(note.object);
      const spots = declared.replay.blindSpots.filter((spot) => spot.revision === null || before.has(spot.revision));
      // What was not read and names the object may well create it.
      if (spots.some((one) => (one.isLeftOut || !one.isAssumption) && one.objects.includes(note.object))) continue;
      const spot = blindSpotOver(spots, note.object);
      const isBehind = behind.has(note.revision);
      const isUnsure = spot !== null || isBehind || hasUnreadRevisions(graph) || note.operation.condition !== undefined;
      const evidence: Evidence[] = [
        {
          origin: 'declared',
          text: `${words(note)} ${note.object}`,
          file: note.operation.origin.file,
          line: note.operation.origin.line,
        },
      ];
      if (spot !== null)
        evidence.push({
          origin: 'declared',
          text: `not read, may create it: ${spot.reason}`,
          file: spot.file,
          line: spot.line,
        });
      if (live !== undefined)
        evidence.push({
          origin: 'live',
          text: live.schema.tables.has(note.object) ? 'the database has it' : 'the database does not have it',
        });
      (isBehind ? behindMissing : sound).push({
        subject: {
          kind: subjectKinds[note.objectKind] ?? 'table',
          name: note.object,
          revision: note.revision,
          file: note.operation.origin.file,
          line: note.operation.origin.line,
        },
        severity: isUnsure ? 'warning' : 'error',
        certainty: isUnsure ? 'suspected' : 'proven',
        message: `${note.revision} (${note.operation.origin.file}:${note.operation.origin.line}) works on ${note.object}, which no revision before it creates; an upgrade of an empty database stops there.`,
        evidence,
        causedBy: isBehind ? ['missing-parent-revision'] : [],
        remedy: advice(`Add a baseline revision before ${note.revision} that creates ${note.object}`, 'file-edit'),
      });
    }
    for (const drafts of [sound, behindMissing])
      yield* asOneWhereMany(drafts, ({ subject }, names) => ({
        message: `${subject.revision} (${subject.file}:${subject.line}) works on ${subject.name}, which no revision before it creates, and so do revisions with ${names.length - 1} more objects: the chain began on a database that was there already; an upgrade of an empty database stops there.`,
        remedy: advice(
          `Add a baseline revision before ${subject.revision} that creates what the chain began on: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`,
          'file-edit',
        ),
      }));
  },
});

/** What PostGIS brings: CREATE EXTENSION makes it, in a revision or before the first one. */
const ofExtensions = new Set([
  'spatial_ref_sys',
  'geometry_columns',
  'geography_columns',
  'raster_columns',
  'raster_overviews',
]);

const subjectKinds: Partial<Record<Missing['objectKind'], SubjectKind>> = {
  table: 'table',
  column: 'column',
  enum: 'enum',
  type: 'domain',
  view: 'view',
};

function words(note: Missing): string {
  const verbs: Partial<Record<Missing['operation']['kind'], string>> = {
    addColumn: 'adds a column to',
    dropColumn: 'drops a column of',
    alterColumn: 'alters',
    renameTable: 'renames',
    renameColumn: 'renames',
    createIndex: 'indexes',
    addConstraint: 'constrains or references',
    createTable: 'references',
  };
  return verbs[note.operation.kind] ?? 'works on';
}
