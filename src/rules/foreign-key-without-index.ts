/**
 * A referencing column that no index serves: deletes of the parent read the whole child.
 */
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import type { Constraint, Table } from '../model/schema.ts';
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
      const stated = declared.schema.tables.get(key);
      const standing = servers(table);
      for (const constraint of table.constraints.values()) {
        if (constraint.type !== 'f' || constraint.fromPartitionParent) continue;
        const serves = ({ columns }: Server) => isServed(constraint, columns);
        if (standing.some(serves)) continue;
        // What the revisions state would serve: then that it is gone, or another, is what is wrong.
        const lost = (stated === undefined ? [] : servers(stated)).filter(serves);
        const sql = `CREATE INDEX CONCURRENTLY ON ${quoteQualified(nameOfKey(key))} (${constraint.columns.map(quoteIdentifier).join(', ')})`;
        yield {
          subject: { kind: 'constraint', name: `${key}.${constraint.name}` },
          message: `No index serves ${constraint.name} on ${key} (${constraint.columns.join(', ')}); deletes in ${constraint.references?.table ?? 'the parent'} read the whole table.`,
          evidence: [{ origin: 'live', text: constraint.definition }],
          remedy: advice(
            `Where ${constraint.references?.table ?? 'the parent'} is deleted from or joined: ${sql}`,
            'additive',
          ),
          causedBy: lost.flatMap(({ name }) => causes.map((rule) => `${rule}:${key}.${name}`)),
        };
      }
    }
  },
});

const causes = ['index-missing', 'index-altered', 'invalid-index', 'constraint-missing', 'constraint-altered'];

/** An index, or a key that has one. */
interface Server {
  name: string;
  columns: readonly string[];
}

function servers({ indexes, constraints }: Table): Server[] {
  return [
    ...[...indexes.values()]
      .filter((index) => index.valid && index.where === null)
      .map(({ name, keys }) => ({ name, columns: keys.map((key) => key.text) })),
    ...[...constraints.values()].filter(({ type }) => type === 'p' || type === 'u'),
  ];
}

/** Its columns lead, in whatever order. */
function isServed({ columns }: Constraint, by: readonly string[]): boolean {
  const leading = by.slice(0, columns.length);
  return leading.length === columns.length && leading.every((column) => columns.includes(column));
}
