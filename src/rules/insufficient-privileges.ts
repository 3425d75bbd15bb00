/**
 * What the role may not read, so that it could not be proved; and what it may not change, where something is to be repaired.
 */
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'insufficient-privileges',
  title: 'the role may not see or change what it must',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  wants: ['stamp'],
  docs: {
    problem:
      'The role that chain connects as may not read a table of this chain, or does not own what a repair would have to change.',
    consequence:
      'What could not be read is neither fine nor missing: nothing was proved about it. A repair as this role would stop half-way; chain refuses before.',
    repair: 'Grant the role what it lacks, or connect as the owner.',
  },
  *check({ declared, live, drift, stamp }) {
    const role = quoteIdentifier(live.role);
    for (const [key, table] of live.schema.tables) {
      if (!declared.schema.tables.has(key) && !declared.heads.tables.has(key)) continue;
      const noUsage = live.unusableNamespaces.has(table.namespace);
      if (!noUsage && !live.unreadableTables.has(key)) continue;
      const grant = noUsage
        ? `GRANT USAGE ON SCHEMA ${quoteIdentifier(table.namespace)} TO ${role}`
        : `GRANT SELECT ON ${quoteQualified(nameOfKey(key))} TO ${role}`;
      yield {
        subject: { kind: 'table', name: key },
        message: `${key} is there, and ${live.role} may not read it; nothing about its rows could be proved, and statements of this role on it fail.`,
        evidence: [
          {
            origin: 'live',
            text: `${live.role} has no ${noUsage ? `USAGE on schema ${table.namespace}` : 'SELECT'}; the owner is ${table.owner ?? 'another role'}`,
          },
        ],
        remedy: advice(`${grant}, or connect as ${table.owner ?? 'the owner'}`),
      };
    }
    if (stamp?.state === 'unreadable' && stamp.table !== null) {
      yield {
        subject: { kind: 'stamp', name: stamp.table.key },
        message: `${live.role} may not read ${stamp.table.isFiltered ? `all rows of ${stamp.table.key}: row level security hides some` : stamp.table.key}; where this database stands is unknown.`,
        evidence: [{ origin: 'live', text: `the owner is ${stamp.table.owner}` }],
        remedy: advice(
          stamp.table.isFiltered
            ? `ALTER ROLE ${role} BYPASSRLS, or connect as ${stamp.table.owner}`
            : live.unusableNamespaces.has(stamp.table.namespace)
              ? `GRANT USAGE ON SCHEMA ${quoteIdentifier(stamp.table.namespace)} TO ${role}, and SELECT on what is in it`
              : `GRANT SELECT ON ${quoteQualified(nameOfKey(stamp.table.key))} TO ${role}`,
        ),
      };
    }
    const touched = new Set<string>();
    for (const difference of drift.differences) {
      if (difference.direction === 'unexpected' || difference.direction === 'elsewhere') continue;
      if ('table' in difference && live.unownedTables.has(difference.table)) touched.add(difference.table);
    }
    for (const key of [...touched].sort()) {
      yield {
        subject: { kind: 'table', name: key },
        detail: 'owner',
        severity: 'info',
        message: `${key} has to be changed, and ${live.role} does not own it; a repair must run as ${live.schema.tables.get(key)?.owner ?? 'its owner'}.`,
        evidence: [{ origin: 'live', text: `the owner is ${live.schema.tables.get(key)?.owner ?? 'another role'}` }],
        remedy: advice(
          `Run the repair as ${live.schema.tables.get(key)?.owner ?? 'the owner'}, or GRANT that role to ${role}`,
        ),
      };
    }
  },
});
