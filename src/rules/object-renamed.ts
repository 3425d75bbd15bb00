/**
 * The same shape under another name: said once, instead of one missing and one unexpected.
 */
import type { Difference } from '../model/drift.ts';
import type { Remedy } from '../model/finding.ts';
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { stands, tell } from './drift-finding.ts';
import { isNameOnly } from './name-differs.ts';
import { idsOfTwoMigrations } from './released-version.ts';
import { advice, defineRule, step } from './rule.ts';

export default defineRule({
  id: 'object-renamed',
  title: 'a declared object stands under another name',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  wants: ['graph', 'history', 'code'],
  docs: {
    problem:
      'The database has an object of exactly the declared shape under another name, and none under the declared one.',
    consequence: 'Statements that use the declared name fail.',
    repair: 'Rename it back, or declare the new name in a revision.',
  },
  *check({ live, drift, graph, history, code }) {
    const reused = graph && history && code ? idsOfTwoMigrations(graph, code, history) : new Set();
    for (const difference of drift.differences) {
      if (difference.direction !== 'renamed' || isNameOnly(difference.kind)) continue;
      if ('table' in difference && !stands(live.schema, difference.table)) continue;
      const revision = difference.origin?.revision ?? null;
      if (reused.has(revision)) {
        // What stands there may be what the other migration of that id has made.
        yield tell(
          { ...difference, certainty: 'suspected' },
          {
            evidence: [{ origin: 'live', text: `the same shape stands as ${difference.liveName ?? 'another name'}` }],
            message: `${difference.key} is not in the database, and ${difference.liveName ?? 'another name'} of the same shape is; ${revision} names two migrations, and the other one may have made it.`,
            causedBy: [`revision-id-reused:${revision}`],
            remedy: advice(`Tell the two migrations of ${revision} apart first`),
          },
        );
        continue;
      }
      yield tell(difference, {
        severity: 'error',
        evidence: [{ origin: 'live', text: `the same shape stands as ${difference.liveName ?? 'another name'}` }],
        message: `${difference.key} stands as ${difference.liveName ?? 'another name'} in the database; statements that use the declared name fail.`,
        remedy: renameStep(difference),
      });
    }
  },
});

function renameStep(difference: Difference): Remedy {
  const found = difference.liveName;
  if (found === undefined) return advice(`Rename it to ${difference.key}`, 'locks-or-data');
  if (difference.kind === 'table') {
    const to = nameOfKey(difference.key);
    const from = { schema: to.schema, name: found };
    const sql = `ALTER TABLE ${quoteQualified(from)} RENAME TO ${quoteIdentifier(to.name)}`;
    const down = `ALTER TABLE ${quoteQualified(to)} RENAME TO ${quoteIdentifier(from.name)}`;
    return step(`Rename it back: ${sql}`, 'locks-or-data', [renaming(sql, down, `rename_${to.name}`, difference.key)]);
  }
  if (difference.kind === 'view' && difference.live !== null) {
    const to = nameOfKey(difference.key);
    const from = { schema: to.schema, name: found };
    const alter = `ALTER ${difference.live.kind.toUpperCase()}`;
    const sql = `${alter} ${quoteQualified(from)} RENAME TO ${quoteIdentifier(to.name)}`;
    const down = `${alter} ${quoteQualified(to)} RENAME TO ${quoteIdentifier(from.name)}`;
    return step(`Rename it back: ${sql}`, 'locks-or-data', [renaming(sql, down, `rename_${to.name}`, difference.key)]);
  }
  if (difference.kind === 'column') {
    const table = quoteQualified(nameOfKey(difference.table));
    const name = difference.key.slice(difference.table.length + 1);
    const [from, to] = [quoteIdentifier(found), quoteIdentifier(name)];
    const sql = `ALTER TABLE ${table} RENAME COLUMN ${from} TO ${to}`;
    const down = `ALTER TABLE ${table} RENAME COLUMN ${to} TO ${from}`;
    return step(`Rename it back: ${sql}`, 'locks-or-data', [renaming(sql, down, `rename_${name}`, difference.table)]);
  }
  return advice(`Rename ${found} to ${difference.key}`, 'locks-or-data');
}

/** Code that has learnt the new name breaks by it: a hazard that somebody must consent to. */
function renaming(sql: string, down: string, name: string, table: string): Remedy['actions'][number] {
  return {
    action: 'run-sql',
    name,
    sql: [sql],
    down: [down],
    hazards: ['drops'],
    transactional: true,
    lock: `ACCESS EXCLUSIVE on ${table}`,
  };
}
