/**
 * Two model classes claim one table.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'model-defined-twice',
  title: 'two models declare the same table',
  severity: 'warning',
  needs: ['models'],
  docs: {
    problem: 'The same table is declared by two classes or Table objects.',
    consequence:
      'Which shape autogenerate sees depends on what was imported first; SQLAlchemy refuses both in one MetaData.',
    repair: 'Keep one; let the other import it.',
  },
  *check({ models }) {
    for (const [table, definitions] of models.reading.definitionsByTable) {
      const places = new Set(definitions.map(({ file, line }) => `${file}:${line}`));
      const first = definitions[0];
      if (places.size < 2 || first === undefined) continue;
      yield {
        subject: { kind: 'table', name: table, file: first.file, line: first.line },
        message: `${table} is declared ${places.size} times: ${definitions.map(({ name, file, line }) => `${name} (${file}:${line})`).join(', ')}; which shape counts depends on what is imported first.`,
        evidence: definitions.map(({ name, file, line }) => ({ origin: 'declared' as const, text: name, file, line })),
        remedy: advice(`Keep one declaration of ${table} and import it elsewhere`),
      };
    }
  },
});
