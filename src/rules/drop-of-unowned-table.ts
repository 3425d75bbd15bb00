/**
 * A revision drops a table that this chain never created: autogenerate saw somebody else's table and proposed to drop it.
 */
import { ancestorsOf, behindMissingParents } from '../model/ancestry.ts';
import { blindSpotOver, hasUnreadRevisions } from '../model/blind-spots.ts';
import type { Evidence } from '../model/finding.ts';
import type { ReplayNote } from '../model/replay.ts';
import { advice, defineRule, patch } from './rule.ts';

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
    const base = tableOfAnOutsideBase(declared.replay.notes, behind);
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
          text: `the chain began on tables that stood already (it alters ${base}, which it never created): this may be one of them`,
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
      yield {
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
    }
  },
});

/** A table that revisions alter and none created: so the chain's first tables were made elsewhere. Null: there is none. */
function tableOfAnOutsideBase(notes: readonly ReplayNote[], behind: ReadonlySet<string>): string | null {
  const alters = new Set(['addColumn', 'dropColumn', 'alterColumn', 'renameColumn', 'createIndex', 'addConstraint']);
  const found = notes.find(
    (note) =>
      note.kind === 'target-missing' &&
      note.objectKind === 'table' &&
      alters.has(note.operation.kind) &&
      'table' in note.operation &&
      note.object.endsWith(`.${(note.operation.table as { name: string }).name}`) &&
      !behind.has(note.revision),
  );
  return found?.kind === 'target-missing' ? found.object : null;
}
