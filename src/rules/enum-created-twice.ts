/**
 * An enum type that stands already is created again: by a statement of its own and by `sa.Enum`, or by two revisions.
 */

import { blindSpotOver, blindSpotsBefore } from '../model/blind-spots.ts';
import type { Evidence, Remedy } from '../model/finding.ts';
import { nameOfKey } from '../model/name.ts';
import { branchEvidence, onBothSides, orderAfter, type Second, secondOf, type Twice } from './created-twice.ts';
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'enum-created-twice',
  title: 'an enum type is created twice',
  severity: 'error',
  needs: ['graph', 'declared'],
  wants: ['config', 'history', 'stamp'],
  docs: {
    problem:
      'An enum type is created where it stands already: `sa.Enum` in a table creates its type by itself, beside a CREATE TYPE or another table that did.',
    consequence:
      'The upgrade dies with `type "…" already exists` and is rolled back: of a fresh database, or, where `sa.Enum` makes the type both times, of one that has run the first before (of one run SQLAlchemy remembers the types that it made).',
    repair:
      'Let the later use take the type that stands: `postgresql.ENUM(…, create_type=False)`; a second CREATE TYPE goes.',
  },
  *check({ graph, declared, config, history, stamp }) {
    const seen = { graph, ...(history ? { history } : {}), ...(stamp ? { stamp } : {}) };
    // The plug-in asks first, whatever sa.Enum would do.
    const asksFirst = config?.env.plugins?.includes('alembic_postgresql_enum') === true;
    for (const note of declared.replay.notes) {
      if (note.kind !== 'created-twice' || note.objectKind !== 'enum') continue;
      if (asksFirst && note.operation.kind === 'createEnum' && note.operation.implicit) continue;
      const spot = blindSpotOver(blindSpotsBefore(declared.replay.blindSpots, graph, note.revision), note.object);
      const isOneWay = note.across !== undefined && note.across.other === null;
      // Whoever went on from there has got past it: on a fresh database nothing fails.
      const isPassed = note.isRemembered === true && (graph.childrenById.get(note.revision)?.length ?? 0) > 0;
      const isUnsure = spot !== null || note.operation.condition !== undefined || isOneWay;
      const { file, line } = note.operation.origin;
      const isImplicit: boolean = note.operation.kind === 'createEnum' && note.operation.implicit === true;
      const evidence: Evidence[] = [];
      if (note.first)
        evidence.push({
          origin: 'declared',
          text: `first created by ${note.first.revision ?? 'a revision'}`,
          file: note.first.file,
          line: note.first.line,
        });
      evidence.push({
        origin: 'declared',
        text: isImplicit ? 'sa.Enum creates its type with the table' : 'created again by a statement',
        file,
        line,
      });
      evidence.push(...branchEvidence(note));
      if (spot !== null)
        evidence.push({
          origin: 'declared',
          text: `not read, may drop it in between: ${spot.reason}`,
          file: spot.file,
          line: spot.line,
        });
      yield {
        subject: { kind: 'enum', name: note.object, revision: note.revision, file, line },
        severity: isUnsure || isPassed ? 'warning' : 'error',
        certainty: isUnsure ? 'suspected' : 'proven',
        message: `The enum ${note.object} is created by ${note.first?.revision ?? 'an earlier statement'} and again by ${note.revision} (${file}:${line})${isImplicit ? ', where sa.Enum makes its type' : ''}; ${whoStops(note)} stops with \`type already exists\`${note.isRemembered ? ' (one run of both does not: SQLAlchemy remembers the types that it made)' : ''}.`,
        evidence,
        remedy: remedyFor(note, secondOf(note, seen), seen, isUnsure),
      };
    }
  },
});

function whoStops(note: Twice): string {
  if (note.across) return 'the two are on branches that meet, and a database that has run the one';
  return note.isRemembered
    ? `a database that has run ${note.first?.revision ?? 'the first'} before`
    : 'an upgrade of an empty database';
}

function remedyFor(note: Twice, second: Second, seen: Parameters<typeof secondOf>[1], isUnsure: boolean): Remedy {
  const enumName = nameOfKey(note.object).name;
  if (second.isOnBothSides) return advice(onBothSides(note, `the type ${enumName}`), 'file-edit');
  const { revision, operation } = second;
  const isImplicit = operation.kind === 'createEnum' && operation.implicit === true;
  const madeBy = second.stays === null ? {} : { madeBy: second.stays };
  const summary = isImplicit
    ? `Make ${revision} use the type ${enumName} that stands: postgresql.ENUM(…, name='${enumName}', create_type=False)`
    : `Take the second CREATE TYPE ${enumName} out of ${revision}`;
  if (isUnsure || operation.span === undefined) return advice(summary, 'file-edit');
  return patch(`${summary}${note.across ? `, and let it depend on ${second.stays}` : ''}`, [
    isImplicit
      ? { action: 'reuse-enum', operation, enumName, ...madeBy }
      : {
          action: 'disable-operation',
          operation,
          reason: `the type ${enumName} stands already`,
          ...madeBy,
        },
    ...orderAfter(second, note, seen),
  ]);
}
