/**
 * A revision drops a table that this chain never created: autogenerate saw somebody else's table and proposed to drop it.
 */
import { ancestorsOf, behindMissingParents } from '../model/ancestry.ts';
import { blindSpotOver, hasUnreadRevisions } from '../model/blind-spots.ts';
import type { Evidence } from '../model/finding.ts';
import { asOneWhereMany, tablesOfOutsideBase } from './outside-base.ts';
import { advice, defineRule, type FindingDraft, patch } from './rule.ts';

export default defineRule({
  id: 'drop-of-unowned-table',
  title: 'a revision drops a table that this chain never created',
  severity: 'error',
  needs: ['graph', 'declared'],
  wants: ['live', 'config'],
  docs: {
    problem:
      'A revision drops a table that no revision before it creates: autogenerate saw a table of another application or extension in the database.',
    consequence: 'Where the table is there, its rows are gone; where it is not, the upgrade stops.',
    repair: 'Take the drop out of the revision, and give env.py an `include_name` filter.',
  },
  *check({ graph, declared, live, config }) {
    const behind = behindMissingParents(graph);
    const base = tablesOfOutsideBase(declared.replay.notes, behind)[0] ?? null;
    // Of a chain that began elsewhere these may be its first tables: many of them are one question.
    const perhapsOwned: FindingDraft[] = [];
    for (const note of declared.replay.notes) {
      if (note.kind !== 'target-missing' || note.operation.kind !== 'dropTable' || note.objectKind !== 'table')
        continue;
      const before = ancestorsOf(graph, [note.revision]);
      const spots = declared.replay.blindSpots.filter((spot) => spot.revision === null || before.has(spot.revision));
      const spot = blindSpotOver(spots, note.object);
      const isUnsure =
        spot !== null ||
        behind.has(note.revision) ||
        hasUnreadRevisions(graph) ||
        base !== null ||
        note.operation.condition !== undefined;
      const { file, line } = note.operation.origin;
      const evidence: Evidence[] = [
        {
          origin: 'declared',
          text: `${note.revision} drops ${note.object}, and no revision before it creates it`,
          file,
          line,
        },
      ];
      if (spot !== null)
        evidence.push({
          origin: 'declared',
          text: `not read, may create it: ${spot.reason}`,
          file: spot.file,
          line: spot.line,
        });
      else if (base !== null)
        evidence.push({
          origin: 'declared',
          text: `the chain began on tables that stood already (it works on ${base}, which it never created): this may be one of them`,
        });
      const rows = live?.sizesByTable.get(note.object)?.rows ?? -1;
      if (live?.schema.tables.has(note.object))
        evidence.push({ origin: 'live', text: `the database has it${rows > 0 ? `, with about ${rows} rows` : ''}` });
      if (config && !config.env.filtersObjects)
        evidence.push({
          origin: 'config',
          text: 'env.py has no include_name or include_object',
          ...(config.env.file ? { file: config.env.file } : {}),
        });
      const summary = `Take the drop of ${note.object} out of ${note.revision}, and filter it in env.py (include_name)`;
      const draft: FindingDraft = {
        subject: { kind: 'table', name: note.object, revision: note.revision, file, line },
        severity: isUnsure ? 'warning' : 'error',
        certainty: isUnsure ? 'suspected' : 'proven',
        message: `${note.revision} (${file}:${line}) drops ${note.object}, which this chain never created; ${base !== null ? 'unless it is one of those the chain began on, ' : ''}another application loses it${rows > 0 ? ` with its ${rows} rows` : ''}.`,
        evidence,
        causedBy: behind.has(note.revision) ? ['missing-parent-revision'] : [],
        remedy:
          isUnsure || note.operation.span === undefined
            ? advice(summary, 'file-edit')
            : patch(summary, [
                {
                  action: 'disable-operation',
                  operation: note.operation,
                  reason: `${note.object} is not of this chain`,
                },
              ]),
      };
      if (base === null || behind.has(note.revision)) yield draft;
      else perhapsOwned.push(draft);
    }
    yield* asOneWhereMany(perhapsOwned, ({ subject }, names) => ({
      message: `${subject.revision} (${subject.file}:${subject.line}) drops ${subject.name}, and ${names.length - 1} more tables are dropped, that this chain never created; unless they are of those the chain began on, another application loses them.`,
      remedy: advice(
        'Look whose the dropped tables are, and filter those of others in env.py (include_name)',
        'file-edit',
      ),
    }));
  },
});
