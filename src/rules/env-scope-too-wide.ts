/**
 * env.py filters nothing, while others keep tables in the same database: autogenerate takes them for dropped models.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'env-scope-too-wide',
  title: "env.py looks at other applications' tables",
  severity: 'warning',
  needs: ['config', 'declared', 'live', 'drift'],
  docs: {
    problem:
      'env.py gives no filter, and the database has tables that this chain never made: of other schemas (with `include_schemas`), of an extension such as PostGIS, of another chain.',
    consequence: '`revision --autogenerate` proposes to drop tables of other applications.',
    repair: 'Give env.py an `include_name` that lets only the schemas and tables of this chain through.',
  },
  *check({ config, declared, live, drift }) {
    const { file, filtersObjects, includeSchemas, targetMetadata } = config.env;
    if (filtersObjects || file === null) return;
    const own = new Set([...declared.heads.tables.values()].map((table) => table.namespace));
    const others = new Set<string>();
    if (includeSchemas) {
      // This chain's own, moved there by somebody, are told as such.
      const moved = new Set(drift.differences.map(({ direction, liveName }) => direction === 'elsewhere' && liveName));
      for (const [key, table] of live.schema.tables) {
        if (
          !moved.has(key) &&
          !own.has(table.namespace) &&
          table.namespace !== 'chain' &&
          !live.extensionObjects.has(key)
        )
          others.add(table.namespace);
      }
    }
    if (others.size > 0) {
      const names = [...others].sort();
      yield {
        subject: { kind: 'file', name: file, file },
        message: `${file} includes all schemas and filters none, and ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not of this chain; autogenerate would propose to drop their tables.`,
        evidence: names.map((name) => ({
          origin: 'live' as const,
          text: `schema ${name} has tables that no revision creates`,
        })),
        remedy: advice(
          `Add to ${file}: include_name=lambda name, type_, parents: type_ != 'schema' or name in (None, ${[...own]
            .sort()
            .map(literal)
            .join(', ')})`,
          'file-edit',
        ),
      };
    }
    if (targetMetadata === null) return;
    // Without a filter autogenerate sees every table of the default schema but the chain's own version table.
    const looksAt = (namespace: string) => includeSchemas || namespace === (live.searchPath[0] ?? 'public');
    const foreign = [
      ...[...live.schema.tables]
        .filter(([key, table]) => live.extensionObjects.has(key) && looksAt(table.namespace))
        .map(([key, table]) => ({ key, name: table.name, what: 'belongs to an extension' })),
      ...live.versionTables
        .filter((table) => !table.isResolved && looksAt(table.namespace))
        .map(({ key, name }) => ({ key, name, what: "is another chain's version table" })),
    ];
    if (foreign.length === 0) return;
    yield {
      subject: { kind: 'file', name: file, file },
      detail: 'tables',
      message: `${file} filters no tables, and ${foreign.map(({ key }) => key).join(', ')} ${foreign.length === 1 ? 'is' : 'are'} not of this chain; autogenerate would propose to drop ${foreign.length === 1 ? 'it' : 'them'}.`,
      evidence: foreign.map(({ key, what }) => ({ origin: 'live' as const, text: `${key} ${what}` })),
      remedy: advice(
        `Add to ${file}: include_name=lambda name, type_, parents: type_ != 'table' or name not in (${foreign
          .map(({ name }) => `${literal(name)}, `)
          .join('')
          .trimEnd()})`,
        'file-edit',
      ),
    };
  },
});

/** As Python writes it. */
function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
