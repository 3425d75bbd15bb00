/**
 * A referencing column that no index serves: deletes of the parent read the whole child.
 */
import { nameOfKey } from '../model/declare.ts';
import { quoteIdentifier, quoteQualified } from '../model/name.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'foreign-key-without-index',
  title: 'a foreign key has no index that serves it',
  severity: 'info',
  needs: ['declared', 'live'],
  docs: {
    problem: 'The columns of a foreign key lead no index of their table.',
    consequence: 'Every delete or key change of a parent reads the whole child table, and holds its locks meanwhile.',
    repair: 'CREATE INDEX CONCURRENTLY on the referencing columns, where parents are deleted or joined.',
  },
  *check({ declared, live }) {
    for (const [key, table] of live.schema.tables) {
      if (!declared.heads.tables.has(key)) continue;
      const lists = [...table.indexes.values()]
        .filter((index) => index.valid && index.where === null)
        .map((index) => index.keys.map((column) => column.text));
      for (const constraint of table.constraints.values())
        if (constraint.type === 'p' || constraint.type === 'u') lists.push(constraint.columns);
      for (const constraint of table.constraints.values()) {
        if (constraint.type !== 'f' || constraint.fromPartitionParent) continue;
        const isServed = lists.some((columns) => {
          const leading = columns.slice(0, constraint.columns.length);
          return (
            leading.length === constraint.columns.length &&
            leading.every((column) => constraint.columns.includes(column))
          );
        });
        if (isServed) continue;
        const sql = `CREATE INDEX CONCURRENTLY ON ${quoteQualified(nameOfKey(key))} (${constraint.columns.map(quoteIdentifier).join(', ')})`;
        yield {
          subject: { kind: 'constraint', name: `${key}.${constraint.name}` },
          message: `No index serves ${constraint.name} on ${key} (${constraint.columns.join(', ')}); deletes in ${constraint.references?.table ?? 'the parent'} read the whole table.`,
          evidence: [{ origin: 'live', text: constraint.definition }],
          remedy: advice(
            `Where ${constraint.references?.table ?? 'the parent'} is deleted from or joined: ${sql}`,
            'additive',
          ),
        };
      }
    }
  },
});
