/**
 * An index that a failed CREATE INDEX CONCURRENTLY left behind: kept up to date on every write, used by no query.
 */
import { quoteIdentifier, quoteQualified } from '../model/name.ts';
import { advice, defineRule, step } from './rule.ts';

export default defineRule({
  id: 'invalid-index',
  title: 'an index is invalid',
  severity: 'error',
  needs: ['declared', 'live'],
  docs: {
    problem: 'A concurrent build of the index failed, and the invalid index stayed.',
    consequence:
      'No query uses it, every write pays for it, a unique one does not keep duplicates out; `CREATE INDEX IF NOT EXISTS` accepts it for ever.',
    repair: 'REINDEX INDEX CONCURRENTLY, or drop it where a rebuild left it over.',
  },
  *check({ declared, live }) {
    const own = new Set([...declared.heads.tables.values()].map((table) => table.namespace));
    for (const [key, table] of [...live.schema.tables, ...live.schema.views]) {
      if (!own.has(table.namespace)) continue;
      for (const index of table.indexes.values()) {
        if (index.valid || table.kind === 'partitioned') continue;
        const name = quoteQualified({ schema: table.namespace, name: index.name });
        const isLeftOver = /_cc(new|old)\d*$/.test(index.name);
        const sql = isLeftOver ? `DROP INDEX CONCURRENTLY ${name}` : `REINDEX INDEX CONCURRENTLY ${name}`;
        const summary = `${isLeftOver ? 'Drop the left-over index' : 'Build the index again'}: ${sql}`;
        yield {
          subject: { kind: 'index', name: `${key}.${index.name}` },
          message: `The index ${index.name} on ${key} is invalid: a concurrent build failed. No query uses it, every write pays for it${index.unique ? ', and it does not keep duplicates out' : ''}.`,
          evidence: [{ origin: 'live', text: `pg_index.indisvalid is false: ${index.definition}` }],
          remedy: live.unownedTables.has(key)
            ? advice(`${summary} (as ${quoteIdentifier(table.owner ?? 'its owner')})`, 'locks-or-data')
            : step(summary, 'locks-or-data', [
                {
                  action: 'run-sql',
                  name: `rebuild_${index.name}`,
                  sql: [sql],
                  down: [],
                  hazards: isLeftOver ? ['not-transactional', 'drops'] : ['not-transactional'],
                  transactional: false,
                  lock: `SHARE UPDATE EXCLUSIVE on ${key}`,
                },
              ]),
        };
      }
    }
  },
});
