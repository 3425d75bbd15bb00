/**
 * A declared enum type is not in the database and no missing table or column brings it.
 */
import { createEnum, enumsOf } from '../model/declare.ts';
import { declareStep, differences, tell } from './drift-finding.ts';
import { defineRule } from './rule.ts';

export default defineRule({
  id: 'enum-missing',
  title: 'a declared enum type is not in the database',
  severity: 'error',
  needs: ['declared', 'live', 'drift'],
  docs: {
    problem: 'The revisions create an enum type that the database does not have.',
    consequence: 'Casts to it and tables that use it fail.',
    repair: 'Create the type with its declared labels.',
  },
  *check({ declared, live, drift }) {
    for (const difference of differences({ live, drift }, 'enum', 'missing')) {
      const type = difference.declared;
      if (type === null) continue;
      const users = [...declared.schema.tables].filter(([, table]) =>
        enumsOf(table.columns.values(), declared.schema).includes(type),
      );
      yield tell(difference, {
        message: `The enum ${difference.key} (${type.labels.join(', ')}) is declared and not in the database; what uses it fails.`,
        causedBy: users.map(([key]) => `declared-table-missing:${key}`),
        remedy: declareStep(`Create the enum ${difference.key}`, [createEnum(type)]),
      });
    }
  },
});
