/**
 * A live constraint, index, trigger, type, view or function that no revision declares.
 */
import type { Difference } from '../model/drift.ts';
import type { Schema } from '../model/schema.ts';
import { stands, tell } from './drift-finding.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'unexpected-object',
  title: 'a live object that no revision declares',
  severity: 'info',
  needs: ['declared', 'drift'],
  docs: {
    problem:
      'The database has a constraint, index, trigger, policy, type, sequence, view or function that no revision declares.',
    consequence: 'A database that the chain builds behaves otherwise than this one.',
    repair: 'Declare it in a revision, or drop it once nobody needs it; chain never drops it by itself.',
  },
  *check({ declared, drift }) {
    for (const difference of drift.differences) {
      if (difference.direction !== 'unexpected' || difference.kind === 'table' || difference.kind === 'column')
        continue;
      if ('table' in difference && !stands(declared.schema, difference.table)) continue;
      if (isDeclaredLater(difference, declared.heads)) continue;
      // A key that comes with a column or table is told there.
      const isKey = difference.kind === 'constraint' && difference.live?.fromPartitionParent !== true;
      yield tell(difference, {
        severity: isKey && difference.certainty === 'proven' ? 'warning' : 'info',
        message: `The ${difference.kind} ${difference.key} is in no revision${difference.kind === 'constraint' && difference.live ? ` (${difference.live.definition})` : ''}; a database that the chain builds does not have it.`,
        remedy: advice(`Declare ${difference.key} in a revision, or drop it once nobody needs it`, 'never-automatic'),
      });
    }
  },
});

/** Pending: a revision after the place where the database stands makes it. */
function isDeclaredLater(difference: Difference, heads: Schema): boolean {
  const name = 'table' in difference ? difference.key.slice(difference.table.length + 1) : difference.key;
  switch (difference.kind) {
    case 'constraint':
      return heads.tables.get(difference.table)?.constraints.has(name) === true;
    case 'index':
      return (heads.tables.get(difference.table) ?? heads.views.get(difference.table))?.indexes.has(name) === true;
    case 'trigger':
      return heads.tables.get(difference.table)?.triggers.has(name) === true;
    case 'policy':
      return heads.tables.get(difference.table)?.policies.has(name) === true;
    case 'enum':
      return heads.enums.has(difference.key);
    case 'domain':
      return heads.domains.has(difference.key);
    case 'sequence':
      return heads.sequences.has(difference.key);
    case 'view':
      return heads.views.has(difference.key);
    case 'function':
      return heads.routines.has(difference.key);
    case 'extension':
      return heads.extensions.has(difference.key);
    default:
      return false;
  }
}
