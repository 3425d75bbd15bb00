/**
 * env.py looks at every schema and filters nothing, while others keep tables in the same database.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'env-scope-too-wide',
  title: "env.py looks at other applications' tables",
  severity: 'warning',
  needs: ['config', 'declared', 'live'],
  docs: {
    problem: 'env.py sets `include_schemas` without a filter, and the database has schemas that this chain never made.',
    consequence: '`revision --autogenerate` proposes to drop tables of other applications.',
    repair: 'Give env.py an `include_name` that lets only the schemas and tables of this chain through.',
  },
  *check({ config, declared, live }) {
    if (!config.env.includeSchemas || config.env.filtersObjects || config.env.file === null) return;
    const own = new Set([...declared.heads.tables.values()].map((table) => table.namespace));
    const others = new Set<string>();
    for (const [key, table] of live.schema.tables) {
      if (!own.has(table.namespace) && table.namespace !== 'chain' && !live.extensionObjects.has(key))
        others.add(table.namespace);
    }
    if (others.size === 0) return;
    const names = [...others].sort();
    yield {
      subject: { kind: 'file', name: config.env.file, file: config.env.file },
      message: `${config.env.file} includes all schemas and filters none, and ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not of this chain; autogenerate would propose to drop their tables.`,
      evidence: names.map((name) => ({
        origin: 'live' as const,
        text: `schema ${name} has tables that no revision creates`,
      })),
      remedy: advice(
        `Add to ${config.env.file}: include_name=lambda name, type_, parents: type_ != 'schema' or name in (None, ${[
          ...own,
        ]
          .sort()
          .map((name) => `'${name}'`)
          .join(', ')})`,
        'file-edit',
      ),
    };
  },
});
