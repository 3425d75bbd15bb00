/**
 * A declared index is not in the database, under any name.
 */
import { createIndex } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'index-missing',
  title: 'a declared index is not in the database',
  severity: 'warning',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions declare an index that the live table has under no name.',
    consequence:
      'Queries that rely on it read the whole table; where it is unique, duplicates come in and ON CONFLICT fails.',
    repair: 'Create it; on a large table CONCURRENTLY. A unique one only once no rows repeat.',
  },
  *check({ live, drift }) {
    for (const difference of differences({ live, drift }, 'index', 'missing')) {
      const index = difference.declared;
      if (index === null) continue;
      const keys = index.keys.map((key) => key.text).join(', ');
      yield tell(difference, {
        severity: index.unique ? 'error' : 'warning',
        message: `${difference.table} lacks the ${index.unique ? 'unique ' : ''}index ${index.name} on (${keys}); ${index.unique ? 'duplicates can come in, and ON CONFLICT on it fails' : 'queries that rely on it read the whole table'}.`,
        causedBy: [
          `if-not-exists-shape-mismatch:${difference.table}`,
          ...index.keys.map((key) => `declared-column-missing:${difference.table}.${key.text}`),
        ],
        remedy: declareStep(`Create the index ${index.name} on ${difference.table} (${keys})`, [
          createIndex(difference.table, index),
        ]),
      });
    }
  },
});
