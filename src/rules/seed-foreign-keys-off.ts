/**
 * A seed switches triggers off, and foreign keys with them.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'seed-foreign-keys-off',
  title: 'a seed switches foreign keys off',
  severity: 'warning',
  needs: ['seeds'],
  docs: {
    problem:
      'The seed sets session_replication_role to replica or disables triggers, which switches foreign keys off with them.',
    consequence:
      'Rows that refer to nothing are taken without a word, and PostgreSQL never looks at them again: the key stays "valid".',
    repair:
      'Insert parents first, or make the keys DEFERRABLE; `chain seed` refuses such a run when it leaves orphans.',
  },
  *check({ seeds }) {
    for (const reading of seeds.readings) {
      const off = reading.statements.filter(({ disablesForeignKeys }) => disablesForeignKeys);
      const [first] = off;
      if (!first) continue;
      yield {
        subject: { kind: 'seed', name: reading.file, file: reading.file, line: first.line },
        message: `${reading.file}:${first.line} switches foreign keys off; rows of the seed that refer to nothing are taken without a word, and stay.`,
        evidence: off.map(({ sql, line }) => ({
          origin: 'seed' as const,
          text: sql.replace(/\s+/g, ' ').slice(0, 120),
          file: reading.file,
          line,
        })),
        remedy: advice(
          `Take it out of ${reading.file}:${first.line} and insert parents before their children`,
          'file-edit',
        ),
      };
    }
  },
});
